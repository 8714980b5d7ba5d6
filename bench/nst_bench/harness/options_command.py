"""A command whose options are the fields of one dataclass: declared once, for the command line and for Python."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

Options = TypeVar("Options")
More = ParamSpec("More")


def options_from(
    options: type[Options],
) -> Callable[[Callable[Concatenate[Options, More], None]], Callable[..., None]]:
    """Make a function for typer of one that takes an options dataclass first, then parameters of its own.

    Args:
        options: a dataclass whose fields are `Annotated` with `typer.Option` or `typer.Argument`.

    Examples:
        ::

            @app.command()
            @options_from(ImageOptions)
            def image(options: ImageOptions, as_json: JsonOption = False) -> None: ...
    """
    hints = get_type_hints(options, include_extras=True)
    declared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=_default(field), annotation=hints[field.name]
        )
        for field in fields(options)  # type: ignore[arg-type]
    ]

    def decorate(run: Callable[Concatenate[Options, More], None]) -> Callable[..., None]:
        def command(**given: Any) -> None:
            values = {parameter.name: given.pop(parameter.name) for parameter in declared}
            run(options(**values), **given)  # type: ignore[call-arg]

        own = list(inspect.signature(run, eval_str=True).parameters.values())[1:]
        parameters = [*declared, *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own)]
        command.__name__, command.__doc__, command.__module__ = run.__name__, run.__doc__, run.__module__
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": None}
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def _default(field: "Field[Any]") -> Any:
    if field.default is not MISSING:
        return field.default
    return inspect.Parameter.empty if field.default_factory is MISSING else field.default_factory()
