"""What an image file says about itself before any pixel is decoded: size, orientation, colour profile.

It also checks that the file is complete. So the decoder never sees a file that promises too many pixels or ends too
early: OpenCV allocates what a header asks for, and some versions of it silently fill the rest of a cut JPEG with grey.

Pillow (tried: version 13) does not replace this. It notices a cut file only when it decodes the pixels, and needs to
decode them for an orientation that a PNG stores behind its pixels. It refuses files that OpenCV reads: PNG with a
profile or a compressed text above 1 MB, TIFF of three 32-bit channels, BMP with unusual bit fields. It warns about bad
EXIF on stderr, by the filters of the whole process. Importing it takes a process that stylises one image 12 to 16 ms.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nst_rt.errors import InputError
from nst_rt.media.images.image_format import Format, format_of, other_kind_of

_MAX_PROFILE = 1 << 23
"""Bytes of a colour profile that are decompressed at most; real ones stay under two megabytes."""


@dataclass(frozen=True)
class ImageHeader:
    """The facts in an image's header."""

    format: Format
    width: int
    """Of the stored pixels, before they are turned upright."""
    height: int
    orientation: int = 1
    """EXIF's code, 1 (upright) to 8. Always 1 for TIFF, whose decoder turns the image itself."""
    profile: bytes | None = None
    """The embedded ICC colour profile."""
    extra_samples: int = 0
    """TIFF: 1 means that colours are multiplied by alpha, 2 that they are not."""
    white_is_zero: bool = False
    """TIFF: grey values are stored inverted."""


def read_header(data: bytes, name: str) -> ImageHeader:
    """Read the header of an image file and check that the file is complete.

    Args:
        data: all bytes of the file.
        name: what errors call the file.

    Raises:
        InputError: not an image of a known format, cut short, or damaged.
    """
    format = format_of(data)
    if format is None:
        raise InputError(f"{name}: {other_kind_of(data)}")
    try:
        return _READERS[format](data)
    except (_CutError, struct.error, IndexError):  # the latter two: the file is too short for its header
        raise InputError(
            f"{name}: the file is cut short, its {format.upper()} data goes on after byte {len(data)}. "
            "Copy or download it again"
        ) from None
    except (_DamagedError, ValueError, zlib.error) as error:
        raise InputError(
            f"{name}: this {format.upper()} file is damaged or of an unusual kind ({error}). Save it again as PNG"
        ) from error


class _CutError(Exception):
    """The file ends before its data does."""


class _DamagedError(Exception):
    """The file contradicts itself."""


def _png(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II", data, 16)
    orientation, profile = 1, None
    for kind, start, size in _png_chunks(data):
        body = data[start : start + size]
        if kind == b"eXIf":
            orientation = _exif_orientation(body)
        elif kind == b"iCCP":
            profile = zlib.decompressobj().decompress(body[body.index(0) + 2 :], _MAX_PROFILE)
    return ImageHeader("png", width, height, orientation, profile)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset and size of every chunk's body; checks the checksums on the way."""
    position = 8
    while True:
        if position + 12 > len(data):
            raise _CutError
        size, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + size
        if end > len(data):
            raise _CutError
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise _DamagedError(f"wrong checksum of chunk {kind!r}")
        if position == 8 and (kind != b"IHDR" or size != 13):
            raise _DamagedError("no IHDR chunk")
        yield kind, position + 8, size
        if kind == b"IEND":
            return
        position = end


# A marker inside entropy-coded data: 0xFF that is neither stuffed (00), nor a restart (D0-D7), nor fill (FF).
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg(data: bytes) -> ImageHeader:
    size: tuple[int, int] | None = None
    orientation = 1
    profile: dict[int, bytes] = {}
    position = 2
    while True:
        found = _JPEG_MARKER.search(data, position)
        if found is None:
            raise _CutError
        marker, position = data[found.start() + 1], found.end()
        if marker == 0xD9:
            break
        if marker in (0x01, 0xD8):
            continue
        if position + 2 > len(data):
            raise _CutError
        end = position + struct.unpack_from(">H", data, position)[0]
        if end > len(data):
            raise _CutError
        body = data[position + 2 : end]
        if marker in _JPEG_FRAME and size is None:
            height, width = struct.unpack_from(">HH", body, 1)
            size = width, height
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = _exif_orientation(body[6:])
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            profile[body[12]] = body[14:]
        position = end
    if size is None:
        raise _DamagedError("no frame header")
    return ImageHeader(
        "jpeg", *size, orientation, b"".join(part for _, part in sorted(profile.items())) if profile else None
    )


def _webp(data: bytes) -> ImageHeader:
    if 8 + struct.unpack_from("<I", data, 4)[0] > len(data):
        raise _CutError
    size: tuple[int, int] | None = None
    orientation, profile = 1, None
    position, end = 12, 8 + struct.unpack_from("<I", data, 4)[0]
    while position + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + length]
        if kind == b"VP8X":
            if body[0] & 2:
                raise _DamagedError("an animation; take one frame out of it")
            size = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        elif kind == b"VP8 " and size is None:
            width, height = struct.unpack_from("<HH", body, 6)
            size = width & 0x3FFF, height & 0x3FFF
        elif kind == b"VP8L" and size is None:
            bits = struct.unpack_from("<I", body, 1)[0]
            size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            orientation = _exif_orientation(body.removeprefix(b"Exif\0\0"))
        elif kind == b"ICCP":
            profile = body
        position += 8 + length + (length & 1)
    if size is None:
        raise _DamagedError("no image chunk")
    return ImageHeader("webp", *size, orientation, profile)


