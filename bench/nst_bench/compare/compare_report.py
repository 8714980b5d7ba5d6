"""The comparison written down: every number as JSON, one table as Markdown, and the rows that both documents show."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nst_rt.files.atomic import replacing

from nst_bench.compare.compare_run import IMAGES, Outcome, Setting
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
LIVE_RATE = 15.0
"""Images a second from which a video of images is seen rather than images."""


@dataclass(frozen=True)
class Report:
    """What was compared, on what, and with what result."""

    machine: Mapping[str, Any]
    setting: Setting
    style: str
    """As it was typed."""
    loss_network: Path
    loss_network_sha256: str
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
        setting = self.setting
        return {
            "photograph": {"file": setting.photograph.path.name, "sha256": setting.photograph.sha256},
            "painting": {"file": setting.painting.path.name, "sha256": setting.painting.sha256},
            "style": self.style,
            "size": list(self.size),
            "settings": {
                "side": setting.side,
                "device": setting.device,
                "precision": setting.precision,
                "optimizing_precision": setting.optimizing_precision,
                "threads": setting.threads,
                "loss_network": self.loss_network.name,
                "loss_network_sha256": self.loss_network_sha256,
            },
            "machine": dict(self.machine),
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
        """The sheet, the table, and how it was measured."""
        parts = [
            f"# {self.title}",
            f"![every method's image]({self.sheet})",
            table(COLUMNS, self.rows()),
            *self.method_lines(),
        ]
        if self.interrupted:
            parts.insert(1, "Interrupted: the same line again makes what is missing.")
        return "\n\n".join(parts) + "\n"

    def rows(self) -> list[list[str]]:
        """The table's cells under `COLUMNS`: the photograph itself, then every method."""
        unchanged = f"{self.unchanged:.3g}"
        rows = [["the photograph as it is", "", "", "", "", "", unchanged, "0.0 %", "0", "for comparison"]]
        for one in self.outcomes:
            if one.loss is None:
                rows.append([one.method.title, one.method.style, *[""] * 7, f"{_state(one)}: {one.why_not}"])
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
        """How much of the photograph's style loss is gone; 1 would be the painting."""
        assert outcome.loss is not None
        return 1 - outcome.loss.style / self.unchanged

    def remarks(self, outcome: Outcome) -> list[str]:
        """What the numbers do not say."""
        method, figures = outcome.method, outcome.figures
        told = list(method.remarks)
        if method.needs:
            told.append(f"needs {method.needs}")
        if outcome.painted:
            live = method.kind != "optimize" and 1 / figures["image_seconds"] >= LIVE_RATE
            told.append("live-capable here" if live else "not live here")
            if "tuning_seconds" in figures:
                told += [figures["training"], f"tuning {duration(figures['tuning_seconds'])}"]
            ran = figures["ran"]
            told.append(" ".join(ran[key] for key in ("device", "precision") if ran.get(key)))
        return told

    def method_lines(self) -> list[str]:
        """How it was measured, a paragraph each."""
        machine, setting = self.machine, self.setting
        cards = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ""
        threads = f", threads: {setting.threads}" if setting.threads else ""
        return [
            f"`nst-rt compare` on {machine['processor']}, {machine['logical_cores']} cores{cards}{threads}, nst-rt "
            f"{machine['nst-rt']}. The photograph at {self.size[0]}x{self.size[1]} px. Each method ran in a process of "
            "its own, one after the other. **loading**: from its program's first line, Python's own start apart, until "
            "it could paint (imports, model, style); **the image**: bytes in to bytes out, for networks the median "
            "of warm calls, for the optimisation the one run; **peak memory**: the most that the process held, by the "
            "system's account.",
            "**style loss**: Gram matrices of relu1_1, relu2_1 and relu3_1 at 1, 1/2 and 1/4 of the size, each error "
            "relative to the painting's own, the painting at 640 px; **closed**: how much of the unchanged "
            "photograph's is gone (100 % would be the painting itself); **content loss**: squared distance of the "
            f"relu3_1 maps relative to the photograph's energy. Judged by {self.loss_network.name}, the network whose "
            "losses the optimisation lowers: on its own ground it cannot but win, and numbers of other loss networks "
            "do not compare with these.",
        ]

    def write(self, folder: Path, page: str) -> None:
        """Write compare.json, compare.md and compare.html.

        Raises:
            OutputError: the folder cannot be written to.
        """
        text = json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n"
        for name, content in (
            ("compare.json", text),
            ("compare.md", self.as_markdown()),
            ("compare.html", page),
        ):
            with replacing(folder / name) as temporary:
                temporary.write_text(content, encoding="utf-8")


def duration(seconds: float) -> str:
    """`24 ms`, `3.1 s`, `12 min`."""
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 600 else f"{seconds / 60:.3g} min"


def _memory(figures: Mapping[str, Any]) -> str:
    card = f" + {figures['gpu_mb']:.0f} MB GPU" if "gpu_mb" in figures else ""
    return f"{figures['peak_mb']:.0f} MB{card}"


def _state(outcome: Outcome) -> str:
    return "failed" if outcome.state == "failed" else "missing"
