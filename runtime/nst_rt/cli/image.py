"""`nst-rt image`: pictures, folders of pictures, or a picture through a pipe."""

import json
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
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
    StylesOption,
    ThreadsOption,
)
from nst_rt.errors import InputError, NstError, OutputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nst_rt.cli.controls import Controls
    from nst_rt.cli.picture_ahead import PictureAhead
    from nst_rt.cli.picture_jobs import Job
    from nst_rt.masked_stylizer import MaskedStylizer
    from nst_rt.sources.picture import Picture
    from nst_rt.stylizer import Stylizer

    Prepare = Callable[[NDArray[np.uint8]], Callable[[], NDArray[np.uint8]]]
    """As `Stylizer.prepare`."""
    Made = tuple["_Result", Picture | None]


def register(app: typer.Typer) -> None:
    """Add the command to `nst-rt`."""
    app.command("image")(image)


def image(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="PICTURE...", help="Files, folders, quoted globs, or - for stdin.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER|-",
            show_default=False,
            help="For several pictures or styles a folder, made if missing; for one also a file, or - for stdout. "
            "Left out: photo.STYLE.jpg beside photo.jpg, with settings that are not the usual ones: "
            "photo.gogh.strength-0.5.jpg.",
        ),
    ] = None,
    style: StylesOption = None,
    model: ModelOption = None,
    strength: StrengthOption = 1.0,
    color: ColorOption = 1.0,
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
    """Stylise pictures; each keeps its size (unless --size), its transparency and its colour profile.

    Results are 8 bits a channel and upright. Of several, one that fails is reported; the rest go on (exit 1).
    From a folder, what an earlier run wrote beside its pictures (photo.gogh.jpg beside photo.jpg) is left out.
    """
    from nst_rt.cli.controls import read_controls
    from nst_rt.cli.opened_styles import open_styles, tags_of_results
    from nst_rt.cli.picture_ahead import PictureAhead
    from nst_rt.cli.picture_jobs import (
        STREAM,
        find_pictures,
        folder_of_results,
        is_batch,
        plan_batch,
        plan_one,
        without_results,
    )
    from nst_rt.cli.termination import signals_interrupt
    from nst_rt.models import is_file
    from nst_rt.naming import is_folder
    from nst_rt.processors import physical_cores
    from nst_rt.sinks.picture import SUFFIXES as WRITABLE
    from nst_rt.sinks.picture import check_suffix
    from nst_rt.sources.picture import SUFFIXES as READABLE

    chosen = [
        read_controls(one, mask=mask, outside=outside, regions=regions, feather=feather, match_colors=match_colors)
        for one in (dict.fromkeys(style) if style else [None])
    ]
    several = len(chosen) > 1
    suffix = f".{format.lower().lstrip('.')}" if format else None
    if suffix:
        check_suffix(suffix, "--format")
    found = find_pictures(inputs, recursive=recursive, suffixes=READABLE, avoid=output)
    batch, source = is_batch(inputs, found), found[0].path
    folder = None
    if batch or (several and (output is not None or source == STREAM)):
        folder = folder_of_results(found, output, WRITABLE)
    else:
        if output is not None and output != STREAM and not is_folder(output):
            check_suffix(output.suffix, str(output))
        _check_stdout((source == STREAM and output is None) or output == STREAM, as_json)
    ahead = None
    if not (batch or several or source == STREAM) and is_file(source):
        ahead = PictureAhead(source)
    from nst_rt.stylizer import Stylizer  # loads ONNX Runtime, beside the decoding

    few = not batch or len(found) <= physical_cores()  # the last ones would leave cores idle
    load = partial(
        Stylizer.load,
        device=device,
        precision=precision,
        strength=strength,
        color=color,
        threads=threads,
        in_flight=1 if few and in_flight is None else in_flight,
        frames=len(found) * len(chosen),
    )
    results: list[_Result] = []
    described: list[dict[str, Any]] = []
    with signals_interrupt(), ExitStack() as opened:
        styles = open_styles(
            chosen, opened, load, model, strength=strength, color=color, size=size, precision=precision
        )
        if batch:
            found, left = without_results(found, tags_of_results(styles))
            if left:
                left_out = f"{len(left)} left out as results of earlier runs, {left[0].path} first"
                say(f"note: {left_out}; name one to stylise it")
        if folder is not None:
            plans = [plan_batch(found, folder, suffix, WRITABLE, tag=one.tag if several else "") for one in styles]
        else:  # of several styles one that is there already stops no other: `_Run` looks too
            plans = [
                [plan_one(source, output, one.tag, suffix, WRITABLE, overwrite=overwrite or several)] for one in styles
            ]
        for one, jobs in zip(styles, plans, strict=True):
            stylize = one.begin(opened, load)
            in_its_colors = partial(_in_its_colors, one.controls, stylize)
            run = _Run(
                in_its_colors, size, suffix or ".png", quality, ahead, overwrite=overwrite, batch=batch or several
            )
            if not few or in_flight is not None:
                run.side_by_side(in_flight or physical_cores(), stylize.in_flight)
            made = run.all(jobs)
            described.append(one.controls.described(stylize))
            if not batch:
                _tell(made[0], described[-1])
            results += made
    errors = [result.error for result in results if result.error is not None]
    if as_json:
        told: dict[str, Any] = {"pictures": [result.to_json() for result in results]}
        told |= {"stylizers": described} if several else {"stylizer": described[0]}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    if errors and not batch and not several:
        raise errors[0]
    if batch:
        say(f"{len(results) - len(errors)} of {len(results)} pictures written to {folder}")
    if errors:
        raise typer.Exit(2 if len(errors) == len(results) else 1)


