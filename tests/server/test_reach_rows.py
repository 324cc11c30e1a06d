"""Each policy of reach holds rows that are read, changed and made to the sites of who asks, and is missed where it is not there.

Counterparts: `guards.py`, which knows the policies word by word; `test_reach.py`, lists and things over the API.
One rule: every table of `REACHED` is read here, and written where the requests' role may write.
"""

from __future__ import annotations

import hashlib
from typing import Any

import asyncpg

from migrations.guards import REQUESTS
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.guards import REACHED
from tests.server.test_pictures import bring, show
from tests.server.test_reach import Valley, a_valley

HERE, BEYOND = ("R north", "R beneath"), ("R south", "R none")


class Furnished(Valley):
    """A valley of which each device has an alert, a key, a shadow, a message in quarantine and a
    photograph, and two sites a picture."""

    warden: Person
    alerts: dict[str, str]
    keys: dict[str, str]
    pictures: dict[str, str]


_HANG = """
    INSERT INTO photo (tenant_id, id, digest, thumb, width, height, added_us, author, caption, device_id)
    VALUES ($1, gen_random_uuid(), '', '', 1, 1, 1, '', '', $2)
"""


async def furnished(server: Server) -> Furnished:
    """Return such a valley, and an administrator who reaches the site in the north only."""
    valley = await a_valley(server)
    admin, ids = valley.admin, valley.ids
    made = Furnished(admin, valley.local, ids)
    made.warden = await server.member(admin, "tenant_admin", sites=[ids["north"]])
    made.alerts, made.keys, made.pictures = {}, {}, {}
    for name in (*HERE, *BEYOND):
        message = {"key": "k", "title": f"Hot {name}", "device": ids[name]}
        made.alerts[name] = (await admin.post("/alerts", message))["id"]
        key = await admin.post("/push-keys", {"name": name, "device": ids[name]}, expect=201)
        made.keys[name] = key["key"]["id"]
        pusher = server.somebody(key["secret"])
        await server.owner.execute(_HANG, (await admin.get("/auth/me"))["tenant"], ids[name])
        await pusher.post("/telemetry", {"messages": [{"reported": {"door": name}}, {"values": {}}]})
    for site in ("north", "south"):
        picture = b"\x89PNG\r\n\x1a\n" + site.encode() * 100
        made.pictures[site] = hashlib.sha256(picture).hexdigest()
        await show(server, admin, made.pictures[site], ids[site])
        await bring(admin, picture)
    return made


READ = {
    "alert": (2, 4),
    "device": (2, 4),
    "edit": (0, 10),
    "identity.held_message": (2, 4),
    "identity.push_key": (2, 4),
    "identity.shadow": (2, 4),
    "journal": (8, 14),
    "link": (2, 3),
    "photo": (2, 4),
    "site": (2, 3),
    "sync.picture": (1, 2),
    "sync.picture_piece": (1, 2),
}
"""How many rows are within reach, and how many there are."""
_OWN = "current_tenant(), gen_random_uuid()"
MADE = {
    "alert": "UPDATE alert SET subject = '{south}' WHERE id = '{alert}'",
    "device": "UPDATE device SET site_id = '{site}' WHERE id = '{north}'",
    "identity.held_message": f"INSERT INTO identity.held_message VALUES ({_OWN}, 'invalid', '', '', 'http', 'shadow', NULL,"
    " '{south}', 1, 1, '')",
    "identity.push_key": "INSERT INTO identity.push_key (tenant_id, id, name, prefix, hash, device_id, maker, made_us)"
    f" VALUES ({_OWN}, 'x', '', '\\x01', '{{south}}', '{{who}}', 1)",
    "identity.shadow": "INSERT INTO identity.shadow VALUES (current_tenant(), '{south}', 1, '{{}}')"
    " ON CONFLICT (tenant_id, device_id) DO UPDATE SET at_us = 2",
    "link": "UPDATE link SET b_id = '{south}' WHERE id = '{link}'",
    "photo": "INSERT INTO photo (tenant_id, id, digest, thumb, width, height, added_us, author, caption, site_id)"
    f" VALUES ({_OWN}, '', '', 1, 1, 1, '', '', '{{site}}')",
    "site": f"INSERT INTO site (tenant_id, id, name, region, note) VALUES ({_OWN}, 'x', '', '')",
    "sync.picture": "INSERT INTO sync.picture VALUES (current_tenant(), repeat('f', 64), 1, 0, false, 1)",
    "sync.picture_piece": "INSERT INTO sync.picture_piece VALUES (current_tenant(), '{picture}', 5000, '\\x01')",
}
"""Statements that put something where who asks does not reach, by table; `edit` and `journal` are not held in that."""


class Rows:
    """A superuser's connection that plays the requests of somebody who reaches some sites, or all."""

    def __init__(self, owner: asyncpg.Connection[Any], tenant: str, site: str) -> None:
        self._owner = owner
        self._tenant = tenant
        self._site = site

    async def do(self, statement: str, *, before: str = "", reach: bool = True) -> Any:
        """Return the first value of a statement, or how many rows it changed; None where it is refused. Changes nothing."""
        transaction = self._owner.transaction()
        await transaction.start()
        try:
            if before:
                await self._owner.execute(before)
            sites = f"{{{self._site}}}" if reach else ""
            for name, value in (("tenant", self._tenant), ("sites", sites)):
                await self._owner.execute("SELECT set_config('heliograph.' || $1, $2, true)", name, value)
            await self._owner.execute(f"SET LOCAL ROLE {REQUESTS}")
            if statement.startswith("SELECT"):
                return await self._owner.fetchval(statement)
            return int((await self._owner.execute(statement)).rpartition(" ")[2])
        except asyncpg.InsufficientPrivilegeError:
            return None
        finally:
            await transaction.rollback()


