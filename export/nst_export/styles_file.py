"""`NAME.styles.json`: the named vectors that travel beside a model, as the runtime and C++ programs read them."""

import json
from collections.abc import Mapping

from torch import Tensor

DIGITS = 6
"""Significant digits of a number: float32 holds seven, and a picture shows four."""


def styles_text(
    styles: Mapping[str, Tensor],
    records: Mapping[str, Mapping[str, str]],
    training: str,
    source_sha256: str = "",
) -> str:
    """The file's text.

    Args:
        styles: vectors (S,) by name.
        records: title, artist, year and license of the paintings, where they are known.
        training: how the vectors came about, in words.
        source_sha256: as in the record of the model that the vectors belong to.
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
    return f'{{"source_sha256":{json.dumps(source_sha256)},"styles":[\n{lines}\n]}}\n'
