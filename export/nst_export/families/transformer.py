"""Transformer networks: `fast_neural_style` checkpoints, state dicts whose networks take and make RGB in [0, 255]."""

from nst_export.checkpoints.reading import read_checkpoint
from nst_export.checkpoints.transformer import load_transformer
from nst_export.families.baked import BakedFamily, convolution
from nst_export.networks.transformer import STRIDE, TransformerNetwork
from nst_export.onnx_graph.folding import accept_bgr_bytes, produce_bgr_bytes

WHITE = 255.0
FIRST, LAST = "conv1.conv2d", "deconv3.conv2d"


def take_bytes(network: TransformerNetwork) -> None:
    """Turn the ends of a network to BGR, in place."""
    accept_bgr_bytes(convolution(network, FIRST), WHITE)
    produce_bgr_bytes(convolution(network, LAST), WHITE)


TRANSFORMER = BakedFamily(
    name="transformer",
    stride=STRIDE,
    padding=1,  # the network's own upsampling overshoots, to multiples of 4, and the frame crops
    white=WHITE,
    last=LAST,
    read=read_checkpoint,
    load=load_transformer,
    take_bytes=take_bytes,
)
export_transformer, prepare, build_graph = TRANSFORMER.export, TRANSFORMER.prepare, TRANSFORMER.build_graph
