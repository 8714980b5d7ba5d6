"""What a training run computes on, and in which precision."""

import platform
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from nst_rt.errors import DeviceError
from torch import nn

from nst_train.loop.freed_memory import keep_freed_memory

DeviceChoice = Literal["auto", "cpu", "cuda"]
PrecisionChoice = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True)
class Hardware:
    """A device, and the type that convolutions are computed in."""

    device: torch.device
    dtype: torch.dtype
    """float32, or bfloat16: weights and statistics stay in float32 either way."""
    name: str
    """Device, precision and threads, in words."""

    def autocast(self) -> AbstractContextManager[Any]:
        """The context that forward passes run in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def place(self, module: nn.Module) -> None:
        """Move a module here, its convolutions' weights in channels-last order."""
        module.to(device=self.device)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's overloads


def choose_hardware(device: str = "auto", precision: str = "auto") -> Hardware:
    """`auto` takes a CUDA device where there is one, and bfloat16 where the device computes in it by itself.

    Raises:
        DeviceError: a device or precision that was asked for by name and is not there.
    """
    if device not in ("auto", "cpu", "cuda") or precision not in ("auto", "fp32", "bf16"):
        raise DeviceError(f"device {device!r}, precision {precision!r}: give auto, cpu or cuda, and auto, fp32 or bf16")
    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        built = "" if torch.version.cuda else ", and this PyTorch was built without CUDA"
        raise DeviceError(f"--device cuda: no CUDA device here{built}. Use --device cpu, or install PyTorch for CUDA")
    chosen = torch.device("cuda" if device == "cuda" or (device == "auto" and has_cuda) else "cpu")
    native = torch.cuda.is_bf16_supported() if chosen.type == "cuda" else cpu_computes_bfloat16()
    bf16 = precision == "bf16" or (precision == "auto" and native)
    if chosen.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32 for what stays in float32
        torch.backends.cudnn.benchmark = True  # every step has the same shapes
        where = torch.cuda.get_device_name()
    else:
        keep_freed_memory()
        where = f"CPU ({platform.machine()}, {torch.get_num_threads()} threads)"
    return Hardware(chosen, torch.bfloat16 if bf16 else torch.float32, f"{where}, {'bfloat16' if bf16 else 'float32'}")


def cpu_computes_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; emulated, it is slower than float32."""
    try:
        flags = torch.cpu.get_capabilities()
    except (AttributeError, RuntimeError):  # PyTorch older than 2.11
        probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, probe, bool)() for probe in probes)
    return any(flags.get(flag, False) for flag in ("avx512_bf16", "amx_bf16", "bf16"))
