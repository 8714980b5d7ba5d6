"""Gives a command the fields of an options dataclass as options: types and defaults are declared once, there."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer
from typer.models import OptionInfo, ParameterInfo

Command = Callable[..., None]


@dataclass(frozen=True)
class Given:
    """A field that the command line gives in another form."""

    type: Any
    default: Any
    convert: Callable[[Any], Any]
    """Makes the field's value of it."""


def option(flags: str, help: str = "", *, panel: str | None = None, **more: Any) -> OptionInfo:
    """The option of a field, or of a command's parameter.

    Args:
        flags: separated by spaces.
        panel: of the help.
        more: as of `typer.Option`: `min`, `max`, `metavar`, `show_default`.
    """
    made: OptionInfo = typer.Option(*flags.split(), help=help, rich_help_panel=panel, **more)
    return made


def option_fields(
    kind: type[Any],
    options: Mapping[str, OptionInfo] | None = None,
    names: Sequence[str] | None = None,
    *,
    given: Mapping[str, Given] | None = None,
    parameter: str = "options",
    make: Callable[..., Any] | None = None,
) -> Callable[[Command], Command]:
    """Give a command options for fields of a dataclass, in the place of one of its parameters.

    Args:
        kind: the dataclass; its fields have the types and the defaults.
        options: flags and help by field. Left out: what the fields are annotated with.
        names: of the fields that the command has; the others keep their defaults. Left out: all that have an option.
        given: fields whose options have another type or default.
        parameter: the command's parameter that takes the values.
        make: makes that parameter's value of the fields' values, given by name; the dataclass if left out.

    Examples:
        >>> @option_fields(ExportOptions, OPTIONS, ["precision", "overwrite"])
        ... def command(checkpoint: Path, options: ExportOptions) -> None:
        ...     print(options)
    """
    types, others = get_type_hints(kind), given or {}
    declared: Mapping[str, ParameterInfo] = _annotated(kind) if options is None else options
    chosen = [one.name for one in fields(kind) if one.name in declared] if names is None else names
    forms = {
        one.name: others.get(one.name, Given(types[one.name], _default(one), lambda value: value))
        for one in fields(kind)
    }
    expanded = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=forms[name].default,
            annotation=Annotated[forms[name].type, declared[name]],
        )
        for name in chosen
    ]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_options(**values: Any) -> None:
            taken = {name: forms[name].convert(values.pop(name)) for name in chosen}
            command(**values, **{parameter: (make or kind)(**taken)})

        parameters: list[inspect.Parameter] = []
        for name, one in inspect.signature(command, eval_str=True).parameters.items():
            parameters += expanded if name == parameter else [one.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        # typer reads both.
        with_options.__dict__["__signature__"] = inspect.Signature(parameters)
        with_options.__annotations__ = {one.name: one.annotation for one in parameters}
        return with_options

    return decorate


def _annotated(kind: type[Any]) -> dict[str, ParameterInfo]:
    """The options and arguments that fields are annotated with, by the fields' names."""
    found: dict[str, ParameterInfo] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        for one in getattr(hint, "__metadata__", ()):
            if isinstance(one, ParameterInfo):
                found[name] = one
    return found


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return inspect.Parameter.empty if field.default_factory is MISSING else field.default_factory()
