"""What one turn of the judge changed. Counterpart: `compose.py`, which hands it to storage and endpoint.

One rule: it holds new values only; what stayed as it was is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from domain.alerts import Alert
from domain.fact import Fact
from domain.health import Health
from domain.journal import JournalRow
from domain.load import LinkState
from domain.observation import Value
from engine.state import Subject


class Sample(NamedTuple):
    """The numbers of one visit to a device."""

    device: UUID
    at_us: int
    values: tuple[Value, ...]


@dataclass
class Outcome:
    """New states, what happened, and numbers. `faults`, `derived_links` and `contradictions` name which turned or are gone,
    `values` devices whose latest values changed; `turned` is True where a health or link has another status than before."""

    health: list[Health] = field(default_factory=list)
    link_states: list[LinkState] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    faults: list[UUID] = field(default_factory=list)
    derived_links: list[UUID] = field(default_factory=list)
    contradictions: list[UUID] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    journal: list[JournalRow] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    values: list[UUID] = field(default_factory=list)
    turned: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.health
            or self.link_states
            or self.alerts
            or self.faults
            or self.derived_links
            or self.contradictions
            or self.facts
            or self.journal
            or self.samples
            or self.values
        )

    def subjects(self) -> list[Subject]:
        """Return what clients are to be told of."""
        return [
            *(Subject("health", health.device) for health in self.health),
            *(Subject("link_state", link.link) for link in self.link_states),
            *(Subject("alert", alert.id) for alert in self.alerts),
            *(Subject("fault", id) for id in self.faults),
            *(Subject("derived_link", id) for id in self.derived_links),
            *(Subject("contradiction", id) for id in self.contradictions),
            *(Subject("fact", fact.address) for fact in self.facts),
            *(Subject("values", device) for device in self.values),
        ]
