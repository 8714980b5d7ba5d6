from pathlib import Path
from typing import Any

import pytest
from nst_bench.harness.workload import Case, Target
from nst_bench.speed.video_throughput import measure_video, summary


@pytest.fixture
def cpu(inverting: Path) -> dict[str, Any]:
    return {"device": "cpu", "model": inverting}


def test_a_video_is_measured_stage_by_stage_and_whole(cpu: dict[str, Any], opened_sessions: list[Any]) -> None:
    found = measure_video(Case(64, 48), 5, 3, Target(**cpu, threads=1))
    assert (found["width"], found["height"], found["frames"], found["device"]) == (64, 48, 5, "cpu")
    assert list(found["stages"]) == ["decode", "stylise", "encode"]
    assert all(stage["seconds"] > 0 for stage in (*found["stages"].values(), found["whole"]))
    assert found["slowest"] == max(found["stages"], key=lambda name: found["stages"][name]["seconds"])
    assert found["noise"] is not None
    # With one frame in flight nothing else is measured, and there is no second stylizer.
    assert found["in_flight"] == 1
    assert found["one_at_a_time"] == found["stages"]["stylise"]
    assert [session.threads for session in opened_sessions] == [1]


def test_a_video_has_the_frames_in_flight_that_the_command_chooses(
    cpu: dict[str, Any], opened_sessions: list[Any]
) -> None:
    found = measure_video(Case(64, 48), 5, 1, Target(**cpu, threads=3))
    assert found["in_flight"] == 3
    # Three sessions for three frames at once, and one with all threads for one frame at a time.
    assert [session.threads for session in opened_sessions] == [1, 1, 1, 3]
    assert found["one_at_a_time"] != found["stages"]["stylise"]


def test_the_whole_is_compared_with_the_slowest_stage_and_with_all_cores() -> None:
    spent = {
        "decode": [(1.0, 1.5), (1.2, 1.5), (1.1, 1.5)],
        "stylise": [(4.0, 7.0), (4.0, 7.0), (9.0, 7.0)],
        "encode": [(2.0, 3.5), (2.0, 3.5), (2.0, 3.5)],
        "one at a time": [(5.5, 8.0), (5.5, 8.0), (5.5, 8.0)],
        "whole": [(6.6, 12.5), (6.6, 12.5), (6.6, 12.5)],
    }
    found = summary(spent, cores=2)
    assert found["slowest"] == "stylise"
    assert found["stages"]["decode"] == {"seconds": 1.1, "cpu_seconds": 1.5}
    assert found["ratio_to_slowest"] == 1.65
    # 12 seconds of two cores are six, and more than the slowest stage alone.
    assert found["shared_seconds"] == 6.0
    assert found["ratio_to_bound"] == 1.1
    # Frame after frame, each on all cores, stylising alone takes longer, and no part of that is the bound's.
    assert found["one_at_a_time"] == {"seconds": 5.5, "cpu_seconds": 8.0}
    assert found["ratio_to_one_at_a_time"] == 1.2
    # With cores enough, the slowest stage is the bound.
    assert summary(spent, cores=16)["ratio_to_bound"] == 1.65
