"""What is made of a part of a profile is made once for all devices that are read with it. Counterpart: `look.py`, `rows.py`.

One rule: only what depends on that part alone, and changes nothing, may be shared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

PARTS_CAP = 8_192
"""Parts of all profiles there are; above it all is made anew."""

P = TypeVar("P")
M = TypeVar("M")


def shared(make: Callable[[P], M]) -> Callable[[P], M]:
    """Let a function return for the same object what it returned before; the object is kept, so that its id stays its own."""
    made: dict[int, tuple[P, M]] = {}

    @wraps(make)
    def find(part: P) -> M:
        found = made.get(id(part))
        if found is None:
            if len(made) >= PARTS_CAP:
                made.clear()
            found = made[id(part)] = (part, make(part))
        return found[1]

    return find
