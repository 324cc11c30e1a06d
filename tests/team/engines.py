"""Engines in the test's own loop, joined to a server, and who looks at them over wire. Counterpart: `tests/engine/client.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from domain.edit import Edit, Step
from domain.inventory import Inventory
from domain.sharing import InstallKind
from domain.team import JoinTeam
from domain.vault import Secret
from domain.wire import Reply, SubmitEdit
from engine.compose import Engine, new_id, now_us
from engine.profile import Profile
from tests.server.clients import PASSWORD
from tests.team.joins import joining
from tests.team.servers import Reached

WAIT_S = 120.0
"""How long a test waits for what must come: a bound for failing, not a measure."""


class Joined:
    """A running engine of a team, and what a window would ask of it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder

    @property
    def state(self) -> Any:
        """What it knows."""
        return self.engine.state

    @property
    def team(self) -> Any:
        """How it stands with its team."""
        desk = self.engine._team.desk
        assert desk is not None
        return desk.state()

    async def ask(self, request: Any) -> Reply:
        """Ask as a window does."""
        return await self.engine._endpoint._answer(request)

    async def edit(self, title: str, *steps: Step) -> Edit:
        """Make an edit; fail where it is refused."""
        edit = Edit(new_id(), now_us(), "test", title, tuple(steps))
        reply = await self.ask(SubmitEdit(1, edit))
        assert not reply.refusals, reply.refusals
        return edit

    async def until(self, found: Callable[[], Any]) -> Any:
        """Return what `found` returns once it is something."""
        async with asyncio.timeout(WAIT_S):
            while not (value := found()):  # noqa: ASYNC110 it looks at what it may not wait for
                await asyncio.sleep(0.02)
        return value


async def join(
    profile: Path,
    server: Reached,
    login: str,
    inventory: Inventory | None = None,
    *,
    bring: bool = False,
    kind: InstallKind = "window",
) -> Path:
    """Join a team from a profile; return the team's folder."""
    async with joining(profile, inventory, kind) as here:
        named = JoinTeam(1, server.url, login, Secret(PASSWORD), bring=bring, computer=profile.name)
        reply = await here.answer(named)
        assert not reply.refusals, reply.refusals
        return Path(reply.result["profile"])


async def team(server: Reached, profiles: Path, *names: str) -> list[Path]:
    """Found a server and a network with an engineer of each name; return the folder of each that joined it, in that order."""
    root = await server.found()
    await server.tenant(root)
    for name in names:
        await server.member(root, "engineer", f"{name}@example.org")
    return [await join(profiles / name, server, f"{name}@example.org") for name in names]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Joined]:
    """Yield an engine on a team's folder."""
    profile = Profile.open(folder)
    try:
        engine = await Engine.open(profile, asyncio.Event(), "none", "file")
        try:
            yield Joined(engine, folder)
        finally:
            await engine.close()
    finally:
        profile.close()


async def all_until(engines: Sequence[Joined], found: Callable[[Joined], Any]) -> None:
    """Wait until it is so at all of them."""
    for one in engines:
        await one.until(lambda one=one: found(one))  # type: ignore[misc]
