"""Images written to files or bytes: the suffix chooses the format, and a file appears whole or not at all."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing
from nst_rt.media.images.profile_writer import with_profile

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""What can be written, in lower case."""

WITHOUT_ALPHA = frozenset({".jpg", ".jpeg", ".bmp"})
"""Formats without transparency (BMP could hold it, but few programs would see it)."""

QUALITY = 95
"""Default for JPEG and WebP."""


def write_image(
    path: str | Path,
    bgr: NDArray[np.uint8],
    alpha: NDArray[np.uint8] | None = None,
    *,
    quality: int = QUALITY,
    profile: bytes | None = None,
) -> list[str]:
    """Write an image in the format of the path's suffix; an existing file is replaced only when all went well.

    >>> image = read_image("photo.jpg")
    >>> write_image("half.jpg", image.shrunk(max(image.size) // 2).bgr, quality=90, profile=image.profile)
    []

    Args:
        path: `.png`, `.jpg`, `.jpeg`, `.webp`, `.tif`, `.tiff` or `.bmp`, in either case.
        bgr: uint8 (height, width, 3), 0 to 255.
        alpha: uint8 (height, width), 0 transparent to 255 opaque; `bgr` is not multiplied by it.
        quality: 1 to 100, for JPEG and WebP; the other formats are lossless.
        profile: the ICC profile of the colours; None is sRGB.

    Returns:
        What could not be kept, one sentence each; mostly empty.

    Raises:
        OutputError: unknown suffix, quality out of range, a folder that is missing or read-only, a full disk, a size
            that the format cannot hold.
    """
    path = Path(path)
    data, notices = encode_image(path.suffix, bgr, alpha, quality=quality, profile=profile, name=str(path))
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return notices


def encode_image(
    suffix: str,
    bgr: NDArray[np.uint8],
    alpha: NDArray[np.uint8] | None = None,
    *,
    quality: int = QUALITY,
    profile: bytes | None = None,
    name: str = "the image",
) -> tuple[bytes, list[str]]:
    """The bytes of an image file, and what could not be kept; arguments and errors as in `write_image`.

    >>> encode_image(".png", np.zeros((16, 16, 3), np.uint8))[0][:4]
    b'\\x89PNG'
    """
    check_suffix(suffix, name)
    if not 1 <= quality <= 100:
        raise OutputError(f"{name}: quality {quality} is not between 1 and 100. 95 is the default", parameter="quality")
    suffix = suffix.lower()
    notices = []
    pixels: NDArray[Any] = bgr
    if alpha is not None and suffix in WITHOUT_ALPHA:
        notices.append(
            f"{name}: {suffix} cannot hold transparency, which is dropped; write .png, .webp or .tif to keep it"
        )
    elif alpha is not None:
        pixels = np.dstack([bgr, alpha])
    try:
        fine, encoded = cv2.imencode(suffix, pixels, _options(suffix, quality))
    except cv2.error as error:
        fine, encoded = False, np.frombuffer(str(error).encode(), np.uint8)
    if not fine:
        height, width = bgr.shape[:2]
        raise OutputError(f"{name}: {width}x{height} px cannot be written as {suffix}. Use .png or a smaller size")
    return with_profile(encoded.tobytes(), suffix, profile, has_alpha=pixels.shape[2] == 4), notices


def check_suffix(suffix: str, name: str) -> None:
    """Raise OutputError unless `suffix` names a format that can be written; `name` is what the error calls the file."""
    if suffix.lower() not in SUFFIXES:
        raise OutputError(f"{name}: cannot write {suffix or 'a name without suffix'}. Use one of {', '.join(SUFFIXES)}")


def _options(suffix: str, quality: int) -> list[int]:
    if suffix in (".jpg", ".jpeg"):
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        if quality >= 90:  # halved chroma would smear thin strokes of strong colour
            options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        return options
    return [cv2.IMWRITE_WEBP_QUALITY, quality] if suffix == ".webp" else []
