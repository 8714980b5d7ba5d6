"""Commands whose options are the fields of a dataclass."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
from nst_rt.cli.option_fields import option_fields
from typer import Argument, Option, Typer
from typer.testing import CliRunner


@dataclass(frozen=True, kw_only=True)
class Fields:
    source: Annotated[Path, Argument()]
    many: Annotated[list[str], Option("--one", "-1")] = field(default_factory=list)
    count: Annotated[int, Option(min=1)] = 3


@pytest.fixture
def called() -> list[tuple[Fields, bool]]:
    return []


@pytest.fixture
def app(called: list[tuple[Fields, bool]]) -> Typer:
    made = Typer()

    @made.command()
    @option_fields(Fields)
    def run(options: Fields, loud: Annotated[bool, Option("--loud")] = False) -> None:
        """Run."""
        called.append((options, loud))

    return made


def test_fields_become_options(app: Typer, called: list[tuple[Fields, bool]]) -> None:
    assert CliRunner().invoke(app, ["a.png"]).exit_code == 0
    assert CliRunner().invoke(app, ["b.png", "-1", "x", "--one", "y", "--count", "5", "--loud"]).exit_code == 0
    assert called == [
        (Fields(source=Path("a.png")), False),
        (Fields(source=Path("b.png"), many=["x", "y"], count=5), True),
    ]


@pytest.mark.parametrize("line", [[], ["a.png", "--count", "0"], ["a.png", "--many", "x"]])
def test_wrong_options_are_refused(app: Typer, called: list[tuple[Fields, bool]], line: list[str]) -> None:
    assert CliRunner().invoke(app, line).exit_code == 2
    assert not called
