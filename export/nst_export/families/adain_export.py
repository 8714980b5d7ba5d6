"""Exports AdaIN: an encoder and a decoder become a stylising model and a style encoder beside it."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from nst_rt import contract
from nst_rt.contract import ModelRecord
from numpy.typing import NDArray
from torch import nn

from nst_export.checkpoints.adain_checkpoint import load_adain
from nst_export.checkpoints.checkpoint_file import read_checkpoint
from nst_export.export_options import ExportOptions
from nst_export.families.network_export import NetworkExport
from nst_export.fp16_range import factor_for, largest_outputs, rescale_chain
from nst_export.model_files.export_targets import ENCODER, plan_targets
from nst_export.model_files.model_writer import EXPORTER, Checked, Exported, check_model, write_all
from nst_export.networks.adain_network import EPSILON, AdaIn
from nst_export.onnx_graph.emitter import Emitter
from nst_export.onnx_graph.graph_builder import FLOAT32, GraphBuilder, Precision
from nst_export.onnx_graph.graph_ends import NO_CONTROLS, Controls, close_frame, open_controls, open_frame, open_style
from nst_export.onnx_graph.normalization_nodes import means_and_deviations, styled_norm
from nst_export.onnx_graph.weight_folding import accept_bgr_bytes, merge_pointwise, produce_bgr_bytes
from nst_export.parity.parity import VectorCase, measure_vectors
from nst_export.parity.sample_images import draw_image, extreme_images, origin_of, sample_images
from nst_export.parity.torch_reference import encode_in_torch, image_tensor


class AdainExport(NetworkExport[AdaIn]):
    """An AdaIN network on its way to two graphs: the stylising model and the style encoder."""

    family, white = "adain", 1.0

    @property
    def padding(self) -> int:
        return int(self.network.stride)

    def prepare(self, precision: Precision) -> AdaIn:
        prepared = copy.deepcopy(self.network)
        first, last = prepared.encoder[0], prepared.decoder[-1]
        assert isinstance(first, nn.Conv2d)
        assert isinstance(last, nn.Conv2d)
        accept_bgr_bytes(first, self.white)
        produce_bgr_bytes(last, self.white)
        prepared.encoder = merge_pointwise(prepared.encoder)
        if precision == "fp16":
            self._bring_into_range(prepared)
        return prepared

    def _bring_into_range(self, prepared: AdaIn) -> None:
        reached = 0.0
        with largest_outputs(prepared) as largest, torch.no_grad():
            for index, image in enumerate([*self.images, *extreme_images()]):
                style = self._style(index)
                prepared(image_tensor(image, 255, self.padding, bgr=True), style)
                # Normalised features stay within a few deviations of the style's means.
                mean, deviation = torch.split(style, prepared.channels, dim=1)
                reached = max(reached, float((mean.abs() + 8 * deviation).max()))
        prepared.divisor = max(factor_for(largest[prepared.encoder[-1]]), factor_for(reached / 4))
        rescale_chain(prepared.encoder, largest, 1.0, prepared.divisor)
        rescale_chain(prepared.decoder, largest, prepared.divisor, 1.0)

    def emit(self, graph: GraphBuilder, prepared: AdaIn, options: ExportOptions) -> None:
        frame = open_frame(graph, prepared.stride)
        mean, deviation = open_style(graph, frame, [prepared.channels] * 2)
        controls = open_controls(graph) if options.controls else NO_CONTROLS
        emitter = Emitter(graph, phases=options.phases, even=[prepared.decoder[-1]] if prepared.stride > 1 else [])
        features = emitter.emit("encoder", prepared.encoder, frame.padded)
        styled = _adain(graph, features, mean, deviation, controls.strength, prepared)
        image = emitter.emit("decoder", prepared.decoder, styled)
        close_frame(graph, frame, image, controls=Controls(color=controls.color))

    def build_encoder_graph(self, record: ModelRecord) -> onnx.ModelProto:
        """The graph of the style encoder, float32 throughout.

        Args:
            record: of kind `style_encoder`.
        """
        graph = GraphBuilder("adain_style_encoder", "fp32")
        frame = open_frame(graph, 1, contract.IMAGE)
        features = Emitter(graph).emit("encoder", self.prepare("fp32").encoder, frame.photograph)
        style = means_and_deviations(graph, features, EPSILON)
        graph.output(style, contract.STYLE, FLOAT32, [1, record.style_size])
        return graph.finish(record)

    def check_encoder(self, path: Path, record: ModelRecord) -> Checked:
        """Build the style encoder and compare it with the network; no file is written.

        Raises:
            ModelError: the graph is not exact enough.
        """
        model = self.build_encoder_graph(record)
        cases = [VectorCase(image, encode_in_torch(self.network.style_vectors, image).numpy()) for image in self.images]
        return check_model(model, record, path, measure_vectors(model.SerializeToString(), cases))


def export_adain(
    encoder: Path, decoder: Path, output: Path, options: ExportOptions | None = None
) -> tuple[Exported, ...]:
    """Export AdaIN (Huang & Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance
    Normalization").

    Writes the stylising model in the wanted precisions, and `OUT.encoder.onnx`, the style encoder. The style encoder is
    always float32: it runs once per painting, and its vectors serve both precisions. The model's `strength` mixes
    feature maps, as in section 6.2 of the paper.

    Args:
        encoder, decoder: checkpoints in one of the layouts of `nst_export.checkpoints.adain_checkpoint`.
        output: the .onnx file; with both precisions that is the fp32 file, and `OUT.fp16.onnx` the fp16 one.

    Returns:
        The stylising models, then the style encoder.

    Raises:
        InputError: a checkpoint or the folder of photographs cannot be read.
        ModelError: an unknown layout, two files that do not belong together, or a graph that is not close enough to
            PyTorch; nothing is written then.
        OutputError: an output cannot be written or exists, or another network's files would lie beside it.

    Examples:
        ```python
        export_adain(Path("vgg_normalised.pth"), Path("decoder.pth"), Path("adain.onnx"))
        ```
    """
    options = options or ExportOptions()
    targets = plan_targets(output, options, [ENCODER], inputs=[encoder, decoder])
    (encoder_path,) = targets.companions
    front, back = read_checkpoint(encoder), read_checkpoint(decoder)
    network = load_adain(front, back)
    encoder_record = ModelRecord(
        kind="style_encoder",
        family="adain",
        precision="fp32",
        stride=1,
        style_size=2 * network.channels,
        license=options.license,
        provenance=f"{front.path.name} and {back.path.name}",
        source_sha256=f"{front.sha256} {back.sha256}",
        exporter=EXPORTER,
        parity_images=origin_of(options.photographs),
    )
    record = replace(
        encoder_record,
        kind="stylizer",
        stride=network.stride,
        strength_blends="features" if options.controls else "",
        style_encoder=encoder_path.name,
    )
    stale = targets.stale(record)
    images = sample_images(options.photographs)
    # Every image is stylised in the style of the next one, so that the vectors vary as much as the images.
    paintings = [*images[1:], draw_image(256, 320, seed=99)]
    styles = [encode_in_torch(network.style_vectors, painting) for painting in paintings]
    export = AdainExport(network, images, styles)
    checked = export.check(targets.models, record, options)
    return write_all([*checked, export.check_encoder(encoder_path, encoder_record)], stale=stale)


def _adain(graph: GraphBuilder, features: str, mean: str, deviation: str, strength: str, prepared: AdaIn) -> str:
    """The features with the style's statistics, mixed with themselves by `strength`, which may be empty."""
    with graph.scope("adain"):
        vectors = []
        for name, vector in (("deviation", deviation), ("mean", mean)):
            if prepared.divisor != 1:
                vector = graph.node("Div", [vector, graph.constant(_scalar(prepared.divisor), "divisor")])
            if strength:
                vector = graph.node("Mul", [vector, strength])
            vector = graph.node("Reshape", [vector, graph.integers([-1], "flat")], name)
            vectors.append(graph.to_precision(vector))
        eps = EPSILON / prepared.divisor**2
        styled = styled_norm(graph, features, vectors[0], vectors[1], prepared.channels, eps)
        if not strength:
            return styled
        rest = graph.node("Sub", [graph.constant(_scalar(1.0), "one"), strength], "rest")
        kept = graph.node("Mul", [features, graph.to_precision(rest)], "kept")
        return graph.node("Add", [styled, kept], "blended")


def _scalar(value: float) -> NDArray[np.float32]:
    return np.full(1, value, np.float32)
