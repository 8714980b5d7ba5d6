"""A suite of measurements: run step by step, the report kept after each step."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from nst_rt.engine.devices import Device, list_devices
from nst_rt.engine.session import read_model
from nst_rt.engine.session_cache import PRECISIONS
from nst_rt.errors import DependencyError, DeviceError
from nst_rt.files.atomic import refuse_unwritable, replacing
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model

from nst_bench.harness.documents import as_json, write_texts
from nst_bench.harness.machine import describe_machine
from nst_bench.harness.workload import Case, Target, moving_frames
from nst_bench.speed.closed_loop import measure_latency
from nst_bench.speed.limits import measure_limits
from nst_bench.speed.peer_comparison import PeerComparisons
from nst_bench.speed.pipe_throughput import measure_pipe
from nst_bench.speed.plot import draw
from nst_bench.speed.roofline import against_limits, operations
from nst_bench.speed.speed_report import markdown
from nst_bench.speed.suite_plans import SUITES, Plan
from nst_bench.speed.switching import SWITCHES, measure_switching
from nst_bench.speed.throughput import measure_throughput
from nst_bench.speed.video_throughput import measure_video
from nst_bench.speed.whole_process import measure_cold_starts, measure_peak_memory

Report = dict[str, Any]

FORMAT = 3
"""Of the report; those without a format have `machine` and `results` only."""
SECTIONS = ("results", "peers", "switching", "pipe", "cold_start", "video", "throughput", "memory", "skipped")
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """What `run_suite` runs."""

    suite: str = "quick"
    """`quick` or `full`."""
    target: Target = field(default_factory=Target)
    """A device other than `auto` and a precision other than `auto` narrow the suite; a model takes the built-in
    network's place."""
    output: Path | None = None
    """Of the report, as JSON; the same name with .md and .png gets the tables and the plot."""


def run_suite(options: SuiteOptions, say: Say = lambda line: None) -> Report:
    """Run a suite; the report is written to `output` after every step.

    Args:
        say: called with one line for every step.

    Returns:
        The report.

    Raises:
        DeviceError: no installed device computes the model in the precision.
        NstError: the model is missing, or `output` cannot be written.

    Examples:
        >>> run_suite(SuiteOptions(suite="quick", output=Path("bench.json")), print)  # doctest: +SKIP
    """
    output = options.output
    if output is not None:
        refuse_unwritable(output)
    run = SuiteRun(options.suite, SUITES[options.suite], choose_targets(options.target), say, output)
    report = run.run()
    if output is not None:
        write_texts(output.parent, {output.with_suffix(".md").name: markdown(report)})
        try:
            with replacing(output.with_suffix(".png")) as temporary:
                draw(report, temporary)
        except DependencyError as error:
            say(f"no plot: {error}")
    return report


def choose_targets(wanted: Target) -> list[Target]:
    """The devices and precisions that a suite measures.

    Raises:
        DeviceError: no installed device computes the model in the precision.
        ModelError: no such model.
    """
    files = find_model(wanted.model or BUILT_IN)
    # The path, because a name means nothing to the processes of a suite in another folder.
    wanted = replace(wanted, model=files.path if wanted.model else None)
    pairs = installed_targets(files, list_devices())
    if wanted.device != "auto":
        fitting = [pair for pair in pairs if pair[0] == wanted.device and wanted.precision in ("auto", pair[1])]
        pairs = fitting or [(wanted.device, wanted.precision)]
    elif wanted.precision != "auto":
        offered = ", ".join(" ".join(pair) for pair in pairs)
        pairs = [pair for pair in pairs if pair[1] == wanted.precision]
        if not pairs:
            raise DeviceError(
                f"no device here computes {files.path.name} in {wanted.precision} ({offered}). Choose one of these",
                parameter="precision",
            )
    return [replace(wanted, device=device, precision=precision) for device, precision in pairs]


def installed_targets(files: ModelFiles, installed: Sequence[Device]) -> list[tuple[str, str]]:
    """Every installed device, with every precision that it computes and the model has a file for.

    TensorRT is left out: it would spend the time of the suite on building engines.
    """
    here = {read_model(path).precision for path in files.variants}.intersection(PRECISIONS)
    # OpenVINO computes the fp32 file in bf16.
    offered = here | ({"bf16"} if "fp32" in here else set())
    computed = {"cpu": ("fp32", "int8"), "openvino": ("fp32", "bf16", "int8"), "cuda": ("fp32", "fp16")}
    pairs = [(device.kind, precision) for device in installed for precision in computed.get(device.kind, ())]
    return [pair for pair in pairs if pair[1] in offered] or [("auto", "auto")]


@dataclass(frozen=True)
class _Step:
    """One measurement of a suite."""

    section: str
    """Of the report."""
    name: str
    measure: Callable[[], Any]


