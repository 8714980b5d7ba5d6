import copy
from typing import Any

import pytest
from nst_bench.speed.comparison import compare, markdown
from nst_bench.speed.entries import entries
from nst_bench.speed.speed_report import markdown as whole_report
from nst_bench.speed.speed_report import ratios


def latency(p50: float) -> dict[str, float]:
    return {"count": 9, **dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "min", "max"), p50)}


def result(p50: float, width: int = 640, precision: str = "fp32") -> dict[str, Any]:
    model = {"model": "conditional", "device": "cpu", "precision": precision, "file": "conditional.onnx"}
    sizes = {"width": width, "height": 480, "batch": 1, "first_call_ms": 50.0, "frames_per_second": 1e3 / p50}
    return {**sizes, "latency": latency(p50), "noise": 0.02, "model": model, "limits": {"arithmetic_share": 0.5}}


def contender(name: str, p50: float) -> dict[str, Any]:
    told = {"prepare_ms": 9.0, "frames_per_second": 1e3 / p50, "noise": 0.01, "agreement_db": None}
    return {"name": name, "latency": latency(p50), **told}


def race(network: str, **times: float) -> dict[str, Any]:
    results = [contender(name.replace("_", " "), p50) for name, p50 in times.items()]
    told = {"network": network, "weights": "as shipped", "width": 640, "height": 480}
    return {**told, "results": results, "skipped": [{"name": "ncnn", "reason": "not installed"}]}


def start(name: str, p50: float, peak: float) -> dict[str, Any]:
    return {"name": name, "runs": 3, "p50_ms": p50, "min_ms": p50, "noise": 0.01, "peak_mb": peak}


@pytest.fixture
def report() -> dict[str, Any]:
    johnson = race("Johnson-32", **{"nst-rt_cpu_fp32": 400.0, "PyTorch_eager": 900.0})
    johnson["results"].append(contender("ONNX Runtime, plain", 600))
    return {
        "suite": "test",
        "machine": {
            **{"processor": "A", "logical_cores": 2, "gpus": [], "system": "Linux", "python": "3.11", "nst-rt": "1"},
            "packages": {"numpy": "2"},
        },
        "limits": {"cpu_fp32_gflops": 200.0, "memory_copy_gb_s": 10.0},
        "results": [result(20.0), result(60.0, 1920)],
        "races": [race("built-in", **{"nst-rt_cpu_fp32": 20.0, "PyTorch_eager": 60.0}), johnson],
        "cold_start": [
            start("imports: numpy, OpenCV, ONNX Runtime", 150, 60),
            start("nst-rt image, cpu", 450, 200),
            start("PyTorch, Johnson-32", 9000, 1000),
        ],
        "throughput": [
            {"device": "cpu", "precision": "fp32", "width": 640, "height": 480, "batch": 1, "in_flight": 2}
            | {"threads": 1, "frames_per_second": 50.0, "latency": latency(40)}
        ],
        "memory": [{"device": "cpu", "precision": "fp32", "width": 640, "height": 480, "peak_mb": 100.0}],
        "skipped": [{"section": "races", "name": "x", "reason": "no time left after 1 s"}],
        "seconds": 12.0,
    }


SWEEP = "conditional, cpu fp32, 640x480"


