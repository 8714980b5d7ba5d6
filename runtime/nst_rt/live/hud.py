"""The overlay of the live window: drawn on a copy, never on what is recorded or sent on."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame

SMALLEST = 400
"""Rows of the copy; smaller images are enlarged first, or nobody could read the text."""

_WHITE, _GREY, _RED, _AMBER = (255, 255, 255), (190, 190, 190), (60, 60, 235), (60, 190, 255)
_DARK = (24, 22, 20)
_OPACITY = 0.68
# OpenCV 5 draws this face as an anti-aliased outline font, OpenCV 4 as strokes; both know ASCII.
_FACE = cv2.FONT_HERSHEY_SIMPLEX

Corner = Literal["top left", "top right", "centre", "bottom"]


@dataclass(frozen=True)
class Line:
    """A line of a panel: cells at equal tab stops, in one colour and weight."""

    cells: tuple[str, ...]
    color: tuple[int, int, int] = _WHITE
    bold: bool = False


@dataclass(frozen=True)
class HudState:
    """Everything that can be shown; an empty text is not shown."""

    style: str
    device: str
    fps: float = 0.0
    latency: float = 0.0
    """From capture to show, in seconds."""
    strength: float = 1.0
    stroke_size: float = 1.0
    keeps_color: bool = False
    """The photograph's colours are kept."""
    dropped: int = 0
    view: str = ""
    """What is shown instead of the stylised image: `original`, `before | after`."""
    recording: float | None = None
    """Seconds recorded so far; None while not recording."""
    banner: str = ""
    """A trouble that lasts, such as a lost camera."""
    message: str = ""
    """What a key has just done."""
    information: bool = True
    """Show the panel with style and numbers."""
    help: tuple[tuple[str, str], ...] = ()
    """Rows of the key help, key and what it does; empty for no help."""


class Hud:
    """Draws the overlay. A panel is rendered once for each text, and then only mixed into the frames.

    Examples:
        >>> import numpy as np
        >>> Hud().draw(np.zeros((480, 640, 3), np.uint8), HudState("gogh", "cpu")).shape
        (480, 640, 3)
    """

    def draw(self, image: Frame, state: HudState) -> Frame:
        """A copy of (H, W, 3) uint8 BGR with the overlay; enlarged to `SMALLEST` rows if it has fewer."""
        height, width = image.shape[:2]
        if height < SMALLEST:
            scale = SMALLEST / height
            size = round(width * scale), SMALLEST
            canvas = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        else:
            canvas = image.copy()
        unit = _unit(*canvas.shape[:2])
        margin = round(0.6 * unit)
        if state.information and not state.help:
            _place(canvas, _panel(_information(state), unit), "top left", margin)
        if state.recording is not None:
            _place(
                canvas,
                _panel((Line((f"REC {_clock(state.recording)}",), bold=True),), unit, dot=True),
                "top right",
                margin,
            )
        if state.help:
            rows = (Line(("Keys",), bold=True), *(Line(row) for row in state.help))
            _place(canvas, _panel(rows, unit), "centre", margin)
        if state.banner:
            _place(canvas, _panel((Line((state.banner,), _AMBER, bold=True),), unit), "bottom", margin)
        elif state.message:
            _place(canvas, _panel((Line((state.message,)),), unit), "bottom", margin)
        return canvas


def style_label(expression: str) -> str:
    """A style for people.

    Examples:
        >>> style_label("gogh:0.7+wave:0.3")
        'gogh 70% + wave 30%'
        >>> style_label("/home/me/painting.jpg")
        'painting'
    """
    parts = []
    for part in expression.split("+"):
        name, colon, share = part.rpartition(":")
        try:
            text = f"{Path(name).stem} {float(share):.0%}" if colon else Path(part).stem
        except ValueError:
            text = Path(part).stem
        parts.append(text)
    return " + ".join(parts)


def _information(state: HudState) -> tuple[Line, ...]:
    numbers = f"{state.fps:.1f} fps", f"{state.latency * 1e3:.0f} ms", state.device
    details = [f"strength {state.strength:.0%}"]
    if state.stroke_size != 1:
        details.append(f"strokes x{state.stroke_size:g}")
    if state.keeps_color:
        details.append("photo's colours")
    if state.dropped:
        details.append(f"{state.dropped} dropped")
    lines = [Line((_shortened(state.style, 40),), bold=True), Line(numbers), Line(("   ".join(details),), _GREY)]
    if state.view:
        lines.append(Line((state.view,), _AMBER))
    return tuple(lines)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _unit(height: int, width: int) -> int:
    """The height of a text line in pixels."""
    return min(36, max(14, round(min(height / 27, width / 34))))


