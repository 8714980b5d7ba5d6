"""The whole measurement on tiny images: its numbers are predicted, and a second run uses them again."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2
import numpy as np
import pytest
from nst_bench.harness.inputs import Painting
from nst_bench.harness.loss_measurements import Loss, LossMeasurements
from nst_bench.harness.losses import FeatureExtractor, content_loss, style_loss
from nst_bench.harness.result_cache import ResultCache
from nst_bench.quality.contenders import ContenderLoader
from nst_bench.quality.flicker import Flicker
from nst_bench.quality.measure_quality import measure_quality
from nst_bench.quality.quality_options import QualityOptions
from nst_bench.quality.quality_report import QualityReport
from nst_bench.quality.quality_run import FlickerResult, ReferenceResult, Results, StyleResult
from nst_bench.quality.quality_sheet import draw_sheet
from nst_bench.quality.reference import STEPS, Reference
from nst_bench.quality.selection import choose_photographs
from nst_bench.quality.summary import flicker_rows, group_rows, reference_rows, style_rows
from nst_rt.errors import InputError
from nst_rt.media.images.sample_image import landscape
from nst_train.data.images import read_rgb
from nst_train.loop.hardware import Hardware

GOGH = [30, 60, 90]
"""The vector of the style gogh: what `tinting_model` adds to half of the frame, per BGR channel."""


@pytest.fixture
def options(world: Path, tinting: Path, inverting: Path, loss_network_file: Path) -> dict[str, Any]:
    vectors = {"styles": [{"name": "gogh", "vector": GOGH}, {"name": "wave", "vector": [90, 0, 0]}]}
    tinting.with_suffix(".styles.json").write_text(json.dumps(vectors))
    video = cv2.VideoWriter(str(world / "clip.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (96, 64))
    wide = landscape(140, 64)
    for index in range(6):
        video.write(np.ascontiguousarray(wide[:, 2 * index : 2 * index + 96]))
    video.release()
    return {
        "content": world / "photographs",
        "styles": world / "named",
        "table": world / "styles.toml",
        "paintings": world / "paintings",
        "held_out_every": 2,
        "model": str(tinting),
        "contenders": [f"negative={inverting}@own.png"],
        "video": [world / "clip.mp4"],
        "flicker_to": "negative",
        "loss_network": loss_network_file,
        "output": world / "out",
        "device": "cpu",
        "threads": 1,
        "photographs": 3,
        "pairs": 0,
    }


def report(options: dict[str, Any], says: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    found = measure_quality(QualityOptions(**(options | changes)), (says if says is not None else []).append)
    assert found == json.loads((options["output"] / "quality.json").read_text())
    return found


def test_the_report_says_what_the_images_say(options: dict[str, Any], world: Path, extractor: FeatureExtractor) -> None:
    says: list[str] = []
    told = report(options, says)
    measured = [(entry["contender"], entry["painting"]) for entry in told["styles"]]
    own = [(name, f"{name}.png") for name in ("gogh", "wave", "paintings1", "paintings3")]
    assert measured == [*(("nst-rt", file) for _, file in own), ("negative", "own.png")]
    gogh = told["styles"][0]
    target = extractor.painting_grams(read_rgb(world / "named" / "gogh.png"))
    assert [entry["file"] for entry in told["photographs"]] == [f"photographs{index}.png" for index in range(3)]
    for index, entry in enumerate(told["photographs"]):
        rgb = read_rgb(world / "photographs" / entry["file"])
        stylised = np.clip(np.rint(rgb / 2 + GOGH[::-1]), 0, 255).astype(np.uint8)
        before, after = extractor.features(rgb), extractor.features(stylised)
        assert gogh["unchanged"][index] == pytest.approx(style_loss(before.grams, target), rel=1e-4)
        assert gogh["style"][index] == pytest.approx(style_loss(after.grams, target), rel=1e-4)
        assert gogh["content"][index] == pytest.approx(content_loss(after, before), rel=1e-4)
    row = told["summary"]["styles"][0]
    assert row["closed"] == pytest.approx(1 - sum(gogh["style"]) / sum(gogh["unchanged"]))
    assert row["reference_content"] == {}
    assert gogh["ran"]["provider"] == "CPUExecutionProvider"
    assert told["contenders"][1]["name"] == "negative"
    assert len(told["contenders"][0]["sha256"]) == len(told["contenders"][0]["encoder_sha256"]) == 64
    assert told["machine"]["processor"]
    # Halving the frame halves what moves, and the negative moves as the clip does: no more than it, no less.
    flicker = {row["contender"]: row for row in told["summary"]["flicker"]}
    assert flicker["negative"]["mean"] == pytest.approx(0, abs=1e-6)
    assert flicker["nst-rt"]["mean"] < 0
    assert flicker["nst-rt"]["styles"] == 2
    assert told["clips"][0]["pairs"] == 5
    assert says[-1].startswith("wrote quality.md, quality.json, named.jpg, held-out.jpg to ")


def test_the_table_and_the_sheets_lie_beside_it(options: dict[str, Any]) -> None:
    report(options)
    folder = options["output"]
    text = (folder / "quality.md").read_text()
    assert "## Named styles" in text
    assert "![Named styles](named.jpg)" in text
    assert "| nst-rt | 2 |" in text
    assert "## Flicker" in text
    assert "to 300 steps" not in text
    # Three rows (gogh, wave, own) of a painting, a photograph and one contender; two of held-out paintings.
    named, held_out = (cv2.imread(str(folder / f"{name}.jpg")) for name in ("named", "held-out"))
    assert named.shape[1] == held_out.shape[1] == 3 * (80 + 6) + 6
    assert held_out.shape[0] < named.shape[0]
    assert {path.name for path in folder.iterdir()} == {
        "quality.md",
        "quality.json",
        "named.jpg",
        "held-out.jpg",
        "measurements",
    }


def test_a_second_run_measures_only_what_is_new(options: dict[str, Any]) -> None:
    first = report(options)
    folder = options["output"] / "measurements"
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert report(options) == first
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == kept
    styles = Path(options["model"]).with_suffix(".styles.json")
    entries = {"styles": [{"name": "gogh", "vector": GOGH}, {"name": "wave", "vector": [0, 0, 90]}]}
    styles.write_text(json.dumps(entries))
    second = report(options)
    new = [path.name.partition("-")[0] for path in folder.iterdir() if path not in kept]
    assert sorted(new) == ["flicker", "losses"]  # of the style wave alone
    assert second["styles"][0] == first["styles"][0]
    assert second["styles"][1]["style"] != first["styles"][1]["style"]


def test_a_run_that_was_stopped_keeps_what_it_had(options: dict[str, Any]) -> None:
    def stop(line: str) -> None:
        if line.startswith("style 2/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_quality(QualityOptions(**options), stop)
    kept = list((options["output"] / "measurements").glob("losses-*.json"))
    assert len(kept) == 2
    assert not (options["output"] / "quality.json").exists()
    assert len(report(options)["styles"]) == 5


def test_the_command_and_its_quick_form(options: dict[str, Any]) -> None:
    def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from nst_rt.cli import main; main()", "bench", "quality"]
        return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True)

    given = [f"--{name}={options[name]}" for name in ("content", "styles", "table", "output", "model")]
    done = bench(*given, f"--loss-network={options['loss_network']}", "--quick", "--pairs=0", "--threads=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "style 2/2: nst-rt, wave: closes" in done.stderr
    told = json.loads((options["output"] / "quality.json").read_text())
    assert len(told["photographs"]) == 3
    assert told["settings"]["reference"] is None
    failed = bench(*given, "--contender=odd")
    assert failed.returncode == 2
    assert "odd: write NAME=MODEL.onnx" in failed.stderr


def test_flicker_compared_to_a_contender_that_is_missing(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="mosaic: no such contender") as raised:
        report(options, flicker_to="mosaic")
    assert raised.value.parameter == "flicker_to"


@pytest.fixture
def losses(world: Path, loss_network_file: Path, cpu: Hardware) -> LossMeasurements:
    photographs = choose_photographs(world / "photographs", 1, 80)
    return LossMeasurements(loss_network_file, cpu, photographs, ResultCache(world / "kept"))


def test_the_reference_is_judged_on_the_way_and_kept(world: Path, losses: LossMeasurements, cpu: Hardware) -> None:
    gogh = Painting("gogh", world / "named" / "gogh.png", "named")
    seen: list[tuple[int, int]] = []

    def measure() -> dict[int, Loss]:
        seen.clear()
        reference = Reference(losses, cpu, steps=(3, 12))
        return reference.measure(gogh, 0, lambda step, steps: seen.append((step, steps)))

    (unchanged,) = losses.unchanged(gogh)
    found = measure()
    assert seen == [(step, 12) for step in range(1, 13)]
    assert unchanged > found[3].style > found[12].style
    image = Reference(losses, cpu, steps=(3, 12)).image(gogh, losses.photographs[0])
    assert image is not None
    assert losses.measure(image, losses.grams(gogh), 0) == found[12]
    assert measure() == found
    assert seen == []


def test_pairs_are_in_the_report_and_on_the_sheet(world: Path, losses: LossMeasurements, cpu: Hardware) -> None:
    gogh = Painting("gogh", world / "named" / "gogh.png", "named")
    reference = Reference(losses, cpu, steps=(2, 4), style_weight=50)
    optimised = reference.measure(gogh, 0, lambda step, steps: None)
    results = Results(unchanged={str(gogh.path): losses.unchanged(gogh)})
    results.styles = [StyleResult("ours", gogh, [Loss(0.1, 2.0)], {})]
    results.references = [ReferenceResult(gogh, 0, optimised)]
    machine = {"processor": "A", "logical_cores": 2, "gpus": [], "nst-rt": "1"}
    settings = {"side": 80, "loss_network": "tiny", "reference": reference.describe()}
    found = QualityReport(machine, settings, losses.photographs, [], results, None, {})
    assert reference.describe()["settings"]["steps"] == 4
    (row,) = found.as_json()["summary"]["styles"]
    assert row["reference_content"] == {steps: 2.0 / optimised[steps].content for steps in (2, 4)}
    text = found.as_markdown()
    assert "| optimised, 4 steps | 1 |" in text
    assert "| content | to 2 steps |" in text
    assert "style weight 50, content weight 1" in text
    with closing(ContenderLoader()) as loader:
        sheet = draw_sheet([(gogh, losses.photographs[0])], [], loader, reference)
    assert sheet.shape[1] == 3 * (80 + 6) + 6  # painting, photograph, optimised


def painting(name: str) -> Painting:
    return Painting(name, Path(f"{name}.png"), "named")


def test_summaries_by_hand() -> None:
    results = Results(unchanged={"a.png": [1.0, 3.0], "b.png": [2.0, 2.0]})
    ran = {"device": "cpu"}
    results.styles = [
        StyleResult("one", painting("a"), [Loss(0.1, 1.0), Loss(0.3, 2.0)], ran),
        StyleResult("one", painting("b"), [Loss(1.0, 3.0), Loss(1.0, 4.0)], ran),
    ]
    early, late = STEPS
    results.references = [ReferenceResult(painting("a"), 1, {early: Loss(0.6, 0.5), late: Loss(0.3, 0.8)})]
    a, b = style_rows(results)
    assert (a.closed, a.closed_median, a.content) == pytest.approx((0.9, 0.9, 1.5))
    assert a.reference_content == pytest.approx({early: 4.0, late: 2.5})  # on the second photograph alone
    assert a.reference_closed == pytest.approx({early: 0.8, late: 0.9})
    assert a.closed_on_pairs == pytest.approx(0.9)
    assert (b.closed, b.reference_content, b.closed_on_pairs) == (0.5, {}, None)
    (group,) = group_rows([a, b], "named")
    assert (group.styles, group.closed_mean, group.closed_least, group.least) == (2, pytest.approx(0.7), 0.5, "b")
    assert group.content_to_reference == pytest.approx(4.0)
    assert group_rows([a, b], "held-out") == []
    first, second = reference_rows(results)
    assert (first.contender, first.closed_mean, first.content) == ("optimised, 300 steps", pytest.approx(0.8), 0.5)
    assert (second.closed_least, second.content_to_reference) == (pytest.approx(0.9), pytest.approx(1.6))


def test_flicker_as_multiples_by_hand() -> None:
    def flicker(rms: float) -> Flicker:
        return Flicker(rms, rms**2, rms, 0, 1)

    values = {("one", "a"): (1.0, 3.0), ("one", "b"): (3.0, 5.0), ("unit", "u"): (4.0, 6.0)}
    results = Results(
        flicker=[
            FlickerResult(name, painting(style), clip, flicker(value))
            for (name, style), pair in values.items()
            for clip, value in zip(("x", "y"), pair, strict=True)
        ]
    )
    one, unit = flicker_rows(results, "unit")
    assert one.clips == {"x": 2.0, "y": 4.0}
    assert (one.mean, one.worst, one.styles) == (3.0, "b", 2)
    assert (one.ratio, one.ratio_worst) == pytest.approx((3 / 5, 4 / 5))
    assert one.ratio_squared == pytest.approx(fmean([1, 9, 9, 25]) / fmean([16, 36]))
    assert unit.ratio == unit.ratio_worst == 1
    assert flicker_rows(results, None)[0].ratio is None
