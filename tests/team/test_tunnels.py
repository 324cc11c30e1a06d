"""Tunnels by the server: through a collector that nobody can reach, with what is refused, what breaks, and what the audit has."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.edit import creation
from domain.inventory import Device, Probe, Site
from domain.polling import slot_of
from domain.tunnels import CloseTunnel, OpenTunnel, ShareTunnel, TakeTunnel, Tunnel
from engine.access.channel import ChannelLost
from engine.compose import new_id
from sync_server.live.crossings import Crossing
from tests.engine.tunnelling import EchoRouter, talk
from tests.server.clients import Person
from tests.server.conftest import ServerDatabase
from tests.team.engines import WAIT_S, Joined, join, running
from tests.team.servers import Reached, listening

HOLDER = """
    SELECT i.kind FROM sync.slot s JOIN sync.line l USING (tenant_id, run_id) JOIN identity.install i ON i.id = l.install_id
    WHERE s.slot = $1
"""


@dataclass
class Scene:
    """A server with a router behind a collector, and an engineer whose window polls nothing."""

    server: Reached
    admin: Person
    collector: Path
    window: Joined
    echo: EchoRouter
    device: Device

    async def open(self) -> Tunnel:
        """Open a tunnel from the window."""
        reply = await self.window.ask(OpenTunnel(1, self.device.id, self.echo.port, "Ben"))
        assert not reply.refusals, reply.refusals
        return msgspec.convert(reply.result["tunnel"], Tunnel)

    def now(self, tunnel: Tunnel) -> Tunnel:
        """Return how a tunnel stands."""
        state = self.window.engine.state.tunnels
        assert state is not None
        return next(one for one in state.tunnels if one.id == tunnel.id)

    async def audited(self, act: str, count: int = 0) -> list[dict[str, Any]]:
        """Return the rows of the audit of an act, once there are so many."""
        async with asyncio.timeout(WAIT_S):
            while len(rows := await self.admin.get(f"/audit?act={act}")) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return [row["detail"] for row in rows]

    async def crossing(self) -> Crossing:
        """Return the one connection that passes by the server, once there is no other any more."""
        found = self.server.app.state.hub.crossings.all
        await self.window.until(lambda: len(found) == 1)
        return next(iter(found.values()))

    async def shared_by(self, other: Joined, *, is_shared: bool = False) -> Any:
        """Return the one tunnel of a colleague's, once the other knows it and its device."""
        await other.until(
            lambda: (
                len(other.state.tunnels.team) == 1
                and other.state.tunnels.team[0].is_shared is is_shared
                and self.device.id in other.state.inventory.tables["device"]
                and other.team.reachability == "online"
            )
        )
        return other.state.tunnels.team[0]


@asynccontextmanager
async def scene(
    database: ServerDatabase, folder: Path, role: str = "engineer", **member: Any
) -> AsyncIterator[Scene]:
    """Yield it all; the collector is to be run."""
    async with listening(database) as server, EchoRouter() as echo:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin", "boss@example.org")
        collector = await join(folder / "hill", server, "boss@example.org", kind="collector")
        site = Site(new_id(), "Hill")
        probe = Probe("tcp", echo.port)
        device = Device(new_id(), "r1", "127.0.0.1", (probe,), site=site.id, interval_s=1.0)
        async with running(collector) as first:
            await first.until(lambda: first.team.reachability == "online")
            await first.edit("add", creation("site", site), creation("device", device))
            await first.until(lambda: first.team.pending == 0)
        await server.member(root, role, "ben@example.org", **member)
        ben = await join(folder / "van", server, "ben@example.org")
        async with running(ben) as window:
            yield Scene(server, admin, collector, window, echo, device)


