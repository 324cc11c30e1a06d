"""What the window's filter leaves, as the map shows it: the rest steps back. Counterpart: `map_assets/src/sieve.js`.

One rule: only devices that match are told; that a fault never steps back the page sees to itself, and at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from app.words import count_of

_NONE: dict[str, Any] = {"on": False, "kept": [], "said": "", "count": ""}


class Sifted(NamedTuple):
    """A filter in words, the devices that it leaves, and of how many."""

    said: str
    kept: tuple[UUID, ...]
    of: int

    @property
    def counted(self) -> str:
        """How many it leaves, in words."""
        if not self.kept:
            return "nothing matches"
        return f"{len(self.kept):,} of {count_of(self.of, 'device', 'devices')}"


class MapSieve:
    """The filter of one map; None: everything is shown as it is."""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        self.sifted: Sifted | None = None

    def state(self) -> dict[str, Any]:
        """Return what a page is told."""
        found = self.sifted
        if found is None:
            return {"sieve": _NONE}
        return {
            "sieve": {"on": True, "kept": found.kept, "said": f"Filter: {found.said}", "count": found.counted}
        }

    def show(self, sifted: Sifted | None) -> None:
        """Show a filter, or none."""
        if sifted != self.sifted:
            self.sifted = sifted
            self._send(**self.state())


def words_of(text: str, statuses: Iterable[str]) -> str:
    """Return a filter in words: down or stale, “kempten”."""
    said = [" or ".join(statuses)] if statuses else []
    return ", ".join([*said, *([f"“{text.strip()}”"] if text.strip() else [])])
