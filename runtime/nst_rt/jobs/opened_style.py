"""A style request with its network and its mask open: what stylises images, and frames of a video at their times."""

from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_rt.errors import StyleError
from nst_rt.jobs.style_request import StyleRequest
from nst_rt.jobs.stylizer_options import StylizerOptions
from nst_rt.models.catalog import model_of_style, resolve_style_and_model
from nst_rt.stylizer.stylizer import Stylizer

if TYPE_CHECKING:
    from nst_rt.contract import Frame
    from nst_rt.masks.mask import Mask
    from nst_rt.styles.timeline import TimelinePlayer
    from nst_rt.stylizer.masked_stylizer import MaskedStylizer
    from nst_rt.stylizer.protocol import Prepared


class OpenedStyle:
    """One request, ready; `open_style` and `open_styles` make them. Requests of one network share its stylizer."""

    def __init__(
        self,
        request: StyleRequest,
        stylizer: Stylizer,
        style: str,
        stylize: "Stylizer | MaskedStylizer",
        player: "TimelinePlayer | None" = None,
    ) -> None:
        self.request = request
        self.stylizer = stylizer
        self.style = style
        """The style of the stylizer while this request has its turn."""
        self.stylize = stylize
        """The stylizer behind its mask; itself if there is none."""
        self.player = player
        self._matched = False

    def select(self) -> None:
        """Let the stylizer paint in this style, until another one is selected."""
        if self.stylizer.style != self.style:
            self.stylizer.style = self.style

    def prepare(self, image: "Frame") -> "Prepared":
        """See `Stylizer.prepare`; where colours are matched, paintings get those of this image."""
        self.match_colors(image)
        return self.stylize.prepare(image)

    def prepare_at(self, frame: "Frame", seconds: float) -> "Prepared":
        """Prepare the next frame of a video as it is at its second; colours are matched to the first frame.

        Args:
            seconds: since the beginning of the video, for the timeline.
        """
        if not self._matched:
            self.match_colors(frame)
            self._matched = True
        if self.player is not None:
            self.player.seek(seconds)
        return self.stylize.prepare(frame)

    def match_colors(self, image: "Frame") -> None:
        """Give the paintings among the styles the colours of an image, uint8 (H, W, 3) BGR, if that is asked for."""
        method = self.request.options.match_colors
        if method == "none":
            return
        self.stylize.match_colors(image, method)
        if self.player is not None:
            self.player.read_styles()

    def describe(self) -> dict[str, Any]:
        """What runs, ready for JSON: the stylizer's own description, and what the request adds."""
        described = self.stylize.describe()
        if self.request.options.match_colors != "none":
            described["match_colors"] = self.request.options.match_colors
        if self.request.timeline:
            described["timeline"] = self.request.timeline.text
        return described


def open_style(
    request: StyleRequest, opened: ExitStack, *, video_mask: bool = False, start: Fraction = Fraction(0)
) -> OpenedStyle:
    """As `open_styles`, for one request.

    Args:
        video_mask: the mask may be a video.
        start: seconds of that video to leave out.
    """
    (style,) = open_styles([request], opened, video_mask=video_mask, start=start)
    return style


def open_styles(
    requests: Sequence[StyleRequest],
    opened: ExitStack,
    *,
    frames: int | None = None,
    video_mask: bool = False,
    start: Fraction = Fraction(0),
) -> list[OpenedStyle]:
    """Open every request, with each network and the mask once.

    Args:
        requests: one or more, whose options differ in the style alone.
        opened: closes what is opened here.
        frames: how many there will be, see `Stylizer.load`.
        video_mask, start: see `open_style`.

    Raises:
        NstError: as `Stylizer.load`; a style of a timeline is shown at its place.
        InputError: the mask cannot be read, or has labels without a style.
        StyleError: a style is unknown.
    """
    options = requests[0].options
    networks = _Networks(options, opened, frames)
    styled = [(request, *networks.styled(request)) for request in requests]
    mask = _read_mask(requests[0], opened, start if video_mask else None)
    found = []
    for request, stylizer, style in styled:
        player = _player(request, stylizer)
        stylize = stylizer if mask is None else networks.masked(request, stylizer, mask)
        found.append(OpenedStyle(request, stylizer, style, stylize, player))
    return found


