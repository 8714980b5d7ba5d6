"""What OpenCV's encoders leave out of an image file: the colour profile, and that TIFF's fourth channel is alpha.

OpenCV 5 can embed profiles too (`imencodeWithMetadata`), but not in TIFF, only up to 64 kB in JPEG, and in PNG it fails
on a profile that libpng finds odd. Pillow can embed one only in an image that it encodes itself.
"""

import struct
import zlib

_EXTRA_SAMPLES, _PROFILE = 338, 34675
_SHORT, _UNDEFINED = 3, 7
_UNASSOCIATED = 2
_JPEG_PART = 65_519
"""Bytes of a profile that fit into one JPEG segment."""


def with_profile(data: bytes, suffix: str, profile: bytes | None, *, has_alpha: bool = False) -> bytes:
    """The file with an ICC profile in it, and for TIFF with its alpha channel declared.

    Args:
        data: a PNG, JPEG, WebP, TIFF or BMP file as OpenCV encoded it.
        suffix: of the format, in lower case.
        profile: None leaves the file as it is. BMP stays as it is anyway: programs read no profile in it.
        has_alpha: four channels, colours not multiplied by alpha.
    """
    if suffix in (".tif", ".tiff"):
        return _tiff(data, profile, has_alpha)
    if profile is None:
        return data
    if suffix == ".png":
        return _png(data, profile)
    if suffix in (".jpg", ".jpeg"):
        return _jpeg(data, profile)
    return _webp(data, profile, has_alpha) if suffix == ".webp" else data


def _png(data: bytes, profile: bytes) -> bytes:
    body = b"iCCP" + b"ICC profile\0\0" + zlib.compress(profile)
    after_header = 8 + 12 + 13
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:after_header] + chunk + data[after_header:]


def _jpeg(data: bytes, profile: bytes) -> bytes:
    parts = [profile[start : start + _JPEG_PART] for start in range(0, len(profile), _JPEG_PART)]
    segments = b"".join(
        struct.pack(">HH12sBB", 0xFFE2, 16 + len(part), b"ICC_PROFILE\0", number, len(parts)) + part
        for number, part in enumerate(parts, 1)
    )
    after_jfif = 4 + struct.unpack_from(">H", data, 4)[0]  # JFIF's own segment must come first
    return data[:after_jfif] + segments + data[after_jfif:]


def _webp(data: bytes, profile: bytes, has_alpha: bool) -> bytes:
    body = data[12:]
    if body.startswith(b"VP8X"):
        flags, size, body = body[8], body[12:18], body[18:]
    elif body.startswith(b"VP8L"):
        bits = struct.unpack_from("<I", body, 9)[0]
        flags, size = 0, (bits & 0x3FFF).to_bytes(3, "little") + (bits >> 14 & 0x3FFF).to_bytes(3, "little")
    else:
        width, height = struct.unpack_from("<HH", body, 14)
        flags = 0
        size = ((width & 0x3FFF) - 1).to_bytes(3, "little") + ((height & 0x3FFF) - 1).to_bytes(3, "little")
    flags |= 0x20 | (0x10 if has_alpha else 0)
    extended = struct.pack("<4sIB3x6s", b"VP8X", 10, flags, size)
    chunk = struct.pack("<4sI", b"ICCP", len(profile)) + profile + b"\0" * (len(profile) % 2)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(extended + chunk + body), b"WEBP") + extended + chunk + body


def _tiff(data: bytes, profile: bytes | None, has_alpha: bool) -> bytes:
    """Append a directory with the new entries and point the header at it."""
    order = "<" if data[:2] == b"II" else ">"
    old = struct.unpack_from(order + "I", data, 4)[0]
    count = struct.unpack_from(order + "H", data, old)[0]
    entries = {
        struct.unpack_from(order + "H", data, old + 2 + 12 * index)[0]: data[old + 2 + 12 * index :][:12]
        for index in range(count)
    }
    data += b"\0" * (len(data) % 2)
    if has_alpha:
        entries[_EXTRA_SAMPLES] = struct.pack(order + "HHIHH", _EXTRA_SAMPLES, _SHORT, 1, _UNASSOCIATED, 0)
    if profile is not None:
        entries[_PROFILE] = struct.pack(order + "HHII", _PROFILE, _UNDEFINED, len(profile), len(data))
        data += profile + b"\0" * (len(profile) % 2)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + b"\0" * 4
    return data[:4] + struct.pack(order + "I", len(data)) + data[8:] + directory
