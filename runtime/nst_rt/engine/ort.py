"""The one place that imports ONNX Runtime."""

import functools
import logging
import os
import sys
from types import ModuleType

from nst_rt.errors import DependencyError, install_line

INSTALL_CPU = install_line("cpu")
INSTALL_CUDA = install_line("cuda")

BROKEN = {
    ("onnxruntime", "1.24.1"): "it refuses weights beside a model that lies behind a link (qdrant/fastembed #603)",
    ("onnxruntime-gpu", "1.24.1"): "it refuses weights beside a model that lies behind a link (qdrant/fastembed #603)",
    ("onnxruntime-gpu", "1.27.0"): "its CUDA extras ask for packages that do not exist",
}
"""Releases that were published broken, and what is wrong with them. pyproject.toml excludes the same ones."""

log = logging.getLogger("nst_rt")
_log_severity: int | None = None
_FATAL = 4


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
                f"ONNX Runtime is not installed. For CPUs {INSTALL_CPU}, for NVIDIA GPUs {INSTALL_CUDA}"
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
    if _log_severity is not None:
        onnxruntime.set_default_logger_severity(_log_severity)
    if imported_by_others and os.environ["ORT_DISABLE_TELEMETRY"] == "1":
        onnxruntime.disable_telemetry_events()
    module: ModuleType = onnxruntime
    return module


def silence_onnxruntime() -> None:
    """Hide the log that ONNX Runtime writes to stderr in this process, before or after its import.

    The log has one level for the whole process, so this is for programs, such as the command line, and not for
    libraries. What goes wrong is raised, or read from the placement, as one line of ours.
    """
    global _log_severity
    _log_severity = _FATAL
    if runtime := sys.modules.get("onnxruntime"):
        runtime.set_default_logger_severity(_FATAL)


@functools.cache
def preload_cuda() -> None:
    """Load the libraries of CUDA and cuDNN from NVIDIA's pip packages, where they are installed."""
    runtime = load_onnxruntime()
    if hasattr(runtime, "preload_dlls"):
        # It prints what it misses, and stdout is for data. This name hides the built-in `print` in its module alone.
        runtime.print = log.debug  # type: ignore[attr-defined]
        runtime.preload_dlls(directory="")
