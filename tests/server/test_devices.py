"""Devices and sites over the API: made, found, changed by two at once, deleted; every change an edit."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from domain.edit import change
from domain.inventory import Device
from sync_server.database import Transaction
from sync_server.inventory import part_for
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase

ANY = {"headers": {"If-Match": "*"}}


async def an_engineer(server: Server) -> Person:
    """Return an engineer of a tenant."""
    root = await server.found()
    await server.tenant(root)
    return await server.member(root, "engineer")


async def a_device(engineer: Person, name: str, address: str, **fields: Any) -> dict[str, Any]:
    """Make a device."""
    made: dict[str, Any] = await engineer.post(
        "/devices", {"name": name, "address": address, **fields}, expect=201
    )
    return made


async def names(person: Person, path: str) -> list[str]:
    return [one["name"] for one in await person.get(path)]


async def test_a_device_is_made_read_changed_and_deleted(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        body = {"name": "Hilltop", "region": "North", "lng": 12.5, "lat": 47.25}
        site = await engineer.post("/sites", body, expect=201)
        fields = {
            "site": site["id"],
            "role": "relay",
            "probes": [{"kind": "icmp"}],
            "lng": -0.1,
            "lat": 1e-7,
            "tags": ["core"],
        }
        made = await a_device(engineer, "R1", "10.0.0.1", **fields)
        for name, value in fields.items():
            if name != "probes":
                assert made[name] == value
        assert (made["probes"][0]["kind"], made["status"]) == ("icmp", "unknown")
        said = await engineer.ask("GET", f"/devices/{made['id']}", expect=200)
        assert said.json()["data"] == made
        assert said.headers["ETag"] == made["etag"]
        tag = {"headers": {"If-Match": made["etag"]}}
        changed = (
            await engineer.ask("PATCH", f"/devices/{made['id']}", {"name": "R2"}, expect=200, **tag)
        ).json()
        assert changed["data"] == {**made, "name": "R2", "etag": changed["data"]["etag"]}
        assert (await engineer.get(f"/sites/{site['id']}"))["devices"] == 1
        assert await engineer.refused("DELETE", f"/sites/{site['id']}") == (409, "IN_USE")
        await engineer.ask("DELETE", f"/devices/{made['id']}", expect=204)
        await engineer.ask("DELETE", f"/sites/{site['id']}", expect=204)
        assert await engineer.refused("GET", f"/devices/{made['id']}") == (404, "DEVICE_NOT_FOUND")


async def test_of_two_who_change_a_device_the_second_sees_what_the_first_did(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        made = await a_device(engineer, "R1", "10.0.0.1")
        path, tag = f"/devices/{made['id']}", {"headers": {"If-Match": made["etag"]}}
        await engineer.ask("PATCH", path, {"note": "mine"}, expect=200, **tag)
        assert await engineer.refused("PATCH", path, {"note": "yours"}, **tag) == (412, "VERSION_STALE")
        assert await engineer.refused("DELETE", path, **tag) == (412, "VERSION_STALE")
        assert await engineer.refused("PATCH", path, {"note": "yours"}) == (428, "VERSION_REQUIRED")
        await engineer.ask("PATCH", path, {"note": "yours"}, expect=200, **ANY)
        assert (await engineer.get(path))["note"] == "yours"


async def test_every_change_is_an_edit_a_journal_row_and_a_row_of_the_audit(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        made = await a_device(engineer, "R1", "10.0.0.1")
        await engineer.ask("PATCH", f"/devices/{made['id']}", {"name": "R2"}, expect=200, **ANY)
        await engineer.ask("DELETE", f"/devices/{made['id']}", expect=204)
        edits = await server.owner.fetch("SELECT origin, seq, state, body FROM edit ORDER BY seq")
        tenant = await server.owner.fetchrow("SELECT id, revision FROM tenant")
        assert [(row["origin"], row["seq"], row["state"]) for row in edits] == [
            (tenant["id"], seq, "confirmed") for seq in (1, 2, 3)
        ]
        assert tenant["revision"] == 3
        journal = await server.owner.fetch("SELECT seq, kind, subject::text FROM journal ORDER BY seq")
        assert [tuple(row) for row in journal] == [(seq, "edit_applied", made["id"]) for seq in (1, 2, 3)]
        acts = await server.owner.fetch(
            "SELECT act FROM identity.audit WHERE subject = $1 ORDER BY seq", made["id"]
        )
        assert [row["act"] for row in acts] == ["device.made", "device.changed", "device.deleted"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "R", "address": "10.0.0.1"}, 409, "DEVICE_ALREADY_EXISTS"),
        ({"name": "R", "address": "10.0.0.256"}, 422, "INVALID_IP_ADDRESS"),
        ({"name": "R", "address": "10.0.0.2", "role": "toaster"}, 422, "INVALID_DEVICE_TYPE"),
        ({"name": "R"}, 422, "MISSING_REQUIRED_FIELD"),
        ({"name": "", "address": "10.0.0.2"}, 422, "MISSING_REQUIRED_FIELD"),
        ({"name": "a\u202eb", "address": "10.0.0.2"}, 422, "INVALID_INPUT"),
        ({"name": "R\0", "address": "10.0.0.2"}, 422, "INVALID_INPUT"),
        ({"name": "R", "address": "10.0.0.2", "id": "0" * 32}, 422, "INVALID_INPUT"),
        ({"name": "R", "address": "10.0.0.2", "tenant_id": "0" * 32}, 422, "INVALID_INPUT"),
        ({"name": "R", "address": "10.0.0.2", "lng": 181.0, "lat": 0.0}, 422, "INVALID_INPUT"),
        ({"name": "R", "address": "10.0.0.2", "subscribers": 10**30}, 422, "INVALID_INPUT"),
        ({"name": "R", "address": "10.0.0.2", "site": "0" * 32}, 404, "SITE_NOT_FOUND"),
        ({"name": "R", "address": "10.0.0.2", "note": "x" * 4001}, 422, "INVALID_INPUT"),
    ],
)
async def test_a_device_that_breaks_a_rule_is_refused(
    server_database: ServerDatabase, body: dict[str, Any], status: int, code: str
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        await a_device(engineer, "R1", "10.0.0.1")
        assert await engineer.refused("POST", "/devices", body) == (status, code)
        assert await names(engineer, "/devices") == ["R1"]


async def test_devices_are_found_by_words_site_role_tag_status_and_address(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        site = await engineer.post("/sites", {"name": "Grünau"}, expect=201)
        await a_device(engineer, "Zürich-Ost 50%_a", "10.0.0.1", role="pop", tags=["core", "x"])
        await a_device(engineer, "Bern", "10.0.0.2", site=site["id"], note="Backbone ÖST")
        await a_device(engineer, "بيروت", "2001:db8::1", tags=["core"])
        for query, found in {
            "": {"Zürich-Ost 50%_a", "Bern", "بيروت"},
            "?q=OST zür": {"Zürich-Ost 50%_a"},
            "?q=öst": {"Bern"},
            "?q=0%25_": {"Zürich-Ost 50%_a"},
            "?q=%25": {"Zürich-Ost 50%_a"},
            "?q=بيروت": {"بيروت"},
            "?q=10.0.0": {"Zürich-Ost 50%_a", "Bern"},
            "?q=' OR 1=1 --": set(),
            "?tag=core": {"Zürich-Ost 50%_a", "بيروت"},
            "?tag=core&role=pop": {"Zürich-Ost 50%_a"},
            f"?site={site['id']}": {"Bern"},
            "?address=2001:db8::1": {"بيروت"},
            "?status=unknown": {"Zürich-Ost 50%_a", "Bern", "بيروت"},
            "?status=down": set(),
        }.items():
            assert set(await names(engineer, f"/devices{query}")) == found, query
        for wrong in ("?role=toaster", "?site=x", "?limit=0", "?limit=201", "?cursor=!", f"?q={'a ' * 9}"):
            assert await engineer.refused("GET", f"/devices{wrong}") == (422, "INVALID_INPUT"), wrong


async def test_a_box_finds_what_stands_in_it_over_the_antimeridian_too(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        site = await engineer.post("/sites", {"name": "Taveuni", "lng": 180.0, "lat": -16.9}, expect=201)
        await a_device(engineer, "West", "10.0.0.1", lng=179.5, lat=-17.0)
        await a_device(engineer, "East", "10.0.0.2", lng=-179.5, lat=-17.0)
        await a_device(engineer, "At site", "10.0.0.3", site=site["id"])
        await a_device(engineer, "Far", "10.0.0.4", lng=0.0, lat=-17.0)
        await a_device(engineer, "Nowhere", "10.0.0.5")
        assert set(await names(engineer, "/devices?bbox=179,-18,-179,-16")) == {"West", "East", "At site"}
        assert await names(engineer, "/devices?bbox=-1,-18,1,-16") == ["Far"]
        assert await names(engineer, "/sites?bbox=179,-18,-179,-16") == ["Taveuni"]
        assert await names(engineer, "/devices?bbox=179,-18,-179,-16&address=10.0.0.2") == ["East"]
        assert await names(engineer, "/devices?bbox=179,-18,-179,-16&q=st") == ["East", "West"]
        assert await names(engineer, f"/devices?bbox=-180,-18,180,-16&site={site['id']}") == ["At site"]
        for wrong in ("1,2,3", "0,5,1,4", "0,0,181,1", "a,b,c,d", "1e5,0,1,1", "nan,0,1,1", "0,0,1,1;"):
            said = await engineer.refused("GET", "/devices", params={"bbox": wrong})
            assert said == (422, "INVALID_INPUT"), wrong


@pytest.mark.parametrize(
    "narrowed", ["", "&bbox=9,46,11,48", "&bbox=10,46,9,48", "&bbox=9,46,11,48&role=access"]
)
async def test_pages_hold_every_device_once(server_database: ServerDatabase, narrowed: str) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        hut = await engineer.post("/sites", {"name": "Hut", "lng": 10.5, "lat": 47.0}, expect=201)
        places: list[dict[str, Any]] = [{"lng": 10.0, "lat": 47.0}, {"site": hut["id"]}]
        made = {
            (await a_device(engineer, f"R{n // 3}", f"10.0.0.{n}", role="access", **places[n % 2]))["id"]
            for n in range(1, 8)
        }
        found: list[str] = []
        cursor = ""
        while True:
            said = (
                await engineer.ask("GET", f"/devices?limit=3&cursor={cursor}{narrowed}", expect=200)
            ).json()
            found += [one["id"] for one in said["data"]]
            assert said["meta"]["page"]["limit"] == 3
            cursor = said["meta"]["page"].get("next", "")
            if not cursor:
                break
        assert len(found) == 7
        assert set(found) == made


async def test_a_list_says_of_a_device_what_asking_for_it_says_also_after_a_change(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        for number in range(3):
            await a_device(engineer, f"r{number}", f"10.0.0.{number}", lng=10.5, lat=47.5 + number)
        for note in ("", "key at the baker"):
            listed = await engineer.get("/devices")
            assert [row["name"] for row in listed] == ["r0", "r1", "r2"]
            for row in listed:
                assert row == await engineer.get(f"/devices/{row['id']}")
            await engineer.ask(
                "PATCH", f"/devices/{listed[1]['id']}", {"note": note + "!"}, expect=200, **ANY
            )
        assert [row["note"] for row in await engineer.get("/devices")] == ["", "key at the baker!", ""]


async def test_who_comes_to_ask_as_another_of_his_address_is_asked_is_refused(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        by_ping, by_port = [{"kind": "icmp"}], [{"kind": "tcp", "port": 22}]
        await a_device(engineer, "R1", "10.0.0.1", probes=by_ping)
        other = await a_device(engineer, "R2", "10.0.0.1", probes=by_port)
        twin = (409, "DEVICE_ALREADY_EXISTS")
        path = f"/devices/{other['id']}"
        assert await engineer.refused("PATCH", path, {"probes": by_ping}, **ANY) == twin
        await engineer.ask("PATCH", path, {"address": "10.0.0.2", "probes": by_ping}, expect=200, **ANY)
        assert await engineer.refused("PATCH", path, {"address": "10.0.0.1"}, **ANY) == twin


async def test_what_was_read_since_the_tenant_is_held_is_not_read_again() -> None:
    asked: list[str] = []

    class Asked:
        async def fetch(self, query: str, *args: object) -> list[Any]:
            asked.append(query.partition("WHERE")[2].strip())
            return []

    old = Device(UUID(int=1), "R1", "10.0.0.1")
    for changed, held, queries in (
        ({"note": "x"}, {"device": old}, []),
        ({"address": "10.0.0.2"}, {"device": old}, ["t.address = ANY ($1::text[])"]),
        ({"note": "x"}, None, ["t.id = ANY ($1::uuid[])"]),
    ):
        asked.clear()
        step = change("device", old, msgspec.structs.replace(old, **changed))
        assert step is not None
        part = await part_for(cast(Transaction, Asked()), [step], cast(Any, held))
        assert asked == queries
        assert part.device(old.id) == (old if held else None)
