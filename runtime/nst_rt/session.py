"""An ONNX Runtime session: opened for one device and one shape, and honest about where its nodes run."""

import contextlib
import dataclasses
import hashlib
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nst_rt import contract, gpu
from nst_rt.buffers import DeviceRunner, Feeds, HostRunner, Runner
from nst_rt.contract import ModelRecord, Tensor, check_signature
from nst_rt.devices import HOW_TO_GET, PROVIDERS, Device, ProviderOptions, provider_options, require_listed
from nst_rt.errors import DeviceError, ModelError
from nst_rt.folders import cache_folder
from nst_rt.ort import load_onnxruntime
from nst_rt.timing import StageClock

FILE_ERRORS = ("InvalidProtobuf", "InvalidGraph", "NoModel", "NoSuchFile")
"""ONNX Runtime's exceptions that blame the model's file whatever the device; on the CPU every one does."""

log = logging.getLogger("nst_rt")


@dataclass(frozen=True)
class FrameShape:
    """What a session is pinned to: frames of `batch` x `height` x `width` x 3 bytes."""

    batch: int
    height: int
    width: int


@dataclass(frozen=True)
class Placement:
    """Which provider runs which operators, read back from a session."""

    operators: dict[str, Counter[str]] = field(default_factory=dict)
    """Provider -> operator type -> number of nodes."""

    def nodes(self, provider: str) -> int:
        """Number of nodes that `provider` runs."""
        return self.operators.get(provider, Counter()).total()

    def elsewhere(self, provider: str) -> Counter[str]:
        """Operators that run on any other provider than this one."""
        others = (count for name, count in self.operators.items() if name != provider)
        return sum(others, Counter())

    def counts(self) -> dict[str, int]:
        """Number of nodes per provider."""
        return {provider: count.total() for provider, count in self.operators.items()}


