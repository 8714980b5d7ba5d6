"""An ONNX Runtime session for one device and one frame shape, which tells where its nodes really run."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt import contract
from nst_rt.contract import ModelRecord, Tensor, check_signature
from nst_rt.engine.buffers import DeviceRunner, Feeds, HostRunner, Runner
from nst_rt.engine.devices import HOW_TO_GET, PROVIDERS, Device, require_listed
from nst_rt.engine.engine_cache import EngineCache, engine_cache
from nst_rt.engine.openvino import refuse_without_bf16
from nst_rt.engine.openvino_session import open_openvino
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.engine.placement import read_placement
from nst_rt.engine.providers import ProviderOptions, provider_options
from nst_rt.engine.timing import StageClock
from nst_rt.errors import DeviceError, InputError, ModelError
from nst_rt.files.paths import is_file
from nst_rt.files.reading import file_sha256

FILE_ERRORS = ("InvalidProtobuf", "InvalidGraph", "NoModel", "NoSuchFile")
"""ONNX Runtime's exceptions that are about the model's file on every device; on the CPU all of them are."""

log = logging.getLogger("nst_rt")


@dataclass(frozen=True)
class FrameShape:
    """What a session is pinned to: frames of `batch` x `height` x `width` x 3 bytes."""

    batch: int
    height: int
    width: int
    styles: int = 1
    """Style vectors: one for all frames, or one for each frame."""

    @property
    def pins(self) -> dict[str, int]:
        """Values of the contract's symbolic dimensions."""
        return {
            contract.BATCH: self.batch,
            contract.HEIGHT: self.height,
            contract.WIDTH: self.width,
            contract.STYLES: self.styles,
        }


