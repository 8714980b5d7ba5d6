"""The networks that backends run: the same weights as a PyTorch module, as our own file and as a float model."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from nst_rt import contract
from nst_rt.contract import ModelRecord
from nst_rt.engine.gpu import nvidia_driver
from nst_rt.engine.session import read_model
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model
from nst_rt.styles.styles_file import read_styles
from numpy.typing import NDArray

from nst_bench.harness.workload import Case

if TYPE_CHECKING:
    from torch import Tensor, nn

SEED = 0
BUILT_IN_NAME, MICRO_AST = "built-in", "MicroAST"


@dataclass
class Network:
    """One network with one style.

    Args:
        name: `built-in`, `Johnson-32`, `MicroAST`.
        weights: where they come from, in words; random ones cost the same.
        module: float32 RGB (N, 3, H, W) in [0, white] to the same, not clamped.
        white: 1 or 255.
        folder: for temporary files.
    """

    name: str
    weights: str
    module: "nn.Module"
    white: float
    folder: Path

    def float_model(self, case: Case) -> Path:
        """An ONNX file `input` -> `output`, float32 NCHW of the case's size, as `torch.onnx.export` writes it."""
        import torch

        path = self.folder / f"{self.name}_{case.width}x{case.height}.onnx"
        if not path.exists():
            image = torch.zeros(1, 3, case.height, case.width)
            with warnings.catch_warnings():
                # The newer exporter needs onnxscript; both write the same operators for these networks.
                warnings.simplefilter("ignore")
                names: dict[str, Any] = {"input_names": ["input"], "output_names": ["output"]}
                torch.onnx.export(self.module, (image,), str(path), dynamo=False, opset_version=17, **names)
        return path


@dataclass
class OwnNetwork(Network):
    """A network that nst-rt runs too.

    Args:
        file: the same in our contract.
        style: the vector that is built into the module, if the file takes one.
    """

    file: Path
    style: NDArray[np.float32] | None = None

    @property
    def int8(self) -> Path | None:
        """The same network's int8 file; None without one."""
        return next((path for path in ModelFiles(self.file).variants if read_model(path).precision == "int8"), None)

    def inputs(self) -> dict[str, NDArray[Any]]:
        """The inputs of our file besides the frame."""
        values: dict[str, NDArray[Any]] = {name: np.ones(1, np.float32) for name in (contract.STRENGTH, contract.COLOR)}
        return values if self.style is None else values | {contract.STYLE: self.style.reshape(1, -1)}


def built_in_network(folder: Path, file: Path | None = None) -> OwnNetwork:
    """The network of nst-rt itself, or of another `nst-rt export conditional` file, with its first style.

    If the file cannot be read back into PyTorch, the module has random weights of the default widths. It then computes
    other images, at the same cost if the file is of this version and has these widths.

    Raises:
        ModelError: a network of another family, for which no module would cost the same.
    """
    import torch
    from nst_export.families.conditional_from_onnx import conditional_from_onnx
    from nst_export.networks.conditional_network import ConditionalTransformer
    from nst_rt.errors import ModelError, NstError

    files = find_model(file or BUILT_IN)
    record = read_model(files.path)
    if record.family != "conditional":
        raise ModelError(
            f"{files.path}: of the family {record.family}, and peers run conditional networks. Give a conditional "
            "network",
            parameter="model",
        )
    styles = read_styles(files.styles) if files.styles else []
    try:
        network, weights = conditional_from_onnx(files.path).network, "as shipped"
    except NstError as error:
        torch.manual_seed(SEED)
        network, weights = ConditionalTransformer(), f"random in PyTorch, for the network of this version ({error})"
    size = record.style_size
    vector = next((style.vector for style in styles if style.vector.size == size), None)
    neutral = np.repeat(np.array([1, 0], np.float32), [size - size // 2, size // 2])
    style = neutral if vector is None else vector
    baked = torch.from_numpy(style.reshape(1, -1)) if style.size == network.style_size else network.neutral_style()
    return OwnNetwork(BUILT_IN_NAME, weights, _with_style(network, baked), 1.0, folder, files.path, style)


def _with_style(network: "nn.Module", style: "Tensor") -> "nn.Module":
    from torch import nn

    class Styled(nn.Module):
        """A conditional network with one style as a constant."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.register_buffer("style", style)

        def forward(self, photographs: "Tensor") -> "Tensor":
            stylised: Tensor = self.network(photographs, self.style)
            return stylised

    return Styled().eval().requires_grad_(False)


def johnson_network(folder: Path, full: int = 32, blocks: int = 5) -> OwnNetwork:
    """The transformer network of Johnson et al. 2016, `full` channels at full size, random weights of a fixed seed."""
    import onnx
    import torch
    from nst_export.families.transformer_export import TransformerExport
    from nst_export.networks.transformer_network import STRIDE, TransformerNetwork
    from nst_export.parity.sample_images import draw_image

    torch.manual_seed(SEED)
    module = TransformerNetwork((full, 2 * full, 4 * full), blocks).eval().requires_grad_(False)
    file = folder / f"johnson-{full}.onnx"
    network = OwnNetwork(f"Johnson-{full}", "random, same cost", module, 255.0, folder, file)
    record = ModelRecord(
        kind="stylizer",
        family="transformer",
        precision="fp32",
        stride=STRIDE,
        styles=("random",),
        license="MIT",
        provenance=f"random weights of seed {SEED}",
        source_sha256="",
        strength_blends="pixels",
        exporter="nst_bench",
    )
    export = TransformerExport(module, [draw_image(96, 128)])
    onnx.save(export.build_graph(export.prepare("fp32"), record), network.file)
    if nvidia_driver() is not None:
        half = export.build_graph(export.prepare("fp16"), replace(record, precision="fp16"))
        onnx.save(half, network.file.with_suffix(".fp16.onnx"))
    return network


def micro_ast_network(folder: Path) -> Network:
    """MicroAST's architecture, random weights of a fixed seed, one style as a constant.

    Both sides of the images have to be multiples of 4.
    """
    import torch

    from nst_bench.speed.micro_ast import MicroAst

    torch.manual_seed(SEED)
    module = MicroAst().eval().requires_grad_(False)
    return Network(MICRO_AST, "random in MicroAST's architecture, same cost, style as a constant", module, 1.0, folder)


def open_network(name: str, folder: Path, file: Path | None = None) -> Network:
    """A network by its name: `built-in`, `MicroAST`, or `Johnson-N` with N channels at full size.

    Args:
        folder: for temporary files; it has to exist as long as the network is used.
        file: another conditional model in place of the built-in one.
    """
    if name == MICRO_AST:
        return micro_ast_network(folder)
    family, _, width = name.partition("-")
    return johnson_network(folder, int(width)) if family == "Johnson" else built_in_network(folder, file)
