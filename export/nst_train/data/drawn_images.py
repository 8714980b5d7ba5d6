"""Something to stylise while a vector is tuned by somebody who has no photographs at hand."""

import cv2
from nst_export.parity.sample_images import draw_image
from nst_rt.media.images.sample_image import landscape

from nst_train.data.images import Rgb, as_rgb

LANDSCAPES, OTHERS = 4, 8
HEIGHT, WIDTH = 428, 640


class DrawnImages:
    """Landscapes, and shapes under texture in every colour, drawn by fixed recipes; see `Images`.

    A vector has few numbers and the network knows photographs: on the one painting that was tried, 40 steps closed as
    much of real photographs' style loss with these images as with photographs.
    """

    def __init__(self) -> None:
        drawn = [landscape(WIDTH, HEIGHT, seed) for seed in range(LANDSCAPES)]
        drawn += [draw_image(HEIGHT, WIDTH, seed) for seed in range(OTHERS)]
        self._images = [as_rgb(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)) for image in drawn]

    @property
    def origin(self) -> str:
        """What they are, in words."""
        return "drawn images"

    def __len__(self) -> int:
        return len(self._images)

    def image(self, index: int) -> Rgb:
        """Image number `index`, uint8 RGB (H, W, 3)."""
        return self._images[index]
