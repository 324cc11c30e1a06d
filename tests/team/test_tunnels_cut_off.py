"""Tunnels of a computer whose team's server is away: they lead from here, and by the server again when it is back."""

from __future__ import annotations

from pathlib import Path

from domain.tunnels import Tunnel
from tests.engine.tunnelling import talk
from tests.server.conftest import ServerDatabase
from tests.team.cuts import Cut
from tests.team.engines import running
from tests.team.test_tunnels import Scene, carried_by, scene


async def echoed(at: Scene, tunnel: Tunnel) -> None:
    """See that what goes in at a tunnel's port comes back from the router."""
    assert await talk(tunnel, b"hello") == b"hello"
    await at.window.until(lambda: at.now(tunnel).connections == 0)


async def test_cut_off_a_tunnel_leads_from_here_to_the_lan_and_by_the_server_when_it_is_back(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with scene(server_database, tmp_path) as at, running(at.collector):
        await carried_by(at)
        window = at.window
        before = await at.open()
        assert before.way == "relay"
        await echoed(at, before)
        cut = Cut(window)
        cut.cut()
        await window.until(lambda: window.engine._board.polls(at.device))
        opened = await at.open()
        assert opened.way == "direct" and opened.id == before.id
        await echoed(at, opened)
        assert at.now(opened).way == "direct"
        cut.mend()
        await carried_by(at)
        await echoed(at, opened)
        assert at.now(opened).way == "relay"
