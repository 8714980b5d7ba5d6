"""The limits of the machine, measured in the same run: arithmetic, memory, and the transfer to a GPU."""

import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nst_rt.engine import gpu
from nst_rt.engine.devices import Device, list_devices
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.engine.providers import provider_options
from numpy.typing import NDArray

SIDE = 1024
"""Of the square matrices on a CPU: 12 MB together, more than the cache of a core."""
GPU_SIDE = 8192
MEGABYTE = 1 << 20


def measure_limits(seconds: float = 4.0) -> dict[str, Any]:
    """Peak rates, each the best of many runs; what cannot be measured is in `skipped` with the reason.

    Returns:
        `cpu_fp32_gflops` (matrix product by ONNX Runtime or numpy's BLAS, whichever is faster), `cpu_bf16_gflops` (by
        PyTorch), `memory_copy_gb_s` (bytes copied, each once), and if CUDA runs `cuda_fp32_gflops`,
        `cuda_fp16_gflops`, `to_gpu_gb_s`, `from_gpu_gb_s`.
    """
    measures: dict[str, Callable[[float], float]] = {
        "cpu_fp32_gflops": _cpu_fp32,
        "cpu_bf16_gflops": _cpu_bf16,
        "memory_copy_gb_s": _memory_copy,
    }
    if gpu.nvidia_driver() is not None and Device("cuda") in list_devices():
        measures |= {
            "cuda_fp32_gflops": lambda budget: _ort_product(Device("cuda"), np.float32, GPU_SIDE, budget),
            "cuda_fp16_gflops": lambda budget: _ort_product(Device("cuda"), np.float16, GPU_SIDE, budget),
            "to_gpu_gb_s": lambda budget: _gpu_copy(budget, up=True),
            "from_gpu_gb_s": lambda budget: _gpu_copy(budget, up=False),
        }
    found: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for name, measure in measures.items():
        try:
            found[name] = round(measure(seconds / len(measures)), 2)
        except Exception as error:
            skipped[name] = f"{type(error).__name__}: {error}"
    return found | ({"skipped": skipped} if skipped else {})


def _best(work: Callable[[], Any], seconds: float) -> float:
    """Seconds of the fastest of as many runs as fit, at least three; the first one is not counted."""
    work()
    best, begun, runs = float("inf"), time.perf_counter(), 0
    while runs < 3 or time.perf_counter() - begun < seconds:
        before = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - before)
        runs += 1
    return best


def _cpu_fp32(seconds: float) -> float:
    left = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    out = np.empty_like(left)
    rates = [2 * SIDE**3 / _best(lambda: np.matmul(left, left, out=out), seconds / 2) / 1e9]
    if importlib.util.find_spec("onnx"):
        rates.append(_ort_product(Device("cpu"), np.float32, SIDE, seconds / 2))
    return max(rates)


def _cpu_bf16(seconds: float) -> float:
    import torch

    left = torch.rand(SIDE, SIDE).to(torch.bfloat16)
    return 2 * SIDE**3 / _best(lambda: left @ left, seconds) / 1e9


def _ort_product(device: Device, dtype: Any, side: int, seconds: float) -> float:
    """GFLOP/s of one matrix product on a device, operands and result in the device's memory."""
    import onnx
    from onnx import TensorProto, helper

    kind = TensorProto.FLOAT16 if dtype is np.float16 else TensorProto.FLOAT
    matrices = [helper.make_tensor_value_info(name, kind, [side, side]) for name in ("a", "b", "c")]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", matrices[:2], matrices[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    runtime = load_onnxruntime()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "product.onnx"
        onnx.save(model, path)
        providers = provider_options(device, cuda_graph=False)
        session = runtime.InferenceSession(str(path), providers=providers)
    if session.get_providers()[0] != device.provider:
        raise RuntimeError(f"{device} cannot be used")
    values: NDArray[Any] = np.random.default_rng(0).random((side, side), np.float32).astype(dtype)
    memory = "cuda" if device.on_gpu else "cpu"
    binding = session.io_binding()
    for name in ("a", "b"):
        binding.bind_ortvalue_input(name, runtime.OrtValue.ortvalue_from_numpy(values, memory, device.index))
    result = runtime.OrtValue.ortvalue_from_shape_and_type([side, side], dtype, memory, device.index)
    binding.bind_ortvalue_output("c", result)
    return 2 * side**3 / _best(lambda: session.run_with_iobinding(binding), seconds) / 1e9


def _memory_copy(seconds: float) -> float:
    source = np.ones(64 * MEGABYTE, np.uint8)
    target = np.zeros_like(source)
    return source.nbytes / _best(lambda: np.copyto(target, source), seconds) / 1e9


def _gpu_copy(seconds: float, *, up: bool) -> float:
    host = np.ones(64 * MEGABYTE, np.uint8)
    device = load_onnxruntime().OrtValue.ortvalue_from_numpy(host, "cuda", 0)
    return host.nbytes / _best(lambda: device.update_inplace(host) if up else device.numpy(), seconds) / 1e9
