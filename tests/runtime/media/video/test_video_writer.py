"""Videos go out with the times, the audio and the colours they came with, whole or not at all."""

import itertools
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from folder_content import names_in
from full_disk import full_disk
from nst_rt.errors import OutputError
from nst_rt.media.video.audio_reader import AudioReader
from nst_rt.media.video.video_info import VideoInfo
from nst_rt.media.video.video_reader import VideoReader
from nst_rt.media.video.video_writer import VideoWriter
from numpy.typing import NDArray
from video_files import audio_packets, frames_of, make_video, scene


def copy(source: Path, target: Path, **options: Any) -> VideoWriter:
    with VideoReader(source) as reader, AudioReader(source) as audio:
        with VideoWriter(target, reader.info, audio=audio, **options) as writer:
            for frame in reader:
                writer.write(frame.bgr, frame.pts)
        return writer


def write(
    target: Path,
    frames: Iterable[NDArray[np.uint8]] | int = 3,
    *,
    times: Iterable[int] | None = None,
    height: int = 48,
    width: int = 64,
    metadata: dict[str, str] | None = None,
    **options: Any,
) -> VideoWriter:
    rate = Fraction(25)
    info = VideoInfo(width, height, time_base=1 / rate, average_rate=rate, metadata=metadata or {})
    images = (scene(index, height, width) for index in range(frames)) if isinstance(frames, int) else frames
    with VideoWriter(target, info, **options) as writer:
        for pts, image in zip(times or itertools.count(), images, strict=False):
            writer.write(image, pts)
    return writer


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".MP4"])
def test_a_copy_has_the_same_frames_at_the_same_times(suffix: str, tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", [scene(n) + 40 for n in range(40)], rate=Fraction(30000, 1001))
    target = tmp_path / f"copy{suffix}"
    assert copy(source, target, crf=1).frames_written == 40
    before, after = frames_of(source), frames_of(target)
    tolerance = Fraction(1, 1999) if suffix == ".mkv" else 0
    assert all(abs(a - b) <= tolerance for (a, _), (b, _) in zip(before, after, strict=True))
    errors = [a.astype(int) - b for (_, a), (_, b) in zip(before, after, strict=True)]
    assert np.abs(errors).mean() < 1.5
    assert np.abs(np.mean(errors, axis=(0, 1, 2))).max() < 0.3  # nothing gets darker or changes its tint
    assert names_in(tmp_path) == sorted(["source.mp4", target.name])
    with av.open(str(target)) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert abs(float(video.average_rate or 0) - 30000 / 1001) < (1e-9 if suffix != ".mkv" else 0.01)
        assert abs(float(container.duration or 0) / av.time_base - 40 * 1.001 / 30) < 0.002


def test_variable_rate_is_kept(tmp_path: Path) -> None:
    times = [0, 33, 66, 500, 517, 2000, 2001]
    source = make_video(tmp_path / "source.mp4", len(times), time_base=Fraction(1, 1000), times=times)
    copy(source, tmp_path / "copy.mp4")
    assert [time * 1000 for time, _ in frames_of(tmp_path / "copy.mp4")] == times


def test_mp4_starts_fast(tmp_path: Path) -> None:
    write(tmp_path / "video.mp4")
    data = (tmp_path / "video.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("height", "tags", "wanted"),
    [
        (48, {}, (6, 6, 6)),
        (720, {}, (1, 1, 1)),
        (48, {"colorspace": 1, "color_primaries": 1, "color_trc": 1}, (1, 1, 1)),
        (720, {"colorspace": 5, "color_primaries": 5, "color_trc": 6}, (5, 5, 6)),
        (48, {"colorspace": 9, "color_primaries": 9, "color_trc": 14}, (1, 1, 1)),
        (48, {"colorspace": 5, "color_range": 2}, (5, 6, 6)),
    ],
)
def test_colours_are_kept_and_tagged(
    height: int, tags: dict[str, int], wanted: tuple[int, ...], tmp_path: Path
) -> None:
    vivid = np.zeros((height, 1280 if height == 720 else 96, 3), np.uint8)
    thirds = np.array_split(np.arange(vivid.shape[1]), 3)
    for columns, color in zip(thirds, [(200, 60, 40), (40, 180, 60), (40, 50, 210)], strict=True):
        vivid[:, columns] = color
    assumed = {"colorspace": 1 if height == 720 else 5}
    source = tmp_path / "source.mkv"
    make_video(source, [vivid] * 2, **{**(assumed if not tags else {}), **tags}, options={"crf": "1"})
    copy(source, tmp_path / "copy.mp4", crf=1)
    with av.open(str(tmp_path / "copy.mp4")) as container:
        context = container.streams.video[0].codec_context
        got = context.colorspace, context.color_primaries, context.color_trc
        assert context.color_range == 1
        if tags or height == 720:
            assert got == wanted
    with VideoReader(source) as one, VideoReader(tmp_path / "copy.mp4") as other:
        error = next(iter(one)).bgr.astype(int) - next(iter(other)).bgr
    assert np.abs(error).mean() < 2


@pytest.mark.parametrize(("height", "width"), [(47, 64), (48, 63), (47, 63)])
def test_odd_sides_get_their_edge_repeated_and_a_notice(height: int, width: int, tmp_path: Path) -> None:
    writer = write(tmp_path / "video.mp4", 1, height=height, width=width, crf=1)
    assert "64x48" in writer.notices[0]
    (_, pixels), *_ = frames_of(tmp_path / "video.mp4")
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels[:height, :width].astype(int) - scene(0, height, width)).mean() < 2
    assert np.abs(pixels[-1].astype(int) - pixels[-2]).mean() < 3


