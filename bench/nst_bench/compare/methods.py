"""The methods that are compared: what each is called, how it takes to a style, and what its process is asked to do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nst_rt.contract import ModelRecord
from nst_rt.engine.session import read_model, require_same_network
from nst_rt.errors import InputError, ModelError, NstError, StyleError, did_you_mean
from nst_rt.files.naming import style_tag
from nst_rt.files.paths import is_file
from nst_rt.files.reading import file_sha256
from nst_rt.media.images.image_reader import read_image
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model, is_model_path
from nst_rt.styles.library import Style, is_painting, load_styles, parse_blend, unknown_style

Kind = Literal["network", "tuned", "optimize"]
BUILT_IN_NETWORK = "built-in network"
STYLE_LOSSES = {"gram": "Gram", "statistics": "statistics"}
OPTIMIZERS = {"lbfgs": "L-BFGS", "adam": "Adam"}


@dataclass(frozen=True)
class Method:
    """One way to paint the photograph."""

    key: str
    """Its file's name, and what --without calls it."""
    title: str
    label: str
    """A short title for the sheet, ASCII."""
    kind: Kind
    style: str
    """Where the style comes from, in words."""
    needs: str
    """Packages beside the runtime's."""
    remarks: tuple[str, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    """For `paint.paint`, what all methods share apart."""
    decided_by: Mapping[str, str] = field(default_factory=dict)
    """Hashes of the files that the image depends on, photograph and painting apart."""
    refused: str = ""
    """Why it cannot paint at all; empty if it can."""


@dataclass(frozen=True)
class Wish:
    """Whose style is wanted."""

    name: str | None
    """Of a style of the built-in network (or of `--model`)."""
    painting: Path
    """What all images are held against."""


def find_wish(style: str, painting: Path | None, model: str | Path = BUILT_IN) -> Wish:
    """STYLE as it was typed: a painting's file, or a style's name and the painting behind it.

    Args:
        painting: as given beside a name; a style of the user's own remembers its painting.

    Raises:
        StyleError: no such style, or something that has no painting.
        InputError: a painting that is missing or cannot be read.
    """
    if is_model_path(style):
        raise StyleError(f"{style}: a model, and STYLE is a painting or a style's name. Add it: -c NAME={style}")
    if is_painting(style):
        if painting is not None:
            raise InputError(f"--painting is for a style's name, and {style} is a painting. Leave one of them out")
        return Wish(None, _checked(Path(style)))
    if len(parse_blend(style)) > 1:
        raise StyleError(f"{style}: a blend has no painting to be held against. Give one style or one painting")
    files = find_model(model)
    record = read_model(files.path)
    library = load_styles(files, record.style_size, record.source_sha256) if record.style_size else {}
    if style not in library:
        raise unknown_style(style, library)
    if painting is None:
        own = library[style].painting
        if not (own and is_file(Path(own))):
            raise InputError(
                f"{style} is a style's name, and the losses and the other methods need its painting. Add --painting "
                "FILE, or give the painting in place of the name"
            )
        painting = Path(own)
    return Wish(style, _checked(painting))


def _checked(painting: Path) -> Path:
    read_image(painting)
    return painting


def network_methods(
    wish: Wish, model: str | Path = BUILT_IN, *, tune: float | None, loss_network: Path
) -> list[Method]:
    """The network with style vectors: by the style's name, by its style encoder, and by a tuned vector.

    Args:
        tune: minutes for a tuned vector; without one if None.
    """
    files = find_model(model)
    record = read_model(files.path)
    if not record.style_size:
        raise StyleError(f"{files.path}: one style is baked in. Leave --model out, and add it: -c NAME={files.path}")
    whose = BUILT_IN_NETWORK if model == BUILT_IN else files.name
    methods = []
    if wish.name is not None:
        style = load_styles(files, record.style_size, record.source_sha256)[wish.name]
        methods.append(_named(wish.name, style, files, whose))
    if files.encoder is not None:
        methods.append(_encoded("encoder", f"{whose}, style encoder", "style encoder", files, record, wish))
    if tune is not None:
        methods.append(
            Method(
                key="tuned",
                title=f"{whose}, tuned for {tune:g} min",
                label=f"tuned {tune:g} min",
                kind="tuned",
                style=f"any painting, {tune:g} min ahead",
                needs="PyTorch to tune",
                remarks=("memory includes the tuning's",),
                request={
                    "model": str(files.path),
                    "painting": str(wish.painting),
                    "minutes": tune,
                    "loss_network": str(loss_network),
                },
                decided_by=_hashes(files.path, files.encoder, loss_network),
            )
        )
    return methods


def _named(name: str, style: Style, files: ModelFiles, whose: str) -> Method:
    return Method(
        key="named",
        title=f"{whose}, style {name}",
        label=f"style {name}",
        kind="network",
        style="named" if not style.user_file else "named, the user's own",
        needs="",
        remarks=_training(style, files, whose == BUILT_IN_NETWORK),
        request={"model": str(files.path), "style": name},
        decided_by={**_hashes(files.path), "vector": style.vector.tobytes().hex()},
    )


def _training(style: Style, files: ModelFiles, built_in: bool) -> tuple[str, ...]:
    """How a style's vector came about; of the built-in network's, the file tells the last of several runs."""
    if not style.training:
        return ()
    if style.user_file or not built_in:
        return (style.training,)
    return (f"last training run: {style.training.removeprefix('last run: ')} (history: nst-rt info {files.name})",)


def _encoded(key: str, title: str, label: str, files: ModelFiles, record: ModelRecord, wish: Wish) -> Method:
    encoder = files.encoder
    assert encoder is not None
    require_same_network(record, files.path, read_model(encoder), encoder)
    return Method(
        key=key,
        title=title,
        label=label,
        kind="network",
        style="any painting, at once",
        needs="",
        remarks=(record.family,) if key != "encoder" else (),
        request={"model": str(files.path), "style": str(wish.painting)},
        decided_by=_hashes(files.path, encoder),
    )


def model_method(text: str, wish: Wish, taken: Iterable[str]) -> Method:
    """A model as `-c NAME=MODEL.onnx` gives it; one that is broken or cannot take the style is a refused method.

    Raises:
        InputError: written otherwise, or a name that is taken.
        ModelError: no such file.
    """
    name, equals, model = text.partition("=")
    name = name.strip()
    if not (name and equals and model):
        raise InputError(f"--contender {text}: write NAME=MODEL.onnx")
    key = style_tag(name)
    if key in taken:
        raise InputError(f"--contender {name}: there is a method of that name already. Choose another name")
    files = find_model(model)
    try:
        record = read_model(files.path)
        if record.kind != "stylizer":
            raise ModelError(f"{files.path}: a style encoder, not a stylising model. Give the model beside it")
        if record.style_size:
            return _with_vectors(key, name, files, record, wish)
    except NstError as error:
        return Method(key, name, name, "network", "", "", refused=" ".join(str(error).split()))
    baked = ", ".join(record.styles) or files.name
    return Method(
        key=key,
        title=f"{name} (baked in: {baked})",
        label=f"{name}, baked in",
        kind="network",
        style=f"baked in: {baked}",
        needs="",
        remarks=(record.family, "held against the painting, whatever its own style is"),
        request={"model": str(files.path)},
        decided_by=_hashes(files.path),
    )


def _with_vectors(key: str, name: str, files: ModelFiles, record: ModelRecord, wish: Wish) -> Method:
    if files.encoder is not None:
        return _encoded(key, name, name, files, record, wish)
    library = load_styles(files, record.style_size, record.source_sha256)
    if wish.name is None or wish.name not in library:
        wanted = f" and no style named {wish.name}" if wish.name else ""
        raise StyleError(f"{files.path}: no style encoder beside it{wanted}. Export the model with its encoder")
    style = library[wish.name]
    return Method(
        key=key,
        title=name,
        label=name,
        kind="network",
        style="named",
        needs="",
        remarks=(record.family,),
        request={"model": str(files.path), "style": wish.name},
        decided_by={**_hashes(files.path), "vector": style.vector.tobytes().hex()},
    )


def optimizing_methods(wish: Wish, loss_network: Path, steps: int) -> list[Method]:
    """Optimisation-based transfer with each style loss and each optimiser."""
    return [
        Method(
            key=f"optimize-{loss}-{optimizer}",
            title=f"optimisation: {loss_name}, {optimizer_name}, {steps} steps",
            label=f"{loss_name}, {optimizer_name}",
            kind="optimize",
            style="any painting",
            needs="PyTorch",
            request={
                "painting": str(wish.painting),
                "loss_network": str(loss_network),
                "settings": {"style-loss": loss, "optimizer": optimizer, "steps": steps},
            },
            decided_by=_hashes(loss_network),
        )
        for loss, loss_name in STYLE_LOSSES.items()
        for optimizer, optimizer_name in OPTIMIZERS.items()
    ]


def leave_out(methods: Sequence[Method], without: Iterable[str]) -> list[Method]:
    """The methods that were not excluded by their key, or by its beginning (`optimize`, `optimize-gram`).

    Raises:
        InputError: an exclusion that fits nothing, or nothing is left.
    """
    left = list(methods)
    for name in without:
        fitting = [one for one in methods if one.key == name or one.key.startswith(f"{name}-")]
        if not fitting:
            keys = [one.key for one in methods]
            raise InputError(f"--without {name}: no such method{did_you_mean(name, keys)}. They are {', '.join(keys)}")
        left = [one for one in left if one not in fitting]
    if not left:
        raise InputError("--without leaves no method. Leave out fewer")
    return left


def _hashes(*paths: Path | None) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in paths if path is not None}
