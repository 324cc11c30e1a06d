"""Budgets: the 101st is refused and told when to come again, two instances share one, the window slides."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest

from sync_server.security.admission import Admission
from sync_server.security.limits import REST_US, Ahead, Budget, LimitExceeded, network_of
from tests.server.clients import PASSWORD, serving
from tests.server.conftest import ServerDatabase

SPEND = "SELECT * FROM identity.spend($1::text[], $2::integer[], $3::bigint[])"
MINUTE_US = 60_000_000


async def test_the_sixth_log_in_of_a_minute_is_refused_and_so_is_one_at_another_instance(
    server_database: ServerDatabase,
) -> None:
    async with (
        serving(server_database, limit_auth_per_min=5) as one,
        serving(server_database, limit_auth_per_min=5) as two,
    ):
        await one.stop_clock()
        body = {"login": "nobody@example.org", "password": PASSWORD}
        said = [
            await server.somebody(address=f"198.51.100.{n}").ask("POST", "/auth/login", body)
            for n, server in enumerate((one, two, one, two, one, two))
        ]
        assert [response.status_code for response in said] == [401] * 5 + [429]
        assert said[-1].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert 1 <= int(said[-1].headers["Retry-After"]) <= 120


async def test_an_address_that_tries_many_names_is_refused_too(server_database: ServerDatabase) -> None:
    async with serving(server_database, limit_auth_per_min=5) as server:
        await server.stop_clock()
        guesser = server.somebody(address="203.0.113.9")
        said = [
            (
                await guesser.ask("POST", "/auth/login", {"login": f"n{n}@example.org", "password": PASSWORD})
            ).status_code
            for n in range(6)
        ]
        assert said == [401] * 5 + [429]
        assert (
            await server.owner.fetchval("SELECT count(*) FROM identity.bucket WHERE key LIKE 'auth %'") == 6
        ), "the address and five names: the refused one left none"
        other = server.somebody(address="203.0.113.10")
        assert await other.refused("POST", "/auth/login", {"login": "m", "password": ""}) == (
            401,
            "INVALID_CREDENTIALS",
        )


async def test_a_name_written_in_many_ways_is_one_name(server_database: ServerDatabase) -> None:
    async with serving(server_database, limit_auth_per_min=5) as server:
        await server.found()
        await server.stop_clock()
        await server.owner.execute("TRUNCATE identity.bucket")
        written = ["root@platform", " ROOT@platform\t", *(f"root@platform{' ' * 250}{n}" for n in range(4))]
        said = [
            await server.somebody(address=f"198.51.100.{n}").ask(
                "POST", "/auth/login", {"login": login, "password": "not the password"}
            )
            for n, login in enumerate(written)
        ]
        assert [response.status_code for response in said] == [401] * 5 + [429]


async def test_who_brings_nonsense_without_end_stops_nobody_elsewhere(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        refresh = root.opened["refresh_token"]
        await server.tenant(root)
        invited = await root.post(
            "/users", {"login": "maria@noc", "name": "Maria", "role": "viewer"}, expect=201
        )
        link = invited["link"].partition("#")[2]
    async with serving(server_database, limit_api_per_min=5, limit_auth_per_min=5) as server:
        await server.stop_clock()
        await server.owner.execute("TRUNCATE identity.bucket")
        nonsense: list[tuple[str, dict[str, str]]] = [
            ("/auth/refresh", {"refresh_token": "x"}),
            ("/auth/link", {"token": "x"}),
            ("/auth/founding", {"token": "x", "login": "abc", "name": "N", "password": PASSWORD}),
        ]
        for path, body in nonsense:
            loud = server.somebody(address="203.0.113.9")
            statuses = [(await loud.ask("POST", path, body)).status_code for _ in range(7)]
            assert statuses[-1] == 429, path
        quiet = server.somebody(address="203.0.113.10")
        await quiet.post("/auth/refresh", {"refresh_token": refresh})
        await quiet.post("/auth/link", {"token": link})
        founding = {"token": "y", "login": "abc", "name": "N", "password": PASSWORD}
        assert await quiet.refused("POST", "/auth/founding", founding) == (404, "LINK_NOT_FOUND")


async def test_the_101st_request_of_a_tenant_in_a_minute_is_refused_whoever_asks(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        people = [await server.member(root, "viewer") for _ in range(2)]
        await server.tenant(root)
        other = await server.member(root, "viewer")
    async with serving(server_database, limit_tenant_per_min=100) as server:
        await server.stop_clock()
        await server.owner.execute("TRUNCATE identity.bucket")
        callers = [server.somebody(one.token, address=f"192.0.2.{n}") for n, one in enumerate(people)]
        said = [await callers[n % 2].ask("GET", "/auth/me") for n in range(101)]
        assert [response.status_code for response in said] == [200] * 100 + [429]
        assert int(said[-1].headers["Retry-After"]) >= 1
        await server.somebody(other.token).get("/auth/me")


async def test_of_many_at_one_moment_as_many_pass_as_there_is_room_for(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        await server.stop_clock()
        ask = server.services.database.ask
        said = await asyncio.gather(*(ask(SPEND, ["k"], [10], [MINUTE_US]) for _ in range(40)))
        assert sum(row is not None and row["refused"] == 0 for row in said) == 10


async def test_who_is_refused_takes_nothing_from_the_budgets_behind(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        await server.stop_clock()
        ask = server.services.database.ask
        for _ in range(5):
            await ask(SPEND, ["mine", "ours"], [1, 100], [MINUTE_US, MINUTE_US])
        rows = await server.owner.fetch("SELECT key, lately FROM identity.bucket ORDER BY key")
        assert [tuple(row) for row in rows] == [("mine", 1), ("ours", 1)]


@pytest.mark.parametrize(
    ("slots_ago", "lately", "before", "passes"),
    [(0, 9, 0, True), (0, 10, 0, False), (1, 10, 0, None), (2, 10, 10, True), (1, 0, 10, True)],
)
async def test_what_was_spent_in_the_window_before_counts_by_the_share_that_is_left_of_it(
    server_database: ServerDatabase, slots_ago: int, lately: int, before: int, passes: bool | None
) -> None:
    async with serving(server_database) as server:
        span_us = 24 * 3600 * 1_000_000
        await server.stop_clock()
        await server.owner.execute(
            "INSERT INTO identity.bucket SELECT 'k', identity.now_us() / $1::bigint - $2::bigint, $3, $4,"
            " identity.now_us() + $1::bigint",
            span_us,
            slots_ago,
            lately,
            before,
        )
        row = await server.services.database.ask(SPEND, ["k"], [10], [span_us])
        assert row is not None
        if passes is None:
            share = await server.owner.fetchval(
                "SELECT 1 - (identity.now_us() % $1::bigint)::float8 / $1::bigint", span_us
            )
            passes = 10 * share + 1 <= 10
        assert (row["refused"] == 0) is passes
        if not passes:
            assert 0 < row["wait_us"] <= 2 * span_us
            await server.owner.execute("UPDATE identity.bucket SET slot = slot - 2")
            row = await server.services.database.ask(SPEND, ["k"], [10], [span_us])
            assert row is not None
            assert row["refused"] == 0


async def test_a_large_budget_is_taken_from_ahead_and_all_instances_together_keep_to_it(
    server_database: ServerDatabase,
) -> None:
    cap = 5_000
    async with (
        serving(server_database, limit_bulk_per_h=cap) as one,
        serving(server_database, limit_bulk_per_h=cap) as two,
    ):
        await one.stop_clock()
        now_s = [1e9]
        admissions = [server.services.admission for server in (one, two)]
        for admission in admissions:
            admission._now_s = lambda: now_s[0]

        async def passed(tries: int) -> int:
            said = await asyncio.gather(
                *(admissions[n % 2].spend("bulk", "somebody", "192.0.2.7") for n in range(tries)),
                return_exceptions=True,
            )
            assert {type(one) for one in said} <= {type(None), LimitExceeded}
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "budgets"))
            return said.count(None)

        spent = "SELECT lately FROM identity.bucket WHERE key = 'bulk somebody'"
        assert await passed(7) == 7
        assert await one.owner.fetchval(spent) == 7 + 2 * 5, "each has five of it at hand"
        assert await passed(4) == 4
        assert await one.owner.fetchval(spent) == 17, "half of it is still there"
        assert await passed(2) == 2
        assert await one.owner.fetchval(spent) == 23, "both have made up what they used"
        now_s[0] += 3600  # the window has turned here: the ten that were left are lost
        await one.owner.execute("UPDATE identity.bucket SET before = 0, lately = $1", cap)
        assert await passed(4) == 0
        await one.owner.execute("UPDATE identity.bucket SET lately = $1 - 8", cap)
        found = 0
        for _ in range(10):
            now_s[0] += 2  # whoever was given less asks again
            found += await passed(4)
        assert found == 8, "as many as there were, whichever of the two had them"
        assert await one.owner.fetchval(spent) == cap


async def test_no_more_is_taken_ahead_than_there_is_room_for_in_the_window_that_slides(
    server_database: ServerDatabase,
) -> None:
    statement = "SELECT identity.spend_ahead($1::text[], $2::integer[], $3::bigint[], $4::integer[]) AS given"
    span_us = 24 * 3600 * 1_000_000
    async with serving(server_database) as server:
        await server.stop_clock()
        ask = server.services.database.ask
        said = await asyncio.gather(*(ask(statement, ["k"], [50], [span_us], [8]) for _ in range(10)))
        assert sorted(row["given"][0] for row in said if row) == [0, 0, 0, 2, 8, 8, 8, 8, 8, 8]
        refused = await ask(SPEND, ["k"], [50], [span_us])
        assert refused is not None and refused["refused"] == 1, "both count the same"
        await server.owner.execute("UPDATE identity.bucket SET slot = slot - 1")
        part = "SELECT 1 - (identity.now_us() % $1::bigint)::float8 / $1::bigint"
        room = int(50 - 50 * await server.owner.fetchval(part, span_us))
        given = await ask(statement, ["k", "new"], [50, 9], [span_us, span_us], [100, 100])
        assert given is not None and given["given"] == [room, 9]
        await server.owner.execute("UPDATE identity.bucket SET slot = slot - 2")
        given = await ask(statement, ["k"], [50], [span_us], [100])
        assert given is not None and given["given"] == [50]


async def test_who_finds_nothing_waits_for_what_is_under_way_and_what_comes_after_its_window_is_lost() -> (
    None
):
    ahead, budget = Ahead(), Budget("tenant", 32_000, MINUTE_US)
    assert ahead.wanted([budget], 0) == {budget: 32}
    assert ahead.wanted([budget], 0) == {}, "that is under way"
    assert ahead.missing([budget], 0) == [budget]
    waiting = asyncio.create_task(ahead.come([budget]))
    await asyncio.sleep(0)
    assert not waiting.done()
    ahead.fill({budget: 32}, [32], 0, 1)
    assert await waiting and not await ahead.come([budget])
    assert ahead.missing([budget], 1) == [] and ahead.wanted([budget], 1) == {}
    for _ in range(16):
        ahead.take([budget], 1)
    assert ahead.wanted([budget], 1) == {budget: 16}
    ahead.fill({budget: 16}, [16], 1, MINUTE_US)
    assert ahead.missing([budget], MINUTE_US) == [budget], "taken of a window that is over"
    assert ahead.wanted([budget], MINUTE_US) == {budget: 32}
    ahead.fill({budget: 32}, [], MINUTE_US, MINUTE_US)
    assert ahead.wanted([budget], MINUTE_US) == {}, "the database is away: not asked again at once"
    assert ahead.wanted([budget], MINUTE_US + REST_US) == {budget: 32}
    assert Ahead().wanted([Budget("small", 1_999, MINUTE_US)], 0) == {}


async def test_of_many_at_once_nobody_asks_for_his_own_who_can_wait_for_what_is_under_way() -> None:
    own: list[int] = []

    class Given:
        async def ask(self, statement: str, *arguments: Any) -> dict[str, Any]:
            await asyncio.sleep(0)
            if "spend_ahead" in statement:
                return {"given": arguments[3]}
            own.append(len(arguments[0]))
            return {"refused": 0, "wait_us": 0}

    admission = Admission(cast(Any, Given()), cast(Any, None), cast(Any, None), lambda: 1e9)
    budgets = [Budget(key, 1_000_000, MINUTE_US) for key in ("address", "tenant")]

    async def somebody() -> None:
        for _ in range(200):
            await admission._spend(budgets)
            await asyncio.sleep(0)

    await asyncio.gather(*(somebody() for _ in range(16)))
    assert 0 < len(own) <= 16, "before anything was taken ahead"


async def test_counters_that_are_over_are_forgotten(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        ask = server.services.database.ask
        await ask(SPEND, ["old", "new"], [9, 9], [MINUTE_US, MINUTE_US])
        await server.owner.execute("UPDATE identity.bucket SET until_us = 1 WHERE key = 'old'")
        await server.owner.execute(
            "INSERT INTO identity.bucket SELECT n::text, 1, 1, 0, 1 FROM generate_series(1, 10001) n"
        )
        await ask("SELECT identity.forget(0)")
        assert await server.owner.fetchval("SELECT string_agg(key, ',') FROM identity.bucket") == "new"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_an_address_stands_for_one_customer(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("limit", "cap", "window_us", "method", "path", "body", "status"),
    [
        ("auth", 5, MINUTE_US, "POST", "/auth/login", {"login": "nobody", "password": PASSWORD}, 401),
        ("api", 100, MINUTE_US, "GET", "/auth/me", None, 200),
        ("monitoring", 1_000, MINUTE_US, "GET", "/metrics/latest", None, 200),
        ("bulk", 10, 60 * MINUTE_US, "GET", "/audit/verify", None, 200),
    ],
)
async def test_each_class_holds_as_promised_for_an_address_and_for_an_asker(
    server_database: ServerDatabase,
    limit: str,
    cap: int,
    window_us: int,
    method: str,
    path: str,
    body: dict[str, str] | None,
    status: int,
) -> None:
    promised = {
        name: getattr(server_database.settings, name)
        for name in (
            "limit_auth_per_min",
            "limit_api_per_min",
            "limit_monitoring_per_min",
            "limit_bulk_per_h",
        )
    }
    async with serving(server_database, **promised) as server:
        root = await server.found()
        await server.tenant(root)
        account = UUID((await root.get("/auth/me"))["id"])
        await server.stop_clock()
        askers = [f"{limit} @192.0.2.1"] + ([] if limit == "auth" else [f"{limit} {account.hex}"])
        for key in askers:
            await server.owner.execute("TRUNCATE identity.bucket")
            spent = (
                "SELECT identity.spend($1::text[], $2::integer[], $3::bigint[]) FROM generate_series(1, $4)"
            )
            await server.owner.fetch(spent, [key], [cap], [window_us], cap - 2)
            said = [(await root.ask(method, path, body)).status_code for _ in range(3)]
            assert said == [status, status, 429], key
