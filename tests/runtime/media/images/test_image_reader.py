"""Images of every kind come in upright, 8-bit and BGR; bad ones come in not at all, and say why."""

import os
import struct
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from image_bytes import (
    encoded,
    exif,
    jpeg_segment,
    png,
    png_chunk,
    smooth,
    tiff,
    with_chunk,
    with_segments,
)
from nst_rt.errors import InputError
from nst_rt.media.images.image_reader import read_image
from nst_rt.media.pixels.frame_size import MAX_SIDE

UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: np.swapaxes(stored, 0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(np.swapaxes(stored, 0, 1), 2),
    8: np.rot90,
}


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_lossless_formats_come_in_exactly(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(encoded(suffix, smooth()))
    image = read_image(path)
    assert np.array_equal(image.bgr, smooth())
    assert image.bgr.flags.c_contiguous
    assert (image.alpha, image.depth, image.gray, image.size) == (None, 8, False, (60, 40))


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_come_in_closely(suffix: str) -> None:
    image = read_image(encoded(suffix, smooth()))
    assert np.abs(image.bgr.astype(int) - smooth()).max() < 24


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_jpeg_is_turned_upright(orientation: int) -> None:
    plain = encoded(".jpg", smooth())
    turned = with_segments(plain, jpeg_segment(0xE1, b"Exif\0\0" + exif(orientation)))
    assert np.array_equal(read_image(turned).bgr, UPRIGHT[orientation](read_image(plain).bgr))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_16_bit_png_with_alpha_is_turned_upright(orientation: int) -> None:
    eight = np.dstack([smooth(), 255 - smooth()[..., 0]])
    data = with_chunk(encoded(".png", eight.astype(np.uint16) * 257), b"eXIf", exif(orientation))
    image = read_image(data)
    assert image.depth == 16
    assert np.array_equal(image.bgr, UPRIGHT[orientation](eight[..., :3]))
    assert image.alpha is not None
    assert np.array_equal(image.alpha, UPRIGHT[orientation](eight[..., 3]))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_tiff_is_turned_upright_once(orientation: int, bits: int) -> None:
    rgb = smooth()[..., ::-1]
    stored = rgb if bits == 8 else rgb.astype(np.uint16) * 257
    image = read_image(tiff(stored, orientation=orientation))
    assert np.array_equal(image.bgr, UPRIGHT[orientation](smooth()))
    assert image.depth == bits


@pytest.mark.parametrize("block", [b"", b"II*\0", b"junk", exif(9), exif(0)[:-6]])
def test_broken_exif_costs_nobody_the_image(block: bytes) -> None:
    data = with_segments(encoded(".jpg", smooth()), jpeg_segment(0xE1, b"Exif\0\0" + block))
    assert read_image(data).size == (60, 40)


def test_16_bits_are_rounded_to_8() -> None:
    values = np.array([0, 128, 129, 257, 65535 - 128, 65535 - 129, 65535], np.uint16)
    stored = np.repeat(np.repeat(values[None, :], 16, 0), 3, 1)
    assert read_image(encoded(".png", stored)).bgr[0, ::3, 0].tolist() == [0, 0, 1, 1, 255, 254, 255]


def test_gray_gets_three_channels() -> None:
    image = read_image(encoded(".png", smooth()[..., 0]))
    assert image.gray
    assert np.array_equal(image.bgr, np.dstack([smooth()[..., 0]] * 3))


def test_gray_with_alpha_keeps_alpha() -> None:
    image = read_image(png(16, 16, 8, 4, [bytes([100, 200] * 16)] * 16))
    assert image.alpha is not None
    assert (image.bgr[0, 0].tolist(), int(image.alpha[0, 0])) == ([100, 100, 100], 200)


def test_palette_with_transparency() -> None:
    colors = png_chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0])), png_chunk(b"tRNS", bytes([7, 255]))
    image = read_image(png(16, 16, 8, 3, [bytes([0, 1] * 8)] * 16, *colors))
    assert image.alpha is not None
    assert image.bgr[0, :2].tolist() == [[0, 0, 255], [0, 255, 0]]
    assert image.alpha[0, :2].tolist() == [7, 255]


def test_one_bit_png() -> None:
    assert np.unique(read_image(png(16, 16, 1, 0, [b"\xaa\xaa"] * 16)).bgr).tolist() == [0, 255]


def test_alpha_that_is_opaque_everywhere_is_none() -> None:
    assert read_image(encoded(".png", np.dstack([smooth(), np.full((40, 60), 255, np.uint8)]))).alpha is None


def test_white_is_zero_tiff_of_16_bits_is_not_a_negative() -> None:
    gray = smooth()[..., 0]
    stored = np.uint16(65535) - gray.astype(np.uint16) * 257
    assert np.array_equal(read_image(tiff(stored, photometric=0)).bgr[..., 0], gray)


def test_tiff_colours_are_not_multiplied_by_alpha() -> None:
    rgba = np.dstack([np.full((20, 20, 3), 200, np.uint8), np.full((20, 20), 128, np.uint8)])
    image = read_image(tiff(rgba, extra={338: 2}))
    assert image.alpha is not None
    assert int(image.alpha[0, 0]) == 128
    assert np.abs(image.bgr.astype(int) - 200).max() <= 1


def test_big_endian_tiff() -> None:
    assert np.array_equal(read_image(tiff(smooth()[..., ::-1], order=">")).bgr, smooth())


def test_jpeg_with_something_after_its_end() -> None:
    # Phones append depth maps, videos and what not.
    assert read_image(encoded(".jpg", smooth()) + b"trailer" * 100).size == (60, 40)


