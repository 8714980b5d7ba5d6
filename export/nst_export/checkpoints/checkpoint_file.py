"""Reads a checkpoint file into named tensors. Nothing in the file is ever executed."""

import codecs
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nst_rt.errors import DependencyError, InputError, ModelError
from nst_rt.media.images.image_format import format_of
from torch import Tensor

WRAPPERS = ("state_dict", "model", "model_state_dict", "network", "net", "params")
"""Keys under which training scripts store the state dict, beside other things."""


@dataclass(frozen=True)
class Checkpoint:
    """Named float32 tensors on the CPU, and the file that they come from."""

    path: Path
    tensors: dict[str, Tensor]
    sha256: str


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a `torch.save` file, an `.npz` archive or a `.safetensors` file.

    A surrounding dictionary (`state_dict`, `model` ...) and the `module.` prefix of parallel training are removed.

    Raises:
        InputError: missing, empty, truncated, or a pickled object instead of tensors.
        DependencyError: `.safetensors` without that package.
        ModelError: readable, but it holds no tensors.
    """
    data = read_bytes(path)
    if path.suffix == ".npz":
        content = _read_npz(path, data)
    elif path.suffix == ".safetensors":
        content = _read_safetensors(path)
    else:
        content = _read_torch(path, data)
    tensors = _tensors(content)
    if not tensors:
        keys = list(content)[:12] if isinstance(content, dict) else type(content).__name__
        raise ModelError(f"{path}: holds no tensors (found {keys}). Save the network's state_dict()")
    return Checkpoint(path, tensors, hashlib.sha256(data).hexdigest())


def read_bytes(path: Path) -> bytes:
    """A checkpoint file's content.

    Raises:
        InputError: missing, unreadable, empty, or a text in place of the file.
    """
    if not path.is_file():
        what = "is a folder, not a checkpoint file" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {what}. Give the path of a checkpoint (.pth, .pt, .model, .npz, .safetensors)")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the file's permissions") from error
    if not data:
        raise InputError(f"{path}: the file is empty. Download or copy it again")
    if data.startswith((b"version https://git-lfs", b"<!DOCTYPE", b"<html")):
        raise InputError(
            f"{path}: a text in place of a checkpoint (a Git LFS pointer or a web page). Download the checkpoint"
        )
    if _is_text(data):
        raise InputError(f"{path}: a text file, not a checkpoint. Check the path, or download the checkpoint again")
    return data


def _is_text(data: bytes) -> bool:
    """Whether it looks like text; every checkpoint format has bytes at its beginning that no text has."""
    start = data[:1000]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # accepts a character that is cut at the end
    except UnicodeDecodeError:
        return False
    return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in start)


def _read_torch(path: Path, data: bytes) -> Any:
    if not _may_be_torch(data):
        what = "an image" if format_of(data) else "a file of another kind"
        raise InputError(f"{path}: {what}, not a checkpoint. Give a checkpoint (.pth, .pt, .model, .npz, .safetensors)")
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types here
        text = str(error).strip()
        if any(told in text for told in _FORBIDDEN):
            raise InputError(
                f"{path}: holds pickled Python objects, which could run code. If you trust the file, load it "
                "with torch.load(..., weights_only=False) and save network.state_dict()"
            ) from error
        first = text.splitlines()[0] if text and "weights_only" not in text else type(error).__name__
        raise InputError(f"{path}: damaged or truncated ({first[:120]}). Download or copy it again") from error


_FORBIDDEN = ("Unsupported global", "unsupported GLOBAL")
"""Parts of the messages of torch's safe reader for a file that names code to run; damaged files have other ones."""


def _may_be_torch(data: bytes) -> bool:
    """Whether it begins as a zip archive, a pickle, or a tar archive, which torch wrote until 2017."""
    return data.startswith((b"PK\x03\x04", b"\x80")) or data[257:262] == b"ustar"


def _read_npz(path: Path, data: bytes) -> Any:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {key: torch.from_numpy(archive[key]) for key in archive.files}
    except (ValueError, EOFError, OSError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: not an .npz archive of plain arrays, or truncated ({str(error)[:120]}). Download or copy it again"
        ) from error


def _read_safetensors(path: Path) -> Any:
    try:
        from safetensors.torch import load_file  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise DependencyError(f"{path}: needs the safetensors package: pip install safetensors") from error
    try:
        return load_file(path)
    except Exception as error:  # safetensors raises a type of its own
        raise InputError(f"{path}: damaged or truncated ({str(error)[:120]}). Download or copy it again") from error


def _tensors(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        return {}
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), dict):
            return _tensors(content[wrapper])
    return {
        str(key).removeprefix("module."): value.detach().float()
        for key, value in content.items()
        if isinstance(value, Tensor)
    }


def empty_tensor(tensors: dict[str, Tensor]) -> str:
    """The name of a tensor without elements, which is always an error; empty if there is none."""
    return next((name for name, tensor in tensors.items() if tensor.numel() == 0), "")


def describe_keys(tensors: dict[str, Tensor]) -> str:
    """The first twelve keys with their shapes, for error messages."""
    shown = [f"{key} {tuple(tensor.shape)}" for key, tensor in list(tensors.items())[:12]]
    more = f" and {len(tensors) - 12} more" if len(tensors) > 12 else ""
    return ", ".join(shown) + more
