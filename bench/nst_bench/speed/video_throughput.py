"""A video from decoder to encoder, and each of its stages alone: does it run at the speed of the slowest stage?"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from nst_rt.contract import Frame
from nst_rt.engine.cpu_cores import available_cores
from nst_rt.jobs.pipeline import overlapped_in_flight
from nst_rt.jobs.video_job import transcode
from nst_rt.media.video.video_info import VideoInfo
from nst_rt.media.video.video_reader import VideoFrame, VideoReader
from nst_rt.media.video.video_writer import CRF, PRESET, VideoWriter
from nst_rt.stylizer.protocol import Prepared
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.noise import relative_noise
from nst_bench.harness.workload import Case, Target, moving_frames

STAGES = ("decode", "stylise", "encode")
ONE_AT_A_TIME = "one at a time"
"""Stylising with all cores on every single frame, as the live window does."""
RATE = Fraction(25)


class Spent(NamedTuple):
    """The time of a stage, or of all stages together."""

    seconds: float
    cpu: float
    """Seconds of all threads."""


def measure_video(case: Case, frames: int, rounds: int, target: Target) -> dict[str, Any]:
    """Decode, stylise and encode a drawn H.264 video, each stage alone and then all as `nst-rt video` does, in turns.

    Alone and in the whole, as many frames are stylised at once as `nst-rt video` chooses by itself. If that is more
    than one, stylising one frame at a time is measured too: what it would cost that frames wait for each other.

    The video is written with the defaults of `nst-rt video`, and so are the results. Every stage gets the frames that
    it gets in the whole. They wait in memory: 0.3 GB for 100 frames of 720p, and up to twice that while stylised
    frames replace them.

    On a GPU the stages have processors of their own, and the whole can be as fast as the slowest of them. On a CPU all
    stages share the cores, so the whole takes at least their CPU seconds divided by the number of cores.

    Args:
        rounds: how often each stage is measured.

    Returns:
        JSON-ready: `width`, `height`, `frames`, `in_flight`, `device`, `precision`, and what `summary` returns.
    """
    spent: dict[str, list[Spent]] = {name: [] for name in (*STAGES, ONE_AT_A_TIME, "whole")}
    with (
        tempfile.TemporaryDirectory() as folder,
        target.load(in_flight=None) as stylizer,
        ExitStack() as opened,
    ):
        video, copy = Path(folder) / "video.mp4", Path(folder) / "copy.mp4"
        drawn = moving_frames(case)
        _write(video, [VideoFrame(drawn[at % len(drawn)], at, 1 / RATE) for at in range(frames)])
        in_flight = stylizer.in_flight(case.height, case.width)
        stylizer.warm_up(case.height, case.width)
        one_at_a_time = None
        if in_flight > 1:
            one_at_a_time = opened.enter_context(target.load())
            one_at_a_time.warm_up(case.height, case.width)
        for _ in range(rounds):
            held: list[VideoFrame] = []
            with VideoReader(video) as reader:
                spent["decode"].append(_timed(held.extend, reader))
            if one_at_a_time is not None:
                spent[ONE_AT_A_TIME].append(_timed(_stylise, one_at_a_time, held, 1, False))
            spent["stylise"].append(_timed(_stylise, stylizer, held, in_flight))
            if one_at_a_time is None:
                spent[ONE_AT_A_TIME].append(spent["stylise"][-1])
            spent["encode"].append(_timed(_write, copy, held))
            held.clear()
            with VideoReader(video) as reader:
                spent["whole"].append(_timed(_convert, reader, stylizer, copy, in_flight))
        described = stylizer.describe()
    return {
        "width": case.width,
        "height": case.height,
        "frames": frames,
        "in_flight": in_flight,
        "device": described["device"],
        "precision": described["precision"],
        **summary(spent, available_cores()),
    }


def summary(spent: Mapping[str, Sequence[tuple[float, float]]], cores: int) -> dict[str, Any]:
    """What follows from the seconds and CPU seconds of all rounds.

    Args:
        spent: for each of `STAGES`, for `ONE_AT_A_TIME` and for `whole`.
        cores: that this process may use.

    Returns:
        `cores`; `stages` with the median `seconds` and `cpu_seconds` of each; `whole` with the same; `slowest`, the
        name of the slowest stage; `shared_seconds`, the CPU seconds of all stages divided by the cores;
        `one_at_a_time`, as a stage; `noise` of the whole; and the seconds of the whole as multiples:
        `ratio_to_slowest` of the slowest stage, `ratio_to_bound` of the slowest stage or `shared_seconds`, whichever
        is larger, and `ratio_to_one_at_a_time`.
    """
    medians = {
        name: (statistics.median(wall for wall, _ in rounds), statistics.median(cpu for _, cpu in rounds))
        for name, rounds in spent.items()
    }
    rounded = {name: {"seconds": round(wall, 4), "cpu_seconds": round(cpu, 4)} for name, (wall, cpu) in medians.items()}
    slowest = max(STAGES, key=lambda name: medians[name][0])
    shared = sum(medians[name][1] for name in STAGES) / cores
    whole = medians["whole"][0]
    return {
        "cores": cores,
        "stages": {name: rounded[name] for name in STAGES},
        "whole": rounded["whole"],
        "slowest": slowest,
        "ratio_to_slowest": round(whole / medians[slowest][0], 4),
        "shared_seconds": round(shared, 4),
        "ratio_to_bound": round(whole / max(medians[slowest][0], shared), 4),
        "one_at_a_time": rounded[ONE_AT_A_TIME],
        "ratio_to_one_at_a_time": round(whole / medians[ONE_AT_A_TIME][0], 4),
        "noise": relative_noise([wall for wall, _ in spent["whole"]]),
    }


def _timed(work: Callable[..., object], *arguments: object) -> Spent:
    seconds, cpu = time.perf_counter(), time.process_time()
    work(*arguments)
    return Spent(time.perf_counter() - seconds, time.process_time() - cpu)


def _stylise(stylizer: Stylizer, held: list[VideoFrame], in_flight: int, keep: bool = True) -> None:
    def begin(place: tuple[int, VideoFrame]) -> tuple[int, VideoFrame, Prepared]:
        at, frame = place
        return at, frame, stylizer.prepare(frame.bgr)

    def finish(begun: tuple[int, VideoFrame, Prepared]) -> tuple[int, VideoFrame]:
        at, frame, prepared = begun
        return at, frame._replace(bgr=prepared.run())

    def replace(place: tuple[int, VideoFrame]) -> None:
        if keep:
            held[place[0]] = place[1]  # in place of the frame itself, so that memory holds the video once

    overlapped_in_flight((place for place in enumerate(held)), begin, finish, replace, in_flight)


def _write(path: Path, frames: list[VideoFrame]) -> None:
    height, width = frames[0].bgr.shape[:2]
    path.unlink(missing_ok=True)
    info = VideoInfo(width, height, time_base=frames[0].time_base, average_rate=RATE)
    with VideoWriter(path, info, crf=CRF, preset=PRESET) as writer:
        for frame in frames:
            writer.write(frame.bgr, frame.pts)


def _convert(reader: VideoReader, stylizer: Stylizer, target: Path, in_flight: int) -> None:
    def prepare(frame: Frame, _: float) -> Prepared:
        return stylizer.prepare(frame)

    transcode(reader, prepare, target, in_flight=in_flight, audio=False)
