"""A laptop that was away for thirty days, with hundreds of edits on its disk: all are applied, or in the tray."""

from __future__ import annotations

from pathlib import Path

from tests.server.conftest import ServerDatabase
from tests.team.away import change_meanwhile, come_back, found, work_for_a_month
from tests.team.servers import listening

DEVICES, EDITS = 40, 240


async def test_after_a_month_without_the_server_every_edit_is_applied_or_in_the_tray(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        port = int(server.url.rpartition(":")[2])
        (mara, joe), made = await found(server, tmp_path, DEVICES)
    notes = await work_for_a_month(mara, made, EDITS, prune_every_h=12)
    async with listening(server_database, port=port) as server:
        theirs = await change_meanwhile(joe, made)
        away = await come_back(server, mara, notes, theirs)
    assert away.edits == EDITS
    assert away.tray == EDITS * len(theirs) // DEVICES
