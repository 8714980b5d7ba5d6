"""The images of a grid by optimisation."""

from pathlib import Path
from typing import Any

from nst_rt.contract import Frame
from nst_rt.errors import InputError, NstError, StyleError
from nst_rt.files.reading import file_sha256
from nst_rt.jobs.grid.plan import Request
from nst_rt.jobs.optimizing import ImageOptimizer
from nst_rt.styles.blends import Term, is_style_image, parse_blend


class OptimizedMaker:
    """Makes images by an optimiser."""

    def __init__(self, optimizer: ImageOptimizer) -> None:
        self._optimizer = optimizer

    def inputs(self, request: Request) -> dict[str, Any]:
        """What the image depends on beside the photograph and the settings, ready for JSON.

        Raises:
            StyleError: no painting.
            OSError: a file cannot be read.
        """
        paintings = [[file_sha256(Path(term.name)), term.weight] for term in _paintings(request)]
        return {**self._optimizer.inputs, "paintings": paintings}

    def make(self, request: Request, photograph: Frame) -> Frame:
        """An image uint8 (H, W, 3) BGR of the photograph's size.

        Raises:
            NstError: as `ImageOptimizer`.
        """
        paintings = [(Path(term.name), term.weight) for term in _paintings(request)]
        try:
            return self._optimizer(photograph, paintings, request.settings)
        except NstError:
            raise
        except (RuntimeError, MemoryError) as error:  # PyTorch's word for too little memory is a RuntimeError
            raise InputError(
                f"{request.content}: cannot be optimised ({error}). Try a smaller size", parameter="size"
            ) from error

    def close(self) -> None:
        """There is nothing to give back."""


def _paintings(request: Request) -> list[Term]:
    terms = parse_blend(request.style)
    for term in terms:
        if not is_style_image(term.name):
            raise StyleError(
                f"the method optimize takes paintings, and {term.name!r} is none. Name an image file", parameter="style"
            )
    return terms
