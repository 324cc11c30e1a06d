"""What hangs on what: immediate dominators, blocks and the order of the dominator tree. Counterpart: `graph.py`, which owns one.

Theory. Pollers enter at a virtual source that is joined to every entry. In an undirected network the device on which another
hangs alone (its immediate dominator) is the top of its block (its biconnected component, seen from the source), so one
depth-first pass with low points finds dominators, blocks and bridges together, in time linear in the links (Tarjan 1972).
One rule: everything here is numbers of slots; `source` is the number after the last slot, -1 is "not reached from any entry".
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from domain.topology.slots import Near, ends


class Inside(NamedTuple):
    """A block as a graph of its own: its slots but the top, their new numbers, their neighbours, and those beside the top."""

    slots: list[int]
    number: dict[int, int]
    near: Near
    entries: list[int]


class Structure:
    """The dominator tree and the blocks of one version of a graph, valid until the next edit; about 21 bytes a slot.

    above   the device on which a slot hangs alone (or `source`, or -1): all ways to it lead through there
    block   the slot that was met first in the block by which it hangs: one number for all members of that block
    twice   1 where two disjoint ways lead there from the device above it
    at      the slots in an order in which every subtree of the dominator tree is one run
    place   where a slot stands in `at`, -1 where it is not reached
    size    how many slots its subtree has, itself included
    """

    def __init__(self, near: Near, entries: Sequence[int]) -> None:
        self.source = source = len(near)
        order, above, block, self.twice = survey(near, entries)
        size = [1] * (source + 1)
        for v in reversed(order):
            size[above[v]] += size[v]
        free = [0] * (source + 1)
        place = array("i", [-1]) * source
        at = array("i", [0]) * len(order)
        for v in order:
            top = above[v]
            now = free[top]
            free[top] = now + size[v]
            free[v] = now + 1
            place[v] = now
            at[now] = v
        self.above, self.block = array("i", above), array("i", block)
        self.place, self.at, self.size = place, at, array("i", size)
        self._near, self._entries = near, entries
        self._members: dict[int, list[int]] | None = None
        self._insides: dict[int, Inside] = {}

    def dominates(self, a: int, b: int) -> bool:
        """Tell whether every way to b leads through a; a device does not dominate itself, and an island has no ways."""
        start, found = self.place[a], self.place[b]
        return 0 <= start < found < start + self.size[a]

    def subtree(self, v: int) -> array[int]:
        """Return a slot and all that hang on it alone; none for an island."""
        start = self.place[v]
        return self.at[start : start + self.size[v]] if start >= 0 else self.at[:0]

    def block_of_link(self, a: int, b: int) -> int:
        """Return the block that a link lies in, -1 where that is no more than the link or an island."""
        lower = a if self.above[a] == b else b
        return self.block[lower] if self.twice[lower] else -1

    def weakened(self, block: int, dead: Container[int], gone: Mapping[int, int]) -> list[int]:
        """Return the slots of a block that still have a way from its top, but no longer two disjoint ones.

        `gone`: of each pair how many of its links have failed. The living of the block are surveyed anew from its top.
        """
        inside = self._inside(block)
        slots, number = inside.slots, inside.number
        near, entries = inside.near[:], inside.entries
        out = {n for n, v in enumerate(slots) if v in dead}
        for n in set().union(*(near[n] for n in out)):
            near[n] = [m for m in near[n] if m not in out]
        for n in out:
            near[n] = []
        entries = [n for n in entries if n not in out]
        for both, count in gone.items():
            a, b = (number.get(v, -1) for v in ends(both))
            if a >= 0 and b >= 0:
                near[a], near[b] = _without(near[a], b, count), _without(near[b], a, count)
            elif max(a, b) >= 0 and self.above[block] in ends(both):
                entries = _without(entries, max(a, b), count)
        order, above, _, twice = survey(near, entries)
        return [slots[n] for n in order if above[n] != len(near) or not twice[n]]

    def _inside(self, block: int) -> Inside:
        """Return the graph of a block; the first call puts all members in their blocks."""
        if self._members is None:
            members: dict[int, list[int]] = {}
            twice, blocks = self.twice, self.block
            for v in self.at:
                if twice[v]:
                    members.setdefault(blocks[v], []).append(v)
            self._members = members
        if block not in self._insides:
            slots, top = self._members[block], self.above[block]
            number = {v: n for n, v in enumerate(slots)}
            near = [[number[w] for w in self._near[v] if w in number] for v in slots]
            below = self._entries if top == self.source else self._near[top]
            self._insides[block] = Inside(slots, number, near, [number[v] for v in below if v in number])
        return self._insides[block]


def _without(mentions: list[int], one: int, count: int) -> list[int]:
    """Return a list less so many mentions of one number, or all there are."""
    left = mentions[:]
    for _ in range(min(count, left.count(one))):
        left.remove(one)
    return left


def survey(near: Near, sources: Sequence[int]) -> tuple[list[int], list[int], list[int], bytearray]:
    """Return (slots in depth-first order, above, block, twice) as `Structure` tells; the lists are as long as `near` plus one.

    A neighbour that is named twice is joined by two links; so is a source that is named twice.
    """
    source = len(near)
    order, parent, met = _depth_first(near, sources)
    low = met[:]
    seen = set()
    for v in sources:
        if parent[v] != source or v in seen:
            low[v] = 1
        seen.add(v)
    for v in reversed(order):
        ways, over, least = near[v], parent[v], low[v]
        if len(ways) > 1:
            for w in ways:
                if met[w] < least and w != over:
                    least = met[w]
            if least > met[over] and ways.count(over) > 1:
                least = met[over]
            low[v] = least
        if least < low[over]:  # noqa: PLR1730  (min() takes four times as long)
            low[over] = least
    above, block, twice = [-1] * (source + 1), [-1] * (source + 1), bytearray(source + 1)
    for v in order:
        over = parent[v]
        if low[v] >= met[over]:
            above[v], block[v], twice[v] = over, v, low[v] == met[over]
        else:
            above[v], block[v], twice[v] = above[over], block[over], 1
    return order, above, block, twice


def _depth_first(near: Near, sources: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """Return the order, each slot's parent, and its number in the order from 2 on (1 is the source, 0 not met).

    A slot waits on the stack once for each neighbour that was met before it; the last to push it is its parent.
    """
    source = len(near)
    parent, met, order = [source] * (source + 1), [0] * (source + 1), []
    met[source] = count = 1
    waiting = list(sources)
    while waiting:
        v = waiting.pop()
        if met[v]:
            continue
        count += 1
        met[v] = count
        order.append(v)
        for w in near[v]:
            if not met[w]:
                parent[w] = v
                waiting.append(w)
    return order, parent, met
