"""The report: every number as JSON, one table as Markdown, and the rows that Markdown and HTML show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nst_bench.compare.method_runs import IMAGES, Outcome, Setting
from nst_bench.harness.loss_measurements import LossMeasurements
from nst_bench.harness.losses import CONTENT_LOSS_METHOD, STYLE_LOSS_METHOD
from nst_bench.harness.machine import machine_line
from nst_bench.harness.markdown import percent, table

COLUMNS = (
    "method",
    "style from",
    "loading >",
    "the image >",
    "images/s >",
    "peak memory >",
    "style loss >",
    "closed >",
    "content loss >",
    "remarks",
)
INTERRUPTED = "Interrupted: the same command again makes what is missing"
LIVE_RATE = 15.0
"""Images per second from which the eye sees motion instead of single images."""


@dataclass(frozen=True)
class CompareReport:
    """What was compared, on what, and with which result."""

    setting: Setting
    losses: LossMeasurements
    unchanged: float
    """Style loss of the photograph as it is."""
    outcomes: Sequence[Outcome]
    sheet: str
    """File name of the sheet beside the documents."""
    interrupted: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        height, width = self.setting.photograph.bgr.shape[:2]
        return width, height

    @property
    def title(self) -> str:
        return f"{self.setting.photograph.path.stem} in the style of {self.setting.painting.name}"

    def as_json(self) -> dict[str, Any]:
        """Everything that was measured."""
        setting, options = self.setting, self.setting.options
        return {
            "photograph": {"file": setting.photograph.path.name, "sha256": setting.photograph.sha256},
            "painting": {"file": setting.painting.path.name, "sha256": setting.painting.sha256},
            "style": options.style,
            "size": list(self.size),
            "settings": {
                "side": options.side,
                "device": options.device,
                "precision": options.precision,
                "optimizing_precision": options.optimizing_precision.value,
                "threads": options.threads,
                "loss_network": self.losses.loss_network.name,
                "loss_network_sha256": self.losses.sha256,
            },
            "machine": dict(setting.machine),
            "sheet": self.sheet,
            "interrupted": self.interrupted,
            "unchanged": {"style": self.unchanged, "content": 0.0},
            "methods": [
                {
                    "key": one.method.key,
                    "title": one.method.title,
                    "style_from": one.method.style,
                    "needs": one.method.needs,
                    "state": one.state,
                    "error": one.error or None,
                    "image": f"{IMAGES}/{one.method.key}.png" if one.painted else None,
                    **({"figures": one.figures} if one.painted else {}),
                    **({"loss": asdict(one.loss), "closed": self.closed(one)} if one.loss else {}),
                    "remarks": self.remarks(one),
                }
                for one in self.outcomes
            ],
        }

    def as_markdown(self) -> str:
        """The sheet, the table, and the method of measurement."""
        parts = [
            f"# {self.title}",
            f"![the image of every method]({self.sheet})",
            table(COLUMNS, self.rows()),
            *self.method_lines(),
        ]
        if self.interrupted:
            parts.insert(1, f"{INTERRUPTED}.")
        return "\n\n".join(parts) + "\n"

    def rows(self) -> list[list[str]]:
        """The table's cells under `COLUMNS`: the photograph itself, then every method."""
        unchanged = f"{self.unchanged:.3g}"
        rows = [["the photograph as it is", "", "", "", "", "", unchanged, "0.0 %", "0", "for comparison"]]
        for one in self.outcomes:
            if one.loss is None:
                rows.append([one.method.title, one.method.style, *[""] * 7, f"{one.heading}: {one.reason}"])
                continue
            figures = one.figures
            rows.append(
                [
                    one.method.title,
                    one.method.style,
                    duration(figures["loading_seconds"]),
                    duration(figures["image_seconds"]),
                    f"{1 / figures['image_seconds']:.3g}",
                    _memory(figures),
                    f"{one.loss.style:.3g}",
                    percent(self.closed(one)),
                    f"{one.loss.content:.2f}",
                    "; ".join(self.remarks(one)),
                ]
            )
        return rows

    def closed(self, outcome: Outcome) -> float:
        """How much of the photograph's style loss is gone; 1 is the painting."""
        assert outcome.loss is not None
        return 1 - outcome.loss.style / self.unchanged

    def remarks(self, outcome: Outcome) -> list[str]:
        """What the numbers do not show."""
        method, figures = outcome.method, outcome.figures
        remarks = list(method.remarks)
        if method.needs:
            remarks.append(f"needs {method.needs}")
        if outcome.painted:
            live = method.kind != "optimize" and 1 / figures["image_seconds"] >= LIVE_RATE
            remarks.append("fast enough for live video here" if live else "too slow for live video here")
            if "tuning_seconds" in figures:
                remarks += [figures["training"], f"tuning {duration(figures['tuning_seconds'])}"]
            ran = figures["ran"]
            remarks.append(" ".join(ran[key] for key in ("device", "precision") if ran.get(key)))
        return remarks

    def method_lines(self) -> list[str]:
        """The method of measurement, in paragraphs of Markdown with `code` and **bold** only."""
        options, machine = self.setting.options, self.setting.machine
        threads = f", threads: {options.threads}" if options.threads else ""
        return [
            f"`nst-rt compare` on {machine_line(machine)}{threads}, nst-rt {machine['nst-rt']}. The photograph at "
            f"{self.size[0]}x{self.size[1]} px. Each method ran in a process of its own, one after the other. "
            "**loading**: from the first line of its program until it could paint (imports, model, style), without the "
            "start of Python; **the image**: bytes in to bytes out, for networks the median of warm calls, for the "
            "optimisation its one run; **peak memory**: the most that the process held, as the system counts it.",
            f"**style loss**: {STYLE_LOSS_METHOD}; **closed**: how much of the unchanged photograph's is gone (100 % "
            f"is the painting itself); **content loss**: {CONTENT_LOSS_METHOD}. Judged by "
            f"{self.losses.loss_network.name}, the network whose losses the optimisation lowers: in this measure it "
            "has to win. Numbers of other loss networks cannot be compared with these.",
        ]


def duration(seconds: float) -> str:
    """`24 ms`, `3.1 s`, `12 min`."""
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 600 else f"{seconds / 60:.3g} min"


def _memory(figures: Mapping[str, Any]) -> str:
    card = f" + {figures['gpu_mb']:.0f} MB GPU" if "gpu_mb" in figures else ""
    return f"{figures['peak_mb']:.0f} MB{card}"
