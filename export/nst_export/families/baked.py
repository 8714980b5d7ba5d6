"""What families with a baked style share: one checkpoint, one style, one file per precision."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import onnx
from nst_rt.contract import ModelRecord
from torch import nn

from nst_export.checkpoints.reading import Checkpoint
from nst_export.model_files.writing import EXPORTER, Exported, PrecisionChoice, beside, plan_targets, write_all
from nst_export.onnx_graph.builder import GraphBuilder, Precision
from nst_export.onnx_graph.emit import Emitter
from nst_export.onnx_graph.frame import Controls, close_frame, open_controls, open_frame
from nst_export.onnx_graph.stylizing import StylizingNetwork
from nst_export.parity.parity import stylise_in_torch
from nst_export.parity.sample_images import Image, extreme_images, origin_of, sample_images
from nst_export.precision import bring_into_range

Baked = TypeVar("Baked", bound=nn.Module)


@dataclass(frozen=True)
class BakedFamily(Generic[Baked]):
    """A family, and what its networks do not have in common with those of the others."""

    name: str
    """As the records call it."""
    stride: int
    padding: int
    """What stands before the network pads images to multiples of this; 1 for a network that sees to it itself."""
    white: float
    """The network takes and makes RGB in [0, white]."""
    last: str
    """Name of the last convolution."""
    read: Callable[[Path], Checkpoint]
    load: Callable[[Checkpoint], Baked]
    take_bytes: Callable[[Baked], None]
    """Makes a network read and write BGR in [0, 255], in place."""

    def export(
        self,
        checkpoint: Path,
        output: Path,
        precision: PrecisionChoice = "both",
        *,
        style_name: str | None = None,
        photographs: Path | None = None,
        license: str = "unknown",
        controls: bool = True,
        phases: bool = True,
        overwrite: bool = False,
    ) -> tuple[Exported, ...]:
        """Export a checkpoint.

        Args:
            checkpoint: what the family's `read` reads.
            output: the .onnx file; with precision "both", `OUT.onnx` is fp32 and `OUT.fp16.onnx` fp16.
            style_name: what the style is called; the output's name if left out.
            photographs: folder of images to check on; drawn ones if left out.
            license: of the weights.
            controls: give the graph the `strength` and `color` inputs.
            phases: the rewrites of `nst_export.onnx_graph.emit`.
            overwrite: replace files that exist, and remove companions of another network.

        Raises:
            InputError, ModelError: the checkpoint cannot be read, or a graph is not close enough to PyTorch; nothing
                is written then.
            DependencyError: the checkpoint's format needs a package that is not installed.
            OutputError: an output cannot be written, exists, or would have another network's files beside it.
        """
        targets = plan_targets(output, precision, inputs=[checkpoint], overwrite=overwrite)
        source = self.read(checkpoint)
        network = self.load(source)
        record = ModelRecord(
            kind="stylizer",
            family=self.name,
            precision="fp32",
            stride=self.stride,
            styles=(style_name or beside(output, "").name,),
            license=license,
            provenance=source.path.name,
            source_sha256=source.sha256,
            strength_blends="pixels" if controls else "",
            exporter=EXPORTER,
            parity_images=origin_of(photographs),
        )
        stale = targets.stale(record)
        images = sample_images(photographs)
        stylizing = StylizingNetwork(
            network,
            self.white,
            self.padding,
            partial(self.prepare, network, images=images),
            partial(self.build_graph, controls=controls, phases=phases),
            record,
        )
        return write_all(stylizing.check(targets.models, images, controls=controls), stale=stale)

    def prepare(self, network: Baked, precision: Precision, images: list[Image]) -> Baked:
        """A copy that reads and writes BGR bytes, brought into fp16's range on the images where that is asked for."""
        prepared = copy.deepcopy(network)
        self.take_bytes(prepared)
        if precision == "fp16":

            def show() -> None:
                for image in [*images, *extreme_images()]:
                    stylise_in_torch(prepared, image, 255, self.padding, bgr=True)

            bring_into_range(prepared, show)
        return prepared

    def build_graph(
        self, prepared: Baked, record: ModelRecord, *, controls: bool = True, phases: bool = True
    ) -> onnx.ModelProto:
        """The graph of a network made by `prepare`."""
        graph = GraphBuilder(self.name, "fp16" if record.precision == "fp16" else "fp32")
        frame = open_frame(graph, self.padding)
        inputs = open_controls(graph) if controls else Controls()
        emitter = Emitter(graph, phases=phases, even=[prepared.get_submodule(self.last)])
        image = emitter.emit("network", prepared, frame.padded)
        close_frame(graph, frame, image, margin=emitter.margin, strength=inputs.strength, color=inputs.color)
        return graph.finish(record)


def convolution(network: nn.Module, name: str) -> nn.Conv2d:
    """The convolution of that name."""
    layer = network.get_submodule(name)
    assert isinstance(layer, nn.Conv2d)
    return layer
