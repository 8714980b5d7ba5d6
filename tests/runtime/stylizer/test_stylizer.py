import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from nst_rt import DeviceError, InputError, ModelError, StyleError, Stylizer
from nst_rt.engine.session_cache import KEPT_SESSIONS
from nst_rt.files.folders import models_folder
from nst_rt.models.catalog import ModelFiles, resolve_style_and_model
from tiny_models import RECORD, inverting_model, mean_color_encoder, name_styles, tinting_model


def frame(height: int = 24, width: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_three_lines_are_the_whole_api(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting)
    photo = frame()
    stylized = stylizer(photo)
    assert stylized.dtype == np.uint8
    assert np.array_equal(stylized, 255 - photo)


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (480, 641)])
def test_output_has_the_frames_size(inverting: Path, size: tuple[int, int]) -> None:
    assert Stylizer.load(model=inverting)(frame(*size)).shape == (*size, 3)


def test_batches_and_views(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting)
    batch = np.stack([frame(seed=1), frame(seed=2)])
    assert np.array_equal(stylizer(batch), 255 - batch)
    flipped = frame()[:, ::-1]
    assert np.array_equal(stylizer(flipped), 255 - flipped)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((1, 1, 3), np.uint8), "1x1 is too small"),
        (np.zeros((15, 400, 3), np.uint8), "too small"),
        (np.zeros((20, 20), np.uint8), "uint8 \\(height, width, 3\\)"),
        (np.zeros((20, 20, 4), np.uint8), "uint8 \\(height, width, 3\\)"),
        (np.zeros((20, 20, 3), np.float32), "float32"),
        (np.zeros((0, 20, 20, 3), np.uint8), "too small"),
    ],
)
def test_what_is_no_frame_is_refused(inverting: Path, bad: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Stylizer.load(model=inverting)(bad)


def test_strength_changes_live(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting)
    photo = frame()
    stylizer.strength = 0
    assert np.array_equal(stylizer(photo), photo)
    stylizer.strength = 0.5
    assert np.abs(stylizer(photo).astype(int) - 127.5).max() <= 0.5


@pytest.mark.parametrize("value", [7, -0.1, float("nan")])
def test_strength_out_of_range(inverting: Path, value: float) -> None:
    with pytest.raises(StyleError, match="out of range"):
        Stylizer.load(model=inverting, strength=value)


def test_a_model_without_controls_says_so(tinting: Path) -> None:
    stylizer = Stylizer.load(np.zeros(3, np.float32), model=tinting)
    with pytest.raises(StyleError, match="exported without strength"):
        stylizer.strength = 0.5


def test_a_painting_becomes_the_style(tinting: Path, tmp_path: Path) -> None:
    painting = tmp_path / "red.png"
    cv2.imwrite(str(painting), np.full((32, 48, 3), (0, 0, 200), np.uint8))
    stylizer = Stylizer.load(painting, model=tinting)
    photo = frame() // 2
    expected = np.clip(np.round(photo / 2 + np.array([0, 0, 100])), 0, 255)
    assert np.array_equal(stylizer(photo), expected.astype(np.uint8))


def test_blends_of_vectors_and_style_images_switch_without_a_new_session(
    tinting: Path, tmp_path: Path, opened_sessions: list[Any]
) -> None:
    name_styles(tmp_path / "tinting.onnx", blue=[100, 0, 0], green=[0, 60, 0])
    painting = tmp_path / "red.png"
    cv2.imwrite(str(painting), np.full((32, 48, 3), (0, 0, 200), np.uint8))
    stylizer = Stylizer.load(model=tinting)
    assert (stylizer.style, stylizer.styles) == ("blue", ["blue", "green"])
    black = np.zeros((16, 16, 3), np.uint8)
    assert stylizer(black)[0, 0].tolist() == [100, 0, 0]
    stylizer.style = f"blue:0.5+green:0.25+{painting}:0.25"
    assert stylizer(black)[0, 0].tolist() == [50, 15, 25]
    assert len(opened_sessions) == 2  # the network, and the style encoder


@pytest.mark.parametrize("rows", [1, "styles", "batch"])
def test_every_frame_of_a_batch_may_have_its_own_style(tmp_path: Path, rows: int | str) -> None:
    model = tinting_model(tmp_path / "net.onnx", rows=rows)
    stylizer = Stylizer.load(np.array([1, 2, 3], np.float32), model=model)
    batch = np.zeros((2, 16, 24, 3), np.uint8)
    assert stylizer(batch)[:, 0, 0].tolist() == [[1, 2, 3], [1, 2, 3]]
    own = np.array([[100, 0, 0], [0, 60, 0]], np.float32)
    assert stylizer(batch, own)[:, 5, 5].tolist() == [[100, 0, 0], [0, 60, 0]]
    assert stylizer(batch, own[:1])[:, 5, 5].tolist() == [[100, 0, 0], [100, 0, 0]]
    assert stylizer(batch[0], own[1:])[5, 5].tolist() == [0, 60, 0]
    assert stylizer.style_vector().tolist() == [1, 2, 3]  # styles of a call are of that call alone
    assert stylizer(batch)[:, 0, 0].tolist() == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((3, 3), np.float32), r"shape \(3, 3\) do not fit the frames. Give \(1, 3\) or \(2, 3\)"),
        (np.zeros(3, np.float32), "do not fit the frames"),
        (np.zeros((2, 4), np.float32), "of 3 numbers, not 4"),
    ],
)
def test_style_vectors_that_do_not_fit(tinting: Path, vectors: np.ndarray, message: str) -> None:
    stylizer = Stylizer.load(np.zeros(3, np.float32), model=tinting)
    with pytest.raises(StyleError, match=message):
        stylizer(np.zeros((2, 16, 16, 3), np.uint8), vectors)