def test_non_square_pixels_stay_so(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", 2, sample_aspect_ratio=Fraction(16, 11))
    copy(source, tmp_path / "copy.mp4")
    with VideoReader(tmp_path / "copy.mp4") as reader:
        assert reader.sample_aspect_ratio == Fraction(16, 11)


def test_title_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "video.mp4", metadata={"title": "Nightwatch", "major_brand": "qt"})
    with av.open(str(tmp_path / "video.mp4")) as container:
        assert container.metadata["title"] == "Nightwatch"
        assert container.metadata["major_brand"] == "isom"


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_audio_is_copied_packet_by_packet(suffix: str, tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", 50, audio="aac")
    writer = copy(source, tmp_path / f"copy{suffix}")
    assert writer.audio_tracks == [{"source": "aac", "written": "aac"}]
    assert writer.notices == []
    before, after = audio_packets(source), audio_packets(tmp_path / f"copy{suffix}")
    assert [data for _, data in before] == [data for _, data in after]
    video_starts = frames_of(tmp_path / f"copy{suffix}")[0][0]
    shifts = [b - a - float(video_starts) for (a, _), (b, _) in zip(before, after, strict=True)]
    assert max(map(abs, shifts)) < 0.0011


@pytest.mark.parametrize(("start", "suffix"), [(Fraction(1, 2), ".mp4"), (Fraction(1, 2), ".mkv"), (0, ".ts")])
def test_audio_stays_in_step(start: Fraction, suffix: str, tmp_path: Path) -> None:
    codec = "mp2" if suffix == ".ts" else "aac"
    source = make_video(tmp_path / f"source{suffix}", 50, audio=codec, audio_starts=Fraction(start))
    target = tmp_path / "copy.mkv"
    copy(source, target)

    def lead(path: Path) -> float:
        return audio_packets(path)[0][0] - float(frames_of(path)[0][0])

    assert lead(target) == pytest.approx(lead(source), abs=0.0011)
    assert min(audio_packets(target)[0][0], float(frames_of(target)[0][0])) < 0.0011


@pytest.mark.parametrize(
    ("codec", "source_suffix", "suffix", "written"),
    [
        ("pcm_s16le", ".mov", ".mp4", "aac"),
        ("pcm_s16le", ".mov", ".mov", "pcm_s16le"),
        ("libopus", ".mkv", ".mp4", "opus"),
        ("libopus", ".mkv", ".mov", "aac"),
        ("mp2", ".mkv", ".mp4", "aac"),
        ("flac", ".mkv", ".mkv", "flac"),
        ("libmp3lame", ".mkv", ".mp4", "mp3"),
    ],
)
def test_audio_that_does_not_fit_becomes_aac(
    codec: str, source_suffix: str, suffix: str, written: str, tmp_path: Path
) -> None:
    try:
        source = make_video(tmp_path / f"source{source_suffix}", 25, audio=codec)
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"this FFmpeg has no {codec}")
    writer = copy(source, tmp_path / f"copy{suffix}")
    assert writer.audio_tracks[0]["written"] == written
    assert bool(writer.notices) == (written == "aac")
    with av.open(str(tmp_path / f"copy{suffix}")) as container:
        frames = list(container.decode(audio=0))
        rate = frames[0].sample_rate
        samples = np.concatenate([frame.to_ndarray().astype(float)[0] for frame in frames])
    assert abs(len(samples) / rate - 1) < 0.12
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(float(np.argmax(spectrum)) * rate / len(samples) - 440) < 5


