"""Transactions of the requests' role: each for one tenant, nothing left of it for the next. Counterpart: `database.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import asyncpg
import msgspec
import pytest
from sqlalchemy import insert

from engine.storage import tables
from sync_server.database import Database, DatabaseBusy, Work
from tests.server.conftest import ServerDatabase

ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture
def two_tenants(server_database: ServerDatabase) -> ServerDatabase:
    """A server's database with a site in each of two tenants."""
    with server_database.engine(server_database.admin).begin() as connection:
        for key, tenant in enumerate((ONE, TWO), 1):
            connection.execute(insert(tables.tenant), {"key": key, "id": tenant, "name": f"Tenant {key}"})
            site = {"tenant_id": tenant, "id": UUID(int=key), "name": f"Site {key}", "region": "", "note": ""}
            connection.execute(insert(tables.site), site)
    return server_database


def on(database: ServerDatabase, work: Callable[[Database], Awaitable[None]], **settings: object) -> None:
    """Do some work with a pool on a database."""

    async def whole() -> None:
        opened = await Database.open(msgspec.structs.replace(database.settings, **settings))
        try:
            await work(opened)
        finally:
            await opened.close()

    asyncio.run(whole())


@pytest.mark.parametrize("statement_cache", [200, 0])
def test_a_transaction_sees_its_tenant_and_one_without_a_tenant_sees_nothing(
    two_tenants: ServerDatabase, statement_cache: int
) -> None:
    async def work(database: Database) -> None:
        for tenant, seen in ((ONE, ["Site 1"]), (TWO, ["Site 2"]), (None, []), (UUID(int=3), [])):
            for _ in range(2):
                async with database.transaction(Work(tenant)) as transaction:
                    rows = await transaction.fetch("SELECT name FROM site")
                assert [row["name"] for row in rows] == seen

    on(two_tenants, work, pool_max=1, statement_cache=statement_cache)


def test_nothing_of_a_transaction_is_left_on_its_connection(two_tenants: ServerDatabase) -> None:
    async def work(database: Database) -> None:
        for fails in (False, True):
            try:
                async with database.transaction(Work(ONE, UUID(int=9), True)) as transaction:
                    said = await transaction.fetchval(SETTINGS)
                    if fails:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                pass
            assert said == f"{ONE}/{UUID(int=9)}/yes"
            async with database._lent() as connection:
                assert await connection.fetchval(SETTINGS) in (None, "//")

    on(two_tenants, work, pool_max=1)


