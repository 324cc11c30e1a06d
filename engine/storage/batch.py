"""What the engine hands to storage and gets from it. Counterpart: `monitor/` and `judge/` fill a Batch, `store.py` writes it.

One rule: a batch is written whole or not at all; of each subject it holds the newest state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.alerts import Alert
from domain.fact import Fact
from domain.finding import Find
from domain.health import Health, Status
from domain.inventory import Inventory, Tenant
from domain.journal import JournalRow
from domain.load import LinkState, LinkStatus
from domain.observation import Value
from domain.receiving import ReceiverSettings
from domain.retention import Retention


class CycleRow(NamedTuple):
    """The numbers of one device in one poll cycle."""

    device: UUID
    at_us: int
    values: tuple[Value, ...]


class FindRow(NamedTuple):
    """A find as it is now, None where it is gone."""

    id: UUID
    find: Find | None


@dataclass(slots=True)
class Batch:
    """What is written together."""

    samples: list[CycleRow] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    health: list[Health] = field(default_factory=list)
    link_states: list[LinkState] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    journal: list[JournalRow] = field(default_factory=list)
    finds: list[FindRow] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        states = (
            len(self.finds) + len(self.facts) + len(self.health) + len(self.link_states) + len(self.alerts)
        )
        return len(self.samples) + len(self.journal) + states


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a database held when it was opened. `origin` names this install, and is its vantage."""

    tenant: Tenant
    origin: UUID
    inventory: Inventory
    facts: list[Fact]
    health: list[Health]
    alerts: list[Alert]
    link_states: list[LinkState]
    retention: Retention
    receivers: ReceiverSettings
    finds: list[Find]
    next_seq: int
    """The number of the next journal row of this origin."""


class DeviceThen(msgspec.Struct, frozen=True, gc=False):
    """The health of a device as it was."""

    device: UUID
    status: Status
    since_us: int
    reason: str = ""


class LinkThen(msgspec.Struct, frozen=True, gc=False):
    """The state of a link as it was."""

    link: UUID
    status: LinkStatus
    since_us: int


class Keyframe(msgspec.Struct, frozen=True):
    """The state of everything after a journal row, or a piece of it, so that seeking need not start at the beginning.

    `closed` are alerts that ended long before, as a list that is read only where somebody comes back to one.
    """

    health: list[DeviceThen] = []
    alerts: list[Alert] = []
    link_states: list[LinkThen] = []
    closed: msgspec.Raw = msgspec.Raw(b"\x90")


class SealedSecret(NamedTuple):
    """A secret as the vault sealed it, and its data key as it was wrapped for this install."""

    sealed: bytes
    wrapped: bytes


class Waiting:
    """Batches merged into one: rows that happened are kept in order, of states the newest holds."""

    def __init__(self) -> None:
        self.samples: list[CycleRow] = []
        self.journal: list[JournalRow] = []
        self.facts: dict[object, Fact] = {}
        self.health: dict[object, Health] = {}
        self.link_states: dict[object, LinkState] = {}
        self.alerts: dict[object, Alert] = {}
        self.finds: dict[object, FindRow] = {}

    def add(self, batch: Batch) -> None:
        """Merge one more batch, later than all before."""
        self.samples += batch.samples
        self.journal += batch.journal
        self.facts.update((fact.address, fact) for fact in batch.facts)
        self.health.update(((row.device, row.vantage), row) for row in batch.health)
        self.link_states.update((row.link, row) for row in batch.link_states)
        self.alerts.update((row.id, row) for row in batch.alerts)
        self.finds.update((row.id, row) for row in batch.finds)

    def add_before(self, batch: Batch, samples_cap: int) -> int:
        """Merge a batch that is earlier than all; return how many of the oldest samples had to go above the cap."""
        since = self.merged()
        self.samples, self.journal = [], []
        self.add(batch)
        self.add(since)
        over = max(0, len(self.samples) - samples_cap)
        del self.samples[:over]
        return over

    def merged(self) -> Batch:
        """Return all of it as one batch."""
        return Batch(
            samples=self.samples,
            facts=list(self.facts.values()),
            health=list(self.health.values()),
            link_states=list(self.link_states.values()),
            alerts=list(self.alerts.values()),
            journal=self.journal,
            finds=list(self.finds.values()),
        )

    @property
    def rows(self) -> int:
        """How many rows wait."""
        states = (
            len(self.finds) + len(self.facts) + len(self.health) + len(self.link_states) + len(self.alerts)
        )
        return len(self.samples) + len(self.journal) + states
