"""Exports transformer networks: one style, baked in. The networks read and write RGB in [0, 255]."""

from pathlib import Path

from nst_export.checkpoints.checkpoint_file import Checkpoint, read_checkpoint
from nst_export.checkpoints.transformer_checkpoint import load_transformer
from nst_export.export_options import ExportOptions
from nst_export.families.baked_export import BakedExport, convolution_at
from nst_export.model_files.model_writer import Exported
from nst_export.networks.transformer_network import STRIDE, TransformerNetwork
from nst_export.onnx_graph.weight_folding import accept_bgr_bytes, produce_bgr_bytes


class TransformerExport(BakedExport[TransformerNetwork]):
    """A transformer network on its way to a graph."""

    family, stride, white, last = "transformer", STRIDE, 255.0, "deconv3.conv2d"
    padding = 1  # the network's own upsampling ends at multiples of 4, and the frame crops

    @classmethod
    def read(cls, checkpoint: Path) -> tuple[Checkpoint, TransformerNetwork]:
        source = read_checkpoint(checkpoint)
        return source, load_transformer(source)

    def fold_bytes(self, network: TransformerNetwork) -> None:
        accept_bgr_bytes(convolution_at(network, "conv1.conv2d"), self.white)
        produce_bgr_bytes(convolution_at(network, self.last), self.white)


def export_transformer(checkpoint: Path, output: Path, options: ExportOptions | None = None) -> tuple[Exported, ...]:
    """Export a transformer network (Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer").

    The model reads and writes `frame` uint8 (batch, height, width, 3) BGR, as `nst_rt.contract` defines it.

    Args:
        checkpoint: a `fast_neural_style` state dict of any width and depth: .pth, .pt, .model, .npz or .safetensors.
        output: the .onnx file; with both precisions that is the fp32 file, and `OUT.fp16.onnx` the fp16 one.

    Returns:
        The files and their records, by precision.

    Raises:
        InputError: the checkpoint or the folder of photographs cannot be read.
        ModelError: an unknown layout, or a graph that is not close enough to PyTorch; nothing is written then.
        DependencyError: the checkpoint's format needs a package that is not installed.
        OutputError: an output cannot be written or exists, or another network's files would lie beside it.

    Examples:
        ```python
        export_transformer(Path("candy.model"), Path("candy.onnx"), ExportOptions(style_name="candy"))
        ```
    """
    return TransformerExport.export(checkpoint, output, options)
