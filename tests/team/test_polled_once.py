"""Each device is asked by one engine: the one that was chosen, or one of those who share the rest; the judge hears of all."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from domain.edit import change, creation
from domain.inventory import Device, Probe
from domain.polling import slot_of
from engine.compose import new_id
from sync_server.live.polling import shared_out
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, all_until, join, running
from tests.team.servers import Reached, listening

DEVICES = 8


@asynccontextmanager
async def answering(
    count: int = DEVICES, on_asked: Callable[[str], None] = lambda _: None
) -> AsyncIterator[list[Device]]:
    """Yield devices that answer on ports of this computer. `on_asked` hears which one was asked."""

    def answer(number: int, writer: asyncio.StreamWriter) -> None:
        on_asked(f"d{number}")
        writer.close()

    servers = [
        await asyncio.start_server(lambda _, writer, n=n: answer(n, writer), "127.0.0.1", 0)  # type: ignore[misc]
        for n in range(count)
    ]
    try:
        made: list[Device] = []
        for number, server in enumerate(servers):
            port: int = server.sockets[0].getsockname()[1]
            probes = (Probe("tcp", port),)
            made.append(Device(new_id(), f"d{number}", "127.0.0.1", probes, "server", interval_s=1.0))
        yield made
    finally:
        for server in servers:
            server.close()


@asynccontextmanager
async def collecting(
    database: ServerDatabase, profiles: Path, *names: str
) -> AsyncIterator[tuple[Reached, list[Path]]]:
    """Yield a server, and folders of collectors of a team that has devices."""
    async with listening(database) as server:
        root = await server.found()
        await server.tenant(root)
        await server.member(root, "tenant_admin", "boss@example.org")
        folders = [
            await join(profiles / name, server, "boss@example.org", kind="collector") for name in names
        ]
        yield server, folders


async def dealt(server: Reached, devices: Sequence[Device]) -> list[Device]:
    """Return devices of other ids, by which each collector's share is as large where all are there: of slots that chance picks
    one may have none."""
    rows = await server.owner.fetch("SELECT id FROM identity.install WHERE kind = 'collector' ORDER BY id")
    installs = [UUID(int=row["id"].int) for row in rows]
    whose = shared_out(installs)
    made: list[Device] = []
    for number, device in enumerate(devices):
        while whose[slot_of(id := new_id())] != installs[number % len(installs)]:
            pass
        made.append(msgspec.structs.replace(device, id=id))
    return made


def polled(engine: Joined) -> set[str]:
    """Return the names of the devices that an engine asks now."""
    monitor = engine.engine._monitor
    is_over = monitor._clock() >= monitor._until_s
    return set() if is_over else {one.device.name for one in monitor._visited.values()}


def named(devices: Sequence[Device]) -> set[str]:
    return {one.name for one in devices}


async def add(engine: Joined, devices: Sequence[Device]) -> None:
    """Add devices once the server is heard, and wait until it has them."""
    await engine.until(lambda: engine.team.reachability == "online")
    await engine.edit("add", *(step for one in devices for step in [creation("device", one)]))
    await engine.until(lambda: engine.team.pending == 0)


def is_up(engine: Joined, devices: Sequence[Device]) -> bool:
    """Tell whether an engine shows all of them as up."""
    health = engine.state.health
    return all(one.id in health and health[one.id].status == "up" for one in devices)


async def test_two_collectors_share_the_devices_and_whoever_judges_hears_of_all(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        answering() as answerers,
        collecting(server_database, tmp_path, "east", "west") as (server, folders),
        running(folders[0]) as east,
    ):
        devices = await dealt(server, answerers)
        await add(east, devices)
        await east.until(lambda: polled(east) == named(devices))
        async with running(folders[1]) as west:
            await west.until(lambda: len(polled(west)) > 1 and polled(east) | polled(west) == named(devices))
            assert not polled(east) & polled(west)
            judge = await east.until(
                lambda: next((one for one in (east, west) if one.team.lease == "here"), None)
            )
            other = west if judge is east else east
            mine, others = judge.team.install, other.team.install
            await judge.until(
                lambda: (
                    is_up(judge, devices)
                    and {one.vantage for one in judge.state.health.values()} == {mine, others}
                )
            )
            await all_until((east, west), lambda one: is_up(one, devices))
            theirs = await other.until(
                lambda: next((one for one in devices if one.name in polled(other)), None)
            )
            asked: list[UUID] = []
            monkeypatch.setattr(other.engine._monitor, "probe_now", asked.append)
            assert judge.engine._board.probe_now(theirs.id), "it has whoever polls it ask"
            await other.until(lambda: asked)
            assert asked == [theirs.id]
        await east.until(lambda: polled(east) == named(devices))


async def test_when_a_collector_is_killed_the_other_polls_what_it_polled(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with (
        answering() as answerers,
        collecting(server_database, tmp_path, "east", "west") as (server, folders),
        running(folders[0]) as east,
    ):
        devices = await dealt(server, answerers)
        await add(east, devices)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine", "--profile", str(folders[1]), "--collector"),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await east.until(lambda: len(polled(east)) < DEVICES)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        await east.until(lambda: polled(east) == named(devices) and is_up(east, devices))


async def test_a_device_that_one_polls_alone_is_polled_by_no_other_and_its_status_says_why(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with (
        answering(2) as (one, two),
        collecting(server_database, tmp_path, "east", "west") as (_, folders),
        running(folders[0]) as east,
    ):
        async with running(folders[1]) as west:
            await all_until((east, west), lambda engine: engine.team.reachability == "online")
            alone = msgspec.structs.replace(one, polled_by=west.team.install)
            await add(east, [alone, two])
            await east.until(lambda: is_up(east, [alone, two]))
            assert east.state.health[alone.id].vantage == west.team.install
            await west.until(lambda: one.name in polled(west))
            assert one.name not in polled(east)
        await east.until(lambda: east.state.health[alone.id].status == "stale")
        assert "no news from west" in east.state.health[alone.id].reason
        await east.until(lambda: polled(east) == {two.name})
        given_back = change("device", alone, one)
        assert given_back is not None
        await east.edit("give back", given_back)
        await east.until(lambda: is_up(east, [one, two]))


async def test_of_two_engines_with_one_install_never_both_poll(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where in ("hub", "room"):  # the first does not come back while the test looks at the second
        monkeypatch.setattr(f"sync_server.live.{where}.COPIED_S", 600.0)
    async with answering(2) as devices, collecting(server_database, tmp_path, "east") as (_, folders):
        copied = tmp_path / "copied"
        shutil.copytree(folders[0], copied)
        async with running(folders[0]) as first:
            await add(first, devices)
            await first.until(lambda: polled(first) == named(devices))
            async with running(copied) as second:

                def has_moved() -> bool:
                    assert not (polled(first) and polled(second))
                    return polled(second) == named(devices)

                await second.until(has_moved)
                await first.until(
                    lambda: first.team.lease == "elsewhere"
                )  # the server is there: it judges not by itself
                assert not polled(first)
