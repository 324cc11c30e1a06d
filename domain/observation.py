"""The only thing that comes from a device: what one probe got in one poll. Counterpart: `monitor/` makes it, `judge/` reads it.

One rule: it holds a reading or a failure, never both and never neither.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

Value = tuple[str, str, float]
"""(metric name of the catalogue, instance such as an interface's name or "", value in the catalogue's unit)."""

Told = tuple[str, Any]
"""(field, plain value) that a device tells of itself; becomes a Fact when the poller stamps it."""


class Sighting(NamedTuple):
    """Who is behind a port: a row of a forwarding table (`fdb`), or of the table of addresses and MACs (`arp`).

    There are too many of them, and they change too often, to be facts: the judge keeps those of devices that it knows.
    """

    kind: Literal["fdb", "arp"]
    interface: str
    mac: str
    address: str = ""


class Reading(msgspec.Struct, frozen=True):
    """What an answer said: numbers and facts. `facts_whole` prefixes whose absent fields are gone (e.g. "interface/").

    `sightings` are the tables that were looked at in this reading; most readings have none.
    """

    values: tuple[Value, ...] = ()
    facts: tuple[Told, ...] = ()
    facts_whole: tuple[str, ...] = ()
    sightings: tuple[Sighting, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """Why there is no reading: a DeviceError's kind and its words; of "untrusted" the fingerprint that was `seen`."""

    kind: str
    message: str
    seen: str = ""


class Observation(msgspec.Struct, frozen=True):
    """One probe of one device from one vantage. `rtt_us` is the round trip of the answer, None without one."""

    device: UUID
    probe: str
    vantage: UUID
    at_us: int
    rtt_us: int | None = None
    reading: Reading | None = None
    failure: Failure | None = None

    def __post_init__(self) -> None:
        if (self.reading is None) == (self.failure is None):
            raise ValueError(f"an observation of {self.device} needs a reading or a failure, exactly one")