def _in_its_colors(
    controls: "Controls", stylize: "Stylizer | MaskedStylizer", bgr: "NDArray[np.uint8]"
) -> "Callable[[], NDArray[np.uint8]]":
    controls.match_colors(stylize, None, bgr)
    return stylize.prepare(bgr)


def _tell(result: "_Result", stylizer: dict[str, Any]) -> None:
    """One line for a picture that was written to a file; what goes to stdout needs none."""
    from nst_rt.cli.picture_jobs import STREAM

    if result.error is None and result.job.target != STREAM and result.size and result.milliseconds is not None:
        width, height = result.size
        device = stylizer.get("device", "an unknown device")
        say(f"{result.job.target}: {width}x{height} px in {result.milliseconds / 1000:.3f} s on {device}")


def _check_stdout(wanted: bool, as_json: bool) -> None:
    if not wanted:
        return
    if as_json:
        raise OutputError("--json and a picture cannot both go to stdout. Give -o FILE")
    if sys.stdout.isatty():
        raise OutputError("a picture does not go to a terminal. Give -o FILE or send stdout to a file")


@dataclass
class _Result:
    """What became of one picture."""

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
    """Keep an error of stylising with its picture."""
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
    """Reads, stylises and writes pictures, of several the three at once; an error stays with its picture."""

    def __init__(
        self,
        prepare: "Prepare",
        size: int | None,
        stream_suffix: str,
        quality: int,
        ahead: "PictureAhead | None",
        *,
        overwrite: bool,
        batch: bool,
    ) -> None:
        self._prepare, self._size, self._stream_suffix = prepare, size, stream_suffix
        self._quality, self._ahead = quality, ahead
        self._overwrite, self._batch = overwrite, batch
        self._number = 1
        self._at_once: Callable[[int, int], int]

    def side_by_side(self, number: int, at_once: "Callable[[int, int], int]") -> None:
        """Stylise up to `number` pictures at once, and of a size no more than `at_once(height, width)`."""
        self._number, self._at_once = number, at_once

    def all(self, jobs: "Sequence[Job]") -> list[_Result]:
        from contextlib import nullcontext

        from nst_rt.cli.progress import progress_bar

        results: list[_Result] = []
        with progress_bar(len(jobs), "pictures") if len(jobs) > 1 else nullcontext(lambda: None) as advance:

            def deliver(made: "Made") -> None:
                result, picture = made
                if picture is not None:
                    self._write(result, picture)
                for notice in result.notices:
                    say(f"note: {notice}")
                if result.error is not None and self._batch:
                    say(f"nst-rt: error: {' '.join(str(result.error).split())}")
                results.append(result)
                advance()

            if self._batch:
                from nst_rt.overlap import overlapped_in_flight

                overlapped_in_flight(self._read_all(jobs), self._begin, deliver, self._number, depth=2)
            else:
                # Nothing left to overlap, and a pipe may keep its reader waiting for ever: only a read in the main
                # thread is ended by a signal.
                for read in self._read_all(jobs):
                    deliver(self._begin(read)())
        return results

    def _read_all(self, jobs: "Sequence[Job]") -> "Generator[Made, None, None]":
        from nst_rt.cli.picture_jobs import STREAM
        from nst_rt.naming import check_not_taken
        from nst_rt.sources.picture import read_picture

        for job in jobs:
            result, picture = _Result(job), None
            try:
                if job.target != STREAM:
                    check_not_taken(job.target, [job.source], overwrite=self._overwrite)
                if self._ahead is not None:
                    picture = self._ahead.picture()
                elif job.source == STREAM:
                    picture = read_picture(sys.stdin.buffer.read(), "stdin")
                else:
                    picture = read_picture(job.source)
                if self._size is not None:
                    picture = picture.shrunk(self._size)
            except NstError as error:
                result.error, picture = error, None
            yield result, picture

    def _begin(self, read: "Made") -> "Callable[[], Made]":
        """What is left to do for a picture; one that is too large for company is done when this returns."""
        result, picture = read
        if picture is None:
            return lambda: read
        result.size = picture.size
        with _blamed(result):
            started = time.perf_counter()
            make = self._prepare(picture.bgr)
            work = partial(self._work, result, picture, make, time.perf_counter() - started)
            if self._number > 1 and self._at_once(*picture.bgr.shape[:2]) == 1:
                made = work()
                return lambda: made
            return work
        return lambda: (result, None)

    def _work(
        self, result: _Result, picture: "Picture", make: "Callable[[], NDArray[np.uint8]]", before: float
    ) -> "Made":
        from dataclasses import replace

        with _blamed(result):
            started = time.perf_counter()
            picture = replace(picture, bgr=make())
            result.milliseconds = round((before + time.perf_counter() - started) * 1000, 2)
            return result, picture
        return result, None

    def _write(self, result: _Result, picture: "Picture") -> None:
        from nst_rt.cli.picture_jobs import STREAM
        from nst_rt.sinks.picture import encode_picture, write_picture

        target, bgr, alpha = result.job.target, picture.bgr, picture.alpha
        try:
            if target == STREAM:
                data, result.notices = encode_picture(
                    self._stream_suffix, bgr, alpha, quality=self._quality, profile=picture.profile, name="stdout"
                )
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            else:
                if self._batch:
                    target.parent.mkdir(parents=True, exist_ok=True)
                result.notices = write_picture(target, bgr, alpha, quality=self._quality, profile=picture.profile)
        except NstError as error:
            result.error = error
        except BrokenPipeError:
            raise
        except OSError as error:
            result.error = OutputError(f"{target}: cannot be written ({error.strerror}). Write elsewhere")
