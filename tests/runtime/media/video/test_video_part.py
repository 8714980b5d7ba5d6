"""A part of a video is the same images and the same audio as in the whole, from its own zero on."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from nst_rt.errors import InputError
from nst_rt.jobs.video_job import transcode
from nst_rt.media.video.audio_reader import AudioReader
from nst_rt.media.video.video_part import VideoPart
from nst_rt.media.video.video_reader import VideoReader
from numpy.typing import NDArray
from video_files import audio_packets, frames_of, make_video, scene

RARE_KEYS = {"crf": "10", "g": "40", "bf": "2"}


def coded(count: int) -> list[NDArray[np.uint8]]:
    """Images that show their number: tens in the left half, ones in the right."""
    halves = (np.full((48, 32, 3), 30 + 20 * digit, np.uint8) for index in range(count) for digit in divmod(index, 10))
    return [np.hstack([left, next(halves)]) for left in halves]


def number(image: NDArray[np.uint8]) -> int:
    """That of a `coded` image."""
    tens, ones = (round((half.mean() - 30) / 20) for half in np.hsplit(image, 2))
    return int(10 * tens + ones)


def numbers(
    path: Path, start: Fraction | int, length: Fraction | int | None = None
) -> tuple[list[int], list[Fraction], VideoReader]:
    """The frames of a part by their numbers, their seconds in it, and the reader."""
    part = VideoPart(Fraction(start), None if length is None else Fraction(length))
    with VideoReader(path, part=part) as reader:
        frames = list(reader)
    times = [frame.pts * frame.time_base - reader.part_start for frame in frames]
    return [number(frame.bgr) for frame in frames], times, reader


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
@pytest.mark.parametrize(("start", "length"), [(Fraction("1.4"), 1), (2, Fraction("0.12")), (0, 1), (3, None)])
def test_the_same_frames_as_in_the_whole(
    suffix: str, start: Fraction | int, length: Fraction | int | None, tmp_path: Path
) -> None:
    # AVI has no time stamps: of frames that are stored out of order they are guesses, others after every seek.
    options = RARE_KEYS | ({"bf": "0"} if suffix == ".avi" else {})
    video = make_video(tmp_path / f"video{suffix}", coded(100), options=options, audio="mp2")
    numbered, whole, _ = numbers(video, 0)
    assert numbered == list(range(100))
    end = math.inf if length is None else start + length
    shown = [n for n, time in enumerate(whole) if time <= start][-1:]
    found, times, reader = numbers(video, start, length)
    assert found == shown + [n for n, time in enumerate(whole) if start < time < end]
    assert reader.frames_read == len(found)
    assert reader.warning is None
    assert times == pytest.approx([max(0, float(whole[n] - start)) for n in found])
    assert reader.part_ended == (length is not None)
    if length is not None and reader.duration is not None:
        assert reader.duration == length
        assert reader.frame_count == round(length * 25)


def test_it_begins_with_what_is_on_the_screen(tmp_path: Path) -> None:
    times = [0, 500, 5000, 5500]
    video = make_video(tmp_path / "slides.mkv", coded(4), time_base=Fraction(1, 1000), times=times)
    found, shown, _ = numbers(video, 2, Fraction("3.2"))
    assert found == [1, 2]
    assert shown == [0, 3]
    assert numbers(video, 5)[0] == [2, 3]


def test_most_of_the_video_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = make_video(tmp_path / "video.mp4", 400, options={"crf": "30", "g": "25"})
    opened = watch(monkeypatch, allowed=10)
    assert len(numbers(video, 15, Fraction("0.2"))[0]) == 5
    # From the key frame that is a second or more before; and what the decoder's threads read ahead.
    assert opened[0].packets <= 25 + 25 + 5 + 64


class Watched:
    """A container that counts its packets and seeks, and refuses the seeks after the first ones."""

    def __init__(self, container: av.container.InputContainer, allowed: int) -> None:
        self._container, self._allowed = container, allowed
        self.targets: list[int] = []
        self.packets = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self, *streams: Any) -> Iterator[Any]:
        for packet in self._container.demux(*streams):
            self.packets += 1
            yield packet

    def seek(self, target: int, **options: Any) -> None:
        self.targets.append(target)
        if len(self.targets) > self._allowed:
            raise OSError("cannot be sought")
        self._container.seek(target, **options)


def watch(monkeypatch: pytest.MonkeyPatch, allowed: int) -> list[Watched]:
    """The containers that PyAV opens from now on."""
    opened: list[Watched] = []
    av_open = av.open

    def open_watched(*arguments: Any, **options: Any) -> Watched:
        opened.append(Watched(av_open(*arguments, **options), allowed))
        return opened[-1]

    monkeypatch.setattr(av, "open", open_watched)
    return opened


def test_a_video_that_cannot_be_sought_is_read_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_video(tmp_path / "video.mp4", coded(100), options=RARE_KEYS)
    opened = watch(monkeypatch, allowed=0)
    found, times, _ = numbers(video, 2, 1)
    assert found == list(range(50, 75))
    assert times[0] == 0
    assert [len(container.targets) for container in opened] == [1, 0]


def test_a_video_without_times_or_index(tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.h264", coded(50), options=RARE_KEYS)
    _, whole, _ = numbers(video, 0)
    assert numbers(video, whole[20])[0] == list(range(20, 50))


def test_a_seek_that_lands_between_key_frames_is_made_again_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # FFmpeg takes any image of a transport stream for one that a decoder can begin with; MPEG-4's paints grey then.
    images = [scene(7)] * 350  # nothing that would make the encoder begin anew
    video = make_video(tmp_path / "video.ts", images, codec="mpeg4", options={"g": "100", "sc_threshold": "1000000000"})
    with VideoReader(video) as whole:
        pixels = {frame.pts: frame.bgr for frame in whole}
    opened = watch(monkeypatch, allowed=10)
    with VideoReader(video, part=VideoPart(Fraction(11), Fraction(1, 5))) as reader:
        first, *others = reader
    assert all((frame.bgr == pixels[frame.pts]).all() for frame in others)
    assert (first.bgr == pixels[max(pts for pts in pixels if pts <= first.pts)]).all()
    assert len(others) in (4, 5)
    assert len(opened[0].targets) > 1


def test_audio_is_sought_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = make_video(tmp_path / "video.mkv", 250, options={"g": "25"}, audio="mp2")
    opened = watch(monkeypatch, allowed=10)
    with AudioReader(video, start=Fraction(9)) as audio:
        stamps = [float(packet.pts * packet.time_base) for packet in audio.packets()]
    assert 9 <= min(stamps) < 9.05
    assert opened[0].packets < 2 * len(stamps)


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_images_that_begin_later_than_the_audio(suffix: str, tmp_path: Path) -> None:
    times = [3000 + 40 * index for index in range(50)]
    options: dict[str, Any] = {"time_base": Fraction(1, 1000), "times": times, "audio": "mp2", "audio_seconds": 5}
    video = make_video(tmp_path / f"video{suffix}", coded(50), **options)
    numbered, whole, reader = numbers(video, 0)
    assert numbered == list(range(50))
    assert reader.warning is None
    assert whole[0] == pytest.approx(3, abs=0.1)
    assert float(reader.duration or 0) == pytest.approx(5, abs=0.15)
    for start in (2, Fraction("3.5"), Fraction("4.5")):
        found, _, reader = numbers(video, start)
        assert found == [n for n, time in enumerate(whole) if time > start - Fraction(4, 100)]
        assert reader.warning is None
    with pytest.raises(InputError, match="first frame is shown after the part's end"):
        numbers(video, 0, 1)


@pytest.mark.parametrize("start", [4, 100])
def test_over_before_it_begins(start: int, tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4", 100)
    with pytest.raises(InputError, match=rf"video.mp4: it ends at 4.00 s, and the part of it would begin at {start} s"):
        VideoReader(video, part=VideoPart(Fraction(start)))


def test_a_cut_video_before_and_behind_the_cut(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(100)]
    options = {"movflags": "+faststart"}
    video = make_video(tmp_path / "video.mp4", images, options={"crf": "10", "g": "10"}, container_options=options)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    found, _, reader = numbers(video, Fraction("0.4"), 1)
    assert (len(found), reader.warning) == (25, None)
    _, _, reader = numbers(video, Fraction("0.4"), 3)
    assert reader.warning is not None
    assert "cut short" in reader.warning
    assert "of 4.00 s" in reader.warning
    with pytest.raises(
        InputError, match=r"it ends at 1\.\d+ s \(cut short, of 4\.00 s\), and the part of it would begin at 3\.5 s"
    ):
        numbers(video, Fraction("3.5"))


def test_parts_that_are_none() -> None:
    for part in ({"start": Fraction(-1)}, {"length": Fraction(0)}):
        with pytest.raises(InputError, match="a part of a video"):
            VideoPart(**part)


def convert(source: Path, target: Path, start: Fraction | int, length: Fraction | int) -> dict[str, Any]:
    with VideoReader(source, part=VideoPart(Fraction(start), Fraction(length))) as reader:
        return transcode(reader, lambda frame, _: SimpleNamespace(run=lambda: frame), target, crf=10).to_json()


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "aac"), (".ts", "mp2"), (".mkv", "flac")])
def test_audio_stays_with_its_images(suffix: str, codec: str, tmp_path: Path) -> None:
    source, target = (
        make_video(tmp_path / f"video{suffix}", coded(100), options=RARE_KEYS, audio=codec),
        tmp_path / "part.mkv",
    )
    told = convert(source, target, Fraction("1.4"), 1)
    assert (told["start"], told["duration"]) == (1.4, 1)
    frames, audio = frames_of(target), audio_packets(target)
    assert frames[0][0] < 0.041
    assert 0 <= audio[0][0] < 0.12  # of FLAC a packet is 96 ms
    assert 0.85 < audio[-1][0] <= 1.01
    assert told["audio"] == [{"source": codec, "written": codec}]
    with av.open(str(source)) as container:
        begun = min(float(stream.start_time * stream.time_base) for stream in container.streams)
    there = [(time - begun - 1.4, data) for time, data in audio_packets(source)]
    for time, data in audio:
        assert min(abs(time - other) for other, same in there if same == data) < 0.003


def test_audio_that_goes_on_after_the_images_ends_with_the_part(tmp_path: Path) -> None:
    source = make_video(tmp_path / "video.mp4", 50, audio="aac", audio_seconds=6)
    told = convert(source, tmp_path / "part.mp4", 1, 2)
    assert told["duration"] == pytest.approx(1)
    assert 1.9 < audio_packets(tmp_path / "part.mp4")[-1][0] <= 2


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(1, 5)])
def test_the_last_image_stays_until_the_part_is_over(rate: Fraction, tmp_path: Path) -> None:
    times = [0, 500, 5000, 5500]
    options: dict[str, Any] = {"time_base": Fraction(1, 1000), "times": times, "options": {"crf": "10", "bf": "0"}}
    source = make_video(tmp_path / "slides.mkv", coded(4), rate=rate, **options)
    told = convert(source, tmp_path / "part.mp4", 2, 2)
    assert told["duration"] == 2
    with av.open(str(tmp_path / "part.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(2, abs=0.05)
    assert {number(image) for _, image in frames_of(tmp_path / "part.mp4")} == {1}
