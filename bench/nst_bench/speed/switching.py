"""Styles that change while frames keep coming: does a switch delay the frames around it?

The switches are those of the live window: `StyleSwitcher` sets the next style in a thread of its own when a key is
pressed, and `TimelinePlayer` sets a blend before every frame of a fade.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from nst_rt.engine.timing import LatencyStatistics
from nst_rt.errors import StyleError
from nst_rt.live.style_switcher import StyleSwitcher
from nst_rt.styles.timeline import Timeline, TimelinePlayer
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.noise import noise_of_run
from nst_bench.harness.workload import Case, Target, moving_frames

SWITCHES = ("named", "blend", "painting", "fade")
AFTER = 2
"""Frames that count as at a switch after it is over: threads that worked for it may still be spinning."""
LEAST_SWITCHES = 4
PAINTING = Case(1600, 1200)
FADING, FADE_EVERY = 8, 20
"""Frames of a fade, and frames from the beginning of one fade to the next."""

Switch = Callable[[bool], bool]
"""Called before every frame with whether a switch may begin now; returns whether one is in progress."""


def measure_switching(case: Case, kind: str, seconds: float, target: Target) -> dict[str, Any]:
    """Stylise frame after frame, half of them while the style changes, host bytes in to host bytes out.

    A frame is at a switch from the key, or the beginning of a fade, until `AFTER` frames after the first one in the
    new style. What the thread of the frames does for the switch is part of the frame's time.

    Args:
        kind: `named` goes through the stored styles; `blend` to a blend of two and back; `painting` to a painting's
            file, whose vector the stylizer keeps, and back; `fade` follows a timeline that fades from one to another.
        seconds: how long at least; also until there were `LEAST_SWITCHES`.

    Returns:
        JSON-ready: sizes, `device` and `precision` that ran, `kind`, `switches`, `at_switch` and `without` (latencies
        in milliseconds), and as multiples of the median without a switch: `median_ratio` and `largest_ratio` of the
        frames at a switch, `largest_ratio_without` of the others, which are about as many; `noise` of the others.

    Raises:
        StyleError: the model cannot switch in this way.
        NstError: as `Stylizer.load` and its calls do.
    """
    frames = moving_frames(case)
    at_switch, without, others = LatencyStatistics(), LatencyStatistics(), list[float]()
    switches, still_at, index = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder, target.load() as stylizer:
        stylizer.warm_up(case.height, case.width)
        before = time.perf_counter()
        stylizer(frames[0])
        switch = _switch(kind, stylizer, Path(folder), time.perf_counter() - before)
        for frame in frames:  # a painting has just been encoded, with threads that may still be spinning
            stylizer(frame)
        end = time.perf_counter() + seconds
        # A switch has to end here: its thread must not work while something else is measured.
        while time.perf_counter() < end or switches < LEAST_SWITCHES or still_at:
            before = time.perf_counter()
            changing = switch(not still_at and without.count >= at_switch.count)
            stylizer(frames[index % len(frames)])
            took = time.perf_counter() - before
            if changing:
                switches += not still_at
                still_at = AFTER + 1
            if still_at:
                still_at -= 1
                at_switch.add(took)
            else:
                without.add(took)
                others.append(took)
            index += 1
        described = stylizer.describe()
    median = without.percentile(50)
    return {
        "width": case.width,
        "height": case.height,
        "device": described["device"],
        "precision": described["precision"],
        "kind": kind,
        "switches": switches,
        "at_switch": at_switch.milliseconds(),
        "without": without.milliseconds(),
        "median_ratio": round(at_switch.percentile(50) / median, 3),
        "largest_ratio": round(at_switch.max / median, 3),
        "largest_ratio_without": round(without.max / median, 3),
        "noise": noise_of_run(others),
    }


def _switch(kind: str, stylizer: Stylizer, folder: Path, each: float) -> Switch:
    """`each` is what a frame takes, in seconds."""
    stylizer.require_style_vectors("switches of style")
    if len(stylizer.styles) < 2:
        raise StyleError(
            f"{stylizer!r} has fewer than two named styles to switch between. Give another model", parameter="model"
        )
    first, second = stylizer.styles[:2]
    match kind:
        case "named":
            return _by_key(stylizer)
        case "blend":
            stylizer.style = f"{first}:0.5+{second}:0.5"
            return _by_key(stylizer, back_and_forth=True)
        case "painting":
            painting = folder / "painting.jpg"
            cv2.imwrite(str(painting), moving_frames(PAINTING)[0])
            stylizer.style = str(painting)
            return _by_key(stylizer, back_and_forth=True)
        case "fade":
            every = FADE_EVERY * each
            entries = f'0s "{first}", {every:.4f}s "{second}"'
            return _by_time(stylizer, f"{entries}, fade {FADING * each:.4f}s, loop {2 * every:.4f}s")
    raise ValueError(f"no switch called {kind!r}; there are {', '.join(SWITCHES)}")


def _by_key(stylizer: Stylizer, *, back_and_forth: bool = False) -> Switch:
    switcher = StyleSwitcher(stylizer)  # a style in use that has no name stands first among its styles
    in_progress, step = False, 1

    def before_frame(may_begin: bool) -> bool:
        nonlocal in_progress, step
        if in_progress:
            if trouble := switcher.trouble():
                raise StyleError(trouble)
            # The first frame that is stylised in the new style from its beginning ends the switch.
            in_progress = stylizer.style != switcher.wanted
            return True
        if may_begin:
            switcher.step(step)
            in_progress, step = True, -step if back_and_forth else step
        return in_progress

    return before_frame


def _by_time(stylizer: Stylizer, timeline: str) -> Switch:
    player = TimelinePlayer(Timeline(timeline), stylizer)
    begun = time.monotonic()

    def before_frame(may_begin: bool) -> bool:
        shown = stylizer.style
        player.seek(time.monotonic() - begun)
        return stylizer.style != shown

    return before_frame
