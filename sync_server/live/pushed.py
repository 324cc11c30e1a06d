"""What devices pushed last, on its way to who judges. Counterparts: `hub.py`, which says it; `push/intake.py`, which stored it.

Theory: thousands of messages a second come in, and rules need the newest numbers of a device, a few seconds old. So of each
device the newest value of each name is kept until it is said; what was measured long ago is history, not news. A tenant has room
of its own, and what finds none is left out.
One rule: it may be lost: the next message is near.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from domain.sync import Live, encode
from sync_server.push.held import Message
from sync_server.push.messages import series_of

TENANTS_CAP, TENANT_CAP, VALUES_CAP = 1_000, 20_000, 200_000
"""Tenants, values of one, and of all, between two times that it is said."""
PART_VALUES = 256
"""Of one message to who judges: with the longest names some 130 KiB."""
NEWS_US = 600_000_000
"""What was measured longer ago than this, when it came, is not judged."""


class _Newest:
    """Of one tenant: by device the newest value of each name, and when it was measured."""

    def __init__(self) -> None:
        self.values: dict[UUID, dict[str, tuple[int, float]]] = {}
        self.size = 0

    def add(self, device: UUID, at_us: int, values: dict[str, float], room: int) -> int:
        """Take values that are newer, of new names at most so many; return how many those are."""
        known = self.values.setdefault(device, {})
        came = 0
        for name, value in values.items():
            old = known.get(name)
            if old is None:
                if came >= room:
                    continue
                came += 1
            elif old[0] > at_us:
                continue
            known[name] = at_us, value
        self.size += came
        return came


class Pushed:
    """What was pushed since it was said last: when devices were heard, and their numbers."""

    def __init__(self) -> None:
        self._heard: dict[UUID, dict[UUID, int]] = {}
        self._newest: dict[UUID, _Newest] = {}
        self._size = 0

    def note(self, tenant: UUID, stored: Sequence[Message]) -> None:
        """Keep what messages of a tenant's devices say that is newer."""
        if tenant not in self._heard and len(self._heard) >= TENANTS_CAP:
            return
        heard, newest = self._heard.setdefault(tenant, {}), self._newest.setdefault(tenant, _Newest())
        for message in stored:
            if message.device is None:
                continue
            heard[message.device] = message.heard_us
            if message.kind != "telemetry" or not isinstance(message.body, dict):
                continue
            at_us = message.body.get("at_us") or message.heard_us
            if at_us >= message.heard_us - NEWS_US:
                room = min(TENANT_CAP - newest.size, VALUES_CAP - self._size)
                self._size += newest.add(message.device, at_us, message.body["values"], room)

    def heard(self) -> dict[UUID, dict[UUID, int]]:
        """Return when devices were heard, by tenant, and forget it."""
        heard, self._heard = self._heard, {}
        return heard

    def numbers(self) -> dict[UUID, Iterator[bytes]]:
        """Return messages with what is newest, by tenant, each made when it is asked for; forget it."""
        newest, self._newest, self._size = self._newest, {}, 0
        return {tenant: _parts(one) for tenant, one in newest.items() if one.size}


def _parts(newest: _Newest) -> Iterator[bytes]:
    part: list[tuple[UUID, int, tuple[tuple[str, str, float], ...]]] = []
    size = 0
    for device, values in newest.values.items():
        named = [(*series_of(name), float(value)) for name, (_, value) in values.items()]
        at_us = max((at for at, _ in values.values()), default=0)
        for first in range(0, len(named), PART_VALUES):
            some = tuple(named[first : first + PART_VALUES])
            if part and size + len(some) > PART_VALUES:
                yield encode(Live(pushed=tuple(part)))
                part, size = [], 0
            part.append((device, at_us, some))
            size += len(some)
    if part:
        yield encode(Live(pushed=tuple(part)))
