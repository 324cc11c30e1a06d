"""Devices that only push, as conversations: they are up while they do, and missed when nothing comes any more."""

from __future__ import annotations

from uuid import UUID

import msgspec

from domain.edit import change
from domain.inventory import Device, Link
from domain.team import Reachability, TeamState
from engine.judge.following import hear_pushed
from tests.unit.court import DEFAULTS, A, Court
from tests.unit.inventories import device
from tests.unit.rule_court import RuleCourt
from tests.unit.town import Town, join, node

POP = node(1, "pop", "pop")


def test_what_only_pushes_is_stale_and_then_told_of_when_nothing_comes_any_more() -> None:
    mast = device(3, probes=(), interval_s=10.0)
    court = RuleCourt(mast)
    court.state.team = team_of()
    court.passes(60)
    assert mast.id not in court.state.health, "who never pushed is not missed"
    pushes(court, mast)
    assert court.status(mast) == "up"
    court.passes(25)
    assert court.status(mast) == "up"
    court.passes(10)
    assert court.status(mast) == "stale" and court.open_alerts == []
    assert court.state.health[mast.id].reason.startswith("no heartbeat: it has pushed nothing for 3")
    court.passes(DEFAULTS["device_stale"].for_s)
    assert court.open_alerts == ["device_stale"]
    pushes(court, mast)
    assert (court.status(mast), court.open_alerts) == ("up", [])
    court.edits(change("device", mast, msgspec.structs.replace(mast, name="Mast")))
    assert court.status(mast) == "up", "an edit leaves it its sign of life"


def test_while_the_server_is_not_heard_nothing_that_pushes_is_missed() -> None:
    mast = device(3, probes=(), interval_s=10.0)
    court = RuleCourt(mast)
    court.state.team = team_of()
    pushes(court, mast)
    court.state.team = team_of(reachability="offline")
    court.passes(300)
    assert court.status(mast) == "up"
    court.state.team = team_of()
    court.passes(25)
    assert court.status(mast) == "up", "it has its time to come again"
    court.passes(20)
    assert court.status(mast) == "stale"


def test_while_the_server_does_not_hear_what_is_pushed_nothing_is_missed() -> None:
    mast = device(3, probes=(), interval_s=10.0)
    court = RuleCourt(mast)
    court.state.team = team_of()
    pushes(court, mast)
    court.state.team = msgspec.structs.replace(team_of(), hears_pushes=False)
    court.passes(300)
    assert court.status(mast) == "up"
    court.state.team = team_of()
    court.passes(40)
    assert court.status(mast) == "stale"


def test_what_an_asked_device_pushes_is_no_sign_of_life() -> None:
    court = RuleCourt(A)
    pushes(court, A)
    assert A.id not in court.state.health


def team_of(reachability: Reachability = "online") -> TeamState:
    ids = UUID(int=1), UUID(int=2)
    return TeamState(
        "https://noc.example.net", ids[0], "Voralp", ids[1], "Rosa", "engineer", (), True, reachability
    )


def pushes(court: Court, of: Device) -> None:
    hear_pushed(court.state, court.judge, [of.id], court.now_us)


def in_a_town(*links: Link, others: tuple[Device, ...]) -> tuple[Town, Device]:
    """Return a town in which one device only pushes: pop - mast, and what hangs on it."""
    mast = msgspec.structs.replace(node(2, "mast"), probes=())
    town = Town(POP, POP, mast, *others, join(1, POP, mast), *links)
    town.state.team = team_of()
    return town, mast


def test_that_something_pushes_says_nothing_of_the_pollers_own_uplink() -> None:
    farm = node(3, "farm", "access")
    town, mast = in_a_town(join(2, POP, farm), others=(farm,))
    town.runs(60)
    pushes(town, mast)
    town.is_out = True
    for _ in range(12):
        town.runs(10)
        pushes(town, mast)
    assert town.status(mast) == "up"
    assert [alert.kind for alert in town.state.alerts.values() if alert.is_open] == ["cut_off"]


def test_what_hangs_on_one_that_pushed_waits_until_it_is_missed() -> None:
    farms = tuple(node(n, f"farm{n}", "access") for n in (3, 4))
    links = tuple(
        join(n, msgspec.structs.replace(node(2, "mast"), probes=()), farm) for n, farm in enumerate(farms, 2)
    )
    town, mast = in_a_town(*links, others=farms)
    for _ in range(6):
        town.runs(10)
        pushes(town, mast)
    town.dead = {mast.id}
    town.runs(180)
    assert set(town.opened()) == {"mast"}
