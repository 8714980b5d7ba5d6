"""The brush loss: strokes in even areas are to follow the flow that the network's noise runs along.

A photograph's own contours lead the strokes on them. Where there are none, in skies and on walls, a network of
convolutions strokes everything in the one direction of its kernels, which no Gram matrix forbids as long as the rest of
the image makes up for it. Directions are those of structure tensors (Bigün & Granlund 1987), as vectors of the
doubled angle, in which opposite directions are one.
"""

from collections.abc import Sequence

import torch
from nst_export.networks.conditional_network import MARGIN, STRIDE
from nst_export.networks.flow_field import FLOW, field
from nst_export.networks.noise import EXTENT, laid
from torch import Tensor
from torch.nn import functional

SIDE = EXTENT // STRIDE
"""Places of the trunk along the tile of the flow, which is as long as that of the noise."""
SOFTENING = 1e-5
"""Squared slope, of values in [0, 1] and a pixel, up to which nothing has a direction."""
EVEN = 0.007
"""Slope of a photograph, of values in [0, 1] and a pixel, at which half of a place counts as even."""
LEAST, SLOPE, MOST = 0.36, 2.6, 0.6
"""How parallel a painting's strokes have to be, free of a grid, before even areas follow the flow at all; how fast the
coherence that they are to have along it grows from there; and how far."""


def directions(images: Tensor) -> tuple[Tensor, Tensor]:
    """What way the strokes of RGB images (N, 3, H, W) in [0, 1] run, H and W multiples of 8.

    Returns:
        Two of float32 for every place of 8x8 pixels: doubled angles (N, 2, H/8, W/8), of the length 1 where all strokes
        are parallel and 0 where they have no direction, and mean squared slopes (N, 1, H/8, W/8).
    """
    grey = functional.avg_pool2d(images.float().mean(1, keepdim=True), 3, stride=1, padding=1, count_include_pad=False)
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    right = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    # A stroke runs across its slope: the doubled angle is the opposite one.
    tensor = torch.cat([down.square() - right.square(), -2 * right * down, right.square() + down.square()], dim=1)
    local = functional.avg_pool2d(tensor, 2 * STRIDE, stride=STRIDE, padding=STRIDE // 2, count_include_pad=False)
    return local[:, :2] / (local[:, 2:] + SOFTENING), local[:, 2:]


def brush_of(paintings: Tensor) -> Tensor:
    """What the strokes of paintings (N, 3, H, W) are like: (N, 2), float32.

    First, how parallel neighbouring strokes are, from 0 to 1; second, how far all of them are from a grid of standing
    and lying lines, from 0 to 1.
    """
    height, width = (side // STRIDE * STRIDE for side in paintings.shape[2:])
    angles, slopes = directions(paintings[..., :height, :width])
    slopes = slopes / slopes.sum((2, 3), keepdim=True).clamp(min=SOFTENING)
    parallel = (angles.square().sum(1, keepdim=True).sqrt() * slopes).sum((1, 2, 3))
    # In the angle doubled once more, standing and lying lines are one.
    twice = torch.stack([angles[:, 0].square() - angles[:, 1].square(), 2 * angles[:, 0] * angles[:, 1]], dim=1)
    grid = (twice * slopes).sum((2, 3)).square().sum(1).sqrt() / parallel.square().clamp(min=0.05)
    return torch.stack([parallel, (1 - grid).clamp(min=0)], dim=1)


def flow_angles() -> Tensor:
    """The doubled angles of the flow: (2, SIDE, SIDE), float32, of the length 1."""
    down, right = torch.from_numpy(field(FLOW, SIDE, STRIDE))
    doubled = torch.stack([right.square() - down.square(), 2 * right * down])
    return (doubled / doubled.square().sum(0).sqrt().clamp(min=1e-6)).float()


def brush_error(images: Tensor, photographs: Tensor, brushes: Tensor, flow: Tensor) -> Tensor:
    """Mean over even places of the squared difference between how far strokes follow the flow and how far they are
    to: (N,).

    Args:
        images, photographs: stylised and as they were, RGB (N, 3, H, W), H and W multiples of 8.
        brushes: of the paintings, (N, 2), see `brush_of`. The more parallel and free a painting's strokes, the further
            even areas are to follow; points, patches and grids are not to.
        flow: doubled angles (2, H/8, W/8) where the images are.
    """
    angles, _ = directions(images)
    with torch.no_grad():
        slopes = directions(photographs)[1]
        even = 1 / (1 + (slopes / EVEN**2).square())
        aims = (SLOPE * (brushes.prod(1) - LEAST)).clamp(0, MOST)
    along = (angles * flow).sum(1)
    return (even[:, 0] * (along - aims[:, None, None]).square()).mean((1, 2))


class BrushLoss:
    """The brush loss of a run.

    Args:
        named: images of the named styles' paintings, RGB (1, 3, H, W) in [0, 1], on the device of the run.
    """

    def __init__(self, named: Sequence[Tensor], device: torch.device) -> None:
        self._named = torch.cat([torch.zeros(0, 2, device=device), *map(brush_of, named)])
        self._flow = flow_angles().to(device)

    def __call__(
        self,
        images: Tensor,
        photographs: Tensor,
        chosen: Tensor,
        paintings: Tensor | None,
        noise_offset: tuple[int, int],
    ) -> Tensor:
        """The mean of `brush_error` over a batch: a scalar.

        Args:
            images, photographs: see there.
            chosen: which named styles the first images are in.
            paintings: what the others are in the style of, RGB (M, 3, H, W) in [0, 1].
            noise_offset: where in its tile the network's noise began, in places, at the corner of the margin.
        """
        brushes = self._named[chosen]
        if paintings is not None:
            brushes = torch.cat([brushes, brush_of(paintings)])
        down, right = (begin + MARGIN // STRIDE for begin in noise_offset)
        flow = laid(self._flow, [side // STRIDE for side in images.shape[2:]], (down, right))
        return brush_error(images, photographs, brushes, flow).mean()
