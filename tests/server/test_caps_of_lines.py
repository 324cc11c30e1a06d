"""What a live line, its greeting and a tunnel take at most, and who comes in at all: each case is one check, known by its words.

Counterparts: `sync_server/live/greeting.py`, `door.py`, `map_door.py`, `line.py`, `doing.py`, `tunnel_door.py`, `crossings.py`.
One rule: caps are made small, so that what is too much is little.
"""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID, uuid4

import msgspec
import pytest
import websockets

from domain.crossing import Answer, Begin, Met, decode_from_door, encode
from domain.past_numbers import AskPorts
from domain.polling import AskNow, LetGo, Seen
from domain.sync import (
    SYNC_PROTOCOL,
    Alive,
    Digests,
    Hello,
    Push,
    Refused,
    Subscribe,
    Tell,
    ToServer,
    Welcome,
)
from domain.tunnels import TeamTunnel, TellTunnels
from sync_server.live import crossings, doing, door, greeting, line, map_door
from tests.server.clients import Person
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, Replica, an_edit, living, making
from tests.server.live_clients import Live as Server
from tests.server.servers import until
from tests.server.test_live import a_team

THREE = tuple(uuid4() for _ in range(3))
SMALL = (
    (doing, "DIGESTS_CAP"),
    (doing, "ROWS_PER_TELL"),
    (doing, "PORTS_CAP"),
    (line, "DEVICES_WATCHED"),
    (line, "REPORT_CAP_BYTES"),
)


