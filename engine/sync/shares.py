"""What this engine polls of its team's devices, as it may believe it. Counterparts: `domain/polling.py`, what it means;
`sync_server/live/polling.py`, which settles it.

Pure. Theory: a grant answers a beat, and holds since that beat was sent, by this engine's own clock: a grant that was long on its
way, or lay here while this computer slept, is over when the server takes it for over, or sooner. What is asked back is let go at
once and never polled under that fence again, even if a grant that was on its way still names it.
One rule: what is not held is not asked.
"""

from __future__ import annotations

from domain.polling import LetGo, Share

MARGIN_S = 0.5
"""So much sooner it is over here: nothing is under way any more when another begins."""
BEATS_KEPT = 16


class ShareWatch:
    """Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self.until_s = 0.0
        """When what was granted last is over."""
        self.slots: frozenset[int] = frozenset()
        """What was granted last; it may be over."""
        self.handed: frozenset[int] = frozenset()
        """Those of them that another asked until he let them go."""
        self.own = False
        self.is_known = False
        """Whether the server ever said."""
        self._beats: dict[int, float] = {}
        self._number = 0
        self._let_go: dict[int, int] = {}

    def beat(self, now_s: float) -> int:
        """Return the number of a beat that is sent now."""
        self._number += 1
        self._beats[self._number] = now_s
        self._beats.pop(self._number - BEATS_KEPT, None)
        return self._number

    def hear(self, share: Share) -> LetGo | None:
        """Take what the server says; return what to answer once nothing of it is asked any more."""
        sent_s = self._beats.get(share.beat)
        if sent_s is None:
            return None
        given = [one for one in share.slots if self._let_go.get(one[0]) != one[1]]
        back = [*share.back, *(one for one in share.slots if self._let_go.get(one[0]) == one[1])]
        self._let_go.update(share.back)
        self.until_s = max(self.until_s, sent_s + share.for_s - MARGIN_S)
        self.slots, self.own, self.is_known = frozenset(slot for slot, _ in given), bool(share.own), True
        self.handed = frozenset(share.handed)
        return LetGo(tuple(back)) if back else None

    def drop(self) -> None:
        """Hold nothing any more: what answers an older beat is over too."""
        self.until_s = 0.0
        self._beats.clear()
