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
        """Return what a page is told that knows nothing."""
        return {"sieve": _NONE if self.sifted is None else _said(self.sifted) | {"kept": self.sifted.kept}}

    def show(self, sifted: Sifted | None) -> None:
        """Show a filter, or none; of the same filter the page is told who matches and who does so no more."""
        old, self.sifted = self.sifted, sifted
        if sifted == old:
            return
        if sifted is None or old is None or sifted.said != old.said:
            self._send(**self.state())
            return
        now, before = set(sifted.kept), set(old.kept)
        self._send(sieve=_said(sifted) | {"more": sorted(now - before), "less": sorted(before - now)})


def _said(found: Sifted) -> dict[str, Any]:
    return {"on": True, "said": f"Filter: {found.said}", "count": found.counted}


def words_of(text: str, statuses: Iterable[str]) -> str:
    """Return a filter in words: down or stale, “kempten”."""
    said = [" or ".join(statuses)] if statuses else []
    return ", ".join([*said, *([f"“{text.strip()}”"] if text.strip() else [])])
