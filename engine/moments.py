"""All that a window shows, as it was at a moment. Counterpart: `app/past/`, which asks for one moment after the other.

Theory: status, links and alerts are what the journal says (`storage/past.py`); inventory is what is now less the edits since
(`domain/rewind.py`); faults are found anew in the graph of that inventory, with today's derived links, for nobody wrote down what
devices told of each other; which of them were drawn then is known. Who goes through the past gets only what differs between two
moments, as a batch like any.
One rule: the loop only copies tables; all else happens in the storage's thread or in one of its own, and is forgotten soon.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from itertools import count, islice
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.alerts import Alert
from domain.asking import (
    BUCKETS_CAP,
    LOADS_CAP,
    LoadSource,
    LoadThen,
    Moment,
    QueryDensity,
    QueryLoads,
    QueryMoment,
)
from domain.edit import Step
from domain.errors import Refusal
from domain.evidence import DerivedLink
from domain.fault import Fault
from domain.health import Health
from domain.inventory import KINDS, Entity, Inventory, Link, is_paused
from domain.lag import Facts, Lag, Member, joined, lag_told
from domain.load import EndView, LinkState, next_link_state
from domain.rewind import inventory_then, rewound
from domain.topology import Causes
from domain.wire import ROWS_OF, SUBJECTS_PER_BATCH, Changed, Removed, Reply
from engine.judge.network import Network
from engine.state import State
from engine.storage import Past, StoreThread
from engine.storage.batch import DeviceThen, LinkThen
from engine.storage.density import Counted, density_of
from engine.storage.loads import PortLoad, PortLoads

KEPT = 4
"""How many moments are remembered, so that the next can be told by what differs."""
FORGOTTEN_AFTER_S = 120.0
SLICES = 8
"""In how many pieces a span is counted: whoever wants the disk meanwhile gets it in between."""
NOT_KNOWN = PortLoad(None, None, "none")
Tables = dict[str, dict[UUID, Entity]]
LoadsOfOthers = Callable[[Collection[tuple[UUID, str]], int], Awaitable[PortLoads]]
"""Says what ports (device, name) carried at a moment that was measured elsewhere; what is not known is left out."""


class _Then(NamedTuple):
    """What held at a moment, by kind of thing and id."""

    moment: Moment
    inventory: Inventory
    devices: dict[UUID, DeviceThen]
    links: dict[UUID, LinkThen]
    alerts: dict[UUID, Alert]
    faults: dict[UUID, Fault]
    derived: dict[UUID, DerivedLink]


class Moments:
    """`state` is what the engine knows now. One builds at a time: moments come in the order in which they are asked for."""

    def __init__(self, store: StoreThread, state: State, loads_of_others: LoadsOfOthers) -> None:
        self._store = store
        self._loads_of_others = loads_of_others
        self._state = state
        self._numbers = count(1)
        self._kept: OrderedDict[int, _Then] = OrderedDict()
        self._parts: OrderedDict[int, list[Changed]] = OrderedDict()
        self._network: tuple[object, Network] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._forgetting: asyncio.TimerHandle | None = None

    async def answer(self, request: QueryMoment | QueryLoads | QueryDensity) -> Reply:
        """Return the one reply. Raises StorageFailed."""
        self._remember_for_a_while()
        match request:
            case QueryLoads():
                return await self._loads(request)
            case QueryDensity():
                return await self._density(request)
        async with self._one_at_a_time:
            return await (self._moment(request) if not request.part else self._part(request))

    # Moments

    async def _moment(self, request: QueryMoment) -> Reply:
        state = self._state
        now = {kind: dict(rows) for kind, rows in state.inventory.tables.items()}
        derived, vantage = dict(state.derived_links), state.vantage
        past = await self._store.state_at(request.at_us)
        steps = await self._store.steps_since(past.seq, past.revision)
        number, base = next(self._numbers), self._kept.get(request.base)
        then, parts = await asyncio.to_thread(self._built, number, past, now, steps, derived, vantage, base)
        self._kept[number], self._parts[number] = then, parts
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
            self._parts.popitem(last=False)
        return Reply(request.request, result={"moment": then.moment, "changed": parts[0]})

    async def _part(self, request: QueryMoment) -> Reply:
        parts, then = self._parts.get(request.number), self._kept.get(request.number)
        if parts is None or then is None or not 0 < request.part < len(parts):
            said = f"moment {request.number} is forgotten, or has no part {request.part}"
            return Reply(request.request, (Refusal("MOMENT_GONE", said, "number"),))
        return Reply(
            request.request,
            result={"moment": then.moment, "changed": parts[request.part], "part": request.part},
        )

    def _built(  # noqa: PLR0917
        self,
        number: int,
        past: Past,
        now: Tables,
        steps: list[Step],
        derived: dict[UUID, DerivedLink],
        vantage: UUID,
        base: _Then | None,
    ) -> tuple[_Then, list[Changed]]:
        inventory = inventory_then(now, rewound(now, steps))
        there, drawn = inventory.tables["device"], inventory.tables["link"]
        devices = {one.device: one for one in past.devices if one.device in there}
        links = {one.link: one for one in past.links if one.link in drawn}
        told = (one for one in derived.values() if one.a in there and one.b in there)
        derived = _held_against(told, inventory.links())
        alerts = {
            one.id: one
            for one in past.alerts
            if one.subject in there or one.subject in drawn or one.subject == vantage
        }
        faults = self._faults(inventory, devices, links, derived, past.at_us, vantage)
        moment = Moment(number, past.at_us, past.seq, past.from_us)
        then = _Then(moment, inventory, devices, links, alerts, faults, derived)
        return then, list(_batches(base, then, vantage))

    def _faults(  # noqa: PLR0917
        self,
        inventory: Inventory,
        devices: dict[UUID, DeviceThen],
        links: dict[UUID, LinkThen],
        derived: dict[UUID, DerivedLink],
        at_us: int,
        vantage: UUID,
    ) -> dict[UUID, Fault]:
        graph = (
            [(row.id, row.site, row.subscribers, row.role, row.is_entry) for row in inventory.devices()],
            [(row.id, row.a, row.b) for row in inventory.links()],
            sorted(derived),
        )
        if self._network is None or self._network[0] != graph:
            network = Network(inventory)
            network.derive(derived.values(), ())
            self._network = graph, network
        network = self._network[1]
        network.settle(inventory)
        causes = Causes(network.topology)
        for device in inventory.devices():
            one = devices.get(device.id)
            if one is not None:
                causes.set_state(
                    device.id, "paused" if is_paused(device, at_us) else one.status, one.since_us
                )
        for link in links.values():
            causes.set_link(link.link, link.status == "down", link.since_us)
        return {fault.subject: fault for fault in _faults_of(causes, network, devices, vantage)}

    # What links carried

    async def _loads(self, request: QueryLoads) -> Reply:
        if len(request.links) > LOADS_CAP:
            said = f"{len(request.links)} links, at most {LOADS_CAP} are told of at once"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "links"),))
        then = self._kept.get(request.number)
        inventory = then.inventory if then is not None else self._state.inventory
        links = [link for id in request.links if (link := inventory.link(id)) is not None]
        devices = {device for link in links for device in (link.a, link.b)}
        facts = {device: dict(self._state.facts.get(device, {})) for device in devices}
        lags = await asyncio.to_thread(_lags_of, links, facts)
        ports: dict[UUID, set[str]] = {}
        for link in links:
            beneath = (member[:2] for end in lags.get(link.id, ()) for member in end)
            for device, port in ((link.a, link.a_interface), (link.b, link.b_interface), *beneath):
                if port:
                    ports.setdefault(device, set()).add(port)
        found = await self._store.loads_at(ports, request.at_us)
        unknown = [
            (device, port)
            for device in ports
            for port in ports[device]
            if found.get((device, port), NOT_KNOWN).source == "none"
        ]
        if unknown:
            others = await self._loads_of_others(unknown, request.at_us)
            found |= {at: load._replace(runs=found.get(at, NOT_KNOWN).runs) for at, load in others.items()}
        told = []
        for link in links:
            a, b = (
                found.get((link.a, link.a_interface), NOT_KNOWN),
                found.get((link.b, link.b_interface), NOT_KNOWN),
            )
            lag = _lag_then(lags[link.id], found) if link.id in lags else None
            ends = [EndView(True, end.in_bps, end.out_bps) for end in (a, b)]
            if lag is not None:
                ends = [
                    joined(own, [EndView(None, one.in_bps, one.out_bps) for one in some])
                    for own, some in zip(ends, lag, strict=True)
                ]
            state = next_link_state(None, link.id, ends[0], ends[1], request.at_us)
            members = (found.get(member[:2], NOT_KNOWN) for end in lags.get(link.id, ()) for member in end)
            sources: set[LoadSource] = {port.source for port in (a, b, *members)} - {"none"}
            source: LoadSource = "hours" if "hours" in sources else "polls" if sources else "none"
            told.append(LoadThen(link.id, state.ab_bps, state.ba_bps, source, lag))
        return Reply(request.request, result={"loads": told})

    # What happened when

    async def _density(self, request: QueryDensity) -> Reply:
        if request.to_us <= request.from_us:
            return Reply(request.request, (Refusal("INVALID_INPUT", "the span is empty", "to_us"),))
        buckets = min(max(request.buckets, 1), BUCKETS_CAP)
        width_us = -(-(request.to_us - request.from_us) // buckets)
        began = await self._store.state_at(request.from_us)
        whole = Counted.none()
        step = -(-buckets // SLICES)
        for first in range(0, buckets, step):
            from_us = request.from_us + first * width_us
            before_us = min(from_us + step * width_us, request.to_us + 1)
            whole.add(await self._store.count_between(from_us, before_us, width_us), first)
        held = [one.status for one in began.devices]
        told = await asyncio.to_thread(density_of, request.from_us, request.to_us, buckets, held, whole)
        return Reply(request.request, result={"density": told})

    # Forgetting

    def _remember_for_a_while(self) -> None:
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = asyncio.get_running_loop().call_later(FORGOTTEN_AFTER_S, self._forget)

    def _forget(self) -> None:
        self._kept.clear()
        self._parts.clear()
        self._network = self._forgetting = None


def _held_against(told: Iterable[DerivedLink], drawn: Iterable[Link]) -> dict[UUID, DerivedLink]:
    """Return links that devices tell of today, each as the one that was drawn then at the same ports, or as nobody's."""
    between: dict[frozenset[UUID], list[Link]] = {}
    for link in drawn:
        between.setdefault(frozenset((link.a, link.b)), []).append(link)
    found = {}
    for one in told:
        beside = between.get(frozenset((one.a, one.b)), [])
        same = {link.id for link in beside if link.id == one.link or _ports_of(link) == _ports_of(one)}
        then = one.link if one.link in same else min(same, default=None)
        found[one.id] = one if then == one.link else msgspec.structs.replace(one, link=then)
    return found


