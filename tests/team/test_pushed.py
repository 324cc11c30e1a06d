"""A device that nobody asks and that pushes what it measures, to a real server: who judges hears of it, and misses it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from domain.edit import creation
from domain.inventory import Device
from domain.watching import AlertRule, Scope
from engine.compose import new_id, now_us
from tests.server.conftest import ServerDatabase
from tests.server.pushing import Pusher, pusher
from tests.team.engines import Joined, all_until, join, running
from tests.team.servers import listening

pytestmark = pytest.mark.usefixtures("steady_lease")


async def test_what_pushes_is_up_for_all_and_stale_when_nothing_comes(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database, ingest_flush_ms=5) as server:
        root = await server.found()
        await server.tenant(root)
        for who in ("mara", "joe"):
            await server.member(root, "engineer", f"{who}@example.org")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        mast = Device(new_id(), "mast", "192.0.2.1", (), "other", interval_s=1.0)
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            await joe.edit("add", creation("device", mast))
            await joe.until(lambda: joe.team.pending == 0)
            made = await pusher(server, root, str(mast.id))
            assert mast.id not in mara.state.health
            async with pushing(made, 88.5):
                await all_until((mara, joe), lambda one: status(one, mast) == "up")
            await all_until((mara, joe), lambda one: status(one, mast) == "stale")
            async with pushing(made, 88.0):
                await all_until((mara, joe), lambda one: status(one, mast) == "up")


async def test_what_is_pushed_is_held_against_rules_by_who_judges(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database, ingest_flush_ms=5) as server:
        root = await server.found()
        await server.tenant(root)
        for who in ("mara", "joe"):
            await server.member(root, "tenant_admin", f"{who}@example.org")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        mast = Device(new_id(), "mast", "192.0.2.1", (), "other", interval_s=60.0)
        scope = Scope(interface="battery*")
        low = AlertRule(
            new_id(), "Battery low", "threshold", "pushed", "lt", 20.0, clear_at=30.0, scope=scope
        )
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            await joe.edit("add", creation("device", mast), creation("rule", low))
            await joe.until(lambda: joe.team.pending == 0)
            made = await pusher(server, root, str(mast.id))

            async def pushes(**values: float) -> None:
                await made.push({"values": {name.replace("_", " "): value for name, value in values.items()}})

            judge = await judging(mara, joe)
            await pushes(battery_of_mast=88.0, door_open=3.0)
            await judge.until(lambda: mast.id in judge.state.values)
            assert judge.state.values[mast.id].values == (
                ("pushed", "battery of mast", 88.0),
                ("pushed", "door open", 3.0),
            )
            await pushes(battery_of_mast=12.0, door_open=3.0)
            await all_until((mara, joe), lambda one: opened(one, mast) == ["battery of mast"])
            assert cycles_kept(judge) == 0, "it is on the server's disk already"
            await pushes(battery_of_mast=25.0, door_open=3.0)
            await made.push({"at_us": now_us() - 3_600_000_000, "values": {"battery of mast": 90.0}})
            await judge.until(lambda: judge.state.values[mast.id].values[0][2] == 25.0)
            assert opened(judge, mast) == ["battery of mast"], "an hour ago is no news"
            await pushes(battery_of_mast=90.0, door_open=3.0)
            await all_until((mara, joe), lambda one: opened(one, mast) == [])


def cycles_kept(one: Joined) -> int:
    """Return of how many cycles an engine keeps the numbers."""
    with closing(sqlite3.connect(one.folder / "heliograph.db")) as opened:
        (count,) = opened.execute("SELECT count(*) FROM sample").fetchone()
    return int(count)


async def judging(*engines: Joined) -> Joined:
    """Return who judges, once it does: a moment after it has the lease."""

    def found() -> Joined | None:
        return next(
            (one for one in engines if one.team.lease == "here" and one.engine._board.way == "judging"), None
        )

    judge: Joined = await engines[0].until(found)
    return judge


@asynccontextmanager
async def pushing(made: Pusher, percent: float) -> AsyncIterator[None]:
    """Have a device push all the time: it is stale by itself for who looks late at what came once."""

    is_over = asyncio.Event()

    async def push() -> None:
        while not is_over.is_set():
            await made.push({"values": {"battery_pct": percent}})
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as group:
        group.create_task(push())
        try:
            yield
        finally:
            is_over.set()


def opened(one: Joined, device: Device) -> list[str]:
    """Return of which numbers of a device there are open alerts."""
    return [a.instance for a in one.state.alerts.values() if a.subject == device.id and a.cleared_us is None]


def status(one: Joined, device: Device) -> str:
    health = one.state.health.get(device.id)
    return "" if health is None else str(health.status)