def test_a_baked_style_takes_no_vectors(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting)
    with pytest.raises(StyleError, match=r"one style baked in \(invert\), and style vectors need a model"):
        stylizer(frame(), np.zeros((1, 3), np.float32))
    with pytest.raises(StyleError, match="one style baked in"):
        stylizer.style_vector("gogh")


def test_a_vector_of_another_length_is_refused(tinting: Path) -> None:
    with pytest.raises(StyleError, match="takes style vectors of 3 numbers, not 4"):
        Stylizer.load(np.zeros(4, np.float32), model=tinting)


def test_a_painting_needs_an_encoder(tmp_path: Path) -> None:
    alone = tinting_model(tmp_path / "alone.onnx")
    painting = tmp_path / "painting.jpg"
    painting.write_bytes(b"anything")
    with pytest.raises(StyleError, match="no style encoder beside it"):
        Stylizer.load(painting, model=alone)
    with pytest.raises(InputError, match=r"missing\.jpg: no such image"):
        Stylizer.load(tmp_path / "missing.jpg", model=alone)
    with pytest.raises(StyleError, match="a model file, not a style"):
        Stylizer.load("a.onnx:0.5+b.onnx:0.5", model=alone)


@pytest.mark.parametrize("thing", [None, "photo.jpg", [[1, 2, 3]]])
def test_what_opencv_returns_for_a_missing_file_is_explained(inverting: Path, thing: object) -> None:
    with pytest.raises(InputError, match=r"not (NoneType|str|list)\. If it came from cv2\.imread"):
        Stylizer.load(model=inverting)(thing)  # type: ignore[arg-type]


def test_strength_has_to_be_a_number(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting)
    with pytest.raises(StyleError, match="'1' is not a number"):
        stylizer.strength = "1"  # type: ignore[assignment]
    assert repr(stylizer) == "<Stylizer inverting style='' on cpu>"


