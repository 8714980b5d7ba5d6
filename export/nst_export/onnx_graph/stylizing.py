"""What the families' exports share: one torch network to a checked stylising model per precision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import onnx
from nst_rt import contract
from nst_rt.contract import ModelRecord
from torch import Tensor, nn

from nst_export.model_files.writing import Checked, check_model
from nst_export.onnx_graph.builder import Precision
from nst_export.onnx_graph.frame import full_controls, nearly_full_controls
from nst_export.parity.parity import Case, Network, measure_images, stylise_in_torch
from nst_export.parity.sample_images import Image
from nst_export.precision import stored_as_fp16

Prepared = TypeVar("Prepared", bound=nn.Module)


@dataclass(frozen=True)
class StylizingNetwork(Generic[Prepared]):
    """A frozen network and how its family turns it into a graph."""

    network: nn.Module
    """RGB in [0, white] on both ends."""
    white: float
    stride: int
    """What stands before the network pads images to multiples of this; 1 for a network that sees to it itself."""
    prepare: Callable[[Precision], Prepared]
    """A copy for a precision, which reads and writes BGR bytes."""
    build: Callable[[Prepared, ModelRecord], onnx.ModelProto]
    record: ModelRecord
    """Everything but precision, parity and controls."""
    styles: Sequence[Tensor] = ()
    """Style vectors (1, S), one for each image; none for a baked style."""

    def check(
        self, models: Sequence[tuple[Precision, Path]], images: Sequence[Image], *, controls: bool
    ) -> list[Checked]:
        """Build the model of every precision and hold it against the network; nothing is written.

        Raises:
            ModelError: a graph is not close enough.
        """
        expected = [
            stylise_in_torch(self._styled(self.network, index), image, self.white, self.stride)
            for index, image in enumerate(images)
        ]
        checked = []
        for precision, path in models:
            prepared = self.prepare(precision)
            record = replace(self.record, precision=precision)
            model = self.build(prepared, record)
            rounded: list[Image | None] = [None] * len(images)
            if precision == "fp16":
                with stored_as_fp16(prepared):
                    rounded = [
                        stylise_in_torch(self._styled(prepared, index), image, 255, self.stride, bgr=True)
                        for index, image in enumerate(images)
                    ]
            cases = []
            for index, image in enumerate(images):
                feeds = full_controls() if controls else {}
                if self.styles:
                    feeds = {contract.STYLE: self.styles[index].numpy(), **feeds}
                beside = nearly_full_controls() if controls and precision == "fp32" else {}
                cases.append(Case(image, expected[index], feeds, rounded[index], beside))
            checked.append(check_model(model, record, path, partial(measure_images, cases=cases)))
        return checked

    def _styled(self, network: nn.Module, index: int) -> Network:
        return partial(network, style=self.styles[index]) if self.styles else network
