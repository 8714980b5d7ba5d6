"""Contact sheets: a row for each style, with the painting, a photograph, and the photograph by each contender."""

from collections.abc import Mapping, Sequence

from nst_rt.contract import Frame
from nst_rt.media.images.contact_sheet import Cell

from nst_bench.harness.documents import draw_rows
from nst_bench.harness.inputs import Group, Painting, Photograph, reversed_channels, spread
from nst_bench.quality.contenders import Contender, ContenderLoader
from nst_bench.quality.reference import Reference

SIDE, GAP = 200, 6


def draw_sheet(
    rows: Sequence[tuple[Painting, Photograph]],
    contenders: Sequence[Contender],
    loader: ContenderLoader,
    reference: Reference | None,
) -> Frame:
    """A sheet uint8 (H, W, 3) BGR; a row leaves out the contenders that do not render its painting.

    Args:
        rows: a painting, and the photograph that shows it.
        reference: its image ends a row if the pair was optimised.
    """
    cells = [[Cell(painting.bgr, painting.name), Cell(photograph.bgr, "photograph")] for painting, photograph in rows]
    for contender in contenders:  # contender by contender, because only one is open at a time
        by_path = {rendition.painting.path: rendition for rendition in contender.renditions}
        for row, (painting, photograph) in zip(cells, rows, strict=True):
            if rendition := by_path.get(painting.path):
                row.append(Cell(loader.load(contender, rendition)(photograph.bgr), contender.name))
    for row, (painting, photograph) in zip(cells, rows, strict=True):
        if reference is not None and (image := reference.image(painting, photograph)) is not None:
            row.append(Cell(reversed_channels(image), "optimised"))
    return draw_rows(cells, side=SIDE, gap=GAP)


def sheet_rows(
    paintings: Sequence[Painting],
    group: Group,
    photographs: Sequence[Photograph],
    pairs: Mapping[Painting, int],
    most: int,
) -> list[tuple[Painting, Photograph]]:
    """At most `most` paintings of a group, evenly spaced, each with the photograph of its first pair or another one."""
    chosen = spread([painting for painting in paintings if painting.group == group], most)
    return [
        (painting, photographs[pairs.get(painting, number * 7 % len(photographs))])
        for number, painting in enumerate(chosen)
    ]
