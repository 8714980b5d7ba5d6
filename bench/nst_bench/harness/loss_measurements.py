"""Losses of stylised images and of the photographs as they are, measured once and then kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_rt.files.reading import file_sha256
from nst_train.data.images import Rgb
from nst_train.loop.hardware import Hardware
from nst_train.perceptual.loss_network import LossNetwork, load_loss_network

from nst_bench.harness.inputs import Painting, Photograph
from nst_bench.harness.losses import FeatureExtractor, Features, Grams, content_loss, style_loss
from nst_bench.harness.result_cache import ResultCache

KEPT_BYTES = 1 << 30
"""Features of photographs that are kept in memory; one of 640x480 takes 20 MB."""


@dataclass(frozen=True)
class Loss:
    """Of one image: style relative to a painting, content relative to a photograph."""

    style: float
    content: float


class LossMeasurements:
    """Losses of images that were made of one set of photographs.

    Args:
        loss_network: the file of its weights.
        hardware: what the loss network runs on.
        cache: where losses are kept.

    Raises:
        ModelError: the loss network cannot be read, or lacks a layer.
    """

    def __init__(
        self, loss_network: Path, hardware: Hardware, photographs: Sequence[Photograph], cache: ResultCache
    ) -> None:
        self.loss_network, self.sha256 = loss_network, file_sha256(loss_network)
        self.network: LossNetwork = load_loss_network(loss_network)
        self.photographs, self.cache = photographs, cache
        self._extractor = FeatureExtractor(self.network, hardware)
        self._features: dict[int, Features] = {}
        self._kept_bytes = 0
        self._paintings: dict[tuple[str, int], Grams] = {}

    def key(self, kind: str, **decides: Any) -> dict[str, Any]:
        """The key of a result that the loss network decides too."""
        return {"kind": kind, "loss_network": self.sha256, **decides}

    @property
    def photograph_keys(self) -> list[Any]:
        """All photographs, for the key of a result."""
        return [photograph.key for photograph in self.photographs]

    def unchanged(self, painting: Painting) -> list[float]:
        """The style losses of the photographs as they are."""
        key = self.key("unchanged", photographs=self.photograph_keys, painting=painting.key)
        result = self.cache.find(key)
        if result is None:
            target = self.grams(painting)
            places = range(len(self.photographs))
            result = {"style": [style_loss(self.photograph_features(place).grams, target) for place in places]}
            self.cache.keep(key, result)
        return [float(value) for value in result["style"]]

    def measure(self, image: Rgb, target: Grams, photograph: int) -> Loss:
        """The losses of an image uint8 RGB (H, W, 3) that was made of a photograph (its number)."""
        features = self._extractor.features(image)
        return Loss(style_loss(features.grams, target), content_loss(features, self.photograph_features(photograph)))

    def grams(self, painting: Painting) -> Grams:
        """What the style loss compares to."""
        place = painting.sha256, painting.side
        if place not in self._paintings:
            self._paintings[place] = self._extractor.painting_grams(painting.rgb, painting.side)
        return self._paintings[place]

    def photograph_features(self, place: int) -> Features:
        """The features of photograph number `place`."""
        if (features := self._features.get(place)) is None:
            features = self._extractor.features(self.photographs[place].rgb)
            size = features.content.nbytes
            if self._kept_bytes + size <= KEPT_BYTES:
                self._features[place] = features
                self._kept_bytes += size
        return features