class Session:
    """A model file on a device.

    With a shape, every dimension is pinned (so that shapes fold into constants, CUDA graphs can be captured and
    TensorRT builds one fast engine); without, the session takes any shape, on processors only.

    Args:
        fp16: the file is an fp16 one, which TensorRT has to know before it reads it.
        threads: of a processor; all physical cores by default.

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
        threads: int | None = None,
    ) -> None:
        require_listed(device)
        self.path, self.device, self.shape, self._fp16 = path, device, shape, fp16
        self.cuda_graph = device.on_gpu and shape is not None
        try:
            session = self._open(threads)
        except DeviceError:
            if not self.cuda_graph:
                raise
            log.info("%s: no CUDA graph on %s; running without one", path.name, device)
            self.cuda_graph = False
            session = self._open(threads)
        self._session = session
        self.record = read_record(session, path)
        self.placement = read_placement(session)
        self._refuse_fallback()
        self._runner = self._make_runner()

    def run(self, feeds: Feeds, clock: StageClock | None = None) -> NDArray[Any]:
        """Feed every input by name (shapes and dtypes as in the contract); returns the only output."""
        return self._runner.run(feeds, clock)

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the graph's order."""
        return [tensor.name for tensor in self._session.get_inputs()]

    def _open(self, threads: int | None) -> Any:
        engine_cache = self._engine_cache() if self.device.kind == "tensorrt" else None
        providers = provider_options(
            self.device,
            cuda_graph=self.cuda_graph,
            fp16=self._fp16,
            engine_cache=engine_cache,
        )
        return open_session(self.path, providers, self.shape, threads)

    def _engine_cache(self) -> Path:
        folder = engine_folder(self.path, self.device, self.shape)
        if not (folder.exists() and any(folder.glob("*.engine"))):
            log.warning(
                "building the TensorRT engine of %s for %s; this takes a minute or more, once",
                self.path.name,
                self.shape,
            )
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _refuse_fallback(self) -> None:
        provider = self.device.provider
        if provider not in self._session.get_providers() or (
            self.placement.operators and not self.placement.nodes(provider)
        ):
            found = ", ".join(self.placement.counts() or self._session.get_providers())
            raise DeviceError(
                f"device {self.device}: ONNX Runtime put {self.path.name} on {found} instead. Its libraries or driver "
                f"are missing or of another version: {HOW_TO_GET[self.device.kind]}; `nst-rt doctor` says which"
            )
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
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    options = runtime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if threads is not None:
        options.intra_op_num_threads = threads
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if shape is not None:
        for name, size in (
            (contract.BATCH, shape.batch),
            (contract.HEIGHT, shape.height),
            (contract.WIDTH, shape.width),
            (contract.STYLES, 1),
        ):
            options.add_free_dimension_override_by_name(name, size)
    try:
        with quiet_stdout():
            return runtime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's own exception types share no base but Exception
        reason = str(error).strip().splitlines()[0].rpartition("failed:")[2] if str(error).strip() else repr(error)
        if providers[0][0] == PROVIDERS["cpu"] or type(error).__name__ in FILE_ERRORS:
            raise ModelError(
                f"{path}: ONNX Runtime cannot read it as a model ({reason}). Is the file complete? Export it again"
            ) from error
        raise DeviceError(f"{path.name} cannot be opened on {providers[0][0]}: {reason}") from error


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """ONNX Runtime's Python part prints provider errors; stdout is kept for data."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def read_record(session: Any, path: Path) -> ModelRecord:
    """The record in a session's metadata, held against its inputs and outputs.

    Raises:
        ModelError: not ours, or it breaks the contract.
    """
    record = ModelRecord.from_metadata(session.get_modelmeta().custom_metadata_map, str(path))
    inputs = _tensors(session.get_inputs())
    check_signature(record, inputs, _tensors(session.get_outputs()), str(path))
    controls = tuple(tensor.name for tensor in inputs if tensor.name in (contract.STRENGTH, contract.COLOR))
    return dataclasses.replace(record, controls=controls)


def _tensors(arguments: list[Any]) -> list[Tensor]:
    return [Tensor(argument.name, argument.type, tuple(argument.shape)) for argument in arguments]


def read_model(path: Path) -> ModelRecord:
    """The record of a model file, without a session that could run it.

    Raises:
        ModelError: the file is missing, truncated, not ours, or breaks the contract.
    """
    return read_record(_peek(path), path)


def signature(path: Path) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of a model file."""
    session = _peek(path)
    return _tensors(session.get_inputs()), _tensors(session.get_outputs())


def _peek(path: Path) -> Any:
    # Unoptimised: only the metadata and the signature are wanted.
    return open_session(path, [("CPUExecutionProvider", {})], None, None, optimise=False)


def read_placement(session: Any) -> Placement:
    """Where each node really runs; empty where this ONNX Runtime is too old to tell."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return Placement()
    operators: dict[str, Counter[str]] = {}
    for subgraph in session.get_provider_graph_assignment_info():
        count = operators.setdefault(subgraph.ep_name, Counter())
        count.update(node.op_type for node in subgraph.get_nodes())
    return Placement(operators)


def model_sha256(path: Path) -> str:
    """SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def engine_folder(path: Path, device: Device, shape: FrameShape | None) -> Path:
    """TensorRT's cache folder for one model, shape, card and set of versions: an engine fits nothing else."""
    driver = gpu.nvidia_driver()
    card = driver.gpus[device.index] if driver and device.index < len(driver.gpus) else None
    size = f"{shape.batch}x{shape.height}x{shape.width}" if shape else "any"
    parts = [
        path.name.removesuffix(".onnx"),
        model_sha256(path)[:16],
        size,
        f"{card.name}-sm{card.compute_capability}" if card else "unknown-gpu",
        f"trt{gpu.tensorrt_version()}",
        f"ort{load_onnxruntime().__version__}",
        f"cuda{driver.cuda}" if driver else "no-driver",
    ]
    name = "_".join(parts).replace(" ", "-").replace(os.sep, "-")
    return cache_folder() / "tensorrt" / name
