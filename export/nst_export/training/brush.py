"""The brush loss: strokes in even areas are to follow the flow that the network's noise runs along.

A photograph's own contours lead the strokes on them. Where there are none, in skies and on walls, a network of
convolutions strokes everything in the one direction of its kernels, which no Gram matrix forbids as long as the rest of
the picture makes up for it. Directions are those of structure tensors (Bigün & Granlund 1987), as vectors of the
doubled angle, in which opposite directions are one.
"""

import torch
from torch import Tensor
from torch.nn import functional

from nst_export.networks.flow import FLOW, field
from nst_export.networks.noise import EXTENT

PIXELS = 8
"""Of the photograph, for every place that has a direction: the trunk's stride."""
SIDE = EXTENT // PIXELS
"""Places along the tile of the flow, which is as long as that of the noise."""
SOFTENING = 1e-5
"""Squared slope, of values in [0, 1] and a pixel, up to which nothing has a direction."""
EVEN = 0.007
"""Slope of a photograph, of values in [0, 1] and a pixel, at which half of a place counts as even."""
AIM = 0.7
"""Part of the coherence of the painting's strokes that even areas are to have along the flow."""


def directions(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """What way the strokes of RGB pictures (N, 3, H, W) in [0, 1] run, H and W multiples of 8.

    Returns:
        Two of float32 for every place of 8x8 pixels: doubled angles (N, 2, H/8, W/8), of the length 1 where all strokes
        are parallel and 0 where they have no direction, and mean squared slopes (N, 1, H/8, W/8).
    """
    grey = functional.avg_pool2d(
        pictures.float().mean(1, keepdim=True), 3, stride=1, padding=1, count_include_pad=False
    )
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    right = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    # A stroke runs across its slope: the doubled angle is the opposite one.
    tensor = torch.cat([down.square() - right.square(), -2 * right * down, right.square() + down.square()], dim=1)
    local = functional.avg_pool2d(tensor, 2 * PIXELS, stride=PIXELS, padding=PIXELS // 2, count_include_pad=False)
    return local[:, :2] / (local[:, 2:] + SOFTENING), local[:, 2:]


def brush_of(paintings: Tensor) -> Tensor:
    """What the strokes of paintings (N, 3, H, W) are like: (N, 2), float32.

    First, how parallel neighbouring strokes are, from 0 to 1; second, how far all of them are from a grid of standing
    and lying lines, from 0 to 1.
    """
    height, width = (side // PIXELS * PIXELS for side in paintings.shape[2:])
    angles, slopes = directions(paintings[..., :height, :width])
    slopes = slopes / slopes.sum((2, 3), keepdim=True).clamp(min=SOFTENING)
    parallel = (angles.square().sum(1, keepdim=True).sqrt() * slopes).sum((1, 2, 3))
    # In the angle doubled once more, standing and lying lines are one.
    twice = torch.stack([angles[:, 0].square() - angles[:, 1].square(), 2 * angles[:, 0] * angles[:, 1]], dim=1)
    grid = (twice * slopes).sum((2, 3)).square().sum(1).sqrt() / parallel.square().clamp(min=0.05)
    return torch.stack([parallel, (1 - grid).clamp(min=0)], dim=1)


def flow_angles() -> Tensor:
    """The doubled angles of the flow: (2, SIDE, SIDE), float32, of the length 1."""
    down, right = torch.from_numpy(field(FLOW, SIDE, PIXELS))
    doubled = torch.stack([right.square() - down.square(), 2 * right * down])
    return (doubled / doubled.square().sum(0).sqrt().clamp(min=1e-6)).float()


def brush_error(pictures: Tensor, photographs: Tensor, brushes: Tensor, flow: Tensor) -> Tensor:
    """Mean over even places of the squared difference between how far strokes follow the flow and how far they are to,
    which is as far as the painting's are parallel and free: (N,).

    Args:
        pictures, photographs: stylised and as they were, RGB (N, 3, H, W), H and W multiples of 8.
        brushes: of the paintings, (N, 2), see `brush_of`.
        flow: doubled angles (2, H/8, W/8) where the pictures are.
    """
    angles, _ = directions(pictures)
    with torch.no_grad():
        slopes = directions(photographs)[1]
        even = 1 / (1 + (slopes / EVEN**2).square())
        parallel, free = brushes[:, :, None, None].unbind(1)
    along = (angles * flow).sum(1)
    return (even[:, 0] * (along - AIM * free * parallel).square()).mean((1, 2))
