"""Segments: who may have one, what is in the way, what is left of the dead, and both sides dying and coming back."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_disk import full_disk
from nst_rt.errors import RoleTakenError, ServerGoneError, ShareError, ShareTimeoutError
from nst_rt.shared_memory import ShareClient, ShareServer
from nst_rt.shared_memory.layout import HEADER_BYTES, MAGIC, Geometry, Header, SlotHeader
from nst_rt.shared_memory.role_locks import Role, process_start
from nst_rt.shared_memory.segment import Segment
from nst_rt.shared_memory.segment_file import path_of, remove_dead
from share_process import HEIGHT, WIDTH, image, server_process, serving, until

_PRODUCER = """
import sys, time
import numpy as np
from nst_rt.shared_memory import ShareClient
client = ShareClient(sys.argv[1], consume=False)
for index in range(2):
    client.send(np.full((48, 64, 3), index, np.uint8), tag=index)
with client.writing(64, 48) as pixels:
    pixels[:24] = 99  # and dies in the middle of it
    print("writing", flush=True)
    time.sleep(60)
"""


def server(name: str, **settings: int) -> ShareServer:
    return ShareServer(name, **{"width": WIDTH, "height": HEIGHT, **settings})


def test_the_layout_is_the_documented_one() -> None:
    """What programs in other languages are written against; a change is a new version."""
    offsets = {
        "magic": 0,
        "version": 8,
        "header_bytes": 12,
        "server_pid": 16,
        "state": 20,
        "server_start": 24,
        "segment_bytes": 32,
        "width": 40,
        "height": 44,
        "slots": 48,
        "slot_bytes": 56,
        "frame_bytes": 64,
        "frames_offset": 72,
        "results_offset": 80,
        "frames": 128,
        "results": 256,
        "producer": 384,
        "consumer": 448,
        "description": 512,
    }
    assert {field: getattr(Header, field).offset for field in offsets} == offsets
    slot = {
        "sequence": 0,
        "number": 8,
        "time_ns": 16,
        "tag": 24,
        "width": 32,
        "height": 36,
        "stride": 40,
        "pixel_format": 44,
        "size": 48,
        "written_ns": 56,
        "sent_ns": 64,
        "taken_ns": 72,
        "status": 80,
        "message": 128,
    }
    assert {field: getattr(SlotHeader, field).offset for field in slot} == slot
    assert (ctypes.sizeof(Header), ctypes.sizeof(SlotHeader)) == (4096, 256)
    geometry = Geometry.of(1920, 1080, 3)
    assert geometry.is_valid
    assert geometry.frame_bytes == 1920 * 1080 * 4
    assert geometry.results_offset == 4096 + 3 * geometry.slot_bytes


def test_a_segment_is_private_complete_and_gone_in_the_end(name: str) -> None:
    with server(name) as served:
        status = served.path.stat()
        assert served.path == Path(f"/dev/shm/nst-rt.{name}")
        assert status.st_mode & 0o777 == 0o600
        assert status.st_size == served.bytes == Geometry.of(WIDTH, HEIGHT, 3).segment_bytes
        assert status.st_blocks * 512 >= status.st_size  # nothing can be missing later
        assert served.path.read_bytes()[:12] == b"NSTRTSHM\1\0\0\0"
    assert not served.path.exists()
    served.close()  # twice is fine


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".x", "-x", "a b", "ä", "x" * 101])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ShareError, match="cannot be a name"):
        server(name)
    with pytest.raises(ShareError, match="cannot be a name"):
        ShareClient(name)


def test_one_server_a_name(name: str) -> None:
    with server(name) as first:
        with pytest.raises(RoleTakenError, match=f"process {os.getpid()} serves it already"):
            server(name)
        assert first.path.exists()


def test_no_server_is_said_in_time(name: str) -> None:
    with pytest.raises(ShareTimeoutError, match=f"{name}: .* no server of this name"):
        ShareClient(name, timeout=0.05)


_ELSEWHERE = """
import sys
import cv2, av, numpy, platform  # which have their own ways on other systems
platform.system = lambda: "Windows"
sys.modules["fcntl"] = None
sys.platform = "win32"
from nst_rt.errors import ShareError
from nst_rt.shared_memory import ShareClient, ShareServer
for opening in (lambda: ShareServer("cam0"), lambda: ShareClient("cam0")):
    try:
        opening()
    except ShareError as error:
        print(error)
