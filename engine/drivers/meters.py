"""What an SNMP driver asks in each cycle, and what it makes of it. Counterpart: `snmp.py`, which packs meters into GETs.

A meter names its OIDs once; then it reads its values from each answer. One rule: a value that is missing or of another type
than its MIB says is left out, and nothing else suffers.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec

from domain.observation import Sighting, Told
from domain.observation import Value as Sample
from domain.text import TEXT_CAP, text_from_bytes
from engine.drivers.snmp_session import SnmpSession
from engine.protocols.ber import Value

Values = Mapping[str, Value]
"""One answer: {OID: value}."""


class Draft(msgspec.Struct):
    """A reading in the making; of a fact told twice the later holds."""

    values: list[Sample]
    facts: dict[str, Any]


class Meter(Protocol):
    """Some OIDs that are asked in each cycle."""

    @property
    def oids(self) -> tuple[str, ...]:
        """What to ask."""

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add to the draft what this answer says."""


class Learned(NamedTuple):
    """What one slow look at a device found out. A change of a `watched` OID is a reason to look again at once."""

    meters: Sequence[Meter] = ()
    facts: Sequence[Told] = ()
    whole: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    sightings: tuple[Sighting, ...] = ()


class Known(NamedTuple):
    """What later looks need to know of the earlier ones: the interfaces' names by ifIndex."""

    ports: dict[str, str]


Look = Callable[[SnmpSession, Known], Awaitable[Learned]]


def instance_oid(column: str, index: str) -> str:
    """Return the OID of a cell, the same object for all devices: a fleet asks for few OIDs, and its tables stay in the cache."""
    return sys.intern(f"{column}.{index}")


def number(value: Value) -> int | None:
    """Return a value that is a whole number, None for anything else."""
    return value if type(value) is int else None


def text(value: Value, cap: int = TEXT_CAP) -> str:
    """Return a string of a device as clean text; empty for what is none."""
    return _clean(value[: cap * 8], cap) if isinstance(value, bytes) else ""


@lru_cache(maxsize=4096)
def _clean(data: bytes, cap: int) -> str:
    return text_from_bytes(data, cap)
