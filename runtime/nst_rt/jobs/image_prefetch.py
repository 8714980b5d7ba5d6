"""The only image of a command, read while the network is still being loaded."""

from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nst_rt.media.images.image_reader import Image


class ImageAhead:
    """Begins at once to read an image's file, in a thread of its own; OpenCV decodes without Python's lock.

    For plain files only: a pipe may keep its reader waiting, and a signal reaches nobody but the main thread.
    """

    def __init__(self, path: Path) -> None:
        self._read: list[Image | BaseException] = []
        # Not a daemon thread: Python would end one within OpenCV's code, and the process with it.
        self._thread = Thread(target=self._read_in, args=(path,), name="read ahead")
        self._thread.start()

    def image(self) -> "Image":
        """The image, waited for and handed over: to be called once.

        Raises:
            InputError: as `nst_rt.media.images.image_reader.read_image`.
        """
        self._thread.join()
        read = self._read.pop()
        if isinstance(read, BaseException):
            raise read
        return read

    def _read_in(self, path: Path) -> None:
        from nst_rt.media.images.image_reader import read_image

        try:
            self._read.append(read_image(path))
        except BaseException as error:  # raised again where the image is wanted
            self._read.append(error)
