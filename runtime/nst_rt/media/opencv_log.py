"""OpenCV's own log, silenced where an error of ours says the same in one line."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_lock = threading.Lock()
_blocks = 0
_level = 0


@contextmanager
def silent_opencv() -> Iterator[None]:
    """Silence OpenCV's log on stderr while the block runs.

    OpenCV has one log level for the whole process. So of the blocks of several threads that overlap, the first one
    silences the log, and the last one gives back the level that was there before.
    """
    global _blocks, _level
    with _lock:
        if not _blocks:
            _level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if not _blocks:
                cv2.utils.logging.setLogLevel(_level)
