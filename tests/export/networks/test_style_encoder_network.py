"""The style encoder: size, shapes, what it starts as, what it can see."""

import pytest
import torch
from nst_export.networks.conditional_network import ConditionalTransformer
from nst_export.networks.style_encoder_network import StyleEncoder, means_and_deviations


@pytest.fixture(scope="module")
def encoder() -> StyleEncoder:
    torch.manual_seed(0)
    return StyleEncoder(ConditionalTransformer().neutral_style()).eval()


def test_at_most_two_million_parameters(encoder: StyleEncoder) -> None:
    assert sum(parameter.numel() for parameter in encoder.parameters()) <= 2_000_000


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 97), (128, 71)])
def test_any_size(encoder: StyleEncoder, height: int, width: int) -> None:
    with torch.no_grad():
        vectors = encoder(torch.rand(2, 3, height, width))
    assert vectors.shape == (2, ConditionalTransformer().style_size)
    assert vectors.dtype == torch.float32


def test_the_first_vectors_are_neutral(encoder: StyleEncoder) -> None:
    with torch.no_grad():
        assert torch.equal(encoder(torch.rand(1, 3, 64, 64)), ConditionalTransformer().neutral_style())


def test_statistics_tell_images_apart_that_have_the_same_mean(encoder: StyleEncoder) -> None:
    flat = torch.full((1, 3, 64, 64), 0.5)
    rough = flat + 0.3 * (torch.arange(64) % 2 * 2 - 1)
    features = [encoder.stages[0]((image - 0.5) * 4) for image in (flat, rough)]
    one, other = map(means_and_deviations, features)
    assert one.shape == (1, 32)
    assert (one - other).abs().max() > 0.1


def test_features_neither_grow_nor_fade(encoder: StyleEncoder) -> None:
    features = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for stage in encoder.stages:
            features = stage(features)
            assert 0.2 < features.square().mean().sqrt() < 5


def test_it_is_rebuilt_from_its_configuration(encoder: StyleEncoder) -> None:
    twin = StyleEncoder.from_configuration(**encoder.configuration())  # type: ignore[arg-type]
    twin.load_state_dict(encoder.state_dict())
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(twin(image), encoder(image))


def test_vectors_stay_exact_under_autocast(encoder: StyleEncoder) -> None:
    torch.nn.init.normal_(encoder.delta.weight)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        pooled: list[torch.Tensor] = []
        hook = encoder.hidden.register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0].float()))
        with torch.autocast("cpu", torch.bfloat16):
            found = encoder(image)
        hook.remove()
        exact = encoder.base + encoder.delta(torch.relu(encoder.hidden(pooled[0])))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact.reshape(found.shape), atol=1e-5, rtol=1e-5)
