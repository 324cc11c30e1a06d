"""A device that invents names: its alerts stay few, and one says that there are more."""

from __future__ import annotations

from uuid import UUID

import msgspec

from domain.watching import AlertRule, Scope
from engine.judge.holds import MORE, MOST_INSTANCES
from tests.unit.court import A, ports
from tests.unit.rule_court import RuleCourt

HOT = AlertRule(UUID(int=700), "Hot", "threshold", "temperature_c", "gt", 50.0, severity="critical")
KEY = str(HOT.id)
EVERY_PORT = AlertRule(UUID(int=701), "A port", "port_down", scope=Scope(interface="*"))


def tells(court: RuleCourt, names: range, degrees: float = 90.0) -> None:
    court.now_s += A.interval_s
    court.visits(A, *(("temperature_c", f"sensor{n}", degrees) for n in names))


def test_new_names_at_each_poll_open_so_many_alerts_and_one_for_the_rest() -> None:
    court = RuleCourt(A, HOT)
    for visit in range(20):
        tells(court, range(200 * visit, 200 * visit + 200))
        assert len(court.open_alerts) == MOST_INSTANCES + 1
    rest = court.told(KEY, A.id, MORE)
    assert rest.reason == "more than 50 ports or sensors at once: the rest is not told singly"
    assert len(court.judge.rules._holds.all()) == 2 * (MOST_INSTANCES + 1), (
        "of this rule, and the one that ships"
    )
    court.passes(5)
    for _ in range(30):
        tells(court, range(3))
    assert len(court.open_alerts) == 3
    assert not rest.count > 1


def test_what_found_no_room_alerts_when_there_is_some_and_the_rest_is_over() -> None:
    court = RuleCourt(A, HOT)
    tells(court, range(60))
    court.now_s += A.interval_s
    court.visits(A, *(("temperature_c", f"sensor{n}", 20.0 if n < 40 else 90.0) for n in range(60)))
    for _ in range(4):
        court.now_s += A.interval_s
        court.visits(A, *(("temperature_c", f"sensor{n}", 20.0 if n < 40 else 90.0) for n in range(60)))
    assert court.open_alerts == sorted(f"{KEY} sensor{n}" for n in range(40, 60))
    assert not court.told(KEY, A.id, MORE).is_open


def test_a_rule_with_a_duration_waits_with_the_rest_too() -> None:
    court = RuleCourt(A, msgspec.structs.replace(HOT, for_s=60.0))
    for _ in range(8):
        tells(court, range(100))
    assert court.open_alerts == []
    for _ in range(8):
        tells(court, range(100))
    assert len(court.open_alerts) == MOST_INSTANCES + 1


def test_ports_without_end_are_so_many_alerts_and_the_others_follow_when_there_is_room() -> None:
    court = RuleCourt(A, EVERY_PORT)
    told = [value for n in range(80) for value in ports(f"ether{n}", up=0)]
    for _ in range(3):
        court.now_s += A.interval_s
        court.visits(A, *told)
    assert len(court.open_alerts) == MOST_INSTANCES + 1
    told = [value for n in range(80) for value in ports(f"ether{n}", up=float(n < 70))]
    for _ in range(5):
        court.now_s += A.interval_s
        court.visits(A, *told)
    assert len(court.open_alerts) == 10
