import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nst_rt import InputError, StyleError, Stylizer
from nst_rt.masks.mask import StillMask
from nst_rt.masks.mask_reader import inside_and_outside
from nst_rt.stylizer import masked_stylizer as module
from nst_rt.stylizer.masked_stylizer import MaskedStylizer
from tiny_models import inverting_model, tinting_model

STYLES = {"blue": [100, 0, 0], "green": [0, 60, 0], "red": [0, 0, 80]}


@pytest.fixture
def stylizer(tmp_path: Path) -> Stylizer:
    model = tinting_model(tmp_path / "net.onnx", rows="styles")
    entries = [{"name": name, "vector": vector} for name, vector in STYLES.items()]
    model.with_name("net.styles.json").write_text(json.dumps({"styles": entries}))
    return Stylizer.load("blue", model=model)


def stripes(count: int, feather: float = 0) -> StillMask:
    """As many regions, side by side from left to right, in a frame 16 x 60."""
    columns = np.arange(60) * count // 60
    weights = [np.tile((columns == index).astype(np.float32), (16, 1)) for index in range(count)]
    return StillMask(weights, feather=feather)


def colors(image: np.ndarray, count: int) -> list[list[int]]:
    """In the middle of each stripe."""
    return [image[8, 60 * (2 * index + 1) // (2 * count)].tolist() for index in range(count)]


PHOTO = np.full((16, 60, 3), 40, np.uint8)


def test_inside_and_outside(stylizer: Stylizer) -> None:
    masked = MaskedStylizer(stylizer, stripes(2))
    assert colors(masked(PHOTO), 2) == [[120, 20, 20], [40, 40, 40]]
    assert np.array_equal(masked(PHOTO)[:, 30:], PHOTO[:, 30:])


def test_each_region_in_its_style_from_one_batch(stylizer: Stylizer, opened_sessions: list[Any]) -> None:
    mask, styles = stripes(5), ["red", stylizer, None, "blue:0.5+green:0.5", "red"]
    masked = MaskedStylizer(stylizer, mask, styles)
    masked.warm_up(16, 60)
    assert [session.shape[0] for session in opened_sessions] == [3]
    assert colors(masked(PHOTO), 5) == [[20, 20, 100], [120, 20, 20], [40, 40, 40], [70, 50, 20], [20, 20, 100]]
    masked.style = "green"
    assert colors(masked(PHOTO), 5)[:2] == [[20, 20, 100], [20, 80, 20]]
    assert len(opened_sessions) == 1
    assert masked.describe()["region_styles"] == ["red", "green", None, "blue:0.5+green:0.5", "red"]
    json.dumps(masked.describe())


def test_large_frames_go_one_by_one(
    stylizer: Stylizer, opened_sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_PIXELS", 1000)
    masked = MaskedStylizer(stylizer, stripes(2), [stylizer, "green"])
    assert colors(masked(PHOTO), 2) == [[120, 20, 20], [20, 80, 20]]
    assert [session.shape[0] for session in opened_sessions] == [1]


def test_another_network_in_a_region(stylizer: Stylizer, tmp_path: Path) -> None:
    other = Stylizer.load(model=inverting_model(tmp_path / "inverting.onnx"))
    masked = MaskedStylizer(other, stripes(3), [other, stylizer, None])
    masked.warm_up(16, 60)
    assert colors(masked(PHOTO), 3) == [[215, 215, 215], [120, 20, 20], [40, 40, 40]]
    assert masked.describe()["region_styles"] == ["invert", "blue", None]
    with pytest.raises(StyleError, match="without strength"):
        masked.strength = 0.5
    masked.stroke_size = 1.5
    assert other.stroke_size == stylizer.stroke_size == masked.stroke_size == 1.5
    alone = MaskedStylizer(other, stripes(2))
    alone.strength = 0.5
    assert other.strength == alone.strength == 0.5


def test_a_soft_edge_goes_from_one_to_the_other(stylizer: Stylizer) -> None:
    row = MaskedStylizer(stylizer, stripes(2, feather=12))(PHOTO)[8, :, 0].astype(int)
    assert (row[0], row[-1]) == (120, 40)
    assert np.all(np.diff(row) <= 0)
    assert len(set(row.tolist())) > 8


def test_views_are_taken_and_batches_refused(stylizer: Stylizer) -> None:
    masked = MaskedStylizer(stylizer, stripes(2))
    assert np.array_equal(masked(PHOTO[:, ::-1]), masked(PHOTO))
    with pytest.raises(InputError, match="one frame"):
        masked(PHOTO[None])


def test_what_does_not_fit_is_refused(stylizer: Stylizer, inverting: Path) -> None:
    with pytest.raises(StyleError, match="the mask has 3 regions, and there are 2 styles"):
        MaskedStylizer(stylizer, stripes(3))
    with pytest.raises(StyleError, match="no style named 'bleu'"):
        MaskedStylizer(stylizer, stripes(2), [stylizer, "bleu"])
    baked = Stylizer.load(model=inverting)
    with pytest.raises(StyleError, match="one style baked in"):
        MaskedStylizer(baked, stripes(2), [baked, "gogh"])


def test_the_masks_place_is_the_frames(stylizer: Stylizer) -> None:
    image = np.zeros((16, 60, 3), np.uint8)
    image[4:8, 10:20] = 255
    result = MaskedStylizer(stylizer, StillMask(inside_and_outside(image), feather=0))(PHOTO)
    assert np.argwhere(result[..., 0] == 120).min(axis=0).tolist() == [4, 10]
    assert np.argwhere(result[..., 0] == 120).max(axis=0).tolist() == [7, 19]
