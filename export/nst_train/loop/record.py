"""The run record: what a set of weights was made from, how, on what and for how long; JSON beside the weights."""

import json
import platform
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from nst_export.checkpoints.training_checkpoint import TrainingCheckpoint, in_words
from nst_rt.files.atomic import replacing
from nst_rt.files.reading import file_sha256
from nst_rt.version import __version__

FILE = "record.json"


def versions() -> dict[str, str]:
    """Of everything that a result can depend on."""
    return {
        "nst-rt": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # a class of its own, which a checkpoint must not hold
        "cuda": torch.version.cuda or "",
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


def new_session(step: int, hardware: str, start: Path | None = None) -> dict[str, Any]:
    """An entry for the list of sessions: a run's start, or its being taken up again.

    Args:
        start: whose weights the run began with.
    """
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    session = {"from_step": step, "started": now, "hardware": hardware, "versions": versions()}
    return session if start is None else {**session, "start": str(start)}


def describe_file(path: Path) -> dict[str, Any]:
    """A file that was learned from: name, size in bytes, SHA-256."""
    return {"file": str(path), "bytes": path.stat().st_size, "sha256": file_sha256(path)}


def write_record(state: TrainingCheckpoint, data: dict[str, Any], weights: list[Path], folder: Path) -> Path:
    """Write the record of a run as it stands.

    Raises:
        OutputError: it cannot be written.
    """
    record = {
        "recipe": state.recipe,
        "training": in_words(state),
        "step": state.step,
        "seconds": round(state.seconds, 1),
        "seed": state.settings["seed"],
        "settings": state.settings,
        "data": data,
        "weights": [describe_file(path) | {"file": path.name} for path in weights],
        "sessions": state.sessions,
        "losses": state.log,
    }
    path = folder / FILE
    with replacing(path) as temporary:
        # A row of losses a line: the file stays readable, and a diff of it too.
        text = json.dumps({**record, "losses": []}, ensure_ascii=False, indent=1)
        rows = ",\n  ".join(json.dumps(row) for row in state.log)
        temporary.write_text(text.replace('"losses": []', f'"losses": [\n  {rows}\n ]'), encoding="utf-8")
    return path
