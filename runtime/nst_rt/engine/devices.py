"""Devices: how they are named, and the ONNX Runtime providers and options that stand for each."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nst_rt.engine import openvino
from nst_rt.engine.ort import INSTALL_CPU, INSTALL_CUDA, load_onnxruntime, preload_cuda
from nst_rt.errors import DeviceError, install_line

if TYPE_CHECKING:
    from nst_rt.engine.engine_cache import EngineCache

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
"""From so many on `auto` takes OpenVINO. Even with the network compiled before, its start costs a processor as much
as it saves in about ten frames of 1920x1080, and in many more of smaller ones."""

ProviderOptions = list[tuple[str, dict[str, str]]]


@dataclass(frozen=True)
class Device:
    """A processor or card, as the user names it: `cpu`, `cuda:1`, `tensorrt`, `openvino`."""

    kind: Kind
    index: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}" if self.on_gpu else self.kind

    @property
    def on_gpu(self) -> bool:
        """Whether frames have to be copied to the device's own memory."""
        return self.kind in ("cuda", "tensorrt")

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of the execution provider that runs this device, or OpenVINO's own runtime."""
        if self.kind == "openvino" and openvino.road() == "own":
            return openvino.OWN_RUNTIME
        return PROVIDERS[self.kind]


def parse_device(text: str) -> Device | None:
    """`auto` is None; anything else is a demand.

    Raises:
        DeviceError: not a device's name.
    """
    name = text.strip().lower()
    if name == "auto":
        return None
    match = re.fullmatch(r"([a-z]+)(?::(\d+))?", name)
    kind = match[1] if match else ""
    known = next((known for known in PROVIDERS if known == kind), None)
    if match is None or known is None or (match[2] and known not in ("cuda", "tensorrt")):
        raise DeviceError(f"unknown device {text!r}. Devices are auto, cpu, cuda[:N], tensorrt[:N] and openvino")
    return Device(known, int(match[2] or 0))


def listed_devices() -> list[Device]:
    """Devices that the installed runtimes were built for. Whether one runs, only a session can tell."""
    return [Device(kind) for kind in PROVIDERS if _is_listed(kind)]


def preferred_devices(frames: int | None = None) -> list[Device]:
    """What `auto` tries, best first. TensorRT is left out: building an engine takes minutes that nobody asked for.

    Args:
        frames: how many there will be, where that is known: OpenVINO is left out too below `MANY_FRAMES`.
    """
    order: list[Kind] = ["cuda", "openvino", "cpu"]
    if frames is not None and frames < MANY_FRAMES:
        order.remove("openvino")
    return [Device(kind) for kind in order if _is_listed(kind)]


def require_listed(device: Device) -> None:
    """Refuse a device that nothing installed was built for.

    Raises:
        DeviceError: names the devices that there are and how to install this one.
    """
    if not _is_listed(device.kind):
        names = ", ".join(other.kind for other in listed_devices())
        raise DeviceError(
            f"device {device}: what is installed runs only {names}. For {device.kind}: "
            f"{HOW_TO_GET[device.kind]}; `nst-rt doctor` checks the rest"
        )


def _is_listed(kind: Kind) -> bool:
    # OpenVINO is looked for only where it is asked about: to find its plugin is to load it.
    if kind == "openvino":
        return openvino.road() is not None
    return PROVIDERS[kind] in load_onnxruntime().get_available_providers()


def provider_options(
    device: Device,
    *,
    cuda_graph: bool,
    fp16: bool = False,
    bf16: bool = False,
    threads: int | None = None,
    engine_cache: "EngineCache | None" = None,
) -> ProviderOptions:
    """The providers of a session on `device`, first choice first, with their options.

    Args:
        fp16: the model file is an fp16 one; TensorRT has to be told that it may compute so.
        bf16, threads: how OpenVINO computes on the processor.
        cuda_graph: capture the launches of a run once and replay them; needs static shapes and fixed addresses.
        engine_cache: TensorRT's folders for this very model, shape and machine; None keeps nothing.
    """
    if device.on_gpu:
        preload_cuda()
    options: ProviderOptions = []
    if device.kind == "tensorrt":
        options.append((PROVIDERS["tensorrt"], _tensorrt_options(device, cuda_graph, fp16, engine_cache)))
    if device.on_gpu:
        options.append((PROVIDERS["cuda"], _cuda_options(device, cuda_graph and device.kind == "cuda", fp16)))
    if device.kind == "openvino":
        options.append((PROVIDERS["openvino"], openvino.configuration(bf16=bf16, threads=threads)))
    # Named explicitly, so that a model with a stray node still runs, and the placement tells.
    options.append((PROVIDERS["cpu"], {}))
    return options


def _cuda_options(device: Device, cuda_graph: bool, fp16: bool) -> dict[str, str]:
    return {
        "device_id": str(device.index),
        # A new size costs about 2 ms of search; EXHAUSTIVE takes half a second for a few per cent.
        "cudnn_conv_algo_search": "HEURISTIC",
        # The default doubles: a 4K session after an HD one would hold twice what it needs.
        "arena_extend_strategy": "kSameAsRequested",
        "do_copy_in_default_stream": "1",
        # An fp32 file is to compute in fp32: TF32 keeps ten bits of a number.
        "use_tf32": str(int(fp16)),
        "enable_cuda_graph": str(int(cuda_graph)),
    }


def _tensorrt_options(
    device: Device, cuda_graph: bool, fp16: bool, engine_cache: "EngineCache | None"
) -> dict[str, str]:
    options: dict[str, Any] = {
        "device_id": device.index,
        "trt_fp16_enable": int(fp16),
        "trt_layer_norm_fp32_fallback": 1,
        "trt_cuda_graph_enable": int(cuda_graph),
    }
    if engine_cache is not None:
        options |= {
            "trt_engine_cache_enable": 1,
            "trt_engine_cache_path": engine_cache.engines,
            "trt_timing_cache_enable": 1,
            "trt_timing_cache_path": engine_cache.timings,
        }
    return {key: str(value) for key, value in options.items()}
