"""What it looks like: a row a style, the painting and a photograph, then what each contender makes of them."""

from collections.abc import Callable, Sequence

import numpy as np
from nst_rt.contract import Frame
from nst_rt.media.images.contact_sheet import Cell, contact_sheet
from nst_rt.stylizer.stylizer import Stylizer
from nst_train.data.images import as_rgb

from nst_bench.quality.contenders import Contender, Rendition
from nst_bench.quality.images import Group, Painting, Photograph, spread
from nst_bench.quality.reference import Reference

SIDE, GAP = 200, 6

Load = Callable[[Contender, Rendition], Stylizer]


def draw_sheet(
    rows: Sequence[tuple[Painting, Photograph]],
    contenders: Sequence[Contender],
    load: Load,
    reference: Reference | None,
) -> Frame:
    """A sheet uint8 (H, W, 3) BGR; a row leaves out the contenders that do not render its painting.

    Args:
        rows: a painting and the photograph that shows it.
        load: gives a contender's stylizer, set to a style.
        reference: its image ends a row, where the pair was optimised.
    """
    cells = [
        [Cell(as_rgb(painting.rgb[..., ::-1]), painting.name), Cell(photograph.bgr, "photograph")]
        for painting, photograph in rows
    ]
    for contender in contenders:  # contender by contender, since one network is open at once
        by_path = {rendition.painting.path: rendition for rendition in contender.renditions}
        for row, (painting, photograph) in zip(cells, rows, strict=True):
            if rendition := by_path.get(painting.path):
                row.append(Cell(load(contender, rendition)(photograph.bgr), contender.name))
    for row, (painting, photograph) in zip(cells, rows, strict=True):
        if reference is not None and (image := reference.image(painting, photograph)) is not None:
            row.append(Cell(as_rgb(image[..., ::-1]), "optimised"))
    columns = max(map(len, cells))
    blank = Cell(np.full((8, 8, 3), 250, np.uint8), "")
    filled = [cell for row in cells for cell in [*row, *[blank] * (columns - len(row))]]
    return contact_sheet(filled, columns=columns, side=SIDE, gap=GAP)


def sheet_rows(
    paintings: Sequence[Painting],
    group: Group,
    photographs: Sequence[Photograph],
    pairs: dict[Painting, int],
    most: int,
) -> list[tuple[Painting, Photograph]]:
    """At most `most` paintings of a group, evenly chosen, each with the photograph of its first pair or one in turn."""
    chosen = spread([painting for painting in paintings if painting.group == group], most)
    return [
        (painting, photographs[pairs.get(painting, number * 7 % len(photographs))])
        for number, painting in enumerate(chosen)
    ]
