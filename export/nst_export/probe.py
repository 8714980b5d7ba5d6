"""Makes the probe model that `nst-rt doctor` runs on every device: real operators, a few kilobytes.

python -m nst_export.probe runtime/nst_rt/models/probe/probe.onnx
"""

import sys
import tempfile
from pathlib import Path

import torch

from nst_export.families.transformer import export_transformer
from nst_export.networks.transformer import TransformerNetwork


def make_probe(output: Path) -> None:
    """Export a transformer network of four channels with random, always equal weights."""
    torch.manual_seed(0)
    network = TransformerNetwork(widths=(4, 4, 4), blocks=1, kernels=(3, 3))
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "probe.pth"
        torch.save(network.state_dict(), checkpoint)
        export_transformer(checkpoint, output, "fp32", style_name="probe", license="MIT", overwrite=True)


if __name__ == "__main__":
    make_probe(Path(sys.argv[1]))
