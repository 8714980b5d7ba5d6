"""A share server with an inverting network: in a thread, or in a process that can be killed."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from nst_rt.media.pixels.frame import Image
from nst_rt.shared_memory import ShareServer

WIDTH, HEIGHT = 64, 48

_PROGRAM = """
import sys, time
import numpy as np
from nst_rt.shared_memory import ShareServer
name, slots, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])

def invert(frame, out):
    time.sleep(seconds)
    np.subtract(255, frame, out=out)

with ShareServer(name, width=64, height=48, slots=slots) as server:
    print("ready", flush=True)
    server.run(invert)
"""


def invert(frame: Image, out: Image) -> None:
    """The network."""
    np.subtract(255, frame, out=out)


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Different for every index, in every row."""
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)


@contextmanager
def serving(server: ShareServer, lines: list[str] | None = None) -> Iterator[ShareServer]:
    """Run it in a thread while the block runs."""
    said = lines if lines is not None else []
    thread = threading.Thread(target=server.run, args=(invert,), kwargs={"report": said.append})
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)
        server.close()
        assert not thread.is_alive()


@contextmanager
def server_process(name: str, slots: int = 3, seconds: float = 0.0) -> Iterator["subprocess.Popen[str]"]:
    """Serve in a process that takes `seconds` for a frame."""
    arguments = [sys.executable, "-c", _PROGRAM, name, str(slots), str(seconds)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def until(condition: object, seconds: float = 10.0) -> bool:
    """Wait for a callable to be true."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
