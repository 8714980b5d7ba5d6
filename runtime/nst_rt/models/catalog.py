"""Model files by name or path: those in this folder, and those in the user's data folder."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nst_rt.errors import ModelError, StyleError, did_you_mean
from nst_rt.files.folders import models_folder
from nst_rt.files.paths import is_file

BUNDLED = Path(__file__).parent
BUILT_IN = "conditional"
"""The network that comes with nst-rt and that named styles belong to."""

ORT_SUFFIX = ".ort"
"""Of ONNX Runtime's own format, which `nst-rt export ort` writes and nobody here reads."""

_FP16, _INT8, _ENCODER = ".fp16.onnx", ".int8.onnx", ".encoder.onnx"


@dataclass(frozen=True)
class ModelFiles:
    """One model's files, which lie side by side: NAME.onnx, and where there are any NAME.fp16.onnx (for GPUs),
    NAME.int8.onnx (for processors), NAME.encoder.onnx (paintings to style vectors) and NAME.styles.json (named
    vectors)."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name without `.onnx`."""
        return self.path.name.removesuffix(".onnx")

    @property
    def network(self) -> str:
        """What the names of all its files begin with: NAME.int8.onnx, opened by its own name, still belongs to NAME."""
        return self.name.removesuffix(".fp16").removesuffix(".int8")

    @property
    def variants(self) -> list[Path]:
        """The model's files in every precision, the given one first."""
        beside = (self._beside(suffix) for suffix in (".onnx", _FP16, _INT8))
        return [self.path, *(path for path in beside if path and path != self.path)]

    @property
    def fp32(self) -> Path | None:
        """NAME.onnx itself, whichever file was given."""
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
    """Every model that can be named: the bundled ones, then the user's; a user's file hides none of ours."""
    found: dict[str, ModelFiles] = {}
    for folder in (BUNDLED, models_folder()):
        for path in sorted(folder.glob("*.onnx")) if folder.is_dir() else []:
            if not path.name.endswith((_FP16, _INT8, _ENCODER)):
                found.setdefault(path.name, ModelFiles(path))
    return list(found.values())


def find_model(name_or_path: str | Path) -> ModelFiles:
    """A model by its name or by the path of its .onnx file.

    Raises:
        ModelError: there is neither; the message suggests the nearest name.
    """
    text = str(name_or_path)
    if is_model_path(text):
        path = Path(text)
        if not is_file(path):
            raise ModelError(f"{path}: no such model file")
        return ModelFiles(path)
    models = {model.name: model for model in list_models()}
    if text in models:
        return models[text]
    if text.lower().endswith(ORT_SUFFIX):
        raise ModelError(
            f"{text}: ONNX Runtime's own format, which is for its reduced builds in other programs, and nst-rt runs "
            f".onnx. Give the {text[: -len(ORT_SUFFIX)]}.onnx that it was made from"
        )
    if owner := _model_with_style(text, models.values()):
        raise ModelError(
            f"no model named {text!r}; it is a style of the model {owner}. Name {owner}, or give --style {text} to a "
            "command that has it"
        )
    raise ModelError(
        f"no model named {text!r}{did_you_mean(text, models)}. "
        f"Give the path of an .onnx file, or put one into {models_folder()}"
    )


def _model_with_style(name: str, models: Iterable[ModelFiles]) -> str:
    """The name of the first model that has a style of this name; empty if none has."""
    from nst_rt.styles.library import load_styles  # which reads models

    for files in models:
        with suppress(StyleError):
            if name in load_styles(files):
                return files.name
    return ""


def is_model_path(text: str) -> bool:
    """Whether a style or model argument is meant as an ONNX file rather than as a name."""
    return text.lower().endswith(".onnx")
