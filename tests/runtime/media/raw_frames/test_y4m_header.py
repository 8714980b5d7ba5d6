"""The header of yuv4mpegpipe: what is read out of it, what is refused, what is written."""

from fractions import Fraction

import pytest
from nst_rt.errors import FrameStreamError
from nst_rt.media.raw_frames.stream_format import StreamFormat
from nst_rt.media.raw_frames.y4m_header import Y4mHeader

FULL_LINE = b"YUV4MPEG2 W640 H360 F30000:1001 It A16:15 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=FULL XMINE=a=b\n"


def test_a_full_header() -> None:
    header = Y4mHeader.parse(FULL_LINE)
    assert (header.width, header.height, header.pixels, header.siting) == (640, 360, "yuv420p", "left")
    assert header.full_range is True
    assert header.interlaced
    assert bytes(header) == FULL_LINE


@pytest.mark.parametrize(
    ("parameter", "rate"),
    [("F25:1", 25), ("F30000:1001", Fraction(30000, 1001)), ("F0:0", None), ("F25", None), ("", None), ("F-1:1", None)],
)
def test_the_rate(parameter: str, rate: Fraction | None) -> None:
    assert Y4mHeader.parse(f"YUV4MPEG2 W64 H48 {parameter}\n".encode()).rate == rate


def test_the_shortest_header_is_420jpeg() -> None:
    header = Y4mHeader.parse(b"YUV4MPEG2 H48 W64\n")
    assert (header.width, header.height, header.pixels, header.siting) == (64, 48, "yuv420p", "center")
    assert header.full_range is None
    assert not header.interlaced


@pytest.mark.parametrize(
    ("tag", "pixels", "siting", "size"),
    [
        ("420jpeg", "yuv420p", "center", 17 * 19 + 2 * 9 * 10),
        ("420mpeg2", "yuv420p", "left", 17 * 19 + 2 * 9 * 10),
        ("420paldv", "yuv420p", "topleft", 17 * 19 + 2 * 9 * 10),
        ("420", "yuv420p", "center", 17 * 19 + 2 * 9 * 10),
        ("422", "yuv422p", None, 17 * 19 + 2 * 9 * 19),
        ("444", "yuv444p", None, 3 * 17 * 19),
        ("mono", "gray", None, 17 * 19),
    ],
)
def test_kinds_of_pixels_at_odd_sizes(tag: str, pixels: str, siting: str | None, size: int) -> None:
    header = Y4mHeader.parse(f"YUV4MPEG2 W17 H19 C{tag}\n".encode())
    assert (header.pixels, header.siting) == (pixels, siting)
    assert StreamFormat.of_y4m(header).frame_bytes == size


@pytest.mark.parametrize("parameter", ["Ip", "It", "Ib", "Im", "I?"])
def test_interlacing(parameter: str) -> None:
    header = Y4mHeader.parse(f"YUV4MPEG2 W64 H48 {parameter}\n".encode())
    assert header.interlaced == (parameter in ("It", "Ib", "Im"))
    assert parameter.encode() in bytes(header)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "nothing came"),
        (b"YUV4", "ends inside its header"),
        (b"YUV4MPEG2 W64 H48", "is cut short"),
        (b"YUV4MPEG2 " + b"X" * 2000, "does not end"),
        (b"YUV4MPEG3 W64 H48\n", "not yuv4mpegpipe"),
        (b"\x89PNG\r\n\x1a\n\x00", "not yuv4mpegpipe"),
        (b"YUV4MPEG2 H48\n", "no width"),
        (b"YUV4MPEG2 W64\n", "no height"),
        (b"YUV4MPEG2 W64 H0\n", "no height"),
        (b"YUV4MPEG2 W-64 H48\n", "no width"),
        (b"YUV4MPEG2 W6\xb2 H48\n", "no width"),
        (b"YUV4MPEG2 W64 H48 C420p10\n", "C420p10 cannot be read"),
        (b"YUV4MPEG2 W64 H48 C411\n", "C411 cannot be read"),
    ],
)
def test_headers_that_are_refused(line: bytes, words: str) -> None:
    with pytest.raises(FrameStreamError, match=words):
        Y4mHeader.parse(line, "stdin")


@pytest.mark.parametrize("size", [(8, 48), (64, 15), (20000, 48)])
def test_sizes_that_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(FrameStreamError, match=f"{size[0]}x{size[1]} px"):
        StreamFormat.of_y4m(Y4mHeader.parse(f"YUV4MPEG2 W{size[0]} H{size[1]}\n".encode()))


def test_what_goes_out_says_where_the_colour_samples_are_now() -> None:
    coming = StreamFormat.of_y4m(Y4mHeader.parse(FULL_LINE))
    going = coming.converted("yuv4mpegpipe")
    assert going.siting is None
    expected = FULL_LINE.replace(b"C420mpeg2", b"C420jpeg").replace(b"420MPEG2", b"420JPEG")
    assert going.header is not None
    assert bytes(going.header) == expected


def test_a_header_that_needs_no_change_gets_none() -> None:
    line = b"YUV4MPEG2 W64 H48 F25:1 Ib A0:0 C444 XYSCSS=444\n"
    going = StreamFormat.of_y4m(Y4mHeader.parse(line)).converted("yuv4mpegpipe")
    assert going.header is not None
    assert bytes(going.header) == line


def test_a_range_that_was_asked_for_is_written_down() -> None:
    coming = StreamFormat.of_y4m(Y4mHeader.parse(b"YUV4MPEG2 W64 H48 XCOLORRANGE=LIMITED\n"), range="full")
    going = coming.converted("yuv4mpegpipe")
    assert going.colors.range == coming.colors.range == 2
    assert going.header is not None
    assert bytes(going.header) == b"YUV4MPEG2 W64 H48 XCOLORRANGE=FULL\n"


@pytest.mark.parametrize(
    ("pixels", "chroma", "range"),
    [
        ("bgr24", "420jpeg", "LIMITED"),
        ("rgba", "420jpeg", "LIMITED"),
        ("nv12", "420jpeg", "LIMITED"),
        ("yuv422p", "422", "LIMITED"),
        ("gray", "mono", "FULL"),
    ],
)
def test_raw_frames_get_a_header(pixels: str, chroma: str, range: str) -> None:
    coming = StreamFormat.of_raw(64, 48, pixels)
    going = coming.converted("yuv4mpegpipe", rate=Fraction(30000, 1001))
    assert going.header is not None
    assert bytes(going.header) == f"YUV4MPEG2 W64 H48 F30000:1001 Ip A0:0 C{chroma} XCOLORRANGE={range}\n".encode()
    unknown = coming.converted("yuv4mpegpipe")
    assert unknown.header is not None
    assert b" F0:0 " in bytes(unknown.header)


@pytest.mark.parametrize(
    ("size", "matrix", "swscale"), [((1280, 720), "auto", 1), ((1280, 719), "auto", 5), ((64, 48), "bt709", 1)]
)
def test_the_matrix(size: tuple[int, int], matrix: str, swscale: int) -> None:
    assert StreamFormat.of_raw(*size, "nv12", matrix=matrix).colors.swscale_matrix == swscale
