"""The live window on a real X server, and the command without one."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from video_files import make_video

MISSING = [program for program in ("Xvfb", "xdotool", "import") if shutil.which(program) is None]
needs_x = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)}. apt install xvfb xdotool imagemagick"
)


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")
    }
    return {**kept, **more}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", "from nst_rt.cli import main; main()", "webcam", *map(str, arguments)]


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x800x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        number = numbers.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait(20)


class Desktop:
    """A running `nst-rt webcam` on a display: press keys, take screenshots."""

    def __init__(self, display: str, folder: Path, arguments: list[str | Path]) -> None:
        self._environment = environment(DISPLAY=display)
        self._shot = folder / "screen.png"
        with (folder / "stderr.txt").open("w") as messages:
            self.process = subprocess.Popen(
                command(*arguments), env=self._environment, cwd=folder, stdout=subprocess.PIPE, stderr=messages
            )
        self.messages = folder / "stderr.txt"

    def tell(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self._environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout

    def press(self, key: str) -> None:
        # There is no window manager: the key goes where the pointer is.
        self.tell("mousemove", "300", "200", "key", key)

    def press_until(self, key: str, condition: Callable[[], bool]) -> None:
        """Two presses within one frame count once, so a key may have to be pressed again."""
        for _ in range(10):
            self.press(key)
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                if condition():
                    return
                time.sleep(0.02)
        raise AssertionError(f"key {key} has no effect: {self.messages.read_text()}")

    def screen(self) -> Any:
        subprocess.run(["import", "-window", "root", str(self._shot)], env=self._environment, check=True, timeout=60)
        return np.asarray(cv2.imread(str(self._shot)))

    def see(self, condition: Callable[[Any], bool], what: str) -> Any:
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, f"it ended: {self.messages.read_text()}"
            screen = self.screen()
            if condition(screen):
                return screen
            assert time.monotonic() < deadline, f"never seen: {what}; {self.messages.read_text()}"
            time.sleep(0.1)

    def lights_up(self) -> bool:
        """Wait for anything but black. Where no window manager runs, one of Qt's windows in ten is mapped and never
        told to paint, with any program; with a window manager none is.
        """
        deadline = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < deadline:
            if self.screen().any():
                return True
            if self.tell("search", "--name", "^nst-rt$"):
                deadline = min(deadline, time.monotonic() + 5)
            time.sleep(0.1)
        return False

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate()

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output.decode()


@pytest.fixture
def colored_video(tmp_path: Path) -> Path:
    """Two seconds of plain blue, 480x360; its negative is yellow."""
    return make_video(tmp_path / "blue.mp4", [np.full((360, 480, 3), (220, 40, 30), np.uint8)] * 50)


@pytest.fixture
def start(display: str, tmp_path: Path, inverting: Path, colored_video: Path) -> Iterator[Callable[..., Desktop]]:
    running: list[Desktop] = []

    def run(*more: str | Path) -> Desktop:
        arguments = ["--source", colored_video, "--loop", "--model", inverting, "--device", "cpu", *more]
        for _ in range(5):
            running.append(Desktop(display, tmp_path, arguments))
            if running[-1].lights_up():
                return running[-1]
            running[-1].stop()
            for begun in tmp_path.glob("*.part.*"):
                begun.unlink()  # a recording replaces nothing, not even one that was killed
        raise AssertionError(f"the window stays black: {running[-1].messages.read_text()}")

    yield run
    for desktop in running:
        desktop.stop()


BLUE, YELLOW = (220, 40, 30), (35, 215, 225)


def share_of(screen: Any, color: tuple[int, int, int]) -> float:
    close = (np.abs(screen[:400, :480].astype(int) - color) < 25).all(axis=2)
    return float(close.mean())


def stylized(screen: Any) -> bool:
    return share_of(screen, YELLOW) > 0.5


def original(screen: Any) -> bool:
    return share_of(screen, BLUE) > 0.5


def panel(screen: Any) -> bool:
    """Dark ground with white letters in the top left corner."""
    corner = screen[10:80, 10:150].astype(int)
    dark = (corner.max(axis=2) < 110).mean()
    white = (corner.min(axis=2) > 200).mean()
    return bool(dark > 0.4 and white > 0.01)


def key_help(screen: Any) -> bool:
    """Dark ground in the middle."""
    return bool((screen[100:380, 220:420].max(axis=2) < 110).mean() > 0.5)


@needs_x
@pytest.mark.window
def test_the_window_shows_the_stylised_image_and_obeys_its_keys(start: Callable[..., Desktop], tmp_path: Path) -> None:
    desktop = start("--json")
    desktop.see(lambda screen: stylized(screen) and panel(screen), "stylised image with its panel")
    desktop.press("i")
    desktop.see(lambda screen: stylized(screen) and not panel(screen), "stylised image alone")
    desktop.press("space")
    desktop.see(original, "original image")
    desktop.press("space")
    desktop.see(stylized, "stylised image again")
    desktop.press("h")
    desktop.see(key_help, "key help")
    desktop.press("h")
    # Seen before the next key is pressed: of two presses within one frame only one counts.
    desktop.see(lambda screen: not key_help(screen), "image without the key help")
    for _ in range(60):
        desktop.press("minus")
        if original(desktop.screen()):
            break
    desktop.see(original, "strength 0")
    desktop.press("r")
    desktop.see(
        lambda screen: bool((np.abs(screen[:80, 450:640].astype(int) - (60, 60, 235)) < 30).all(2).any()), "dot"
    )
    desktop.press_until("s", lambda: any(tmp_path.glob("nst-rt-*.png")))
    desktop.press_until("r", lambda: not any(tmp_path.glob("nst-rt-*.part.mp4")))
    desktop.press("q")
    code, output = desktop.end()
    assert code == 0
    summary = json.loads(output)
    assert summary["frames"] > 10
    assert summary["latency_ms"]["p50"] > 0
    assert summary["stylizer"]["device"] == "cpu"
    (snapshot,) = summary["snapshots"]
    assert (np.abs(np.asarray(cv2.imread(str(tmp_path / snapshot))).astype(int) - BLUE) < 30).all()
    (recorded,) = summary["recorded"]
    assert int(cv2.VideoCapture(str(tmp_path / recorded)).get(cv2.CAP_PROP_FRAME_COUNT)) > 0


# What a window manager's X button does: asks the window, by its own protocol, to close.
CLOSE = """
import ctypes, sys

class Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("message", ctypes.c_ulong), ("format", ctypes.c_int), ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_char * 128),
    ]

x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = ctypes.c_void_p
display = ctypes.c_void_p(x11.XOpenDisplay(None))
event = Event(type=33, display=display, window=int(sys.argv[1]), format=32)
event.message = x11.XInternAtom(display, b"WM_PROTOCOLS", 0)
event.data[0] = x11.XInternAtom(display, b"WM_DELETE_WINDOW", 0)
x11.XSendEvent(display, ctypes.c_ulong(event.window), 0, ctypes.c_long(0), ctypes.byref(event))
x11.XSync(display, 0)
"""


@needs_x
@pytest.mark.window
def test_closing_the_window_ends_the_run(start: Callable[..., Desktop], tmp_path: Path) -> None:
    desktop = start("--record", tmp_path / "out.mp4")
    desktop.see(stylized, "stylised image")
    window = desktop.tell("search", "--name", "^nst-rt$").split()[0]
    subprocess.run([sys.executable, "-c", CLOSE, window], env=desktop._environment, check=True, timeout=60)
    code, _ = desktop.end()
    assert code == 0
    assert (tmp_path / "out.mp4").is_file()
    assert "recorded" in desktop.messages.read_text()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are Linux's matter")
@pytest.mark.parametrize("variables", [{}, {"DISPLAY": ":4711"}, {"WAYLAND_DISPLAY": "wayland-0"}])
def test_without_a_display_there_is_one_line_and_no_crash(
    variables: dict[str, str], inverting: Path, colored_video: Path
) -> None:
    done = subprocess.run(
        command("--source", colored_video, "--model", inverting),
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("nst-rt: error: no window can be shown")
    assert "--no-window" in line
