"""Who sends without being a device: kept in memory until a person looks. Counterpart: `QueryQuarantine` and `ForgetSender`.

One rule: of senders and of messages the newest are kept, and no more than their caps.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from domain.receiving import (
    QUARANTINE_MESSAGES_CAP,
    QUARANTINE_SENDERS_CAP,
    QuarantinedMessage,
    QuarantinedSender,
)


@dataclass
class _Held:
    """What is kept of one sender."""

    first_us: int
    why: str
    device: UUID | None
    count: int = 0
    messages: deque[QuarantinedMessage] = field(default_factory=lambda: deque(maxlen=QUARANTINE_MESSAGES_CAP))


class Quarantine:
    """Senders by address, the latest last."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, address: str, message: QuarantinedMessage, why: str, device: UUID | None = None) -> None:
        """Keep a message of somebody who is no device, or whom that device cannot be heard through."""
        held = self._held.get(address)
        if held is None:
            held = self._held[address] = _Held(message.at_us, why, device)
            if len(self._held) > QUARANTINE_SENDERS_CAP:
                self._held.popitem(last=False)
        held.why, held.device = why, device
        held.count += 1
        held.messages.append(message)
        self._held.move_to_end(address)

    def forget(self, address: str) -> bool:
        """Drop a sender; False where there is none."""
        return self._held.pop(address, None) is not None

    def release(self, is_device: Callable[[str], bool]) -> None:
        """Drop the strangers who have become devices."""
        for address in [a for a, held in self._held.items() if held.device is None and is_device(a)]:
            del self._held[address]

    def senders(self, limit: int) -> list[QuarantinedSender]:
        """Return the latest senders, latest first."""
        found = []
        for address in list(reversed(self._held))[:limit]:
            held = self._held[address]
            newest = tuple(reversed(held.messages))
            last_us = newest[0].at_us
            found.append(
                QuarantinedSender(address, held.why, held.first_us, last_us, held.count, newest, held.device)
            )
        return found
