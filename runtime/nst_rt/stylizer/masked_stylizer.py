"""Several styles in one frame: each region of a mask gets its own.

The graphs take one style for a whole frame. So the whole frame is stylised in every style, in one batch, and the mask
blends the results. Each style sees the statistics of the whole frame, and there are no seams.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_rt.contract import Frame, StyleVector
from nst_rt.errors import InputError, StyleError
from nst_rt.masks.mask import Mask, StillMask
from nst_rt.masks.weights import Weights, blended
from nst_rt.stylizer.prepared_frame import PreparedFrame
from nst_rt.stylizer.stylizer import Stylizer

BATCH_PIXELS = 4_000_000
"""Larger batches run one frame at a time: with large images memory runs out before the batch saves time."""

RegionStyle = Stylizer | str | None
"""The style of a region: a stylizer in its present style, a style of the first network, or the unchanged image."""


@dataclass(frozen=True, eq=False)
class PreparedMaskedFrame:
    """A frame together with its mask, and with the settings that it is stylised with.

    Examples:
        >>> mask = StillMask([np.ones((48, 64), np.float32), np.zeros((48, 64), np.float32)])
        >>> masked = MaskedStylizer(Stylizer.load(device="cpu"), mask)
        >>> masked.prepare(np.zeros((48, 64, 3), np.uint8)).run().shape
        (48, 64, 3)
    """

    frame: Frame
    """uint8 (H, W, 3) BGR."""
    weights: Weights
    """Of the regions."""
    styles: Sequence[RegionStyle]
    """Of the regions."""
    parts: Sequence[tuple[Sequence[RegionStyle], PreparedFrame]]
    """Batches of the frame, each with the styles that it is stylised in."""

    def run(self) -> Frame:
        """Stylise, in any thread; returns uint8 of the frame's shape.

        Raises:
            DeviceError, InputError: as `PreparedFrame.run`.
        """
        images: dict[RegionStyle, Frame] = {None: self.frame}
        for styles, part in self.parts:
            images.update(zip(styles, part.run(), strict=True))
        return blended([images[style] for style in self.styles], self.weights)


class _OfEveryStyle:
    """A number of the first stylizer, which is set for all of them."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, masked: "MaskedStylizer", owner: type) -> float:
        return float(getattr(masked._stylizer, self._name))

    def __set__(self, masked: "MaskedStylizer", value: float) -> None:
        for stylizer in (*masked._others, masked._stylizer):
            setattr(stylizer, self._name, value)


