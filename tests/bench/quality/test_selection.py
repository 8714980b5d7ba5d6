import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_bench.harness.inputs import Painting, spread
from nst_bench.quality.contenders import ContenderLoader, model_contender, tuned_contender
from nst_bench.quality.quality_run import choose_pairs
from nst_bench.quality.selection import (
    choose_photographs,
    find_clips,
    held_out_paintings,
    make_contenders,
    named_paintings,
    parse_contender,
    parse_tuned,
)
from nst_export.model_files.named_styles import NamedStyle, paintings_in
from nst_rt.engine.session import read_model
from nst_rt.errors import InputError, NstError, StyleError
from nst_rt.models.catalog import find_model
from nst_rt.styles.styles_file import Style
from nst_rt.styles.user_styles import save_style
from tiny_images import draw


def with_styles(model: Path, **vectors: list[float]) -> Path:
    entries = [{"name": name, "vector": vector} for name, vector in vectors.items()]
    model.with_suffix(".styles.json").write_text(json.dumps({"styles": entries}))
    return model


@pytest.fixture
def paintings(world: Path) -> list[Painting]:
    table = {name: NamedStyle(name, f"{name}.png", scale=scale) for name, scale in (("gogh", 1), ("wave", 0.5))}
    named = named_paintings(paintings_in(world / "named", table), table)
    return named + held_out_paintings(world / "paintings", 2, 0)


def test_held_out_is_what_the_training_leaves_out(paintings: list[Painting]) -> None:
    assert [painting.name for painting in paintings] == ["gogh", "wave", "paintings1", "paintings3"]
    assert [painting.group for painting in paintings] == ["named", "named", "held-out", "held-out"]
    assert [painting.side for painting in paintings] == [640, 320, 640, 640]


def test_too_few_paintings_to_hold_out(world: Path) -> None:
    with pytest.raises(InputError, match="fewer than 9"):
        held_out_paintings(world / "paintings", 9, 0)


def test_a_style_comes_by_its_name_else_through_the_encoder(paintings: list[Painting], tinting: Path) -> None:
    contender = model_contender("ours", with_styles(tinting, gogh=[1, 2, 3]), paintings, None)
    by_name = {rendition.painting.name: rendition.style for rendition in contender.renditions}
    paths = {painting.name: str(painting.path) for painting in paintings}
    assert by_name == {**paths, "gogh": "gogh"}
    first = contender.key(contender.renditions[0])
    assert set(first) == {"model", "vector"}
    assert set(contender.key(contender.renditions[1])) == {"model", "encoder", "style"}
    changed = model_contender("ours", with_styles(tinting, gogh=[1, 2, 4]), paintings, None)
    assert changed.key(changed.renditions[0]) != first


def test_without_an_encoder_only_its_own_names(paintings: list[Painting], tinting: Path) -> None:
    tinting.with_suffix(".encoder.onnx").unlink()
    contender = model_contender("ours", with_styles(tinting, wave=[1, 2, 3], other=[0, 0, 0]), paintings, None)
    assert [rendition.style for rendition in contender.renditions] == ["wave"]
    with pytest.raises(StyleError, match="none of the paintings' styles"):
        model_contender("ours", tinting, paintings[2:], None)


def test_a_baked_style_needs_its_painting(paintings: list[Painting], inverting: Path, world: Path) -> None:
    with pytest.raises(InputError, match=r"Give inv=.*inverting\.onnx@PAINTING"):
        model_contender("inv", inverting, paintings, None)
    given = parse_contender(f"inv={inverting}@own.png", world / "named")
    assert given.painting == world / "named" / "own.png"
    contender = model_contender("inv", given.model, paintings, Painting("own", given.painting, "named"))
    assert [(r.painting.name, r.style) for r in contender.renditions] == [("own", None)]


@pytest.mark.parametrize("text", ["model.onnx", "=model.onnx", "a=", "a=model.onnx@missing.png"])
def test_a_contender_written_wrongly(text: str, world: Path) -> None:
    with pytest.raises(InputError, match=f"{text}: ") as raised:
        parse_contender(text, world / "named")
    assert raised.value.parameter == "contenders"


def test_tuned_vectors_by_name(paintings: list[Painting], tinting: Path, world: Path) -> None:
    with_styles(tinting, paintings1=[1, 2, 3], mine=[3, 2, 1])
    named = f"mine={world / 'paintings' / 'paintings3.png'}"
    found = parse_tuned(["paintings1", named], paintings)
    assert found == {"paintings1": paintings[2], "mine": paintings[3]}
    contender = tuned_contender("tuned", tinting, found)
    assert [(r.style, r.painting.name) for r in contender.renditions] == [
        ("paintings1", "paintings1"),
        ("mine", "paintings3"),
    ]
    with pytest.raises(StyleError, match="gogh"):
        tuned_contender("tuned", tinting, {"gogh": paintings[0]})
    for wrong in ("nothing", "mine=missing.png"):
        with pytest.raises(InputError, match=f"{wrong}: no") as raised:
            parse_tuned([wrong], paintings)
        assert raised.value.parameter == "tuned"


