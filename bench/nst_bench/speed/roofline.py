"""How near a measured time is to the limits of the machine: the arithmetic of a model file over the peak rate."""

import math
import tempfile
from pathlib import Path
from typing import Any

from nst_rt.engine.ort import load_onnxruntime
from nst_rt.engine.session import FrameShape

from nst_bench.harness.workload import Case


def operations(file: Path, case: Case) -> int | None:
    """Multiplications and additions of all convolutions and matrix products of one call, as the file computes them.

    None without the package onnx, or if shapes depend on data.
    """
    try:
        import onnx
    except ImportError:
        return None
    runtime = load_onnxruntime()
    options = runtime.SessionOptions()
    # With pinned sizes the basic optimisations fold every computed shape into a constant.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    for name, size in FrameShape(case.batch, case.height, case.width).pins.items():
        options.add_free_dimension_override_by_name(name, size)
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "static.onnx")
        runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        graph = onnx.shape_inference.infer_shapes(onnx.load(options.optimized_model_filepath)).graph
    shapes = {value.name: _shape(value) for value in (*graph.value_info, *graph.input, *graph.output)}
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type not in ("Conv", "FusedConv", "ConvTranspose", "MatMul", "Gemm"):
            continue
        weights, output = shapes.get(node.input[1]), shapes.get(node.output[0])
        if not weights or not output or not all(weights) or not all(output):
            return None
        match node.op_type:
            case "ConvTranspose":
                source = shapes.get(node.input[0])
                if not source or not all(source):
                    return None
                each = math.prod(weights[1:]) * math.prod(source)
            case "MatMul" | "Gemm":
                transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
                each = weights[-1 if transposed else -2] * math.prod(output)
            case _:
                each = math.prod(weights[1:]) * math.prod(output)
        total += 2 * each
    return total


def _shape(value: Any) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def on_gpu(model: dict[str, Any]) -> bool:
    """Whether a closed-loop result (its `model`) was measured on a GPU."""
    return not str(model["device"]).startswith(("cpu", "openvino"))


def against_limits(result: dict[str, Any], flop: int | None, limits: dict[str, Any]) -> dict[str, float]:
    """A closed-loop result relative to the limits of `measure_limits`.

    Returns:
        `gflop` per call, `gflops_reached`, and as shares of the median, where 1 is the limit itself: `arithmetic_share`
        (the time of the arithmetic at the peak rate of the device and precision) and `memory_share` (the time to copy
        the frame in and out once, at the rate of the memory, or of the transfer to a GPU).
    """
    model, seconds = result["model"], result["latency"]["p50"] / 1e3
    if not seconds:
        return {}
    gpu = on_gpu(model)
    # A CPU computes fp16 files in fp32; the limit of int8 is not measured.
    precision = model["precision"] if gpu or model["precision"] in ("bf16", "int8") else "fp32"
    found: dict[str, float] = {}
    peak = limits.get(f"{'cuda' if gpu else 'cpu'}_{precision}_gflops")
    if flop:
        found |= {"gflop": round(flop / 1e9, 3), "gflops_reached": round(flop / 1e9 / seconds, 1)}
        if peak:
            found["arithmetic_share"] = round(flop / 1e9 / peak / seconds, 3)
    frame = 3 * result["width"] * result["height"] * result["batch"]
    rates = [limits.get(name) for name in (("to_gpu_gb_s", "from_gpu_gb_s") if gpu else ("memory_copy_gb_s",) * 2)]
    if all(rates):
        found["memory_share"] = round(sum(frame / 1e9 / rate for rate in rates if rate) / seconds, 4)
    return found
