"""Charts in a team: what others measured comes from the server, what this computer measured from its own disk.

Counterparts: `domain/sync.py` (`AskSeries`), `domain/past_numbers.py`, `sync_server/live/doing.py`;
`engine/storage/seen_series.py` keeps answers.

Theory: the server has what everybody measured, this computer too, but for the last seconds and what was measured while it was cut
off. So its answer holds, and own points fill the stretches of time in which it has none. Without the server the answers that were
seen before take its place, and the reply says since when others' numbers are missing.
One rule: a chart is answered within seconds, with the server or without; what is missing is said.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from itertools import count
from typing import Any
from uuid import UUID

import msgspec

from domain.errors import Refusal
from domain.metrics import CATALOGUE
from domain.past_numbers import PORTS_CAP, AskPorts, AskSeries, PortsThen, Series
from domain.text import clean_text
from domain.wire import QuerySeries, Reply
from engine.storage import StorageFailed, StoreThread
from engine.storage.loads import PortLoad, PortLoads
from engine.storage.seen_series import Seen, SeenSeries, SeriesOf
from engine.storage.series import FEWEST_POINTS, Points, merged

FLOAT_CAP = 3.4e38
"""Beyond it a number does not fit where charts are kept; no device measures so much."""
POINTS_CAP = 500
ANSWER_S = 5.0
"""How long the server is waited for."""
CUT_OFF = "cut off from the server"
SILENT = "the server did not answer in time"
Answer = Series | PortsThen
"""What the server says of numbers of the past."""


class TeamCharts:
    """`say` sends a message where there is a line, and tells whether there is."""

    def __init__(
        self,
        thread: StoreThread,
        seen: SeenSeries,
        say: Callable[[AskSeries | AskPorts], bool],
        now_us: Callable[[], int],
    ) -> None:
        self._thread = thread
        self._seen = seen
        self._say = say
        self._now_us = now_us
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Answer]] = {}

    async def answer(self, request: QuerySeries) -> Reply:
        """Return the one reply."""
        if request.metric not in CATALOGUE:
            said = f"a metric of the catalogue expected, got {clean_text(request.metric, 60)!r}"
            return Reply(request.request, (Refusal("INVALID_INPUT", said, "metric"),))
        points = min(max(request.points, FEWEST_POINTS), POINTS_CAP)
        of = SeriesOf(request.device, request.metric, request.instance)
        from_us, to_us = request.from_us, request.to_us
        try:
            own, (told, missing) = await asyncio.gather(
                self._thread.series(*of, from_us, to_us, points), self._of_others(of, from_us, to_us, points)
            )
        except StorageFailed as error:
            said = f"not read from disk: {error.message}"
            return Reply(request.request, (Refusal("STORAGE_FAILED", said),))
        found: dict[str, Any] = msgspec.structs.asdict(joined(told, own, from_us, to_us, points))
        return Reply(request.request, result={**found, "missing": missing})

    async def loads_at(self, ports: Collection[tuple[UUID, str]], at_us: int) -> PortLoads:
        """Return what ports of devices carried as the server knows it; nothing where it is not heard."""
        wanted = list(ports)
        parts = [tuple(wanted[at : at + PORTS_CAP]) for at in range(0, len(wanted), PORTS_CAP)]
        found: PortLoads = {}
        for part in parts:
            told = await self._ask(AskPorts(next(self._numbers), at_us, part))
            if not isinstance(told, PortsThen):
                break
            for device, port, *bps, source in told.ports:
                took, sent = (one if one is not None and 0 <= one < FLOAT_CAP else None for one in bps)
                found[device, port] = PortLoad(took, sent, source)
        return found

    def on_series(self, told: Answer) -> None:
        """The server answered."""
        asked = self._asked.get(told.number)
        if asked is not None and not asked.done():
            asked.set_result(told)

    def on_lost(self) -> None:
        """The line is over: what was asked is not answered any more."""
        for asked in self._asked.values():
            if not asked.done():
                asked.set_result(Series(0, refused=CUT_OFF))

    async def _of_others(
        self, of: SeriesOf, from_us: int, to_us: int, points: int
    ) -> tuple[Points, dict[str, Any] | None]:
        """Return what the server says of a series, or what it said before and what of it is missing."""
        told = await self._ask(AskSeries(next(self._numbers), *of, from_us, to_us, points))
        if isinstance(told, Series) and not told.refused:
            found = _sane(told)
            if found.at_us:
                seen = Seen(from_us, min(to_us, self._now_us()), found)
                with suppress(StorageFailed):  # a full disk is no reason not to show it
                    await self._thread.run(self._seen.keep, of, seen)
            return found, None
        before = await self._thread.run(self._seen.read, of, from_us, to_us)
        until_us, has_holes = _reach(before, from_us, min(to_us, self._now_us()))
        missing = {"since_us": until_us, "why": clean_text(told.refused, 200)}
        return remembered(before, from_us, to_us), missing if has_holes else None

    async def _ask(self, question: AskSeries | AskPorts) -> Answer:
        asked: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[question.number] = asked
        try:
            if not self._say(question):
                return Series(question.number, refused=CUT_OFF)
            async with asyncio.timeout(ANSWER_S):
                return await asked
        except TimeoutError:
            return Series(question.number, refused=SILENT)
        finally:
            del self._asked[question.number]


def joined(told: Points, own: Points, from_us: int, to_us: int, points: int) -> Points:
    """Return what the server told, and of the own what lies in stretches of time in which it told nothing.

    A stretch is what one of `points` stands for, as they are merged; where both have something, the lowest and the highest of
    both are kept, so that nothing is drawn twice and no spike is lost.
    """
    if not own.at_us:
        return told
    width_us = max(1, -(-(to_us - from_us + 1) // points))
    found = list(_rows(told))
    place_in = {(point[0] - from_us) // width_us: place for place, point in enumerate(found)}
    for at_us, value, low, high in _rows(own):
        place = place_in.get((at_us - from_us) // width_us)
        if place is None:
            found.append((at_us, value, low, high))
        else:
            there = found[place]
            found[place] = (*there[:2], min(there[2], low), max(there[3], high))
    found.sort()
    if len(found) > points:
        return merged([(at, low, high, value, 1) for at, value, low, high in found], from_us, to_us, points)
    whole = Points()
    for at_us, value, low, high in found:
        whole.add(at_us, value, low, high)
    return whole


def remembered(seen: Iterable[Seen], from_us: int, to_us: int) -> Points:
    """Return what was answered before, of each time as it was answered most finely; `seen` is in that order."""
    found: list[tuple[int, float, float, float]] = []
    covered: list[tuple[int, int]] = []
    for one in seen:
        first, last = bisect_left(one.points.at_us, from_us), bisect_right(one.points.at_us, to_us)
        found += [
            point
            for point in list(_rows(one.points))[first:last]
            if not any(start <= point[0] <= end for start, end in covered)
        ]
        covered.append((one.from_us, one.to_us))
    whole = Points()
    for point in sorted(found):
        whole.add(*point)
    return whole


def _reach(seen: Iterable[Seen], from_us: int, to_us: int) -> tuple[int | None, bool]:
    """Return up to when a time is covered (None: its end is) and whether something of it is not."""
    at_us, last_us, has_holes = from_us, None, False
    for one in sorted(seen, key=lambda one: one.from_us):
        has_holes |= one.from_us > at_us
        at_us = max(at_us, one.to_us)
        last_us = at_us
    if at_us >= to_us:
        return None, has_holes
    return last_us or 0, True


def _sane(told: Series) -> Points:
    """Return an answer as a chart takes it: columns of one length, numbers, in the order of time."""
    columns = (told.at_us, told.value, told.low, told.high)
    rows = sorted(zip(*columns, strict=False))[: POINTS_CAP + 1]
    found = Points()
    for at_us, value, low, high in rows:
        if all(abs(one) < FLOAT_CAP for one in (value, low, high)) and -(2**62) < at_us < 2**62:
            found.add(at_us, value, low, high)
    return found


def _rows(points: Points) -> Iterable[tuple[int, float, float, float]]:
    return zip(points.at_us, points.value, points.low, points.high, strict=True)
