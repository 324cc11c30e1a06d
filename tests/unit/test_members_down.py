"""A link of several ports as the judge sees it: degraded while some of its members are down, and down only with all of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from domain.edit import change, creation
from domain.inventory import Interface, Link
from domain.observation import Value
from domain.watching import PortWatch
from tests.unit.court import A, B, Court, ports

TRUNK = Link(UUID(int=500), A.id, B.id, "bond1", "bond1", capacity_bps=2_000_000_000)
LINES = ("ether2", "ether3")
NOTHING: tuple[Value, ...] = ()


def facts(*lines: str, bond: str = "bond1") -> dict[str, Any]:
    """Return the facts of a bond and its members."""
    told = [Interface(bond, kind="bond"), *(Interface(line, kind="ether", bond=bond) for line in lines)]
    return {f"interface/{port.name}": msgspec.to_builtins(port) for port in told}


def tells(court: Court, of: Any, runs: dict[str, bool], bond: tuple[Value, ...] | None = None) -> None:
    """Have a device tell its members, each with 10 in and 20 out where it runs, and of the bond what is given."""
    values = [value for line, up in runs.items() for value in ports(line, float(up), 10.0 * up, 20.0 * up)]
    if bond is None:
        bond = ports("bond1", float(any(runs.values())), 30, 40)
    court.visits(of, *values, *bond, facts=facts(*runs), whole=("interface/",))


def both(court: Court, runs: dict[str, bool], bond: tuple[Value, ...] | None = None) -> None:
    for end in (A, B):
        tells(court, end, runs, bond)
    court.passes(2)


def state(court: Court) -> tuple[str, float | None, float | None]:
    told = court.state.link_states[TRUNK.id]
    return told.status, told.ab_bps, told.ba_bps


def said(court: Court) -> list[str]:
    """Return what the open alerts say."""
    return [alert.reason for alert in court.state.alerts.values() if alert.is_open]


def test_a_member_that_is_down_opens_one_alert_that_says_which_and_leaves_the_link_up() -> None:
    court = Court(A, B, TRUNK)
    both(court, dict.fromkeys(LINES, True))
    assert (state(court)[0], court.open_alerts) == ("up", [])
    both(court, {"ether2": False, "ether3": True})
    assert state(court)[0] == "up"
    assert court.open_alerts == ["port_down 1 of 2 members down"]
    (reason,) = said(court)
    assert reason == f"1 of 2 members down: ether2 of {A.name} does not run", (
        "the end that tells first names it"
    )
    both(court, dict.fromkeys(LINES, True))
    assert court.open_alerts == []
    alert = court.told("port_down", TRUNK.id, "1 of 2 members down")
    assert alert.cleared_why == "all its members run"


def test_the_link_is_down_with_all_of_its_members_even_where_the_bond_says_otherwise() -> None:
    court = Court(A, B, TRUNK)
    both(court, {"ether2": False, "ether3": True})
    for _ in range(5):
        both(court, dict.fromkeys(LINES, False), ports("bond1", 1.0, 5, 5))
    assert state(court) == ("down", None, None)
    assert court.open_alerts == ["link_down"]


def test_another_number_of_members_is_another_alert() -> None:
    court = Court(A, B, TRUNK)
    four = ("ether2", "ether3", "ether4", "ether5")
    both(court, {line: line != "ether2" for line in four})
    assert court.open_alerts == ["port_down 1 of 4 members down"]
    both(court, {line: line not in LINES for line in four})
    assert court.open_alerts == ["port_down 2 of 4 members down"]
    (reason,) = said(court)
    assert reason.startswith("2 of 4 members down: ether2 of ")


def test_load_and_status_are_those_of_the_members_where_the_bond_does_not_tell_its_own() -> None:
    court = Court(A, B, TRUNK)
    both(court, dict.fromkeys(LINES, True), NOTHING)
    assert state(court) == ("up", 40, 40)
    both(court, {"ether2": True, "ether3": False}, NOTHING)
    assert state(court) == ("up", 20, 20)
    both(court, dict.fromkeys(LINES, False), NOTHING)
    assert state(court)[0] == "down"


def test_one_end_that_falls_silent_takes_nothing_back() -> None:
    court = Court(A, B, TRUNK)
    both(court, {"ether2": False, "ether3": True})
    court.misses(B, 3)
    tells(court, A, {"ether2": False, "ether3": True})
    assert "port_down 1 of 2 members down" in court.open_alerts
    tells(court, A, dict.fromkeys(LINES, True))
    assert "port_down 1 of 2 members down" not in court.open_alerts


def test_it_opens_no_second_time_after_a_restart_and_clears_after_one() -> None:
    court = Court(A, B, TRUNK)
    both(court, {"ether2": False, "ether3": True})
    count = len(court.alert_rows)
    facts_before = court.state.facts
    court.restarts(5)
    court.state.facts.update(facts_before)
    court.judge = court.make_judge(court.state, court.judge._pen)
    both(court, {"ether2": False, "ether3": True})
    assert len(court.alert_rows) == count and court.open_alerts
    both(court, dict.fromkeys(LINES, True))
    assert court.open_alerts == []


def test_a_port_that_is_a_member_no_more_takes_the_alert_with_it() -> None:
    court = Court(A, B, TRUNK)
    both(court, {"ether2": False, "ether3": True})
    assert court.open_alerts
    for end in (A, B):
        loose = {f"interface/{line}": msgspec.to_builtins(Interface(line, kind="ether")) for line in LINES}
        court.visits(end, *ports("bond1"), facts=loose, whole=("interface/",))
    assert court.open_alerts == []


def test_a_bond_that_is_taken_apart_while_nobody_judges_takes_its_alert_with_it() -> None:
    court = Court(A, B, TRUNK)
    both(court, {"ether2": False, "ether3": True})
    told = court.state.facts
    court.restarts(5)
    court.state.facts.update(told)
    court.judge = court.make_judge(court.state, court.judge._pen)
    for end in (A, B):
        loose = {f"interface/{line}": msgspec.to_builtins(Interface(line, kind="ether")) for line in LINES}
        court.visits(end, *ports("bond1"), facts=loose, whole=("interface/",))
    assert court.open_alerts == []


def test_who_does_not_watch_the_bond_is_told_nothing_of_its_members() -> None:
    deaf = msgspec.structs.replace(A, ports=(PortWatch("bond1", is_on=False),))
    court = Court(deaf, B, TRUNK)
    both(court, {"ether2": False, "ether3": True})
    assert court.open_alerts == []


def test_a_link_that_is_drawn_later_is_judged_by_what_is_known() -> None:
    court = Court(A, B)
    for end in (A, B):
        tells(court, end, {"ether2": False, "ether3": True})
    court.edits(creation("link", TRUNK))
    both(court, {"ether2": False, "ether3": True})
    assert court.open_alerts == ["port_down 1 of 2 members down"]
    court.edits(
        change("link", TRUNK, msgspec.structs.replace(TRUNK, a_interface="ether9", b_interface="ether9"))
    )
    both(court, {"ether2": False, "ether3": True})
    assert court.open_alerts == []
