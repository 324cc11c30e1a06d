"""Asks one address who is there: ping, SNMP, open ports, RouterOS. Counterpart: `sweep.py` and `walk.py` say which addresses.

Theory: a ping first, where this computer may; who does not answer it is let be, unless that was asked for. Then an agent's engine
id, which needs no login, and the credentials in their order until one answers; then who takes TCP connections; and over RouterOS'
API only the logins that were given for it, few, since a router may lock out whoever guesses. What answered is read by its driver,
as the monitor would read it, so that a find knows what a device would.
One rule: whatever a host does, asking it ends, and costs no more than its share.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.device_facts import Neighbour
from domain.discovering import API, API_SSL, SSH, WINBOX, Asking
from domain.errors import BadCredentials, DeviceError, NoAnswer, Refused
from domain.finding import Find, Seen, settled
from domain.inventory import Credential, Probe
from engine.discovery.agent import ask_engine_id, ask_system, read_chassis_serial
from engine.drivers import Driver, Login, Profiles
from engine.drivers.mikrotik import RouterOsDriver
from engine.drivers.routeros_session import Endpoint
from engine.drivers.snmp import SnmpDriver
from engine.drivers.snmp_login import snmp_login
from engine.drivers.snmp_session import SnmpSession
from engine.drivers.tcp import TcpDriver
from engine.transport import Transports

TIMEOUT_S = 1.0
RETRIES = 1
LOOK_S = 10.0
"""How long an agent that answers is looked at."""
ROUTEROS_ANSWER_S = 5.0
ROUTEROS_CYCLES = 4
"""Readings in which a router has told who it is, its addresses and its neighbours: it is asked six menus a time."""

HOST_S = 90.0
"""One host is left after so long with what it has told by then."""
ASKED_AT_ONCE = 256
"""Hosts that are asked more than a ping; each holds a handful of connections for a moment."""
LOOKS_AT_ONCE = 8
"""Hosts that are looked at whole at a time: a first look costs 10 ms of CPU, and the poller comes first."""

LOGIN_MEMORY_S = 600.0
LOGIN_MEMORY_CAP = 65_536
MACS_READ_CAP = 512
ADDRESSES_READ_CAP = 128
NEIGHBOURS_CAP = 512

Opened = tuple[Credential, str]
"""A credential with its secret."""


class Met(NamedTuple):
    """Who answered at an address, whom it has as neighbours, and whether it refused all that was tried."""

    find: Find
    neighbours: tuple[Neighbour, ...] = ()
    let_nobody_in: bool = False


class LoginTries:
    """Which hosts were tried in vain lately, over all operations, so that two sweeps are not twice as many tries."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def left(self, address: str, cap: int) -> int:
        """Return how many logins may still be tried at an address."""
        since_s = self._clock() - LOGIN_MEMORY_S
        return max(0, cap - sum(at_s > since_s for at_s in self._failed.get(address, ())))

    def note(self, address: str) -> None:
        """One was refused."""
        since_s = self._clock() - LOGIN_MEMORY_S
        failed = [at_s for at_s in self._failed.pop(address, ()) if at_s > since_s]
        self._failed[address] = [*failed, self._clock()]
        if len(self._failed) > LOGIN_MEMORY_CAP:
            self._failed.popitem(last=False)