class Session:
    """A model file on a device.

    With a shape, every dimension is pinned: shapes fold into constants, CUDA graphs can be captured, and TensorRT
    builds one fast engine. Without a shape the session takes frames of any shape, on CPUs only.

    Args:
        fp16: the file is an fp16 one, which TensorRT has to know before it reads the file.
        bf16: compute an fp32 file in bf16; only OpenVINO does, on CPUs with instructions for it.
        threads: CPU threads; all physical cores by default.
        cuda_graph: capture the launches once and replay them, where the device and the shape allow it.

    Raises:
        ModelError: the file is missing, truncated, not ours, or breaks the contract.
        DeviceError: the device cannot run the model; nothing falls back silently.
    """

    def __init__(
        self,
        path: Path,
        device: Device,
        shape: FrameShape | None = None,
        *,
        fp16: bool = False,
        bf16: bool = False,
        threads: int | None = None,
        cuda_graph: bool = True,
    ) -> None:
        require_listed(device)
        if bf16:
            require_bf16(device)
        self.path, self.device, self.shape = path, device, shape
        self._fp16, self._bf16, self._threads = fp16, bf16, threads
        self._engine_cache = self._open_engine_cache() if device.kind == "tensorrt" else None
        self.cuda_graph = cuda_graph and device.on_gpu and shape is not None
        try:
            self._start()
        except DeviceError as error:
            if not (self.cuda_graph and is_about_graph_capture(str(error))):
                raise
            log.warning("%s runs on %s without a CUDA graph (%s)", path.name, device, error)
            self.cuda_graph = False
            self._start()

    def run(self, feeds: Feeds, clock: StageClock | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Feed every input by name, with the contract's shapes and dtypes; returns the only output, in `out` if given.

        Raises:
            InputError: the frame needs more memory than there is.
            DeviceError: the device failed.
        """
        try:
            return self._runner.run(feeds, clock, out)
        except Exception as error:  # the exceptions of ONNX Runtime have no other common base
            reason = first_line(error)
            if is_about_memory(reason):
                raise InputError(
                    f"{self._size()} pixels need more memory on {self.device} than there is. Use smaller images, or "
                    "another device"
                ) from error
            raise DeviceError(
                f"{self.path.name} failed on {self.device}: {reason}. Try the device cpu", parameter="device"
            ) from error

    @property
    def precision(self) -> str:
        """The precision that the session computes in: the file's, or `bf16`."""
        return "bf16" if self._bf16 else self.record.precision

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the graph's order."""
        return [tensor.name for tensor in self._session.get_inputs()]

    @property
    def style_rows(self) -> int:
        """Style vectors that a run takes: one for all frames, or one for each; 0 where the style is baked in."""
        shapes = {tensor.name: tensor.shape for tensor in self._session.get_inputs()}
        rows = shapes[contract.STYLE][0] if contract.STYLE in shapes else 0
        return rows if isinstance(rows, int) else 1

    def _start(self) -> None:
        providers = provider_options(
            self.device,
            cuda_graph=self.cuda_graph,
            fp16=self._fp16,
            bf16=self._bf16,
            threads=self._threads,
            engine_cache=self._engine_cache,
        )
        self._session = open_session(self.path, providers, self.shape, self._threads)
        self.record = read_record(self._session, self.path, self.shape.pins if self.shape else None)
        self.placement = read_placement(self._session)
        self._refuse_fallback()
        self._runner = self._make_runner()
        if self.device.kind != "cpu" and self.shape is not None:
            self._prove(self.shape)

    def _prove(self, shape: FrameShape) -> None:
        # A session that opens may still not run: out of memory, no kernels for an old card, a failed capture.
        ones = np.ones(1, np.float32)
        blank: dict[str, NDArray[Any]] = {
            contract.FRAME: np.zeros((shape.batch, shape.height, shape.width, 3), np.uint8),
            contract.STYLE: np.zeros((self.style_rows, self.record.style_size), np.float32),
            contract.STRENGTH: ones,
            contract.COLOR: ones,
        }
        try:
            # The first run allocates, the second one captures the graph.
            for _ in range(2 if self.cuda_graph else 1):
                self._runner.run({name: blank[name] for name in self.inputs})
        except Exception as error:
            raise DeviceError(
                f"{self.path.name} cannot run on {self.device}: {first_line(error)}", parameter="device"
            ) from error

    def _size(self) -> str:
        if self.shape is None:
            return "any size"
        size = f"{self.shape.batch}x{self.shape.height}x{self.shape.width}"
        return f"{size}x{self.shape.styles}styles" if self.shape.styles > 1 else size

    def _open_engine_cache(self) -> EngineCache | None:
        precision = "fp16" if self._fp16 else "fp32"
        name = self.path.name.removesuffix(".onnx")
        cache = engine_cache(name, file_sha256(self.path), precision, self._size(), self.device)
        if not cache.built():
            log.warning("building the TensorRT engine of %s for %s; a minute or more, once", name, self._size())
        try:
            cache.make()
        except OSError as error:
            log.warning("%s cannot be made (%s): the engine will not be kept", cache.engines, error.strerror)
            return None
        return cache

    def _refuse_fallback(self) -> None:
        provider = self.device.provider
        if provider not in self._session.get_providers() or (
            self.placement.operators and not self.placement.nodes(provider)
        ):
            found = ", ".join(self.placement.counts() or self._session.get_providers())
            raise DeviceError(
                f"device {self.device}: ONNX Runtime put {self.path.name} on {found} instead. The libraries or the "
                f"driver are missing, or of another version: {HOW_TO_GET[self.device.kind]}. The device cpu runs",
                parameter="device",
            )
        if not self.placement.operators and self.device.kind != "cpu":
            log.warning("this ONNX Runtime cannot tell which nodes run on %s; 1.31 and newer can", self.device)
        strays = self.placement.elsewhere(provider)
        if strays and self.device.kind != "cpu":
            names = ", ".join(f"{operator} x{count}" for operator, count in strays.items())
            log.warning("%s: %d nodes do not run on %s: %s", self.path.name, strays.total(), self.device, names)

    def _make_runner(self) -> Runner:
        if not self.device.on_gpu or self.shape is None:
            return HostRunner(self._session)
        shape = (self.shape.batch, self.shape.height, self.shape.width, 3)
        return DeviceRunner(self._session, self.device, shape)


def open_session(
    path: Path,
    providers: ProviderOptions,
    shape: FrameShape | None,
    threads: int | None,
    *,
    optimise: bool = True,
) -> Any:
    """Open an `onnxruntime.InferenceSession` on exactly these providers.

    Raises:
        ModelError: the file cannot be read as an ONNX model.
        DeviceError: the first provider refuses it.
    """
    runtime = load_onnxruntime()
    if not is_file(path):
        raise ModelError(f"{path}: no such model file")
    first = providers[0][0]
    options = runtime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if threads is not None:
        options.intra_op_num_threads = threads
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if first == PROVIDERS["cpu"]:
        # With reuse, a buffer that several nodes share is as large as the largest needs, and lives until the last one
        # ends. Without reuse nothing is slower, and a session touches a third to two thirds less memory.
        options.enable_mem_reuse = False
    elif not log.isEnabledFor(logging.DEBUG):
        # A provider that cannot run logs pages. What is wrong is raised, or read from the placement, in one line.
        options.log_severity_level = 4
    if shape is not None:
        for name, size in shape.pins.items():
            options.add_free_dimension_override_by_name(name, size)
    try:
        if first == PROVIDERS["openvino"]:
            return open_openvino(path, options, providers[0][1], shape.pins if shape else {})
        return runtime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    except Exception as error:  # the exceptions of ONNX Runtime have no other common base
        reason = first_line(error)
        if first == PROVIDERS["cpu"] or type(error).__name__ in FILE_ERRORS:
            raise ModelError(
                f"{path}: ONNX Runtime cannot read it as a model ({reason}). Is the file complete? Export it again"
            ) from error
        kind = next(kind for kind, provider in PROVIDERS.items() if provider == first)
        raise DeviceError(
            f"{path.name} cannot be opened on {kind} ({reason}). {HOW_TO_GET[kind]}. The device cpu runs",
            parameter="device",
        ) from error


def require_bf16(device: Device) -> None:
    """Refuse bf16 on a device that cannot compute in it.

    Raises:
        DeviceError: the message names the device that can.
    """
    if device.kind != "openvino":
        raise DeviceError(
            f"device {device}: bf16 is for the device openvino ({HOW_TO_GET['openvino']}). "
            f"Use the precision {'fp16' if device.on_gpu else 'fp32'} here",
            parameter="precision",
        )
    refuse_without_bf16()


def first_line(error: Exception) -> str:
    """The first line of an error of ONNX Runtime, without status codes and source lines."""
    lines = str(error).strip().splitlines()
    return lines[0].rpartition("failed:")[2].strip() if lines else type(error).__name__


def is_about_memory(reason: str) -> bool:
    """Whether an error of ONNX Runtime is a failed allocation, on a CPU or a GPU."""
    signs = ("failed to allocate", "out of memory", "bad_alloc", "bad allocation")
    return any(words in reason.lower() for words in signs)


def is_about_graph_capture(reason: str) -> bool:
    """Whether an error says that a model cannot be captured as a CUDA graph."""
    return any(words in reason.lower() for words in ("graph capture", "cuda graph", "stream capture", "cudagraph"))


def read_record(session: Any, path: Path, pinned: dict[str, int] | None = None) -> ModelRecord:
    """The record in a session's metadata, checked against its inputs and outputs.

    Raises:
        ModelError: the file was not made for nst-rt, or it breaks the contract.
    """
    record = ModelRecord.from_metadata(session.get_modelmeta().custom_metadata_map, str(path))
    inputs = _tensors(session.get_inputs())
    check_signature(record, inputs, _tensors(session.get_outputs()), str(path), pinned)
    controls = tuple(tensor.name for tensor in inputs if tensor.name in (contract.STRENGTH, contract.COLOR))
    return dataclasses.replace(record, controls=controls)


def _tensors(arguments: list[Any]) -> list[Tensor]:
    return [Tensor(argument.name, argument.type, tuple(argument.shape)) for argument in arguments]


def read_model(path: Path) -> ModelRecord:
    """The record of a model file, read without optimising its graph.

    Raises:
        ModelError: the file is missing, truncated, not made for nst-rt, or breaks the contract.
    """
    return read_record(_peek(path), path)


def require_same_network(record: ModelRecord, path: Path, other: ModelRecord, companion: Path) -> None:
    """Refuse a companion file that was exported from other weights than the model beside it.

    Raises:
        ModelError: names both files.
    """
    if (record.family, record.source_sha256, record.style_size) != (
        other.family,
        other.source_sha256,
        other.style_size,
    ):
        raise ModelError(
            f"{companion} was exported from another checkpoint than {path.name} beside it. "
            "Export both again, or remove it"
        )


def signature(path: Path) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of a model file."""
    session = _peek(path)
    return _tensors(session.get_inputs()), _tensors(session.get_outputs())


def _peek(path: Path) -> Any:
    # Unoptimised and with one thread: only the metadata and the signature are read.
    return open_session(path, [("CPUExecutionProvider", {})], None, 1, optimise=False)
