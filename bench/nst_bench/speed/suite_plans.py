"""The suites: which cases each of them measures, and for how long."""

from dataclasses import dataclass

from nst_bench.harness.workload import Case
from nst_bench.speed.networks import BUILT_IN_NAME, MICRO_AST
from nst_bench.speed.peer_comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class ColdStarts:
    """Whole processes that are timed."""

    case: Case
    runs: int
    pytorch: bool
    """Also PyTorch with Johnson-32."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a suite measures. Seconds are of measuring; loading and compiling take more."""

    limits_seconds: float = 0
    """For the limits of the machine; 0 leaves them out."""
    sizes: tuple[Case, ...] = ()
    seconds: float = 0
    """Per size, device and precision; also per throughput."""
    peers: tuple[Comparison, ...] = ()
    switching: tuple[Case, ...] = ()
    switching_seconds: float = 0
    """Per device and kind of switch."""
    switching_devices: int | None = None
    """On how many of the devices, the first ones; None for all."""
    pipes: tuple[Case, ...] = ()
    pipe_seconds: float = 0
    cold_starts: ColdStarts | None = None
    videos: tuple[Case, ...] = ()
    video_frames: int = 0
    video_rounds: int = 0
    throughput: tuple[Case, ...] = ()
    in_flight: tuple[int, ...] = ()
    memory: tuple[Case, ...] = ()
    deadline: float
    """Seconds after which no new measurement begins; the report names what is missing then."""


VGA, HD, FULL_HD, FOUR_K = Case(640, 480), Case(1280, 720), Case(1920, 1080), Case(3840, 2160)

SUITES = {
    "quick": Plan(
        limits_seconds=2,
        sizes=(Case(256, 256), VGA, HD),
        seconds=1.5,
        peers=(Comparison(BUILT_IN_NAME, VGA, 12), Comparison("Johnson-32", Case(256, 256), 8)),
        switching=(VGA,),
        switching_seconds=0.4,
        switching_devices=1,
        cold_starts=ColdStarts(case=FULL_HD, runs=2, pytorch=False),
        throughput=(VGA,),
        in_flight=(1, 2),
        memory=(VGA,),
        deadline=150,
    ),
    "full": Plan(
        limits_seconds=6,
        sizes=(Case(256, 256), Case(256, 256, 4), VGA, Case(640, 480, 4), HD, FULL_HD, FOUR_K),
        seconds=4,
        peers=(
            Comparison(BUILT_IN_NAME, VGA, 60, compiled=True),
            Comparison("Johnson-32", VGA, 60),
            Comparison(MICRO_AST, VGA, 14),
            Comparison(BUILT_IN_NAME, FULL_HD, 40),
        ),
        switching=(VGA,),
        switching_seconds=1.0,
        pipes=(HD,),
        pipe_seconds=30,
        cold_starts=ColdStarts(case=FULL_HD, runs=7, pytorch=True),
        videos=(HD,),
        video_frames=100,
        video_rounds=3,
        throughput=(VGA, HD),
        in_flight=(1, 2, 3),
        memory=(VGA, FULL_HD, FOUR_K),
        deadline=1080,
    ),
}