def _bmp(data: bytes) -> ImageHeader:
    if struct.unpack_from("<I", data, 14)[0] < 40:
        width, height = struct.unpack_from("<HH", data, 18)
        bits, packed = struct.unpack_from("<H", data, 24)[0], 0
    else:
        width, height = struct.unpack_from("<ii", data, 18)
        bits, packed = struct.unpack_from("<HI", data, 28)
    width, height = abs(width), abs(height)
    pixels = struct.unpack_from("<I", data, 10)[0]
    if packed in (0, 3) and pixels + (width * bits + 31) // 32 * 4 * height > len(data):
        raise _CutError
    return ImageHeader("bmp", width, height)


_WIDTH, _HEIGHT, _PHOTOMETRIC, _ORIENTATION, _EXTRA_SAMPLES, _PROFILE = 256, 257, 262, 274, 338, 34675
_DATA_OF_STRIPS, _DATA_OF_TILES = (273, 279), (324, 325)
_ITEM = {1: "B", 2: "B", 3: "H", 4: "I", 7: "B"}


def _tiff(data: bytes) -> ImageHeader:
    tags = _tiff_tags(data)
    try:
        width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    except KeyError:
        raise _DamagedError("no size") from None
    for offsets, counts in (_DATA_OF_STRIPS, _DATA_OF_TILES):
        spans = zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)
        if any(offset + count > len(data) for offset, count in spans):
            raise _CutError
    photometric = tags.get(_PHOTOMETRIC, (1,))[0]
    if photometric == 5:
        raise _DamagedError("CMYK inks; RGB and grey are read")
    profile = tags.get(_PROFILE)
    return ImageHeader(
        "tiff",
        width,
        height,
        profile=bytes(profile) if profile else None,
        extra_samples=tags.get(_EXTRA_SAMPLES, (0,))[0],
        white_is_zero=photometric == 0,
    )


def _tiff_tags(data: bytes) -> dict[int, tuple[int, ...]]:
    """The integer entries of the first directory. EXIF blocks are small TIFF files too."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise _DamagedError("unknown byte order")
    directory = struct.unpack_from(order + "I", data, 4)[0]
    if directory + 2 > len(data):
        raise _CutError
    tags = {}
    for index in range(struct.unpack_from(order + "H", data, directory)[0]):
        entry = directory + 2 + 12 * index
        if entry + 12 > len(data):
            raise _CutError
        tag, kind, count = struct.unpack_from(order + "HHI", data, entry)
        if kind not in _ITEM:
            continue
        layout = f"{order}{count}{_ITEM[kind]}"
        size = count * struct.calcsize(order + _ITEM[kind])
        start = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
        if start + size > len(data):
            raise _CutError
        if count:
            tags[tag] = struct.unpack_from(layout, data, start)
    return tags


def _exif_orientation(block: bytes) -> int:
    # With broken metadata the image is read all the same, as it is stored; other programs do that too.
    try:
        orientation = _tiff_tags(block).get(_ORIENTATION, (1,))[0]
    except (struct.error, _CutError, _DamagedError):
        return 1
    return orientation if 1 <= orientation <= 8 else 1


_READERS: dict[Format, Callable[[bytes], ImageHeader]] = {
    "png": _png,
    "jpeg": _jpeg,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
}
