"""The commands of the guide for teams, each as it stands there but for names of this test, on a real server that speaks TLS.

One rule: a command that comes, goes or is written otherwise in the guide fails here until it was run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engine.tls_peers import issue
from tests.server.clients import PASSWORD
from tests.server.conftest import ServerDatabase
from tests.team.engines import WAIT_S
from tests.team.servers import Reached, listening

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "team.md"
COMMAND = re.compile(r"^    (heliograph.*?)(?: {2,}#.*)?$", re.MULTILINE)
MODULES = {"heliograph": "app", "heliograph-engine": "engine"}
SECRET = f"{PASSWORD}\n".encode()


@dataclass
class Desk:
    """A computer with a home of its own, and the guide beside it."""

    home: Path
    commands: list[str]

    async def start(self, said: str, *more: str, **names: str) -> asyncio.subprocess.Process:
        """Start the guide's next command, which must be `said`, with what the guide leaves open put in."""
        assert self.commands.pop(0) == said
        for name, value in names.items():
            said = said.replace(PLACES[name], value)
        program, *arguments = shlex.split(said)
        home = {"HOME": str(self.home), "XDG_DATA_HOME": str(self.home), "HELIOGRAPH_KEY_PLACE": "file"}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULES[program], *arguments, *more),
            env=os.environ | home,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def run(self, said: str, *more: str, typed: bytes = b"", **names: str) -> str:
        """Run the guide's next command to its end, which must be good; return what it printed."""
        process = await self.start(said, *more, **names)
        async with asyncio.timeout(WAIT_S):
            printed, _ = await process.communicate(typed)
        assert process.returncode == 0, (said, printed)
        return printed.decode().strip()

    @asynccontextmanager
    async def running(self, said: str, **names: str) -> AsyncIterator[None]:
        """Have the guide's next command run meanwhile; it ends well when it is told to."""
        process = await self.start(said, **names)
        try:
            yield
        finally:
            process.terminate()
            async with asyncio.timeout(WAIT_S):
                await process.wait()
        assert process.returncode == 0


PLACES = {
    "link": "https://noc.example.org/link#...",
    "server": "https://noc.example.org",
    "collector": "/var/lib/heliograph/teams/<tenant>",
    "below": "/var/lib/heliograph",
    "folder": ".../teams/<tenant>",
    "fingerprint": "SHA256",
}
"""What stands in the guide for what is of each reader, longer before what it begins with."""


async def connected(server: Reached, kind: str) -> None:
    """Wait until an install of a kind is at the server."""
    found = (
        "SELECT count(*) FROM sync.line l JOIN identity.install i ON i.id = l.install_id WHERE i.kind = $1"
    )
    async with asyncio.timeout(WAIT_S):
        while not await server.owner.fetchval(found, kind):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_the_guides_commands_do_what_it_says(tmp_path: Path, server_database: ServerDatabase) -> None:
    old, new = issue(tmp_path, "old"), issue(tmp_path, "new")
    desk = Desk(tmp_path / "home", COMMAND.findall(GUIDE.read_text()))
    given = ("--password-stdin", "--fingerprint", old.pin)
    async with listening(server_database, old.path) as server:
        port = int(server.url.rpartition(":")[2])
        root = await server.found()
        await server.tenant(root)
        link = await server.invite(root, "engineer", "mara@example.org")
        at = {"link": f"{server.url}/link#{link.partition('#')[2]}", "server": server.url}
        own = await desk.run(
            "heliograph-engine join 'https://noc.example.org/link#...'", *given, typed=SECRET, **at
        )
        again = await desk.run(
            "heliograph-engine join https://noc.example.org --login mara@example.org",
            *(*given, "--profile", str(tmp_path / "laptop")),
            typed=SECRET,
            **at,
        )
        async with desk.running("heliograph-engine --profile .../teams/<tenant>", folder=own):
            await connected(server, "window")
        said = "heliograph retention --profile .../teams/<tenant> --untold-cap-gb 100"
        assert "100" in await desk.run(said, folder=own)
        await server.member(root, "tenant_admin", "you@example.org")
        said = "heliograph-engine join https://noc.example.org --login you@example.org --collector --profile /var/lib/heliograph"
        hill = await desk.run(said, *given, typed=SECRET, below=str(tmp_path / "hill"), **at)
        said = "heliograph-engine --profile /var/lib/heliograph/teams/<tenant> --collector"
        async with desk.running(said, collector=hill):
            await connected(server, "collector")
        said = "heliograph-engine login --profile .../teams/<tenant>"
        await desk.run(said, "--password-stdin", typed=SECRET, folder=again)
    async with listening(server_database, new.path, port=port):
        said = "heliograph-engine trust --profile .../teams/<tenant> --fingerprint SHA256"
        await desk.run(said, folder=own, fingerprint=new.pin)
    told = await desk.run("heliograph team")
    assert server.url in told and own in told and again not in told
    teams: list[dict[str, Any]] = json.loads(
        await desk.run("heliograph team --profile .../teams/<tenant> --json", folder=again)
    )
    assert [(one["folder"], one["server"]) for one in teams] == [(again, server.url)]
    assert not desk.commands, "the guide has more"
