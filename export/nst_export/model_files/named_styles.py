"""What is known about the paintings behind named styles."""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from nst_rt.errors import InputError

BUILT_IN = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class NamedStyle:
    """The record of a painting. An empty text means unknown."""

    name: str
    file: str
    """File name of the painting."""
    title: str = ""
    artist: str = ""
    year: str = ""
    license: str = ""
    scale: float = 1.0
    """Size of the painting in training relative to the others, from 0.1 to 10: the larger, the larger its strokes."""

    def texts(self) -> dict[str, str]:
        """Title, artist, year and license, for a style's record."""
        return {key: value for key, value in asdict(self).items() if key not in ("name", "file", "scale")}


def read_named_styles(path: Path = BUILT_IN) -> dict[str, NamedStyle]:
    """Read a table with one section for each style.

    Raises:
        InputError: missing or malformed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        styles = {name: NamedStyle(name, **entry) for name, entry in table.items()}
        for style in styles.values():
            if not isinstance(style.scale, int | float) or not 0.1 <= style.scale <= 10:
                raise TypeError(f"scale of {style.name}: {style.scale!r} is not a number from 0.1 to 10")
        return styles
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the name") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        raise InputError(
            f"{path}: not a table of styles ({error}). Write sections [name] with file, title, artist, year, "
            "license and scale"
        ) from error


def paintings_in(folder: Path, table: dict[str, NamedStyle]) -> dict[str, Path]:
    """The paintings of a table that are in a folder, by style name.

    Raises:
        InputError: none of them is.
    """
    found = {name: folder / style.file for name, style in table.items() if (folder / style.file).is_file()}
    if not found:
        wanted = ", ".join(style.file for style in table.values())
        raise InputError(f"{folder}: none of the paintings of the named styles is in it ({wanted}). Check the folder")
    return found


def record_of(name: str, painting: Path, table: dict[str, NamedStyle]) -> NamedStyle:
    """The record of a painting; an empty one if the table has no such name with this file."""
    known = table.get(name)
    return known if known and known.file == painting.name else NamedStyle(name, painting.name)
