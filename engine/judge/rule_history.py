"""Once an hour, holds numbers against their own past. Counterpart: `storage/` has the hours, `rule_past.py` judges.

Theory: when an hour is over and rolled up, each device whose rules look at the past has the hours fetched that matter: for what
is unusual the same hour of eight past weeks, for a trend three weeks as a whole, the latter once a day (by the device's id, so
that each hour has its share). Some devices at a time, with a rest between, so that nobody waits long for the store. Hours are
those of UTC: in the weeks after the clocks were changed, the same hour is the one beside that by the clock.
One rule: what could not be read this hour is not judged this hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from uuid import UUID

from domain.habits import Against, anomaly, trend
from domain.inventory import Device
from engine.judge.judge import Judge
from engine.judge.rule_past import Watched
from engine.state import State
from engine.storage import StorageFailed

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
WEEK_US = 7 * DAY_US
WEEKS = 8
AFTER_US = 600_000_000
"""An hour is looked at so long after its end: it is rolled up by then."""
DEVICES_AT_ONCE = 16
REST_S = 0.2

Series = tuple[str, str]
Ask = tuple[UUID, Sequence[Series], Sequence[tuple[int, int]]]
Hours = Mapping[Series, Mapping[int, float]]


class PastReader:
    """Fetches what rules look at: `read` asks the storage, the judge hears what came of it."""

    def __init__(
        self,
        state: State,
        judge: Callable[[], Judge],
        read: Callable[[Sequence[Ask]], Awaitable[Sequence[Hours]]],
        now_us: Callable[[], int],
    ) -> None:
        self._state = state
        self._judge = judge
        self._read = read
        self._now_us = now_us

    async def run(self) -> None:
        """Look at each hour when it is over, for ever."""
        while True:
            await asyncio.sleep(wait_s(self._now_us()))
            await self.look(self._now_us() // HOUR_US * HOUR_US - HOUR_US)

    async def look(self, hour_us: int, rest_s: float = REST_S) -> None:
        """Hold the hour that began then against the past, for all devices."""
        asked: list[tuple[UUID, list[Watched]]] = []
        asks: list[Ask] = []
        for device in list(self._state.inventory.devices()):
            watched = [
                w
                for w in self._judge().rules.watched(device)
                if w.rule.kind == "anomaly" or _is_turn(device, hour_us)
            ]
            if not watched:
                continue
            series = sorted({(w.rule.metric, w.instance) for w in watched})
            asks.append((device.id, series, list(_spans(watched, hour_us))))
            asked.append((device.id, watched))
            if len(asks) == DEVICES_AT_ONCE:
                await self._judge_some(asked, asks, hour_us)
                asked, asks = [], []
                await asyncio.sleep(rest_s)
        if asks:
            await self._judge_some(asked, asks, hour_us)

    async def _judge_some(
        self, asked: Sequence[tuple[UUID, list[Watched]]], asks: Sequence[Ask], hour_us: int
    ) -> None:
        try:
            found = await self._read(asks)
        except StorageFailed:  # the storage says so itself
            return
        for (device, watched), hours in zip(asked, found, strict=True):
            judged = [(w, compare(w, hours.get((w.rule.metric, w.instance), {}), hour_us)) for w in watched]
            self._judge().judge_past(device, judged, self._now_us())


def wait_s(now_us: int) -> float:
    """Return in how many seconds the next hour can be looked at."""
    return ((now_us - AFTER_US) // HOUR_US * HOUR_US + HOUR_US + AFTER_US - now_us) / 1e6


def compare(watched: Watched, means: Mapping[int, float], hour_us: int) -> Against | None:
    """Return how the means of hours compare with what was before; None where too little is known."""
    if watched.rule.kind == "anomaly":
        now = means.get(hour_us)
        weeks = (hour_us - week * WEEK_US for week in range(1, WEEKS + 1))
        past = [means[week_us] for week_us in weeks if week_us in means]
        return anomaly(past, now) if now is not None else None
    recent_us = hour_us + HOUR_US - WEEK_US
    recent = [mean for at_us, mean in means.items() if at_us >= recent_us]
    earlier = [mean for at_us, mean in means.items() if recent_us - 2 * WEEK_US <= at_us < recent_us]
    return trend(recent, earlier)


def _is_turn(device: Device, hour_us: int) -> bool:
    return device.id.int % 24 == hour_us // HOUR_US % 24


def _spans(watched: Iterable[Watched], hour_us: int) -> Iterable[tuple[int, int]]:
    kinds = {w.rule.kind for w in watched}
    whole_us = hour_us + HOUR_US - 3 * WEEK_US if "trend" in kinds else hour_us + HOUR_US
    if "trend" in kinds:
        yield whole_us, hour_us + HOUR_US
    if "anomaly" in kinds:
        for week in range(WEEKS + 1):
            at_us = hour_us - week * WEEK_US
            if at_us < whole_us:
                yield at_us, at_us + HOUR_US
