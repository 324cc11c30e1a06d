"""What is asked of the network as a whole and of its past, answered over a real database."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from domain.asking import (
    SUBJECTS_CAP,
    WHAT_IF_CAP,
    QueryPast,
    QuerySinglePoints,
    QueryTimeline,
    RowMark,
    WhatIf,
)
from domain.edit import creation
from domain.fact import Fact
from domain.inventory import Interface, Link
from domain.load import LinkState
from domain.topology import Moved
from domain.wire import decode_to_engine
from tests.engine.request_desk import Desk, Run, runner
from tests.unit.inventories import device, edit

POP, HILL, FARM = device(1, role="pop"), device(2, subscribers=5), device(3, subscribers=7)
UPPER, LOWER = Link(UUID(int=51), POP.id, HILL.id), Link(UUID(int=52), HILL.id, FARM.id)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return runner(tmp_path)


async def _fill(desk: Desk) -> None:
    steps = [creation("device", one) for one in (POP, HILL, FARM)]
    steps += [creation("link", one) for one in (UPPER, LOWER)]
    assert await desk.submit(edit(*steps)) == []


def test_what_would_be_lost_is_told_of_devices_and_links_and_nothing_is_changed(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        await _fill(desk)
        by_device = await desk.requests.answer(WhatIf(1, (HILL.id,)))
        by_link = await desk.requests.answer(WhatIf(2, (), (LOWER.id,)))
        assert set(by_device.result["impact"]["devices"]) == {str(HILL.id), str(FARM.id)}
        assert by_device.result["impact"]["subscribers"] == 12
        assert by_link.result["impact"]["devices"] == (str(FARM.id),)
        assert not by_link.result["moved"]["unknown"], "what is lost moves nowhere"
        ring = Link(UUID(int=53), POP.id, FARM.id, capacity_bps=10**8)
        assert await desk.submit(edit(creation("link", ring), number=2)) == []
        desk.state.link_states[LOWER.id] = LinkState(LOWER.id, "up", 1, 1, 4e7, 9e7)
        around = msgspec.convert((await desk.requests.answer(WhatIf(3, (HILL.id,)))).result["moved"], Moved)
        assert (around.links, around.unknown, around.stray_bps) == ((), (), 1.3e8), (
            "Farm is on the ring already"
        )
        alone = msgspec.convert(
            (await desk.requests.answer(WhatIf(4, (), (ring.id,)))).result["moved"], Moved
        )
        assert alone.unknown == (FARM.id,), "nobody measures the ring"
        desk.state.link_states[ring.id] = LinkState(ring.id, "up", 1, 1, 3e7, 6e7)
        moved = msgspec.convert(
            (await desk.requests.answer(WhatIf(5, (), (ring.id,)))).result["moved"], Moved
        )
        lower = next(row for row in moved.links if row.link == LOWER.id)
        assert (lower.ab_bps, lower.ba_bps) == (7e7, 1.5e8), "Hill sends to Farm what Farm takes"
        assert len(await desk.rows()) == 2

    run(ask)


def test_links_side_by_side_share_what_moves_by_what_is_left_of_them(run: Run) -> None:
    one, other, third = (
        Link(UUID(int=60 + n), POP.id, HILL.id, f"bond{n}", "", capacity_bps=2 * 10**8) for n in range(3)
    )

    async def ask(desk: Desk) -> None:
        steps = [creation("device", each) for each in (POP, HILL)]
        steps += [creation("link", each) for each in (one, other, third)]
        assert await desk.submit(edit(*steps)) == []
        for link in (one, other, third):
            desk.state.link_states[link.id] = LinkState(link.id, "up", 1, 1, 3e7, 0.0)
        for port, runs in (("ether2", True), ("ether3", False)):
            fact = _member(port, runs=runs)
            desk.state.facts.setdefault(POP.id, {})[fact.field, fact.source] = fact
        reply = await desk.requests.answer(WhatIf(1, (), (third.id,)))
        moved = msgspec.convert(reply.result["moved"], Moved)
        assert {row.link: row.ab_bps for row in moved.links} == {one.id: 5e7, other.id: 4e7}
        desk.state.facts[POP.id]["interface/ether2", "snmp"] = _member("ether2", runs=False)
        reply = await desk.requests.answer(WhatIf(2, (), (third.id,)))
        moved = msgspec.convert(reply.result["moved"], Moved)
        assert {row.link: row.ab_bps for row in moved.links} == {one.id: 6e7}, "of the other nothing runs"

    run(ask)


def _member(port: str, *, runs: bool) -> Fact:
    """Return what the POP tells of a port of its bond."""
    told = msgspec.to_builtins(Interface(port, oper_up=runs, speed_bps=10**8, bond="bond1"))
    return Fact(POP.id, f"interface/{port}", "snmp", POP.id, 1, told)


def test_what_is_not_in_the_network_cannot_fail(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        await _fill(desk)
        reply = await desk.requests.answer(WhatIf(1, (UUID(int=99),), (UUID(int=98),)))
        assert [(r.code, r.field) for r in reply.refusals] == [
            ("DEVICE_NOT_FOUND", "devices"),
            ("LINK_NOT_FOUND", "links"),
        ]
        many = tuple(UUID(int=n) for n in range(WHAT_IF_CAP + 1))
        assert (await desk.requests.answer(WhatIf(2, many))).refusals[0].code == "INVALID_INPUT"

    run(ask)


def test_single_points_of_failure_come_the_dearest_first_and_say_that_there_are_more(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        await _fill(desk)
        found = (await desk.requests.answer(QuerySinglePoints(1))).result
        assert [(point["kind"], point["subscribers"]) for point in found["points"]] == [
            ("device", 12),
            ("link", 12),
            ("device", 12),
            ("link", 7),
        ]
        cut = (await desk.requests.answer(QuerySinglePoints(2, limit=1))).result
        assert len(cut["points"]) == 1 and cut["more"] and not found["more"]

    run(ask)


def test_the_past_and_the_timeline_are_read_from_disk(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        await _fill(desk)
        (row,) = await desk.rows()
        past = (await desk.requests.answer(QueryPast(1, row.at_us))).result
        assert (past["devices"], past["alerts"], past["seq"]) == ([], [], row.seq)
        timeline = (await desk.requests.answer(QueryTimeline(2, 0, row.at_us + 1))).result
        assert [one["kind"] for one in timeline["rows"]] == ["edit_applied"]
        mark = RowMark(row.at_us, row.origin, row.seq)
        before = (await desk.requests.answer(QueryTimeline(3, 0, row.at_us + 1, before=mark))).result
        assert before["rows"] == []

    run(ask)


def test_a_moment_that_no_database_holds_and_too_many_subjects_are_refused(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        too_many = tuple(UUID(int=number) for number in range(SUBJECTS_CAP + 1))
        reply = await desk.requests.answer(QueryTimeline(1, 0, 1, too_many))
        assert [(refusal.code, refusal.field) for refusal in reply.refusals] == [
            ("INVALID_INPUT", "subjects")
        ]
        last = (await desk.requests.answer(QueryPast(2, 2**62))).result
        assert last["devices"] == []

    run(ask)
    for at_us in (2**63, -(2**63)):
        with pytest.raises(msgspec.ValidationError):
            decode_to_engine(msgspec.msgpack.encode(QueryPast(1, at_us)))
