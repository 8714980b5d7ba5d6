import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nst_bench.speed.cold_start
import nst_bench.speed.speed_command
import nst_bench.speed.suite
import pytest
from matplotlib.axes import Axes
from nst_bench.harness.latency import Case
from nst_bench.harness.launcher import run_process
from nst_bench.speed.cold_start import measure_cold_starts
from nst_bench.speed.limits import measure_limits
from nst_bench.speed.networks import johnson_network
from nst_bench.speed.plot import draw
from nst_bench.speed.speed_command import read_report, run_suite
from nst_bench.speed.speed_report import markdown, ratios
from nst_bench.speed.suite import SUITES, Plan, Race, SuiteRun, installed_devices
from nst_bench.speed.switching import SWITCHES
from nst_bench.speed.throughput import measure_throughput
from nst_bench.speed.work import against_limits
from nst_rt.engine.devices import Device
from nst_rt.errors import DeviceError, InputError, ModelError
from nst_rt.models.catalog import find_model
from nst_rt.stylizer.stylizer import Stylizer
from tiny_models import RECORD, inverting_model

SMALL = Case(32, 16)
EMPTY = Plan(
    limits=0.01,
    start_case=SMALL,
    start_runs=1,
    start_johnson=False,
    sizes=(),
    seconds=0.01,
    memory=(),
    throughput=(),
    in_flight=(),
    races=(),
    switching=(),
    switching_seconds=0.01,
    switching_devices=None,
    pipes=(),
    pipe_seconds=0,
    videos=(),
    video_frames=5,
    video_rounds=1,
    deadline=100,
)


