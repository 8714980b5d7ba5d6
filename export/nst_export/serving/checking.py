"""Style vectors to run a model with, to check that another form of it computes the same."""

import numpy as np
from nst_rt.contract import ModelRecord
from nst_rt.models.catalog import ModelFiles
from nst_rt.styles.library import load_styles
from numpy.typing import NDArray

Vectors = dict[str, NDArray[np.float32]]


def named_vectors(files: ModelFiles, record: ModelRecord) -> Vectors:
    """The style vectors (S,) of a model by name, with the user's own styles.

    Raises:
        StyleError: the styles file beside the model is malformed.
    """
    if not record.style_size:
        return {}
    return {name: style.vector for name, style in load_styles(files, record.style_size, record.source_sha256).items()}


def two_vectors(record: ModelRecord, named: Vectors) -> list[NDArray[np.float32]]:
    """Two different style vectors (S,), named ones if there are any; none for a style that is baked in."""
    if not record.style_size:
        return []
    random = np.random.default_rng(0)
    made = [random.uniform(0.2, 1.5, record.style_size).astype(np.float32) for _ in range(2)]
    return [*named.values(), *made][:2]
