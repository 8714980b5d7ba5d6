"""How a clip moves from frame to frame: dense optical flow, the pixels whose flow is reliable, and hard cuts."""

from dataclasses import dataclass

import cv2
import numpy as np
from nst_rt.contract import Frame
from numpy.typing import NDArray

CUT_HISTOGRAM, CUT_DIFFERENCE = 0.2, 25.0
"""A hard cut changes the colours (Bhattacharyya distance of histograms) and the image (mean difference of thumbnails in
grey levels). Changing light alone changes the colours, fast motion alone the image. On the clips that set these values
cuts reach at least 0.26 and 48, everything else at most 0.16 and 20."""
THUMBNAIL = (64, 36)


@dataclass(frozen=True)
class Motion:
    """Where the pixels of one frame were in the frame before it."""

    before: int
    """Number of the earlier frame; the later one is the next."""
    flow: NDArray[np.float32]
    """(H, W, 2): x and y, in pixels, from a pixel of the later frame to its place in the earlier one."""
    visible: NDArray[np.bool_]
    """(H, W): the pixels of the later frame that the earlier one shows too, and whose flow is reliable."""


def find_motion(frames: list[Frame]) -> tuple[list[Motion], list[int]]:
    """The motion between successive frames uint8 (H, W, 3), and the numbers of frames that begin a new shot.

    There is no motion across a cut: a clip with cuts is several clips.
    """
    motions, cuts = [], []
    for index in range(1, len(frames)):
        if is_cut(frames[index - 1], frames[index]):
            cuts.append(index)
        else:
            flow = optical_flow(frames[index], frames[index - 1])
            back = optical_flow(frames[index - 1], frames[index])
            motions.append(Motion(index - 1, flow, consistent(flow, back)))
    return motions, cuts


def is_cut(before: Frame, after: Frame) -> bool:
    """Whether a new shot begins between two frames."""
    distance = cv2.compareHist(_histogram(before), _histogram(after), cv2.HISTCMP_BHATTACHARYYA)
    small = [cv2.resize(frame, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32) for frame in (before, after)]
    return bool(distance > CUT_HISTOGRAM and np.abs(small[1] - small[0]).mean() > CUT_DIFFERENCE)


def optical_flow(origin: Frame, target: Frame) -> NDArray[np.float32]:
    """Dense inverse search (Kroeger et al. 2016): for every pixel of `origin`, the vector to its place in `target`."""
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gray = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in (origin, target)]
    start = np.zeros((*origin.shape[:2], 2), np.float32)
    return np.asarray(method.calc(gray[0], gray[1], start), np.float32)


def warp(image: NDArray[np.float32], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """`image`, of any number of channels, sampled where the flow points to, bilinearly."""
    rows, columns = np.indices(flow.shape[:2], np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def consistent(flow: NDArray[np.float32], back: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The pixels whose flow stays inside the image and agrees with the flow back (Lai et al. 2018).

    By equations 5 and 6 of Ruder et al. 2016, which also leave out pixels at the edge of a motion.
    """
    height, width = flow.shape[:2]
    rows, columns = np.indices((height, width), np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    returned = warp(back, flow)
    length = _squared(flow)
    agrees = _squared(flow + returned) <= 0.01 * (length + _squared(returned)) + 0.5
    slopes = [np.gradient(flow[..., channel]) for channel in (0, 1)]
    edge = sum(part**2 for slope in slopes for part in slope) > 0.01 * length + 0.002
    return np.asarray(inside & agrees & ~edge, np.bool_)


def _squared(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.square(vectors).sum(-1), np.float32)


def _histogram(frame: Frame) -> NDArray[np.float32]:
    counts = np.asarray(cv2.calcHist([frame], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3), np.float32)
    return np.asarray(counts / counts.sum(), np.float32)
