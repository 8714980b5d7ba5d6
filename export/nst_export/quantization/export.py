"""`nst-rt export int8`: an exported fp32 file to an int8 one that is checked against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from nst_rt import contract
from nst_rt.contract import ModelRecord, Parity
from nst_rt.errors import ModelError, OutputError
from nst_rt.files.atomic import refuse_unwritable
from nst_rt.files.naming import check_not_taken
from nst_rt.models.catalog import ModelFiles
from nst_rt.styles.styles_file import read_styles
from numpy.typing import NDArray

from nst_export.model_files.companions import fits, plan_companions
from nst_export.model_files.export_targets import ENCODER, INT8, beside
from nst_export.model_files.model_reader import read_model_file
from nst_export.model_files.model_writer import EXPORTER, Checked, Exported, write_all
from nst_export.onnx_graph.graph_builder import set_record
from nst_export.onnx_graph.graph_ends import full_controls
from nst_export.parity.parity import (
    LEAST_PSNR_INT8,
    Case,
    measure_images,
    open_session,
    run_frame,
    worse,
)
from nst_export.parity.sample_images import Image, calibration_images, origin_of, sample_images
from nst_export.quantization.calibration import calibrate
from nst_export.quantization.choosing import choose, names, without_ends
from nst_export.quantization.convolutions import find_convolutions
from nst_export.quantization.insertion import quantise

CALIBRATION_RUNS = 32
"""At least so many pairs of a photograph and a style are looked at, and every style once."""

_AIM = LEAST_PSNR_INT8 + 1
"""Decibels that every style keeps on the images looked at, so that others keep `LEAST_PSNR_INT8` too."""

Feeds = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Quantised:
    """An int8 model that was written."""

    file: Exported
    left_out: tuple[str, ...]
    """Convolutions that stay in fp32, by node."""
    convolutions: int
    """How many are quantised."""
    weakest_style: str
    """Which of several styles has the lowest PSNR; empty for a style that is baked in."""
    companions: tuple[Path, ...]
    """Copies of the model's styles and style encoder, where the file does not lie beside the model."""


def export_int8(
    model: Path, output: Path | None = None, *, photographs: Path | None = None, overwrite: bool = False
) -> Quantised:
    """Quantise a stylising model's convolutions: activations uint8, weights int8 per channel, static.

    Args:
        model: the fp32 file that `nst-rt export` wrote, with NAME.styles.json beside it where it takes style vectors.
        output: NAME.int8.onnx; beside the model if left out, where the runtime looks for it. Anywhere else the model's
            NAME.styles.json and NAME.encoder.onnx are copied along, so that the file is of use by itself.
        photographs: folder of images to calibrate and to check on; drawn ones if left out.
        overwrite: replace files that exist; remove those of another network that would be used with the new one.

    Raises:
        InputError: no such model or folder.
        ModelError: damaged, not fp32, no named styles to calibrate with, or too far from the fp32 file for some
            style; nothing is written then.
        StyleError: a malformed styles file.
        OutputError: the output or a copy cannot be written or exists, or would lie beside another network's files.
    """
    source, record = _read(model)
    output = _target(model, output, overwrite)
    companions = plan_companions(model, record, output, overwrite=overwrite)
    styles = _styles(model, record)
    inputs = {entry.name for entry in source.graph.input}
    fixed = {name: value for name, value in full_controls().items() if name in inputs}
    feeds: list[Feeds] = [{**fixed, contract.STYLE: vector} for vector in styles.values()] or [fixed]
    images = calibration_images(photographs, max(CALIBRATION_RUNS, len(feeds)))
    convolutions = find_convolutions(source, {contract.FRAME: np.stack([images[0]] * 2), **feeds[0]})
    runs: list[Mapping[str, NDArray[Any]]] = [
        {contract.FRAME: image[None], **feeds[index % len(feeds)]} for index, image in enumerate(images)
    ]
    steps = calibrate(source, convolutions, runs)
    check = _Check(source, sample_images(photographs), dict(zip(styles or [""], feeds, strict=True)))
    chosen = choose(
        without_ends(convolutions),
        lambda one: check.mean_error(quantise(source, steps, [one])),
        lambda some: check.weakest(quantise(source, steps, some)) >= _AIM,
    )
    if not chosen:
        raise ModelError(
            f"{model}: int8 would keep less than {_AIM:.0f} dB whichever convolution between the first and the last is "
            "quantised. Nothing was written. Give more and more various --photographs, or stay with fp32"
        )
    quantised = quantise(source, steps, chosen)
    parity, weakest = check.measure(quantised)
    record = replace(
        record,
        precision="int8",
        exporter=EXPORTER,
        style_encoder=beside(output, ENCODER).name if record.style_encoder else "",
        parity=parity,
        parity_images=origin_of(photographs),
    )
    set_record(quantised, record)
    checked = Checked(output, record, quantised.SerializeToString())
    (written,) = write_all([checked], companions.copies, stale=companions.stale)
    left_out = names([entry for entry in convolutions if entry not in chosen])
    return Quantised(written, tuple(left_out), len(chosen), weakest, companions.paths)


