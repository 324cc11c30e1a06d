"""What links would carry if something failed: the load that is moved, hop by hop. Counterpart: `impact.py` says who moves.

Theory: what a device sends and takes itself is what its link towards the entry carries less what those hanging on it carry there.
That much leaves the way of today and goes the way that the impact says; of who is lost it is gone. Links that join the same two
devices share what moves by what they can carry. What runs off the ways to an entry cannot be followed, and is `stray_bps`.
One rule: nothing appears and nothing is lost on the way: what entries carry less is what the lost sent and took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.topology.graph import Topology
from domain.topology.impact import Impact
from domain.topology.routes import NOWHERE
from domain.topology.slots import ends, pair

LEAST_BPS = 1.0
"""A change of less is none."""


class LinkNow(NamedTuple):
    """What a link carries now: bit/s from a to b and back (None: not known)."""

    a: UUID
    b: UUID
    ab_bps: float | None
    ba_bps: float | None


class LinkThen(msgspec.Struct, frozen=True):
    """What a link would carry, and how much more that is than now (less where negative).

    A load is None where that of today is not known, or that of a link beside it that fails; how much more it would be is the
    least then.
    """

    link: UUID
    ab_bps: float | None
    ba_bps: float | None
    ab_more_bps: float
    ba_more_bps: float


class Moved(msgspec.Struct, frozen=True):
    """The links whose load would be another. `unknown`: devices that would send another way, how much is not known.

    `stray_bps` is what links of the failed carry besides, on no way to an entry: where that would go is not known.
    """

    links: tuple[LinkThen, ...] = ()
    unknown: tuple[UUID, ...] = ()
    stray_bps: float = 0.0


class _Flow(NamedTuple):
    up_bps: float
    down_bps: float


_Bundle = list[tuple[UUID, LinkNow]]


class _Loads:
    """The loads of one what-if, by pairs of slots."""

    def __init__(
        self,
        topology: Topology,
        now: Callable[[UUID], LinkNow | None],
        capacity_bps: Callable[[UUID], int | None],
    ) -> None:
        self._topology, self._now, self.capacity_bps = topology, now, capacity_bps
        self._ids: dict[int, list[UUID]] = {}
        for id, both in topology.links.items():
            self._ids.setdefault(both, []).append(id)

    def between(self, both: int) -> _Bundle:
        """Return the links that join two slots."""
        return [(id, link) for id in self._ids.get(both, ()) if (link := self._now(id)) is not None]

    def flow(self, v: int, to: int) -> _Flow | None:
        """Return what one slot sends to another and takes from it, None where that is not known."""
        up = down = 0.0
        own = self._topology.ids[v]
        joined = self.between(pair(v, to))
        for _, link in joined:
            if link.ab_bps is None or link.ba_bps is None:
                return None
            there, back = (link.ab_bps, link.ba_bps) if link.a == own else (link.ba_bps, link.ab_bps)
            up, down = up + there, down + back
        return _Flow(up, down) if joined else None


def moved_load(
    topology: Topology,
    found: Impact,
    devices: Iterable[UUID],
    links: Iterable[UUID],
    now: Callable[[UUID], LinkNow | None],
    *,
    capacity_bps: Callable[[UUID], int | None],
) -> Moved:
    """Return what links would carry in the face of an impact of these devices and links.

    `now`: a link's load, None for none; `capacity_bps`: what it can carry today, None where nobody knows, asked where it counts.

    Linear in what lies behind the failed and the ways from there to the entries. KeyError where a thing is not there.
    """
    index, routes = topology.index, topology.routes
    hop, distance = routes.hop, routes.distance
    failed, cut = {index[device] for device in devices}, set(links)
    lost = {index[device] for device in found.devices}
    turned = {index[a]: index[b] for a, b in found.rerouted.items()}
    loads = _Loads(topology, now, capacity_bps)
    moving = {v for v in (*lost, *turned) if hop[v] not in (NOWHERE, v)}
    own, unknown = _own(topology, loads, moving, turned)
    change: dict[tuple[int, int], float] = {}

    def carry(flows: Mapping[int, _Flow], following: Callable[[int], int], sign: float) -> None:
        """Put flows on their ways to an entry, or take them off there: those of the furthest first, with what they gather."""
        waiting = dict(flows)
        for v in _from_afar(waiting, following):
            flow, to = waiting[v], following(v)
            if to in (NOWHERE, v):
                continue
            change[v, to] = change.get((v, to), 0.0) + sign * flow.up_bps
            change[to, v] = change.get((to, v), 0.0) + sign * flow.down_bps
            more = waiting.get(to, _Flow(0.0, 0.0))
            waiting[to] = _Flow(more.up_bps + flow.up_bps, more.down_bps + flow.down_bps)

    carry(own, lambda v: hop[v], -1.0)
    carry({v: flow for v, flow in own.items() if v not in lost}, lambda v: turned.get(v, hop[v]), 1.0)
    changed = {pair(a, b) for (a, b), bps in change.items() if abs(bps) >= LEAST_BPS}
    changed.update(topology.links[id] for id in cut)
    then = [
        row
        for both in changed
        if lost.isdisjoint(ends(both))
        for row in _then(topology, loads, both, cut, change)
    ]
    stray = _stray(topology, loads, failed, cut)
    names = topology.names(v for v in turned if v in unknown and distance[v])
    return Moved(tuple(then), names, stray)


def _own(
    topology: Topology, loads: _Loads, moving: set[int], turned: Mapping[int, int]
) -> tuple[dict[int, _Flow], set[int]]:
    """Return what each slot that moves sends and takes itself, and those of which nothing is known up to what failed."""
    hop, distance = topology.routes.hop, topology.routes.distance
    on = {v: loads.flow(v, hop[v]) for v in moving}
    below: dict[int, list[_Flow]] = {}
    for v, flow in on.items():
        if flow is not None:
            below.setdefault(hop[v], []).append(flow)
    own, unknown = {}, set()
    for v in sorted(moving, key=lambda v: distance[v]):
        flow, held = on[v], below.get(v, ())
        if flow is not None:
            up = flow.up_bps - sum(other.up_bps for other in held)
            own[v] = _Flow(max(up, 0.0), max(flow.down_bps - sum(other.down_bps for other in held), 0.0))
        elif hop[v] not in turned or hop[v] in unknown:
            unknown.add(v)  # else what it sends is in the sum of who is before it
    return own, unknown


def _from_afar(start: Iterable[int], following: Callable[[int], int]) -> list[int]:
    """Return the slots from these to the entries, each before the one that follows it."""
    steps: dict[int, int] = {}
    for v in start:
        chain, here = [], v
        while here not in steps:
            chain.append(here)
            to = following(here)
            if to in (NOWHERE, here):
                steps[here] = 0
                break
            here = to
        for passed in reversed(chain):
            steps.setdefault(passed, steps.get(following(passed), -1) + 1)
    return sorted(steps, key=steps.__getitem__, reverse=True)


def _then(
    topology: Topology,
    loads: _Loads,
    both: int,
    cut: set[UUID],
    change: Mapping[tuple[int, int], float],
) -> list[LinkThen]:
    """Return what those that stand of the links between two slots would carry."""
    joined = loads.between(both)
    standing = [(id, link) for id, link in joined if id not in cut]
    if not standing:
        return []
    one, other = ends(both)
    there, back = change.get((one, other), 0.0), change.get((other, one), 0.0)
    first = topology.ids[one]
    for id, link in joined:  # what a failed link carried, the ones beside it carry
        if id in cut:
            ab, ba = link.ab_bps or 0.0, link.ba_bps or 0.0
            there, back = there + (ab if link.a == first else ba), back + (ba if link.a == first else ab)
    ways = [
        (link.ab_bps, link.ba_bps) if link.a == first else (link.ba_bps, link.ab_bps) for _, link in standing
    ]
    capacities = [loads.capacity_bps(id) for id, _ in standing] if len(standing) > 1 else [None]
    shares = zip(
        _shared(there, [way[0] for way in ways], capacities),
        _shared(back, [way[1] for way in ways], capacities),
        strict=True,
    )
    is_told = all(None not in (link.ab_bps, link.ba_bps) for id, link in joined if id in cut)
    rows = []
    for (id, link), (ab, ba) in zip(standing, shares, strict=True):
        more = (ab, ba) if link.a == first else (ba, ab)
        if not is_told:
            rows.append(LinkThen(id, None, None, max(more[0], LEAST_BPS), max(more[1], LEAST_BPS)))
        elif max(map(abs, more)) >= LEAST_BPS:
            rows.append(LinkThen(id, _sum(link.ab_bps, more[0]), _sum(link.ba_bps, more[1]), *more))
    return rows


def _shared(bps: float, now: list[float | None], capacities: Sequence[int | None]) -> list[float]:
    """Return how links beside each other share what is added, by capacity, or taken away, by what they carry. Where a capacity
    is not known, all that can carry anything share alike."""
    carried = [load or 0.0 for load in now]
    known = [one for one in capacities if one is not None]
    can = known if len(known) == len(now) else [int(one != 0) for one in capacities]
    weights = carried if bps < 0 and any(carried) else can if any(can) else [1] * len(now)
    return [bps * weight / sum(weights) for weight in weights]


def _sum(bps: float | None, more_bps: float) -> float | None:
    return None if bps is None else max(bps + more_bps, 0.0)


def _stray(topology: Topology, loads: _Loads, failed: set[int], cut: set[UUID]) -> float:
    """Return what the links of the failed carry that lie on no way to an entry."""
    hop, found = topology.routes.hop, 0.0
    gone = {both for both in (topology.links[id] for id in cut) if _is_cut(topology, both, cut)}
    gone.update(pair(v, w) for v in failed for w in topology.near[v])
    for both in gone:
        a, b = ends(both)
        if hop[a] != b and hop[b] != a:
            found += sum((link.ab_bps or 0.0) + (link.ba_bps or 0.0) for _, link in loads.between(both))
    return found


def _is_cut(topology: Topology, both: int, cut: set[UUID]) -> bool:
    """Tell whether no link between two slots stands."""
    return sum(topology.links[id] == both for id in cut) == topology.width(both)
