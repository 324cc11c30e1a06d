"""Who is limited to sites sees what stands there and beneath, changes that alone, and the rest is not there for him."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_devices import ANY, a_device, names


@dataclass
class Valley:
    """Two sites, one under the other, and a third; a device at each and one at none; links between; somebody of the first."""

    admin: Person
    local: Person
    ids: dict[str, str]


async def a_valley(server: Server) -> Valley:
    root = await server.found()
    await server.tenant(root)
    admin = await server.member(root, "tenant_admin")
    ids: dict[str, str] = {}
    for name, pop in (("north", None), ("beneath", "north"), ("south", None)):
        body = {"name": name, "pop": ids.get(str(pop)), "lng": 10.0, "lat": 47.0}
        ids[name] = (await admin.post("/sites", body, expect=201))["id"]
    for number, name in enumerate(("north", "beneath", "south", ""), 1):
        fields = {"site": ids.get(name), "lng": 10.0, "lat": 47.0, "tags": [f"of {name or 'none'}"]}
        made = await a_device(admin, f"R {name or 'none'}", f"10.0.0.{number}", **fields)
        ids[f"R {name or 'none'}"] = made["id"]
    for a, b in (("north", "beneath"), ("north", "south"), ("south", "none")):
        ends = {"a": ids[f"R {a}"], "b": ids[f"R {b}"], "note": f"{a}-{b}"}
        ids[f"{a}-{b}"] = (await admin.post("/links", ends, expect=201))["id"]
    return Valley(admin, await server.member(admin, "engineer", sites=[ids["north"]]), ids)


async def seen(person: Person) -> dict[str, set[str]]:
    """Return all that somebody sees in lists."""
    return {
        "sites": set(await names(person, "/sites")),
        "devices": set(await names(person, "/devices")),
        "links": {link["note"] for link in await person.get("/links")},
        "words": set(await names(person, "/devices?q=R")),
        "box": set(await names(person, "/devices?bbox=9,46,11,48")),
        "sites in the box": set(await names(person, "/sites?bbox=9,46,11,48")),
    }


WITHIN = {"R north", "R beneath"}
SEEN = {
    "sites": {"north", "beneath"},
    "devices": WITHIN,
    "links": {"north-beneath", "north-south"},
    "words": WITHIN,
    "box": WITHIN,
    "sites in the box": {"north", "beneath"},
}


async def test_lists_hold_what_stands_at_the_sites_and_beneath_them(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        valley = await a_valley(server)
        assert await seen(valley.local) == SEEN
        assert len((await seen(valley.admin))["devices"]) == 4
        key = await valley.admin.post(
            "/keys", {"name": "K", "scopes": ["read"], "sites": [valley.ids["north"]]}, expect=201
        )
        assert await seen(server.somebody(key["secret"])) == SEEN


async def test_what_is_beyond_reach_is_not_there(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        valley = await a_valley(server)
        local, ids = valley.local, valley.ids
        for path, name, code in (
            ("devices", "R south", "DEVICE_NOT_FOUND"),
            ("devices", "R none", "DEVICE_NOT_FOUND"),
            ("sites", "south", "SITE_NOT_FOUND"),
            ("links", "south-none", "LINK_NOT_FOUND"),
        ):
            one = f"/{path}/{ids[name]}"
            body = {"note": "mine"}
            assert await local.refused("GET", one) == (404, code)
            assert await local.refused("PATCH", one, body, **ANY) == (404, code)
            assert await local.refused("DELETE", one) == (404, code)
        across = f"/links/{ids['north-south']}"
        assert (await local.get(across))["note"] == "north-south"
        assert await local.refused("PATCH", across, {"note": "mine"}, **ANY) == (404, "LINK_NOT_FOUND")
        assert await local.refused("DELETE", across) == (404, "LINK_NOT_FOUND")


async def test_nobody_puts_a_thing_where_he_does_not_reach(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        valley = await a_valley(server)
        local, ids = valley.local, valley.ids
        denied = (403, "INSUFFICIENT_PERMISSIONS")
        for site in (None, ids["south"]):
            body: dict[str, Any] = {"name": "New", "address": "10.1.0.1", "site": site}
            assert await local.refused("POST", "/devices", body) == denied
            moved = await local.refused("PATCH", f"/devices/{ids['R north']}", {"site": site}, **ANY)
            assert moved == denied
        assert await local.refused("POST", "/sites", {"name": "New"}) == denied
        assert await local.refused("POST", "/sites", {"name": "New", "pop": ids["south"]}) == denied
        ends = {"a": ids["R north"], "b": ids["R south"]}
        assert await local.refused("POST", "/links", ends) == denied
        made = await local.post("/sites", {"name": "New", "pop": ids["beneath"]}, expect=201)
        await a_device(local, "New", "10.1.0.1", site=made["id"])
        twin = await local.refused(
            "POST", "/devices", {"name": "T", "address": "10.0.0.3", "site": made["id"]}
        )
        assert twin == (409, "DEVICE_ALREADY_EXISTS"), "an address is taken, also beyond reach"


async def test_a_reach_of_no_site_that_is_there_reaches_nothing(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        valley = await a_valley(server)
        user = valley.local.opened["user"]["id"]
        await server.owner.execute(
            "UPDATE identity.membership SET sites = $1 WHERE account_id = $2", [uuid4()], user
        )
        assert set().union(*(await seen(valley.local)).values()) == set()
