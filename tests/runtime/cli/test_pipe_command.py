"""`nst-rt pipe` from the outside: what it prints where, and with which code every kind of end comes."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nst_rt.cli
import numpy as np
import pytest
from pipe_process import (
    SIZE,
    command,
    error_line,
    flat_yuv,
    image,
    read_exactly,
    send,
    start,
    y4m,
)

RAW = ["--format", "bgr24", "--size", SIZE]
FRAME_BYTES = 64 * 48 * 3


def test_frames_on_stdout_statistics_on_stderr(inverting: Path) -> None:
    frames = [image(index) for index in range(5)]
    told = send(inverting, b"".join(frame.tobytes() for frame in frames), *RAW)
    assert told.returncode == 0
    assert told.stdout == b"".join((255 - frame).tobytes() for frame in frames)
    lines = told.stderr.decode().splitlines()
    assert lines[0] == "in: bgr24 64x48; out: bgr24 64x48"
    assert lines[1] == "running on cpu"
    assert lines[2].startswith("5 frames in ")
    for word in ("frames/s", "latency p50", "p99", "read", "to BGR", "stylise", "from BGR", "write"):
        assert word in lines[2]


def test_quiet_is_quiet(inverting: Path) -> None:
    told = send(inverting, y4m([flat_yuv(16)]), "--quiet")
    assert (told.returncode, told.stdout, told.stderr) == (0, y4m([flat_yuv(235)]), b"")


def test_an_empty_raw_stream_is_no_error(inverting: Path) -> None:
    told = send(inverting, b"", *RAW)
    assert (told.returncode, told.stdout) == (0, b"")
    assert "0 frames in" in told.stderr.decode()


def test_one_format_in_another_out(inverting: Path) -> None:
    frame = np.dstack([image(3), np.full((48, 64), 77, np.uint8)])  # rgba
    told = send(inverting, frame.tobytes(), "--format", "rgba", "--size", SIZE, "--output-format", "bgr24")
    assert told.stdout == (255 - frame[..., 2::-1]).tobytes()
    assert "no transparency" in told.stderr.decode()
    told = send(inverting, y4m([flat_yuv(16)], "F30:1 It C420mpeg2"), "--output-format", "rgb24")
    assert told.stdout == b"\xff" * FRAME_BYTES
    assert "interlaced" in told.stderr.decode()


def test_matrix_and_range_are_obeyed_and_told(inverting: Path) -> None:
    told = send(inverting, y4m([flat_yuv(16)]), "--matrix", "bt709", "--range", "full", "--output-format", "bgr24")
    assert told.stdout == b"\xef" * FRAME_BYTES
    assert "64x48 yuv420p, BT.709, full range" in told.stderr.decode()
    told = send(inverting, y4m([flat_yuv(255)], "F25:1 XCOLORRANGE=FULL"))
    assert told.stdout == y4m([flat_yuv(0)], "F25:1 XCOLORRANGE=FULL")


def test_options_reach_the_network(inverting: Path) -> None:
    told = send(inverting, image(0).tobytes(), *RAW, "--strength", "0")
    assert told.stdout == image(0).tobytes()


@pytest.mark.parametrize(
    ("arguments", "stream", "code", "words"),
    [
        ([], b"", 3, "nothing came"),
        ([], b"RIFF\x00\x00\x00\x00AVI LIST", 3, "not yuv4mpegpipe"),
        ([], b"YUV4MPEG2 W64 H48 C420p10\n", 3, "C420p10"),
        ([], b"YUV4MPEG2 W8 H8\n", 3, "8x8 px"),
        ([], y4m([flat_yuv(16)]) + y4m([], size=(128, 96)), 3, "a header for 128x96 in place of 64x48"),
        ([], y4m([flat_yuv(16)])[:-7], 4, "inside frame 1, 4601 of its 4608 bytes"),
        (RAW, bytes(FRAME_BYTES + 5), 4, "inside frame 2, 5 of its 9216 bytes"),
        (["--format", "bgr24"], b"", 2, "Give one, such as 1280x720 (option --size)"),
        (["--format", "bgr24", "--size", "64"], b"", 2, "no size"),
        (["--format", "bgr24", "--size", "8x8"], b"", 2, "8x8 px"),
        (["--size", SIZE], b"", 2, "give their format"),
        (["--format", "yuyv422", "--size", SIZE], b"", 2, "not one of yuv4mpegpipe, bgr24"),
        (["--output-format", "mp4"], b"", 2, "not one of"),
        (["--matrix", "bt2020"], b"", 2, "not one of auto, bt601, bt709"),
        (["--range", "tv"], b"", 2, "not one of auto, limited, full"),
        (["--rate", "25"], b"", 2, "only for raw frames"),
        ([*RAW, "--output-format", "yuv4mpegpipe", "--rate", "25/0"], b"", 2, "no frame rate"),
        (["--strength", "2"], b"", 2, "out of range"),
        (["--stroke-size", "9"], b"", 2, "stroke size 9 is out of range"),
    ],
)
def test_every_kind_of_bad_input_is_one_line_and_a_code(
    arguments: list[str], stream: bytes, code: int, words: str, inverting: Path
) -> None:
    told = send(inverting, stream, "--quiet", *arguments)
    assert told.returncode == code
    assert words in error_line(told.stderr)


def test_frames_before_a_bad_end_are_written(inverting: Path) -> None:
    told = send(inverting, image(0).tobytes() + b"\0", *RAW)
    assert (told.returncode, told.stdout) == (4, (255 - image(0)).tobytes())
    assert "1 frames in" in told.stderr.decode()


def test_a_reader_that_is_gone_has_its_own_code(inverting: Path) -> None:
    running = start(inverting, *RAW, "--quiet")
    assert running.stdin
    assert running.stdout
    assert running.stderr
    running.stdin.write(image(0).tobytes())
    assert len(read_exactly(running.stdout.fileno(), FRAME_BYTES)) == FRAME_BYTES
    running.stdout.close()
    running.stdin.write(image(1).tobytes())  # the source lives on, and is silent
    assert running.wait(60) == 5
    assert "ended after 1 frames" in error_line(running.stderr.read())
    running.stdin.close()
    running.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_between_two_frames(number: signal.Signals, inverting: Path) -> None:
    running = start(inverting, *RAW)
    assert running.stdin
    running.stdin.write(image(0).tobytes())
    assert running.stdout
    first = read_exactly(running.stdout.fileno(), FRAME_BYTES)
    running.stdin.write(image(1).tobytes()[:1000])
    running.send_signal(number)
    assert running.wait(60) == 130
    assert first + running.stdout.read() == (255 - image(0)).tobytes()
    assert running.stderr
    told = running.stderr.read().decode()
    assert "1 frames in" in told
    assert "Traceback" not in told
    for end in (running.stdin, running.stdout, running.stderr):
        end.close()


def test_a_signal_while_it_waits_for_a_header(inverting: Path) -> None:
    code = (
        "import sys, nst_rt.media.raw_frames.raw_reader as raw; from nst_rt.cli import main\n"
        "read = raw.read_y4m_header\n"
        "raw.read_y4m_header = lambda stream: (print('waiting', file=sys.stderr, flush=True), read(stream))[1]\n"
        "main()"
    )
    line = [sys.executable, "-c", code, *command(inverting)[3:]]
    running = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stderr
    assert running.stderr.readline() == b"waiting\n"
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, b"", b"")


def test_terminals_are_refused_with_a_hint(inverting: Path) -> None:
    master, terminal = pty.openpty()
    try:
        for ends, words in (
            ({"stdin": terminal, "stdout": subprocess.PIPE}, "stdin: a terminal"),
            ({"stdin": subprocess.DEVNULL, "stdout": terminal}, "stdout: frames do not go to a terminal"),
        ):
            told = subprocess.run(command(inverting), stderr=subprocess.PIPE, check=False, **ends)  # type: ignore[call-overload]
            assert told.returncode == 2
            line = error_line(told.stderr)
            assert words in line
            assert "| ffplay" in line
    finally:
        os.close(master)
        os.close(terminal)


def test_messages_do_not_land_between_frames(inverting: Path) -> None:
    told = subprocess.run(
        command(inverting, *RAW), input=b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert told.returncode == 2
    assert "Leave 2>&1 out" in error_line(told.stdout)


def test_what_libraries_print_goes_to_stderr(inverting: Path) -> None:
    code = (
        "import os, nst_rt.stylizer.stylizer; from nst_rt.cli import main\n"
        "prepare = nst_rt.stylizer.stylizer.Stylizer.prepare\n"
        "def chatty(self, *arguments):\n"
        "    print('from Python', flush=True)\n"
        "    os.write(1, b'from C\\n')\n"
        "    return prepare(self, *arguments)\n"
        "nst_rt.stylizer.stylizer.Stylizer.prepare = chatty\n"
        "main()"
    )
    line = [sys.executable, "-c", code, *command(inverting, *RAW)[3:]]
    told = subprocess.run(line, input=image(0).tobytes(), capture_output=True, check=False)
    assert (told.returncode, told.stdout) == (0, (255 - image(0)).tobytes())
    assert b"from Python\nfrom C\n" in told.stderr


def test_stdout_is_left_as_it_was(inverting: Path) -> None:
    inside, outside = os.pipe()
    told = subprocess.run(command(inverting, *RAW, "-q"), input=b"", stdout=outside, check=False)
    assert told.returncode == 0
    assert os.get_blocking(outside)
    os.close(inside)
    os.close(outside)


def test_a_full_disk_is_said(inverting: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("wb") as full:
        line = command(inverting, *RAW, "-q")
        told = subprocess.run(line, input=bytes(FRAME_BYTES), stdout=full, stderr=subprocess.PIPE, check=False)
    assert told.returncode == 2
    assert "cannot be written" in error_line(told.stderr)


def test_help_tells_the_exit_codes(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[Any]) -> None:
    monkeypatch.setattr(sys, "argv", ["nst-rt", "pipe", "--help"])
    with pytest.raises(SystemExit) as stop:
        nst_rt.cli.main()
    assert not stop.value.code
    text = " ".join(capfd.readouterr().out.split())
    for words in ("Exit codes: 0", "3 the header is no good", "4 the stream ended inside a frame", "5 the program"):
        assert words in text
