"""Videos come in frame by frame, upright, in order, with their own times; bad ones say why they do not."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from nst_rt.errors import InputError
from nst_rt.media.video.video_reader import VideoFrame, VideoReader
from video_files import make_video, scene, with_display_matrix


def read(path: Path, **options: int) -> tuple[list[VideoFrame], VideoReader]:
    with VideoReader(path, **options) as reader:
        return list(reader), reader


def test_every_frame_in_order_with_its_time(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4", 30, rate=Fraction(30000, 1001), audio="aac")
    frames, reader = read(video)
    assert len(frames) == reader.frame_count == reader.frames_read == 30
    assert (reader.width, reader.height, reader.rotation) == (64, 48, 0)
    assert reader.average_rate == Fraction(30000, 1001)
    assert (reader.has_audio, reader.variable_rate, reader.warning, reader.notices) == (True, False, None, [])
    assert reader.duration == Fraction(30 * 1001, 30000)
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(n * 1001, 30000) for n in range(30)]
    for index, frame in enumerate(frames):
        assert frame.bgr.flags.c_contiguous
        assert np.abs(frame.bgr.astype(int) - scene(index)).mean() < 3


def test_variable_rate(tmp_path: Path) -> None:
    times = [0, 40, 80, 200, 1000, 1033, 1066]
    video = make_video(tmp_path / "video.mp4", len(times), time_base=Fraction(1, 1000), times=times)
    frames, reader = read(video)
    assert [frame.pts * frame.time_base * 1000 for frame in frames] == times
    assert reader.variable_rate


@pytest.mark.parametrize(
    ("matrix", "degrees", "upright"),
    [
        ((1, 0, 0, 1), 0, lambda stored: stored),
        ((0, 1, -1, 0), 90, lambda stored: np.rot90(stored, -1)),
        ((-1, 0, 0, -1), 180, lambda stored: np.rot90(stored, 2)),
        ((0, -1, 1, 0), 270, np.rot90),
        ((-1, 0, 0, 1), 0, np.fliplr),
        ((1, 0, 0, -1), 180, np.flipud),
    ],
)
def test_phones_hold_their_videos_sideways(
    matrix: tuple[int, ...], degrees: int, upright: object, tmp_path: Path
) -> None:
    video = with_display_matrix(make_video(tmp_path / "video.mp4", 2), *matrix)
    frames, reader = read(video)
    wanted = upright(scene(0))
    assert (reader.height, reader.width) == wanted.shape[:2] == frames[0].bgr.shape[:2]
    assert (reader.source_height, reader.source_width) == wanted.shape[:2]
    assert reader.rotation == degrees
    assert np.abs(frames[0].bgr.astype(int) - wanted).mean() < 3
    small, reader = read(video, long_side=32)
    assert (reader.height, reader.width) == small[0].bgr.shape[:2] == (wanted.shape[0] // 2, wanted.shape[1] // 2)


def test_scaling_gives_even_sides_and_never_enlarges(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mkv", [scene(0, 50, 90)])
    frames, reader = read(video, long_side=49)
    assert (reader.width, reader.height) == (48, 28)
    assert frames[0].bgr.shape == (28, 48, 3)
    assert read(video, long_side=500)[1].width == 90
    with pytest.raises(InputError, match="Choose a larger size"):
        VideoReader(video, long_side=20)


@pytest.mark.parametrize(
    ("height", "tags", "matrix"),
    [
        (48, {}, 5),
        (720, {}, 1),
        (48, {"colorspace": 1, "color_primaries": 1, "color_trc": 1}, 1),
        (720, {"colorspace": 5}, 5),
        (48, {"color_range": 2}, 5),
    ],
)
def test_colours_are_right_tagged_or_not(height: int, tags: dict[str, int], matrix: int, tmp_path: Path) -> None:
    vivid = np.zeros((height, 960, 3), np.uint8)
    vivid[:, :320], vivid[:, 320:640], vivid[:, 640:] = (200, 60, 40), (40, 180, 60), (40, 50, 210)
    video = tmp_path / "video.mkv"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 960, height, "yuv444p"
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame.from_ndarray(vivid, format="bgr24").reformat(
            format="yuv444p",
            dst_colorspace=matrix,
            dst_color_range=tags.get("color_range", 1),
            interpolation=0x40002,
        )
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames, _ = read(video)
    assert np.abs(frames[0].bgr.astype(int) - vivid).max() <= 3


def test_non_square_pixels_are_told(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4", 2, sample_aspect_ratio=Fraction(4, 3))
    assert read(video)[1].sample_aspect_ratio == Fraction(4, 3)
    assert read(with_display_matrix(video, 0, 1, -1, 0))[1].sample_aspect_ratio == Fraction(3, 4)


def test_hdr_is_told(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4", 2, colorspace=9, color_primaries=9, color_trc=16)
    assert "HDR" in read(video)[1].notices[0]


def test_transport_streams_start_late(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.ts", 10, audio="mp2")
    frames, reader = read(video)
    assert reader.start > 0
    assert 0 <= frames[0].pts * frames[0].time_base - reader.start < 1


@pytest.mark.parametrize("suffix", [".gif", ".avi", ".webm", ".mov"])
def test_other_containers(suffix: str, tmp_path: Path) -> None:
    codec, pixels = {
        ".gif": ("gif", "rgb8"),
        ".avi": ("mpeg4", "yuv420p"),
        ".webm": ("libvpx", "yuv420p"),
        ".mov": ("mjpeg", "yuvj420p"),
    }[suffix]
    video = make_video(tmp_path / f"video{suffix}", 5, codec=codec, pixels=pixels)
    frames, reader = read(video)
    assert (len(frames), reader.warning) == (5, None)
    assert np.abs(frames[4].bgr.astype(int) - scene(4)).mean() < 24


def test_a_name_that_looks_like_an_address(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4", 3)
    assert len(read(video.rename(tmp_path / "http:x.mp4"))[0]) == 3


def test_audio_alone_is_not_a_video(tmp_path: Path) -> None:
    audio = tmp_path / "song.m4a"
    with av.open(str(audio), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44_100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no video track"):
        VideoReader(audio)


def test_a_video_with_a_cover(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for stream, count in ((cover, 1), (video, 5)):
            for index in range(count):
                frame = av.VideoFrame(stream.width, stream.height, stream.pix_fmt)
                frame.pts = index
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    frames, reader = read(path)
    assert (len(frames), reader.width) == (5, 64)


def cut(path: Path, part: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    return path


def noisy(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(count)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
@pytest.mark.parametrize("audio", [(), ("aac",)])
def test_a_video_cut_in_the_middle_gives_what_it_has(suffix: str, audio: tuple[str, ...], tmp_path: Path) -> None:
    options = {"movflags": "+faststart"} if suffix == ".mp4" else {}
    video = make_video(tmp_path / f"video{suffix}", noisy(100), audio=audio, container_options=options)
    assert read(video)[1].warning is None
    frames, reader = read(cut(video, 0.5))
    assert 20 < len(frames) < 80
    assert reader.warning is not None
    assert "cut short" in reader.warning
    assert np.abs(frames[10].bgr.astype(int) - noisy(11)[10]).mean() < 60


def test_a_last_slide_that_stays_long_is_no_cut(tmp_path: Path) -> None:
    slides = [0, 2, 4, 12]
    video = make_video(tmp_path / "slides.mp4", 4, time_base=Fraction(1), times=slides, options={"bf": "0"})
    frames, reader = read(video)
    assert (len(frames), reader.warning) == (4, None)


def test_an_mp4_without_its_index(tmp_path: Path) -> None:
    video = cut(make_video(tmp_path / "video.mp4", noisy(20)), 0.7)
    with pytest.raises(InputError, match="index"):
        VideoReader(video)


def test_a_video_damaged_in_the_middle(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mov", noisy(40), codec="png", pixels="rgb24")
    with av.open(str(video)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.pos]
    data = bytearray(video.read_bytes())
    at = data.index(b"\x89PNG", places[20])
    data[at : at + 60] = bytes(60)
    video.write_bytes(bytes(data))
    frames, reader = read(video)
    assert len(frames) == 39
    assert reader.warning is not None
    assert "damaged" in reader.warning


def test_files_that_are_no_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, *words: str) -> None:
        with pytest.raises(InputError) as caught:
            VideoReader(path)
        assert path.name in str(caught.value)
        for word in words:
            assert word in str(caught.value)

    refused(tmp_path / "missing.mp4", "no such file")
    refused(tmp_path, "folder")
    (tmp_path / "empty.mp4").touch()
    refused(tmp_path / "empty.mp4", "empty")
    (tmp_path / "text.mp4").write_text("no video\n" * 50)
    refused(tmp_path / "text.mp4", "not a video")
    (tmp_path / "text.txt").write_text("no video\n" * 50)
    refused(tmp_path / "text.txt", "not a video")
    import cv2

    cv2.imwrite(str(tmp_path / "photo.jpg"), scene(0))
    refused(tmp_path / "photo.jpg", "an image, not a video")
    refused(make_video(tmp_path / "tiny.mp4", [scene(0, 8, 64)]), "64x8", "16")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    refused(tmp_path / "list.m3u8")

    def deny(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", deny)
    refused(tmp_path / "tiny.mp4", "permission")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4", 2)
    video.chmod(0)
    with pytest.raises(InputError, match="permission"):
        VideoReader(video)
