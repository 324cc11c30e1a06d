"""Tunnels by the team's server: the end that opens them, and the end that carries them. Counterparts: `domain/crossing.py`,
what is said at the door; `sync_server/live/crossings.py`, where they meet; `bundle.py`, what passes then.

Theory: a tunnel has one line to the server, dialled when it is first needed and again when it broke. Whoever carries is told
`Meet` on the line that he has anyway, looks into his own inventory whether that device has that port, and dials out: nothing of
his has to be reachable. What breaks anywhere breaks the line, and both ends are told in words. Whoever carries looks again at
each connection and each second: what he would refuse by now ends.
One rule: the end that carries believes the server who may, and its own inventory where to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

import msgspec

from domain.crossing import BEAT_S, MEET_S, SERVER_SAYS, Answer, Begin, Met, decode_from_door, encode
from domain.errors import DeviceError, RefusedByRule
from domain.inventory import Device
from domain.sync import Refused
from domain.text import clean_text
from domain.tunnels import CONNECT_S, CONNECTIONS_CAP, Meet, Tunnel, services_of
from engine.access.bundle import WINDOW_BYTES, BadFrame, Bundle, Strand
from engine.access.channel import Channel, ChannelLost, join
from engine.sync.login import SessionOver
from engine.sync.socket import LineLost
from engine.tasks import end, spawn

_log = logging.getLogger("engine.access")

CARRIED_CAP = 64
"""Tunnels that one engine carries for others at a time."""
WAITING_CAP_BYTES = CONNECTIONS_CAP * WINDOW_BYTES
"""What a line may have that the system has not taken: all its windows; of streams that are over, theirs counts too."""
AGAIN_S = 0.2
ELSEWHERE = "ELSEWHERE"
"""Of several servers behind one address another one has the tunnel."""
_FAILURES = (LineLost, DeviceError, RefusedByRule, SessionOver)


class Socket(Protocol):
    """A WebSocket to the door."""

    @property
    def waiting_bytes(self) -> int: ...
    def send(self, data: bytes) -> None: ...
    async def receive(self) -> bytes: ...
    def close(self) -> None: ...


Dial = Callable[[], Awaitable[Socket]]
Token = Callable[[], Awaitable[str]]
Connect = Callable[[Device, int], Awaitable[Channel]]


class MetLine:
    """A line whose two ends have met. `answer`: what is done with each stream that the other end opens."""

    def __init__(self, socket: Socket, answer: Callable[[Strand], None] | None = None) -> None:
        self.bundle = Bundle(self._send, answer)
        self.over = asyncio.Event()
        self._socket = socket
        self._hearing = spawn("tunnel line", self._hear())
        self._beating = spawn("tunnel beat", self._beat())

    async def close(self) -> None:
        """Hang up."""
        await end(self._hearing, self._beating)
        self._lose("the tunnel ended")

    def hang_up(self, why: str) -> None:
        """End what passes and tell the other end why; `close` is yet to come."""
        self.bundle.end(why)
        self._lose(why)

    def _send(self, data: bytes) -> None:
        self._socket.send(data)
        if self._socket.waiting_bytes > WAITING_CAP_BYTES:
            self._lose("the server takes too little of what passes")

    async def _hear(self) -> None:
        why = "the line broke"
        try:
            while True:
                data = await self._socket.receive()
                if data and data[0] >= SERVER_SAYS:
                    said = decode_from_door(data)
                    why = clean_text(said.message, 300) if isinstance(said, Refused) else why
                    return
                self.bundle.hear(data)
        except (LineLost, BadFrame, msgspec.MsgspecError) as error:
            why = str(error)
        finally:
            self._lose(why)

    def _lose(self, why: str) -> None:
        self.bundle.lose(why)
        self._socket.close()
        self.over.set()
        self._beating.cancel()

    async def _beat(self) -> None:
        while True:
            self.bundle.beat()
            await asyncio.sleep(BEAT_S)


async def met(dial: Dial, token: Token, make: Callable[[str], Begin | Answer]) -> Socket:
    """Return a socket whose other end is there, or whose refusal was heard. Raises ChannelLost in words.

    What led to another server stays open until then: a proxy that gives each connection to the server with the fewest would
    give the next one to the same server again.
    """
    astray: list[Socket] = []
    try:
        async with asyncio.timeout(2 * MEET_S):
            while True:
                socket = await dial()
                try:
                    socket.send(encode(make(await token())))
                    said = decode_from_door(await socket.receive())
                except BaseException:
                    socket.close()
                    raise
                if isinstance(said, Met):
                    return socket
                astray.append(socket)
                if said.code != ELSEWHERE:
                    raise ChannelLost(clean_text(said.message, 300))
                await asyncio.sleep(AGAIN_S)
    except TimeoutError:
        raise ChannelLost("the server did not bring the two ends together in time") from None
    except msgspec.MsgspecError:
        raise ChannelLost("the server says what this program does not know: update the app") from None
    except _FAILURES as error:
        raise ChannelLost(str(error)) from None
    finally:
        for socket in astray:
            socket.close()


class Relay:
    """The end that opens. One line a tunnel."""

    def __init__(self, install: UUID, dial: Dial, token: Token) -> None:
        self._install, self._dial, self._token = install, dial, token
        self._lines: dict[UUID, MetLine] = {}
        self._making: dict[UUID, asyncio.Lock] = {}

    async def reach(self, tunnel: Tunnel) -> Channel:
        """Return a channel to where a tunnel leads. Raises ChannelLost."""
        async with self._making.setdefault(tunnel.id, asyncio.Lock()):
            line = self._lines.get(tunnel.id)
            if line is None or line.over.is_set():
                socket = await met(
                    self._dial,
                    self._token,
                    lambda token: Begin(
                        token, self._install, tunnel.id, tunnel.device, tunnel.target_port, tunnel.via
                    ),
                )
                line = self._lines[tunnel.id] = MetLine(socket)
        return line.bundle.open()

    async def leave(self, tunnel: UUID) -> None:
        """A tunnel is over."""
        self._making.pop(tunnel, None)
        if (line := self._lines.pop(tunnel, None)) is not None:
            await line.close()


class Carrying:
    """The end that carries. `device_of` looks into the inventory, `why_not` says why a tunnel to a port of a
    device is not carried here; `look_again` is to be called every second."""

    def __init__(  # noqa: PLR0917
        self,
        install: UUID,
        dial: Dial,
        token: Token,
        device_of: Callable[[UUID], Device | None],
        why_not: Callable[[Device, int], str],
        connect: Connect,
    ) -> None:
        self._install, self._dial, self._token = install, dial, token
        self._device_of, self._why_not, self._connect = device_of, why_not, connect
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[MetLine, tuple[Meet, str]] = {}
        """What each line was met for, and the address that the device had."""

    def on_meet(self, meet: Meet) -> None:
        """Go and meet; at once where too many are carried, to say so."""
        task = spawn("carrying", self._carry(meet, is_full=len(self._tasks) >= CARRIED_CAP))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def look_again(self) -> None:
        """End what would be refused by now."""
        for line, (meet, address) in list(self._lines.items()):
            if why := self._why_over(meet, address):
                line.hang_up(why)

    async def close(self) -> None:
        """Let all go."""
        await end(*self._tasks)

    async def _carry(self, meet: Meet, *, is_full: bool) -> None:
        device = self._device_of(meet.device)
        refusal = (
            "as many tunnels are carried there as may be" if is_full else self._refusal(device, meet.port)
        )
        told = {"device_id": str(meet.device), "port": meet.port, "by": clean_text(meet.by, 120)}
        try:
            socket = await met(
                self._dial, self._token, lambda token: Answer(token, self._install, meet.tunnel, refusal)
            )
        except ChannelLost as error:
            _log.warning("tunnel_not_carried", extra={**told, "reason": refusal or str(error)})
            return
        if refusal or device is None:
            _log.warning("tunnel_not_carried", extra={**told, "reason": refusal})
            socket.close()
            return
        joined: set[asyncio.Task[None]] = set()

        def answer(strand: Strand) -> None:
            if why := self._why_over(meet, device.address):
                line.hang_up(why)
            elif len(joined) >= CONNECTIONS_CAP:  # one that is over may still be connecting
                strand.close("too many connections")
            else:
                task = spawn("carried", self._join(strand, device, meet.port))
                strand.on_lost = task.cancel
                joined.add(task)
                task.add_done_callback(joined.discard)

        _log.info("tunnel_carried", extra=told)
        line = MetLine(socket, answer)
        self._lines[line] = meet, device.address
        try:
            await line.over.wait()
        finally:
            del self._lines[line]
            await end(*joined)
            await line.close()
            _log.info("tunnel_left", extra={**told, "reason": line.bundle.why_lost})

    def _why_over(self, meet: Meet, address: str) -> str:
        """Return why what was met for is to end; empty where it is not."""
        device = self._device_of(meet.device)
        if device is not None and device.address != address:
            return "the device has another address now"
        return self._refusal(device, meet.port)

    def _refusal(self, device: Device | None, port: int) -> str:
        if device is None:
            return "the device is not known there"
        if port not in services_of(device):
            return f"port {port} is none that the device is administered by"
        return self._why_not(device, port)

    async def _join(self, strand: Strand, device: Device, port: int) -> None:
        try:
            async with asyncio.timeout(2 * CONNECT_S):
                far = await self._connect(device, port)
            strand.on_lost = None  # what was sent before it closed is still passed on
        except (DeviceError, ChannelLost) as error:
            strand.close(str(error))
        except TimeoutError:
            strand.close("no connection to the device in time")
        else:
            await join(strand, far, _nothing, _nothing)
        finally:
            strand.close()


def _nothing(_: int) -> None:
    """What is carried for others is counted where they are."""
