"""Who is streamed, when and how often it is tried, in virtual time against made-up streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import pairwise
from uuid import UUID

import pytest

from domain.errors import BadCredentials, DeviceError, NoAnswer, Untrusted
from domain.observation import Value
from engine.monitor.live import STREAMS_CAP, Live
from tests.unit.virtual_time import run

RATE: Value = ("if_in_bps", "ether1", 5.0)


class Fleet:
    """Streams that say one rate a second; `fails` of a device is what its stream ends with at once."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun: list[tuple[float, UUID]] = []
        self.open: set[UUID] = set()
        self.fails: dict[UUID, Exception] = {}
        self.told: list[tuple[UUID, int]] = []
        self.without: set[UUID] = set()
        self.live = Live(
            make_stream=self._make,
            on_rates=lambda id, rates: self.told.append((id, len(rates))),
            clock=self.loop.time,
        )

    def _make(self, id: UUID) -> _Stream | None:
        return None if id in self.without else _Stream(self, id)

    def begun_s(self, id: UUID) -> list[float]:
        return [at_s for at_s, who in self.begun if who == id]


class _Stream:
    def __init__(self, fleet: Fleet, id: UUID) -> None:
        self.fleet, self.id = fleet, id

    async def run(self, on_rates: Callable[[Sequence[Value]], None]) -> None:
        self.fleet.begun.append((self.fleet.loop.time(), self.id))
        if self.id in self.fleet.fails:
            raise self.fleet.fails[self.id]
        self.fleet.open.add(self.id)
        try:
            while True:
                on_rates([RATE])
                await asyncio.sleep(1)
        finally:
            self.fleet.open.discard(self.id)


def ids(*numbers: int) -> list[UUID]:
    return [UUID(int=n) for n in numbers]


def test_a_device_is_streamed_while_it_is_watched_and_told_to_be_over_then() -> None:
    async def scene() -> None:
        fleet = Fleet()
        one, two = ids(1, 2)
        fleet.live.watch([one])
        await asyncio.sleep(3.5)
        assert fleet.open == {one}
        assert fleet.told == [(one, 1)] * 4
        fleet.live.watch([two])
        await asyncio.sleep(0.1)
        assert fleet.open == set()
        assert fleet.told[-1] == (one, 0)
        await asyncio.sleep(1)
        assert fleet.open == {two}
        await fleet.live.close()
        assert fleet.open == set()
        assert fleet.told[-1] == (two, 0)

    run(scene())


def test_who_goes_down_a_list_of_devices_begins_no_streams() -> None:
    async def scene() -> None:
        fleet = Fleet()
        for id in ids(*range(1, 30)):
            fleet.live.watch([id])
            await asyncio.sleep(0.2)
        await asyncio.sleep(1)
        assert {who for _, who in fleet.begun} == {UUID(int=29)}
        await fleet.live.close()

    run(scene())


def test_twenty_are_streamed_and_the_next_has_the_place_of_one_that_is_watched_no_more() -> None:
    async def scene() -> None:
        fleet = Fleet()
        watched = ids(*range(1, 40))
        fleet.live.watch(watched)
        await asyncio.sleep(2)
        assert len(fleet.open) == STREAMS_CAP == 20
        gone = next(iter(fleet.open))
        fleet.live.watch([id for id in watched if id != gone])
        await asyncio.sleep(1)
        assert len(fleet.open) == STREAMS_CAP
        assert gone not in fleet.open
        await fleet.live.close()

    run(scene())


def test_streams_that_fail_rest_longer_each_time_and_hold_no_place() -> None:
    async def scene() -> None:
        fleet = Fleet()
        dead, living = ids(*range(1, 21)), ids(99)[0]
        fleet.fails = dict.fromkeys(dead, NoAnswer("dead"))
        fleet.live.watch([*dead, living])
        await asyncio.sleep(200)
        assert fleet.open == {living}
        assert (living, 0) not in fleet.told
        gaps_s = [b - a for a, b in zip(fleet.begun_s(dead[0]), fleet.begun_s(dead[0])[1:], strict=False)]
        assert gaps_s[:6] == pytest.approx([1, 2, 4, 8, 16, 32])
        assert max(gaps_s) == pytest.approx(60)
        await fleet.live.close()

    run(scene())


@pytest.mark.parametrize("error", [BadCredentials("no"), Untrusted("another certificate", "ab")])
def test_what_is_refused_rests_for_minutes_is_told_once_and_goes_on_when_it_is_granted(
    error: DeviceError, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        fleet = Fleet()
        one = UUID(int=1)
        fleet.fails[one] = error
        fleet.live.watch([one])
        await asyncio.sleep(3600)
        at_s = fleet.begun_s(one)
        gaps_s = [b - a for a, b in pairwise(at_s)]
        assert gaps_s == pytest.approx([60, 120, 240, 480, 600, 600, 600, 600])
        assert caplog.messages.count("live_refused") == 1
        del fleet.fails[one]
        await asyncio.sleep(600)
        assert fleet.open == {one}
        await fleet.live.close()

    run(scene())


def test_to_look_away_and_back_does_not_try_what_was_refused_any_sooner_and_a_change_does() -> None:
    async def scene() -> None:
        fleet = Fleet()
        one = UUID(int=1)
        fleet.fails[one] = BadCredentials("no")
        for _ in range(10):
            fleet.live.watch([one])
            await asyncio.sleep(4)
            fleet.live.watch([])
        assert len(fleet.begun) == 1
        fleet.live.watch([one])
        del fleet.fails[one]
        fleet.live.change(one)
        await asyncio.sleep(1)
        assert fleet.open == {one}
        await fleet.live.close()

    run(scene())


def test_a_device_that_changes_is_streamed_anew_and_one_that_nobody_watches_is_not() -> None:
    async def scene() -> None:
        fleet = Fleet()
        one, two = ids(1, 2)
        fleet.live.watch([one])
        await asyncio.sleep(5)
        fleet.live.change(one)
        fleet.live.change(two)
        await asyncio.sleep(5)
        assert [who for _, who in fleet.begun] == [one, one]
        assert fleet.open == {one}
        await fleet.live.close()

    run(scene())


def test_a_device_that_cannot_stream_costs_nothing() -> None:
    async def scene() -> None:
        fleet = Fleet()
        one = UUID(int=1)
        fleet.without = {one}
        fleet.live.watch([one])
        await asyncio.sleep(600)
        assert fleet.begun == []
        assert {count for _, count in fleet.told} <= {0}
        await fleet.live.close()

    run(scene())