def test_several_audio_tracks_and_longer_audio(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mkv", 10, audio=["aac", "mp2"], audio_seconds=2)
    writer = copy(source, tmp_path / "copy.mp4")
    assert [track["written"] for track in writer.audio_tracks] == ["aac", "aac"]
    for track in (0, 1):
        assert audio_packets(tmp_path / "copy.mp4", track)[-1][0] == pytest.approx(2, abs=0.1)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe")
def test_another_program_finds_no_fault(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", 60, rate=Fraction(24000, 1001), audio="aac")
    copy(source, tmp_path / "copy.mp4")
    command = ["ffprobe", "-v", "warning", "-count_frames", "-select_streams", "v", "-of", "csv=p=0"]
    command += ["-show_entries", "stream=avg_frame_rate,nb_read_frames,duration", str(tmp_path / "copy.mp4")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stderr == ""
    assert told.stdout.strip() == f"24000/1001,{60 * 1001 / 24000:.6f},60"


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("video.webm", {}, "cannot write .webm"),
        ("video", {}, "without suffix"),
        ("missing/video.mp4", {}, "Make it first"),
        ("video.mp4", {"crf": 52}, "crf 52"),
        ("video.mp4", {"preset": "quick"}, "preset 'quick'"),
        ("video.mp4", {"frames": 0}, "no frame"),
    ],
)
def test_what_cannot_be_written(name: str, options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=words):
        write(tmp_path / name, **options)
    assert names_in(tmp_path) == []


def test_wrong_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="shape"):
        write(tmp_path / "a.mp4", [scene(0, 48, 62)])
    with pytest.raises(OutputError, match="order"):
        write(tmp_path / "a.mp4", 2, times=[5, 5])
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_behind_by_any_error(error: type[BaseException], tmp_path: Path) -> None:
    def failing() -> Iterator[NDArray[np.uint8]]:
        yield from (scene(index) for index in range(60))
        raise error

    (tmp_path / "video.mp4").write_bytes(b"the old one")
    with pytest.raises(error):
        write(tmp_path / "video.mp4", failing())
    assert names_in(tmp_path) == ["video.mp4"]
    assert (tmp_path / "video.mp4").read_bytes() == b"the old one"


@pytest.mark.parametrize("room", [10, 3_000, 200_000])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_is_told_and_leaves_nothing(suffix: str, room: int, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noise = (random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(100))
    with pytest.raises(OutputError, match="nothing was kept"), full_disk(room):
        write(tmp_path / f"video{suffix}", noise, crf=0, preset="ultrafast")
    assert names_in(tmp_path) == []
