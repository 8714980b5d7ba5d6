"""`nst-rt pipe` between real programs: FFmpeg at both ends, GStreamer at both ends."""

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from nst_rt.media.video.video_reader import VideoReader
from numpy.typing import NDArray
from pipe_process import command

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
needs_gstreamer = pytest.mark.skipif(
    shutil.which("gst-launch-1.0") is None, reason="needs gstreamer1.0-tools and -plugins-base, -plugins-good"
)

TEST_IMAGES = "testsrc2=size={size}:rate=30000/1001:duration=0.5"


def run(*line: str | Path) -> bytes:
    return subprocess.run([str(part) for part in line], check=True, capture_output=True, timeout=120).stdout


def ffmpeg(*arguments: str | Path) -> bytes:
    return run("ffmpeg", "-nostdin", "-v", "error", *arguments)


def chain(*lines: list[str]) -> bytes:
    """Run `a | b | c`; every program has to end with 0. Returns what the last one writes."""
    running: list[subprocess.Popen[bytes]] = []
    for line in lines:
        source = running[-1].stdout if running else subprocess.DEVNULL
        running.append(subprocess.Popen(line, stdin=source, stdout=subprocess.PIPE))
        if running[:-1] and running[-2].stdout:
            running[-2].stdout.close()
    out, _ = running[-1].communicate(timeout=120)
    assert [one.wait(60) for one in running] == [0] * len(lines)
    return out


def video(path: Path, size: str, pixels: str = "yuv420p", *options: str) -> Path:
    """A lossless video of FFmpeg's test images."""
    source = TEST_IMAGES.format(size=size)
    ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", pixels, "-c:v", "libx264", "-qp", "0", *options, path)
    return path


