"""Frames in flight: how many a second when several are worked on at once."""

import os
import threading
import time
from typing import Any

from nst_rt.stylizer import Stylizer
from nst_rt.timing import LatencyStatistics

from nst_bench.latency import Case, moving_frames


def measure_throughput(
    case: Case, in_flight: int, seconds: float, *, threads: int | None = None, **loading: Any
) -> dict[str, Any]:
    """Run `in_flight` stylizers side by side for about `seconds`, each handed its next frame when the last is back.

    On a processor the cores are divided among them, at least one thread each.

    Args:
        threads: of each stylizer; if None, its share of the cores.
        loading: arguments of `Stylizer.load`.

    Returns:
        JSON-ready: `frames_per_second` of all together, `latency` of one frame (milliseconds), sizes, `in_flight`,
        `threads` of each, and the device and precision that ran.

    Raises:
        NstError: as `Stylizer.load` and its calls do.
    """
    share = threads or max(1, (os.cpu_count() or 1) // in_flight)
    workers = [Stylizer.load(threads=share, **loading) for _ in range(in_flight)]
    frames = moving_frames(case)
    total, lock, errors = LatencyStatistics(), threading.Lock(), list[Exception]()
    try:
        for worker in workers:
            worker.warm_up(case.height, case.width, case.batch)
        start = threading.Barrier(in_flight + 1)

        def work(worker: Stylizer) -> None:
            start.wait()
            index, end = 0, time.perf_counter() + seconds
            try:
                while index < 2 or time.perf_counter() < end:
                    before = time.perf_counter()
                    worker(frames[index % len(frames)])
                    with lock:
                        total.add(time.perf_counter() - before)
                    index += 1
            except Exception as error:
                errors.append(error)

        running = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in workers]
        for thread in running:
            thread.start()
        start.wait()
        begun = time.perf_counter()
        for thread in running:
            thread.join()
        elapsed = time.perf_counter() - begun
        told = workers[0].describe()
    finally:
        for worker in workers:
            worker.close()
    if errors:
        raise errors[0]
    return {
        "width": case.width,
        "height": case.height,
        "batch": case.batch,
        "in_flight": in_flight,
        "threads": share,
        "device": told["device"],
        "precision": told["precision"],
        "frames_per_second": round(total.count * case.batch / elapsed, 2),
        "latency": total.milliseconds(),
    }
