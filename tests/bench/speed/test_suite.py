"""Suites: which steps they have, what is kept, and what is reported of steps that fail."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nst_bench.harness import launcher
from nst_bench.harness.workload import Case, Target
from nst_bench.speed.report_comparison import read_report
from nst_bench.speed.suite import SuiteOptions, SuiteRun, choose_targets, installed_targets, run_suite
from nst_bench.speed.suite_plans import SUITES, ColdStarts, Plan
from nst_bench.speed.switching import SWITCHES
from nst_rt.engine.devices import Device
from nst_rt.errors import DeviceError, ModelError
from nst_rt.models.catalog import find_model
from tiny_models import RECORD, inverting_model

SMALL = Case(32, 16)
EMPTY = Plan(deadline=100)


@pytest.fixture
def cpu(inverting: Path) -> Target:
    return Target("cpu", "fp32", inverting, 1)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines of processes that end at once."""
    lines: list[list[str]] = []

    def run_process(arguments: list[str], timeout: float = 1) -> dict[str, float]:
        lines.append(arguments)
        return {"seconds": 1.0, "peak_mb": 2.0}

    monkeypatch.setattr(launcher, "run_process", run_process)
    return lines


def test_every_section_is_filled_and_kept_step_by_step(cpu: Target, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    kept: list[int] = []

    def say(line: str) -> None:
        report = json.loads(out.read_text()) if out.exists() else {"results": [], "throughput": []}
        kept.append(len(report["results"]) + len(report["throughput"]))

    plan = replace(EMPTY, sizes=(SMALL, Case(48, 32, 2)), seconds=0.01, throughput=(SMALL,), in_flight=(1, 2))
    report = SuiteRun("test", plan, [cpu], say, out).run()
    assert report["skipped"] == []
    assert kept == [0, 1, 2, 3]
    assert json.loads(out.read_text()) == report
    assert [(entry["width"], entry["batch"]) for entry in report["results"]] == [(32, 1), (48, 2)]
    assert [(entry["in_flight"], entry["threads"]) for entry in report["throughput"]] == [(1, 1), (2, 1)]
    assert report["results"][0]["model"]["sha256"]


def test_a_step_that_fails_is_reported_and_the_rest_continues(cpu: Target) -> None:
    targets = [replace(cpu, device="cuda"), cpu]
    report = SuiteRun("test", replace(EMPTY, sizes=(SMALL,)), targets).run()
    assert len(report["results"]) == 1
    (skipped,) = report["skipped"]
    assert (skipped["section"], skipped["name"]) == ("results", "cuda fp32 32x16")
    assert "cuda" in skipped["reason"]


def test_after_the_deadline_nothing_begins(cpu: Target) -> None:
    report = SuiteRun("test", replace(EMPTY, sizes=(SMALL,), switching=(SMALL,), deadline=-1), [cpu]).run()
    assert len(report["skipped"]) == 1 + len(SWITCHES)
    assert {entry["reason"] for entry in report["skipped"]} == {"no time left after -1 s"}


def test_every_kind_of_switch_is_a_step_of_its_own(cpu: Target) -> None:
    # The model has no style vectors, so every step is reported with the reason.
    targets = [cpu, replace(cpu, precision="int8")]
    for devices, ran in ((None, ["cpu fp32", "cpu int8"]), (1, ["cpu fp32"])):
        plan = replace(EMPTY, switching=(SMALL,), switching_devices=devices)
        skipped = SuiteRun("test", plan, targets).run()["skipped"]
        assert [entry["name"] for entry in skipped] == [f"{name} 32x16, {kind}" for name in ran for kind in SWITCHES]


def test_whole_processes_run_the_model_that_was_asked_for(launched: list[list[str]], cpu: Target) -> None:
    plan = replace(EMPTY, cold_starts=ColdStarts(case=SMALL, runs=1, pytorch=False), memory=(SMALL,))
    report = SuiteRun("test", plan, [cpu, replace(cpu, precision="int8")]).run()
    assert report["skipped"] == []
    assert [start["name"] for start in report["cold_start"]][1:] == ["nst-rt image, cpu"]
    assert launched[1][-2:] == ["--model", str(cpu.model)]
    assert [(used["precision"], used["peak_mb"]) for used in report["memory"]] == [("fp32", 2.0), ("int8", 2.0)]
    assert launched[-1][-4:] == ["--model", str(cpu.model), "--threads", "1"]
    launched.clear()
    SuiteRun("test", plan, [Target("cpu", "fp32")]).run()
    assert not any("--model" in line for line in launched)


def test_targets_are_those_that_the_model_has_files_for(inverting: Path) -> None:
    installed = [Device("cpu"), Device("cuda"), Device("tensorrt"), Device("openvino")]
    one = [("cpu", "fp32"), ("cuda", "fp32"), ("openvino", "fp32"), ("openvino", "bf16")]
    assert installed_targets(find_model(inverting), installed) == one
    inverting_model(inverting.with_name("inverting.fp16.onnx"), replace(RECORD, precision="fp16"))
    assert installed_targets(find_model(inverting), installed) == [*one[:2], ("cuda", "fp16"), *one[2:]]


def test_a_device_or_a_precision_narrows_the_suite(inverting: Path) -> None:
    wanted = Target(model=inverting, threads=3)
    assert choose_targets(replace(wanted, device="cpu")) == [Target("cpu", "fp32", inverting, 3)]
    assert choose_targets(replace(wanted, device="cuda", precision="fp16")) == [Target("cuda", "fp16", inverting, 3)]
    with pytest.raises(DeviceError, match=r"no device here computes inverting\.onnx in fp16 \(.*cpu fp32"):
        choose_targets(replace(wanted, precision="fp16"))
    with pytest.raises(ModelError, match="no such model file"):
        choose_targets(Target(model="nothing.onnx"))


def test_the_files_of_a_suite(inverting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUITES, "quick", replace(EMPTY, sizes=(SMALL, Case(64, 48)), seconds=0.01))
    out = tmp_path / "out.json"
    report = run_suite(SuiteOptions(suite="quick", target=Target("cpu", model=str(inverting), threads=1), output=out))
    assert read_report(out) == report
    assert "| cpu fp32 | 64x48 |" in out.with_suffix(".md").read_text()
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_the_full_suite_has_everything() -> None:
    empty = {name for name, value in vars(SUITES["full"]).items() if not value and name != "switching_devices"}
    assert empty == set()


def test_bad_values_of_a_plan_are_impossible() -> None:
    given: dict[str, Any] = {"size": SMALL}
    with pytest.raises(TypeError):
        Plan(deadline=1, **given)
