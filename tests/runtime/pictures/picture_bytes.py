"""Picture files made byte by byte, for what OpenCV cannot write."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def smooth(height: int = 40, width: int = 60, channels: int = 3) -> NDArray[np.uint8]:
    """A picture that every format keeps well: its corners differ, its neighbours hardly do."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 / (width - 1), y * 255 / (height - 1), (x + y) * 255 / (width + height - 2)]
    return np.dstack(planes[:channels]).round().astype(np.uint8)


def encoded(suffix: str, pixels: NDArray[Any], options: Sequence[int] = ()) -> bytes:
    fine, data = cv2.imencode(suffix, pixels, list(options))
    assert fine
    return data.tobytes()


def exif(orientation: int) -> bytes:
    """An EXIF block (little-endian TIFF) with nothing but an orientation."""
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0) + b"\0\0\0\0"


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    return png[:33] + png_chunk(kind, body) + png[33:]


def png(width: int, height: int, bits: int, kind: int, rows: Sequence[bytes], *extra: bytes) -> bytes:
    """A PNG of any colour type; `rows` are unfiltered."""
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + b"".join(extra)
        + png_chunk(b"IDAT", body)
        + png_chunk(b"IEND", b"")
    )


def tiff(
    pixels: NDArray[Any],
    *,
    orientation: int = 1,
    photometric: int | None = None,
    extra: dict[int, int] | None = None,
    order: str = "<",
) -> bytes:
    """An uncompressed TIFF of one strip, RGB(A) or grey, 8 or 16 bits."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    bits = 8 * pixels.dtype.itemsize
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    entries: dict[int, tuple[int, int, int]] = {
        256: (4, 1, width),
        257: (4, 1, height),
        258: (3, samples, bits if samples == 1 else 8 + len(data)),
        259: (3, 1, 1),
        262: (3, 1, photometric if photometric is not None else (2 if samples > 1 else 1)),
        273: (4, 1, 8),
        274: (3, 1, orientation),
        277: (3, 1, samples),
        278: (4, 1, height),
        279: (4, 1, len(data)),
    }
    entries |= {tag: (3, 1, value) for tag, value in (extra or {}).items()}
    magic = b"II*\0" if order == "<" else b"MM\0*"
    bits_of_samples = struct.pack(f"{order}{samples}H", *[bits] * samples)
    directory = struct.pack(order + "H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        packed = struct.pack(order + "HH", value, 0) if kind == 3 and count == 1 else struct.pack(order + "I", value)
        directory += struct.pack(order + "HHI", tag, kind, count) + packed
    at = 8 + len(data) + len(bits_of_samples)
    return magic + struct.pack(order + "I", at) + data + bits_of_samples + directory + b"\0\0\0\0"


def names_in(folder: Path) -> list[str]:
    """What is in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())
