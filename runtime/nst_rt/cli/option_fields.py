"""Gives a command the fields of an options dataclass as options: types and defaults are declared once, there."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import Annotated, Any, get_type_hints

from typer.models import OptionInfo

Command = Callable[..., None]


@dataclass(frozen=True)
class Given:
    """A field that the command line gives in another form."""

    type: Any
    default: Any
    convert: Callable[[Any], Any]
    """Makes the field's value of it."""


def option_fields(
    kind: type[Any],
    options: Mapping[str, OptionInfo],
    names: Sequence[str],
    *,
    given: Mapping[str, Given] | None = None,
) -> Callable[[Command], Command]:
    """Give a command options for fields of a dataclass, in the place of its parameter `options`.

    Args:
        kind: the dataclass; its fields have the types and the defaults.
        options: flags and help by field.
        names: of the fields that the command has; the others keep their defaults.
        given: fields whose options have another type or default.

    Example:
        >>> @option_fields(ExportOptions, OPTIONS, ["precision", "overwrite"])
        ... def command(checkpoint: Path, options: ExportOptions) -> None:
        ...     print(options)
    """
    types, others = get_type_hints(kind), given or {}
    forms = {
        one.name: others.get(one.name, Given(types[one.name], one.default, lambda value: value)) for one in fields(kind)
    }
    expanded = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=forms[name].default,
            annotation=Annotated[forms[name].type, options[name]],
        )
        for name in names
    ]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_options(**values: Any) -> None:
            taken = {name: forms[name].convert(values.pop(name)) for name in names}
            command(**values, options=kind(**taken))

        parameters: list[inspect.Parameter] = []
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
            parameters += expanded if name == "options" else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        # typer reads both.
        with_options.__dict__["__signature__"] = inspect.Signature(parameters)
        with_options.__annotations__ = {one.name: one.annotation for one in parameters}
        return with_options

    return decorate
