"""Runs the methods one after the other, each in a process of its own; the rest continues after one that fails."""

import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nst_rt.engine.devices import parse_device
from nst_rt.errors import NstError, OutputError
from nst_rt.files.atomic import why_not_written
from nst_rt.files.reading import file_sha256
from nst_rt.version import __version__
from nst_train.data.images import read_rgb

from nst_bench.compare.compare_options import CompareOptions
from nst_bench.compare.methods import Method
from nst_bench.harness import launcher
from nst_bench.harness.inputs import Painting, Photograph
from nst_bench.harness.loss_measurements import Loss, LossMeasurements

State = Literal["made", "kept", "failed", "not made"]
IMAGES = "images"
"""Folder of the images, beside the report."""
DECIDING = ("processor", "logical_cores", "gpus", "packages")
"""The parts of the machine that decide seconds and memory."""


@dataclass
class Outcome:
    """The result of one method."""

    method: Method
    state: State = "not made"
    """`kept`: an earlier run has made the image; `not made`: the run was interrupted before."""
    error: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    """What `paint.paint` and `run_process` measured."""
    loss: Loss | None = None

    @property
    def painted(self) -> bool:
        """There is an image, and its losses are measured."""
        return self.loss is not None

    @property
    def heading(self) -> str:
        """The state of a method without an image."""
        return "failed" if self.state == "failed" else "missing"

    @property
    def reason(self) -> str:
        """Why there is no image."""
        return self.error or "not made: interrupted"


@dataclass(frozen=True)
class Setting:
    """What all methods have in common."""

    photograph: Photograph
    painting: Painting
    machine: Mapping[str, Any]
    """As from `describe_machine`."""
    options: CompareOptions

    def request(self, method: Method) -> dict[str, Any]:
        """The request for `paint.paint`, without its target."""
        # PyTorch knows neither TensorRT nor OpenVINO; it takes the GPU or the CPU that was meant.
        named = parse_device(self.options.device)
        torch_device = "auto" if named is None else "cuda" if named.on_gpu else "cpu"
        optimizes = method.kind == "optimize"
        return {
            **method.request,
            "kind": method.kind,
            "content": str(self.photograph.path),
            "side": self.options.side,
            "device": torch_device if optimizes else self.options.device,
            "tuning_device": torch_device,
            "precision": self.options.optimizing_precision.value if optimizes else self.options.precision,
            "threads": self.options.threads,
        }

    def key(self, method: Method) -> dict[str, Any]:
        """What decides the image and the figures of a method; files count by their content."""
        paths = ("content", "painting", "model", "loss_network")
        request = {name: value for name, value in self.request(method).items() if name not in paths}
        if method.request.get("style") == str(self.painting.path):
            request["style"] = "painting"
        return {
            "kind": "compare",
            "method": method.key,
            "photograph": self.photograph.key,
            "painting": self.painting.sha256,
            "request": request,
            "files": dict(method.hashes),
            "nst_rt": __version__,
            "machine": {name: self.machine[name] for name in DECIDING},
        }


class MethodRuns:
    """The methods' images in a folder, with seconds, memory and losses.

    Args:
        folder: the images come into its folder `images`, which is made if it is missing.
    """

    def __init__(self, methods: Sequence[Method], setting: Setting, losses: LossMeasurements, folder: Path) -> None:
        self.outcomes = [Outcome(method) for method in methods]
        """In the order of the methods."""
        self._setting, self._losses, self._folder = setting, losses, folder / IMAGES
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(why_not_written(self._folder, error)) from error

    def image(self, method: Method) -> Path:
        """The file of a method's image."""
        return self._folder / f"{method.key}.png"

    def run(self, begin: Callable[[Method], None]) -> Iterator[Outcome]:
        """Find what an earlier run has made, then make what is missing; gives every outcome when it is there.

        In this order an interruption keeps everything that an earlier run has made.

        Args:
            begin: called before the process of a method starts.

        Raises:
            KeyboardInterrupt: `outcomes` holds what was made before.
            OutputError: the folder cannot be written to, so the rest would fail too. `outcomes` holds what was made
                before.
        """
        missing = []
        for outcome in self.outcomes:
            if self._fill(outcome, "kept", self._find):
                yield outcome
            else:
                missing.append(outcome)
        for outcome in missing:
            begin(outcome.method)
            self._fill(outcome, "made", self._make)
            yield outcome

    def _fill(self, outcome: Outcome, state: State, obtain: Callable[[Method], dict[str, Any] | None]) -> bool:
        """Fill an outcome with its figures and losses, or with the error; False if `obtain` found nothing."""
        try:
            figures = obtain(outcome.method)
            if figures is None:
                return False
            loss = self._measure(outcome.method)
            outcome.state, outcome.figures, outcome.loss = state, figures, loss
        except (NstError, OSError, RuntimeError, MemoryError) as error:
            outcome.state, outcome.error = "failed", " ".join(str(error).split()) or type(error).__name__
            if isinstance(error, OutputError):
                raise
        return True

    def _find(self, method: Method) -> dict[str, Any] | None:
        if method.refused:
            raise RuntimeError(method.refused)
        target = self.image(method)
        kept = None if self._setting.options.overwrite else self._losses.cache.find(self._setting.key(method))
        if kept is None or not target.is_file() or file_sha256(target) != kept["sha256"]:
            return None
        figures: dict[str, Any] = kept["figures"]
        return figures

    def _make(self, method: Method) -> dict[str, Any]:
        target = self.image(method)
        figures = self._paint({**self._setting.request(method), "target": str(target)})
        self._losses.cache.keep(self._setting.key(method), {"figures": figures, "sha256": file_sha256(target)})
        return figures

    def _paint(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            asked, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
            asked.write_text(json.dumps(request), "utf-8")
            arguments = ["-m", "nst_bench.compare.paint", str(asked), str(answer)]
            try:
                spent = launcher.run_process(arguments, self._setting.options.time_limit)
            except RuntimeError as error:
                raise RuntimeError(_with_advice(str(error))) from error
            figures: dict[str, Any] = json.loads(answer.read_text("utf-8"))
        return {**figures, **{name: value for name, value in spent.items() if name != "seconds"}}

    def _measure(self, method: Method) -> Loss:
        key = self._losses.key(
            "compare-losses",
            image=file_sha256(self.image(method)),
            photograph=self._setting.photograph.key,
            painting=self._setting.painting.sha256,
        )
        result = self._losses.cache.find(key)
        if result is None:
            target = self._losses.grams(self._setting.painting)
            result = asdict(self._losses.measure(read_rgb(self.image(method)), target, 0))
            if not all(map(math.isfinite, result.values())):
                raise RuntimeError("the image's losses are not finite. Try the precision fp32")
            self._losses.cache.keep(key, result)
        return Loss(**result)


def _with_advice(message: str) -> str:
    """The launcher's message about a process that wrote none itself, with what to do next."""
    if message == "ended by signal 9":  # SIGKILL, which Windows has no name for
        return f"{message}, as a system does when memory runs out. Give a smaller side"
    return f"{message}. Give a longer time limit" if message.startswith("not done in ") else message
