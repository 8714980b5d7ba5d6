"""`NAME.styles.json`: the named vectors that travel beside a model, as the runtime and C++ programs read them."""

import json
from collections.abc import Mapping
from pathlib import Path

from nst_rt.sinks.atomic import replacing
from torch import Tensor

DIGITS = 6
"""Significant digits of a number: float32 holds seven, and a picture shows four."""


def write_styles(
    path: Path, styles: Mapping[str, Tensor], records: Mapping[str, Mapping[str, str]], training: str
) -> None:
    """Write vectors (S,) by name, with title, artist, year and license of the painting where they are known.

    Raises:
        OutputError: the file cannot be written.
    """
    entries = [
        {
            "name": name,
            **{key: text for key, text in records.get(name, {}).items() if text},
            "training": training,
            "vector": [float(f"{value:.{DIGITS}g}") for value in vector.reshape(-1).tolist()],
        }
        for name, vector in styles.items()
    ]
    # A style a line: differences between two versions stay readable.
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    with replacing(path) as temporary:
        temporary.write_text(f'{{"styles":[\n{lines}\n]}}\n', encoding="utf-8")
