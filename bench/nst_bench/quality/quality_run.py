"""Measures everything that is not measured yet, the cheap parts first."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import gcd
from typing import Any

from nst_bench.harness.inputs import Painting, reversed_channels, spread
from nst_bench.harness.loss_measurements import Loss, LossMeasurements
from nst_bench.harness.losses import closed
from nst_bench.harness.machine import what_ran
from nst_bench.quality.contenders import Contender, ContenderLoader, Rendition
from nst_bench.quality.flicker import Clip, Flicker, measure_flicker
from nst_bench.quality.reference import Reference


@dataclass(frozen=True)
class StyleResult:
    """A contender in the style of one painting."""

    contender: str
    painting: Painting
    losses: list[Loss]
    """Of all photographs, in their order."""
    ran: dict[str, Any]
    """Device, provider, precision, ONNX Runtime."""


@dataclass(frozen=True)
class ReferenceResult:
    """The optimisation method on one pair of painting and photograph."""

    painting: Painting
    photograph: int
    losses: dict[int, Loss]
    """By the number of steps."""


@dataclass(frozen=True)
class FlickerResult:
    """A contender on one clip, in the style of one painting."""

    contender: str
    painting: Painting
    clip: str
    flicker: Flicker


@dataclass
class Results:
    """All that was measured."""

    unchanged: dict[str, list[float]] = field(default_factory=dict)
    """Style losses of the photographs as they are, by the painting's path."""
    styles: list[StyleResult] = field(default_factory=list)
    references: list[ReferenceResult] = field(default_factory=list)
    flicker: list[FlickerResult] = field(default_factory=list)
    clips: list[dict[str, Any]] = field(default_factory=list)
    """The clips of the flicker, as `Clip.describe` describes them."""


class QualityRun:
    """Measures contenders on photographs and clips, and reports each result when it is there.

    Args:
        losses: measures the losses of the photographs, and holds the cache of all results.
        say: called with one line for each result.
    """

    def __init__(
        self,
        contenders: Sequence[Contender],
        losses: LossMeasurements,
        loader: ContenderLoader,
        say: Callable[[str], None],
    ) -> None:
        self._contenders, self._losses, self._loader, self._say = contenders, losses, loader, say
        self._cache = losses.cache
        self.results = Results()

    def paintings(self) -> list[Painting]:
        """Every painting that a contender renders, once; the named ones first."""
        found = {r.painting.path: r.painting for contender in self._contenders for r in contender.renditions}
        return sorted(found.values(), key=lambda painting: painting.group != "named")

    def measure_unchanged(self) -> None:
        """Measure the style losses of the photographs as they are."""
        for painting in self.paintings():
            self.results.unchanged[str(painting.path)] = self._losses.unchanged(painting)

    def measure_styles(self) -> None:
        """Measure every contender in every style that it can render, on every photograph."""
        total = sum(len(contender.renditions) for contender in self._contenders)
        for contender in self._contenders:
            for rendition in contender.renditions:
                result = self._measure_style(contender, rendition)
                self.results.styles.append(result)
                unchanged = self.results.unchanged[str(rendition.painting.path)]
                share = closed([loss.style for loss in result.losses], unchanged)
                content = sum(loss.content for loss in result.losses) / len(result.losses)
                self._say(
                    f"style {len(self.results.styles)}/{total}: {contender.name}, {rendition.painting.name}: "
                    f"closes {100 * share:.1f} %, content {content:.2f}"
                )

    def measure_reference(self, reference: Reference, pairs: Sequence[tuple[Painting, int]]) -> None:
        """Measure the optimisation method on pairs of a painting and the number of a photograph."""
        for number, (painting, photograph) in enumerate(pairs, 1):
            name = self._losses.photographs[photograph].path.name
            heading = f"reference {number}/{len(pairs)}: {painting.name}, {name}"

            def report(step: int, steps: int, heading: str = heading) -> None:
                if step % 100 == 0:
                    self._say(f"{heading}: step {step}/{steps}")

            found = reference.measure(painting, photograph, report)
            self.results.references.append(ReferenceResult(painting, photograph, found))
            contents = ", ".join(f"content {loss.content:.2f} after {steps}" for steps, loss in found.items())
            self._say(f"{heading}: {contents}")

    def measure_flicker(self, clips: Sequence[Clip], styles: int) -> None:
        """Measure every contender on every clip, in `styles` of its named or baked styles; 0 takes all."""
        chosen = [
            (contender, rendition)
            for contender in self._contenders
            for rendition in spread([r for r in contender.renditions if r.painting.group == "named"], styles)
        ]
        total = len(clips) * len(chosen)
        for clip in clips:
            for contender, rendition in chosen:
                flicker = self._measure_clip(clip, contender, rendition)
                self.results.flicker.append(FlickerResult(contender.name, rendition.painting, clip.path.name, flicker))
                self._say(
                    f"flicker {len(self.results.flicker)}/{total}: {contender.name}, {rendition.painting.name}, "
                    f"{clip.path.name}: {flicker.rms:.2f} grey levels"
                )
            self.results.clips.append(self._describe(clip))
            clip.forget()

    def _measure_style(self, contender: Contender, rendition: Rendition) -> StyleResult:
        losses, painting = self._losses, rendition.painting
        key = losses.key(
            "losses",
            photographs=losses.photograph_keys,
            painting=painting.key,
            **self._loader.key(contender, rendition),
        )
        result = self._cache.find(key)
        if result is None:
            stylizer, target, found = self._loader.load(contender, rendition), losses.grams(painting), []
            for number, photograph in enumerate(losses.photographs):
                found.append(losses.measure(reversed_channels(stylizer(photograph.bgr)), target, number))
            result = {"losses": [asdict(loss) for loss in found], "ran": what_ran(stylizer)}
            self._cache.keep(key, result)
        return StyleResult(contender.name, painting, [Loss(**loss) for loss in result["losses"]], result["ran"])

    def _measure_clip(self, clip: Clip, contender: Contender, rendition: Rendition) -> Flicker:
        key = {"kind": "flicker", **clip.key, **self._loader.key(contender, rendition)}
        result = self._cache.find(key)
        if result is None:
            result = asdict(measure_flicker(clip, self._loader.load(contender, rendition)))
            self._cache.keep(key, result)
        return Flicker(**result)

    def _describe(self, clip: Clip) -> dict[str, Any]:
        key = {"kind": "clip", **clip.key}
        result = self._cache.find(key)
        if result is None:
            self._cache.keep(key, result := clip.describe())
        return {"file": clip.path.name, **result}


def choose_pairs(paintings: Sequence[Painting], photographs: int, each: int) -> list[tuple[Painting, int]]:
    """`each` photographs (their numbers) for every named painting; all photographs get their turn."""
    each = min(each, photographs)
    named = [painting for painting in paintings if painting.group == "named"]
    count = len(named) * each
    if not count:
        return []
    # Neighbours have one size; steps of about a third of the list reach all sizes early.
    step = next(step for step in range(max(1, photographs // 3), photographs + 1) if gcd(step, photographs) == 1)
    return [(named[place // each], place * step % photographs) for place in range(count)]
