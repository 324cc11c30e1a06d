"""Values of a file's text: numbers, capacities, tags, ids. Counterpart: `planning.py` asks for them.

One rule: what cannot be understood is Wrong, with what was got and what was expected; nothing is guessed.
"""

from __future__ import annotations

import math
import re
from uuid import UUID

from domain.text import clean_text

_BITS = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*([kKmMgGtT]?)(?:i?[bB](?:it)?(?:/s|ps)?)?")
_FACTOR = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000, "t": 1_000_000_000_000}


class Wrong(Exception):
    """A record cannot be taken, in words for a person."""


def number_in(text: str, what: str) -> float:
    """Return a number; a comma may stand for the point. Raises Wrong."""
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Wrong(f"{what.replace('_', ' ')}: a number expected, got {clean_text(text, 40)!r}")
    return found


def bits_in(text: str) -> int:
    """Return a capacity such as "1G", "300 Mb/s" or "1000000000" in bit/s. Raises Wrong."""
    found = _BITS.fullmatch(text.strip())
    if found is None:
        raise Wrong(f'capacity: bit/s such as "300M" or "1 Gbit/s" expected, got {clean_text(text, 40)!r}')
    return round(float(found[1].replace(",", ".")) * _FACTOR[found[2].lower()])


def tags_in(text: str) -> tuple[str, ...]:
    """Return tags that are parted by commas, semicolons or lines."""
    return tuple(dict.fromkeys(tag for part in re.split(r"[,;\n]", text) if (tag := part.strip())))


def uuid_in(text: str) -> UUID | None:
    """Return an id, or None where the text is none."""
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
