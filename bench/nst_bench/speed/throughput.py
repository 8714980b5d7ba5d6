"""Frames in flight: how many a second when several are worked on at once."""

import threading
import time
from typing import Any

from nst_rt.engine.cpu_cores import physical_cores
from nst_rt.engine.session_pool import divided
from nst_rt.engine.timing import LatencyStatistics
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.latency import Case, moving_frames


def measure_throughput(
    case: Case, in_flight: int, seconds: float, *, threads: int | None = None, **loading: Any
) -> dict[str, Any]:
    """Keep `in_flight` frames in a stylizer's work for about `seconds`, the next handed over when one is back.

    Args:
        threads: of a processor, divided among them; if None, all physical cores.
        loading: arguments of `Stylizer.load`.

    Returns:
        JSON-ready: `frames_per_second` of all together, `latency` of one frame (milliseconds), sizes, `in_flight`,
        `threads` of each (of the last, where they do not come out even), and the device and precision that ran.

    Raises:
        NstError: as `Stylizer.load` and its calls do.
    """
    frames = moving_frames(case)
    total, lock, errors = LatencyStatistics(), threading.Lock(), list[Exception]()
    with Stylizer.load(threads=threads, in_flight=in_flight, **loading) as stylizer:
        stylizer.warm_up(case.height, case.width, case.batch)  # opens every session before the time counts
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
        told = stylizer.describe()
    if errors:
        raise errors[0]
    return {
        "width": case.width,
        "height": case.height,
        "batch": case.batch,
        "in_flight": in_flight,
        "threads": divided(threads or physical_cores(), in_flight)[-1],
        "device": told["device"],
        "precision": told["precision"],
        "frames_per_second": round(total.count * case.batch / elapsed, 2),
        "latency": total.milliseconds(),
    }
