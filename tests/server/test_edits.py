"""Edits over the API: whole or not at all, once however often sent, judged as on a laptop, in the order of revisions."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.edit import Edit, Step, apply, creation, deletion, fields_of
from domain.inventory import Credential, Device, Inventory, Link, Probe, Site
from domain.roles import EVERYWHERE, PERMISSIONS
from domain.rules import refusals
from engine.storage.rows import INVENTORY
from sync_server.api import edits
from sync_server.inventory import part_for, things
from sync_server.ledger import Ledger
from sync_server.security.principal import Principal
from tests.server.clients import Person, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_devices import ANY, a_device, an_engineer

AT_US = 1_700_000_000_000_000


def making(kind: str, /, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "id": str(uuid4()), "before": None, "after": fields}


def an_edit(*steps: dict[str, Any], title: str = "Work", **more: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "at_us": AT_US, "title": title, "steps": steps, **more}


async def send(person: Person, *edits: dict[str, Any]) -> list[dict[str, Any]]:
    """Send edits and return what became of them."""
    said: list[dict[str, Any]] = await person.post("/edits", {"edits": edits})
    return said


async def test_an_edit_sent_again_is_answered_as_it_was(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        edit = an_edit(making("site", name="A"), title="Build A")
        first = await send(engineer, edit)
        assert [(one["state"], one["revision"]) for one in first] == [("confirmed", 1)]
        assert await send(engineer, edit, edit) == first * 2
        other = {**edit, "title": "Another"}
        said = (await send(engineer, other))[0]
        assert (said["state"], said["refusals"][0]["code"]) == ("refused", "EDIT_ALREADY_EXISTS")
        listed = await engineer.get("/edits")
        assert [(row["revision"], row["edit"]["title"]) for row in listed] == [(1, "Build A")]
        assert listed[0]["edit"]["author"] == "One engineer"


async def test_a_page_of_long_edits_is_shorter_and_pages_still_meet(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "PAGE_BYTES", 5_000)
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        for number in range(9):
            sites = range(6 if number == 4 else 1)
            long = (making("site", name=f"S{number} {one}", note="n" * 1_500) for one in sites)
            assert (await send(engineer, an_edit(*long)))[0]["state"] == "confirmed"
        seen, sizes, cursor = [], [], ""
        while True:
            said = (await engineer.ask("GET", f"/edits?cursor={cursor}", expect=200)).json()
            seen += [row["revision"] for row in said["data"]]
            sizes.append(len(said["data"]))
            cursor = said["meta"]["page"].get("next", "")
            if not cursor:
                break
        assert seen == list(range(9, 0, -1))
        assert max(sizes) == 2
        assert 1 in sizes  # the longest is longer than a page, and is given


async def test_an_edit_is_applied_whole_or_not_at_all_and_does_not_hold_up_the_next(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        good, wrong = making("site", name="A"), making("device", name="R", address="nowhere")
        said = await send(engineer, an_edit(good, wrong), an_edit(making("site", name="B")), an_edit())
        assert [one["state"] for one in said] == ["refused", "confirmed", "refused"]
        assert said[0]["refusals"][0]["code"] == "INVALID_IP_ADDRESS"
        assert [site["name"] for site in await engineer.get("/sites")] == ["B"]
        assert said[1]["revision"] == 1
        audit = await server.owner.fetchval("SELECT detail FROM identity.audit WHERE act = 'edits.sent'")
        assert said[1]["id"] in audit


async def test_what_no_longer_fits_is_a_clash_and_an_undo_brings_back(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        device = await a_device(engineer, "R1", "10.0.0.1")
        move = {"kind": "device", "id": device["id"], "before": {"name": "R1"}, "after": {"name": "R2"}}
        (done,) = await send(engineer, an_edit(move))
        (late,) = await send(engineer, an_edit({**move, "after": {"name": "R3"}}))
        assert late["refusals"][0]["code"] == "CLASH"
        undone = await engineer.post(f"/edits/{done['id']}/undo", expect=201)
        assert undone["edit"]["undoes"] == done["id"]
        assert (await engineer.get(f"/devices/{device['id']}"))["name"] == "R1"
        assert await engineer.refused("POST", f"/edits/{done['id']}/undo") == (409, "CLASH")


async def test_an_edit_takes_the_permission_of_each_kind_in_it(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        key = await admin.post("/keys", {"name": "K", "scopes": ["write_device"]}, expect=201)
        program = server.somebody(key["secret"])
        rule = making("rule", name="R", kind="device_down")
        (said,) = await send(program, an_edit(making("site", name="S"), rule))
        assert said["refusals"][0]["code"] == "INSUFFICIENT_PERMISSIONS"
        assert await admin.get("/sites") == []
        (said,) = await send(program, an_edit(making("site", name="S")))
        assert said["state"] == "confirmed"
        viewer = await server.member(root, "viewer")
        assert await viewer.refused("POST", "/edits", {"edits": [an_edit(rule)]}) == (
            403,
            "INSUFFICIENT_PERMISSIONS",
        )


async def test_nobody_says_who_did_it_nor_for_whom(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        for more in ({"author": "Somebody"}, {"tenant": str(uuid4())}, {"seq": 7}, {"state": "confirmed"}):
            said = await engineer.refused("POST", "/edits", {"edits": [an_edit(**more)]})
            assert said == (422, "INVALID_INPUT"), more
        assert await engineer.refused("POST", "/edits", {"edits": []}) == (422, "INVALID_INPUT")
        many = {"edits": [an_edit()] * 201}
        assert await engineer.refused("POST", "/edits", many) == (422, "INVALID_INPUT")


async def test_who_reaches_some_sites_edits_what_stands_there_only(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        north, south = [(await admin.post("/sites", {"name": n}, expect=201))["id"] for n in "NS"]
        far = await a_device(admin, "Far", "10.0.0.1", site=south)
        local = await server.member(root, "engineer", sites=[north])
        assert await local.refused("GET", "/edits") == (403, "INSUFFICIENT_PERMISSIONS")
        renamed = {"kind": "device", "id": far["id"], "before": {"name": "?"}, "after": {"name": "Mine"}}
        said = await send(
            local,
            an_edit(renamed),
            an_edit(making("rule", name="R", kind="device_down")),
            an_edit(making("device", name="R", address="10.0.0.2", site=north)),
        )
        codes = [[r["code"] for r in one.get("refusals", ())] for one in said]
        assert codes == [["DEVICE_NOT_FOUND"], ["INSUFFICIENT_PERMISSIONS"], []]
        outside = making("device", name="R", address="10.0.0.3", site=south)
        denied = await local.refused("POST", "/edits", {"edits": [an_edit(outside)]})
        assert denied == (403, "INSUFFICIENT_PERMISSIONS")


async def test_changes_at_once_take_revisions_without_a_gap(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        device = await a_device(engineer, "R", "10.0.0.1")

        async def change(number: int) -> None:
            await engineer.ask("PATCH", f"/devices/{device['id']}", {"note": str(number)}, expect=200, **ANY)

        await asyncio.gather(*(change(number) for number in range(12)))
        rows = await server.owner.fetch("SELECT seq FROM edit ORDER BY seq")
        assert [row["seq"] for row in rows] == list(range(1, 14))
        assert await server.owner.fetchval("SELECT array_agg(seq ORDER BY seq) FROM journal") == list(
            range(1, 14)
        )


async def test_a_part_is_judged_as_the_whole(server_database: ServerDatabase) -> None:
    random = Random(6)
    told: set[str] = set()
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        tenant = UUID((await engineer.get("/auth/me"))["tenant"])
        who = Principal("user", uuid4(), "E", tenant, "engineer", PERMISSIONS["engineer"], EVERYWHERE)
        whole = Inventory()
        for _ in range(220):
            edit = some_edit(random, whole)
            async with server.services.database.transaction(who) as transaction:
                part = await part_for(transaction, edit.steps)
                expected = {(one.code, one.field) for one in refusals(whole, edit)}
                assert {(one.code, one.field) for one in refusals(part, edit)} == expected, edit
                told |= {code for code, _ in expected}
                found = await (await Ledger.open(transaction, who, AT_US)).apply(edit)
            assert bool(found) is bool(expected)
            if not found:
                apply(whole, edit)
        async with server.services.database.transaction(who) as transaction:
            for kind in INVENTORY:
                rows = {one.id: one for one in await things(transaction, kind, "true")}
                assert rows == whole.tables[kind], kind
    assert told >= {
        "IN_USE",
        "SITE_NOT_FOUND",
        "DEVICE_ALREADY_EXISTS",
        "DEVICE_NOT_FOUND",
        "MISSING_REQUIRED_FIELD",
    }


def some_edit(random: Random, inventory: Inventory) -> Edit:
    """Return an edit of one to three steps, of which some are wrong."""
    steps: list[Step] = []
    for _ in range(random.randint(1, 3)):
        kind = random.choice(("site", "device", "link", "credential"))
        table = [one for one in inventory.tables[kind].values() if one.id not in {step.id for step in steps}]
        doing = random.random()
        if not table or doing < 0.5:
            steps.append(creation(kind, some_thing(random, kind, inventory)))  # type: ignore[arg-type]
        elif doing < 0.75:
            steps.append(deletion(kind, random.choice(table)))  # type: ignore[arg-type]
        else:
            old = random.choice(table)
            new = fields_of(some_thing(random, kind, inventory))
            was = fields_of(old)
            names = random.sample(sorted(new), 3)
            steps.append(Step(kind, old.id, {n: was[n] for n in names}, {n: new[n] for n in names}))  # type: ignore[arg-type]
    return Edit(UUID(int=random.getrandbits(128)), AT_US, "E", "Work", tuple(steps))


def some_thing(random: Random, kind: str, inventory: Inventory) -> Any:
    """Return a thing that refers to others, now and then to none that is there."""

    def one_of(other: str) -> UUID:
        ids = list(inventory.tables[other])
        return random.choice(ids) if ids and random.random() < 0.9 else UUID(int=random.getrandbits(128))

    id, name = UUID(int=random.getrandbits(128)), f"{kind} {random.randint(1, 99)}"
    match kind:
        case "site":
            return Site(id, name, pop=one_of("site") if random.random() < 0.5 else None, lng=1.5, lat=-2.25)
        case "credential":
            return Credential(id, name, "snmp_community")
        case "link":
            bends = ((1.0, 2.0), (3.5, -4.25)) if random.random() < 0.5 else ()
            return Link(id, one_of("device"), one_of("device"), path=bends)
    probes = (Probe("snmp", 161, one_of("credential")),) if random.random() < 0.5 else (Probe("icmp"),)
    site = one_of("site") if random.random() < 0.6 else None
    return Device(id, name, f"10.0.0.{random.randint(1, 30)}", probes, site=site, tags=("a", "b"))


def test_the_vocabularys_fields_are_all_in_the_bodies() -> None:
    from sync_server.api.things import bodies_of

    for kind in ("device", "site", "link", "rule"):
        fields = {field.name for field in msgspec.structs.fields(INVENTORY[kind].type)} - {"id"}  # type: ignore[index]
        for body in bodies_of(kind):  # type: ignore[arg-type]
            assert {field.name for field in msgspec.structs.fields(body)} == fields
