"""The public object: a network, a style, and a call that turns frames into stylised frames."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nst_rt import contract
from nst_rt.contract import Frame, ModelRecord, StyleVector
from nst_rt.engine.buffers import copied
from nst_rt.engine.ort import load_onnxruntime
from nst_rt.engine.session import Session
from nst_rt.engine.session_cache import SessionCache
from nst_rt.engine.timing import StageClock
from nst_rt.errors import InputError, StyleError
from nst_rt.files.paths import is_file
from nst_rt.models.catalog import BUILT_IN, ORT_SUFFIX, ModelFiles, find_model, is_model_path, list_models
from nst_rt.styles.blends import blend, has_style_image, is_style_image, parse_blend
from nst_rt.styles.library import load_styles, unknown_style

if TYPE_CHECKING:
    from nst_rt.styles.color_matching import ColorMatching
    from nst_rt.styles.style_encoder import StyleEncoder

FINEST_STROKES, LARGEST_STROKES = 0.25, 8.0
"""Times the usual size."""


class _Settings(NamedTuple):
    """What a frame is made with, as it was when the frame was handed over."""

    vectors: StyleVector | None
    strength: float
    color: float
    stroke_size: float


class Stylizer:
    """Stylises frames with one network; the style, its strength and its colours can change between any two calls.

    Make one with `Stylizer.load`. A session is opened per frame size, at the first frame of that size. A stylizer may
    be shared by threads: their calls run one after the other, or with `in_flight` that many at once.
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
        self._threads = threads
        size, source = self.record.style_size, self.record.source_sha256
        self._library = load_styles(files, size, source) if size else {}
        self._encoder: StyleEncoder | None = None
        self._matching: ColorMatching | None = None
        self._style = ""
        self._vector: StyleVector | None = None
        self._strength = 1.0
        self._color = 1.0
        self._stroke_size = 1.0
        self.clock: StageClock | None = None
        """Set one to have the stages of each call timed: `prepare`, `run`, on GPUs `upload` and `download`, with a
        `stroke_size` other than 1 `resize`; not where calls run at once."""

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
    ) -> "Stylizer":
        """Open a model with a style.

        Args:
            style: a style's name, a blend `gogh:0.7+wave:0.3`, a painting's path, a style vector float32 (S,), or
                an .onnx file whose style is baked in. Left out: the model's first style.
            model: a model's name or .onnx file. Left out: the model that `style` is, else the built-in network.
            device: `auto` is a preference; `cpu`, `cuda[:N]`, `tensorrt[:N]` and `openvino` are demands.
            precision: `auto` takes fp32 on processors and fp16 on GPUs where both files are there; `fp32`,
                `fp16` and `int8` (for processors) ask for a file; `bf16` has OpenVINO compute the fp32 file so, on
                processors that can.
            strength: 0 is the photograph, 1 the full style.
            color: 1 takes the style's colours, 0 keeps the photograph's.
            stroke_size: so many times the usual size, from 0.25 to 8. The network paints an image of so many times
                fewer pixels a side: 2 suits HD, and leaves a quarter of the work; 0.5 suits small images, and makes
                it four times.
            threads: of a processor; all physical cores by default.
            in_flight: calls of several threads that run at once, with the processor's threads divided among them:
                more frames a second, each of them later, and memory for each. None: as many as serve at a frame's
                size, which on anything but ONNX Runtime's own processor code is one. What comes out is the same.
            frames: how many there will be, where that is known and few: for fewer than 16 `auto` leaves out OpenVINO,
                whose start would cost more than it saves.

        Raises:
            ModelError, StyleError, DeviceError, DependencyError: each says what to do next; a number out of range is
                a StyleError.
            InputError: a painting that cannot be read, or `in_flight` is no number of calls.
        """
        files, style = _choose_model(style, model)
        stylizer = cls(files, device=device, precision=precision, threads=threads, in_flight=in_flight, frames=frames)
        if isinstance(style, np.ndarray):
            stylizer.set_style_vector(style)
        elif style is not None or stylizer.record.style_size:
            stylizer.style = str(style) if style is not None else stylizer._first_style()
        stylizer.strength = strength
        stylizer.color = color
        stylizer.stroke_size = stroke_size
        stylizer._sessions.require_device()
        return stylizer

    def __call__(self, frame: Frame, style_vectors: StyleVector | None = None, *, out: Frame | None = None) -> Frame:
        """Stylise a frame uint8 (H, W, 3) BGR, or a batch (N, H, W, 3); H and W from 16 up. Returns the same shape.

        Args:
            style_vectors: float32 (N, S), a style for each frame (or (1, S) for all), in place of `style` for this
                call alone; `style_vector` makes them.
            out: memory for the result, of the frame's shape, C-contiguous; new if left out. On processors the network
                writes straight into it.

        Raises:
            InputError: another dtype or shape, or a side below 16 pixels.
            StyleError: style vectors of another shape, or for a model whose style is baked in.
            DeviceError: the device cannot run the model.
        """
        return self.prepare(frame, style_vectors, out=out)()

    def prepare(
        self, frame: Frame, style_vectors: StyleVector | None = None, *, out: Frame | None = None
    ) -> Callable[[], Frame]:
        """Take a frame with style, strength, colours and strokes as they are, to be stylised by the call returned.

        That call, in any thread, gives what a call of the stylizer would have given here; frames in flight are
        prepared in their order and run side by side. Arguments and errors are those of a call of the stylizer.
        The frame is not copied: it must stay as it is until that call returns.
        """
        clock = self.clock
        if clock:
            clock.start()
        frames = _as_batch(frame)
        outs = None if out is None else _as_output(out, frame).reshape(frames.shape)
        vectors = self._vector
        if style_vectors is not None:
            vectors = self._checked(style_vectors, (1, len(frames)))
        settings = self._settings(vectors)

        def run() -> Frame:
            result = self._run(frames, settings, clock, outs)
            return result if frame.ndim == 4 else result[0]

        return run

    def _run(self, frames: Frame, settings: _Settings, clock: StageClock | None, outs: Frame | None) -> Frame:
        height, width = _painted(frames.shape[1], frames.shape[2], settings.stroke_size)
        if (height, width) == frames.shape[1:3]:
            return self._paint(frames, settings, clock, outs)
        # OpenCV is loaded only by those who need it.
        from nst_rt.stylizer.stroke_size import brought_back, resized

        given = resized(frames, height, width)
        if clock:
            clock.lap("resize")
        painted = self._paint(given, settings, clock, None)
        result = brought_back(painted, given, frames, settings.strength, settings.color, outs)
        if clock:
            clock.lap("resize")
        return result

    def _paint(self, frames: Frame, settings: _Settings, clock: StageClock | None, outs: Frame | None) -> Frame:
        count, height, width = frames.shape[:3]
        vectors = settings.vectors
        sessions = self._sessions.open_for(count, height, width, _rows(vectors))
        if vectors is not None and 0 < sessions.first.style_rows < len(vectors):
            made = []
            for one, row in zip(frames, vectors, strict=True):
                feeds = self._feeds(sessions.first, one[None], settings._replace(vectors=row[None]))
                made.append(sessions.run(feeds, clock))
            return copied(np.concatenate(made), outs)
        feeds = self._feeds(sessions.first, frames, settings)
        if clock:
            clock.lap("prepare")
        result: Frame = sessions.run(feeds, clock, outs)
        return result

    def in_flight(self, height: int, width: int, styles: int = 1) -> int:
        """How many calls with a frame of this size run at once.

        Opens a session for it where the device is not known yet: with `auto`, before the first frame.

        Args:
            styles: with a frame for each of so many style vectors.

        Raises:
            DeviceError: as a call of the stylizer.
        """
        return self._sessions.number_in_flight(*self.inference_size(height, width), styles)

    def inference_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what the network paints for a frame of this size; other ones with `stroke_size`."""
        return _painted(height, width, self._stroke_size)

    def __repr__(self) -> str:
        return f"<Stylizer {self._files.name} style={self._style!r} on {self.device}>"

    def warm_up(self, height: int, width: int, batch: int = 1) -> None:
        """Open all sessions for a frame size and run them, so that the first real frames are as fast as the next."""
        blank = _as_batch(np.zeros((batch, height, width, 3), np.uint8))
        settings = self._settings(self._vector)
        small = self.inference_size(height, width)
        if small != (height, width):
            from nst_rt.stylizer.stroke_size import brought_back, resized

            blank, frames = resized(blank, *small), blank
            brought_back(blank, blank, frames, self._strength, self._color, None)
        sessions = self._sessions.open_for(batch, *small, _rows(self._vector))
        feeds = self._feeds(sessions.first, blank, settings)
        # A CUDA graph is captured after the first run, not in it.
        for _ in range(2):
            sessions.run_each(feeds)

    def _settings(self, vectors: StyleVector | None) -> _Settings:
        return _Settings(vectors, self._strength, self._color, self._stroke_size)

    @property
    def style(self) -> str:
        """The style as it was asked for; setting it switches between two frames, without a new session."""
        return self._style

    @style.setter
    def style(self, expression: str) -> None:
        if not self.record.style_size:
            if expression not in (self._style, *self.styles) and not self._is_this_model(expression):
                raise StyleError(
                    f"{self._files.path.name} has one style baked in ({', '.join(self.styles)}), not {expression!r}. "
                    "Leave --style out, or take a model with style vectors"
                )
            self._style = expression
            return
        vector = blend(parse_blend(expression), self._vector_of)
        self._style, self._vector = expression, vector

    def set_style_vector(self, vector: StyleVector, name: str = "vector") -> None:
        """Take a style vector float32 (S,) or (1, S) as it is.

        Raises:
            StyleError: the model has no style vectors, or the length is another.
        """
        vector = self._checked(np.asarray(vector, np.float32).reshape(1, -1), (1,))
        self._style, self._vector = name, vector

    def style_vector(self, expression: str | None = None) -> StyleVector:
        """The style vector float32 (S,) of a style's name, a blend or a painting; of the style in use if left out.

        Raises:
            StyleError: there is no such style, or the model has its style baked in.
            InputError: no such painting.
        """
        self.require_style_vectors("style vectors")
        if expression is not None:
            return blend(parse_blend(expression), self._vector_of).reshape(-1)
        if self._vector is None:
            raise self._no_style()
        return self._vector.reshape(-1)

    def require_style_vectors(self, purpose: str) -> None:
        """Raise StyleError if the model has one style baked in; `purpose` is what needs style vectors."""
        if not self.record.style_size:
            raise StyleError(
                f"{self._files.path.name} has one style baked in ({', '.join(self.styles)}), and {purpose} need a "
                "model with style vectors, such as the built-in network. Give another --model, or none"
            )

    def match_colors(self, image: Frame, method: str) -> None:
        """Move paintings' colours to an image's before styles are read off them: the present one, and all later ones.

        Args:
            image: uint8 (H, W, 3) BGR.
            method: `cholesky` or `analogies` (see `nst_rt.styles.color_matching`); `none` ends it.

        Raises:
            StyleError: no such method.
        """
        from nst_rt.styles.color_matching import ColorMatching

        self._matching = ColorMatching.to_image(image, method)
        if self.record.style_size and has_style_image(self._style):
            self.style = self._style

    @property
    def styles(self) -> list[str]:
        """Names that `style` can be set to at once."""
        return list(self._library) if self.record.style_size else list(self.record.styles or (self._files.name,))

    @property
    def strength(self) -> float:
        """0 is the photograph, 1 the full style."""
        return self._strength

    @strength.setter
    def strength(self, value: float) -> None:
        self._strength = self._fraction(contract.STRENGTH, value)

    @property
    def color(self) -> float:
        """1 takes the style's colours, 0 keeps the photograph's."""
        return self._color

    @color.setter
    def color(self, value: float) -> None:
        self._color = self._fraction(contract.COLOR, value)

    @property
    def stroke_size(self) -> float:
        """So many times the usual size, from 0.25 to 8. Every size that is painted has a session of its own, opened at
        its first frame.

        Raises:
            StyleError: another number, or none.
        """
        return self._stroke_size

    @stroke_size.setter
    def stroke_size(self, value: float) -> None:
        self._stroke_size = _number("stroke size", value, FINEST_STROKES, LARGEST_STROKES)

    @property
    def device(self) -> str:
        """The device that the last opened session really runs on; before that, the first that will be tried."""
        return str(self._sessions.device)

    @property
    def record(self) -> ModelRecord:
        """What the model file promises."""
        return self._sessions.record

    def describe(self) -> dict[str, Any]:
        """What runs, as it really is, ready for JSON."""
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
        """Give every session back; the next call opens what it needs again."""
        self._sessions.close()
        self._encoder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _feeds(self, session: Session, frames: Frame, settings: _Settings) -> dict[str, NDArray[Any]]:
        vectors = settings.vectors
        if vectors is not None and len(vectors) < session.style_rows:
            vectors = np.repeat(vectors, session.style_rows, axis=0)
        values: dict[str, NDArray[Any] | None] = {
            contract.FRAME: frames,
            contract.STYLE: vectors,
            contract.STRENGTH: np.array([settings.strength], np.float32),
            contract.COLOR: np.array([settings.color], np.float32),
        }
        feeds = {}
        for name in session.inputs:
            value = values[name]
            if value is None:
                raise self._no_style()
            feeds[name] = value
        return feeds

    def _no_style(self) -> StyleError:
        return StyleError(f"{self._files.path.name} needs a style. Give --style NAME or a painting")

    def _checked(self, vectors: StyleVector, rows: tuple[int, ...]) -> StyleVector:
        self.require_style_vectors("style vectors")
        vectors = np.ascontiguousarray(vectors, np.float32)
        size = self.record.style_size
        if vectors.shape[-1:] != (size,):
            numbers = vectors.shape[-1] if vectors.ndim else 1
            raise StyleError(f"{self._files.path.name} takes style vectors of {size} numbers, not {numbers}")
        if vectors.ndim != 2 or len(vectors) not in rows:
            wanted = " or ".join(f"({count}, {size})" for count in sorted(set(rows)))
            raise StyleError(f"style vectors of shape {vectors.shape} do not fit the frames. Give {wanted}")
        return vectors

    def _fraction(self, name: str, value: float) -> float:
        value = _number(name, value, 0, 1)
        if value != 1 and name not in self.record.controls:
            raise StyleError(f"{self._files.path.name} was exported without {name}. Export it again with controls")
        return value

    def _first_style(self) -> str:
        if not self._library:
            raise StyleError(f"{self._files.path.name} comes without named styles. Give --style a painting's file")
        return next(iter(self._library))

    def _is_this_model(self, expression: str) -> bool:
        return is_model_path(expression) and Path(expression) == self._files.path

    def _vector_of(self, name: str) -> StyleVector:
        if name in self._library:
            vector = self._library[name].vector
        elif is_model_path(name):
            raise StyleError(f"{name} is a model with its own style, which cannot be blended into another model's")
        elif is_style_image(name):
            if not is_file(Path(name)):
                raise InputError(f"{name}: no such painting. Check the path")
            vector = self._encode(Path(name))
        else:
            raise unknown_style(name, self._library)
        if vector.size != self.record.style_size:
            raise StyleError(
                f"style {name!r} has {vector.size} numbers, {self._files.path.name} takes {self.record.style_size}: "
                "it belongs to another network"
            )
        return vector

    def _encode(self, painting: Path) -> StyleVector:
        if self._encoder is None:
            # Image reading is loaded only by those who bring paintings.
            from nst_rt.styles.style_encoder import StyleEncoder

            self._encoder = StyleEncoder.beside(self._files, self.record, threads=self._threads)
            if self._encoder is None:
                raise StyleError(
                    f"{self._files.path.name} has no style encoder beside it, so it cannot take the painting "
                    f"{painting}. Use a named style, or a model that has one, such as AdaIN: --model adain.onnx"
                )
        return self._encoder(painting, self._matching)


def _painted(height: int, width: int, stroke_size: float) -> tuple[int, int]:
    """A part in `stroke_size` of a frame's sides, and 16 at least."""
    least = contract.MIN_SIDE
    return max(least, round(height / stroke_size)), max(least, round(width / stroke_size))


