"""Who is admitted has his place at once: a burst of greetings brings no more in than there are places, and one that fails gives
its own back.

Counterpart: `sync_server/live/places.py`. One rule: who greets is held where he would wait for the database, so that nothing here
depends on who is quicker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import websockets

from domain.crossing import Answer, encode
from domain.sync import Refused, Welcome
from sync_server.live import door, tunnel_door
from sync_server.live.frames import HangUp
from sync_server.live.greeting import Caller
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, Live, living
from tests.server.servers import until
from tests.server.test_live import a_team

CROWD = 7
PLACES = 3


class Gate:
    """Whoever was admitted waits at it until it is opened. `asked`: how many were admitted or refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.opened = asyncio.Event()
        self.failure: Exception | None = None
        admit, welcomed, checked = Caller.admit, door._welcomed, tunnel_door._check_install

        async def counted(caller: Caller, token: str) -> Any:
            try:
                return await admit(caller, token)
            finally:
                self.asked += 1

        async def held(*given: Any) -> Any:
            await self._pass()
            return await welcomed(*given)

        async def held_there(*given: Any) -> None:
            await self._pass()
            await checked(*given)

        monkeypatch.setattr(Caller, "admit", counted)
        monkeypatch.setattr(door, "_welcomed", held)
        monkeypatch.setattr(tunnel_door, "_check_install", held_there)

    async def _pass(self) -> None:
        await self.opened.wait()
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Yield a gate behind admission."""
    yield Gate(monkeypatch)


def hub_of(live: Live) -> Any:
    return live.server.app.state.hub


@pytest.mark.parametrize("cap", ["live_tenant_lines", "live_lines"])
async def test_of_a_crowd_that_greets_at_once_as_many_come_in_as_there_are_places(
    server_database: ServerDatabase, gate: Gate, cap: str
) -> None:
    async with living(server_database, **{cap: PLACES}) as live:
        ann, ben, _ = await a_team(live, "engineer", "engineer")
        installs = [await live.install(ann) for _ in range(CROWD)]
        far = await live.install(ben)
        replicas = [await live.connect(ann, install) for install in installs]
        token = (await ben.post("/auth/stream-token"))["token"]
        end = await websockets.connect(f"{live.url}/tunnel", open_timeout=PATIENCE_S)
        await end.send(encode(Answer(token, far, uuid4())))
        await until(lambda: gate.asked == CROWD + 1)
        assert hub_of(live).places.taken.total() == PLACES
        gate.opened.set()
        said = await asyncio.gather(*(replica.next() for replica in replicas))
        heard = msgspec.msgpack.decode(await asyncio.wait_for(end.recv(decode=False), PATIENCE_S))
        full = [one for one in said if isinstance(one, Refused)]
        assert {(one.code, one.message) for one in full} == {("TOO_MANY", "as many are connected as may be")}
        came = sum(isinstance(one, Welcome) for one in said)
        assert came + (heard["code"] == "ELSEWHERE") == PLACES and came + len(full) == CROWD
        await end.close()
        for replica in replicas:
            await replica.line.close()
        await until(lambda: not hub_of(live).places.taken)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (HangUp("INSTALL_REVOKED", "this install was revoked"), "INSTALL_REVOKED"),
        (ConnectionError("the database is gone"), "CLOSING"),
        (TimeoutError("it stands still"), "CLOSING"),
    ],
)
async def test_a_greeting_that_fails_once_it_is_admitted_gives_its_place_back(
    server_database: ServerDatabase, gate: Gate, failure: Exception, code: str
) -> None:
    async with living(server_database, live_tenant_lines=1) as live:
        ann, _ = await a_team(live, "engineer")
        gate.opened.set()
        gate.failure = failure
        assert (await (await live.connect(ann, await live.install(ann))).refused()).code == code
        await until(lambda: not hub_of(live).places.taken)
        gate.failure = None
        await (await live.join(ann)).line.close()


async def test_who_leaves_before_he_is_welcomed_keeps_no_place(
    server_database: ServerDatabase, gate: Gate
) -> None:
    async with living(server_database, live_tenant_lines=1) as live:
        ann, _ = await a_team(live, "engineer")
        replica = await live.connect(ann, await live.install(ann))
        await until(lambda: hub_of(live).places.taken.total() == 1)
        replica.line.transport.abort()
        gate.opened.set()
        await until(lambda: not hub_of(live).places.taken)
        await (await live.join(ann)).line.close()