_CHANGED = """
    SELECT a.attname FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND a.attgenerated = ''
        AND has_column_privilege($2, a.attrelid, a.attnum, 'UPDATE') AND a.attname NOT IN ('tenant_id', 'id') ORDER BY a.attnum
"""


async def test_rows_are_read_changed_and_made_within_reach_alone_and_a_policy_that_goes_is_missed(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        valley = await furnished(server)
        ids = valley.ids
        tenant = (await valley.admin.get("/auth/me"))["tenant"]
        rows = Rows(server.owner, tenant, ids["north"])
        named = {
            "south": ids["R south"],
            "north": ids["R north"],
            "site": ids["south"],
            "who": _id(valley.admin),
        }
        named |= {
            "alert": valley.alerts["R north"],
            "link": ids["north-beneath"],
            "picture": valley.pictures["south"],
        }
        found, held = {}, []
        for table in REACHED:
            count = f"SELECT count(*) FROM {table}"
            gone = f"DROP POLICY within_reach ON {table}"
            found[table] = await rows.do(count), await rows.do(count, reach=False)
            if await rows.do(count, before=gone) != found[table][1]:
                held.append(f"{table}: read alike without its policy")
            columns = [row[0] for row in await server.owner.fetch(_CHANGED, table, REQUESTS)]
            if columns:
                change = f"UPDATE {table} SET {columns[0]} = {columns[0]}"
                done = await rows.do(change)  # refused where what is seen may not all be written
                if done not in (None, found[table][0]) or done == await rows.do(change, before=gone):
                    held.append(f"{table}: changed beyond reach, or alike without its policy")
            if table in MADE:
                statement = MADE[table].format(**named)
                free = f"ALTER POLICY within_reach ON {table} USING (true) WITH CHECK (true)"
                tried = [
                    await rows.do(statement),
                    await rows.do(statement, before=free),
                    await rows.do(statement, reach=False),
                ]
                if tried != [None, 1, 1]:
                    held.append(f"{table}: put beyond reach, with and without its policy: {tried}")
        assert held == []
        assert found == READ


def _id(person: Person) -> str:
    return str(person.opened["user"]["id"])


async def test_what_devices_push_their_alerts_keys_and_pictures_are_not_there_beyond_reach(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        valley = await furnished(server)
        warden, ids = valley.warden, valley.ids
        here = {ids[name] for name in HERE}
        assert {one["title"] for one in await warden.get("/alerts")} == {f"Hot {name}" for name in HERE}
        assert (await warden.get("/alerts/counts"))["total"] == 2
        assert {one["device"] for one in await warden.get("/push-keys")} == here
        assert {one["device"] for one in await warden.get("/quarantine")} == here
        assert [one["digest"] for one in await warden.get("/pictures")] == [valley.pictures["north"]]
        beyond = {ids[name] for name in BEYOND} | set(valley.alerts.values())
        assert not {one["subject"] for one in await warden.get("/events")} & beyond
        held = {one["device"]: one["id"] for one in await valley.admin.get("/quarantine")}
        for name in BEYOND:
            device, alert, key = ids[name], valley.alerts[name], valley.keys[name]
            for method, path, body, code in (
                ("GET", f"/devices/{device}/shadow", None, "SHADOW_NOT_FOUND"),
                ("GET", f"/devices/{device}/metrics", None, "DEVICE_NOT_FOUND"),
                ("GET", f"/alerts/{alert}", None, "ALERT_NOT_FOUND"),
                ("POST", f"/alerts/{alert}/acknowledge", {}, "ALERT_NOT_FOUND"),
                ("POST", f"/alerts/{alert}/comment", {"text": "x"}, "ALERT_NOT_FOUND"),
                ("GET", f"/push-keys/{key}", None, "PUSH_KEY_NOT_FOUND"),
                ("DELETE", f"/push-keys/{key}", None, "PUSH_KEY_NOT_FOUND"),
                ("POST", "/push-keys", {"name": "Mine", "device": device}, "DEVICE_NOT_FOUND"),
                ("POST", "/alerts", {"key": "k", "title": "T", "device": device}, "DEVICE_NOT_FOUND"),
                ("GET", f"/quarantine/{held[device]}", None, "MESSAGE_NOT_FOUND"),
            ):
                assert await warden.refused(method, path, body) == (404, code), (method, path)
        south = valley.pictures["south"]
        assert await warden.refused("GET", f"/pictures/{south}") == (404, "PICTURE_NOT_FOUND")
        piece = {"size": 9, "offset": 0, "data": ""}
        assert await warden.refused("PUT", f"/pictures/{south}", piece) == (404, "PICTURE_NOT_FOUND")
        edit = (await valley.admin.get("/edits"))[0]["edit"]["id"]
        assert await warden.refused("GET", "/edits") == (403, "INSUFFICIENT_PERMISSIONS")
        assert await warden.refused("POST", f"/edits/{edit}/undo") == (404, "EDIT_NOT_FOUND")
        assert await warden.get(f"/devices/{ids['R north']}/shadow")
        assert await warden.get(f"/push-keys/{valley.keys['R beneath']}")
