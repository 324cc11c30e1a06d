"""Who polls what over the live line: granted as an answer to a beat, handed over when it was let go, reported to who judges."""

from __future__ import annotations

import time
from uuid import UUID, uuid4

import pytest

from domain.polling import HOLD_S, SLOTS, AskNow, Heard, LetGo, Seen, Share, encode_report, slot_of
from domain.sync import Alive, Cycles, Kept
from sync_server.live.line import QUESTIONS_PER_S
from sync_server.live.polling import BACK_AT_ONCE
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import Live, Replica, an_edit, living, making
from tests.server.test_live import a_team
from tests.server.test_live_telling import a_device

REPORT = encode_report(1, [], [])


async def poller(live: Live, admin: object, name: str, run: UUID | None = None) -> Replica:
    """Return a collector of a run of its own that has said its first beat."""
    install = await live.install(admin, "collector", name)  # type: ignore[arg-type]
    replica = await live.join(admin, install, run=run or uuid4())  # type: ignore[arg-type]
    await replica.say(Alive(0, beat=1))
    return replica


async def share(replica: Replica, beat: int = 2) -> Share:
    """Say a beat; return what is granted as the answer to it."""
    await replica.say(Alive(0, beat=beat))
    while (told := await replica.hear(Share)).beat < beat:
        pass
    return told


async def asked_back(replica: Replica, beat: int) -> Share:
    """Say beats, from a number on, until something is asked back: whoever else has come is known a moment later."""
    while not (told := await share(replica, beat)).back:
        beat += 1
    return told


async def test_the_first_has_all_and_hands_over_what_it_has_let_go(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        _, _, admin = await a_team(live, "engineer", "viewer")
        east = await poller(live, admin, "East")
        first = await share(east)
        assert (len(first.slots), first.for_s, first.back) == (SLOTS, HOLD_S, ())
        assert first.own
        west = await poller(live, admin, "West")
        asked = await asked_back(east, 3)
        assert len(asked.back) == BACK_AT_ONCE and len(asked.slots) == SLOTS - BACK_AT_ONCE
        own = await west.hear(Share)
        assert (own.slots, bool(own.own)) == ((), True), "what East holds is not given to West"
        await east.say(LetGo(asked.back))
        while not (given := await west.hear(Share)).slots:
            pass
        assert {slot for slot, _ in given.slots} == {slot for slot, _ in asked.back} == set(given.handed)
        fences = dict(asked.back)
        assert all(fence == fences[slot] + 1 for slot, fence in given.slots)


async def test_what_one_does_not_let_go_is_taken_from_him_after_a_while(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.live.polling.BACK_US", 300_000)
    async with living(server_database) as live:
        _, _, admin = await a_team(live, "engineer", "viewer")
        east = await poller(live, admin, "East")
        await share(east)
        west = await poller(live, admin, "West")
        asked = await asked_back(east, 3)
        beat = asked.beat + 1
        while not (given := await share(west, beat)).slots:  # and East says beats, and nothing else
            await share(east, beat)
            beat += 1
        fences = dict(asked.back)
        taken = {
            slot: fence for slot, fence in given.slots if slot in fences
        }  # and more of them, a moment later
        assert taken == {slot: fence + 1 for slot, fence in fences.items()} and not given.handed
        rest = await share(east, beat + 1)
        assert not fences.keys() & {slot for slot, _ in (*rest.slots, *rest.back)}


async def test_who_ends_gives_all_back_at_once_and_who_breaks_off_does_not(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        _, _, admin = await a_team(live, "engineer", "viewer")
        east, west = await poller(live, admin, "East"), await poller(live, admin, "West")
        assert len((await share(east)).slots) + len((await share(east, 3)).back) >= SLOTS // 2
        east.line.transport.abort()
        async with live.server.owner.transaction():
            holds = await live.server.owner.fetchval("SELECT count(run_id) FROM sync.slot WHERE slot >= 0")
        assert holds == SLOTS, "nobody has taken it by then"
        await west.say(LetGo())
        while (await west.hear(Share)).slots:
            pass


async def test_what_one_saw_reaches_who_judges_with_what_it_held(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, _, admin = await a_team(live, "engineer", "viewer")
        east = await poller(live, admin, "East")
        await east.led()
        await share(east)
        laptop = await live.join(anna, run=uuid4())
        await laptop.say(Alive(0, beat=1))
        own = await laptop.hear(Share)
        assert own.own and not own.slots, "a window has what is assigned to it, beside a collector"
        await laptop.say(Seen(REPORT))
        assert await east.hear(Heard) == Heard(laptop.install, (), True, REPORT)  # type: ignore[arg-type]


async def test_a_question_reaches_who_polls_the_device_alone(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        anna, eve, admin = await a_team(live, "engineer", "viewer")
        east = await poller(live, admin, "East")
        await share(east)
        laptop, viewer = await live.join(anna, run=uuid4()), await live.join(eve, run=uuid4())
        await laptop.say(Alive(0, beat=1))
        await laptop.hear(Share)
        shared, his = (await a_device(laptop), None), (await a_device(laptop, "10.0.0.2"), laptop.install)
        await viewer.say(AskNow((shared,)))
        await laptop.say(AskNow((shared, (uuid4(), None), his)))
        assert await east.hear(AskNow) == AskNow((shared,)), "and what a viewer asks goes nowhere"
        assert await laptop.hear(AskNow) == AskNow((his,))


async def test_numbers_of_what_another_has_taken_over_are_not_kept_twice(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        _, _, admin = await a_team(live, "engineer", "viewer")
        east = await poller(live, admin, "East")
        await share(east)
        west = await poller(live, admin, "West")
        asked = await asked_back(east, 9)
        while slot_of(device := uuid4()) not in dict(asked.back):
            pass
        named = making("device", device, name="R", address="10.0.0.1", probes=[], interval_s=30.0)
        await east.push(an_edit(named))
        await east.say(LetGo(asked.back))
        while not (await west.hear(Share)).slots:
            pass
        taken_us: int = await live.server.owner.fetchval(
            "SELECT taken_us FROM sync.slot WHERE slot = $1", slot_of(device)
        )
        before, after = taken_us - 1_000_000, taken_us + 1_000_000
        await east.say(Cycles(7, tuple((device, at, (("cpu_load_pct", "", 1.0),)) for at in (before, after))))
        assert (await east.hear(Kept)).refused == 1
        await west.say(Cycles(7, ((device, after, (("cpu_load_pct", "", 1.0),)),)))
        assert (await west.hear(Kept)).refused == 0


async def test_who_reports_more_than_it_may_waits_and_who_asks_more_is_not_carried(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, _, admin = await a_team(live, "engineer", "viewer")
        east = await poller(live, admin, "East")
        await east.led()
        await share(east)
        laptop = await live.join(anna, run=uuid4())
        await laptop.say(Alive(0, beat=1))
        await laptop.hear(Share)
        device = (await a_device(laptop), None)
        dropped = live.server.app.state.hub.works.dropped
        begun_s = time.monotonic()
        for _ in range(100):
            await laptop.say(Seen(REPORT))
            await laptop.say(AskNow((device,)))
        await laptop.tell()
        took_s = time.monotonic() - begun_s
        assert took_s > 3, "reports wait"
        assert dropped.keys() - {"relayed"} == {"question"}, (
            "no report was, though who judges may have had no room"
        )
        assert QUESTIONS_PER_S <= 100 - dropped["question"] <= QUESTIONS_PER_S * (took_s + 1) + 1
        for _ in range(60):  # of a crowd at once some may be lost on the way to who judges
            await east.hear(Heard)
