"""nst-rt beside its peers on one network."""

from pathlib import Path

import pytest
from nst_bench.harness import launcher
from nst_bench.harness.workload import Case, Target
from nst_bench.speed.peer_comparison import Comparison, PeerComparisons
from nst_bench.speed.ratios import ratios
from nst_bench.speed.speed_report import markdown

SMALL = Case(32, 16)
TARGETS = [Target("cpu", "fp32", threads=1), Target("cpu", "int8", threads=1)]


@pytest.fixture
def comparisons() -> PeerComparisons:
    return PeerComparisons(TARGETS, None, 1, lambda line: None)


def test_a_peer_that_crashes_in_its_trial_is_left_out(
    comparisons: PeerComparisons, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def crash(arguments: list[str], timeout: float) -> None:
        tried.append(arguments[-1])
        raise RuntimeError("ended by signal 11")

    monkeypatch.setattr(launcher, "run_process", crash)
    for case in (SMALL, Case(48, 32)):
        found = comparisons.measure(Comparison("Johnson-4", case, 0.1))
        names = [result["name"] for result in found["results"]]
        assert names == ["nst-rt cpu fp32", "PyTorch eager", "ONNX Runtime, plain"]
        assert {"name": "OpenCV DNN", "reason": "ended by signal 11"} in found["skipped"]
        # Without an int8 file the reason names the network, and not a temporary file.
        reasons = {skipped["name"]: skipped["reason"] for skipped in found["skipped"]}
        assert reasons["nst-rt cpu int8"] == "Johnson-4 has no int8 file"
        assert reasons["ONNX Runtime, plain, int8"] == "Johnson-4 has no int8 file"
    # Once for both sizes.
    assert tried.count("OpenCV DNN") == 1


def test_nst_rt_runs_the_built_in_network_beside_one_that_it_has_no_file_of(
    comparisons: PeerComparisons, monkeypatch: pytest.MonkeyPatch, report: dict[str, object]
) -> None:
    monkeypatch.setattr(launcher, "run_process", lambda *_: {})
    found = comparisons.measure(Comparison("MicroAST", SMALL, 0.1))
    ran = {result["name"]: result for result in found["results"]}
    assert {name: result["network"] for name, result in ran.items() if name != "ncnn"} == {
        "nst-rt cpu fp32": "built-in",
        "nst-rt cpu int8": "built-in",
        "PyTorch eager": "MicroAST",
        "ONNX Runtime, plain": "MicroAST",
        "OpenCV DNN": "MicroAST",
    }
    # Compared with PyTorch, which is the first to run that network, and not with nst-rt.
    assert ran["PyTorch eager"]["agreement_db"] is None
    assert ran["ONNX Runtime, plain"]["agreement_db"] is None or ran["ONNX Runtime, plain"]["agreement_db"] > 60
    report |= {"peers": [found], "cold_start": []}
    text = markdown(report)
    assert "## Interleaved: MicroAST, and built-in in nst-rt, 32x16 (weights random in MicroAST's architecture" in text
    assert "| PyTorch eager, MicroAST |" in text
    plain, ours = (ran[name]["latency"]["p50"] for name in ("ONNX Runtime, plain", "nst-rt cpu int8"))
    headlines = dict(ratios(report))
    assert set(headlines) == {
        f"built-in on nst-rt cpu {precision}, faster than MicroAST in {peer}, 32x16"
        for precision in ("fp32", "int8")
        for peer in ("PyTorch eager", "ONNX Runtime, plain")
    }
    row = "built-in on nst-rt cpu int8, faster than MicroAST in ONNX Runtime, plain, 32x16"
    assert headlines[row] == pytest.approx(plain / ours)


def test_another_model_is_handed_to_the_trials(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[list[str]] = []
    monkeypatch.setattr(launcher, "run_process", lambda arguments, timeout: lines.append(arguments))
    comparisons = PeerComparisons([Target("cpu", "fp32", threads=1)], inverting, 1, lambda line: None)
    comparisons.measure(Comparison("Johnson-4", SMALL, 0.05))
    assert all(line[-1] == str(inverting) for line in lines)
