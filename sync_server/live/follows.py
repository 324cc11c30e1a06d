"""What a line says to its room. Counterparts: `line.py`, which says it; `room.py`, which hears it.

One rule: a line knows nothing of other lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from domain.sync import Loads
from domain.tunnels import TakeOver, TellTunnels
from sync_server.live.reading import Cursor, Page

if TYPE_CHECKING:
    from sync_server.live.line import Line


class Follows(Protocol):
    """Whom a line tells that it can take more, or wants to hear of other things: its room."""

    def on_ready(self, line: Line) -> None: ...
    def on_moved(self, line: Line) -> None: ...
    def on_beat(self) -> None: ...
    def on_seen(self, line: Line, report: bytes) -> None: ...
    def on_loads(self, line: Line, loads: Loads) -> None: ...
    async def on_tunnels(self, line: Line, said: TellTunnels | TakeOver) -> None: ...
    def on_ask(self, devices: Sequence[tuple[UUID, UUID | None]]) -> None: ...
    async def page(self, line: Line, cursor: Cursor) -> Page: ...
