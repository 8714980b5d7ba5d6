"""Options that take several values at once, as the shell makes of `--content *.jpg`."""

from typing import Any, ClassVar

from typer.core import TyperCommand


class RepeatedValues(TyperCommand):
    """A command without arguments, whose options in `LISTS` take all values up to the next option."""

    LISTS: ClassVar[tuple[str, ...]] = ()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click; `--content a b` is read as `--content a --content b`."""
        return super().parse_args(ctx, list(self._expanded(args)))

    def _expanded(self, args: list[str]) -> "list[str]":
        found: list[str] = []
        option, fresh = "", False
        for word in args:
            if word.startswith("-") and word != "-":
                option, fresh = (word, True) if word in self.LISTS else ("", False)
            elif option and not fresh:
                found.append(option)
            else:
                fresh = False
            found.append(word)
        return found
