"""Maps of a team on its server: shared and taken back by whom, brought in pieces, for every role and no other tenant."""

from __future__ import annotations

import asyncio
import base64
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from domain.blobs import PIECE_BYTES
from domain.roles import PERMISSIONS, TENANT_ROLES
from sync_server.api import pieces
from sync_server.upkeep import PART_KEPT_US, Upkeep
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_pictures import principal

MAP = b"PMTiles\x03" + bytes(range(256)) * 3_000
DIGEST = sha256(MAP).hexdigest()
PIECE = 200_000


async def team(server: Server) -> tuple[Person, Person]:
    """Return the administrator of a new tenant and an engineer."""
    root = await server.found()
    await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    return admin, await server.member(admin, "engineer")


def who(person: Person) -> str:
    """Return somebody's account."""
    return str(person.opened["user"]["id"])


def fields(person: Person, data: bytes = MAP, **more: Any) -> dict[str, Any]:
    """Return the fields of a map as somebody shares it."""
    size = {"size_bytes": len(data), "schema": "protomaps", "min_zoom": 0, "max_zoom": 14}
    named = {"name": "Valley", "digest": sha256(data).hexdigest(), "bounds": [9.0, 47.4, 10.6, 48.0]}
    by = {"author": str(person.opened["user"]["name"]), "sharer": who(person)}
    return {**named, **size, "added_us": 10**15, **by, **more}


async def edited(person: Person, id: str, before: Any, after: Any, **more: Any) -> tuple[str, list[str]]:
    """Send an edit of one map; return its id, and the words of what is refused of it."""
    step = {"kind": "team_map", "id": id, "before": before, "after": after}
    edit = {"id": str(uuid4()), "at_us": 10**15, "title": "A map", "steps": [step], **more}
    (said,) = (await person.ask("POST", "/edits", {"edits": [edit]}, expect=200)).json()["data"]
    return edit["id"], [refusal["message"] for refusal in said.get("refusals", ())]


async def share(person: Person, data: bytes = MAP, **more: Any) -> str:
    """Share a map; return its id."""
    id = str(uuid4())
    assert (await edited(person, id, None, fields(person, data, **more)))[1] == []
    return id


async def put(person: Person, data: bytes, offset: int, *, of: bytes = MAP) -> int:
    """Bring a piece; return how much is there."""
    body = {"size": len(of), "offset": offset, "data": base64.b64encode(data).decode()}
    path = f"/maps/{sha256(of).hexdigest()}"
    have: int = (await person.ask("PUT", path, body, expect=200)).json()["data"]["have"]
    return have


async def bring(person: Person, data: bytes = MAP) -> None:
    """Bring a map whole, from where the server has it."""
    have = await put(person, b"", 0, of=data)
    while have < len(data):
        have = await put(person, data[have : have + PIECE], have, of=data)


async def swept(server: Server) -> None:
    """Wait until what goes is gone."""
    async with asyncio.timeout(60):
        while await server.owner.fetchval("SELECT count(*) FROM sync.picture WHERE have = 0"):  # noqa: ASYNC110 a table
            await asyncio.sleep(0.01)


async def fetched(person: Person, data: bytes = MAP) -> bytes:
    """Fetch a map whole."""
    got = b""
    while len(got) < len(data):
        piece = await person.get(f"/maps/{sha256(data).hexdigest()}?offset={len(got)}")
        assert piece["size"] == len(data)
        got += base64.b64decode(piece["data"])
    return got


