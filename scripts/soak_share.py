"""Shared memory under fire: frames go through while server, producer and consumer are killed at random.

    python scripts/soak_share.py --frames 100000

Every frame carries its number and a checksum in its pixels. The consumer writes down what it got before it lets go of
it, the producer what it sent; both say what they were told to be lost. In the end the books must balance: in every
segment the consumer got frames 0, 1, 2 ... without a gap, what it did not get is exactly what it was told, nothing was
torn, and no segment is left. Exit code 1 if not.
"""

import argparse
import ctypes
import os
import random
import signal
import sys
import time
import traceback
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from nst_rt.contract import Frame
from nst_rt.errors import ServerGoneError, ShareTimeoutError
from nst_rt.shared_memory import ShareClient, ShareServer, Status
from nst_rt.shared_memory.segment_file import path_of
from numpy.typing import NDArray

WIDTH, HEIGHT = 64, 48
NOISE = np.random.default_rng(0).integers(0, 256, 2 * WIDTH * HEIGHT * 3, np.uint8)
PATIENCE = 60.0
PR_SET_PDEATHSIG = 1

Role = Callable[[str, int], None]


def draw(pixels: NDArray[np.uint8], tag: int) -> None:
    """Fill (H, W, 3): 8 bytes of tag, 4 of checksum, noise that depends on the tag."""
    flat = pixels.reshape(-1)
    start = tag % (NOISE.size - flat.size)
    flat[12:] = NOISE[start : start + flat.size - 12]
    flat[:8] = np.frombuffer(tag.to_bytes(8, "little"), np.uint8)
    flat[8:12] = np.frombuffer(checksum(flat).to_bytes(4, "little"), np.uint8)


def checksum(flat: NDArray[np.uint8]) -> int:
    return zlib.crc32(flat[12:], zlib.crc32(flat[:8]))


def is_whole(pixels: NDArray[np.uint8], tag: int) -> bool:
    """Whether inverted pixels are the whole frame of this tag."""
    flat = np.subtract(255, pixels).reshape(-1)
    told, said = (int.from_bytes(flat[place].tobytes(), "little") for place in (slice(8), slice(8, 12)))
    return told == tag and said == checksum(flat)


class Book:
    """Lines that survive being killed: each is one write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


def serve(name: str, life: int) -> None:
    def invert(frame: Frame, out: Frame) -> None:
        np.subtract(255, frame, out=out)

    with ShareServer(name, width=WIDTH, height=HEIGHT, slots=3) as server:
        signal.signal(signal.SIGTERM, lambda number, frame: server.stop())
        server.run(invert)


def produce(name: str, life: int, book: Book) -> None:
    client = ShareClient(name, consume=False, timeout=PATIENCE)
    segment, count = client.segment_id, 0
    while True:
        tag = life << 32 | count
        # Frames of all sizes up to the largest.
        height = HEIGHT - count % 30
        try:
            with client.writing(WIDTH, height, tag=tag, timeout=PATIENCE) as pixels:
                draw(pixels, tag)
            book.write("sent", segment, client.last_number, tag)
            count += 1
        except ServerGoneError:
            book.write("lost", segment, client.reconnect(PATIENCE), 0)
            segment = client.segment_id


def consume(name: str, life: int, book: Book) -> None:
    client = ShareClient(name, produce=False, timeout=PATIENCE)
    segment = client.segment_id
    book.write("joined", segment, life)
    while True:
        try:
            with client.reading(PATIENCE) as result:
                whole = result.status is Status.STYLIZED and is_whole(result.pixels, result.tag)
                book.write("got", segment, result.number, result.tag, "whole" if whole else f"TORN {result.message}")
        except ServerGoneError:
            lost = client.reconnect(PATIENCE)
            book.write("lost", segment, lost)
            segment = client.segment_id
            book.write("joined", segment, life)
        except ShareTimeoutError:
            continue


@dataclass
class Ledger:
    """What the books say."""

    sent: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    got: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    lost: dict[int, int] = field(default_factory=dict)
    lost_by_producer: dict[int, int] = field(default_factory=dict)
    late: int = 0
    joined: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    again: int = 0

    def read(self, folder: Path) -> None:
        for words in map(str.split, (folder / "produced").read_text().splitlines()):
            segment, number, tag = map(int, words[1:4])
            if words[0] == "lost":
                self.lost_by_producer[segment] = number
            else:
                self.sent[segment][number] = tag
        for words in map(str.split, (folder / "consumed").read_text().splitlines()):
            segment = int(words[1])
            if words[0] == "joined":
                self.joined[segment] += 1
            elif words[0] == "lost":
                self.lost[segment] = int(words[2])
            else:
                number, tag = int(words[2]), int(words[3])
                self.got[segment].append(number)
                if words[4] != "whole":
                    self.faults.append(f"segment {segment}: frame {number} came {' '.join(words[4:])}")
                if self.sent[segment].get(number, tag) != tag:
                    self.faults.append(f"segment {segment}: frame {number} came with the tag of another")

    def balance(self, last: int) -> None:
        """Look for gaps, and for losses that nobody was told of; `last` is the segment that is still served."""
        for segment in {*self.sent, *self.got, *self.lost}:
            got, sent = self.got[segment], self.sent[segment]
            expected = 0
            for number in got:
                if number == expected - 1:
                    self.again += 1  # written down, and killed before it was let go
                elif number != expected:
                    self.faults.append(f"segment {segment}: frame {number} came in place of {expected}")
                expected = max(expected, number + 1)
            if self.again > sum(self.joined.values()):
                self.faults.append("more frames came twice than consumers were killed")
            known = max(sent, default=-1) + 1
            missing = max(known, expected) - expected
            told = self.lost.get(segment, 0)
            # The server may go after the producer has looked for it, and the consumer leave before the frame is sent:
            # then it is the producer who is told.
            if segment != last and missing == told + 1 and self.lost_by_producer.get(segment, 0):
                self.late += 1
                told += 1
            # A producer may have been killed between handing over its last frame and writing that down.
            if segment != last and not missing <= told <= missing + 1:
                self.faults.append(f"segment {segment}: {missing} frames are missing, and the consumer was told {told}")
            if segment == last and missing > 6:
                self.faults.append(f"segment {segment}: {missing} frames are under way, and there are 6 slots")


class Crew:
    """The three processes."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._lives: Counter[str] = Counter()
        self.pids: dict[str, int] = {}
        self._ended = ""

    def start(self, role: str) -> None:
        self._lives[role] += 1
        pid = os.fork()
        if pid:
            self.pids[role] = pid
            return
        code = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # nobody outlives the soak
        try:
            if role == "server":
                serve(self._name, self._lives[role])
                code = 0
            elif role == "producer":
                produce(self._name, self._lives[role], Book(self._folder / "produced"))
            else:
                consume(self._name, self._lives[role], Book(self._folder / "consumed"))
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)

    def end(self, role: str, number: signal.Signals) -> int:
        """Send a signal and wait; the exit code, negative if it was killed, 1 if it had ended before."""
        if role not in self.pids:
            return 1
        pid = self.pids.pop(role)
        os.kill(pid, number)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def check(self) -> str:
        """Who ended by itself."""
        for role, pid in list(self.pids.items()):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self.pids[role]
                self._ended += f"the {role} ended by itself; "
        return self._ended


