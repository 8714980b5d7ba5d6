"""The comparison as one HTML file that needs no other: images are embedded, small."""

import base64
import html
from pathlib import Path

from nst_rt.contract import Frame
from nst_rt.media.images.contact_sheet import fitted
from nst_rt.media.images.image_reader import read_image
from nst_rt.media.images.image_writer import encode_image
from nst_train.data.images import as_rgb

from nst_bench.compare.compare_report import COLUMNS, Report, duration
from nst_bench.compare.compare_run import IMAGES, Outcome
from nst_bench.harness.markdown import percent

SIDE, QUALITY = 560, 82
"""Of an embedded image: its long side at most, in pixels, and JPEG's quality."""

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf8; --ink: #24211d; --faint: #746d64; --line: #e2ddd5; --bar: #c8642b;
  --card: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #191816; --ink: #eae6df; --faint: #a39b90; --line: #37332e;
  --bar: #e08a4f; --card: #211f1c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 84rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .8rem; }
p { max-width: 48rem; }
.faint, figcaption, th { color: var(--faint); }
.images { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr));
  align-items: start; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
figure img { display: block; width: 100%; height: auto; }
figcaption { padding: .55rem .75rem .65rem; font-size: .88rem; }
figcaption b { display: block; color: var(--ink); font-size: .95rem; }
.why { padding: 1.2rem .75rem; border-bottom: 1px solid var(--line); font-size: .9rem; overflow-wrap: anywhere; }
.meter { height: 4px; margin-top: .5rem; border-radius: 2px; background: var(--line); }
.meter i { display: block; height: 100%; border-radius: 2px; background: var(--bar); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; min-width: 100%; }
th, td { padding: .45rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 500; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td:first-child { font-weight: 500; min-width: 11rem; }
td:last-child { min-width: 16rem; }
"""


def html_page(report: Report, folder: Path) -> str:
    """The page.

    Args:
        folder: of the report, with the images.
    """
    setting = report.setting
    width, height = report.size
    shown = [
        _figure(setting.photograph.bgr, "the photograph", f"{width}x{height} px"),
        _figure(as_rgb(setting.painting.rgb[..., ::-1]), "the painting", setting.painting.path.name),
        *(_method(report, one, folder) for one in report.outcomes),
    ]
    note = "<p><b>Interrupted</b>: the same line again makes what is missing.</p>" if report.interrupted else ""
    how = "\n".join(f"<p>{_marked(line)}</p>" for line in report.method_lines())
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(report.title)}</title>
<style>{STYLE}</style>
<h1>{html.escape(report.title)}</h1>
<p class="faint">{len(report.outcomes)} methods on one photograph and one painting. The bar under an image is how much
of the photograph's style loss is gone.</p>
{note}
<div class="images">
{"".join(shown)}</div>
<h2>Figures</h2>
<div class="wide">{_table(report)}</div>
<h2>How it was measured</h2>
{how}
</html>
"""


def _method(report: Report, outcome: Outcome, folder: Path) -> str:
    if outcome.loss is None:
        why = f'<div class="why">{html.escape(outcome.why_not)}</div>'
        state = "failed" if outcome.state == "failed" else "missing"
        return f"<figure>{why}<figcaption><b>{html.escape(outcome.method.title)}</b>{state}</figcaption></figure>\n"
    figures, closed = outcome.figures, report.closed(outcome)
    style = f"style {percent(closed)} closed" if closed >= 0 else "style further off than the photograph's"
    told = (
        f"{duration(figures['image_seconds'])}, {figures['peak_mb']:.0f} MB, {style}, "
        f"content loss {outcome.loss.content:.2f}"
    )
    bar = f'<div class="meter"><i style="width:{100 * min(1.0, max(0.0, closed)):.1f}%"></i></div>'
    image = read_image(folder / IMAGES / f"{outcome.method.key}.png").bgr
    return _figure(image, outcome.method.title, told, bar)


def _figure(bgr: Frame, title: str, text: str, below: str = "") -> str:
    data, _ = encode_image(".jpg", fitted(bgr, SIDE), quality=QUALITY)
    source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    caption = f"<figcaption><b>{html.escape(title)}</b>{html.escape(text)}{below}</figcaption>"
    return f'<figure><img src="{source}" alt="{html.escape(title)}">{caption}</figure>\n'


def _table(report: Report) -> str:
    kinds = [' class="number"' if name.endswith(" >") else "" for name in COLUMNS]
    head = "".join(
        f"<th{kind}>{html.escape(name.removesuffix(' >'))}</th>" for name, kind in zip(COLUMNS, kinds, strict=True)
    )
    rows = "".join(
        f"<tr>{''.join(f'<td{kind}>{html.escape(cell)}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>\n"
        for row in report.rows()
    )
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table>"


def _marked(text: str) -> str:
    """A paragraph of the Markdown as HTML: **bold** and `code` are all that it has."""
    for mark, tag in (("**", "b"), ("`", "code")):
        parts = text.split(mark) if tag == "code" else html.escape(text, quote=False).split(mark)
        text = "".join(f"<{tag}>{part}</{tag}>" if index % 2 else part for index, part in enumerate(parts))
    return text
