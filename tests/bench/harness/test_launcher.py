import pytest
from nst_bench.harness.launcher import run_process


def test_memory_is_that_of_the_process_and_not_ours() -> None:
    held = bytearray(300 << 20)
    held[::4096] = b"x" * len(held[::4096])
    measured = run_process(["-c", "data = bytearray(64 << 20); data[::4096] = b'x' * (len(data) // 4096)"])
    assert 64 < measured["peak_mb"] < 150
    assert measured["seconds"] > 0


@pytest.mark.parametrize(
    ("program", "timeout", "reason"),
    [
        ("raise ValueError('what')", 20, "ValueError: what"),
        ("import os; os.kill(os.getpid(), 9)", 20, "ended by signal 9"),
        ("import sys; sys.exit(3)", 20, "ended with exit code 3 and no message"),
        ("import time; time.sleep(30)", 0.3, "not done in 0.3 s"),
    ],
)
def test_a_process_that_fails_gives_the_reason(program: str, timeout: float, reason: str) -> None:
    with pytest.raises(RuntimeError, match=reason):
        run_process(["-c", program], timeout)
