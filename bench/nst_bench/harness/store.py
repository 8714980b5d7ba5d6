"""Answers that are expensive to find, kept in files so that a run that was stopped goes on where it was."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nst_rt.errors import OutputError
from nst_rt.files.atomic import replacing, why_not_written

METHOD = 1
"""Goes up when a measurement comes to mean something else, so that older answers are not taken for it."""


class Store:
    """JSON answers by their questions, in one folder.

    A question holds everything that decides its answer (hashes of files, settings); another model under the same name
    is another question, and an answer is never stale.

    Raises:
        OutputError: the folder is not there and cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(why_not_written(folder, error)) from error
        self._folder = folder

    def path(self, question: Mapping[str, Any], suffix: str = ".json") -> Path:
        """Where the answer to a question lies, or a file that goes with it."""
        whole = json.dumps({**question, "method": METHOD}, sort_keys=True)
        digest = hashlib.sha256(whole.encode()).hexdigest()[:20]
        return self._folder / f"{question['kind']}-{digest}{suffix}"

    def find(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer that is kept; None if there is none, or a file that cannot be read as one."""
        try:
            kept = json.loads(self.path(question).read_text(encoding="utf-8"))
            return dict(kept["answer"]) if kept["question"] == json.loads(json.dumps(question)) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, question: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Write an answer.

        Raises:
            OutputError: the folder cannot be written to.
        """
        with replacing(self.path(question)) as temporary:
            text = json.dumps({"question": question, "answer": answer}, indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")
