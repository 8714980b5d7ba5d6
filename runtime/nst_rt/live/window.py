"""A window on the desktop, through OpenCV."""

import ctypes
import os
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from nst_rt.contract import MIN_SIDE
from nst_rt.errors import DisplayError
from nst_rt.live.keys import CLOSED
from nst_rt.live.letterbox import letterbox

_ELSEWHERE = "Use a desktop with opencv-python, or record or send to a virtual camera without a window"

# waitKeyEx's codes differ by toolkit: X11 keysyms (Qt, GTK), Windows virtual keys, Cocoa's private-use characters.
_ARROWS = {
    **dict.fromkeys((65361, 0x250000, 63234), "left"),
    **dict.fromkeys((65363, 0x270000, 63235), "right"),
    **dict.fromkeys((65362, 0x260000, 63232), "up"),
    **dict.fromkeys((65364, 0x280000, 63233), "down"),
    65451: "+",  # on the numeric keypad
    65453: "-",
}
_SMALLEST = 480
_NAMES = {27: "escape", 32: "space"}


def window_backend() -> str:
    """OpenCV's window toolkit: QT, GTK3, COCOA, WIN32 ...; empty for a headless build."""
    return cv2.currentUIFramework()


def why_no_window() -> str:
    """The reason why no window can be shown here, in words; empty if one can.

    Ask it before OpenCV tries: its Qt build aborts the process when it cannot connect to the display.
    """
    toolkit = window_backend()
    if not toolkit:
        return "this OpenCV is built without windows (opencv-python-headless instead of opencv-python)"
    if not sys.platform.startswith("linux"):
        return ""
    display, wayland = os.environ.get("DISPLAY", ""), os.environ.get("WAYLAND_DISPLAY", "")
    if not display and not wayland:
        return "there is no display (DISPLAY is not set)"
    if toolkit.startswith("QT"):
        return _why_not_qt(display)
    return _why_not_x11(display) if display and not wayland else ""


def require_display() -> None:
    """Check that a window can be shown here.

    Raises:
        DisplayError: it cannot; the message says why and what to do instead.
    """
    reason = why_no_window()
    if reason:
        raise DisplayError(f"no window can be shown: {reason}. {_ELSEWHERE}", parameter="window")


def _why_not_qt(display: str) -> str:
    if not os.environ.get("QT_QPA_PLATFORM", "xcb").startswith("xcb"):
        return ""  # the user chose another platform: wayland with a distribution's OpenCV, offscreen for a test
    plugins = Path(os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH", Path(cv2.__file__).parent / "qt" / "plugins"))
    plugin = next((path for path in plugins.glob("**/libqxcb.so")), None)
    if plugin is not None:
        try:
            ctypes.CDLL(str(plugin))
        except OSError as error:
            return f"Qt lacks a system library ({error})"
        if not display:  # the wheels' Qt speaks X11 only, also on a Wayland desktop
            return "this OpenCV needs X11 and DISPLAY is not set (XWayland does not run)"
    return _why_not_x11(display) if display else ""


def _why_not_x11(display: str) -> str:
    """Connect and disconnect, with the user's own authority file, as the toolkit will."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return ""  # a toolkit without xcb: nothing to ask
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return f"display {display} does not answer or does not let us in" if refused else ""


class Window:
    """A resizable window; call everything in the main thread.

    `fit` an image to it, draw sharp text on it, `show` it, and ask for a `key`, which also lets the window paint.

    Args:
        title: of the window.

    Raises:
        DisplayError: no window can be shown here.

    Examples:
        It needs a display.

        >>> window = Window()  # doctest: +SKIP
        >>> while window.key() != CLOSED:  # doctest: +SKIP
        ...     window.show(window.fit(frame))
    """

    def __init__(self, title: str = "nst-rt") -> None:
        require_display()
        self._title = title
        self._shown = False
        try:
            # GUI_NORMAL: without Qt's toolbar, status bar and context menu. FREERATIO, because `fit` keeps the
            # proportions: OpenCV would leave light bars and scale by repeating pixels.
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error as error:
            reason = " ".join(str(error).split())
            raise DisplayError(f"no window can be shown: {reason}. {_ELSEWHERE}", parameter="window") from error
        self._full = False

    def fit(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Scale (H, W, 3) uint8 BGR to the size of the window, proportions kept, on black.

        The first image sets the size of the window; a small one is enlarged.
        """
        if not self._shown:
            scale = max(1.0, _SMALLEST / image.shape[0])
            height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
            cv2.resizeWindow(self._title, width, height)
            return letterbox(image, height, width)
        try:
            _, _, width, height = cv2.getWindowImageRect(self._title)
        except cv2.error:  # closed a moment ago
            return image
        return letterbox(image, height, width) if min(height, width) >= MIN_SIDE else image

    def show(self, image: NDArray[np.uint8]) -> None:
        """Hand (H, W, 3) uint8 BGR to the window; it is on the screen once `key` has run."""
        cv2.imshow(self._title, image)
        self._shown = True

    def key(self) -> str:
        """Let the window paint; returns the key that was pressed, empty for none.

        It is a character, or `left`, `right`, `up`, `down`, `space` or `escape`; `CLOSED` once the window is closed.
        """
        code = cv2.waitKeyEx(1)
        if self._shown and not self._open():
            return CLOSED
        if code < 0:
            return ""
        if code in _ARROWS:
            return _ARROWS[code]
        character = code & 0xFF
        return _NAMES.get(character) or (chr(character) if 32 < character < 127 and code < 0x10000 else "")

    def toggle_full_screen(self) -> None:
        """Change between full screen and window."""
        self._full = not self._full
        mode = cv2.WINDOW_FULLSCREEN if self._full else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, mode)

    def close(self) -> None:
        """Remove the window; harmless twice."""
        if self._open():
            cv2.destroyWindow(self._title)
        cv2.waitKey(1)  # lets the toolkit take it off the screen

    def _open(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) > 0
        except cv2.error:
            return False
