"""The stylizer: a network, a style, and a call that turns frames into stylised frames."""

from pathlib import Path
from typing import Any, Self

import numpy as np

from nst_rt import contract
from nst_rt.closable import Closable
from nst_rt.contract import Frame, ModelRecord, StyleVector
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.engine.session_cache import SessionCache
from nst_rt.engine.timing import StageClock
from nst_rt.errors import StyleError
from nst_rt.models.catalog import BUILT_IN, ModelFiles, find_model
from nst_rt.styles.blends import has_style_image
from nst_rt.stylizer.prepared_frame import FrameSettings, PreparedFrame, as_batch, check_output
from nst_rt.stylizer.style_vectors import StyleVectors

FINEST_STROKES, LARGEST_STROKES = 0.25, 8.0
"""The range of `stroke_size`, relative to the usual size."""


class Stylizer(Closable):
    """Stylises frames with one network; the style, its strength and its colours can change between any two calls.

    `Stylizer.load` makes one. A session is opened for each frame size, at the first frame of that size. Threads may
    share a stylizer: their calls run one after the other, or up to `in_flight` of them at once.

    Args:
        files: the model, from `find_model`.
        device, precision, threads, in_flight, frames: as for `Stylizer.load`.

    Raises:
        ModelError, StyleError, DeviceError, DependencyError, InputError: as `Stylizer.load`.

    Examples:
        >>> import numpy as np
        >>> from nst_rt import Stylizer
        >>> with Stylizer.load(style="gogh", device="cpu") as stylizer:
        ...     stylized = stylizer(np.zeros((48, 64, 3), np.uint8))
        ...     stylizer.style = "wave"
        ...     stylizer.strength = 0.5
        >>> stylized.shape, stylized.dtype
        ((48, 64, 3), dtype('uint8'))
    """

    def __init__(
        self,
        files: ModelFiles,
        *,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        in_flight: int | None = 1,
        frames: int | None = None,
    ) -> None:
        self._files = files
        self._sessions = SessionCache(
            files, device=device, precision=precision, threads=threads, in_flight=in_flight, frames=frames
        )
        self._vectors = StyleVectors(files, self.record, threads=threads)
        self._style = ""
        self._vector: StyleVector | None = None
        self._strength = 1.0
        self._color = 1.0
        self._stroke_size = 1.0
        self.clock: StageClock | None = None
        """Set one to measure the stages of each call: `prepare` and `run`, on GPUs also `upload` and `download`, and
        `resize` with a `stroke_size` other than 1. Not for calls that run at once."""

    @classmethod
    def load(
        cls,
        style: str | Path | StyleVector | None = None,
        *,
        model: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        strength: float = 1.0,
        color: float = 1.0,
        stroke_size: float = 1.0,
        threads: int | None = None,
        in_flight: int | None = 1,
        frames: int | None = None,
    ) -> Self:
        """Open a model with a style.

        Args:
            style: a style's name, a blend `gogh:0.7+wave:0.3`, a style image's path, or a style vector float32 (S,).
                Left out: the model's first style.
            model: a model's name or .onnx file. Left out: the built-in network.
            device: `auto` is a preference; `cpu`, `cuda[:N]`, `tensorrt[:N]` and `openvino` are demands.
            precision: `auto` takes fp32 on CPUs, and fp16 on GPUs where that file is there. `fp32`, `fp16` and `int8`
                (for CPUs) ask for a file. `bf16` makes OpenVINO compute the fp32 file in bf16, on CPUs that can.
            strength: 0 is the photograph, 1 the full style.
            color: 1 takes the style's colours, 0 keeps the photograph's.
            stroke_size: the size of the strokes, from 0.25 to 8 times the usual size. At k times the size, the
                network runs on an image with k times fewer pixels a side: 2 suits HD images, and takes a quarter of
                the time; 0.5 suits small images, and takes four times as long.
            threads: CPU threads; all physical cores by default.
            in_flight: how many calls from several threads run at once, with the CPU threads divided among them. More
                calls at once give more frames a second; each frame takes longer, and needs memory of its own. The
                results are the same. None: as many as are useful for a frame's size, which is one on every device
                except `cpu`.
            frames: how many frames there will be, where that is known. For fewer than 16 `auto` leaves OpenVINO out,
                because its start would take longer than it saves.

        Raises:
            ModelError: the model is missing, broken, or has no file of the precision.
            StyleError: the style is unknown, or a model file; or a number is out of range.
            DeviceError: the device cannot run the model here.
            InputError: the style image cannot be read, or `in_flight` is no number of calls.
            DependencyError: ONNX Runtime is not installed.

        Examples:
            >>> from nst_rt import Stylizer
            >>> stylizer = Stylizer.load(style="gogh:0.7+wave:0.3", device="cpu", strength=0.8)
            >>> stylizer.style
            'gogh:0.7+wave:0.3'
        """
        files = find_model(BUILT_IN if model is None else model)
        stylizer = cls(files, device=device, precision=precision, threads=threads, in_flight=in_flight, frames=frames)
        if isinstance(style, np.ndarray):
            stylizer.set_style_vector(style)
        elif style is not None or stylizer.record.style_size:
            stylizer.style = str(style) if style is not None else stylizer._vectors.first()
        stylizer.strength = strength
        stylizer.color = color
        stylizer.stroke_size = stroke_size
        stylizer._sessions.require_device()
        return stylizer

    def __call__(self, frame: Frame, style_vectors: StyleVector | None = None, *, out: Frame | None = None) -> Frame:
        """Stylise a frame uint8 (H, W, 3) BGR, or a batch (N, H, W, 3); H and W from 16 up. Returns the same shape.

        Args:
            style_vectors: float32 (N, S), a style for each frame, or (1, S) for all; in place of `style` for this
                call alone. `style_vector` makes them.
            out: memory for the result, of the frame's shape and C-contiguous; new memory if left out. On CPUs the
                network writes straight into it.

        Raises:
            InputError: another dtype or shape, or a side below 16 pixels.
            StyleError: style vectors of another shape, or for a model whose style is baked in.
            DeviceError: the device cannot run the model.
        """
        return self.prepare(frame, style_vectors, out=out).run()

    def prepare(
        self, frame: Frame, style_vectors: StyleVector | None = None, *, out: Frame | None = None
    ) -> PreparedFrame:
        """Take a frame with the present style, strength, colours and stroke size; `run` of the result stylises it.

        `run`, in any thread, gives what a call of the stylizer would give now. So frames in flight are prepared in
        their order, and run side by side. Arguments and errors are those of a call.

        The frame is not copied: it must not change until `run` returns.
        """
        if self.clock:
            self.clock.start()
        frames = as_batch(frame)
        if out is not None:
            check_output(out, frame)
            out = out.reshape(frames.shape)
        if style_vectors is None:
            vectors = self._present_vector()
        else:
            vectors = self._vectors.checked(style_vectors, (1, len(frames)))
        return PreparedFrame(
            frames, self._settings(vectors), self._sessions, batch=frame.ndim == 4, out=out, clock=self.clock
        )

    def in_flight(self, height: int, width: int, styles: int = 1) -> int:
        """How many calls with a frame of this size run at once.

        Where the device is not known yet, with `auto` before the first frame, this opens a session.

        Args:
            styles: the number of style vectors in a call, with a frame for each.

        Raises:
            DeviceError: the device cannot run the model.
        """
        return self._sessions.number_in_flight(*self.inference_size(height, width), styles)

    def inference_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the image that the network runs on, for a frame of this size; see `stroke_size`."""
        return self._settings(None).inference_size(height, width)

    def warm_up(self, height: int, width: int, batch: int = 1) -> None:
        """Open all sessions for a frame size and run them, so that the first frames are as fast as later ones."""
        frames = as_batch(np.zeros((batch, height, width, 3), np.uint8))
        PreparedFrame(frames, self._settings(self._present_vector()), self._sessions).warm_up()

    @property
    def style(self) -> str:
        """The style as it was asked for. It can be set between any two frames, and no new session is opened.

        Raises:
            StyleError: there is no such style.
            InputError: there is no such style image.
        """
        return self._style

    @style.setter
    def style(self, expression: str) -> None:
        if self.record.style_size:
            self._vector = self._vectors.find(expression)
        elif expression not in (self._style, *self.styles):
            raise StyleError(
                f"{self._files.path.name} has one style baked in ({', '.join(self.styles)}), not {expression!r}. "
                "Leave the style out, or give a model with style vectors",
                parameter="style",
            )
        self._style = expression

    def set_style_vector(self, vector: StyleVector, name: str = "vector") -> None:
        """Take a style vector float32 (S,) or (1, S) as the style.

        Args:
            name: what `style` is from now on.

        Raises:
            StyleError: the vector has another length, or the model's style is baked in.
        """
        self._vector = self._vectors.checked(np.asarray(vector, np.float32).reshape(1, -1), (1,))
        self._style = name

    def style_vector(self, expression: str | None = None) -> StyleVector:
        """The style vector float32 (S,) of a style's name, a style image or a blend; of the present style if left out.

        Raises:
            StyleError: there is no such style, or the model's style is baked in.
            InputError: there is no such style image.

        Examples:
            >>> from nst_rt import Stylizer
            >>> stylizer = Stylizer.load(device="cpu")
            >>> middle = (stylizer.style_vector("gogh") + stylizer.style_vector("wave")) / 2
            >>> stylizer.set_style_vector(middle, "between")
        """
        self.require_style_vectors("style vectors")
        vector = self._present_vector() if expression is None else self._vectors.find(expression)
        assert vector is not None
        return vector.reshape(-1)

    def require_style_vectors(self, purpose: str) -> None:
        """Refuse a model whose style is baked in; `purpose` is what needs style vectors, for the message.

        Raises:
            StyleError: the style is baked in.
        """
        self._vectors.require(purpose)

    def match_colors(self, image: Frame, method: str) -> None:
        """Give style images the colours of an image before their styles are read: the present one, and later ones.

        Args:
            image: uint8 (H, W, 3) BGR.
            method: `cholesky` or `analogies` (see `nst_rt.styles.color_matching`); `none` ends it.

        Raises:
            StyleError: there is no such method.
        """
        self._vectors.match_colors(image, method)
        if self.record.style_size and has_style_image(self._style):
            self.style = self._style

    @property
    def styles(self) -> list[str]:
        """The names that `style` can be set to."""
        return self._vectors.names

    @property
    def strength(self) -> float:
        """0 is the photograph, 1 the full style.

        Raises:
            StyleError: another number, or the model has no strength.
        """
        return self._strength

    @strength.setter
    def strength(self, value: float) -> None:
        self._strength = self._fraction(contract.STRENGTH, value)

    @property
    def color(self) -> float:
        """1 takes the style's colours, 0 keeps the photograph's.

        Raises:
            StyleError: another number, or the model has no control of colours.
        """
        return self._color

    @color.setter
    def color(self, value: float) -> None:
        self._color = self._fraction(contract.COLOR, value)

    @property
    def stroke_size(self) -> float:
        """The size of the strokes, from 0.25 to 8 times the usual size.

        Every inference size has a session of its own, which is opened at its first frame.

        Raises:
            StyleError: another number.
        """
        return self._stroke_size

    @stroke_size.setter
    def stroke_size(self, value: float) -> None:
        self._stroke_size = _number("stroke_size", value, FINEST_STROKES, LARGEST_STROKES)

    @property
    def device(self) -> str:
        """The device that the last session really runs on; before the first one, the device that will be tried."""
        return str(self._sessions.device)

    @property
    def record(self) -> ModelRecord:
        """What the model file promises."""
        return self._sessions.record

    def describe(self) -> dict[str, Any]:
        """What really runs, ready for JSON."""
        session = self._sessions.last
        return {
            "model": self._files.name,
            "path": str(session.path if session else self._files.path),
            "family": self.record.family,
            "precision": session.precision if session else self.record.precision,
            "style": self._style,
            "strength": self._strength,
            "color": self._color,
            "stroke_size": self._stroke_size,
            "device": self.device,
            "provider": session.device.provider if session else None,
            "placement": session.placement.counts() if session else {},
            "cuda_graph": session.cuda_graph if session else False,
            "onnxruntime": load_onnxruntime().__version__,
        }

    def close(self) -> None:
        """Close every session; the next call opens what it needs."""
        self._sessions.close()
        self._vectors.close()

    def __repr__(self) -> str:
        return f"<Stylizer {self._files.name} style={self._style!r} on {self.device}>"

    def _present_vector(self) -> StyleVector | None:
        if self._vector is None and self.record.style_size:
            raise StyleError(
                f"{self._files.path.name} needs a style. Give a style's name or a style image", parameter="style"
            )
        return self._vector

    def _settings(self, vectors: StyleVector | None) -> FrameSettings:
        return FrameSettings(vectors, self._strength, self._color, self._stroke_size)

    def _fraction(self, name: str, value: float) -> float:
        value = _number(name, value, 0, 1)
        if value != 1 and name not in self.record.controls:
            raise StyleError(
                f"{self._files.path.name} was exported without {name}. Export it again with controls", parameter=name
            )
        return value


def _number(name: str, value: float, least: float, most: float) -> float:
    what = name.replace("_", " ")
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise StyleError(f"{what} {value!r} is not a number. Give one from {least:g} to {most:g}", parameter=name)
    if not least <= value <= most:
        raise StyleError(f"{what} {value:g} is out of range. Give a number from {least:g} to {most:g}", parameter=name)
    return float(value)
