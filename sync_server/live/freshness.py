"""When devices that go on as they are were heard last, told to each line of what it reaches. Counterpart: `room.py`.

One rule: what a line has no room for is told again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from domain.sync import Live, encode
from sync_server.live.line import Line
from sync_server.live.others import Others
from sync_server.live.reached import Reached
from sync_server.live.shelf import View, view_of

HEARD_AT_ONCE = 20_000


class Freshness:
    """Of one tenant at this server."""

    def __init__(self, lines: Collection[Line], others: Others, reached: Reached) -> None:
        self._lines, self._others, self._reached = lines, others, reached
        self._heard: dict[UUID, int] = {}
        """When devices were heard last, of which that was not told yet."""
        self._heard_here: dict[UUID, int] = {}
        """Of these, what came to this process."""

    def note(self, heard: Iterable[tuple[UUID, int]]) -> None:
        """Devices were heard."""
        for device, at_us in heard:
            _later(self._heard, device, at_us)

    def note_here(self, heard: Iterable[tuple[UUID, int]]) -> None:
        """Devices were heard in this process: others hear of it too."""
        for device, at_us in heard:
            _later(self._heard, device, at_us)
            _later(self._heard_here, device, at_us)

    async def tell(self, now_s: float) -> None:
        """Tell it. Raises as `Database.transaction` does."""
        here, self._heard_here = list(self._heard_here.items()), {}
        if here and self._others.are_there(now_s):
            self._others.say_heard(here)
        lines: dict[View, list[Line]] = {}
        for line in self._lines if self._heard else ():
            if "device_status" in line.topics:
                lines.setdefault(view_of(line.who), []).append(line)
        limited = [some[0].who for view, some in lines.items() if view.sites is not None]
        reached = await self._reached.by_view(limited)
        heard, self._heard = list(self._heard.items()), {}
        for view, some in lines.items():
            mine = heard if view.sites is None else [one for one in heard if one[0] in reached[view]]
            for first in range(0, len(mine), HEARD_AT_ONCE):
                told = mine[first : first + HEARD_AT_ONCE]
                data = encode(Live(heard=tuple(told)))
                if [line for line in some if not line.tell(data)]:
                    self.note(told)


def _later(found: dict[UUID, int], device: UUID, at_us: int) -> None:
    """Keep the later of two times."""
    if at_us > found.get(device, 0):
        found[device] = at_us