class _Draft:
    """What is known of one host so far."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.facts: dict[str, Any] = {}
        self.engine_id = ""
        self.probes: list[Probe] = []
        self.ports: list[int] = []
        self.is_there = False
        self.refusals = 0

    def add(self, facts: Iterable[tuple[str, Any]]) -> None:
        """Take what was told; the first to tell a thing is believed."""
        for field, value in facts:
            if value:
                self.facts.setdefault(field, value)

    def under(self, prefix: str, cap: int) -> list[tuple[str, Any]]:
        """Return facts under a prefix, without it."""
        found = [
            (field[len(prefix) :], value) for field, value in self.facts.items() if field.startswith(prefix)
        ]
        return found[:cap]

    def text(self, *fields: str) -> str:
        """Return the first of these that was told."""
        return next((told for field in fields if isinstance(told := self.facts.get(field), str) and told), "")


class Prober:
    """Asks addresses as one operation wants it. `logins` are its credentials in order, opened."""

    def __init__(
        self,
        transports: Transports,
        profiles: Profiles,
        logins: Sequence[Opened],
        asking: Asking,
        tries: LoginTries,
        *,
        now_us: Callable[[], int],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._transports = transports
        self._profiles = profiles
        self._agents = [opened for opened in logins if opened[0].kind != "routeros_login"]
        self._routers = [opened for opened in logins if opened[0].kind == "routeros_login"]
        self._asking = asking
        self._tries = tries
        self._now_us = now_us
        self._timeout_s = timeout_s
        self._room = asyncio.Semaphore(ASKED_AT_ONCE)
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    @property
    def has_logins(self) -> bool:
        """Whether it asks with anybody's name."""
        return bool(self._agents or self._routers)

    def give_up_logins(self) -> None:
        """Forget the opened secrets: whom it asks from now on it asks without any."""
        self._agents, self._routers = [], []

    async def ask(self, address: str) -> Met | None:
        """Return who is at an address, None where nobody answers."""
        draft = _Draft(address)
        if await self._ping(draft) is False and not self._asking.asks_silent:
            return None
        async with self._room:
            with suppress(TimeoutError):
                async with asyncio.timeout(HOST_S):
                    await self._ask(draft)
        return self._met(draft) if draft.is_there else None

    async def _ask(self, draft: _Draft) -> None:
        await asyncio.gather(
            self._ask_agent(draft), self._greet(draft), *(self._knock(draft, port) for port in self._ports)
        )
        if self._asking.routeros_port in draft.ports:
            await self._ask_router(draft)

    @property
    def _ports(self) -> list[int]:
        wanted = {*self._asking.ports, *((self._asking.routeros_port,) if self._routers else ())}
        return sorted(wanted - {SSH})

    async def _ping(self, draft: _Draft) -> bool | None:
        """Tell whether it answers, None where this computer may not ping it."""
        icmp = self._transports.icmp
        if not icmp.can_ping(draft.address):
            return None
        peer = icmp.peer(draft.address)
        try:
            await icmp.ping(peer, self._timeout_s, RETRIES)
        except DeviceError:
            return False
        finally:
            icmp.release(peer)
        draft.is_there = True
        return True

    # TCP

    async def _knock(self, draft: _Draft, port: int) -> None:
        """See whether a port takes connections; a refusal is a sign of life as well."""
        try:
            stream = await self._transports.tcp.connect(draft.address, port, self._timeout_s)
        except Refused:
            draft.is_there = True
        except DeviceError:
            pass
        else:
            stream.close()
            self._note_port(draft, port)

    async def _greet(self, draft: _Draft) -> None:
        """Hear what an SSH server says first: it often names the system."""
        if SSH not in self._asking.ports:
            return
        driver = TcpDriver(self._transports.tcp, (draft.address, SSH), timeout_s=self._timeout_s, retries=0)
        try:
            answer = await driver.read()
        except Refused:
            draft.is_there = True
        except DeviceError:
            pass
        else:
            self._note_port(draft, SSH)
            draft.add(answer.reading.facts)

    @staticmethod
    def _note_port(draft: _Draft, port: int) -> None:
        draft.is_there = True
        draft.ports.append(port)

    # SNMP

    async def _ask_agent(self, draft: _Draft) -> None:
        endpoint = (draft.address, self._asking.snmp_port)
        try:
            hello = await ask_engine_id(self._transports.udp, endpoint, self._timeout_s, RETRIES)
        except DeviceError:  # this computer has no such addresses
            return
        draft.engine_id = hello.engine_id
        draft.is_there |= bool(hello.engine_id)
        for credential, secret in self._agents if hello.is_there else ():
            if credential.kind == "snmp_v3" and not hello.engine_id:
                continue
            session = None
            try:
                who = snmp_login(credential, secret)
                session = SnmpSession(
                    self._transports.udp, endpoint, who, timeout_s=self._timeout_s, retries=RETRIES
                )
                session.limit(LOOK_S)
                system = await ask_system(session)
            except NoAnswer:
                continue
            except Refused:
                return
            except DeviceError:
                draft.refusals += 1
                continue
            else:
                draft.is_there = True
                draft.probes.append(Probe("snmp", self._asking.snmp_port, credential.id))
                profile = self._profiles.choose("", system.object_id, system.description)
                draft.add(
                    (
                        ("description", system.description),
                        ("object_id", system.object_id),
                        ("identity", system.name),
                        ("profile", profile.name),
                    )
                )
                await self._look_at_agent(draft, session)
                return
            finally:
                if session is not None:
                    session.close()

    async def _look_at_agent(self, draft: _Draft, session: SnmpSession) -> None:
        """Read it as the monitor would; what that does not tell stays unknown."""
        driver = SnmpDriver(session, profiles=self._profiles, limit_s=LOOK_S)
        async with self._looks:
            await self._read(draft, driver, 1)
            if "serial" not in draft.facts:
                session.limit(LOOK_S)
                draft.add((("serial", await read_chassis_serial(session)),))

    # RouterOS

    async def _ask_router(self, draft: _Draft) -> None:
        """Log in with what was given for it. In the clear: a fingerprint to pin is nobody's yet."""
        for credential, secret in self._routers:
            if not self._tries.left(draft.address, self._asking.logins_per_host):
                return
            login = Login(credential.user, secret)
            driver = RouterOsDriver(
                self._transports.tcp,
                Endpoint(draft.address, self._asking.routeros_port),
                login,
                timeout_s=self._timeout_s * 2,
                answer_s=ROUTEROS_ANSWER_S,
            )
            async with self._looks:
                error = await self._read(draft, driver, ROUTEROS_CYCLES)
            if error is None:
                draft.probes.append(Probe("routeros", self._asking.routeros_port, credential.id))
                return
            if not isinstance(error, BadCredentials):
                return
            self._tries.note(draft.address)
            draft.refusals += 1

    async def _read(self, draft: _Draft, driver: Driver, cycles: int) -> DeviceError | None:
        """Read so many cycles; return why not even the first was."""
        try:
            for cycle in range(cycles):
                try:
                    draft.add((await driver.read()).reading.facts)
                except DeviceError as error:
                    return error if cycle == 0 else None
        finally:
            await driver.close()
        return None

    # What it adds up to

    def _met(self, draft: _Draft) -> Met | None:
        now_us = self._now_us()
        interfaces = draft.under("interface/", MACS_READ_CAP)
        macs = [str(value.get("mac", "")) for _, value in interfaces if isinstance(value, dict)]
        ports = tuple(sorted(draft.ports))
        vendor = draft.text("vendor")
        if not vendor and (draft.text("os") == "RouterOS" or {WINBOX, API, API_SSL}.intersection(ports)):
            vendor = "MikroTik"
        find = settled(
            Find(
                UUID(int=0),
                addresses=(draft.address,),
                own_addresses=tuple(address for address, _ in draft.under("address/", ADDRESSES_READ_CAP)),
                macs=tuple(macs),
                identity=draft.text("identity"),
                serial=draft.text("serial"),
                engine_id=draft.engine_id,
                vendor=vendor,
                sys_descr=draft.text("description"),
                sys_object_id=draft.text("object_id"),
                board=draft.text("board", "model"),
                version=draft.text("version"),
                profile=draft.text("profile"),
                greeting=draft.text("greeting"),
                probes=tuple(draft.probes),
                ports=ports,
                sources=(Seen("sweep", now_us),),
                first_us=now_us,
                last_us=now_us,
            )
        )
        if find is None:
            return None
        told = [value for _, value in draft.under("neighbour/", NEIGHBOURS_CAP)]
        return Met(find, read_neighbours(told), bool(draft.refusals) and not draft.probes)


def read_neighbours(values: Iterable[Any]) -> tuple[Neighbour, ...]:
    """Return the neighbours in the values of facts; a value that is none is left out."""
    found: list[Neighbour] = []
    for value in values:
        with suppress(msgspec.ValidationError):
            found.append(msgspec.convert(value, Neighbour))
    return tuple(found)
