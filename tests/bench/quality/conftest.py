"""Images of 64 px: photographs, paintings behind named styles, and paintings of a training."""

from pathlib import Path

import cv2
import pytest
from one_thread import one_thread as one_thread  # a fixture
from tiny_images import draw


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """photographs/ (4 images), named/ (gogh.png, wave.png, own.png), paintings/ (5) and styles.toml."""
    for name, count in (("photographs", 4), ("paintings", 5)):
        (tmp_path / name).mkdir()
        for index in range(count):
            cv2.imwrite(str(tmp_path / name / f"{name}{index}.png"), draw(10 * count + index, 64, 80))
    (tmp_path / "named").mkdir()
    for seed, name in enumerate(("gogh", "wave", "own")):
        cv2.imwrite(str(tmp_path / "named" / f"{name}.png"), draw(100 + seed, 90, 70))
    (tmp_path / "styles.toml").write_text('[gogh]\nfile = "gogh.png"\n[wave]\nfile = "wave.png"\n')
    return tmp_path
