"""Draw the moving image at the head of the README: the live window, over a scene that this script draws.

    python scripts/draw_live_window.py docs/images/live-window.webp

Every frame is drawn, stylised by the built-in network and given the overlay of the live window. The numbers of the
overlay are those of the run itself. Needs `pip install ".[cpu]"`.
"""

import argparse
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from nst_rt import Stylizer
from nst_rt.live.hud import Hud, HudState
from nst_rt.media.images.sample_image import landscape
from numpy.typing import NDArray
from PIL import Image

Frame = NDArray[np.uint8]

STYLES = ("gogh", "mondrian", "wave", "kandinsky", "scream")
SECONDS_PER_STYLE, RATE = 1.6, 10
WIDTH, HEIGHT, SHOWN = 640, 480, (480, 360)
QUALITY = 62


def scene(moment: float) -> Frame:
    """One frame of a boat that crosses a lake: uint8 (HEIGHT, WIDTH, 3) BGR; `moment` goes from 0 to 1."""
    frame = _backdrop().copy()
    phase = 2 * np.pi * moment
    x, y = WIDTH * (0.5 - 0.27 * np.cos(phase)), HEIGHT * 0.735 + 3 * np.sin(6 * phase)
    heading = 1 if np.sin(phase) >= 0 else -1

    def polygon(points: list[tuple[float, float]], color: tuple[int, int, int]) -> None:
        corners = np.array([(x + heading * across, y + down) for across, down in points], np.float32)
        cv2.fillPoly(frame, [np.round(corners * 16).astype(np.int32)], color, cv2.LINE_AA, 4)

    polygon([(-74, 0), (86, -6), (56, 26), (-50, 26)], (38, 46, 92))
    polygon([(-74, 0), (86, -6), (82, 2), (-70, 8)], (88, 120, 190))
    polygon([(-4, -4), (2, -4), (2, -150), (-4, -150)], (30, 44, 60))
    polygon([(8, -146), (8, -14), (72, -14)], (225, 236, 246))
    polygon([(-10, -132), (-10, -14), (-56, -14)], (70, 110, 222))
    return frame


_KEPT: dict[str, Frame] = {}


def _backdrop() -> Frame:
    if "backdrop" not in _KEPT:
        _KEPT["backdrop"] = landscape(WIDTH, HEIGHT)
    return _KEPT["backdrop"]


def live_window() -> list[Frame]:
    """The frames of the window, uint8 BGR, one after the other."""
    stylizer, hud = Stylizer.load(style=STYLES[0]), Hud()
    stylizer.warm_up(HEIGHT, WIDTH)
    each = round(SECONDS_PER_STYLE * RATE)
    shown = []
    recent: list[float] = []
    for index in range(each * len(STYLES)):
        stylizer.style = STYLES[index // each]
        began = time.perf_counter()
        stylized = stylizer(scene(index / (each * len(STYLES))))
        latency = time.perf_counter() - began
        recent = [*recent[-15:], latency]
        typical = float(np.median(recent))
        message = f"style: {stylizer.style}" if index % each < RATE * 0.7 else ""
        state = HudState(stylizer.style, stylizer.device, fps=1 / typical, latency=typical, message=message)
        shown.append(hud.draw(stylized, state))
    return shown


def save(frames: list[Frame], path: Path) -> None:
    """Write an animated WebP that repeats for ever."""
    small = [cv2.resize(frame, SHOWN, interpolation=cv2.INTER_AREA) for frame in frames]
    first, *rest = (Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)) for frame in small)
    partial = path.with_suffix(".partial.webp")
    first.save(
        partial, save_all=True, append_images=rest, duration=round(1000 / RATE), loop=0, quality=QUALITY, method=4
    )
    partial.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    output: Path = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    frames = live_window()
    assert all(one.shape == other.shape for one, other in pairwise(frames))
    save(frames, output)
    print(f"{output}: {len(frames)} frames, {output.stat().st_size / 1e6:.1f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
