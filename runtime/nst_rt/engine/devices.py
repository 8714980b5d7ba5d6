"""Devices: their names, which of them are there, and which ones `auto` prefers."""

import re
from dataclasses import dataclass
from typing import Literal

from nst_rt.engine import openvino
from nst_rt.engine.ort import INSTALL_CPU, INSTALL_CUDA, load_onnxruntime
from nst_rt.errors import DeviceError, install_line

Kind = Literal["cpu", "cuda", "tensorrt", "openvino"]

PROVIDERS: dict[Kind, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": openvino.PROVIDER,
}

HOW_TO_GET: dict[Kind, str] = {
    "cpu": INSTALL_CPU,
    "cuda": f"pip uninstall -y onnxruntime && {INSTALL_CUDA}",
    "tensorrt": f"pip uninstall -y onnxruntime && {install_line('cuda', 'tensorrt-cu13<11')}",
    "openvino": install_line("openvino"),
}

MANY_FRAMES = 16
"""For fewer frames than this `auto` leaves OpenVINO out. Its start, even with a compiled network in the cache, takes as
long as it saves in about ten frames of 1920x1080, or in many more smaller ones."""


@dataclass(frozen=True)
class Device:
    """A CPU or a GPU, as the user names it: `cpu`, `cuda:1`, `tensorrt`, `openvino`.

    Examples:
        >>> from nst_rt import Device
        >>> str(Device("cuda", 1))
        'cuda:1'
    """

    kind: Kind
    index: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}" if self.on_gpu else self.kind

    @property
    def on_gpu(self) -> bool:
        """Whether frames have to be copied to memory of the device."""
        return self.kind in ("cuda", "tensorrt")

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of the execution provider that runs this device, or OpenVINO's own runtime."""
        if self.kind == "openvino" and openvino.openvino_backend() == "own":
            return openvino.OWN_RUNTIME
        return PROVIDERS[self.kind]


def parse_device(text: str) -> Device | None:
    """Read a device's name. `auto`, a preference, is None; every other name is a demand.

    Raises:
        DeviceError: the text is not the name of a device.
    """
    name = text.strip().lower()
    if name == "auto":
        return None
    match = re.fullmatch(r"([a-z]+)(?::(\d+))?", name)
    kind = match[1] if match else ""
    known = next((known for known in PROVIDERS if known == kind), None)
    if match is None or known is None or (match[2] and known not in ("cuda", "tensorrt")):
        raise DeviceError(
            f"unknown device {text!r}. Devices are auto, cpu, cuda[:N], tensorrt[:N] and openvino", parameter="device"
        )
    return Device(known, int(match[2] or 0))


def list_devices() -> list[Device]:
    """The devices that the installed runtimes were built for. Only a session can tell whether one of them runs.

    Examples:
        >>> from nst_rt import list_devices
        >>> "cpu" in [str(device) for device in list_devices()]
        True
    """
    return [Device(kind) for kind in PROVIDERS if _is_listed(kind)]


def preferred_devices(frames: int | None = None) -> list[Device]:
    """The devices that `auto` tries, best first. TensorRT is not among them: it takes minutes to build an engine.

    Args:
        frames: how many frames there will be, where that is known; below `MANY_FRAMES` OpenVINO is left out too.
    """
    order: list[Kind] = ["cuda", "openvino", "cpu"]
    if frames is not None and frames < MANY_FRAMES:
        order.remove("openvino")
    return [Device(kind) for kind in order if _is_listed(kind)]


def require_listed(device: Device) -> None:
    """Refuse a device that no installed runtime was built for.

    Raises:
        DeviceError: the message names the devices that are there, and how to install this one.
    """
    if not _is_listed(device.kind):
        names = ", ".join(other.kind for other in list_devices())
        raise DeviceError(
            f"device {device}: what is installed runs only {names}. For {device.kind}: {HOW_TO_GET[device.kind]}",
            parameter="device",
        )


def _is_listed(kind: Kind) -> bool:
    # Only where somebody asks for OpenVINO: to find its plugin is to load it.
    if kind == "openvino":
        return openvino.openvino_backend() is not None
    return PROVIDERS[kind] in load_onnxruntime().get_available_providers()
