"""What servers in the field say, to today's engine over its real line: every recorded frame is taken and the work goes on.

Counterpart: `tests/sync/test_recorded.py`, which has them understood; `tests/server/test_live_recorded.py`, the other direction.
"""

from __future__ import annotations

from pathlib import Path

from domain.edit import creation
from domain.inventory import Site
from engine.compose import new_id
from sync_server.live.outgoing import OUT
from tests.server.conftest import ServerDatabase
from tests.sync.recording import frames
from tests.team.engines import running, team
from tests.team.servers import listening


async def test_whatever_a_server_of_a_release_says_an_engine_goes_on(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        (folder,) = await team(server, tmp_path, "mara")
        async with running(folder) as mara:
            said = [(where, data) for where, data in frames("to_install") if not where.endswith(" refused")]
            assert len(said) > 10
            said.sort(
                key=lambda one: one[0].endswith(" entries")
            )  # last, when they follow on nothing that is here
            for where, data in said:
                await mara.until(lambda: mara.team.reachability == "online")
                (room,) = server.app.state.hub.rooms.values()
                (line,) = room.lines
                assert line.tell(data, OUT), where
                site = Site(new_id(), where)
                await mara.edit("add", creation("site", site))
                await mara.until(lambda: mara.team.pending == 0)
                assert mara.state.inventory.site(site.id) == site, where
            count = "SELECT count(*) FROM site"
            assert await server.owner.fetchval(count) == len(said), "each edit reached the server once"
