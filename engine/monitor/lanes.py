"""How many probes may be in flight at once, by kind. Counterpart: `poller.py`, which starts what a lane lets through.

Theory: each kind has two lanes, one for probes that answer and one for probes that missed. A dead device holds its place
until the last timeout, and a thousand of them would fill any one lane; in their own they delay each other and never the
living. One rule: a place that was taken is given back once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from domain.inventory import ProbeKind

LIVING_CAP: dict[ProbeKind, int] = {
    "icmp": 2000,
    "snmp": 2000,
    "routeros": 400,
    "tcp": 400,
    "http": 100,
    "dns": 400,
    "ssh": 40,
}
"""Places of the living lane; TCP kinds hold a file descriptor each, SSH a handshake's CPU."""
DOUBTFUL_SHARE = 0.25
"""Places of the doubtful lane, as a share of the living one's."""


class Lane:
    """Places for `cap` at once; who comes later waits in line."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.taken = 0
        self._waiting: deque[Callable[[], bool]] = deque()

    def enter(self, start: Callable[[], bool]) -> None:
        """Call `start` now or when a place is free; it returns whether it took the place."""
        if self.taken < self.cap:
            self.taken += start()
        else:
            self._waiting.append(start)

    def leave(self) -> None:
        """Give a place back and let the next in."""
        self.taken -= 1
        while self._waiting and self.taken < self.cap:
            self.taken += self._waiting.popleft()()


def lanes(caps: dict[ProbeKind, int] | None = None) -> dict[tuple[ProbeKind, bool], Lane]:
    """Return the lanes by (kind, whether in doubt)."""
    found: dict[tuple[ProbeKind, bool], Lane] = {}
    for kind, cap in (caps or LIVING_CAP).items():
        found[kind, False] = Lane(cap)
        found[kind, True] = Lane(max(1, int(cap * DOUBTFUL_SHARE)))
    return found
