"""The clocks of a server and its database jump an hour, either way: who may come in may, nobody else, and nothing is lost."""

from __future__ import annotations

import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.metrics import CATALOGUE
from sync_server.database import Work
from sync_server.samples import Cycle
from sync_server.services import Services
from tests.server.clients import PASSWORD, Server, serving
from tests.server.conftest import ServerDatabase

HOUR_S = 3_600
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
    monkeypatch.setattr(Services, "of", lambda *given: made(*given, now_s=lambda: time.time() + off_s))
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
