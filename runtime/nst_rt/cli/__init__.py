"""The `nst-rt` command: one module per subcommand, imported when it is asked for.

Heavy imports stand only inside the functions that need them.
"""

import atexit
import errno
import gc
import logging
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from nst_rt.cli.hints import with_hint
from nst_rt.cli.messages import fail, logged_lines, say
from nst_rt.engine.ort import silence_onnxruntime
from nst_rt.errors import INTERRUPTED, NstError
from nst_rt.jobs.extras import COMMANDS
from nst_rt.version import __version__

OWN = {
    "image": "image",
    "video": "video",
    "webcam": "webcam",
    "pipe": "pipe",
    "share": "share",
    "demo": "demo",
    "grid": "grid",
    "styles": "styles",
    "add-style": "add_style",
    "remove-style": "add_style",
    "info": "info",
    "doctor": "doctor",
}
"""The runtime's commands in the order of the help, and the module of each."""


class _CommandsOnDemand(typer.core.TyperGroup):
    """Loads the one command that is asked for; all of them for the help and for a name that no command has.

    With all of them loaded, parsers built, `nst-rt image` takes 67 ms more of a CPU, beside 480.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands, the runtime's first."""
        for name in (*OWN, *COMMANDS):
            self._load(name, debug=bool(ctx.obj))
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name, None if there is none."""
        if cmd_name not in (*OWN, *COMMANDS):
            self.list_commands(ctx)  # the error suggests the nearest of `commands`
        self._load(cmd_name, debug=bool(ctx.obj))
        return self.commands.get(cmd_name)

    def _load(self, name: str, *, debug: bool) -> None:
        if name in self.commands:
            return
        one = typer.Typer()
        if name in OWN:
            import_module(f"nst_rt.cli.{OWN[name]}").register(one)
        elif name in COMMANDS and COMMANDS[name].installed:
            _register_other(name, one, debug=debug)
        if one.registered_commands or one.registered_groups:
            self.commands.update(typer.main.get_group(one).commands)


def _register_other(name: str, app: typer.Typer, *, debug: bool) -> None:
    """Add the command of another package, or say why it cannot be loaded: the other commands still work."""
    try:
        loaded = COMMANDS[name].load()
    except Exception as error:
        if debug:
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        say(f"nst-rt: the command {name} cannot be loaded ({reason}). Reinstall the package it comes from")
        return
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=name)
    else:  # a function: a command that has no commands below it takes options after its arguments
        app.command(name)(loaded)


app = typer.Typer(
    name="nst-rt",
    cls=_CommandsOnDemand,
    help="Neural style transfer, fast: images, videos and live cameras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nst-rt {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show Python tracebacks; works anywhere on the line.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit.

    An error of nst-rt, a mistyped line and a full stdout are one line on stderr and exit code 2; a fault of the program
    is one line and 70, Ctrl-C is 130. Where the reader of stdout is gone, the exit code is 1 and nothing is said.
    """
    debug = "--debug" in sys.argv or bool(os.environ.get("NST_RT_DEBUG"))
    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument != "--debug"]
    # Python ends with a search for garbage among all objects: 44 of the 524 ms that `nst-rt image` takes of a CPU.
    atexit.register(gc.freeze)
    if not debug:
        silence_onnxruntime()
    with logged_lines(logging.INFO if debug else logging.WARNING):
        sys.exit(_run(debug))


def _run(debug: bool) -> int:
    try:
        code = app(prog_name="nst-rt", standalone_mode=False, obj=debug)
        print(end="", flush=True)  # noqa: T201 - to see now that stdout took it all; there may be none
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception as error:
        if hasattr(error, "format_message"):  # of typer, or of click in its older releases: the line cannot be read
            return _usage_error(error)
        if debug:  # a traceback is for those who ask for it
            raise
        if isinstance(error, NstError):
            return fail(with_hint(error), error.exit_code, below=error.below)
        if isinstance(error, OSError) and error.errno in _FULL:
            where = error.filename or "a file, or what stdout goes to,"
            return fail(f"{where} cannot be written ({error.strerror}). Free some space or write elsewhere")
        return fail(f"internal error, {type(error).__name__}: {error}. Run again with --debug and report it", 70)


def _usage_error(error: Any) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # a bare `nst-rt`: the help, unless rich has printed it already
        if help_text := error.format_message().strip():
            say(help_text)
        return 2
    path = context.command_path if context is not None else "nst-rt"
    said = error.format_message().rstrip(".")
    return fail(f"{said if said.endswith('?') else f'{said}.'} Try '{path} --help'")
