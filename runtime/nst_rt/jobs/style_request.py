"""What `--timeline`, `--mask` and their like make of a stylizer, the same for every command."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_rt.errors import StyleError

if TYPE_CHECKING:
    from nst_rt.contract import Frame
    from nst_rt.masks.mask import Mask
    from nst_rt.media.video.video_part import VideoPart
    from nst_rt.styles.regions import Label
    from nst_rt.styles.timeline import Entry, Timeline, TimelinePlayer
    from nst_rt.stylizer.masked_stylizer import MaskedStylizer
    from nst_rt.stylizer.stylizer import Stylizer

    Load = Callable[..., Stylizer]
    """`Stylizer.load` with everything but the style and the model."""


USUAL = {
    "strength": 1.0,
    "color": 1.0,
    "stroke_size": 1.0,
    "size": None,
    "start": None,
    "duration": None,
    "precision": "auto",
    "match_colors": "none",
    "feather": None,
}
"""Settings that join the style in the names of results, and what they are where nobody gave them. The model and the
mask's file do not."""


@dataclass(frozen=True)
class Controls:
    """The options, read and found to go together; nothing is loaded yet."""

    style: str | None
    """That the stylizer is to be opened with; None for the model's first."""
    timeline: "Timeline | None" = None
    mask: Path | None = None
    styles: tuple[str | None, ...] = ()
    """Of the mask's regions; None is the image as it is."""
    follows: int = 0
    """Which of the regions is in the stylizer's own style, whatever that is at the time."""
    labels: "tuple[Label, ...]" = ()
    """Of the regions; none for inside and outside."""
    feather: float | None = None
    matching: str = "none"
    """How paintings get an image's colours."""

    def tag(self, style: str) -> str:
        """The styles, as a part of the result's file name; `style` is the opened stylizer's."""
        from nst_rt.files.naming import style_tag

        own = style_tag(style)
        if self.timeline:
            played = "-".join(style_tag(entry.style) for entry in self.timeline.entries)
            own = style_tag(f"timeline-{played}")
        if self.mask is None:
            return own
        tags = [own if at == self.follows else style_tag(name or "none") for at, name in enumerate(self.styles)]
        return "-".join(tags)[:80]

    def result_tag(
        self, stylizer: "Stylizer", style: str | None = None, *, number: int = 1, **settings: float | str | None
    ) -> str:
        """What stands between an image's or video's own name and the suffix in the name of its result.

        Args:
            style: the stylizer's present one if left out.
            number: from 2 on it joins the styles, where others have the same name: `sky-2`.
            settings: those of `USUAL`; one that has another value than there joins the styles:
                `gogh.strength-0.5.color-0`.
        """
        from nst_rt.files.naming import style_tag

        tags = [self.tag(style or stylizer.style or str(stylizer.describe().get("model", "")))]
        if number > 1:
            tags[0] += f"-{number}"
        for name, value in {**settings, "match_colors": self.matching, "feather": self.feather}.items():
            if value != USUAL[name]:
                text = f"{value:.12g}" if isinstance(value, float) else value
                tags.append(style_tag(f"{name.replace('_', '-')}-{text}"))
        return ".".join(tags)

    def files(self) -> list[Path]:
        """What is read beside the images: the mask, and every painting."""
        from nst_rt.styles.blends import is_style_image, parse_terms

        played = [entry.style for entry in self.timeline.entries] if self.timeline else []
        named = dict.fromkeys(style for style in (self.style, *self.styles, *played) if style)
        found = [self.mask] if self.mask else []
        for style in named:
            with suppress(StyleError):  # no blend, but a model's name; or an error that opening it will tell
                found += [Path(term.name) for term in parse_terms(style) if is_style_image(term.name)]
        return found

    def unseen(self, part: "VideoPart", duration: "Fraction | float") -> list[str]:
        """Notices about styles of the timeline that a part of a video does not show.

        Args:
            duration: seconds of the part, or of the whole video.
        """
        if self.timeline is None:
            return []
        begin, end = float(part.start), float(part.start + duration)
        what = "video" if part.length is None else "part"
        found = []
        if early := self.timeline.over_before(begin):
            found.append(f"the part begins at {begin:g} s; {_listed(early)} over before")
        if late := self.timeline.never_reached(end):
            found.append(f"the {what} ends at {round(end, 2):g} s; {_listed(late)} never reached")
        return found

    def load(self, load: "Load", model: str | None) -> "Stylizer":
        """The stylizer, opened with the first style.

        Raises:
            NstError: as `Stylizer.load`; a style of a timeline is shown at its place.
        """
        try:
            return load(self.style, model=model)
        except StyleError as error:
            if self.timeline is None:
                raise
            try:
                without = load(None, model=model)
            except StyleError as other:
                if str(other) == str(error):  # whatever the style: another option, or the model's styles file
                    raise error from None
            else:
                with without:
                    without.require_style_vectors("timelines")
            raise self.timeline.blamed(self.timeline.entries[0], error) from error

    def player(self, stylizer: "Stylizer") -> "TimelinePlayer | None":
        """The timeline, playing on a stylizer.

        Raises:
            StyleError: the model has no style vectors, or lacks a style.
        """
        from nst_rt.styles.timeline import TimelinePlayer

        return TimelinePlayer(self.timeline, stylizer) if self.timeline else None

    def read_mask(self, opened: ExitStack, *, video: bool = False, start: Fraction = Fraction(0)) -> "Mask | None":
        """The mask, if there is one; arguments and errors are those of `masked`."""
        if self.mask is None:
            return None
        from nst_rt.masks.mask import StillMask
        from nst_rt.masks.video_mask import VideoMask, open_mask

        read = partial(open_mask, start=start) if video else StillMask.read
        mask = read(self.mask, self.labels, feather=self.feather)
        if isinstance(mask, VideoMask):
            opened.enter_context(mask)
        return mask

    def masked(
        self,
        stylizer: "Stylizer",
        opened: ExitStack,
        load: "Load",
        *,
        video: bool = False,
        start: Fraction = Fraction(0),
        mask: "Mask | None" = None,
    ) -> "Stylizer | MaskedStylizer":
        """The stylizer behind its mask; itself if there is none.

        Args:
            opened: closes what is opened here.
            load: opens a model that is a style of its own.
            video: the mask may be a video.
            start: seconds of that video to leave out.
            mask: where it has been read already.

        Raises:
            InputError: the mask cannot be read, or has labels without a style.
            StyleError: a style is unknown.
        """
        mask = mask or self.read_mask(opened, video=video, start=start)
        if mask is None:
            return stylizer
        from nst_rt.stylizer.masked_stylizer import MaskedStylizer
        from nst_rt.stylizer.stylizer import model_of_style

        found: dict[str, Stylizer | str] = {}
        styles: list[Stylizer | str | None] = []
        for at, style in enumerate(self.styles):
            if at == self.follows or style is None:
                styles.append(None if at != self.follows else stylizer)
                continue
            if style not in found:
                if style in stylizer.styles or model_of_style(style) is None:
                    found[style] = style
                else:
                    found[style] = stylizer if style == self.style else opened.enter_context(load(style))
            styles.append(found[style])
        return MaskedStylizer(stylizer, mask, styles)

    def match_colors(
        self, stylize: "Stylizer | MaskedStylizer", player: "TimelinePlayer | None", image: "Frame"
    ) -> None:
        """Give the paintings among the styles the colours of an image, uint8 (H, W, 3) BGR, if that is wanted."""
        if self.matching == "none":
            return
        stylize.match_colors(image, self.matching)
        if player is not None:
            player.read_styles()

    def at_times(
        self, stylize: "Stylizer | MaskedStylizer", player: "TimelinePlayer | None"
    ) -> "Callable[[Frame, float], Callable[[], Frame]]":
        """A call that prepares a video's frame as it is to be at its second, see `Stylizer.prepare`.

        The first frame's colours are matched.
        """
        begun = False

        def at_time(frame: "Frame", seconds: float) -> "Callable[[], Frame]":
            nonlocal begun
            if not begun:
                self.match_colors(stylize, player, frame)
                begun = True
            if player is not None:
                player.seek(seconds)
            return stylize.prepare(frame)

        return at_time

    def described(self, stylizer: "Stylizer | MaskedStylizer") -> dict[str, Any]:
        """What runs, ready for JSON: the stylizer's own description, and the timeline."""
        matched = {"match_colors": self.matching} if self.matching != "none" else {}
        return {**stylizer.describe(), **matched, **({"timeline": self.timeline.text} if self.timeline else {})}


