import itertools
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_rt.errors import DeviceError, OutputError
from nst_rt.live.capture import Capture, CaptureStatus, LiveFrame
from nst_rt.live.keys import CLOSED
from nst_rt.live.loop import LiveLoop
from nst_rt.live.recorder import Recorder


class FakeCapture:
    """Hands out a list of images at once; None in it is a moment without one."""

    name = "camera 0"
    live = True

    def __init__(self, images: Any, lost: str = "") -> None:
        self._images = iter(images)
        self._captured = 0
        self._ended = False
        self.lost = lost
        self.closed = False

    def start(self) -> None:
        pass

    def take(self, timeout: float) -> LiveFrame | None:
        pixels = next(self._images, "end")
        if isinstance(pixels, str):
            self._ended = True
            return None
        if pixels is None:
            return None
        self._captured += 1
        return LiveFrame(pixels, time.monotonic())

    def status(self) -> CaptureStatus:
        return CaptureStatus(self._captured, 5, 0, self.lost, self._ended)

    def close(self) -> None:
        self.closed = True


class FakeWindow:
    """Presses keys, one per image, and keeps the last things shown."""

    def __init__(self, keys: Any = ()) -> None:
        self._keys: Iterator[str] = iter(keys)
        self.shown: list[Any] = []
        self.full = 0
        self.closed = False

    def fit(self, image: Any) -> Any:
        return image

    def show(self, image: Any) -> None:
        self.shown = [*self.shown[-20:], image]

    def key(self) -> str:
        return next(self._keys, "")

    def toggle_full_screen(self) -> None:
        self.full += 1

    def close(self) -> None:
        self.closed = True


class FakeSink:
    def __init__(self) -> None:
        self.images: list[Any] = []
        self.closed = False

    def write(self, image: Any) -> None:
        self.images.append(image)

    def close(self) -> None:
        self.closed = True


def test_every_taken_image_is_stylised_shown_and_sent(stylizer: Any, image: Any) -> None:
    capture, window, sink = FakeCapture([image(number) for number in range(5)]), FakeWindow(), FakeSink()
    loop = LiveLoop(stylizer, capture, window=window, virtual_camera=sink)
    summary = loop.run()
    assert summary.frames == stylizer.calls == summary.latency.count == summary.stylize.count == 5
    assert (summary.captured, summary.dropped, summary.reconnects) == (5, 5, 0)
    # Clean images to the camera, the overlay only in the window.
    assert [int(sent[0, 0, 0]) for sent in sink.images] == [255, 254, 253, 252, 251]
    assert all((sent == sent[0, 0, 0]).all() for sent in sink.images)
    assert not (window.shown[-1] == 251).all()
    assert capture.closed
    assert window.closed
    assert sink.closed


def test_frames_ends_the_run(stylizer: Any, image: Any) -> None:
    capture = FakeCapture(itertools.repeat(image(1)))
    assert LiveLoop(stylizer, capture, frames=7).run().frames == 7


def test_stop_from_another_thread_ends_the_run(stylizer: Any, image: Any) -> None:
    loop = LiveLoop(stylizer, FakeCapture(itertools.repeat(image(1))))
    threading.Timer(0.05, loop.stop).start()
    assert loop.run().frames > 0


@pytest.mark.parametrize("key", ["q", "Q", "escape", CLOSED])
def test_keys_that_quit(stylizer: Any, image: Any, key: str) -> None:
    window = FakeWindow(["", key])
    loop = LiveLoop(stylizer, FakeCapture(itertools.repeat(image(1))), window=window)
    assert loop.run().frames == 2


def test_stroke_keys(stylizer: Any, image: Any) -> None:
    sizes: list[float] = []

    def press(*keys: str) -> None:
        LiveLoop(stylizer, FakeCapture([image(1)] * (len(keys) + 1)), window=FakeWindow(keys)).run()
        sizes.append(stylizer.stroke_size)

    press("]")
    press("[", "[")
    stylizer.stroke_size = 2.5  # as given: the next one on either side
    press("[")
    press(*"]]]]]]]]")
    press(*"[[[[[[[[[[[")
    assert sizes == [1.5, 0.75, 2.0, 6.0, 0.5]


