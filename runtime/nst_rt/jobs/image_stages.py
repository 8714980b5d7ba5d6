"""Reading, stylising and writing images: of several the three overlap, and an error stays with its image."""

import copy
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_rt.contract import MIN_SIDE
from nst_rt.engine import session_pool
from nst_rt.errors import InputError, NstError, OutputError
from nst_rt.files.naming import check_not_taken
from nst_rt.jobs.image_paths import STREAM, ImageTask
from nst_rt.jobs.opened_style import OpenedStyle
from nst_rt.jobs.pipeline import overlapped_in_flight
from nst_rt.media.images.image_reader import Image, read_image
from nst_rt.media.images.image_writer import encode_image, write_image
from nst_rt.stylizer.protocol import Prepared

if TYPE_CHECKING:
    pass


@dataclass
class ImageResult:
    """What became of one image."""

    source: Path
    target: Path
    size: tuple[int, int] | None = None
    """Width and height; None where the image could not be read."""
    milliseconds: float | None = None
    """That stylising took; None where it failed."""
    device: str = ""
    """That ran."""
    notices: list[str] = field(default_factory=list)
    """What the result could not keep of the image."""
    error: NstError | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "input": str(self.source),
            "output": None if self.error is not None else str(self.target),
            "size": list(self.size) if self.size else None,
            "ms": self.milliseconds,
            "notices": self.notices,
            "error": str(self.error) if self.error is not None else None,
        }


@dataclass(frozen=True)
class ImageSettings:
    """How images are read and written."""

    size: int | None
    """Long side at most, in pixels."""
    stream_suffix: str
    """Of the format that goes to stdout."""
    quality: int
    """Of JPEG and WebP, from 1 to 100."""
    overwrite: bool
    make_folders: bool
    """Make the folders of results."""
    also_read: Sequence[Path]
    """Files that no result may replace, beside the images."""


@dataclass
class _ImageInWork:
    """An image between two stages; without pixels it is done or has failed."""

    result: ImageResult
    image: Image | None
    prepared: Prepared | None = None
    seconds: float = 0.0
    weight: int = 0
    """The room that it takes among the images in work."""


