"""Making a grid's images one after the other; one that fails does not stop the others."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from nst_rt.contract import Frame
from nst_rt.errors import DependencyError, DeviceError, NstError, OutputError
from nst_rt.files.reading import file_sha256
from nst_rt.jobs.grid.plan import Cell, Plan, Request
from nst_rt.jobs.grid.record import GridRecord
from nst_rt.media.images.image_reader import read_image
from nst_rt.media.images.image_writer import write_image

State = Literal["made", "kept", "failed", "not made"]


class Maker(Protocol):
    """Turns requests into images."""

    def inputs(self, request: Request) -> dict[str, Any]:
        """What the image depends on beside the photograph and the settings, ready for JSON."""

    def make(self, request: Request, photograph: Frame) -> Frame:
        """An image uint8 (H, W, 3) BGR of the photograph's size."""

    def close(self) -> None:
        """Give back what is open."""


@dataclass
class Outcome:
    """What became of one cell."""

    cell: Cell
    state: State = "not made"
    """`kept`: an earlier run made it, from the same inputs; `not made`: the run was interrupted before."""
    error: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "file": self.cell.file,
            **_told(self.cell.request),
            "state": self.state,
            "error": self.error or None,
            "seconds": round(self.seconds, 3),
        }


class GridRun:
    """The images of a plan.

    Args:
        folder: of the images.
    """

    def __init__(self, plan: Plan, maker: Maker, folder: Path, record: GridRecord) -> None:
        self.outcomes = [Outcome(cell) for cell in plan.cells]
        """In the plan's order."""
        self._maker, self._folder, self._record = maker, folder, record

    def run(self, report: Callable[[Outcome], None]) -> None:
        """Make what is not there yet.

        Args:
            report: called with every outcome as it comes.

        Raises:
            KeyboardInterrupt: the outcomes tell how far it came.
            OutputError, DeviceError, DependencyError: no folder, device or package; the rest would fail alike.
        """
        for outcome in self._by_style():
            started = time.perf_counter()
            try:
                outcome.state = self._make(outcome.cell)
            except (OutputError, DeviceError, DependencyError):
                raise
            except (NstError, OSError, MemoryError) as error:
                outcome.state, outcome.error = "failed", " ".join(str(error).split()) or type(error).__name__
            outcome.seconds = time.perf_counter() - started
            report(outcome)

    def _by_style(self) -> list[Outcome]:
        """The outcomes so that what takes time to set up (a model, a style encoder's reading) is set up once."""
        pairs = list(dict.fromkeys(map(_model_and_style, self.outcomes)))
        return sorted(self.outcomes, key=lambda one: pairs.index(_model_and_style(one)))

    def _make(self, cell: Cell) -> State:
        request, settings = cell.request, dict(cell.request.settings)
        photograph = read_image(request.content).shrunk(settings["size"]).bgr
        inputs = {"content": file_sha256(request.content), "settings": settings, **self._maker.inputs(request)}
        if self._record.holds(cell.file, inputs):
            return "kept"
        write_image(self._folder / cell.file, self._maker.make(request, photograph))
        self._record.add(cell.file, inputs, _told(request))
        return "made"


def _model_and_style(outcome: Outcome) -> tuple[str | None, str]:
    return outcome.cell.request.model, outcome.cell.request.style


def _told(request: Request) -> dict[str, Any]:
    settings = dict(request.settings)
    return {"content": str(request.content), "style": request.style, "model": request.model, "settings": settings}
