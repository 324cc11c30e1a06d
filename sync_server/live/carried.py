"""What links carry, on its way from who judges to those who look. Counterparts: `room.py`, whose lines these are;
`engine/sync/carrying.py`, which says it.

Theory: who judges says what is another than it said, and all of it each minute, so that a server that was not there has it soon.
It is told with the room's heartbeat: what is another, and all that is known to a line that has come since.
One rule: it is kept by nobody, and shown to whoever sees the link and may see numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from domain.sync import LOADS_AT_ONCE, Live, Load, encode
from sync_server.live.line import Line
from sync_server.live.reached import Reached
from sync_server.live.shelf import View, view_of

CARRIED = "carried"
"""Its kind, as it is relayed."""
LINKS_CAP = 100_000


class Carried:
    """Of one room."""

    def __init__(self) -> None:
        self._known: dict[UUID, Load] = {}
        self._news: set[UUID] = set()
        self._told: set[UUID] = set()
        """Lines that were told all."""

    def take(self, payload: bytes) -> None:
        """Take what was relayed here."""
        for load in _decoder.decode(payload):
            if load[0] in self._known or len(self._known) < LINKS_CAP:
                self._known[load[0]] = load
                self._news.add(load[0])

    def forget(self) -> None:
        """Another judges: what the one before said does not go on."""
        self._known.clear()
        self._news.clear()

    async def tell(self, lines: Collection[Line], reached: Reached) -> None:
        """Tell each line what it has not heard. Raises as `Database.transaction` does."""
        looking = [line for line in lines if "metric_update" in line.topics and line.who.may("metrics:read")]
        due = [line for line in looking if self._news or line.id not in self._told] if self._known else []
        limited = [line.who for line in due if view_of(line.who).sites is not None]
        seen = await reached.by_view(limited)
        known, news = self._known, [self._known[id] for id in self._news]
        packed: dict[tuple[View, bool], list[bytes]] = {}
        for line in due:
            view, is_new = view_of(line.who), line.id not in self._told
            if (view, is_new) not in packed:
                some = list(known.values()) if is_new else news
                packed[view, is_new] = _packed(
                    some if view.sites is None else [one for one in some if one[0] in seen[view]]
                )
            for data in packed[view, is_new]:
                line.tell(data)
        if self._known:
            self._told = {line.id for line in looking}
        self._news.clear()


def _packed(loads: Sequence[Load]) -> list[bytes]:
    starts = range(0, len(loads), LOADS_AT_ONCE)
    return [encode(Live(loads=tuple(loads[first : first + LOADS_AT_ONCE]))) for first in starts]


_decoder = msgspec.msgpack.Decoder(tuple[Load, ...])
