"""What the user changes while the live loop runs: style, strength, strokes, colours, mirror, timeline and view."""

from enum import Enum
from typing import Protocol

from nst_rt.contract import Frame
from nst_rt.errors import DeviceError
from nst_rt.live.keys import Action
from nst_rt.live.style_switcher import StyleSwitcher
from nst_rt.stylizer.protocol import StylizerProtocol

_STRENGTH_STEP = 0.1
_STROKE_SIZES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


class LiveTimeline(Protocol):
    """What sets the style by the time, such as `TimelinePlayer`."""

    def seek(self, seconds: float) -> None:
        """Set the stylizer's style for this second."""


class View(Enum):
    """What the window shows; the value is what its panel says about it."""

    STYLIZED = ""
    ORIGINAL = "original"
    BEFORE_AFTER = "before | after"


class LiveControls:
    """The state that keys change.

    Args:
        stylizer: its style, strength, strokes and colours change.
        timeline: sets the style by the time, until a style is chosen by key.
        mirror: whether frames are turned left to right at first.
    """

    def __init__(self, stylizer: StylizerProtocol, timeline: LiveTimeline | None, *, mirror: bool) -> None:
        self._stylizer, self._timeline = stylizer, timeline
        self._switcher = StyleSwitcher(stylizer)
        self._color = stylizer.color or 1.0
        self._working_stroke_size = stylizer.stroke_size
        self.follows_timeline = timeline is not None
        self.mirror = mirror
        self._original = self._before_after = False
        self.information = True
        self.help = False

    @property
    def style(self) -> str:
        """The style that is set, or being set."""
        return self._stylizer.style if self.follows_timeline else self._switcher.wanted

    @property
    def view(self) -> View:
        """What the window shows."""
        if self._original:
            return View.ORIGINAL
        return View.BEFORE_AFTER if self._before_after else View.STYLIZED

    def trouble(self) -> str:
        """Why the last change of style failed, once; empty if it did not."""
        return self._switcher.trouble()

    def seek(self, seconds: float) -> None:
        """Let the timeline set the style for this second, unless it is off."""
        if self._timeline is not None and self.follows_timeline:
            self._timeline.seek(seconds)

    def stylize(self, frame: Frame) -> tuple[Frame, str]:
        """Stylise a frame, uint8 (H, W, 3) BGR; returns the result, and why strokes of a new size failed, if they did.

        Raises:
            NstError: the network failed, and the size of the strokes is not the reason.
        """
        try:
            stylized = self._stylizer(frame)
        except DeviceError as error:  # strokes of a new size need a session of their own
            if self._stylizer.stroke_size == self._working_stroke_size:
                raise
            self._stylizer.stroke_size = self._working_stroke_size
            return self._stylizer(frame), str(error)
        self._working_stroke_size = self._stylizer.stroke_size
        return stylized, ""

    def apply(self, action: Action) -> str:
        """Carry out an action; returns what to tell the user. Actions that are not about this state do nothing.

        Raises:
            NstError: the stylizer refuses the change.
        """
        match action:
            case Action.NEXT_STYLE:
                return self._change_style(1)
            case Action.PREVIOUS_STYLE:
                return self._change_style(-1)
            case Action.STRONGER:
                self._change_strength(_STRENGTH_STEP)
            case Action.WEAKER:
                self._change_strength(-_STRENGTH_STEP)
            case Action.LARGER_STROKES:
                now = self._stylizer.stroke_size
                self._stylizer.stroke_size = min((size for size in _STROKE_SIZES if size > now), default=now)
            case Action.FINER_STROKES:
                now = self._stylizer.stroke_size
                self._stylizer.stroke_size = max((size for size in _STROKE_SIZES if size < now), default=now)
            case Action.COLORS:
                self._stylizer.color = 0.0 if self._stylizer.color > 0 else self._color
            case Action.TIMELINE:
                return self._toggle_timeline()
            case Action.ORIGINAL:
                self._original = not self._original
            case Action.BEFORE_AFTER:
                self._before_after, self._original = not self._before_after, False
            case Action.MIRROR:
                self.mirror = not self.mirror
            case Action.INFORMATION:
                self.information = not self.information
            case Action.HELP:
                self.help = not self.help
        return ""

    def _change_style(self, step: int) -> str:
        if len(self._switcher.styles) < 2:
            return "this model has one style"
        self._end_timeline()
        self._switcher.step(step)
        return ""

    def _toggle_timeline(self) -> str:
        if self._timeline is None:
            return "there is no timeline"
        if self.follows_timeline:
            self._end_timeline()
            return "timeline off"
        self.follows_timeline = True
        return "timeline on"

    def _end_timeline(self) -> None:
        if self.follows_timeline:
            self.follows_timeline = False
            self._switcher.adopt()

    def _change_strength(self, step: float) -> None:
        self._stylizer.strength = round(min(1.0, max(0.0, self._stylizer.strength + step)), 2)
