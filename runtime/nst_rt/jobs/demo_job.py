"""A contact sheet: one image in every style."""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_rt.contract import Frame
from nst_rt.errors import ModelError, StyleError
from nst_rt.files.atomic import refuse_unwritable
from nst_rt.files.naming import check_not_taken
from nst_rt.jobs.progress import ProgressCallback, ProgressCounter
from nst_rt.jobs.result_names import SHEET_TAG
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.media.images.contact_sheet import Cell, contact_sheet
from nst_rt.media.images.image_reader import read_image
from nst_rt.media.images.image_writer import check_suffix, write_image
from nst_rt.media.images.sample_image import landscape
from nst_rt.models.catalog import BUILT_IN, find_model, list_models
from nst_rt.styles.library import unknown_style
from nst_rt.stylizer.stylizer import Stylizer

log = logging.getLogger("nst_rt")


@dataclass(frozen=True)
class DemoSummary:
    """A contact sheet that was made."""

    output: Path
    styles: list[str]
    """On the sheet, in their order."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"output": str(self.output), "styles": self.styles, "seconds": round(self.seconds, 3)}


def make_demo(
    photo: Path | None = None,
    output: Path | None = None,
    options: StylizerOptions | None = None,
    *,
    styles: Sequence[str] = (),
    size: int = 720,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> DemoSummary:
    """Make a contact sheet of an image in every available style.

    A model or style that cannot be read is logged and left out, unless it was asked for.

    Args:
        photo: a photograph; a drawn landscape if left out.
        output: photo.styles.jpg beside photo.jpg, or nst-rt-styles.jpg, if left out.
        options: model, device, precision and threads count.
        styles: these alone.
        size: long side at which the photograph is stylised, in pixels.

    Raises:
        NstError: the photograph, a model or a style is missing, or there is no place for the sheet.

    Examples:
        >>> options = StylizerOptions(device="cpu")
        >>> summary = make_demo(output=Path("demo.png"), options=options, styles=["gogh"], size=64)
    """
    options = options or StylizerOptions()
    if output is None:
        output = photo.with_name(f"{photo.stem}.{SHEET_TAG}.jpg") if photo else Path(f"nst-rt-{SHEET_TAG}.jpg")
    check_suffix(output.suffix, str(output))
    refuse_unwritable(output)
    check_not_taken(output, [photo] if photo else [], overwrite=overwrite)
    image = read_image(photo).shrunk(size).bgr if photo else landscape(size, size * 2 // 3)
    started = time.perf_counter()
    with ExitStack() as opened:
        stylizers = _open_all(options, opened)
        known = [name for stylizer in stylizers for name in stylizer.styles]
        if missing := [name for name in styles if name not in known]:
            raise unknown_style(missing[0], known)
        if not known:
            raise StyleError(
                f"{options.model or 'the model'} comes without named styles, so there is nothing to show. Take another "
                "model, or stylise the photograph with a painting as the style",
                parameter="model",
            )
        counter = ProgressCounter(progress, len(styles or known), "images")
        cells: list[Cell] = []
        for stylizer in stylizers:
            for name in stylizer.styles:
                if not styles or name in styles:
                    cells += _painted(stylizer, name, image, wanted=bool(styles))
                    counter.advance()
            stylizer.close()
    write_image(output, contact_sheet([Cell(image, "original"), *cells]))
    return DemoSummary(output, [cell.label for cell in cells], time.perf_counter() - started)


def _painted(stylizer: Stylizer, style: str, image: Frame, *, wanted: bool) -> list[Cell]:
    """The image in a style; none if the style cannot be used and was not asked for."""
    try:
        stylizer.style = style
    except StyleError as error:
        if wanted:
            raise
        log.warning("%s; left out", error)
        return []
    return [Cell(stylizer(image), style)]


def _open_all(options: StylizerOptions, opened: ExitStack) -> list[Stylizer]:
    """The given model, else all; a file among the user's models that is none is logged and left out."""
    stylizers = []
    for files in [find_model(options.model)] if options.model else list_models():
        try:
            stylizer = Stylizer(files, device=options.device, precision=options.precision, threads=options.threads)
        except (ModelError, StyleError) as error:
            if options.model or files.name == BUILT_IN:
                raise
            log.warning("%s; left out", error)
            continue
        stylizers.append(opened.enter_context(stylizer))
    return stylizers
