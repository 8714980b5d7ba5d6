import numpy as np
import pytest
from nst_bench.harness.losses import (
    CONTENT_LAYER,
    SCALES,
    STYLE_LAYERS,
    FeatureExtractor,
    closed,
    content_loss,
    median_closed,
    style_loss,
)
from nst_rt.errors import ModelError
from nst_train.data.images import resize_long_side
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.loss_network import LossNetwork
from nst_train.perceptual.perceptual_loss import PerceptualLoss
from nst_train.settings import PerceptualSettings
from tiny_images import draw
from torch import from_numpy


def test_the_photograph_closes_nothing_and_the_painting_everything(extractor: FeatureExtractor) -> None:
    painting = resize_long_side(draw(1, 90, 70), 640)
    photograph = draw(2, 64, 80)
    wanted, before = extractor.painting_grams(painting), extractor.features(photograph)
    unchanged = style_loss(before.grams, wanted)
    assert unchanged > 0.01
    assert closed([unchanged], [unchanged]) == 0
    assert content_loss(before, before) == 0
    reached = style_loss(extractor.features(painting).grams, wanted)
    assert reached == 0
    assert closed([reached], [unchanged]) == 1


def test_the_losses_are_those_of_the_training(
    extractor: FeatureExtractor, loss_network: LossNetwork, cpu: Hardware
) -> None:
    painting, photograph, stylised = draw(1, 64, 80), draw(2, 64, 80), draw(3, 64, 80)
    settings = PerceptualSettings(content="", loss_network="", steps=1, style_weight=1, content_weight=1)
    loss = PerceptualLoss(loss_network, settings, cpu)

    def tensor(rgb: np.ndarray) -> object:
        return from_numpy(rgb).permute(2, 0, 1)[None].float() / 255

    targets = loss.targets(tensor(resize_long_side(painting, 640)))
    wanted = loss(tensor(photograph), tensor(stylised), targets)
    found = extractor.features(stylised)
    assert len(found.grams) == SCALES * len(STYLE_LAYERS) == 9
    assert style_loss(found.grams, extractor.painting_grams(painting)) == pytest.approx(
        float(wanted["style"]), rel=1e-5
    )
    assert content_loss(found, extractor.features(photograph)) == pytest.approx(float(wanted["content"]), rel=1e-5)


def test_black_features_are_the_whole_content_away(extractor: FeatureExtractor) -> None:
    features = extractor.features(draw(1, 64, 80))
    nothing = type(features)(features.grams, features.content * 0)
    assert content_loss(nothing, features) == pytest.approx(1)


def test_closed_is_a_ratio_of_means_beside_a_median_of_ratios() -> None:
    stylised, unchanged = [1.0, 1.0, 9.0], [10.0, 2.0, 18.0]
    assert closed(stylised, unchanged) == pytest.approx(1 - 11 / 30)
    assert median_closed(stylised, unchanged) == pytest.approx(0.5)


def test_a_network_without_the_layers_is_refused(loss_network: LossNetwork, cpu: Hardware) -> None:
    class Shallow(LossNetwork):
        def __init__(self) -> None:
            self.__dict__.update(loss_network.__dict__)
            self.layers = ["relu1_1"]

    with pytest.raises(ModelError, match=CONTENT_LAYER):
        FeatureExtractor(Shallow(), cpu)
