"""What a chart in a team is made of: the server's answer, own points, and what was answered before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.past_numbers import AskSeries, Series
from domain.wire import QuerySeries
from engine.storage import Store, StoreThread
from engine.storage.seen_series import ROWS_OF_ONE_CAP, Seen, SeenSeries, SeriesOf
from engine.storage.series import Points
from engine.storage.team import TeamStore
from engine.sync.charts import CUT_OFF, SILENT, TeamCharts, joined, remembered

DEVICE = UUID(int=9)
OF = SeriesOf(DEVICE, "rtt_ms", "")


def points(*given: tuple[int, float]) -> Points:
    """Return single values at these times."""
    times, values = [at for at, _ in given], [value for _, value in given]
    return Points(times, values, list(values), list(values))


def test_own_points_fill_what_the_server_has_not_and_none_comes_twice() -> None:
    told, own = points((10, 1.0), (20, 2.0)), points((10, 1.0), (20, 2.0), (31, 3.0), (41, 9.0))
    found = joined(told, own, 0, 50, 50)
    assert list(zip(found.at_us, found.value, strict=True)) == [(10, 1.0), (20, 2.0), (31, 3.0), (41, 9.0)]


def test_a_spike_that_only_one_side_has_stays_and_the_points_stay_few() -> None:
    own = points(*((at, 99.0 if at == 13 else 1.0) for at in range(0, 100, 5)), (13, 99.0))
    told = points(*((at, 2.0) for at in range(0, 100, 2)))
    found = joined(told, own, 0, 99, 10)
    assert len(found.at_us) <= 10 and found.at_us == sorted(found.at_us)
    assert max(found.high) == 99.0 and min(found.low) == 1.0


def test_of_what_was_seen_before_the_finest_is_shown_of_each_time() -> None:
    fine, coarse = Seen(50, 100, points((60, 6.0), (70, 7.0))), Seen(0, 90, points((30, 3.0), (65, 5.0)))
    found = remembered([fine, coarse], 0, 80)
    assert list(zip(found.at_us, found.value, strict=True)) == [(30, 3.0), (60, 6.0), (70, 7.0)]


class Played:
    """Charts over a real store and a server that the test plays: it says `answer`, or is not there (None)."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder / "t.db", now_us=1, new_id=lambda: UUID(int=1))
        TeamStore(self.store).make()
        self.seen = SeenSeries(self.store)
        self.answer: Series | None = None
        self.is_there = True
        self.asked: list[AskSeries] = []
        self.thread = StoreThread(self.store)
        self.charts = TeamCharts(self.thread, self.seen, self._say, lambda: 1_000)

    def _say(self, ask: AskSeries) -> bool:
        self.asked.append(ask)
        if self.answer is not None:
            told = self.answer
            series = Series(ask.number, told.at_us, told.value, told.low, told.high, told.refused)
            asyncio.get_running_loop().call_soon(self.charts.on_series, series)
        return self.is_there

    async def chart(self, from_us: int, to_us: int) -> dict[str, Any]:
        """Return what a window would get."""
        reply = await self.charts.answer(QuerySeries(1, *OF, from_us, to_us))
        assert not reply.refusals
        return reply.result


def test_what_was_seen_once_is_seen_without_the_server_and_the_rest_is_said_to_be_missing(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        played = Played(tmp_path)
        played.answer = Series(0, (100, 200), (1.5, 2.5), (1.5, 2.5), (1.5, 2.5))
        assert (await played.chart(0, 500))["missing"] is None
        played.answer, played.is_there = None, False
        again = await played.chart(50, 500)
        assert (again["at_us"], again["value"]) == ([100, 200], [1.5, 2.5]) and again["missing"] is None
        later = await played.chart(150, 900)
        assert later["at_us"] == [200]
        assert later["missing"] == {"since_us": 500, "why": CUT_OFF}
        assert (await played.chart(600, 900))["missing"] == {"since_us": 0, "why": CUT_OFF}
        await played.thread.close()

    asyncio.run(main())


def test_a_server_that_says_nothing_is_waited_for_some_seconds_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sync.charts.ANSWER_S", 0.05)

    async def main() -> None:
        played = Played(tmp_path)
        assert (await played.chart(0, 500))["missing"]["why"] == SILENT
        played.charts.on_series(Series(1, (1,), (1.0,), (1.0,), (1.0,)))  # too late: nobody waits
        played.answer = Series(0, refused="your role does not show numbers")
        assert (await played.chart(0, 500))["missing"]["why"] == "your role does not show numbers"
        await played.thread.close()

    asyncio.run(main())


def test_what_is_kept_of_a_series_is_bounded_and_a_finer_answer_takes_the_place_of_a_coarser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = Played(tmp_path)
    seen = played.seen
    seen.keep(OF, Seen(0, 100, points((10, 1.0))))
    seen.keep(OF, Seen(0, 100, points((10, 1.0), (20, 2.0))))
    assert [len(one.points.at_us) for one in seen.read(OF, 0, 100)] == [2]
    for start in range(0, 10_000, 100):
        seen.keep(OF, Seen(start, start + 150, points((start, 1.0))))
    assert len(seen.read(OF, 0, 20_000)) == ROWS_OF_ONE_CAP
    monkeypatch.setattr("engine.storage.seen_series.ROWS_CAP", 10)
    for number in range(20):
        seen.keep(SeriesOf(UUID(int=number), "rtt_ms", ""), Seen(0, 1, points((0, 1.0))))
    kept = [number for number in range(20) if seen.read(SeriesOf(UUID(int=number), "rtt_ms", ""), 0, 1)]
    assert kept == list(range(10, 20)), "the oldest go"
    played.store.close()
