"""Finds models by name or path: the files of this folder, and those in the user's data folder."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nst_rt.errors import ModelError, did_you_mean
from nst_rt.files.folders import models_folder, styles_folder
from nst_rt.files.paths import is_file

BUNDLED = Path(__file__).parent
BUILT_IN = "conditional"
"""The name of the network that comes with nst-rt."""

ORT_SUFFIX = ".ort"
"""The suffix of ONNX Runtime's own format, for its reduced builds in other programs."""

_FP16, _INT8, _ENCODER = ".fp16.onnx", ".int8.onnx", ".encoder.onnx"


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model, side by side in one folder.

    NAME.onnx is the model. Beside it there may be NAME.fp16.onnx (for GPUs), NAME.int8.onnx (for CPUs),
    NAME.encoder.onnx (which turns style images into style vectors) and NAME.styles.json (named style vectors).

    Examples:
        >>> find_model("conditional").name
        'conditional'
    """

    path: Path

    @property
    def name(self) -> str:
        """The file's name without `.onnx`."""
        return self.path.name.removesuffix(".onnx")

    @property
    def network(self) -> str:
        """NAME, with which the names of all files begin, also where NAME.int8.onnx or NAME.fp16.onnx was given."""
        return self.name.removesuffix(".fp16").removesuffix(".int8")

    @property
    def variants(self) -> list[Path]:
        """The model's files in every precision, the given one first."""
        beside = (self._beside(suffix) for suffix in (".onnx", _FP16, _INT8))
        return [self.path, *(path for path in beside if path and path != self.path)]

    @property
    def fp32(self) -> Path | None:
        """NAME.onnx itself, also where another precision was given."""
        return self._beside(".onnx")

    @property
    def int8(self) -> Path | None:
        """The int8 file beside the model."""
        return self._beside(_INT8)

    @property
    def fp16(self) -> Path | None:
        """The fp16 file beside the model."""
        return self._beside(_FP16)

    @property
    def encoder(self) -> Path | None:
        """The style encoder beside the model."""
        return self._beside(_ENCODER)

    @property
    def styles(self) -> Path | None:
        """The named style vectors beside the model."""
        return self._beside(".styles.json")

    def _beside(self, suffix: str) -> Path | None:
        path = self.path.with_name(self.network + suffix)
        return path if path.is_file() else None


def list_models() -> list[ModelFiles]:
    """Every model that has a name: the bundled ones, then the user's. A bundled model wins over a user's of its name.

    Examples:
        >>> from nst_rt import list_models
        >>> [model.name for model in list_models()]
        ['conditional']
    """
    found: dict[str, ModelFiles] = {}
    for folder in (BUNDLED, models_folder()):
        for path in sorted(folder.glob("*.onnx")) if folder.is_dir() else []:
            if not path.name.endswith((_FP16, _INT8, _ENCODER)):
                found.setdefault(path.name, ModelFiles(path))
    return list(found.values())


def find_model(name_or_path: str | Path) -> ModelFiles:
    """Find a model by its name, or by the path of its .onnx file.

    Raises:
        ModelError: there is no such model; the message suggests the nearest name.

    Examples:
        >>> from nst_rt import find_model
        >>> find_model("conditional").encoder.name
        'conditional.encoder.onnx'
    """
    text = str(name_or_path)
    if is_model_path(text):
        path = Path(text)
        if not is_file(path):
            raise ModelError(f"{path}: no such model file", parameter="model")
        return ModelFiles(path)
    models = {model.name: model for model in list_models()}
    if text in models:
        return models[text]
    if text.lower().endswith(ORT_SUFFIX):
        raise ModelError(
            f"{text}: this is ONNX Runtime's own format, for its reduced builds in other programs. Give the "
            f"{text[: -len(ORT_SUFFIX)]}.onnx that it was made from",
            parameter="model",
        )
    if owner := next((name for name, files in models.items() if text in _style_names(files)), ""):
        raise ModelError(
            f"no model named {text!r}; it is a style of the model {owner}. Name {owner} as the model, and {text} as "
            "the style",
            parameter="model",
        )
    raise ModelError(
        f"no model named {text!r}{did_you_mean(text, models)}. "
        f"Give the path of an .onnx file, or put one into {models_folder()}",
        parameter="model",
    )


def _style_names(files: ModelFiles) -> set[str]:
    """The names of a model's styles, its own and the user's, as far as their files can be read."""
    names: set[str] = set()
    for path in (files.styles, *sorted((styles_folder() / files.network).glob("*.json"))):
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            content = json.loads(path.read_text(encoding="utf-8")) if path else {"styles": []}
            names |= {str(entry["name"]) for entry in content.get("styles", [content])}
    return names


def is_model_path(text: str) -> bool:
    """Whether a style or a model is given as an ONNX file, and not by a name."""
    return text.lower().endswith(".onnx")


def model_of_style(style: str | Path) -> ModelFiles | None:
    """The model that a text names which may be a style or a model, as the command line takes it; None for a style.

    The built-in network's name is no style.

    Raises:
        ModelError: there is no such model file.
    """
    if is_model_path(str(style)) or str(style).lower().endswith(ORT_SUFFIX):
        return find_model(style)
    named = {files.name: files for files in list_models() if files.name != BUILT_IN}
    return named.get(str(style))


def resolve_style_and_model(style: str | None, model: str | Path | None = None) -> tuple[str | None, str | Path | None]:
    """The style and the model for `Stylizer.load`, where a model may have been given as the style.

    A model file or a model's name as the style stands for that model in its own style.

    Raises:
        ModelError: there is no such model file.

    Examples:
        >>> from nst_rt import resolve_style_and_model
        >>> resolve_style_and_model("gogh", "conditional")
        ('gogh', 'conditional')
    """
    own = model_of_style(style) if style is not None else None
    if own is None or (model is not None and find_model(model).path != own.path):
        return style, model
    return None, own.path
