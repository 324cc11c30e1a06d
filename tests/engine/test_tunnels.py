"""Tunnels from this computer: whom they lead to, at which ports they begin, what ends them, what is told of them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from domain.inventory import Device, Probe
from domain.tunnels import (
    CONNECTIONS_CAP,
    ENDED_SHOWN_S,
    GIVE_WAY_S,
    IDLE_S,
    SILENT_S,
    OpenTunnel,
    PortPool,
    SetPortPool,
    ShareTunnel,
    Tunnel,
    services_of,
)
from engine.access.channel import Channel, ChannelLost
from engine.access.neighbours import is_ours
from tests.engine.test_driver_ssh import run_sshd
from tests.engine.tunnelling import ROUTER, EchoRouter, Room, alone, router, talk, until
from tests.ports import free_port


@alone
async def test_what_is_said_comes_out_at_the_device_and_is_counted() -> None:
    async with EchoRouter() as echo, Room(router(echo.port)) as room:
        tunnel = await room.open(echo.port)
        assert await talk(tunnel, b"hello" * 1000) == b"hello" * 1000
        await until(lambda: room.now(tunnel).connections == 0)
        now = room.now(tunnel)
        assert (now.to_bytes, now.from_bytes, now.way, now.by) == (5000, 5000, "direct", "mara")
        assert [kind for kind, _ in room.noted] == ["tunnel_opened"]


@alone
async def test_each_tunnel_has_a_port_of_its_own_and_gives_it_back() -> None:
    devices = [router(free_port(), UUID(int=n)) for n in range(1, 5)]
    async with Room(*devices) as room:
        tunnels = [await room.open(device.probes[0].port, device.id) for device in devices]
        assert len({one.port for one in tunnels}) == 4
        refusal = await room.refusal(22)
        assert refusal.code == "NO_FREE_PORT"
        await room.close(tunnels[1])
        again = await room.open(22)
        assert again.port == tunnels[1].port
        assert await room.open(22) == again, "a second click opens nothing"
        for tunnel in (tunnels[0], again, *tunnels[2:]):
            await room.close(tunnel)
        for tunnel in tunnels:
            socket.create_server(("127.0.0.1", tunnel.port)).close()


@alone
async def test_a_port_that_somebody_else_has_is_passed_over() -> None:
    async with Room(router(22), pool=2) as room:
        first = room.tunnels.state.pool.first
        with socket.create_server(("127.0.0.1", first)):
            assert (await room.open(22)).port == first + 1


@alone
async def test_a_tunnel_leads_to_a_device_at_a_port_that_it_is_administered_by_and_nowhere_else() -> None:
    async with Room(router(9000)) as room:
        assert (await room.refusal(25)).code == "PORT_NOT_ALLOWED"
        assert (await room.refusal(22, UUID(int=77))).code == "DEVICE_NOT_FOUND"
        room.why_not = "no"
        assert (await room.refusal(22)).code == "NOT_ALLOWED"
        assert not room.noted


def test_probes_name_more_ports() -> None:
    probes = (
        Probe("ssh", 2222),
        Probe("routeros", 8730, tls=True),
        Probe("http", 8443, tls=True),
        Probe("icmp"),
    )
    found = services_of(Device(ROUTER, "r", "10.0.0.1", probes))
    assert {2222: "ssh", 8730: "api_tls", 8443: "https", 8291: "winbox"}.items() <= found.items()
    assert 0 not in found


@alone
async def test_one_that_nobody_uses_ends_and_says_so() -> None:
    async with EchoRouter() as echo, Room(router(echo.port)) as room:
        tunnel = await room.open(echo.port)
        await room.turn(IDLE_S - 1)
        assert not room.now(tunnel).ended
        await room.turn(1)
        assert room.now(tunnel).ended == "nobody was connected for 5 minutes"
        assert room.noted[-1][0] == "tunnel_closed"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", tunnel.port)
        await room.turn(ENDED_SHOWN_S)
        assert not room.tunnels.state.tunnels


@alone
async def test_one_that_is_connected_lives_on_until_nothing_passed_for_long() -> None:
    async with EchoRouter() as echo, Room(router(echo.port)) as room:
        tunnel = await room.open(echo.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
        for _ in range(4):
            writer.write(b".")
            assert await reader.readexactly(1) == b"."
            await until(lambda: room.now(tunnel).from_bytes == room.now(tunnel).to_bytes)
            await room.turn(SILENT_S - 1)
            assert not room.now(tunnel).ended
        await room.turn(1)
        assert room.now(tunnel).ended == "nothing passed for 15 minutes"
        assert await reader.read() == b""
        writer.close()


@alone
async def test_one_that_is_taken_over_is_warned_once_and_ends_when_it_was_said() -> None:
    async with EchoRouter() as echo, Room(router(echo.port)) as room:
        tunnel = await room.open(echo.port)
        room.tunnels.give_way(tunnel.id, "Ann", 1_000.0)
        room.tunnels.give_way(tunnel.id, "Bert", 0.0)
        assert room.now(tunnel).warning == "Ann takes it over in 30 s"
        await room.turn(GIVE_WAY_S - 1)
        assert not room.now(tunnel).ended
        await room.turn(1)
        assert room.now(tunnel).ended == "Ann took it over"


@alone
async def test_whether_it_is_shared_is_told() -> None:
    async with Room(router(22)) as room:
        tunnel = await room.open(22)
        assert not (await room.tunnels.answer(ShareTunnel(1, tunnel.id, True))).refusals
        assert room.told[-1].tunnels[0].is_shared
        (refusal,) = (await room.tunnels.answer(ShareTunnel(1, UUID(int=99), True))).refusals
        assert refusal.code == "TUNNEL_NOT_FOUND"
        by_colleague = await room.tunnels.answer(OpenTunnel(1, ROUTER, 22, "mara", UUID(int=5)))
        other = msgspec.convert(by_colleague.result["tunnel"], Tunnel)
        assert (other.way, other.via) == ("relay", UUID(int=5))


@alone
async def test_a_device_that_moves_or_goes_takes_its_tunnels_along() -> None:
    other = router(23, UUID(int=2))
    async with EchoRouter() as echo, Room(router(echo.port), other) as room:
        moved, gone = await room.open(echo.port), await room.open(22, other.id)
        reader, writer = await asyncio.open_connection("127.0.0.1", moved.port)
        await until(lambda: echo.connections)
        room.devices[ROUTER] = msgspec.structs.replace(room.devices[ROUTER], address="127.0.0.2")
        del room.devices[other.id]
        await room.turn()
        assert room.now(moved).ended == "the device has another address or other ports now"
        assert room.now(gone).ended == "the device was deleted"
        assert await reader.read() == b""
        writer.close()


@alone
async def test_who_may_no_longer_loses_what_is_open() -> None:
    async with Room(router(22)) as room:
        tunnel = await room.open(22)
        room.why_not = "what you may do in this team does not include tunnels"
        await room.turn()
        assert room.now(tunnel).ended == room.why_not


@alone
async def test_a_device_that_does_not_listen_is_told_of_and_the_tunnel_stays() -> None:
    port = free_port()
    async with Room(router(port)) as room:
        tunnel = await room.open(port)
        assert await talk(tunnel, b"x") == b""
        await until(lambda: room.now(tunnel).trouble)
        assert "refuses connections" in room.now(tunnel).trouble
        async with EchoRouter() as echo:
            room.devices[ROUTER] = router(port)
            echo._server.close()
        assert not room.now(tunnel).ended


@alone
async def test_only_so_many_connections_are_carried_at_a_time() -> None:
    async with EchoRouter() as echo, Room(router(echo.port)) as room:
        tunnel = await room.open(echo.port)
        held = [await asyncio.open_connection("127.0.0.1", tunnel.port) for _ in range(CONNECTIONS_CAP)]
        await until(lambda: echo.connections == CONNECTIONS_CAP)
        assert await talk(tunnel, b"") == b""
        assert "more are refused" in room.now(tunnel).trouble
        for _, writer in held:
            writer.close()
        await until(lambda: room.now(tunnel).connections == 0)
        assert await talk(tunnel, b"x") == b"x"


@alone
async def test_one_who_does_not_read_makes_the_other_wait_and_holds_little() -> None:
    wanted = 10 * 1024 * 1024
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        piece = bytes(range(256)) * 256
        for _ in range(wanted // len(piece)):
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
        writer.close()

    port = free_port()
    server = await asyncio.start_server(pour, "127.0.0.1", port)
    async with Room(router(port)) as room:
        tunnel = await room.open(port)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", tunnel.port))
        before = -1
        while before != sent or not sent:
            before = sent
            await asyncio.sleep(0.05)
        assert sent < wanted, "what nobody reads is not held"
        got = b""
        while data := await asyncio.get_running_loop().sock_recv(sock, 65536):
            got += data
        assert got == bytes(range(256)) * (wanted // 256)
        sock.close()
    server.close()


@alone
async def test_ports_can_be_set_and_are_kept() -> None:
    async with Room(router(22)) as room:
        first = free_port()
        assert not (await room.tunnels.answer(SetPortPool(1, PortPool(first, 1)))).refusals
        assert room.kept == [PortPool(first, 1)]
        assert (await room.open(22)).port == first
        (refusal,) = (await room.tunnels.answer(SetPortPool(1, PortPool(80, 1)))).refusals
        assert refusal.message == "ports 1024 to 65535 expected, got 80 to 80"


@alone
async def test_a_way_that_cannot_be_had_ends_the_connection_in_words() -> None:
    async def nobody(*_: object) -> object:
        raise ChannelLost("nobody carries it")

    async with Room(router(22), reach=nobody) as room:  # type: ignore[arg-type]
        tunnel = await room.open(22)
        assert await talk(tunnel, b"x") == b""
        assert room.now(tunnel).trouble == "nobody carries it"


@alone
async def test_where_no_way_is_left_none_is_opened_and_it_is_said_what_to_do() -> None:
    async with Room(router(22)) as room:
        room.way = None
        refusal = await room.refusal(22)
        assert refusal.code == "NOT_CONNECTED"
        assert "this computer does not poll r1" in refusal.message
        assert not room.noted


@alone
async def test_where_another_polls_the_device_by_now_the_next_connection_goes_by_him() -> None:
    ways: list[str] = []

    async def reach(tunnel: Tunnel, device: Device) -> Channel:
        ways.append(tunnel.way)
        return await room.reach(tunnel, device)

    async with EchoRouter() as echo, Room(router(echo.port), reach=reach) as room:
        tunnel = await room.open(echo.port)
        await room.tunnels.answer(ShareTunnel(2, tunnel.id, True))
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        room.way = "relay"
        assert await talk(tunnel, b"after") == b"after"
        assert ways == ["direct", "relay"]
        assert (room.now(tunnel).way, room.now(tunnel).is_shared) == ("relay", False)
        writer.write(b"still")
        assert await reader.readexactly(5) == b"still", "what is connected goes on"
        writer.close()
        room.way = None
        assert await talk(tunnel, b"nobody") == b""
        assert "does not poll r1" in room.now(tunnel).trouble and not room.now(tunnel).ended
        room.way = "direct"
        assert (await room.open(echo.port)).id == tunnel.id, "it is the same one"
        assert await talk(tunnel, b"again") == b"again"
        assert ways == ["direct", "relay", "direct"]


@alone
async def test_the_servers_line_of_one_that_leads_from_here_by_now_ends_with_the_last_that_goes_by_it() -> (
    None
):
    async with EchoRouter() as echo, Room(router(echo.port)) as room:
        room.way = "relay"
        tunnel = await room.open(echo.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
        writer.write(b"by it")
        assert await reader.readexactly(5) == b"by it"
        room.way = "direct"
        assert await talk(tunnel, b"from here") == b"from here"
        await room.turn()
        assert not room.left, "somebody is connected by it"
        writer.close()
        await until(lambda: not room.now(tunnel).connections)
        await room.turn()
        await room.turn()
        assert (room.left, room.now(tunnel).ended) == ([tunnel.id], ""), "once"
        room.way = "relay"
        assert await talk(tunnel, b"again") == b"again"
        await room.turn()
        assert room.left == [tunnel.id], "it leads there"


@alone
async def test_two_clicks_at_once_open_one() -> None:
    async with Room(router(22)) as room:
        one, other = await asyncio.gather(room.open(22), room.open(22))
        assert one == other
        assert [kind for kind, _ in room.noted] == ["tunnel_opened"]


@alone
async def test_one_that_two_end_at_once_ends_once() -> None:
    devices = [router(22, UUID(int=n)) for n in (1, 2)]
    async with Room(*devices) as room:
        first, second = [await room.open(22, device.id) for device in devices]
        room.devices.clear()
        room.leaving.clear()
        turning = asyncio.create_task(room.turn())
        await until(lambda: room.left == [first.id])
        closing = asyncio.create_task(room.close(second))
        await until(lambda: room.left == [first.id, second.id])
        room.leaving.set()
        await turning
        assert not (await closing).refusals
        assert [kind for kind, _ in room.noted].count("tunnel_closed") == 2
        assert room.now(second).ended == "closed by hand"


@pytest.mark.skipif(sys.platform != "linux", reason="no other system lists whose a connection is")
def test_a_connection_whose_other_end_is_closed_is_nobodys() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
        with near:
            far.shutdown(socket.SHUT_WR)
            assert near.recv(1) == b""
            assert is_ours(near), "who says no more is still there"
            far.close()
            assert not is_ours(near)


def test_a_connection_of_another_user_is_not_ours(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
        with near, far:
            assert is_ours(near)
            rows = Path("/proc/net/tcp").read_text().splitlines()
            mine = f"{far.getsockname()[1]:04X}"
            theirs = [row.split() for row in rows[1:]]
            for parts in theirs:
                if parts[1].endswith(f":{mine}"):
                    parts[7] = "65533"
            (tmp_path / "tcp").write_text("\n".join([rows[0], *(" ".join(parts) for parts in theirs)]))
            assert not is_ours(near, tmp_path)
            (tmp_path / "tcp").write_text(rows[0])
            assert not is_ours(near, tmp_path)


@alone
async def test_a_foreign_ssh_goes_through_and_does_a_command(tmp_path: Path) -> None:
    with run_sshd(tmp_path) as sshd:
        device = Device(ROUTER, "r1", "127.0.0.1", (sshd.probe(),))
        async with Room(device) as room:
            tunnel = await room.open(sshd.port)
            assert tunnel.service == "ssh"
            key = (tmp_path / "host.pub").read_text()
            (tmp_path / "known").write_text(f"r1.device {key}")
            command = ["ssh", "-p", str(tunnel.port), "-i", str(tmp_path / "user"), "-o", "BatchMode=yes"]
            command += ["-o", f"UserKnownHostsFile={tmp_path}/known", "-o", "HostKeyAlias=r1.device"]
            command += ["127.0.0.1", "printf through"]
            done = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, timeout=120, check=False
            )
            assert done.stdout == b"through", done.stderr
