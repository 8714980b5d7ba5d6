"""The one place that imports ONNX Runtime."""

import contextlib
import functools
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import TextIO

from nst_rt.errors import DependencyError, install_line

INSTALL_CPU = install_line("cpu")
INSTALL_CUDA = install_line("cuda")

BROKEN = {
    ("onnxruntime", "1.24.1"): "it refuses weights beside a model that lies behind a link (qdrant/fastembed #603)",
    ("onnxruntime-gpu", "1.24.1"): "it refuses weights beside a model that lies behind a link (qdrant/fastembed #603)",
    ("onnxruntime-gpu", "1.27.0"): "its CUDA extras ask for packages that do not exist",
}
"""Wheels that were published broken, with what happens. pyproject.toml excludes the same."""


@functools.cache
def load_onnxruntime() -> ModuleType:
    """Import ONNX Runtime, with its telemetry off unless the user has set `ORT_DISABLE_TELEMETRY` to something else.

    Raises:
        DependencyError: no ONNX Runtime wheel is installed, or it cannot be loaded.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    imported_by_others = "onnxruntime" in sys.modules
    try:
        import onnxruntime
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "onnxruntime":
            raise DependencyError(
                f"ONNX Runtime is not installed. For processors {INSTALL_CPU}, for NVIDIA GPUs {INSTALL_CUDA}"
            ) from error
        raise DependencyError(
            f"ONNX Runtime is installed and cannot be loaded ({error}). Reinstall it: pip install --force-reinstall "
            "onnxruntime (or onnxruntime-gpu)"
        ) from error
    if not hasattr(onnxruntime, "InferenceSession"):
        # Uninstalling one of two wheels that share the folder leaves such an empty shell behind.
        raise DependencyError(
            "ONNX Runtime's folder is there without its content (two of its wheels were installed, one was removed). "
            "Remove both: pip uninstall -y onnxruntime onnxruntime-gpu, then " + INSTALL_CPU + " or " + INSTALL_CUDA
        )
    if imported_by_others and os.environ["ORT_DISABLE_TELEMETRY"] == "1":
        onnxruntime.disable_telemetry_events()
    module: ModuleType = onnxruntime
    return module


_redirecting = threading.RLock()


@contextlib.contextmanager
def stdout_to(stream: TextIO) -> Iterator[None]:
    """Send what is printed elsewhere meanwhile.

    Python's stdout is the same for all threads: of two that redirect it at once, the one that ends last would leave it
    where the other had sent it, for good.
    """
    with _redirecting, contextlib.redirect_stdout(stream):
        yield


@functools.cache
def preload_cuda() -> None:
    """Load CUDA's and cuDNN's libraries from NVIDIA's pip packages, where they are installed."""
    preload = getattr(load_onnxruntime(), "preload_dlls", None)
    if preload is not None:
        # It reports what it misses by printing; a session that cannot run says so in one line, doctor in more.
        said = io.StringIO()
        with stdout_to(said):
            preload(directory="")
        logging.getLogger("nst_rt").debug("%s", said.getvalue().strip())
