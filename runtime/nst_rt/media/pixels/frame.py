"""What a picture is, in memory."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(height, width, 3), BGR."""
