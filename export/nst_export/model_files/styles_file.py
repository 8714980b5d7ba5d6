"""The styles of a trained network for `NAME.styles.json`, the file that travels beside a model."""

from collections.abc import Mapping

from nst_rt.contract import ModelRecord
from nst_rt.styles.styles_file import Style
from nst_rt.styles.styles_file import styles_text as text_of
from torch import Tensor

RECORDED = ("title", "artist", "year", "license")
"""What is told of the painting behind a style."""


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
    return text_of(
        [
            Style(
                name,
                vector.detach().float().cpu().numpy(),
                **{key: text for key, text in records.get(name, {}).items() if key in RECORDED},
                training=training,
            )
            for name, vector in styles.items()
        ],
        source_sha256,
    )


def fits(style: Style, record: ModelRecord) -> bool:
    """Whether a style read from a file is of the network that `record` is of; a file that does not say may be."""
    return style.vector.size == record.style_size and style.source_sha256 in ("", record.source_sha256)
