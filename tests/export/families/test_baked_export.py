"""What holds for every family with a baked style: the graph against torch, and the files and their records."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from nst_export.checkpoints.checkpoint_file import read_checkpoint
from nst_export.export_options import ExportOptions
from nst_export.families.adaptive_export import AdaptiveExport, export_adaptive
from nst_export.families.baked_export import BakedExport
from nst_export.families.transformer_export import TransformerExport, export_transformer
from nst_export.model_files.model_writer import Exported
from nst_export.parity.torch_reference import stylise_in_torch
from nst_rt.contract import ModelRecord
from tiny_networks import assert_agrees, graph_of


class Family(NamedTuple):
    """A family, and one small network of it."""

    kind: type[BakedExport[Any]]
    export: Callable[..., tuple[Exported, ...]]
    network: Any
    checkpoint: Path
    sizes: tuple[tuple[int, int], ...]
    """Heights and widths: the smallest, and sizes that leave every remainder of the network's stride."""
    psnr: float

    @property
    def record(self) -> ModelRecord:
        return ModelRecord(kind="stylizer", family=self.kind.family, precision="fp32", stride=self.kind.stride)


@pytest.fixture(params=["transformer", "adaptive"])
def family(request: pytest.FixtureRequest) -> Family:
    if request.param == "transformer":
        network, checkpoint = map(request.getfixturevalue, ("tiny_transformer", "transformer_checkpoint"))
        sizes = ((16, 16), (17, 23), (18, 16), (19, 33), (48, 64))
        return Family(TransformerExport, export_transformer, network, checkpoint, sizes, 45)
    network, checkpoint = map(request.getfixturevalue, ("adaptive", "archive"))
    sizes = ((16, 16), (16, 40), (17, 23), (31, 16), (33, 18), (48, 64))
    return Family(AdaptiveExport, export_adaptive, network, checkpoint, sizes, 40)


@pytest.mark.parametrize("phases", [True, False])
@pytest.mark.parametrize("controls", [True, False])
def test_every_size_and_border_agrees_with_torch(
    family: Family, run: Callable[..., Any], noise: Callable[..., Any], controls: bool, phases: bool
) -> None:
    export = family.kind(family.network)
    model = graph_of(export, family.record, controls=controls, phases=phases)
    for height, width in family.sizes:
        frame = noise(height, width)
        expected = stylise_in_torch(family.network, frame[0], export.white, export.padding)
        assert_agrees(run(model, frame=frame), expected)


def test_batches(family: Family, run: Callable[..., Any], noise: Callable[..., Any]) -> None:
    model = graph_of(family.kind(family.network), family.record)
    frames = noise(21, 30, batch=2)
    both = run(model, frame=frames)
    for index in range(2):
        np.testing.assert_array_equal(both[index], run(model, frame=frames[index : index + 1])[0])


def test_the_whole_export(family: Family, tmp_path: Path, run: Callable[..., Any], noise: Callable[..., Any]) -> None:
    options = ExportOptions(license="MIT", style_name="pebbles")
    exported = family.export(family.checkpoint, tmp_path / "out.onnx", options)
    assert [entry.path.name for entry in exported] == ["out.onnx", "out.fp16.onnx"]
    for entry, precision in zip(exported, ("fp32", "fp16"), strict=True):
        metadata = {item.key: item.value for item in onnx.load(entry.path).metadata_props}
        record = ModelRecord.from_metadata(metadata, str(entry.path))
        assert entry.record.controls == ("strength", "color")
        assert record == dataclasses.replace(entry.record, controls=())
        assert (record.family, record.stride) == (family.kind.family, family.kind.stride)
        assert (record.precision, record.styles, record.license) == (precision, ("pebbles",), "MIT")
        assert (record.strength_blends, record.provenance) == ("pixels", family.checkpoint.name)
        assert record.source_sha256 == read_checkpoint(family.checkpoint).sha256
        assert [(entry.height, entry.width) for entry in record.parity] == [(96, 128), (75, 101), (64, 64)]
        assert min(entry.psnr for entry in record.parity) > family.psnr
    frame = noise(40, 50)
    wide, narrow = (run(entry.path, frame=frame).astype(int) for entry in exported)
    assert np.abs(wide - narrow).mean() < 1
    np.testing.assert_array_equal(run(exported[1].path, frame=frame, strength=np.zeros(1, np.float32)), frame)


def test_the_style_is_called_after_the_file_if_it_has_no_name(family: Family, tmp_path: Path) -> None:
    (only,) = family.export(family.checkpoint, tmp_path / "half.onnx", ExportOptions(precision="fp16", controls=False))
    assert only.record.precision == "fp16"
    assert only.record.styles == ("half",)
    assert (only.record.strength_blends, only.record.controls) == ("", ())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["half.onnx", family.checkpoint.name])
