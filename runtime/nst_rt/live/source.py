"""Opening a camera, stream or video by its name."""

import re
from pathlib import Path

from nst_rt.errors import InputError
from nst_rt.files.paths import is_address
from nst_rt.live.camera import Camera, CameraSettings
from nst_rt.live.capture import Source
from nst_rt.live.playback import VideoPlayback
from nst_rt.live.stream import Stream


def open_source(text: str, settings: CameraSettings | None = None, *, loop: bool = False) -> Source:
    """Open a source of frames.

    Args:
        text: a camera (`0`, `/dev/video0`), a stream (any `scheme://`) or a video (a file).
        settings: what to ask a camera for. A stream or video is scaled down to fit width and height, and keeps its
            frame rate.
        loop: start a video again at its end.

    Raises:
        SourceError: the camera or stream cannot be opened.
        InputError: the video is missing, is not a video, or has no images.

    Examples:
        >>> source = open_source("holiday.mp4")
        >>> source.live
        False
        >>> source.close()
    """
    settings = settings or CameraSettings()
    if text.isdecimal():
        return Camera(int(text), settings)
    if re.fullmatch(r"/dev/v\S+", text) and not Path(text).is_file():
        return Camera(text, settings)
    if is_address(text):
        return Stream(text, width=settings.width, height=settings.height)
    video = Path(text).expanduser()
    if not video.exists():
        raise InputError(
            f"{text}: no such video. A source is a camera (0), a video file, or a stream (http://, rtsp://, udp://)",
            parameter="source",
        )
    return VideoPlayback(video, loop=loop, width=settings.width, height=settings.height)
