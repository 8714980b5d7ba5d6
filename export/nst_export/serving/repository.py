"""Exports a Triton model repository, with KServe's manifest beside its models."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from nst_rt.contract import ModelRecord
from nst_rt.engine.session import read_model, require_same_network
from nst_rt.errors import InputError, ModelError, OutputError
from nst_rt.media.pixels.frame_size import unfit_sides
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model
from nst_rt.styles.library import load_styles
from nst_rt.styles.styles_file import Style, styles_text

from nst_export.model_files.model_reader import read_model_file
from nst_export.model_files.model_writer import EXPORTER
from nst_export.serving.batching import batched, check_batched
from nst_export.serving.checking import two_vectors
from nst_export.serving.kserve import manifest
from nst_export.serving.placing import placing, refuse_folder
from nst_export.serving.style_table import style_table
from nst_export.serving.triton_config import (
    Config,
    config_text,
    encoder_config,
    ensemble_config,
    network_config,
    table_config,
)
from nst_export.serving.triton_options import TritonOptions, Variant

CONFIG, MANIFEST, STYLES = "config.pbtxt", ".kserve.yaml", ".styles.json"
_EXPECTED = "a model's name or .onnx file"
"""What to give instead of a missing file, for messages."""


@dataclass(frozen=True)
class Entry:
    """A model of the repository that is not written yet."""

    config: Config
    graph: onnx.ModelProto | None = None
    """None for an ensemble, which has no file."""
    source: Path | None = None
    """The file that it is made of."""

    @property
    def name(self) -> str:
        """The name of its folder, and of the model on the server."""
        return str(self.config["name"])


@dataclass(frozen=True)
class Repository:
    """A model repository that was written."""

    folder: Path
    name: str
    """The model that clients call."""
    entries: tuple[Entry, ...]
    styles: tuple[str, ...]
    """Style names that clients may send."""

    def to_json(self) -> dict[str, Any]:
        """The same as values that JSON can hold."""
        return {
            "repository": str(self.folder),
            "model": self.name,
            "models": {entry.name: str(entry.source) if entry.source else None for entry in self.entries},
            "styles": list(self.styles),
            "manifest": str(self.folder / f"{self.name}{MANIFEST}"),
        }


def export_triton(folder: Path, model: str | Path | None = None, options: TritonOptions | None = None) -> Repository:
    """Write a Triton model repository for a model.

    NAME is an ensemble that clients call with a frame and a style's name. NAME_cpu, NAME_tensorrt ... are the network
    for each variant, and take style vectors. NAME_styles looks up the vector of a name, and NAME_encoder computes the
    vector of a painting, if the model has styles and a style encoder. NAME.styles.json and NAME.kserve.yaml lie beside
    them.

    Args:
        folder: the repository; created if it does not exist.
        model: a model's name or .onnx file; the built-in network if None.

    Raises:
        InputError: a wrong name, size or number.
        ModelError: no such model, damaged, not a stylising model, or it cannot be batched; nothing is written then.
        StyleError: the styles file is malformed.
        OutputError: the folder cannot be written or is not empty, or it holds other files of this name.

    Examples:
        ```python
        export_triton(Path("repository"), "candy.onnx", TritonOptions(variants=("cuda",), max_batch=4))
        ```
    """
    options = options or TritonOptions()
    files = find_model(model if model is not None else BUILT_IN)
    name = options.name or re.sub(r"[^\w.-]", "-", files.network, flags=re.ASCII)
    _check(name, options)
    refuse_folder(folder, overwrite=options.overwrite)
    _, record = read_model_file(files.path, _EXPECTED)
    if record.kind != "stylizer":
        raise ModelError(f"{files.path}: a style encoder, not a stylising model. Give the model beside it")
    styles = load_styles(files, record.style_size, record.source_sha256) if record.style_size else {}
    networks = [_network(name, files, variant, options, styles) for variant in options.variants]
    table = _table(f"{name}_styles", styles, files)
    ensemble = ensemble_config(name, networks[0].config, table.config if table else None)
    encoder = _encoder(f"{name}_encoder", files, record)
    entries = [Entry(ensemble), *networks, *(entry for entry in (table, encoder) if entry)]
    _refuse_foreign(folder, entries, name, files.styles)
    with placing(folder, _ours(folder, name)) as temporary:
        for entry in entries:
            _write(temporary / entry.name, entry, name)
        if styles:
            # Without the paths of the user's paintings, which do not concern a server.
            public = [Style(**{**vars(style), "painting": "", "user_file": ""}) for style in styles.values()]
            text = styles_text(public, record.source_sha256)
            (temporary / f"{name}{STYLES}").write_text(text, encoding="utf-8")
        gpu = any(variant in ("cuda", "tensorrt") for variant in options.variants) or _others_need_gpu(folder, name)
        text = manifest(name, options.storage_uri or f"pvc://nst-rt/{folder.absolute().name}", gpu=gpu)
        (temporary / f"{name}{MANIFEST}").write_text(text, encoding="utf-8")
    return Repository(folder, name, tuple(entries), tuple(styles))


def _check(name: str, options: TritonOptions) -> None:
    variants, size = options.variants, options.size
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise InputError(
            f"{name!r} cannot be the name of a model. Give letters, digits, and . _ - between them", parameter="name"
        )
    if not variants or len(set(variants)) < len(variants):
        raise InputError("a variant is given twice, or none is given. Give each variant once", parameter="variants")
    if size is not None and (why := unfit_sides(width=size[1], height=size[0])):
        raise InputError(f"{why}. Give another size", parameter="size")
    if "tensorrt" in variants and size is None:
        raise InputError(
            "TensorRT builds its engine for one frame size. Give the size, 1280x720 for example", parameter="size"
        )
    if min(options.max_batch, options.instances) < 1 or min(options.queue_delay, options.threads) < 0:
        raise InputError("batches and instances are 1 or more, delays and threads 0 or more")


def _network(
    name: str,
    files: ModelFiles,
    variant: Variant,
    options: TritonOptions,
    styles: dict[str, Style],
) -> Entry:
    on_gpu = variant in ("cuda", "tensorrt")
    path = _file(files, options.precision, on_gpu)
    model, record = read_model_file(path, _EXPECTED)
    if record.precision == "int8" and on_gpu:
        raise ModelError(f"{path}: int8, which is for CPUs. Give fp16 for {variant}", parameter="precision")
    graph = batched(model, str(path), options.size)
    vectors = two_vectors(record, {key: style.vector for key, style in styles.items()})
    check_batched(model, graph, record, vectors, str(path))
    config = network_config(f"{name}_{variant}", graph, variant, options, fp16=record.precision == "fp16")
    return Entry(config, graph, path)


def _file(files: ModelFiles, precision: str, on_gpu: bool) -> Path:
    own = read_model(files.path)
    wanted = precision if precision != "auto" else "fp16" if on_gpu and files.fp16 else "any"
    if wanted == "any":
        return files.path
    for path in files.variants:
        record = read_model(path)
        if record.precision == wanted:
            require_same_network(own, files.path, record, path)
            return path
    raise ModelError(
        f"{files.path}: {own.precision}, with no {wanted} file beside it. Export one, or leave the choice to nst-rt",
        parameter="precision",
    )


def _table(name: str, styles: dict[str, Style], files: ModelFiles) -> Entry | None:
    if not styles:
        return None
    graph = style_table({key: style.vector for key, style in styles.items()})
    return Entry(table_config(name, graph), graph, files.styles)


def _encoder(name: str, files: ModelFiles, record: ModelRecord) -> Entry | None:
    if files.encoder is None or not record.style_size:
        return None
    graph, of_encoder = read_model_file(files.encoder, "the style encoder")
    require_same_network(record, files.path, of_encoder, files.encoder)
    return Entry(encoder_config(name, graph), graph, files.encoder)


def _write(folder: Path, entry: Entry, name: str) -> None:
    (folder / "1").mkdir(parents=True)
    (folder / CONFIG).write_text(config_text(entry.config, f"{_mark(name)}, by {EXPORTER}"), encoding="ascii")
    if entry.graph is None:
        # Triton needs the folder of a version for an ensemble too, and object stores keep no empty folders.
        (folder / "1" / "ensemble").write_bytes(b"")
    else:
        (folder / "1" / "model.onnx").write_bytes(entry.graph.SerializeToString())


def _mark(name: str) -> str:
    return f"Written for {json.dumps(name)} by `nst-rt export triton`"


def _ours(folder: Path, name: str) -> list[Path]:
    """Files and folders that an earlier export wrote for NAME."""
    models = _models(folder, name)
    return [*models, folder / f"{name}{STYLES}", folder / f"{name}{MANIFEST}"] if models else []


def _others_need_gpu(folder: Path, name: str) -> bool:
    ours = _models(folder, name)
    others = [config for config in folder.glob(f"*/{CONFIG}") if config.parent not in ours]
    return any("KIND_GPU" in config.read_text(encoding="utf-8", errors="replace") for config in others)


def _models(folder: Path, name: str) -> list[Path]:
    """Folders of the models that an earlier export wrote for NAME."""
    found = []
    for config in folder.glob(f"*/{CONFIG}"):
        with config.open(encoding="utf-8", errors="replace") as text:
            if text.readline().startswith(f"# {_mark(name)}"):
                found.append(config.parent)
    return found


def _refuse_foreign(folder: Path, entries: Sequence[Entry], name: str, styles: Path | None) -> None:
    """Refuse to replace what no earlier export wrote, and the styles file that this export reads."""
    beside = folder / f"{name}{STYLES}"
    if styles is not None and styles.exists() and beside.exists() and beside.samefile(styles):
        raise OutputError(
            f"{beside}: the styles file of the model itself. Give another folder or another name", parameter="name"
        )
    ours = {path.name for path in _models(folder, name)}
    for entry in entries:
        if (folder / entry.name).exists() and entry.name not in ours:
            raise OutputError(
                f"{folder / entry.name}: holds a model that was not written for {name} by nst-rt. Give another name, "
                "or move it away",
                parameter="name",
            )
    for path in () if ours else (beside, folder / f"{name}{MANIFEST}"):
        if os.path.lexists(path):
            raise OutputError(
                f"{path}: was not written by nst-rt. Give another name, or move it away", parameter="name"
            )
