"""Images written to files or bytes: the suffix chooses the format, and a file appears whole or not at all."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing
from nst_rt.media.images.image_profile import with_profile

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""What can be written, in lower case."""

WITHOUT_ALPHA = frozenset({".jpg", ".jpeg", ".bmp"})
"""Formats that cannot hold transparency (a BMP could, and few programs would see it)."""

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

    Args:
        path: `.png`, `.jpg`, `.jpeg`, `.webp`, `.tif`, `.tiff` or `.bmp`, in either case.
        bgr: uint8 (height, width, 3).
        alpha: uint8 (height, width), not multiplied into the colours.
        quality: 1 to 100, for JPEG and WebP; the others are lossless.
        profile: the ICC profile that says what the colours mean.

    Returns:
        What could not be kept, one sentence each; mostly empty.

    Raises:
        OutputError: unknown suffix, a folder that is missing or read-only, a full disk, a size that the format
            cannot hold.
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
    """The bytes of an image file, and what could not be kept; arguments and errors as in `write_image`."""
    check_suffix(suffix, name)
    if not 1 <= quality <= 100:
        raise OutputError(f"{name}: quality {quality} is not between 1 and 100. Choose one, 95 for instance")
    suffix = suffix.lower()
    notices = []
    pixels: NDArray[Any] = bgr
    if alpha is not None and suffix in WITHOUT_ALPHA:
        notices.append(f"{name}: {suffix} cannot hold transparency, dropped; write .png, .webp or .tif to keep it")
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
    """Raise OutputError unless `suffix` names a format that can be written."""
    if suffix.lower() not in SUFFIXES:
        raise OutputError(f"{name}: cannot write {suffix or 'a name without suffix'}. Use one of {', '.join(SUFFIXES)}")


def _options(suffix: str, quality: int) -> list[int]:
    if suffix in (".jpg", ".jpeg"):
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        if quality >= 90:  # thin strokes of strong colour are what halved chroma smears first
            options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        return options
    return [cv2.IMWRITE_WEBP_QUALITY, quality] if suffix == ".webp" else []
