"""`nst-rt compare`, as a user types it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_bench.compare.compare_command import compare
from nst_bench.compare.compare_methods import compare_methods
from nst_bench.compare.compare_options import CompareOptions
from nst_bench.compare.method_runs import Setting
from nst_bench.compare.methods import StyleChoice, network_methods
from nst_bench.harness import launcher
from nst_bench.harness.inputs import Painting, read_photograph
from nst_bench.harness.losses import FeatureExtractor, content_loss, style_loss
from nst_bench.harness.machine import describe_machine
from nst_rt.errors import DeviceError, InputError, ModelError, NstError, OutputError, StyleError
from nst_rt.media.images.image_reader import read_image
from nst_rt.models.catalog import find_model
from nst_rt.styles.library import load_styles
from nst_train.data.images import read_rgb
from nst_train.loop.hardware import choose_hardware
from nst_train.perceptual.loss_network import load_loss_network
from typer import Typer
from typer.testing import CliRunner, Result

app = Typer()
app.command()(compare)


def invoke(folder: Path, style: str, *options: str | Path) -> Result:
    line = [
        folder / "photo.png", style, "-o", folder / "out", "--model", folder / "tinting.onnx", "--loss-network",
        folder / "vgg.npz", "--device", "cpu", "--threads", "1", "--steps", "2", "--json", *options,
    ]  # fmt: skip
    return CliRunner().invoke(app, list(map(str, line)), catch_exceptions=False)


def named(folder: Path, *options: str | Path) -> Result:
    return invoke(folder, "gogh", "--painting", folder / "painting.png", *options)


def pretend(monkeypatch: pytest.MonkeyPatch, *failing: BaseException | None) -> list[dict[str, Any]]:
    """Processes that paint grey in no time, or fail; returns what they were asked."""
    asked: list[dict[str, Any]] = []

    def run_process(arguments: list[str], timeout: float) -> dict[str, float]:
        request, answer = map(Path, arguments[-2:])
        asked.append(json.loads(request.read_text()))
        error = failing[len(asked) - 1] if len(asked) <= len(failing) else None
        if error is not None:
            raise error
        photograph = read_image(asked[-1]["content"]).shrunk(asked[-1]["side"]).bgr
        cv2.imwrite(asked[-1]["target"], np.full_like(photograph, 99))
        told = {"loading_seconds": 1.5, "image_seconds": 0.02, "images": 9, "ran": {"device": "cpu"}}
        answer.write_text(json.dumps(told))
        return {"seconds": 2.0, "peak_mb": 77.0}

    monkeypatch.setattr(launcher, "run_process", run_process)
    return asked


def test_every_method_on_one_pair(folder: Path) -> None:
    models = ["-c", f"negative={folder / 'inverting.onnx'}", "-c", f"broken={folder / 'tinting.encoder.onnx'}"]
    left_out = ["--without", "optimize-statistics", "--without", "optimize-gram-adam"]
    result = named(folder, *models, *left_out)
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    out = folder / "out"
    assert told == json.loads((out / "compare.json").read_text())
    by_key = {one["key"]: one for one in told["methods"]}
    assert list(by_key) == ["named", "encoder", "negative", "broken", "optimize-gram-lbfgs"]
    assert [one["state"] for one in told["methods"]] == ["made", "made", "made", "failed", "made"]
    assert "not a stylising model" in by_key["broken"]["error"]
    assert by_key["negative"]["style_from"] == "baked in: invert"
    assert by_key["negative"]["title"] == "negative (baked in: invert)"

    photo = cv2.imread(str(folder / "photo.png"))
    mean = cv2.imread(str(folder / "painting.png")).mean((0, 1))
    expected = {
        "named": np.clip(np.rint(photo / 2 + [30, 60, 90]), 0, 255),
        "encoder": np.clip(np.rint(photo / 2 + mean / 2), 0, 255),
        "negative": 255 - photo,
    }
    network = load_loss_network(folder / "vgg.npz")
    extractor = FeatureExtractor(network, choose_hardware("cpu", "fp32"))
    wanted, before = (
        extractor.painting_grams(read_rgb(folder / "painting.png")),
        extractor.features(read_rgb(folder / "photo.png")),
    )
    assert told["unchanged"]["style"] == pytest.approx(style_loss(before.grams, wanted), rel=1e-4)
    for key, image in expected.items():
        found = cv2.imread(str(out / by_key[key]["image"]))
        assert np.abs(found.astype(float) - image).max() <= 1, key
    for one in told["methods"]:
        if one["state"] == "failed":
            assert one["image"] is None
            continue
        after = extractor.features(read_rgb(out / one["image"]))
        assert one["loss"]["style"] == pytest.approx(style_loss(after.grams, wanted), rel=1e-4)
        assert one["loss"]["content"] == pytest.approx(content_loss(after, before), rel=1e-4, abs=1e-7)
        assert one["closed"] == pytest.approx(1 - one["loss"]["style"] / told["unchanged"]["style"])
        assert one["figures"]["image_seconds"] > 0
        assert one["figures"]["peak_mb"] > 20
    # Each in a process of its own: one with PyTorch in it holds more than one without.
    assert by_key["optimize-gram-lbfgs"]["figures"]["peak_mb"] > by_key["named"]["figures"]["peak_mb"] + 50
    assert by_key["optimize-gram-lbfgs"]["figures"]["images"] == 1 < by_key["named"]["figures"]["images"]

    again = json.loads(named(folder, *models, *left_out).stdout)
    assert [one["state"] for one in again["methods"]] == ["kept", "kept", "kept", "failed", "kept"]
    assert again["methods"][0]["figures"] == by_key["named"]["figures"]


def test_the_documents(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, None, RuntimeError("the losses are <not> finite | at all"))
    result = named(folder, "--without", "optimize-statistics", "--without", "optimize-gram-adam")
    assert result.exit_code == 1
    markdown = (folder / "out" / "compare.md").read_text()
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 1 + 3
    assert len({line.count("|") for line in lines}) == 1
    assert "| 1.5 s | 20 ms | 50 | 77 MB |" in lines[3]
    assert "fast enough for live video here" in lines[3]
    assert "by hand" in lines[3]
    assert "failed: the losses are <not> finite / at all" in lines[4]
    assert "fast enough" not in lines[5]
    assert "too slow for live video here" in lines[5]
    assert (folder / "out" / re.findall(r"!\[.*\]\((.*)\)", markdown)[0]).is_file()
    page = (folder / "out" / "compare.html").read_text()
    sources = re.findall(r'src="([^"]*)"', page)
    assert len(sources) == 4  # photograph, painting, and the two that were made
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "http" not in page
    assert "losses are &lt;not&gt; finite | at all" in page
    assert "prefers-color-scheme: dark" in page
    # One column of photograph, painting and three methods: the places are as large as the grey notice of the one that
    # failed, 280x185, with 28 rows for the label and 10 pixels between them.
    assert cv2.imread(str(folder / "out" / "compare.jpg")).shape == (5 * (185 + 28 + 10) + 10, 280 + 2 * 10, 3)


def test_the_training_of_the_built_in_network_is_named_as_the_last_of_several(folder: Path) -> None:
    style = StyleChoice("gogh", folder / "painting.png")
    (named, *_) = network_methods(style, tune=None, loss_network=folder / "vgg.npz")
    training = load_styles(find_model("conditional"))["gogh"].training.removeprefix("last run: ")
    assert named.remarks == (f"last training run: {training} (history: nst-rt info conditional)",)
    (other, *_) = network_methods(style, folder / "tinting.onnx", tune=None, loss_network=folder / "vgg.npz")
    assert other.remarks == ("by hand",)


def test_requests_to_the_processes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pretend(monkeypatch)
    result = invoke(folder, str(folder / "painting.png"), "--tune", "--minutes", "0.5", "--device", "tensorrt")
    assert result.exit_code == 0, result.output
    kinds = [(one["kind"], one["device"]) for one in asked]
    assert kinds == [("network", "tensorrt"), ("tuned", "tensorrt"), *[("optimize", "cuda")] * 4]
    assert asked[1]["minutes"] == 0.5
    assert asked[1]["tuning_device"] == "cuda"
    assert [tuple(one["settings"].values()) for one in asked[2:]] == [
        ("gram", "lbfgs", 2), ("gram", "adam", 2), ("statistics", "lbfgs", 2), ("statistics", "adam", 2),
    ]  # fmt: skip
    assert {one["precision"] for one in asked[2:]} == {"fp32"}


def test_an_earlier_run_is_used_if_nothing_has_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = ("--without", "optimize")
    asked = pretend(monkeypatch)
    named(folder, *quick)
    assert len(asked) == 2
    named(folder, *quick)
    assert len(asked) == 2
    (folder / "out" / "images" / "named.png").unlink()
    named(folder, *quick)
    assert len(asked) == 3
    named(folder, *quick, "--side", "90")
    assert len(asked) == 5
    named(folder, *quick, "--side", "90", "--overwrite")
    assert len(asked) == 7
    with (folder / "tinting.onnx").open("ab") as file:  # other bytes under the same name
        file.write(b"\x72\x00")
    named(folder, *quick, "--side", "90")
    assert len(asked) == 9


def test_an_interruption_writes_what_there_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, None, KeyboardInterrupt())
    result = named(folder, "--without", "optimize-statistics")
    assert result.exit_code == 130
    told = json.loads((folder / "out" / "compare.json").read_text())
    assert told["interrupted"]
    assert [one["state"] for one in told["methods"]] == ["made", *["not made"] * 3]
    assert "missing: not made: interrupted" in (folder / "out" / "compare.md").read_text()
    assert "Interrupted" in (folder / "out" / "compare.html").read_text()


def test_an_interruption_keeps_what_an_earlier_run_has_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    assert named(folder).exit_code == 0
    (folder / "out" / "images" / "named.png").unlink()  # the first method is to be made again
    pretend(monkeypatch, KeyboardInterrupt())
    assert named(folder).exit_code == 130
    told = json.loads((folder / "out" / "compare.json").read_text())
    assert [one["state"] for one in told["methods"]] == ["not made", *["kept"] * 5]
    assert all(one["image"] and one["loss"] for one in told["methods"][1:])


def test_a_file_that_cannot_be_written_leaves_the_documents(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, None, OutputError("disk full"))
    with pytest.raises(OutputError, match="disk full"):
        named(folder, "--without", "optimize-statistics")
    told = json.loads((folder / "out" / "compare.json").read_text())
    assert [one["state"] for one in told["methods"]] == ["made", "failed", *["not made"] * 2]
    assert told["interrupted"]


def test_figures_of_another_machine_are_not_used(folder: Path) -> None:
    options = CompareOptions(content=folder / "photo.png", style="gogh", output=folder / "out")
    photograph = read_photograph(folder / "photo.png", 96)
    painting = Painting("gogh", folder / "painting.png", "named")
    style = StyleChoice("gogh", folder / "painting.png")
    (method, *_) = network_methods(style, folder / "tinting.onnx", tune=None, loss_network=folder / "vgg.npz")

    def key(**changes: str) -> dict[str, Any]:
        return Setting(photograph, painting, {**describe_machine(), **changes}, options).key(method)

    assert key(system="another name of the same") == key()
    assert key(processor="another") != key()


def test_a_second_gpu_is_for_networks_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pretend(monkeypatch)
    assert named(folder, "--device", "cuda:1", "--without", "optimize").exit_code == 0
    assert [one["device"] for one in asked] == ["cuda:1", "cuda:1"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("ended by signal 9", "ended by signal 9, as a system does when memory runs out. Give a smaller side"),
        ("not done in 5 s", "not done in 5 s. Give a longer time limit"),
        ("ValueError: whatever", "ValueError: whatever"),
    ],
)
def test_failures_are_reported(folder: Path, monkeypatch: pytest.MonkeyPatch, message: str, shown: str) -> None:
    pretend(monkeypatch, RuntimeError(message), RuntimeError(message))
    result = named(folder, "--without", "optimize")
    assert result.exit_code == 2  # nothing at all
    assert [one["error"] for one in json.loads(result.stdout)["methods"]] == [shown, shown]


@pytest.mark.parametrize(
    ("line", "error", "says"),
    [
        (["goph"], StyleError, "did you mean 'gogh'"),
        (["gogh"], InputError, "Give the painting too"),
        (["gogh:0.5+wave:0.5"], StyleError, "a blend has no painting"),
        (["inverting.onnx"], StyleError, "as a contender: NAME=inverting.onnx"),
        (["missing.png"], InputError, "missing.png"),
        (["vgg.npz"], InputError, "vgg.npz"),
        (["painting.png", "--painting", "painting.png"], InputError, "Leave one of them out"),
        (["painting.png", "-c", "nothing"], InputError, "write NAME=MODEL.onnx"),
        (["painting.png", "-c", "a=missing.onnx"], ModelError, "no such model file"),
        (["painting.png", "-c", "encoder=inverting.onnx"], InputError, "of that name already"),
        (["painting.png", "--model", "inverting.onnx"], StyleError, "one style is baked in"),
        (["painting.png", "--without", "optimise"], InputError, "They are encoder, optimize-gram-lbfgs"),
        (["painting.png", "--without", "optimize", "--without", "encoder"], InputError, "no method is left"),
        (["painting.png", "--loss-network", "photo.png"], NstError, "photo.png"),
        (["painting.png", "--loss-network", "wrong.npz"], ModelError, "not a loss network that nst-rt knows"),
        (["painting.png", "--loss-network", "nan.npz"], InputError, "not finite"),
        (["painting.png", "--side", "64"], InputError, "the style loss needs 64 px a side"),
        (["painting.png", "--device", "gpu"], DeviceError, "unknown device 'gpu'"),
        (
            ["painting.png", "--device", "tensorrt:1"],
            DeviceError,
            "CUDA_VISIBLE_DEVICES=1 and name the device tensorrt,",
        ),
        (
            ["painting.png", "--tune", "--device", "cuda:1", "--without", "optimize"],
            DeviceError,
            "leave these methods out: tuned",
        ),
        (["painting.png", "-o", "photo.png"], OutputError, "a file, and the comparison needs a folder"),
        (["painting.png", "-o", "."], OutputError, "holds other files"),
    ],
)
def test_what_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, line: list[str], error: type[NstError], says: str
) -> None:
    monkeypatch.chdir(folder)
    asked = pretend(monkeypatch)
    np.savez(folder / "wrong.npz", weight=np.zeros(3, np.float32))
    arrays = dict(np.load(folder / "vgg.npz"))
    np.savez(folder / "nan.npz", **{**arrays, "conv1_1.bias": np.full(4, np.nan, np.float32)})
    with pytest.raises(error, match=re.escape(says)):
        invoke(folder, *line)
    assert not asked
    assert not (folder / "out").exists()


def test_a_user_style_remembers_its_painting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pretend(monkeypatch)
    styles = {"styles": [{"name": "mine", "vector": [1, 2, 3], "painting": str(folder / "painting.png")}]}
    (folder / "tinting.styles.json").write_text(json.dumps(styles))
    assert invoke(folder, "mine", "--without", "optimize").exit_code == 0
    assert asked[0]["style"] == "mine"
    assert asked[1]["style"] == str(folder / "painting.png")


def test_from_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    said: list[str] = []
    options = CompareOptions(
        content=folder / "photo.png",
        style=str(folder / "painting.png"),
        output=folder / "out",
        model=str(folder / "tinting.onnx"),
        loss_network=str(folder / "vgg.npz"),
        device="cpu",
        without=["optimize"],
    )
    done = compare_methods(options, said.append)
    assert (done.methods, done.painted, done.failed, done.interrupted) == (1, 1, 0, False)
    assert done.report == json.loads((folder / "out" / "compare.json").read_text())
    assert [line.partition(":")[0] for line in said] == ["tinting, style encoder ...", "tinting, style encoder"]
    with pytest.raises(InputError, match="write NAME=MODEL") as raised:
        compare_methods(replace(options, contenders=["nothing"]))
    assert raised.value.parameter == "contenders"


def test_the_page_escapes_what_users_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    model = ["-c", f"<b>&bold</b>={folder / 'inverting.onnx'}"]
    assert named(folder, *model, "--without", "optimize").exit_code == 0
    page = (folder / "out" / "compare.html").read_text()
    assert "&lt;b&gt;&amp;bold&lt;/b&gt;" in page
    assert "<b>&bold" not in page
