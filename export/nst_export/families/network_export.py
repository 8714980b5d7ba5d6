"""What the exports of all families share: a torch network becomes graphs, which are compared with the network."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import onnx
from nst_rt import contract
from nst_rt.contract import ModelRecord
from torch import Tensor, nn

from nst_export.export_options import ExportOptions
from nst_export.fp16_range import stored_as_fp16
from nst_export.model_files.model_writer import Checked, check_model
from nst_export.onnx_graph.graph_builder import GraphBuilder, Precision
from nst_export.onnx_graph.graph_ends import full_controls, nearly_full_controls
from nst_export.parity.parity import Case, measure_images
from nst_export.parity.sample_images import Image
from nst_export.parity.torch_reference import StylizingFunction, stylise_in_torch

Network = TypeVar("Network", bound=nn.Module)


class NetworkExport(ABC, Generic[Network]):
    """A trained network of one family, and how it becomes a stylising graph.

    Args:
        network: frozen, in evaluation mode; reads and writes RGB in [0, `white`].
        images: uint8 (H, W, 3) BGR, to check the graphs on and to measure activations on for fp16.
        styles: style vectors float32 (1, S), in any number; none for a style that is baked in.
    """

    family: str
    """Its name in records."""
    white: float
    """The network's largest colour value."""

    def __init__(self, network: Network, images: Sequence[Image] = (), styles: Sequence[Tensor] = ()) -> None:
        self.network = network
        self.images = images
        self.styles = styles

    @property
    @abstractmethod
    def padding(self) -> int:
        """The graph pads frames to multiples of this in front of the network; 1 where the network does it itself."""

    @abstractmethod
    def prepare(self, precision: Precision) -> Network:
        """A copy of the network that reads and writes BGR in [0, 255]; for fp16 its activations are in range."""

    @abstractmethod
    def emit(self, graph: GraphBuilder, prepared: Network, options: ExportOptions) -> None:
        """Write the nodes of a network made by `prepare`, from the frame to the result.

        Args:
            options: controls and phases count.
        """

    def build_graph(
        self, prepared: Network, record: ModelRecord, options: ExportOptions | None = None
    ) -> onnx.ModelProto:
        """The graph of a network made by `prepare`, in the precision of the record.

        Args:
            options: controls and phases count.
        """
        graph = GraphBuilder(self.family, "fp16" if record.precision == "fp16" else "fp32")
        self.emit(graph, prepared, options or ExportOptions())
        return graph.finish(record)

    def check(
        self, models: Sequence[tuple[Precision, Path]], record: ModelRecord, options: ExportOptions
    ) -> list[Checked]:
        """Build the model of every precision and compare it with the network; no file is written.

        Args:
            models: precisions, and where their models are to be written.
            record: everything but precision, parity and controls.

        Raises:
            ModelError: a graph is not exact enough.
        """
        white, padding = self.white, self.padding
        expected = [
            stylise_in_torch(self._with_style(self.network, index), image, white, padding)
            for index, image in enumerate(self.images)
        ]
        checked = []
        for precision, path in models:
            prepared = self.prepare(precision)
            of_model = replace(record, precision=precision)
            model = self.build_graph(prepared, of_model, options)
            cases = self._cases(prepared, precision, expected, options)
            checked.append(check_model(model, of_model, path, measure_images(model.SerializeToString(), cases)))
        return checked

    def _cases(
        self, prepared: Network, precision: Precision, expected: Sequence[Image], options: ExportOptions
    ) -> list[Case]:
        rounded: list[Image | None] = [None] * len(self.images)
        if precision == "fp16":
            with stored_as_fp16(prepared):
                rounded = [
                    stylise_in_torch(self._with_style(prepared, index), image, 255, self.padding, bgr=True)
                    for index, image in enumerate(self.images)
                ]
        feeds = full_controls() if options.controls else {}
        beside = nearly_full_controls() if options.controls and precision == "fp32" else {}
        cases = []
        for index, image in enumerate(self.images):
            style = {contract.STYLE: self._style(index).numpy()} if self.styles else {}
            cases.append(Case(image, expected[index], {**style, **feeds}, rounded[index], beside))
        return cases

    def _with_style(self, network: nn.Module, index: int) -> StylizingFunction:
        return partial(network, style=self._style(index)) if self.styles else network

    def _style(self, index: int) -> Tensor:
        """The style that image number `index` is checked in."""
        return self.styles[index % len(self.styles)]
