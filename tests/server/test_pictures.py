"""Pictures of a team's schematics on its server: in pieces, resumed, and for whoever sees the schematic."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from sync_server import upkeep
from sync_server.upkeep import PICTURE_KEPT_US, Upkeep
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3_000
DIGEST = sha256(PICTURE).hexdigest()
PIECE = 200_000


async def show(server: Server, admin: Person, digest: str = DIGEST, site: str | None = None) -> str:
    """Make a diagram over a picture."""
    id = str(uuid4())
    tenant = (await admin.get("/auth/me"))["tenant"]
    await server.owner.execute(
        "INSERT INTO diagram (tenant_id, id, name, background, background_width, note, site_id)"
        " VALUES ($1, $2, 'Tower', $3, 1000, '', $4)",
        tenant,
        id,
        digest,
        site,
    )
    return id


async def put(person: Person, data: bytes, offset: int, *, of: bytes = PICTURE, name: str = DIGEST) -> int:
    """Bring a piece; return how much is there."""
    body = {"size": len(of), "offset": offset, "data": base64.b64encode(data).decode()}
    have: int = (await person.ask("PUT", f"/pictures/{name}", body, expect=200)).json()["data"]["have"]
    return have


async def bring(person: Person, picture: bytes = PICTURE) -> None:
    """Bring a picture whole, from where the server has it."""
    name = sha256(picture).hexdigest()
    have = await put(person, b"", 0, of=picture, name=name)
    while have < len(picture):
        have = await put(person, picture[have : have + PIECE], have, of=picture, name=name)


async def fetched(person: Person, name: str = DIGEST) -> bytes:
    """Fetch a picture whole."""
    data = b""
    while True:
        piece = await person.get(f"/pictures/{name}?offset={len(data)}")
        data += base64.b64decode(piece["data"])
        if len(data) >= piece["size"]:
            return data


async def team(server: Server) -> tuple[Person, Person]:
    """Return the administrator of a new tenant and an engineer."""
    root = await server.found()
    await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    return admin, await server.member(admin, "engineer")


async def test_a_picture_goes_on_where_it_was_cut_off_and_is_told_when_it_is_whole(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, mara = await team(server)
        diagram = await show(server, admin)
        assert await put(mara, b"", 0) == 0
        assert await put(mara, PICTURE[:PIECE], 0) == PIECE
        for offset in (0, 5, PIECE + 1, len(PICTURE)):
            assert await put(mara, PICTURE[offset : offset + 9] or b"x", offset) == PIECE
        assert await mara.get("/pictures") == [
            {"digest": DIGEST, "size": len(PICTURE), "have": PIECE, "is_whole": False}
        ]
        assert await mara.refused("GET", f"/pictures/{DIGEST}") == (404, "PICTURE_NOT_FOUND")
        touched = "SELECT max(revision) FROM sync.touched WHERE id = $1"
        assert await server.owner.fetchval(touched, diagram) is None
        await bring(admin)
        assert await fetched(mara) == PICTURE
        assert await server.owner.fetchval(touched, diagram) > 0
        assert [row["act"] for row in await admin.get("/audit")].count("picture.kept") == 1
        assert await put(mara, PICTURE[:PIECE], 0) == len(PICTURE)


async def test_whoever_says_another_size_later_brings_no_more_than_was_announced(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, mara = await team(server)
        await show(server, admin)
        assert await put(mara, PICTURE[:PIECE], 0, of=PICTURE[: PIECE + 9]) == PIECE
        body = {"size": len(PICTURE), "offset": PIECE, "data": base64.b64encode(PICTURE[:10]).decode()}
        said = (await mara.ask("PUT", f"/pictures/{DIGEST}", body, expect=422)).json()["error"]
        assert said["message"] == f"{PIECE + 9} bytes were announced, and here are more"


async def test_what_lies_about_itself_is_kept_for_nobody(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin, mara = await team(server)
        await show(server, admin)
        url = f"/pictures/{DIGEST}"
        damaged = PICTURE[:-1] + b"!"
        assert await put(mara, damaged[:PIECE], 0) == PIECE
        have = PIECE
        while have + PIECE < len(damaged):
            have = await put(mara, damaged[have : have + PIECE], have)
        rest = base64.b64encode(damaged[have:]).decode()
        said = await mara.refused("PUT", url, {"size": len(damaged), "offset": have, "data": rest})
        assert said == (422, "PICTURE_DAMAGED")
        assert await mara.get("/pictures") == []
        cases: list[dict[str, Any]] = [
            {"size": 0, "offset": 0, "data": ""},
            {"size": 8 * 1024 * 1024 + 1, "offset": 0, "data": ""},
            {"size": 10, "offset": 0, "data": base64.b64encode(PICTURE[:11]).decode()},
            {"size": 100, "offset": 0, "data": base64.b64encode(b"<svg onload=1>").decode()},
            {"size": 999_999, "offset": 0, "data": base64.b64encode(PICTURE[:262_145]).decode()},
            {"size": 100, "offset": 0, "data": "no base64!"},
        ]
        for body in cases:
            assert await mara.refused("PUT", url, body) == (422, "INVALID_INPUT"), body
        await bring(mara)
        assert await fetched(mara) == PICTURE


async def test_only_what_a_schematic_in_sight_shows_is_taken_and_given(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, mara = await team(server)
        assert await mara.refused("PUT", f"/pictures/{DIGEST}", {"size": 9, "offset": 0, "data": ""}) == (
            404,
            "PICTURE_NOT_FOUND",
        )
        north, south = [(await admin.post("/sites", {"name": name}, expect=201))["id"] for name in "NS"]
        limited = await server.member(admin, "engineer", sites=[north])
        viewer = await server.member(admin, "viewer")
        await show(server, admin, site=south)
        await bring(mara)
        assert await limited.refused("GET", f"/pictures/{DIGEST}") == (404, "PICTURE_NOT_FOUND")
        assert await limited.get("/pictures") == []
        assert await fetched(viewer) == PICTURE
        said = await viewer.refused("PUT", f"/pictures/{DIGEST}", {"size": 9, "offset": 0, "data": ""})
        assert said == (403, "INSUFFICIENT_PERMISSIONS")
        other = PICTURE + b"north"
        await show(server, admin, sha256(other).hexdigest(), site=north)
        await bring(limited, other)
        assert [one["digest"] for one in await limited.get("/pictures")] == [sha256(other).hexdigest()]
        for row in (
            "sync.picture",
            "sync.picture_piece",
        ):  # the database holds it too, where a route would not
            async with server.services.database.transaction(await principal(server, limited)) as transaction:
                found = await transaction.fetch(f"SELECT DISTINCT digest FROM {row}")
                assert [one["digest"] for one in found] == [sha256(other).hexdigest()]


async def principal(server: Server, person: Person) -> Any:
    """Return what the server knows of somebody."""
    from sync_server.security.principal import Origin

    return await server.services.admission.admit(person.token, Origin("192.0.2.1", "", ""), "api")


async def test_a_team_has_so_much_room_and_what_nobody_shows_makes_some_after_a_month(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database, tenant_pictures_mb=1) as server:
        admin, mara = await team(server)
        diagram = await show(server, admin)
        await bring(mara)
        other = PICTURE + b"another"
        name = sha256(other).hexdigest()
        await show(server, admin, name)
        body = {"size": len(other), "offset": 0, "data": base64.b64encode(other[:PIECE]).decode()}
        assert await mara.refused("PUT", f"/pictures/{name}", body) == (422, "PICTURES_FULL")
        at_work, now_us = Upkeep(server.services.database, server.services.settings), 10**15
        used = "UPDATE sync.picture SET used_us = $1"
        await server.owner.execute(used, now_us - 2 * PICTURE_KEPT_US)
        assert await at_work.prune_pictures(now_us) == 0
        await server.owner.execute("UPDATE diagram SET background = '' WHERE id = $1", diagram)
        assert await at_work.prune_pictures(now_us + PICTURE_KEPT_US) == 0
        assert await at_work.prune_pictures(now_us + PICTURE_KEPT_US + 1) == 1
        assert await server.owner.fetchval("SELECT count(*) FROM sync.picture_piece") == 0
        await bring(mara, other)
        async with server.services.database.transaction(await principal(server, mara)) as transaction:
            await transaction.execute("UPDATE sync.picture SET is_whole = false")
        assert await at_work.prune_pictures(now_us) == 0, "a part that just came"


_HANG = """
    INSERT INTO photo (tenant_id, id, digest, thumb, width, height, added_us, author, caption, site_id)
    VALUES ($1, gen_random_uuid(), $2, $3, 4, 3, 1, '', '', $4)
