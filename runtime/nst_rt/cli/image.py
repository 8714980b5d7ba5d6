"""`nst-rt image`: images, folders of images, or an image through a pipe."""

import json
import os
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nst_rt.cli.messages import say
from nst_rt.cli.options import (
    ColorOption,
    DeviceOption,
    FeatherOption,
    InFlightOption,
    JsonOption,
    MaskOption,
    MatchColorsOption,
    ModelOption,
    OutsideOption,
    PrecisionOption,
    RegionsOption,
    StrengthOption,
    StrokeSizeOption,
    StylesOption,
    ThreadsOption,
)
from nst_rt.errors import InputError, NstError, OutputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nst_rt.engine.session_pool import WeightedSemaphore
    from nst_rt.jobs.image_paths import Job
    from nst_rt.jobs.image_prefetch import ImageAhead
    from nst_rt.jobs.style_request import Controls
    from nst_rt.media.images.image_reader import Image
    from nst_rt.stylizer.masked_stylizer import MaskedStylizer
    from nst_rt.stylizer.stylizer import Stylizer

    Prepare = Callable[[NDArray[np.uint8]], Callable[[], NDArray[np.uint8]]]
    """As `Stylizer.prepare`."""
    Made = tuple["_Result", Image | None]


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("image")(image)


def image(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE...", help="Files, folders, quoted globs, or - for stdin.", show_default=False),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER|-",
            show_default=False,
            help="For several images or styles a folder, made if missing; for one a file, a folder with a / at its "
            "end, or - for stdout. "
            "Left out: photo.STYLE.jpg beside photo.jpg, with settings that are not the usual ones: "
            "photo.gogh.strength-0.5.jpg.",
        ),
    ] = None,
    style: StylesOption = None,
    model: ModelOption = None,
    strength: StrengthOption = 1.0,
    color: ColorOption = 1.0,
    stroke_size: StrokeSizeOption = 1.0,
    match_colors: MatchColorsOption = "none",
    mask: MaskOption = None,
    outside: OutsideOption = None,
    regions: RegionsOption = None,
    feather: FeatherOption = None,
    size: Annotated[
        int | None, typer.Option("--size", min=16, help="Scale down to at most this many pixels on the long side.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", help="png, jpg, webp, tif or bmp, where -o names no file.", show_default=False),
    ] = None,
    quality: Annotated[int, typer.Option("--quality", min=1, max=100, help="Of JPEG and WebP.")] = 95,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders within folders.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    in_flight: InFlightOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stylise images; each keeps its size (unless --size), its transparency and its colour profile.

    Results are 8 bits a channel and upright. Of several, one that fails is reported; the rest go on (exit 1).
    From a folder, what an earlier run wrote beside its images (photo.gogh.jpg beside photo.jpg) is left out.
    """
    from nst_rt.cli.signals import signals_interrupt
    from nst_rt.engine.cpu_cores import physical_cores
    from nst_rt.files.paths import is_file, is_folder
    from nst_rt.jobs.image_paths import (
        STREAM,
        find_images,
        folder_of_results,
        is_batch,
        plan_batch,
        plan_one,
        without_results,
    )
    from nst_rt.jobs.image_prefetch import ImageAhead
    from nst_rt.jobs.opened_styles import names_of_results, open_styles
    from nst_rt.jobs.style_request import read_controls
    from nst_rt.media.images.image_reader import SUFFIXES as READABLE
    from nst_rt.media.images.image_writer import SUFFIXES as WRITABLE
    from nst_rt.media.images.image_writer import check_suffix

    chosen = [
        read_controls(one, mask=mask, outside=outside, regions=regions, feather=feather, match_colors=match_colors)
        for one in (dict.fromkeys(style) if style else [None])
    ]
    several = len(chosen) > 1
    also_read = [path for one in chosen for path in one.files()]
    suffix = f".{format.lower().lstrip('.')}" if format else None
    if suffix:
        check_suffix(suffix, "--format")
    # A path forgets the slash that makes a name a folder's.
    given, as_folder = (Path(output), output.endswith(("/", os.sep))) if output is not None else (None, False)
    found = find_images(inputs, recursive=recursive, suffixes=READABLE, avoid=given)
    batch, source = is_batch(inputs, found), found[0].path
    folder = None
    if batch or (several and (given is not None or source == STREAM)):
        folder = folder_of_results(found, given, WRITABLE)
    else:
        if given is not None and given != STREAM and not as_folder and not is_folder(given):
            check_suffix(given.suffix, str(given))
        _check_stdout((source == STREAM and given is None) or given == STREAM, as_json)
    ahead = None
    if not (batch or several or source == STREAM) and is_file(source):
        ahead = ImageAhead(source)
    from nst_rt.stylizer.stylizer import Stylizer  # loads ONNX Runtime, beside the decoding

    few = not batch or len(found) <= physical_cores()  # the last ones would leave cores idle
    load = partial(
        Stylizer.load,
        device=device,
        precision=precision,
        strength=strength,
        color=color,
        stroke_size=stroke_size,
        threads=threads,
        in_flight=1 if few and in_flight is None else in_flight,
        frames=len(found) * len(chosen),
    )
    results: list[_Result] = []
    described: list[dict[str, Any]] = []
    with signals_interrupt(), ExitStack() as opened:
        styles = open_styles(
            chosen,
            opened,
            load,
            model,
            strength=strength,
            color=color,
            stroke_size=stroke_size,
            size=size,
            precision=precision,
        )
        if batch:
            found, left = without_results(found, names_of_results(styles))
            if left:
                left_out = f"{len(left)} left out as results of earlier runs, {left[0].path} first"
                say(f"note: {left_out}; name one to stylise it")
        if folder is not None:
            plans = [plan_batch(found, folder, suffix, WRITABLE, tag=one.tag if several else "") for one in styles]
        else:  # whether a result is there already is looked at once everything else was found to be right, by `_Run`
            plan = partial(plan_one, source, given, folder=as_folder, inputs=also_read, overwrite=True)
            plans = [[plan(tag=one.tag, suffix=suffix, writable=WRITABLE)] for one in styles]
        for one, jobs in zip(styles, plans, strict=True):
            stylize = one.begin()
            in_its_colors = partial(_in_its_colors, one.controls, stylize)
            run = _Run(
                in_its_colors,
                size,
                suffix or ".png",
                quality,
                ahead,
                also_read=also_read,
                overwrite=overwrite,
                batch=batch or several,
                make_folders=batch or several or as_folder,
            )
            if not few or in_flight is not None:
                run.side_by_side(stylize.in_flight)
            made = run.all(jobs)
            described.append(one.controls.described(stylize))
            if not batch:
                _tell(made[0], described[-1])
            results += made
    errors = [result.error for result in results if result.error is not None]
    if as_json:
        told: dict[str, Any] = {"images": [result.to_json() for result in results]}
        told |= {"stylizers": described} if several else {"stylizer": described[0]}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    if errors and not batch and not several:
        raise errors[0]
    if batch:
        say(f"{len(results) - len(errors)} of {len(results)} images written to {folder}")
    if errors:
        raise typer.Exit(2 if len(errors) == len(results) else 1)


def _in_its_colors(
    controls: "Controls", stylize: "Stylizer | MaskedStylizer", bgr: "NDArray[np.uint8]"
) -> "Callable[[], NDArray[np.uint8]]":
    controls.match_colors(stylize, None, bgr)
    return stylize.prepare(bgr)


def _tell(result: "_Result", stylizer: dict[str, Any]) -> None:
    """One line for an image that was written to a file; what goes to stdout needs none."""
    from nst_rt.jobs.image_paths import STREAM

    if result.error is None and result.job.target != STREAM and result.size and result.milliseconds is not None:
        width, height = result.size
        device = stylizer.get("device", "an unknown device")
        say(f"{result.job.target}: {width}x{height} px in {result.milliseconds / 1000:.3f} s on {device}")


def _check_stdout(wanted: bool, as_json: bool) -> None:
    if not wanted:
        return
    if as_json:
        raise OutputError("--json and an image cannot both go to stdout. Give -o FILE")
    if sys.stdout.isatty():
        raise OutputError("an image does not go to a terminal. Give -o FILE or send stdout to a file")


@dataclass
class _Result:
    """What became of one image."""

    job: "Job"
    size: tuple[int, int] | None = None
    milliseconds: float | None = None
    notices: list[str] = field(default_factory=list)
    error: NstError | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "input": str(self.job.source),
            "output": None if self.error is not None else str(self.job.target),
            "size": list(self.size) if self.size else None,
            "ms": self.milliseconds,
            "notices": self.notices,
            "error": str(self.error) if self.error is not None else None,
        }


@contextmanager
def _blamed(result: _Result) -> "Generator[None, None, None]":
    """Keep an error of stylising with its image."""
    try:
        yield
    except NstError as error:
        result.error = type(error)(f"{result.job.source}: {error}")
    except MemoryError:
        width, height = result.size or (0, 0)
        result.error = InputError(
            f"{result.job.source}: {width}x{height} px do not fit into memory. Use --size, 2048 for instance"
        )


class _Run:
    """Reads, stylises and writes images, of several the three at once; an error stays with its image."""

    def __init__(
        self,
        prepare: "Prepare",
        size: int | None,
        stream_suffix: str,
        quality: int,
        ahead: "ImageAhead | None",
        *,
        also_read: "Sequence[Path]",
        overwrite: bool,
        batch: bool,
        make_folders: bool,
    ) -> None:
        self._prepare, self._size, self._stream_suffix = prepare, size, stream_suffix
        self._quality, self._ahead = quality, ahead
        self._also_read, self._overwrite, self._batch = also_read, overwrite, batch
        self._make_folders = make_folders
        self._at_once: Callable[[int, int], int] | None = None
        self._room: WeightedSemaphore | None = None

    def side_by_side(self, at_once: "Callable[[int, int], int]") -> None:
        """Stylise several images at once: of any size `at_once(height, width)`, and of mixed sizes as many as fit.

        See `Stylizer.in_flight` and `nst_rt.engine.session_pool.WeightedSemaphore`.
        """
        self._at_once = at_once

    def all(self, jobs: "Sequence[Job]") -> list[_Result]:
        from contextlib import nullcontext

        from nst_rt.cli.progress import progress_bar

        results: list[_Result] = []
        with progress_bar(len(jobs), "images") if len(jobs) > 1 else nullcontext(lambda: None) as advance:

            def deliver(made: "Made") -> None:
                result, image = made
                if image is not None:
                    self._write(result, image)
                for notice in result.notices:
                    say(f"note: {notice}")
                if result.error is not None and self._batch:
                    say(f"nst-rt: error: {' '.join(str(result.error).split())}")
                results.append(result)
                advance()

            if self._batch:
                from nst_rt.jobs.pipeline import overlapped_in_flight

                number, source = self._in_flight(self._read_all(jobs))
                overlapped_in_flight(source, self._begin, deliver, number, depth=2)
            else:
                # Nothing left to overlap, and a pipe may keep its reader waiting for ever: only a read in the main
                # thread is ended by a signal.
                for read in self._read_all(jobs):
                    deliver(self._begin(read)())
        return results

    def _in_flight(self, source: "Generator[Made, None, None]") -> "tuple[int, Generator[Made, None, None]]":
        """How many images at most are stylised at once, and the images."""
        if self._at_once is None:
            return 1, source
        from nst_rt.contract import MIN_SIDE
        from nst_rt.engine.session_pool import PIXELS, WeightedSemaphore

        read: list[Made] = []

        def all_of_them() -> "Generator[Made, None, None]":
            while read:
                yield read.pop(0)
            yield from source

        number = 1
        for one in source:
            read.append(one)
            if one[1] is not None:
                # With `auto` the first image that can be read shows which device runs, for all sizes.
                with suppress(NstError, MemoryError):  # told of the image, when its turn comes
                    self._at_once(*(max(side, MIN_SIDE) for side in one[1].bgr.shape[:2]))
                    number = self._at_once(MIN_SIDE, MIN_SIDE)
                break
        if number > 1:
            self._room = WeightedSemaphore(PIXELS)
        return number, all_of_them()

    def _read_all(self, jobs: "Sequence[Job]") -> "Generator[Made, None, None]":
        from nst_rt.files.naming import check_not_taken
        from nst_rt.jobs.image_paths import STREAM
        from nst_rt.media.images.image_reader import read_image

        def check(job: "Job") -> None:
            if job.target != STREAM:
                check_not_taken(job.target, [job.source, *self._also_read], overwrite=self._overwrite)

        several = len(jobs) > 1
        for job in jobs:
            result, image = _Result(job), None
            try:
                if several:
                    check(job)
                if self._ahead is not None:
                    image = self._ahead.image()
                elif job.source == STREAM:
                    image = read_image(sys.stdin.buffer.read(), "stdin")
                else:
                    image = read_image(job.source)
                if self._size is not None:
                    image = image.shrunk(self._size)
                # Whoever gives another name for the only image should not learn then what else is wrong with it. Of
                # many, those that are there already are not read again for nothing.
                if not several:
                    check(job)
            except NstError as error:
                result.error, image = error, None
            yield result, image

    def _begin(self, read: "Made") -> "Callable[[], Made]":
        """What is left to do for an image; waits until there is room for it beside those in work."""
        result, image = read
        if image is None:
            return lambda: read
        result.size = image.size
        with _blamed(result):
            started = time.perf_counter()
            make = self._prepare(image.bgr)
            work = partial(self._work, result, image, make, time.perf_counter() - started)
            if self._at_once is None or (room := self._room) is None:
                return work
            from nst_rt.engine.session_pool import PIXELS

            weight = max(1, PIXELS // self._at_once(*image.bgr.shape[:2]))
            room.acquire(weight)

            def work_and_leave() -> "Made":
                try:
                    return work()
                finally:
                    room.release(weight)

            return work_and_leave
        return lambda: (result, None)

    def _work(self, result: _Result, image: "Image", make: "Callable[[], NDArray[np.uint8]]", before: float) -> "Made":
        from dataclasses import replace

        with _blamed(result):
            started = time.perf_counter()
            image = replace(image, bgr=make())
            result.milliseconds = round((before + time.perf_counter() - started) * 1000, 2)
            return result, image
        return result, None

    def _write(self, result: _Result, image: "Image") -> None:
        from nst_rt.jobs.image_paths import STREAM
        from nst_rt.media.images.image_writer import encode_image, write_image

        target, bgr, alpha = result.job.target, image.bgr, image.alpha
        try:
            if target == STREAM:
                data, result.notices = encode_image(
                    self._stream_suffix, bgr, alpha, quality=self._quality, profile=image.profile, name="stdout"
                )
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            else:
                if self._make_folders:
                    target.parent.mkdir(parents=True, exist_ok=True)
                result.notices = write_image(target, bgr, alpha, quality=self._quality, profile=image.profile)
        except NstError as error:
            result.error = error
        except BrokenPipeError:
            raise
        except OSError as error:
            result.error = OutputError(f"{target}: cannot be written ({error.strerror}). Write elsewhere")
