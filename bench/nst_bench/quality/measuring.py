"""Losses of what contenders make of photographs, and of the photographs as they are."""

from dataclasses import asdict, dataclass
from typing import Any

from nst_rt.stylizer.stylizer import Stylizer
from nst_train.data.images import Rgb, as_rgb

from nst_bench.harness.store import Store
from nst_bench.quality.contenders import Contender, Rendition
from nst_bench.quality.images import Painting, Photograph
from nst_bench.quality.losses import Grams, Judge, Reading, content_loss, style_loss
from nst_bench.quality.networks import Networks

KEPT_BYTES = 1 << 30
"""Feature maps of photographs that are kept in memory; 20 MB one at 640x480."""


@dataclass(frozen=True)
class Loss:
    """Of one image: style relative to a painting, content relative to a photograph."""

    style: float
    content: float


class Measurements:
    """Losses on one set of photographs; what was measured before comes from the store.

    Args:
        question: what decides every answer beside models and paintings: the loss network's hash, say.
    """

    def __init__(self, judge: Judge, photographs: list[Photograph], store: Store, question: dict[str, Any]) -> None:
        self._judge, self._photographs, self._store = judge, photographs, store
        self.question = question
        self._readings: dict[int, Reading] = {}
        self._kept_bytes = 0
        self._paintings: dict[tuple[str, int], Grams] = {}

    def unchanged(self, painting: Painting) -> list[float]:
        """The style losses of the photographs as they are."""
        question = {"kind": "unchanged", **self.question, "photographs": self._about(), "painting": painting.question}
        answer = self._store.find(question)
        if answer is None:
            wanted = self.grams(painting)
            found = [style_loss(self.reading(index).grams, wanted) for index in range(len(self._photographs))]
            self._store.keep(question, answer := {"style": found})
        return [float(value) for value in answer["style"]]

    def stylised(
        self, contender: Contender, rendition: Rendition, networks: Networks
    ) -> tuple[list[Loss], dict[str, Any]]:
        """The losses of every photograph in a painting's style, and what the network ran on."""
        question = {
            "kind": "losses",
            **self.question,
            "photographs": self._about(),
            "painting": rendition.painting.question,
            **networks.question(contender, rendition),
        }
        answer = self._store.find(question)
        if answer is None:
            stylizer, wanted, found = networks.load(contender, rendition), self.grams(rendition.painting), []
            for index, photograph in enumerate(self._photographs):
                found.append(self.judge(as_rgb(stylizer(photograph.bgr)[..., ::-1]), wanted, index))
            self._store.keep(
                question, answer := {"losses": [asdict(loss) for loss in found], "ran": what_ran(stylizer)}
            )
        return [Loss(**loss) for loss in answer["losses"]], answer["ran"]

    def judge(self, image: Rgb, wanted: Grams, photograph: int) -> Loss:
        """The losses of what became of a photograph."""
        reading = self._judge.read(image)
        return Loss(style_loss(reading.grams, wanted), content_loss(reading, self.reading(photograph)))

    def grams(self, painting: Painting) -> Grams:
        """What a painting's style is measured by."""
        key = painting.sha256, painting.side
        if key not in self._paintings:
            self._paintings[key] = self._judge.read_painting(painting.rgb, painting.side)
        return self._paintings[key]

    def reading(self, index: int) -> Reading:
        """The reading of a photograph."""
        if (reading := self._readings.get(index)) is None:
            reading = self._judge.read(self._photographs[index].rgb)
            size = reading.content.nbytes
            if self._kept_bytes + size <= KEPT_BYTES:
                self._readings[index] = reading
                self._kept_bytes += size
        return reading

    def _about(self) -> list[Any]:
        return [photograph.question for photograph in self._photographs]


def what_ran(stylizer: Stylizer) -> dict[str, Any]:
    """Device, provider, precision and ONNX Runtime of the frames just stylised."""
    told = stylizer.describe()
    return {key: told[key] for key in ("device", "provider", "precision", "onnxruntime")}
