"""`nst-rt image`: pictures, folders of pictures, or a picture through a pipe."""

import json
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
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
    JsonOption,
    MaskOption,
    MatchColorsOption,
    ModelOption,
    OutsideOption,
    PrecisionOption,
    RegionsOption,
    StrengthOption,
    StyleOption,
    ThreadsOption,
)
from nst_rt.errors import InputError, NstError, OutputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nst_rt.cli.picture_jobs import Job
    from nst_rt.sources.picture import Picture

    Stylize = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


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
            help="For several pictures a folder, made if missing; for one also a file, or - for stdout. "
            "Left out: photo.STYLE.jpg beside photo.jpg.",
        ),
    ] = None,
    style: StyleOption = None,
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
    as_json: JsonOption = False,
) -> None:
    """Stylise pictures; each keeps its size (unless --size), its transparency and its colour profile.

    Results are 8 bits a channel and upright. Of several, a picture that fails is reported; the rest go on (exit 1).
    """
    from nst_rt.cli.controls import read_controls
    from nst_rt.cli.picture_jobs import STREAM, find_pictures, is_batch, plan_batch, plan_one
    from nst_rt.cli.termination import signals_interrupt
    from nst_rt.naming import is_folder
    from nst_rt.sinks.picture import SUFFIXES as WRITABLE
    from nst_rt.sinks.picture import check_suffix
    from nst_rt.sources.picture import SUFFIXES as READABLE
    from nst_rt.stylizer import Stylizer

    controls = read_controls(
        style, mask=mask, outside=outside, regions=regions, feather=feather, match_colors=match_colors
    )
    suffix = f".{format.lower().lstrip('.')}" if format else None
    if suffix:
        check_suffix(suffix, "--format")
    found = find_pictures(inputs, recursive=recursive, suffixes=READABLE, avoid=output)
    batch = is_batch(inputs, found)
    if batch:
        jobs = plan_batch(found, output, suffix, WRITABLE)
    else:
        source = found[0].path
        if output is not None and output != STREAM and not is_folder(output):
            check_suffix(output.suffix, str(output))
        _check_stdout((source == STREAM and output is None) or output == STREAM, as_json)
        # The first look at the result's name must not wait for the network; the style is not known before it.
        if output is not None:
            plan_one(source, output, "", suffix, WRITABLE, overwrite=overwrite)
    load = partial(Stylizer.load, device=device, precision=precision, strength=strength, color=color, threads=threads)
    with signals_interrupt(), ExitStack() as opened, controls.load(load, model) as stylizer:
        stylize = controls.masked(stylizer, opened, load)
        if not batch:
            tag = controls.tag(stylizer.style or str(stylizer.describe().get("model", "")))
            jobs = [plan_one(source, output, tag, suffix, WRITABLE, overwrite=overwrite)]

        def in_its_colors(bgr: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
            controls.match_colors(stylize, None, bgr)
            return stylize(bgr)

        results = _Run(in_its_colors, size, suffix or ".png", quality, overwrite=overwrite, batch=batch).all(jobs)
        described = controls.described(stylize)
    errors = [result.error for result in results if result.error is not None]
    if as_json:
        told = {"pictures": [result.to_json() for result in results], "stylizer": described}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    if errors and not batch:
        raise errors[0]
    if batch:
        say(f"{len(results) - len(errors)} of {len(results)} pictures written to {output}")
    if errors:
        raise typer.Exit(2 if len(errors) == len(results) else 1)


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


class _Run:
    """Reads, stylises and writes pictures, of several the three at once; an error stays with its picture."""

    def __init__(
        self, stylize: "Stylize", size: int | None, stream_suffix: str, quality: int, *, overwrite: bool, batch: bool
    ) -> None:
        self._stylize, self._size, self._stream_suffix = stylize, size, stream_suffix
        self._quality, self._overwrite, self._batch = quality, overwrite, batch

    def all(self, jobs: "Sequence[Job]") -> list[_Result]:
        from contextlib import nullcontext

        from nst_rt.cli.progress import progress_bar
        from nst_rt.overlap import overlapped

        results: list[_Result] = []
        with progress_bar(len(jobs), "pictures") if self._batch else nullcontext(lambda: None) as advance:

            def deliver(made: "tuple[_Result, Picture | None]") -> None:
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
                overlapped(self._read_all(jobs), self._work, deliver, depth=2)
            else:
                # Nothing to overlap, and a pipe may keep its reader waiting for ever: only a read in the main thread
                # is ended by a signal.
                for read in self._read_all(jobs):
                    deliver(self._work(read))
        return results

    def _read_all(self, jobs: "Sequence[Job]") -> "Generator[tuple[_Result, Picture | None], None, None]":
        from nst_rt.cli.picture_jobs import STREAM
        from nst_rt.naming import check_not_taken
        from nst_rt.sources.picture import read_picture

        for job in jobs:
            result, picture = _Result(job), None
            try:
                if job.target != STREAM:
                    check_not_taken(job.target, [job.source], overwrite=self._overwrite)
                data = sys.stdin.buffer.read() if job.source == STREAM else job.source
                picture = read_picture(data, "stdin" if job.source == STREAM else None)
                if self._size is not None:
                    picture = picture.shrunk(self._size)
            except NstError as error:
                result.error, picture = error, None
            yield result, picture

    def _work(self, read: "tuple[_Result, Picture | None]") -> "tuple[_Result, Picture | None]":
        from dataclasses import replace

        result, picture = read
        if picture is None:
            return read
        result.size = picture.size
        started = time.perf_counter()
        try:
            picture = replace(picture, bgr=self._stylize(picture.bgr))
        except NstError as error:
            result.error = type(error)(f"{result.job.source}: {error}")
            return result, None
        except MemoryError:
            width, height = result.size
            result.error = InputError(
                f"{result.job.source}: {width}x{height} px do not fit into memory. Use --size, 2048 for instance"
            )
            return result, None
        result.milliseconds = round((time.perf_counter() - started) * 1000, 2)
        return result, picture

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
