"""Several styles in one frame: each region of a mask gets its own.

Our graphs take one style for a frame, so that every style is made of the whole frame, in one batch, and the images
are mixed by the mask. Each style thus sees the statistics of the whole frame, and no seam.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nst_rt.contract import Frame, StyleVector
from nst_rt.errors import InputError, StyleError
from nst_rt.masks.mask import Mask, StillMask
from nst_rt.masks.weights import mixed
from nst_rt.stylizer.stylizer import Stylizer

BATCH_PIXELS = 4_000_000
"""Larger batches are run a frame at a time: with large images memory runs out before speed matters."""


class MaskedStylizer:
    """Called like a `Stylizer`, and changed like one between two frames.

    Args:
        stylizer: the one that `style`, `strength`, `color` and `stroke_size` are of.
        mask: a `masks.StillMask` or a `mask_video.VideoMask`.
        styles: for each region of the mask, in its order: the `stylizer` itself, in whatever style it is set to at the
            time; a style's name, a blend or a painting, by the same network and fixed; another Stylizer; or None, the
            image as it is. Left out: the stylizer inside, the image outside.

    Raises:
        StyleError: not as many styles as regions, or a name that the stylizer does not have.
    """

    def __init__(self, stylizer: Stylizer, mask: Mask, styles: "Sequence[Stylizer | str | None] | None" = None) -> None:
        styles = [stylizer, None] if styles is None else list(styles)
        if len(styles) != mask.count:
            raise StyleError(f"{mask.name} has {mask.count} regions, and there are {len(styles)} styles. Give as many")
        distinct = dict.fromkeys(style for style in styles if style is not None)
        self._stylizer, self._mask, self._styles = stylizer, mask, styles
        self._others = [style for style in distinct if isinstance(style, Stylizer) and style is not stylizer]
        self._fixed = self._vectors(style for style in distinct if isinstance(style, str))
        self._follows = stylizer in distinct

    def __call__(self, frame: Frame) -> Frame:
        """Stylise a frame uint8 (H, W, 3) BGR, H and W from 16 up; returns the same shape.

        Raises:
            InputError, DeviceError: as `Stylizer`.
        """
        return self.prepare(frame)()

    def prepare(self, frame: Frame) -> Callable[[], Frame]:
        """As `Stylizer.prepare`; a video's next mask is taken here."""
        frame = np.ascontiguousarray(frame)
        if frame.ndim != 3:
            raise InputError(f"a mask lies over one frame (height, width, 3) at a time, not over {frame.shape}")
        by_one_network = self._by_one_network(frame)
        by_others = {other: other.prepare(frame) for other in self._others}
        weights = self._mask.weights(*frame.shape[:2])

        def run() -> Frame:
            images: dict[Stylizer | str | None, Frame] = {None: frame, **by_one_network()}
            images |= {other: make() for other, make in by_others.items()}
            return mixed([images[style] for style in self._styles], weights)

        return run

    def in_flight(self, height: int, width: int) -> int:
        """As `Stylizer.in_flight`, for what a frame of this size needs."""
        own = self._own()
        batch = len(own) if self._in_one_batch(len(own), height, width) else 1
        numbers = [self._stylizer.in_flight(height, width, batch)] if own else []
        return min([*numbers, *(other.in_flight(height, width) for other in self._others)], default=1)

    def match_colors(self, image: Frame, method: str) -> None:
        """As `Stylizer.match_colors`, for the paintings of every region."""
        self._stylizer.match_colors(image, method)
        self._fixed = self._vectors(self._fixed)

    def _vectors(self, styles: Iterable[str]) -> dict[str, StyleVector]:
        return {style: self._stylizer.style_vector(style) for style in styles}

    def _own(self) -> list[Stylizer | str]:
        """The styles of the one network."""
        return [*([self._stylizer] if self._follows else []), *self._fixed]

    def _in_one_batch(self, styles: int, height: int, width: int) -> bool:
        painted = self._stylizer.inference_size(height, width)
        return styles * painted[0] * painted[1] <= BATCH_PIXELS

    def _by_one_network(self, frame: Frame) -> Callable[[], dict[Stylizer | str | None, Frame]]:
        own = self._own()
        if own == [self._stylizer]:
            make = self._stylizer.prepare(frame)
            return lambda: {self._stylizer: make()}
        if not own:
            return dict
        current = [self._stylizer.style_vector()] if self._follows else []
        vectors: StyleVector = np.stack([*current, *self._fixed.values()])
        if self._in_one_batch(len(own), *frame.shape[:2]):
            make = self._stylizer.prepare(np.stack([frame] * len(vectors)), vectors)
            return lambda: dict(zip(own, make(), strict=True))
        makes = [self._stylizer.prepare(frame, vector[None]) for vector in vectors]
        return lambda: {style: make() for style, make in zip(own, makes, strict=True)}

    def warm_up(self, height: int, width: int) -> None:
        """As `Stylizer.warm_up`, for what a frame of this size needs."""
        for other in self._others:
            other.warm_up(height, width)
        blank = np.zeros((height, width, 3), np.uint8)
        for _ in range(2):
            self._by_one_network(blank)()
        if isinstance(self._mask, StillMask):
            self._mask.weights(height, width)

    @property
    def style(self) -> str:
        """The stylizer's own, in the regions that follow it."""
        return self._stylizer.style

    @style.setter
    def style(self, expression: str) -> None:
        self._stylizer.style = expression

    @property
    def styles(self) -> list[str]:
        """Names that `style` can be set to."""
        return self._stylizer.styles

    @property
    def strength(self) -> float:
        """Of every style: 0 is the photograph, 1 the full style."""
        return self._stylizer.strength

    @strength.setter
    def strength(self, value: float) -> None:
        for stylizer in (*self._others, self._stylizer):
            stylizer.strength = value

    @property
    def stroke_size(self) -> float:
        """Of every style, see `Stylizer.stroke_size`."""
        return self._stylizer.stroke_size

    @stroke_size.setter
    def stroke_size(self, value: float) -> None:
        for stylizer in (*self._others, self._stylizer):
            stylizer.stroke_size = value

    @property
    def color(self) -> float:
        """Of every style: 1 takes its colours, 0 keeps the photograph's."""
        return self._stylizer.color

    @color.setter
    def color(self, value: float) -> None:
        for stylizer in (*self._others, self._stylizer):
            stylizer.color = value

    @property
    def device(self) -> str:
        """That runs the stylizer."""
        return self._stylizer.device

    def describe(self) -> dict[str, Any]:
        """What runs, ready for JSON: the stylizer's description, and the mask with the style of each region."""
        names = {None: None, self._stylizer: self._stylizer.style or self._stylizer.styles[0]}
        for other in self._others:
            names[other] = other.style or other.styles[0]
        styles = [style if isinstance(style, str) else names[style] for style in self._styles]
        return {**self._stylizer.describe(), "mask": self._mask.name, "region_styles": styles}