"""


def test_other_systems_refuse_with_one_sentence() -> None:
    done = subprocess.run([sys.executable, "-c", _ELSEWHERE], capture_output=True, text=True, check=True)
    server_says, client_says = done.stdout.splitlines()
    assert server_says == client_says
    assert server_says.startswith("shared memory works on Linux on x86-64 and aarch64, not on Windows on")


def test_a_client_knows_its_segment_and_its_frames(name: str) -> None:
    with serving(server(name)) as served, ShareClient(name) as client:
        assert client.segment_id == served.path.stat().st_ino
        assert client.last_number is None
        client.stylize(image(0))
        assert client.last_number == 0
    with serving(server(name)), ShareClient(name, produce=False) as consumer:
        assert consumer.last_number is None


def test_slots_out_of_range(name: str) -> None:
    for slots in (0, 65):
        with pytest.raises(ShareError, match="1 to 64"):
            server(name, slots=slots)


def test_no_room(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(ShareError, match=r"no room for .* MB.*--shm-size"):
        server(name)


def test_more_than_there_is_is_not_even_begun(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(descriptor: int, offset: int, size: int) -> None:
        raise AssertionError("it would have filled the memory")

    monkeypatch.setattr("os.posix_fallocate", never)
    with pytest.raises(ShareError, match="no room for 137439 MB"):
        ShareServer(name, width=16384, height=16384, slots=64)


def test_a_file_too_large_for_the_limit(name: str) -> None:
    with full_disk(8192), pytest.raises(ShareError, match="no room"):
        server(name)


def test_something_else_under_the_name_is_left_alone(name: str) -> None:
    path = path_of(name)
    path.write_bytes(b"somebody's data")
    try:
        with pytest.raises(ShareError, match="not a segment of nst-rt"):
            server(name)
        with pytest.raises(ShareError, match="not a segment of nst-rt"):
            ShareClient(name)
        remove_dead()
        assert path.read_bytes() == b"somebody's data"
    finally:
        path.unlink()


def test_a_symbolic_link_is_not_followed(name: str, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(MAGIC + bytes(HEADER_BYTES))
    path_of(name).symlink_to(tmp_path / "victim")
    try:
        for opening in (server, ShareClient):
            with pytest.raises(ShareError, match="not a segment of nst-rt"):
                opening(name)
    finally:
        path_of(name).unlink()


def test_another_version_is_said(name: str) -> None:
    with server(name) as served:
        with served.path.open("r+b") as file:
            file.seek(8)
            file.write((7).to_bytes(4, "little"))
        with pytest.raises(ShareError, match="speaks version 7 of the protocol, this program version 1"):
            ShareClient(name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slots", 0),
        ("slots", 65),
        ("segment_bytes", 1),
        ("frame_bytes", 2**40),
        ("slot_bytes", 100),
        ("header_bytes", 1),
    ],
)
def test_a_damaged_header_is_said(field: str, value: int, name: str) -> None:
    with server(name) as served:
        at: Any = getattr(Header, field)
        with served.path.open("r+b") as file:
            file.seek(at.offset)
            file.write(value.to_bytes(at.size, sys.byteorder))
        with pytest.raises(ShareError, match="damaged"):
            ShareClient(name)


def test_a_short_file_is_said(name: str) -> None:
    path_of(name).write_bytes(MAGIC + (1).to_bytes(4, "little"))
    try:
        with pytest.raises(ShareError, match="damaged"):
            ShareClient(name)
    finally:
        path_of(name).unlink()


def test_the_segment_of_a_killed_server_is_replaced(name: str) -> None:
    with server_process(name) as process, ShareClient(name) as client:
        old = path_of(name).stat().st_ino
        np.testing.assert_array_equal(client.stylize(image(0)), 255 - image(0))
        process.kill()
        process.wait()
        assert path_of(name).exists()
        with pytest.raises(ServerGoneError, match="0 frames with it"):
            client.receive(timeout=30)
        with pytest.raises(ServerGoneError):
            client.send(image(0))
        with pytest.raises(ShareTimeoutError):  # what it left is no server
            client.reconnect(timeout=0.05)
        with serving(server(name, slots=5)):
            assert path_of(name).stat().st_ino != old
            assert client.reconnect() == 0
            np.testing.assert_array_equal(client.stylize(image(1)), 255 - image(1))
        assert not path_of(name).exists()


def test_a_process_number_used_again_is_not_taken_for_the_server(name: str) -> None:
    """What is left says that a process is the server which lives, this one."""
    with server_process(name) as process:
        process.kill()
        process.wait()
    with path_of(name).open("r+b") as file:
        file.seek(16)
        file.write(os.getpid().to_bytes(4, "little"))
        file.seek(24)
        file.write(process_start(os.getpid()).to_bytes(8, "little"))
    with server(name):
        pass


def test_the_dead_of_all_names_are_removed(name: str) -> None:
    with server_process(name) as process:
        assert path_of(name) not in remove_dead()
        process.kill()
        process.wait()
    assert path_of(name).exists()
    assert path_of(name) in remove_dead()


def test_who_clears_up_is_not_taken_for_the_server(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """He has the dead server's lock for a moment; nobody may send frames to him."""
    answers = []
    with server_process(name) as process, ShareClient(name) as client:
        segment = Segment.open(name)
        process.kill()
        process.wait()
        remove = Path.unlink

        def looked_at(path: Path, missing_ok: bool = False) -> None:
            answers.append((segment.taken(Role.SERVER), segment.served()))
            remove(path, missing_ok)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", looked_at)
            assert path_of(name) in remove_dead()
        assert answers == [(True, False)]
        with pytest.raises(ServerGoneError):
            client.send(image(0))