class Tally:
    """How many lines of each kind a growing book has."""

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._counts = path, 0, Counter[bytes]()

    def count(self, word: str) -> int:
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            self._read += len(new)
            self._counts.update(line.split(b" ", 1)[0] for line in new.splitlines())
        return self._counts[word.encode()]


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def soak(frames: int, every: float, seed: int, folder: Path) -> int:
    name = f"soak-{os.getpid()}"
    rng = random.Random(seed)
    crew, ledger, kills = Crew(name, folder), Ledger(), Counter[str]()
    tally = Tally(folder / "consumed")
    began = time.monotonic()
    for role in ("server", "producer", "consumer"):
        crew.start(role)
    stuck = ""
    while not stuck and (got := tally.count("got")) < frames:
        if not wait_for(lambda got=got: tally.count("got") > got or bool(crew.check())):
            stuck = f"no frame came for {PATIENCE:g} s"
            break
        time.sleep(rng.expovariate(1 / every))
        if stuck := crew.check():
            break
        role = rng.choice(("server", "server", "producer", "consumer"))
        told, joined = tally.count("lost"), tally.count("joined")
        crew.end(role, signal.SIGKILL)
        kills[role] += 1
        time.sleep(rng.random() * 0.05)
        crew.start(role)
        # The consumer must hear of each end before it may die itself, or there is nobody left to be told.
        if role == "server" and not wait_for(lambda told=told: tally.count("lost") > told):
            stuck = "the consumer did not come back"
        if role == "consumer" and not wait_for(lambda joined=joined: tally.count("joined") > joined):
            stuck = "the consumer did not join"
    seconds = time.monotonic() - began
    for role in ("producer", "consumer"):
        crew.end(role, signal.SIGKILL)
    last = path_of(name).stat().st_ino if path_of(name).exists() else 0
    ended = crew.end("server", signal.SIGTERM)
    ledger.read(folder)
    ledger.balance(last)
    if stuck:
        ledger.faults.append(stuck)
    if ended or path_of(name).exists():
        ledger.faults.append(
            f"the server ended with {ended}, its segment is {'there' if path_of(name).exists() else 'gone'}"
        )
    got = sum(len(set(numbers)) for numbers in ledger.got.values())
    lost = sum(ledger.lost.values()) + ledger.late
    sys.stdout.write(
        f"{got} frames received in {seconds:.0f} s through {len(ledger.got)} segments; killed: "
        f"{kills['server']} servers, {kills['producer']} producers, {kills['consumer']} consumers; "
        f"{lost} frames lost with servers, as told; {ledger.again} received twice by successors of killed "
        f"consumers; {len(ledger.faults)} faults\n"
    )
    for fault in ledger.faults[:20]:
        sys.stdout.write(f"FAULT {fault}\n")
    return 1 if ledger.faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000, help="to be received")
    parser.add_argument("--every", type=float, default=0.5, metavar="SECONDS", help="between two kills, on average")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        return soak(given.frames, given.every, given.seed, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
