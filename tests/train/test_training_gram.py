"""Gram matrices and the gradient that is written by hand."""

import pytest
import torch
from nst_train.perceptual.losses import gram_matrix
from torch import Tensor


def by_autograd(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_value_and_gradient_are_those_of_autograd(layout: torch.memory_format) -> None:
    torch.manual_seed(1)
    features = torch.randn(2, 5, 4, 6).contiguous(memory_format=layout).requires_grad_()
    slope = torch.randn(2, 5, 5)
    (wanted,) = torch.autograd.grad((by_autograd(features) * slope).sum(), features)
    (found,) = torch.autograd.grad((gram_matrix(features) * slope).sum(), features)
    torch.testing.assert_close(gram_matrix(features), by_autograd(features))
    torch.testing.assert_close(found, wanted)


def test_bfloat16_features_give_a_float32_matrix_and_their_own_gradient() -> None:
    features = torch.randn(1, 3, 8, 8).bfloat16().requires_grad_()
    gram = gram_matrix(features)
    assert gram.dtype == torch.float32
    gram.sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert features.grad.dtype == torch.bfloat16
