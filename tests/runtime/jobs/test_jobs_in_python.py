"""The jobs as Python calls them: with options, callbacks and summaries, without a word on stdout or stderr."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_rt.errors import InputError, OutputError, StyleError
from nst_rt.jobs.demo_job import make_demo
from nst_rt.jobs.grid.grid_job import make_grid
from nst_rt.jobs.image_job import stylize_images
from nst_rt.jobs.image_stages import ImageResult
from nst_rt.jobs.model_description import describe_model
from nst_rt.jobs.named_styles import add_style, list_styles, remove_style
from nst_rt.jobs.progress import Progress
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.jobs.video_job import stylize_video
from tiny_models import name_styles
from video_files import frames_of, make_video


@pytest.fixture(autouse=True)
def silence(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """No job prints."""
    yield
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three grey photographs: of 100, 101 and 102."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for at in range(3):
        cv2.imwrite(str(folder / f"{at}.png"), np.full((48, 64, 3), 100 + at, np.uint8))
    return folder


@pytest.fixture
def options(inverting: Path) -> StylizerOptions:
    return StylizerOptions(model=str(inverting), device="cpu", threads=1)


@pytest.fixture
def tinted(tinting: Path) -> StylizerOptions:
    """As `options`, of a model with the style `blue`."""
    name_styles(tinting, blue=[100, 0, 0])
    return StylizerOptions(model=str(tinting), device="cpu", threads=1)


def told(into: list[Any]) -> Callable[[Any], None]:
    return into.append


def test_images_of_a_folder(photos: Path, options: StylizerOptions, tmp_path: Path) -> None:
    (photos / "bad.png").write_bytes(b"no image")
    progress: list[Progress] = []
    results: list[ImageResult] = []
    summary = stylize_images([photos], tmp_path / "out", options, progress=told(progress), on_result=told(results))
    assert progress == [Progress(done, 4, "images") for done in range(5)]
    assert results == summary.images
    assert [image.target.name for image in results] == ["0.png", "1.png", "2.png", "bad.png"]
    assert [image.size for image in results] == [(64, 48)] * 3 + [None]
    (error,) = summary.errors
    assert isinstance(error, InputError)
    for at in range(3):
        assert (cv2.imread(str(tmp_path / "out" / f"{at}.png")) == 155 - at).all()
    assert json.loads(json.dumps(summary.to_json()))["stylizer"]["device"] == "cpu"


def test_one_image_beside_itself(photos: Path, options: StylizerOptions) -> None:
    summary = stylize_images([photos / "0.png"], options=options)
    assert summary.images[0].target == photos / "0.inverting.png"
    with pytest.raises(OutputError, match="exists already"):
        raise stylize_images([photos / "0.png"], options=options).errors[0]
    assert not stylize_images([photos / "0.png"], options=options, overwrite=True).errors


def test_options_that_do_not_fit_name_their_parameter(photos: Path, options: StylizerOptions) -> None:
    for wrong, parameter in (({"outside": "none"}, "outside"), ({"feather": 3.0}, "feather")):
        with pytest.raises(StyleError) as caught:
            stylize_images([photos], photos, StylizerOptions(**wrong))
        assert caught.value.parameter == parameter
        assert "--" not in str(caught.value)


def test_a_video(options: StylizerOptions, tmp_path: Path) -> None:
    source = make_video(tmp_path / "video.mp4", [np.full((48, 64, 3), 100, np.uint8)] * 6)
    progress: list[Progress] = []
    lines: list[str] = []
    summary = stylize_video(source, None, options, progress=told(progress), report=told(lines))
    assert summary.target == tmp_path / "video.inverting.mp4"
    assert (summary.frames, summary.width, summary.height, summary.warning) == (6, 64, 48, None)
    assert progress == [Progress(done, 6, "frames") for done in range(7)]
    assert lines == [f"note: {notice}" for notice in summary.notices]
    assert len(frames_of(summary.target)) == 6
    assert json.loads(json.dumps(summary.to_json()))["fps"] == pytest.approx(summary.fps, abs=0.001)


def test_a_grid(photos: Path, tinted: StylizerOptions, tmp_path: Path) -> None:
    def make() -> Any:
        return make_grid(
            [str(photos)],
            tmp_path / "sheet.png",
            StylizerOptions(device="cpu", threads=1),
            models=[str(tinted.model)],
            sweeps=["size=32,64"],
            side=64,
        )

    summary = make()
    assert summary.counts == {"made": 6, "kept": 0, "failed": 0, "not made": 0}
    assert (summary.plan.rows, summary.plan.columns, summary.interrupted) == (3, 2, False)
    assert summary.output.exists()
    assert make().counts["kept"] == 6


def test_a_sheet_of_all_styles(photos: Path, tinted: StylizerOptions) -> None:
    progress: list[Progress] = []
    summary = make_demo(photos / "0.png", None, tinted, size=64, progress=told(progress))
    assert (summary.output, summary.styles) == (photos / "0.styles.jpg", ["blue"])
    assert progress == [Progress(0, 1, "images"), Progress(1, 1, "images")]


def test_a_style_comes_and_goes(photos: Path, tinted: StylizerOptions) -> None:
    added = add_style(photos / "0.png", "mine", artist="A", model=tinted.model)
    assert added.to_json()["style"] == "mine"
    kinds = {style.name: style.kind for style in list_styles(tinted.model)}
    assert kinds == {"blue": "vector", "mine": "yours"}
    removed = remove_style("mine", tinted.model)
    assert (removed.model, removed.uncovered) == ("tinting", False)
    assert [style.name for style in list_styles(tinted.model)] == ["blue"]


def test_what_a_model_promises(tinting: Path) -> None:
    described = describe_model(str(tinting))
    assert (described["style_size"], described["bytes"]) == (3, tinting.stat().st_size)