class SuiteRun:
    """One run of a suite.

    Args:
        name: of the suite, for the report.
        targets: the devices and precisions to measure, all with the same model and threads.
        say: called with one line for every step.
        output: the report is written here after every step, so that an interrupted run leaves what it has.
    """

    def __init__(
        self, name: str, plan: Plan, targets: Sequence[Target], say: Say = lambda line: None, output: Path | None = None
    ) -> None:
        self._plan, self._targets, self._say, self._output = plan, list(targets), say, output
        first = self._targets[0]
        self._model = Path(first.model) if first.model else None
        self._peers = PeerComparisons(self._targets, self._model, first.threads, lambda line: say(f"peers: {line}"))
        self._begun = time.monotonic()
        self.report: Report = {"format": FORMAT, "suite": name, "machine": describe_machine(), "limits": {}}
        self.report |= {section: [] for section in SECTIONS}

    def run(self) -> Report:
        """Measure everything in the plan; a step that fails is reported in `skipped` with its reason."""
        for step in self._steps():
            self._run_step(step)
        return self.report

    def _steps(self) -> Iterator[_Step]:
        plan, targets = self._plan, self._targets
        if plan.limits_seconds:
            yield _Step("limits", "", partial(measure_limits, plan.limits_seconds))
        for case in plan.sizes:
            for target in targets:
                yield _Step("results", f"{target} {case}", partial(self._measure_size, case, target))
        for comparison in plan.peers:
            name = f"{comparison.network} {comparison.case}"
            yield _Step("peers", name, partial(self._peers.measure, comparison))
        for case in plan.switching:
            for target in targets[: plan.switching_devices]:
                for kind in SWITCHES:
                    measure = partial(measure_switching, case, kind, plan.switching_seconds, target)
                    yield _Step("switching", f"{target} {case}, {kind}", measure)
        for case in plan.pipes:
            yield _Step("pipe", f"{targets[0]} {case}", partial(measure_pipe, case, plan.pipe_seconds, targets[0]))
        if plan.cold_starts is not None:
            yield _Step("cold_start", str(plan.cold_starts.case), self._measure_cold_starts)
        # One precision per device: the bound of a video is how its stages share the machine.
        for target in {target.device: target for target in reversed(targets)}.values():
            for case in plan.videos:
                measure = partial(measure_video, case, plan.video_frames, plan.video_rounds, target)
                yield _Step("video", f"{target} {case}", measure)
        for case in plan.throughput:
            for number in plan.in_flight:
                for target in targets:
                    measure = partial(measure_throughput, case, number, plan.seconds, target)
                    yield _Step("throughput", f"{target} {case}, {number} in flight", measure)
        for case in plan.memory:
            for target in targets:
                yield _Step("memory", f"{target} {case}", partial(measure_peak_memory, case, target))

    def _run_step(self, step: _Step) -> None:
        if time.monotonic() - self._begun > self._plan.deadline:
            self._skip(step, f"no time left after {self._plan.deadline:.0f} s")
        else:
            self._say(f"{step.section} {step.name}".strip())
            try:
                self._add(step.section, step.measure())
            except Exception as error:  # the rest continues after a step that fails
                self._skip(step, f"{type(error).__name__}: {error}")
            self.report["seconds"] = round(time.monotonic() - self._begun, 1)
        if self._output is not None:
            write_texts(self._output.parent, {self._output.name: as_json(self.report)})

    def _add(self, section: str, measured: Any) -> None:
        if section == "limits":
            self.report["limits"] = measured
        elif isinstance(measured, list):
            self.report[section] += measured
        else:
            self.report[section].append(measured)

    def _skip(self, step: _Step, reason: str) -> None:
        self.report["skipped"].append({"section": step.section, "name": step.name, "reason": reason})

    def _measure_size(self, case: Case, target: Target) -> dict[str, Any]:
        with target.load() as stylizer:
            frame = moving_frames(case)[0]
            stylizer(frame)
            begun = time.perf_counter()
            stylizer(frame)
            each = time.perf_counter() - begun
            stylizer.close()  # so that the measurement includes what a first call costs
            frames = min(1000, max(5, int(self._plan.seconds / max(each, 1e-6))))
            result = measure_latency(stylizer, case, frames=frames, warm_up=2)
            file = Path(stylizer.describe()["path"])
        return result | {"limits": against_limits(result, operations(file, case), self.report["limits"])}

    def _measure_cold_starts(self) -> list[dict[str, Any]]:
        starts = self._plan.cold_starts
        assert starts is not None
        devices = [target.device for target in self._targets if target.precision in ("auto", "fp32")]
        return measure_cold_starts(
            starts.case,
            starts.runs,
            pytorch=starts.pytorch,
            devices=list(dict.fromkeys(devices)),
            model=self._model,
        )
