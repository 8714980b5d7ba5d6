"""The `nst-rt` command: one module per subcommand, heavy imports only inside the functions that need them."""

import os
import sys
from importlib.metadata import entry_points
from typing import Annotated

import typer

from nst_rt import __version__
from nst_rt.cli import demo, doctor, image, info, styles, video, webcam
from nst_rt.errors import NstError

app = typer.Typer(
    name="nst-rt",
    help="Neural style transfer, fast: pictures, films and live cameras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (image, video, webcam, demo, styles, info, doctor):
    module.register(app)


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
    """Run the command line; every error of ours is one line on stderr and exit code 2."""
    debug = "--debug" in sys.argv or bool(os.environ.get("NST_RT_DEBUG"))
    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument != "--debug"]
    for command in entry_points(group="nst_rt.commands"):
        app.add_typer(command.load(), name=command.name)
    try:
        app(prog_name="nst-rt")
    except NstError as error:
        if debug:
            raise
        sys.exit(fail(str(error)))
    except BrokenPipeError:
        # The reader of our stdout went away; point stdout at nothing so that the interpreter's last flush is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:  # a traceback is for those who ask for it
        if debug:
            raise
        sys.exit(fail(f"internal error, {type(error).__name__}: {error}. Run again with --debug and report it", 70))


def fail(message: str, code: int = 2) -> int:
    """Print one error line to stderr; returns the exit code to end with."""
    print(f"nst-rt: error: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    return code
