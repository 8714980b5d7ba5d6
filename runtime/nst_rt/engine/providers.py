"""The ONNX Runtime providers of a session, and their options."""

from typing import Any

from nst_rt.engine import openvino
from nst_rt.engine.devices import PROVIDERS, Device
from nst_rt.engine.engine_cache import EngineCache
from nst_rt.engine.ort import preload_cuda

ProviderOptions = list[tuple[str, dict[str, str]]]
"""Names of providers, first choice first, each with its options."""


def provider_options(
    device: Device,
    *,
    cuda_graph: bool,
    fp16: bool = False,
    bf16: bool = False,
    threads: int | None = None,
    engine_cache: EngineCache | None = None,
) -> ProviderOptions:
    """The providers of a session on `device`, first choice first, with their options.

    Args:
        cuda_graph: capture the launches of a run once and replay them; needs static shapes and fixed addresses.
        fp16: the model file is an fp16 one, and TensorRT may compute in fp16.
        bf16, threads: how OpenVINO computes on the CPU.
        engine_cache: TensorRT's folders for this model, shape and machine; None keeps nothing.
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
    # A model with a node that the device cannot run still runs, and the placement tells.
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
        # An fp32 file computes in fp32: TF32 keeps only ten bits of a number's fraction.
        "use_tf32": str(int(fp16)),
        "enable_cuda_graph": str(int(cuda_graph)),
    }


def _tensorrt_options(device: Device, cuda_graph: bool, fp16: bool, engine_cache: EngineCache | None) -> dict[str, str]:
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
