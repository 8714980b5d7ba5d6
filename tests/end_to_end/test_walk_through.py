"""The commands of docs/how-to/train-your-own.md, taken out of the page and run: smaller, drawn images, no camera."""

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import typer.core
import typer.main
from nst_export.commands import app as export_app
from nst_export.parity import parity
from nst_export.parity import sample_images as sample_images
from nst_rt.cli import app, main
from nst_rt.models.catalog import find_model
from nst_rt.styles.library import load_styles
from nst_train.perceptual.loss_network import ADDRESS, TORCHVISION_FILES
from nst_train.recipes.transformer import TransformerRecipe
from nst_train.train_commands import app as train_app
from tiny_images import draw, write_adain_encoder, write_loss_network

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "train-your-own.md"
TEXT = PAGE.read_text(encoding="utf-8")
SMALLER = {
    "--steps": "2",
    "--until": "1",
    "--sheet-every": "1",
    "--size": "32",
    "--widths": "4,4,4",
    "--blocks": "1",
}
"""Other values for options of the page."""
NO_CAMERA = ["--source", "clip.mp4", "--no-window", "--frames", "2", "--device", "cpu"]


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[list[str]]:
    return [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def smaller(command: list[str]) -> list[str]:
    changed = [SMALLER.get(before, word) for before, word in zip(["", *command], command, strict=False)]
    if command[1] == "webcam":
        changed += NO_CAMERA
    if command[1] == "train":
        changed += ["--device", "cpu", "--threads", "1"]
    return changed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the commands run: what the page asks for, drawn."""
    for name, count in (("photographs", 4), ("validation", 2)):
        (tmp_path / name).mkdir()
        for index in range(count):
            cv2.imwrite(str(tmp_path / name / f"{index}.png"), draw(10 * count + index, 64, 80))
    (tmp_path / "paintings").mkdir()
    for index, name in enumerate(sorted(set(re.findall(r"paintings/(\w+\.jpg)", TEXT)))):
        cv2.imwrite(str(tmp_path / "paintings" / name), draw(100 + index, 90, 70))
    cv2.imwrite(str(tmp_path / "photo.jpg"), draw(7, 48, 64))
    video = cv2.VideoWriter(str(tmp_path / "clip.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 48))
    for seed in range(4):
        video.write(draw(seed, 48, 64))
    video.release()
    with np.load(write_loss_network(tmp_path / "vgg.npz")) as arrays:
        torch.save({name: torch.from_numpy(arrays[name]) for name in arrays}, tmp_path / "vgg19.pth")
    write_adain_encoder(tmp_path / "vgg_normalised.pth")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sample_images, "SIZES", ((64, 80),))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[list[str]], tuple[int, str]]:
    """Runs a command line as a shell would; its exit code, and what it said."""

    def call(command: list[str]) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert said.out == ""
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.err

    return call


def test_every_command_of_the_page_runs(folder: Path, run: Callable[[list[str]], tuple[int, str]]) -> None:
    ran, told = 0, ""
    for block in blocks():
        for command in commands(block):
            if command[0] != "nst-rt":
                assert command[0] in ("pip", "curl")
                continue
            code, said = run(smaller(command))
            assert code == 0, f"{shlex.join(command)}\n{said}"
            ran, told = ran + 1, told + said
            if command[1] in ("export", "image"):
                made = Path(command[command.index("-o") + 1])
                assert made.is_file(), command
                if command[1] == "image":
                    before, after = cv2.imread("photo.jpg"), cv2.imread(str(made))
                    assert after.shape == before.shape
                    assert not np.array_equal(after, before)
    assert ran >= 15
    assert "runs/later/checkpoint.pt: going on from step 1" in told
    # What the page says that lies there then.
    for name in ("sheet_000001.jpg", "sheet_000002.jpg", "transformer.pth", "checkpoint.pt", "record.json"):
        assert (folder / "runs" / "gogh" / name).is_file()
    assert (folder / "gogh.fp16.onnx").is_file()
    assert list(load_styles(find_model("artists.onnx"))) == ["renoir", "tahiti", "cliffs"]
    assert (folder / "artists.styles.json").is_file()


def test_what_the_page_downloads_and_shows() -> None:
    addresses = [word for block in blocks() for line in commands(block) if line[0] == "curl" for word in line]
    assert ADDRESS + TORCHVISION_FILES[0] in addresses
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT)
    assert shown
    for path in shown:
        assert (PAGE.parent / path).is_file()


def options(command: Any) -> set[str]:
    """Of a command and all below it."""
    found = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    if isinstance(command, typer.core.TyperGroup):
        context = typer.Context(command)
        below = [command.get_command(context, name) for name in command.list_commands(context)]
        found = found.union(*map(options, below))
    return found


def test_every_option_of_the_page_exists() -> None:
    known = set().union(*(options(typer.main.get_command(one)) for one in (app, export_app, train_app)))
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    assert len(mentioned) > 20
    assert mentioned - known == set()


def failures() -> dict[str, str]:
    """The first words between backticks in the second column of the page's last table, by the first column."""
    found: dict[str, str] = {}
    for line in TEXT[TEXT.index("## What can go wrong") :].splitlines():
        cells = line.strip("|").split("|")
        if len(cells) == 3 and (message := re.search("`([^`]+)`", cells[1])):
            found[cells[0].strip()] = message[1]
    return found


def diverge(monkeypatch: pytest.MonkeyPatch) -> None:
    nan = torch.full((), torch.nan, requires_grad=True)
    monkeypatch.setattr(TransformerRecipe, "losses", lambda *_: {"style": nan, "content": nan})


def fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(TransformerRecipe, "losses", full)


def nothing_but_few(_: pytest.MonkeyPatch) -> None:
    """The folder holds four images as it is."""


def empty_the_folder(_: pytest.MonkeyPatch) -> None:
    for path in Path("photographs").iterdir():
        path.unlink()


def forget_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "nothing")
    Path("vgg19.pth").unlink()


def demand_the_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "LEAST_PSNR", 1e6)


FAILURES = {
    "losses": diverge,
    "memory": fill_the_memory,
    "no images": empty_the_folder,
    "too few": nothing_but_few,
    "VGG": forget_the_network,
    "export": demand_the_impossible,
}
"""What makes the page's first training and its export fail, by a word of the table's first column."""


@pytest.mark.parametrize("word", FAILURES)
def test_failures_are_told_as_the_page_says(
    word: str, run: Callable[[list[str]], tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (message,) = [message for what, message in failures().items() if word in what]
    training, export = (
        next(one for block in blocks() for one in commands(block) if one[:2] == ["nst-rt", name])
        for name in ("train", "export")
    )
    training = [part for part in training if word != "VGG" or part not in ("--loss-network", "vgg19.pth")]
    if word == "export":
        assert run(smaller(training))[0] == 0
    FAILURES[word](monkeypatch)
    code, said = run(smaller(export if word == "export" else training))
    assert code == (0 if word == "too few" else 2)
    pattern = re.sub(r"\d+|\bN\b", r"\\d+", re.escape(message).replace("…", ".*"))
    assert re.search(pattern, said), f"{pattern}\n{said}"
