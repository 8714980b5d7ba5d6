"""The loop: exact resume, stopping, refusing, recording."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from nst_export.checkpoints.conditional_checkpoint import read_conditional
from nst_export.checkpoints.training_checkpoint import TrainingCheckpoint, in_words, load_checkpoint
from nst_rt.errors import DeviceError, InputError, ModelError, OutputError
from nst_train.loop.hardware import Hardware
from nst_train.loop.training_run import Run, RunOptions
from nst_train.recipes.conditional import ConditionalRecipe
from nst_train.settings import ConditionalSettings

Make = Callable[..., ConditionalSettings]


def train(settings: ConditionalSettings, folder: Path, hardware: Hardware, notes: Any, **options: Any) -> Run:
    recipe = ConditionalRecipe(settings, hardware, notes.note)
    run = Run(recipe, RunOptions(folder, **{"sheet_every": 0, **options}), notes)
    run.train()
    return run


def tensors(state: TrainingCheckpoint) -> dict[str, torch.Tensor]:
    found = {f"parameters {name}": value for name, value in state.parameters.items()}
    found |= {f"average {name}": value for name, value in state.average.items()}
    for name, moments in state.moments.items():
        found |= {f"moments {name} {key}": value for key, value in moments.items()}
    return found


@pytest.mark.parametrize(("dtype", "wide"), [(torch.float32, 0.0), (torch.bfloat16, 0.0), (torch.float32, 0.5)])
def test_resuming_equals_never_having_stopped(
    world: Path, tmp_path: Path, conditional_settings: Make, notes: Any, dtype: torch.dtype, wide: float
) -> None:
    hardware = Hardware(torch.device("cpu"), dtype, "CPU")
    settings = conditional_settings(paintings=str(world / "paintings"), batch=4, wide_crops=wide)
    train(settings, tmp_path / "whole", hardware, notes, until=5, log_every=3)
    train(settings, tmp_path / "parts", hardware, notes, until=2, log_every=3)
    train(settings, tmp_path / "parts", hardware, notes, until=5, log_every=3)
    whole, parts = (load_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "parts"))
    expected, found = tensors(whole), tensors(parts)
    assert expected.keys() == found.keys()
    assert any(name.startswith("moments encoder.") for name in expected)
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert whole.log == parts.log
    assert whole.pending == parts.pending
    assert [session["from_step"] for session in parts.sessions] == [0, 2]


def test_other_threads_make_the_same_batches(
    world: Path, tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any
) -> None:
    settings = conditional_settings(paintings=str(world / "paintings"))
    runs = [train(settings, tmp_path / str(n), cpu, notes, until=3, workers=n) for n in (1, 4)]
    states = [tensors(run.state()) for run in runs]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(
    tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = conditional_settings()
    train(settings, tmp_path, cpu, notes, until=2)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    real = ConditionalRecipe.losses

    def broken(self: ConditionalRecipe, step: int, batch: Any) -> dict[str, torch.Tensor]:
        terms = real(self, step, batch)
        return terms if step < 3 else terms | {"content": terms["content"] * float("nan")}

    monkeypatch.setattr(ConditionalRecipe, "losses", broken)
    with pytest.raises(ModelError, match=r"step 4: the losses are .*content nan.*checkpoint\.pt keeps"):
        train(settings, tmp_path, cpu, notes, until=6, save_minutes=60)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_an_infinite_gradient_stops_before_it_reaches_the_weights(
    tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = ConditionalRecipe(conditional_settings(), cpu, notes.note)
    run = Run(recipe, RunOptions(tmp_path, sheet_every=0), notes)
    # The root's slope at zero is infinite, the loss itself is not.
    monkeypatch.setattr(recipe, "losses", lambda step, batch: {"style": (recipe.model.styles.sum() * 0).sqrt()})
    with pytest.raises(ModelError, match=r"step 1: the gradient's norm is (nan|inf).*Begin again"):
        run.train()
    assert all(torch.isfinite(parameter).all() for parameter in recipe.model.parameters())


def test_out_of_memory_says_what_to_lower(
    tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: ConditionalRecipe, step: int, batch: Any) -> dict[str, torch.Tensor]:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")

    monkeypatch.setattr(ConditionalRecipe, "losses", full)
    with pytest.raises(DeviceError, match=r"2 photographs of 32 px.*--batch-size"):
        train(conditional_settings(), tmp_path, cpu, notes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_after_the_step_and_saves(
    tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any, number: int
) -> None:
    notes.after = lambda step: os.kill(os.getpid(), number) if step == 2 else None
    recipe = ConditionalRecipe(conditional_settings(), cpu, notes.note)
    before = signal.getsignal(number)
    result = Run(recipe, RunOptions(tmp_path, sheet_every=0), notes).train()
    assert not result.finished
    assert result.step == load_checkpoint(tmp_path / "checkpoint.pt").step
    assert 2 <= result.step <= 3
    assert signal.getsignal(number) is before


def test_sheets_and_record(world: Path, tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any) -> None:
    settings = conditional_settings(paintings=str(world / "paintings"))
    run = train(settings, tmp_path, cpu, notes, until=4, sheet_every=2, log_every=2)
    assert sorted(path.name for path in tmp_path.glob("sheet_*")) == ["sheet_000002.jpg", "sheet_000004.jpg"]
    sheet = cv2.imread(str(tmp_path / "sheet_000004.jpg"))
    # Two named styles and four paintings beside the photographs, 96 px wide at most; a header and three photographs.
    assert sheet.shape[1] == 7 * (96 + 6) + 6
    assert sheet.shape[0] > 4 * 64
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["step"] == 4
    assert record["seed"] == settings.seed
    assert record["data"]["content"]["images"] == 5
    assert len(record["data"]["content"]["sha256"]) == 64
    assert record["data"]["paintings"]["images"] == 4
    assert set(record["data"]["styles"]) == {"gogh", "wave"}
    assert [row["step"] for row in record["losses"]] == [1, 2, 4]
    assert set(record["losses"][-1]) == {"step", "style", "content", "stability", "variation", "range", "spikes"}
    assert record["sessions"][0]["versions"]["torch"] == torch.__version__
    assert record["seconds"] > 0
    weights = read_conditional(tmp_path / "conditional.pt")
    assert record["weights"][0]["file"] == "conditional.pt"
    assert list(weights.styles) == ["gogh", "wave"]
    assert "4 steps of 2 photographs at 32 px" in weights.training
    from_checkpoint = read_conditional(run.checkpoint)
    assert torch.equal(from_checkpoint.styles["wave"], weights.styles["wave"])
    assert from_checkpoint.encoder is not None


def test_time_is_summed_over_sessions(tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any) -> None:
    train(conditional_settings(), tmp_path, cpu, notes, until=1)
    first = load_checkpoint(tmp_path / "checkpoint.pt").seconds
    train(conditional_settings(), tmp_path, cpu, notes, until=2)
    assert load_checkpoint(tmp_path / "checkpoint.pt").seconds > first > 0


def test_a_run_with_other_settings_is_refused(
    world: Path, tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any
) -> None:
    train(conditional_settings(), tmp_path, cpu, notes, until=1)
    with pytest.raises(ModelError, match=r"batch 2 there, 3 here.*--start"):
        train(conditional_settings(batch=3), tmp_path, cpu, notes)
    only_gogh = conditional_settings(styles={"gogh": str(world / "gogh.png")})
    with pytest.raises(ModelError, match=r"styles \['gogh', 'wave'\] there, \['gogh'\] here"):
        train(only_gogh, tmp_path, cpu, notes)


def test_a_start_brings_styles_by_name_and_the_encoders_base(
    world: Path, tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any
) -> None:
    train(conditional_settings(), tmp_path / "named", cpu, notes, until=2)
    start = load_checkpoint(tmp_path / "named" / "checkpoint.pt").average
    settings = conditional_settings(
        styles={name: str(world / f"{name}.png") for name in ("wave", "gogh")} | {"new": str(world / "wave.png")},
        paintings=str(world / "paintings"),
        batch=3,
    )
    recipe = ConditionalRecipe(settings, cpu, notes.note)
    Run(recipe, RunOptions(tmp_path / "joint", start=tmp_path / "named" / "checkpoint.pt", sheet_every=0), notes)
    gogh, wave = start["styles"]
    mean = start["styles"].mean(0)
    assert torch.equal(recipe.model.styles.detach(), torch.stack([wave, gogh, mean]))
    assert recipe.model.encoder is not None
    assert torch.equal(recipe.model.encoder.base.detach(), mean)
    assert torch.equal(recipe.model.network.stem.weight.detach(), start["network.stem.weight"])
    assert any("beginning with its weights of step 2" in text for text in notes.texts)


def test_what_began_with_anothers_weights_tells_its_training_as_the_last_run(
    tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any
) -> None:
    first = tmp_path / "first" / "checkpoint.pt"
    train(conditional_settings(), first.parent, cpu, notes, until=2)
    assert in_words(load_checkpoint(first)).startswith("2 steps of ")
    for until in (1, 2):  # begun, and taken up again
        train(conditional_settings(), tmp_path / "second", cpu, notes, until=until, start=first)
        state = load_checkpoint(tmp_path / "second" / "checkpoint.pt")
        assert [session.get("start") for session in state.sessions] == [str(first), None][:until]
        assert in_words(state).startswith(f"last run: {until} steps of ")
    assert read_conditional(tmp_path / "second" / "conditional.pt").training == in_words(state)


def test_a_start_of_another_width_is_refused(
    tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any
) -> None:
    train(conditional_settings(), tmp_path / "a", cpu, notes, until=1)
    wider = conditional_settings(widths={"quarter": 16, "eighth": 8, "half": 8, "blocks": 1})
    with pytest.raises(ModelError, match=r"network\.stem\.weight is \(8, 3, 8, 8\) there and \(16, 3, 8, 8\) here"):
        train(wider, tmp_path / "b", cpu, notes, start=tmp_path / "a" / "checkpoint.pt")


def test_places_that_cannot_be(tmp_path: Path, conditional_settings: Make, cpu: Hardware, notes: Any) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such folder"):
        train(conditional_settings(), tmp_path, cpu, notes, sheet_every=1, validation=tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--out"):
        train(conditional_settings(), tmp_path / "file", cpu, notes)


def test_settings_out_of_range(conditional_settings: Make) -> None:
    for change, message in (
        ({"size": 36}, "multiple of 8"),
        ({"scales": 3}, "larger crops or fewer scales"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"styles": {}}, "nothing to learn"),
        ({"paintings": "x", "batch": 1}, "two photographs"),
        ({"paintings": "x", "hold_out": 1}, "2 or more"),
        ({"painting_share": 1.5, "paintings": "x"}, "from 0 to 1"),
    ):
        with pytest.raises(InputError, match=message):
            conditional_settings(**change)
