"""Tunnels at a server: what an install says it has open is believed as far as its person reaches; who comes to the wrong one."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
import websockets

from domain.crossing import Answer, decode_from_door, encode
from domain.sync import Live, Refused
from domain.tunnels import TeamTunnel, TellTunnels
from sync_server.live import crossings
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, Replica, living
from tests.server.test_live import a_team


async def told(replica: Replica) -> tuple[TeamTunnel, ...]:
    """Return what is open, once anything is."""
    while not (tunnels := (await replica.hear(Live)).tunnels):
        pass
    return tunnels


async def test_of_a_device_that_somebody_does_not_reach_nobody_hears_that_he_is_on_it(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        admin, ann, *_ = await a_team(live, "tenant_admin", "engineer")
        site = (await admin.post("/sites", {"name": "Hill"}, expect=201))["id"]
        near = await admin.post("/devices", {"name": "near", "address": "10.0.0.1", "site": site}, expect=201)
        far = await admin.post("/devices", {"name": "far", "address": "10.0.0.2"}, expect=201)
        ben = await live.server.member(admin, "engineer", sites=[site])
        hers, his = await live.join(ann, topics=("presence",)), await live.join(ben)
        devices = (uuid4(), UUID(far["id"]), UUID(near["id"]), UUID(near["id"]))
        ways = ("direct", "direct", "direct", "relay")
        said = tuple(
            TeamTunnel(uuid4(), device, "winbox", 8291, way, 0, is_shared=True)  # type: ignore[arg-type]
            for device, way in zip(devices, ways, strict=True)
        )
        await his.say(TellTunnels(said))
        heard = await told(hers)
        assert [one.id for one in heard] == [said[2].id, said[3].id]
        assert [one.is_shared for one in heard] == [True, False], "only what goes from there is shared"
        assert {one.install for one in heard} == {his.install}


async def test_who_carries_and_comes_to_the_wrong_server_stays_until_that_one_stops(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossings, "MEET_S", PATIENCE_S)

    async def hear(line: websockets.ClientConnection) -> str:
        said = decode_from_door(await line.recv(decode=False))
        assert isinstance(said, Refused)
        return said.code

    async with living(server_database) as live:
        ann, *_ = await a_team(live, "engineer")
        install = await live.install(ann)
        hub = live.server.app.state.hub
        tokens = [(await ann.post("/auth/stream-token"))["token"] for _ in range(2)]
        async with (
            websockets.connect(f"{live.url}/tunnel", open_timeout=PATIENCE_S) as one,
            websockets.connect(f"{live.url}/tunnel", open_timeout=PATIENCE_S) as other,
        ):
            for line, token in zip((one, other), tokens, strict=True):
                await line.send(encode(Answer(token, install, uuid4(), "")))
                assert await hear(line) == "ELSEWHERE"
            await one.send("text")
            assert await hear(one) == "BAD_MESSAGE"
            assert len(hub.connected()) == 1
            await hub.close()
            assert await hear(other) == "CLOSING"
