"""`--color 0` on real photographs: hues stay, whatever the style."""

from pathlib import Path

import numpy as np
import pytest
from lab_hues import hue_shift
from nst_rt import Stylizer
from nst_rt.media.images.image_reader import read_image

pytestmark = pytest.mark.shared


@pytest.mark.parametrize("style", ["gogh", "wave"])
def test_luminance_only_transfer_keeps_the_hues_of_photographs(shared: Path, style: str) -> None:
    paths = sorted((shared / "data" / "content").glob("*.jpg"))[:24]
    with Stylizer.load(style, color=0.0, threads=1) as stylizer:
        photographs = [read_image(path).shrunk(320).bgr for path in paths]
        turned = [hue_shift(photograph, stylizer(photograph)) for photograph in photographs]
    # Single images may reach 10 degrees: saturated skies, darkened to where Lab calls the same blue another hue.
    assert np.mean(turned) < 3, turned
