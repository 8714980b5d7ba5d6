"""What every stylizer can do, whether it lays one style over a frame or several."""

from typing import Any, Protocol

from nst_rt.contract import Frame


class Prepared(Protocol):
    """A frame that was taken with a stylizer's settings, and is still to be stylised."""

    def run(self) -> Frame:
        """Stylise the frame, in any thread; returns the same shape."""
        ...


class StylizerProtocol(Protocol):
    """What `Stylizer` and `MaskedStylizer` have in common, for code that works with both.

    Examples:
        >>> from nst_rt import StylizerProtocol
        >>> def fade_in(stylizer: StylizerProtocol, seconds: float) -> None:
        ...     stylizer.strength = min(1.0, seconds / 2)
    """

    style: str
    """The style as it was asked for; it can change between two frames."""
    strength: float
    """0 is the photograph, 1 the full style."""
    color: float
    """1 takes the style's colours, 0 keeps the photograph's."""
    stroke_size: float
    """The size of the strokes, from 0.25 to 8 times the usual size."""

    @property
    def styles(self) -> list[str]:
        """Names that `style` can be set to."""
        ...

    @property
    def device(self) -> str:
        """The device that runs the network."""
        ...

    def __call__(self, frame: Frame) -> Frame:
        """Stylise a frame uint8 (H, W, 3) BGR; returns the same shape."""
        ...

    def prepare(self, frame: Frame) -> Prepared:
        """Take a frame with the present settings; `run` of the result stylises it."""
        ...

    def in_flight(self, height: int, width: int) -> int:
        """How many frames of this size run at once."""
        ...

    def warm_up(self, height: int, width: int) -> None:
        """Open all sessions for a frame size, so that the first frames are as fast as later ones."""
        ...

    def match_colors(self, image: Frame, method: str) -> None:
        """Give style images the colours of an image before their styles are read."""
        ...

    def describe(self) -> dict[str, Any]:
        """What runs, ready for JSON."""
        ...
