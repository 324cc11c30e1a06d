"""Where several lines are typed. Counterpart: `text.py`, what is only read.

One rule: whatever is pasted or dropped, the window goes on answering: Qt lays a line of a million letters out for a minute.
"""

from __future__ import annotations

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QPlainTextEdit

PASTED_CAP = 50_000
"""More than any field takes, so that whoever pastes too much hears it from the field."""


class TextBox(QPlainTextEdit):
    """Lines of text; of what is pasted at once the first `PASTED_CAP` characters are taken."""

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste, or drop."""
        text = source.text()
        if len(text) > PASTED_CAP:
            self.insertPlainText(text[:PASTED_CAP])
        else:
            super().insertFromMimeData(source)
