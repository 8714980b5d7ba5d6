"""How much arithmetic a model file does at a size, and how much of the machine's limit a measured time is."""

import math
import tempfile
from pathlib import Path
from typing import Any

from nst_rt.engine.ort import load_onnxruntime
from nst_rt.engine.session import FrameShape

from nst_bench.harness.latency import Case


def operations(file: Path, case: Case) -> int | None:
    """Multiplications and additions of all convolutions and matrix products of one call, as the file computes them.

    None without the package onnx, or where shapes depend on data.
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
                entering = shapes.get(node.input[0])
                if not entering or not all(entering):
                    return None
                each = math.prod(weights[1:]) * math.prod(entering)
            case "MatMul" | "Gemm":
                transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
                each = weights[-1 if transposed else -2] * math.prod(output)
            case _:
                each = math.prod(weights[1:]) * math.prod(output)
        total += 2 * each
    return total


def _shape(value: Any) -> list[int]:
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def on_card(model: dict[str, Any]) -> bool:
    """Whether what ran (a closed-loop result's `model`) ran on a card."""
    return not str(model["device"]).startswith(("cpu", "openvino"))


def against_limits(result: dict[str, Any], flop: int | None, limits: dict[str, Any]) -> dict[str, float]:
    """How near a closed-loop result is to the limits of `measure_limits`.

    Returns:
        `gflop` per call, `gflops_reached`, and as shares of the median (1 is the limit itself): `arithmetic_share`
        (the time that the arithmetic takes at the peak rate of the device and precision), `memory_share` (copying the
        frame in and out once at the memory's, on a card the bus's, rate).
    """
    model, seconds = result["model"], result["latency"]["p50"] / 1e3
    if not seconds:
        return {}
    card = on_card(model)
    # A processor computes fp16 files in fp32; int8 has no limit that was measured.
    precision = model["precision"] if card or model["precision"] in ("bf16", "int8") else "fp32"
    told: dict[str, float] = {}
    peak = limits.get(f"{'cuda' if card else 'cpu'}_{precision}_gflops")
    if flop:
        told |= {"gflop": round(flop / 1e9, 3), "gflops_reached": round(flop / 1e9 / seconds, 1)}
        if peak:
            told["arithmetic_share"] = round(flop / 1e9 / peak / seconds, 3)
    frame = 3 * result["width"] * result["height"] * result["batch"]
    rates = [limits.get(name) for name in (("to_card_gb_s", "from_card_gb_s") if card else ("memory_copy_gb_s",) * 2)]
    if all(rates):
        told["memory_share"] = round(sum(frame / 1e9 / rate for rate in rates if rate) / seconds, 4)
    return told
