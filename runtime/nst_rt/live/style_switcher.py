"""Styles that change while frames keep coming."""

import threading
from typing import Protocol

from nst_rt.errors import NstError


class Styled(Protocol):
    """What the switcher uses of `nst_rt.Stylizer`."""

    style: str

    @property
    def styles(self) -> list[str]: ...


class StyleSwitcher:
    """Sets styles in a thread of its own, because to encode a painting takes longer than the time for one frame."""

    def __init__(self, stylizer: Styled) -> None:
        self._stylizer = stylizer
        self.styles = list(stylizer.styles)
        # A model with one style baked in may have been loaded without naming it.
        self.wanted = stylizer.style or next(iter(self.styles), "")
        """The style that is set, or being set."""
        if self.wanted not in self.styles:  # a blend or painting can be reached by key too
            self.styles.insert(0, self.wanted)
        self._lock = threading.Lock()
        self._busy = False
        self._trouble = ""

    def step(self, step: int) -> None:
        """Move by `step` styles. If a style is still being set, the newest one wins."""
        with self._lock:
            here = self.styles.index(self.wanted) if self.wanted in self.styles else 0
            self.wanted = self.styles[(here + step) % len(self.styles)]
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._run, name="nst-rt style", daemon=True).start()

    def adopt(self) -> None:
        """Continue from the style that the stylizer has now, set by something else."""
        with self._lock:
            self.wanted = self._stylizer.style

    def trouble(self) -> str:
        """Why the last switch failed, once; empty if it did not."""
        with self._lock:
            trouble, self._trouble = self._trouble, ""
            return trouble

    def _run(self) -> None:
        settled = False
        try:
            while not settled:
                settled = self._set_wanted()
        finally:
            if not settled:  # or no key would ever change the style again
                with self._lock:
                    self._busy = False

    def _set_wanted(self) -> bool:
        """Set the wanted style; False if another one was wanted meanwhile."""
        with self._lock:
            target = self.wanted
        trouble = ""
        try:
            self._stylizer.style = target
        except NstError as error:
            trouble = str(error)
        except Exception as error:  # from a style encoder or its driver; the run must go on
            trouble = f"style {target} cannot be set, {type(error).__name__}: {error}"
        with self._lock:
            if target != self.wanted:
                return False
            if trouble:
                self._trouble = trouble
                self.wanted = self._stylizer.style
            # Under the same lock as the comparison: a style that is wanted from now on starts a new thread.
            self._busy = False
            return True
