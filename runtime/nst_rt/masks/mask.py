"""Masks: the share of each region in each pixel of a frame."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from nst_rt.masks.mask_reader import by_light, inside_and_outside, labelled
from nst_rt.masks.weights import Weights, feather_for, feathered, resized, tell_resizing
from nst_rt.media.images.image_reader import read_image
from nst_rt.styles.regions import Label

_KEPT_SIZES = 4


class Mask(Protocol):
    """What gives the weights of regions for one frame after another.

    Examples:
        >>> def shares(mask: Mask, height: int, width: int) -> list[float]:
        ...     return [float(weights.mean()) for weights in mask.weights(height, width)]
        >>> shares(StillMask([np.ones((16, 16), np.float32), np.zeros((16, 16), np.float32)]), 32, 32)
        [1.0, 0.0]
    """

    name: str

    @property
    def count(self) -> int:
        """The number of regions."""
        ...

    def weights(self, height: int, width: int) -> Weights:
        """The weights of the regions, in order, for the next frame."""
        ...


class StillMask:
    """One mask for all frames, of any size.

    Args:
        weights: float32 (height, width) for each region, in [0, 1]; at every pixel they add up to 1.
        feather: the width of the soft edges in pixels of the frame. Left out: 2 % of its short side, or 0 where the
            mask is soft already.
        name: for messages.

    Examples:
        >>> left = np.zeros((48, 64), np.float32)
        >>> left[:, :32] = 1
        >>> StillMask([left, 1 - left]).weights(24, 32)[0].shape
        (24, 32)
    """

    def __init__(self, weights: Weights, *, feather: float | None = None, name: str = "the mask") -> None:
        self.name = name
        self._weights, self._feather = weights, feather_for(weights, feather)
        self._fitted: OrderedDict[tuple[int, int], Weights] = OrderedDict()

    @classmethod
    def read(cls, path: str | Path, labels: Sequence[Label] = (), *, feather: float | None = None) -> "StillMask":
        """Read a mask from an image file.

        Args:
            labels: of the regions. Left out: two regions, light (or opaque) inside and dark outside.

        Raises:
            InputError: the file is not an image, or has labels that are not among `labels`.
        """
        image, name = read_image(path), str(path)
        compressed = image.format == "jpeg"  # its greys near black and white are no labels
        if labels:
            weights = labelled(image.bgr, labels, name, compressed=compressed)
        elif compressed:
            weights = by_light(image.bgr)
        else:
            weights = inside_and_outside(image.bgr, image.alpha, name)
        return cls(weights, feather=feather, name=name)

    @property
    def count(self) -> int:
        """The number of regions."""
        return len(self._weights)

    def weights(self, height: int, width: int) -> Weights:
        """The weights of the regions at a frame's size. A mask of another size is resized, with a warning."""
        size = height, width
        if size not in self._fitted:
            tell_resizing(self.name, self._weights, height, width)
            self._fitted[size] = feathered(resized(self._weights, height, width), self._feather)
            if len(self._fitted) > _KEPT_SIZES:
                self._fitted.popitem(last=False)
        self._fitted.move_to_end(size)
        return self._fitted[size]
