"""The connected parts of a changing set of slots, kept as slots come and go. Counterpart: `causes.py`, which keeps two of these.

Theory: a slot that comes joins the parts around it, the smaller take the number of the largest. A slot that goes may split its
part: searches start at all its neighbours in turn, step by step, and stop when all but one have ended or met, so that a split
costs what the smaller pieces hold and never the whole.
One rule: what `ways` and `marks` say of a slot may change only while that slot is outside.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence

OUTSIDE = -1


class Parts:
    """Which part each slot of the set is in, and of each part its size and the tally of its marks.

    `ways(v)` are v's neighbours, in the set or not, and must be mutual; `marks(v)` are numbers of the caller's, summed by part.
    """

    def __init__(
        self, slots: int, ways: Callable[[int], Sequence[int]], marks: Callable[[int], Iterable[int]]
    ) -> None:
        self.part = array("i", [OUTSIDE]) * slots
        self.tally: dict[int, dict[int, int]] = {}
        self._size: dict[int, int] = {}
        self._ways, self._marks = ways, marks
        self._next = 0

    def fill(self, slots: Iterable[int]) -> None:
        """Take in many slots at once; the set must be empty."""
        part, waiting = self.part, list(slots)
        for v in waiting:
            part[v] = -2
        for start in waiting:
            if part[start] == -2:
                self._settle(start, -2, self._open())

    def add(self, v: int) -> None:
        """Take in a slot that is outside."""
        part, size = self.part, self._size
        around = {part[w]: w for w in self._ways(v) if part[w] != OUTSIDE}
        if around:
            home = max(around, key=size.__getitem__)
            for other, start in around.items():
                if other != home:
                    del size[other], self.tally[other]
                    self._settle(start, other, home)
        else:
            home = self._open()
        part[v] = home
        size[home] += 1
        self._sum(home, (v,), 1)

    def discard(self, v: int) -> None:
        """Let go of a slot that is inside."""
        part, home = self.part, self.part[v]
        self._sum(home, (v,), -1)
        part[v] = OUTSIDE
        self._size[home] -= 1
        if not self._size[home]:
            del self._size[home], self.tally[home]
            return
        starts = {w for w in self._ways(v) if part[w] == home}
        for piece in self._split_off(starts, home) if len(starts) > 1 else ():
            new = self._open()
            for w in piece:
                part[w] = new
            self._size[home] -= len(piece)
            self._size[new] = len(piece)
            self._sum(home, piece, -1)
            self._sum(new, piece, 1)

    def mark(self, v: int, key: int, by: int) -> None:
        """Add to one mark of the part that a slot inside is in."""
        tally = self.tally[self.part[v]]
        count = tally.get(key, 0) + by
        if count:
            tally[key] = count
        else:
            del tally[key]

    def reach(self, v: int) -> list[int]:
        """Return all slots of the part that a slot inside is in."""
        part, found, home = self.part, [v], self.part[v]
        seen = {v}
        for u in found:
            for w in self._ways(u):
                if part[w] == home and w not in seen:
                    seen.add(w)
                    found.append(w)
        return found

    def _open(self) -> int:
        new = self._next
        self._next += 1
        self._size[new], self.tally[new] = 0, {}
        return new

    def _settle(self, start: int, old: int, new: int) -> None:
        """Give a part, or what is not yet in one, another number, and add it up there."""
        part, found = self.part, [start]
        part[start] = new
        for u in found:
            for w in self._ways(u):
                if part[w] == old:
                    part[w] = new
                    found.append(w)
        self._size[new] += len(found)
        self._sum(new, found, 1)

    def _sum(self, home: int, slots: Iterable[int], by: int) -> None:
        tally = self.tally[home]
        for v in slots:
            for key in self._marks(v):
                count = tally.get(key, 0) + by
                if count:
                    tally[key] = count
                else:
                    del tally[key]

    def _split_off(self, starts: set[int], home: int) -> list[list[int]]:
        """Return the pieces that no longer hang together with the rest; the rest is the piece whose search was not ended."""
        part = self.part
        owner = {start: number for number, start in enumerate(starts)}
        into = list(range(len(starts)))
        found = [[start] for start in starts]
        fringe = [deque([start]) for start in starts]
        running = deque(into)
        left, ended = len(starts), list[list[int]]()
        while left > 1:
            turn = number = running.popleft()
            if into[number] != number:
                continue  # it met another, which goes on for both
            if not fringe[number]:
                ended.append(found[number])
                left -= 1
                continue
            for w in self._ways(fringe[number].popleft()):
                if part[w] != home:
                    continue
                other = owner.get(w)
                if other is None:
                    owner[w] = number
                    found[number].append(w)
                    fringe[number].append(w)
                    continue
                while into[other] != other:
                    other = into[other]
                if other != number:
                    left -= 1
                    fewer, number = sorted((number, other), key=lambda one: len(found[one]))
                    into[fewer] = number
                    found[number] += found[fewer]
                    fringe[number] += fringe[fewer]
                    found[fewer], fringe[fewer] = [], deque()
            if number == turn:
                running.append(turn)
        return ended
