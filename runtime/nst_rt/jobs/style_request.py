"""What `StylizerOptions` ask for, read once: which style where and when. Nothing is opened yet."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nst_rt.errors import StyleError
from nst_rt.jobs.stylizer_options import StylizerOptions

if TYPE_CHECKING:
    from fractions import Fraction

    from nst_rt.media.video.video_part import VideoPart
    from nst_rt.styles.regions import Label
    from nst_rt.styles.timeline import Entry, Timeline


@dataclass(frozen=True)
class StyleRequest:
    """Options that fit together; `StyleRequest.read` makes one."""

    options: StylizerOptions
    style: str | None
    """That the stylizer is opened with; None for the model's first."""
    timeline: "Timeline | None" = None
    styles: tuple[str | None, ...] = ()
    """Of the mask's regions; None is the image as it is."""
    follows: int = 0
    """The region that has the stylizer's own style, also when that changes."""
    labels: "tuple[Label, ...]" = ()
    """Of the regions; none for inside and outside."""

    @classmethod
    def read(cls, options: StylizerOptions) -> "StyleRequest":
        """Read the options and check that they fit together.

        Raises:
            StyleError: they do not, or one is malformed (an ExpressionError, which shows the place).
        """
        _check_together(options)
        request = cls(options, options.style)
        if options.timeline is not None:
            from nst_rt.styles.timeline import Timeline

            timeline = Timeline(options.timeline)
            request = cls(options, timeline.style, timeline)
        if options.mask is not None:
            request = request._with_regions(options.mask)
        if options.match_colors != "none":
            from nst_rt.styles.blends import require_style_image
            from nst_rt.styles.color_matching import check_method

            check_method(options.match_colors)
            entries = request.timeline.entries if request.timeline else []
            require_style_image([request.style, *request.styles, *(term.name for one in entries for term in one.terms)])
        return request

    def _with_regions(self, mask: Path) -> "StyleRequest":
        from nst_rt.styles.regions import is_photograph, parse_regions

        styles: tuple[str | None, ...]
        if self.options.regions is not None:
            regions = parse_regions(self.options.regions)
            styles, labels = tuple(one.style for one in regions), tuple(one.label for one in regions)
        else:
            # An empty style is the model's first.
            inside, outside, labels = self.style or "", self.options.outside, ()
            styles = tuple(None if one is None or is_photograph(one) else one for one in (inside, outside))
        follows = next((at for at, style in enumerate(styles) if style is not None), None)
        if follows is None:
            raise StyleError(f"{mask}: every region is the image as it is. Give one of them a style", parameter="mask")
        return StyleRequest(self.options, styles[follows] or None, self.timeline, styles, follows, labels)

    def files(self) -> list[Path]:
        """What is read beside the images: the mask, and every painting."""
        from nst_rt.styles.blends import is_style_image, parse_terms

        played = [entry.style for entry in self.timeline.entries] if self.timeline else []
        named = dict.fromkeys(style for style in (self.style, *self.styles, *played) if style)
        found = [self.options.mask] if self.options.mask else []
        for style in named:
            with suppress(StyleError):  # no blend, but a model's name; or an error that comes when it is opened
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


def _check_together(options: StylizerOptions) -> None:
    if options.mask is None:
        for name in ("outside", "regions", "feather"):
            if getattr(options, name) is not None:
                raise StyleError(f"{name} is about a mask, and there is none. Give a mask too", parameter=name)
    for name in ("timeline", "regions"):
        if getattr(options, name) is not None and options.style is not None:
            raise StyleError(f"{name} names the styles. Leave the style {options.style} out", parameter=name)
    if options.regions is not None and options.outside is not None:
        raise StyleError(
            "regions names every style. Leave outside out, and write other=... among the regions", parameter="outside"
        )
    if options.regions is not None and options.timeline is not None:
        raise StyleError(
            "timeline is for the inside of a mask, and regions has fixed styles. Leave one of them out",
            parameter="timeline",
        )


def _listed(entries: "list[Entry]") -> str:
    named = ", ".join(f"{entry.style!r} ({entry.start:g} s)" for entry in entries)
    return f"{named} {'is' if len(entries) == 1 else 'are'}"