def test_strokes_that_the_device_cannot_paint_stay_as_they_were(stylizer: Any, image: Any) -> None:
    def too_large() -> None:
        if stylizer.stroke_size < 0.75:
            raise DeviceError("no memory left")

    stylizer.working = too_large
    said: list[str] = []
    window = FakeWindow(["[", "[", "", "q"])
    loop = LiveLoop(stylizer, FakeCapture([image(1)] * 5), window=window, report=said.append)
    assert loop.run().frames == 4
    assert stylizer.stroke_size == 0.75
    assert said == ["no memory left"]
    stylizer.working = lambda: (_ for _ in ()).throw(DeviceError("the card is gone"))
    with pytest.raises(DeviceError, match="the card is gone"):
        LiveLoop(stylizer, FakeCapture([image(1)]), window=FakeWindow()).run()


def test_strength_and_colour_keys(stylizer: Any, image: Any) -> None:
    keys = ["-", "_", "down", "+", "c", "c", "c"]
    LiveLoop(stylizer, FakeCapture([image(1)] * 8), window=FakeWindow(keys)).run()
    assert stylizer.strength == 0.8
    assert stylizer.color == 0.0
    LiveLoop(stylizer, FakeCapture([image(1)] * 20), window=FakeWindow(["-"] * 20)).run()
    assert stylizer.strength == 0.0
    LiveLoop(stylizer, FakeCapture([image(1)] * 20), window=FakeWindow(["="] * 20)).run()
    assert stylizer.strength == 1.0


def test_colour_goes_back_to_what_was_asked_for(stylizer: Any, image: Any) -> None:
    stylizer.color = 0.4
    LiveLoop(stylizer, FakeCapture([image(1)] * 3), window=FakeWindow(["c", "c"])).run()
    assert stylizer.color == 0.4


def test_mirror_turns_the_image_for_every_sink(stylizer: Any, image: Any) -> None:
    left = image(0)
    left[:, :10] = 200
    sink = FakeSink()
    LiveLoop(stylizer, FakeCapture([left] * 3), window=FakeWindow(["m"]), virtual_camera=sink, mirror=True).run()
    assert [int(sent[0, 0, 0]) for sent in sink.images] == [255, 55, 55]


def test_original_and_before_after_are_for_the_window_only(stylizer: Any, image: Any) -> None:
    sink = FakeSink()
    window = FakeWindow(["i", "space", "space", "b", "b"])
    LiveLoop(stylizer, FakeCapture([image(50, 480, 640)] * 6), window=window, virtual_camera=sink).run()
    plain = [(int(shown[5, 5, 0]), int(shown[5, -5, 0])) for shown in window.shown]
    assert plain[1:] == [(205, 205), (50, 50), (205, 205), (50, 205), (205, 205)]
    assert all((sent == 205).all() for sent in sink.images)


class Pressing(FakeWindow):
    """Presses each key when the condition of the last one holds, then quits."""

    def __init__(self, *steps: tuple[str, Any]) -> None:
        super().__init__()
        self._steps = list(steps)
        self._holds: Any = lambda: True
        self._deadline = time.monotonic() + 30

    def key(self) -> str:
        assert time.monotonic() < self._deadline, f"it never happened; still to press: {self._steps}"
        if not self._holds():
            time.sleep(0.002)
            return ""
        key, self._holds = self._steps.pop(0) if self._steps else ("q", lambda: True)
        return key


def message_shown(window: FakeWindow) -> bool:
    """Whether the last frame has a message at the bottom."""
    return bool(window.shown) and not (window.shown[-1][420:] == window.shown[-1][300, 300]).all()