def _listed(entries: "list[Entry]") -> str:
    named = ", ".join(f"{entry.style!r} ({entry.start:g} s)" for entry in entries)
    return f"{named} {'is' if len(entries) == 1 else 'are'}"


def read_controls(
    style: str | None,
    *,
    timeline: str | None = None,
    mask: Path | None = None,
    outside: str | None = None,
    regions: str | None = None,
    feather: float | None = None,
    match_colors: str = "none",
) -> Controls:
    """Read the options and see whether they go together.

    Raises:
        StyleError: they do not, or one is malformed (an ExpressionError, which shows the place).
    """
    controls = _read(style, timeline, mask, outside, regions, feather)
    if match_colors == "none":
        return controls
    from nst_rt.styles.blends import require_style_image
    from nst_rt.styles.color_matching import check_method

    check_method(match_colors)
    played = [term.name for entry in controls.timeline.entries for term in entry.terms] if controls.timeline else []
    require_style_image([controls.style, *controls.styles, *played])
    return replace(controls, matching=match_colors)


def _read(
    style: str | None,
    timeline: str | None,
    mask: Path | None,
    outside: str | None,
    regions: str | None,
    feather: float | None,
) -> Controls:
    if timeline is None and mask is None and outside is None and regions is None and feather is None:
        return Controls(style)
    from nst_rt.styles.timeline import Timeline

    if mask is None:
        for option, value in (("--outside", outside), ("--regions", regions), ("--feather", feather)):
            if value is not None:
                raise StyleError(f"{option} is about a mask, and there is none. Give --mask FILE too")
    for option, value in (("--timeline", timeline), ("--regions", regions)):
        if value is not None and style is not None:
            raise StyleError(f"{option} names the styles. Leave --style {style} out")
    if regions is not None and outside is not None:
        raise StyleError("--regions names every style. Leave --outside out, and write other=... among the regions")
    if regions is not None and timeline is not None:
        raise StyleError(
            "--timeline is for the inside of a mask, and --regions has fixed styles. Leave one of them out"
        )
    played = Timeline(timeline) if timeline is not None else None
    style = played.style if played else style
    if mask is None:
        return Controls(style, played)
    return _masked(style, played, mask, outside, regions, feather)


def _masked(
    style: str | None,
    timeline: "Timeline | None",
    mask: Path,
    outside: str | None,
    regions: str | None,
    feather: float | None,
) -> Controls:
    from nst_rt.styles.regions import is_photograph, parse_regions

    if regions is not None:
        read = parse_regions(regions)
        styles, labels = tuple(region.style for region in read), tuple(region.label for region in read)
    else:
        if outside is None or is_photograph(outside):
            outside = None
        styles, labels = (None if style is not None and is_photograph(style) else style or "", outside), ()
    follows = next((at for at, name in enumerate(styles) if name is not None), None)
    if follows is None:
        raise StyleError(f"{mask}: every region is the image as it is. Give one of them a style")
    return Controls(styles[follows] or None, timeline, mask, styles, follows, labels, feather)