async def test_a_message_of_more_than_may_be_ends_the_line_and_says_so(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room, name in SMALL:
        monkeypatch.setattr(room, name, 2)
    async with living(server_database) as live:
        ann, _ = await a_team(live, "engineer")
        install = await live.install(ann)

        async def hung_up(message: ToServer, by: UUID | None = install, run: UUID | None = None) -> str:
            replica = await live.connect(ann, by, run=run)
            await replica.hear(Welcome)
            await replica.say(message)
            why = await replica.refused()
            assert why.code == "BAD_MESSAGE", why
            return why.message

        rows = tuple(Replica.row(Replica(None, install), seq, "trap") for seq in (1, 2, 3))  # type: ignore[arg-type]
        assert "at most 2 digests" in await hung_up(Digests(dict.fromkeys(THREE, b"12345678")))
        assert "at most 2 rows" in await hung_up(Tell(1, rows))
        assert "at most 2 ports" in await hung_up(AskPorts(1, 0, tuple((id, "ether1") for id in THREE)))
        assert "a report of 3 bytes" in await hung_up(Seen(b"123"))
        assert "at most 2 devices" in await hung_up(AskNow(tuple((id, None) for id in THREE)))
        assert "at most 2 devices" in await hung_up(Subscribe(("metric_update",), THREE))
        assert "a run that lets go" in await hung_up(LetGo(((1, 1),)))
        assert "a run that lets go" in await hung_up(LetGo(((-1, 1),)), run=uuid4())
        assert "only listens" in await hung_up(Push((an_edit(making("site", name="S")),)), by=None)


async def test_who_does_not_come_in_is_told_why(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(server_database, live_tenant_lines=1) as live:
        ann, _ = await a_team(live, "engineer")

        async def said(first: ToServer) -> tuple[str, str]:
            replica = await live.open()
            with contextlib.suppress(websockets.ConnectionClosed):  # who is refused at once hears why
                await replica.say(first)
            why = await replica.refused()
            return why.code, why.message

        async def hello(version: str = "") -> Hello:
            return Hello(SYNC_PROTOCOL, (await ann.post("/auth/stream-token"))["token"], version=version)

        assert await said(Alive(0)) == ("BAD_MESSAGE", "Hello comes first")
        code, words = await said(await hello("x" * door.HELLO_CAP_BYTES))
        assert code == "BAD_MESSAGE" and words.startswith("Hello of at most")
        with monkeypatch.context() as now:
            now.setattr(greeting, "GREETING_CAP", 0)
            assert await said(await hello()) == ("TOO_MANY", "too many connect just now")
        with monkeypatch.context() as now:
            now.setattr(door, "_STATE", f"{door._STATE} AND false")  # deleted just now
            assert await said(await hello()) == ("NOT_A_MEMBER", "the tenant is gone")
        with monkeypatch.context() as now:
            now.setattr(map_door, "NEEDS", "tenants:write")
            async with websockets.connect(f"{live.url}/map", open_timeout=PATIENCE_S) as page:
                await page.send(msgspec.json.encode({"token": (await hello()).token}))
                assert "NOT_A_MEMBER" in str(await page.recv())
        await live.join(ann)
        assert await said(await hello()) == ("TOO_MANY", "as many are connected as may be")


class Ends:
    """A shared tunnel of Ben's by which Ann goes, and their ends at the door."""

    def __init__(self, live: Server, ann: Person, ben: Person) -> None:
        self.live, self.ann, self.ben = live, ann, ben
        self.lines: list[websockets.ClientConnection] = []

    async def begin(self, device: UUID) -> None:
        """Have Ben share a tunnel to a device."""
        self.device = device
        self.near, self.far = await self.live.install(self.ann), await self.live.join(self.ben)
        shared = TeamTunnel(uuid4(), device, "winbox", 8291, "direct", 0, is_shared=True)
        await self.far.say(TellTunnels((shared,)))
        (room,) = self.live.server.app.state.hub.rooms.values()
        await until(lambda: room.tunnels.shared(self.far.install, device, 8291))

    async def opened(self, tunnel: UUID) -> websockets.ClientConnection:
        """Return Ann's end of a tunnel that she asks for."""
        assert self.far.install is not None
        token = (await self.ann.post("/auth/stream-token"))["token"]
        return await self._sent(Begin(token, self.near, tunnel, self.device, 8291, self.far.install))

    async def answered(self, tunnel: UUID) -> websockets.ClientConnection:
        """Return Ben's end."""
        assert self.far.install is not None
        token = (await self.ben.post("/auth/stream-token"))["token"]
        return await self._sent(Answer(token, self.far.install, tunnel))

    async def met(self) -> tuple[websockets.ClientConnection, websockets.ClientConnection]:
        """Return both ends of a tunnel through which something may pass."""
        tunnel = uuid4()
        near = await self.opened(tunnel)
        await until(lambda: tunnel in self.live.server.app.state.hub.crossings.all)
        far = await self.answered(tunnel)
        for end in (near, far):
            assert isinstance(await heard(end), Met)
        return near, far

    async def _sent(self, first: Begin | Answer) -> websockets.ClientConnection:
        line = await websockets.connect(f"{self.live.url}/tunnel", open_timeout=PATIENCE_S)
        self.lines.append(line)
        await line.send(encode(first))
        return line


async def heard(end: websockets.ClientConnection) -> Met | Refused:
    async with asyncio.timeout(PATIENCE_S):
        return decode_from_door(await end.recv(decode=False))


async def refusal(end: websockets.ClientConnection) -> tuple[str, str]:
    said = await heard(end)
    assert isinstance(said, Refused), said
    return said.code, said.message


async def test_a_tunnel_takes_frames_of_a_size_ends_for_both_and_is_opened_once(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossings, "MEET_S", PATIENCE_S)
    async with living(server_database) as live:
        ann, ben, admin = await a_team(live, "engineer", "engineer")
        made = await admin.post("/devices", {"name": "R1", "address": "10.0.0.1"}, expect=201)
        ends = Ends(live, ann, ben)
        await ends.begin(UUID(made["id"]))
        near, far = await ends.met()
        with monkeypatch.context() as now:
            now.setattr(crossings, "FRAME_CAP_BYTES", 2)
            await near.send(b"123")
            code, words = await refusal(far)
            assert code == "BAD_MESSAGE" and "at most 2 bytes" in words
        near, far = await ends.met()
        await far.close()
        assert (await refusal(near))[0] == "LEFT"
        waiting = uuid4()
        await ends.opened(waiting)
        await until(lambda: waiting in live.server.app.state.hub.crossings.all)
        again = await ends.opened(waiting)
        assert await refusal(again) == ("TOO_MANY", "this tunnel is open already")
        monkeypatch.setattr(crossings, "PERSON_CAP", 1)
        assert (await refusal(await ends.opened(uuid4())))[1].startswith("1 tunnels of yours")
        for line_ in ends.lines:
            await line_.close()


@pytest.mark.parametrize("cap", ["live_tenant_lines", "live_lines"])
async def test_ends_of_tunnels_take_places_as_lines_do_and_give_them_back(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch, cap: str
) -> None:
    for room, limit in ((crossings, "MEET_S"), (crossings, "DEAD_AFTER_S"), (line, "DEAD_AFTER_S")):
        monkeypatch.setattr(room, limit, PATIENCE_S)
    full = ("TOO_MANY", "as many are connected as may be")
    async with living(server_database, **{cap: 3}) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        ann, ben = [await live.server.member(admin, "engineer") for _ in range(2)]
        await live.server.tenant(root)
        other = await live.server.member(root, "tenant_admin")
        made = await admin.post("/devices", {"name": "R1", "address": "10.0.0.1"}, expect=201)
        hub = live.server.app.state.hub
        ends = Ends(live, ann, ben)
        await ends.begin(UUID(made["id"]))
        near, far = await ends.met()
        assert hub.places.taken.total() == 3, "Ben's line is one of them"
        assert await refusal(await ends.opened(uuid4())) == full
        assert await refusal(await ends.answered(uuid4())) == full
        why = await (await live.connect(ann, ends.near)).refused()
        assert (why.code, why.message) == full
        if cap == "live_tenant_lines":
            await (await live.join(other)).line.close()
        await far.close()
        assert (await refusal(near))[0] == "LEFT"
        for _ in range(2):  # each stays while it looks for another server
            assert (await refusal(await ends.answered(uuid4())))[0] == "ELSEWHERE"
        assert await refusal(await ends.answered(uuid4())) == full
        for end in ends.lines:
            await end.close()
        await until(lambda: hub.places.taken.total() == 1)
        await ends.met()
        for end in ends.lines:
            await end.close()
