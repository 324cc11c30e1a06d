"""Numbers against their past, over a real database: the same hour of past weeks, three weeks of drift, a disk that fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from domain.alert_rules import rules_by_key
from domain.habits import Against
from domain.inventory import Inventory
from domain.observation import Value
from domain.wire import LatestValues
from engine.judge.rule_history import HOUR_US, WEEK_US, PastReader, wait_s
from engine.judge.rule_past import Watched
from engine.storage import Batch, CycleRow, Store, StoreThread
from engine.storage.hours import floor_hour
from tests.engine.stores import DAY_US, DEVICES, NOW_US, filled, open_store
from tests.unit.rule_court import RuleCourt

HOUR = floor_hour(NOW_US)
DEFAULTS = rules_by_key(Inventory())


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "net.sqlite")
    filled(store)
    yield store
    store.close()


def keep(store: Store, hours: dict[int, float], metric: str, instance: str) -> None:
    """Write three polls of each hour, and roll them up."""
    device = DEVICES[0].id
    cycles = [
        CycleRow(device, at_us + n * 60_000_000, ((metric, instance, value + n - 1),))
        for at_us, value in hours.items()
        for n in range(3)
    ]
    store.write(Batch(samples=cycles))
    while store.roll_up(HOUR + DAY_US):
        pass


def court_of(*told: Value) -> RuleCourt:
    """Return a court with the first device of the store, which tells these numbers."""
    device = DEVICES[0]
    court = RuleCourt(device)
    court.now_s = HOUR / 1e6
    court.state.values[device.id] = LatestValues(device.id, HOUR, told)
    return court


def look(store: Store, court: RuleCourt, *hours_us: int) -> None:
    """Hold these hours against what the store has."""

    async def read(asks: object) -> object:
        return store.hourly(asks)  # type: ignore[arg-type]

    for hour_us in hours_us:
        court.now_s = (hour_us + HOUR_US) / 1e6
        reader = PastReader(court.state, lambda: court.judge, read, lambda: court.now_us)  # type: ignore[arg-type]
        asyncio.run(reader.look(hour_us, rest_s=0))


def test_a_round_trip_unlike_the_same_hour_of_past_weeks_is_an_alert_when_it_lasts(kept: Store) -> None:
    spread = random.Random(1)
    hours = {
        HOUR + k * HOUR_US - week * WEEK_US: spread.uniform(11, 13) for k in range(3) for week in range(1, 6)
    }
    keep(kept, hours | {HOUR: 40.0, HOUR + HOUR_US: 42.0, HOUR + 2 * HOUR_US: 12.0}, "rtt_ms", "icmp")
    court = court_of(("rtt_ms", "icmp", 40.0))
    look(kept, court, HOUR)
    assert court.open_alerts == []
    look(kept, court, HOUR + HOUR_US)
    assert court.open_alerts == ["slow icmp"]
    alert = court.told("slow", DEVICES[0].id, "icmp")
    assert alert.severity == "info" and alert.value == pytest.approx(42)
    assert alert.reason.startswith("Round trip (icmp) is 42 ms, usually 1")
    look(kept, court, HOUR + 2 * HOUR_US)
    assert court.alert_rows == ["opened slow", "cleared slow"]


def test_two_weeks_are_not_enough_to_say_what_is_usual(kept: Store) -> None:
    keep(kept, {HOUR - week * WEEK_US: 12.0 for week in (1, 2)} | {HOUR: 400.0}, "rtt_ms", "icmp")
    court = court_of(("rtt_ms", "icmp", 400.0))
    look(kept, court, HOUR, HOUR)
    assert court.state.alerts == {}


def test_a_signal_that_gets_worse_over_weeks_is_told_of_once_a_day(kept: Store) -> None:
    device = DEVICES[0].id
    turn_us = floor_hour(HOUR - HOUR % DAY_US) + device.int % 24 * HOUR_US
    first_us = turn_us + HOUR_US - 3 * WEEK_US
    hours = {first_us + k * HOUR_US: -74.0 if k < 14 * 24 else -80.0 for k in range(0, 21 * 24)}
    keep(kept, hours, "signal_dbm", "wlan1")
    court = court_of(("signal_dbm", "wlan1", -80.0))
    look(kept, court, turn_us + 5 * HOUR_US)
    assert court.state.alerts == {}, "it was not this device's turn"
    look(kept, court, turn_us)
    alert = court.told("signal_worse", device, "wlan1")
    assert alert.reason == "Signal (wlan1) was -80 dBm in the last 7 days, -74 dBm in the 14 before"
    assert (alert.value, alert.limit) == (-80, -74)


def test_a_number_that_is_told_no_more_is_let_go_after_a_day_of_looks(kept: Store) -> None:
    hours = {HOUR - week * WEEK_US: 12.0 for week in range(1, 6)} | {HOUR: 40.0, HOUR + HOUR_US: 40.0}
    hours |= {HOUR + HOUR_US - week * WEEK_US: 12.0 for week in range(1, 6)}
    keep(kept, hours, "rtt_ms", "icmp")
    court = court_of(("rtt_ms", "icmp", 40.0))
    look(kept, court, HOUR, HOUR + HOUR_US)
    assert court.open_alerts == ["slow icmp"]
    court.state.values.clear()
    look(kept, court, *(HOUR + (k + 2) * HOUR_US for k in range(23)))
    assert court.open_alerts == ["slow icmp"]
    look(kept, court, HOUR + 30 * HOUR_US)
    assert court.told("slow", DEVICES[0].id, "icmp").cleared_why == "it is no longer told"


def test_a_look_that_is_a_moment_earlier_in_its_hour_costs_no_hour_more() -> None:
    court, slow = court_of(), Watched(DEFAULTS["slow"], "icmp")
    for at_us in (HOUR, HOUR + HOUR_US - 30_000_000):
        assert court.open_alerts == []
        court.judge.judge_past(DEVICES[0].id, [(slow, Against(42.0, 12.0, 20.0))], at_us)
    assert court.open_alerts == ["slow icmp"]


def test_of_a_drift_a_look_counts_as_the_day_that_it_is_and_one_that_knows_nothing_ends_it() -> None:
    worse = msgspec.structs.replace(DEFAULTS["signal_worse"], for_s=86_400.0)
    court, watched = court_of(), Watched(worse, "wlan1")
    for day in range(2):
        assert court.open_alerts == []
        court.judge.judge_past(DEVICES[0].id, [(watched, Against(-80.0, -74.0, -6.0))], HOUR + day * DAY_US)
    assert court.open_alerts == ["signal_worse wlan1"]
    court.judge.judge_past(DEVICES[0].id, [(watched, None)], HOUR + 2 * DAY_US)
    assert court.told("signal_worse", DEVICES[0].id, "wlan1").cleared_why == "it is no longer told"


def test_the_thread_of_the_store_reads_hours_and_a_device_that_is_gone_meanwhile_is_nothing(
    kept: Store,
) -> None:
    keep(kept, {HOUR: 12.0}, "rtt_ms", "icmp")

    async def scenario() -> None:
        thread = StoreThread(kept)
        asked = [(DEVICES[0].id, [("rtt_ms", "icmp"), ("rtt_ms", "snmp")], [(HOUR, HOUR + HOUR_US)])]
        (found,) = await thread.hourly(asked)
        assert found == {("rtt_ms", "icmp"): {HOUR: pytest.approx(12.0)}, ("rtt_ms", "snmp"): {}}
        await thread.close()

    asyncio.run(scenario())
    court = court_of()
    court.judge.judge_past(DEVICES[1].id, [], HOUR)
    assert court.rows == []


@pytest.mark.parametrize(("minute", "waits_min"), [(0, 10), (9, 1), (10, 60), (59, 11)])
def test_an_hour_is_looked_at_ten_minutes_after_it_is_over(minute: int, waits_min: int) -> None:
    assert wait_s(HOUR + minute * 60_000_000) == waits_min * 60
