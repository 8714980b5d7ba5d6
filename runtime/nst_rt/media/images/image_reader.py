"""Images read from files or bytes: upright, 8-bit BGR, transparency apart."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import MIN_SIDE, Frame
from nst_rt.errors import InputError
from nst_rt.files.reading import refusing_unreadable
from nst_rt.media.images.image_format import Format
from nst_rt.media.images.image_header import ImageHeader, read_header
from nst_rt.media.opencv_log import silent_opencv
from nst_rt.media.pixels.frame_size import unfit_sides

MAX_BYTES = 1 << 30
"""The largest file that is read."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp"})
"""Suffixes by which images are found in a folder. The content of a file decides its format."""


@dataclass(frozen=True)
class Image:
    """A decoded image, turned upright.

    Images of 16 bits are rounded to 8: the networks work in 8-bit frames, and the lower byte of a stylised image would
    be noise.

    Examples:
        >>> image = read_image("photo.jpg")
        >>> image.bgr.dtype, image.alpha is None
        (dtype('uint8'), True)
    """

    bgr: Frame
    """uint8 (height, width, 3), C-contiguous, 0 to 255; a grey image has three equal channels."""
    alpha: NDArray[np.uint8] | None = None
    """uint8 (height, width), 0 transparent to 255 opaque; `bgr` is not multiplied by it. None without transparency."""
    depth: int = 8
    """Bits of a channel in the file, 8 or 16."""
    gray: bool = False
    """Whether the file held grey values."""
    profile: bytes | None = None
    """The file's ICC profile where it describes RGB (a phone's Display P3, say); None means sRGB."""
    format: Format = "png"
    """Of the file."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]

    def shrunk(self, long_side: int) -> "Image":
        """The image scaled down to a long side of `long_side` pixels, by averaging areas; never enlarged.

        >>> Image(np.zeros((40, 60, 3), np.uint8)).shrunk(30).size
        (30, 20)

        Raises:
            InputError: the short side would have less than the 16 pixels that a network needs.
        """
        width, height = self.size
        factor = long_side / max(width, height)
        if factor >= 1:
            return self
        small = max(1, round(width * factor)), max(1, round(height * factor))
        if why := unfit_sides(*small):
            raise InputError(f"{width}x{height} shrinks to {why}. Choose a larger size", parameter="long_side")
        alpha = self.alpha
        return replace(
            self,
            bgr=_uint8(cv2.resize(self.bgr, small, interpolation=cv2.INTER_AREA)),
            alpha=None if alpha is None else _uint8(cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)),
        )


def read_image(source: str | Path | bytes, name: str | None = None) -> Image:
    """Read a PNG, JPEG, WebP, TIFF or BMP image; the first page of a TIFF with several.

    >>> image = read_image("photo.jpg")
    >>> write_image("negative.png", 255 - image.bgr, image.alpha, profile=image.profile)
    []

    Args:
        source: the path of a file, or a file's bytes.
        name: what errors call the image; the path, or "the image", if left out.

    Raises:
        InputError: missing, a folder, no permission, empty, not an image, cut short, damaged, a side under 16 or
            over 16 384 pixels, or channels of other than 8 or 16 bits.
    """
    name = name or ("the image" if isinstance(source, bytes) else str(source))
    data = source if isinstance(source, bytes) else _file_bytes(Path(source), name)
    if not data:
        raise InputError(f"{name}: the file is empty. Copy or download it again")
    header = read_header(data, name)
    if why := unfit_sides(header.width, header.height):
        small = min(header.width, header.height) < MIN_SIDE
        raise InputError(f"{name}: {why}. {'Use a larger image' if small else 'Scale it down or cut it'}")
    stored = _decoded(data, header, name)
    depth = 8 * stored.dtype.itemsize
    upright = _upright(_eight_bit(stored, header), header.orientation)
    gray = upright.ndim == 2 or upright.shape[2] == 1
    bgr, alpha = _bgr_and_alpha(upright, header, depth)
    profile = header.profile
    if profile is not None and (gray or profile[16:20] != b"RGB "):
        profile = None  # of other colours than the frame's
    return Image(bgr, alpha, depth, gray, profile, header.format)


def _file_bytes(path: Path, name: str) -> bytes:
    with refusing_unreadable(name, "not an image. Name a file in it"), path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES >> 30} GiB, not read as an image. Scale it down")
    return data


def _decoded(data: bytes, header: ImageHeader, name: str) -> NDArray[Any]:
    """The stored pixels, uint8 or uint16 (height, width) or (height, width, 1, 3 or 4)."""
    with silent_opencv():
        try:
            # Only UNCHANGED keeps alpha and depth; it does not turn the pixels upright.
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except (cv2.error, MemoryError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(f"{name}: cannot be decoded ({reason}). Save it again as PNG") from error
    if pixels is None:
        raise InputError(
            f"{name}: cannot be decoded, its {header.format.upper()} data is damaged or of an unusual kind. "
            "Save it again as PNG"
        )
    if pixels.dtype not in (np.uint8, np.uint16) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise InputError(
            f"{name}: holds {pixels.dtype} values in {pixels.ndim} dimensions; "
            "8 and 16 bits of grey, BGR or BGRA are read. Save it again as PNG"
        )
    return pixels


def _eight_bit(pixels: NDArray[Any], header: ImageHeader) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if header.white_is_zero:  # OpenCV inverts such TIFFs of 8 bits only
        pixels = np.uint16(65535) - pixels
    # 65535 = 255 * 257: exact at both ends, and it rounds.
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=1 / 257), np.uint8)


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo EXIF's orientation: 2 to 4 mirror or turn by half, 5 to 8 also swap rows and columns."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _bgr_and_alpha(
    pixels: NDArray[np.uint8], header: ImageHeader, depth: int
) -> tuple[Frame, NDArray[np.uint8] | None]:
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return _uint8(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)), None
    if pixels.shape[2] == 3:
        return pixels, None
    bgr, alpha = _uint8(cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR)), np.ascontiguousarray(pixels[..., 3])
    # libtiff multiplies 8-bit colours by alpha, whichever way the file stores them.
    if header.extra_samples == 1 or (header.extra_samples == 2 and depth == 8):
        bgr = _divided(bgr, alpha)
    if (alpha == 255).all() or (header.format == "bmp" and not alpha.any()):
        return bgr, None  # opaque everywhere; BMP's fourth byte is mostly padding
    return bgr, alpha


def _divided(bgr: Frame, alpha: NDArray[np.uint8]) -> Frame:
    """Undo a multiplication by alpha."""
    opaque = np.maximum(alpha, 1)[..., None].astype(np.uint16)
    return _uint8(np.minimum((bgr * np.uint16(255) + opaque // 2) // opaque, 255))


def _uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels, dtype=np.uint8)
