"""`nst-rt pipe` as a process, and streams to send through it."""

import fcntl
import os
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMMAND = [sys.executable, "-c", "from nst_rt.cli import main; main()", "pipe", "--threads", "1", "--device", "cpu"]

WIDTH, HEIGHT = 64, 48
SIZE = f"{WIDTH}x{HEIGHT}"


def command(model: Path, *arguments: str) -> list[str]:
    """The command line, with a model."""
    return [*COMMAND, "--style", str(model), *arguments]


def send(model: Path, stream: bytes, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run to the end."""
    return _send(command(model, *arguments), stream)


def send_styled(model: str, stream: bytes, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """The same for a model that takes style vectors; the style is among the arguments."""
    return _send([*COMMAND, "--model", model, *arguments], stream)


def _send(line: list[str], stream: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(line, input=stream, capture_output=True, timeout=120, check=False)


def start(model: Path, *arguments: str, **settings: Any) -> "subprocess.Popen[bytes]":
    """Run with pipes at all ends."""
    return _start(command(model, *arguments), **settings)


def start_styled(model: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """The same for a model that takes style vectors."""
    return _start([*COMMAND, "--model", model, *arguments])


def _start(line: list[str], **settings: Any) -> "subprocess.Popen[bytes]":
    ends = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    return subprocess.Popen(line, bufsize=0, **ends)


def read_exactly(descriptor: int, count: int) -> bytes:
    """Read so many bytes, fewer only at the end."""
    data = b""
    while len(data) < count and (piece := os.read(descriptor, count - len(data))):
        data += piece
    return data


def waiting_in(pipe: int) -> int:
    """Bytes in a pipe that nobody has taken yet."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Smooth, and different for every index."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 200 // width + 20, y * 200 // height + 20, np.full_like(x, 20 + index * 31 % 200)]
    return np.dstack(planes).astype(np.uint8)


def y4m(
    frames: Sequence[bytes], tags: str = "F25:1 Ip A1:1 C420jpeg", size: tuple[int, int] = (WIDTH, HEIGHT)
) -> bytes:
    """A yuv4mpegpipe stream of frames of planes."""
    header = f"YUV4MPEG2 W{size[0]} H{size[1]} {tags}".strip().encode() + b"\n"
    return header + b"".join(b"FRAME\n" + frame for frame in frames)


def flat_yuv(luma: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A 4:2:0 frame of one gray."""
    return bytes([luma]) * (width * height) + b"\x80" * (2 * -(-width // 2) * -(-height // 2))


def error_line(stderr: bytes) -> str:
    """The one line of an error; anything else fails."""
    lines = stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("nst-rt: error: "), lines
    return lines[0]
