"""Moving frames in and out of a session: directly from numpy arrays on CPUs, through device memory on GPUs."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nst_rt.engine.devices import Device
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.engine.timing import StageClock

Feeds = Mapping[str, NDArray[Any]]


class Runner(Protocol):
    """Runs a session on host arrays. Not to be shared by threads."""

    def run(self, feeds: Feeds, clock: StageClock | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Feed every input by name; returns the only output as a new array, or in `out` (contiguous, of its shape).

        A clock times the stages: `run`, and on GPUs also `upload` and `download`.
        """
        ...


class HostRunner:
    """Runs a session on a CPU, where ONNX Runtime reads numpy arrays in place."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def run(self, feeds: Feeds, clock: StageClock | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        result: NDArray[Any]
        if out is not None and hasattr(self._session, "io_binding"):
            result = self._run_into(feeds, out)
        else:
            result = self._session.run(None, dict(feeds))[0]
        if clock:
            clock.lap("run")
        return copied(result, out)

    def _run_into(self, feeds: Feeds, out: NDArray[Any]) -> NDArray[Any]:
        binding = self._session.io_binding()
        held = {name: np.ascontiguousarray(values) for name, values in feeds.items()}  # a binding keeps no reference
        for name, values in held.items():
            binding.bind_cpu_input(name, values)
        output = self._session.get_outputs()[0].name
        binding.bind_output(output, "cpu", 0, out.dtype, out.shape, out.ctypes.data)
        self._session.run_with_iobinding(binding)
        return out


class DeviceRunner:
    """Runs a session on a GPU, through input and output buffers at fixed addresses.

    CUDA graphs need fixed addresses: a plain `session.run(feeds)` would replay a captured graph on the first call's
    data. Only inputs whose values changed are copied, so a style vector is not copied with every frame.
    """

    def __init__(self, session: Any, device: Device, output_shape: tuple[int, ...]) -> None:
        self._session = session
        self._device = device
        self._binding = session.io_binding()
        self._inputs: dict[str, Any] = {}
        self._small_values: dict[str, bytes] = {}
        output = session.get_outputs()[0]
        dtype = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}[output.type]
        # The memory is CUDA's with TensorRT too.
        self._output = load_onnxruntime().OrtValue.ortvalue_from_shape_and_type(
            list(output_shape), dtype, "cuda", device.index
        )
        self._binding.bind_ortvalue_output(output.name, self._output)

    def run(self, feeds: Feeds, clock: StageClock | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        for name, values in feeds.items():
            self._upload(name, np.ascontiguousarray(values))
        if clock:
            clock.lap("upload")
        self._session.run_with_iobinding(self._binding)
        if clock:
            clock.lap("run")
        result = copied(self._output.numpy(), out)
        if clock:
            clock.lap("download")
        return result

    def _upload(self, name: str, values: NDArray[Any]) -> None:
        # A frame is nearly always new, and comparing it would cost more than copying it.
        small = values.tobytes() if values.nbytes <= 65536 and values.dtype == np.float32 else None
        if name not in self._inputs:
            buffer = load_onnxruntime().OrtValue.ortvalue_from_numpy(values, "cuda", self._device.index)
            self._binding.bind_ortvalue_input(name, buffer)
            self._inputs[name] = buffer
        elif small is None or small != self._small_values.get(name):
            self._inputs[name].update_inplace(values)
        if small is not None:
            self._small_values[name] = small


def copied(result: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    """`result` itself, or its values copied to `out` where that is another array."""
    if out is None or out is result:
        return result
    np.copyto(out, result)
    return out
