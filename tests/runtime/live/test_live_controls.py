"""Timelines and masks in the live loop and in `nst-rt webcam`."""

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import nst_rt.cli
import numpy as np
import pytest
from nst_rt.engine.session import Session
from nst_rt.live import source as opening
from nst_rt.live.capture import CaptureStatus, LiveFrame
from nst_rt.live.loop import LiveLoop
from tiny_models import mean_color_encoder, tinting_model


class Moments:
    """A capture that hands out images of given times at once."""

    name = "moments"
    live = True

    def __init__(self, frames: list[LiveFrame]) -> None:
        self._frames = frames

    def take(self, timeout: float) -> LiveFrame | None:
        return self._frames.pop(0) if self._frames else None

    def status(self) -> CaptureStatus:
        return CaptureStatus(0, 0, 0, "", not self._frames)

    def close(self) -> None:
        pass


class Asked:
    """A timeline that keeps the times it was asked for."""

    def __init__(self, stylizer: Any) -> None:
        self.times: list[float] = []
        self._stylizer = stylizer

    def seek(self, seconds: float) -> None:
        self.times.append(seconds)
        self._stylizer._style = f"at {seconds:g}"


def test_a_live_sources_time_begins_with_its_first_image(stylizer: Any, image: Any) -> None:
    timeline = Asked(stylizer)
    frames = [LiveFrame(image(1), 50 + second) for second in (0.0, 0.5, 3.0)]
    LiveLoop(stylizer, Moments(frames), timeline=timeline).run()
    assert timeline.times == [0.0, 0.5, 3.0]


def test_a_videos_time_is_its_own(stylizer: Any, image: Any) -> None:
    timeline = Asked(stylizer)
    frames = [LiveFrame(image(1), 50 + second, due=2 * second) for second in (0.0, 0.5, 3.0)]
    LiveLoop(stylizer, Moments(frames), timeline=timeline).run()
    assert timeline.times == [0.0, 1.0, 6.0]


def test_a_style_key_ends_the_timeline_until_it_is_wanted_again(stylizer: Any, image: Any, eventually: Any) -> None:
    timeline = Asked(stylizer)
    loop = LiveLoop(stylizer, Moments([]), timeline=timeline)
    loop._stylize(LiveFrame(image(1), 0.0))
    assert loop._hud_state().style == "at 0"
    loop._press("n")
    eventually(lambda: stylizer.style == "wave")
    loop._stylize(LiveFrame(image(1), 1.0))
    assert loop._hud_state().style == "wave"
    loop._press("t")
    loop._stylize(LiveFrame(image(1), 2.0))
    assert timeline.times == [0, 2]
    loop._press("t")  # keeps the style that it has
    loop._stylize(LiveFrame(image(1), 3.0))
    assert timeline.times == [0, 2]
    assert loop._hud_state().style == stylizer.style == "at 2"
    loop._press("n")
    eventually(lambda: stylizer.style == "wave")
    without = LiveLoop(stylizer, Moments([]))
    without._press("t")
    assert "no timeline" in without._hud_state().message


def test_a_style_key_goes_on_from_the_style_of_the_timeline(stylizer: Any, image: Any, eventually: Any) -> None:
    class Waving(Asked):
        def seek(self, seconds: float) -> None:
            self._stylizer._style = "wave"

    loop = LiveLoop(stylizer, Moments([]), timeline=Waving(stylizer))
    loop._stylize(LiveFrame(image(1), 0.0))
    loop._press("p")
    eventually(lambda: stylizer.style == "gogh")
    assert loop._hud_state().style == "gogh"


@pytest.fixture
def webcam(
    tmp_path: Path, list_source: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Run the command over images of given times; returns exit code, results, what was printed, sessions opened."""
    monkeypatch.chdir(tmp_path)
    tinting_model(Path("net.onnx"), rows="styles")
    styles = [{"name": "blue", "vector": [100, 0, 0]}, {"name": "red", "vector": [0, 0, 100]}]
    Path("net.styles.json").write_text(json.dumps({"styles": styles}))
    made: list[Any] = []
    opened: list[Any] = []
    stylize, start = LiveLoop._stylize, Session._start

    def keeping(loop: LiveLoop, frame: LiveFrame) -> None:
        stylize(loop, frame)
        assert loop._last is not None
        made.append(loop._last[1])

    def counting(session: Session) -> None:
        opened.append(session.shape)
        start(session)

    monkeypatch.setattr(LiveLoop, "_stylize", keeping)
    monkeypatch.setattr(Session, "_start", counting)

    def call(frames: list[LiveFrame], *arguments: str) -> tuple[int, list[Any], str, list[Any]]:
        source = list_source(frames, pause=0.02)
        monkeypatch.setattr(opening, "open_source", lambda *_, **__: source)
        line = ["nst-rt", "webcam", "--no-window", "-m", "net.onnx", "--threads", "1", *arguments]
        monkeypatch.setattr(sys, "argv", line)
        with pytest.raises(SystemExit) as stop:
            nst_rt.cli.main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), made, captured.out + captured.err, opened

    return call


def test_a_timeline_over_a_video_opens_one_session(webcam: Any, image: Any) -> None:
    frames = [LiveFrame(image(100), 0.0, due=0.1 * number) for number in range(11)]
    code, made, told, opened = webcam(frames, "--timeline", "0s blue, 0.25s red, fade 0.5s", "--json")
    assert code == 0, told
    seen = [result[20, 30].tolist() for result in made]
    assert seen[0] == [150, 50, 50]
    assert seen[-1] == [50, 50, 150]
    assert len({tuple(color) for color in seen}) > 3
    assert len(opened) == 1


def test_a_mask_over_a_camera_opens_one_session(webcam: Any, image: Any) -> None:
    cv2.imwrite("mask.png", np.repeat([0, 255], 32).astype(np.uint8)[None].repeat(48, axis=0))
    frames = [image(100)] * 5
    line = ["--mask", "mask.png", "--style", "red", "--outside", "blue", "--timeline"]
    code, made, told, opened = webcam(frames, *line[:-1], "--mirror", "--frames", "2")
    assert code == 0, told
    for result in made:  # the mask lies over the image as it is shown
        assert (result[20, 5].tolist(), result[20, 60].tolist()) == ([150, 50, 50], [50, 50, 150])
    assert [(shape.batch, shape.styles) for shape in opened] == [(2, 2)]


def test_a_mask_video_over_a_camera_is_refused(webcam: Any, image: Any, video: Path) -> None:
    code, made, told, _ = webcam([image(100)], "--mask", str(video))
    assert (code, made) == (2, [])
    assert "video.mp4: a video, not an image" in told


def test_paintings_get_the_first_images_colours(webcam: Any, image: Any) -> None:
    mean_color_encoder(Path("net.encoder.onnx"))
    cv2.imwrite("painting.png", np.full((40, 50, 3), (20, 40, 60), np.uint8))
    line = ["--style", "painting.png", "--match-colors", "cholesky"]
    code, made, told, _ = webcam([LiveFrame(image(level), 0.0) for level in (100, 200)], *line)
    assert code == 0, told
    assert [result[20, 30].tolist() for result in made] == [[100, 100, 100], [150, 150, 150]]
