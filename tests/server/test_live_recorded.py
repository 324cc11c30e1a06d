"""What programs in the field say, on a line of today's server: every recorded frame is taken and none ends the line.

Counterpart: `tests/sync/test_recorded.py`, which has them understood.
"""

from __future__ import annotations

import msgspec
import pytest

from domain.edit import creation
from domain.inventory import Site
from domain.sync import Kept, Outcomes, Push
from engine.compose import new_id
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import Live, Replica, an_edit, living
from tests.server.test_live import a_team
from tests.sync.recording import frames

RELEASES = sorted({where.partition(" ")[0] for where, _ in frames("to_server")})
ANSWERED = {"push": Outcomes, "tell": Kept, "cycles": Kept}
"""Those that always get an answer of their own."""


async def greeted(live: Live, release: str, token: str, replica: Replica) -> None:
    """Say the recorded Hello, for the install of a test."""
    said = msgspec.msgpack.decode(dict(frames("to_server"))[f"{release} hello"])
    said |= {"token": token, "install": str(replica.install)}
    await replica.line.send(msgspec.msgpack.encode(said))


@pytest.mark.parametrize("release", RELEASES)
async def test_whatever_a_program_of_a_release_says_its_line_goes_on(
    server_database: ServerDatabase, release: str
) -> None:
    async with living(server_database) as live:
        admin, *_ = await a_team(live, "tenant_admin")
        install = await live.install(admin)
        said = [(where, data) for where, data in frames("to_server") if where.startswith(f"{release} ")]
        assert len(said) > 10
        for where, data in said:
            kind = where.partition(" ")[2]
            if kind == "hello":
                continue
            replica = await live.open(install)
            await greeted(live, release, (await admin.post("/auth/stream-token"))["token"], replica)
            await replica.hear_all()
            await replica.line.send(data)
            if kind in ANSWERED:
                assert await replica.hear(ANSWERED[kind]), where
            mine = an_edit(creation("site", Site(new_id(), kind)))
            await replica.say(Push((mine,)))
            while mine.id not in {one.id for one in (await replica.hear(Outcomes)).outcomes}:
                pass
            await replica.line.close()