def test_frames_that_a_killed_server_took_along_are_counted(name: str) -> None:
    with server_process(name, seconds=30) as process, ShareClient(name) as client:
        for index in range(3):
            client.send(image(index))
        process.kill()
        process.wait()
        with pytest.raises(ServerGoneError, match="3 frames with it"):
            client.receive(timeout=30)
        with serving(server(name)):
            assert client.reconnect() == 3
            assert client.lost == 3
            assert client.send(image(0)) == 0
            client.receive()


def test_an_end_in_order_is_noticed_and_what_was_made_is_had(name: str) -> None:
    with server_process(name) as process, ShareClient(name) as client:
        for index in range(3):
            client.send(image(index))
        segment = Segment.open(name)
        assert until(lambda: segment.results().filled() == 3)
        segment.close()
        process.kill()
        process.wait()
        for index in range(3):
            np.testing.assert_array_equal(client.receive().pixels, 255 - image(index))
        with pytest.raises(ServerGoneError, match="0 frames"):
            client.receive()
    path_of(name).unlink()


def test_a_producer_killed_in_the_middle_of_a_frame(name: str) -> None:
    said: list[str] = []
    with serving(server(name), said), ShareClient(name, produce=False) as consumer:
        arguments = [sys.executable, "-c", _PRODUCER, name]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "writing\n"
            assert until(lambda: any("producer" in line and "joined" in line for line in said))
            process.kill()
        assert until(lambda: any("producer" in line and "died" in line for line in said))
        with ShareClient(name, consume=False) as successor:
            assert successor.first_number == 2
            successor.send(image(7), tag=7)
            for tag in (0, 1, 7):
                result = consumer.receive()
                assert result.tag == tag
                expected = 255 - image(7) if tag == 7 else np.full((HEIGHT, WIDTH, 3), 255 - tag, np.uint8)
                np.testing.assert_array_equal(result.pixels, expected)
            with pytest.raises(ShareTimeoutError):  # the half frame does not exist
                consumer.receive(timeout=0.05)


def test_a_consumer_that_comes_back_gets_what_it_did_not_read(name: str) -> None:
    with serving(server(name)), ShareClient(name, consume=False) as producer:
        first = ShareClient(name, produce=False)
        for index in range(3):
            producer.send(image(index), tag=index)
        with first.reading() as result:
            assert result.tag == 0
        with pytest.raises(ZeroDivisionError), first.reading() as result:
            raise ZeroDivisionError  # it had been seen
        first.close()
        with ShareClient(name, produce=False) as second:
            assert second.receive().tag == 2


def test_ctrl_c_breaks_a_wait(name: str) -> None:
    with server(name), ShareClient(name) as client:
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            with pytest.raises(KeyboardInterrupt):
                client.receive(timeout=60)
        finally:
            signal.signal(signal.SIGALRM, before)


def test_a_client_waits_for_its_server(name: str) -> None:
    began = time.monotonic()
    with server_process(name), ShareClient(name, timeout=30) as client:
        assert time.monotonic() - began < 30
        client.stylize(image(0))
    path_of(name).unlink(missing_ok=True)
