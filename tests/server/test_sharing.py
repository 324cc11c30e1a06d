"""Who may open a credential, said on the server: what another audience takes from whom, and what was lost with a computer."""

from __future__ import annotations

import os
from typing import Any

from tests.server.clients import Person, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_installs import proven, text
from tests.server.test_secrets import engineers, fetched, put, team, told


def wraps_of(*installs: str, version: int = 1) -> dict[str, Any]:
    wraps = [{"install": one, "wrapped": text(os.urandom(80))} for one in installs]
    return {"epoch": 1, "version": version, "wraps": wraps}


async def shared(person: Person, credential: str) -> dict[str, Any]:
    (row,) = [r for r in await person.get("/sharing/credentials?limit=200") if r["credential"] == credential]
    return dict(row)


async def test_a_narrower_audience_takes_the_wraps_at_once_and_wants_another_key(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, _, credential = await team(server)
        van, spare = await proven(engineer), await proven(admin, "Spare")
        path = f"/credentials/{credential}/audience"
        await engineers(admin, credential)
        first = told(van, spare)
        await put(engineer, credential, first)
        only = {"kind": "people", "people": [admin.opened["user"]["id"]]}
        assert [one["id"] for one in await admin.post(path, only)] == [spare], "asked before it is changed"
        assert (await admin.get(path))["kind"] == "engineers"
        await admin.ask("PUT", path, only, expect=200)
        assert await fetched(engineer, van) == {}
        assert (await shared(admin, credential))["holders"] == ["Spare"]
        assert (await engineer.get(f"/installs/{van}/owed"))["renew"] == []
        assert (await admin.get(f"/installs/{spare}/owed"))["renew"] == [credential]
        stale = {**told(spare), "after": 7}
        said = await admin.refused("PUT", f"/credentials/{credential}/secret", stale)
        assert said == (409, "SECRET_CONFLICT"), "it is in no other's place than it says"
        assert await put(admin, credential, {**told(spare), "after": 1}) == 2
        assert (await admin.get(f"/installs/{spare}/owed"))["renew"] == []
        events = await admin.get("/events?kind=secret_changed")
        assert [one["body"]["version"] for one in events] == [1], "another key is no other secret"


async def test_a_change_that_would_leave_nobody_with_the_secret_is_refused(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, _, credential = await team(server)
        van = await proven(engineer)
        path = f"/credentials/{credential}/audience"
        await engineers(admin, credential)
        await put(engineer, credential, told(van))
        hill = await proven(admin, "Hill", "collector")
        for body in ({"kind": "server"}, {"kind": "server", **wraps_of(hill, version=3)}):
            assert (await admin.refused("PUT", path, body))[0] == 409, body
        assert (await admin.get(path))["kind"] == "engineers" and await fetched(engineer, van)
        said = await engineer.refused("PUT", path, {"kind": "server", **wraps_of(van)})
        assert said == (404, "INSTALL_NOT_FOUND"), "no wrap is left for who may not hold it then"
        await engineer.ask("PUT", path, {"kind": "server", **wraps_of(hill)}, expect=200)
        assert await fetched(engineer, van) == {} and await fetched(admin, hill)
        only = {"kind": "people", "people": [engineer.opened["user"]["id"]]}
        assert (await engineer.refused("PUT", path, only)) == (409, "HOLDER_CONFLICT")
        await engineer.ask("PUT", path, {**only, "is_left": True}, expect=200)
        assert (await shared(admin, credential))["holders"] == []
        await put(engineer, credential, told(van))
        assert (await shared(admin, credential))["holders"] == ["Van"]


async def test_what_a_revoked_computer_held_is_listed_until_the_secret_is_another(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin, engineer, _, credential = await team(server)
        van, spare = await proven(engineer), await proven(admin, "Spare")
        await proven(admin, "Hill", "collector")
        told_of = await engineer.get("/sharing")
        assert told_of["collectors"] == ["Hill"]
        assert {one["role"] for one in told_of["people"]} == {"engineer", "tenant_admin"}
        await engineers(admin, credential)
        await put(engineer, credential, told(van, spare))
        assert (await shared(engineer, credential))["lost"] == []
        await admin.ask("DELETE", f"/installs/{van}", expect=200)
        (lost,) = (await shared(engineer, credential))["lost"]
        assert (lost["install"], lost["name"]) == (van, "Van")
        limited = await server.member(
            admin, "engineer", sites=[(await admin.post("/sites", {"name": "S"}, expect=201))["id"]]
        )
        (lost,) = (await shared(limited, credential))["lost"]
        assert (lost["install"], lost["name"]) == (van, ""), (
            "who changes it on the routers hears of it, whoever's it was"
        )
        await put(admin, credential, {**told(spare, epoch=2), "after": 1})
        assert (await shared(engineer, credential))["lost"], "another key changes nothing on the routers"
        await put(admin, credential, told(spare, epoch=2))
        row = await shared(engineer, credential)
        assert row["lost"] == [] and row["has_secret"]
