"""The NVIDIA driver, its cards and TensorRT, as NVIDIA's own libraries describe them.

Not through nvidia-ml-py: NVML numbers all cards by their PCI address, while `cuda:1` counts the cards that
CUDA_VISIBLE_DEVICES leaves, the fastest first. Its import also takes 25 to 40 ms of CPU time, that of ctypes 3 ms.
"""

import contextlib
import ctypes
import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One card."""

    index: int
    name: str
    compute_capability: str
    """Such as `9.0`."""


@dataclass(frozen=True)
class Driver:
    """The installed NVIDIA driver."""

    cuda: str
    """The newest CUDA version that the driver supports, such as `13.0`."""
    gpus: tuple[Gpu, ...]


@functools.cache
def nvidia_driver() -> Driver | None:
    """The driver and its cards, or None where there is no driver."""
    cuda = _load("libcuda.so.1", "nvcuda.dll")
    if cuda is None or cuda.cuInit(0) != 0:
        return None
    version, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    cuda.cuDeviceGetCount(ctypes.byref(count))
    gpus = []
    for index in range(count.value):
        device, name = ctypes.c_int(), ctypes.create_string_buffer(128)
        major, minor = ctypes.c_int(), ctypes.c_int()
        cuda.cuDeviceGet(ctypes.byref(device), index)
        cuda.cuDeviceGetName(name, len(name), device)
        cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, device)  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
        cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)  # ..._MINOR
        gpus.append(Gpu(index, name.value.decode(), f"{major.value}.{minor.value}"))
    return Driver(f"{version.value // 1000}.{version.value % 1000 // 10}", tuple(gpus))


@functools.cache
def tensorrt_version() -> str | None:
    """The version of the TensorRT 10 library, such as `10.16.1`, or None where it cannot be loaded."""
    with contextlib.suppress(ImportError):
        # NVIDIA's wheel loads its libraries on import; ONNX Runtime then finds them loaded.
        import tensorrt_libs  # type: ignore[import-not-found]  # noqa: F401
    library = _load("libnvinfer.so.10", "nvinfer_10.dll")
    if library is None:
        return None
    number = library.getInferLibVersion()
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def _load(*names: str) -> ctypes.CDLL | None:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