"""


async def test_what_a_photograph_is_made_of_stays_while_it_hangs_and_goes_a_month_later(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, mara = await team(server)
        small = PICTURE[:5_000]
        thumb = sha256(small).hexdigest()
        tenant = (await admin.get("/auth/me"))["tenant"]
        site = (await admin.post("/sites", {"name": "Hill"}, expect=201))["id"]
        assert await mara.refused("GET", f"/pictures/{thumb}") == (404, "PICTURE_NOT_FOUND")
        await server.owner.execute(_HANG, tenant, DIGEST, thumb, site)
        for picture in (PICTURE, small):
            await bring(mara, picture)
        assert {one["digest"] for one in await admin.get("/pictures")} == {DIGEST, thumb}
        first, second = sorted((DIGEST, thumb))
        assert [one["digest"] for one in await admin.get(f"/pictures?after={first}")] == [second]
        touched = "SELECT count(*) FROM sync.touched WHERE kind = 'photo'"
        assert await server.owner.fetchval(touched) == 1, "who sees it looks when its pictures are whole"
        at_work, now_us = Upkeep(server.services.database, server.services.settings), 10**15
        await server.owner.execute("UPDATE sync.picture SET used_us = $1", now_us - 2 * PICTURE_KEPT_US)
        assert await at_work.prune_pictures(now_us) == 0
        await server.owner.execute("DELETE FROM photo")
        assert await at_work.prune_pictures(now_us + PICTURE_KEPT_US) == 0
        assert await at_work.prune_pictures(now_us + PICTURE_KEPT_US + 1) == 2


_OLD = """
    INSERT INTO sync.picture (tenant_id, digest, size, have, is_whole, used_us)
    SELECT $1, name, 1, 1, true, 1 FROM unnest($2::text[]) AS u (name)
