"""What may pass of what is sent: a bucket of tokens for each sender, and two for all. Counterpart: `receivers.py` asks it first.

Theory: a sender has two buckets, one for a burst and one for hours. A source address costs nothing to forge, so there is one
for all strangers too, which leaves that of the devices full. What was dropped is counted by sender, for one journal row a minute.
One rule: time is an argument, and what is kept of senders has a cap.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

SENDERS_CAP = 4_096
DEVICES_PER_S, DEVICES_BURST = 50.0, 20_000.0
LONG_PER_S, LONG_BURST = 1.0, 5_000.0
"""What one sender may send for hours: one that never stops takes nothing from the others, and fills no disk."""
STRANGERS_PER_S, STRANGERS_BURST = 50.0, 500.0
NAMED_CAP = 10
"""Senders that a row about dropped messages names."""


class Dropped(NamedTuple):
    """What was dropped: how many, of whom most (address, how many), and how many of others."""

    messages: int
    senders: list[tuple[str, int]]
    more: int


class _Bucket:
    """Tokens that come back with time, up to `burst`."""

    __slots__ = ("at_s", "tokens")

    def __init__(self, tokens: float, at_s: float) -> None:
        self.tokens = tokens
        self.at_s = at_s

    def take(self, per_s: float, burst: float, now_s: float) -> bool:
        self.tokens = min(burst, self.tokens + (now_s - self.at_s) * per_s)
        self.at_s = now_s
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Flood:
    """Admits messages. `dropped` counts since the start."""

    def __init__(self, per_s: float, burst: int, now_s: float) -> None:
        self.dropped = 0
        self._per_s, self._burst = per_s, float(burst)
        self._senders: OrderedDict[str, _Bucket] = OrderedDict()
        self._long: dict[str, _Bucket] = {}
        self._devices = _Bucket(DEVICES_BURST, now_s)
        self._strangers = _Bucket(STRANGERS_BURST, now_s)
        self._dropped_of: dict[str, int] = {}
        self._dropped_now = 0

    def limit(self, per_s: float, burst: int) -> None:
        """Let a sender send so much from now on."""
        self._per_s, self._burst = per_s, float(burst)

    def admit(self, host: str, is_device: bool, now_s: float) -> bool:
        """Tell whether a message may pass; one that may not is counted."""
        bucket = self._senders.get(host)
        if bucket is None:
            bucket = self._senders[host] = _Bucket(self._burst, now_s)
            self._long[host] = _Bucket(LONG_BURST, now_s)
            if len(self._senders) > SENDERS_CAP:
                self._long.pop(self._senders.popitem(last=False)[0], None)
        else:
            self._senders.move_to_end(host)
        if bucket.take(self._per_s, self._burst, now_s) and self._long[host].take(
            LONG_PER_S, LONG_BURST, now_s
        ):
            if is_device:
                passes = self._devices.take(DEVICES_PER_S, DEVICES_BURST, now_s)
            else:
                passes = self._strangers.take(STRANGERS_PER_S, STRANGERS_BURST, now_s)
            if passes:
                return True
        self.dropped += 1
        self._dropped_now += 1
        if host in self._dropped_of or len(self._dropped_of) < SENDERS_CAP:
            self._dropped_of[host] = self._dropped_of.get(host, 0) + 1
        return False

    def take_dropped(self) -> Dropped | None:
        """Return what was dropped since the last call, None for nothing."""
        if not self._dropped_now:
            return None
        count, of = self._dropped_now, self._dropped_of
        self._dropped_now, self._dropped_of = 0, {}
        worst = sorted(of.items(), key=lambda item: (-item[1], item[0]))[:NAMED_CAP]
        return Dropped(count, worst, count - sum(n for _, n in worst))
