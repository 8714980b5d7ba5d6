"""The folders of TensorRT's engines and timings, named by everything that they depend on."""

import os
from dataclasses import dataclass
from pathlib import Path

from nst_rt.engine import gpu
from nst_rt.engine.devices import Device
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.errors import DeviceError
from nst_rt.files.folders import cache_folder


@dataclass(frozen=True)
class EngineCache:
    """Two folders: timings fit every model on one machine and its versions; an engine fits one model and one shape."""

    engines: Path
    timings: Path

    def built(self) -> bool:
        """Whether the folder has an engine already."""
        return any(self.engines.glob("*.engine"))

    def make(self) -> None:
        """Make the folders.

        Raises:
            OSError: they cannot be made.
        """
        self.engines.mkdir(parents=True, exist_ok=True)


def engine_cache(model: str, sha256: str, precision: str, size: str, device: Device) -> EngineCache:
    """The cache of one model at one size on one card.

    Args:
        model: the file's name, for people; the hash tells models apart.
        sha256: of the model file.
        size: of the frames, such as `1x480x640`.

    Raises:
        DeviceError: there is no driver, no such card or no TensorRT.
    """
    driver, tensorrt = gpu.nvidia_driver(), gpu.tensorrt_version()
    if driver is None:
        raise DeviceError(
            f"device {device}: there is no NVIDIA driver. Install one, or use the device cpu", parameter="device"
        )
    if device.index >= len(driver.gpus):
        raise DeviceError(
            f"device {device}: the driver knows {len(driver.gpus)} cards, numbered from 0", parameter="device"
        )
    if tensorrt is None:
        raise DeviceError(
            f"device {device}: TensorRT 10 cannot be loaded. Install it: pip install "
            '"tensorrt-cu13<11" (11 does not fit ONNX Runtime), or use the device cuda',
            parameter="device",
        )
    card = driver.gpus[device.index]
    machine = "_".join(
        (
            f"{card.name}-sm{card.compute_capability}",
            f"trt{tensorrt}",
            f"ort{load_onnxruntime().__version__}",
            f"cuda{driver.cuda}",
        )
    )
    timings = cache_folder() / "tensorrt" / machine.replace(" ", "-").replace(os.sep, "-")
    return EngineCache(timings / f"{model[:60]}_{sha256[:16]}_{precision}_{size}", timings)
