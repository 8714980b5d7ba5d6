"""What families with a baked style share: one checkpoint, one style, one file per precision."""

import copy
from abc import abstractmethod
from pathlib import Path
from typing import TypeVar

from nst_rt.contract import ModelRecord
from torch import nn

from nst_export.checkpoints.checkpoint_file import Checkpoint
from nst_export.export_options import ExportOptions
from nst_export.families.network_export import NetworkExport
from nst_export.fp16_range import bring_into_range
from nst_export.model_files.export_targets import Targets, beside, plan_targets
from nst_export.model_files.model_writer import EXPORTER, Exported, write_all
from nst_export.onnx_graph.emitter import Emitter
from nst_export.onnx_graph.graph_builder import GraphBuilder, Precision
from nst_export.onnx_graph.graph_ends import NO_CONTROLS, close_frame, open_controls, open_frame
from nst_export.parity.sample_images import extreme_images, origin_of, sample_images
from nst_export.parity.torch_reference import image_tensor

Baked = TypeVar("Baked", bound=nn.Module)


class BakedExport(NetworkExport[Baked]):
    """A network with one style, and how it becomes a graph."""

    stride: int
    """The network's, for records."""
    last: str
    """Name of the last convolution."""

    @classmethod
    @abstractmethod
    def read(cls, checkpoint: Path) -> tuple[Checkpoint, Baked]:
        """A checkpoint, and the network in it."""

    @classmethod
    def export(cls, checkpoint: Path, output: Path, options: ExportOptions | None = None) -> tuple[Exported, ...]:
        """Export a checkpoint.

        Raises:
            InputError, ModelError, DependencyError, OutputError: as `export_transformer`.
        """
        options = options or ExportOptions()
        targets = plan_targets(output, options, inputs=[checkpoint])
        source, network = cls.read(checkpoint)
        return cls(network, sample_images(options.photographs)).write(source, targets, options)

    @abstractmethod
    def fold_bytes(self, network: Baked) -> None:
        """Make a network read and write BGR in [0, 255], in place."""

    def prepare(self, precision: Precision) -> Baked:
        prepared = copy.deepcopy(self.network)
        self.fold_bytes(prepared)
        if precision == "fp16":
            samples = [*self.images, *extreme_images()]
            bring_into_range(prepared, [(image_tensor(image, 255, self.padding, bgr=True),) for image in samples])
        return prepared

    def emit(self, graph: GraphBuilder, prepared: Baked, options: ExportOptions) -> None:
        frame = open_frame(graph, self.padding)
        controls = open_controls(graph) if options.controls else NO_CONTROLS
        emitter = Emitter(graph, phases=options.phases, even=[prepared.get_submodule(self.last)])
        image = emitter.emit("network", prepared, frame.padded)
        close_frame(graph, frame, image, controls=controls)

    def write(self, source: Checkpoint, targets: Targets, options: ExportOptions) -> tuple[Exported, ...]:
        """Check the models of all precisions, then write them.

        Args:
            source: the checkpoint that the network comes from.

        Raises:
            ModelError: a graph is not exact enough; nothing is written then.
            OutputError: a file cannot be written, or another network's files would lie beside it.
        """
        record = ModelRecord(
            kind="stylizer",
            family=self.family,
            precision="fp32",
            stride=self.stride,
            styles=(options.style_name or beside(targets.output, "").name,),
            license=options.license,
            provenance=source.path.name,
            source_sha256=source.sha256,
            strength_blends="pixels" if options.controls else "",
            exporter=EXPORTER,
            parity_images=origin_of(options.photographs),
        )
        stale = targets.stale(record)
        return write_all(self.check(targets.models, record, options), stale=stale)


def convolution_at(network: nn.Module, name: str) -> nn.Conv2d:
    """The convolution of that name."""
    layer = network.get_submodule(name)
    assert isinstance(layer, nn.Conv2d)
    return layer
