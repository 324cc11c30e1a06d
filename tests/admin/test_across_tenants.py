"""Pages of who operates the platform: across tenants, written down, and nobody else's; the navigation is what one may do."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import uuid4

import pytest

from domain.roles import PERMISSIONS, ROLES
from sync_server.admin import across
from sync_server.admin.frame import NAVIGATION
from tests.admin.test_every_page import MARKUP, ask, listed
from tests.server.clients import Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_devices import a_device
from tests.server.test_matrix import everybody

_WRITTEN = "SELECT tenant_id FROM identity.audit WHERE act = 'tenant.read' AND at_us > $1 ORDER BY at_us"


async def two_tenants(server: Server) -> tuple[Any, str, str]:
    """Return the root, North with two devices, one of them down, and South with one; the root is in none of them."""
    root = await server.found()
    made = []
    for name, devices in (("North", ("R1", MARKUP)), ("South", ("R1",))):
        tenant = await server.tenant(root, name)
        admin = await server.member(root, "tenant_admin")
        for place, device in enumerate(devices, 1):
            id = (await a_device(admin, device, f"10.0.0.{place}"))["id"]
            await server.owner.execute(
                "INSERT INTO health (tenant_id, device_id, vantage, status, since_us, heard_us, probes, reason)"
                " VALUES ($1::uuid, $2::uuid, $3::uuid, $4, 1, 5, '{}', 'no answer')",
                *(tenant, id, uuid4(), "down" if place == 2 else "up"),
            )
        made.append(tenant)
    root.token = (await root.post("/auth/switch", {"tenant": None}))["access_token"]
    return root, made[0], made[1]


def rows(page: str) -> list[list[str]]:
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
        for row in body.split("</tr>")
        if "<td" in row
    ]


async def test_the_overview_tells_how_each_tenant_is_and_is_written_into_the_platforms_audit(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root, north, _ = await two_tenants(server)
        await server.owner.execute(
            "INSERT INTO alert (tenant_id, id, rule, subject, severity, opened_us, reason, acknowledged_by, count, resolved_us)"
            " SELECT $1::uuid, gen_random_uuid(), 'hot', gen_random_uuid(), 'warning', 5, '', '', 1, ended"
            " FROM unnest(ARRAY[NULL, NULL, 6]::bigint[]) ended",
            north,
        )
        said = await ask(root, "GET", "/admin/overview")
        assert said.status_code == 200, said.text
        found = {row[0]: row[1:7] for row in rows(said.text)}
        assert found == {"North": ["1", "0", "1", "0", "0", "2"], "South": ["1", "0", "0", "0", "0", "0"]}
        assert (await root.get("/audit?act=tenants.read"))[0]["detail"] in (None, {})


async def test_all_devices_are_found_across_tenants_and_each_tenant_reads_that_they_were_looked_at(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across, "LOOK_S", 60.0)  # both stand on one page, however slow the machine
    async with serving(server_database) as server:
        root, north, south = await two_tenants(server)
        said = (await ask(root, "GET", "/admin/all-devices?search=R1")).text
        assert [(row[0], row[2]) for row in rows(said)] == [("R1", "North"), ("R1", "South")]
        down = (await ask(root, "GET", "/admin/all-devices?status=down")).text
        assert [row[2] for row in rows(down)] == ["North"]
        assert "<img src=x" not in down
        assert (
            "No device of any tenant" in (await ask(root, "GET", "/admin/all-devices?search=nonesuch")).text
        )
        for tenant, times in ((north, 2), (south, 1)):
            read = await server.owner.fetch(
                "SELECT detail, actor FROM identity.audit WHERE tenant_id = $1::uuid AND act = 'tenant.read'"
                " AND detail->>'path' = '/admin/all-devices'",
                tenant,
            )
            assert len(read) == times, tenant


async def test_audits_of_many_tenants_are_written_in_the_order_of_their_ids(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root, *ids = await two_tenants(server)
        ids = sorted([*ids, await server.tenant(root, "Empty")])
        for name, id in zip("CBA", ids, strict=True):
            await server.owner.execute("UPDATE tenant SET name = $1 WHERE id = $2::uuid", name, id)
        for id in ids:
            root.token = (await root.post("/auth/switch", {"tenant": id}))["access_token"]
            since_us = await server.owner.fetchval("SELECT max(at_us) FROM identity.audit")
            shown = {row[2] for row in rows((await ask(root, "GET", "/admin/all-devices")).text)}
            written = await server.owner.fetch(_WRITTEN, since_us)
            wanted = [one for name, one in zip("CBA", ids, strict=True) if name in shown or one == id]
            assert [str(row["tenant_id"]) for row in written] == wanted, "the one that is entered among them"


async def test_a_page_that_has_looked_for_long_goes_on_where_it_stood(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across, "LOOK_S", 0.0)
    async with serving(server_database) as server:
        root, *_ = await two_tenants(server)
        first = (await ask(root, "GET", "/admin/all-devices?status=up")).text
        more = re.search(r'href="(\?[^"]+)">Next page', first)
        assert [row[2] for row in rows(first)] == ["North"] and more is not None
        path = f"/admin/all-devices{html.unescape(more[1])}"
        assert [row[2] for row in rows((await ask(root, "GET", path)).text)] == ["South"]


async def test_pages_of_all_devices_leave_none_out_and_show_none_twice(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across, "TENANTS_A_PAGE", 1)
    async with serving(server_database) as server:
        root, *_ = await two_tenants(server)
        await server.tenant(root, "Empty")
        found, path = [], "/admin/all-devices"
        for _ in range(10):
            said = (await ask(root, "GET", path)).text
            found += [(row[2], row[1]) for row in rows(said)]
            more = re.search(r'href="\?(cursor=[^"]+)">Next page', said)
            if more is None:
                break
            path = f"/admin/all-devices?{more[1]}"
        assert sorted(found) == [("North", "10.0.0.1"), ("North", "10.0.0.2"), ("South", "10.0.0.1")]


async def test_the_navigation_of_every_role_leads_to_what_it_may_and_to_all_of_it(
    server_database: ServerDatabase,
) -> None:
    wrong: list[object] = []
    entries = {entry.path for _, group in NAVIGATION for entry in group}
    alone = {path for method, path, allow in listed() if method == "GET" and allow != "anybody"} - entries
    assert all(
        "{" in path or path in {"/admin", "/admin/audit/export", "/admin/audit/verify"} for path in alone
    )
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        actors = await everybody(server, root)
        assert {role for role in ROLES if PERMISSIONS[role]} <= {name.split(" ")[0] for name in actors}
        for actor, person in actors.items():
            account = await ask(person, "GET", "/admin/account")
            if account.status_code != 200:
                continue  # a key has no pages
            shown = set(re.findall(r'<li><a href="([^"]+)"', account.text))
            for path in sorted(entries):
                may = (await ask(person, "GET", path)).status_code == 200
                if may is not (path in shown):
                    wrong.append((actor, path, may))
    assert wrong == []
