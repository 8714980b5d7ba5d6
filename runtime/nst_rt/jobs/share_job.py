"""Serving stylised frames to another program through shared memory."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from nst_rt.contract import Frame
from nst_rt.errors import ShareError
from nst_rt.jobs.opened_style import OpenedStyle, open_style
from nst_rt.jobs.progress import Report, silent
from nst_rt.jobs.style_request import StyleRequest
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.media.pixels.frame_size import unfit_sides
from nst_rt.shared_memory.segment_file import refuse_if_served, remove_dead
from nst_rt.shared_memory.server import ShareServer, ShareSummary

DEFAULT_SIZE = (1920, 1080)
"""Width and height of the largest frame."""


class ShareJob:
    """A server whose network is ready; `open_share` makes one."""

    def __init__(
        self, style: OpenedStyle, server: ShareServer, told: str, *, matrix: str, range: str, report: Report
    ) -> None:
        self._style, self._server, self._told = style, server, told
        self._matrix, self._range, self._report = matrix, range, report

    @property
    def device(self) -> str:
        """That runs the network."""
        return self._style.stylizer.device

    def run(self) -> ShareSummary:
        """Serve until `stop` is called.

        Raises:
            ShareError: something damages the segment.
        """
        self._report(self._told)
        return self._server.run(self._stylize, matrix=self._matrix, range=self._range, report=self._report)

    def stop(self) -> None:
        """End the run after the frame in work; from a signal handler or any thread."""
        self._server.stop()

    def _stylize(self, frame: Frame, out: Frame) -> None:
        self._style.stylizer(frame, out=out)


@contextmanager
def open_share(
    name: str,
    options: StylizerOptions | None = None,
    *,
    size: tuple[int, int] | None = None,
    slots: int = 3,
    matrix: str = "auto",
    range: str = "auto",
    report: Report = silent,
) -> Iterator[ShareJob]:
    """Load the network and make the shared memory.

    Args:
        name: of the shared memory, /dev/shm/nst-rt.NAME.
        options: without mask and timeline.
        size: width and height of the largest frame; if given, the network is made ready for it at once.
        slots: frames, and as many results, that may wait.
        matrix, range: of YUV and gray, see `PipeFormat`.
        report: called with who comes and goes, and with every trouble.

    Raises:
        RoleTakenError: the name has a living server.
        ShareError: wrong name, size or number of slots, or no room for the memory.
        NstError: the style cannot be opened.
    """
    request = StyleRequest.read(replace(options or StylizerOptions(), in_flight=1))
    width, height = size or DEFAULT_SIZE
    if why := unfit_sides(width, height):
        raise ShareError(why, parameter="size")
    refuse_if_served(name)  # before the network is loaded for nothing
    for path in remove_dead():
        report(f"removed {path}, whose server is dead")
    with ExitStack() as opened:
        style = open_style(request, opened)
        if size is not None:
            style.stylizer.warm_up(height, width)
        # Without a session the device is a guess.
        where = f" on {style.stylizer.device}" if size is not None else ""
        description = f"{style.stylizer.record.family} {style.style}{where}"
        server = opened.enter_context(
            ShareServer(name, width=width, height=height, slots=slots, description=description)
        )
        yield ShareJob(
            style,
            server,
            f"serving {name}: frames up to {width}x{height}, {slots} slots, "
            f"{server.bytes / 1e6:.0f} MB in {server.path}",
            matrix=matrix,
            range=range,
            report=report,
        )
