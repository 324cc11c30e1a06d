"""Who judges, as this install may believe it. Counterpart: `domain/sync.py` (`Lease`),
`sync_server/live/presence.py`.

Pure. Theory: a lease holds for a time from when it was heard, and comes anew well before. Who has one judges for the team
until it is over, heard or not. Who has none does not while the server says that somebody else does. One that is cut off
waits until the other's lease must be over, and as long again; then it goes on by itself, for this computer alone, until the
server is heard.
One rule: what was seen while cut off never counts for the team.
"""

from __future__ import annotations

from domain.sync import Lease
from domain.team import LeaseState

ALONE_AFTER_S = 30.0
"""How long one that never heard of a lease waits for the server before it goes on by itself."""

LOST_FOR_S = 24.0
"""How long one waits, from when it loses the server, that has no lease: twice the longest of another's."""


class LeaseWatch:
    """Times are seconds of a monotonic clock. `began_s`: when this engine did."""

    def __init__(self, began_s: float) -> None:
        self.holder = ""
        self._fence = 0
        self._until_s = 0.0
        self._waits_until_s = began_s + ALONE_AFTER_S
        self._is_heard = False

    def hear(self, lease: Lease, now_s: float) -> None:
        """Take what the server says."""
        self._is_heard = True
        self._fence, self.holder = lease.fence, lease.holder
        self._until_s = now_s + max(0.0, lease.for_s)
        self._waits_until_s = now_s + 2 * max(0.0, lease.for_s)

    def lose(self, now_s: float, told_to_wait_s: float = 0.0) -> None:
        """The server is heard no more; where it said when to come again, it is there until then, and so may be another."""
        if told_to_wait_s > 0:
            self._fence = 0
        if self._is_heard:
            self._waits_until_s = max(self._waits_until_s, now_s + told_to_wait_s + LOST_FOR_S)
        self._is_heard = False

    def begin(self, now_s: float) -> None:
        """A connection began: until the server says otherwise somebody else judges."""
        self._is_heard = True
        self._fence = 0
        self._waits_until_s = max(self._waits_until_s, now_s + ALONE_AFTER_S)

    def fence(self, now_s: float) -> int:
        """Return the fence under which this install judges, 0 where it does not."""
        return self._fence if now_s < self._until_s else 0

    def state(self, now_s: float) -> LeaseState:
        """Return who polls and judges now."""
        if self.fence(now_s):
            return "here"
        if self._is_heard:
            return "elsewhere"
        over_s = self._until_s if self._fence else self._waits_until_s
        return "cut_off" if now_s >= over_s else "elsewhere"
