"""The options that commands have in common, and what the command line adds to the library's errors."""

import inspect
from dataclasses import fields

import pytest
import typer
from nst_rt.cli.hints import with_hint
from nst_rt.cli.options import OPTIONS, RUNNING, stylizer_options
from nst_rt.errors import DependencyError, NstError, OutputError, StyleError, install_line
from nst_rt.jobs.stylizer_options import StylizerOptions
from typer.testing import CliRunner


def test_every_field_has_an_option() -> None:
    assert list(OPTIONS) == [field.name for field in fields(StylizerOptions)]


@pytest.fixture
def given() -> list[StylizerOptions]:
    return []


@pytest.fixture
def app(given: list[StylizerOptions]) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @stylizer_options("style", "strength", *RUNNING)
    def command(first: str, options: StylizerOptions, last: int = 3) -> None:
        """What the help says."""
        given.append(options)
        typer.echo(f"{first} {last}")

    return app


def test_a_command_gets_the_options_that_it_names(app: typer.Typer, given: list[StylizerOptions]) -> None:
    line = ["photo", "-s", "gogh", "--strength", "0.5", "--threads", "2", "--last", "4"]
    done = CliRunner().invoke(app, line)
    assert (done.exit_code, done.stdout) == (0, "photo 4\n")
    assert given == [StylizerOptions(style="gogh", strength=0.5, threads=2)]
    assert CliRunner().invoke(app, ["photo", "--mask", "mask.png"]).exit_code == 2
    assert "What the help says." in CliRunner().invoke(app, ["--help"]).stdout


def test_what_is_left_out_has_the_librarys_default(app: typer.Typer, given: list[StylizerOptions]) -> None:
    assert CliRunner().invoke(app, ["photo"]).exit_code == 0
    assert given == [StylizerOptions()]


def test_a_command_in_one_style_refuses_two(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["photo", "-s", "gogh", "-s", "wave"])
    assert isinstance(done.exception, StyleError)
    assert "2 styles (gogh, wave)" in str(done.exception)


def test_its_options_stand_where_the_parameter_stood() -> None:
    @stylizer_options("model", "device")
    def command(first: str, options: StylizerOptions, last: int = 3) -> None: ...

    assert list(inspect.signature(command).parameters) == ["first", "model", "device", "last"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StyleError("it is too large", parameter="stroke_size"), "it is too large (option --stroke-size)"),
        (OutputError("it exists already.", parameter="overwrite"), "it exists already (option --overwrite)"),
        (NstError("too large", parameter="long_side"), "too large (option --size)"),
        (StyleError("unknown", parameter="style"), "unknown (option --style; `nst-rt styles` lists the styles)"),
        (StyleError("nothing to blame"), "nothing to blame"),
        (StyleError("of a library alone", parameter="vectors"), "of a library alone"),
        (StyleError("Give --mask FILE", parameter="mask"), "Give --mask FILE"),
    ],
)
def test_an_error_names_the_option_of_its_parameter(error: NstError, said: str) -> None:
    assert with_hint(error) == said


def test_an_install_line_can_still_be_pasted() -> None:
    error = DependencyError(f"tuning needs torch: {install_line('export')}", parameter="tune")
    assert with_hint(error) == str(error)
