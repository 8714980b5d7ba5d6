"""What an image is, in memory."""

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
"""(height, width, 3), BGR."""
