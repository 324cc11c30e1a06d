"""Moments of the past over a real database: inventory, status, faults, links, loads; told by what differs; counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.alerts import Beginning, body_of, fingerprint
from domain.asking import (
    BUCKETS_CAP,
    LOADS_CAP,
    Density,
    LoadThen,
    Moment,
    QueryDensity,
    QueryLoads,
    QueryMoment,
)
from domain.edit import change, creation, deletion
from domain.evidence import DerivedLink
from domain.fact import Fact
from domain.inventory import Interface, Link
from domain.wire import Changed, Reply, decode_to_client, encode
from engine.storage import Batch, CycleRow
from tests.engine.request_desk import Desk, Run, runner
from tests.unit.inventories import device, edit

SECOND_US = 1_000_000
START_US = 1_780_000_000_000_000 // 3_600_000_000 * 3_600_000_000
POP, HILL, FARM = device(1, role="pop"), device(2, subscribers=5), device(3, subscribers=7)
UPPER = Link(UUID(int=51), POP.id, HILL.id, "sfp1", "sfp1", capacity_bps=10**9)
LOWER = Link(UUID(int=52), HILL.id, FARM.id, "sfp2", "sfp1", capacity_bps=10**9)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return runner(tmp_path)


class Story:
    """A desk whose clock stands where the test puts it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.at_us = START_US
        desk.requests._now_us = desk.ledger._now_us = lambda: self.at_us
        self._edits = 0

    async def edit(self, after_s: float, *steps: Any) -> None:
        self.at_us = START_US + round(after_s * SECOND_US)
        self._edits += 1
        assert await self.desk.submit(edit(*steps, number=self._edits)) == []

    async def turn(self, after_s: float, id: UUID, was: str, status: str) -> None:
        self.at_us = START_US + round(after_s * SECOND_US)
        row = self.desk.pen.row(self.at_us, "status", id, was=was, status=status, reason="gone")
        await self.desk.store.write(Batch(journal=[row]))

    async def moment(self, after_s: float, base: int = 0) -> tuple[Moment, Changed]:
        at_us = START_US + round(after_s * SECOND_US)
        reply = crossed(await self.desk.requests.answer(QueryMoment(1, at_us, base)))
        assert not reply.refusals
        return msgspec.convert(reply.result["moment"], Moment), msgspec.convert(
            reply.result["changed"], Changed
        )


def crossed(reply: Reply) -> Reply:
    """Return a reply as it comes out of the wire."""
    found = decode_to_client(encode(reply))
    assert isinstance(found, Reply)
    return found


async def _network(desk: Desk) -> Story:
    story = Story(desk)
    await story.edit(0, *(creation("device", one) for one in (POP, HILL, FARM)))
    await story.edit(1, *(creation("link", one) for one in (UPPER, LOWER)))
    for one in (POP, HILL, FARM):
        await story.turn(10, one.id, "unknown", "up")
    return story


