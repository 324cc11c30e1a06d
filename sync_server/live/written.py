"""What this process wrote last of a tenant, which is told without being read. Counterparts: `intake.py` notes, `shelf.py` tells.

Theory: revisions follow each other without a gap, and a tenant is held while one is written. So who knows what was written
under each revision since a cursor knows all that was touched since, as it is by then. Most of what a team is told are statuses
that came here a moment ago from who judges; to read them back took most of a round.
One rule: it is told from here only what the database would say in the same words: all else is read there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.health import Health
from domain.journal import JournalRow
from domain.load import LinkState
from domain.sync import ENTRIES_PER_PART

KEPT_S = 1.0
THINGS_CAP = 4 * ENTRIES_PER_PART
"""What is kept of a tenant: the same things turn again and again, and what goes into one part is told from here."""


@dataclass(frozen=True)
class Wrote:
    """All that a transaction wrote under a revision, once it is on disk; there is one health of each device, and no other."""

    revision: int
    health: Sequence[Health] = ()
    link_states: Sequence[LinkState] = ()
    journal: Sequence[JournalRow] = ()

    @property
    def size(self) -> int:
        """How many things it is."""
        return len(self.health) + len(self.link_states) + len(self.journal)


class Written:
    """The last of one tenant."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: deque[tuple[float, Wrote]] = deque()
        self._size = 0

    @property
    def newest(self) -> int:
        """The revision by which it is known here, 0 where nothing is."""
        self._tidy()
        return self._last[-1][1].revision if self._last else 0

    def note(self, wrote: Wrote) -> None:
        """Keep what was written; what came before is of no use where others wrote between."""
        if self._last and self._last[-1][1].revision != wrote.revision - 1:
            self._last.clear()
            self._size = 0
        self._last.append((self._clock(), wrote))
        self._size += wrote.size
        self._tidy()

    def since(self, revision: int) -> Wrote | None:
        """Return all that was written since a revision, the last of each thing; None where not all of it is known here."""
        newest = self.newest
        known = [wrote for _, wrote in self._last if wrote.revision > revision]
        if not 0 < newest >= revision or (known and known[0].revision != revision + 1):
            return None
        health = {one.device: one for wrote in known for one in wrote.health}
        links = {one.link: one for wrote in known for one in wrote.link_states}
        journal = [
            row for wrote in known for row in sorted(wrote.journal, key=lambda row: (row.origin, row.seq))
        ]
        if len(health) + len(links) >= ENTRIES_PER_PART or len(journal) >= ENTRIES_PER_PART:
            return None
        return Wrote(newest, list(health.values()), list(links.values()), journal)

    def _tidy(self) -> None:
        oldest_s = self._clock() - KEPT_S
        while self._last and (self._last[0][0] < oldest_s or self._size > THINGS_CAP):
            self._size -= self._last.popleft()[1].size
