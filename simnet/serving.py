"""Puts a world on the wire: the sockets of each router, opened together and closed together.

Counterpart: `loopback.py` says where each router answers, `agent.py` and `api.py` what. One rule: a dead router keeps
its sockets and is silent on them: datagrams vanish, connections hang, and once it is revived the old ones are reset, as
those of a rebooted router are. Where routes can be changed, new connections do not even open while it is dead;
elsewhere the system still opens them, and nothing comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any, Literal

from simnet.agent import Agent
from simnet.api import ApiSession
from simnet.certificate import own_identity
from simnet.clock import Clock, SteadyClock
from simnet.datagrams import SnmpEndpoint
from simnet.faults import apply_command
from simnet.inventory import write_inventory
from simnet.loopback import TEST_BLOCK, Endpoint, Loopback, System, claim_loopback
from simnet.mikrotik_mib import mib_of
from simnet.network import (
    LinkSpec,
    Load,
    Network,
    Probe,
    Role,
    RouterOsCredential,
    RouterSpec,
    Site,
    SnmpCredential,
    check_network,
)
from simnet.rest import RestSession
from simnet.router import Router
from simnet.usm import SnmpUser
from simnet.world import World

_ACCEPT_PAUSE_S = 0.2
_FILES_PER_ROUTER = 6
"""Two sockets, and room for connections."""
_FILES_BESIDE = 256

_log = logging.getLogger("simnet")


class RouterServer:
    """One router on the wire. `snmp_address` and `api_address` are (address, port), also where nothing listens."""

    def __init__(self, router: Router, endpoint: Endpoint, network: Network, clock: Clock) -> None:
        self.router = router
        self.snmp_address = (endpoint.address, endpoint.snmp_port)
        self.api_address = (endpoint.address, endpoint.api_port)
        self.api_ssl_address = (endpoint.address, endpoint.api_ssl_port)
        self.rest_address = (endpoint.address, endpoint.rest_port)
        self._network = network
        self._clock = clock
        self._was_answering = True
        self._sessions: set[ApiSession] = set()
        self._listeners: list[tuple[socket.socket, type[ApiSession], ssl.SSLContext | None]] = []
        self._acceptors: list[asyncio.Task[None]] = []
        self._datagrams: SnmpEndpoint | None = None

    @property
    def connections(self) -> int:
        """How many connections to its API are open."""
        return len(self._sessions)

    @property
    def streams(self) -> int:
        """How many commands go on over them, until they are cancelled."""
        return sum(session.streams for session in self._sessions)

    async def open(self, system: System, tasks: asyncio.TaskGroup) -> None:
        """Bind what the router answers on and begin to serve."""
        if "snmp" in self.router.spec.probes:
            snmp = self._network.snmp
            agent = Agent(self.router, mib_of(self.router.board.make), snmp.community, snmp.users)
            self._datagrams = SnmpEndpoint(self.router, agent, self._clock)
            await self._datagrams.open(system.bind("udp", *self.snmp_address))
        if "routeros" in self.router.spec.probes:
            self._listeners = [(system.bind("tcp", *self.api_address), ApiSession, None)]
            if self.router.spec.has_api_ssl:
                for kind, address in ((ApiSession, self.api_ssl_address), (RestSession, self.rest_address)):
                    self._listeners.append((system.bind("tcp", *address), kind, own_identity().context))
            self._start_accepting(tasks)

    def follow(self, tasks: asyncio.TaskGroup) -> None:
        """Fall silent or speak again, as the router's state has become."""
        if self.router.answering == self._was_answering:
            return
        self._was_answering = self.router.answering
        if not self.router.answering:
            for acceptor in self._acceptors:
                acceptor.cancel()
            for session in self._sessions:
                session.freeze()
            return
        for session in tuple(self._sessions):
            session.abort()
        for listener, _, _ in self._listeners:
            self._drop_waiting(listener)
        self._start_accepting(tasks)

    async def close(self) -> None:
        """Close everything at once; the ports are free when this returns."""
        for acceptor in self._acceptors:
            acceptor.cancel()
        if self._datagrams:
            await self._datagrams.close()
        for session in tuple(self._sessions):
            session.abort()
        for listener, _, _ in self._listeners:
            listener.close()

    def _start_accepting(self, tasks: asyncio.TaskGroup) -> None:
        self._acceptors = [
            tasks.create_task(self._accept(tasks, *listener), name=f"accept {self.router.name}")
            for listener in self._listeners
        ]

    async def _accept(
        self,
        tasks: asyncio.TaskGroup,
        listener: socket.socket,
        kind: type[ApiSession],
        context: ssl.SSLContext | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                _log.warning("%s accepts no connection: %s", self.router.name, error)
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            tasks.create_task(self._greet(connection, kind, context), name=f"greet {self.router.name}")

    async def _greet(
        self, connection: socket.socket, kind: type[ApiSession], context: ssl.SSLContext | None
    ) -> None:
        with contextlib.suppress(OSError):  # it left in the handshake
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: kind(self.router, self._network.routeros, self._clock, self._sessions),
                connection,
                ssl=context,
            )

    @staticmethod
    def _drop_waiting(listener: socket.socket) -> None:
        """Reset the connections that the system opened while the router was dead."""
        with contextlib.suppress(BlockingIOError):
            while True:
                listener.accept()[0].close()


