import pytest
from nst_bench.harness.noise import noise_of_run, relative_noise


def test_the_spread_of_medians() -> None:
    assert relative_noise([1, 2]) is None
    assert relative_noise([10, 10, 10]) == 0
    # Quartiles 9 and 11 around 10.
    assert relative_noise([8, 9, 10, 11, 12]) == 0.1


def test_single_slow_frames_are_no_noise_but_a_drift_is() -> None:
    assert noise_of_run([1, 1, 1, 1, 9] * 16) == 0
    assert noise_of_run([1 + index / 80 for index in range(80)]) == pytest.approx(0.15, abs=0.01)
