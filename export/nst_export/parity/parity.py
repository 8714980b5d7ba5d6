"""Compares what an exported graph computes with what it should compute, on images."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from nst_rt import contract
from nst_rt.contract import Parity
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.errors import ModelError
from numpy.typing import NDArray

from nst_export.parity.sample_images import DRAWN, PHOTOGRAPHS, Image

LEAST_PSNR = 40.0
"""Decibels; an export with less on any image fails."""
LEAST_PSNR_INT8 = 32.0
"""The same for an int8 model, compared with its fp32 file."""
EXACT = 999.0
"""Stands for the infinite PSNR of equal images, in records."""


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
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the CPU to others
    try:
        session: Session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise ModelError(f"ONNX Runtime rejects the exported graph: {str(error)[:300]}. Please report this") from error
    return session


def run_frame(session: Session, frame: Image, **feeds: NDArray[np.float32]) -> Image:
    """One frame, uint8 (H, W, 3) BGR, through a stylising graph.

    Args:
        feeds: the graph's other inputs, by name.
    """
    stylised: Image = session.run([contract.STYLIZED], {contract.FRAME: frame[None], **feeds})[0][0]
    return stylised


def psnr(first: NDArray[Any], second: NDArray[Any], peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio of two arrays of one shape: infinite where they are equal, 0 where one is not finite.

    Args:
        peak: the range that values can have.
    """
    error = float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))
    if not math.isfinite(error):
        return 0.0
    return 10 * math.log10(peak**2 / error) if error else math.inf


def compare_images(expected: Image, actual: Image) -> Parity:
    """The parity of two images uint8 (H, W, 3) of one size."""
    height, width = expected.shape[:2]
    return _parity(expected, actual, height, width, 255.0)


def compare_vectors(expected: NDArray[np.float32], actual: NDArray[np.float32], height: int, width: int) -> Parity:
    """The parity of two style vectors (1, S) of an image of height by width; the peak is the range of `expected`."""
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
    """From PyTorch with all activations rounded to fp16, for an fp16 graph; it has to agree as well."""
    beside: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Other values of `feeds` that must give the same image, through another branch of the graph."""


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


@dataclass(frozen=True)
class VectorCase:
    """One image to check a style encoder's graph on."""

    image: Image
    expected: NDArray[np.float32]
    """The style vector (1, S) from PyTorch in float32."""


def measure_vectors(model: bytes, cases: Sequence[VectorCase]) -> tuple[Parity, ...]:
    """Run a style encoder's graph on every case and compare."""
    session = open_session(model)
    return tuple(
        compare_vectors(
            case.expected,
            session.run([contract.STYLE], {contract.IMAGE: case.image[None]})[0],
            *case.image.shape[:2],
        )
        for case in cases
    )


def worse(first: Parity, second: Parity) -> Parity:
    """The worse figures of two measurements of one image."""
    return Parity(first.height, first.width, min(first.psnr, second.psnr), max(first.worst, second.worst))


def require_parity(name: str, parity: Sequence[Parity]) -> None:
    """Refuse a graph that does not compute what the network computes.

    Args:
        name: of the model, for the message.

    Raises:
        ModelError: less than `LEAST_PSNR` on an image; the message holds the sizes and the figures.
    """
    if any(not entry.psnr >= LEAST_PSNR for entry in parity):
        numbers = "; ".join(
            f"{entry.width}x{entry.height}: {entry.psnr:.1f} dB, worst {entry.worst:g}" for entry in parity
        )
        raise ModelError(
            f"{name}: the exported graph and PyTorch agree to less than {LEAST_PSNR:.0f} dB ({numbers}). Nothing was "
            "written. Export in fp32, or report this with the checkpoint's layout",
            parameter="precision",
        )


def parity_table(name: str, parity: Sequence[Parity], images: str = "", against: str = "PyTorch float32") -> str:
    """The figures as a small table of text.

    Args:
        name: its heading.
        images: what they were measured on, as in `ModelRecord.parity_images`.
        against: what the model was compared with.
    """
    where = {PHOTOGRAPHS: " on photographs", DRAWN: " on drawn images"}.get(images, "")
    lines = [f"{name}: against {against}{where}", "  image      PSNR dB   worst"]
    for entry in parity:
        decibels = "exact" if entry.psnr == EXACT else f"{entry.psnr:.1f}"
        lines.append(f"  {f'{entry.width}x{entry.height}':<10} {decibels:>9}   {entry.worst:.4g}")
    return "\n".join(lines)
