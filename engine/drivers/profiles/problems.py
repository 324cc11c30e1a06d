"""What is said of a profile's file that is wrong. Counterpart: `checks.py` finds it, `library.py` collects it.

One rule: a refusal names the file, the path inside it (`lines.py` finds its line), what was got and what was expected.
"""

from __future__ import annotations

from domain.errors import Refusal
from domain.text import clean_text

_SAID_CAP = 600


class BadProfile(Exception):
    """A file is no profile."""

    def __init__(self, refusal: Refusal, file: str = "") -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.file = file


def refuse(file: str, path: str, said: str) -> Refusal:
    """Return a refusal that names the file and the path inside it."""
    where = f"{file}: {path}" if path else file
    return Refusal("BAD_PROFILE", clean_text(f"{where}: {said}", _SAID_CAP), path)
