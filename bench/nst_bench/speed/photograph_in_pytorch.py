"""One photograph through Johnson-32 as `fast_neural_style` runs it: `python -m ... PHOTOGRAPH OUTPUT`.

A process of its own for `nst_bench.speed.whole_process`. It imports what that needs, and of ours only the network.
"""

import sys

import cv2
import torch
from nst_export.networks.transformer_network import TransformerNetwork


def main() -> None:
    """Read, stylise with random weights (the cost is the same), write."""
    photograph, output = sys.argv[1:]
    bgr = cv2.imread(photograph)
    if bgr is None:
        sys.exit(f"{photograph}: no image")
    image = torch.from_numpy(bgr[:, :, ::-1].transpose(2, 0, 1).copy()).float()[None]
    network = TransformerNetwork().eval()
    with torch.no_grad():
        stylised = network(image)[0, :, : bgr.shape[0], : bgr.shape[1]]
    pixels = stylised.clamp(0, 255).permute(1, 2, 0).to(torch.uint8).numpy()[:, :, ::-1]
    if not cv2.imwrite(output, pixels):
        sys.exit(f"{output}: cannot be written")


if __name__ == "__main__":
    main()
