from collections.abc import Callable
from pathlib import Path
from typing import Any

import nst_bench.speed.video
import pytest
from nst_bench.harness.latency import Case
from nst_bench.harness.noise import relative_noise
from nst_bench.speed.entries import entries
from nst_bench.speed.speed_report import markdown, ratios
from nst_bench.speed.suite import FORMAT
from nst_bench.speed.video import measure_video, summary
from nst_rt import Stylizer


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Stylizer | None]]:
    """What was timed, and the stylizer that it was timed with; the nth of a kind takes n times a known time."""
    calls: list[tuple[str, Stylizer | None]] = []
    seconds = {"extend": 0.01, "_stylise": 0.1, "_write": 1.0, "_convert": 10.0}

    def spend(work: Callable[..., object], *arguments: Any) -> tuple[float, float]:
        name = work.__name__
        stylizer = next((one for one in arguments if isinstance(one, Stylizer)), None)
        work(*arguments)
        calls.append((name, stylizer))
        times = calls.count((name, stylizer)) if name != "_stylise" else len([1 for one, _ in calls if one == name])
        return times * seconds[name], 2 * times * seconds[name]

    monkeypatch.setattr(nst_bench.speed.video, "_timed", spend)
    return calls


def test_a_video_is_measured_stage_by_stage_and_whole(
    inverting: Path, timed: list[tuple[str, Stylizer | None]], opened: list[int | None]
) -> None:
    told = measure_video(Case(64, 48), 5, 3, model=inverting, device="cpu", threads=1)
    assert (told["width"], told["height"], told["frames"], told["device"]) == (64, 48, 5, "cpu")
    assert told["stages"] == {
        "decode": {"seconds": 0.02, "cpu_seconds": 0.04},
        "stylise": {"seconds": 0.2, "cpu_seconds": 0.4},
        "encode": {"seconds": 2.0, "cpu_seconds": 4.0},
    }
    assert told["whole"] == {"seconds": 20.0, "cpu_seconds": 40.0}
    assert told["noise"] == relative_noise([10.0, 20.0, 30.0]) > 0
    assert told["in_flight"] == 1
    # With one frame in flight there is nothing to compare, and no other stylizer.
    assert told["one_at_a_time"] == told["stages"]["stylise"]
    assert [name for name, _ in timed] == ["extend", "_stylise", "_write", "_convert"] * 3
    assert len({stylizer for _, stylizer in timed if stylizer}) == 1
    assert opened == [1]


def test_a_video_is_measured_with_the_frames_in_flight_that_the_command_takes(
    inverting: Path, timed: list[tuple[str, Stylizer | None]], opened: list[int | None]
) -> None:
    told = measure_video(Case(64, 48), 5, 1, model=inverting, device="cpu", threads=3)
    assert told["in_flight"] == 3
    # The first of two is frame after frame, in a stylizer of its own with all threads.
    assert [name for name, _ in timed] == ["extend", "_stylise", "_stylise", "_write", "_convert"]
    alone, together, whole = (stylizer for _, stylizer in timed if stylizer)
    assert alone is not together
    assert together is whole
    assert opened == [1, 1, 1, 3]
    assert told["one_at_a_time"] == {"seconds": 0.1, "cpu_seconds": 0.2}
    assert told["stages"]["stylise"] == {"seconds": 0.2, "cpu_seconds": 0.4}


def test_frames_that_are_stylised_one_at_a_time_are_dropped(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: list[bool] = []

    def spend(work: Callable[..., object], *arguments: Any) -> tuple[float, float]:
        before = [id(frame.bgr) for frame in arguments[1]] if work.__name__ == "_stylise" else []
        work(*arguments)
        if before:
            changed.append(before != [id(frame.bgr) for frame in arguments[1]])
        return 1.0, 1.0

    monkeypatch.setattr(nst_bench.speed.video, "_timed", spend)
    measure_video(Case(64, 48), 5, 1, model=inverting, device="cpu", threads=2)
    assert changed == [False, True]


def test_the_whole_is_held_against_the_slowest_stage_and_against_all_cores() -> None:
    spent = {
        "decode": [(1.0, 1.5), (1.2, 1.5), (1.1, 1.5)],
        "stylise": [(4.0, 7.0), (4.0, 7.0), (9.0, 7.0)],
        "encode": [(2.0, 3.5), (2.0, 3.5), (2.0, 3.5)],
        "one at a time": [(5.5, 8.0), (5.5, 8.0), (5.5, 8.0)],
        "whole": [(6.6, 12.5), (6.6, 12.5), (6.6, 12.5)],
    }
    told = summary(spent, cores=2)
    assert told["slowest"] == "stylise"
    assert told["stages"]["decode"] == {"seconds": 1.1, "cpu_seconds": 1.5}
    assert told["times_slowest"] == 1.65
    # 12 seconds of two cores are six, and more than the slowest stage alone.
    assert told["shared_seconds"] == 6.0
    assert told["times_bound"] == 1.1
    # Frame after frame, each on all cores, stylising alone takes longer, and no part of that is the bound's.
    assert told["one_at_a_time"] == {"seconds": 5.5, "cpu_seconds": 8.0}
    assert told["times_one_at_a_time"] == 1.2
    # With cores enough, the slowest stage is the bound.
    assert summary(spent, cores=16)["times_bound"] == 1.65


@pytest.fixture
def report() -> dict[str, object]:
    spent = {"decode": [(1.0, 1.0)], "stylise": [(4.0, 8.0)], "encode": [(2.0, 3.0)], "whole": [(5.0, 12.0)]}
    spent["one at a time"] = [(6.0, 8.0)]
    video = {
        "width": 1280,
        "height": 720,
        "frames": 100,
        "in_flight": 2,
        "device": "cpu",
        "precision": "fp32",
        **summary(spent, 2),
    }
    machine = {
        "packages": {},
        "gpus": [],
        "processor": "x",
        "logical_cores": 2,
        "system": "s",
        "python": "3",
        "nst-rt": "0",
    }
    empty = {section: [] for section in ("results", "races", "cold_start", "throughput", "memory", "skipped")}
    return {"format": FORMAT, "suite": "test", "machine": machine, "limits": {}, **empty, "video": [video]}


def test_a_video_stands_in_report_ratios_and_comparison(report: dict[str, object]) -> None:
    text = markdown(report)
    assert "## Video: milliseconds a frame" in text
    assert "| 40.0 (80.0) |" in text
    assert "| 1.250 (stylise) | 60.0 (2) | 0.833 | 60.0 (80.0) | 0.833 |" in text
    # A report from before frames in flight.
    del report["video"][0]["one_at_a_time"], report["video"][0]["in_flight"]
    assert "| cpu fp32 | 1280x720 | 1 | 10.0 (10.0) |" in markdown(report)
    assert dict(ratios(report)) == {"video, cpu fp32, 1280x720: times its slowest stage": 1.25}
    assert entries(report)["video: cpu fp32, 1280x720"].value == 20.0