def _size(text: str, unit: int, bold: bool) -> int:
    return int(cv2.getTextSize(text, _FACE, _scale(unit), _weight(bold))[0][0])


def _scale(unit: int) -> float:
    return unit / 30


def _weight(bold: bool) -> int:
    return 2 if bold else 1


@lru_cache(maxsize=8)
def _panel(lines: tuple[Line, ...], unit: int, dot: bool = False) -> tuple[Frame, NDArray[np.uint16]]:
    """Text on a dark rounded panel: (h, w, 3) uint8 colours and (h, w, 1) uint16 opacity from 0 to 256."""
    pad, step = round(0.6 * unit), round(1.3 * unit)
    columns = max(len(line.cells) for line in lines)
    stops = [0]
    for column in range(columns):
        widest = max(
            (
                _size(line.cells[column], unit, line.bold)
                for line in lines
                if column < len(line.cells) > 1 or columns == 1
            ),
            default=0,
        )
        stops.append(stops[-1] + widest + unit)
    full = max([stops[-1] - unit, *(_size(line.cells[0], unit, line.bold) for line in lines if len(line.cells) == 1)])
    lead = unit if dot else 0
    height, width = step * len(lines) + 2 * pad - (step - unit), full + lead + 2 * pad
    colors = np.full((height, width, 3), _DARK, np.uint8)
    opacity = np.zeros((height, width), np.uint8)
    _rounded(opacity, pad, round(_OPACITY * 255))
    text = np.zeros((height, width), np.uint8)
    for row, line in enumerate(lines):
        baseline = pad + row * step + round(0.82 * unit)
        layer = np.zeros((height, width), np.uint8)
        for column, cell in enumerate(line.cells):
            origin = (pad + lead + stops[column], baseline)
            cv2.putText(layer, cell, origin, _FACE, _scale(unit), (255,), _weight(line.bold), cv2.LINE_AA)
        _paint(colors, layer, line.color)
        text = np.maximum(text, layer)
    if dot:
        layer = np.zeros((height, width), np.uint8)
        middle = (pad + round(0.3 * unit), pad + unit // 2)
        cv2.circle(layer, middle, round(0.32 * unit), (255,), cv2.FILLED, cv2.LINE_AA)
        _paint(colors, layer, _RED)
        text = np.maximum(text, layer)
    opacity = np.maximum(opacity, text)
    return colors, np.round(opacity[..., None] * (256 / 255)).astype(np.uint16)


def _rounded(mask: Frame, radius: int, value: int) -> None:
    height, width = mask.shape
    radius = min(radius, height // 2, width // 2)
    cv2.rectangle(mask, (radius, 0), (width - radius - 1, height - 1), (value,), cv2.FILLED)
    cv2.rectangle(mask, (0, radius), (width - 1, height - radius - 1), (value,), cv2.FILLED)
    for x in (radius, width - radius - 1):
        for y in (radius, height - radius - 1):
            cv2.circle(mask, (x, y), radius, (value,), cv2.FILLED, cv2.LINE_AA)


def _paint(colors: Frame, layer: Frame, color: tuple[int, int, int]) -> None:
    share = layer[..., None].astype(np.float32) / 255
    colors[:] = np.round(colors * (1 - share) + np.array(color, np.float32) * share)


def _place(canvas: Frame, panel: tuple[Frame, NDArray[np.uint16]], corner: Corner, margin: int) -> None:
    colors, opacity = panel
    height, width = min(colors.shape[0], canvas.shape[0]), min(colors.shape[1], canvas.shape[1])
    rows, columns = canvas.shape[:2]
    top, left = {
        "top left": (margin, margin),
        "top right": (margin, columns - width - margin),
        "centre": ((rows - height) // 2, (columns - width) // 2),
        "bottom": (rows - height - margin, (columns - width) // 2),
    }[corner]
    top, left = max(0, min(top, rows - height)), max(0, min(left, columns - width))
    place = canvas[top : top + height, left : left + width]
    share = opacity[:height, :width]
    # Integer mixing: a float copy of the panel per frame would cost more than the rest of the overlay.
    place[:] = (place * (256 - share) + colors[:height, :width] * share) >> 8
