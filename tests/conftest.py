"""Fixtures that every package's tests share."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tiny_models import inverting_model, mean_color_encoder, tinting_model


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would the commands that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own models, styles and caches."""
    monkeypatch.setenv("NST_RT_HOME", str(tmp_path / "nst-rt-home"))
    monkeypatch.delenv("NST_RT_DEBUG", raising=False)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real checkpoints, photographs and clips: `$NST_RT_SHARED`, else `shared` beside the checkout."""
    folder = Path(os.environ.get("NST_RT_SHARED") or Path(__file__).parents[2] / "shared")
    if not (folder / "checkpoints").is_dir():
        pytest.skip(f"no real checkpoints in {folder} (set NST_RT_SHARED)")
    return folder


@pytest.fixture
def inverting(tmp_path: Path) -> Path:
    """A model file whose full style is the negative."""
    return inverting_model(tmp_path / "inverting.onnx")


@pytest.fixture
def tinting(tmp_path: Path) -> Path:
    """A model file with style vectors, its style encoder beside it."""
    mean_color_encoder(tmp_path / "tinting.encoder.onnx")
    return tinting_model(tmp_path / "tinting.onnx")


@dataclass(frozen=True)
class OpenedSession:
    """An ONNX Runtime session that was opened to run."""

    threads: int | None
    shape: tuple[int | str, ...]
    """Of its first input."""


@pytest.fixture
def opened_sessions(monkeypatch: pytest.MonkeyPatch) -> list[OpenedSession]:
    """Every ONNX Runtime session that is opened from now on, without those that only read a file's record."""
    import onnxruntime

    sessions: list[OpenedSession] = []

    class Told(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, path: str, options: Any, **named: Any) -> None:
            super().__init__(path, options, **named)
            if options.graph_optimization_level != onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL:
                shape = tuple(self.get_inputs()[0].shape)
                sessions.append(OpenedSession(options.intra_op_num_threads or None, shape))

    monkeypatch.setattr(onnxruntime, "InferenceSession", Told)
    return sessions
