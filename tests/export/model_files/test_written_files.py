"""Which files an export makes, refuses, replaces and removes; and that a failed one leaves everything as it was."""

import json
from functools import partial

import numpy as np
import onnx
import pytest
import torch
from full_disk import full_disk
from nst_export.checkpoints.conditional_checkpoint import ConditionalWeights
from nst_export.export_options import ExportOptions
from nst_export.families.adain_export import export_adain
from nst_export.families.conditional_export import export_conditional_weights
from nst_export.families.transformer_export import export_transformer
from nst_export.model_files.export_targets import plan_targets
from nst_export.model_files.model_writer import Checked, write_all
from nst_export.networks.style_encoder_network import StyleEncoder
from nst_rt.contract import ModelRecord
from nst_rt.errors import ModelError, OutputError
from nst_rt.models.catalog import ModelFiles
from wrong_runtime import compute_wrong


@pytest.fixture
def other_checkpoint(tiny_transformer, tmp_path):
    path = tmp_path / "other.pth"
    torch.save({key: value * 0.9 for key, value in tiny_transformer.state_dict().items()}, path)
    return path


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "net.onnx"


@pytest.fixture
def vgg_files(tiny_vgg, tmp_path):
    """Encoder and decoder checkpoints."""
    preprocessing, encoder, decoder = tiny_vgg(2)
    paths = []
    for role, convs in (("encoder", [preprocessing, *encoder]), ("decoder", decoder)):
        first = 1 if role == "encoder" else len(encoder) + 2
        state = {}
        for index, (kernel, bias) in enumerate(convs):
            state[f"conv{first + index}.weight"], state[f"conv{first + index}.bias"] = kernel, bias
        torch.save(state, tmp_path / f"{role}.pth")
        paths.append(tmp_path / f"{role}.pth")
    return paths


@pytest.fixture
def trained(tiny_conditional):
    neutral = tiny_conditional.neutral_style()
    encoder = StyleEncoder(neutral, widths=(4, 8, 8), hidden=12).eval()
    return ConditionalWeights(tiny_conditional, {"plain": neutral[0]}, {}, encoder, "3 steps")


def names(out):
    return sorted(path.name for path in out.parent.iterdir())


@pytest.mark.parametrize(
    ("family", "wrong"),
    [
        ("transformer", {"precision": "fp16"}),
        ("adain", {"precision": "fp16"}),
        ("adain", {"kind": "style_encoder"}),
        ("conditional", {"precision": "fp16"}),
        ("conditional", {"kind": "style_encoder"}),
    ],
)
@pytest.mark.parametrize("old", [False, True])
def test_one_model_that_fails_leaves_everything_as_it_was(
    transformer_checkpoint, vgg_files, trained, out, monkeypatch, family, wrong, old
):
    exports = {
        "transformer": partial(export_transformer, transformer_checkpoint),
        "adain": partial(export_adain, *vgg_files),
        "conditional": partial(export_conditional_weights, trained),
    }
    before = {f"net{suffix}": suffix.encode() for suffix in (".onnx", ".fp16.onnx", ".encoder.onnx", ".styles.json")}
    for name, data in before.items() if old else ():
        (out.parent / name).write_bytes(data)
    compute_wrong(monkeypatch, **wrong)
    with pytest.raises(ModelError, match="Nothing was written"):
        exports[family](out, ExportOptions(overwrite=True))
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == (before if old else {})


def test_files_that_exist_are_replaced_only_when_asked_to(transformer_checkpoint, out, monkeypatch):
    half = out.with_name("net.fp16.onnx")
    half.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"net\.fp16\.onnx: exists already.*overwrite it"):
        export_transformer(transformer_checkpoint, out)
    assert names(out) == ["net.fp16.onnx"]
    export_transformer(transformer_checkpoint, out, ExportOptions(overwrite=True))
    assert names(out) == ["net.fp16.onnx", "net.onnx"]
    assert half.stat().st_size > 1000


def test_a_companion_of_another_network_is_refused_or_removed(transformer_checkpoint, other_checkpoint, vgg_files, out):
    export_adain(*vgg_files, out)
    assert names(out) == ["net.encoder.onnx", "net.fp16.onnx", "net.onnx"]
    out.unlink()
    with pytest.raises(OutputError, match=r"net\.fp16\.onnx: belongs to another network.*allow overwriting"):
        export_transformer(transformer_checkpoint, out, ExportOptions(precision="fp32"))
    assert names(out) == ["net.encoder.onnx", "net.fp16.onnx"]
    out.with_name("net.styles.json").write_text('{"styles": []}')
    export_transformer(transformer_checkpoint, out, ExportOptions(precision="fp32", overwrite=True))
    assert names(out) == ["net.onnx"]
    # The same weights' fp16 file stays, that of other weights in the same family does not.
    export_transformer(transformer_checkpoint, out, ExportOptions(overwrite=True))
    export_transformer(transformer_checkpoint, out, ExportOptions(precision="fp32", overwrite=True))
    assert names(out) == ["net.fp16.onnx", "net.onnx"]
    export_transformer(other_checkpoint, out, ExportOptions(precision="fp32", overwrite=True))
    assert names(out) == ["net.onnx"]


