"""Which silent devices are the cause, and which only lie behind one. Counterpart: the judge, who tells what is seen and asks.

Theory. Live is what answers (up, degraded), down is what fell silent; everything else is quiet: never heard, stale, paused.
    root      a down device that is an entry, or has a live neighbour that does not hang on it alone (`dominates`)
    affected  any other down device; its roots are those around its dark part: the affected and quiet that hang together
    Quiet devices are looked through, in both senses: a live device (or an entry) behind quiet ones makes a root, and a dark part
    goes on through them. What answers is live, whatever lies before it; but a device that is polled late, and still counts as
    up, makes no root of the one that it hangs on.
    A dark part without a root (an island) has one chosen: the device that all others of it hang on, else the first to fall.
    Nothing that is asked is live, an entry and another device are down: the poller itself is cut off, and no device is a root.
A link that is down does not count, but where it fell with a device at its ends: its fall is then part of the same news.
One rule: a change of one device or link costs what is around it; after an edit of the graph all is computed anew, when asked.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Literal
from uuid import UUID

import msgspec

from domain.topology.darkness import DARK, LIVE, QUIET, ROOT, Darkness
from domain.topology.graph import Topology
from domain.topology.parts import OUTSIDE
from domain.topology.slots import ends

State = Literal["up", "degraded", "down", "unknown", "stale", "paused"]
TOGETHER_S = 120.0
"""A link that fell at most so long before a device fell with it: a port is seen to fall at once, silence after some misses."""
WITNESSES = 8


class Verdict(msgspec.Struct, frozen=True):
    """What a device is in a fault. `roots`: of a root itself; of an affected device its causes, none where one is cut off."""

    kind: Literal["root", "affected", "clear"] = "clear"
    roots: tuple[UUID, ...] = ()


class Blast(msgspec.Struct, frozen=True):
    """What is down with a root, itself first; sites all of whose devices are among these or quiet; subscribers of the devices."""

    devices: tuple[UUID, ...] = ()
    sites: tuple[UUID, ...] = ()
    subscribers: int = 0


class Changes(msgspec.Struct, frozen=True):
    """What may have turned since one last asked: devices by their state or verdict, and present roots by their blast."""

    devices: frozenset[UUID] = frozenset()
    roots: frozenset[UUID] = frozenset()


class Causes:
    """Root causes over a topology, kept as devices and links change.

    States are kept by id, also of devices that are not in the graph: either may be told first, the device or its state.
    Times are microseconds of any one clock. Questions about a device that is not in the graph raise KeyError.
    """

    def __init__(self, topology: Topology, together_s: float = TOGETHER_S) -> None:
        self._topology = topology
        self._together_us = round(together_s * 1e6)
        self._live: set[UUID] = set()
        self._unasked: set[UUID] = set()
        self._down: dict[UUID, int] = {}
        self._fallen: dict[UUID, int] = {}
        self._turned: set[UUID] = set()
        self._built: Darkness | None = None
        self._built_at = -1
        self._weak: dict[int, list[int]] = {}
        self._stale_blocks: set[int] = set()

    # what is seen

    def set_state(self, device: UUID, state: State, since_us: int = 0, *, is_asked: bool = True) -> None:
        """Take in a device's state; `since_us` is when it fell, and counts where it is down. Where nobody asks it, that it lives
        says nothing of the poller's own uplink."""
        was_live, fell_us = device in self._live, self._down.pop(device, None)
        was_asked = device not in self._unasked
        (self._unasked.discard if is_asked else self._unasked.add)(device)
        self._live.discard(device)
        kind = QUIET
        if state == "down":
            kind, self._down[device] = DARK, since_us
        elif state in ("up", "degraded"):
            kind = LIVE
            self._live.add(device)
        if (was_live, fell_us, was_asked) == (kind == LIVE, self._down.get(device), is_asked):
            return
        self._turned.add(device)
        slot = self._topology.index.get(device)
        if slot is not None and (darkness := self._current()) is not None:
            darkness.turn(slot, kind, since_us)
            if (fell_us is not None) != (kind == DARK):
                self._stale_blocks.update(self._blocks_at(slot))

    def is_down(self, device: UUID) -> bool:
        """Tell whether a device was down when it was told of last."""
        return device in self._down

    def forget(self, device: UUID) -> None:
        """Drop what was seen of a device, as if it had never been heard."""
        self.set_state(device, "unknown")

    def set_link(self, link: UUID, is_down: bool, since_us: int = 0) -> None:
        """Take in whether a link is down, and when it fell. One that nobody tells of counts as standing."""
        fell_us = since_us if is_down else None
        if self._fallen.get(link) == fell_us:
            return
        if fell_us is None:
            del self._fallen[link]
        else:
            self._fallen[link] = fell_us
        both = self._topology.links.get(link)
        if both is not None and (darkness := self._current()) is not None:
            darkness.turn_link(link, fell_us)
            self._stale_blocks.add(self._topology.structure.block_of_link(*ends(both)))

    # what it means

    @property
    def cut_off(self) -> bool:
        """Nothing that is asked is live, an entry is down and so is another device: the poller's own uplink is the cause."""
        return self._darkness().is_cut_off()

    def roots(self) -> tuple[UUID, ...]:
        """Return every root, the first to fall first; none while cut off."""
        darkness = self._darkness()
        return () if darkness.is_cut_off() else self._topology.names(darkness.roots())

    def verdict(self, device: UUID) -> Verdict:
        """Return what a device is in a fault."""
        darkness, v = self._darkness(), self._topology.index[device]
        if v not in darkness.since:
            return Verdict()
        if darkness.is_cut_off():
            return Verdict("affected")
        roots = {v} if darkness.kind[v] == ROOT else darkness.roots_of(darkness.dark.part[v])
        names = self._topology.names(sorted(roots, key=darkness.age))
        return Verdict("root" if roots == {v} else "affected", names)

    def blast(self, root: UUID | None) -> Blast:
        """Return what is down with a root; of None all that is down, the blast of a poller that is cut off.

        What is affected by two roots is in the blast of both. Of a device that is no root: nothing.
        """
        darkness, topology = self._darkness(), self._topology
        slots = list(darkness.since) if root is None else self._blast(darkness, topology.index[root])
        kind = darkness.kind
        return Blast(
            topology.names(slots),
            tuple(topology.sites_within(slots, lambda v: kind[v] == QUIET)),
            sum(topology.subscribers[v] for v in slots),
        )

    def weakened(self) -> frozenset[UUID]:
        """Return the live devices that have lost their second way: degraded by topology.

        Each had two disjoint ways from the device it hangs on alone, which is not down, and has one over what is not down.
        """
        darkness, topology = self._darkness(), self._topology
        structure, kind = topology.structure, darkness.kind
        for block in self._stale_blocks - {-1}:
            self._weak.pop(block, None)
            if structure.above[block] not in darkness.since and (
                weak := structure.weakened(block, darkness.since, darkness.gone)
            ):
                self._weak[block] = weak
        self._stale_blocks = set()
        return frozenset(topology.names(v for weak in self._weak.values() for v in weak if kind[v] == LIVE))

    def witnesses(self, device: UUID, limit: int = WITNESSES) -> tuple[UUID, ...]:
        """Return live devices, the nearest first, one of which must answer before a root is believed.

        An answer proves that the way up to the device stands. It must be to a question asked after the device's first miss:
        an older one says nothing, both may have fallen since. Of what hangs alone on a quiet device: what is behind that,
        for who is before it does not know whether it has failed. Of an entry without such neighbours: the nearest live devices
        at all, whose answer shows that the poller is not cut off. None: there is nothing to ask and nothing to wait for.
        """
        darkness, structure, v = self._darkness(), self._topology.structure, self._topology.index[device]
        kind, dominates, above = darkness.kind, structure.dominates, structure.above[v]
        if 0 <= above < structure.source and kind[above] == QUIET:
            beyond = self._living(above, limit)
            if beyond:
                return self._topology.names(beyond)
        found = self._nearest_live(v, limit, lambda w: not dominates(v, w), lambda w: kind[w] == QUIET)
        if not found and v in self._topology.entries:
            found = self._nearest_live(v, limit, lambda w: True, lambda w: True)
        return self._topology.names(found)

    def suspect(self, root: UUID) -> UUID | None:
        """Return the highest of the quiet devices that a root hangs on alone and behind which nothing is live, or None.

        A switch that nobody polls makes a root of each device behind it when it dies: this is what they have in common.
        """
        found = self._suspect_from(self._topology.structure.above[self._topology.index[root]])
        return None if found is None else self._topology.ids[found]

    def suspects(self) -> dict[UUID, UUID]:
        """Return of each down device that hangs alone on quiet ones its suspect, if no cause of it lies elsewhere."""
        darkness, topology = self._darkness(), self._topology
        kind, part, structure = darkness.kind, darkness.dark.part, topology.structure
        known, found = dict[int, int | None](), dict[int, int]()
        for v in () if darkness.is_cut_off() else darkness.since:
            top = structure.above[v]
            if top not in known:
                known[top] = self._suspect_from(top)
            suspect = known[top]
            if suspect is not None:
                roots = {v} if kind[v] == ROOT else darkness.roots_of(part[v])
                if all(structure.dominates(suspect, root) for root in roots):
                    found[v] = suspect
        ids = topology.ids
        return {id: on for v, w in found.items() if (id := ids[v]) is not None and (on := ids[w]) is not None}

    def fallen_above(self, device: UUID) -> UUID | None:
        """Return the nearest down device that one hangs on alone, over others that are quiet as it is itself, or None."""
        darkness, structure, v = self._darkness(), self._topology.structure, self._topology.index[device]
        while 0 <= v < structure.source and darkness.kind[v] == QUIET:
            v = structure.above[v]
        return self._topology.ids[v] if v in darkness.since else None

    def _suspect_from(self, v: int) -> int | None:
        kind, structure, found = self._darkness().kind, self._topology.structure, None
        while 0 <= v < structure.source and kind[v] == QUIET and not self._living(v, 1):
            found, v = v, structure.above[v]
        while 0 <= v < structure.source:
            if kind[v] in (DARK, ROOT):
                return None
            v = structure.above[v]
        return found

    def living(self, device: UUID, limit: int = WITNESSES) -> tuple[UUID, ...]:
        """Return some of the live devices that hang on a device alone."""
        return self._topology.names(self._living(self._topology.index[device], limit))

    def silent(self, device: UUID) -> tuple[UUID, ...]:
        """Return the down devices that hang on a device alone."""
        since, v = self._darkness().since, self._topology.index[device]
        return self._topology.names(w for w in self._topology.structure.subtree(v) if w in since and w != v)

    def _living(self, v: int, limit: int) -> list[int]:
        kind, structure = self._darkness().kind, self._topology.structure
        return list(islice((w for w in structure.subtree(v) if kind[w] == LIVE and w != v), limit))

    def fallen_links(self, device: UUID, since_us: int | None = None) -> tuple[UUID, ...]:
        """Return the links at a down device that fell with it; of a quiet one, with what fell at `since_us`."""
        v, links = self._topology.index[device], self._topology.links
        since_us = self._darkness().since.get(v, since_us)
        if since_us is None:
            return ()
        earliest_us = since_us - self._together_us
        return tuple(
            link
            for link, fell_us in self._fallen.items()
            if fell_us >= earliest_us and link in links and v in ends(links[link])
        )

    def take_changes(self) -> Changes:
        """Return what may have turned since the last call. After an edit of the graph: all that was or is down.

        While `cut_off` turns, all that is down turns with it and is not told singly.
        """
        darkness, topology = self._darkness(), self._topology
        darkness.chosen()
        part, kind = darkness.dark.part, darkness.kind
        around = {w for v in darkness.touched for w in topology.near[v]} | darkness.touched
        roots = {v for v in around if kind[v] == ROOT}
        for home in {part[v] for v in around if part[v] != OUTSIDE}:
            roots.update(darkness.roots_of(home))
        devices = self._turned.union(topology.names(darkness.flipped))
        darkness.touched, darkness.flipped, self._turned = set(), set(), set()
        if darkness.is_cut_off():
            roots = set()
        return Changes(frozenset(devices), frozenset(topology.names(roots)))

    # inside

    def _current(self) -> Darkness | None:
        """Return what was built, where that was for the present graph."""
        return self._built if self._built_at == self._topology.version else None

    def _darkness(self) -> Darkness:
        current = self._current()
        if current is not None:
            return current
        topology = self._topology
        self._turned.update(self._down)
        self._built = Darkness(
            topology,
            self._live.__contains__,
            self._down,
            self._fallen,
            self._together_us,
            unasked=self._unasked,
        )
        self._built_at = topology.version
        structure = topology.structure
        self._weak = {}
        self._stale_blocks = {structure.block[v] for v in self._built.since if structure.twice[v]}
        self._stale_blocks.update(structure.block_of_link(*ends(both)) for both in self._built.gone)
        return self._built

    def _blocks_at(self, v: int) -> set[int]:
        """Return the blocks with several ways that a slot is in, or that it is the top of."""
        structure = self._topology.structure
        above, block, twice = structure.above, structure.block, structure.twice
        found = {block[w] for w in self._topology.near[v] if above[w] == v and twice[w]}
        return found | {block[v]} if twice[v] else found

    def _blast(self, darkness: Darkness, v: int) -> list[int]:
        part, since = darkness.dark.part, darkness.since
        if darkness.is_cut_off() or v not in since:
            return []
        if darkness.kind[v] != ROOT:
            home = part[v]
            is_root = darkness.roots_of(home) == {v}
            return [v, *(w for w in darkness.dark.reach(v)[1:] if w in since)] if is_root else []
        homes = {part[w]: w for w in darkness.ways(v) if part[w] != OUTSIDE}
        return [v, *(w for start in homes.values() for w in darkness.dark.reach(start) if w in since)]

    def _nearest_live(
        self, start: int, limit: int, may_enter: Callable[[int], bool], may_pass: Callable[[int], bool]
    ) -> list[int]:
        darkness = self._darkness()
        kind, waiting, seen, found = darkness.kind, [start], {start}, list[int]()
        for v in waiting:
            for w in darkness.ways(v):
                if w in seen or not may_enter(w):
                    continue
                seen.add(w)
                if kind[w] == LIVE:
                    found.append(w)
                    if len(found) == limit:
                        return found
                if may_pass(w):
                    waiting.append(w)
        return found
