"""What one computer of a team has another do: ask a device that is another's alone; and what no collector does: listen."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from domain.edit import creation
from domain.inventory import Device, Probe
from domain.team import QueryTray
from domain.wire import ProbeNow
from engine.compose import new_id
from tests.server.conftest import ServerDatabase
from tests.team.cuts import Cut
from tests.team.engines import WAIT_S, all_until, join, running, team
from tests.team.servers import listening
from tests.team.test_polled_once import add, answering, collecting, dealt, is_up, named, polled

LISTENING = "0A"


async def test_who_asks_now_has_the_laptop_ask_that_the_device_is_left_to_and_sees_the_answer(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    asked = 0

    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.close()

    async with (
        listening(server_database) as server,
        await asyncio.start_server(answer, "127.0.0.1", 0) as web,
    ):
        folders = await team(server, tmp_path, "mara", "joe")
        async with running(folders[0]) as mara:
            await mara.until(lambda: mara.team.lease == "here")
            async with running(folders[1]) as joe:
                await joe.until(lambda: joe.team.lease == "elsewhere")
                probe, laptop = Probe("tcp", web.sockets[0].getsockname()[1]), joe.team.install
                device = Device(new_id(), "far", "127.0.0.1", (probe,), interval_s=3600.0, polled_by=laptop)
                await mara.edit("add", creation("device", device))
                await joe.until(lambda: joe.engine._board.polls(device))
                await mara.until(lambda: mara.team.pending == 0)
                before = asked
                assert not (await mara.ask(ProbeNow(1, device.id))).refusals
                await mara.until(lambda: asked > before)
                await mara.until(
                    lambda: (seen := mara.state.health.get(device.id)) is not None and seen.status == "up"
                )
                assert mara.state.health[device.id].vantage == laptop
                assert not mara.engine._board.polls(device)


async def test_two_collectors_that_come_and_go_ask_no_device_more_often_than_it_is_to_be_asked(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    asked: Counter[str] = Counter()
    async with (
        answering(on_asked=lambda name: asked.update([name])) as answerers,
        collecting(server_database, tmp_path, "east", "west") as (server, folders),
        running(folders[0]) as east,
    ):
        devices = await dealt(server, answerers)
        began_s = time.monotonic()
        await add(east, devices)
        await east.until(lambda: polled(east) == named(devices) and is_up(east, devices))
        async with running(folders[1]) as west:
            await west.until(lambda: len(polled(west)) > 1 and is_up(west, devices))
            several = {name: count + 3 for name, count in asked.items()}
            await east.until(lambda: all(asked[name] >= count for name, count in several.items()))
        await east.until(lambda: polled(east) == named(devices))
        several = {name: count + 3 for name, count in asked.items()}
        await east.until(lambda: all(asked[name] >= count for name, count in several.items()))
        most = (
            1.5 * (time.monotonic() - began_s) + 3
        )  # both would ask twice as often; who hears late asks again
        assert len(asked) == len(devices) and max(asked.values()) <= most, (asked, most)


async def test_an_edit_that_the_rules_refuse_by_then_is_in_the_tray_with_the_reason(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        folders = await team(server, tmp_path, "mara", "joe")
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            first, second = (
                Device(new_id(), name, "127.0.0.2", (Probe("icmp"),), paused=True)
                for name in ("first", "second")
            )
            cut = Cut(joe)
            cut.cut()
            await joe.until(lambda: joe.team.reachability != "online")
            await mara.edit("add", creation("device", first))
            await mara.until(lambda: mara.team.pending == 0)
            lost = await joe.edit("add", creation("device", second))
            cut.mend()
            await joe.until(lambda: joe.team.tray == 1 and joe.team.pending == 0)
            (entry,) = (await joe.ask(QueryTray(1))).result["tray"]
            assert entry["edit"]["id"] == str(lost.id)
            assert [one["code"] for one in entry["refusals"]] == ["DEVICE_ALREADY_EXISTS"]
            await all_until((mara, joe), lambda one: list(one.state.inventory.tables["device"]) == [first.id])


async def test_a_collector_listens_at_no_port(tmp_path: Path, server_database: ServerDatabase) -> None:
    async with listening(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        await server.member(root, "tenant_admin", "boss@example.org")
        folder = await join(tmp_path / "hill", server, "boss@example.org", kind="collector")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine", "--profile", str(folder), "--collector"),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(WAIT_S):
                while not await server.owner.fetchval("SELECT count(*) FROM sync.line"):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert not _listened_at(process.pid)
        finally:
            process.terminate()
            await process.wait()


def _listened_at(pid: int) -> list[str]:
    """Return the addresses, in hexadecimal, at which a process takes connections, or datagrams at a port that it chose; those
    at ports that the system gave are for answers to what it asks."""
    own = set[str]()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            own.add(str(file.readlink()).removeprefix("socket:[").removesuffix("]"))
    given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            local, _, state, inode = (row.split()[place] for place in (1, 2, 3, 9))
            is_chosen = int(local.rpartition(":")[2], 16) < given
            if inode in own and (state == LISTENING if table.startswith("tcp") else is_chosen):
                found.append(f"{table} {local}")
    return found