def test_a_missing_style_is_named_with_the_nearest(tinting: Path, tmp_path: Path) -> None:
    name_styles(tmp_path / "tinting.onnx", gogh=[1, 2, 3])
    with pytest.raises(StyleError, match="did you mean 'gogh'"):
        Stylizer.load("gog", model=tinting)
    stylizer = Stylizer.load("gogh", model=tinting)
    with pytest.raises(StyleError, match="no style named"):
        stylizer.style = "wave"
    assert stylizer.style == "gogh"


def test_a_users_model_is_found_by_name(tmp_path: Path) -> None:
    models_folder().mkdir(parents=True)
    inverting_model(models_folder() / "negative.onnx")
    photo = frame()
    assert np.array_equal(Stylizer.load(model="negative")(photo), 255 - photo)
    with pytest.raises(StyleError, match="'negative' is a model, not a style") as caught:
        Stylizer.load("negative")
    assert caught.value.parameter == "style"


def test_a_model_file_as_a_style_is_refused(inverting: Path) -> None:
    with pytest.raises(
        StyleError, match=r"inverting\.onnx: a model file, not a style\. Give it as the model"
    ) as caught:
        Stylizer.load(inverting)
    assert caught.value.parameter == "style"


def test_a_style_that_may_be_a_model_is_resolved(inverting: Path) -> None:
    models_folder().mkdir(parents=True)
    named = inverting_model(models_folder() / "negative.onnx")
    assert resolve_style_and_model("gogh") == ("gogh", None)
    assert resolve_style_and_model(None, "negative") == (None, "negative")
    assert resolve_style_and_model("negative") == (None, named)
    assert resolve_style_and_model(str(inverting)) == (None, inverting)
    assert resolve_style_and_model(str(inverting), inverting) == (None, inverting)
    assert resolve_style_and_model(str(inverting), "negative") == (str(inverting), "negative")
    with pytest.raises(ModelError, match="no such model file"):
        resolve_style_and_model("missing.onnx")


def test_a_baked_style_cannot_be_changed(inverting: Path) -> None:
    stylizer = Stylizer.load(model=inverting)
    assert stylizer.styles == ["invert"]
    with pytest.raises(StyleError, match="one style baked in"):
        stylizer.style = "gogh"


def test_sessions_of_the_last_sizes_stay_open(inverting: Path, opened_sessions: list[Any]) -> None:
    stylizer = Stylizer.load(model=inverting, device="cpu")
    sides = range(16, 16 + 2 * KEPT_SESSIONS)
    for side in sides:
        stylizer(frame(side, side))
    assert len(opened_sessions) == len(sides)
    for side in sides[-KEPT_SESSIONS:]:
        stylizer(frame(side, side))
    assert len(opened_sessions) == len(sides)
    stylizer(frame(sides[0], sides[0]))
    assert len(opened_sessions) == len(sides) + 1


def test_what_runs_is_told(inverting: Path) -> None:
    with Stylizer.load(model=inverting) as stylizer:
        assert stylizer.describe()["provider"] is None
        stylizer.warm_up(20, 30)
        told = stylizer.describe()
    assert (told["device"], told["provider"], told["precision"]) == ("cpu", "CPUExecutionProvider", "fp32")
    assert told["placement"]["CPUExecutionProvider"] > 0
    json.dumps(told)


def test_fp16_has_to_be_there_to_be_asked_for(inverting: Path) -> None:
    with pytest.raises(ModelError, match="has no fp16 file beside it"):
        Stylizer.load(model=inverting, precision="fp16")
    with pytest.raises(ModelError, match="unknown precision"):
        Stylizer.load(model=inverting, precision="half")


def test_broken_files(tmp_path: Path, inverting: Path) -> None:
    truncated = tmp_path / "truncated.onnx"
    truncated.write_bytes(inverting.read_bytes()[:200])
    empty = tmp_path / "empty.onnx"
    empty.write_bytes(b"")
    foreign = tmp_path / "foreign.onnx"
    model = onnx.load(inverting)
    del model.metadata_props[:]
    onnx.save(model, foreign)
    for path, message in ((truncated, "cannot read it"), (empty, "cannot read it"), (foreign, "not made for nst-rt")):
        with pytest.raises(ModelError, match=message):
            Stylizer.load(model=path)
    with pytest.raises(ModelError, match="no such model file"):
        Stylizer.load(model=tmp_path / "missing.onnx")


