"""Triton's configuration (config.pbtxt) of the models in a repository, derived from their graphs.

https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_configuration.md
"""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from nst_rt import contract
from onnx import TensorProto

from nst_export.serving.style_table import STYLE_NAME
from nst_export.serving.text_format import Symbol, entries, to_text
from nst_export.serving.triton_options import Size, TritonOptions, Variant

WARM_UP = (720, 1280)
"""Height and width of the frames that a network without a fixed size runs on once, before it takes requests."""

ENGINES = "/tmp/nst-rt-engines"
"""Folder of TensorRT's engines in the server's container."""

_TYPES: dict[int, str] = {
    TensorProto.UINT8: "TYPE_UINT8",
    TensorProto.FLOAT: "TYPE_FP32",
    TensorProto.STRING: "TYPE_STRING",
}

Config = dict[str, Any]


def network_config(
    name: str, model: onnx.ModelProto, variant: Variant, options: TritonOptions, *, fp16: bool
) -> Config:
    """The configuration of a network.

    Args:
        name: of the model in the repository.
        model: its graph, made by `batched`.
        fp16: whether it is an fp16 file; TensorRT needs to know it.

    """
    on_gpu = variant in ("cuda", "tensorrt")
    config = _head(name, model, options.max_batch)
    config["instance_group"] = [_instances(options.instances, on_gpu)]
    if options.max_batch > 1:
        config["dynamic_batching"] = {"max_queue_delay_microseconds": round(1000 * options.queue_delay)}
    if variant == "openvino":
        config["optimization"] = _accelerator("cpu_execution_accelerator", "openvino", {})
    elif variant == "tensorrt":
        parameters = {
            "precision_mode": "FP16" if fp16 else "FP32",
            "trt_layer_norm_fp32_fallback": "1",
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": ENGINES,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": ENGINES,
        }
        config["optimization"] = _accelerator("gpu_execution_accelerator", "tensorrt", parameters)
    if options.threads and not on_gpu:
        config["parameters"] = entries({"intra_op_thread_count": {"string_value": str(options.threads)}})
    # TensorRT builds an engine for the batches that it has seen: the largest has to come before the first request.
    batches = sorted({1, options.max_batch}) if on_gpu else [1]
    config["model_warmup"] = [_warm_up(config["input"], batch, options.size or WARM_UP) for batch in batches]
    return config


def table_config(name: str, model: onnx.ModelProto) -> Config:
    """The configuration of the style table. It takes one request at a time, so that an unknown name fails no other."""
    return {**_head(name, model, 1), "instance_group": [_instances(1, on_gpu=False)]}


def encoder_config(name: str, model: onnx.ModelProto) -> Config:
    """The configuration of a style encoder, which takes one painting and no batch."""
    return {**_head(name, model, 0), "instance_group": [_instances(1, on_gpu=False)]}


def ensemble_config(name: str, network: Config, table: Config | None) -> Config:
    """The configuration of the model that clients call: the style table, if there is one, then the network."""
    inputs, steps = [], []
    for tensor in network["input"]:
        by_name = table is not None and tensor["name"] == contract.STYLE
        inputs.append(table["input"][0] if table is not None and by_name else tensor)
    if table is not None:
        steps.append(_step(table["name"], [STYLE_NAME], [contract.STYLE]))
    steps.append(_step(network["name"], [tensor["name"] for tensor in network["input"]], [contract.STYLIZED]))
    return {
        "name": name,
        "platform": "ensemble",
        # The network batches the frames of several calls.
        "max_batch_size": 1,
        "input": inputs,
        "output": network["output"],
        "ensemble_scheduling": {"step": steps},
    }


def config_text(config: Config, heading: str) -> str:
    """The content of config.pbtxt, below a heading of one line."""
    return f"# {heading}\n{to_text(config)}"


def _head(name: str, model: onnx.ModelProto, max_batch: int) -> Config:
    skipped = 1 if max_batch else 0  # Triton adds the batch itself
    return {
        "name": name,
        "backend": "onnxruntime",
        "default_model_filename": "model.onnx",
        "max_batch_size": max_batch,
        "input": [_tensor(value, skipped) for value in model.graph.input],
        "output": [_tensor(value, skipped) for value in model.graph.output],
    }


def _tensor(value: onnx.ValueInfoProto, skipped: int) -> dict[str, Any]:
    tensor = value.type.tensor_type
    dimensions = [dimension.dim_value if dimension.HasField("dim_value") else -1 for dimension in tensor.shape.dim]
    return {"name": value.name, "data_type": Symbol(_TYPES[tensor.elem_type]), "dims": dimensions[skipped:]}


def _instances(count: int, on_gpu: bool) -> dict[str, Any]:
    return {"count": count, "kind": Symbol("KIND_GPU" if on_gpu else "KIND_CPU")}


def _accelerator(kind: str, name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {"execution_accelerators": {kind: [{"name": name, "parameters": entries(parameters)}]}}


def _warm_up(inputs: Sequence[Mapping[str, Any]], batch: int, size: Size) -> dict[str, Any]:
    given = {}
    for tensor in inputs:
        dimensions = [*size, 3] if tensor["name"] == contract.FRAME else tensor["dims"]
        given[tensor["name"]] = {"data_type": tensor["data_type"], "dims": dimensions, "zero_data": True}
    height, width = size
    return {"name": f"{batch}x{height}x{width}", "batch_size": batch, "inputs": entries(given)}


def _step(model: str, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Any]:
    return {
        "model_name": model,
        "model_version": -1,
        "input_map": entries({name: name for name in inputs}),
        "output_map": entries({name: name for name in outputs}),
    }