async def test_a_map_goes_on_where_it_was_cut_off_and_is_told_when_it_is_whole(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, mara = await team(server)
        assert await mara.refused("GET", f"/maps/{DIGEST}") == (404, "MAP_NOT_FOUND")
        id = await share(mara)
        assert await put(mara, MAP[:PIECE], 0) == PIECE
        for offset in (0, 5, PIECE + 1):
            assert await put(mara, MAP[offset : offset + 9], offset) == PIECE
        there = {"digest": DIGEST, "size": len(MAP), "have": PIECE, "is_whole": False}
        assert await admin.get("/maps") == [there]
        assert await admin.refused("GET", f"/maps/{DIGEST}") == (404, "MAP_NOT_FOUND")
        told = "SELECT revision FROM sync.touched WHERE id = $1"
        before = await server.owner.fetchval(told, id)
        await bring(admin)
        assert await server.owner.fetchval(told, id) > before, "who sees it looks when it is whole"
        assert await fetched(mara) == MAP
        assert await put(mara, MAP[:PIECE], 0) == len(MAP)
        assert [row["act"] for row in await admin.get("/audit")].count("map.kept") == 1


async def test_what_came_whole_and_was_not_hashed_is_hashed_when_it_is_asked_for_again(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        _, mara = await team(server)
        await share(mara)

        async def cut_off(call: Any, id: str) -> str:
            raise TimeoutError("cut off")

        with monkeypatch.context() as patch:
            patch.setattr(pieces, "_hash", cut_off)
            with pytest.raises((TimeoutError, AssertionError)):
                await bring(mara)
        (there,) = await mara.get("/maps")
        assert (there["have"], there["is_whole"]) == (len(MAP), False)
        assert await put(mara, b"", 0) == len(MAP)
        assert await fetched(mara) == MAP


async def test_a_damaged_file_no_map_and_a_picture_under_its_name_are_kept_for_nobody(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, mara = await team(server)
        await share(mara)
        url, damaged = f"/maps/{DIGEST}", MAP[:-1] + b"!"
        have = 0
        while have + PIECE < len(damaged):
            have = await put(mara, damaged[have : have + PIECE], have)
        rest = {"size": len(MAP), "offset": have, "data": base64.b64encode(damaged[have:]).decode()}
        assert await mara.refused("PUT", url, rest) == (422, "MAP_DAMAGED")
        assert await mara.get("/maps") == []
        await swept(server)
        assert await server.owner.fetchval("SELECT count(*) FROM sync.picture_piece") == 0
        for data in (b"\x89PNG\r\n\x1a\n", b"PMTiles\x02", b"<svg>", MAP[: PIECE_BYTES + 1]):
            body = {"size": len(MAP), "offset": 0, "data": base64.b64encode(data).decode()}
            assert await mara.refused("PUT", url, body) == (422, "INVALID_INPUT"), data[:9]
        for size in (0, 9, len(MAP) - 1, len(MAP) + 1):
            body = {"size": size, "offset": 0, "data": base64.b64encode(MAP[:9]).decode()}
            said = (await mara.ask("PUT", url, body, expect=422)).json()["error"]
            assert said["details"][0]["field"] == "size", size
        assert await mara.get("/maps") == []
        tenant = (await mara.get("/auth/me"))["tenant"]
        await server.owner.execute("INSERT INTO sync.picture VALUES ($1, $2, 9, 0, false, 1)", tenant, DIGEST)
        assert await mara.refused("PUT", url, {**body, "size": len(MAP)}) == (409, "MAP_CONFLICT")
        assert await mara.get("/maps") == []


async def test_a_large_map_and_a_full_store_are_refused_in_words_and_what_is_taken_back_makes_room_at_once(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database, map_mb=1, tenant_maps_mb=1) as server:
        _, mara = await team(server)
        first = await share(mara)
        await bring(mara)
        other = MAP + b"another"
        await share(mara, other, name="Other")
        url = f"/maps/{sha256(other).hexdigest()}"
        piece = {"offset": 0, "data": base64.b64encode(other[:PIECE]).decode()}
        other_size = fields(mara, b"large", size_bytes=2_000_000, name="Large")
        assert (await edited(mara, str(uuid4()), None, other_size))[1] == []
        large = f"/maps/{sha256(b'large').hexdigest()}"
        said = (await mara.ask("PUT", large, {**piece, "size": 2_000_000}, expect=422)).json()["error"]
        assert said["message"] == (
            "this server takes maps of up to 1 MB (HELIOGRAPH_MAP_MB): cut an area out of it"
        )
        said = (await mara.ask("PUT", url, {**piece, "size": len(other)}, expect=422)).json()["error"]
        assert (said["code"], said["message"]) == (
            "MAPS_FULL",
            "the team's maps fill 1 MB (HELIOGRAPH_TENANT_MAPS_MB): take some back",
        )
        assert (await edited(mara, first, fields(mara), None))[1] == []
        assert await mara.refused("GET", f"/maps/{DIGEST}") == (404, "MAP_NOT_FOUND")
        await bring(mara, other)
        assert await fetched(mara, other) == other
        await swept(server)
        assert await server.owner.fetchval("SELECT count(*) FROM sync.picture") == 1


async def test_upkeep_keeps_what_is_shared_and_drops_what_was_taken_back_after_a_day(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        _, mara = await team(server)
        id = await share(mara)
        await bring(mara)
        at_work, now_us = Upkeep(server.services.database, server.services.settings), 10**15
        await server.owner.execute("UPDATE sync.picture SET used_us = $1", now_us - 2 * PART_KEPT_US)
        assert await at_work.prune_pictures(now_us) == 0
        assert (await edited(mara, id, fields(mara), None))[1] == []
        assert await at_work.prune_pictures(now_us + PART_KEPT_US) == 0
        assert await at_work.prune_pictures(now_us + PART_KEPT_US + 1) == 1


async def test_a_map_is_changed_and_taken_back_by_who_shared_it_or_an_administrator_and_by_nobody_else(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, mara = await team(server)
        joe = await server.member(admin, "engineer")
        forged = fields(joe) | {"sharer": who(mara)}
        assert (await edited(joe, str(uuid4()), None, forged))[1] == [
            "a map is shared by whoever shares it: your own account"
        ]
        assert (await edited(joe, str(uuid4()), None, fields(joe) | {"sharer": None}))[1] != []
        id = await share(mara)
        others = "somebody else shared this map: they take it back, or an administrator of the team"
        assert (await edited(joe, id, {"name": "Valley"}, {"name": "Mine"}))[1] == [others]
        assert (await edited(joe, id, fields(mara), None))[1] == [others]
        mine = "a map is shared by whoever shares it: your own account"
        for person in (mara, admin):  # nobody gives it to somebody else
            taken = await edited(person, id, {"sharer": who(mara)}, {"sharer": who(joe)})
            assert taken[1] == [mine]
        twin = await edited(joe, str(uuid4()), None, fields(joe, name="Twin"))
        assert twin[1] == ["that map is in the team already, as Valley"]
        assert (await edited(mara, id, {"name": "Valley"}, {"name": "The valley"}))[1] == []
        undone, said = await edited(admin, id, fields(mara, name="The valley"), None)
        assert said == []
        await admin.ask("POST", f"/edits/{undone}/undo", expect=201)
        assert await server.owner.fetchval("SELECT sharer::text FROM team_map WHERE id = $1", id) == who(mara)
        assert (await edited(mara, id, fields(mara, name="The valley"), None))[1] == []


async def test_nobody_shares_under_the_name_of_somebody_else_or_undoes_a_take_back_of_somebody_else(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, mara = await team(server)
        joe = await server.member(admin, "engineer", name="Joe")
        mine = "a map is shared by whoever shares it: your own account"
        named = f"a map is shared under the name of your own account: {joe.opened['user']['name']}"
        assert (await edited(joe, str(uuid4()), None, fields(joe, author="Somebody")))[1] == [named]
        kept = await share(joe, MAP + b"j", author="")
        assert (await edited(joe, kept, {"author": ""}, {"author": "Somebody"}))[1] == [named]
        id = await share(mara)
        taken_back, said = await edited(admin, id, fields(mara), None)
        assert said == []
        for after in (fields(mara), fields(mara, name="Another"), fields(mara, MAP + b"forged")):
            assert mine in (await edited(joe, id, None, after, undoes=taken_back))[1]
        forged = fields(mara, MAP + b"forged")
        assert mine in (await edited(admin, id, None, forged, undoes=taken_back))[1]
        assert await server.owner.fetchval("SELECT count(*) FROM team_map WHERE id = $1", id) == 0
        assert (await edited(admin, id, None, fields(mara), undoes=taken_back))[1] == []


async def test_each_role_sees_the_teams_maps_and_who_may_edit_shares_them_and_no_other_tenant_sees_any(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        site = (await admin.post("/sites", {"name": "N"}, expect=201))["id"]
        people = {role: await server.member(admin, role) for role in TENANT_ROLES if role != "tenant_admin"}
        await share(admin)
        await bring(admin)
        for role, person in people.items():
            may = "edits:write" in PERMISSIONS[role]
            assert [one["digest"] for one in await person.get("/maps")] == [DIGEST], role
            assert await fetched(person) == MAP, role
            body = {"size": len(MAP), "offset": 0, "data": ""}
            if may:
                assert await put(person, b"", 0) == len(MAP)
                await share(person, MAP + role.encode())
            else:
                denied = (403, "INSUFFICIENT_PERMISSIONS")
                assert await person.refused("PUT", f"/maps/{DIGEST}", body) == denied
                step = {"kind": "team_map", "id": str(uuid4()), "before": None, "after": fields(person)}
                edit = {"id": str(uuid4()), "at_us": 1, "title": "A map", "steps": [step]}
                assert await person.refused("POST", "/edits", {"edits": [edit]}) == denied, role
        local = await server.member(admin, "engineer", sites=[site])
        assert await fetched(local) == MAP, "a map lies at no site"
        denied = (403, "INSUFFICIENT_PERMISSIONS")
        assert await local.refused("PUT", f"/maps/{DIGEST}", body) == denied, "nor for some of its sites"
        assert (await edited(local, str(uuid4()), None, fields(local, MAP + b"l")))[1] == [
            "you reach some sites only, and may not change maps of the team"
        ]
        await server.tenant(root)
        stranger = await server.member(root, "tenant_admin")
        assert await stranger.get("/maps") == []
        for method, given in (("GET", None), ("PUT", {"size": len(MAP), "offset": 0, "data": ""})):
            assert await stranger.refused(method, f"/maps/{DIGEST}", given) == (404, "MAP_NOT_FOUND")
        theirs = await principal(server, stranger)
        async with server.services.database.transaction(theirs) as transaction:
            for table in ("team_map", "sync.picture", "sync.picture_piece"):
                assert await transaction.fetchval(f"SELECT count(*) FROM {table}") == 0, table
        own = await share(stranger)  # the same file, in another team: a map of its own
        assert await stranger.refused("GET", f"/maps/{DIGEST}") == (404, "MAP_NOT_FOUND")
        assert (await edited(stranger, own, fields(stranger), None))[1] == []
        assert await fetched(admin) == MAP
