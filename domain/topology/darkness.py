"""Which slots are dark, and which of the fallen are roots, kept change by change. Counterpart: `causes.py`, its only user.

One rule: built for one version of the graph; a slot or link is taken out with what it was and put in with what it is, so that
every count that was added is taken off again, and nobody is judged whom the change cannot turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from uuid import UUID

from domain.topology.graph import Topology
from domain.topology.parts import OUTSIDE, Parts
from domain.topology.slots import ends, pair

QUIET, LIVE, DARK, ROOT, ABSENT = range(5)
"""What a slot is. DARK is down and affected; ABSENT is a slot without a device."""
LIVELY = 0
"""The mark of a quiet part for each live neighbour, and for each entry in it."""
FALLEN = -1
"""The mark of a dark part for each down device in it; its other marks are the slots of the roots around it."""


class Darkness:
    """What every slot is, the dark parts and their roots.

    kind     what each slot is
    since    of every down slot when it fell, in microseconds
    gone     of each pair how many of its links are down
    dark     the parts of affected and quiet slots; `touched`: slots at which parts or roots may have changed
    flipped  slots that became roots, or are no longer
    """

    def __init__(
        self,
        topology: Topology,
        live: Callable[[UUID], bool],
        down: dict[UUID, int],
        fallen: dict[UUID, int],
        together_us: int,
        *,
        unasked: Set[UUID],
    ) -> None:
        self._topology, self._structure, self._near = topology, topology.structure, topology.near
        self._entries, self._together_us = frozenset(topology.entries), together_us
        slots = len(topology.near)
        self.kind = bytearray([ABSENT]) * slots
        self.since: dict[int, int] = {}
        self.gone: dict[int, int] = {}
        self._cuts: dict[int, dict[UUID, int]] = {}
        self._worn: dict[int, int] = {}
        for link, fell_us in fallen.items():
            if link in topology.links:
                self._cut(topology.links[link], link, fell_us)
        for device, v in topology.index.items():
            self.kind[v] = LIVE if live(device) else DARK if device in down else QUIET
            if device in down:
                self.since[v] = down[device]
        self._unasked = unasked
        self._answering = {v for device, v in topology.index.items() if self._answers(device, v)}
        self._quiet = Parts(slots, self.ways, self._quiet_marks)
        self._quiet.fill(v for v in topology.index.values() if self.kind[v] == QUIET)
        self._rooted = {v for v in self.since if self._is_root(v)}
        for v in self._rooted:
            self.kind[v] = ROOT
        self.dark = Parts(slots, self.ways, self._dark_marks)
        self.dark.fill(v for v in topology.index.values() if self.kind[v] in (QUIET, DARK))
        self.touched, self.flipped = set(self.since), set(self.since)
        self._unsure, self._choices = set(self.since), dict[int, int]()

    # changes

    def turn(self, v: int, kind: int, since_us: int = 0) -> None:
        """Make a slot LIVE, QUIET or DARK; whether it is a root instead is found here."""

        def note() -> None:
            self.kind[v] = kind
            if kind == DARK:
                self.since[v] = since_us

        self._alter(v, note)

    def turn_link(self, link: UUID, fell_us: int | None) -> None:
        """Take down a link of the graph, or (None) put it up again."""
        both = self._topology.links[link]
        v = ends(both)[0]
        kind, since_us = self.kind[v], self.since.get(v)

        def note() -> None:
            self._cut(both, link, fell_us)
            self.kind[v] = DARK if kind == ROOT else kind
            if since_us is not None:
                self.since[v] = since_us

        self._alter(v, note)

    def _alter(self, v: int, note: Callable[[], None]) -> None:
        """Take a slot out, note what changed of it or of a link at it, put it in, and judge whom that may turn."""
        near, kind, dominates = self._near[v], self.kind, self._structure.dominates
        lively = {w: self._is_lively(w) for w in near if kind[w] == QUIET}
        self._take_out(v)
        note()
        self._put_in(v)
        doubtful = {w for w in near if w in self.since and not dominates(w, v)}
        if v in self.since:
            doubtful.add(v)
        seen = {v}
        for w, before in lively.items():
            if w not in seen and self._is_lively(w) != before:
                doubtful.update(self._border(w, seen))
        for w in doubtful:
            self._judge(w)
        self._touch(v)

    def _take_out(self, v: int) -> None:
        kind = self.kind[v]
        if kind == LIVE:
            self._answering.discard(v)
            self._mark_around(self._quiet, v, LIVELY, -1)
        elif kind == ROOT:
            self._rooted.discard(v)
            self._mark_around(self.dark, v, v, -1)
        else:
            self.dark.discard(v)
            if kind == QUIET:
                self._quiet.discard(v)
        self.since.pop(v, None)

    def _put_in(self, v: int) -> None:
        kind = self.kind[v]
        if kind == LIVE:
            if self._answers(self._topology.ids[v], v):
                self._answering.add(v)
            self._mark_around(self._quiet, v, LIVELY, 1)
        else:
            self.dark.add(v)
            if kind == QUIET:
                self._quiet.add(v)

    def _judge(self, v: int) -> None:
        is_root = self._is_root(v)
        if is_root == (self.kind[v] == ROOT):
            return
        self.flipped.add(v)
        self._touch(v)
        if is_root:
            self.dark.discard(v)
            self.kind[v] = ROOT
            self._rooted.add(v)
            self._mark_around(self.dark, v, v, 1)
        else:
            self._rooted.discard(v)
            self._mark_around(self.dark, v, v, -1)
            self.kind[v] = DARK
            self.dark.add(v)

    def _mark_around(self, parts: Parts, v: int, key: int, by: int) -> None:
        inside = parts.part
        for w in self.ways(v):
            if inside[w] != OUTSIDE:
                parts.mark(w, key, by)

    def _border(self, start: int, seen: set[int]) -> Iterable[int]:
        """Go over the down slots around a quiet part, but beyond what is in `seen`; adds to it."""
        seen.add(start)
        waiting, kind = [start], self.kind
        for v in waiting:
            for w in self.ways(v):
                if w in self.since:
                    yield w
                elif kind[w] == QUIET and w not in seen:
                    seen.add(w)
                    waiting.append(w)

    def _touch(self, v: int) -> None:
        self.touched.add(v)
        self._unsure.add(v)

    def _cut(self, both: int, link: UUID, fell_us: int | None) -> None:
        cuts = self._cuts.setdefault(both, {})
        worn = len(cuts) > 0
        if fell_us is None:
            cuts.pop(link, None)
        else:
            cuts[link] = fell_us
        if cuts:
            self.gone[both] = len(cuts)
        else:
            del self._cuts[both]
            self.gone.pop(both, None)
        by = (len(cuts) > 0) - worn
        for v in ends(both) if by else ():
            self._worn[v] = self._worn.get(v, 0) + by

    # rules

    def ways(self, v: int) -> Sequence[int]:
        """Return the neighbours of a slot over links that count."""
        near = self._near[v]
        return [w for w in near if self._counts(v, w)] if self._worn.get(v) else near

    def _counts(self, v: int, w: int) -> bool:
        both = pair(v, w)
        cuts = self._cuts.get(both)
        if cuts is None or len(cuts) < self._topology.width(both):
            return True
        since_us = min((self.since[u] for u in (v, w) if u in self.since), default=None)
        return since_us is not None and max(cuts.values()) >= since_us - self._together_us

    def _is_root(self, v: int) -> bool:
        if v in self._entries:
            return True
        kind, dominates = self.kind, self._structure.dominates
        return any(
            (kind[w] == LIVE or (kind[w] == QUIET and self._is_lively(w))) and not dominates(v, w)
            for w in self.ways(v)
        )

    def _is_lively(self, v: int) -> bool:
        return LIVELY in self._quiet.tally[self._quiet.part[v]]

    def _quiet_marks(self, v: int) -> list[int]:
        kind = self.kind
        found = [LIVELY for w in self.ways(v) if kind[w] == LIVE]
        return [*found, LIVELY] if v in self._entries else found

    def _dark_marks(self, v: int) -> list[int]:
        kind = self.kind
        found = [w for w in self.ways(v) if kind[w] == ROOT]
        return [*found, FALLEN] if kind[v] == DARK else found

    # roots

    def is_cut_off(self) -> bool:
        """Tell whether nothing that is asked is live, and an entry and another device are down."""
        return not self._answering and len(self.since) > 1 and any(v in self.since for v in self._entries)

    def _answers(self, device: UUID | None, v: int) -> bool:
        return self.kind[v] == LIVE and device not in self._unasked

    def age(self, v: int) -> tuple[int, int]:
        """Return what puts down slots in order: when they fell, then their ids."""
        device = self._topology.ids[v]
        assert device is not None
        return self.since[v], device.int

    def roots(self) -> list[int]:
        """Return all roots, those around parts and those chosen within one, the first to fall first."""
        return sorted(self._rooted.union(self.chosen().values()), key=self.age)

    def roots_of(self, home: int) -> set[int]:
        """Return the roots of a dark part."""
        found = self.dark.tally[home].keys() - {FALLEN}
        chosen = None if found else self.chosen().get(home)
        return found if chosen is None else {chosen}

    def chosen(self) -> dict[int, int]:
        """Return the root that was chosen within each dark part that has down slots and no root around it."""
        if self.is_cut_off():
            return {}
        tally, part, choices = self.dark.tally, self.dark.part, self._choices
        unsure = {part[w]: w for v in self._unsure for w in (v, *self._near[v]) if part[w] != OUTSIDE}
        self._unsure = set()
        gone = [home for home in choices if home not in tally]
        old = {home: choices.pop(home) for home in [*gone, *unsure] if home in choices}
        for home, v in unsure.items():
            if tally[home].keys() == {FALLEN}:
                choices[home] = self._choose(v)
        new = {choices[home] for home in unsure if home in choices}
        self.flipped.update(new.symmetric_difference(old.values()))
        return choices

    def _choose(self, inside: int) -> int:
        fallen = [v for v in self.dark.reach(inside) if v in self.since]
        structure = self._structure
        top = min(fallen, key=structure.place.__getitem__)
        if all(v == top or structure.dominates(top, v) for v in fallen):
            return top
        return min(fallen, key=self.age)