def test_a_moment_has_the_inventory_as_it_was_before_later_edits(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        story = await _network(desk)
        renamed = change("device", HILL, msgspec.structs.replace(HILL, name="Hilltop", lng=9.5, lat=47.5))
        assert renamed is not None
        await story.edit(20, renamed)
        await story.edit(30, deletion("link", LOWER), deletion("device", FARM))
        _, then = await story.moment(15)
        assert {d.id: d.name for d in then.devices} == {POP.id: "R1", HILL.id: "R2", FARM.id: "R3"}
        assert {link.id for link in then.links} == {UPPER.id, LOWER.id}
        _, between = await story.moment(25)
        assert {d.name for d in between.devices} == {"R1", "Hilltop", "R3"}
        _, before = await story.moment(0.5)
        assert len(before.devices) == 3 and not before.links and not before.health
        _, after = await story.moment(40)
        assert {d.id for d in after.devices} == {POP.id, HILL.id} and {d.device for d in after.health} == {
            POP.id,
            HILL.id,
        }

    run(ask)


def test_the_second_moment_is_told_by_what_differs_and_going_back_takes_it_away_again(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        story = await _network(desk)
        await story.turn(50, HILL.id, "up", "down")
        begun: Any = Beginning("device_down", "device_down", "critical", 1, story.at_us, story.at_us)
        row = desk.pen.row(story.at_us, "alert_opened", HILL.id, **body_of(begun))
        await desk.store.write(Batch(journal=[row]))
        await story.turn(51, FARM.id, "up", "down")
        first, whole = await story.moment(40)
        assert whole.initial and len(whole.devices) == 3 and not whole.faults and not whole.alerts
        second, news = await story.moment(60, first.number)
        assert not news.initial and not news.devices and not news.links
        assert {h.device: h.status for h in news.health} == {HILL.id: "down", FARM.id: "down"}
        (fault,) = news.faults
        assert (fault.subject, fault.affected, fault.subscribers) == (HILL.id, (FARM.id,), 12)
        assert [a.id for a in news.alerts] == [fingerprint("device_down", HILL.id)]
        _, back = await story.moment(40, second.number)
        assert {h.status for h in back.health} == {"up"}
        gone = {(r.kind, r.id) for r in back.removed}
        assert gone == {("fault", HILL.id), ("alert", fingerprint("device_down", HILL.id))}
        _, same = await story.moment(41, first.number)
        assert msgspec.structs.replace(same, batch=0) == Changed(0)
        _, forgotten = await story.moment(41, 999)
        assert forgotten.initial

    run(ask)


def test_a_large_network_comes_in_parts_and_what_is_forgotten_says_so(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        story = Story(desk)
        many = [device(n) for n in range(1, 2_500)]
        await story.edit(0, *(creation("device", one) for one in many))
        moment, first = await story.moment(1)
        assert first.more and first.initial and len(first.devices) == 2_000
        reply = crossed(await desk.requests.answer(QueryMoment(2, 0, number=moment.number, part=1)))
        second = msgspec.convert(reply.result["changed"], Changed)
        assert not second.more and second.initial and len(second.devices) == 499
        for strange in (QueryMoment(3, 0, number=77, part=1), QueryMoment(3, 0, number=1, part=9)):
            assert (await desk.requests.answer(strange)).refusals[0].code == "MOMENT_GONE"

    run(ask)


def test_loads_are_those_of_the_last_poll_and_further_back_of_the_hour(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        story = await _network(desk)
        hour_s = 3_600
        for n in range(120):
            at_us = START_US + n * 60 * SECOND_US
            values = (("if_in_bps", "sfp1", 1e6 * (n + 1)), ("if_out_bps", "sfp1", 5e5))
            await desk.store.write(Batch(samples=[CycleRow(HILL.id, at_us, values)]))

        async def ask_at(after_s: float, links: tuple[UUID, ...] = (UPPER.id, LOWER.id)) -> list[LoadThen]:
            at_us = START_US + round(after_s * SECOND_US)
            reply = crossed(await desk.requests.answer(QueryLoads(1, at_us, links)))
            return msgspec.convert(reply.result["loads"], list[LoadThen])

        upper, lower = await ask_at(125)
        assert upper == LoadThen(UPPER.id, 3e6, 5e5, "polls")
        assert lower == LoadThen(LOWER.id, None, None, "none")
        assert (await ask_at(-1))[0].source == "none"
        while await desk.store.roll_up(START_US + 5 * hour_s * SECOND_US):
            pass
        await desk.store.run(_drop_polls, desk)
        (upper,) = await ask_at(125, (UPPER.id, UUID(int=99)))
        assert upper.source == "hours" and upper.ab_bps == pytest.approx(30.5e6)
        many = tuple(UUID(int=n) for n in range(LOADS_CAP + 1))
        refused = await desk.requests.answer(QueryLoads(1, START_US, many))
        assert refused.refusals[0].code == "INVALID_INPUT"
        assert story.at_us > START_US

    run(ask)


def test_a_link_that_devices_tell_of_is_a_candidate_before_it_was_drawn_and_after_it_was_deleted(
    run: Run,
) -> None:
    async def ask(desk: Desk) -> None:
        story = await _network(desk)
        ends = (POP.id, "sfp2", FARM.id, "sfp2")
        adopted = Link(UUID(int=53), POP.id, FARM.id, "sfp2", "sfp2")
        told = DerivedLink(UUID(int=70), *ends, "copper", (), 0.9, START_US, link=adopted.id)
        upper = DerivedLink(UUID(int=71), HILL.id, "sfp1", POP.id, "sfp1", "fibre", (), 0.9, START_US)
        desk.state.derived_links = {told.id: told, upper.id: upper}
        await story.edit(20, creation("link", adopted))
        await story.edit(30, deletion("link", UPPER))

        async def drawn_at(after_s: float) -> dict[UUID, UUID | None]:
            _, changed = await story.moment(after_s)
            return {one.id: one.link for one in changed.derived_links}

        assert await drawn_at(15) == {told.id: None, upper.id: UPPER.id}
        assert await drawn_at(25) == {told.id: adopted.id, upper.id: UPPER.id}
        assert await drawn_at(35) == {told.id: adopted.id, upper.id: None}
        assert (await drawn_at(0.5)) == {told.id: None, upper.id: None}, "no link was drawn yet"

    run(ask)


def test_of_a_link_of_several_ports_it_is_told_how_each_was_and_what_they_carried_together(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        await _network(desk)
        for port in ("ether2", "ether3"):
            told = msgspec.to_builtins(Interface(port, oper_up=True, speed_bps=10**9, bond="sfp1"))
            fact = Fact(HILL.id, f"interface/{port}", "snmp", desk.state.vantage, START_US, told)
            desk.state.facts.setdefault(HILL.id, {})[fact.field, fact.source] = fact
        for n in range(4):
            runs = [("if_oper_up", port, float(port == "ether2" or n < 2)) for port in ("ether2", "ether3")]
            carried = [("if_in_bps", port, 1e6) for port, ran in (("ether2", True), ("ether3", n < 2)) if ran]
            at_us = START_US + n * 60 * SECOND_US
            await desk.store.write(Batch(samples=[CycleRow(HILL.id, at_us, (*runs, *carried))]))

        async def ask_at(after_s: float) -> LoadThen:
            at_us = START_US + round(after_s * SECOND_US)
            reply = crossed(await desk.requests.answer(QueryLoads(1, at_us, (UPPER.id,))))
            (found,) = msgspec.convert(reply.result["loads"], list[LoadThen])
            return found

        for after_s, down, ab_bps in ((65, 0, 2e6), (185, 1, 1e6)):
            then = await ask_at(after_s)
            assert then.lag is not None
            assert (then.lag.width, then.lag.down, then.ab_bps) == (2, down, ab_bps)
            assert then.lag.capacity_bps(UPPER.capacity_bps) == 10**9 * (2 - down) // 2
        (fallen,) = (await ask_at(185)).lag.fallen  # type: ignore[union-attr]
        assert (fallen.device, fallen.interface) == (HILL.id, "ether3")
        long_ago = (await ask_at(-3_600)).lag
        assert long_ago is not None and not long_ago.is_told, "nobody asked then"

    run(ask)


def _drop_polls(desk: Desk) -> None:
    store = desk.store._store
    with store._transaction() as connection:
        keys = list(store._samples.sources(connection))
        store._samples.drop_before(connection, keys, START_US + 10**12)


def test_what_happened_is_counted_by_kind_and_by_how_many_had_which_status(run: Run) -> None:
    async def ask(desk: Desk) -> None:
        story = await _network(desk)
        await story.turn(50, HILL.id, "up", "down")
        await story.turn(51, FARM.id, "up", "down")
        await story.turn(80, HILL.id, "down", "up")
        begins, ends = START_US + 20 * SECOND_US, START_US + 100 * SECOND_US - 1
        reply = crossed(await desk.requests.answer(QueryDensity(1, begins, ends, 8)))
        told = msgspec.convert(reply.result["density"], Density)
        assert told.events == {"status": [0, 0, 0, 2, 0, 0, 1, 0]}
        assert told.most["down"] == [0, 0, 0, 2, 2, 2, 2, 1]
        assert told.last["down"] == [0, 0, 0, 2, 2, 2, 1, 1]
        assert told.last["up"] == [3, 3, 3, 1, 1, 1, 2, 2]
        huge = crossed(await desk.requests.answer(QueryDensity(1, 0, ends, 10**9)))
        assert len(huge.result["density"]["events"]["status"]) == BUCKETS_CAP
        empty = await desk.requests.answer(QueryDensity(1, ends, ends))
        assert empty.refusals[0].code == "INVALID_INPUT"

    run(ask)
