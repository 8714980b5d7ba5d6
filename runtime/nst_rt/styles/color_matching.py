"""A style image in the colours of a photograph, before its style is read (Gatys et al. 2016, arXiv 1606.05897).

A linear map of RGB gives the style image the mean and the covariance of the photograph. Such maps differ by a rotation,
and the paper has two of them: by Cholesky factors, and by square roots, as in image analogies (Hertzmann et al. 2001).
The square roots treat the channels alike, and stay closer to the style image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import Frame
from nst_rt.errors import StyleError

NONE, CHOLESKY, ANALOGIES = METHODS = ("none", "cholesky", "analogies")

LEAST_VARIANCE = 1.0
"""Added to the variance of every channel, in square levels of 255, because an even image has the variance 0."""

_BLOCK = 1 << 18
"""Pixels that are float64 at the same time: all of a large photograph would take sixteen times its memory."""


@dataclass(frozen=True)
class ColorMatching:
    """The colours that style images get."""

    method: str
    mean: NDArray[np.float64]
    """(3,), RGB in [0, 255]."""
    covariance: NDArray[np.float64]
    """(3, 3), positive definite."""

    @classmethod
    def to_image(cls, image: Frame, method: str) -> "ColorMatching":
        """Match style images to an image.

        Args:
            image: uint8 (H, W, 3) BGR.
            method: `cholesky` or `analogies`; with `none` style images stay as they are.

        Raises:
            StyleError: no such method.
        """
        check_method(method)
        return cls(method, *_statistics(image))

    def __call__(self, style_image: Frame) -> Frame:
        """A style image uint8 (H, W, 3) BGR in the image's colours; colours out of range are clipped."""
        if self.method == NONE:
            return style_image
        mean, covariance = _statistics(style_image)
        if self.method == CHOLESKY:
            there, here = np.linalg.cholesky(self.covariance), np.linalg.cholesky(covariance)
        else:
            there, here = _square_root(self.covariance), _square_root(covariance)
        turn = (there @ np.linalg.inv(here)).astype(np.float32)
        moved = (style_image[..., ::-1] - mean.astype(np.float32)) @ turn.T + self.mean.astype(np.float32)
        matched: Frame = np.ascontiguousarray(moved[..., ::-1].round().clip(0, 255), np.uint8)
        return matched


def check_method(method: str) -> None:
    """Raise StyleError unless `method` is one of METHODS."""
    if method not in METHODS:
        raise StyleError(
            f"colours cannot be matched by {method!r}. It is one of {', '.join(METHODS)}", parameter="match_colors"
        )


def _statistics(image: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # RGB, the paper's order: a Cholesky factor depends on it.
    pixels = image.reshape(-1, 3)[:, ::-1]
    total, products = np.zeros(3), np.zeros((3, 3))
    for start in range(0, len(pixels), _BLOCK):
        block = pixels[start : start + _BLOCK].astype(np.float64)
        total += block.sum(axis=0)
        products += block.T @ block
    mean = total / len(pixels)
    return mean, products / len(pixels) - np.outer(mean, mean) + LEAST_VARIANCE * np.eye(3)


def _square_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    root: NDArray[np.float64] = (vectors * np.sqrt(values)) @ vectors.T
    return root