class _Networks:
    """Opens networks, each once."""

    def __init__(self, options: StylizerOptions, opened: ExitStack, frames: int | None) -> None:
        self._options, self._opened, self._frames = options, opened, frames
        self._stylizers: dict[Path | None, Stylizer] = {}
        self._of_regions: dict[str, Stylizer] = {}

    def styled(self, request: StyleRequest) -> tuple[Stylizer, str]:
        """The stylizer of a request, and the style that it has then."""
        own = model_of_style(request.style) if request.style and request.options.model is None else None
        network = own.path if own else None
        if network not in self._stylizers:
            self._stylizers[network] = self._opened.enter_context(self._open(request))
        elif own is None and request.style:
            self._stylizers[network].style = request.style
        return self._stylizers[network], self._stylizers[network].style

    def masked(self, request: StyleRequest, stylizer: Stylizer, mask: "Mask") -> "MaskedStylizer":
        """The stylizer behind a mask, with a style for each region."""
        from nst_rt.stylizer.masked_stylizer import MaskedStylizer

        styles: list[Stylizer | str | None] = []
        for at, style in enumerate(request.styles):
            if at == request.follows:
                styles.append(stylizer)
            elif style is None or style in stylizer.styles or model_of_style(style) is None:
                styles.append(style)
            else:
                styles.append(stylizer if style == request.style else self._of_region(style))
        return MaskedStylizer(stylizer, mask, styles)

    def _of_region(self, style: str) -> Stylizer:
        """The model that is a style of its own."""
        if style not in self._of_regions:
            self._of_regions[style] = self._opened.enter_context(self._load(style, None))
        return self._of_regions[style]

    def _open(self, request: StyleRequest) -> Stylizer:
        model, timeline = request.options.model, request.timeline
        try:
            return self._load(request.style, model)
        except StyleError as error:
            if timeline is None:
                raise
            try:
                without = self._load(None, model)
            except StyleError as other:
                if str(other) == str(error):  # not about the style, but another option or the model's styles file
                    raise error from None
            else:
                with without:
                    without.require_style_vectors("timelines")
            raise timeline.blamed(timeline.entries[0], error) from error

    def _load(self, style: str | None, model: str | None) -> Stylizer:
        options = self._options
        given_style, given_model = resolve_style_and_model(style, model)
        return Stylizer.load(
            given_style,
            model=given_model,
            device=options.device,
            precision=options.precision,
            strength=options.strength,
            color=options.color,
            stroke_size=options.stroke_size,
            threads=options.threads,
            in_flight=options.in_flight,
            frames=self._frames,
        )


def _player(request: StyleRequest, stylizer: Stylizer) -> "TimelinePlayer | None":
    """The request's timeline, playing on the stylizer.

    Raises:
        StyleError: the model has no style vectors, or lacks a style.
    """
    if request.timeline is None:
        return None
    from nst_rt.styles.timeline import TimelinePlayer

    return TimelinePlayer(request.timeline, stylizer)


def _read_mask(request: StyleRequest, opened: ExitStack, video_start: Fraction | None) -> "Mask | None":
    """The mask, if there is one; it may be a video where `video_start` is given."""
    options = request.options
    if options.mask is None:
        return None
    if video_start is None:
        from nst_rt.masks.mask import StillMask

        return StillMask.read(options.mask, request.labels, feather=options.feather)
    from nst_rt.masks.video_mask import VideoMask, open_mask

    mask = open_mask(options.mask, request.labels, feather=options.feather, start=video_start)
    return opened.enter_context(mask) if isinstance(mask, VideoMask) else mask
