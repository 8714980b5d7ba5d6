"""Images read from files or bytes: upright, 8-bit BGR, transparency apart."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import MIN_SIDE
from nst_rt.errors import InputError
from nst_rt.files.reading import refusing_unreadable
from nst_rt.media.images.image_header import Format, ImageHeader, read_header
from nst_rt.media.opencv_log import silent_opencv
from nst_rt.media.pixels.frame_size import unfit_sides

MAX_BYTES = 1 << 30
"""Largest file that is read."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp"})
"""Suffixes by which a folder's images are found; a file's format is always told by its content."""


@dataclass(frozen=True)
class Image:
    """A decoded image, turned upright.

    Images of 16 bits come down to 8, rounded: the networks work in 8-bit frames, and the lower byte of a stylised
    image would be noise.
    """

    bgr: NDArray[np.uint8]
    """(height, width, 3), C-contiguous, 0 to 255; a grey image has three equal channels."""
    alpha: NDArray[np.uint8] | None = None
    """(height, width), 0 transparent to 255 opaque, colours not multiplied by it; None without transparency."""
    depth: int = 8
    """Bits a channel in the file, 8 or 16."""
    gray: bool = False
    """The file held grey values."""
    profile: bytes | None = None
    """The file's ICC profile where it describes RGB (a phone's Display P3, say); None means sRGB."""
    format: Format = "png"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]

    def shrunk(self, long_side: int) -> "Image":
        """The image with its long side brought down to `long_side` pixels, averaging areas; never enlarged.

        Raises:
            InputError: the short side would fall below the 16 pixels that a network needs.
        """
        width, height = self.size
        factor = long_side / max(width, height)
        if factor >= 1:
            return self
        small = max(1, round(width * factor)), max(1, round(height * factor))
        if why := unfit_sides(*small):
            raise InputError(f"{width}x{height} shrinks to {why}. Choose a larger size")
        alpha = self.alpha
        return replace(
            self,
            bgr=_uint8(cv2.resize(self.bgr, small, interpolation=cv2.INTER_AREA)),
            alpha=None if alpha is None else _uint8(cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)),
        )


def read_image(source: str | Path | bytes, name: str | None = None) -> Image:
    """Read a PNG, JPEG, WebP, TIFF or BMP image; the first page of a TIFF of several.

    Args:
        source: a file, or a file's bytes.
        name: how to call the image in errors; the path, or "the image", if left out.

    Raises:
        InputError: missing, a folder, no permission, empty, not an image, cut short, damaged, a side under 16 or
            over 16 384 pixels, or pixels that are neither 8 nor 16 bits wide.
    """
    name = name or ("the image" if isinstance(source, bytes) else str(source))
    data = source if isinstance(source, bytes) else _bytes_of(Path(source), name)
    if not data:
        raise InputError(f"{name}: the file is empty. Copy or download it again")
    header = read_header(data, name)
    if why := unfit_sides(header.width, header.height):
        small = min(header.width, header.height) < MIN_SIDE
        raise InputError(f"{name}: {why}. {'Use a larger image' if small else 'Scale it down or cut it'}")
    with silent_opencv():
        try:
            # UNCHANGED keeps alpha and depth and leaves the turning to us; the other modes turn but drop alpha.
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except (cv2.error, MemoryError) as error:
            raise InputError(f"{name}: cannot be decoded ({_first_line(error)}). Save it again as PNG") from error
    if pixels is None:
        raise InputError(
            f"{name}: cannot be decoded, its {header.format.upper()} data is damaged or of an unusual kind. "
            "Save it again as PNG"
        )
    return _image(pixels, header, name)


def _bytes_of(path: Path, name: str) -> bytes:
    with refusing_unreadable(name, "not an image. Name a file in it"), path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES >> 30} GiB, not read as an image. Scale it down")
    return data


def _image(pixels: NDArray[Any], header: ImageHeader, name: str) -> Image:
    if pixels.dtype not in (np.uint8, np.uint16) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise InputError(
            f"{name}: holds {pixels.dtype} values in {pixels.ndim} dimensions; "
            "8 and 16 bits of grey, BGR or BGRA are read. Save it again as PNG"
        )
    depth = 8 * pixels.dtype.itemsize
    if depth == 16:
        if header.white_is_zero:  # OpenCV inverts such TIFFs of 8 bits only
            pixels = np.uint16(65535) - pixels
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)  # 65535 = 255 * 257: exact at both ends, and it rounds
    upright = _uint8(_turned(pixels, header.orientation))
    gray = upright.ndim == 2 or upright.shape[2] == 1
    alpha = None
    if gray:
        bgr = _uint8(cv2.cvtColor(upright, cv2.COLOR_GRAY2BGR))
    elif upright.shape[2] == 4:
        bgr = _uint8(cv2.cvtColor(upright, cv2.COLOR_BGRA2BGR))
        alpha = np.ascontiguousarray(upright[..., 3])
        # libtiff hands 8-bit colours out multiplied by alpha whichever way the file holds them.
        if header.extra_samples == 1 or (header.extra_samples == 2 and depth == 8):
            bgr = _divided(bgr, alpha)
    else:
        bgr = np.ascontiguousarray(upright)
    if alpha is not None and ((alpha == 255).all() or (header.format == "bmp" and not alpha.any())):
        alpha = None  # opaque everywhere; BMP's fourth byte is mostly padding
    profile = header.profile if header.profile is not None and header.profile[16:20] == b"RGB " and not gray else None
    return Image(bgr, alpha, depth, gray, profile, header.format)


def _turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo EXIF's orientation: 2 to 4 mirror and turn by half, 5 to 8 also swap rows and columns."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _divided(bgr: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    opaque = np.maximum(alpha, 1)[..., None].astype(np.uint16)
    return _uint8(np.minimum((bgr * np.uint16(255) + opaque // 2) // opaque, 255))


def _uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
