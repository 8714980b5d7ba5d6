"""The sessions of a stylizer: which file and device it runs on, and a pool of sessions for each of the last shapes."""

import threading
from collections import OrderedDict
from pathlib import Path

from nst_rt.contract import ModelRecord
from nst_rt.engine.cpu_cores import counted_cores, physical_cores
from nst_rt.engine.devices import Device, parse_device, preferred_devices, require_listed
from nst_rt.engine.session import FrameShape, Session, log, read_model, require_bf16, require_same_network
from nst_rt.engine.session_pool import SessionPool, divided, frames_in_flight
from nst_rt.errors import DeviceError, InputError, ModelError
from nst_rt.models.catalog import ModelFiles

KEPT_SESSIONS = 4
"""Frame shapes whose sessions stay open. Every session has its own copy of the weights and buffers."""

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")


class SessionCache:
    """Opens the sessions of a network, at the first frame of each shape.

    Args:
        files, device, precision, threads, in_flight, frames: see `Stylizer.load`.

    Raises:
        ModelError, DeviceError, InputError: as `Stylizer.load`.
    """

    def __init__(
        self,
        files: ModelFiles,
        *,
        device: str,
        precision: str,
        threads: int | None,
        in_flight: int | None,
        frames: int | None,
    ) -> None:
        if precision not in PRECISIONS:
            raise ModelError(
                f"unknown precision {precision!r}. It is one of {', '.join(PRECISIONS)}", parameter="precision"
            )
        if in_flight is not None and (not isinstance(in_flight, int) or in_flight < 1):
            raise InputError(
                f"in_flight is {in_flight!r}. Give a whole number from 1 up, or None", parameter="in_flight"
            )
        self._files = files
        # No other device computes in bf16.
        self._requested = parse_device(device) or (Device("openvino") if precision == "bf16" else None)
        self._precision = precision
        self._threads = threads
        self._in_flight = in_flight
        self._lock = threading.Lock()
        self._opened: OrderedDict[FrameShape, SessionPool] = OrderedDict()
        self._candidates = [self._requested] if self._requested else preferred_devices(frames)
        self.record: ModelRecord = read_model(self._path_for(self._candidates[0]))
        """The record of the model file that was opened last, or will be opened first."""
        if self.record.kind != "stylizer":
            raise ModelError(
                f"{files.path}: a style encoder, not a stylising model. Give the model beside it", parameter="model"
            )

    @property
    def last(self) -> Session | None:
        """A session of the shape that came last; None before the first frame."""
        # A copy in place of the lock: this must not wait for an engine that is being built.
        newest = [*self._opened.values()][-1:]
        return newest[0].first if newest else None

    @property
    def device(self) -> Device:
        """The device that the last opened session really runs on; before that, the first that will be tried."""
        session = self.last
        return session.device if session else self._candidates[0]

    def require_device(self) -> None:
        """Check a device that was demanded now, and not at the first frame.

        TensorRT is not checked: it would build an engine just for this.

        Raises:
            DeviceError: the device cannot run the model.
        """
        if self._requested:
            require_listed(self._requested)
            if self._precision == "bf16":
                require_bf16(self._requested)
            if self._requested.kind in ("cuda", "openvino"):
                shape = FrameShape(1, 64, 64)
                self.record = self._session(shape, self._requested, self._threads).record

    def open_for(self, count: int, height: int, width: int, vectors: int) -> SessionPool:
        """Sessions for a batch of `count` frames and `vectors` style vectors.

        Where the graph takes one style vector and there are several, the sessions are for one frame.

        Raises:
            DeviceError: the device cannot run the model.
        """
        sessions = self._open(FrameShape(count, height, width, vectors))
        if 0 < sessions.first.style_rows < vectors:
            return self._open(FrameShape(1, height, width))
        return sessions

    def number_in_flight(self, height: int, width: int, styles: int) -> int:
        """See `Stylizer.in_flight`; height and width are the inference size."""
        if not self._opened and len(self._candidates) > 1:
            return self.open_for(styles, height, width, styles).number
        return len(self._threads_of_each(FrameShape(styles, height, width, styles), self._candidates[0]))

    def close(self) -> None:
        """Close every session."""
        with self._lock:
            self._opened.clear()

    def _open(self, shape: FrameShape) -> SessionPool:
        with self._lock:
            if shape in self._opened:
                self._opened.move_to_end(shape)
                return self._opened[shape]
            while True:
                device = self._candidates[0]
                try:
                    return self._sessions_for(shape, device)
                except DeviceError as error:
                    if self._requested or len(self._candidates) == 1:
                        raise
                    log.warning("auto: %s cannot be used, trying %s (%s)", device, self._candidates[1], error)
                    del self._candidates[0]

    def _sessions_for(self, shape: FrameShape, device: Device) -> SessionPool:
        threads = self._threads_of_each(shape, device)

        def session(at: int) -> Session:
            return self._session(shape, device, threads[at])

        first = session(0)
        self.record = first.record
        sessions = self._opened[shape] = SessionPool(first, session, len(threads))
        while len(self._opened) > KEPT_SESSIONS:
            self._opened.popitem(last=False)
        return sessions

    def _threads_of_each(self, shape: FrameShape, device: Device) -> list[int | None]:
        """Threads of each session that a shape may have; None leaves the number to the runtime."""
        number, on_cpu = self._in_flight, device.kind == "cpu"
        if number is None:
            pixels = shape.batch * shape.height * shape.width
            number = frames_in_flight(pixels, self._threads or physical_cores()) if on_cpu else 1
        if number > 1:
            return [*divided(self._threads or physical_cores(), number)]
        return [self._threads or (counted_cores() if on_cpu else None)]

    def _session(self, shape: FrameShape, device: Device, threads: int | None) -> Session:
        path = self._path_for(device)
        stored = read_model(path).precision if device.on_gpu else ""
        if stored == "int8":
            raise DeviceError(
                f"device {device}: {path.name} is int8, which is for CPUs. Use the precision fp16 here",
                parameter="precision",
            )
        return Session(path, device, shape, fp16=stored == "fp16", bf16=self._precision == "bf16", threads=threads)

    def _path_for(self, device: Device) -> Path:
        wanted = self._precision
        if wanted == "auto":
            wanted = "fp16" if device.on_gpu and self._files.fp16 else "any"
        if wanted == "any":
            return self._files.path
        if wanted == "bf16":
            wanted = "fp32"
        for path in self._files.variants:
            record = read_model(path)
            if record.precision == wanted:
                if path != self._files.path:
                    require_same_network(read_model(self._files.path), self._files.path, record, path)
                return path
        raise ModelError(
            f"{self._files.path.name} is {read_model(self._files.path).precision} and has no {wanted} file beside it. "
            f"Export it in {wanted} too",
            parameter="precision",
        )
