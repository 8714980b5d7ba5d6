"""Stylising images: one, many, a folder; in one style or in several."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nst_rt.engine import cpu_cores
from nst_rt.errors import NstError
from nst_rt.files.paths import is_folder
from nst_rt.jobs.image_paths import (
    STREAM,
    ImageTask,
    find_images,
    folder_of_results,
    is_batch,
    plan_batch,
    plan_one,
    without_results,
)
from nst_rt.jobs.image_stages import ImageResult, ImageSettings, ImageStages
from nst_rt.jobs.opened_style import OpenedStyle, open_styles
from nst_rt.jobs.progress import ProgressCallback, ProgressCounter, Report, silent
from nst_rt.jobs.result_names import distinct_tags, names_of_results
from nst_rt.jobs.style_request import StyleRequest
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.media.images.image_reader import SUFFIXES as READABLE
from nst_rt.media.images.image_writer import SUFFIXES as WRITABLE
from nst_rt.media.images.image_writer import check_suffix

OnResult = Callable[[ImageResult], None]


@dataclass(frozen=True)
class ImagesSummary:
    """What became of all images.

    Examples:
        >>> summary = stylize_images(["photo.jpg"], options=StylizerOptions(style="gogh", device="cpu"))
        >>> len(summary.images)
        1
    """

    images: list[ImageResult]
    """Style by style, in the order of the images."""
    stylizers: list[dict[str, Any]]
    """What ran, one for each style, see `Stylizer.describe`."""

    @property
    def errors(self) -> list[NstError]:
        """Of the images that failed."""
        return [image.error for image in self.images if image.error is not None]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        images = [image.to_json() for image in self.images]
        if len(self.stylizers) > 1:
            return {"images": images, "stylizers": self.stylizers}
        return {"images": images, "stylizer": self.stylizers[0]}


class ImageJob:
    """Images to stylise, found and named; nothing is loaded yet.

    Args:
        inputs: files, folders, globs, or `-` for stdin.
        output: for several images or styles a folder, made if missing; for one a file, a folder with a / at its end, or
            `-` for stdout. Left out: photo.STYLE.jpg beside photo.jpg.
        options: with `styles`, the style in them does not count.
        styles: for a result in each; `options.style` alone if left out.
        size: scale down to at most this many pixels on the long side.
        format: `png`, `jpg` ... where `output` names no file; the image's own if left out.
        quality: of JPEG and WebP, from 1 to 100.
        recursive: look into folders within folders.
        overwrite: replace files that exist.

    Raises:
        InputError: an image is missing.
        OutputError: there is no place for the results.
        StyleError: the options do not fit together.
    """

    def __init__(
        self,
        inputs: Sequence[str | Path],
        output: str | Path | None = None,
        options: StylizerOptions | None = None,
        *,
        styles: Sequence[str] = (),
        size: int | None = None,
        format: str | None = None,
        quality: int = 95,
        recursive: bool = False,
        overwrite: bool = False,
    ) -> None:
        options = options or StylizerOptions()
        each = [replace(options, style=style) for style in dict.fromkeys(styles)] or [options]
        self._requests = [StyleRequest.read(one) for one in each]
        self._also_read = [path for one in self._requests for path in one.files()]
        self._suffix = f".{format.lower().lstrip('.')}" if format else None
        if self._suffix:
            check_suffix(self._suffix, "format")
        # A path forgets the slash that makes a name a folder's.
        self._output = Path(output) if output is not None else None
        self._as_folder = str(output).endswith(("/", os.sep)) if output is not None else False
        names = [str(one) for one in inputs]
        self._found = find_images(names, recursive=recursive, suffixes=READABLE, avoid=self._output)
        self._batch = is_batch(names, self._found)
        self.folder = self._folder_of_results()
        """That several results go to; None where there is none."""
        several = self._batch or len(each) > 1
        self._settings = ImageSettings(
            size=size,
            stream_suffix=self._suffix or ".png",
            quality=quality,
            overwrite=overwrite,
            make_folders=several or self._as_folder,
            also_read=self._also_read,
        )

    @property
    def has_one_result(self) -> bool:
        """One image in one style, and no folder or glob that may hold more the next time."""
        return not self._batch and len(self._requests) == 1

    @property
    def has_one_image(self) -> bool:
        """One image, maybe in several styles."""
        return not self._batch

    @property
    def writes_to_stdout(self) -> bool:
        """The image goes to stdout."""
        source = self._found[0].path
        return self.folder is None and (self._output or source) == STREAM

    def run(
        self,
        *,
        progress: ProgressCallback | None = None,
        report: Report = silent,
        on_result: OnResult | None = None,
    ) -> ImagesSummary:
        """Stylise the images; one that fails does not stop the others.

        Args:
            report: called with notices about all of them.
            on_result: called with each result.

        Raises:
            NstError: a model or a style cannot be opened.
        """
        # With fewer images than cores the last ones would leave cores idle.
        few = not self._batch or len(self._found) <= cpu_cores.physical_cores()
        side_by_side = not few or self._requests[0].options.in_flight is not None
        requests = self._requests
        if not side_by_side:
            requests = [replace(one, options=replace(one.options, in_flight=1)) for one in requests]
        results: list[ImageResult] = []
        stylizers: list[dict[str, Any]] = []
        with ExitStack() as opened:
            styles = open_styles(requests, opened, frames=len(self._found) * len(requests))
            plans = self._plans(styles, report)
            counter = ProgressCounter(progress, sum(map(len, plans)), "images")

            def keep(result: ImageResult) -> None:
                results.append(result)
                if on_result is not None:
                    on_result(result)
                counter.advance()

            for style, tasks in zip(styles, plans, strict=True):
                style.select()
                stages = ImageStages(style, self._settings, side_by_side=side_by_side, on_result=keep)
                if self.has_one_result:
                    stages.run_one(tasks[0])
                else:
                    stages.run_all(tasks)
                stylizers.append(style.describe())
        return ImagesSummary(results, stylizers)

    def _folder_of_results(self) -> Path | None:
        given, several = self._output, len(self._requests) > 1
        if self._batch or (several and (given is not None or self._found[0].path == STREAM)):
            return folder_of_results(self._found, given, WRITABLE)
        if given is not None and given != STREAM and not self._as_folder and not is_folder(given):
            check_suffix(given.suffix, str(given))
        return None

    def _plans(self, styles: Sequence[OpenedStyle], report: Report) -> list[list[ImageTask]]:
        """The tasks of every style."""
        tags, found = distinct_tags(styles, size=self._settings.size), self._found
        if self._batch:
            found, left = without_results(found, names_of_results(styles))
            if left:
                left_out = f"{len(left)} left out as results of earlier runs, {left[0].path} first"
                report(f"note: {left_out}; name one to stylise it")
        if self.folder is not None:
            several = len(styles) > 1
            return [plan_batch(found, self.folder, self._suffix, WRITABLE, tag=tag if several else "") for tag in tags]
        # Whether a result exists is checked once everything else was found to be right, by `ImageStages`.
        return [
            [
                plan_one(
                    found[0].path,
                    self._output,
                    tag,
                    self._suffix,
                    WRITABLE,
                    folder=self._as_folder,
                    inputs=self._also_read,
                    overwrite=True,
                )
            ]
            for tag in tags
        ]


def stylize_images(
    inputs: Sequence[str | Path],
    output: str | Path | None = None,
    options: StylizerOptions | None = None,
    *,
    styles: Sequence[str] = (),
    size: int | None = None,
    format: str | None = None,
    quality: int = 95,
    recursive: bool = False,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
    report: Report = silent,
    on_result: OnResult | None = None,
) -> ImagesSummary:
    """Stylise images; each keeps its size, its transparency and its colour profile.

    An image that fails has its error in its result, and the others go on.

    Args:
        inputs, output, options, styles, size, format, quality, recursive, overwrite: see `ImageJob`.
        progress, report, on_result: see `ImageJob.run`.

    Raises:
        NstError: an image is missing, there is no place for the results, or a style cannot be opened.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import cv2, numpy
        >>> with TemporaryDirectory() as folder:
        ...     photo = Path(folder) / "photo.png"
        ...     cv2.imwrite(str(photo), numpy.full((48, 64, 3), 128, numpy.uint8))
        ...     summary = stylize_images([photo], options=StylizerOptions(style="gogh", device="cpu"))
        ...     summary.images[0].target.name
        True
        'photo.gogh.png'
    """
    job = ImageJob(
        inputs,
        output,
        options,
        styles=styles,
        size=size,
        format=format,
        quality=quality,
        recursive=recursive,
        overwrite=overwrite,
    )
    return job.run(progress=progress, report=report, on_result=on_result)
