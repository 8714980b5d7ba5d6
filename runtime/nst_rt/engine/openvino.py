"""OpenVINO on processors: the ways to it that are installed, and how it is told to compute.

There are three, and a session looks the same whichever it takes:

- `plugin`: the wheel `onnxruntime-ep-openvino` beside ONNX Runtime 1.23 or newer. It lists Intel's processors only
  (microsoft/onnxruntime #31981).
- `built_in`: the wheel `onnxruntime-openvino` in place of the other ONNX Runtime wheels.
- `own`: the wheel `openvino`, OpenVINO's own runtime, which reads the same file and runs on any processor.
"""

import contextlib
import functools
import importlib.util
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from nst_rt.engine.ort import load_onnxruntime
from nst_rt.errors import DeviceError
from nst_rt.files.folders import cache_folder

Road = Literal["plugin", "built_in", "own"]

PROVIDER = "OpenVINOExecutionProvider"
"""ONNX Runtime's name for the first two."""
OWN_RUNTIME = "OpenVINO"
"""What the third is called where providers are named."""

KEPT_NETWORKS = 64
"""Compiled networks that the cache keeps: one per model, frame size and precision, of about a megabyte each."""

_PLUGIN = "onnxruntime_ep_openvino"

log = logging.getLogger("nst_rt")


@functools.cache
def road() -> Road | None:
    """How OpenVINO is reached here, or None where it is not installed. Whether it runs, only a session can tell."""
    if plugin_processor() is not None:
        return "plugin"
    if PROVIDER in load_onnxruntime().get_available_providers():
        return "built_in"
    return "own" if importlib.util.find_spec("openvino") else None


@functools.cache
def plugin_processor() -> Any | None:
    """The plugin's `OrtEpDevice` of this processor, registered; None without the plugin, or where it lists none."""
    runtime = load_onnxruntime()
    if not importlib.util.find_spec(_PLUGIN) or not hasattr(runtime, "register_execution_provider_library"):
        return None
    try:
        library = importlib.import_module(_PLUGIN).get_library_path()
        runtime.register_execution_provider_library(PROVIDER, library)
    except Exception as error:  # a broken wheel must not take other devices along; ONNX Runtime's errors share no base
        log.debug("%s cannot be registered: %s", _PLUGIN, error)
        return None
    for device in runtime.get_ep_devices():
        if device.ep_name == PROVIDER and device.ep_metadata.get("ov_device") == "CPU":
            return device
    # Left registered, it would be listed as a provider that no session can have.
    with contextlib.suppress(Exception):
        runtime.unregister_execution_provider_library(PROVIDER)
    return None


def configuration(*, bf16: bool = False, threads: int | None = None) -> dict[str, str]:
    """OpenVINO's own properties of a network that is compiled for a processor.

    Left to itself OpenVINO computes in bf16 wherever the processor can, whatever the file says: the precision is
    always set. Its latency hint takes as many threads as there are physical cores.
    """
    properties = {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "PERFORMANCE_HINT": "LATENCY"}
    if threads is not None:
        properties["INFERENCE_NUM_THREADS"] = str(threads)
    cache = _cache()
    return properties | ({"CACHE_DIR": str(cache)} if cache else {})


def refuse_without_bf16() -> None:
    """Refuse bf16 on a processor that has no instructions for it: it would be computed in fp32, or emulated.

    Raises:
        DeviceError: this is such a processor.
    """
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return
    flags = cpuinfo.read_text(encoding="utf-8", errors="replace")
    if not re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", flags):
        raise DeviceError("this processor has no bf16 instructions (avx512_bf16 or amx_bf16). Use --precision fp32")


def open_openvino(path: Path, options: Any, properties: Mapping[str, str], pins: Mapping[str, int]) -> Any:
    """A session of the model `path` by the road that is there.

    Args:
        options: an `onnxruntime.SessionOptions`, its dimensions pinned.
        properties: from `configuration`.
        pins: the same dimensions; empty for any size.

    Returns:
        An `onnxruntime.InferenceSession`, or an `OwnSession` that answers the same calls.
    """
    runtime = load_onnxruntime()
    load_config = json.dumps({"CPU": dict(properties)})
    match road():
        case "plugin":
            options.add_provider_for_devices([plugin_processor()], {"load_config": load_config})
            return runtime.InferenceSession(str(path), options, enable_fallback=0)
        case "built_in":
            providers = [(PROVIDER, {"device_type": "CPU", "load_config": load_config}), "CPUExecutionProvider"]
            return runtime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
        case _:
            from nst_rt.engine.openvino_session import OwnSession  # imports OpenVINO, a fifth of a second

            return OwnSession(path, options, properties, pins)


def _cache() -> Path | None:
    # OpenVINO keys its files by network, shapes, properties and its own version; it never removes one.
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
