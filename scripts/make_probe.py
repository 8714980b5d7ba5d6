#!/usr/bin/env python
"""Makes the probe model that `nst-rt doctor` runs on every device: the operators of the real networks, a few kilobytes.

python scripts/make_probe.py runtime/nst_rt/models/probe/probe.onnx
"""

import sys
import tempfile
from pathlib import Path

import torch
from nst_export.export_options import ExportOptions
from nst_export.families.transformer_export import export_transformer
from nst_export.networks.transformer_network import TransformerNetwork


def main(output: Path) -> None:
    torch.manual_seed(0)
    network = TransformerNetwork(widths=(4, 4, 4), blocks=1, kernels=(3, 3))
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "probe.pth"
        torch.save(network.state_dict(), checkpoint)
        options = ExportOptions(precision="fp32", style_name="probe", license="MIT", overwrite=True)
        export_transformer(checkpoint, output, options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
