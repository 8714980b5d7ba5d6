"""What is counted as at a switch, and that the live window's own code switches."""

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nst_bench.harness.workload import Case, Target
from nst_bench.speed.switching import AFTER, LEAST_SWITCHES, PAINTING, SWITCHES, measure_switching
from nst_rt.contract import Frame
from nst_rt.errors import NstError, StyleError
from nst_rt.stylizer.stylizer import Stylizer

CASE = Case(32, 16)


@pytest.fixture
def styled(tinting: Path) -> Path:
    """A model with three named styles and an encoder."""
    styles = [{"name": name, "vector": [value] * 3} for name, value in (("a", 0), ("b", 40), ("c", 80))]
    tinting.with_name("tinting.styles.json").write_text(json.dumps({"styles": styles}))
    return tinting


class Slowed:
    """A stylizer whose frames take 20 ms, but 60 with another style than the last one; its clock is made up."""

    styles = ("a", "b", "c")

    def __init__(self) -> None:
        self.now, self.style, self.set = 0.0, "a", list[str]()
        self._had = "a"

    def __call__(self, frame: Frame) -> Frame:
        style = self.style  # a thread may set another one meanwhile
        self.now += 0.02 if style == self._had else 0.06
        if style != self._had:
            self.set.append(style)
        self._had = style
        return frame

    def __enter__(self) -> "Slowed":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def warm_up(self, height: int, width: int) -> None:
        assert (width, height) == (CASE.width, CASE.height)

    def describe(self) -> dict[str, Any]:
        return {"device": "cpu", "precision": "fp32"}

    def require_style_vectors(self, purpose: str) -> None:
        pass

    def style_vector(self, name: str) -> np.ndarray:
        return np.full(3, self.styles.index(name), np.float32)

    def set_style_vector(self, vector: np.ndarray, name: str) -> None:
        self.style = name


class SlowedTarget(Target):
    """What is measured is the slowed stylizer."""

    def __init__(self, stylizer: Slowed) -> None:
        super().__init__()
        object.__setattr__(self, "stylizer", stylizer)

    def load(self, **_: Any) -> Any:
        return self.stylizer


@pytest.mark.parametrize("kind", SWITCHES)
def test_a_frame_that_a_switch_delays_counts_at_the_switch(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slowed = Slowed()

    def now() -> float:
        return slowed.now

    monkeypatch.setattr(time, "perf_counter", now)
    monkeypatch.setattr(time, "monotonic", now)
    found = measure_switching(CASE, kind, 2.0, SlowedTarget(slowed))
    assert found["largest_ratio"] == pytest.approx(3)
    assert found["largest_ratio_without"] == 1
    assert (found["without"]["p50"], found["without"]["max"], found["noise"]) == (20, 20, 0)
    assert found["switches"] >= LEAST_SWITCHES
    assert found["at_switch"]["count"] >= found["switches"] * (1 + AFTER)
    # A switch begins only when as many frames were without one.
    assert found["without"]["count"] >= (LEAST_SWITCHES - 1) * (1 + AFTER)
    shown = set(slowed.set)
    match kind:
        case "named":
            assert shown == {"a", "b", "c"}
        case "blend":
            assert {"a", "a:0.5+b:0.5"} <= shown
        case "painting":
            assert any(name.endswith("painting.jpg") for name in shown)
        case "fade":
            assert {"a", "b"} < shown  # and mixtures of the two


def test_a_painting_is_read_by_the_models_own_encoder(styled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def encode(self: object, painting: Path, matching: object = None) -> np.ndarray:
        read.append(painting)
        assert cv2.imread(str(painting)).shape == (PAINTING.height, PAINTING.width, 3)
        return np.full((1, 3), 9, np.float32)

    monkeypatch.setattr("nst_rt.styles.style_encoder.StyleEncoder.__call__", encode)
    found = measure_switching(CASE, "painting", 0.0, Target("cpu", model=styled, threads=1))
    assert set(read) == {read[0]}
    assert read[0].name == "painting.jpg"
    assert (found["device"], found["precision"], found["kind"]) == ("cpu", "fp32", "painting")
    assert found["switches"] == LEAST_SWITCHES


def test_a_real_model_goes_through_its_styles(styled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    call = Stylizer.__call__

    def watched(self: Stylizer, frame: Frame, *rest: Any, **more: Any) -> Frame:
        stylised = call(self, np.zeros_like(frame), *rest, **more)
        shown.append(int(stylised.flat[0]))
        return stylised

    monkeypatch.setattr(Stylizer, "__call__", watched)
    measure_switching(CASE, "named", 0.0, Target("cpu", model=styled, threads=1))
    assert {0, 40, 80} <= set(shown)


def test_models_that_cannot_switch_are_refused(inverting: Path, tinting: Path) -> None:
    with pytest.raises(StyleError, match="one style baked in"):
        measure_switching(CASE, "named", 0.0, Target("cpu", model=inverting))
    with pytest.raises(NstError, match="has no named styles"):
        measure_switching(CASE, "named", 0.0, Target("cpu", model=tinting))
    one = {"styles": [{"name": "a", "vector": [1, 2, 3]}]}
    tinting.with_name("tinting.styles.json").write_text(json.dumps(one))
    with pytest.raises(StyleError, match="fewer than two named styles"):
        measure_switching(CASE, "fade", 0.0, Target("cpu", model=tinting))


def test_a_switch_that_fails_is_raised(styled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []

    def once(self: object, painting: Path, matching: object = None) -> np.ndarray:
        calls.append(painting)
        if len(calls) > 1:
            raise StyleError("the encoder is gone. Look for it")
        return np.zeros((1, 3), np.float32)

    monkeypatch.setattr("nst_rt.styles.style_encoder.StyleEncoder.__call__", once)
    with pytest.raises(StyleError, match="the encoder is gone"):
        measure_switching(CASE, "painting", 0.0, Target("cpu", model=styled, threads=1))