@pytest.fixture(autouse=True)
def nothing_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes, no minutes."""
    monkeypatch.setattr(nst_bench.speed.suite, "measure_limits", lambda seconds: {"cpu_fp32_gflops": 100.0})
    monkeypatch.setattr(nst_bench.speed.suite, "measure_cold_starts", lambda *_, **__: [])


def test_every_section_is_filled_and_kept_step_by_step(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    plan = replace(EMPTY, sizes=(SMALL, Case(48, 32, 2)), throughput=(SMALL,), in_flight=(1, 2))
    run = SuiteRun(
        *("test", plan),
        model=inverting,
        devices=[("cpu", "fp32")],
        threads=1,
        keep=lambda report: kept.append(len(report["results"]) + len(report["throughput"])),
    )
    report = run.run()
    assert report["skipped"] == []
    # After limits, two sizes, the whole processes and two numbers of frames in flight.
    assert kept == [0, 1, 2, 2, 3, 4]
    assert [(entry["width"], entry["batch"]) for entry in report["results"]] == [(32, 1), (48, 2)]
    assert [(entry["in_flight"], entry["threads"]) for entry in report["throughput"]] == [(1, 1), (2, 1)]
    assert report["results"][0]["model"]["sha256"]
    assert report["limits"] == {"cpu_fp32_gflops": 100.0}


def test_a_step_that_fails_and_time_that_runs_out_are_told(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(seconds: float) -> None:
        raise OSError("no counters")

    monkeypatch.setattr(nst_bench.speed.suite, "measure_limits", broken)
    devices = [("cuda", "fp32"), ("cpu", "fp32")]
    report = SuiteRun("test", replace(EMPTY, sizes=(SMALL,)), model=inverting, devices=devices, threads=1).run()
    assert len(report["results"]) == 1
    reasons = {entry["section"]: entry["reason"] for entry in report["skipped"]}
    assert reasons["limits"] == "OSError: no counters"
    assert "cuda" in reasons["results"]
    kept: list[int] = []
    run = SuiteRun(
        *("test", replace(EMPTY, sizes=(SMALL,), deadline=-1)),
        model=inverting,
        devices=devices,
        keep=lambda report: kept.append(len(report["skipped"])),
    )
    late = run.run()
    assert kept == [1, 2, 3, 4]
    assert {entry["reason"] for entry in late["skipped"]} == {"no time left after -1 s"}


def test_a_race_leaves_out_a_peer_that_dies_in_its_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def die(arguments: list[str], timeout: float) -> None:
        tried.append(arguments[-1])
        raise RuntimeError("ended by signal 11")

    monkeypatch.setattr(nst_bench.speed.suite, "run_process", die)
    monkeypatch.setattr(
        nst_bench.speed.suite, "open_network", lambda _, folder, __: johnson_network(folder, 4, blocks=1)
    )
    races = (Race("Johnson-4", SMALL, 0.1), Race("Johnson-4", Case(48, 32), 0.1))
    report = SuiteRun("test", replace(EMPTY, races=races), devices=[("cpu", "fp32")], threads=1).run()
    for race in report["races"]:
        names = [result["name"] for result in race["results"]]
        assert names == ["nst-rt cpu fp32", "PyTorch eager", "ONNX Runtime, plain"]
        assert {"name": "OpenCV DNN", "reason": "ended by signal 11"} in race["skipped"]
    # Once for both races.
    assert tried.count("OpenCV DNN") == 1


def test_without_an_int8_file_the_reason_names_the_network_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nst_bench.speed.suite, "run_process", lambda *_: {})
    monkeypatch.setattr(
        nst_bench.speed.suite, "open_network", lambda _, folder, __: johnson_network(folder, 4, blocks=0)
    )
    devices = [("cpu", "fp32"), ("cpu", "int8")]
    plan = replace(EMPTY, races=(Race("Johnson-4", SMALL, 0.1),))
    (race,) = SuiteRun("test", plan, devices=devices, threads=1).run()["races"]
    reasons = {entry["name"]: entry["reason"] for entry in race["skipped"]}
    assert reasons["nst-rt cpu int8"] == "Johnson-4 has no int8 file"
    assert reasons["ONNX Runtime, plain, int8"] == "Johnson-4 has no int8 file"


def test_beside_a_network_that_only_peers_run_ours_is_the_built_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nst_bench.speed.suite, "run_process", lambda *_: {})
    plan = replace(EMPTY, races=(Race("MicroAST", SMALL, 0.1),))
    report = SuiteRun("test", plan, devices=[("cpu", "fp32"), ("cpu", "int8")], threads=1).run()
    assert report["skipped"] == []
    (race,) = report["races"]
    ran = {result["name"]: result for result in race["results"]}
    assert {name: result["network"] for name, result in ran.items() if name != "ncnn"} == {
        "nst-rt cpu fp32": "built-in",
        "nst-rt cpu int8": "built-in",
        "PyTorch eager": "MicroAST",
        "ONNX Runtime, plain": "MicroAST",
        "OpenCV DNN": "MicroAST",
    }
    # Held against PyTorch, which is the first to run that network, and not against ours.
    assert ran["PyTorch eager"]["agreement_db"] is None
    assert ran["ONNX Runtime, plain"]["agreement_db"] is None or ran["ONNX Runtime, plain"]["agreement_db"] > 60
    text = markdown(report)
    heading = "## In turns: MicroAST beside ours, built-in, 32x16 (weights random in MicroAST's architecture, same cost"
    assert heading in text
    assert "| PyTorch eager, MicroAST |" in text
    found = dict(ratios(report))
    assert set(found) == {
        f"built-in on nst-rt cpu {precision}, faster than MicroAST in {peer}, 32x16"
        for precision in ("fp32", "int8")
        for peer in ("PyTorch eager", "ONNX Runtime, plain")
    }
    plain, ours = (ran[name]["latency"]["p50"] for name in ("ONNX Runtime, plain", "nst-rt cpu int8"))
    row = "built-in on nst-rt cpu int8, faster than MicroAST in ONNX Runtime, plain, 32x16"
    assert found[row] == pytest.approx(plain / ours)


def test_every_kind_of_switch_is_a_step_of_its_own(monkeypatch: pytest.MonkeyPatch, inverting: Path) -> None:
    asked: list[tuple[Any, ...]] = []

    def measure(case: Case, kind: str, seconds: float, **loading: Any) -> dict[str, Any]:
        asked.append((case, kind, seconds, loading["device"], loading["precision"], loading["model"]))
        if kind == "painting":
            raise ModelError("no encoder")
        return {"kind": kind}

    monkeypatch.setattr(nst_bench.speed.suite, "measure_switching", measure)
    plan = replace(EMPTY, switching=(SMALL,))
    report = SuiteRun("test", plan, model=inverting, devices=[("cpu", "fp32")]).run()
    assert asked == [(SMALL, kind, 0.01, "cpu", "fp32", inverting) for kind in SWITCHES]
    assert [entry["kind"] for entry in report["switching"]] == ["named", "blend", "fade"]
    (told,) = report["skipped"]
    assert (told["name"], told["reason"]) == ("cpu fp32 32x16, painting", "ModelError: no encoder")
    for devices, ran in ((None, ["fp32", "int8"]), (1, ["fp32"])):
        asked.clear()
        both = [("cpu", "fp32"), ("cpu", "int8")]
        SuiteRun("test", replace(plan, switching_devices=devices), model=inverting, devices=both).run()
        assert [entry[4] for entry in asked if entry[1] == "named"] == ran


def test_devices_of_a_suite_are_those_that_the_model_has_files_for(
    inverting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = [Device("cpu"), Device("cuda"), Device("tensorrt"), Device("openvino")]
    monkeypatch.setattr(nst_bench.speed.suite, "listed_devices", lambda: installed)
    one = [("cpu", "fp32"), ("cuda", "fp32"), ("openvino", "fp32"), ("openvino", "bf16")]
    assert installed_devices(find_model(inverting)) == one
    inverting_model(inverting.with_name("inverting.fp16.onnx"), replace(RECORD, precision="fp16"))
    assert installed_devices(find_model(inverting)) == [*one[:2], ("cuda", "fp16"), *one[2:]]


def test_files_of_a_suite(inverting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUITES, "quick", replace(EMPTY, sizes=(SMALL, Case(64, 48))))
    out = tmp_path / "out.json"
    loading: dict[str, Any] = {"model": str(inverting), "device": "cpu", "precision": "auto", "threads": 1}
    report = run_suite("quick", **loading, output=out)
    assert read_report(out) == report
    assert "| cpu fp32 | 64x48 |" in out.with_suffix(".md").read_text()
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ModelError, match="no such model file"):
        run_suite("quick", **loading | {"model": "nothing.onnx"}, output=None)
    assert run_suite("quick", **loading | {"device": "cuda"}, output=None)["results"] == []
    with pytest.raises(DeviceError, match=r"no device here computes inverting\.onnx in fp16 \(.*cpu fp32"):
        run_suite("quick", **loading | {"device": "auto", "precision": "fp16"}, output=None)


def test_whole_processes_run_the_model_that_was_asked_for(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str]) -> dict[str, float]:
        ran.append(command)
        return {"seconds": 1.0, "peak_mb": 1.0}

    monkeypatch.setattr(nst_bench.speed.suite, "measure_cold_starts", measure_cold_starts)
    monkeypatch.setattr(nst_bench.speed.cold_start, "run_process", run)
    SuiteRun("test", EMPTY, model=inverting, devices=[("cpu", "fp32")]).run()
    SuiteRun("test", EMPTY, devices=[("cpu", "fp32")]).run()
    own, built_in = ran[1], ran[-1]
    assert own[-2:] == ["--model", str(inverting)]
    assert "--model" not in built_in


@pytest.mark.filterwarnings("ignore:No artists with labels")  # the lines are watched, not drawn
def test_a_plot_of_sizes_and_races(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [{"name": name, "latency": {"p50": p50}} for name, p50 in (("nst-rt cpu", 2.0), ("PyTorch", 9.0))]
    race = {"network": "built-in", "width": 640, "height": 480, "results": times}
    machine = {"processor": "A", "logical_cores": 2, "gpus": [], "nst-rt": "1"}
    path = tmp_path / "plot.png"
    sweep = [
        {**{"width": 64, "height": 48, "batch": 1, "latency": {"p50": 8.0}, "limits": {"arithmetic_share": share}}}
        | {"model": {"device": device, "precision": "fp32"}}
        for device, share in (("cpu", 0.5), ("cuda:0", 0.25))
    ]
    labels: dict[str, list[float]] = {}
    monkeypatch.setattr(Axes, "plot", lambda _, x, y, **style: labels.setdefault(style["label"], y))
    draw({"machine": machine, "results": sweep, "races": []}, path)
    assert labels["fp32 arithmetic at peak rate"] == [4]
    assert labels["fp32 arithmetic at peak rate on a card"] == [2]
    draw({"machine": machine, "results": [], "races": [race, {**race, "results": []}]}, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_frames_in_flight_are_counted_together(inverting: Path) -> None:
    told = measure_throughput(SMALL, 2, 0.0, threads=1, model=inverting, device="cpu")
    # Each of the two does at least two.
    assert told["latency"]["count"] == 4
    assert (told["in_flight"], told["threads"], told["device"], told["precision"]) == (2, 1, "cpu", "fp32")


def test_every_session_is_open_before_the_time_counts(
    inverting: Path, opened: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_calls: list[int] = []
    call = Stylizer.__call__

    def told(self: Stylizer, frame: Any) -> Any:
        at_calls.append(len(opened))
        return call(self, frame)

    monkeypatch.setattr(Stylizer, "__call__", told)
    measure_throughput(SMALL, 3, 0.0, threads=3, model=inverting, device="cpu")
    assert at_calls == [3] * 6


def test_an_error_in_flight_is_raised(inverting: Path) -> None:
    with pytest.raises(ModelError):
        measure_throughput(SMALL, 1, 0.0, threads=1, model=inverting.with_name("none.onnx"))


def test_shares_of_the_limits() -> None:
    result = {"width": 1000, "height": 500, "batch": 2, "latency": {"p50": 10.0}}
    limits = {"cpu_fp32_gflops": 200.0, "cpu_bf16_gflops": 800.0, "memory_copy_gb_s": 3.0, "cuda_fp16_gflops": 4000.0}
    fp32 = against_limits({**result, "model": {"device": "cpu", "precision": "fp32"}}, 10**9, limits)
    # 1 GFLOP takes 5 ms at 200 GFLOP/s; 3 MB in and 3 MB out take 2 ms at 3 GB/s.
    assert fp32 == {"gflop": 1.0, "gflops_reached": 100.0, "arithmetic_share": 0.5, "memory_share": 0.2}
    bf16 = against_limits({**result, "model": {"device": "openvino", "precision": "bf16"}}, 10**9, limits)
    assert bf16["arithmetic_share"] == 0.125
    fp16 = against_limits({**result, "model": {"device": "cuda:0", "precision": "fp16"}}, 10**9, limits)
    assert (fp16["arithmetic_share"], "memory_share" in fp16) == (0.025, False)
    int8 = against_limits({**result, "model": {"device": "cpu", "precision": "int8"}}, 10**9, limits)
    assert "arithmetic_share" not in int8  # its peak rate is not measured
    assert against_limits({**result, "model": {"device": "cpu", "precision": "fp32"}}, None, {}) == {}


def test_limits_are_rates_and_a_missing_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import nst_bench.speed.limits as limits

    monkeypatch.setattr(limits, "SIDE", 64)
    monkeypatch.setattr(limits, "MEGABYTE", 1 << 10)
    monkeypatch.setattr(limits, "_cpu_bf16", lambda seconds: 1 / 0)
    found = measure_limits(0.01)
    assert found["cpu_fp32_gflops"] > 0
    assert found["memory_copy_gb_s"] > 0
    assert found["skipped"] == {"cpu_bf16_gflops": "ZeroDivisionError: division by zero"}


def test_a_process_is_measured_apart_from_ours() -> None:
    held = bytearray(300 << 20)
    held[::4096] = b"x" * len(held[::4096])
    told = run_process(["-c", "data = bytearray(64 << 20); data[::4096] = b'x' * (len(data) // 4096)"])
    assert 64 < told["peak_mb"] < 150
    assert told["seconds"] > 0


@pytest.mark.parametrize(
    ("program", "timeout", "reason"),
    [
        ("raise ValueError('what')", 20, "ValueError: what"),
        ("import os; os.kill(os.getpid(), 9)", 20, "ended by signal 9"),
        ("import time; time.sleep(30)", 0.3, "not done in 0.3 s"),
    ],
)
def test_a_process_that_fails_says_why(program: str, timeout: float, reason: str) -> None:
    with pytest.raises(RuntimeError, match=reason):
        run_process(["-c", program], timeout)


def test_whole_processes_and_those_that_fail() -> None:
    bare, ours, absent = measure_cold_starts(SMALL, 1, johnson=False, devices=["cpu", "cuda"])
    assert ours["p50_ms"] > bare["p50_ms"] > 0
    assert (ours["runs"], ours["name"]) == (1, "nst-rt image, cpu")
    assert "device cuda" in absent["reason"]


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


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    for text in ("{}", "[1]", "no json"):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(InputError, match="no report of nst-rt bench"):
            read_report(tmp_path / "x.json")
