"""A real window joins a team over TLS: it compares the certificate, is bound to it, and says nothing to whoever shows another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.e2e.window_process import Line, WindowProcess
from tests.engine.tls_peers import issue
from tests.ports import free_port
from tests.server.clients import PASSWORD
from tests.server.conftest import ServerDatabase
from tests.team.servers import listening

NAME = "Säntis"


async def test_a_window_agrees_to_a_certificate_and_takes_no_other(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    one, other = issue(tmp_path, "one"), issue(tmp_path, "other")
    port = free_port()
    with WindowProcess(tmp_path, NAME, program="team_window") as window:

        async def shows(what: str, true: Callable[[Line], object]) -> Line:
            return await asyncio.to_thread(window.until, lambda line: bool(true(line)), what)

        async def stands(what: str, **fields: object) -> Line:
            return await shows(what, lambda line: line["team"] and fields.items() <= line["team"].items())

        async with listening(server_database, one.path, port=port) as server:
            root = await server.found()
            await server.tenant(root)
            link = await server.invite(root, "engineer", "mara@example.org")
            window.tell(f"join {link} {PASSWORD.replace(' ', '_')}")
            seen = await shows("a certificate to compare", lambda line: line["fingerprint"])
            assert seen["fingerprint"] == one.pin.replace(":", "").lower()
            assert seen["team"] is None
            installs = "SELECT count(*) FROM identity.install"
            assert await server.owner.fetchval(installs) == 0, "nothing is sent before somebody has agreed"
            window.tell("agree")
            await stands("joined", reachability="online")
            window.tell(f"device {NAME} 9.3 47.2 {free_port()}")
            await shows("the router", lambda line: line["devices"] == [NAME])
            await stands("with the team", pending=0)
        async with listening(server_database, other.path, port=port):
            refused = await stands("not let in", reachability="refused")
            assert refused["sign"] != "Synced"
            window.tell("note Written_meanwhile")
            await stands("it waits", pending=1)
        async with listening(server_database, one.path, port=port):
            await stands("the one that was agreed to", reachability="online", pending=0)
