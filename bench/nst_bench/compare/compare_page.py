"""The comparison as one HTML file that needs no other file: small images are embedded in it."""

import base64
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from nst_rt.contract import Frame
from nst_rt.errors import DependencyError, install_line
from nst_rt.media.images.contact_sheet import fitted
from nst_rt.media.images.image_reader import read_image
from nst_rt.media.images.image_writer import encode_image

from nst_bench.compare.compare_report import COLUMNS, INTERRUPTED, CompareReport, duration
from nst_bench.compare.method_runs import IMAGES, Outcome
from nst_bench.harness.markdown import percent

try:
    import jinja2
except ImportError as error:
    raise DependencyError(f"the HTML report needs Jinja2: {install_line('bench')}") from error

SIDE, QUALITY = 560, 82
"""Of an embedded image: its long side at most, in pixels, and the quality of its JPEG."""


def html_page(report: CompareReport, folder: Path) -> str:
    """The page; every text in it is escaped.

    Args:
        folder: of the report, with the images.
    """
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("nst_bench.compare", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    setting, (width, height) = report.setting, report.size
    figures = [
        _figure("the photograph", f"{width}x{height} px", setting.photograph.bgr),
        _figure("the painting", setting.painting.path.name, setting.painting.bgr),
        *(_method_figure(report, one, folder) for one in report.outcomes),
    ]
    paragraphs = MarkdownIt("commonmark", {"html": False})  # which escapes HTML in the text
    return templates.get_template("compare.html.j2").render(
        title=report.title,
        methods=len(report.outcomes),
        interrupted=INTERRUPTED if report.interrupted else "",
        figures=figures,
        columns=[{"name": name.removesuffix(" >"), "number": name.endswith(" >")} for name in COLUMNS],
        rows=report.rows(),
        method="".join(paragraphs.render(text) for text in report.method_lines()),
    )


def _method_figure(report: CompareReport, outcome: Outcome, folder: Path) -> dict[str, Any]:
    title = outcome.method.title
    if outcome.loss is None:
        return {"title": title, "text": outcome.heading, "reason": outcome.reason}
    figures, closed = outcome.figures, report.closed(outcome)
    style = f"style {percent(closed)} closed" if closed >= 0 else "style farther from the painting than the photograph"
    text = (
        f"{duration(figures['image_seconds'])}, {figures['peak_mb']:.0f} MB, {style}, "
        f"content loss {outcome.loss.content:.2f}"
    )
    image = read_image(folder / IMAGES / f"{outcome.method.key}.png").bgr
    return {**_figure(title, text, image), "bar": f"{100 * min(1.0, max(0.0, closed)):.1f}"}


def _figure(title: str, text: str, bgr: Frame) -> dict[str, Any]:
    data, _ = encode_image(".jpg", fitted(bgr, SIDE), quality=QUALITY)
    return {"title": title, "text": text, "jpeg": base64.b64encode(data).decode()}