def test_style_keys_go_round_and_a_failure_is_only_told(stylizer: Any, image: Any) -> None:
    window = Pressing()
    window._steps += [
        ("n", lambda: stylizer.style == "wave"),
        ("right", lambda: message_shown(window)),  # broken is refused; wave stays
        ("p", lambda: stylizer.style == "gogh"),
        ("n", lambda: stylizer.style == "wave"),
    ]
    LiveLoop(stylizer, FakeCapture(itertools.repeat(image(50, 480, 640))), window=window).run()
    assert stylizer.style == "wave"


def test_an_unexpected_failure_of_a_style_leaves_the_keys_alive(stylizer: Any, image: Any) -> None:
    def out_of_memory() -> None:
        raise MemoryError("no room for the painting")

    def mended() -> bool:
        if not message_shown(window):
            return False
        stylizer.setting = lambda: None
        return True

    stylizer.setting = out_of_memory
    window = Pressing()
    window._steps += [("n", mended), ("n", lambda: stylizer.style == "wave")]
    LiveLoop(stylizer, FakeCapture(itertools.repeat(image(50, 480, 640))), window=window).run()
    assert stylizer.style == "wave"


def test_a_blend_stays_reachable(stylizer: Any, image: Any) -> None:
    blend = "gogh:0.7+wave:0.3"
    stylizer.style = blend
    window = Pressing(("n", lambda: stylizer.style == "gogh"), ("p", lambda: stylizer.style == blend))
    LiveLoop(stylizer, FakeCapture(itertools.repeat(image(50))), window=window).run()
    assert stylizer.style == blend


def test_a_slow_style_switch_does_not_stop_the_image(stylizer: Any, image: Any, eventually: Any) -> None:
    gate = threading.Event()
    stylizer.setting = lambda: gate.wait(30)
    sink = FakeSink()
    loop = LiveLoop(stylizer, FakeCapture([image(1)] * 50), window=FakeWindow(["n", "n", "p"]), virtual_camera=sink)
    loop.run()
    assert len(sink.images) == 50
    assert stylizer.style == "gogh"
    gate.set()
    eventually(lambda: stylizer.style == "wave")


def test_snapshots_are_clean_and_never_replace_each_other(stylizer: Any, image: Any, tmp_path: Path) -> None:
    loop = LiveLoop(stylizer, FakeCapture([image(50)] * 4), window=FakeWindow(["s", "s", "s"]), folder=tmp_path)
    summary = loop.run()
    assert len(set(summary.snapshots)) == 3
    for path in summary.snapshots:
        assert path.name.startswith("nst-rt-")
        assert "gogh" in path.name
        assert (np.asarray(cv2.imread(str(path))) == 205).all()
    assert sorted(tmp_path.glob("*.png")) == sorted(summary.snapshots)


def test_a_snapshot_that_cannot_be_written_does_not_end_the_show(stylizer: Any, image: Any, tmp_path: Path) -> None:
    lines: list[str] = []
    loop = LiveLoop(
        stylizer,
        FakeCapture([image(50)] * 4),
        window=FakeWindow(["s", "r"]),
        folder=tmp_path / "missing",
        report=lines.append,
    )
    assert loop.run().frames == 4
    assert len(lines) == 2
    assert "missing" in lines[0]


def test_recording_by_key(stylizer: Any, image: Any, tmp_path: Path) -> None:
    window = FakeWindow(["r", "", "r", "r"])
    summary = LiveLoop(stylizer, FakeCapture([image(50)] * 6), window=window, folder=tmp_path).run()
    assert len(summary.recorded) == 2
    assert sorted(tmp_path.glob("*.mp4")) == sorted(summary.recorded)


def test_a_recording_survives_an_error_in_the_network(stylizer: Any, image: Any, tmp_path: Path) -> None:
    def fail() -> None:
        if stylizer.calls == 4:
            raise DeviceError("out of memory. Take a smaller size")

    stylizer.working = fail
    recorder = Recorder()
    recorder.start(tmp_path / "out.mp4")
    capture = FakeCapture(itertools.repeat(image(50)))
    loop = LiveLoop(stylizer, capture, recorder=recorder)
    with pytest.raises(DeviceError):
        loop.run()
    assert loop.summary.recorded == [tmp_path / "out.mp4"]
    assert int(cv2.VideoCapture(str(tmp_path / "out.mp4")).get(cv2.CAP_PROP_FRAME_COUNT)) == 3
    assert capture.closed


