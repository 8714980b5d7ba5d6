"""The sheet: photograph, painting, and what every method made of them."""

from pathlib import Path

from nst_rt.contract import Frame
from nst_rt.jobs.grid.drawing import notice
from nst_rt.media.images.contact_sheet import Cell, contact_sheet
from nst_rt.media.images.image_reader import read_image
from nst_train.data.images import as_rgb

from nst_bench.compare.compare_report import duration
from nst_bench.compare.compare_run import IMAGES, Outcome, Setting


def draw_sheet(setting: Setting, outcomes: list[Outcome], folder: Path, *, side: int) -> Frame:
    """A sheet uint8 (H, W, 3) BGR; a method without an image has a grey one that says why.

    Args:
        folder: of the report.
        side: of an image at most, in pixels.
    """
    cells = [
        Cell(setting.photograph.bgr, "photograph"),
        Cell(as_rgb(setting.painting.rgb[..., ::-1]), "painting"),
    ]
    for one in outcomes:
        if one.painted:
            image = read_image(folder / IMAGES / f"{one.method.key}.png").bgr
            cells.append(Cell(image, f"{one.method.label}: {duration(one.figures['image_seconds'])}"))
        else:
            cells.append(Cell(notice(one.why_not, side), one.method.label))
    return contact_sheet(cells, side=side)
