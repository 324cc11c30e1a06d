"""Where the simulated routers live: an address each in 127.0.0.0/8, or a port each of 127.0.0.1 where that is all there is.

Counterpart: `serving.py` binds what is planned here. The kernel answers pings to every loopback address, also those of a
dead router; a unicast route to such an address in the table `local` makes the kernel drop what is sent there, so that
pings and new connections time out as they would at a dead router. That needs Linux and the right to change routes
(root); elsewhere pings of dead routers keep being answered, and only devices that have nothing else are given out with
ping. One rule: routes are only ever touched in the block of addresses this process has claimed.
"""

from __future__ import annotations

import atexit
import errno
import logging
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Transport = Literal["udp", "tcp"]

SNMP_PORT = 16_100
API_PORT = 18_728
API_SSL_PORT = 18_729
REST_PORT = 18_730
DEMO_BLOCK = 44
"""127.44.0.0/16 is the first choice of a simulator that is run; further ones take the blocks after it."""
TEST_BLOCK = 64
_BLOCKS_END = 127
_SITES_PER_BLOCK = 250
_IP_TIMEOUT_S = 10.0

_log = logging.getLogger("simnet")


class LoopbackError(RuntimeError):
    """No address or port can be had."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one router answers."""

    address: str
    snmp_port: int
    api_port: int
    api_ssl_port: int = API_SSL_PORT
    rest_port: int = REST_PORT


class System:
    """What is asked of the operating system. Tests put another in its place."""

    def bind(self, transport: Transport, address: str, port: int) -> socket.socket:
        """Return a bound, non-blocking socket, listening if it is TCP.

        Raises:
            OSError: the address is not ours to bind, or the port is taken.
        """
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        bound = socket.socket(socket.AF_INET, kind)
        try:
            if transport == "tcp" and sys.platform != "win32":
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((address, port))
            bound.setblocking(False)
            if transport == "tcp":
                bound.listen(64)
        except OSError:
            bound.close()
            raise
        return bound

    def allow_files(self, count: int) -> None:
        """Let the process have this many sockets open, as far as the system permits."""
        if sys.platform != "win32":
            import resource  # noqa: PLC0415 - there is none on Windows

            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
            if soft != resource.RLIM_INFINITY and soft < wanted:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    def change_routes(self, verb: Literal["add", "del"], addresses: Sequence[str]) -> bool:
        """Add or remove the routes that swallow what is sent to these addresses; False if that is not possible."""
        if sys.platform != "linux":
            return False
        batch = "".join(f"route {verb} unicast {address}/32 dev lo table local\n" for address in addresses)
        try:
            done = subprocess.run(
                ["ip", "-batch", "-"],
                input=batch,
                text=True,
                capture_output=True,
                timeout=_IP_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def swallowed_addresses(self, block: str) -> list[str]:
        """Return the addresses of a block ("127.44.0.0/16") that such routes still swallow."""
        if sys.platform != "linux":
            return []
        command = ["ip", "route", "show", "table", "local", "type", "unicast", "root", block]
        try:
            shown = subprocess.run(
                command, text=True, capture_output=True, timeout=_IP_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return []
        return [line.split()[0].removesuffix("/32") for line in shown.stdout.splitlines() if line.strip()]


class Loopback:
    """The addresses of one network: who lives where, and which addresses are dead to ping."""

    def __init__(
        self,
        endpoints: dict[str, Endpoint],
        system: System,
        claim: socket.socket | None,
        *,
        can_silence: bool,
    ) -> None:
        self.endpoints = endpoints
        self.has_own_addresses = claim is not None
        self.can_silence = can_silence
        self._system = system
        self._claim = claim
        self._silent: frozenset[str] = frozenset()
        atexit.register(self.close)

    def silence(self, names: Iterable[str]) -> None:
        """Let exactly these routers be dead to ping; without the right to do so nothing happens."""
        if not self.can_silence:
            return
        wanted = frozenset(self.endpoints[name].address for name in names)
        gone, new = sorted(self._silent - wanted), sorted(wanted - self._silent)
        if gone and not self._system.change_routes("del", gone):
            _log.warning("routes to %d revived routers could not be removed", len(gone))
        if new and not self._system.change_routes("add", new):
            _log.warning("routes to %d dead routers could not be added: they still answer ping", len(new))
        self._silent = wanted

    def close(self) -> None:
        """Let every address answer again and give up the claim."""
        atexit.unregister(self.close)
        self.silence(())
        if self._claim:
            self._claim.close()
            self._claim = None


def claim_loopback(
    names: Sequence[str],
    system: System | None = None,
    first_block: int = DEMO_BLOCK,
    *,
    snmp_port: int = SNMP_PORT,
    api_port: int = API_PORT,
    port_base: int = SNMP_PORT,
) -> Loopback:
    """Choose an address for each router, or a port where the system gives no addresses.

    A block of addresses is claimed by a socket bound to its last one, so that simulators which run side by side take
    different blocks.

    Raises:
        LoopbackError: every block and port is taken.
    """
    system = system or System()
    if len(names) > _SITES_PER_BLOCK * _SITES_PER_BLOCK:
        raise LoopbackError(f"{len(names)} routers are more than one network can hold")
    for block in range(first_block, _BLOCKS_END):
        try:
            claim = system.bind("udp", f"127.{block}.255.254", snmp_port)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue
            break
        left = system.swallowed_addresses(f"127.{block}.0.0/16")
        if left and not system.change_routes("del", left):
            _log.warning("127.%d.0.0/16 has routes left over that cannot be removed; taking the next", block)
            claim.close()
            continue
        endpoints = {
            name: Endpoint(_address(block, number), snmp_port, api_port, api_port + 1, api_port + 2)
            for number, name in enumerate(names)
        }
        can_silence = _can_silence(system, block)
        if not can_silence:
            _log.warning(
                "pings of dead routers are still answered: this needs Linux, the ip command and root; "
                "only devices that answer nothing else are given out with ping"
            )
        return Loopback(endpoints, system, claim, can_silence=can_silence)
    _log.warning(
        "this system has no loopback addresses of its own for each router: each has ports of 127.0.0.1"
    )
    return Loopback(_choose_ports(names, system, port_base), system, None, can_silence=False)


def _address(block: int, number: int) -> str:
    return f"127.{block}.{number % _SITES_PER_BLOCK + 1}.{number // _SITES_PER_BLOCK + 1}"


def _can_silence(system: System, block: int) -> bool:
    probe = [f"127.{block}.255.253"]
    return system.change_routes("add", probe) and system.change_routes("del", probe)


def _choose_ports(names: Sequence[str], system: System, port_base: int) -> dict[str, Endpoint]:
    endpoints: dict[str, Endpoint] = {}
    port = port_base
    for name in names:
        ports: list[int] = []
        kinds: tuple[Transport, ...] = ("udp", "tcp", "tcp", "tcp")
        for transport in kinds:
            while not _is_free(system, transport, port):
                port += 1
                if port > 65_535:
                    raise LoopbackError(f"no free port for {name} at or above {port_base}")
            ports.append(port)
            port += 1
        endpoints[name] = Endpoint("127.0.0.1", *ports)
    return endpoints


def _is_free(system: System, transport: Transport, port: int) -> bool:
    if port > 65_535:
        return False
    try:
        system.bind(transport, "127.0.0.1", port).close()
    except OSError:
        return False
    return True