async def carried_by(scene: Scene) -> None:
    """Wait until the collector polls the device, and the window knows the device and polls it not."""
    window, device = scene.window, scene.device

    def knows() -> bool:
        is_there = device.id in window.state.inventory.tables["device"]
        return is_there and window.team.reachability == "online" and not window.engine._board.polls(device)

    async with asyncio.timeout(WAIT_S):
        while await scene.server.owner.fetchval(HOLDER, slot_of(device.id)) != "collector":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await window.until(knows)


async def test_bytes_pass_by_a_collector_that_dials_out_and_the_audit_has_who_and_how_many(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with scene(server_database, tmp_path) as at, running(at.collector) as hill:
        await hill.until(lambda: hill.engine._board.polls(at.device))
        await carried_by(at)
        tunnel = await at.open()
        assert tunnel.way == "relay"
        data = os.urandom(3 * 1024 * 1024)
        backs = await asyncio.gather(talk(tunnel, data), *(talk(tunnel, b"%d" % n) for n in range(5)))
        assert backs == [data, b"0", b"1", b"2", b"3", b"4"]
        assert not (await at.window.ask(CloseTunnel(2, tunnel.id))).refusals
        opened = await at.audited("tunnel.opened")
        closed = await at.audited("tunnel.closed", 1)
        assert opened == [
            {
                "tunnel": str(tunnel.id),
                "port": at.echo.port,
                "address": "127.0.0.1",
                "name": "r1",
                "by_way_of": "hill",
            }
        ]
        assert closed[0]["to_bytes"] > len(data) < closed[0]["from_bytes"]
        assert closed[0]["why"] == "whoever opened it hung up"
        await at.window.until(lambda: not at.server.app.state.hub.crossings.all)
        told = (await at.server.app.state.metrics.exposed()).decode()
        assert 'tunnels_open{carrier="collector"} 0.0' in told
        assert 'tunnels_opened{carrier="collector"} 1.0' in told
        assert 'tunnels_ended{reason="LEFT"} 1.0' in told
        passed = re.search(r'tunnels_bytes\{direction="to"\} (\S+)', told)
        assert passed is not None and float(passed[1]) == closed[0]["to_bytes"]


async def test_a_collector_that_is_killed_midway_ends_the_connection_in_words(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with scene(server_database, tmp_path) as at:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine", "--profile", str(at.collector), "--collector"),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await carried_by(at)
            tunnel = await at.open()
            reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
        finally:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        assert await reader.read() == b""
        writer.close()
        await at.window.until(lambda: at.now(tunnel).trouble)
        assert "hill hung up" in at.now(tunnel).trouble
        assert not at.now(tunnel).ended, "the next connection tries anew"


@pytest.mark.parametrize("role", ["viewer", "manager"])
async def test_who_may_open_no_tunnels_opens_none(
    tmp_path: Path, server_database: ServerDatabase, role: str
) -> None:
    async with scene(server_database, tmp_path, role) as at:
        window = at.window
        await window.until(lambda: at.device.id in window.state.inventory.tables["device"])
        reply = await window.ask(OpenTunnel(1, at.device.id, at.echo.port, "Ben"))
        assert [one.code for one in reply.refusals] == ["NOT_ALLOWED"]
        assert await refusal(at, at.device.id, at.echo.port) == "the permission tunnels:write is needed"
        assert (await at.audited("tunnel.refused", 1))[0]["why"] == "the permission tunnels:write is needed"


async def refusal(scene: Scene, device: UUID, port: int) -> str:
    """Return why the server joins no tunnel to a port of a device, whatever the window's own engine thinks of it."""
    relay = scene.window.engine._tunnels._relay
    assert relay is not None
    with pytest.raises(ChannelLost) as refused:
        await relay.reach(Tunnel(new_id(), device, "tcp", port, 1, "relay", "Ben", 0))
    return str(refused.value)


async def test_what_is_of_others_is_not_there_and_other_ports_are_refused(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with scene(server_database, tmp_path) as at, running(at.collector):
        await carried_by(at)
        root = await at.server.log_in("root@platform")
        await at.server.tenant(root)
        other = await at.server.member(root, "engineer")
        theirs = await other.post("/devices", {"name": "theirs", "address": "10.9.9.9"}, expect=201)
        assert await refusal(at, UUID(theirs["id"]), 22) == "the device is not there"
        assert await refusal(at, new_id(), 22) == "the device is not there"
        assert (await refusal(at, at.device.id, 25)).startswith("port 25 is none")
        assert len(await at.audited("tunnel.refused", 3)) == 3
        assert not await at.audited("tunnel.opened")
        (site,) = [one for one in await at.admin.get("/sites") if one["name"] == "Hill"]
        assert site["id"] == str(at.device.site)
        elsewhere = await at.admin.post("/sites", {"name": "Valley"}, expect=201)
        (ben,) = [one for one in await at.admin.get("/users") if one["login"] == "ben@example.org"]
        await at.admin.ask("PATCH", f"/users/{ben['id']}", {"sites": [elsewhere["id"]]}, expect=200)
        assert await refusal(at, at.device.id, at.echo.port) == "the device is not there"


async def test_where_nobody_polls_nobody_carries_and_it_is_said(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with scene(server_database, tmp_path) as at:
        window = at.window
        await window.until(lambda: window.team.reachability == "online")
        assert "carr" in await refusal(at, at.device.id, at.echo.port)


async def test_where_the_server_is_away_nobody_is_offered_a_log_in_at_an_address_that_others_poll(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(server_database, tmp_path) as at, running(at.collector):
        await carried_by(at)
        with monkeypatch.context() as away:
            away.setattr(at.window.engine._tunnels, "_is_online", lambda: False)
            reply = await at.window.ask(OpenTunnel(1, at.device.id, at.echo.port, "Ben"))
            assert [one.code for one in reply.refusals] == ["NOT_CONNECTED"]
        assert (await at.open()).way == "relay"


async def test_who_loses_the_right_loses_the_tunnel(tmp_path: Path, server_database: ServerDatabase) -> None:
    async with scene(server_database, tmp_path) as at, running(at.collector):
        await carried_by(at)
        tunnel = await at.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        (ben,) = [one for one in await at.admin.get("/users") if one["login"] == "ben@example.org"]
        await at.admin.ask("PATCH", f"/users/{ben['id']}", {"role": "viewer"}, expect=200)
        assert await reader.read() == b""
        writer.close()
        await at.window.until(lambda: not at.server.app.state.hub.crossings.all)


async def test_a_colleague_sees_who_is_on_a_router_goes_by_what_is_shared_and_takes_over(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.live.team_tunnels.GIVE_WAY_S", 0.1)
    async with scene(server_database, tmp_path) as at:
        await at.server.member(at.admin, "engineer", "ann@example.org")
        folder = await join(tmp_path / "office", at.server, "ann@example.org")
        await at.window.until(lambda: at.window.engine._board.polls(at.device))
        tunnel = await at.open()
        assert tunnel.way == "direct"
        async with running(folder) as ann:
            other = await at.shared_by(ann)
            assert (other.by, other.computer, other.device) == ("One engineer", "van", at.device.id)
            assert not at.window.state.tunnels.team, "nobody is told of himself"
            asked = OpenTunnel(1, at.device.id, at.echo.port, "Ann", other.install)
            joined = msgspec.convert((await ann.ask(asked)).result["tunnel"], Tunnel)
            assert await talk(joined, b"x") == b""
            await ann.until(lambda: "not shared" in ann.state.tunnels.tunnels[0].trouble)
            assert not (await at.window.ask(ShareTunnel(1, tunnel.id, True))).refusals
            await at.shared_by(ann, is_shared=True)
            assert await talk(joined, b"hello") == b"hello"
            reader, writer = await asyncio.open_connection("127.0.0.1", joined.port)
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            hub, crossing = at.server.app.state.hub, await at.crossing()
            assert await hub._reason(crossing) is None
            assert not (await at.window.ask(ShareTunnel(2, tunnel.id, False))).refusals
            assert await reader.read() == b"", "what was let in goes with what let it in"
            writer.close()
            await at.shared_by(ann)
            why = await hub._reason(crossing)
            assert why is not None and "not shared any more" in why.refused.message
            await ann.until(lambda: "carries nothing for others" in ann.state.tunnels.tunnels[0].trouble)
            assert not (await at.window.ask(ShareTunnel(3, tunnel.id, True))).refusals
            await at.shared_by(ann, is_shared=True)
            assert not (await ann.ask(TakeTunnel(1, other.install, other.id))).refusals
            await at.window.until(lambda: at.now(tunnel).ended)
            assert at.now(tunnel).ended == "One engineer took it over"
            (taken,) = await at.audited("tunnel.taken_over", 1)
            assert (taken["of"], taken["computer"]) == ("One engineer", "van")
            await ann.until(lambda: not ann.state.tunnels.team)


async def carried(scene: Scene) -> tuple[Crossing, Tunnel, asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a tunnel by the collector through which something has passed."""
    await carried_by(scene)
    tunnel = await scene.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    return await scene.crossing(), tunnel, reader, writer


async def test_a_collector_that_is_revoked_carries_nothing_any_more(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with scene(server_database, tmp_path) as at, running(at.collector) as hill:
        _, tunnel, reader, writer = await carried(at)
        await at.admin.ask("DELETE", f"/installs/{hill.team.install}", expect=200)
        async with asyncio.timeout(WAIT_S):
            assert await reader.read() == b""
        writer.close()
        await at.window.until(lambda: at.now(tunnel).trouble)
        assert at.now(tunnel).trouble.startswith("hill: "), at.now(tunnel).trouble


async def test_the_server_ends_what_leads_to_another_address_or_port_by_now(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with scene(server_database, tmp_path) as at, running(at.collector):
        crossing, _, reader, writer = await carried(at)
        hub, any_version = at.server.app.state.hub, {"If-Match": "*"}

        async def changed(fields: dict[str, Any]) -> None:
            path = f"/devices/{at.device.id}"
            await at.admin.ask("PATCH", path, fields, headers=any_version, expect=200)

        assert await hub._reason(crossing) is None
        await changed({"address": "127.0.0.2"})
        why = await hub._reason(crossing)
        assert why is not None and "another address" in why.refused.message
        await changed({"address": "127.0.0.1", "probes": []})
        why = await hub._reason(crossing)
        assert why is not None and "other ports" in why.refused.message
        assert await reader.read() == b"", "the engines see it sooner"
        writer.close()


async def test_who_shares_and_loses_the_right_carries_nothing_any_more(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with scene(server_database, tmp_path) as at:
        await at.server.member(at.admin, "engineer", "ann@example.org")
        folder = await join(tmp_path / "office", at.server, "ann@example.org")
        await at.window.until(lambda: at.window.engine._board.polls(at.device))
        tunnel = await at.open()
        assert not (await at.window.ask(ShareTunnel(1, tunnel.id, True))).refusals
        async with running(folder) as ann:
            other = await at.shared_by(ann, is_shared=True)
            asked = OpenTunnel(1, at.device.id, at.echo.port, "Ann", other.install)
            joined = msgspec.convert((await ann.ask(asked)).result["tunnel"], Tunnel)
            reader, writer = await asyncio.open_connection("127.0.0.1", joined.port)
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            hub, crossing = at.server.app.state.hub, await at.crossing()
            (ben,) = [one for one in await at.admin.get("/users") if one["login"] == "ben@example.org"]
            await at.admin.ask("PATCH", f"/users/{ben['id']}", {"role": "viewer"}, expect=200)
            why = await hub._reason(crossing)
            assert why is not None and "may not any more" in why.refused.message
            now = await hub._admission.again(crossing.carried_by)
            assert await hub.why_not_carried(crossing, now) == "who carries it may not any more"
            assert await reader.read() == b""
            writer.close()