class MaskedStylizer:
    """Stylises each region of a mask in its own style. It is called and changed like a `Stylizer`.

    Args:
        stylizer: the one that `style`, `strength`, `color` and `stroke_size` belong to.
        mask: a `StillMask` or a `VideoMask`.
        styles: a style for each region of the mask, in order. The `stylizer` itself stands for its present style; a
            style's name, a blend or a style image for a fixed style of the same network; another Stylizer for another
            network; None for the unchanged image. Left out: the stylizer inside, the unchanged image outside.

    Raises:
        StyleError: there are not as many styles as regions, or the stylizer does not have a style.

    Examples:
        >>> import numpy as np
        >>> from nst_rt import MaskedStylizer, StillMask, Stylizer
        >>> left = np.zeros((48, 64), np.float32)
        >>> left[:, :32] = 1
        >>> stylizer = Stylizer.load(style="gogh", device="cpu")
        >>> masked = MaskedStylizer(stylizer, StillMask([left, 1 - left]), [stylizer, "wave"])
        >>> masked(np.zeros((48, 64, 3), np.uint8)).shape
        (48, 64, 3)
    """

    def __init__(self, stylizer: Stylizer, mask: Mask, styles: Sequence[RegionStyle] | None = None) -> None:
        styles = [stylizer, None] if styles is None else list(styles)
        if len(styles) != mask.count:
            raise StyleError(
                f"{mask.name} has {mask.count} regions, and there are {len(styles)} styles. Give as many",
                parameter="styles",
            )
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
        return self.prepare(frame).run()

    def prepare(self, frame: Frame) -> PreparedMaskedFrame:
        """As `Stylizer.prepare`. A mask that is a video gives its next frame here."""
        frame = np.ascontiguousarray(frame)
        if frame.ndim != 3:
            raise InputError(f"a mask lies over one frame (height, width, 3) at a time, not over {frame.shape}")
        parts = [*self._own_parts(frame), *(([other], other.prepare(frame[None])) for other in self._others)]
        return PreparedMaskedFrame(frame, self._mask.weights(*frame.shape[:2]), self._styles, parts)

    def in_flight(self, height: int, width: int) -> int:
        """As `Stylizer.in_flight`, for all that a frame of this size needs."""
        own = len(self._own_styles())
        batch = own if self._in_one_batch(height, width) else 1
        numbers = [self._stylizer.in_flight(height, width, batch)] if own else []
        return min([*numbers, *(other.in_flight(height, width) for other in self._others)], default=1)

    def warm_up(self, height: int, width: int) -> None:
        """As `Stylizer.warm_up`, for all that a frame of this size needs."""
        for other in self._others:
            other.warm_up(height, width)
        for _, part in self._own_parts(np.zeros((height, width, 3), np.uint8)):
            part.warm_up()
        if isinstance(self._mask, StillMask):
            self._mask.weights(height, width)

    def match_colors(self, image: Frame, method: str) -> None:
        """As `Stylizer.match_colors`, for the style images of every region."""
        self._stylizer.match_colors(image, method)
        self._fixed = self._vectors(self._fixed)

    def _vectors(self, styles: Iterable[str]) -> dict[str, StyleVector]:
        return {style: self._stylizer.style_vector(style) for style in styles}

    def _own_styles(self) -> list[RegionStyle]:
        """The styles that the first network makes."""
        return [*([self._stylizer] if self._follows else []), *self._fixed]

    def _in_one_batch(self, height: int, width: int) -> bool:
        inference_height, inference_width = self._stylizer.inference_size(height, width)
        return len(self._own_styles()) * inference_height * inference_width <= BATCH_PIXELS

    def _own_parts(self, frame: Frame) -> list[tuple[Sequence[RegionStyle], PreparedFrame]]:
        styles = self._own_styles()
        if not styles:
            return []
        if styles == [self._stylizer]:
            return [(styles, self._stylizer.prepare(frame[None]))]
        present = [self._stylizer.style_vector()] if self._follows else []
        vectors: StyleVector = np.stack([*present, *self._fixed.values()])
        if self._in_one_batch(*frame.shape[:2]):
            return [(styles, self._stylizer.prepare(np.stack([frame] * len(vectors)), vectors))]
        return [
            ([style], self._stylizer.prepare(frame[None], vector[None]))
            for style, vector in zip(styles, vectors, strict=True)
        ]

    @property
    def style(self) -> str:
        """The style of the stylizer, in the regions that follow it."""
        return self._stylizer.style

    @style.setter
    def style(self, expression: str) -> None:
        self._stylizer.style = expression

    @property
    def styles(self) -> list[str]:
        """The names that `style` can be set to."""
        return self._stylizer.styles

    strength = _OfEveryStyle()
    """For every style: 0 is the photograph, 1 the full style."""
    color = _OfEveryStyle()
    """For every style: 1 takes its colours, 0 keeps the photograph's."""
    stroke_size = _OfEveryStyle()
    """For every style, see `Stylizer.stroke_size`."""

    @property
    def device(self) -> str:
        """The device that runs the stylizer."""
        return self._stylizer.device

    def describe(self) -> dict[str, Any]:
        """What really runs, ready for JSON: the stylizer, the mask, and the style of each region."""
        names = {None: None, self._stylizer: self._stylizer.style or self._stylizer.styles[0]}
        for other in self._others:
            names[other] = other.style or other.styles[0]
        styles = [style if isinstance(style, str) else names[style] for style in self._styles]
        return {**self._stylizer.describe(), "mask": self._mask.name, "region_styles": styles}
