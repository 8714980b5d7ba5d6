"""The measurement written down: every number as JSON, the tables as Markdown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nst_rt.files.atomic import replacing

from nst_bench.harness.markdown import percent, table
from nst_bench.quality import summary
from nst_bench.quality.contenders import Contender
from nst_bench.quality.images import Group, Photograph
from nst_bench.quality.losses import PAINTING_SIDE
from nst_bench.quality.quality_run import Results
from nst_bench.quality.reference import STEPS

GROUPS: tuple[tuple[Group, str], ...] = (
    ("named", "Named styles"),
    ("held-out", "Paintings that no training has seen"),
)
AGAINST = f"to {STEPS[0]} steps"
"""Heading of the content loss as a multiple of the reference's."""


@dataclass(frozen=True)
class Report:
    """What was measured, on what, and with what result."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    """What was asked for: the loss network and its hash, sizes, counts, the reference's settings."""
    photographs: Sequence[Photograph]
    contenders: Sequence[Contender]
    results: Results
    yardstick: str | None
    """The contender that flicker is compared to."""
    sheets: dict[Group, str]
    """File names of the contact sheets beside the table."""

    def as_json(self) -> dict[str, Any]:
        """All raw numbers and the summaries."""
        rows = summary.style_rows(self.results)
        results = self.results
        return {
            "machine": self.machine,
            "settings": self.settings,
            "photographs": [
                {"file": one.path.name, "sha256": one.sha256, "size": [one.bgr.shape[1], one.bgr.shape[0]]}
                for one in self.photographs
            ],
            "contenders": [contender.describe() for contender in self.contenders],
            "summary": {
                "groups": [asdict(row) for group, _ in GROUPS for row in summary.group_rows(rows, group)],
                "reference": [asdict(row) for row in summary.reference_rows(results)],
                "styles": [asdict(row) for row in rows],
                "flicker": [asdict(row) for row in summary.flicker_rows(results, self.yardstick)],
                "flicker_yardstick": self.yardstick,
            },
            "styles": [
                {
                    "contender": result.contender,
                    "painting": result.painting.path.name,
                    "sha256": result.painting.sha256,
                    "group": result.painting.group,
                    "painting_side": result.painting.side,
                    "unchanged": results.unchanged[str(result.painting.path)],
                    "style": [loss.style for loss in result.losses],
                    "content": [loss.content for loss in result.losses],
                    "ran": result.ran,
                }
                for result in results.styles
            ],
            "reference": [
                {
                    "painting": reference.painting.path.name,
                    "painting_side": reference.painting.side,
                    "photograph": self.photographs[reference.photograph].path.name,
                    **{str(steps): asdict(loss) for steps, loss in reference.losses.items()},
                }
                for reference in results.references
            ],
            "flicker": [
                {
                    "contender": result.contender,
                    "painting": result.painting.path.name,
                    "clip": result.clip,
                    **asdict(result.flicker),
                }
                for result in results.flicker
            ],
            "clips": results.clips,
        }

    def as_markdown(self) -> str:
        """How it was measured, then the tables."""
        rows = summary.style_rows(self.results)
        parts = ["# Quality", self._method()]
        for group, title in GROUPS:
            if found := summary.group_rows(rows, group):
                if group == "named":
                    found += summary.reference_rows(self.results)
                parts += [f"## {title}", _group_table(found)]
                if group in self.sheets:
                    parts.append(f"![{title}]({self.sheets[group]})")
                parts.append(_style_table([row for row in rows if row.group == group], group))
        if self.results.flicker:
            parts += ["## Flicker", self._flicker_method(), self._flicker_table()]
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Write quality.json and quality.md.

        Raises:
            OutputError: the folder cannot be written to.
        """
        text = json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n"
        for name, content in (("quality.json", text), ("quality.md", self.as_markdown())):
            with replacing(folder / name) as temporary:
                temporary.write_text(content, encoding="utf-8")

    def _other_sides(self) -> str:
        sides = {one.painting.name: one.painting.side for one in self.results.styles}
        others = [f"{name} at {side}" for name, side in sides.items() if side != PAINTING_SIDE]
        return f" ({', '.join(others)}, for strokes of another size)" if others else ""

    def _method(self) -> str:
        told = self.settings
        machine = f"{self.machine['processor']}, {self.machine['logical_cores']} cores"
        text = (
            f"Measured on {len(self.photographs)} photographs of at most {told['side']} px, by `nst-rt bench quality` "
            f"({machine}, nst-rt {self.machine['nst-rt']}); loss network {told['loss_network']}.\n\n"
            "- **closed**: how much of the unchanged photographs' style loss is gone, 1 - mean(stylised) / "
            "mean(unchanged). Style loss: Gram matrices of relu1_1, relu2_1 and relu3_1 at 1, 1/2 and 1/4 of the size, "
            f"each error relative to the painting's own, the painting at {PAINTING_SIDE} px{self._other_sides()}. 0 % "
            "is the photograph, 100 % the painting.\n"
            "- **median**: the same of each photograph by itself, the median of them, mean over styles; of the "
            "optimisation method, the median over styles.\n"
            "- **content**: squared distance of the relu3_1 maps relative to the photograph's energy; 0 is the "
            "photograph."
        )
        if self.results.references:
            text += (
                f"\n- **{AGAINST}**: the content loss as a multiple of that of {STEPS[0]} steps of the "
                f"optimisation method (Gatys et al. 2016; L-BFGS from the photograph, style weight "
                f"{told['reference']['settings']['style_weight']:g} against content 1), on the same "
                f"{len(self.results.references)} pairs of photograph and painting."
            )
        return text

    def _flicker_method(self) -> str:
        clips = "; ".join(
            f"{clip['file']} ({clip['frames']} frames, {clip['size'][0]}x{clip['size'][1]}, "
            f"{len(clip['cuts'])} cuts, {100 * clip['visible']:.0f} % of the pixels compared)"
            for clip in self.results.clips
        )
        text = (
            "Warping error (Lai et al. 2018): each stylised frame against the one before it, moved along the source's "
            "optical flow (DIS), where forward and backward flow agree; root mean square in grey levels of 255, less "
            f"the source's own; mean over pairs of frames, none across a cut. Clips: {clips}."
        )
        if self.yardstick:
            text += (
                f" **to {self.yardstick}**: the mean as a multiple of that contender's; *worst style*: the same of the "
                "style that flickers most; *squared*: of the squared errors."
            )
        return text

    def _flicker_table(self) -> str:
        rows = summary.flicker_rows(self.results, self.yardstick)
        clips = list(rows[0].clips)
        ratio = [f"to {self.yardstick}", "worst style", "squared"] if self.yardstick else []
        return table(
            _head("contender", "styles", *(Path(clip).stem for clip in clips), "mean", *ratio),
            [
                [
                    row.contender,
                    str(row.styles),
                    *(f"{row.clips[clip]:.2f}" for clip in clips),
                    f"{row.mean:.2f}",
                    *(
                        [
                            _multiple(row.ratio),
                            f"{_multiple(row.ratio_worst)} ({row.worst})",
                            _multiple(row.ratio_squared),
                        ]
                        if ratio
                        else []
                    ),
                ]
                for row in rows
            ],
        )


def _group_table(rows: Sequence[summary.GroupRow]) -> str:
    with_reference = any(row.content_to_reference is not None for row in rows)
    return table(
        _head(
            "contender",
            "styles",
            "closed, mean",
            "least",
            "median",
            "content",
            *([AGAINST] if with_reference else []),
        ),
        [
            [
                row.contender,
                str(row.styles),
                percent(row.closed_mean),
                f"{percent(row.closed_least)} ({row.least})",
                percent(row.closed_median),
                f"{row.content:.2f}",
                *([_multiple(row.content_to_reference)] if with_reference else []),
            ]
            for row in rows
        ],
    )


def _style_table(rows: Sequence[summary.StyleRow], group: Group) -> str:
    """Every style by itself; a group with a reference shows what that closes, too."""
    contenders = list(dict.fromkeys(row.contender for row in rows))
    by_place = {(row.painting, row.contender): row for row in rows}
    with_reference = any(row.reference_closed for row in rows)
    head = _head("style", *(f"{name}: closed, content" for name in contenders))
    if with_reference:
        head += [f"{steps} steps: closed >" for steps in STEPS]
    lines = []
    for painting in dict.fromkeys(row.painting for row in rows):
        found = [by_place.get((painting, name)) for name in contenders]
        line = [painting, *("" if row is None else f"{percent(row.closed)}, {row.content:.2f}" for row in found)]
        if with_reference:
            shares = next((row.reference_closed for row in found if row is not None), {})
            line += [percent(shares[steps]) if steps in shares else "" for steps in STEPS]
        lines.append(line)
    title = "Style by style" if group == "named" else "Painting by painting"
    return f"<details><summary>{title}</summary>\n\n{table(head, lines)}\n\n</details>"


def _head(first: str, *numbers: str) -> list[str]:
    """Names of columns, all but the first with numbers below them."""
    return [first, *(f"{name} >" for name in numbers)]


def _multiple(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
