"""Holding an exported graph against PyTorch in float32, on images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from nst_rt import contract
from nst_rt.contract import Parity
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.errors import ModelError
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nst_export.parity.psnr import psnr
from nst_export.parity.sample_images import DRAWN, PHOTOGRAPHS, Image

LEAST_PSNR = 40.0
"""Decibels; an export below this on any image fails."""
LEAST_PSNR_INT8 = 32.0
"""The same for an int8 model, which is held against its fp32 file."""
EXACT = 999.0

Network = Callable[[Tensor], Tensor]
"""Images (N, 3, H, W) to stylised images of at least that size, in one colour order and value range."""


class Session(Protocol):
    """The part of an ONNX Runtime session that is used here."""

    def run(self, names: Sequence[str] | None, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]: ...


def open_session(model: bytes) -> Session:
    """An ONNX Runtime session on the CPU.

    Raises:
        DependencyError: ONNX Runtime is not installed, or cannot be loaded.
        ModelError: it rejects the model.
    """
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # one run each: be kind to others
    try:
        session: Session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise ModelError(f"ONNX Runtime rejects the exported graph: {str(error)[:300]}. Please report this") from error
    return session


def stylise_in_torch(network: Network, frame: Image, white: float, stride: int = 1, bgr: bool = False) -> Image:
    """A frame through a torch network, the way the contract asks for.

    Args:
        network: RGB (BGR if `bgr`) in [0, white], float32.
        frame: uint8 (H, W, 3) BGR.
        stride: the image is reflected at the bottom and at the right up to multiples of this.
    """
    height, width = frame.shape[:2]
    value = torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None].float() * (white / 255)
    if not bgr:
        value = value.flip(1)
    if stride > 1:
        value = functional.pad(value, (0, -width % stride, 0, -height % stride), mode="reflect")
    with torch.no_grad():
        value = network(value)[0, :, :height, :width]
    if not bgr:
        value = value.flip(0)
    value = (value * (255 / white)).nan_to_num(nan=0.0).clamp(0, 255).round()
    stylised: Image = value.permute(1, 2, 0).contiguous().to(torch.uint8).numpy()
    return stylised


def run_frame(session: Session, frame: Image, **feeds: NDArray[np.float32]) -> Image:
    """One frame through an exported graph."""
    stylised: Image = session.run([contract.STYLIZED], {contract.FRAME: frame[None], **feeds})[0][0]
    return stylised


def compare_images(expected: Image, actual: Image) -> Parity:
    """Two images of one size."""
    height, width = expected.shape[:2]
    return _parity(expected, actual, height, width, 255.0)


def compare_vectors(expected: NDArray[np.float32], actual: NDArray[np.float32], height: int, width: int) -> Parity:
    """Two style vectors, made from an image of height by width; the peak is the expected vector's range."""
    return _parity(expected, actual, height, width, float(expected.max() - expected.min()) or 1.0)


def _parity(expected: NDArray[Any], actual: NDArray[Any], height: int, width: int, peak: float) -> Parity:
    worst = np.abs(expected.astype(np.float64) - actual.astype(np.float64)).max()
    return Parity(height, width, round(min(EXACT, psnr(expected, actual, peak)), 2), float(worst))


@dataclass(frozen=True)
class Case:
    """One image to check a graph on."""

    frame: Image
    expected: Image
    """From PyTorch in float32."""
    feeds: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """The graph's other inputs."""
    rounded: Image | None = None
    """From PyTorch with every activation rounded to fp16, for an fp16 graph; counts like the graph's own result."""
    beside: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Other inputs that must give the same image, by a branch that `feeds` do not take; counts like them."""


def measure_images(model: bytes, cases: Sequence[Case]) -> tuple[Parity, ...]:
    """Run a stylising graph on every case and compare."""
    session = open_session(model)
    found = []
    for case in cases:
        parity = compare_images(case.expected, run_frame(session, case.frame, **case.feeds))
        if case.beside:
            branched = run_frame(session, case.frame, **{**case.feeds, **case.beside})
            parity = worse(parity, compare_images(case.expected, branched))
        if case.rounded is not None:
            parity = worse(parity, compare_images(case.expected, case.rounded))
        found.append(parity)
    return tuple(found)


def style_vector(encode: Callable[[Tensor], Tensor], image: Image) -> Tensor:
    """The style vector (1, S) of a BGR image, by a network that reads RGB (1, 3, H, W) in [0, 1]."""
    rgb = torch.from_numpy(np.array(image)).flip(2).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        return encode(rgb)


def measure_vectors(encode: Callable[[Tensor], Tensor], images: Sequence[Image], model: bytes) -> tuple[Parity, ...]:
    """Run a style encoder's graph on every image and compare its vectors with the network's."""
    session = open_session(model)
    return tuple(
        compare_vectors(
            style_vector(encode, image).numpy(),
            session.run([contract.STYLE], {contract.IMAGE: image[None]})[0],
            *image.shape[:2],
        )
        for image in images
    )


def worse(first: Parity, second: Parity) -> Parity:
    """Of two measurements of one image, the worse of both."""
    return Parity(first.height, first.width, min(first.psnr, second.psnr), max(first.worst, second.worst))


def require_parity(name: str, parity: Sequence[Parity]) -> None:
    """Refuse a graph that does not compute what the network computes.

    Raises:
        ModelError: naming the image sizes and the numbers.
    """
    if any(not entry.psnr >= LEAST_PSNR for entry in parity):
        numbers = "; ".join(
            f"{entry.width}x{entry.height}: {entry.psnr:.1f} dB, worst {entry.worst:g}" for entry in parity
        )
        raise ModelError(
            f"{name}: the exported graph differs from PyTorch by more than {LEAST_PSNR:.0f} dB allow ({numbers}). "
            "Nothing was written. Export with --precision fp32, or report this with the checkpoint's layout"
        )


def parity_table(name: str, parity: Sequence[Parity], images: str = "", against: str = "PyTorch float32") -> str:
    """The figures as a small table.

    Args:
        against: what the model was compared with.
        images: what they were measured on, as `ModelRecord.parity_images` puts it.
    """
    where = {PHOTOGRAPHS: " on photographs", DRAWN: " on drawn images"}.get(images, "")
    lines = [f"{name}: against {against}{where}", "  image      PSNR dB   worst"]
    for entry in parity:
        decibels = "exact" if entry.psnr == EXACT else f"{entry.psnr:.1f}"
        lines.append(f"  {f'{entry.width}x{entry.height}':<10} {decibels:>9}   {entry.worst:.4g}")
    return "\n".join(lines)
