"""Which sizes frames may have, whether they come from an image, a video, a pipe or shared memory."""

from nst_rt.contract import MIN_SIDE

MAX_SIDE = 16_384
"""The longest side that is decoded, in pixels. A square of it has 268 million pixels, 0.8 GB of BGR."""


def unfit_sides(width: int, height: int) -> str:
    """Why a frame cannot have these sides, in pixels, as the beginning of an error; empty where it can.

    >>> unfit_sides(640, 8)
    '640x8 px, and a side must have 16 to 16384'
    """
    if MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_SIDE:
        return ""
    return f"{width}x{height} px, and a side must have {MIN_SIDE} to {MAX_SIDE}"
