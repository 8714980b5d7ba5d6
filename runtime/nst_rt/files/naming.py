"""Names of results: which style made them, and that they take nobody's place unasked."""

import re
from collections.abc import Iterable
from pathlib import Path

from nst_rt.errors import OutputError
from nst_rt.files.paths import exists, is_file


def style_tag(style: str) -> str:
    """A style as a part of a file name: `gogh`, `gogh-0.7+wave-0.3`, or a painting's name without folder and suffix."""
    if "/" in style or "\\" in style or is_file(Path(style)):
        style = Path(style.replace("\\", "/")).stem
    return re.sub(r"[^\w.+-]+", "-", style).strip("-.")[:60] or "stylized"


def check_not_taken(output: Path, inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Raise OutputError if `output` exists and may not be replaced.

    Args:
        inputs: are never replaced, whatever path or link leads to them.
        overwrite: any other file may be.
    """
    if not exists(output):
        return
    if any(exists(source) and output.samefile(source) for source in inputs):
        raise OutputError(
            f"{output}: is the input itself, which is never replaced. Give another output", parameter="output"
        )
    if not overwrite:
        raise OutputError(f"{output}: exists already. Give another output, or overwrite it", parameter="overwrite")
