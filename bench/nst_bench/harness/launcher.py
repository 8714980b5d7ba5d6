"""Runs one Python process to its end and tells its time and its memory.

A process of its own does the launching: the kernel counts what the launching process held as the child's most, and a
bench that has loaded PyTorch holds more than what it measures.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence

TIMEOUT = 120.0
"""Seconds after which a process is given up."""
MEGABYTE = 1 << 20


def run_process(arguments: Sequence[str], timeout: float = TIMEOUT) -> dict[str, float]:
    """Run `python ARGUMENTS` to its end.

    Returns:
        `seconds`, `peak_mb` (the kernel's own account of resident memory), `gpu_mb` where NVIDIA's driver saw it.

    Raises:
        RuntimeError: another exit code than 0, with the last line of its stderr; or it took longer than `timeout`.
    """
    command = [sys.executable, "-m", __name__, str(timeout), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"exit code {done.returncode}")
    told: dict[str, float] = json.loads(done.stdout)
    return told


def main() -> None:
    """`python -m nst_bench.harness.launcher TIMEOUT ARGUMENTS`: JSON on stdout, or the reason on stderr."""
    timeout, arguments = float(sys.argv[1]), sys.argv[2:]
    # What pip installs is compiled to bytecode; a checkout must not be compiled anew in every run beside it.
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=errors, env=compiled)
        watch = threading.Timer(timeout, process.kill)
        watch.start()
        cards = _CardMemory(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.cancel()
        most = cards.stop()
        if process.returncode != 0:
            errors.seek(0)
            lines = errors.read().strip().splitlines()
            ended = f"ended by signal {-process.returncode}" if process.returncode < 0 else "failed without a word"
            sys.exit(f"not done in {timeout:g} s" if seconds >= timeout else lines[-1] if lines else ended)
    # Linux counts kilobytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    told = {"seconds": seconds, "peak_mb": usage.ru_maxrss * unit / MEGABYTE}
    print(json.dumps(told if most is None else told | {"gpu_mb": most}))  # noqa: T201


class _CardMemory:
    """Asks nvidia-smi for a process's memory ten times a second, where there is one to ask."""

    def __init__(self, process: int) -> None:
        self._process, self._ended = process, threading.Event()
        self._most: float | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float | None:
        """Megabytes at most; None if it was never seen."""
        self._ended.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        query = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
        while not self._ended.wait(0.1):
            try:
                listed = subprocess.run(query, capture_output=True, text=True, check=True, timeout=5).stdout
            except (OSError, subprocess.SubprocessError):
                return
            for line in listed.splitlines():
                process, _, used = line.partition(",")
                if process.strip() == str(self._process) and used.strip().isdigit():
                    self._most = max(self._most or 0.0, float(used))


if __name__ == "__main__":
    main()
