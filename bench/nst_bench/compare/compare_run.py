"""The methods one after the other, each in its own process; one that fails does not hold up the rest."""

import json
import math
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nst_rt import __version__
from nst_rt.engine.devices import parse_device
from nst_rt.errors import NstError, OutputError
from nst_rt.files.atomic import why_not_written
from nst_rt.files.reading import file_sha256
from nst_train.data.images import read_rgb

from nst_bench.compare.methods import Method
from nst_bench.harness.launcher import run_process
from nst_bench.harness.store import Store
from nst_bench.quality.images import Painting, Photograph
from nst_bench.quality.measuring import Loss, Measurements

State = Literal["made", "kept", "failed", "not made"]
IMAGES = "images"
"""Folder of the images, beside the report."""
DECIDING = ("processor", "logical_cores", "gpus", "packages")
"""What of the machine decides seconds and memory."""


@dataclass
class Outcome:
    """What became of one method."""

    method: Method
    state: State = "not made"
    """`kept` was made by an earlier run; `not made` is for after an interruption."""
    error: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    """What `paint.paint` and `run_process` told."""
    loss: Loss | None = None

    @property
    def painted(self) -> bool:
        """There is an image, and it was judged."""
        return self.loss is not None

    @property
    def why_not(self) -> str:
        """For an image that is not there."""
        return self.error or "not made: interrupted"


@dataclass(frozen=True)
class Setting:
    """What all methods share."""

    photograph: Photograph
    painting: Painting
    side: int
    device: str
    precision: str
    threads: int | None
    optimizing_precision: str
    time_limit: float
    """Seconds after which a method is given up."""
    machine: Mapping[str, Any]
    """As `describe_machine` tells."""

    def request(self, method: Method) -> dict[str, Any]:
        """What `paint.paint` is asked for, its target apart."""
        # PyTorch knows neither TensorRT nor OpenVINO: the card or the processor is what was meant.
        named = parse_device(self.device)
        torch_device = "auto" if named is None else "cuda" if named.on_gpu else "cpu"
        optimizes = method.kind == "optimize"
        return {
            **method.request,
            "kind": method.kind,
            "content": str(self.photograph.path),
            "side": self.side,
            "device": torch_device if optimizes else self.device,
            "tuning_device": torch_device,
            "precision": self.optimizing_precision if optimizes else self.precision,
            "threads": self.threads,
        }

    def question(self, method: Method) -> dict[str, Any]:
        """What decides a method's image and figures, for `Store`; files count by what is in them."""
        request = {
            name: value for name, value in self.request(method).items() if name not in ("content", "painting", "model")
        }
        request.pop("loss_network", None)
        if method.request.get("style") == str(self.painting.path):
            request["style"] = "painting"
        return {
            "kind": "compare",
            "method": method.key,
            "photograph": self.photograph.question,
            "painting": self.painting.sha256,
            "request": request,
            "files": dict(method.decided_by),
            "nst_rt": __version__,
            "machine": {name: self.machine[name] for name in DECIDING},
        }


class Comparison:
    """The methods' images in a folder, with seconds, memory and losses.

    Args:
        folder: gets the images in `images/`; made if missing.
        anew: forget what an earlier run has left.
    """

    def __init__(
        self,
        methods: Sequence[Method],
        setting: Setting,
        measurements: Measurements,
        store: Store,
        folder: Path,
        *,
        anew: bool = False,
    ) -> None:
        self.outcomes = [Outcome(method) for method in methods]
        """In the methods' order."""
        self._setting, self._measurements, self._store = setting, measurements, store
        self._folder, self._anew = folder / IMAGES, anew
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(why_not_written(self._folder, error)) from error

    def image(self, method: Method) -> Path:
        """Where a method's image lies."""
        return self._folder / f"{method.key}.png"

    def run(self, begin: Callable[[Method], None], report: Callable[[Outcome], None]) -> None:
        """Find what an earlier run has made, then make what is missing.

        In this order an interruption leaves nothing out that is there already.

        Args:
            begin: called before a method's process is started.
            report: called with every outcome as it comes.

        Raises:
            KeyboardInterrupt: the outcomes tell how far it came.
            OutputError: the folder cannot be written to; the rest would fail alike. The outcomes tell how far it came.
        """
        missing = [one for one in self.outcomes if not self._settle(one, "kept", self._find, report)]

        def make(method: Method) -> dict[str, Any]:
            begin(method)
            return self._make(method)

        for outcome in missing:
            self._settle(outcome, "made", make, report)

    def _settle(
        self,
        outcome: Outcome,
        state: State,
        obtain: Callable[[Method], dict[str, Any] | None],
        report: Callable[[Outcome], None],
    ) -> bool:
        """Fill an outcome with its figures and losses, or with why there are none; False if nothing was obtained."""
        try:
            figures = obtain(outcome.method)
            if figures is None:
                return False
            loss = self._judge(outcome.method)
            outcome.state, outcome.figures, outcome.loss = state, figures, loss
        except (NstError, OSError, RuntimeError, MemoryError) as error:
            outcome.state, outcome.error = "failed", " ".join(str(error).split()) or type(error).__name__
            if isinstance(error, OutputError):
                raise
        report(outcome)
        return True

    def _find(self, method: Method) -> dict[str, Any] | None:
        if method.refused:
            raise RuntimeError(method.refused)
        target = self.image(method)
        kept = None if self._anew else self._store.find(self._setting.question(method))
        if kept is None or not target.is_file() or file_sha256(target) != kept["sha256"]:
            return None
        figures: dict[str, Any] = kept["figures"]
        return figures

    def _make(self, method: Method) -> dict[str, Any]:
        target = self.image(method)
        figures = self._paint({**self._setting.request(method), "target": str(target)})
        self._store.keep(self._setting.question(method), {"figures": figures, "sha256": file_sha256(target)})
        return figures

    def _paint(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            asked, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
            asked.write_text(json.dumps(request), "utf-8")
            arguments = ["-m", "nst_bench.compare.paint", str(asked), str(answer)]
            try:
                spent = run_process(arguments, self._setting.time_limit)
            except RuntimeError as error:
                raise RuntimeError(_with_advice(str(error))) from error
            told: dict[str, Any] = json.loads(answer.read_text("utf-8"))
        return {**told, **{key: value for key, value in spent.items() if key != "seconds"}}

    def _judge(self, method: Method) -> Loss:
        question = {
            "kind": "compare-losses",
            **self._measurements.question,
            "image": file_sha256(self.image(method)),
            "photograph": self._setting.photograph.question,
            "painting": self._setting.painting.sha256,
        }
        answer = self._store.find(question)
        if answer is None:
            wanted = self._measurements.grams(self._setting.painting)
            found = asdict(self._measurements.judge(read_rgb(self.image(method)), wanted, 0))
            if not all(map(math.isfinite, found.values())):
                raise RuntimeError("the image's losses are not finite. Try --precision fp32")
            self._store.keep(question, answer := found)
        return Loss(**answer)


def _with_advice(message: str) -> str:
    """What the launcher says of a process that said nothing itself, with what to do next."""
    if message == f"ended by signal {signal.SIGKILL.value}":
        return f"{message}, as a system does that is out of memory. Give a smaller --side"
    return f"{message}. Give a larger --time-limit" if message.startswith("not done in ") else message
