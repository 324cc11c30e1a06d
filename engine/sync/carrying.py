"""What links carry, from who judges to the others of the team. Counterparts: `sync_server/live/carried.py`, and
`judge/following.py`, which takes it up.

Theory: a load wavers with each poll, and a map needs no more than its class and two digits. So what is another by a twentieth is
said, a few seconds later at most, and all of it each minute, for what is relayed may be lost.
One rule: only who judges says it; nobody keeps it.
"""

from __future__ import annotations

from uuid import UUID

from domain.load import LinkState
from domain.sync import LOADS_AT_ONCE, Load, Loads
from engine.state import State

EVERY_US = 3_000_000
WHOLE_EVERY_US = 60_000_000
WORTH = 0.05
"""A load that differs by less than this part of it is as it was."""


class Carrying:
    """What was said of the links of a state."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._said: dict[UUID, Load] = {}
        self._fence = self._said_us = self._whole_us = 0

    def next(self, fence: int, now_us: int) -> list[Loads]:
        """Return what to say now, under a fence (0: nothing)."""
        if not fence or (fence == self._fence and 0 <= now_us - self._said_us < EVERY_US):
            return []
        if fence != self._fence or not 0 <= now_us - self._whole_us < WHOLE_EVERY_US:
            self._said.clear()
            self._whole_us = now_us
        self._fence, self._said_us = fence, now_us
        news = [load for load in map(_load_of, self._state.link_states.values()) if self._is_news(load)]
        self._said.update((load[0], load) for load in news)
        starts = range(0, len(news), LOADS_AT_ONCE)
        return [Loads(fence, tuple(news[first : first + LOADS_AT_ONCE])) for first in starts]

    def begin_anew(self) -> None:
        """The line is another one: what was said may not have been heard."""
        self._fence = 0

    def _is_news(self, load: Load) -> bool:
        old = self._said.get(load[0])
        return old is None or _differs(old[1], load[1]) or _differs(old[2], load[2])


def _load_of(link: LinkState) -> Load:
    return link.link, link.ab_bps, link.ba_bps


def _differs(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is not new
    return abs(new - old) > WORTH * max(old, new)