def test_two_contenders_of_one_name(paintings: list[Painting], tinting: Path) -> None:
    given = parse_contender(f"nst-rt={tinting}", None)
    with pytest.raises(NstError, match="of that name already"):
        make_contenders(str(tinting), paintings, [given], {})


def test_photographs_come_small_enough_and_sorted_by_size(world: Path) -> None:
    cv2.imwrite(str(world / "photographs" / "a_large_one.png"), draw(9, 160, 200))
    found = choose_photographs(world / "photographs", 0, 150)
    assert [photograph.path.stem for photograph in found] == [*(f"photographs{i}" for i in range(4)), "a_large_one"]
    assert [photograph.bgr.shape for photograph in found] == [*[(64, 80, 3)] * 4, (120, 150, 3)]
    assert [photograph.path.stem for photograph in choose_photographs(world / "photographs", 2, 150)] == [
        "photographs1",
        "a_large_one",
    ]


def test_photographs_too_small_for_the_style_loss(world: Path) -> None:
    with pytest.raises(InputError, match=r"70x56 px, and the style loss needs 64"):
        choose_photographs(world / "photographs", 0, 70)


def test_spread_is_even() -> None:
    assert spread([0, 1, 2, 3, 4, 5, 6, 7], 4) == [0, 2, 4, 6]
    assert spread([1, 2], 5) == spread([1, 2], 0) == [1, 2]


def test_pairs_take_turns_through_the_photographs(paintings: list[Painting]) -> None:
    pairs = choose_pairs(paintings, 8, 2)
    assert [painting.name for painting, _ in pairs] == ["gogh", "gogh", "wave", "wave"]
    assert len({photograph for _, photograph in pairs}) == 4
    assert choose_pairs(paintings, 1, 3) == [(paintings[0], 0), (paintings[1], 0)]
    assert choose_pairs(paintings, 8, 0) == []


def test_vectors_are_told_apart_by_their_numbers(paintings: list[Painting], tinting: Path) -> None:
    with_styles(tinting, gogh=np.float32([0.1, 0.2, 0.3]).tolist(), wave=[0.1, 0.2, 0.30001])
    contender = model_contender("ours", tinting, paintings, None)
    gogh, wave = contender.renditions[:2]
    assert gogh.vector_sha256 != wave.vector_sha256


def test_a_user_style_is_not_taken_for_the_shipped_one(paintings: list[Painting], tinting: Path) -> None:
    with_styles(tinting, gogh=[1, 2, 3], wave=[4, 5, 6])
    files = find_model(tinting)
    save_style(Style("gogh", np.float32([9, 9, 9])), files, read_model(tinting))
    ours = model_contender("ours", tinting, paintings, None)
    with closing(ContenderLoader("cpu", 1)) as loader:
        vectors = [loader.load(ours, rendition).style_vector().tolist() for rendition in ours.renditions[:2]]
        assert vectors == [[1, 2, 3], [4, 5, 6]]
        tuned = tuned_contender("tuned", tinting, {"gogh": paintings[0]})
        assert loader.load(tuned, tuned.renditions[0]).style_vector().tolist() == [9, 9, 9]
    told = ours.describe()["vectors_sha256"]
    assert told == {"gogh": ours.renditions[0].vector_sha256, "wave": ours.renditions[1].vector_sha256}
    assert told["gogh"] != tuned.describe()["vectors_sha256"]["gogh"]


def test_a_tuned_vector_of_another_network_is_not_taken(paintings: list[Painting], tinting: Path) -> None:
    with_styles(tinting, wave=[4, 5, 6])
    foreign = replace(read_model(tinting), source_sha256="b" * 64)
    save_style(Style("mine", np.float32([9, 9, 9])), find_model(tinting), foreign)
    with pytest.raises(StyleError, match="mine"):
        tuned_contender("tuned", tinting, {"mine": paintings[0]})


def test_clips_are_found_in_folders(world: Path) -> None:
    for name in ("b.mp4", "a.MKV", "notes.txt"):
        (world / name).write_text("")
    found = find_clips([world, world / "b.mp4"])
    assert [path.name for path in found] == ["a.MKV", "b.mp4", "b.mp4"]


def test_clips_that_are_missing(world: Path) -> None:
    with pytest.raises(InputError, match="no clips in it"):
        find_clips([world / "named"])
    with pytest.raises(InputError, match="no such clip") as raised:
        find_clips([world / "gone.mp4"])
    assert raised.value.parameter == "video"
