"""`nst-rt bench`, as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from nst_rt.cli import main; main()", "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_json_may_name_its_file_and_an_old_one_is_compared(inverting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ["--model", inverting, "--size", "32x16", "--frames", "16", "--threads", "1", "--device", "cpu"]
    done = bench(*arguments, "--json", out)
    assert done.returncode == 0, done.stderr
    assert "32x16" in done.stdout
    assert json.loads(out.read_text())["results"][0]["noise"] >= 0
    again = bench(*arguments, "--json", "--compare", out)
    assert json.loads(again.stdout)["results"]
    assert "| inverting, cpu fp32, 32x16 |" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "quick", "--style", "gogh"], "a suite has its own sizes"),
        (["--suite", "quick", "--frames", "100"], "a suite has its own sizes"),
        (["--suite", "all"], "quick"),
        (["--compare", "nothing.json"], "nothing.json: cannot be read"),
    ],
)
def test_usage_errors(arguments: list[str], message: str) -> None:
    done = bench(*arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())


def test_the_command_writes_json_with_the_machine(inverting: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ["--style", inverting, "--size", "32x16", "--size", "48x32", "--frames", "4", "--json", "-o", out]
    done = bench(*arguments)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads(out.read_text())
    assert [result["width"] for result in report["results"]] == [32, 48]
    assert report["machine"]["packages"]["numpy"]
    assert report["machine"]["processor"]


@pytest.mark.parametrize("size", ["640", "640x8", "axb"])
def test_a_bad_size_is_a_usage_error(inverting: Path, size: str) -> None:
    done = bench("--style", inverting, "--size", size)
    assert done.returncode == 2
    assert "is not WIDTHxHEIGHT" in " ".join(done.stderr.split())
