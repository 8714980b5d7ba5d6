"""Raw frames to BGR and back: numbers of BT.601 and BT.709, both ranges, odd sizes, transparency."""

from dataclasses import replace

import numpy as np
import pytest
from nst_rt.media.pixels.pixel_formats import PIXEL_FORMATS
from nst_rt.media.raw_frames.bgr_to_raw import frame_packer
from nst_rt.media.raw_frames.raw_to_bgr import frame_buffers
from nst_rt.media.raw_frames.stream_format import StreamFormat
from numpy.typing import NDArray

WEIGHTS = {"bt601": (0.299, 0.587, 0.114), "bt709": (0.2126, 0.7152, 0.0722)}
"""Of red, green and blue, by ITU-R BT.601 and BT.709."""

COLORS = [(0, 0, 0), (255, 255, 255), (200, 40, 90), (30, 180, 220), (90, 90, 250)]
"""BGR."""


def yuv_of(bgr: tuple[int, ...], matrix: str, range: str) -> tuple[int, int, int]:
    blue, green, red = (value / 255 for value in bgr)
    kr, kg, kb = WEIGHTS[matrix]
    luma = kr * red + kg * green + kb * blue
    cb, cr = (blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)
    if range == "full":
        return round(255 * luma), round(128 + 255 * cb), round(128 + 255 * cr)
    return round(16 + 219 * luma), round(128 + 224 * cb), round(128 + 224 * cr)


def unpack(format: StreamFormat, data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    (buffer,) = frame_buffers(format, 1)
    buffer.data[:] = data
    return buffer.to_bgr()


def pack(format: StreamFormat, bgr: NDArray[np.uint8], alpha: NDArray[np.uint8] | None = None) -> bytes:
    return b"".join(frame_packer(format).pack(bgr, alpha))


def flat(bgr: tuple[int, ...], height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), bgr, np.uint8)


@pytest.mark.parametrize("pixels", ["nv12", "yuv420p", "yuv422p", "yuv444p"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("range", ["limited", "full"])
@pytest.mark.parametrize("size", [(64, 48), (33, 17)])
def test_yuv_numbers(pixels: str, matrix: str, range: str, size: tuple[int, int]) -> None:
    width, height = size
    format = StreamFormat.of_raw(width, height, pixels, matrix=matrix, range=range)
    for bgr in COLORS:
        y, u, v = yuv_of(bgr, matrix, range)
        luma = width * height
        chroma = (format.frame_bytes - luma) // 2
        packed = np.frombuffer(pack(format, flat(bgr, height, width)), np.uint8).astype(int)
        assert packed.size == format.frame_bytes
        assert np.abs(packed[:luma] - y).max() <= 1
        first, second = (packed[luma::2], packed[luma + 1 :: 2]) if pixels == "nv12" else np.split(packed[luma:], 2)
        assert np.abs(first - u).max() <= 1
        assert np.abs(second - v).max() <= 1
        colors = bytes([u, v]) * chroma if pixels == "nv12" else bytes([u]) * chroma + bytes([v]) * chroma
        back, alpha = unpack(format, bytes([y]) * luma + colors)
        assert alpha is None
        assert back.shape == (height, width, 3)
        assert np.abs(back.astype(int) - bgr).max() <= 3


@pytest.mark.parametrize("pixels", list(PIXEL_FORMATS))
@pytest.mark.parametrize("size", [(64, 48), (33, 17), (130, 20)])
def test_there_and_back(pixels: str, size: tuple[int, int]) -> None:
    width, height = size
    format = StreamFormat.of_raw(width, height, pixels)
    y, x = np.mgrid[0:height, 0:width]
    bgr = np.dstack([60 + x / 4, 60 + y, np.full((height, width), 120)]).astype(np.uint8)
    if pixels == "gray":
        bgr = np.dstack([bgr[..., 1]] * 3)
    back, _ = unpack(format, pack(format, bgr))
    exact = format.pixels.colors != "yuv"
    assert np.abs(back.astype(int) - bgr).max() <= (0 if exact else 4)


def test_where_rgb_lies() -> None:
    assert pack(StreamFormat.of_raw(16, 16, "rgb24"), flat((1, 2, 3), 16, 16)) == bytes([3, 2, 1]) * 256
    assert pack(StreamFormat.of_raw(16, 16, "bgr24"), flat((1, 2, 3), 16, 16)) == bytes([1, 2, 3]) * 256
    bgr, _ = unpack(StreamFormat.of_raw(16, 16, "rgb24"), bytes([3, 2, 1]) * 256)
    assert (bgr == (1, 2, 3)).all()


def test_transparency_is_kept_and_opaque_without() -> None:
    format = StreamFormat.of_raw(16, 16, "rgba")
    data = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    bgr, alpha = unpack(format, data.tobytes())
    assert alpha is not None
    assert pack(format, bgr, alpha) == data.tobytes()
    assert pack(format, flat((1, 2, 3), 16, 16)) == bytes([3, 2, 1, 255]) * 256


@pytest.mark.parametrize(("matrix", "weights"), WEIGHTS.items())
@pytest.mark.parametrize("range", ["full", "limited"])
def test_gray(matrix: str, weights: tuple[float, ...], range: str) -> None:
    format = StreamFormat.of_raw(16, 16, "gray", matrix=matrix, range=range)
    scale, offset = (1.0, 0) if range == "full" else (219 / 255, 16)
    for blue, green, red in COLORS:
        expected = offset + scale * (weights[0] * red + weights[1] * green + weights[2] * blue)
        packed = np.frombuffer(pack(format, flat((blue, green, red), 16, 16)), np.uint8)
        assert np.abs(packed - expected).max() <= 0.51
    bgr, _ = unpack(format, bytes([offset + round(scale * 100)]) * 256)
    assert np.abs(bgr.astype(int) - 100).max() <= 1
    if range == "limited":
        assert (unpack(format, bytes([240]) * 256)[0] == 255).all()
        assert (unpack(format, bytes([3]) * 256)[0] == 0).all()


def test_the_place_of_chroma_samples_counts() -> None:
    width = height = 32
    planes = [np.full((height, width), 120, np.uint8)] + [np.full((16, 16), 128, np.uint8) for _ in range(2)]
    planes[2][:, 8:] = 200  # red from column 16 on, if samples lie in the centre
    data = b"".join(plane.tobytes() for plane in planes)
    center = StreamFormat.of_raw(width, height, "yuv420p")
    at_center, _ = unpack(center, data)
    unsaid, _ = unpack(replace(center, siting="center"), data)
    at_left, _ = unpack(replace(center, siting="left"), data)
    assert (at_center == unsaid).all()
    # Samples at the left of their pairs mean that the edge lies half a pixel further left.
    difference = at_left[0, :, 2].astype(int) - at_center[0, :, 2]
    assert difference.min() >= 0
    assert set(np.flatnonzero(difference)) <= set(range(13, 18))
    assert difference.sum() == pytest.approx(0.5 * (int(at_center[0, -1, 2]) - int(at_center[0, 0, 2])), rel=0.1)


def test_buffers_do_not_share_memory() -> None:
    format = StreamFormat.of_raw(32, 16, "yuv420p")
    first, second = frame_buffers(format, 2)
    first.data[:] = b"\x10" * 512 + b"\x80" * 256
    black, _ = first.to_bgr()
    second.data[:] = b"\xeb" * 512 + b"\x80" * 256
    white, _ = second.to_bgr()
    assert (black.max(), white.min()) == (0, 255)
