"""Two servers behind a real haproxy that ends TLS, set up as the guide says: who is where, who asks, and one server less."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from domain.edit import creation
from domain.inventory import Device, Probe
from domain.sharing import InstallKind
from domain.team import JoinTeam
from domain.tunnels import CloseTunnel, OpenTunnel, Tunnel
from domain.vault import Secret
from engine.compose import new_id
from tests.engine.tls_peers import Shown, issue
from tests.engine.tunnelling import EchoRouter
from tests.ports import free_port
from tests.server.clients import PASSWORD, Person
from tests.server.conftest import ServerDatabase
from tests.team.engines import WAIT_S, Joined, running
from tests.team.joins import joining
from tests.team.servers import Reached, listening

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "server.md"
TIMES = "defaults\n  mode http\n  timeout connect 30s\n  timeout client 60s\n  timeout server 60s\n  timeout check 30s\n"
SERVER = re.compile(r"server (\w+) [\d.]+:\d+ check")


def said_in_the_guide(certificate: Path, port: int, ports: list[int]) -> str:
    """Return the haproxy configuration of the guide, with addresses of this computer."""
    said = GUIDE.read_text().partition("For haproxy:\n\n")[2]
    lines = [line.removeprefix("    ") for line in said.partition("\n\n")[0].splitlines()]
    text = re.sub(r"bind \S+ ssl crt \S+", f"bind 127.0.0.1:{port} ssl crt {certificate}", "\n".join(lines))
    left = iter(ports)
    made = SERVER.sub(lambda found: f"server {found[1]} 127.0.0.1:{next(left)} check inter 200ms", text)
    assert made.count("127.0.0.1") == 1 + len(ports), said
    return f"{TIMES}{made}\n"


@asynccontextmanager
async def haproxy(folder: Path, port: int, config: str) -> AsyncIterator[None]:
    """Have a haproxy listen at a port."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    assert program, "haproxy is missing: apt-get install haproxy"
    (folder / "haproxy.cfg").write_text(config)
    process = await asyncio.create_subprocess_exec(program, "-db", "-q", "-f", str(folder / "haproxy.cfg"))
    try:
        async with asyncio.timeout(WAIT_S):
            while not await _listens(port):
                assert process.returncode is None, "haproxy refuses what the guide says"
        yield
    finally:
        assert process.returncode is None, "haproxy ended by itself"
        process.kill()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        await asyncio.sleep(0.02)
        return False
    writer.close()
    return True


async def _told(maker: Joined, other: Joined, address: str) -> None:
    device = Device(new_id(), address, address, (Probe("icmp"),), "relay", paused=True)
    await maker.edit("add", creation("device", device))
    await other.until(lambda: other.state.inventory.device(device.id))


def _lines(server: Reached) -> int:
    return sum(len(room.lines) for room in server.app.state.hub.rooms.values())


@dataclass
class Both:
    """Two servers with one network, behind one address."""

    one: Reached
    two: Reached
    root: Person
    url: str
    certificate: Shown
    falls: AsyncExitStack
    """Closed, the first is away."""

    async def join(self, folder: Path, login: str, kind: InstallKind = "window") -> Path:
        """Join by the address of both; return the team's folder."""
        async with joining(folder, kind=kind) as here:
            asked = JoinTeam(
                1, self.url, login, Secret(PASSWORD), fingerprint=self.certificate.pin, computer=folder.name
            )
            reply = await here.answer(asked)
            assert not reply.refusals, reply.refusals
            return Path(reply.result["profile"])


@asynccontextmanager
async def both(folder: Path, database: ServerDatabase) -> AsyncIterator[Both]:
    """Yield two servers behind a proxy."""
    certificate, port = issue(folder, "proxy"), free_port()
    url = f"https://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        falls = await stack.enter_async_context(AsyncExitStack())
        settings = {"public_url": url, "trusted_proxies": "127.0.0.1"}
        one = await falls.enter_async_context(listening(database, **settings))
        two = await stack.enter_async_context(listening(database, **settings))
        ports = [int(server.url.rpartition(":")[2]) for server in (one, two)]
        await stack.enter_async_context(
            haproxy(folder, port, said_in_the_guide(certificate.path, port, ports))
        )
        root = await two.found()
        await two.tenant(root)
        yield Both(one, two, root, url, certificate, falls)


