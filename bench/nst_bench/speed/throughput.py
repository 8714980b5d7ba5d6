"""Frames in flight: frames per second when several are stylised at once."""

import threading
import time
from typing import Any

from nst_rt.engine.cpu_cores import physical_cores
from nst_rt.engine.session_pool import divided
from nst_rt.engine.timing import LatencyStatistics

from nst_bench.harness.workload import Case, Target, moving_frames


def measure_throughput(case: Case, in_flight: int, seconds: float, target: Target) -> dict[str, Any]:
    """Keep `in_flight` frames in one stylizer for about `seconds`; the next is handed over when one is back.

    Args:
        target: its threads are divided among the frames; all physical cores if it has none.

    Returns:
        JSON-ready: `frames_per_second` of all together, `latency` of one frame (milliseconds), sizes, `in_flight`,
        `threads` of each frame (of the last one, if they cannot be divided evenly), and the device and precision that
        ran.

    Raises:
        NstError: as `Stylizer.load` and its calls do.
    """
    frames = moving_frames(case)
    total, lock, errors = LatencyStatistics(), threading.Lock(), list[Exception]()
    with target.load(in_flight=in_flight) as stylizer:
        stylizer.warm_up(case.height, case.width, case.batch)  # opens every session before the clock starts
        start = threading.Barrier(in_flight + 1)

        def work() -> None:
            start.wait()
            index, end = 0, time.perf_counter() + seconds
            try:
                while not errors and (index < 2 or time.perf_counter() < end):
                    before = time.perf_counter()
                    stylizer(frames[index % len(frames)])
                    with lock:
                        total.add(time.perf_counter() - before)
                    index += 1
            except Exception as error:
                errors.append(error)

        running = [threading.Thread(target=work, daemon=True) for _ in range(in_flight)]
        for thread in running:
            thread.start()
        start.wait()
        begun = time.perf_counter()
        for thread in running:
            thread.join()
        elapsed = time.perf_counter() - begun
        described = stylizer.describe()
    if errors:
        raise errors[0]
    return {
        "width": case.width,
        "height": case.height,
        "batch": case.batch,
        "in_flight": in_flight,
        "threads": divided(target.threads or physical_cores(), in_flight)[-1],
        "device": described["device"],
        "precision": described["precision"],
        "frames_per_second": round(total.count * case.batch / elapsed, 2),
        "latency": total.milliseconds(),
    }
