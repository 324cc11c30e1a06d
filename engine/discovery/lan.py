"""Who announces itself on this computer's own LANs, while somebody looks. Counterpart: `transport/mndp.py`, `queue.py`.

One rule: it listens only between `start` and `stop`; what anybody sends fills no more than its share of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol
from uuid import UUID

from domain.errors import BadReply
from domain.finding import Find, Seen, settled
from engine.discovery.prober import Met
from engine.discovery.sweep import Take
from engine.protocols.mndp import Announcement, decode_announcement
from engine.tasks import end, keep
from engine.transport.mndp import MndpListener
from engine.transport.receiving import Datagram

ASK_EVERY_S = 30.0
TAKEN_PER_S = 200
"""Announcements that are looked at in a second; the rest of a flood is counted and forgotten."""


class Listener(Protocol):
    """What hears announcements."""

    def ask(self) -> int: ...

    async def close(self) -> None: ...


OpenListener = Callable[[Callable[[list[Datagram]], None]], Listener]
"""Begins to listen; raises OSError."""


class LanWatch:
    """Listens while it is wanted. `trouble` says in words why it cannot, `take` queues what is heard."""

    def __init__(
        self,
        take: Take,
        *,
        now_us: Callable[[], int],
        open_listener: OpenListener = MndpListener,
        clock: Callable[[], float] = monotonic,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._take = take
        self._now_us = now_us
        self._open_listener = open_listener
        self._clock = clock
        self._rest = rest
        self._listener: Listener | None = None
        self._asking: asyncio.Task[None] | None = None
        self._second = 0
        self._in_second = 0
        self.trouble = ""
        self.heard = self.malformed = self.dropped = 0
        """Announcements, datagrams that are none, and what a flood cost, since the start."""

    @property
    def is_on(self) -> bool:
        """Tell whether it listens."""
        return self._listener is not None

    def start(self) -> None:
        """Listen and ask who is there; nothing where it listens already. Where it cannot, `trouble` says why."""
        if self._listener is not None:
            return
        try:
            self._listener = self._open_listener(self._on_datagrams)
        except OSError as error:
            self.trouble = (
                f"cannot listen for MikroTik's announcements on UDP port 5678: {error.strerror or error}. "
                "Another program keeps the port for itself: close it and try again"
            )
            return
        self.trouble = ""
        self._asking = keep("asking the LAN", self._ask)

    async def stop(self) -> None:
        """Listen no more."""
        listener, asking = self._listener, self._asking
        self._listener = self._asking = None
        self.trouble = ""
        if asking is not None:
            await end(asking)
        if listener is not None:
            await listener.close()

    async def _ask(self) -> None:
        while self._listener is not None:
            self._listener.ask()
            await self._rest(ASK_EVERY_S)

    def _on_datagrams(self, datagrams: list[Datagram]) -> None:
        second = int(self._clock())
        if second != self._second:
            self._second, self._in_second = second, 0
        for _, data, sender in datagrams:
            try:
                announced = decode_announcement(data)
            except BadReply:
                self.malformed += 1
                continue
            if announced is None:
                continue
            self._in_second += 1
            if self._in_second > TAKEN_PER_S:
                self.dropped += 1
                continue
            self.heard += 1
            find = find_from(announced, str(sender[0]), self._now_us())
            if find is not None:
                self._take(Met(find))


def find_from(announced: Announcement, sender: str, at_us: int) -> Find | None:
    """Return the find that an announcement is; one without an address is where it came from."""
    told = [address for address in (announced.ipv4, announced.ipv6) if address]
    addresses = tuple(told) if announced.ipv4 else (*told, sender)
    return settled(
        Find(
            UUID(int=0),
            addresses=tuple(address for address in addresses if address != "0.0.0.0"),  # noqa: S104 a sender without one
            macs=(announced.mac,),
            identity=announced.identity,
            vendor=announced.platform,
            board=announced.board,
            version=announced.version.partition(" ")[0],
            sources=(Seen("mndp", at_us, interface=announced.interface),),
            first_us=at_us,
            last_us=at_us,
        )
    )
