"""The window's mirror of what the engine holds. Counterpart: `engine/endpoint.py` sends `Changed`, panels and map read here.

Theory: batches are merged the moment they come, and what they touched is gathered into one `changed` signal: the first after a
while of none at once, then one each 100 ms, so that the screen is repainted ten times a second at most. A snapshot (batches
with `initial`) is held back until its last batch and then replaces everything at once: nobody ever sees half a network.
One rule: nothing but `merge` changes the mirror; an edit comes back as a `Changed` like everybody else's.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from PySide6.QtCore import QObject, Signal

from app.draft import now_us
from app.lags import members_of
from app.pace import Pace
from app.planned_work import PlannedWork
from domain.alerts import Alert
from domain.diagram import Diagram, Drawing, Spot
from domain.evidence import Contradiction, DerivedLink
from domain.fact import Fact
from domain.fault import Fault
from domain.finding import Find
from domain.health import Health
from domain.inventory import KINDS, Inventory, Tenant, is_paused
from domain.journal import JournalRow
from domain.lag import Bonds, Lag
from domain.load import LinkState
from domain.maps import MapFile
from domain.operation import Operation
from domain.photo import Photo
from domain.team import TeamState
from domain.team_map import TeamMap
from domain.tunnels import TunnelsState
from domain.watching import AlertRule, Ignored, Maintenance
from domain.wire import ROWS_OF, Changed, EngineState, LatestValues, Removed

MERGE_MS = 50
"""How far apart the signals are that tell of changes."""

_NONE: frozenset[UUID] = frozenset()
_BY_ID = (
    "health",
    "link_states",
    "alerts",
    "faults",
    "derived_links",
    "contradictions",
    "operations",
    "finds",
    "maps",
    "values",
)
"""What is held by id beside the inventory; a delta has the same names."""


class Sample(NamedTuple):
    """A number as it was last heard."""

    at_us: int
    value: float


class Delta(NamedTuple):
    """What was touched since the last signal. With `initial` the whole mirror is new and the ids say all that it holds.

    `watching` are rules, maintenance and ignored finds; `drawn` are diagrams, spots, drawings, photographs and the team's maps;
    `facts` and `values` name devices; what is in `removed` may be back
    already, so look; `journal` holds the new rows themselves, oldest first.
    """

    sites: frozenset[UUID] = _NONE
    devices: frozenset[UUID] = _NONE
    links: frozenset[UUID] = _NONE
    credentials: frozenset[UUID] = _NONE
    watching: frozenset[UUID] = _NONE
    drawn: frozenset[UUID] = _NONE
    health: frozenset[UUID] = _NONE
    link_states: frozenset[UUID] = _NONE
    alerts: frozenset[UUID] = _NONE
    faults: frozenset[UUID] = _NONE
    derived_links: frozenset[UUID] = _NONE
    contradictions: frozenset[UUID] = _NONE
    operations: frozenset[UUID] = _NONE
    finds: frozenset[UUID] = _NONE
    maps: frozenset[UUID] = _NONE
    facts: frozenset[UUID] = _NONE
    values: frozenset[UUID] = _NONE
    removed: tuple[Removed, ...] = ()
    journal: tuple[JournalRow, ...] = ()
    initial: bool = False
    engine: bool = False
    team: bool = False
    tunnels: bool = False

    @property
    def inventory(self) -> bool:
        """Whether anything that people intend was touched."""
        placed = self.sites or self.devices or self.links
        return bool(placed or self.credentials or self.watching or self.drawn or self.removed or self.initial)


class Model(QObject):
    """The mirror, by kind and id. Read it anywhere in the window's thread; never keep what it hands out across a signal."""

    changed = Signal(object)
    """A Delta, at most every 100 ms."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tenant: Tenant | None = None
        self.engine: EngineState | None = None
        self.team: TeamState | None = None
        """How this network stands with its team; None where it is on this computer only."""
        self.tunnels = TunnelsState()
        self.moment_us: int | None = None
        """The moment of the past that is shown; None: it is what is now."""
        self.today: Model | None = None
        """What is now, while this mirror shows a moment of the past."""
        self._clear()
        self._delta = Delta()
        self._snapshot: list[Changed] = []
        self._pace = Pace(self, MERGE_MS, self.flush)
        self._work = PlannedWork(self, self._on_work)

    def _clear(self) -> None:
        self.inventory = Inventory()
        self.health: dict[UUID, Health] = {}
        self.link_states: dict[UUID, LinkState] = {}
        self.alerts: dict[UUID, Alert] = {}
        self.faults: dict[UUID, Fault] = {}
        self.derived_links: dict[UUID, DerivedLink] = {}
        self.contradictions: dict[UUID, Contradiction] = {}
        self.operations: dict[UUID, Operation] = {}
        self.finds: dict[UUID, Find] = {}
        self.maps: dict[UUID, MapFile] = {}
        self._behind: dict[UUID, UUID] = {}
        self.bonds = Bonds()
        self.lags_then: dict[UUID, Lag] = {}
        """While a moment of the past is shown: the links of several ports as they were."""
        self.facts: dict[UUID, dict[tuple[str, str], Fact]] = {}
        self.values: dict[UUID, LatestValues] = {}
        self.samples: dict[UUID, dict[tuple[str, str], Sample]] = {}

    def now_us(self) -> int:
        """Return the time that ages count from: the moment that is shown, or the clock's."""
        return self.moment_us if self.moment_us is not None else now_us()

    def adopt(self, other: Model) -> None:
        """Hold what another mirror holds, and tell of all of it as a snapshot; they go their own ways from here on."""
        gone = self._all_removed()
        self._snapshot.clear()
        self.inventory = Inventory(other.inventory.tables)
        for name in (*_BY_ID, "_behind", "lags_then"):
            setattr(self, name, dict(getattr(other, name)))
        for name in ("facts", "samples"):
            setattr(self, name, {id: dict(of_device) for id, of_device in getattr(other, name).items()})
        self.bonds = other.bonds.copy()
        self.tenant, self.engine, self.moment_us = other.tenant, other.engine, other.moment_us
        self.team, self.tunnels = other.team, other.tunnels
        everything: dict[str, Any] = {name: frozenset(getattr(self, name)) for name in (*_BY_ID, "facts")}
        kinds: dict[str, Any] = {
            f"{kind}s": frozenset(self.inventory.tables[kind])
            for kind in ("site", "device", "link", "credential")
        }
        told = Delta(
            **everything, **kinds, removed=self._still_gone(gone), initial=True, engine=True, team=True
        )
        self._delta = told._replace(journal=self._delta.journal)
        self._work.forget()
        self._take_work()
        self.flush()

    def status_of(self, device: UUID) -> str:
        """Return a device's status as it is shown everywhere: its health, `maintenance` while it is paused or worked on, and
        `affected` where it does not answer because something before it has failed."""
        intended = self.inventory.device(device)
        if device in self._work.covered or (intended is not None and is_paused(intended, self.now_us())):
            return "maintenance"
        if device in self._behind:
            return "affected"
        health = self.health.get(device)
        return health.status if health is not None else "unknown"

    def cause_of(self, device: UUID) -> Fault | None:
        """Return the fault that a device is affected by, or that it is; None where nothing is wrong with its way."""
        return self.faults.get(self._behind.get(device, device))

    def since_us_of(self, device: UUID) -> int:
        """Return since when a device is as it is shown, 0 where nobody knows; what is a cause is down since it was last heard, as
        its alert says."""
        fault, health = self.faults.get(device), self.health.get(device)
        if fault is not None and fault.since_us and self.status_of(device) == "down":
            return fault.since_us
        return health.since_us if health is not None else 0

    def link_status_of(self, link: UUID) -> str:
        """Return a link's status as it is shown everywhere: `degraded` while some of its members run and some do not."""
        state, intended = self.link_states.get(link), self.inventory.link(link)
        status = state.status if state is not None else "unknown"
        lag = members_of(self, intended) if intended is not None and status == "up" else None
        return "degraded" if lag is not None and lag.is_degraded else status

    def begin(self, tenant: Tenant) -> None:
        """A new connection: its snapshot comes next, and what an older one had sent of its own is forgotten."""
        self.tenant = tenant
        self._snapshot.clear()

    def leave(self) -> None:
        """Hold nothing: another network comes next."""
        gone = self._all_removed()
        self._snapshot.clear()
        self._clear()
        self.tenant, self.engine, self.team, self.tunnels = None, None, None, TunnelsState()
        self._delta = Delta(removed=tuple(gone), initial=True, engine=True, team=True, tunnels=True)
        self._take_work()
        self.flush()

    def merge(self, changed: Changed) -> None:
        """Take one batch in. The batch may be credited as soon as this returns."""
        if not changed.initial:
            self._apply(changed)
            self._note(changed)
            touched = changed.maintenances or changed.devices or changed.sites or changed.removed
            if touched or self.moment_us is not None:
                self._take_work()
        else:
            self._snapshot.append(changed)
            if changed.more:
                return
            batches, self._snapshot = self._snapshot, []
            gone, maps = self._all_removed(), self.maps
            self._clear()
            if self.moment_us is not None:
                self.maps = maps  # they are of this profile, and of no moment
            else:
                self.team = None
            for batch in batches:
                self._apply(batch)
                self._note(batch)
            self._delta = self._delta._replace(
                initial=True, team=True, removed=self._delta.removed + self._still_gone(gone)
            )
            self._take_work()
        self._pace.soon()

    def take_lags(self, lags: dict[UUID, Lag]) -> None:
        """Take how links of several ports were at the moment that is shown; it is told with what is merged next."""
        was, self.lags_then = self.lags_then, lags
        self._touch("link_states", (id for id in was.keys() | lags.keys() if was.get(id) != lags.get(id)))

    def flush(self) -> None:
        """Tell now what has changed, if anything has."""
        self._pace.done()
        delta, self._delta = self._delta, Delta()
        if delta != Delta():
            self.changed.emit(delta)

    def _all_removed(self) -> list[Removed]:
        return [Removed(kind, id) for kind, rows in self.inventory.tables.items() for id in rows]  # type: ignore[arg-type]

    def _still_gone(self, before: list[Removed]) -> tuple[Removed, ...]:
        return tuple(thing for thing in before if self.inventory.get(thing.kind, thing.id) is None)

    def _apply(self, changed: Changed) -> None:
        tables = self.inventory.tables
        for kind, rows in ROWS_OF.items():
            tables[kind].update((row.id, row) for row in getattr(changed, rows))
        for thing in changed.removed:
            if thing.kind == "fault":
                self._set_fault(thing.id, None)
            if thing.kind in tables:
                tables[thing.kind].pop(thing.id, None)
            elif thing.kind == "alert":
                self.alerts.pop(thing.id, None)
                self._touch("alerts", (thing.id,))
            elif (found := self._found().get(f"{thing.kind}s")) is not None:
                found.pop(thing.id, None)
                self._touch(f"{thing.kind}s", (thing.id,))
            if thing.kind == "device":
                self.bonds.forget(thing.id)
                for by_device in (self.health, self.facts, self.values, self.samples):
                    by_device.pop(thing.id, None)
            elif thing.kind == "link":
                self.link_states.pop(thing.id, None)
        self.health.update((row.device, row) for row in changed.health)
        self.link_states.update((row.link, row) for row in changed.link_states)
        self.alerts.update((row.id, row) for row in changed.alerts)
        self.team = changed.team or self.team
        for fault in changed.faults:
            self._set_fault(fault.subject, fault)
        for name, table in self._found().items():
            rows = getattr(changed, name)
            table.update((row.id, row) for row in rows)
            self._touch(name, (row.id for row in rows))
        bonded = {fact.subject for fact in changed.facts if self._take_fact(fact)}
        if bonded:
            links = self.inventory.links()
            self._touch("link_states", (one.id for one in links if one.a in bonded or one.b in bonded))
        for values in changed.values:
            self.values[values.device] = values
            samples = self.samples.setdefault(values.device, {})
            for at_us, heard in ((values.at_us, values.values), (values.live_at_us, values.live)):
                samples.update(
                    ((metric, instance), Sample(at_us, value)) for metric, instance, value in heard
                )
        if changed.engine is not None:
            self.engine = changed.engine
        self.tunnels = changed.tunnels or self.tunnels

    def _take_work(self) -> None:
        """Take anew whom planned work covers."""
        turned = self._work.look(self.inventory, self.now_us(), is_past=self.moment_us is not None)
        self._touch("health", turned)

    def _on_work(self) -> None:
        self._take_work()
        self._pace.soon()

    def _found(self) -> dict[str, dict[UUID, Any]]:
        """Return what the engine found out, by its name in a batch and in a delta."""
        return {
            "derived_links": self.derived_links,
            "contradictions": self.contradictions,
            "operations": self.operations,
            "finds": self.finds,
            "maps": self.maps,
        }

    def _touch(self, name: str, ids: Iterable[UUID]) -> None:
        touched: dict[str, Any] = {name: _with(getattr(self._delta, name), ids)}
        self._delta = self._delta._replace(**touched)

    def _set_fault(self, cause: UUID, fault: Fault | None) -> None:
        """Take a fault, or its end; what is shown of the devices behind it then and now is another."""
        old = self.faults.pop(cause, None)
        was, now = (self._behind_of(one) for one in (old, fault))
        for device in was:
            if self._behind.get(device) == cause:
                del self._behind[device]
        if fault is not None:
            self.faults[cause] = fault
            self._behind.update(dict.fromkeys(now, cause))
        self._delta = self._delta._replace(
            health=_with(self._delta.health, (was ^ now) | {cause}), faults=self._delta.faults | {cause}
        )

    def _behind_of(self, fault: Fault | None) -> frozenset[UUID]:
        """Return what is shown as affected by a fault; where another computer has lost its way, that way's first devices too."""
        if fault is None:
            return _NONE
        far = fault.kind == "cut_off" and self.team is not None and fault.subject != self.team.install
        return frozenset((*fault.affected, *fault.beside) if far else fault.affected)

    def _take_fact(self, fact: Fact) -> bool:
        """Take a fact; return whether it is about a member of an aggregate."""
        of_device = self.facts.setdefault(fact.subject, {})
        if fact.value is None:
            of_device.pop((fact.field, fact.source), None)
        else:
            of_device[fact.field, fact.source] = fact
        return self.bonds.learn(fact)

    def _note(self, changed: Changed) -> None:
        d = self._delta
        watched = chain[AlertRule | Maintenance | Ignored](
            changed.rules, changed.maintenances, changed.ignored
        )
        drawn = chain[Diagram | Spot | Drawing | Photo | TeamMap](
            changed.diagrams, changed.spots, changed.drawings, changed.photos, changed.team_maps
        )
        self._delta = d._replace(
            sites=_with(d.sites, (row.id for row in changed.sites)),
            devices=_with(d.devices, (row.id for row in changed.devices)),
            links=_with(d.links, (row.id for row in changed.links)),
            credentials=_with(d.credentials, (row.id for row in changed.credentials)),
            watching=_with(d.watching, (row.id for row in watched)),
            drawn=_with(d.drawn, (row.id for row in drawn)),
            health=_with(d.health, (row.device for row in changed.health)),
            link_states=_with(d.link_states, (row.link for row in changed.link_states)),
            alerts=_with(d.alerts, (row.id for row in changed.alerts)),
            facts=_with(d.facts, (fact.subject for fact in changed.facts)),
            values=_with(d.values, (values.device for values in changed.values)),
            removed=d.removed + tuple(thing for thing in changed.removed if thing.kind in KINDS),
            journal=d.journal + changed.journal,
            engine=d.engine or changed.engine is not None,
            team=d.team or changed.team is not None,
            tunnels=d.tunnels or changed.tunnels is not None,
        )


def _with(ids: frozenset[UUID], more: Iterable[UUID]) -> frozenset[UUID]:
    added = frozenset(more)
    return ids | added if added else ids