def planes_of(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def stylised_video(source: Path, model: Path) -> list[NDArray[np.uint8]]:
    """By `nst-rt video`, lossless."""
    target = source.with_name("reference.mkv")
    line = [sys.executable, "-c", "from nst_rt.cli import main; main()", "video", source, "-o", target, "--crf", "0"]
    run(*line, "--style", model, "--threads", "1", "--overwrite")
    return planes_of(target)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("size", "options", "matrix"),
    [
        ("128x96", ["-chroma_sample_location", "left"], "auto"),
        ("128x96", ["-chroma_sample_location", "center"], "auto"),
        ("86x50", ["-chroma_sample_location", "topleft"], "auto"),
        ("1280x720", ["-colorspace", "bt709"], "auto"),
        ("128x96", ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"], "bt709"),
    ],
)
def test_a_video_through_the_pipe_is_the_video_of_the_video_command(
    size: str, options: list[str], matrix: str, inverting: Path, tmp_path: Path
) -> None:
    source, target = video(tmp_path / "video.mkv", size, "yuv420p", *options), tmp_path / "piped.mkv"
    chain(
        ["ffmpeg", "-v", "error", "-i", str(source), "-f", "yuv4mpegpipe", "-"],
        command(inverting, "--matrix", matrix, "-q"),
        ["ffmpeg", "-v", "error", "-f", "yuv4mpegpipe", "-i", "-", "-c:v", "ffv1", str(target)],
    )
    piped, reference = planes_of(target), stylised_video(source, inverting)
    assert len(piped) == len(reference) == 15
    for one, other in zip(piped, reference, strict=True):
        assert (one == other).all()
    with av.open(str(target)) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


@needs_ffmpeg
def test_full_range_is_read_as_the_video_command_reads_it(inverting: Path, tmp_path: Path) -> None:
    source = video(tmp_path / "video.mkv", "128x96", "yuvj420p", "-chroma_sample_location", "center")
    line = ["ffmpeg", "-v", "error", "-i", str(source), "-f", "yuv4mpegpipe", "-"]
    out = chain(line, command(inverting, "--output-format", "bgr24", "-q"))
    with VideoReader(source) as reader:
        assert reader.colors.range == 2
        expected = b"".join((255 - frame.bgr).tobytes() for frame in reader)
    assert out == expected


@needs_ffmpeg
@pytest.mark.parametrize("pixels", ["bgr24", "rgb24", "rgba", "gray", "nv12", "yuv420p"])
def test_raw_frames_from_and_to_ffmpeg(pixels: str, inverting: Path, tmp_path: Path) -> None:
    source = video(tmp_path / "video.mkv", "86x50")
    raw = ["-f", "rawvideo", "-pix_fmt", pixels]
    before = ffmpeg("-i", source, *raw, "-")
    after = chain(
        ["ffmpeg", "-v", "error", "-i", str(source), *raw, "-"],
        command(inverting, "--format", pixels, "--size", "86x50", "-q"),
        ["ffmpeg", "-v", "error", *raw, "-s", "86x50", "-i", "-", *raw, "-"],
    )
    assert len(after) == len(before)
    one, other = (np.frombuffer(data, np.uint8).astype(int) for data in (before, after))
    if pixels in ("bgr24", "rgb24"):
        assert (one + other == 255).all()
    elif pixels == "rgba":
        pairs = (one + other).reshape(-1, 4)
        assert (pairs[:, :3] == 255).all()
        assert (other[3::4] == 255).all()
    elif pixels == "gray":
        assert np.abs(one + other - 255).max() <= 1
    else:  # limited range: black is 16 and white 235, colours lie around 128
        frames = [data.reshape(15, -1) for data in (one, other)]
        luma = 86 * 50
        assert np.abs(frames[0][:, :luma] + frames[1][:, :luma] - 251).mean() < 3
        assert np.abs(frames[0][:, luma:] + frames[1][:, luma:] - 256).mean() < 6


@needs_ffmpeg
def test_chroma_of_other_kinds(inverting: Path) -> None:
    for pixels, tag in (("yuv422p", b"C422"), ("yuv444p", b"C444"), ("gray", b"Cmono")):
        images = ["-f", "lavfi", "-i", TEST_IMAGES.format(size="64x48")]
        source = ffmpeg(*images, "-strict", "-1", "-f", "yuv4mpegpipe", "-pix_fmt", pixels, "-")
        told = subprocess.run(command(inverting, "-q"), input=source, capture_output=True, check=True)
        assert told.stdout.split(b"\n")[0] == source.split(b"\n")[0]
        assert tag in told.stdout.split(b"\n")[0]
        assert len(told.stdout) == len(source)


@needs_ffmpeg
def test_a_player_that_leaves_early(inverting: Path, tmp_path: Path) -> None:
    source = video(tmp_path / "video.mkv", "320x240")
    decoder = subprocess.Popen(
        ["ffmpeg", "-v", "quiet", "-stream_loop", "-1", "-i", str(source), "-f", "yuv4mpegpipe", "-"],
        stdout=subprocess.PIPE,
    )
    pipe = subprocess.Popen(
        command(inverting, "-q"), stdin=decoder.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert decoder.stdout
    assert pipe.stdout
    assert pipe.stderr
    decoder.stdout.close()
    run_out = ["ffmpeg", "-v", "error", "-f", "yuv4mpegpipe", "-i", "-", "-frames:v", "3", "-f", "null", "-"]
    subprocess.run(run_out, stdin=pipe.stdout, check=True, timeout=120)
    pipe.stdout.close()
    assert pipe.wait(60) == 5
    assert pipe.stderr.read().count(b"\n") == 1
    pipe.stderr.close()
    decoder.wait(60)


@needs_gstreamer
def test_gstreamer_with_headers(inverting: Path) -> None:
    source = "videotestsrc num-buffers=12 pattern=white ! video/x-raw,format=I420,width=160,height=96,framerate=25/1"
    out = chain(
        ["gst-launch-1.0", "-q", *f"{source} ! y4menc ! fdsink fd=1".split()],
        command(inverting, "--output-format", "gray", "-q"),
        ["gst-launch-1.0", "-q", "fdsrc", "!", "fdsink"],
    )
    assert len(out) == 12 * 160 * 96
    assert max(out) <= 1


@needs_gstreamer
@pytest.mark.parametrize(("pixels", "name"), [("bgr24", "BGR"), ("rgba", "RGBA"), ("nv12", "NV12"), ("gray", "GRAY8")])
def test_gstreamer_with_raw_frames(pixels: str, name: str, inverting: Path) -> None:
    source = f"videotestsrc num-buffers=12 ! video/x-raw,format={name},width=160,height=96,framerate=25/1"
    parse = f"rawvideoparse format={name.lower()} width=160 height=96 framerate=25/1"
    line = ["gst-launch-1.0", "-q", *f"{source} ! fdsink fd=1".split()]
    before = run(*line)
    out = chain(
        line,
        command(inverting, "--format", pixels, "--size", "160x96", "-q"),
        ["gst-launch-1.0", "-q", *f"fdsrc fd=0 ! {parse} ! video/x-raw,format={name} ! fdsink fd=1".split()],
    )
    assert len(out) == len(before)
    if pixels == "bgr24":
        # The test image has a corner of noise, which is another one in every run.
        frames = [np.frombuffer(data, np.uint8).reshape(12, 96, 160, 3).astype(int) for data in (before, out)]
        assert (frames[0][:, :60] + frames[1][:, :60] == 255).all()
