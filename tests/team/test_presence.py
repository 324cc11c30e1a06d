"""What one looks at and works on, as the others hear of it, through two engines and a real server."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from domain.edit import creation
from domain.inventory import Device, Probe
from domain.team import SetPresence
from engine.compose import new_id
from tests.server.conftest import ServerDatabase
from tests.team.cuts import Cut
from tests.team.engines import Joined, running, team
from tests.team.servers import listening

Seen = dict[str, tuple[UUID | None, UUID | None]]


def seen_by(engine: Joined) -> Seen:
    """Return what each of the team looks at and works on, as an engine knows it, by computer."""
    return {one.computer: (one.looks_at, one.works_on) for one in engine.team.people}


async def tell(engine: Joined, looks_at: UUID | None, works_on: UUID | None) -> None:
    """Say what a window's person does."""
    reply = await engine.ask(SetPresence(1, looks_at, works_on))
    assert not reply.refusals, reply.refusals


async def test_the_others_see_what_one_looks_at_and_works_on_until_he_does_not_or_is_gone(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        folders = await team(server, tmp_path, "mara", "joe")
        routers = [Device(new_id(), f"r{n}", f"127.0.0.{n}", (Probe("icmp"),), paused=True) for n in (2, 3)]
        a, b = (one.id for one in routers)
        async with running(folders[0]) as mara:
            await mara.until(lambda: mara.team.reachability == "online")
            await mara.edit("add", *(creation("device", one) for one in routers))
            async with running(folders[1]) as joe:
                await joe.until(lambda: joe.state.inventory.device(b) and len(joe.team.people) == 2)
                await tell(joe, a, None)
                await mara.until(lambda: seen_by(mara).get("joe") == (a, None))
                await tell(joe, a, b)
                await mara.until(lambda: seen_by(mara).get("joe") == (a, b))
                await tell(mara, b, None)
                await joe.until(lambda: seen_by(joe).get("mara") == (b, None))
                cut = Cut(joe)
                cut.cut()
                await mara.until(lambda: "joe" not in seen_by(mara))
                await joe.until(lambda: not joe.team.people)
                await tell(joe, None, b)
                cut.mend()
                await mara.until(lambda: seen_by(mara).get("joe") == (None, b))
                await joe.until(lambda: seen_by(joe).get("mara") == (b, None))
            await mara.until(lambda: set(seen_by(mara)) == {"mara"})
