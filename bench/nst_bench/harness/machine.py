"""What a measurement was made on: without it, a number means nothing."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import nst_rt
from nst_rt.engine import gpu
from nst_rt.jobs.doctor import processor_name

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
    """Processor, cards, driver, operating system and package versions, ready for JSON."""
    driver = gpu.nvidia_driver()
    return {
        "processor": processor_name(),
        "logical_cores": os.cpu_count(),
        "gpus": [f"{card.name} (compute {card.compute_capability})" for card in driver.gpus] if driver else [],
        "cuda_driver": driver.cuda if driver else None,
        "tensorrt": gpu.tensorrt_version() if driver else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "nst-rt": nst_rt.__version__,
        "packages": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
