"""The report: every number as JSON, the tables as Markdown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nst_bench.harness.inputs import Group, Photograph
from nst_bench.harness.losses import CONTENT_LOSS_METHOD, PAINTING_SIDE, STYLE_LOSS_METHOD
from nst_bench.harness.machine import machine_line
from nst_bench.harness.markdown import percent, table
from nst_bench.quality import summary
from nst_bench.quality.contenders import Contender
from nst_bench.quality.quality_run import Results

GROUPS: tuple[tuple[Group, str], ...] = (
    ("named", "Named styles"),
    ("held-out", "Paintings that no training has seen"),
)


@dataclass(frozen=True)
class QualityReport:
    """What was measured, on what, and with what result."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    """The loss network and its hash, sizes, counts, the settings of the reference."""
    photographs: Sequence[Photograph]
    contenders: Sequence[Contender]
    results: Results
    flicker_to: str | None
    """The contender whose flicker the others are compared to."""
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
                "flicker": [asdict(row) for row in summary.flicker_rows(results, self.flicker_to)],
                "flicker_to": self.flicker_to,
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
        """The method of measurement, then the tables."""
        rows = summary.style_rows(self.results)
        parts = ["# Quality", self._method()]
        for group, title in GROUPS:
            if found := summary.group_rows(rows, group):
                if group == "named":
                    found += summary.reference_rows(self.results)
                parts += [f"## {title}", _group_table(found, self._against)]
                if group in self.sheets:
                    parts.append(f"![{title}]({self.sheets[group]})")
                parts.append(_style_table([row for row in rows if row.group == group], group, self._steps))
        if self.results.flicker:
            parts += ["## Flicker", self._flicker_method(), self._flicker_table()]
        return "\n\n".join(parts) + "\n"

    @property
    def _steps(self) -> list[int]:
        """After how many the optimised images were judged."""
        return sorted({steps for one in self.results.references for steps in one.losses})

    @property
    def _against(self) -> str:
        """Heading of the content loss as a multiple of the reference's."""
        return f"to {self._steps[0]} steps" if self._steps else ""

    def _other_sides(self) -> str:
        sides = {one.painting.name: one.painting.side for one in self.results.styles}
        others = [f"{name} at {side}" for name, side in sides.items() if side != PAINTING_SIDE]
        return f" ({', '.join(others)}, for strokes of another size)" if others else ""

    def _method(self) -> str:
        settings = self.settings
        text = (
            f"Measured on {len(self.photographs)} photographs of at most {settings['side']} px, by `nst-rt bench "
            f"quality` ({machine_line(self.machine)}, nst-rt {self.machine['nst-rt']}); loss network "
            f"{settings['loss_network']}.\n\n"
            "- **closed**: how much of the unchanged photographs' style loss is gone, 1 - mean(stylised) / "
            f"mean(unchanged). Style loss: {STYLE_LOSS_METHOD}{self._other_sides()}. 0 % is the photograph, 100 % the "
            "painting.\n"
            "- **median**: the same for each photograph alone: the median over photographs, then the mean over styles; "
            "for the optimisation method the median over styles.\n"
            f"- **content**: {CONTENT_LOSS_METHOD}; 0 is the photograph."
        )
        if self.results.references:
            text += (
                f"\n- **{self._against}**: the content loss as a multiple of that of {self._steps[0]} steps of the "
                f"optimisation method (Gatys et al. 2016; L-BFGS from the photograph, style weight "
                f"{settings['reference']['settings']['style_weight']:g}, content weight 1), on the same "
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
            "Warping error (Lai et al. 2018): each stylised frame is compared with the frame before it, warped along "
            "the optical flow of the source (DIS), where forward and backward flow agree. Root mean square in grey "
            "levels from 0 to 255, less that of the source; mean over pairs of frames, none across a cut. "
            f"Clips: {clips}."
        )
        if self.flicker_to:
            text += (
                f" **to {self.flicker_to}**: the mean as a multiple of that contender's; *worst style*: the same for "
                "the style that flickers most; *squared*: the same with squared errors."
            )
        return text

    def _flicker_table(self) -> str:
        rows = summary.flicker_rows(self.results, self.flicker_to)
        clips = list(rows[0].clips)
        ratio = [f"to {self.flicker_to}", "worst style", "squared"] if self.flicker_to else []
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


def _group_table(rows: Sequence[summary.GroupRow], against: str) -> str:
    with_reference = any(row.content_to_reference is not None for row in rows)
    return table(
        _head(
            "contender",
            "styles",
            "closed, mean",
            "least",
            "median",
            "content",
            *([against] if with_reference else []),
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


def _style_table(rows: Sequence[summary.StyleRow], group: Group, steps: Sequence[int]) -> str:
    """Every style in a row of its own, and what the optimisation method closes in it after `steps`."""
    contenders = list(dict.fromkeys(row.contender for row in rows))
    by_place = {(row.painting, row.contender): row for row in rows}
    with_reference = any(row.reference_closed for row in rows)
    head = _head("style", *(f"{name}: closed, content" for name in contenders))
    if with_reference:
        head += [f"{count} steps: closed >" for count in steps]
    lines = []
    for painting in dict.fromkeys(row.painting for row in rows):
        found = [by_place.get((painting, name)) for name in contenders]
        line = [painting, *("" if row is None else f"{percent(row.closed)}, {row.content:.2f}" for row in found)]
        if with_reference:
            shares = next((row.reference_closed for row in found if row is not None), {})
            line += [percent(shares.get(count)) for count in steps]
        lines.append(line)
    title = "Style by style" if group == "named" else "Painting by painting"
    return f"<details><summary>{title}</summary>\n\n{table(head, lines)}\n\n</details>"


def _head(first: str, *numbers: str) -> list[str]:
    """Names of columns; all but the first hold numbers."""
    return [first, *(f"{name} >" for name in numbers)]


def _multiple(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
