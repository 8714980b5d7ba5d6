"""What a live run did, in numbers and files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nst_rt.engine.timing import LatencyStatistics


@dataclass
class LiveSummary:
    """What a run did; times in seconds."""

    frames: int = 0
    """Stylised, and shown where there is a window."""
    captured: int = 0
    """Read from the source."""
    dropped: int = 0
    """Replaced by a newer frame before they were stylised."""
    reconnects: int = 0
    """How often a lost source came back."""
    seconds: float = 0.0
    fps: float = 0.0
    latency: LatencyStatistics = field(default_factory=LatencyStatistics)
    """From the moment a frame leaves the source until it is on the screen; without a window, until it is written."""
    stylize: LatencyStatistics = field(default_factory=LatencyStatistics)
    """Of the network's call alone."""
    recorded: list[Path] = field(default_factory=list)
    snapshots: list[Path] = field(default_factory=list)
    recording_error: str = ""
    """Why a recording stopped before its end; empty if none did."""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; latencies in milliseconds."""
        return {
            "frames": self.frames,
            "captured": self.captured,
            "dropped": self.dropped,
            "reconnects": self.reconnects,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "latency_ms": self.latency.milliseconds(),
            "stylize_ms": self.stylize.milliseconds(),
            "recorded": [str(path) for path in self.recorded],
            "recording_error": self.recording_error or None,
            "snapshots": [str(path) for path in self.snapshots],
        }

    def to_text(self) -> str:
        """A few lines for people."""
        lost = f", {self.reconnects} reconnects" if self.reconnects else ""
        if not self.frames:
            return f"no image came in {self.seconds:.1f} s"
        lines = [
            f"{self.frames} frames in {self.seconds:.1f} s, {self.fps:.1f} fps, {self.dropped} dropped{lost}",
            "latency from capture to show: "
            + ", ".join(f"{self.latency.percentile(percent) * 1e3:.0f} ms p{percent}" for percent in (50, 95, 99))
            + f" (network: {self.stylize.percentile(50) * 1e3:.0f} ms p50)",
            *(f"recorded {path}" for path in self.recorded),
            *(f"snapshot {path}" for path in self.snapshots),
        ]
        return "\n".join(lines)
