"""Which format a file has, by its first bytes."""

from typing import Literal

Format = Literal["png", "jpeg", "webp", "tiff", "bmp"]
"""The formats that are read."""


def format_of(data: bytes) -> Format | None:
    """The format of an image file by its first 12 bytes or more; None for anything else.

    >>> format_of(b"GIF89a" + bytes(6)) is None
    True
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8"):
        return "jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "tiff"
    return "bmp" if data.startswith(b"BM") else None


def other_kind_of(data: bytes) -> str:
    """What a file is that has none of these formats, and what to do with it, for an error."""
    convert = "Convert it to PNG, JPEG, WebP, TIFF or BMP"
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return f"a HEIC image. {convert}"
    if brand in (b"avif", b"avis"):
        return f"an AVIF image. {convert}"
    if data.startswith(b"GIF8"):
        return f"a GIF image. {convert}"
    if data[:4] in (b"II+\0", b"MM\0+"):
        return f"a BigTIFF image. {convert}"
    if brand or data.startswith(b"\x1aE\xdf\xa3") or data[8:12] == b"AVI ":
        return "a video, not an image. Read it as a video, or take a frame out of it"
    return f"not an image of a known format. {convert}"
