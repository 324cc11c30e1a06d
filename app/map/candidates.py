"""Which cable links that devices tell of, and nobody has drawn, the page is told. Counterpart: `map_assets/src/candidates.js`.

Links by radio are told in any case: `radio.py`. One rule: only what differs from what the page was told is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domain.evidence import DerivedLink

CANDIDATES_CAP = 2_000
"""Most that are drawn: the surest."""

Row = dict[str, Any]


class CandidatesFeed:
    """What one page knows of candidates."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def whole(self) -> Row:
        """Return the message for a page that knows nothing."""
        return {"candidates": self._rows} if self._rows else {}

    def tell(self, told: Iterable[DerivedLink]) -> Row:
        """Take those that nobody has drawn now; return what the page is to learn of it."""
        surest = sorted((one for one in told if one.kind != "wireless"), key=lambda one: (-one.score, one.id))
        rows: list[Row] = [{"id": one.id, "a": one.a, "b": one.b} for one in surest[:CANDIDATES_CAP]]
        if rows == self._rows:
            return {}
        self._rows = rows
        return {"candidates": rows}
