"""Large maps of a team on its server hold nobody up: not while they are hashed, not while they come, not while they go."""

from __future__ import annotations

import asyncio
import threading
from hashlib import sha256

import pytest

from sync_server.api import hashing, pieces
from sync_server.upkeep import Upkeep
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_team_maps import (
    DIGEST,
    MAP,
    PIECE,
    bring,
    edited,
    fetched,
    fields,
    put,
    share,
    swept,
    team,
)


async def team_of_another(server: Server) -> tuple[Person, Person]:
    """Return the administrator of one more tenant and an engineer."""
    root = await server.log_in("root@platform")
    await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    return admin, await server.member(admin, "engineer")


class Hashing:
    """Hashes what the server hashes, and does not go on before it may."""

    may_go_on = threading.Event()

    def __init__(self) -> None:
        self._hashed = sha256()

    def update(self, data: bytes) -> None:
        """Take more; in a thread, as hashes are."""
        assert self.may_go_on.wait(60)
        self._hashed.update(data)

    def hexdigest(self) -> str:
        """Return what it is."""
        return self._hashed.hexdigest()


async def test_whoever_asks_while_a_map_is_hashed_is_answered_and_holds_no_connection(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "sha256", Hashing)
    monkeypatch.setattr(hashing, "ANSWER_S", 0.01)
    Hashing.may_go_on.clear()
    async with serving(server_database, pool_max=2, pool_wait_s=30.0) as server:
        try:
            _, mara = await team(server)
            stranger, _ = await team_of_another(server)
            await share(mara)
            await bring(mara)
            last = len(MAP) // PIECE * PIECE
            asked = [put(mara, b"", 0) for _ in range(10)]
            asked += [put(mara, MAP[at : at + PIECE], at) for at in (last, 0) for _ in range(5)]
            assert await asyncio.gather(*asked) == [len(MAP)] * 20
            assert await stranger.get("/maps") == []
            assert await mara.refused("GET", f"/maps/{DIGEST}") == (404, "MAP_NOT_FOUND")
        finally:
            Hashing.may_go_on.set()
        monkeypatch.setattr(hashing, "ANSWER_S", 60.0)
        assert await put(mara, b"", 0) == len(MAP)
        assert await fetched(mara) == MAP


async def test_whoever_brings_what_somebody_else_is_just_bringing_is_told_how_much_is_there(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, mara = await team(server)
        await share(mara)
        assert await put(mara, MAP[:PIECE], 0) == PIECE
        async with server.owner.transaction():
            await server.owner.execute("SELECT FROM sync.picture FOR UPDATE")
            assert await put(mara, b"", 0) == PIECE
            assert await put(mara, MAP[PIECE : 2 * PIECE], PIECE) == PIECE
        assert await put(mara, MAP[PIECE : 2 * PIECE], PIECE) == 2 * PIECE


async def test_what_goes_makes_room_and_is_given_to_nobody_while_its_pieces_are_deleted_some_at_a_time(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces_left = "SELECT count(*) FROM sync.picture_piece WHERE digest = $1"
    async with serving(server_database, map_mb=1, tenant_maps_mb=1) as server:
        _, mara = await team(server)
        id, other = await share(mara), MAP + b"another"
        await bring(mara)
        all_pieces = await server.owner.fetchval(pieces_left, DIGEST)
        await share(mara, other, name="Other")
        assert (await edited(mara, id, fields(mara), None))[1] == []
        monkeypatch.setattr(pieces, "PIECES_DROPPED", 1)
        async with server.owner.transaction():  # the last one cannot go
            await server.owner.execute(
                "SELECT FROM sync.picture_piece WHERE digest = $1 AND start > 0 FOR UPDATE", DIGEST
            )
            await bring(mara, other)
            assert await fetched(mara, other) == other, "it has made room"
            await share(mara)
            assert [one["digest"] for one in await mara.get("/maps")] == [sha256(other).hexdigest()]
            assert await put(mara, MAP[:PIECE], 0) == 0, "it goes first"
            assert await server.owner.fetchval(pieces_left, DIGEST) >= all_pieces - 1
        await swept(server)
        assert await server.owner.fetchval(pieces_left, DIGEST) == 0


async def test_upkeep_deletes_what_a_server_left_that_ended(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, mara = await team(server)
        await share(mara)
        await bring(mara)
        await server.owner.execute("UPDATE sync.picture SET have = 0, is_whole = false")
        at_work = Upkeep(server.services.database, server.services.settings)
        assert await at_work.prune_pictures(10**15) == 1
        assert await server.owner.fetchval("SELECT count(*) FROM sync.picture_piece") == 0
        await bring(mara)
        assert await fetched(mara) == MAP
