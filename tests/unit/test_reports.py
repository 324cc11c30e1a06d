"""What pollers see on its way to who judges: in order, capped, of what they held, by the judge's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from domain.inventory import Device
from domain.observation import Failure, Observation, Reading
from domain.polling import REPORT_OBSERVATIONS, Heard, decode_report, slot_of
from engine.sync.reports import HEARD_WAITING, REPORT_BYTES, WAITING, Hearing, Reports
from tests.unit.virtual_time import run

HERE, THERE = UUID(int=1), UUID(int=2)
SHARED, ALONE, OTHERS = (Device(UUID(int=number), "d", "10.0.0.1") for number in (10, 11, 12))
DEVICES = {
    SHARED.id: SHARED,
    ALONE.id: Device(ALONE.id, "a", "10.0.0.2", polled_by=HERE),
    OTHERS.id: Device(OTHERS.id, "o", "10.0.0.3", polled_by=THERE),
}
NOW_US = 1_000_000_000


def seen(device: Device, at_us: int, vantage: UUID = HERE) -> Observation:
    """Return an answer of a device."""
    return Observation(device.id, "icmp", vantage, at_us, 100, Reading((("rtt_ms", "", 1.0),)))


def test_observations_and_ends_of_visits_stay_in_their_order() -> None:
    reports = Reports()
    reports.add(seen(SHARED, 1))
    reports.end_visit(SHARED.id, 2)
    reports.add(seen(SHARED, 3))
    reports.end_visit(SHARED.id, 4)
    told = reports.take(9)
    assert told is not None
    report = decode_report(told.report)
    assert (report.at_us, [one.at_us for one in report.observations]) == (9, [1, 3])
    assert report.visits == ((1, SHARED.id, 2), (2, SHARED.id, 4))
    assert reports.take(10) is None


def test_more_than_may_wait_is_lost_and_counted_and_one_report_holds_so_many() -> None:
    reports = Reports()
    for number in range(WAITING + 5):
        reports.add(seen(SHARED, number))
    assert reports.lost == 5
    found: list[Observation] = []
    while (told := reports.take(0)) is not None:
        report = decode_report(told.report)
        assert len(report.observations) <= REPORT_OBSERVATIONS
        assert len(told.report) < REPORT_BYTES + 1024
        found += report.observations
    assert [one.at_us for one in found] == list(range(5, WAITING + 5))


def test_after_a_sleep_failures_are_doubted_for_a_while_and_answers_are_not() -> None:
    now_s = 100.0
    reports = Reports(lambda: now_s)
    failure = Observation(SHARED.id, "icmp", HERE, 5, failure=Failure("no_answer", "x"))
    reports.add(failure)
    reports.doubt_failures_until(160.0)
    assert reports.take(1) is None, "what was under way when it fell asleep is nothing"
    reports.add(failure)
    reports.add(seen(SHARED, 6))
    told = reports.take(7)
    assert told is not None
    assert [one.failure for one in decode_report(told.report).observations] == [None]
    now_s = 160.0
    reports.add(failure)
    told = reports.take(8)
    assert told is not None and decode_report(told.report).observations == (failure,)


def test_a_clock_that_was_set_is_believed_after_three_reports() -> None:
    hearing = Hearing(DEVICES.get, lambda _: None, lambda *_: None, lambda: NOW_US)
    assert hearing._offset_us(HERE, NOW_US - 40_000) == 40_000
    hour_us = 3_600_000_000
    late = [hearing._offset_us(HERE, NOW_US - hour_us) for _ in range(3)]
    assert late[0] < hour_us // 50 and late[2] == hour_us
    assert hearing._offset_us(HERE, NOW_US - 50_000) == 50_000, "one that is set forward is believed at once"


def judged(heard: list[Heard], now_us: Callable[[], int]) -> list[tuple[UUID, int, bool]]:
    """Return what a judge gets of reports: device, time, whether a visit was over."""
    found: list[tuple[UUID, int, bool]] = []

    async def hear() -> None:
        hearing = Hearing(
            DEVICES.get,
            lambda one: found.append((one.device, one.at_us, False)),
            lambda device, at_us: found.append((device, at_us, True)),
            now_us,
        )
        for one in heard:
            hearing.put(one)
        task = asyncio.ensure_future(hearing.run())
        for _ in range(20):  # nothing in there waits for anything else
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(hear())
    return found


def heard(*observations: Observation, at_us: int = NOW_US, own: bool = True, slots: tuple[int, ...]) -> Heard:
    """Return a report with the end of a visit after all."""
    reports = Reports()
    for one in observations:
        reports.add(one)
    reports.end_visit(observations[-1].device, observations[-1].at_us)
    told = reports.take(at_us)
    assert told is not None
    return Heard(HERE, slots, own, told.report)


def test_only_what_its_sender_held_is_judged() -> None:
    held = (slot_of(SHARED.id),)
    told = (seen(SHARED, 5), seen(ALONE, 6), seen(OTHERS, 7), seen(SHARED, 8, THERE))
    everything = judged([heard(*told, slots=held)], lambda: NOW_US)
    assert everything == [(SHARED.id, 5, False), (ALONE.id, 6, False), (SHARED.id, 8, True)]
    assert judged([heard(*told, slots=(), own=False)], lambda: NOW_US) == []
    gone = Device(UUID(int=99), "gone", "10.0.0.9")
    assert judged([heard(seen(gone, 5), slots=tuple(range(128)))], lambda: NOW_US) == []


def test_times_are_moved_by_the_difference_of_the_clocks_and_what_is_late_does_not_count_for_it() -> None:
    held, behind_us = (slot_of(SHARED.id),), 3_600_000_000
    first = heard(seen(SHARED, NOW_US - 100), at_us=NOW_US, slots=held)
    late = heard(seen(SHARED, NOW_US + 900_000), at_us=NOW_US + 1_000_000, slots=held)
    clock = iter([NOW_US + behind_us] * 3 + [NOW_US + behind_us + 3_000_000] * 3)
    found = judged([first, late], lambda: next(clock))
    assert [at_us - behind_us for _, at_us, is_over in found if not is_over] == [
        NOW_US - 100,
        NOW_US + 900_000 + 20_000,
    ]


def test_nonsense_is_refused_and_the_next_report_is_judged() -> None:
    good = heard(seen(SHARED, 5), slots=(slot_of(SHARED.id),))
    bad = Heard(HERE, (), True, b"\xc1")
    both = judged([bad, good], lambda: NOW_US)
    assert [device for device, _, _ in both] == [SHARED.id, SHARED.id]
    failure = Observation(SHARED.id, "icmp", HERE, 5, failure=Failure("no_answer", "x"))
    assert judged([heard(failure, slots=(slot_of(SHARED.id),))], lambda: NOW_US)[0] == (SHARED.id, 5, False)


def test_reports_that_find_no_room_are_counted_and_that_is_said_once_a_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def hear() -> None:
        hearing = Hearing(DEVICES.get, lambda _: None, lambda *_: None, lambda: NOW_US)
        report = heard(seen(SHARED, NOW_US), slots=())
        for lost in (3, 5):
            before = hearing.lost
            for _ in range(HEARD_WAITING + lost):
                hearing.put(report)
            assert hearing.lost == before + lost
            judging = asyncio.ensure_future(hearing.run())
            await asyncio.sleep(0.1)
            judging.cancel()

    run(hear())
    said = [record for record in caplog.records if record.getMessage() == "reports_lost"]
    assert len(said) == 2