"""
_SHOWN = """
    INSERT INTO diagram (tenant_id, id, name, background, background_width, note)
    SELECT $1, gen_random_uuid(), 'Tower', name, 1000, '' FROM unnest($2::text[]) AS u (name)
"""


async def test_pictures_are_dropped_some_at_a_time_of_one_tenant_after_the_other(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "PICTURES_AT_ONCE", 2)
    async with serving(server_database) as server:
        root = await server.found()
        tenants = [await server.tenant(root) for _ in range(3)]
        for tenant in tenants:
            names = [sha256(f"{tenant} {n}".encode()).hexdigest() for n in range(6)]
            await server.owner.execute(_OLD, tenant, names)
            await server.owner.execute(_SHOWN, tenant, names[:3])
        database, left = server.services.database, [18]
        transaction = database.transaction

        @asynccontextmanager
        async def counted(who: Any) -> AsyncIterator[Any]:
            async with transaction(who) as held:
                yield held
            left.append(await server.owner.fetchval("SELECT count(*) FROM sync.picture"))

        monkeypatch.setattr(database, "transaction", counted)
        assert await Upkeep(database, server.services.settings).prune_pictures(10**15) == 9
        assert max(before - after for before, after in pairwise(left)) == 2
        rows = await server.owner.fetch(
            "SELECT tenant_id::text, used_us, count(*) FROM sync.picture GROUP BY 1, 2"
        )
        assert sorted(map(tuple, rows)) == sorted((tenant, 10**15, 3) for tenant in tenants)
