"""The numbers of the tables, from the raw measurements."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from nst_bench.harness.inputs import Group
from nst_bench.harness.losses import closed, median_closed
from nst_bench.quality.quality_run import Results, StyleResult


@dataclass(frozen=True)
class StyleRow:
    """A contender in one style; shares are of the unchanged photographs' style loss."""

    contender: str
    painting: str
    group: Group
    closed: float
    """Ratio of means over the photographs."""
    closed_median: float
    """Median over the photographs."""
    content: float
    """Mean over the photographs."""
    reference_content: dict[int, float]
    """Content loss as a multiple of the optimisation method's by the number of steps, on the pairs of both."""
    reference_closed: dict[int, float]
    """What the optimisation method closes on its pairs, by the number of steps."""
    closed_on_pairs: float | None
    """What the contender closes on the same pairs."""


@dataclass(frozen=True)
class GroupRow:
    """A contender over all styles of a group."""

    contender: str
    group: Group
    styles: int
    closed_mean: float
    closed_least: float
    least: str
    """The style that closes least."""
    closed_median: float
    """Mean over styles of the median over photographs; of the optimisation method, the median over styles."""
    content: float
    content_to_reference: float | None
    """Mean over styles: the content loss as a multiple of the reference's after its fewest steps."""


@dataclass(frozen=True)
class FlickerRow:
    """A contender's flicker in grey levels, mean over its styles, by clip."""

    contender: str
    styles: int
    clips: dict[str, float]
    mean: float
    """Over clips and styles."""
    ratio: float | None
    """The mean over the mean of the contender that the others are compared to."""
    ratio_worst: float | None
    """The same for the style that flickers most."""
    worst: str
    ratio_squared: float | None
    """The same as `ratio` with squared errors, as Lai et al. 2018 take them."""


def style_rows(results: Results) -> list[StyleRow]:
    """One row for each contender and style."""
    rows = []
    for result in results.styles:
        unchanged = results.unchanged[str(result.painting.path)]
        style = [loss.style for loss in result.losses]
        pairs = [reference for reference in results.references if reference.painting.path == result.painting.path]
        places = [reference.photograph for reference in pairs]
        multiples, shares = {}, {}
        for steps in pairs[0].losses if pairs else ():
            optimised = [reference.losses[steps] for reference in pairs]
            content = fmean(loss.content for loss in optimised)
            multiples[steps] = fmean(result.losses[place].content for place in places) / content
            shares[steps] = closed([loss.style for loss in optimised], [unchanged[place] for place in places])
        rows.append(
            StyleRow(
                contender=result.contender,
                painting=result.painting.name,
                group=result.painting.group,
                closed=closed(style, unchanged),
                closed_median=median_closed(style, unchanged),
                content=fmean(loss.content for loss in result.losses),
                reference_content=multiples,
                reference_closed=shares,
                closed_on_pairs=_closed_on(result, unchanged, places),
            )
        )
    return rows


def group_rows(rows: Sequence[StyleRow], group: Group) -> list[GroupRow]:
    """One row for each contender that renders paintings of the group, in the order of the contenders."""
    found = []
    for contender in dict.fromkeys(row.contender for row in rows):
        own = [row for row in rows if row.contender == contender and row.group == group]
        if not own:
            continue
        least = min(own, key=lambda row: row.closed)
        multiples = [row.reference_content[min(row.reference_content)] for row in own if row.reference_content]
        found.append(
            GroupRow(
                contender=contender,
                group=group,
                styles=len(own),
                closed_mean=fmean(row.closed for row in own),
                closed_least=least.closed,
                least=least.painting,
                closed_median=fmean(row.closed_median for row in own),
                content=fmean(row.content for row in own),
                content_to_reference=fmean(multiples) if multiples else None,
            )
        )
    return found


def reference_rows(results: Results) -> list[GroupRow]:
    """The optimisation method on its own pairs, one row for each number of steps."""
    paintings = list(dict.fromkeys(reference.painting for reference in results.references))
    rows = []
    for steps in results.references[0].losses if paintings else ():
        shares, contents, multiples = {}, [], []
        for painting in paintings:
            pairs = [reference for reference in results.references if reference.painting == painting]
            unchanged = [results.unchanged[str(painting.path)][pair.photograph] for pair in pairs]
            shares[painting.name] = closed([pair.losses[steps].style for pair in pairs], unchanged)
            contents.append(fmean(pair.losses[steps].content for pair in pairs))
            multiples.append(contents[-1] / fmean(pair.losses[min(pair.losses)].content for pair in pairs))
        least = min(shares, key=lambda name: shares[name])
        rows.append(
            GroupRow(
                contender=f"optimised, {steps} steps",
                group="named",
                styles=len(paintings),
                closed_mean=fmean(shares.values()),
                closed_least=shares[least],
                least=least,
                closed_median=median(shares.values()),
                content=fmean(contents),
                content_to_reference=fmean(multiples),
            )
        )
    return rows


def flicker_rows(results: Results, compared_to: str | None) -> list[FlickerRow]:
    """One row for each contender.

    Args:
        compared_to: the contender in the denominator of the ratios; no ratios if it was not measured.
    """
    clips = list(dict.fromkeys(result.clip for result in results.flicker))
    measured = [result for result in results.flicker if result.contender == compared_to]
    unit = fmean(result.flicker.rms for result in measured) if measured else None
    unit_squared = fmean(result.flicker.squared for result in measured) if measured else None
    rows = []
    for contender in dict.fromkeys(result.contender for result in results.flicker):
        own = [result for result in results.flicker if result.contender == contender]
        by_style = {
            name: fmean(result.flicker.rms for result in own if result.painting.name == name)
            for name in dict.fromkeys(result.painting.name for result in own)
        }
        worst = max(by_style, key=lambda name: by_style[name])
        mean = fmean(by_style.values())
        rows.append(
            FlickerRow(
                contender=contender,
                styles=len(by_style),
                clips={clip: fmean(result.flicker.rms for result in own if result.clip == clip) for clip in clips},
                mean=mean,
                ratio=mean / unit if unit else None,
                ratio_worst=by_style[worst] / unit if unit else None,
                worst=worst,
                ratio_squared=fmean(r.flicker.squared for r in own) / unit_squared if unit_squared else None,
            )
        )
    return rows


def _closed_on(result: StyleResult, unchanged: list[float], places: list[int]) -> float | None:
    if not places:
        return None
    return closed([result.losses[place].style for place in places], [unchanged[place] for place in places])
