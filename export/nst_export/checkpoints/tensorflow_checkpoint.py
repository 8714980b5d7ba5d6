"""Reads the variables of a TensorFlow checkpoint: the files NAME.index and NAME.data-00000-of-00001 of
`tf.train.Saver`.

TensorFlow itself reads them. It is large and only this module needs it, so that it is an extra of its own. An `.npz`
archive of the variables under their names serves as well.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nst_rt.errors import DependencyError, InputError, ModelError, install_line
from nst_rt.files.reading import file_sha256

from nst_export.checkpoints.checkpoint_file import Checkpoint, read_bytes

WRITES_NPZ = (
    "python -c \"import sys, numpy, tensorflow as tf; r = tf.train.load_checkpoint(sys.argv[1]); numpy.savez('out.npz',"
    ' **{n: r.get_tensor(n) for n in r.get_variable_to_shape_map()})"'
)
"""A command line that turns a checkpoint into an archive; the checkpoint's name is its last word."""

_PART = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_SHARD = re.compile(r"\.data-(\d{5})-of-(\d{5})$")
_LATEST = re.compile(r'^model_checkpoint_path:\s*"(.*)"\s*$', re.MULTILINE)


def read_bundle(path: Path, is_weight: Callable[[str], bool]) -> Checkpoint:
    """Read a TensorFlow checkpoint of the second format, the default of `tf.train.Saver` since TensorFlow 1.0.

    Args:
        path: the name that the files share (`model.ckpt-300000`), one of the files, or the folder they are in.
        is_weight: whether to read a variable, by its name; most of a training's checkpoint is state of the optimiser.

    Returns:
        float32 tensors of the variables' own shapes. `path` is the shared name; `sha256` holds the hashes of the index
        and the data files, joined with spaces.

    Raises:
        InputError: no such checkpoint, or one of its files is missing or damaged.
        DependencyError: TensorFlow is not installed.
        ModelError: none of the variables is to be read; the message lists some of them.
    """
    name = find_bundle(path)
    files = [name.with_name(f"{name.name}.index"), *_shards(name)]
    read_bytes(files[0])
    tensorflow = _tensorflow(name)
    try:
        reader = tensorflow.train.load_checkpoint(str(name))
        names = sorted(reader.get_variable_to_shape_map())
        arrays = {key: np.asarray(reader.get_tensor(key), np.float32) for key in names if is_weight(key)}
    except Exception as error:  # TensorFlow raises its own types and plain RuntimeErrors
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{name}: not a TensorFlow checkpoint, or damaged ({first[:160]}). Download or copy its files again"
        ) from error
    if not arrays:
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        raise ModelError(f"{name}: holds no weights of this network. Found: {shown or 'nothing'}")
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    return Checkpoint(name, tensors, " ".join(map(_sha256, files)))


def find_bundle(path: Path) -> Path:
    """The name that the files of a checkpoint share.

    Args:
        path: this name, one of the files, or the folder they are in.

    Raises:
        InputError: there is none, or a folder holds several and its file `checkpoint` does not tell the latest.
    """
    if path.name == "checkpoint" and path.is_file():
        path = path.parent
    if path.is_dir():
        return _latest(path)
    name = path.with_name(_PART.sub("", path.name))
    if name.with_name(f"{name.name}.index").is_file():
        return name
    kinds = "Give NAME of the files NAME.index and NAME.data-00000-of-00001, their folder, or an .npz archive"
    if path.is_file() or _shards_there(name):
        raise InputError(
            f"{path}: not a TensorFlow checkpoint that can be read: {name.name}.index is not beside it. {kinds}"
        )
    raise InputError(f"{path}: no such TensorFlow checkpoint: there is no {name.name}.index. {kinds}")


def _latest(folder: Path) -> Path:
    names = sorted(entry.name.removesuffix(".index") for entry in folder.glob("*.index"))
    if not names:
        raise InputError(f"{folder}: holds no TensorFlow checkpoint (no file NAME.index). Give its folder or its NAME")
    if len(names) == 1:
        return folder / names[0]
    state = folder / "checkpoint"
    found = _LATEST.search(state.read_text(encoding="utf-8", errors="replace")) if state.is_file() else None
    # The path in it is that of the training machine; only its last part is the same here.
    latest = found[1].rpartition("/")[2] if found else ""
    if latest not in names:
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        raise InputError(
            f"{folder}: holds {len(names)} checkpoints ({shown}). Give the path of one, {folder / names[0]}"
        )
    return folder / latest


def _shards_there(name: Path) -> dict[int, int]:
    """The data files that are there: each one's number, with the count in its name."""
    if not name.parent.is_dir():
        return {}
    matches = (
        _SHARD.fullmatch(entry.name[len(name.name) :])
        for entry in name.parent.iterdir()
        if entry.name.startswith(name.name)
    )
    return {int(match[1]): int(match[2]) for match in matches if match}


def _shards(name: Path) -> list[Path]:
    there = _shards_there(name)
    count = max(there.values(), default=1)
    files = [name.with_name(f"{name.name}.data-{index:05}-of-{count:05}") for index in range(count)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(
            f"{name}: its weights are missing: there is no {', '.join(missing[:3])} beside {name.name}.index. "
            "Copy all files of the checkpoint into one folder"
        )
    empty = [file for file in files if not file.stat().st_size]
    if empty:
        raise InputError(f"{empty[0]}: the file is empty. Download or copy it again")
    return files


def _tensorflow(name: Path) -> Any:
    try:
        with _silent_stderr():
            import tensorflow  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise DependencyError(
            f"{name}: a TensorFlow checkpoint needs tensorflow: {install_line('tensorflow')}. Or turn it into an "
            f".npz archive where TensorFlow is: {WRITES_NPZ} {name.name}"
        ) from error
    return tensorflow


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """TensorFlow's library prints lines about CPUs and GPUs before its log level can be set."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the file's permissions") from error
