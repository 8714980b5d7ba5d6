"""Timelines and masks in the live loop and in `nst-rt webcam`."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import nst_rt.cli
import numpy as np
import onnxruntime
import pytest
from nst_rt.live import source as opening
from nst_rt.live.capture import CaptureStatus, LiveFrame
from nst_rt.live.keys import KEY_ROWS, KEYS_TEXT, Action, action_of
from nst_rt.live.loop import LiveLoop
from tiny_models import mean_color_encoder, name_styles, tinting_model


class Moments:
    """A capture that hands out images of given times at once."""

    name = "moments"
    live = True

    def __init__(self, frames: list[LiveFrame]) -> None:
        self._frames = frames

    def start(self) -> None:
        pass

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
        self._stylizer.style = f"at {seconds:g}"


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


class KeyWindow:
    """Presses one key after each frame, once the frame's condition holds."""

    def __init__(self, *steps: tuple[str, Any]) -> None:
        self._steps = list(steps)
        self.shown = 0

    def fit(self, image: Any) -> Any:
        return image

    def show(self, image: Any) -> None:
        self.shown += 1

    def key(self) -> str:
        key, condition = self._steps.pop(0) if self._steps else ("", lambda: True)
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, f"it never happened, before key {key!r}"
            time.sleep(0.002)
        return key

    def toggle_full_screen(self) -> None:
        pass

    def close(self) -> None:
        pass


def frames(image: Any, count: int) -> list[LiveFrame]:
    return [LiveFrame(image(1), float(second)) for second in range(count)]


def always() -> bool:
    return True


def test_a_style_key_ends_the_timeline_until_it_is_wanted_again(stylizer: Any, image: Any) -> None:
    timeline = Asked(stylizer)
    window = KeyWindow(
        ("n", lambda: stylizer.style == "at 0"),
        ("t", lambda: stylizer.style == "wave"),  # the timeline was off at second 1
        ("t", lambda: stylizer.style == "at 2"),
        ("n", lambda: stylizer.style == "at 2"),  # it keeps the style that it has
        ("", lambda: stylizer.style == "wave"),
    )
    LiveLoop(stylizer, Moments(frames(image, 5)), timeline=timeline, window=window).run()
    assert timeline.times == [0, 2]


def test_without_a_timeline_its_key_does_nothing(stylizer: Any, image: Any) -> None:
    LiveLoop(stylizer, Moments(frames(image, 2)), window=KeyWindow(("t", always))).run()
    assert stylizer.style == "gogh"


def test_a_style_key_goes_on_from_the_style_of_the_timeline(stylizer: Any, image: Any) -> None:
    class Waving(Asked):
        def seek(self, seconds: float) -> None:
            self._stylizer.style = "wave"

    window = KeyWindow(("p", always), ("", lambda: stylizer.style == "gogh"))
    LiveLoop(stylizer, Moments(frames(image, 2)), timeline=Waving(stylizer), window=window).run()
    assert stylizer.style == "gogh"


def test_every_key_of_the_table_does_something_and_is_in_the_line_of_all_keys() -> None:
    for row in KEY_ROWS:
        assert row.brief in KEYS_TEXT
        for key, action in row.actions.items():
            assert action_of(key) is action
            assert action_of(key.upper() if len(key) == 1 else key) is action
    assert {action for row in KEY_ROWS for action in row.actions.values()} == set(Action)
    assert action_of("x") is None
    assert action_of("") is None


@pytest.fixture
def webcam(
    tmp_path: Path, list_source: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Run the command over images of given times; returns exit code, results, what was printed, sessions opened."""
    monkeypatch.chdir(tmp_path)
    tinting_model(Path("net.onnx"), rows="styles")
    name_styles(Path("net.onnx"))
    made: list[Any] = []
    opened: list[Any] = []

    class Keeping:
        """A virtual camera that keeps what it gets."""

        device = "fake"

        def __init__(self, *, width: int, height: int, fps: float, fmt: str) -> None:
            self.width, self.height = width, height

        def send(self, image: Any) -> None:
            made.append(image.copy())

        def close(self) -> None:
            pass

    package = SimpleNamespace(Camera=Keeping, PixelFormat=SimpleNamespace(BGR="bgr"))
    monkeypatch.setitem(sys.modules, "pyvirtualcam", package)
    open_session = onnxruntime.InferenceSession

    def counting(*arguments: Any, **options: Any) -> Any:
        opened.append(arguments)
        return open_session(*arguments, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counting)

    def call(frames: list[LiveFrame], *arguments: str) -> tuple[int, list[Any], str, list[Any]]:
        source = list_source(frames, pause=0.02)
        monkeypatch.setattr(opening, "open_source", lambda *_, **__: source)
        line = ["nst-rt", "webcam", "--no-window", "-m", "net.onnx", "--threads", "1", "--device", "cpu"]
        line += ["--virtual-camera", *arguments]
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
    assert len(opened) == 2  # one reads what the model promises, one runs it


def test_a_mask_over_a_camera_opens_one_session(webcam: Any, image: Any) -> None:
    cv2.imwrite("mask.png", np.repeat([0, 255], 32).astype(np.uint8)[None].repeat(48, axis=0))
    frames = [image(100)] * 5
    line = ["--mask", "mask.png", "--style", "red", "--outside", "blue", "--timeline"]
    code, made, told, opened = webcam(frames, *line[:-1], "--mirror", "--frames", "2")
    assert code == 0, told
    for result in made:  # the mask lies over the image as it is shown
        assert (result[20, 5].tolist(), result[20, 60].tolist()) == ([150, 50, 50], [50, 50, 150])
    assert len(opened) == 2  # one reads what the model promises, one runs it


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
