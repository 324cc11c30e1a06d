"""Several servers on one database, by NATS and by PostgreSQL's notices: what one takes, the lines of the others hear."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from domain.alerts import fingerprint
from domain.sync import Alive, Cycles, Kept, Live, Subscribe, Tell, Welcome
from engine.tasks import end
from sync_server.live.bus import Bus
from sync_server.live.line import Line
from sync_server.live.others import Others
from sync_server.live.outgoing import OUT
from sync_server.live.room import Room
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import Live as Joining
from tests.server.live_clients import Replica, an_edit, living, making
from tests.server.servers import WAYS, beat_soon, two_here, two_servers, until
from tests.server.test_live import a_team
from tests.server.test_live_telling import a_device, opened

ways = pytest.mark.parametrize("way", WAYS)


async def shown(replica: Replica, field: str, count: int = 1) -> set[Any]:
    """Return the first of what is momentary of a kind, once so many came, before what else or after it."""

    def came() -> set[Any]:
        told = (message for message in replica.messages if isinstance(message, Live))
        return {one for live in told for one in getattr(live, field)}

    while len(came()) < count:
        await replica.hear(Live)
    return came()


def room_of(live: Joining) -> Room:
    """Return the one room of a server."""
    room: Room = next(iter(live.server.app.state.hub.rooms.values()))
    return room


@ways
async def test_an_edit_and_an_acknowledged_alert_at_one_are_told_at_the_other(
    server_database: ServerDatabase, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.live.room.LOOK_S", 1e9)  # what comes here comes by the bus
    async with two_servers(server_database, way) as team:
        assert team.bus.way == way
        anna, ben, _ = await a_team(team.live, "engineer", "engineer")
        hers, his = await team.live.join(anna), await team.join_other(ben)
        fence = (await hers.led()).fence
        device = await a_device(hers)
        assert (await his.until("device", device)).name == "R1"
        site = uuid4()
        await his.push(an_edit(making("site", site, name="Mast")))
        assert (await hers.until("site", site)).name == "Mast"
        alert = fingerprint("device_down", device)
        await hers.tell(journal=(hers.row(1, "alert_opened", device, **opened(device)),), fence=fence)
        assert (await his.until("alert", alert)).acknowledged_us is None
        took = his.row(1, "alert_acknowledged", device, **opened(device), text="on my way")
        await his.tell(journal=(took,))
        while (await hers.until("alert", alert)).acknowledged_us is None:
            await hers.hear_all()
        assert hers.things["alert", alert].acknowledged_by == "One engineer"


@ways
async def test_numbers_and_when_devices_were_heard_reach_who_watches_at_another_server(
    server_database: ServerDatabase, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat_soon(monkeypatch)
    async with two_here(server_database, way, ingest_flush_ms=20) as (live, there, _):
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        device, other = await a_device(hers), await a_device(hers, "10.0.0.2")
        his = await there.join(ben)
        await his.say(Subscribe(("device_status", "metric_update"), (device,)))
        await his.tell()
        await until(lambda: device in room_of(live).others.watched)
        at_us = round(live.server.services.now_s() * 1_000_000)
        await hers.say(Cycles(7, tuple((id, at_us, (("rtt_ms", "", 2.5),)) for id in (device, other))))
        assert await hers.hear(Kept) == Kept(7)
        assert await shown(his, "numbers") == {(device, at_us, (("rtt_ms", "", 2.5),))}
        assert await shown(his, "heard", 2) == {(device, at_us), (other, at_us)}
        assert all(not isinstance(told, Live) or not told.numbers for told in hers.messages)


async def test_what_a_line_had_no_room_for_is_told_it_again(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat_soon(monkeypatch)
    tell, refused = Line.tell, list[bytes]()

    def full_once(self: Line, data: bytes, within: int = OUT) -> bool:
        if not refused and b"live" in data and str(at_us) in str(msgspec.msgpack.decode(data)):
            refused.append(data)
            return False
        return tell(self, data, within)

    monkeypatch.setattr(Line, "tell", full_once)
    async with living(server_database) as live:
        (anna, *_) = await a_team(live, "engineer")
        hers = await live.join(anna)
        device = await a_device(hers)
        await hers.say(Subscribe(("device_status",)))
        await hers.tell()
        at_us = round(live.server.services.now_s() * 1_000_000)
        room_of(live).on_heard([(device, at_us)])
        assert await shown(hers, "heard") == {(device, at_us)}
        assert refused


async def test_each_server_says_whether_it_would_hear_of_what_devices_push(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat_soon(monkeypatch)
    monkeypatch.setattr("sync_server.live.hub.HEARTBEAT_S", 0.3)
    monkeypatch.setattr("sync_server.live.notices.ECHO_EVERY_S", 600.0)  # nobody finds out what is not so
    async with two_here(server_database, "postgresql") as (live, there, _):
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        await live.join(anna)
        his = await there.join(ben)
        hub, bus = live.server.app.state.hub, there.server.app.state.hub.bus
        await until(lambda: bus.knows_others)

        async def says(wanted: bool) -> None:
            while (await his.hear(Alive)).hears_pushes is not wanted:
                pass

        await says(True)
        hub.is_broker_away = lambda: True
        await says(False)
        hub.is_broker_away = lambda: False
        await says(True)
        bus._way.is_up = False
        await says(False)
        monkeypatch.setattr(Bus, "knows_others", False)
        await says(True)
        bus._way.is_up = True


async def test_who_reaches_some_sites_hears_of_their_devices_alone_until_one_moves(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat_soon(monkeypatch)
    async with two_here(server_database, "postgresql", ingest_flush_ms=20) as (live, there, _):
        anna, admin = await a_team(live, "engineer")
        hers = await live.join(anna)
        mine, foreign, device, other = uuid4(), uuid4(), uuid4(), uuid4()
        made: list[tuple[UUID, UUID, str]] = [(device, mine, "10.0.0.1"), (other, foreign, "10.0.0.2")]
        await hers.push(
            an_edit(
                making("site", mine, name="Mine"),
                making("site", foreign, name="Foreign"),
                *(making("device", id, name="R", address=at, site=str(site)) for id, site, at in made),
            )
        )
        carl = await live.server.member(admin, "engineer", sites=[str(mine)])
        his = await there.join(carl)
        await his.say(Subscribe(("device_status",)))
        await his.tell()
        await until(lambda: room_of(live).others.are_there(0.0))
        at_us = round(live.server.services.now_s() * 1_000_000)

        async def heard_at(at_us: int, count: int) -> set[Any]:
            await hers.say(Cycles(7, tuple((id, at_us, (("rtt_ms", "", 2.5),)) for id in (device, other))))
            return await shown(his, "heard", count)

        assert await heard_at(at_us, 1) == {(device, at_us)}
        await hers.push(an_edit(_moved(other, foreign, mine)))
        await his.until("device", other)
        assert await heard_at(at_us + 1, 3) == {(device, at_us), (device, at_us + 1), (other, at_us + 1)}


def _moved(device: UUID, before: UUID, after: UUID) -> Any:
    return msgspec.structs.replace(making("device", device, site=str(after)), before={"site": str(before)})


async def test_nothing_is_lost_and_nothing_comes_twice_while_nats_is_killed_and_comes_back(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.live.room.LOOK_S", 0.5)
    monkeypatch.setattr("sync_server.live.room.TICK_S", 0.2)
    monkeypatch.setattr("sync_server.live.stream.RECONNECT_S", (0.1,))
    async with two_here(server_database, "nats") as (live, there, nats):
        assert nats is not None
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers, his = await live.join(anna), await there.join(ben)
        sites: list[UUID] = []
        is_enough = asyncio.Event()

        async def work() -> None:
            while not is_enough.is_set():
                sites.append(uuid4())
                number = len(sites)
                assert (await hers.push(an_edit(making("site", sites[-1], name=f"S{number}"))))[0].revision
                await hers.tell(journal=(hers.row(number, "engine_started", version=str(number)),))
                await asyncio.sleep(0.02)

        working = asyncio.ensure_future(work())
        buses = [one.server.app.state.hub.bus for one in (live, there)]
        for _ in range(3):
            await his.hear_all()
            nats.kill()
            await until(lambda: not any(bus.is_up for bus in buses))
            health = await live.server.somebody().http.get("/health")
            said = {"status": "late", "by": "nats"}
            assert (health.status_code, health.json()["parts"]["news"]) == (200, said)
            ready = await live.server.somebody().http.get("/ready")
            assert (ready.status_code, ready.json()) == (
                200,
                {"status": "ready", "news": "late", "storage": "up"},
            )
            await his.hear_all()  # what comes now was asked for
            nats.start()
            await until(lambda: all(bus.is_up for bus in buses))
        is_enough.set()
        await working
        last = hers.row(len(sites), "engine_started", version=str(len(sites)))
        while last not in his.journal:
            await his.hear_all()
        rows = [row.seq for row in his.journal if row.origin == hers.install]
        assert rows == list(range(1, len(sites) + 1))
        assert {id for kind, id in his.things if kind == "site"} == set(sites)
        told = [edit.revision for edit in his.edits]
        assert told == sorted(set(told))
        assert len(told) == len(sites)


@ways
async def test_installs_of_a_killed_server_go_on_at_another_and_their_journal_has_no_gap(
    server_database: ServerDatabase, way: str
) -> None:
    async with two_servers(server_database, way) as team:
        anna, ben, _ = await a_team(team.live, "engineer", "engineer")
        hers = await team.live.join(anna)
        install = await team.live.install(ben)
        his = await team.join_other(ben, install)
        rows = [his.row(seq, "engine_started", version=str(seq)) for seq in range(1, 101)]
        for row in rows:
            await his.say(Tell(row.seq, (row,)))
        kept = 0
        while kept < 40:
            kept = (await his.hear(Kept)).kept_seq
        team.other.kill()
        back = await team.live.join(ben, install)
        assert back.welcome is not None
        assert kept <= back.welcome.kept_seq <= len(rows)
        await back.tell(journal=tuple(rows[back.welcome.kept_seq :]))
        while len(hers.journal) < len(rows):
            await hers.hear_all()
        assert [row.seq for row in hers.journal] == list(range(1, 101))


async def test_what_one_server_has_let_in_or_counted_the_others_know(server_database: ServerDatabase) -> None:
    async with two_servers(server_database, "postgresql", limit_auth_per_min=8) as team:
        anna, admin = await a_team(team.live, "engineer")
        async with httpx.AsyncClient(base_url=f"{team.other.address}/api/v1") as http:
            mine = {"Authorization": f"Bearer {anna.token}"}
            assert (await http.get("/auth/me", headers=mine)).status_code == 200, "a session is everywhere"
            ticket = (await anna.post("/auth/stream-token"))["token"]
            line = await Joining(team.live.server, team.other.live).connect(
                anna, await team.live.install(anna), token=ticket
            )
            await line.hear(Welcome)
            again = await team.live.connect(anna, line.install, token=ticket)
            assert (await again.refused()).code == "TOKEN_INVALID", "a ticket is good once, wherever"
            await line.hear_all()
            await anna.post("/auth/logout", expect=204)
            assert (await line.refused()).code == "SESSION_OVER", "who logs out here is hung up there"
            assert (await http.get("/auth/me", headers=mine)).status_code == 401
            await team.live.server.stop_clock()
            body = {"login": "nobody@example.org", "password": "wrong"}
            answers = [(await http.post("/auth/login", json=body)).status_code for _ in range(8)]
            assert set(answers) == {401}
            here = await team.live.server.somebody(address="127.0.0.1").ask("POST", "/auth/login", body)
            assert here.status_code == 429
            assert admin.token


async def test_who_comes_while_the_last_one_goes_is_not_taken_for_gone(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def end_late(*tasks: asyncio.Task[None]) -> None:
        await ended.wait()
        await end(*tasks)

    async with two_here(server_database, "postgresql") as (live, there, _):
        anna, ben, _ = await a_team(live, "engineer", "engineer")
        hers = await live.join(anna)
        await there.join(ben)
        others, hub = room_of(there).others, live.server.app.state.hub
        await until(lambda: others.are_there(0.0))
        monkeypatch.setattr("sync_server.live.room.end", end_late)
        hers.line.transport.abort()
        await until(lambda: not hub.rooms)
        heard = [here.number for here in others._there.values()]
        await live.join(anna)
        await until(lambda: [here.number for here in others._there.values()] > heard)
        said = hub.bus.said
        ended.set()
        room_of(live).others.say_again()
        room_of(live).on_moved(next(iter(room_of(live).lines)))
        await until(lambda: hub.bus.said > said)
        await asyncio.sleep(0.1)
        assert others.are_there(0.0)


def test_a_word_that_comes_later_than_a_newer_one_is_nothing() -> None:
    bus, tenant = Said(), uuid4()
    mine, theirs = Others(tenant, bus), Others(tenant, bus)  # type: ignore[arg-type]
    theirs.say_gone()
    theirs.say_here(frozenset(), 0.0)
    gone, here = bus.payloads
    mine.on_here(here, 0.0)
    mine.on_here(gone, 0.0)
    assert mine.are_there(0.0)
    theirs.say_gone()
    mine.on_here(bus.payloads[-1], 0.0)
    assert not mine.are_there(0.0)


class Said:
    """A bus that keeps what it is to say."""

    def __init__(self) -> None:
        self.process = uuid4()
        self.payloads: list[bytes] = []

    def say(self, _: str, __: UUID, payload: bytes) -> None:
        """Keep it."""
        self.payloads.append(payload)
