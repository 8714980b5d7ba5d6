"""The record of how an image came about."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_rt.errors import OutputError
from nst_rt.media.video.video_reader import VideoReader
from nst_train.optimization.process import LAST_FRAME, ProcessRecord


def grey(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_images_strip_and_video(tmp_path: Path) -> None:
    record = ProcessRecord(tmp_path / "out.png", 2, overwrite=False)
    record.begin()
    for step in range(1, 8):
        coarse = step < 4
        record.see(step, f"step {step}", lambda s=step, c=coarse: grey(20 * s, 24, 32) if c else grey(20 * s))
    written = record.finish(7, "step 7", grey(200))
    assert written == [tmp_path / f"out.process{suffix}" for suffix in ("", ".jpg", ".mp4")]
    frames = sorted(written[0].iterdir())
    assert [path.name for path in frames] == [f"step_{step:05d}.png" for step in (1, 2, 4, 6, 7)]
    assert [int(cv2.imread(str(path))[0, 0, 0]) for path in frames] == [20, 40, 80, 120, 200]
    strip = cv2.imread(str(written[1]))
    assert strip.shape[1] > 5 * 64
    with VideoReader(written[2]) as video:
        shades = [float(frame.bgr.mean()) for frame in video]
        assert (video.width, video.height) == (64, 48)
    assert len(shades) == 5 + LAST_FRAME
    np.testing.assert_allclose(shades[:5], [20, 40, 80, 120, 200], atol=3)
    np.testing.assert_allclose(shades[5:], 200, atol=3)


def test_the_last_image_takes_the_place_of_its_own_step(tmp_path: Path) -> None:
    record = ProcessRecord(tmp_path / "out.png", 2, overwrite=False)
    record.begin()
    for step in (1, 2):
        record.see(step, f"{step}: of this step", lambda s=step: grey(20 * s))
    _, _, video = record.finish(2, "2: of the best one", grey(90))
    with VideoReader(video) as images:
        shades = [float(frame.bgr.mean()) for frame in images]
    assert len(shades) == 2 + LAST_FRAME
    np.testing.assert_allclose(shades[:2], [20, 90], atol=3)


def test_long_runs_show_eight_images(tmp_path: Path) -> None:
    record = ProcessRecord(tmp_path / "out.png", 1, overwrite=False)
    record.begin()
    for step in range(1, 20):
        record.see(step, "", lambda s=step: grey(10 * s))
    _, strip, _ = record.finish(19, "", grey(190))
    row = cv2.imread(str(strip))[30, :, 0]
    assert [int(row[10 + 74 * place + 30]) // 10 for place in range(8)] == pytest.approx(
        [1, 4, 6, 9, 11, 14, 16, 19], abs=1
    )


def test_an_earlier_record_is_not_replaced_unasked(tmp_path: Path) -> None:
    earlier = tmp_path / "out.process"
    earlier.mkdir()
    for name in ("step_00009.png", "mine.png"):
        (earlier / name).write_bytes(b"")
    with pytest.raises(OutputError, match=r"out\.process: exists already"):
        ProcessRecord(tmp_path / "out.png", 2, overwrite=False)
    ProcessRecord(tmp_path / "out.png", 2, overwrite=True).begin()
    assert [path.name for path in earlier.iterdir()] == ["mine.png"]
