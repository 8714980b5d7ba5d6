"""Gives a command the fields of an options dataclass as its options: each is declared once, with its type and default."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import wraps
from typing import Annotated, Any, get_type_hints

from typer.models import OptionInfo

Command = Callable[..., None]


def option_fields(
    kind: type[Any], options: Mapping[str, OptionInfo], names: Sequence[str]
) -> Callable[[Command], Command]:
    """Give a command options for fields of a dataclass, in the place of its parameter `options`.

    Args:
        kind: the dataclass; its fields have the types and the defaults.
        options: flags and help by field.
        names: of the fields that the command has; the others keep their defaults.

    Example:
        >>> @option_fields(ExportOptions, OPTIONS, ["precision", "overwrite"])
        ... def command(checkpoint: Path, options: ExportOptions) -> None:
        ...     print(options)
    """
    types, defaults = get_type_hints(kind), {one.name: one.default for one in fields(kind)}
    expanded = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[name],
            annotation=Annotated[types[name], options[name]],
        )
        for name in names
    ]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_options(**given: Any) -> None:
            values = {name: given.pop(name) for name in names}
            command(**given, options=kind(**values))

        parameters: list[inspect.Parameter] = []
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
            parameters += expanded if name == "options" else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        # typer reads both.
        with_options.__dict__["__signature__"] = inspect.Signature(parameters)
        with_options.__annotations__ = {one.name: one.annotation for one in parameters}
        return with_options

    return decorate
