"""What a device says of itself and its neighbours: latest wins, never undone. Counterpart: `inventory.py`, what people intend.

One rule: a fact is addressed by (subject, field, source, vantage); a later one with the same address replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

SOURCE_RANK = {"routeros": 0, "snmp": 1, "tcp": 2, "icmp": 3}
"""Whom to believe first where two sources tell the same field."""


class Fact(msgspec.Struct, frozen=True):
    """`value` is plain data (text, number, truth, list, dict); None says that the field is gone."""

    subject: UUID
    field: str
    source: str
    vantage: UUID
    at_us: int
    value: Any

    @property
    def address(self) -> tuple[UUID, str, str, UUID]:
        """What makes two facts one."""
        return (self.subject, self.field, self.source, self.vantage)


def later(old: Fact | None, new: Fact) -> Fact:
    """Return the one that holds: the later, and of two at one instant the one that sorts higher (so that it converges)."""
    if old is None or (new.at_us, repr(new.value)) >= (old.at_us, repr(old.value)):
        return new
    return old


def best(facts: list[Fact]) -> dict[str, Fact]:
    """Return one fact a field: the best source's, and of that the latest. Gone fields are left out."""
    found: dict[str, Fact] = {}
    for fact in sorted(facts, key=lambda f: (-SOURCE_RANK.get(f.source, 9), f.at_us)):
        if fact.value is not None:
            found[fact.field] = fact
    return found


def digest(facts: Iterable[Fact]) -> bytes:
    """Return 8 bytes that two ends compare who know facts of one device from one vantage; gone fields are left out.

    Over addresses and times alone: how a database writes a number changes nothing.
    """
    told = sorted((f.field, f.source, f.at_us) for f in facts if f.value is not None)
    return blake2b(msgspec.msgpack.encode(told), digest_size=8).digest()