SETTINGS = """SELECT current_setting('heliograph.tenant', true) || '/' || current_setting('heliograph.user', true)
    || '/' || current_setting('heliograph.platform', true)"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE site SET name = 'mine' WHERE id = '00000000-0000-0000-0000-000000000002'",
        "DELETE FROM site WHERE id = '00000000-0000-0000-0000-000000000002'",
    ],
)
def test_another_tenants_rows_are_out_of_reach(two_tenants: ServerDatabase, statement: str) -> None:
    async def work(database: Database) -> None:
        async with database.transaction(Work(ONE)) as transaction:
            assert (await transaction.execute(statement)).endswith(" 0")

    on(two_tenants, work)


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO site (tenant_id, id, name, region, note) VALUES ('{TWO}', '{TWO}', 'theirs', '', '')",
        f"UPDATE site SET tenant_id = '{TWO}'",
        "ALTER TABLE site DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (id int)",
        "SET ROLE heliograph_owner",
        "TRUNCATE site",
    ],
)
def test_what_would_leave_the_tenant_is_refused(two_tenants: ServerDatabase, statement: str) -> None:
    async def work(database: Database) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction(Work(ONE)) as transaction:
                await transaction.execute(statement)

    on(two_tenants, work)


def test_a_request_that_gets_no_connection_in_time_is_told_so(two_tenants: ServerDatabase) -> None:
    async def work(database: Database) -> None:
        async with database._lent():
            with pytest.raises(DatabaseBusy, match=r"0\.1 s"):
                async with database.transaction(Work(ONE)):
                    pass

    on(two_tenants, work, pool_min=1, pool_max=1, pool_wait_s=0.1)


@pytest.mark.parametrize("fails", [False, True])
def test_a_connection_stays_at_hand_unless_something_went_wrong_on_it(
    two_tenants: ServerDatabase, fails: bool
) -> None:
    async def work(database: Database) -> None:
        for _ in range(3):
            with suppress(ZeroDivisionError):
                async with database.transaction(Work(ONE)) as transaction:
                    assert len(await transaction.fetch("SELECT FROM site WHERE name = 'Site 1'")) == 1
                    if fails:
                        raise ZeroDivisionError
            assert len(database._pool.at_hand) == (not fails)
            assert (database.open_connections, database.idle_connections) == (1, 1)

    on(two_tenants, work, pool_min=1, pool_max=1)


def test_a_connection_that_ended_at_hand_is_replaced(two_tenants: ServerDatabase) -> None:
    async def work(database: Database) -> None:
        for _ in range(2):
            row = await database.ask("SELECT pg_backend_pid() AS pid")
            assert row is not None
            ((connection, *_),) = database._pool.at_hand
            connection.terminate()

    on(two_tenants, work, pool_min=1, pool_max=1)


def test_a_connection_goes_back_to_the_pool_which_renews_it_after_a_while(
    two_tenants: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.pool.AT_HAND_S", 0.0)

    async def work(database: Database) -> None:
        await database.ask("SELECT 1")
        assert (database._pool.at_hand, database.idle_connections) == ([], 1)

    on(two_tenants, work, pool_min=1, pool_max=1)


def test_who_waits_is_given_the_connection_that_comes_free(two_tenants: ServerDatabase) -> None:
    async def work(database: Database) -> None:
        said = await asyncio.gather(*(database.ask("SELECT pg_sleep(0.01)") for _ in range(20)))
        assert len(said) == 20
        assert (database.open_connections, len(database._pool.at_hand)) == (2, 2)

    on(two_tenants, work, pool_min=1, pool_max=2, pool_wait_s=20)


def test_connections_go_in_turn_to_who_waits_and_one_that_is_lost_leaves_its_room(
    two_tenants: ServerDatabase,
) -> None:
    async def work(database: Database) -> None:
        order: list[int] = []

        async def ask(number: int) -> None:
            async with database._lent() as connection:
                order.append(number)
                if number % 4 == 1:
                    connection.terminate()
                elif number % 4 == 2:
                    raise ZeroDivisionError
                await connection.fetchval("SELECT 1")

        asked = [asyncio.create_task(ask(number)) for number in range(24)]
        await asyncio.sleep(0)
        for number in (5, 9, 13):
            asked[number].cancel()  # while it waits
        said = await asyncio.gather(*asked, return_exceptions=True)
        assert order == [number for number in range(24) if number not in (5, 9, 13)]
        kinds = {number: type(one) for number, one in enumerate(said) if one is not None}
        lost = dict.fromkeys((1, 17, 21), ConnectionResetError)
        assert kinds == {
            **dict.fromkeys((5, 9, 13), asyncio.CancelledError),
            **dict.fromkeys(range(2, 24, 4), ZeroDivisionError),
            **lost,
        }
        assert await database.ask("SELECT 1") is not None
        assert database._pool._out == len(database._pool.at_hand)

    on(two_tenants, work, pool_min=1, pool_max=1, pool_wait_s=20)


def test_who_is_handed_a_connection_and_leaves_hands_it_on(two_tenants: ServerDatabase) -> None:
    async def work(database: Database) -> None:
        pool = database._pool
        lent = await pool.take()
        leaves, stays = asyncio.create_task(pool.take()), asyncio.create_task(pool.take())
        await asyncio.sleep(0)
        await pool.give_back(lent, is_sound=True)
        leaves.cancel()  # its connection has come, and it has not looked yet
        assert (await stays).connection is lent.connection
        assert leaves.cancelled()
        await pool.give_back(await stays, is_sound=True)

    on(two_tenants, work, pool_min=1, pool_max=1)


def test_a_connection_beyond_those_that_are_always_open_lingers_and_goes(
    two_tenants: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(database: Database) -> None:
        await asyncio.gather(*(database.ask("SELECT pg_sleep(0.01)") for _ in range(3)))
        assert len(database._pool.at_hand) == 3
        monkeypatch.setattr("sync_server.pool.LINGER_S", 0.0)
        await database.ask("SELECT 1")
        assert len(database._pool.at_hand) == 1

    on(two_tenants, work, pool_min=1, pool_max=3)
