from typing import Any

import pytest
from made_reports import backend, switching
from nst_bench.speed.metrics import metrics_of
from nst_bench.speed.ratios import ratios
from nst_bench.speed.speed_report import markdown
from nst_bench.speed.video_throughput import summary


def test_each_peer_is_compared_with_nst_rt_that_runs_the_same_file_by_the_same_library(report: dict[str, Any]) -> None:
    times = {"nst-rt openvino int8": 10.0, "nst-rt cpu int8": 8.0, "OpenVINO Python API, int8": 11.0}
    times |= {"OpenVINO Python API, int8 and bf16": 7.5, "ONNX Runtime, plain, int8": 12.0}
    report["peers"][0]["results"] += [backend(name, p50) for name, p50 in times.items()]
    found = dict(ratios(report))
    assert found["built-in, 640x480: nst-rt openvino int8, faster than OpenVINO Python API, int8"] == 1.1
    assert found["built-in, 640x480: nst-rt openvino int8, faster than OpenVINO Python API, int8 and bf16"] == 0.75
    assert found["built-in, 640x480: nst-rt cpu int8, faster than ONNX Runtime, plain, int8"] == 1.5


def test_live_switching_in_words(report: dict[str, Any]) -> None:
    report["switching"] = [switching("named", 22, 1.5), switching("painting", 30, 2.25)]
    assert "| cpu fp32 | 640x480 | painting | 5 (9) | 20.00 | 1.50 | 2.25 | 1.25 | ±2.0 % |" in markdown(report)


def test_headlines(report: dict[str, Any]) -> None:
    found = dict(ratios(report))
    assert found["built-in on nst-rt cpu fp32, faster than Johnson-32 in plain ONNX Runtime, 640x480"] == 30
    assert found["built-in, 640x480: nst-rt cpu fp32, faster than PyTorch eager"] == 3
    assert found["whole process, nst-rt image, cpu: faster than PyTorch with Johnson-32"] == 20
    assert found["whole process, nst-rt image, cpu: smaller than PyTorch with Johnson-32"] == 5
    assert found["whole process, nst-rt image, cpu: multiple of the bare imports"] == 3


def test_a_start_is_compared_with_imports_and_one_inference_of_the_same_size_and_device(report: dict[str, Any]) -> None:
    row = "whole process, nst-rt image, cpu: multiple of bare imports plus one inference (1.5 allowed)"
    assert row not in dict(ratios(report))  # the size of the start is not known
    report["cold_start"][1] |= {"width": 1920, "height": 480}
    # 450 ms; 150 of imports and 60 of the closed loop at 1920x480.
    assert dict(ratios(report))[row] == pytest.approx(450 / 210)
    report["cold_start"][1] |= {"width": 640}
    assert dict(ratios(report))[row] == pytest.approx(450 / 170)
    report["results"][0]["model"]["precision"] = "int8"
    assert row not in dict(ratios(report))


def test_the_report_in_words(report: dict[str, Any]) -> None:
    text = markdown(report)
    assert "| cpu fp32 | 640x480 | 20.00 | 20.00 | 20.00 | 20.00 | 50.0 | 65.1 | 50 | 50.0 % |  | ±2.0 % |" in text
    assert "| PyTorch eager | 60.00 | 60.00 | 16.7 | 3.00 | 3.00 | equal | 9 | ±1.0 % |" in text
    assert "Not measured: ncnn: not installed." in text
    assert "no time left after 1 s" in text
    report["skipped"][0]["reason"] = "Fail: a | b\n\nin a node"
    report["limits"]["skipped"] = {"cpu_bf16_gflops": "no torch"}
    text = markdown(report)
    assert "| peers | x | Fail: a / b in a node |\n| limits | cpu_bf16_gflops | no torch |" in text
    report["throughput"] = []
    assert "Frames in flight" not in markdown(report)


def test_a_pipe_in_words_and_as_a_metric(report: dict[str, Any]) -> None:
    sizes = {"width": 64, "height": 48, "device": "cpu", "precision": "fp32"}
    report["pipe"] = [sizes | {"alone": 20.0, "pipe": 19.0, "ratio": 0.95, "noise": 0.01}]
    assert "| cpu fp32 | 64x48 | 20.00 | 19.00 | 0.950 | ±1.0 % |" in markdown(report)
    metric = metrics_of(report)["pipe: cpu fp32, 64x48"]
    assert (metric.value, metric.unit, metric.noise) == (19.0, "frames/s", 0.01)


def test_a_video_in_words_and_as_a_metric(report: dict[str, Any]) -> None:
    spent = {"decode": [(1.0, 1.0)], "stylise": [(4.0, 8.0)], "encode": [(2.0, 3.0)], "whole": [(5.0, 12.0)]}
    spent["one at a time"] = [(6.0, 8.0)]
    sizes = {"width": 1280, "height": 720, "frames": 100, "in_flight": 2, "device": "cpu", "precision": "fp32"}
    report["video"] = [sizes | summary(spent, 2)]
    text = markdown(report)
    assert "## Video: milliseconds per frame" in text
    assert "| 40.0 (80.0) |" in text
    assert "| 1.250 (stylise) | 60.0 (2) | 0.833 | 60.0 (80.0) | 0.833 |" in text
    assert dict(ratios(report))["video, cpu fp32, 1280x720: multiple of its slowest stage"] == 1.25
    assert metrics_of(report)["video: cpu fp32, 1280x720"].value == 20.0
