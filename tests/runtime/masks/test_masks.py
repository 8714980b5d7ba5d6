from pathlib import Path

import cv2
import numpy as np
import pytest
from nst_rt.errors import InputError
from nst_rt.masks.mask import StillMask
from nst_rt.masks.mask_reader import by_light, inside_and_outside, labelled, labelled_smoothly
from nst_rt.masks.weights import FEATHER_SHARE, blended, feathered, resized
from nst_rt.styles.regions import Label


def gray(values: list[list[int]] | np.ndarray) -> np.ndarray:
    return np.dstack([np.asarray(values, np.uint8)] * 3)


def halves(low: int = 0, high: int = 255, height: int = 40, width: int = 60) -> np.ndarray:
    """Dark on the left, light on the right."""
    image = np.full((height, width), low, np.uint8)
    image[:, width // 2 :] = high
    return image


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (100, 200)])
def test_of_two_values_the_lighter_is_inside(low: int, high: int) -> None:
    inside, outside = inside_and_outside(gray(halves(low, high)))
    assert inside[0, 0] == 0
    assert inside[0, -1] == 1
    assert np.array_equal(inside + outside, np.ones((40, 60)))


def test_greys_are_shares_and_transparency_is_outside() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    assert np.allclose(inside_and_outside(gray(ramp))[0][0], np.arange(256) / 255)
    inside = inside_and_outside(gray(halves()), alpha=halves(255, 0))[0]
    assert (inside[0, 0], inside[0, -1]) == (1, 0)


def test_an_empty_side_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert (inside_and_outside(gray(halves(255, 255)), name="m.png")[0] == 1).all()
    assert "m.png: nothing of it is outside" in caplog.text


def test_a_few_greys_between_are_edges_but_many_are_labels() -> None:
    edge = halves(width=600)
    edge[:, 299] = 127
    assert inside_and_outside(gray(edge))[0][0, 299] == pytest.approx(127 / 255)
    three = halves()
    three[:, :15] = 2
    with pytest.raises(InputError) as caught:
        inside_and_outside(gray(three), name="m.png")
    assert str(caught.value).startswith("m.png: has 3 labels (0 (25.0%), 2 (25.0%), 255 (50.0%)) for two styles")
    assert '"0=none, 2=none, 255=none"' in str(caught.value)


def test_labels_are_exact_in_a_image_of_labels() -> None:
    image = gray([[0, 1, 2, 3]] * 4)
    weights = labelled(image, [(1, 1, 1), (0, 0, 0), None])
    assert [weight[0].tolist() for weight in weights] == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]]
    with pytest.raises(InputError, match=r"2 \(25.0%\), 3 \(25.0%\); named are 0, 1"):
        labelled(image, [(0, 0, 0), (1, 1, 1)])


def test_colours_and_their_errors(caplog: pytest.LogCaptureFixture) -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    image[5:] = (0, 128, 255)
    weights = labelled(image, [(0, 128, 255), (0, 0, 0), (9, 9, 9)], "m.png")
    assert [float(weight.mean()) for weight in weights] == [0.5, 0.5, 0]
    assert "m.png: no pixel of it is 9" in caplog.text
    with pytest.raises(InputError, match=r"#ff8000 \(50.0%\)"):
        labelled(image, [(0, 0, 0)])


def test_a_few_strange_pixels_count_as_the_nearest_label(caplog: pytest.LogCaptureFixture) -> None:
    image = gray(halves())
    image[0, 0] = 200
    weights = labelled(image, [(0, 0, 0), (255, 255, 255)], "m.png")
    assert weights[1][0, 0] == 1
    assert "m.png: 0.042 % of it has colours that no region names" in caplog.text


def test_a_compressed_image_of_labels_is_read_by_the_nearest() -> None:
    noise = np.random.default_rng(0).integers(-20, 20, (40, 60, 3))
    image = np.clip(gray(halves()).astype(int) + noise, 0, 255).astype(np.uint8)
    weights = labelled(image, [(0, 0, 0), (255, 255, 255)])
    assert (weights[1] > 0).tolist() == (halves() > 0).tolist()
    photograph = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=r"and [0-9]+ more; named are 0, 255"):
        labelled(photograph, [(0, 0, 0), (255, 255, 255)])


