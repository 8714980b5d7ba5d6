"""Everything measured, in an order that puts the cheap first; what is found already is not measured again."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import gcd
from typing import Any

from nst_bench.harness.store import Store
from nst_bench.quality.contenders import Contender
from nst_bench.quality.flicker import Clip, Flicker, measure_flicker
from nst_bench.quality.images import Painting, Photograph, spread
from nst_bench.quality.losses import closed
from nst_bench.quality.measuring import Loss, Measurements
from nst_bench.quality.networks import Networks
from nst_bench.quality.reference import Reference

Say = Callable[[str], None]


@dataclass(frozen=True)
class StyleResult:
    """A contender in one painting's style."""

    contender: str
    painting: Painting
    losses: list[Loss]
    """Of every photograph, in their order."""
    ran: dict[str, Any]
    """Device, provider, precision, ONNX Runtime."""


@dataclass(frozen=True)
class ReferenceResult:
    """The optimisation method on one pair."""

    painting: Painting
    photograph: int
    losses: dict[int, Loss]
    """By steps."""


@dataclass(frozen=True)
class FlickerResult:
    """A contender on one clip, in one painting's style."""

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
    """What the flicker was measured on, as `Clip.describe` says."""


class Run:
    """Measures contenders on photographs and clips, and tells each result as it comes.

    Args:
        say: takes one line a result.
    """

    def __init__(
        self,
        contenders: Sequence[Contender],
        photographs: Sequence[Photograph],
        measurements: Measurements,
        store: Store,
        networks: Networks,
        say: Say,
    ) -> None:
        self._contenders, self._photographs = contenders, photographs
        self._measurements, self._store, self._networks, self._say = measurements, store, networks, say
        self.results = Results()

    def paintings(self) -> list[Painting]:
        """All that some contender renders, each once: the named ones first."""
        found = {r.painting.path: r.painting for contender in self._contenders for r in contender.renditions}
        return sorted(found.values(), key=lambda painting: painting.group != "named")

    def measure_unchanged(self) -> None:
        """The style losses of the photographs as they are."""
        for painting in self.paintings():
            self.results.unchanged[str(painting.path)] = self._measurements.unchanged(painting)

    def measure_styles(self) -> None:
        """Every contender in every style it can render, on every photograph."""
        total = sum(len(contender.renditions) for contender in self._contenders)
        for contender in self._contenders:
            for rendition in contender.renditions:
                losses, ran = self._measurements.stylised(contender, rendition, self._networks)
                result = StyleResult(contender.name, rendition.painting, losses, ran)
                self.results.styles.append(result)
                share = closed([loss.style for loss in losses], self.results.unchanged[str(rendition.painting.path)])
                content = sum(loss.content for loss in losses) / len(losses)
                self._say(
                    f"style {len(self.results.styles)}/{total}: {contender.name}, {rendition.painting.name}: "
                    f"closes {100 * share:.1f} %, content {content:.2f}"
                )

    def measure_reference(self, reference: Reference, pairs: Sequence[tuple[Painting, int]]) -> None:
        """The optimisation method on pairs of painting and photograph (its number)."""
        for number, (painting, index) in enumerate(pairs, 1):
            photograph = self._photographs[index]
            heading = f"reference {number}/{len(pairs)}: {painting.name}, {photograph.path.name}"

            def progress(step: int, steps: int, heading: str = heading) -> None:
                if step % 100 == 0:
                    self._say(f"{heading}: step {step}/{steps}")

            found = reference.measure(painting, index, photograph, progress)
            self.results.references.append(ReferenceResult(painting, index, found))
            told = ", ".join(f"content {loss.content:.2f} after {steps}" for steps, loss in found.items())
            self._say(f"{heading}: {told}")

    def measure_flicker(self, clips: Sequence[Clip], styles: int) -> None:
        """Every contender on every clip, in `styles` of its named or baked styles, spread evenly; 0 takes all."""
        chosen = [
            (contender, rendition)
            for contender in self._contenders
            for rendition in spread([r for r in contender.renditions if r.painting.group == "named"], styles)
        ]
        total = len(clips) * len(chosen)
        for clip in clips:
            for contender, rendition in chosen:
                question = {"kind": "flicker", **clip.question, **self._networks.question(contender, rendition)}
                answer = self._store.find(question)
                if answer is None:
                    answer = asdict(measure_flicker(clip, self._networks.load(contender, rendition)))
                    self._store.keep(question, answer)
                result = FlickerResult(contender.name, rendition.painting, clip.path.name, Flicker(**answer))
                self.results.flicker.append(result)
                self._say(
                    f"flicker {len(self.results.flicker)}/{total}: {contender.name}, {rendition.painting.name}, "
                    f"{clip.path.name}: {result.flicker.rms:.2f} grey levels"
                )
            self.results.clips.append(self._describe(clip))
            clip.forget()

    def _describe(self, clip: Clip) -> dict[str, Any]:
        question = {"kind": "clip", **clip.question}
        answer = self._store.find(question)
        if answer is None:
            self._store.keep(question, answer := clip.describe())
        return {"file": clip.path.name, **answer}


def choose_pairs(paintings: Sequence[Painting], photographs: int, each: int) -> list[tuple[Painting, int]]:
    """`each` photographs (their numbers) for every named painting, so that the paintings take turns through all."""
    each = min(each, photographs)
    named = [painting for painting in paintings if painting.group == "named"]
    count = len(named) * each
    if not count:
        return []
    # Neighbours are of one size; steps of about a third of the list meet all sizes early.
    step = next(step for step in range(max(1, photographs // 3), photographs + 1) if gcd(step, photographs) == 1)
    return [(named[place // each], place * step % photographs) for place in range(count)]
