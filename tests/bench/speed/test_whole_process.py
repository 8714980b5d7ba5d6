from nst_bench.harness.workload import Case
from nst_bench.speed.whole_process import measure_cold_starts

SMALL = Case(32, 16)


def test_whole_processes_and_those_that_fail() -> None:
    bare, ours, absent = measure_cold_starts(SMALL, 1, pytorch=False, devices=["cpu", "cuda"])
    assert ours["p50_ms"] > bare["p50_ms"] > 0
    assert (ours["runs"], ours["name"]) == (1, "nst-rt image, cpu")
    assert "device cuda" in absent["reason"]