@pytest.mark.parametrize("labels", [(), ((255, 255, 255), (0, 0, 0)), ((255, 255, 255), None)])
def test_the_few_greys_of_a_jpeg_are_no_labels(tmp_path: Path, labels: tuple[Label, ...]) -> None:
    drawn = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(drawn, (150, 100), 60, (255, 255, 255), -1)
    cv2.imwrite(str(tmp_path / "mask.jpg"), drawn)
    assert 2 < len(np.unique(cv2.imread(str(tmp_path / "mask.jpg")))) <= 16
    inside, outside = StillMask.read(tmp_path / "mask.jpg", labels, feather=0).weights(200, 300)
    assert np.array_equal(inside, drawn[..., 0] / 255)
    assert np.array_equal(outside, 1 - inside)


def test_videos_are_read_with_tolerance() -> None:
    image = gray([[3, 250, 130, 12]] * 4)
    assert [weight[0].tolist() for weight in labelled_smoothly(image, [(0, 0, 0), None, (255, 255, 255)])] == [
        [1, 0, 0, 1],
        [0, 0, 1, 0],
        [0, 1, 0, 0],
    ]
    inside, outside = by_light(image)
    assert inside[0, [0, 1, 3]].tolist() == [0, 1, 0]
    assert inside[0, 2] == pytest.approx(118 / 231, abs=1e-6)
    assert inside.dtype == outside.dtype == np.float32


def test_a_soft_edge_is_as_wide_as_asked_for_and_symmetric() -> None:
    weights = inside_and_outside(gray(halves(width=100)))
    for feather in (6, 10, 20, 24):
        inside, outside = feathered(weights, feather)
        assert np.allclose(inside + outside, 1, atol=1e-6)
        row = inside[20]
        soft = np.flatnonzero((row > 1e-5) & (row < 1 - 1e-5))
        assert soft[0] == 100 - 1 - soft[-1]
        assert abs(len(soft) - feather) <= 2
        assert np.all(np.diff(row) >= -1e-6)
        assert np.allclose(row + row[::-1], 1, atol=1e-5)


def test_an_edge_is_hard_if_asked_for_and_by_default_two_percent() -> None:
    weights = inside_and_outside(gray(halves(height=500, width=800)))
    assert feathered(weights, 0) is weights
    soft = feathered(weights, None)[0][250]
    assert int(((soft > 1e-5) & (soft < 1 - 1e-5)).sum()) == pytest.approx(500 * FEATHER_SHARE, abs=2)


def test_a_mask_that_is_soft_by_itself_stays_as_it_is() -> None:
    ramp = gray(np.tile(np.arange(256, dtype=np.uint8), (64, 2)))
    weights = inside_and_outside(ramp)
    assert np.array_equal(StillMask(weights).weights(64, 512)[0], weights[0])
    assert not np.array_equal(StillMask(weights, feather=20).weights(64, 512)[0], weights[0])


def test_resizing_keeps_the_sum_and_the_places() -> None:
    weights = inside_and_outside(gray(halves()))
    for size in ((80, 120), (20, 30), (33, 77)):
        inside, outside = resized(weights, *size)
        assert inside.shape == size
        assert np.allclose(inside + outside, 1, atol=1e-6)
        assert (inside[0, 0], inside[0, -1]) == (0, 1)


def test_a_mask_of_another_size_is_resized_with_one_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "m.png"
    cv2.imwrite(str(path), halves())
    mask = StillMask.read(path)
    assert mask.count == 2
    first = mask.weights(80, 120)
    assert mask.weights(80, 120) is first
    mask.weights(40, 60)
    assert [record.message for record in caplog.records] == [f"{path}: 60x40 px, resized to the image's 120x80"]


def test_mixing_is_exact_at_weight_one_and_linear_between() -> None:
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(3)]
    weights = [np.zeros((20, 30), np.float32) for _ in range(3)]
    weights[0][:, :10] = 1
    weights[1][:, 10:20] = 1
    weights[2][:, 20:] = 1
    result = blended(images, weights)
    for index in range(3):
        columns = slice(10 * index, 10 * index + 10)
        assert np.array_equal(result[:, columns], images[index][:, columns])
    shares = [np.full((20, 30), share, np.float32) for share in (0.25, 0.25, 0.5)]
    expected = sum(share[..., None] * image for share, image in zip(shares, images, strict=True))
    assert np.abs(blended(images, shares) - expected).max() <= 1
