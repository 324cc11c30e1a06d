"""Joining as an engine does it, without one around it. Counterpart: `engine/sync/joining.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from domain.inventory import Inventory
from domain.sharing import InstallKind
from engine.compose import new_id, now_us
from engine.sync.joining import Joining
from engine.transport.tcp import TcpTransport


@asynccontextmanager
async def joining(
    folder: Path, inventory: Inventory | None = None, kind: InstallKind = "window"
) -> AsyncIterator[Joining]:
    """Yield what joins from a profile whose network is `inventory`."""
    here, tcp = inventory or Inventory(), TcpTransport()
    try:
        yield Joining(folder, tcp, lambda: here, new_place="file", new_id=new_id, now_us=now_us, kind=kind)
    finally:
        await tcp.close()
