"""What the tests of discovery look for: agents of net-snmp, addresses that are dead, and hosts that mean no good.

Counterpart: `test_discovery_*.py`. One rule: everything is on 127.30.0.0/16, a /24 for each worker, and nothing else is asked.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.discovering import Asking
from domain.errors import NoAnswer
from domain.inventory import Credential, CredentialKind
from engine.discovery.prober import LoginTries, Opened, Prober
from engine.transport import Transports
from engine.transport.exchanges import Answered
from tests.engine.peers import PROFILES

NET = f"127.30.{int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:]) % 250}"
COMMUNITY, OTHER, USER, LOGIN, LOGIN_2, LOGIN_3 = (UUID(int=n) for n in range(1, 7))
TIMEOUT_S = 3.0
FAST = 1_000.0
"""Addresses a second, where the pace is not what is tested."""

_turns = itertools.count()


def opened(id: UUID, kind: CredentialKind, secret: str, user: str = "", **more: Any) -> Opened:
    """A credential with its secret."""
    return Credential(id, f"credential {id.int}", kind, user, **more), secret


def community(secret: str = "attic", id: UUID = COMMUNITY) -> Opened:
    """A community."""
    return opened(id, "snmp_community", secret)


class PickyIcmp:
    """Pings as the transport does, but the dead never answer; `pinged` holds who was asked."""

    def __init__(self, icmp: Any, dead: Collection[str], may_ping: bool) -> None:
        self._icmp = icmp
        self._dead = dead
        self._may_ping = may_ping
        self.pinged: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._icmp, name)

    def can_ping(self, address: str) -> bool:
        return self._may_ping

    def peer(self, address: str) -> str:
        return address

    def release(self, peer: str) -> None:
        """Nothing is held."""

    async def ping(self, peer: str, timeout_s: float, retries: int) -> Answered[None]:
        self.pinged.append(peer)
        if peer in self._dead:
            raise NoAnswer(f"no answer from {peer}")
        return Answered(None, 100, 0.0)


@asynccontextmanager
async def transports(
    dead: Collection[str] = (), *, may_ping: bool = True
) -> AsyncIterator[tuple[Transports, PickyIcmp]]:
    """All transports, with pings that are answered by all but the dead."""
    made = await Transports.open()
    icmp = PickyIcmp(made.icmp, dead, may_ping)
    made.icmp = icmp  # type: ignore[assignment]
    try:
        yield made, icmp
    finally:
        await made.close()


def prober(made: Transports, logins: list[Opened], asking: Asking, tries: LoginTries | None = None) -> Prober:
    """A prober that is in a hurry; at noon of the first day each time."""
    ids = tuple(credential.id for credential, _ in logins)
    asking = Asking(ids, *(getattr(asking, name) for name in Asking.__struct_fields__[1:]))
    return Prober(
        made,
        PROFILES,
        logins,
        asking,
        tries or LoginTries(),
        now_us=lambda: 1 + next(_turns),
        timeout_s=TIMEOUT_S,
    )


@contextmanager
def snmpds(folder: Path, port: int, names: Mapping[str, str], users: str = "") -> Iterator[None]:
    """Real agents by address, each with its sysName and an engine id of its own.

    The id is said: net-snmp draws one by the clock, and two that start within one tick of a coarse clock have the same.
    """
    program = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "snmpd is needed: apt-get install snmpd"
    running: list[subprocess.Popen[bytes]] = []
    try:
        for address, name in names.items():
            home = folder / name
            home.mkdir()
            config = home / "snmpd.conf"
            config.write_text(f"engineID {name}\nrocommunity attic 127.0.0.0/8\nsysName {name}\n{users}")
            command = [program, "-f", "-C", "-c", str(config), "-Lf", str(home / "log"), "-I", "-smux"]
            env = {"SNMP_PERSISTENT_DIR": str(home), "MIBS": ""}
            running.append(subprocess.Popen([*command, f"udp:{address}:{port}"], env=env))
        yield
    finally:
        for process in running:
            process.terminate()
            process.wait(60)


async def until_answering(made: Transports, addresses: Collection[str], port: int) -> None:
    """Wait until these agents are up."""
    asking = Asking(snmp_port=port, ports=())
    async with asyncio.timeout(60):
        for address in addresses:
            while True:
                met = await prober(made, [], asking).ask(address)
                if met is not None and met.find.engine_id:
                    break
                await asyncio.sleep(0.05)
