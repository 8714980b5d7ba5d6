"""Write the reference of all commands, read off the command line's own parsers.

python scripts/write_command_reference.py docs/reference/commands.md
"""

import argparse
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from nst_rt.cli import app

HEAD = """# Commands

Every command and every option, as `nst-rt COMMAND --help` shows them. This page is made from the program.
"""


def pages(command: Any, name: str, level: int) -> Iterator[str]:
    """The section of a command, then those of the commands below it."""
    yield f"{'#' * level} `{name}`\n"
    if text := inspect.cleandoc(command.help or ""):
        yield f"{_escaped(text)}\n"
    context = command.make_context(name, [], resilient_parsing=True)
    names = command.list_commands(context) if hasattr(command, "list_commands") else []
    children = {child: command.get_command(context, child) for child in names}
    if not children:
        yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    parameters = [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    if parameters:
        yield "| option | default | |\n|---|---|---|\n" + "".join(_row(one, context) for one in parameters)
    for child, below in children.items():
        if not below.hidden:
            yield from pages(below, f"{name} {child}", min(level + 1, 4))


def _row(parameter: Any, context: Any) -> str:
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.make_metavar(context)}`"
    else:
        value = "" if parameter.is_flag else f" {parameter.metavar or parameter.type.name.upper()}"
        names = ", ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    shown = "" if default is None or isinstance(default, bool) or callable(default) or default == () else f"`{default}`"
    return f"| {names.replace('|', chr(92) + '|')} | {shown} | {_escaped(parameter.help or '')} |\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    output: Path = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([HEAD, *pages(typer.main.get_command(app), "nst-rt", 2)])
    if not output.is_file() or output.read_text(encoding="utf-8") != text:
        output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
