"""What the engine knows now, of every subject. Counterpart: `judge/` and `requests.py` write it, `outbox.py` reads it.

One rule: values are immutable and replaced whole, so that a reader never sees half a change and "latest wins" needs no copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from uuid import UUID

from domain.alerts import Alert
from domain.evidence import Contradiction, DerivedLink
from domain.fact import Fact
from domain.fault import Fault
from domain.finding import Find
from domain.health import Health
from domain.inventory import KINDS, Inventory, Kind
from domain.load import LinkState
from domain.maps import MapFile
from domain.observation import Value
from domain.operation import Operation
from domain.team import TeamState
from domain.tunnels import TunnelsState
from domain.wire import FOUND_KINDS, EngineState, FoundKind, LatestValues
from engine.storage.batch import Loaded

Table = (
    Kind
    | Literal[
        "health",
        "link_state",
        "alert",
        "fault",
        "derived_link",
        "contradiction",
        "operation",
        "find",
        "map",
        "fact",
        "facts",
        "values",
        "engine",
        "team",
        "tunnels",
    ]
)


class Subject(NamedTuple):
    """One thing that has a latest state: of a fact the address, of the rest the id (None: there is one alone).

    "facts" stands for all facts of a device, in a snapshot.
    """

    table: Table
    key: Any


@dataclass
class State:
    """Inventory as intended, and all that adds up from observations. `facts` by device, then by (field, source); `live` is
    when and what a watched device streamed last, which is shown and not kept."""

    inventory: Inventory
    vantage: UUID
    health: dict[UUID, Health] = field(default_factory=dict)
    link_states: dict[UUID, LinkState] = field(default_factory=dict)
    alerts: dict[UUID, Alert] = field(default_factory=dict)
    faults: dict[UUID, Fault] = field(default_factory=dict)
    derived_links: dict[UUID, DerivedLink] = field(default_factory=dict)
    contradictions: dict[UUID, Contradiction] = field(default_factory=dict)
    operations: dict[UUID, Operation] = field(default_factory=dict)
    finds: dict[UUID, Find] = field(default_factory=dict)
    maps: dict[UUID, MapFile] = field(default_factory=dict)
    facts: dict[UUID, dict[tuple[str, str], Fact]] = field(default_factory=dict)
    values: dict[UUID, LatestValues] = field(default_factory=dict)
    live: dict[UUID, tuple[int, tuple[Value, ...]]] = field(default_factory=dict)
    engine: EngineState | None = None
    team: TeamState | None = None
    tunnels: TunnelsState | None = None

    def latest(self, subject: Subject) -> Any:
        """Return a subject's state now, or None where it is gone."""
        table, key = subject
        if table in KINDS:
            return self.inventory.get(table, key)
        match table:
            case "health":
                return self.health.get(key)
            case "link_state":
                return self.link_states.get(key)
            case "alert":
                return self.alerts.get(key)
            case "fault" | "derived_link" | "contradiction" | "operation" | "find" | "map":
                return self._found(table).get(key)
            case "fact":
                return self.facts.get(key[0], {}).get(key[1:3])
            case "values":
                return self._values(key)
            case "team":
                return self.team
            case "tunnels":
                return self.tunnels
            case _:
                return self.engine

    def _found(self, kind: FoundKind) -> dict[UUID, Any]:
        tables: dict[FoundKind, dict[UUID, Any]] = {
            "fault": self.faults,
            "derived_link": self.derived_links,
            "contradiction": self.contradictions,
            "operation": self.operations,
            "find": self.finds,
            "map": self.maps,
        }
        return tables[kind]

    def _values(self, id: UUID) -> LatestValues | None:
        polled, live = self.values.get(id), self.live.get(id)
        if live is None:
            return polled
        polled = polled or LatestValues(id, 0, ())
        return LatestValues(id, polled.at_us, polled.values, live[1], live[0])

    def subjects(self) -> Iterator[Subject]:
        """Go over all that a new client has to know, things before what is said of them."""
        for kind in KINDS:
            for id in self.inventory.tables[kind]:
                yield Subject(kind, id)
        for id in self.health:
            yield Subject("health", id)
        for id in self.link_states:
            yield Subject("link_state", id)
        for id, alert in self.alerts.items():
            subject = alert.subject
            there = self.inventory.get("device", subject) or self.inventory.get("link", subject)
            if there or subject == self.vantage:
                yield Subject("alert", id)
        for table in FOUND_KINDS:
            for id in self._found(table):
                yield Subject(table, id)
        for id in self.facts:
            yield Subject("facts", id)
        yield Subject("engine", None)
        yield Subject("team", None)
        yield Subject("tunnels", None)


def state_from(loaded: Loaded) -> State:
    """Return what is known at the start; loads of links are old by now and left out."""
    state = State(loaded.inventory, loaded.origin)
    latest = sorted(loaded.health, key=lambda health: health.heard_us)  # of several vantages
    state.health.update((health.device, health) for health in latest)
    state.alerts.update((alert.id, alert) for alert in loaded.alerts)
    for link in loaded.link_states:
        state.link_states[link.link] = type(link)(link.link, link.status, link.since_us, link.at_us)
    for fact in loaded.facts:
        state.facts.setdefault(fact.subject, {})[fact.field, fact.source] = fact
    state.finds.update((find.id, find) for find in loaded.finds)
    return state
