"""What devices pushed last, on its way to who judges. Counterparts: `hub.py`, which says it; `push/intake.py`, which stored it.

Theory: thousands of messages a second come in, and rules need the newest numbers of a device, a few seconds old. So the last
message of each is kept until it is said, and only then is it looked into; what was measured long ago is history, not news.
One rule: it may be lost: the next message is near.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from domain.sync import Live, Numbers, encode
from sync_server.push.held import Message
from sync_server.push.messages import numbers_of

TENANTS_CAP = 1_000
VALUES_CAP = 200_000
"""Of all tenants, between two times that it is said."""
PART_VALUES = 1_000
"""Of one message to who judges: with the longest names some 150 KiB."""
NEWS_US = 600_000_000
"""What was measured longer ago than this, when it came, is not judged."""


class Due(NamedTuple):
    """What is to be said of a tenant: when its devices were heard, and messages with their numbers."""

    tenant: UUID
    heard: list[tuple[UUID, int]]
    parts: list[bytes]


class Pushed:
    """What was pushed since it was said last."""

    def __init__(self) -> None:
        self._last: dict[UUID, dict[UUID, Message]] = {}
        self._heard: dict[UUID, dict[UUID, int]] = {}
        self._values = 0

    def note(self, tenant: UUID, stored: Mapping[UUID, Message]) -> None:
        """Keep the last of each device of a tenant."""
        heard = self._heard.get(tenant)
        if heard is None:
            if len(self._heard) >= TENANTS_CAP:
                return
            heard = self._heard[tenant] = {}
        last = self._last.setdefault(tenant, {})
        for device, message in stored.items():
            heard[device] = message.heard_us
            size = _size(message) - (_size(last[device]) if device in last else 0)
            if _is_news(message) and self._values + size <= VALUES_CAP:
                self._values += size
                last[device] = message

    def take(self) -> list[Due]:
        """Return what is to be said, and forget it."""
        heard, last, self._heard, self._last, self._values = self._heard, self._last, {}, {}, 0
        return [
            Due(tenant, list(devices.items()), list(_parts(last[tenant])))
            for tenant, devices in heard.items()
        ]


def _is_news(message: Message) -> bool:
    if not isinstance(message.body, dict) or message.kind != "telemetry":
        return False
    at_us = message.body.get("at_us")
    return at_us is None or at_us >= message.heard_us - NEWS_US


def _size(message: Message) -> int:
    return len(message.body.get("values", ())) if isinstance(message.body, dict) else 0


def _parts(last: Mapping[UUID, Message]) -> Iterator[bytes]:
    part: list[Numbers] = []
    size = 0
    for device, message in last.items():
        assert isinstance(message.body, dict), "it is news"
        numbers = tuple(numbers_of(message.body))
        if part and size + len(numbers) > PART_VALUES:
            yield encode(Live(pushed=tuple(part)))
            part, size = [], 0
        part.append((device, message.heard_us, numbers))
        size += len(numbers)
    if part:
        yield encode(Live(pushed=tuple(part)))
