"""Writes the text format of protocol buffers, the format of Triton's config.pbtxt."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


class Symbol(str):
    """The name of an enumeration's value, which is written without quotes."""


def to_text(message: Mapping[str, Any], indent: str = "") -> str:
    """A message as text.

    Args:
        message: fields by name. A value is a str (ASCII), int, float, bool, `Symbol` or message, or for a repeated
        field
            a list of these.
    """
    lines = []
    for name, value in message.items():
        numbers = isinstance(value, Sequence) and all(isinstance(entry, int) for entry in value)
        if numbers and not isinstance(value, str):
            lines.append(f"{indent}{name}: {list(value)}\n")
            continue
        for entry in value if isinstance(value, list | tuple) else [value]:
            if isinstance(entry, Mapping):
                lines.append(f"{indent}{name} {{\n{to_text(entry, indent + '  ')}{indent}}}\n")
            else:
                lines.append(f"{indent}{name}: {_scalar(entry)}\n")
    return "".join(lines)


def entries(mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A map field: one message with `key` and `value` for each entry."""
    return [{"key": key, "value": value} for key, value in mapping.items()]


def _scalar(value: str | float | bool) -> str:
    return str(value) if isinstance(value, Symbol) else json.dumps(value)