def test_a_recording_that_fails_is_told_and_ends_a_run_without_window(stylizer: Any, image: Any) -> None:
    class Full(Recorder):
        recording = True  # type: ignore[assignment]

        def write(self, image: Any, taken: float) -> None:
            self.recording = False
            raise OutputError("the disk is full")

        def stop(self) -> Path | None:
            raise AssertionError("it stopped itself")

    lines: list[str] = []
    loop = LiveLoop(stylizer, FakeCapture(itertools.repeat(image(1))), recorder=Full(), report=lines.append)
    assert loop.run().recording_error == "the disk is full"
    assert lines == ["recording stopped: the disk is full"]
    window = FakeWindow()
    shown = LiveLoop(stylizer, FakeCapture([image(1)] * 3), recorder=Full(), window=window)
    assert shown.run().frames == 3


def test_a_lost_camera_shows_a_banner_over_the_last_image(stylizer: Any, image: Any) -> None:
    window = FakeWindow(["i", "", "", "q"])
    capture = FakeCapture([image(50, 480, 640), None, None, None, None], lost="gone")
    loop = LiveLoop(stylizer, capture, window=window)
    assert loop.run().frames == 1
    last = window.shown[-1]
    assert (last[:380] == 205).all()
    assert not (last[400:] == 205).all()


def test_a_silent_camera_is_noticed(stylizer: Any, image: Any) -> None:
    now = 100.0

    class Late(FakeWindow):
        def key(self) -> str:
            nonlocal now
            now += 1.1
            return super().key()

    window = Late(["i"])
    capture = FakeCapture([image(50, 480, 640), None, None, None])
    LiveLoop(stylizer, capture, window=window, clock=lambda: now).run()
    assert [bool((shown[420:] != 205).any()) for shown in window.shown] == [False, False, True, True]


def test_sizes_may_change_at_any_time(stylizer: Any, image: Any, tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.start(tmp_path / "out.mp4")
    sizes = [(48, 64), (64, 48), (480, 640), (49, 65)]
    capture = FakeCapture([image(5, *size) for size in sizes])
    summary = LiveLoop(stylizer, capture, window=FakeWindow(), recorder=recorder).run()
    assert summary.frames == 4
    assert summary.recorded


def test_ten_thousand_frames_take_no_more_memory(stylizer: Any, image: Any, tmp_path: Path) -> None:
    frame = image(50, 32, 32)
    levels = []

    def images() -> Iterator[Any]:
        for number in range(10_001):
            if number in (5_000, 10_000):  # past the first values that the statistics keep
                levels.append(tracemalloc.get_traced_memory()[0])
            yield frame

    loop = LiveLoop(stylizer, FakeCapture(images()))
    tracemalloc.start()
    try:
        assert loop.run().frames == 10_001
    finally:
        tracemalloc.stop()
    assert levels[1] - levels[0] < 20_000


def test_with_the_real_capture_dropped_frames_are_counted(stylizer: Any, image: Any, list_source: Any) -> None:
    stylizer.working = lambda: time.sleep(0.01)
    source = list_source([image(number % 250) for number in range(200)], pause=0.001)
    capture = Capture(source, lambda: source, print)
    summary = LiveLoop(stylizer, capture).run()
    assert summary.captured == 200
    assert summary.frames + summary.dropped == 200
    assert summary.dropped > 0
    assert source.closed == 1


def test_summary_as_json_and_text(stylizer: Any, image: Any) -> None:
    summary = LiveLoop(stylizer, FakeCapture([image(1)] * 3)).run()
    record = summary.to_json()
    assert record["frames"] == record["latency_ms"]["count"] == 3
    assert {"p50", "p95", "p99"} <= record["latency_ms"].keys()
    assert record["recorded"] == []
    assert "3 frames in" in summary.to_text()
    assert "no image" in LiveLoop(stylizer, FakeCapture([])).run().to_text()
