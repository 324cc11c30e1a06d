"""What a tenant's rooms at several processes tell each other. Counterparts: `bus.py` carries it, `room.py` has one.

Theory: a room says that it is here and whose numbers its lines watch, when that changes and now and then; who is not heard of for
a while is not here any more. So a process knows who else has the tenant, and says nothing where nobody has: numbers only of what
is watched elsewhere, the newest of each device, gathered for a moment; who was heard, with the room's own heartbeat.
One rule: what came from another process is told here and goes no further.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from domain.sync import Cycles
from sync_server.live.bus import PAYLOAD_CAP_BYTES, Bus

HERE, NUMBERS, HEARD = "here", "numbers", "heard"
HERE_S = 10.0
GONE_AFTER_S = 30.0
PROCESSES_CAP = 64
WATCHED_CAP = 10_000
"""Devices that one process may watch of a tenant; what is beyond is not told across."""
NUMBERS_BYTES = PAYLOAD_CAP_BYTES // 4
HEARD_AT_ONCE = 8_000
_HEARD = struct.Struct(">16sq")

Cycle: TypeAlias = tuple[UUID, int, tuple[tuple[str, str, float], ...]]


class Here(msgspec.Struct, array_like=True, frozen=True):
    """That a process has lines of a tenant, and what they watch; `is_gone`: it has none any more. `number` grows with each that a
    process says of itself."""

    process: UUID
    devices: tuple[UUID, ...] = ()
    is_gone: bool = False
    number: int = 0


class _There(NamedTuple):
    """When a process was heard, what its lines watch, and the number under which it said so."""

    heard_s: float
    devices: frozenset[UUID]
    number: int


class Others:
    """The other processes that have lines of a tenant. Times are monotonic seconds of the caller."""

    def __init__(self, tenant: UUID, bus: Bus) -> None:
        self._tenant = tenant
        self._bus = bus
        self._there: dict[UUID, _There] = {}
        self.watched: frozenset[UUID] = frozenset()
        """Whose numbers are watched at other processes."""
        self._numbers: dict[UUID, Cycle] = {}
        self._said: frozenset[UUID] = frozenset()
        self._said_s: float | None = None
        self._is_asked = False
        """Whether a process has come that does not know of this one."""

    def are_there(self, now_s: float) -> bool:
        """Tell whether another process has lines of this tenant."""
        gone = [process for process, one in self._there.items() if now_s - one.heard_s > GONE_AFTER_S]
        for process in gone:
            del self._there[process]
        if gone:
            self._look()
        return bool(self._there)

    # What is said

    def say_here(self, devices: frozenset[UUID], now_s: float) -> None:
        """Say that this process is here, where it is time or the others know it otherwise."""
        is_known = self._said_s is not None and now_s - self._said_s < HERE_S and devices == self._said
        if not is_known or self._is_asked:
            self._said, self._said_s, self._is_asked = devices, now_s, False
            here = Here(self._bus.process, tuple(devices)[:WATCHED_CAP], number=next(_numbering))
            self._say(HERE, _encoder.encode(here))

    def say_again(self) -> None:
        """What was said may not have been heard."""
        self._said_s = None

    def say_gone(self) -> None:
        """Say that this process has no lines of the tenant any more."""
        self._say(HERE, _encoder.encode(Here(self._bus.process, is_gone=True, number=next(_numbering))))

    def note(self, cycles: Iterable[Cycle]) -> bool:
        """Keep numbers that others watch until `say_numbers`; return whether there are any."""
        for one in cycles:
            if one[0] in self.watched and ((old := self._numbers.get(one[0])) is None or old[1] <= one[1]):
                self._numbers[one[0]] = one
        return bool(self._numbers)

    def say_numbers(self) -> None:
        """Say the numbers that were noted."""
        numbers, self._numbers = list(self._numbers.values()), {}
        parts: list[bytes] = []
        size = 0
        for one in numbers:
            data = _encoder.encode(one)
            if parts and size + len(data) > NUMBERS_BYTES:
                self._say(NUMBERS, _listed(parts))
                parts, size = [], 0
            parts.append(data)
            size += len(data)
        if parts:
            self._say(NUMBERS, _listed(parts))

    def say_heard(self, heard: list[tuple[UUID, int]]) -> None:
        """Say when devices were heard last by who tells this process."""
        say_heard(self._bus, self._tenant, heard)

    # What is heard; each raises ValueError where it is nothing of the kind

    def on_here(self, payload: bytes, now_s: float) -> None:
        """Another process says that it is here, or is not any more; what it said before the last that was heard is nothing."""
        here = _here.decode(payload)
        known = self._there.get(here.process)
        if known is not None and here.number < known.number:
            return
        if here.is_gone:
            self._there.pop(here.process, None)
        elif known is not None or len(self._there) < PROCESSES_CAP:
            self._is_asked = self._is_asked or known is None
            self._there[here.process] = _There(now_s, frozenset(here.devices[:WATCHED_CAP]), here.number)
        self._look()

    @property
    def is_asked(self) -> bool:
        """Whether somebody came who does not know yet that this process is here."""
        return self._is_asked

    def _look(self) -> None:
        self.watched = frozenset().union(*(one.devices for one in self._there.values()))

    def _say(self, kind: str, payload: bytes) -> None:
        self._bus.say(kind, self._tenant, payload)


def say_heard(bus: Bus, tenant: UUID, heard: Sequence[tuple[UUID, int]]) -> None:
    """Say when devices of a tenant were heard last."""
    for first in range(0, len(heard), HEARD_AT_ONCE):
        some = heard[first : first + HEARD_AT_ONCE]
        bus.say(HEARD, tenant, b"".join(_HEARD.pack(id.bytes, at_us) for id, at_us in some))


def numbers_in(payload: bytes) -> Cycles:
    """Return numbers that another process said. Raises ValueError."""
    return Cycles(0, _numbers.decode(payload))


def heard_in(payload: bytes) -> Iterable[tuple[UUID, int]]:
    """Return when another process heard devices last. Raises ValueError."""
    if len(payload) % _HEARD.size:
        raise ValueError("24 bytes a device expected")
    return ((UUID(bytes=id), at_us) for id, at_us in _HEARD.iter_unpack(payload))


def _listed(parts: list[bytes]) -> bytes:
    """Return a list in MessagePack whose members are encoded already."""
    return b"\xdd" + len(parts).to_bytes(4, "big") + b"".join(parts)


_numbering = count(1)
_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_here = msgspec.msgpack.Decoder(Here)
_numbers = msgspec.msgpack.Decoder(tuple[Cycle, ...])
