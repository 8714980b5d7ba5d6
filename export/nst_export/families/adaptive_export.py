"""Exports networks of adaptive style transfer: checkpoints of the paper's public code, one artist each.

Where 16 does not divide a photograph's size, the public code gets another size out and stretches the image back. The
exported graph reflects the photograph up to the next multiple and crops. The public code shows the network photographs
of 1280 pixels on the shorter side; on smaller frames the same strokes look larger.
"""

from pathlib import Path

import torch
from torch import nn

from nst_export.checkpoints.adaptive_checkpoint import load_adaptive, read_adaptive
from nst_export.checkpoints.checkpoint_file import Checkpoint
from nst_export.export_options import ExportOptions
from nst_export.families.baked_export import BakedExport, convolution_at
from nst_export.model_files.model_writer import Exported
from nst_export.networks.adaptive_network import STRIDE, AdaptiveNetwork, ScaledSigmoid
from nst_export.onnx_graph.weight_folding import accept_bgr_bytes, produce_bgr_bytes


class AdaptiveExport(BakedExport[AdaptiveNetwork]):
    """A network of adaptive style transfer on its way to a graph."""

    family, stride, white, last = "adaptive", STRIDE, 1.0, "last"
    padding = STRIDE

    @classmethod
    def read(cls, checkpoint: Path) -> tuple[Checkpoint, AdaptiveNetwork]:
        source = read_adaptive(checkpoint)
        return source, load_adaptive(source)

    def fold_bytes(self, network: AdaptiveNetwork) -> None:
        norm, sigmoid = network.get_submodule("norm0"), network.get_submodule("sigmoid")
        assert isinstance(norm, nn.InstanceNorm2d)
        assert isinstance(sigmoid, ScaledSigmoid)
        # The first normalisation divides the scale of bytes out again, all but its epsilon; the sigmoid restores it.
        with torch.no_grad():
            norm.weight.copy_(norm.weight.flip(0))
            norm.bias.copy_(norm.bias.flip(0))
        norm.eps *= (255 / self.white) ** 2
        accept_bgr_bytes(convolution_at(network, "conv1"), 255)
        produce_bgr_bytes(convolution_at(network, self.last), 255)
        sigmoid.white = 255.0


def export_adaptive(checkpoint: Path, output: Path, options: ExportOptions | None = None) -> tuple[Exported, ...]:
    """Export a network of adaptive style transfer (Sanakoyeu et al. 2018, "A Style-Aware Content Loss for Real-time HD
    Style Transfer").

    Args:
        checkpoint: a TensorFlow checkpoint (the name that its files share, one of them, or their folder), or an `.npz`
            archive of its variables.
        output: the .onnx file; with both precisions that is the fp32 file, and `OUT.fp16.onnx` the fp16 one.

    Returns:
        The files and their records, by precision.

    Raises:
        InputError, ModelError, DependencyError, OutputError: as `export_transformer`; a TensorFlow checkpoint needs
            TensorFlow.

    Examples:
        ```python
        export_adaptive(Path("model_cezanne.npz"), Path("cezanne.onnx"))
        ```
    """
    return AdaptiveExport.export(checkpoint, output, options)
