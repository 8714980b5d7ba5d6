"""What a measurement was made on: a number without it means nothing."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import nst_rt
from nst_rt.engine import gpu
from nst_rt.jobs.diagnosis import cpu_name
from nst_rt.stylizer.stylizer import Stylizer

PACKAGES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-ep-openvino",
    "openvino",
    "ncnn",
    "torch",
    "numpy",
    "opencv-python",
    "av",
)


def describe_machine() -> dict[str, Any]:
    """CPU, GPUs, driver, operating system and package versions, ready for JSON."""
    driver = gpu.nvidia_driver()
    return {
        "processor": cpu_name(),
        "logical_cores": os.cpu_count(),
        "gpus": [f"{card.name} (compute {card.compute_capability})" for card in driver.gpus] if driver else [],
        "cuda_driver": driver.cuda if driver else None,
        "tensorrt": gpu.tensorrt_version() if driver else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "nst-rt": nst_rt.__version__,
        "packages": _versions(),
    }


def what_ran(stylizer: Stylizer) -> dict[str, Any]:
    """Device, provider, precision and ONNX Runtime of the frames that were stylised last."""
    described = stylizer.describe()
    return {name: described[name] for name in ("device", "provider", "precision", "onnxruntime")}


def machine_line(machine: Mapping[str, Any]) -> str:
    """CPU, cores and GPUs of `describe_machine` in words: `AMD EPYC, 2 cores`."""
    return ", ".join([machine["processor"], f"{machine['logical_cores']} cores", *machine["gpus"]])


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
