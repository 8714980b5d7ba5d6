"""The methods that are compared: their names, how each gets a style, and the request to its process."""

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
from nst_rt.styles.blends import is_style_image, parse_blend
from nst_rt.styles.library import load_styles, unknown_style
from nst_rt.styles.styles_file import Style

from nst_bench.compare.compare_options import CompareOptions

Kind = Literal["network", "tuned", "optimize"]
BUILT_IN_NETWORK = "built-in network"
STYLE_LOSSES = {"gram": "Gram", "statistics": "statistics"}
OPTIMIZERS = {"lbfgs": "L-BFGS", "adam": "Adam"}


@dataclass(frozen=True)
class Method:
    """One way to paint the photograph."""

    key: str
    """The name of its file, and its name in `without`."""
    title: str
    label: str
    """A short title for the sheet, ASCII."""
    style: str
    """Where the style comes from, in words."""
    kind: Kind = "network"
    needs: str = ""
    """Packages that the runtime does not need."""
    remarks: tuple[str, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    """For `paint.paint`, without what all methods have in common."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Of the files that decide the image, except photograph and painting."""
    refused: str = ""
    """Why it cannot paint; empty if it can."""


@dataclass(frozen=True)
class StyleChoice:
    """The style that all methods paint in."""

    name: str | None
    """Of a named style of the model; None for a painting."""
    painting: Path
    """What all images are compared to."""


def choose_style(style: str, painting: Path | None, model: str | Path = BUILT_IN) -> StyleChoice:
    """A painting's file, or a style's name and the painting behind it.

    Args:
        painting: behind a named style; for a user style the one that it was made from, if it is None.

    Raises:
        StyleError: no such style, or one that has no painting.
        InputError: the painting is missing or cannot be read.
    """
    if is_model_path(style):
        raise StyleError(
            f"{style}: a model. Give a painting or a style's name, and the model as a contender: NAME={style}",
            parameter="style",
        )
    if is_style_image(style):
        if painting is not None:
            raise InputError(
                f"a painting is given for a style's name, and {style} is a painting itself. Leave one of them out",
                parameter="painting",
            )
        return StyleChoice(None, _checked(Path(style)))
    if len(parse_blend(style)) > 1:
        raise StyleError(
            f"{style}: a blend has no painting to compare to. Give one style or one painting", parameter="style"
        )
    files = find_model(model)
    record = read_model(files.path)
    library = load_styles(files, record.style_size, record.source_sha256) if record.style_size else {}
    if style not in library:
        raise unknown_style(style, library)
    if painting is None:
        own = library[style].painting
        if not (own and is_file(Path(own))):
            raise InputError(
                f"{style} is a style's name, and the losses and the other methods need its painting. Give the painting "
                "too, or give it in place of the name",
                parameter="painting",
            )
        painting = Path(own)
    return StyleChoice(style, _checked(painting))


def _checked(painting: Path) -> Path:
    read_image(painting)
    return painting


def choose_methods(options: CompareOptions, style: StyleChoice, loss_network: Path) -> list[Method]:
    """The methods that the options ask for, in the order of the report.

    Raises:
        NstError: a contender is missing or has a name that is taken, or no method is left.
    """
    tune = options.minutes if options.tune else None
    networks = network_methods(style, options.model, tune=tune, loss_network=loss_network)
    optimizing = optimizing_methods(style, loss_network, options.steps)
    for text in options.contenders:
        networks.append(contender_method(text, style, [one.key for one in (*networks, *optimizing)]))
    return leave_out([*networks, *optimizing], options.without)


def network_methods(
    style: StyleChoice, model: str | Path = BUILT_IN, *, tune: float | None, loss_network: Path
) -> list[Method]:
    """The network with style vectors: by the style's name, by its style encoder, and with a tuned vector.

    Args:
        tune: minutes for a tuned vector; without one if None.
    """
    files = find_model(model)
    record = read_model(files.path)
    if not record.style_size:
        raise StyleError(
            f"{files.path}: one style is baked in. Give it as a contender: NAME={files.path}", parameter="model"
        )
    whose = BUILT_IN_NETWORK if model == BUILT_IN else files.name
    methods = []
    if style.name is not None:
        named = load_styles(files, record.style_size, record.source_sha256)[style.name]
        methods.append(_named(style.name, named, files, whose))
    if files.encoder is not None:
        methods.append(_encoded("encoder", f"{whose}, style encoder", "style encoder", files, record, style))
    if tune is not None:
        methods.append(
            Method(
                key="tuned",
                title=f"{whose}, tuned for {tune:g} min",
                label=f"tuned {tune:g} min",
                kind="tuned",
                style=f"any painting, {tune:g} min before",
                needs="PyTorch to tune",
                remarks=("memory includes the tuning's",),
                request={
                    "model": str(files.path),
                    "painting": str(style.painting),
                    "minutes": tune,
                    "loss_network": str(loss_network),
                },
                hashes=_hashes(files.path, files.encoder, loss_network),
            )
        )
    return methods


def _named(name: str, style: Style, files: ModelFiles, whose: str) -> Method:
    return Method(
        key="named",
        title=f"{whose}, style {name}",
        label=f"style {name}",
        style="named" if not style.user_file else "named, a user style",
        remarks=_training(style, files, whose == BUILT_IN_NETWORK),
        request={"model": str(files.path), "style": name},
        hashes={**_hashes(files.path), "vector": style.vector.tobytes().hex()},
    )


def _training(style: Style, files: ModelFiles, built_in: bool) -> tuple[str, ...]:
    """How a style's vector was trained; the files of the built-in network name the last of several runs."""
    if not style.training:
        return ()
    if style.user_file or not built_in:
        return (style.training,)
    return (f"last training run: {style.training.removeprefix('last run: ')} (history: nst-rt info {files.name})",)


def _encoded(key: str, title: str, label: str, files: ModelFiles, record: ModelRecord, style: StyleChoice) -> Method:
    encoder = files.encoder
    assert encoder is not None
    require_same_network(record, files.path, read_model(encoder), encoder)
    return Method(
        key=key,
        title=title,
        label=label,
        style="any painting, at once",
        remarks=(record.family,) if key != "encoder" else (),
        request={"model": str(files.path), "style": str(style.painting)},
        hashes=_hashes(files.path, encoder),
    )


def contender_method(text: str, style: StyleChoice, taken: Iterable[str]) -> Method:
    """A model given as NAME=MODEL.onnx; a broken one, or one that cannot take the style, is a refused method.

    Raises:
        InputError: the text has another form, or the name is taken.
        ModelError: no such file.
    """
    name, equals, model = text.partition("=")
    name = name.strip()
    if not (name and equals and model):
        raise InputError(f"{text}: write NAME=MODEL.onnx", parameter="contenders")
    key = style_tag(name)
    if key in taken:
        raise InputError(f"{name}: there is a method of that name already. Choose another name", parameter="contenders")
    files = find_model(model)
    try:
        record = read_model(files.path)
        if record.kind != "stylizer":
            raise ModelError(f"{files.path}: a style encoder, not a stylising model. Give the model beside it")
        if record.style_size:
            return _with_vectors(key, name, files, record, style)
    except NstError as error:
        return Method(key, name, name, "", refused=" ".join(str(error).split()))
    baked = ", ".join(record.styles) or files.name
    return Method(
        key=key,
        title=f"{name} (baked in: {baked})",
        label=f"{name}, baked in",
        style=f"baked in: {baked}",
        remarks=(record.family, "compared to the painting, although its own style may be another"),
        request={"model": str(files.path)},
        hashes=_hashes(files.path),
    )


def _with_vectors(key: str, name: str, files: ModelFiles, record: ModelRecord, choice: StyleChoice) -> Method:
    if files.encoder is not None:
        return _encoded(key, name, name, files, record, choice)
    library = load_styles(files, record.style_size, record.source_sha256)
    if choice.name is None or choice.name not in library:
        wanted = f" and no style named {choice.name}" if choice.name else ""
        raise StyleError(f"{files.path}: no style encoder beside it{wanted}. Export the model with its encoder")
    style = library[choice.name]
    return Method(
        key=key,
        title=name,
        label=name,
        style="named",
        remarks=(record.family,),
        request={"model": str(files.path), "style": choice.name},
        hashes={**_hashes(files.path), "vector": style.vector.tobytes().hex()},
    )


def optimizing_methods(style: StyleChoice, loss_network: Path, steps: int) -> list[Method]:
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
                "painting": str(style.painting),
                "loss_network": str(loss_network),
                "settings": {"style-loss": loss, "optimizer": optimizer, "steps": steps},
            },
            hashes=_hashes(loss_network),
        )
        for loss, loss_name in STYLE_LOSSES.items()
        for optimizer, optimizer_name in OPTIMIZERS.items()
    ]


def leave_out(methods: Sequence[Method], without: Iterable[str]) -> list[Method]:
    """The methods without those named by their key, or by its beginning (`optimize`, `optimize-gram`).

    Raises:
        InputError: a name fits no method, or no method is left.
    """
    left = list(methods)
    for name in without:
        fitting = [one for one in methods if one.key == name or one.key.startswith(f"{name}-")]
        if not fitting:
            keys = [one.key for one in methods]
            raise InputError(
                f"{name}: no such method{did_you_mean(name, keys)}. They are {', '.join(keys)}", parameter="without"
            )
        left = [one for one in left if one not in fitting]
    if not left:
        raise InputError("no method is left. Leave out fewer", parameter="without")
    return left


def _hashes(*paths: Path | None) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in paths if path is not None}