def _read(path: Path) -> tuple[onnx.ModelProto, ModelRecord]:
    model, record = read_model_file(path, "the fp32 .onnx file that `nst-rt export` wrote")
    if record.kind != "stylizer":
        raise ModelError(f"{path}: a style encoder, which runs once for a painting. Give the stylising model beside it")
    if record.precision != "fp32":
        raise ModelError(f"{path}: {record.precision} already. Give the fp32 file of this network")
    return model, record


def _target(model: Path, output: Path | None, overwrite: bool) -> Path:
    output = output or beside(model, INT8)
    if not output.name.endswith(INT8):
        raise OutputError(f"{output}: an int8 model's file name ends with {INT8}. Give {beside(output, INT8).name}")
    refuse_unwritable(output)
    check_not_taken(output, [model], overwrite=overwrite)
    return output


def _styles(model: Path, record: ModelRecord) -> dict[str, NDArray[np.float32]]:
    """Style vectors (1, S) by name; none for a style that is baked in."""
    if not record.style_size:
        return {}
    files = ModelFiles(model)
    found = {
        style.name: style.vector[None]
        for style in (read_styles(files.styles) if files.styles else [])
        if fits(style, record)
    }
    if not found:
        raise ModelError(
            f"{model}: takes style vectors, and no {beside(model, '.styles.json').name} of this network lies beside "
            "it. Put the file there: int8 is calibrated on the styles that are named in it"
        )
    return found


class _Check:
    """Holds quantised models against the fp32 one, on every image in every style."""

    def __init__(self, source: onnx.ModelProto, images: Sequence[Image], styles: Mapping[str, Feeds]) -> None:
        reference = open_session(source.SerializeToString())
        self._count = len(images)
        self._styles = list(styles)
        self._cases = [
            Case(image, run_frame(reference, image, **feeds), feeds) for feeds in styles.values() for image in images
        ]

    def measure(self, model: onnx.ModelProto) -> tuple[tuple[Parity, ...], str]:
        """The worst over all styles for every image, and the style that is weakest on any of them."""
        found = measure_images(model.SerializeToString(), self._cases)
        worst = tuple(reduce(worse, found[index :: self._count]) for index in range(self._count))
        weakest = min(range(len(found)), key=lambda index: found[index].psnr)
        return worst, self._styles[weakest // self._count]

    def weakest(self, model: onnx.ModelProto) -> float:
        """The lowest PSNR of all, in decibels."""
        return min(entry.psnr for entry in self.measure(model)[0])

    def mean_error(self, model: onnx.ModelProto) -> float:
        """Mean square error in squared uint8 steps, over all."""
        found = measure_images(model.SerializeToString(), self._cases)
        return sum(255**2 / 10 ** (entry.psnr / 10) for entry in found) / len(found)
