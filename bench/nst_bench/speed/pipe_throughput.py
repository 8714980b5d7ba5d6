"""`ffmpeg | nst-rt pipe | ffmpeg` and the model alone, in turns: what the pipe costs in frames per second.

As a command: python -m nst_bench.speed.pipe_throughput --size 1280x720 --seconds 60
"""

import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from nst_rt.errors import DependencyError, NstError
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.documents import print_measured
from nst_bench.harness.noise import relative_noise
from nst_bench.harness.workload import Case, Target, moving_frames
from nst_bench.speed.whole_process import NST_RT

ROUNDS = 5
LEAST_FRAMES = 12
"""Of one run of the pipe, so that filling it counts little."""
TIMEOUT = 600.0


def measure_pipe(
    case: Case, seconds: float, target: Target, *, rounds: int = ROUNDS, timeout: float = TIMEOUT
) -> dict[str, Any]:
    """Run the model alone on frames in memory, and a video through the pipe, in turns.

    The video is H.264 if this FFmpeg can write it, otherwise MPEG-4; the second FFmpeg discards the frames. The first
    FFmpeg decodes while the network computes, and takes its share of the cores.

    Args:
        case: one frame a call.
        seconds: of all runs together; starting processes takes more.
        rounds: each has one run of the model alone and one of the pipe.
        timeout: seconds after which a run of the pipe is stopped.

    Returns:
        JSON-ready: sizes, `device` and `precision` that ran, `alone` and `pipe` (median frames per second), `ratio`
        (median over the rounds of pipe to alone), `noise` of the ratios, and the `rounds` themselves.

    Raises:
        DependencyError: no ffmpeg.
        NstError: as from `Stylizer.load`; or a program of the pipe failed, or took longer than `timeout`.
    """
    if shutil.which("ffmpeg") is None:
        raise DependencyError("the pipe is measured between two processes of ffmpeg: apt install ffmpeg")
    share = seconds / (2 * rounds)
    measured: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder, target.load() as stylizer:
        video = Path(folder) / "video.mkv"
        stylizer.warm_up(case.height, case.width)
        frames = _make_video(video, case, share / _seconds_each(stylizer, case))
        command = [sys.executable, *NST_RT, "pipe", *target.arguments()]
        for _ in range(rounds):
            alone = _alone(stylizer, case, share)
            measured.append({"alone": round(alone, 3), "pipe": _through_pipe(command, video, frames, timeout)})
        described = stylizer.describe()
    ratios = [turn["pipe"] / turn["alone"] for turn in measured]
    return {
        "width": case.width,
        "height": case.height,
        "device": described["device"],
        "precision": described["precision"],
        "frames": frames,
        "alone": round(statistics.median(turn["alone"] for turn in measured), 2),
        "pipe": round(statistics.median(turn["pipe"] for turn in measured), 2),
        "ratio": round(statistics.median(ratios), 4),
        "noise": relative_noise(ratios),
        "rounds": measured,
    }


def _seconds_each(stylizer: Stylizer, case: Case) -> float:
    frame = moving_frames(case)[0]
    begun = time.perf_counter()
    stylizer(frame)
    return max(1e-4, time.perf_counter() - begun)


def _alone(stylizer: Stylizer, case: Case, seconds: float) -> float:
    frames, count = moving_frames(case), 0
    begun = time.perf_counter()
    while count < 2 or time.perf_counter() < begun + seconds:
        stylizer(frames[count % len(frames)])
        count += 1
    return count / (time.perf_counter() - begun)


def _make_video(path: Path, case: Case, frames: float) -> int:
    count = max(LEAST_FRAMES, round(frames))
    source = f"testsrc2=size={case}:rate=30"
    line = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-frames:v", str(count), "-pix_fmt", "yuv420p"]
    for codec in (["libx264", "-preset", "veryfast"], ["mpeg4", "-q:v", "3"]):
        done = subprocess.run([*line, "-c:v", *codec, str(path)], capture_output=True, text=True)
        if done.returncode == 0:
            return count
    raise DependencyError(f"ffmpeg cannot write a video to measure with ({done.stderr.strip()[-200:]})")


def _through_pipe(command: list[str], video: Path, frames: int, timeout: float) -> float:
    """Frames per second from the first that comes out to the last, as the pipe itself reports."""
    quiet = ["ffmpeg", "-v", "error", "-nostdin"]
    to_repeat = f"ffmpeg -i VIDEO -f yuv4mpegpipe - | {shlex.join(['nst-rt', *command[3:]])} > FILE"
    with (
        tempfile.TemporaryFile() as errors,  # a pipe that nobody reads would block a program that writes much
        subprocess.Popen([*quiet, "-i", str(video), "-f", "yuv4mpegpipe", "-"], stdout=subprocess.PIPE) as reading,
        subprocess.Popen(command, stdin=reading.stdout, stdout=subprocess.PIPE, stderr=errors) as pipe,
        subprocess.Popen(
            [*quiet, "-f", "yuv4mpegpipe", "-i", "-", "-f", "null", "-"],
            stdin=pipe.stdout,
            stdout=subprocess.DEVNULL,
        ) as writing,
    ):
        assert reading.stdout is not None
        assert pipe.stdout is not None
        reading.stdout.close()  # so that each program sees the end of its neighbour
        pipe.stdout.close()
        try:
            writing.wait(timeout)
            pipe.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise NstError(
                f"nst-rt pipe was not done with {frames} frames in {timeout:g} s. To see how far it gets: {to_repeat}"
            ) from error
        finally:
            for process in (reading, pipe, writing):
                process.kill()  # which does nothing to one that has ended
        errors.seek(0)
        output = errors.read().decode(errors="replace").strip()
    found = re.search(r"^(\d+) frames in .*?([\d.]+) frames/s", output, re.MULTILINE)
    if found is None or int(found[1]) != frames:
        last = output.splitlines()[-1].rstrip(". ") if output else "it wrote no message"
        raise NstError(f"nst-rt pipe did not take all {frames} frames: {last}. To see more: {to_repeat}")
    return float(found[2])


def main(
    size: Annotated[str, typer.Option(metavar="WxH")] = "1280x720",
    seconds: Annotated[float, typer.Option(min=1, help="Of all runs together.")] = 60.0,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the network, alone and in the pipe.")] = None,
) -> None:
    """Print the frames per second of the pipe and of the model alone as JSON."""
    print_measured(lambda: measure_pipe(Case.parse(size), seconds, Target(threads=threads)))


if __name__ == "__main__":
    typer.run(main)
