"""The map in a browser as the server tells it: what is so, what changes, to whom; and the files that it is drawn with."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import websockets
from httpx import Response

from domain.load import load_class
from tests.server.clients import Person, Server
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import PATIENCE_S, Live, living
from tests.server.test_devices import a_device
from tests.server.test_reach import a_valley

MARKUP = "<img src=x onerror=alert(1)>"


@dataclass
class Page:
    """What a page of the map knows: rows by table and id."""

    line: websockets.ClientConnection
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    badges: list[dict[str, Any]] = field(default_factory=list)
    unplaced: int = 0

    async def frame(self) -> dict[str, Any]:
        """Return the next frame; a heartbeat is answered."""
        async with asyncio.timeout(PATIENCE_S):
            data = await self.line.recv()
        frame: dict[str, Any] = msgspec.json.decode(data)
        if "alive" in frame:
            await self.line.send(b"{}")
        return frame

    async def hear(self) -> dict[str, Any]:
        """Take the next whole message; return what came with its last part."""
        numbers: list[str] = []
        ends_s = time.monotonic() + PATIENCE_S
        while True:
            part = (await self.frame()).get("map")
            assert time.monotonic() < ends_s, "nothing was told"
            if part is None:
                continue
            if part.get("reset"):
                self.known = {}
            for table in ("devices", "links", "health", "loads"):
                columns = dict(part.get(table, {}))
                sometimes = {name: columns.pop(name, {}) for name in ("path", "cause", "lag")}
                ids = columns.get("id", [])
                if table in ("devices", "links"):
                    numbers += ids
                for i, id in enumerate(ids):
                    row = {name: values[i] for name, values in columns.items()}
                    row |= {name: sometimes[name].get(str(i)) for name in ("cause", "lag")}
                    named = numbers[id] if isinstance(id, int) else id
                    self.known.setdefault(table, {})[named] = row
            for site in part.get("sites", []):
                self.known.setdefault("sites", {})[site["id"]] = site
            for id in part.get("gone", []):
                for rows in self.known.values():
                    rows.pop(id, None)
            if not part.get("more"):
                self.reasons |= part.get("reasons", {})
                self.badges = part.get("readings", {}).get("alerts", self.badges)
                self.unplaced = part["unplaced"]
                return part

    async def until(self, table: str, name: str, value: object) -> dict[str, Any]:
        """Return the first row of a table in which something stands."""
        while True:
            for row in self.known.get(table, {}).values():
                if row.get(name) == value:
                    return row
            await self.hear()

    async def refused(self) -> str:
        """Return why the server hangs up."""
        while True:
            frame = await self.frame()
            if "refused" in frame:
                return str(frame["refused"]["code"])


async def look(live: Live, person: Person, token: str | None = None) -> Page:
    """Open the line of the map as somebody."""
    given = token if token is not None else (await person.post("/auth/stream-token"))["token"]
    line = await websockets.connect(
        f"{live.url}/map", max_size=None, compression=None, open_timeout=PATIENCE_S
    )
    await line.send(msgspec.json.encode({"token": given}))
    return Page(line)


async def told(server: Server, tenant: str, device: str, status: str, reason: str = "") -> None:
    """Have a judge say how a device fares."""
    await server.owner.execute(
        "INSERT INTO health (tenant_id, device_id, vantage, status, since_us, heard_us, probes, reason)"
        " VALUES ($1::uuid, $2::uuid, $1::uuid, $3, 5, 6, '{}', $4)"
        " ON CONFLICT (tenant_id, device_id, vantage) DO UPDATE SET status = excluded.status, reason = excluded.reason",
        *(tenant, device, status, reason),
    )
    await server.owner.execute("SELECT pg_notify('heliograph_news', $1)", tenant)


async def test_a_map_is_told_whole_and_then_what_is_otherwise(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        tenant = await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        page = await look(live, await live.server.member(root, "wall"))
        assert (await page.frame())["welcome"]["tenant_id"] == tenant
        assert (await page.hear())["reset"]
        assert page.known == {}
        place = {"lng": 9.7, "lat": 47.5}
        site = (await admin.post("/sites", {"name": MARKUP, **place}, expect=201))["id"]
        top = (await a_device(admin, "Top", "10.0.0.1", site=site, is_entry=True))["id"]
        under = (await a_device(admin, "Under", "10.0.0.2", lng=9.8, lat=47.5))["id"]
        nowhere = (await a_device(admin, "Nowhere", "10.0.0.3"))["id"]
        body = {"a": top, "b": under, "capacity_bps": 100, "path": [[9.75, 47.6]]}
        link = (await admin.post("/links", body, expect=201))["id"]
        assert (await page.until("devices", "name", "Under"))["lng"] == 9.8
        while page.unplaced != 1 or link not in page.known.get("links", {}):
            await page.hear()
        assert page.known["sites"][site]["name"] == MARKUP
        assert page.known["devices"][top]["lat"] == 47.5
        assert nowhere not in page.known["devices"]
        await told(live.server, tenant, under, "down", "no answer")
        assert (await page.until("health", "status", "down"))["since_us"] == 5
        assert page.reasons == {under: "no answer"}
        await told(live.server, tenant, top, "down")
        await told(live.server, tenant, nowhere, "up")
        row = await page.until("health", "status", "affected")
        assert row["cause"] in (top, 0)
        for path in (f"/links/{link}", f"/devices/{under}"):
            etag = (await admin.get(path))["etag"]
            assert (await admin.ask("DELETE", path, headers={"If-Match": etag})).status_code < 300
        while under in page.known["devices"] or link in page.known["links"]:
            await page.hear()


async def test_of_a_link_of_several_ports_it_is_told_how_many_run_and_what_those_can_carry(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        tenant = await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        ends = [
            (await a_device(admin, name, f"10.0.0.{n}", lng=9.0 + n, lat=47.5))["id"]
            for n, name in enumerate(("West", "East"))
        ]
        body = {
            "a": ends[0],
            "b": ends[1],
            "a_interface": "bond0",
            "b_interface": "bond0",
            "capacity_bps": 200,
        }
        link = (await admin.post("/links", body, expect=201))["id"]

        async def tell(port: str, source: str = "snmp", **value: object) -> None:
            await live.server.owner.execute(
                "INSERT INTO fact (tenant_id, subject, field, source, vantage, at_us, value)"
                " VALUES ($1::uuid, $2::uuid, $3, $4, $1::uuid, 5, $5::jsonb)"
                " ON CONFLICT (tenant_id, subject, field, source, vantage) DO UPDATE SET value = excluded.value",
                *(
                    tenant,
                    ends[0],
                    f"interface/{port}",
                    source,
                    msgspec.json.encode({"name": port, **value}).decode(),
                ),
            )

        await live.server.owner.execute(
            "INSERT INTO link_state (tenant_id, link_id, status, since_us, at_us, ab_bps, ba_bps)"
            " VALUES ($1::uuid, $2::uuid, 'up', 5, 6, 80, 80)",
            *(tenant, link),
        )
        for port in ("ether2", "ether3"):
            await tell(port, bond="bond0", oper_up=True, speed_bps=100)
        page = await look(live, await live.server.member(root, "wall"))
        row = await page.until("loads", "ab_class", load_class(40))
        assert row["lag"] is None, "a port that is no aggregate has no members, whatever others tell"
        await tell("bond0", kind="bond")
        await told(live.server, tenant, ends[0], "up")
        row = await page.until("loads", "lag", [2, 0])
        assert row["ab_class"] == load_class(40)
        await tell("ether2", bond="bond0", oper_up=False, speed_bps=100)
        await told(live.server, tenant, ends[0], "stale")
        row = await page.until("loads", "lag", [2, 1])
        assert row["ab_class"] == load_class(80), "against what is left"


async def test_planned_work_is_no_fault_and_an_open_alert_has_a_badge(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        tenant = await live.server.tenant(root)
        admin = await live.server.member(root, "tenant_admin")
        paused = await a_device(admin, "P", "10.0.0.1", lng=9.8, lat=47.5, paused=True)
        down = await a_device(admin, "D", "10.0.0.2", lng=9.9, lat=47.5)
        await told(live.server, tenant, paused["id"], "down")
        await told(live.server, tenant, down["id"], "down")
        await live.server.owner.execute(
            "INSERT INTO alert (tenant_id, id, rule, subject, severity, opened_us, reason, acknowledged_by, count)"
            " VALUES ($1::uuid, $2, 'device_down', $3::uuid, 'critical', 1, '', '', 1)",
            *(tenant, uuid4(), down["id"]),
        )
        page = await look(live, admin)
        await page.hear()
        assert {page.known["health"][one["id"]]["status"] for one in (paused, down)} == {
            "maintenance",
            "down",
        }
        assert page.badges == [{"id": down["id"], "count": 1, "status": "down"}]


async def test_who_is_limited_sees_his_sites_and_another_tenant_sees_none_of_it(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        valley = await a_valley(live.server)
        page = await look(live, valley.local)
        await page.hear()
        assert {row["name"] for row in page.known["devices"].values()} == {"R north", "R beneath"}
        assert {row["name"] for row in page.known["sites"].values()} == {"north", "beneath"}
        assert len(page.known["links"]) == 1
        everything = await look(live, valley.admin)
        await everything.hear()
        assert len(everything.known["devices"]) == 4
        tenant = (await valley.admin.get("/auth/me"))["tenant"]
        await told(live.server, tenant, valley.ids["R south"], "down", "south is silent")
        assert (await everything.until("health", "status", "down"))["since_us"] == 5
        await told(live.server, tenant, valley.ids["R beneath"], "degraded", "mine")
        await page.until("health", "status", "degraded")
        assert page.reasons == {valley.ids["R beneath"]: "mine"}
        root = await live.server.log_in("root@platform")
        await live.server.tenant(root)
        stranger = await look(live, await live.server.member(root, "tenant_admin"))
        await stranger.hear()
        assert stranger.known == {}


async def test_whose_session_ends_is_hung_up_and_a_guests_look_is_written_down(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        member = await live.server.member(root, "viewer")
        page = await look(live, member)
        await page.hear()
        await member.post("/auth/logout", expect=204)
        assert await page.refused() == "SESSION_OVER"
        await (await look(live, root)).hear()
        row = (await root.get("/audit?act=tenant.read"))[0]
        assert row["detail"] == {"method": "GET", "path": "/api/v1/live/map"}


@pytest.mark.parametrize("token", ["", "nonsense", "hgs_" + "x" * 43, "x" * 5_000])
async def test_who_has_no_token_sees_nothing(server_database: ServerDatabase, token: str) -> None:
    async with living(server_database) as live:
        page = await look(live, live.server.somebody(), token)
        assert await page.refused() in ("TOKEN_INVALID", "BAD_MESSAGE")


async def test_a_token_opens_one_map_and_a_page_of_another_site_none(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        assert await (await look(live, root)).refused() == "NOT_A_MEMBER"
        await live.server.tenant(root)
        token = (await root.post("/auth/stream-token"))["token"]
        await (await look(live, root, token)).hear()
        assert await (await look(live, root, token)).refused() == "TOKEN_INVALID"
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(
                f"{live.url}/map", origin=websockets.Origin("http://evil.test"), open_timeout=PATIENCE_S
            )


async def test_who_says_much_on_the_line_of_a_map_is_hung_up(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        page = await look(live, root)
        await page.line.send(b"x" * 1_000)
        assert await page.refused() == "BAD_MESSAGE"


async def test_the_maps_files_are_given_to_who_opened_its_page(server_database: ServerDatabase) -> None:
    async with living(server_database) as live:
        root = await live.server.found()
        await live.server.tenant(root)
        browser = live.server.somebody()

        async def get(path: str, **headers: str) -> Response:
            return await browser.http.get(path, headers=headers)

        body = {"login": "root@platform", "password": "a good long password"}
        assert (await browser.http.post("/admin/login", data=body)).status_code == 204
        tenants = await root.get("/tenants")
        token = browser.http.cookies["heliograph_csrf"]
        switched = await browser.http.post(
            "/admin/switch", data={"tenant": tenants[0]["id"]}, headers={"X-CSRF-Token": token}
        )
        assert switched.status_code == 204
        files = "/admin/map/page/x"
        assert (await get(f"{files}/index.html")).status_code == 401
        page = await get("/admin/map")
        assert page.status_code == 200
        cookie = next(c for c in page.headers.get_list("set-cookie") if c.startswith("heliograph_map="))
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        folder = page.text.partition('data-folder="')[2].partition('"')[0]
        index = await get(f"{folder}/index.html")
        assert index.status_code == 200
        policy = index.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert "immutable" in index.headers["cache-control"]
        again = await get(f"{folder}/index.html", **{"If-None-Match": index.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        world = await get(f"{folder}/basemap/world.pmtiles", Range="bytes=0-6")
        assert (world.status_code, world.content) == (206, b"PMTiles")
        assert world.headers["content-range"].startswith("bytes 0-6/")
        for path in ("src/%2e%2e/%2e%2e/pyproject.toml", "package.json", "src/main.py", ""):
            assert (await get(f"{folder}/{path}")).status_code in (401, 404), path
        stranger = live.server.somebody()
        stranger.http.cookies.set("heliograph_map", f"{uuid4().hex}.{'0' * 64}")
        assert (await stranger.http.get(f"{folder}/index.html")).status_code == 401
