"""The clocks of a server and its database jump an hour, either way: who may come in may, nobody else, and nothing is lost."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.metrics import CATALOGUE
from domain.sync import Person
from engine.storage.hours import HOUR_US, floor_hour, hour_in
from sync_server.database import Work
from sync_server.live import polling, presence
from sync_server.live.polling import WINDOW, Holding, Run, next_holding
from sync_server.live.presence import Candidate, Lease, arrive, hear, next_lease
from sync_server.samples import Cycle
from sync_server.services import Services
from sync_server.turns import TURN_S, Turn
from sync_server.upkeep import Upkeep
from tests.server.clients import PASSWORD, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import Live
from tests.server.pushing import pusher
from tests.server.test_alerts import say
from tests.server.test_devices import a_device

HOUR_S = 3_600
NOW_US = 1_000_000_000_000
NOW = """CREATE OR REPLACE FUNCTION identity.now_us() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS
    $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + {} $$"""
Jump = Callable[[int], Any]


@asynccontextmanager
async def jumping(
    database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> AsyncIterator[tuple[Server, Jump]]:
    """Yield a server, and what sets its clock and its database's off by so many seconds."""
    off_s = 0
    made = Services.of
    right_ns = time.time_ns
    monkeypatch.setattr(Services, "of", lambda *given: made(*given, now_s=lambda: time.time() + off_s))
    monkeypatch.setattr(time, "time_ns", lambda: right_ns() + off_s * 1_000_000_000)
    async with serving(database, **settings) as server:

        async def jump(seconds_s: int) -> None:
            nonlocal off_s
            off_s = seconds_s
            await server.owner.execute(NOW.format(seconds_s * 1_000_000))

        yield server, jump


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_who_is_logged_in_goes_on_with_his_refresh_token_and_one_who_left_stays_out(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    async with jumping(server_database, monkeypatch) as (server, jump):
        root = await server.found()
        left = await server.log_in("root@platform")
        await left.post("/auth/logout", expect=204)
        await server.tenant(root)
        ticket = (await root.post("/auth/stream-token"))["token"]
        await jump(jump_s)
        assert (await root.refused("GET", "/auth/me"))[0] == 401, "its access token is of another time"
        again = await root.post("/auth/refresh", {"refresh_token": root.opened["refresh_token"]})
        root.token = again["access_token"]
        assert (await root.get("/auth/me"))["name"] == "Root"
        assert (await left.refused("GET", "/auth/me"))[0] == 401
        said = await left.refused("POST", "/auth/refresh", {"refresh_token": left.opened["refresh_token"]})
        assert said[0] == 401
        taken = await server.owner.fetch(
            "SELECT * FROM identity.take_stream_token(sha256(convert_to($1, 'UTF8')))", ticket
        )
        assert bool(taken) is (jump_s < 0), "a ticket of 25 seconds is over an hour later"
        await jump(0)
        assert (await left.refused("GET", "/auth/me"))[0] == 401, "nor when the clock is right again"


async def test_a_refresh_token_that_was_used_before_the_clock_went_back_ends_its_session(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with jumping(server_database, monkeypatch) as (server, jump):
        root = await server.found()
        stolen = root.opened["refresh_token"]
        await root.post("/auth/refresh", {"refresh_token": stolen})
        await jump(-HOUR_S)
        thief = server.somebody()
        assert (await thief.refused("POST", "/auth/refresh", {"refresh_token": stolen}))[0] == 401
        ended = await server.owner.fetchval(
            "SELECT ended_why FROM identity.session WHERE ended_us IS NOT NULL"
        )
        assert ended == "a refresh token was used twice"


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_a_limit_that_was_reached_recovers_and_holds_again(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    async with jumping(server_database, monkeypatch, limit_auth_per_min=3) as (server, jump):
        guesser = server.somebody(address="203.0.113.9")
        body = {"login": "nobody@example.org", "password": PASSWORD}

        async def tries() -> list[int]:
            await server.stop_clock()  # where it is by now
            return [(await guesser.ask("POST", "/auth/login", body)).status_code for _ in range(4)]

        assert await tries() == [401, 401, 401, 429]
        await jump(jump_s)
        assert await tries() == [401, 401, 401, 429], "neither shut for an hour nor open"
        await jump(0)
        last = await guesser.ask("POST", "/auth/login", body)
        if last.status_code == 429:
            assert int(last.headers["Retry-After"]) <= 120


async def test_a_link_is_over_when_the_clock_says_so_and_good_when_it_went_back(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with jumping(server_database, monkeypatch) as (server, jump):
        root = await server.found()
        await server.tenant(root)
        body = {"login": "x@example.org", "name": "X", "role": "viewer"}
        link = (await root.post("/users", body, expect=201))["link"].partition("#")[2]
        taken = {"token": link, "password": PASSWORD}
        await jump(73 * HOUR_S)
        assert (await server.somebody().refused("POST", "/auth/link/take", taken))[0] in (401, 404, 410)
        await jump(-HOUR_S)
        await server.somebody().post("/auth/link/take", taken, expect=204)
        assert (await server.somebody().refused("POST", "/auth/link/take", taken))[0] in (401, 404, 410)


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_what_a_poller_measured_is_kept_by_a_server_whose_clock_is_an_hour_off(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    async with jumping(server_database, monkeypatch) as (server, jump):
        root = await server.found()
        tenant = UUID(await server.tenant(root))
        samples = server.app.state.samples
        schema = samples.learn([(CATALOGUE["rtt_ms"].key, "")])
        right_us = time.time_ns() // 1_000
        cycles = [Cycle(uuid4(), uuid4(), right_us + n, schema, struct.pack("<f", 1.0)) for n in range(50)]
        await jump(jump_s)
        written = await samples.write(tenant, cycles, right_us + jump_s * 1_000_000)
        assert (written.rows, written.refused) == (50, 0)
        again = await samples.write(tenant, cycles, right_us)
        assert (again.rows, again.refused) == (0, 0), "told again when the clock is right, it is there once"
        async with server.services.database.transaction(Work(tenant)) as transaction:
            assert await transaction.fetchval("SELECT count(*) FROM sample") == 50


async def test_hours_that_were_made_before_they_were_over_have_what_came_after(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with jumping(server_database, monkeypatch) as (server, _):
        tenant = UUID(await server.tenant(await server.found()))
        samples, upkeep = server.app.state.samples, Upkeep(server.services.database, server_database.settings)
        schema = samples.learn([(CATALOGUE["rtt_ms"].key, "")])
        hour_us = floor_hour(time.time_ns() // 1_000)

        async def measure(minute: int) -> None:
            at_us = hour_us + minute * 60_000_000
            cycle = Cycle(UUID(int=1), UUID(int=2), at_us, schema, struct.pack("<f", float(minute)))
            assert (await samples.write(tenant, [cycle], at_us)).rows == 1

        await measure(10)
        await asyncio.to_thread(upkeep.roll_up, hour_us + 20 * 60_000_000 + HOUR_US)
        await measure(30)
        await asyncio.to_thread(upkeep.roll_up, hour_us + 5 * 60_000_000 + HOUR_US)
        async with server.services.database.transaction(Work(tenant)) as transaction:
            (packed,) = await transaction.fetch("SELECT data FROM sample_hour")
        made = hour_in(zlib.decompress(packed[0]), 0)
        assert (made.low, made.high, made.values) == (10.0, 30.0, 2)


async def test_what_devices_push_has_the_time_of_the_clock_as_soon_as_that_is_right_again(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with jumping(server_database, monkeypatch, ingest_flush_ms=5) as (server, jump):
        root = await server.found()
        await server.tenant(root)
        mast = await pusher(server, root)
        for off_s in (0, HOUR_S, 0, -HOUR_S, 0):
            await jump(off_s)
            await mast.push(*[{"values": {"level": 1}}] * 3)
        rows = await server.owner.fetch("SELECT at_us FROM sample ORDER BY at_us")
        now_us = time.time_ns() // 1_000
        assert [round((row["at_us"] - now_us) / HOUR_US) for row in rows] == [-1] * 3 + [0] * 9 + [1] * 3


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_a_monitor_opens_and_clears_its_alerts_once_whatever_the_servers_clock_does(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    async with jumping(server_database, monkeypatch) as (server, jump):
        root = await server.found()
        await server.tenant(root)
        device = (await a_device(root, "R1", "10.0.0.1"))["id"]
        made = await root.post("/hooks", {"name": "Monitor"}, expect=201)
        key = await root.post("/keys", {"name": "K", "scopes": ["write_alert"]}, expect=201)
        program = server.somebody(key["secret"])
        body = {"key": "a", "title": "T", "device": device}
        over = {**body, "state": "resolved"}
        assert (await say(server, made, body, off_s=-5))[0] == 200
        await jump(jump_s)
        assert (await say(server, made, over, off_s=-jump_s))[0] == 404, "not of now: it is sent again later"
        await program.post("/alerts", {**body, "key": "b"})
        await jump(0)
        for _ in range(2):
            status, told = await say(server, made, over)
            assert (status, told["data"]["count"]) == (200, 1) and told["data"]["cleared_us"] is not None
        said = await program.post("/alerts", {**over, "key": "b"})
        assert said["cleared_us"] is not None, (
            "what was told in the wrong hour is not newer than what is told now"
        )


def test_a_lease_of_before_the_clock_went_back_holds_no_longer_than_any() -> None:
    lease_us, ahead_us = round(presence.LEASE_S * 1e6), HOUR_US
    dead = Lease(UUID(int=1), 4, NOW_US + ahead_us)
    other = Candidate(UUID(int=2), WINDOW, NOW_US, NOW_US)
    kept = next_lease(dead, [other], NOW_US)
    assert kept == dead._replace(until_us=NOW_US + lease_us)
    after_us = NOW_US + lease_us
    assert next_lease(kept, [other._replace(heard_us=after_us)], after_us).install == other.install


def test_a_slot_is_asked_back_for_no_longer_when_the_clock_went_back() -> None:
    one, two = (Run(UUID(int=n), UUID(int=n), NOW_US + HOUR_US, shares=True, owns=True) for n in (1, 2))
    alone = next_holding(Holding(), [one], NOW_US)
    asked = next_holding(alone, [one, two], NOW_US + HOUR_US - 1)
    assert asked.back
    began = next_holding(asked, [one, two], NOW_US)
    later = next_holding(began, [one, two], NOW_US + polling.BACK_US)
    assert {later.shared[slot].run for slot in asked.back} == {two.run}


async def test_a_turn_and_a_line_of_before_the_clock_went_back_keep_nobody_waiting(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with jumping(server_database, monkeypatch) as (server, jump):
        root = await server.found()
        tenant = UUID(await server.tenant(root))
        database = server.services.database
        live = Live(server, "")
        install = await live.install(root)
        who = Work(tenant, UUID((await root.get("/auth/me"))["id"]))

        async def nothing() -> None:
            raise AssertionError("nobody works here")

        await jump(HOUR_S)
        assert await Turn(database, "test", nothing)._take(TURN_S)
        person = Person(install, who.id, "Gone", "Laptop", 0)
        async with database.transaction(Work(tenant)) as transaction:
            await arrive(transaction, who, person, uuid4(), WINDOW, None)
        await jump(0)
        assert await Turn(database, "test", nothing)._take(TURN_S), "the one that died has it no longer"
        await hear(database, tenant, {})
        heard_us = await server.owner.fetchval("SELECT heard_us FROM sync.line")
        assert heard_us <= time.time_ns() // 1_000
