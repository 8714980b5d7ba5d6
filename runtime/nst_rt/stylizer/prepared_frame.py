"""A frame on its way through a network: checked, then reduced for larger strokes, run, and enlarged again."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_rt import contract
from nst_rt.contract import Frame, StyleVector
from nst_rt.engine.buffers import copied
from nst_rt.engine.session import Session
from nst_rt.engine.session_cache import SessionCache
from nst_rt.engine.timing import StageClock
from nst_rt.errors import InputError


@dataclass(frozen=True)
class FrameSettings:
    """The settings of a stylizer at the time when a frame was prepared."""

    vectors: StyleVector | None
    """float32 (1, S) for all frames, or (N, S), one for each; None where the style is baked in."""
    strength: float
    color: float
    stroke_size: float

    @property
    def rows(self) -> int:
        """The number of style vectors; 1 where the style is baked in."""
        return 1 if self.vectors is None else len(self.vectors)

    def inference_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the image that the network runs on, for a frame of this size; at least 16 each."""
        least = contract.MIN_SIDE
        return max(least, round(height / self.stroke_size)), max(least, round(width / self.stroke_size))


@dataclass(frozen=True, eq=False)
class PreparedFrame:
    """A frame, or a batch, together with the settings that it is stylised with. `Stylizer.prepare` makes one.

    The frame is not copied: it must not change until `run` returns.

    Examples:
        >>> stylizer = Stylizer.load(style="gogh", device="cpu")
        >>> prepared = stylizer.prepare(np.zeros((48, 64, 3), np.uint8))
        >>> stylizer.style = "wave"  # does not change what was prepared
        >>> prepared.run().shape
        (48, 64, 3)
    """

    frames: Frame
    """uint8 (N, H, W, 3) BGR."""
    settings: FrameSettings
    sessions: SessionCache
    batch: bool = True
    """Whether the result is a batch (N, H, W, 3), or one frame (H, W, 3)."""
    out: Frame | None = None
    """Memory for the result, of the shape of `frames`."""
    clock: StageClock | None = None
    """Measures the stages of `run`."""

    def run(self) -> Frame:
        """Stylise, in any thread; returns uint8 of the prepared frame's shape.

        Raises:
            DeviceError: the device cannot run the model.
            InputError: the frame needs more memory than there is.
        """
        height, width = self.frames.shape[1:3]
        size = self.settings.inference_size(height, width)
        result = self._infer(self.frames, self.out) if size == (height, width) else self._infer_at(*size)
        return result if self.batch else result[0]

    def warm_up(self) -> None:
        """Open all sessions for the frame's size and run each of them."""
        height, width = self.frames.shape[1:3]
        frames, size = self.frames, self.settings.inference_size(height, width)
        if size != (height, width):
            from nst_rt.stylizer.stroke_size import resized, restored  # OpenCV only for those who need it

            frames = resized(self.frames, *size)
            restored(frames, frames, self.frames, self.settings.strength, self.settings.color, None)
        pool = self.sessions.open_for(len(frames), *size, self.settings.rows)
        feeds = feeds_of(pool.first, frames, self.settings)
        for _ in range(2):  # a CUDA graph is captured after the first run, not in it
            pool.run_each(feeds)

    def _infer_at(self, height: int, width: int) -> Frame:
        """Run the network on smaller or larger frames, for larger or smaller strokes."""
        from nst_rt.stylizer.stroke_size import resized, restored  # OpenCV only for those who need it

        given = resized(self.frames, height, width)
        self._lap("resize")
        stylized = self._infer(given, None)
        result = restored(stylized, given, self.frames, self.settings.strength, self.settings.color, self.out)
        self._lap("resize")
        return result

    def _infer(self, frames: Frame, out: Frame | None) -> Frame:
        count, height, width = frames.shape[:3]
        pool = self.sessions.open_for(count, height, width, self.settings.rows)
        vectors = self.settings.vectors
        if vectors is not None and 0 < pool.first.style_rows < len(vectors):
            # The graph takes one style vector: one frame after the other.
            results = []
            for frame, vector in zip(frames, vectors, strict=True):
                feeds = feeds_of(pool.first, frame[None], replace(self.settings, vectors=vector[None]))
                results.append(pool.run(feeds, self.clock))
            return copied(np.concatenate(results), out)
        feeds = feeds_of(pool.first, frames, self.settings)
        self._lap("prepare")
        result: Frame = pool.run(feeds, self.clock, out)
        return result

    def _lap(self, stage: str) -> None:
        if self.clock:
            self.clock.lap(stage)


def feeds_of(session: Session, frames: Frame, settings: FrameSettings) -> dict[str, NDArray[Any]]:
    """The inputs of a session, by name."""
    values: dict[str, NDArray[Any]] = {
        contract.FRAME: frames,
        contract.STRENGTH: np.array([settings.strength], np.float32),
        contract.COLOR: np.array([settings.color], np.float32),
    }
    if settings.vectors is not None:
        rows = session.style_rows
        one_for_all = len(settings.vectors) < rows
        values[contract.STYLE] = np.repeat(settings.vectors, rows, axis=0) if one_for_all else settings.vectors
    return {name: values[name] for name in session.inputs}


def as_batch(frame: Frame) -> Frame:
    """A frame uint8 (H, W, 3), or a batch (N, H, W, 3), as a contiguous batch.

    Raises:
        InputError: another type, dtype or shape, or a side below 16 pixels.
    """
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


def check_output(out: Frame, frame: Frame) -> None:
    """Check memory for the result of stylising `frame`.

    Raises:
        InputError: another dtype or shape, or memory that is not contiguous or not writable.
    """
    if out.dtype != np.uint8 or out.shape != frame.shape or not (out.flags.c_contiguous and out.flags.writeable):
        raise InputError(
            f"out has to be uint8 {frame.shape}, contiguous and writable; got {out.dtype} {out.shape}", parameter="out"
        )
