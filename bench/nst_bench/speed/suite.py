"""Suites: which cases are measured, in which order, and a report that is kept after each of them."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nst_rt.engine.devices import listed_devices
from nst_rt.engine.session import read_model
from nst_rt.engine.session_cache import PRECISIONS
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model
from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.harness.latency import Case, measure, moving_frames
from nst_bench.harness.launcher import run_process
from nst_bench.harness.machine import describe_machine
from nst_bench.speed.cold_start import NST_RT, measure_cold_starts
from nst_bench.speed.contender import Contender
from nst_bench.speed.limits import measure_limits
from nst_bench.speed.networks import MICRO_AST, Network, OwnNetwork, built_in_network, open_network
from nst_bench.speed.ours import Ours
from nst_bench.speed.peers import NATIVE, peers
from nst_bench.speed.pipe_throughput import measure_pipe
from nst_bench.speed.rounds import take_turns
from nst_bench.speed.switching import SWITCHES, measure_switching
from nst_bench.speed.throughput import measure_throughput
from nst_bench.speed.video import measure_video
from nst_bench.speed.work import against_limits, operations

Report = dict[str, Any]

FORMAT = 2
"""Of the report; 1 had `machine` and `results` alone."""

TRIAL_SECONDS = 60.0


@dataclass(frozen=True)
class Race:
    """A network at a size, ours and every peer in turns."""

    network: str
    """What the peers run, and ours too; beside a network that nst-rt has no file of, ours run the built-in one."""
    case: Case
    seconds: float
    compiled: bool = False


@dataclass(frozen=True)
class Plan:
    """What a suite measures. Seconds are of measuring; loading and compiling come on top."""

    limits: float
    start_case: Case
    start_runs: int
    start_johnson: bool
    sizes: tuple[Case, ...]
    seconds: float
    """Per case of the sweep."""
    memory: tuple[Case, ...]
    throughput: tuple[Case, ...]
    in_flight: tuple[int, ...]
    races: tuple[Race, ...]
    switching: tuple[Case, ...]
    switching_seconds: float
    """Per device and kind of switch."""
    switching_devices: int | None
    """How many of the devices, the first of them; None for all."""
    pipes: tuple[Case, ...]
    pipe_seconds: float
    """Per size of the pipe."""
    videos: tuple[Case, ...]
    video_frames: int
    video_rounds: int
    deadline: float
    """Seconds after which no new measurement is begun; what is missing then is told."""


VGA, HD, FULL_HD, FOUR_K = Case(640, 480), Case(1280, 720), Case(1920, 1080), Case(3840, 2160)

SUITES = {
    "quick": Plan(
        limits=2,
        start_case=FULL_HD,
        start_runs=2,
        start_johnson=False,
        sizes=(Case(256, 256), VGA, HD),
        seconds=1.5,
        memory=(VGA,),
        throughput=(VGA,),
        in_flight=(1, 2),
        races=(Race("built-in", VGA, 12), Race("Johnson-32", Case(256, 256), 8)),
        switching=(VGA,),
        switching_seconds=0.4,
        switching_devices=1,
        pipes=(),
        pipe_seconds=0,
        videos=(),
        video_frames=0,
        video_rounds=0,
        deadline=150,
    ),
    "full": Plan(
        limits=6,
        start_case=FULL_HD,
        start_runs=7,
        start_johnson=True,
        sizes=(Case(256, 256), Case(256, 256, 4), VGA, Case(640, 480, 4), HD, FULL_HD, FOUR_K),
        seconds=4,
        memory=(VGA, FULL_HD, FOUR_K),
        throughput=(VGA, HD),
        in_flight=(1, 2, 3),
        races=(
            Race("built-in", VGA, 60, compiled=True),
            Race("Johnson-32", VGA, 60),
            Race(MICRO_AST, VGA, 14),
            Race("built-in", FULL_HD, 40),
        ),
        switching=(VGA,),
        switching_seconds=1.0,
        switching_devices=None,
        pipes=(HD,),
        pipe_seconds=30,
        videos=(HD,),
        video_frames=100,
        video_rounds=3,
        deadline=1080,
    ),
}


class SuiteRun:
    """One run of a suite.

    Args:
        keep: is handed the report after every step, so that an interrupted run leaves what it has.
        say: is told what is being measured.
        threads: of every contender; their own defaults if None.
        model: another conditional model in place of the built-in network.
    """

    def __init__(
        self,
        name: str,
        plan: Plan,
        *,
        model: Path | None = None,
        devices: Sequence[tuple[str, str]] | None = None,
        threads: int | None = None,
        keep: Callable[[Report], None] = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._plan, self._model, self._threads = plan, model, threads
        self._devices = list(devices) if devices is not None else installed_devices(find_model(model or BUILT_IN))
        self._keep, self._say = keep, say
        self._begun = time.monotonic()
        self._trials: dict[tuple[str, str], str] = {}
        self.report: Report = {"format": FORMAT, "suite": name, "machine": describe_machine(), "limits": {}}
        self.report |= {
            section: []
            for section in (
                *("cold_start", "results", "throughput", "races", "switching"),
                *("pipe", "video", "memory", "skipped"),
            )
        }

    def run(self) -> Report:
        """Measure everything that the plan holds; a step that fails is told in `skipped`, with its reason."""
        plan = self._plan
        self._step("limits", "", lambda: self.report["limits"].update(measure_limits(plan.limits)))
        for case in plan.sizes:
            for device, precision in self._devices:
                self._step("results", f"{device} {precision} {case}", partial(self._sweep, case, device, precision))
        for race in plan.races:
            self._step("races", f"{race.network} {race.case}", partial(self._race, race))
        for case in plan.switching:
            for device, precision in self._devices[: plan.switching_devices]:
                for kind in SWITCHES:
                    name = f"{device} {precision} {case}, {kind}"
                    self._step("switching", name, partial(self._switching, case, kind, device, precision))
        for case in plan.pipes:
            self._step("pipe", f"{' '.join(self._devices[0])} {case}", partial(self._pipe, case, *self._devices[0]))
        self._step("cold_start", str(plan.start_case), self._cold_start)
        # One precision of each device: what bounds a video is how the stages share the machine.
        for device, precision in {device: (device, precision) for device, precision in self._devices[::-1]}.values():
            for case in plan.videos:
                self._step("video", f"{device} {precision} {case}", partial(self._video, case, device, precision))
        for case in plan.throughput:
            for number in plan.in_flight:
                for device, precision in self._devices:
                    self._step(
                        "throughput",
                        f"{device} {precision} {case}, {number} in flight",
                        partial(self._throughput, case, number, device, precision),
                    )
        for case in plan.memory:
            for device, precision in self._devices:
                self._step("memory", f"{device} {precision} {case}", partial(self._memory, case, device, precision))
        return self.report

    def _step(self, section: str, name: str, work: Callable[[], None]) -> None:
        if time.monotonic() - self._begun > self._plan.deadline:
            self._skip(section, name, f"no time left after {self._plan.deadline:.0f} s")
            self._keep(self.report)
            return
        self._say(f"{section} {name}".strip())
        try:
            work()
        except Exception as error:  # one that fails must not stop the rest
            self._skip(section, name, f"{type(error).__name__}: {error}")
        self.report["seconds"] = round(time.monotonic() - self._begun, 1)
        self._keep(self.report)

    def _skip(self, section: str, name: str, reason: str) -> None:
        self.report["skipped"].append({"section": section, "name": name, "reason": reason})

    def _loading(self, device: str, precision: str) -> dict[str, Any]:
        return {"model": self._model, "device": device, "precision": precision}

    def _sweep(self, case: Case, device: str, precision: str) -> None:
        with Stylizer.load(threads=self._threads, **self._loading(device, precision)) as stylizer:
            result = measure(stylizer, case, frames=self._frames(stylizer, case), warm_up=2)
            file = Path(stylizer.describe()["path"])
        result |= {"limits": against_limits(result, operations(file, case), self.report["limits"])}
        self.report["results"].append(result)

    def _frames(self, stylizer: Stylizer, case: Case) -> int:
        frame = moving_frames(case)[0]
        stylizer(frame)
        begun = time.perf_counter()
        stylizer(frame)
        each = time.perf_counter() - begun
        # So that `measure` sees what a first call costs.
        stylizer.close()
        return min(1000, max(5, int(self._plan.seconds / max(each, 1e-6))))

    def _race(self, race: Race) -> None:
        with tempfile.TemporaryDirectory() as folder:
            network = open_network(race.network, Path(folder), self._model)
            own = network if isinstance(network, OwnNetwork) else built_in_network(Path(folder), self._model)
            self._race_of(network, own, race)

    def _race_of(self, network: Network, own: OwnNetwork, race: Race) -> None:
        contenders: list[Contender] = [Ours(own, *device, self._threads) for device in self._devices]
        skipped: list[dict[str, str]] = []
        for peer in peers(network, compiled=race.compiled, threads=self._threads):
            if isinstance(peer, NATIVE) and not peer.available() and (reason := self._trial(race.network, peer.name)):
                skipped.append({"name": peer.name, "reason": reason})
                continue
            contenders.append(peer)

        def say(what: str) -> None:
            self._say(f"races {race.network} {race.case}: {what}")

        results, left_out = take_turns(contenders, race.case, race.seconds, say=say)
        self.report["races"].append(
            {
                "network": race.network,
                "ours": own.name,
                "weights": network.weights,
                "width": race.case.width,
                "height": race.case.height,
                "results": results,
                "skipped": skipped + left_out,
            }
        )

    def _trial(self, network: str, peer: str) -> str:
        """Why a peer cannot run a network, from a process of its own; empty where it can."""
        if (network, peer) not in self._trials:
            self._say(f"races {network}: tries {peer}")
            model = [str(self._model)] if self._model else []
            try:
                run_process(["-m", "nst_bench.speed.peers.trial", network, peer, *model], TRIAL_SECONDS)
                self._trials[network, peer] = ""
            except RuntimeError as error:
                self._trials[network, peer] = str(error)
        return self._trials[network, peer]

    def _cold_start(self) -> None:
        plan = self._plan
        names = [device for device, precision in self._devices if precision in ("auto", "fp32")]
        self.report["cold_start"] = measure_cold_starts(
            plan.start_case,
            plan.start_runs,
            johnson=plan.start_johnson,
            devices=list(dict.fromkeys(names)),
            model=self._model,
        )

    def _throughput(self, case: Case, in_flight: int, device: str, precision: str) -> None:
        loading = self._loading(device, precision)
        result = measure_throughput(case, in_flight, self._plan.seconds, threads=self._threads, **loading)
        self.report["throughput"].append(result)

    def _switching(self, case: Case, kind: str, device: str, precision: str) -> None:
        loading = self._loading(device, precision)
        seconds = self._plan.switching_seconds
        self.report["switching"].append(measure_switching(case, kind, seconds, threads=self._threads, **loading))

    def _pipe(self, case: Case, device: str, precision: str) -> None:
        loading = self._loading(device, precision)
        self.report["pipe"].append(measure_pipe(case, self._plan.pipe_seconds, threads=self._threads, **loading))

    def _video(self, case: Case, device: str, precision: str) -> None:
        loading = self._loading(device, precision)
        frames, rounds = self._plan.video_frames, self._plan.video_rounds
        self.report["video"].append(measure_video(case, frames, rounds, threads=self._threads, **loading))

    def _memory(self, case: Case, device: str, precision: str) -> None:
        options = ["--size", str(case), "--frames", "2", "--warm-up", "0", "--device", device, "--precision", precision]
        model = ["--model", str(self._model)] if self._model else []
        ran = run_process(["-c", NST_RT, "bench", *options, *model])
        told = {"device": device, "precision": precision, "width": case.width, "height": case.height}
        told |= {name: round(ran[name], 1) for name in ("peak_mb", "gpu_mb") if name in ran}
        self.report["memory"].append(told)


def installed_devices(files: ModelFiles) -> list[tuple[str, str]]:
    """Every device that is installed, with every precision that it computes and the model has a file for.

    TensorRT is left out: it would spend the suite's time on building engines. `--device tensorrt` asks for it.
    """
    here = {read_model(path).precision for path in files.variants}.intersection(PRECISIONS)
    # OpenVINO computes the fp32 file in bf16.
    offered = here | ({"bf16"} if "fp32" in here else set())
    computed = {"cpu": ("fp32", "int8"), "openvino": ("fp32", "bf16", "int8"), "cuda": ("fp32", "fp16")}
    pairs = [(device.kind, precision) for device in listed_devices() for precision in computed.get(device.kind, ())]
    return [pair for pair in pairs if pair[1] in offered] or [("auto", "auto")]
