"""The networks that stylise, opened when the first image needs them."""

from nst_rt.stylizer.stylizer import Stylizer

from nst_bench.quality.contenders import Contender, Rendition


class Networks:
    """Contenders' stylizers on one device; one is open at a time, since each holds sessions for several sizes."""

    def __init__(self, device: str = "auto", threads: int | None = None) -> None:
        self._device, self._threads = device, threads
        self._open: tuple[Contender, Stylizer] | None = None

    def question(self, contender: Contender, rendition: Rendition) -> dict[str, str]:
        """What decides a stylised image, the photograph apart, for `Store`."""
        return {**contender.question(rendition), "device": self._device}

    def load(self, contender: Contender, rendition: Rendition) -> Stylizer:
        """A contender's stylizer, set to a painting's style."""
        if self._open is None or self._open[0] is not contender:
            self.close()
            self._open = (contender, contender.load(rendition, device=self._device, threads=self._threads))
        else:
            rendition.put_on(self._open[1])
        return self._open[1]

    def close(self) -> None:
        """Give the sessions back."""
        if self._open is not None:
            self._open[1].close()
            self._open = None