def test_colour_profile_comes_along() -> None:
    profile = b"\0" * 16 + b"RGB " + bytes(range(256)) * 300
    parts = [profile[:60_000], profile[60_000:]]
    segments = [
        jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([number, 2]) + part) for number, part in enumerate(parts, 1)
    ]
    assert read_image(with_segments(encoded(".jpg", smooth()), *segments[::-1])).profile == profile


def test_profile_of_inks_or_gray_does_not() -> None:
    profile = b"\0" * 16 + b"GRAY" + bytes(200)
    data = with_chunk(encoded(".png", smooth()[..., 0]), b"iCCP", b"x\0\0" + zlib.compress(profile))
    assert read_image(data).profile is None


def test_shrinking_limits_the_long_side_and_never_enlarges() -> None:
    image = read_image(encoded(".png", np.dstack([smooth(), smooth()[..., 0]])))
    assert image.shrunk(30).size == (30, 20)
    alpha = image.shrunk(30).alpha
    assert alpha is not None
    assert alpha.shape == (20, 30)
    assert image.shrunk(500) is image


def test_shrinking_below_what_networks_take_is_refused() -> None:
    with pytest.raises(InputError, match="60x20 shrinks to 30x10 px, and a side must have 16"):
        read_image(encoded(".png", smooth(20, 60))).shrunk(30)


def refused(data: bytes | Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_image(data, "holiday.jpg" if isinstance(data, bytes) else None)
    message = str(caught.value)
    assert "\n" not in message
    assert ("holiday.jpg" if isinstance(data, bytes) else data.name) in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("part", [0.03, 0.5, 0.9, 0.999])
def test_cut_files(suffix: str, part: float, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(suffix, noise)
    refused(data[: int(len(data) * part)], "cut short", "again")
    assert capfd.readouterr() == ("", "")


def test_tiff_cut_in_its_pixels_with_the_directory_in_front() -> None:
    data = bytearray(encoded(".tif", smooth()[..., 0]))
    directory = struct.unpack_from("<I", data, 4)[0]
    for entry in range(directory + 2, len(data) - 12, 12):
        if struct.unpack_from("<H", data, entry)[0] == 279:
            struct.pack_into("<I", data, entry + 8, len(data) * 2)
    refused(bytes(data), "cut short")


def test_progressive_jpeg_cut_between_scans() -> None:
    import cv2

    data = encoded(".jpg", smooth(200, 200), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    read_image(data)
    last_scan = data.rindex(b"\xff\xda")
    refused(data[:last_scan], "cut short")


def test_damaged_png_is_told_by_its_checksum(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(".png", smooth()))
    data[len(data) // 2] ^= 0xFF
    refused(bytes(data), "damaged", "IDAT")
    assert capfd.readouterr() == ("", "")


def test_damaged_pixels_are_one_line_and_opencv_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    data = png(16, 16, 8, 2, [b"too short"])
    with pytest.raises(InputError, match="Save it again"):
        read_image(data, "holiday.png")
    assert "OpenCV" not in capfd.readouterr().err


def test_opencv_gets_its_voice_back_when_the_last_of_two_readers_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    logging, decode = cv2.utils.logging, cv2.imdecode
    met, levels = threading.Barrier(2, timeout=60), []

    def decode_together(*arguments: object) -> object:
        met.wait()
        levels.append(logging.getLogLevel())
        return decode(*arguments)

    before = logging.getLogLevel()
    monkeypatch.setattr(cv2, "imdecode", decode_together)
    data = encoded(".png", smooth())
    readers = [threading.Thread(target=read_image, args=(data,)) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert levels == [logging.LOG_LEVEL_SILENT] * 2
    assert logging.getLogLevel() == before != logging.LOG_LEVEL_SILENT


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (MAX_SIDE + 1, 16), (16, 2**31 - 1)])
def test_huge_promises_are_refused_before_decoding(width: int, height: int) -> None:
    data = png(width, height, 8, 2, [b"a lie"])
    refused(data, f"{width}x{height} px, and a side must have 16 to 16384. Scale it down")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
def test_too_small(suffix: str) -> None:
    refused(encoded(suffix, smooth(15, 40)), "40x15 px, and a side must have 16 to 16384. Use a larger image")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["empty"]),
        (b"hello, this is text", ["not an image", "PNG"]),
        (b"\0\0\0\x18ftypheic" + bytes(40), ["HEIC", "Convert"]),
        (b"\0\0\0\x18ftypavif" + bytes(40), ["AVIF", "Convert"]),
        (b"GIF89a" + bytes(40), ["GIF"]),
        (b"II+\0" + bytes(40), ["BigTIFF"]),
        (b"\0\0\0\x18ftypisom" + bytes(40), ["a video, not an image"]),
        (b"\xff\xd8\xff\xd9", ["frame header"]),
        (b"RIFF\x04\0\0\0WEBP", ["no image chunk"]),
    ],
)
def test_other_files(data: bytes, words: list[str]) -> None:
    refused(data, *words)


def test_animated_webp_and_cmyk_and_float_tiff() -> None:
    extended = b"VP8X" + struct.pack("<IB3x", 10, 2) + b"\x3f\0\0\x3f\0\0"
    refused(b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended, "animation")
    refused(tiff(np.zeros((20, 20, 4), np.uint8), photometric=5), "CMYK")
    refused(encoded(".tif", smooth().astype(np.float32)), "float32")


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(tmp_path / "missing.png", "no such file")
    refused(tmp_path, "folder")
    empty = tmp_path / "empty.png"
    empty.touch()
    refused(empty, "empty")

    def deny(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", deny)
    refused(empty, "permission")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(".png", smooth()))
    path.chmod(0)
    refused(path, "permission")
