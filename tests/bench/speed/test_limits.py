import sys

import pytest
from nst_bench.speed.limits import measure_limits
from nst_bench.speed.roofline import against_limits


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


def test_limits_are_rates_and_a_missing_one_has_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    found = measure_limits(0.01)
    assert found["cpu_fp32_gflops"] > 0
    assert found["memory_copy_gb_s"] > 0
    assert found["skipped"]["cpu_bf16_gflops"].startswith("ModuleNotFoundError")
