"""Runs one Python process to its end, and measures its time and its memory.

A small process in between launches it: the kernel counts the memory of the launching process as the child's peak, and
a bench that has loaded PyTorch holds more than what it measures.
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
"""Seconds after which a process is killed."""
MEGABYTE = 1 << 20


def run_process(arguments: Sequence[str], timeout: float = TIMEOUT) -> dict[str, float]:
    """Run `python ARGUMENTS` to its end.

    Returns:
        `seconds`; `peak_mb`, the most resident memory by the kernel's count; and `gpu_mb`, if NVIDIA's driver saw the
        process.

    Raises:
        RuntimeError: the exit code is not 0 (the message is the last line of its stderr), or it took longer than
            `timeout` seconds.
    """
    command = [sys.executable, "-m", __name__, str(timeout), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"exit code {done.returncode}")
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> None:
    """`python -m nst_bench.harness.launcher TIMEOUT ARGUMENTS`: JSON on stdout, or the reason on stderr."""
    if sys.platform == "win32":
        sys.exit("the memory of a process is measured on Linux and macOS only")
    timeout, arguments = float(sys.argv[1]), sys.argv[2:]
    # pip compiles what it installs to bytecode; a checkout must not be compiled again in every run.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=errors, env=environment
        )
        watchdog = threading.Timer(timeout, process.kill)
        watchdog.start()
        gpu = _GpuMemory(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        watchdog.cancel()
        gpu_mb = gpu.stop()
        if process.returncode != 0:
            errors.seek(0)
            sys.exit(_reason(process.returncode, errors.read(), timeout if seconds >= timeout else None))
    # Linux counts kilobytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    measured = {"seconds": seconds, "peak_mb": usage.ru_maxrss * unit / MEGABYTE}
    print(json.dumps(measured if gpu_mb is None else measured | {"gpu_mb": gpu_mb}))  # noqa: T201


def _reason(code: int, errors: str, timeout: float | None) -> str:
    if timeout is not None:
        return f"not done in {timeout:g} s"
    if lines := errors.strip().splitlines():
        return lines[-1]
    return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code} and no message"


class _GpuMemory:
    """Asks nvidia-smi ten times a second how much GPU memory a process holds; without nvidia-smi it does nothing."""

    def __init__(self, process: int) -> None:
        self._process, self._ended = process, threading.Event()
        self._peak: float | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float | None:
        """The peak in megabytes; None if the process was never seen."""
        self._ended.set()
        self._thread.join()
        return self._peak

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
                    self._peak = max(self._peak or 0.0, float(used))


if __name__ == "__main__":
    main()
