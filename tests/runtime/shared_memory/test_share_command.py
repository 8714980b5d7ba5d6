"""`nst-rt share` from the outside: what it says, how it ends, and that real networks come through."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_rt import Stylizer
from nst_rt.errors import ServerGoneError
from nst_rt.shared_memory import ShareClient
from nst_rt.shared_memory.segment_file import path_of
from share_process import image

COMMAND = [sys.executable, "-c", "from nst_rt.cli import main; main()", "share", "--threads", "1", "--device", "cpu"]


@contextmanager
def share(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    """The first line that is not about what others left behind on this machine."""
    assert process.stderr
    while (line := process.stderr.readline()).startswith("removed /dev/shm/nst-rt."):
        pass
    return line


def refused(*arguments: str) -> str:
    told = subprocess.run([*COMMAND, *arguments, "--quiet"], capture_output=True, text=True, timeout=120, check=False)
    assert (told.returncode, told.stdout) == (2, "")
    lines = told.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_tells_and_ends_in_order(number: signal.Signals, tinting: Path, name: str) -> None:
    painting = tinting.with_name("painting.png")
    cv2.imwrite(str(painting), np.full((32, 32, 3), (10, 60, 200), np.uint8))
    expected = Stylizer.load(painting, model=tinting, device="cpu")(image(3, 80, 40))
    with share("--name", name, "--model", str(tinting), "--style", str(painting), "--size", "80x60") as process:
        line = first_line(process)
        assert line.startswith(f"serving {name}: frames up to 80x60, 3 slots, ")
        assert str(path_of(name)) in line
        with ShareClient(name) as client:
            assert client.size == (80, 60)
            assert client.description == f"test {painting} on cpu"
            np.testing.assert_array_equal(client.stylize(image(3, 80, 40)), expected)
            process.send_signal(number)
            with pytest.raises(ServerGoneError):
                client.receive(timeout=30)
        out, err = process.communicate(timeout=30)
    lines = err.splitlines()
    assert (process.returncode, out) == (0, "")
    assert lines[0].startswith("producer: process")
    assert lines[-2] == "ran on cpu"
    assert lines[-1].startswith("1 frames in ")
    assert not path_of(name).exists()


def test_quiet_is_quiet(inverting: Path, name: str) -> None:
    with share("--name", name, "--style", str(inverting), "--quiet", "--strength", "0") as process:
        with ShareClient(name, timeout=30) as client:
            np.testing.assert_array_equal(client.stylize(image(0)), image(0))
        process.terminate()
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def test_many_frames_at_once_come_in_order(inverting: Path, name: str) -> None:
    with share("--name", name, "--style", str(inverting), "--quiet", "--slots", "5") as process:
        with ShareClient(name, timeout=30) as client:

            def send() -> None:
                for index in range(50):
                    client.send(image(index), tag=index, timeout=30)

            thread = threading.Thread(target=send)
            thread.start()
            for index in range(50):
                result = client.receive(timeout=30)
                assert result.tag == index
                np.testing.assert_array_equal(result.pixels, 255 - image(index))
            thread.join()
        process.terminate()
        process.wait(30)


def test_a_second_server_is_refused_and_a_dead_one_replaced(inverting: Path, name: str) -> None:
    arguments = ("--name", name, "--style", str(inverting))
    with share(*arguments) as first:
        assert first_line(first).startswith("serving")
        assert f"process {first.pid} serves it already" in refused(*arguments)
        first.kill()
        first.wait()
    assert path_of(name).exists()
    with share(*arguments) as second:
        assert second.stderr
        lines = iter(second.stderr.readline, "")
        assert f"removed {path_of(name)}, whose server is dead\n" in lines
        assert first_line(second).startswith("serving")
        with ShareClient(name) as client:
            np.testing.assert_array_equal(client.stylize(image(0)), 255 - image(0))
        second.terminate()
        second.wait(30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--name", "a/b"], "cannot be a name"),
        (["--name", "x", "--size", "large"], "no size"),
        (["--name", "x", "--size", "8x8"], "16 to 16384"),
        (["--name", "x", "--slots", "0"], "1<=x<=64"),
        (["--name", "x", "--matrix", "bt2020"], "not one of auto, bt601, bt709"),
        (["--name", "x", "--range", "tv"], "not one of auto, limited, full"),
        (["--name", "x", "--strength", "2"], "out of range"),
        (["--name", "x", "--stroke-size", "9"], "stroke size 9 is out of range"),
        (["--name", "x", "--style", "nonsense"], "nonsense"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: str) -> None:
    assert words in refused(*arguments)
    assert not path_of("x").exists()