def _ports_of(link: Link | DerivedLink) -> set[tuple[UUID, str]]:
    return {(link.a, link.a_interface), (link.b, link.b_interface)}


def _lags_of(links: Iterable[Link], facts: Mapping[UUID, Facts]) -> dict[UUID, Lag]:
    """Return the links that are made of several ports, as facts of today tell."""
    found = (
        (link.id, lag_told((link.a, link.a_interface), (link.b, link.b_interface), facts)) for link in links
    )
    return {id: lag for id, lag in found if lag is not None}


def _lag_then(lag: Lag, found: PortLoads) -> Lag:
    """Return the members as they were; of one that nobody asked then it is not known, and what does not run carries nothing."""

    def then(members: Iterable[Member]) -> tuple[Member, ...]:
        known = ((one, found.get((one.device, one.interface), NOT_KNOWN)) for one in members)
        return tuple(
            one._replace(runs=port.runs, in_bps=port.in_bps, out_bps=port.out_bps)
            if port.runs is not False
            else one._replace(runs=False)
            for one, port in known
        )

    return Lag(then(lag.of_a), then(lag.of_b))


def _faults_of(
    causes: Causes, network: Network, devices: dict[UUID, DeviceThen], vantage: UUID
) -> Iterator[Fault]:
    topology = network.topology
    if causes.cut_off:
        blast = causes.blast(None)
        behind = tuple(id for id in blast.devices if id not in topology.entries)
        since_us = min(devices[id].since_us for id in blast.devices)
        entries = topology.names(sorted(topology.entries))
        yield Fault(
            vantage,
            "cut_off",
            since_us,
            behind,
            behind=len(behind),
            sites=len(blast.sites),
            subscribers=blast.subscribers,
            beside=entries,
        )
        return
    for root in causes.roots():
        blast = causes.blast(root)
        slots = [topology.index[id] for id in blast.devices]
        own = topology.sites[topology.index[root]]
        yield Fault(
            root,
            "device",
            devices[root].since_us,
            blast.devices[1:],
            links=causes.fallen_links(root),
            behind=max(0, len(blast.devices) - 1),
            sites=sum(site != own for site in topology.sites_within(slots)),
            subscribers=sum(topology.subscribers[v] for v in slots),
        )


