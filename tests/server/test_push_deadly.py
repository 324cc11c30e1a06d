"""A message that ends whoever takes it: it comes three times, then it is a dead letter, and what came beside it is stored."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from sync_server.push.again import Deliveries
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.dying_server import DIED
from tests.server.live_process import environment
from tests.server.pushing import WAIT_S, Publisher, Pusher, at, broker, pushed_to, pusher, until
from tests.server.test_push_kills import GIVEN_UP
from tests.server.test_push_mqtt import EVERYWHERE, FIELD, connected

BESIDE = 20
DIES = [sys.executable, "-m", "tests.server.dying_server", "run"]


async def ends_itself(env: dict[str, str], mast: Pusher) -> bool:
    """Start a server; return whether a message ended it, and not that all are judged."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    program = await asyncio.create_subprocess_exec(*DIES, env=env, **silent)  # type: ignore[arg-type]
    until_s = time.monotonic() + WAIT_S
    held = "SELECT count(*) FROM identity.held_message"
    try:
        while program.returncode is None:
            if await mast.stored() == BESIDE and await mast.server.owner.fetchval(held) == 1:
                return False
            assert time.monotonic() < until_s, f"{await mast.stored()} stored"
            await asyncio.sleep(0.05)
        assert program.returncode == DIED
        return True
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()
        await mast.server.owner.execute(GIVEN_UP)


@pytest.mark.parametrize(("name", "deaths"), [("deadly", 3), ("doomed", 4)])
async def test_a_message_that_ends_the_server_is_a_dead_letter_after_three_deliveries(
    server_database: ServerDatabase, name: str, deaths: int
) -> None:
    with broker({FIELD: "x"}, EVERYWHERE) as mosquitto:
        async with pushed_to(server_database, **at(mosquitto)) as (server, root):
            mast = await pusher(server, root)
            await until(connected(server), 1)  # from now on the broker keeps what comes
        field = Publisher(mosquitto, FIELD, "x")
        values: list[dict[str, int]] = [{"level": number} for number in range(BESIDE)]
        values.insert(BESIDE // 2, {name: 1})
        first_us = time.time_ns() // 1000 - len(values)
        bodies = (
            {"key": mast.secret, "at_us": first_us + number, "values": one}
            for number, one in enumerate(values)
        )
        await field.publish(mast.topic(), *bodies)
        field.close()
        env = environment(server_database.requests, **at(mosquitto))
        async with serving(server_database) as watching:
            mast.server = watching
            died = 0
            while await ends_itself(env, mast):
                died += 1
                assert died <= deaths
            assert died == deaths
            (held,) = await watching.owner.fetch("SELECT * FROM identity.held_message")
            assert (held["kind"], held["reason"], held["deliveries"]) == ("dead", "NOT_STORED", 3)
            assert str(held["device_id"]) == mast.device and name.encode() in held["body"]
            assert mast.secret.encode() not in held["body"], "no key is kept"
            assert held["said"] == "the server ended each time it took this"
            left = "SELECT count(*) FROM sync.delivery"
            await until(lambda: watching.owner.fetchval(left), 0)


async def test_what_one_server_gets_again_however_often_counts_once(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        one, other = (Deliveries(server.services.database) for _ in range(2))
        assert await one.note([b"a", b"b"]) == set()
        assert await one.note([b"a"]) == set(), "its connection was lost, and nobody died"
        assert await other.note([b"a", b"c", b"a"]) == {b"a"}
        assert [await other.count(b"a") for _ in range(2)] == [3, 3]
        assert await one.note([b"a"]) == {b"a"} and await one.count(b"a") == 4
        await one.forget([b"a"])
        assert await other.note([b"a"]) == set()