async def test_two_servers_behind_a_proxy_are_one_and_who_was_at_the_one_that_fell_goes_on_at_the_other(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with both(tmp_path, server_database) as at, AsyncExitStack() as stack:
        one, two = at.one, at.two
        engines: list[Joined] = []
        for name in ("mara", "omar"):
            await two.member(at.root, "engineer", f"{name}@example.org")
            folder = await at.join(tmp_path / name, f"{name}@example.org")
            engine = await stack.enter_async_context(running(folder))
            await engine.until(lambda engine=engine: engine.team.is_synced)  # type: ignore[misc]
            engines.append(engine)
        mara, omar = engines
        assert (_lines(one), _lines(two)) == (1, 1), "the proxy gave each another server"
        await _told(mara, omar, "10.0.0.1")
        await _told(omar, mara, "10.0.0.2")

        trusted = ssl.create_default_context(cafile=str(at.certificate.path))
        trusted.check_hostname = False
        way = httpx.AsyncHTTPTransport(verify=trusted, local_address="127.0.0.7")
        async with httpx.AsyncClient(base_url=at.url, transport=way) as browser:
            lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
            body = {"login": "mara@example.org", "password": PASSWORD}
            answer = await browser.post("/api/v1/auth/login", json=body, headers=lies)
            assert answer.status_code == 200 and "strict-transport-security" in answer.headers
            assert await two.owner.fetchval(
                "SELECT address FROM identity.session ORDER BY made_us DESC LIMIT 1"
            ) == ("127.0.0.7"), "who asks is who came to the proxy, whatever he says himself"

        await at.falls.aclose()
        await _told(mara, omar, "10.0.0.3")
        await _told(omar, mara, "10.0.0.4")
        await mara.until(lambda: mara.team.reachability == "online" and mara.team.pending == 0)
        assert _lines(two) == 2


async def test_the_two_ends_of_a_tunnel_find_each_other_whichever_server_the_proxy_gives_them(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with both(tmp_path, server_database) as at, EchoRouter() as echo, AsyncExitStack() as stack:
        await at.two.member(at.root, "tenant_admin", "boss@example.org")
        await at.two.member(at.root, "engineer", "ben@example.org")
        folder = await at.join(tmp_path / "hill", "boss@example.org", "collector")
        hill = await stack.enter_async_context(running(folder))
        await hill.until(lambda: hill.team.reachability == "online")
        device = Device(new_id(), "r1", "127.0.0.1", (Probe("tcp", echo.port),), interval_s=1.0)
        await hill.edit("add", creation("device", device))
        folder = await at.join(tmp_path / "van", "ben@example.org")
        van = await stack.enter_async_context(running(folder))
        await van.until(lambda: device.id in van.state.inventory.tables["device"])
        await van.until(lambda: hill.engine._board.polls(device) and not van.engine._board.polls(device))
        assert (_lines(at.one), _lines(at.two)) == (1, 1), "each hears the other by the other server"
        for number in range(3):  # whoever begins comes to either server, and whoever answers too
            reply = await van.ask(OpenTunnel(1, device.id, echo.port, "Ben"))
            tunnel = msgspec.convert(reply.result["tunnel"], Tunnel)
            assert tunnel.way == "relay"
            reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
            data = b"through %d" % number
            writer.write(data)
            async with asyncio.timeout(WAIT_S):
                assert await reader.readexactly(len(data)) == data
            carried = [len(server.app.state.hub.crossings.all) for server in (at.one, at.two)]
            assert sorted(carried) == [0, 1]
            await hill.until(lambda: hill.state.tunnels.team)
            assert hill.state.tunnels.team[0].by == "One engineer", "who is on it is known at both"
            writer.close()
            assert not (await van.ask(CloseTunnel(2, tunnel.id))).refusals
            await hill.until(lambda: not hill.state.tunnels.team)
