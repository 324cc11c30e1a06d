"""Rows as a file that a spreadsheet reads. Counterpart: `points_page.py` asks where to.

One rule: a name from a device never becomes a formula in somebody's spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """Return a table as CSV; numbers stay numbers."""
    said = io.StringIO()
    writer = csv.writer(said)
    writer.writerow(heads)
    for row in rows:
        writer.writerow([_plain(cell) if isinstance(cell, str) else cell for cell in row])
    return said.getvalue()


def write_table(path: Path, text: str) -> None:
    """Write it so that spreadsheets know its letters. Raises OSError."""
    path.write_text(text, "utf-8-sig", newline="")


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
