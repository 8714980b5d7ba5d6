"""Adaptive style transfer: checkpoints of the paper's public code, one artist each.

A checkpoint is one of TensorFlow (the name its files share, one of them, or their folder) or an `.npz` archive of its
variables. Where 16 does not divide a photograph's size, the public code gets another size out and stretches the image
back; the exported graph reflects the photograph up to the next multiple and crops. The public code also shows the
network photographs of 1280 pixels on the shorter side: on smaller frames the same strokes look larger.
"""

import torch
from torch import nn

from nst_export.checkpoints.adaptive import load_adaptive, read_adaptive
from nst_export.families.baked import BakedFamily, convolution
from nst_export.networks.adaptive import STRIDE, AdaptiveNetwork, ScaledSigmoid
from nst_export.onnx_graph.folding import accept_bgr_bytes, produce_bgr_bytes

WHITE = 1.0
FIRST, LAST = "conv1", "last"


def take_bytes(network: AdaptiveNetwork) -> None:
    """Turn the ends of a network to BGR in [0, 255], in place."""
    norm, sigmoid = network.get_submodule("norm0"), network.get_submodule("sigmoid")
    assert isinstance(norm, nn.InstanceNorm2d)
    assert isinstance(sigmoid, ScaledSigmoid)
    # The normalisation divides the byte's scale out again, all but its epsilon; the sigmoid's end needs it anew.
    with torch.no_grad():
        norm.weight.copy_(norm.weight.flip(0))
        norm.bias.copy_(norm.bias.flip(0))
    norm.eps *= (255 / WHITE) ** 2
    accept_bgr_bytes(convolution(network, FIRST), 255)
    produce_bgr_bytes(convolution(network, LAST), 255)
    sigmoid.white = 255.0


ADAPTIVE = BakedFamily(
    name="adaptive",
    stride=STRIDE,
    padding=STRIDE,
    white=WHITE,
    last=LAST,
    read=read_adaptive,
    load=load_adaptive,
    take_bytes=take_bytes,
)
export_adaptive, prepare, build_graph = ADAPTIVE.export, ADAPTIVE.prepare, ADAPTIVE.build_graph
