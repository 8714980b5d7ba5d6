import copy
from pathlib import Path
from typing import Any

import pytest
from made_reports import result, switching
from nst_bench.speed.metrics import metrics_of
from nst_bench.speed.report_comparison import compare_reports, comparison_markdown, read_report
from nst_bench.speed.speed_report import markdown
from nst_rt.errors import InputError

SWEEP = "conditional, cpu fp32, 640x480"


def verdicts(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    return {row.key: row.verdict for row in compare_reports(old, new)}


def test_a_report_equals_itself(report: dict[str, Any]) -> None:
    rows = compare_reports(report, report)
    assert {row.key for row in rows} == set(metrics_of(report))
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
    assert "was 0.50 times that of the old run" in comparison_markdown(compare_reports(report, new), report, new)


def test_reports_of_the_first_format_and_of_other_machines_compare_reports(report: dict[str, Any]) -> None:
    first = result(30.0)
    del first["noise"], first["limits"]
    old = {"machine": {"processor": "B"}, "results": [first]}
    (row,) = compare_reports(old, report)
    assert (row.key, row.ratio, row.verdict) == (SWEEP, round(20 / 30, 4), "better")
    assert comparison_markdown([row], old, report).startswith("**Different machines** (B, then A)")


def test_other_strokes_are_another_measurement(report: dict[str, Any]) -> None:
    larger = copy.deepcopy(report)
    for one in larger["results"]:
        one["model"]["stroke_size"] = 2.0
    assert "conditional, cpu fp32, 640x480, stroke size 2" in metrics_of(larger)
    assert not set(metrics_of(larger)) & {key for key in metrics_of(report) if key.startswith("conditional")}


def test_switches_are_compared_by_kind(report: dict[str, Any]) -> None:
    report["switching"] = [switching("named", 22, 1.5), switching("painting", 30, 2.25)]
    new = copy.deepcopy(report)
    new["switching"][1] = switching("painting", 22, 1.5)
    found = verdicts(report, new)
    assert found["switching, painting: cpu fp32, 640x480"] == "better"
    assert found["switching, named: cpu fp32, 640x480"] == "same"


def test_reports_without_a_common_measurement(report: dict[str, Any]) -> None:
    old = {"machine": {"processor": "A"}, "results": []}
    assert comparison_markdown(compare_reports(old, report), old, report).startswith("The two reports have no")


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    for text in ("{}", "[1]", "no json"):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(InputError, match="not a report of nst-rt bench"):
            read_report(tmp_path / "x.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_report(tmp_path / "missing.json")


def test_committed_results_are_reports(pytestconfig: pytest.Config) -> None:
    paths = sorted((pytestconfig.rootpath / "bench" / "results").glob("*.json"))
    assert paths
    for path in paths:
        report = read_report(path)
        rows = compare_reports(report, report)
        assert {row.verdict for row in rows} == {"same"}
        if (written := path.with_suffix(".md")).exists():
            assert markdown(report) == written.read_text(encoding="utf-8")
