"""Results that are expensive to measure, kept in files: a run that was stopped continues where it was."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nst_rt.contract import Frame
from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing, why_not_written
from nst_rt.media.images.image_writer import write_image

METHOD = 2
"""Raised when a measurement changes its meaning, so that older results are not used."""

Key = Mapping[str, Any]
"""What decides a result: `kind`, the hashes of all files, the settings. JSON-ready."""


class ResultCache:
    """JSON results by their keys, in one folder.

    A key holds everything that decides its result. Another model under the same name has another hash and so another
    key: a result never goes stale.

    Args:
        folder: made with the first result if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: Key, suffix: str = ".json") -> Path:
        """The file of a result, or of something that belongs to it."""
        text = json.dumps({**key, "method": METHOD}, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:20]
        return self._folder / f"{key['kind']}-{digest}{suffix}"

    def find(self, key: Key) -> dict[str, Any] | None:
        """The result that is kept; None if there is none, or if its file cannot be read."""
        try:
            kept = json.loads(self.path(key).read_text(encoding="utf-8"))
            return dict(kept["result"]) if kept["key"] == json.loads(json.dumps(key)) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, key: Key, result: Mapping[str, Any]) -> None:
        """Write a result.

        Raises:
            OutputError: the folder cannot be made or written to.
        """
        self._make_folder()
        with replacing(self.path(key)) as temporary:
            text = json.dumps({"key": key, "result": result}, indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    def keep_image(self, key: Key, image: Frame) -> None:
        """Write an image uint8 (H, W, 3) BGR that belongs to a result, as PNG.

        Raises:
            OutputError: the folder cannot be made or written to.
        """
        self._make_folder()
        write_image(self.path(key, ".png"), image)

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(why_not_written(self._folder, error)) from error
