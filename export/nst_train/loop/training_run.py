"""The loop that trains every recipe: it starts, saves, resumes exactly, shows, and stops in good order."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from nst_export.checkpoints.training_checkpoint import TrainingCheckpoint, in_words, load_checkpoint, save_checkpoint
from nst_export.networks.noise import take_tiles
from nst_rt.errors import DeviceError, ModelError, OutputError
from torch import nn

from nst_train.data.images import ImageFolder, Rgb
from nst_train.data.read_ahead import read_ahead
from nst_train.loop.averaging import RunningAverage
from nst_train.loop.checkpoint import load_moments, optimizer_moments, refuse_other_settings
from nst_train.loop.interruption import Interruption
from nst_train.loop.progress import Reporter
from nst_train.loop.record import new_session, write_record
from nst_train.loop.schedule import learning_rate
from nst_train.loop.validation import choose_photographs, draw_sheet, write_sheet
from nst_train.recipes.adopting import read_start
from nst_train.recipes.recipe import Batch, Recipe
from nst_train.settings import RunOptions

CHECKPOINT = "checkpoint.pt"
BETAS = (0.9, 0.99)


@dataclass
class RunResult:
    """How a session ended."""

    step: int
    finished: bool
    """The last step that was wanted is done; otherwise the run was interrupted, and can go on."""
    weights: list[Path] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    """Means over the last steps that were logged."""


class Run:
    """One training run of a recipe.

    Raises:
        InputError: the validation folder or the start is missing or unreadable.
        ModelError: the folder holds a run with other settings, or the start does not fit.
        OutputError: the folder cannot be made or written to.
    """

    def __init__(self, recipe: Recipe, options: RunOptions, reporter: Reporter) -> None:
        self.recipe, self.options, self._reporter = recipe, options, reporter
        self.model: nn.Module = recipe.model
        recipe.hardware.place(self.model)
        try:
            options.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{options.folder}: cannot be made ({error.strerror}). Choose another --out") from error
        self._photographs = self._choose_photographs()
        self.optimizer = torch.optim.Adam(self._groups(), lr=recipe.settings.learning_rate, betas=BETAS)
        self.step = 0
        self.log: list[dict[str, float]] = []
        self._pending: dict[str, float] = {}
        self._seconds = 0.0
        self._sessions: list[dict[str, object]] = []
        start = None if self.checkpoint.exists() else options.start
        if self.checkpoint.exists():
            self._resume()
        else:
            if start is not None:
                self._adopt(start)
            self.average = RunningAverage(self.model, recipe.settings.average)
        self._began = time.monotonic()
        self._sessions.append(new_session(self.step, recipe.hardware.name, start))

    @property
    def checkpoint(self) -> Path:
        """Where the run's state is kept."""
        return self.options.folder / CHECKPOINT

    def _choose_photographs(self) -> list[Rgb]:
        if not self.options.sheet_every:
            return []
        folder = self.options.validation or Path(self.recipe.settings.content)
        return choose_photographs(ImageFolder(folder, 480, self._reporter.note))

    def _groups(self) -> list[dict[str, object]]:
        by_rate: dict[float, list[nn.Parameter]] = {}
        for name, parameter in self.model.named_parameters():
            by_rate.setdefault(self.recipe.rate(name), []).append(parameter)
        return [{"params": parameters, "rate": rate} for rate, parameters in by_rate.items()]

    def _resume(self) -> None:
        state = load_checkpoint(self.checkpoint)
        if state.recipe != self.recipe.name:
            raise ModelError(f"{self.checkpoint}: a run of `train {state.recipe}`. Choose another --out")
        refuse_other_settings(state.settings, self.recipe.settings.as_dict(), self.checkpoint)
        take_tiles(self.model, state.parameters)
        parameters = dict(self.model.named_parameters())
        shapes = {name: parameter.shape for name, parameter in parameters.items()}
        if shapes != {name: value.shape for name, value in state.parameters.items()}:
            raise ModelError(
                f"{self.checkpoint}: its parameters are not this network's. Choose another --out, "
                "with --start for its weights as the beginning"
            )
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(state.parameters[name])
        self.average = RunningAverage(self.model, self.recipe.settings.average)
        self.average.load(state.average)
        load_moments(self.optimizer, self.model, state.moments)
        self.step, self.log, self._pending = state.step, state.log, state.pending
        self._seconds, self._sessions = state.seconds, state.sessions
        self._reporter.note(f"{self.checkpoint}: going on from step {self.step}")

    def _adopt(self, start: Path) -> None:
        found = read_start(start)
        if found.recipe != self.recipe.name:
            raise ModelError(f"{start}: of `train {found.recipe}`. Give a start of the same recipe")
        missing = self.recipe.adopt(found.values, found.settings)
        fresh = f"; new: {', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}" if missing else ""
        self._reporter.note(f"{start}: beginning with its weights{found.age}{fresh}")

    def state(self) -> TrainingCheckpoint:
        """Everything that the run needs to go on."""
        return TrainingCheckpoint(
            recipe=self.recipe.name,
            settings=self.recipe.settings.as_dict(),
            step=self.step,
            parameters={name: value.detach().cpu().clone() for name, value in self.model.named_parameters()},
            average={name: value.cpu().clone() for name, value in self.average.values.items()},
            moments=optimizer_moments(self.optimizer, self.model),
            log=self.log,
            pending=self._pending,
            seconds=self._seconds + time.monotonic() - self._began,
            sessions=self._sessions,
        )

    def save(self) -> list[Path]:
        """Write the checkpoint, the weights and the record; returns the weights' files.

        Raises:
            OutputError: one of them cannot be written; an older one stays.
        """
        state = self.state()
        save_checkpoint(state, self.checkpoint)
        averaged = self.average.averaged(self.model)
        weights = self.recipe.write_weights(averaged, self.options.folder, in_words(state))
        write_record(state, self.recipe.data(), weights, self.options.folder)
        return weights

    def draw_sheet(self) -> Path | None:
        """Write a contact sheet of the averaged weights; None where there is nothing to show."""
        averaged = self.average.averaged(self.model)
        columns = list(self.recipe.columns(averaged))
        if not columns or not self._photographs:
            return None
        path = self.options.folder / f"sheet_{self.step:06d}.jpg"
        write_sheet(draw_sheet(self._photographs, columns, self.recipe.hardware.device), path)
        return path

    def train(self) -> RunResult:
        """Take the steps that are left; Ctrl-C ends after the current one. Saves now and then, and in the end.

        Raises:
            ModelError: a loss or a gradient is not finite; the last checkpoint stays as it was.
            DeviceError: out of memory.
            InputError: the images went away.
            OutputError: the disk is full, say; the last checkpoint stays as it was.
        """
        options, settings = self.options, self.recipe.settings
        until = settings.steps if options.until is None else min(options.until, settings.steps)
        saved = time.monotonic()
        batches = read_ahead(self.recipe.batch, self.step, until, options.workers or 2)
        self._reporter.begin(self.step, until)
        try:
            with Interruption() as interruption:
                for batch in batches:
                    losses = self._take_step(batch)
                    self._reporter.advance(self.step, losses)
                    if interruption.wanted:
                        break
                    if time.monotonic() - saved > options.save_minutes * 60 and self.step < until:
                        self.save()
                        saved = time.monotonic()
                    if options.sheet_every and self.step % options.sheet_every == 0 and self.step < until:
                        self.draw_sheet()
                weights = self.save()
                if self.step >= until:
                    self.draw_sheet()
        finally:
            batches.close()
            self._reporter.end()
        latest = {name: value for name, value in self.log[-1].items() if name != "step"} if self.log else {}
        return RunResult(self.step, self.step >= until, weights, latest)

    def _take_step(self, batch: Batch) -> dict[str, float]:
        settings, device = self.recipe.settings, self.recipe.hardware.device
        factor = settings.learning_rate * learning_rate(self.step, settings.steps, settings.warm_up)
        for group in self.optimizer.param_groups:
            group["lr"] = factor * group["rate"]
        try:
            moved = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
            terms = self.recipe.losses(self.step, moved)
            stacked = torch.stack(list(terms.values()))
            found = dict(zip(terms, stacked.detach().tolist(), strict=True))
            if not all(map(math.isfinite, found.values())):
                raise self._diverged("the losses are " + ", ".join(f"{name} {loss:g}" for name, loss in found.items()))
            self.optimizer.zero_grad()
            stacked.sum().backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
            if not torch.isfinite(norm):
                raise self._diverged(f"the gradient's norm is {float(norm):g}")
            self.optimizer.step()
        except RuntimeError as error:
            if _out_of_memory(error):
                count, _, _, side = batch["photographs"].shape
                raise DeviceError(
                    f"step {self.step + 1}: out of memory with {count} photographs of {side} px on "
                    f"{self.recipe.hardware.name}. Lower --batch-size or --size"
                ) from error
            raise
        self.step += 1
        self.average.update(self.model, self.step)
        self._take_down(found)
        return found

    def _take_down(self, found: dict[str, float]) -> None:
        for name, loss in {**found, "steps": 1.0}.items():
            self._pending[name] = self._pending.get(name, 0.0) + loss
        if self.step % self.options.log_every == 0 or self.step == 1:
            count = self._pending.pop("steps")
            means = {name: round(total / count, 6) for name, total in self._pending.items()}
            self.log.append({"step": self.step, **means})
            self._pending = {}

    def _diverged(self, what: str) -> ModelError:
        kept = (
            f"{self.checkpoint} keeps the last good state: begin from it with --start, another --out and a lower "
            "--learning-rate"
            if self.checkpoint.exists()
            else "Begin again with a lower --learning-rate"
        )
        return ModelError(f"step {self.step + 1}: {what}. Training stopped. {kept}")


def _out_of_memory(error: RuntimeError) -> bool:
    # CUDA has a type for it, the CPU's allocator only a text.
    texts = ("not enough memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in texts)
