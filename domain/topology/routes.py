"""Shortest ways from every device to an entry, and their repair around what failed. Counterpart: `impact.py`, which asks.

One rule: of several shortest ways the one over the lowest slot is taken, so that a repair and a computation anew agree.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable

from domain.topology.slots import Near

NOWHERE = -1


class Routes:
    """Of every slot its next hop (itself at an entry, -1 where none is reached) and its distance in devices, 1 at an entry."""

    def __init__(self, near: Near, entries: Collection[int]) -> None:
        self._near = near
        distance = [0] * len(near)
        hop = [NOWHERE] * len(near)
        level = sorted(entries)
        for v in level:
            distance[v], hop[v] = 1, v
        steps = 1
        while level:
            steps += 1
            following: list[int] = []
            for v in level:
                for w in near[v]:
                    if not distance[w]:
                        distance[w], hop[w] = steps, v
                        following.append(w)
            following.sort()
            level = following
        self.distance, self.hop = array("i", distance), array("i", hop)

    def way(self, v: int, other: dict[int, int] | None = None) -> list[int]:
        """Return the slots from one to its entry, by the hops of `other` where it has them; nothing where there is no way."""
        other, hop, found = other or {}, self.hop, []
        following = other.get(v, hop[v])
        while following != NOWHERE:
            found.append(v)
            if following == v:
                return found
            v = following
            following = other.get(v, hop[v])
        return []

    def broken(self, failed: Collection[int], lower_ends: Iterable[int]) -> set[int]:
        """Return the slots whose way leads through what failed, the failed themselves left out.

        `lower_ends`: the slots that lose the link to their next hop.
        """
        near, hop = self._near, self.hop
        found = set(lower_ends)
        waiting = [*failed, *found]
        while waiting:
            v = waiting.pop()
            for w in near[v]:
                if hop[w] == v and w not in found:
                    found.add(w)
                    waiting.append(w)
        return found.difference(failed)

    def repair(
        self, broken: set[int], failed: Collection[int], usable: Callable[[int, int], bool] | None
    ) -> dict[int, int]:
        """Return the new next hop of every broken slot that still has a way; `usable` (None: all) says which pairs stand."""
        near, old = self._near, self.distance
        new: dict[int, int] = {}
        rungs: dict[int, list[int]] = {}
        for v in broken:
            best = 0
            for w in near[v]:
                distance = old[w]
                if (
                    distance
                    and (not best or distance < best)
                    and w not in broken
                    and w not in failed
                    and (usable is None or usable(v, w))
                ):
                    best = distance
            if best:
                rungs.setdefault(best + 1, []).append(v)
        hops: dict[int, int] = {}
        steps = min(rungs, default=0)
        while rungs:
            level = [v for v in rungs.pop(steps, ()) if v not in new]
            for v in level:
                new[v] = steps
            for v in level:
                chosen = NOWHERE
                for w in near[v]:
                    if (
                        (chosen == NOWHERE or w < chosen)
                        and (new.get(w, 0) if w in broken else old[w]) == steps - 1
                        and w not in failed
                        and (usable is None or usable(v, w))
                    ):
                        chosen = w
                    elif w in broken and w not in new and (usable is None or usable(v, w)):
                        rungs.setdefault(steps + 1, []).append(w)
                hops[v] = chosen
            steps += 1
        return hops