def _number(name: str, value: float, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise StyleError(f"{name} {value!r} is not a number. Give one from {least:g} to {most:g}")
    if not least <= value <= most:
        raise StyleError(f"{name} {value:g} is out of range. Give a number from {least:g} to {most:g}")
    return float(value)


def _rows(vectors: StyleVector | None) -> int:
    return 1 if vectors is None else len(vectors)


def _choose_model(
    style: str | Path | StyleVector | None, model: str | Path | None
) -> tuple[ModelFiles, str | Path | StyleVector | None]:
    """Which model is meant; a style that is itself a model file or a model's name is that model's own style."""
    if model is not None:
        return find_model(model), style
    own = model_of_style(style) if isinstance(style, str | Path) else None
    return (own, None) if own is not None else (find_model(BUILT_IN), style)


def model_of_style(style: str | Path) -> ModelFiles | None:
    """The model that a style argument names: a model file or a model's name is that model's own style.

    Raises:
        ModelError: no such model file.
    """
    if is_model_path(str(style)) or str(style).lower().endswith(ORT_SUFFIX):
        return find_model(style)
    named = {files.name: files for files in list_models() if files.name != BUILT_IN}
    return named.get(str(style))


def _as_output(out: Frame, frame: Frame) -> Frame:
    if out.dtype != np.uint8 or out.shape != frame.shape or not (out.flags.c_contiguous and out.flags.writeable):
        raise InputError(f"out has to be uint8 {frame.shape}, contiguous and writable; got {out.dtype} {out.shape}")
    return out


def _as_batch(frame: Frame) -> Frame:
    if not isinstance(frame, np.ndarray):
        raise InputError(
            f"a frame is a numpy array, not {type(frame).__name__}. If it came from cv2.imread or VideoCapture.read, "
            "the file or the camera could not be read"
        )
    if frame.dtype != np.uint8 or frame.ndim not in (3, 4) or frame.shape[-1] != 3:
        raise InputError(
            f"a frame is uint8 (height, width, 3) BGR, or a batch of them; got {frame.dtype} {frame.shape}"
        )
    frames = frame if frame.ndim == 4 else frame[None]
    height, width = frames.shape[1:3]
    if min(height, width) < contract.MIN_SIDE or not frames.shape[0]:
        raise InputError(
            f"a frame of {width}x{height} is too small. Both sides must be {contract.MIN_SIDE} pixels or more"
        )
    return np.ascontiguousarray(frames)
