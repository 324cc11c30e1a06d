"""Restarts and other software, each once in the journal: conversations with the judge."""

from __future__ import annotations

from typing import Any

from domain.wire import LatestValues
from engine.state import State
from tests.unit.court import ROUTEROS, SNMP, START_S, VANTAGE, A, Court
from tests.unit.inventories import device, inventory

BOTH = device(3, probes=(SNMP, ROUTEROS), interval_s=5.0)
COLD, LINK_UP = "1.3.6.1.6.3.1.1.5.1", "1.3.6.1.6.3.1.1.5.4"


def up(court: Court, seconds: float, of: Any = A, probe: str = "snmp") -> None:
    court.now_s += 5
    court.visits(of, ("uptime_s", "", seconds), probe=probe)


def traps(court: Court, oid: str = COLD, of: Any = A) -> None:
    pen = court.judge._pen
    court.judge.hear([pen.row(court.now_us, "trap", of.id, oid=oid)])


def told(court: Court, kind: str = "device_restarted") -> list[dict[str, Any]]:
    return [row.body for row in court.rows if row.kind == kind]


def test_an_uptime_that_falls_is_a_restart_at_the_time_it_began_anew() -> None:
    court = Court(A)
    up(court, 900)
    up(court, 905)
    court.now_s += 95
    up(court, 40)
    up(court, 45)
    assert told(court) == [{"up_s": 905, "by": "snmp"}]
    row = next(row for row in court.rows if row.kind == "device_restarted")
    assert (row.subject, row.at_us) == (A.id, court.now_us - 45_000_000)


def test_the_end_of_the_counter_is_no_restart() -> None:
    court = Court(A)
    up(court, 42_949_600.0)
    up(court, 3)
    assert told(court) == []


def test_a_trap_and_the_uptime_after_it_are_one_restart_and_so_are_two_traps() -> None:
    court = Court(A)
    up(court, 7_200)
    court.now_s += 60
    traps(court)
    traps(court, "1.3.6.1.6.3.1.1.5.2")
    traps(court, LINK_UP)
    up(court, 20)
    assert told(court) == [{"up_s": 7_200, "by": "trap"}]
    court.now_s += 600
    up(court, 700)
    up(court, 5)
    assert [body["by"] for body in told(court)] == ["trap", "snmp"]


def test_a_trap_that_comes_after_the_uptime_told_it_is_the_same_restart() -> None:
    court = Court(A)
    up(court, 7_200)
    court.now_s += 60
    up(court, 20)
    court.now_s += 15
    traps(court)
    assert told(court) == [{"up_s": 7_200, "by": "snmp"}]


def test_of_two_sources_the_better_one_is_listened_to() -> None:
    court = Court(BOTH)
    up(court, 9_000, BOTH, "routeros")
    for agent_s in (500, 5, 10):  # the agent was started anew, the router was not
        up(court, agent_s, BOTH, "snmp")
    up(court, 9_020, BOTH, "routeros")
    assert told(court) == []


def test_a_restart_while_nobody_looked_is_noticed_after_a_start() -> None:
    state = State(inventory(A), VANTAGE)
    state.values[A.id] = LatestValues(A.id, int((START_S - 500) * 1e6), (("uptime_s", "", 9_000.0),))
    court = Court(state=state)
    up(court, 100)
    assert told(court) == [{"up_s": 9_000, "by": "snmp"}]


def test_a_device_that_makes_up_its_uptime_fills_no_journal() -> None:
    court = Court(A)
    for number in range(240):
        up(court, 100.0 * (number % 2) + 1)
    assert 1 <= len(told(court)) <= 1_200 / 60 + 1


def test_another_version_is_an_upgrade_once_whoever_tells_it() -> None:
    court = Court(BOTH)
    for version in ("7.14", "7.14", "7.15.3"):
        court.now_s += 5
        court.visits(BOTH, probe="snmp", facts={"version": f"RouterOS {version}"})
        court.visits(BOTH, probe="routeros", facts={"version": version})
    assert told(court, "device_upgraded") == [{"from": "7.14", "to": "7.15.3"}]
