"""nst-rt: neural style transfer, fast.

Everything that a program needs is imported from here. A name loads its module at its first use, so that importing
`nst_rt` stays cheap.

Examples:
    >>> import numpy as np
    >>> from nst_rt import Stylizer
    >>> stylizer = Stylizer.load(style="gogh", device="cpu")
    >>> frame = np.zeros((48, 64, 3), np.uint8)  # (height, width, 3), BGR
    >>> stylizer(frame).shape
    (48, 64, 3)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nst_rt.errors import (
    CutFrameError,
    DependencyError,
    DeviceError,
    DisplayError,
    ExpressionError,
    FrameStreamError,
    InputError,
    ModelError,
    NstError,
    OutputError,
    ReaderGoneError,
    RoleTakenError,
    ServerGoneError,
    ShareError,
    ShareTimeoutError,
    SourceError,
    StyleError,
)
from nst_rt.version import __version__

if TYPE_CHECKING:
    from nst_rt.contract import Frame, ModelRecord, StyleVector
    from nst_rt.engine.devices import Device, list_devices
    from nst_rt.engine.timing import StageClock
    from nst_rt.jobs.demo_job import make_demo
    from nst_rt.jobs.grid.grid_job import GridSummary, make_grid
    from nst_rt.jobs.image_job import ImagesSummary, stylize_images
    from nst_rt.jobs.named_styles import add_style, list_styles, remove_style
    from nst_rt.jobs.progress import Progress
    from nst_rt.jobs.stylizer_options import StylizerOptions
    from nst_rt.jobs.video_job import VideoSummary, stylize_video
    from nst_rt.live.camera import Camera, CameraSettings, list_cameras
    from nst_rt.live.capture import Capture, LiveFrame
    from nst_rt.live.loop import LiveLoop
    from nst_rt.live.recorder import Recorder
    from nst_rt.live.source import open_source
    from nst_rt.live.virtual_camera import VirtualCamera
    from nst_rt.live.window import Window
    from nst_rt.masks.mask import Mask, StillMask
    from nst_rt.masks.video_mask import VideoMask, open_mask
    from nst_rt.media.images.image_reader import Image, read_image
    from nst_rt.media.images.image_writer import write_image
    from nst_rt.media.images.sample_image import landscape
    from nst_rt.media.video.audio_reader import AudioReader
    from nst_rt.media.video.video_info import VideoInfo
    from nst_rt.media.video.video_part import VideoPart
    from nst_rt.media.video.video_reader import VideoFrame, VideoReader
    from nst_rt.media.video.video_writer import VideoWriter
    from nst_rt.models.catalog import ModelFiles, find_model, list_models, resolve_style_and_model
    from nst_rt.shared_memory.client import ShareClient
    from nst_rt.shared_memory.server import ShareServer
    from nst_rt.styles.blends import Term, blend, parse_blend
    from nst_rt.styles.library import load_styles
    from nst_rt.styles.regions import Region, parse_regions
    from nst_rt.styles.style_encoder import StyleEncoder
    from nst_rt.styles.styles_file import Style
    from nst_rt.styles.timeline import Timeline, TimelinePlayer
    from nst_rt.stylizer.masked_stylizer import MaskedStylizer, PreparedMaskedFrame
    from nst_rt.stylizer.prepared_frame import PreparedFrame
    from nst_rt.stylizer.protocol import StylizerProtocol
    from nst_rt.stylizer.stylizer import Stylizer

__all__ = [
    "AudioReader",
    "Camera",
    "CameraSettings",
    "Capture",
    "CutFrameError",
    "DependencyError",
    "Device",
    "DeviceError",
    "DisplayError",
    "ExpressionError",
    "Frame",
    "FrameStreamError",
    "GridSummary",
    "Image",
    "ImagesSummary",
    "InputError",
    "LiveFrame",
    "LiveLoop",
    "Mask",
    "MaskedStylizer",
    "ModelError",
    "ModelFiles",
    "ModelRecord",
    "NstError",
    "OutputError",
    "PreparedFrame",
    "PreparedMaskedFrame",
    "Progress",
    "ReaderGoneError",
    "Recorder",
    "Region",
    "RoleTakenError",
    "ServerGoneError",
    "ShareClient",
    "ShareError",
    "ShareServer",
    "ShareTimeoutError",
    "SourceError",
    "StageClock",
    "StillMask",
    "Style",
    "StyleEncoder",
    "StyleError",
    "StyleVector",
    "Stylizer",
    "StylizerOptions",
    "StylizerProtocol",
    "Term",
    "Timeline",
    "TimelinePlayer",
    "VideoFrame",
    "VideoInfo",
    "VideoMask",
    "VideoPart",
    "VideoReader",
    "VideoSummary",
    "VideoWriter",
    "VirtualCamera",
    "Window",
    "__version__",
    "add_style",
    "blend",
    "find_model",
    "landscape",
    "list_cameras",
    "list_devices",
    "list_models",
    "list_styles",
    "load_styles",
    "make_demo",
    "make_grid",
    "open_mask",
    "open_source",
    "parse_blend",
    "parse_regions",
    "read_image",
    "remove_style",
    "resolve_style_and_model",
    "stylize_images",
    "stylize_video",
    "write_image",
]

_MODULES = {
    "Frame": "nst_rt.contract",
    "ModelRecord": "nst_rt.contract",
    "StyleVector": "nst_rt.contract",
    "Device": "nst_rt.engine.devices",
    "list_devices": "nst_rt.engine.devices",
    "StageClock": "nst_rt.engine.timing",
    "make_demo": "nst_rt.jobs.demo_job",
    "GridSummary": "nst_rt.jobs.grid.grid_job",
    "make_grid": "nst_rt.jobs.grid.grid_job",
    "ImagesSummary": "nst_rt.jobs.image_job",
    "stylize_images": "nst_rt.jobs.image_job",
    "add_style": "nst_rt.jobs.named_styles",
    "list_styles": "nst_rt.jobs.named_styles",
    "remove_style": "nst_rt.jobs.named_styles",
    "Progress": "nst_rt.jobs.progress",
    "StylizerOptions": "nst_rt.jobs.stylizer_options",
    "VideoSummary": "nst_rt.jobs.video_job",
    "stylize_video": "nst_rt.jobs.video_job",
    "Camera": "nst_rt.live.camera",
    "CameraSettings": "nst_rt.live.camera",
    "list_cameras": "nst_rt.live.camera",
    "Capture": "nst_rt.live.capture",
    "LiveFrame": "nst_rt.live.capture",
    "LiveLoop": "nst_rt.live.loop",
    "Recorder": "nst_rt.live.recorder",
    "open_source": "nst_rt.live.source",
    "VirtualCamera": "nst_rt.live.virtual_camera",
    "Window": "nst_rt.live.window",
    "Mask": "nst_rt.masks.mask",
    "StillMask": "nst_rt.masks.mask",
    "VideoMask": "nst_rt.masks.video_mask",
    "open_mask": "nst_rt.masks.video_mask",
    "Image": "nst_rt.media.images.image_reader",
    "read_image": "nst_rt.media.images.image_reader",
    "write_image": "nst_rt.media.images.image_writer",
    "landscape": "nst_rt.media.images.sample_image",
    "AudioReader": "nst_rt.media.video.audio_reader",
    "VideoInfo": "nst_rt.media.video.video_info",
    "VideoPart": "nst_rt.media.video.video_part",
    "VideoFrame": "nst_rt.media.video.video_reader",
    "VideoReader": "nst_rt.media.video.video_reader",
    "VideoWriter": "nst_rt.media.video.video_writer",
    "ModelFiles": "nst_rt.models.catalog",
    "find_model": "nst_rt.models.catalog",
    "list_models": "nst_rt.models.catalog",
    "resolve_style_and_model": "nst_rt.models.catalog",
    "ShareClient": "nst_rt.shared_memory.client",
    "ShareServer": "nst_rt.shared_memory.server",
    "Term": "nst_rt.styles.blends",
    "blend": "nst_rt.styles.blends",
    "parse_blend": "nst_rt.styles.blends",
    "load_styles": "nst_rt.styles.library",
    "Region": "nst_rt.styles.regions",
    "parse_regions": "nst_rt.styles.regions",
    "StyleEncoder": "nst_rt.styles.style_encoder",
    "Style": "nst_rt.styles.styles_file",
    "Timeline": "nst_rt.styles.timeline",
    "TimelinePlayer": "nst_rt.styles.timeline",
    "MaskedStylizer": "nst_rt.stylizer.masked_stylizer",
    "PreparedMaskedFrame": "nst_rt.stylizer.masked_stylizer",
    "PreparedFrame": "nst_rt.stylizer.prepared_frame",
    "StylizerProtocol": "nst_rt.stylizer.protocol",
    "Stylizer": "nst_rt.stylizer.stylizer",
}
"""The module of each name that is loaded at its first use."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