def test_a_stale_companion_stays_when_the_export_fails(transformer_checkpoint, other_checkpoint, out, monkeypatch):
    export_transformer(other_checkpoint, out)
    compute_wrong(monkeypatch)
    with pytest.raises(ModelError, match="Nothing was written"):
        export_transformer(transformer_checkpoint, out, ExportOptions(precision="fp32", overwrite=True))
    assert names(out) == ["net.fp16.onnx", "net.onnx"]


def test_another_networks_model_is_never_removed(transformer_checkpoint, other_checkpoint, out):
    export_transformer(other_checkpoint, out, ExportOptions(precision="fp32"))
    half = out.with_name("net.fp16.onnx")
    with pytest.raises(OutputError, match=r"net\.onnx: holds another network"):
        export_transformer(transformer_checkpoint, half, ExportOptions(precision="fp16", overwrite=True))
    assert names(out) == ["net.onnx"]
    export_transformer(other_checkpoint, half, ExportOptions(precision="fp16"))
    assert names(out) == ["net.fp16.onnx", "net.onnx"]


def test_an_fp16_file_has_its_companions_where_the_runtime_looks(vgg_files, trained, out):
    half = out.with_name("net.fp16.onnx")
    exported = export_adain(*vgg_files, half, ExportOptions(precision="fp16"))
    assert names(out) == ["net.encoder.onnx", "net.fp16.onnx"]
    assert ModelFiles(half).encoder == exported[1].path
    assert exported[0].record.style_encoder == "net.encoder.onnx"
    export_conditional_weights(trained, half, ExportOptions(precision="fp16", overwrite=True))
    assert names(out) == ["net.encoder.onnx", "net.fp16.onnx", "net.styles.json"]
    assert ModelFiles(half).styles == out.with_name("net.styles.json")


def test_the_styles_file_says_which_weights_it_belongs_to(trained, transformer_checkpoint, out):
    export_conditional_weights(trained, out, ExportOptions(precision="fp32"), source_sha256="abc")
    assert json.loads(out.with_name("net.styles.json").read_text())["source_sha256"] == "abc"
    metadata = {entry.key: entry.value for entry in onnx.load(out).metadata_props}
    assert ModelRecord.from_metadata(metadata, "net").source_sha256 == "abc"
    with pytest.raises(OutputError, match=r"net\.onnx: exists already"):
        export_transformer(transformer_checkpoint, out, ExportOptions(precision="fp32"))


def test_targets(tmp_path):
    assert plan_targets(tmp_path / "a.onnx", ExportOptions(precision="fp16")).models == (("fp16", tmp_path / "a.onnx"),)
    both = plan_targets(tmp_path / "a.b.onnx", ExportOptions(), [".encoder.onnx"])
    assert [path.name for _, path in both.models] == ["a.b.onnx", "a.b.fp16.onnx"]
    assert [path.name for path in both.companions] == ["a.b.encoder.onnx"]
    for choice in ("fp32", "both"):
        with pytest.raises(OutputError, match=r"is for the fp16 model alone. Give a\.onnx"):
            plan_targets(tmp_path / "a.fp16.onnx", ExportOptions(precision=choice))
    with pytest.raises(OutputError, match=r"is for the style encoder. Give a\.onnx"):
        plan_targets(tmp_path / "a.encoder.onnx", ExportOptions())


def test_what_parity_was_measured_on_is_recorded(transformer_checkpoint, out, tmp_path):
    from nst_rt.media.images.image_writer import write_image

    (drawn,) = export_transformer(transformer_checkpoint, out, ExportOptions(precision="fp32"))
    assert drawn.record.parity_images == "drawn"
    (tmp_path / "photographs").mkdir()
    write_image(tmp_path / "photographs" / "a.png", np.full((40, 30, 3), 90, np.uint8))
    (taken,) = export_transformer(
        transformer_checkpoint,
        out,
        ExportOptions(precision="fp32", photographs=tmp_path / "photographs", overwrite=True),
    )
    metadata = {entry.key: entry.value for entry in onnx.load(taken.path).metadata_props}
    assert ModelRecord.from_metadata(metadata, "net").parity_images == "photographs"


def test_a_disk_that_fills_up_at_the_last_file_leaves_the_old_ones(tmp_path):
    first, last = tmp_path / "out.onnx", tmp_path / "out.fp16.onnx"
    first.write_bytes(b"old")
    last.write_bytes(b"old too")
    record = ModelRecord(kind="stylizer", family="transformer", precision="fp32", stride=4)
    models = [Checked(first, record, b"first"), Checked(last, record, b"last" * 99)]
    with full_disk(100), pytest.raises(OutputError, match=r"out\.fp16\.onnx: too large for this disk"):
        write_all(models, [(tmp_path / "out.txt", b"text")])
    assert first.read_bytes() == b"old"
    assert last.read_bytes() == b"old too"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.fp16.onnx", "out.onnx"]


def test_places_that_cannot_be_written_to_are_refused_first(tmp_path):
    for path, what in (
        (tmp_path / "out.pth", r"ends with \.onnx"),
        (tmp_path / "none" / "out.onnx", "there is no folder"),
    ):
        with pytest.raises(OutputError, match=what):
            export_transformer(tmp_path / "missing.pth", path)
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(OutputError, match="a folder, not a file"):
        export_transformer(tmp_path / "missing.pth", tmp_path / "folder.onnx", ExportOptions(precision="fp32"))