def test_an_encoder_is_no_stylizer(tinting: Path) -> None:
    with pytest.raises(ModelError, match="a style encoder"):
        Stylizer.load(model=tinting.with_name("tinting.encoder.onnx"))


def test_a_precision_is_found_beside_the_given_file(tmp_path: Path) -> None:
    fp16 = inverting_model(tmp_path / "net.fp16.onnx", replace(RECORD, precision="fp16"))
    inverting_model(tmp_path / "net.onnx")
    for given in (fp16, tmp_path / "net.onnx"):
        for precision, name in (("fp32", "net.onnx"), ("fp16", "net.fp16.onnx")):
            with Stylizer.load(model=given, precision=precision) as stylizer:
                stylizer(frame())
                told = stylizer.describe()
            assert (Path(told["path"]).name, told["precision"]) == (name, precision)


def test_a_companion_of_another_network_is_refused(tmp_path: Path) -> None:
    inverting_model(tmp_path / "net.onnx")
    inverting_model(tmp_path / "net.fp16.onnx", replace(RECORD, precision="fp16", source_sha256="1" * 64))
    with pytest.raises(ModelError, match=r"net\.fp16\.onnx was exported from another checkpoint"):
        Stylizer.load(model=tmp_path / "net.onnx", precision="fp16")


def test_an_encoder_of_another_network_is_refused(tmp_path: Path) -> None:
    record = replace(RECORD, style_size=3, styles=(), strength_blends="", source_sha256="1" * 64)
    tinting_model(tmp_path / "net.onnx", record)
    mean_color_encoder(tmp_path / "net.encoder.onnx")
    painting = tmp_path / "red.png"
    cv2.imwrite(str(painting), np.full((32, 48, 3), 9, np.uint8))
    with pytest.raises(ModelError, match="another checkpoint"):
        Stylizer.load(painting, model=tmp_path / "net.onnx")


def test_a_name_that_no_file_system_takes_is_no_model() -> None:
    with pytest.raises(ModelError, match="no such model file"):
        Stylizer.load(model="x" * 5000 + ".onnx")


def test_int8_is_taken_only_where_it_is_asked_for(tmp_path: Path) -> None:
    plain = inverting_model(tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=r"net\.onnx .* no int8 file beside it\. Export it in int8"):
        Stylizer.load(model=plain, precision="int8")
    int8 = inverting_model(tmp_path / "net.int8.onnx", replace(RECORD, precision="int8"))
    for given, precision, name in (
        (plain, "auto", "net.onnx"),
        (plain, "int8", "net.int8.onnx"),
        (int8, "auto", "net.int8.onnx"),
        (int8, "fp32", "net.onnx"),
    ):
        with Stylizer.load(model=given, precision=precision, device="cpu") as stylizer:
            stylizer(frame())
            assert Path(stylizer.describe()["path"]).name == name


def test_int8_is_refused_on_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    int8 = inverting_model(tmp_path / "net.int8.onnx", replace(RECORD, precision="int8"))
    monkeypatch.setattr("nst_rt.engine.session_cache.require_listed", lambda device: None)
    with pytest.raises(DeviceError, match=r"device cuda.*int8, which is for CPUs.*precision fp16"):
        Stylizer.load(model=int8, device="cuda")


def test_an_int8_file_belongs_to_its_network(tmp_path: Path) -> None:
    int8 = inverting_model(tmp_path / "net.int8.onnx", replace(RECORD, precision="int8"))
    (tmp_path / "net.styles.json").write_text('{"styles": []}')
    files = ModelFiles(int8)
    assert (files.network, files.styles) == ("net", tmp_path / "net.styles.json")
    assert files.fp32 is None
    assert files.int8 == int8
