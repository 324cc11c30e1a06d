"""What every driver is: one probe of one device, asked again and again. Counterpart: `monitor/`, which calls `read`.

One rule: `read` ends in bounded time and raises nothing but DeviceError for anything that the world does.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from domain.observation import Reading


class Answer(msgspec.Struct, frozen=True):
    """What a device said, and the round trip of its first reply."""

    rtt_us: int
    reading: Reading


class Login(NamedTuple):
    """Who asks: `secret` is the password, or SNMP's community. It never shows itself."""

    user: str
    secret: str

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, secret=***)"


class Driver(Protocol):
    """One probe of one device; keeps the history of its counters and its connection."""

    async def read(self) -> Answer:
        """Ask once. Raises DeviceError."""

    async def close(self) -> None:
        """Give back what it holds."""
