"""Which images a grid has, where each lies on the sheet, and what its file is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from nst_rt.files.naming import style_tag
from nst_rt.jobs.grid.parameters import Sweep, Value
from nst_rt.styles.blends import is_style_image


@dataclass(frozen=True)
class Request:
    """One image to make."""

    content: Path
    style: str
    """A name, a blend, a painting or a model; empty for the model's first."""
    model: str | None
    settings: Mapping[str, Any]
    """Of every parameter that was given, by its name in `parameters.PARAMETERS`."""


@dataclass(frozen=True)
class Cell:
    """An image's place on the sheet."""

    request: Request
    row: int
    column: int
    label: str
    file: str
    """Its name in the folder of single images."""


@dataclass(frozen=True)
class Plan:
    """A whole grid."""

    cells: tuple[Cell, ...]
    """Row by row."""
    rows: int
    columns: int
    contents: tuple[Path, ...]
    """The photograph of each row."""
    sides: tuple[str, ...]
    """What is the same along each row: the photograph's name, a model, a swept value ..."""
    heads: tuple[str, ...]
    """The style of each column; empty where a column is something else."""


@dataclass(frozen=True)
class _Point:
    """One value of one axis."""

    label: str
    tag: str
    change: Mapping[str, Any]
    """What it sets of a request."""


@dataclass(frozen=True)
class _Axis:
    points: tuple[_Point, ...]
    kind: Literal["content", "style", "model", "sweep"]


def plan_grid(
    contents: Sequence[Path],
    styles: Sequence[str],
    models: Sequence[str | None],
    sweeps: Sequence[Sweep],
    settings: Mapping[str, Any],
) -> Plan:
    """Every content in every style by every model with every value of every sweep.

    The columns are the last sweep; without sweeps the styles, or the models where there is one style. The rows are all
    the rest, the contents outermost.

    Args:
        contents, styles, models: one or more each.
        settings: the same for all images.
    """
    axes = [
        _Axis(tuple(_Point(path.stem, path.stem, {"content": path}) for path in contents), "content"),
        _Axis(tuple(_Point(_label(style), _tag(style), {"style": style}) for style in styles), "style"),
        _Axis(tuple(_Point(_model_tag(model), _model_tag(model), {"model": model}) for model in models), "model"),
        *(_Axis(tuple(_swept(sweep.name, value) for value in sweep.values), "sweep") for sweep in sweeps),
    ]
    by_style = len(styles) > 1 or len(models) == 1
    across = axes[-1] if sweeps else axes[1 if by_style else 2]
    axes = [*(axis for axis in axes if axis is not across), across]
    cells, rows, sides, taken = [], list[Path](), list[str](), set[str]()
    for number, points in enumerate(product(*(axis.points for axis in axes))):
        row, column = divmod(number, len(across.points))
        chosen = list(zip(axes, points, strict=True))
        fields: dict[str, Any] = {}
        swept = dict(settings)
        for axis, point in chosen:
            (swept if axis.kind == "sweep" else fields).update(point.change)
        named = [
            point.tag
            for kind in ("content", "style", "model", "sweep")
            for axis, point in chosen
            if axis.kind == kind and point.tag and (kind != "model" or len(axis.points) > 1)
        ]
        file = _unique(".".join(named), taken)
        cells.append(Cell(Request(settings=swept, **fields), row, column, points[-1].label, file))
        if column == 0:
            rows.append(fields["content"])
            sides.append(_side(chosen[:-1]))
    heads = tuple(styles) if across.kind == "style" else ("",) * len(across.points)
    return Plan(tuple(cells), len(rows), len(across.points), tuple(rows), tuple(sides), heads)


def _side(chosen: Sequence[tuple[_Axis, _Point]]) -> str:
    """A row's label: what varies from row to row, or the photograph; and a named style, which no painting shows."""
    varied = [point.label for axis, point in chosen if point.label and len(axis.points) > 1]
    named = [
        point.label
        for axis, point in chosen
        if axis.kind == "style" and point.label not in ("", *varied) and not is_style_image(point.change["style"])
    ]
    return ", ".join([*(varied or [point.label for axis, point in chosen if axis.kind == "content"]), *named])


def _swept(name: str, value: Value) -> _Point:
    return _Point(f"{name} {value.text}", _tag(f"{name}-{value.text}"), {name: value.value})


def _label(style: str) -> str:
    return _tag(style) if "/" in style or is_style_image(style) else style


def _tag(style: str) -> str:
    return style_tag(style) if style else ""


def _model_tag(model: str | None) -> str:
    return _tag((model or "").removesuffix(".onnx"))


def _unique(stem: str, taken: set[str]) -> str:
    stem = stem[:180]
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.casefold())
    return f"{name}.png"
