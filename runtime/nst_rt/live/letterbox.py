"""Fitting images of any size into a fixed one, for windows, recordings and virtual cameras, which keep their size."""

import cv2
import numpy as np
from numpy.typing import NDArray


def letterbox(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Scale (H, W, 3) uint8 to fit into `height` and `width`, proportions kept, centred on black.

    An image that has this size is returned as it is.
    """
    rows, columns = image.shape[:2]
    if (rows, columns) == (height, width):
        return image
    scale = min(height / rows, width / columns)
    inner_rows, inner_columns = max(1, round(rows * scale)), max(1, round(columns * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner_rows) // 2, (width - inner_columns) // 2
    fitted[top : top + inner_rows, left : left + inner_columns] = cv2.resize(
        image, (inner_columns, inner_rows), interpolation=how
    )
    return fitted
