"""The `nst-rt` command: one module per subcommand, heavy imports only inside the functions that need them."""

import errno
import logging
import os
import sys
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer

from nst_rt import __version__
from nst_rt.cli import add_style, demo, doctor, grid, image, info, pipe, styles, video, webcam
from nst_rt.cli.messages import fail, logged_lines, say
from nst_rt.errors import NstError

app = typer.Typer(
    name="nst-rt",
    help="Neural style transfer, fast: pictures, films and live cameras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (image, video, webcam, pipe, demo, grid, styles, add_style, info, doctor):
    module.register(app)


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

    An error of ours, a mistyped line and a stdout that takes no more are one line on stderr and exit code 2; a fault
    of the program is one line and 70, Ctrl-C is 130. A reader of our stdout that went away ends us quietly, with 1.
    """
    debug = "--debug" in sys.argv or bool(os.environ.get("NST_RT_DEBUG"))
    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument != "--debug"]
    with logged_lines(logging.INFO if debug else logging.WARNING):
        sys.exit(_run(debug))


def _run(debug: bool) -> int:
    try:
        _add_commands_of_other_packages(debug)
        code = app(prog_name="nst-rt", standalone_mode=False)
        print(end="", flush=True)  # noqa: T201 - to see now that stdout took it all; there may be none
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        if hasattr(error, "format_message"):  # of typer, or of click in its older releases: the line cannot be read
            return _usage_error(error)
        if debug:  # a traceback is for those who ask for it
            raise
        if isinstance(error, NstError):
            return fail(str(error), error.exit_code, below=error.below)
        if isinstance(error, OSError) and error.errno in _FULL:
            where = error.filename or "a file, or what stdout goes to,"
            return fail(f"{where} cannot be written ({error.strerror}). Free some space or write elsewhere")
        return fail(f"internal error, {type(error).__name__}: {error}. Run again with --debug and report it", 70)


def _add_commands_of_other_packages(debug: bool) -> None:
    for command in entry_points(group="nst_rt.commands"):
        try:
            loaded = command.load()
            if isinstance(loaded, typer.Typer):
                app.add_typer(loaded, name=command.name)
            else:  # a function: a command that has no commands below it takes options after its arguments
                app.command(command.name)(loaded)
        except Exception as error:  # a broken package must not take the other commands along
            if debug:
                raise
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            say(f"nst-rt: the command {command.name} cannot be loaded ({reason}). Reinstall the package it comes from")


def _usage_error(error: Any) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # a bare `nst-rt`: the help, unless rich has printed it already
        if help_text := error.format_message().strip():
            say(help_text)
        return 2
    path = context.command_path if context is not None else "nst-rt"
    return fail(f"{error.format_message().rstrip('.')}. Try '{path} --help'")
