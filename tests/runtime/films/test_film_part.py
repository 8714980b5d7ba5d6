"""A part of a film is the same pictures and the same sound as in the whole, from its own zero on."""

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from film_files import frames_of, make_film, sound_packets
from nst_rt.cli.video import convert_film
from nst_rt.errors import InputError
from nst_rt.sources.film import FilmReader
from nst_rt.sources.film_part import FilmPart
from numpy.typing import NDArray

RARE_KEYS = {"crf": "10", "g": "40", "bf": "2"}


def coded(count: int) -> list[NDArray[np.uint8]]:
    """Pictures that show their number: tens in the left half, ones in the right."""
    halves = (np.full((48, 32, 3), 30 + 20 * digit, np.uint8) for index in range(count) for digit in divmod(index, 10))
    return [np.hstack([left, next(halves)]) for left in halves]


def number(picture: NDArray[np.uint8]) -> int:
    """That of a `coded` picture."""
    tens, ones = (round((half.mean() - 30) / 20) for half in np.hsplit(picture, 2))
    return int(10 * tens + ones)


def numbers(
    path: Path, start: Fraction | int, length: Fraction | int | None = None
) -> tuple[list[int], list[Fraction], FilmReader]:
    """The frames of a part, their seconds in it, and the reader."""
    part = FilmPart(Fraction(start), None if length is None else Fraction(length))
    with FilmReader(path, part=part) as reader:
        frames = list(reader)
    times = [frame.pts * frame.time_base - reader.start for frame in frames]
    return [number(frame.bgr) for frame in frames], times, reader


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
@pytest.mark.parametrize(("start", "length"), [(Fraction("1.4"), 1), (2, Fraction("0.12")), (0, 1), (3, None)])
def test_the_same_frames_as_in_the_whole(
    suffix: str, start: Fraction | int, length: Fraction | int | None, tmp_path: Path
) -> None:
    # AVI has no time stamps: of frames that are stored out of order they are guesses, others after every seek.
    options = RARE_KEYS | ({"bf": "0"} if suffix == ".avi" else {})
    film = make_film(tmp_path / f"film{suffix}", coded(100), options=options, sound="mp2")
    numbered, whole, _ = numbers(film, 0)
    assert numbered == list(range(100))
    end = math.inf if length is None else start + length
    shown = [n for n, time in enumerate(whole) if time <= start][-1:]
    found, times, reader = numbers(film, start, length)
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
    film = make_film(tmp_path / "slides.mkv", coded(4), time_base=Fraction(1, 1000), times=times)
    found, shown, _ = numbers(film, 2, Fraction("3.2"))
    assert found == [1, 2]
    assert shown == [0, 3]
    assert numbers(film, 5)[0] == [2, 3]


def test_most_of_the_film_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = make_film(tmp_path / "film.mp4", 400, options={"crf": "30", "g": "25"})
    stamped = FilmReader._stamped
    seen: list[int] = []

    def counting(reader: FilmReader, nominal: int) -> object:
        for frame, stamp in stamped(reader, nominal):
            seen.append(stamp)
            yield frame, stamp

    monkeypatch.setattr(FilmReader, "_stamped", counting)
    assert len(numbers(film, 15, Fraction("0.2"))[0]) == 5
    assert len(seen) <= 25


def test_a_film_that_cannot_be_sought_is_read_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_film(tmp_path / "film.h264", coded(50), options=RARE_KEYS)  # nothing but packets: no times, no index
    with FilmReader(film) as whole:
        times = [float(frame.pts * frame.time_base - whole.start) for frame in whole]
    found, _, _ = numbers(film, Fraction(times[20]).limit_denominator(1000), None)
    assert found[-1] == 49
    assert abs(len(found) - 30) <= 1


@pytest.mark.parametrize("start", [4, 100])
def test_over_before_it_begins(start: int, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", 100)
    with pytest.raises(InputError, match=rf"film.mp4: it is over at 4.00 s, before --start {start} s. Begin earlier"):
        FilmReader(film, part=FilmPart(Fraction(start)))


def test_a_cut_film_before_and_behind_the_cut(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(100)]
    options = {"movflags": "+faststart"}
    film = make_film(tmp_path / "film.mp4", pictures, options={"crf": "10", "g": "10"}, container_options=options)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    found, _, reader = numbers(film, Fraction("0.4"), 1)
    assert (len(found), reader.warning) == (25, None)
    _, _, reader = numbers(film, Fraction("0.4"), 3)
    assert reader.warning is not None
    assert "cut short" in reader.warning
    assert "of 4.00 s" in reader.warning
    with pytest.raises(InputError, match=r"before --start 3\.5 s"):
        numbers(film, Fraction("3.5"))


def test_parts_that_are_none() -> None:
    for part in ({"start": Fraction(-1)}, {"length": Fraction(0)}):
        with pytest.raises(InputError, match="a part of a film"):
            FilmPart(**part)


def test_pictures_that_begin_after_the_parts_end(tmp_path: Path) -> None:
    film = make_film(
        tmp_path / "film.mkv", 5, time_base=Fraction(1, 1000), times=[3000, 3040, 3080, 3120, 3160], sound="mp2"
    )
    with pytest.raises(InputError, match="first picture is shown after the part's end"):
        numbers(film, 0, 1)


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "aac"), (".ts", "mp2"), (".mkv", "flac")])
def test_sound_stays_with_its_pictures(suffix: str, codec: str, tmp_path: Path) -> None:
    source, target = (
        make_film(tmp_path / f"film{suffix}", coded(100), options=RARE_KEYS, sound=codec),
        tmp_path / "part.mkv",
    )
    part = FilmPart(Fraction("1.4"), Fraction(1))
    with FilmReader(source, part=part) as reader:
        told = convert_film(reader, lambda frame, _: lambda: frame, target, crf=10, preset="veryfast", audio=True)
    assert told["start"] == 1.4
    assert told["duration"] == pytest.approx(1, abs=0.05)
    frames, sound = frames_of(target), sound_packets(target)
    assert frames[0][0] < 0.041
    assert 0 <= sound[0][0] < 0.12  # of FLAC a packet is 96 ms
    assert 0.85 < sound[-1][0] <= 1.01
    if told["sound"][0]["written"] == codec:
        with av.open(str(source)) as container:
            begun = min(float(stream.start_time * stream.time_base) for stream in container.streams)
        there = [(time - begun - 1.4, data) for time, data in sound_packets(source)]
        for time, data in sound:
            assert min(abs(time - other) for other, same in there if same == data) < 0.003
