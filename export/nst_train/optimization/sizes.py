"""Coarse to fine: large strokes are found where the image is small, and detail is added where it is large.

A loss network sees a few dozen pixels around each place. In a large image a painting's strokes are wider than that,
and optimising it from the start takes long and changes only its texture (Gatys et al. 2017, section 6).
"""

from nst_rt.errors import InputError

COARSEST = 640
"""Pixels on the long side up to which no coarser size is needed."""


def automatic_sizes(side: int) -> tuple[int, ...]:
    """Long sides, each about twice the one before, up to `side`; 1920 gives 480, 960 and 1920."""
    sizes = [side]
    while sizes[0] > COARSEST:
        sizes.insert(0, round(sizes[0] / 2))
    return tuple(sizes)


def parse_sizes(text: str, side: int) -> tuple[int, ...]:
    """`480,960,1920` as numbers.

    Args:
        side: the photograph's long side; nothing larger can be made of it.

    Raises:
        InputError: malformed, not rising, under 64 or over `side` pixels.
    """
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--sizes {text}: write long sides in pixels with commas, like 480,960,1920") from error
    if list(sizes) != sorted(set(sizes)) or sizes[0] < 64:
        raise InputError(f"--sizes {text}: sizes rise from 64 pixels or more. Write them coarse to fine")
    if sizes[-1] > side:
        raise InputError(f"--sizes {text}: the photograph has {side} px on its long side. Name no size above that")
    return sizes


def painting_side(image_side: int, own_side: int, usual: int) -> int:
    """The long side to bring a painting to: `usual`, or the image's where that is larger and the painting has it."""
    return max(usual, min(image_side, own_side))