class SimulatedNetwork:
    """A network that is served while the `async with` block runs; `network["Kempten"]` is a router on the wire.

    Where `loopback` is given, this process serves the routers named in `serve` and leaves the addresses to the one
    who gave it; otherwise it claims addresses of its own, counted from `first_block` on.
    """

    def __init__(
        self,
        network: Network,
        *,
        clock: Clock | None = None,
        epoch_s: float | None = None,
        needs_path: bool = False,
        system: System | None = None,
        loopback: Loopback | None = None,
        serve: Collection[str] | None = None,
        first_block: int = TEST_BLOCK,
    ) -> None:
        check_network(network)
        self.network = network
        self.clock = clock or SteadyClock()
        self.world = World(network, self.clock() if epoch_s is None else epoch_s, needs_path)
        self._system = system or System()
        self._owns_loopback = loopback is None
        self._loopback = loopback
        self._first_block = first_block
        self._serve = set(self.world.routers) if serve is None else set(serve)
        self._servers: dict[str, RouterServer] = {}
        self._tasks = asyncio.TaskGroup()

    @property
    def loopback(self) -> Loopback:
        """The addresses; known once the network is entered."""
        if self._loopback is None:
            raise RuntimeError("the network is not entered yet")
        return self._loopback

    def __getitem__(self, name: str) -> RouterServer:
        """Return a router of this process by its name."""
        return self._servers[name]

    def command(self, words: Sequence[str], at_s: float | None = None) -> str:
        """Do what an operator's words say ("kill", "Grünten"); returns what was done.

        Raises:
            CommandError: the words mean nothing here.
        """
        reply = apply_command(self.world, words, self.clock() if at_s is None else at_s)
        for server in self._servers.values():
            server.follow(self._tasks)
        if self._owns_loopback:
            self.silence_dead()
        return reply

    def silence_dead(self) -> None:
        """Bring the pings in line with who answers."""
        self.loopback.silence(router.name for router in self.world.routers.values() if not router.answering)

    def inventory(self) -> dict[str, Any]:
        """Return what an operator would have typed in."""
        return write_inventory(self.network, self.loopback)

    async def __aenter__(self) -> SimulatedNetwork:
        """Claim addresses where none were given, bind all sockets and serve."""
        if self._loopback is None:
            self._loopback = claim_loopback(list(self.world.routers), self._system, self._first_block)
        self._system.allow_files(_FILES_PER_ROUTER * len(self._serve) + _FILES_BESIDE)
        await self._tasks.__aenter__()
        try:
            for name, router in self.world.routers.items():
                endpoint = self._loopback.endpoints[name]
                router.address = endpoint.address
                router.can_die = self._loopback.can_silence or router.spec.probes != ("icmp",)
                if name in self._serve:
                    server = RouterServer(router, endpoint, self.network, self.clock)
                    self._servers[name] = server
                    await server.open(self._system, self._tasks)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all sockets and give the addresses back."""
        for server in self._servers.values():
            await server.close()
        if self._owns_loopback and self._loopback:
            self._loopback.close()
        await self._tasks.__aexit__(None, None, None)


class SimulatedRouter(SimulatedNetwork):
    """One router on the wire, with a silent neighbour behind its one link. For tests of a client."""

    NAME = "Device"
    NEIGHBOUR = "Neighbour"

    def __init__(
        self,
        *,
        board: str = "RB5009UG+S+",
        version: str = "7.18.2",
        interface: str = "ether2",
        identity: str | None = None,
        probes: tuple[Probe, ...] = ("snmp", "routeros", "icmp"),
        community: str = "public",
        users: tuple[SnmpUser, ...] = (),
        username: str = "monitor",
        password: str = "alpenglow",  # noqa: S107 - the simulator's own
        policies: tuple[str, ...] = ("read", "api", "test"),
        controls: tuple[Literal["cap", "cap-wifi"], ...] = (),
        has_api_ssl: bool = False,
        role: Role = "access",
        clock: Clock | None = None,
        system: System | None = None,
        first_block: int = TEST_BLOCK,
    ) -> None:
        network = Network(
            name="one router",
            vantage=self.NEIGHBOUR,
            seed=1,
            snmp=SnmpCredential("SNMP", community, users),
            routeros=RouterOsCredential("API", username, password, policies),
            sites=(
                Site("Here", "access", "Allgäu", 10.3, 47.7, 700),
                Site("There", "pop", "Allgäu", 10.2, 47.75, 900),
            ),
            routers=(
                RouterSpec(
                    self.NAME,
                    "Here",
                    role,
                    board,
                    version,
                    "HE7A0B1C2D3",
                    probes,
                    12,
                    identity,
                    controls,
                    has_api_ssl,
                ),
                RouterSpec(
                    self.NEIGHBOUR, "There", "pop", "CCR2116-12G-4S+", "7.18.2", "HE7A0B1C2D4", ("snmp",)
                ),
            ),
            links=(
                LinkSpec(
                    self.NEIGHBOUR,
                    "ether2",
                    self.NAME,
                    interface,
                    "wireless",
                    300e6,
                    Load(80e6, 160e6),
                    Load(10e6, 25e6),
                ),
            ),
        )
        super().__init__(network, clock=clock, system=system, serve=[self.NAME], first_block=first_block)

    @property
    def router(self) -> Router:
        """The router's state."""
        return self.world.routers[self.NAME]

    @property
    def snmp_address(self) -> tuple[str, int]:
        """Where its agent answers."""
        return self[self.NAME].snmp_address

    @property
    def api_ssl_address(self) -> tuple[str, int]:
        """Where its API answers over TLS."""
        return self[self.NAME].api_ssl_address

    @property
    def rest_address(self) -> tuple[str, int]:
        """Where its REST answers, over TLS."""
        return self[self.NAME].rest_address

    @property
    def api_address(self) -> tuple[str, int]:
        """Where its API answers."""
        return self[self.NAME].api_address

    async def __aenter__(self) -> SimulatedRouter:
        """Serve it."""
        await super().__aenter__()
        return self
