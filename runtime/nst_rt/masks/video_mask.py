"""A video as a mask for another video, frame by frame."""

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from nst_rt.closable import Closable
from nst_rt.masks.mask import StillMask
from nst_rt.masks.mask_reader import by_light, labelled_smoothly
from nst_rt.masks.weights import Weights, feather_for, feathered, resized, tell_resizing
from nst_rt.media.images.image_format import format_of
from nst_rt.media.video.video_part import VideoPart
from nst_rt.media.video.video_reader import VideoReader
from nst_rt.styles.regions import Label

log = logging.getLogger("nst_rt")


class VideoMask(Closable):
    """A mask whose weights change with every frame. After its end the last weights stay, with a warning.

    Args:
        path: a video. Its time stamps and its audio do not matter.
        labels: of the regions, compared with a tolerance. Left out: light inside and dark outside.
        feather: as for `StillMask`; the first frame decides whether the mask is soft already.
        start: seconds to skip at the beginning.

    Raises:
        InputError: as `VideoReader`.

    Examples:
        >>> with VideoMask("holiday.mp4") as mask:
        ...     inside, outside = mask.weights(48, 64)
        >>> inside.shape
        (48, 64)
    """

    def __init__(
        self,
        path: str | Path,
        labels: Sequence[Label] = (),
        *,
        feather: float | None = None,
        start: Fraction = Fraction(0),
    ) -> None:
        self.name = str(path)
        self._labels, self._feather = labels, feather
        self._reader = VideoReader(path, part=VideoPart(start))
        self._frames = iter(self._reader)
        self._raw: Weights = []
        self._fitted: Weights = []
        self._held = False

    @property
    def count(self) -> int:
        """The number of regions."""
        return len(self._labels) or 2

    def weights(self, height: int, width: int) -> Weights:
        """The weights of the regions, in order, for the next frame."""
        frame = None if self._held else next(self._frames, None)
        if frame is not None:
            first = not self._raw
            self._raw = labelled_smoothly(frame.bgr, self._labels) if self._labels else by_light(frame.bgr)
            if first:
                tell_resizing(self.name, self._raw, height, width)
                self._feather = feather_for(self._raw, self._feather)
        elif not self._held:
            self._held = True
            log.warning("%s: ends after %d frames; its last one is held", self.name, self._reader.frames_read)
        if frame is not None or self._fitted[0].shape != (height, width):
            self._fitted = feathered(resized(self._raw, height, width), self._feather)
        return self._fitted

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


def open_mask(
    path: str | Path, labels: Sequence[Label] = (), *, feather: float | None = None, start: Fraction = Fraction(0)
) -> StillMask | VideoMask:
    """Open a mask for a video: an image for all frames, or a video, from its second `start` on.

    Raises:
        InputError: the file is neither, or has labels that are not among `labels`.

    Examples:
        >>> open_mask("photo.jpg").count
        2
    """
    try:
        with Path(path).open("rb") as file:
            image = format_of(file.read(16)) is not None
    except OSError:
        image = False  # the reader of the video says what is wrong
    if image:
        return StillMask.read(path, labels, feather=feather)
    return VideoMask(path, labels, feather=feather, start=start)
