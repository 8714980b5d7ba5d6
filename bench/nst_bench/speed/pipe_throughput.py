"""`ffmpeg | nst-rt pipe | ffmpeg` against the model alone, in turns: what the pipe costs in frames a second.

By itself: python -m nst_bench.speed.pipe_throughput --size 1280x720 --seconds 60
"""

import json
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
from nst_rt.cli.frame_options import parse_sides
from nst_rt.cli.messages import fail
from nst_rt.errors import DependencyError, NstError
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.latency import Case, moving_frames
from nst_bench.harness.noise import relative_noise
from nst_bench.speed.cold_start import NST_RT

ROUNDS = 5
LEAST_FRAMES = 12
"""Of a turn of the pipe, so that its filling counts little."""
TIMEOUT = 600.0
"""Seconds after which a turn of the pipe is given up."""


def measure_pipe(case: Case, seconds: float, *, threads: int | None = None, **loading: Any) -> dict[str, Any]:
    """Run the model alone on frames in memory, and a video through the pipe, in turns.

    The video is H.264 where this FFmpeg writes it, else MPEG-4; the FFmpeg behind throws the frames away. The first
    FFmpeg decodes while the network computes and takes its share of the cores.

    Args:
        case: one frame a call.
        seconds: of all turns together; starting processes comes on top.
        loading: `model`, `device` and `precision` of `Stylizer.load`.

    Returns:
        JSON-ready: sizes, `device` and `precision` that ran, `alone` and `pipe` (median frames a second), `ratio`
        (median over the rounds of pipe to alone), `noise` of the ratios, and the `rounds` themselves.

    Raises:
        DependencyError: no ffmpeg.
        NstError: as `Stylizer.load`; or a program of the pipe failed or took more than `TIMEOUT` for a turn.
    """
    if shutil.which("ffmpeg") is None:
        raise DependencyError("the pipe is measured between two ffmpeg: apt install ffmpeg")
    share = seconds / (2 * ROUNDS)
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder, Stylizer.load(threads=threads, **loading) as stylizer:
        video = Path(folder) / "video.mkv"
        stylizer.warm_up(case.height, case.width)
        frames = _make_video(video, case, share / _seconds_each(stylizer, case))
        line = _command_line(threads, loading)
        for _ in range(ROUNDS):
            alone = _alone(stylizer, case, share)
            rounds.append({"alone": round(alone, 3), "pipe": _through_pipe(line, video, frames)})
        told = stylizer.describe()
    ratios = [turn["pipe"] / turn["alone"] for turn in rounds]
    return {
        "width": case.width,
        "height": case.height,
        "device": told["device"],
        "precision": told["precision"],
        "frames": frames,
        "alone": round(statistics.median(turn["alone"] for turn in rounds), 2),
        "pipe": round(statistics.median(turn["pipe"] for turn in rounds), 2),
        "ratio": round(statistics.median(ratios), 4),
        "noise": relative_noise(ratios),
        "rounds": rounds,
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


def _command_line(threads: int | None, loading: dict[str, Any]) -> list[str]:
    options = {"--threads": threads, **{f"--{name}": value for name, value in loading.items()}}
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    return [sys.executable, "-c", NST_RT, "pipe", *given]


def _through_pipe(line: list[str], video: Path, frames: int) -> float:
    """Frames a second, from the first that comes out to the last, as the pipe itself tells."""
    quiet = ["ffmpeg", "-v", "error", "-nostdin"]
    by_itself = f"ffmpeg -i VIDEO -f yuv4mpegpipe - | {shlex.join(['nst-rt', *line[3:]])} > FILE"
    with (
        tempfile.TemporaryFile() as errors,  # a pipe that nobody reads would hold up a program that says much
        subprocess.Popen([*quiet, "-i", str(video), "-f", "yuv4mpegpipe", "-"], stdout=subprocess.PIPE) as reading,
        subprocess.Popen(line, stdin=reading.stdout, stdout=subprocess.PIPE, stderr=errors) as pipe,
        subprocess.Popen(
            [*quiet, "-f", "yuv4mpegpipe", "-i", "-", "-f", "null", "-"],
            stdin=pipe.stdout,
            stdout=subprocess.DEVNULL,
        ) as writing,
    ):
        assert reading.stdout is not None
        assert pipe.stdout is not None
        reading.stdout.close()  # so that each program sees the end of the one beside it
        pipe.stdout.close()
        try:
            writing.wait(TIMEOUT)
            pipe.wait(TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise NstError(
                f"nst-rt pipe was not done with {frames} frames in {TIMEOUT:g} s. To see where it stands: {by_itself}"
            ) from error
        finally:
            for process in (reading, pipe, writing):
                process.kill()  # of one that has ended this does nothing
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    found = re.search(r"^(\d+) frames in .*?([\d.]+) frames/s", said, re.MULTILINE)
    if found is None or int(found[1]) != frames:
        last = said.splitlines()[-1].rstrip(". ") if said else "it said nothing"
        raise NstError(f"nst-rt pipe did not take all {frames} frames: {last}. To see more: {by_itself}")
    return float(found[2])


def main(
    size: Annotated[str, typer.Option(metavar="WxH")] = "1280x720",
    seconds: Annotated[float, typer.Option(min=1, help="Of all turns together.")] = 60.0,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the network, alone and in the pipe.")] = None,
) -> None:
    """Print the pipe's frames a second and the model's alone as JSON."""
    width, height = parse_sides(size)
    try:
        told = measure_pipe(Case(width, height), seconds, threads=threads)
    except NstError as error:
        raise typer.Exit(fail(str(error), error.exit_code, below=error.below)) from error
    typer.echo(json.dumps(told, indent=2))


if __name__ == "__main__":
    typer.run(main)
