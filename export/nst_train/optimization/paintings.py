"""Paintings as the style loss is to see them: in the size that gives strokes their width, and in the wanted colours."""

from pathlib import Path

from nst_rt.errors import InputError
from nst_rt.files.paths import is_file
from nst_rt.models.catalog import BUILT_IN, find_model
from nst_rt.styles.color_matching import ColorMatching
from nst_rt.styles.library import load_styles
from nst_rt.styles.style_encoder import STYLE_IMAGE_SIDE

from nst_train.data.images import Rgb, as_rgb, read_rgb, resize_long_side
from nst_train.optimization.sizes import painting_side


def read_painting(path: Path, image_side: int, wanted: int | None = None, matching: ColorMatching | None = None) -> Rgb:
    """A painting, uint8 RGB (H, W, 3).

    Args:
        image_side: long side of the image that is painted, in pixels.
        wanted: the long side to bring it to; left out, what `painting_side` says.
        matching: moves its colours.

    Raises:
        InputError: no image that can be read, or the name of a style.
    """
    if not is_file(path) and str(path) in load_styles(find_model(BUILT_IN)):
        raise InputError(
            f"{path} is a style's name, and the optimisation needs its painting. Give the painting's file in place of "
            "the name"
        )
    painting = read_rgb(path)
    painting = resize_long_side(
        painting, wanted or painting_side(image_side, max(painting.shape[:2]), STYLE_IMAGE_SIDE)
    )
    return painting if matching is None else as_rgb(matching(painting[..., ::-1])[..., ::-1])
