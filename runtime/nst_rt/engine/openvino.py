"""OpenVINO on CPUs: which backend is installed, and the properties that it compiles a network with.

There are three backends. A session looks the same with each of them:

- `plugin`: the wheel `onnxruntime-ep-openvino` beside ONNX Runtime 1.23 or newer. It lists Intel's CPUs only
  (microsoft/onnxruntime #31981).
- `built_in`: the wheel `onnxruntime-openvino` in place of the other ONNX Runtime wheels.
- `own`: the wheel `openvino`, OpenVINO's own runtime, which reads the same file and runs on any CPU.
"""

import contextlib
import functools
import importlib.util
import logging
import re
from pathlib import Path
from typing import Any, Literal

from nst_rt.engine.ort import load_onnxruntime
from nst_rt.errors import DeviceError
from nst_rt.files.folders import cache_folder

Backend = Literal["plugin", "built_in", "own"]

PROVIDER = "OpenVINOExecutionProvider"
"""ONNX Runtime's name for the first two backends."""
OWN_RUNTIME = "OpenVINO"
"""What the third backend is called where providers are named."""

KEPT_NETWORKS = 64
"""Compiled networks that the cache keeps, one for each model, frame size and precision; each is about a megabyte."""

_PLUGIN = "onnxruntime_ep_openvino"

log = logging.getLogger("nst_rt")


@functools.cache
def openvino_backend() -> Backend | None:
    """The backend that is installed here, or None. Only a session can tell whether it runs."""
    if plugin_cpu() is not None:
        return "plugin"
    if PROVIDER in load_onnxruntime().get_available_providers():
        return "built_in"
    return "own" if importlib.util.find_spec("openvino") else None


@functools.cache
def plugin_cpu() -> Any | None:
    """The plugin's `OrtEpDevice` for this CPU, with the plugin registered; None without one."""
    runtime = load_onnxruntime()
    if not importlib.util.find_spec(_PLUGIN) or not hasattr(runtime, "register_execution_provider_library"):
        return None
    try:
        library = importlib.import_module(_PLUGIN).get_library_path()
        runtime.register_execution_provider_library(PROVIDER, library)
    except Exception as error:  # a broken wheel must not hide other devices; ONNX Runtime's errors have no common base
        log.debug("%s cannot be registered: %s", _PLUGIN, error)
        return None
    for device in runtime.get_ep_devices():
        if device.ep_name == PROVIDER and device.ep_metadata.get("ov_device") == "CPU":
            return device
    # A plugin that stays registered would be listed as a provider, and no session could have it.
    with contextlib.suppress(Exception):
        runtime.unregister_execution_provider_library(PROVIDER)
    return None


def configuration(*, bf16: bool = False, threads: int | None = None) -> dict[str, str]:
    """OpenVINO's own properties for a network that is compiled for a CPU.

    The precision is always set: OpenVINO's default is bf16 on every CPU that has it, whatever the file says. With the
    latency hint OpenVINO takes as many threads as there are physical cores.
    """
    properties = {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "PERFORMANCE_HINT": "LATENCY"}
    if threads is not None:
        properties["INFERENCE_NUM_THREADS"] = str(threads)
    cache = _cache()
    return properties | ({"CACHE_DIR": str(cache)} if cache else {})


def refuse_without_bf16() -> None:
    """Refuse bf16 on a CPU without instructions for it, which would compute in fp32 or emulate bf16.

    Raises:
        DeviceError: this is such a CPU.
    """
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return
    flags = cpuinfo.read_text(encoding="utf-8", errors="replace")
    if not re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", flags):
        raise DeviceError(
            "this CPU has no bf16 instructions (avx512_bf16 or amx_bf16). Use the precision fp32", parameter="precision"
        )


def _cache() -> Path | None:
    # OpenVINO names its files by network, shapes, properties and its version, and never removes one.
    folder = cache_folder() / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        blobs = sorted(folder.glob("*.blob"), key=lambda blob: blob.stat().st_mtime, reverse=True)
        for blob in blobs[KEPT_NETWORKS:]:
            blob.unlink(missing_ok=True)
    except OSError as error:
        log.info("%s cannot be used (%s): OpenVINO compiles every time", folder, error.strerror)
        return None
    return folder