def _batches(base: _Then | None, then: _Then, vantage: UUID) -> Iterator[Changed]:
    """Go over what differs from a base, or all of it where there is none, in batches of a size that a window takes at once."""
    fresh: Iterator[tuple[str, Any]] = iter(list(_differing(base, then, vantage)))
    pieces = iter(lambda: list(islice(fresh, SUBJECTS_PER_BATCH)), [])
    parts = list(pieces) or [[]]
    for number, piece in enumerate(parts, 1):
        rows: dict[str, list[Any]] = {}
        for name, row in piece:
            rows.setdefault(name, []).append(row)
        told: dict[str, Any] = {name: tuple(found) for name, found in rows.items()}
        yield Changed(0, initial=base is None, more=number < len(parts), **told)


def _differing(base: _Then | None, then: _Then, vantage: UUID) -> Iterator[tuple[str, Any]]:
    """Go over what is other, as (where a batch holds it, the row): things before what is said of them."""
    at_us = then.moment.at_us
    for kind in KINDS:
        was = base.inventory.tables[kind] if base is not None else {}
        yield from _gone(kind, was, then.inventory.tables[kind])
        yield from ((ROWS_OF[kind], row) for row in _other(was, then.inventory.tables[kind]))
    devices: dict[UUID, DeviceThen] = base.devices if base is not None else {}
    for one in _other(devices, then.devices):
        yield "health", Health(one.device, vantage, one.status, one.since_us, reason=one.reason)
    for id in devices.keys() - then.devices.keys():
        yield "health", Health(id, vantage)
    links: dict[UUID, LinkThen] = base.links if base is not None else {}
    for link in _other(links, then.links):
        yield "link_states", LinkState(link.link, link.status, link.since_us, at_us)
    for id in links.keys() - then.links.keys():
        yield "link_states", LinkState(id)
    alerts, faults = (base.alerts, base.faults) if base is not None else ({}, {})
    yield from _gone("fault", faults, then.faults)
    yield from (("faults", row) for row in _other(faults, then.faults))
    yield from _gone("alert", alerts, then.alerts)
    yield from (("alerts", row) for row in _other(alerts, then.alerts))
    derived = base.derived if base is not None else {}
    yield from _gone("derived_link", derived, then.derived)
    yield from (("derived_links", row) for row in _other(derived, then.derived))


def _other(was: dict[UUID, Any], now: dict[UUID, Any]) -> Iterable[Any]:
    return (row for id, row in now.items() if (old := was.get(id)) is not row and old != row)


def _gone(kind: Any, was: dict[UUID, Any], now: dict[UUID, Any]) -> Iterator[tuple[str, Removed]]:
    return (("removed", Removed(kind, id)) for id in was.keys() - now.keys())
