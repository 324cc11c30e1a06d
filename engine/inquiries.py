"""Answers what is asked of the network as a whole, and of its past. Counterpart: `domain/asking.py` has the questions.

One rule: the graph is asked on the loop, in milliseconds; the past is read by the storage's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import msgspec

from domain.asking import (
    POINTS_OF_FAILURE_CAP,
    SUBJECTS_CAP,
    TIMELINE_CAP,
    WHAT_IF_CAP,
    NetworkRequest,
    QueryDensity,
    QueryLoads,
    QueryMoment,
    QueryPast,
    QuerySinglePoints,
    QueryTimeline,
    RowMark,
    WhatIf,
)
from domain.errors import Refusal
from domain.lag import lag_told
from domain.topology import LinkNow, Topology, impact, moved_load, single_points
from domain.wire import Reply
from engine.moments import LoadsOfOthers, Moments
from engine.state import State
from engine.storage import StorageFailed, StoreThread
from engine.storage.past import Mark


class Inquiries:
    """`topology` gives the graph as it is now, `state` is what is known now."""

    def __init__(
        self,
        store: StoreThread,
        topology: Callable[[], Topology],
        state: State,
        loads_of_others: LoadsOfOthers,
    ) -> None:
        self._store = store
        self._topology, self._state = topology, state
        self._moments = Moments(store, state, loads_of_others)

    async def answer(self, request: NetworkRequest) -> Reply:
        """Return the one reply to a question."""
        match request:
            case WhatIf():
                return self._what_if(request)
            case QuerySinglePoints():
                limit = min(max(request.limit, 1), POINTS_OF_FAILURE_CAP)
                found = single_points(self._topology(), limit + 1)
                told = {"points": msgspec.to_builtins(found[:limit]), "more": len(found) > limit}
                return Reply(request.request, result=told)
        try:
            if isinstance(request, QueryMoment | QueryLoads | QueryDensity):
                return await self._moments.answer(request)
            return await self._of_past(request)
        except StorageFailed as error:
            return Reply(
                request.request, (Refusal("STORAGE_FAILED", f"not read from disk: {error.message}"),)
            )

    def _what_if(self, request: WhatIf) -> Reply:
        topology = self._topology()
        count = len(request.devices) + len(request.links)
        if count > WHAT_IF_CAP:
            said = f"{count} devices and links, at most {WHAT_IF_CAP} are imagined to fail at once"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "devices"),))
        strange = [
            Refusal("DEVICE_NOT_FOUND", f"there is no device {id}", "devices", id)
            for id in request.devices
            if id not in topology
        ]
        strange += [
            Refusal("LINK_NOT_FOUND", f"there is no link {id}", "links", id)
            for id in request.links
            if id not in topology.links
        ]
        if strange:
            return Reply(request.request, tuple(strange))
        found = impact(topology, request.devices, request.links)
        moved = moved_load(
            topology, found, request.devices, request.links, self._now, capacity_bps=self._capacity_bps
        )
        told = {"impact": msgspec.to_builtins(found), "moved": msgspec.to_builtins(moved)}
        return Reply(request.request, result=told)

    def _now(self, id: UUID) -> LinkNow | None:
        """Return what a link carries; None for one that nobody drew, of which nobody measures that."""
        state = self._state
        link, load = state.inventory.link(id), state.link_states.get(id)
        if link is None:
            return None
        there, back = (load.ab_bps, load.ba_bps) if load is not None else (None, None)
        return LinkNow(link.a, link.b, there, back)

    def _capacity_bps(self, id: UUID) -> int | None:
        """Return what a link can carry today: of one of several ports, those that run. None where nobody says."""
        link = self._state.inventory.link(id)
        if link is None:
            return None
        lag = lag_told((link.a, link.a_interface), (link.b, link.b_interface), self._state.facts)
        if lag is not None and lag.is_down:
            return 0
        return (lag.capacity_bps(link.capacity_bps) if lag is not None else link.capacity_bps) or None

    async def _of_past(self, request: QueryPast | QueryTimeline) -> Reply:
        if isinstance(request, QueryPast):
            past = await self._store.state_at(request.at_us)
            told = {name: getattr(past, name) for name in past.__struct_fields__}
            return Reply(request.request, result=await asyncio.to_thread(msgspec.to_builtins, told))
        if request.subjects is not None and len(request.subjects) > SUBJECTS_CAP:
            said = f"{len(request.subjects)} subjects, at most {SUBJECTS_CAP} have one timeline"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "subjects"),))
        rows = await self._store.events_between(
            request.from_us,
            request.to_us,
            subjects=request.subjects,
            kinds=request.kinds,
            limit=min(max(request.limit, 1), TIMELINE_CAP),
            before=_mark(request.before),
            after=_mark(request.after),
        )
        return Reply(request.request, result={"rows": msgspec.to_builtins(rows)})


def _mark(given: RowMark | None) -> Mark | None:
    return Mark(given.at_us, given.origin, given.seq) if given is not None else None