class ImageStages:
    """The stages of images in one style.

    Args:
        side_by_side: stylise several images at once: of one size as many as `OpenedStyle.stylize` takes, of mixed sizes
            as many as fit in `nst_rt.engine.session_pool.PIXELS`.
        on_result: called with each result, in order.
    """

    def __init__(
        self,
        opened: OpenedStyle,
        settings: ImageSettings,
        *,
        side_by_side: bool,
        on_result: Callable[[ImageResult], None],
    ) -> None:
        self._opened, self._settings, self._on_result = opened, settings, on_result
        self._side_by_side = side_by_side
        self._room: session_pool.WeightedSemaphore | None = None

    def run_one(self, task: ImageTask) -> None:
        """Run the stages one after the other, in the caller's thread: a signal ends the wait for a slow pipe."""
        self._write(self._finish(self._begin(self._read(task, alone=True))))

    def run_all(self, tasks: Sequence[ImageTask]) -> None:
        """Run the three stages at once."""
        images = (self._read(task, alone=len(tasks) == 1) for task in tasks)
        number = 1
        if self._side_by_side:
            number, images = self._number_at_once(images)
        if number > 1:
            self._room = session_pool.WeightedSemaphore(session_pool.PIXELS)
        overlapped_in_flight(images, self._begin, self._finish, self._write, number, depth=2)

    def _number_at_once(
        self, images: Generator[_ImageInWork, None, None]
    ) -> tuple[int, Generator[_ImageInWork, None, None]]:
        """The number of images that are stylised at once at most, and the images."""
        read: list[_ImageInWork] = []
        number = 1
        for one in images:
            read.append(one)
            if one.image is not None:
                # With `auto` the first image that can be read shows which device runs, for all sizes. An error comes
                # again when the image has its turn.
                with suppress(NstError, MemoryError):
                    self._opened.stylize.in_flight(*(max(side, MIN_SIDE) for side in one.image.bgr.shape[:2]))
                    number = self._opened.stylize.in_flight(MIN_SIDE, MIN_SIDE)
                break
        return number, _chained(read, images)

    def _read(self, task: ImageTask, *, alone: bool) -> _ImageInWork:
        result = ImageResult(task.source, task.target)
        try:
            # Results that exist are not made again, so their images are not read. For an only image that check comes
            # last: who gives another name for it should not learn only then what else is wrong.
            if not alone:
                self._check_target(task)
            from_stdin = task.source == STREAM
            image = read_image(sys.stdin.buffer.read(), "stdin") if from_stdin else read_image(task.source)
            if self._settings.size is not None:
                image = image.shrunk(self._settings.size)
            if alone:
                self._check_target(task)
        except NstError as error:
            result.error = error
            return _ImageInWork(result, None)
        result.size = image.size
        return _ImageInWork(result, image)

    def _check_target(self, task: ImageTask) -> None:
        if task.target != STREAM:
            inputs = [task.source, *self._settings.also_read]
            check_not_taken(task.target, inputs, overwrite=self._settings.overwrite)

    def _begin(self, work: _ImageInWork) -> _ImageInWork:
        """Prepare an image, and wait until there is room for it beside those in work."""
        if work.image is None:
            return work
        started = time.perf_counter()
        try:
            work.prepared = self._opened.prepare(work.image.bgr)
            work.seconds = time.perf_counter() - started
            if self._room is not None:
                work.weight = max(1, session_pool.PIXELS // self._opened.stylize.in_flight(*work.image.bgr.shape[:2]))
                self._room.acquire(work.weight)
        except (NstError, MemoryError) as error:
            _fail(work, error)
        return work

    def _finish(self, work: _ImageInWork) -> _ImageInWork:
        """Stylise a prepared image."""
        if work.image is None or work.prepared is None:
            return work
        started = time.perf_counter()
        try:
            work.image = replace(work.image, bgr=work.prepared.run())
            seconds = work.seconds + time.perf_counter() - started
            work.result.milliseconds = round(seconds * 1000, 2)
            work.result.device = self._opened.stylize.device
        except (NstError, MemoryError) as error:
            _fail(work, error)
        finally:
            if self._room is not None:
                self._room.release(work.weight)
        return work

    def _write(self, work: _ImageInWork) -> None:
        if work.image is not None:
            try:
                work.result.notices = self._write_image(work.result.target, work.image)
            except NstError as error:
                work.result.error = error
            except BrokenPipeError:
                raise
            except OSError as error:
                work.result.error = OutputError(
                    f"{work.result.target}: cannot be written ({error.strerror}). Write elsewhere"
                )
        self._on_result(work.result)

    def _write_image(self, target: Path, image: Image) -> list[str]:
        quality = self._settings.quality
        if target == STREAM:
            data, notices = encode_image(
                self._settings.stream_suffix,
                image.bgr,
                image.alpha,
                quality=quality,
                profile=image.profile,
                name="stdout",
            )
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return notices
        if self._settings.make_folders:
            target.parent.mkdir(parents=True, exist_ok=True)
        return write_image(target, image.bgr, image.alpha, quality=quality, profile=image.profile)


def _fail(work: _ImageInWork, error: NstError | MemoryError) -> None:
    """Keep an error of stylising with its image."""
    result, work.image = work.result, None
    if isinstance(error, NstError):
        named = copy.copy(error)
        named.args = (f"{result.source}: {error}",)
        result.error = named
    else:
        width, height = result.size or (0, 0)
        result.error = InputError(
            f"{result.source}: {width}x{height} px do not fit into memory. Scale them down, to a size of 2048 say",
            parameter="size",
        )


def _chained(
    read: list[_ImageInWork], rest: Generator[_ImageInWork, None, None]
) -> Generator[_ImageInWork, None, None]:
    # Not from an iterator over the list, which would keep every image in memory.
    while read:
        yield read.pop(0)
    yield from rest
