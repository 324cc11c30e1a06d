"""Tables that hold only what is something. Counterpart: `evidence_fusion.py` keeps what devices claim in them.

One rule: an empty entry is no entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

_Key = TypeVar("_Key")
_Thing = TypeVar("_Thing")


def set_or_drop(table: dict[_Key, _Thing], key: _Key, value: _Thing | None) -> None:
    """Keep what is something, and nothing else."""
    if value:
        table[key] = value
    else:
        table.pop(key, None)


def turn_around(table: dict[UUID, set[UUID]], id: UUID, was: Iterable[UUID], new: Iterable[UUID]) -> None:
    """Keep who points at whom the other way around."""
    had, has = set(was), set(new)
    for peer in had - has:
        table[peer].discard(id)
        if not table[peer]:
            del table[peer]
    for peer in has - had:
        table.setdefault(peer, set()).add(id)
