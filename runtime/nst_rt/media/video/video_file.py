"""Opening video files, and what is wrong with those that cannot be opened."""

from pathlib import Path

import av

from nst_rt.errors import InputError
from nst_rt.files.reading import refusing_unreadable


def open_video(path: Path) -> av.container.InputContainer:
    """Open a video file with FFmpeg.

    Raises:
        InputError: missing, a folder, no permission, empty, or not a video.
    """
    with refusing_unreadable(path, "not a video. Name a video in it"), path.open("rb") as file:
        empty = not file.read(1)
    if empty:
        raise InputError(f"{path}: the file is empty. Copy or download it again")
    try:
        # With `file:` a name such as "a:b.mp4" is not taken for an address; with the whitelist a playlist in the file
        # cannot fetch anything.
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f"{path}: {_why_not_opened(path)}. Copy or download it again, or convert it") from error
    name = container.format.name
    if name.endswith("_pipe") or name in ("image2", "tty"):
        container.close()
        what = "a text file" if name == "tty" else "an image"
        raise InputError(f"{path}: {what}, not a video. Choose a video")
    return container


def _why_not_opened(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "the video is cut short or damaged, its index (at the end of the file) is missing"
    return "not a video that FFmpeg can read, or a damaged one"
