"""What one of several servers does at a time: one does it, another goes on when that one ends, dies or loses the database."""

from __future__ import annotations

import asyncio
import time

import pytest

from domain.vault import Secret
from engine.tasks import end, keep
from sync_server import turns
from sync_server.database import Database
from sync_server.settings import Settings
from sync_server.turns import Turn
from tests.server.conftest import ServerDatabase
from tests.server.live_process import process
from tests.server.pushing import Publisher, at, broker, pushed_to, pusher
from tests.server.pushing import until as until_asked
from tests.server.servers import SCRAPED, figure_of, until
from tests.server.test_push_kills import GIVEN_UP
from tests.server.test_push_mqtt import EVERYWHERE, FIELD, connected, counted

_IS_FREE = "SELECT until_us <= identity.now_us() FROM sync.turn"


class Worker:
    """A process's part in a turn; `is_at_work` while it is its turn."""

    def __init__(self, database: Database) -> None:
        self.is_at_work = False
        self.part = Turn(database, "test", self._work)
        self.turn = keep("turn", self.part.run)

    async def _work(self) -> None:
        self.is_at_work = True
        try:
            await asyncio.sleep(3600)
        finally:
            self.is_at_work = False


async def test_one_works_and_the_next_when_it_ends_or_is_given_up(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SAY_S", 0.5)
    monkeypatch.setattr(turns, "TURN_S", 30.0)
    database = await Database.open(Settings(database_url=Secret(server_database.requests), pool_min=0))
    workers = [Worker(database) for _ in range(3)]
    try:
        await until(lambda: any(one.is_at_work for one in workers))
        for _ in range(20):
            assert sum(one.is_at_work for one in workers) == 1
            await asyncio.sleep(0.02)
        first = next(one for one in workers if one.is_at_work)
        await end(first.turn)
        assert not first.is_at_work
        await until(lambda: sum(one.is_at_work for one in workers) == 1)
        second = next(one for one in workers if one.is_at_work)

        is_silent = asyncio.Event()

        async def believed(_: float) -> bool:  # it says nothing any more, as if it were dead
            is_silent.set()
            return True

        monkeypatch.setattr(second.part, "_take", believed)
        await is_silent.wait()  # what it said before was answered
        await database.ask(GIVEN_UP)
        other = Worker(database)
        workers.append(other)
        await until(lambda: any(one.is_at_work for one in workers if one is not second))
        assert second.is_at_work, "it knows when it is asked"
    finally:
        await end(*(one.turn for one in workers))
        await database.close()


async def test_who_cannot_say_that_it_is_there_ends_its_work_before_another_may_begin(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SAY_S", 0.5)
    monkeypatch.setattr(turns, "TURN_S", 2.0)
    database = await Database.open(Settings(database_url=Secret(server_database.requests), pool_min=0))
    worker = Worker(database)
    try:
        await until(lambda: worker.is_at_work)

        async def lost(*_: object) -> None:
            raise ConnectionResetError

        monkeypatch.setattr(database, "ask", lost)
        await until(lambda: not worker.is_at_work)
        monkeypatch.undo()
        await until(lambda: worker.is_at_work)
    finally:
        await end(worker.turn)
        await database.close()


async def test_who_gets_no_answer_has_ended_its_work_when_the_next_begins(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SAY_S", 0.5)
    monkeypatch.setattr(turns, "TURN_S", 2.0)
    database = await Database.open(Settings(database_url=Secret(server_database.requests), pool_min=0))
    ask, worker = database.ask, Worker(database)

    async def unanswered(*_: object) -> None:
        await asyncio.sleep(3600)

    try:
        await until(lambda: worker.is_at_work)
        monkeypatch.setattr(database, "ask", unanswered)
        await until_asked(lambda: ask(_IS_FREE), (True,))
        for _ in range(20):  # a process that stood still meanwhile does what was due first
            await asyncio.sleep(0)
        assert not worker.is_at_work
    finally:
        await end(worker.turn)
        await database.close()


async def test_an_answer_that_comes_after_its_time_is_no_turn(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SAY_S", 0.05)
    monkeypatch.setattr(turns, "TURN_S", 0.5)
    database = await Database.open(Settings(database_url=Secret(server_database.requests), pool_min=0))
    worker = Worker(database)
    asked = []

    async def late(_: float) -> bool:
        asked.append(time.monotonic())
        time.sleep(0.45)  # noqa: ASYNC251 - the whole process was stopped
        return True

    try:
        monkeypatch.setattr(worker.part, "_take", late)
        await until(lambda: len(asked) > 2)
        assert not worker.is_at_work
    finally:
        await end(worker.turn)
        await database.close()


async def test_of_two_servers_under_one_name_one_takes_what_the_broker_has_and_the_other_goes_on_for_it(
    server_database: ServerDatabase,
) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        given = {**at(mosquitto), **SCRAPED}
        with process(server_database.requests, **given) as first:
            await until_asked(figure_of(first, "push_mqtt_connected"), 1)
            async with pushed_to(server_database, **given) as (server, root):
                mast = await pusher(server, root)
                field = Publisher(mosquitto, FIELD, "x")
                payloads = [{"key": mast.secret, "values": {"level": n}} for n in range(40)]
                await field.publish(mast.topic(), *payloads[:20])
                await until_asked(mast.stored, 20)
                assert await counted(server, "stored")() == 0
                first.kill()
                await server.owner.execute(GIVEN_UP)
                await field.publish(mast.topic(), *payloads[20:])
                await until_asked(mast.stored, 40)

                async def went_on() -> bool:  # what was stored and not acknowledged yet comes again
                    return await counted(server, "stored")() >= 20

                await until_asked(went_on, True)
                field.close()


async def test_two_servers_with_names_of_their_own_share_what_comes(server_database: ServerDatabase) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        given = {**at(mosquitto), **SCRAPED}
        with process(server_database.requests, **given, mqtt_client="one") as first:
            await until_asked(figure_of(first, "push_mqtt_connected"), 1)
            async with pushed_to(server_database, **given, mqtt_client="two") as (server, root):
                await until_asked(connected(server), 1)
                mast = await pusher(server, root)
                field = Publisher(mosquitto, FIELD, "x")
                first_us = (
                    time.time_ns() // 1000 - 40
                )  # two servers may hear two messages in the same microsecond
                given_out = (
                    {"key": mast.secret, "at_us": first_us + n, "values": {"level": n}} for n in range(40)
                )
                await field.publish(mast.topic(), *given_out)
                await until_asked(mast.stored, 40)
                here, there = (
                    counted(server, "stored"),
                    figure_of(first, 'push_messages_total{outcome="stored",way="mqtt"}'),
                )

                async def both() -> int:
                    return await here() + await there()

                await until_asked(both, 40)  # what is on disk is counted a moment later
                assert 0 < await here() < 40
                field.close()
