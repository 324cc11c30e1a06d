"""Two servers behind a real haproxy that ends TLS, set up as the guide says: who is where, who asks, and one server less."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from domain.edit import creation
from domain.inventory import Device, Probe
from domain.team import JoinTeam
from domain.vault import Secret
from engine.compose import new_id
from tests.engine.tls_peers import issue
from tests.ports import free_port
from tests.server.clients import PASSWORD
from tests.server.conftest import ServerDatabase
from tests.team.engines import WAIT_S, Joined, running
from tests.team.joins import joining
from tests.team.servers import Reached, listening

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "server.md"
TIMES = "defaults\n  mode http\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n"
SERVER = re.compile(r"server (\w+) [\d.]+:\d+ check")


def said_in_the_guide(certificate: Path, port: int, ports: list[int]) -> str:
    """Return the haproxy configuration of the guide, with addresses of this computer."""
    said = GUIDE.read_text().partition("For haproxy:\n\n")[2]
    lines = [line.removeprefix("    ") for line in said.partition("\n\nAn install")[0].splitlines()]
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


async def test_two_servers_behind_a_proxy_are_one_and_who_was_at_the_one_that_fell_goes_on_at_the_other(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    certificate, port = issue(tmp_path, "proxy"), free_port()
    url = f"https://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        falls = await stack.enter_async_context(AsyncExitStack())
        settings = {"public_url": url, "trusted_proxies": "127.0.0.1"}
        one = await falls.enter_async_context(listening(server_database, **settings))
        two = await stack.enter_async_context(listening(server_database, **settings))
        ports = [int(server.url.rpartition(":")[2]) for server in (one, two)]
        await stack.enter_async_context(
            haproxy(tmp_path, port, said_in_the_guide(certificate.path, port, ports))
        )
        root = await two.found()
        await two.tenant(root)
        engines: list[Joined] = []
        for name in ("mara", "omar"):
            await two.member(root, "engineer", f"{name}@example.org")
            async with joining(tmp_path / name) as here:
                asked = JoinTeam(1, url, f"{name}@example.org", Secret(PASSWORD), fingerprint=certificate.pin)
                reply = await here.answer(asked)
                assert not reply.refusals, reply.refusals
            engine = await stack.enter_async_context(running(Path(reply.result["profile"])))
            await engine.until(lambda engine=engine: engine.team.is_synced)  # type: ignore[misc]
            engines.append(engine)
        mara, omar = engines
        assert (_lines(one), _lines(two)) == (1, 1), "the proxy gave each another server"
        await _told(mara, omar, "10.0.0.1")
        await _told(omar, mara, "10.0.0.2")

        trusted = ssl.create_default_context(cafile=str(certificate.path))
        trusted.check_hostname = False
        way = httpx.AsyncHTTPTransport(verify=trusted, local_address="127.0.0.7")
        async with httpx.AsyncClient(base_url=url, transport=way) as browser:
            lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
            body = {"login": "mara@example.org", "password": PASSWORD}
            answer = await browser.post("/api/v1/auth/login", json=body, headers=lies)
            assert answer.status_code == 200 and "strict-transport-security" in answer.headers
            assert await two.owner.fetchval(
                "SELECT address FROM identity.session ORDER BY made_us DESC LIMIT 1"
            ) == ("127.0.0.7"), "who asks is who came to the proxy, whatever he says himself"

        await falls.aclose()
        await _told(mara, omar, "10.0.0.3")
        await _told(omar, mara, "10.0.0.4")
        await mara.until(lambda: mara.team.reachability == "online" and mara.team.pending == 0)
        assert _lines(two) == 2