def verdicts(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    return {row.key: row.verdict for row in compare(old, new)}


def test_a_report_equals_itself(report: dict[str, Any]) -> None:
    rows = compare(report, report)
    assert {row.key for row in rows} == set(entries(report))
    assert {(row.verdict, row.ratio) for row in rows} == {("same", 1.0)}


# Three times the noise of both runs, 2 % each: 8.5 %.
@pytest.mark.parametrize(("p50", "verdict"), [(21.5, "same"), (22.5, "worse"), (18.6, "same"), (18.0, "better")])
def test_a_difference_has_to_exceed_the_noise(report: dict[str, Any], p50: float, verdict: str) -> None:
    new = copy.deepcopy(report)
    new["results"][0] = result(p50)
    assert verdicts(report, new)[SWEEP] == verdict


def test_more_frames_a_second_are_better_and_more_memory_worse(report: dict[str, Any]) -> None:
    new = copy.deepcopy(report)
    new["throughput"][0]["frames_per_second"] = 80.0
    new["memory"][0]["peak_mb"] = 110.0
    found = verdicts(report, new)
    assert found["2 in flight: cpu fp32, 640x480"] == "better"
    assert found["memory: cpu fp32, 640x480"] == "worse"


def test_what_the_machine_alone_explains_is_unsure(report: dict[str, Any]) -> None:
    new = copy.deepcopy(report)
    new["limits"]["cpu_fp32_gflops"] = 100.0
    new["results"] = [result(40.0), result(60.0, 1920)]
    new["throughput"][0]["frames_per_second"] = 25.0
    found = verdicts(report, new)
    assert (found[SWEEP], found["2 in flight: cpu fp32, 640x480"]) == ("unsure", "unsure")
    assert "0.50 times the old run's" in markdown(compare(report, new), report, new)


def test_reports_of_the_first_format_and_of_other_machines_compare(report: dict[str, Any]) -> None:
    first = result(30.0)
    del first["noise"], first["limits"]
    old = {"machine": {"processor": "B"}, "results": [first]}
    (row,) = compare(old, report)
    assert (row.key, row.ratio, row.verdict) == (SWEEP, round(20 / 30, 4), "better")
    assert markdown([row], old, report).startswith("**Other machines** (B, then A)")


def test_each_peer_is_held_against_what_runs_the_same_file_by_the_same_library(report: dict[str, Any]) -> None:
    times = {"nst-rt openvino int8": 10.0, "nst-rt cpu int8": 8.0, "OpenVINO Python API, int8": 11.0}
    times |= {"OpenVINO Python API, int8 and bf16": 7.5, "ONNX Runtime, plain, int8": 12.0}
    report["races"][0]["results"] += [contender(name, p50) for name, p50 in times.items()]
    found = dict(ratios(report))
    assert found["built-in, 640x480: nst-rt openvino int8, faster than OpenVINO Python API, int8"] == 1.1
    assert found["built-in, 640x480: nst-rt openvino int8, faster than OpenVINO Python API, int8 and bf16"] == 0.75
    assert found["built-in, 640x480: nst-rt cpu int8, faster than ONNX Runtime, plain, int8"] == 1.5


def switching(kind: str, p50: float, largest_times: float) -> dict[str, Any]:
    told = {"device": "cpu", "precision": "fp32", "width": 640, "height": 480, "kind": kind, "switches": 5}
    told |= {"at_switch": latency(p50), "without": latency(20), "noise": 0.02}
    return told | {"median_times": p50 / 20, "largest_times": largest_times, "largest_times_without": 1.25}


def test_live_switching_in_words_and_compared(report: dict[str, Any]) -> None:
    report["switching"] = [switching("named", 22, 1.5), switching("painting", 30, 2.25)]
    text = whole_report(report)
    assert "| cpu fp32 | 640x480 | painting | 5 (9) | 20.00 | 1.50 | 2.25 | 1.25 | ±2.0 % |" in text
    new = copy.deepcopy(report)
    new["switching"][1] = switching("painting", 22, 1.5)
    found = verdicts(report, new)
    assert found["switching, painting: cpu fp32, 640x480"] == "better"
    assert found["switching, named: cpu fp32, 640x480"] == "same"


def test_headlines(report: dict[str, Any]) -> None:
    found = dict(ratios(report))
    assert found["built-in on nst-rt cpu fp32, faster than Johnson-32 in plain ONNX Runtime, 640x480"] == 30
    assert found["built-in, 640x480: nst-rt cpu fp32, faster than PyTorch eager"] == 3
    assert found["whole process, nst-rt image, cpu: faster than PyTorch with Johnson-32"] == 20
    assert found["whole process, nst-rt image, cpu: smaller than PyTorch with Johnson-32"] == 5
    assert found["whole process, nst-rt image, cpu: times the bare imports"] == 3


def test_a_start_is_held_against_imports_and_one_inference_of_the_same_size_and_device(report: dict[str, Any]) -> None:
    row = "whole process, nst-rt image, cpu: times bare imports plus one inference (1.5 allowed)"
    assert row not in dict(ratios(report))  # the two are of other sizes, or nobody knows
    report["cold_start"][1] |= {"width": 1920, "height": 480}
    # 450 ms; 150 of imports and 60 of the closed loop at 1920x480.
    assert dict(ratios(report))[row] == pytest.approx(450 / 210)
    report["cold_start"][1] |= {"width": 640}
    assert dict(ratios(report))[row] == pytest.approx(450 / 170)
    report["results"][0]["model"]["precision"] = "int8"
    assert row not in dict(ratios(report))


def test_the_report_in_words(report: dict[str, Any]) -> None:
    text = whole_report(report)
    assert "| cpu fp32 | 640x480 | 20.00 | 20.00 | 20.00 | 20.00 | 50.0 | 65.1 | 50 | 50.0 % |  | ±2.0 % |" in text
    assert "| PyTorch eager | 60.00 | 60.00 | 16.7 | 3.00 | 3.00 | equal | 9 | ±1.0 % |" in text
    assert "Not measured: ncnn: not installed." in text
    assert "no time left after 1 s" in text
    report["skipped"][0]["reason"] = "Fail: a | b\n\nin a node"
    report["limits"]["skipped"] = {"cpu_bf16_gflops": "no torch"}
    text = whole_report(report)
    assert "| races | x | Fail: a / b in a node |\n| limits | cpu_bf16_gflops | no torch |" in text
    report["throughput"] = []
    assert "Frames in flight" not in whole_report(report)


def test_other_strokes_are_another_measurement(report: dict[str, Any]) -> None:
    larger = copy.deepcopy(report)
    for one in larger["results"]:
        one["model"]["stroke_size"] = 2.0
    assert "conditional, cpu fp32, 640x480, strokes of 2 times the size" in entries(larger)
    assert not set(entries(larger)) & {key for key in entries(report) if key.startswith("conditional")}
