"""What somebody sends who means harm: endless and deep bodies, SQL in filters, markup in names, fields not offered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from tests.server.clients import PASSWORD, URL, Person, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_devices import ANY, a_device, an_engineer
from tests.server.test_matrix import operations

SQL = "x' OR '1'='1'; DROP TABLE device; --"
MARKUP = '<script>alert("1")</script><img src=x onerror=alert(1)>{{7*7}}${7*7}'
JSON = {"Content-Type": "application/json"}


async def test_a_body_of_a_gigabyte_is_refused_when_a_megabyte_has_come(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        for path in ("/edits", "/devices", "/hooks/00000000-0000-0000-0000-000000000001"):
            sent = 0

            async def endless() -> AsyncIterator[bytes]:
                nonlocal sent
                for _ in range(16_384):
                    sent += 65_536
                    yield b" " * 65_536

            said = await engineer.ask("POST", path, content=endless(), headers=JSON)
            assert (said.status_code, said.json()["error"]["code"]) == (413, "BODY_TOO_LARGE")
            assert sent <= 2 * 1_048_576


async def test_deep_and_wide_json_is_refused_and_the_server_lives(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        head = b'{"edits":[{"id":"01890000-0000-7000-8000-000000000001","at_us":1,"title":"T","steps":[{"kind":"site",'
        head += b'"id":"01890000-0000-7000-8000-000000000002","before":null,"after":{"name":'
        deep = head + b"[" * 400_000 + b"]" * 400_000 + b"}}]}]}"
        wide = head + b'"S","x":[' + b"[],[]," * 80_000 + b"[]]}}]}]}"
        huge = head + b'"S","elevation_m":1' + b"0" * 100_000 + b"}}]}]}"
        for content in (deep, huge):
            said = await engineer.ask("POST", "/edits", content=content, headers=JSON)
            assert said.status_code in (200, 422), said.text[:200]
            if said.status_code == 200:
                assert said.json()["data"][0]["state"] == "refused"
        assert (await engineer.ask("POST", "/edits", content=wide, headers=JSON)).status_code in (200, 422)
        assert len(await engineer.get("/sites")) <= 1


async def test_sql_in_every_filter_finds_nothing_and_harms_nothing(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        await a_device(engineer, "R1", "10.0.0.1")
        root = await server.log_in("root@platform")
        tenant = (await engineer.get("/auth/me"))["tenant"]
        root.token = (await root.post("/auth/switch", {"tenant": tenant}))["access_token"]
        paths = server.app.openapi()["paths"]
        tried: set[tuple[str, str]] = set()
        for method, path, allow in operations(server):
            if method != "GET" or "{" in path:
                continue
            for parameter in paths[f"/api/v1{path}"]["get"].get("parameters", ()):
                name = parameter["name"]
                for text in (SQL, "\0", "%", "\\", "a" * 50_000):
                    said = await root.ask("GET", path, params={name: text})
                    tried.add((path, name))
                    assert said.status_code in (200, 422), (path, name, text[:20], said.text[:300], allow)
                    if said.status_code == 200 and text == SQL and parameter["in"] == "query":
                        assert said.json()["data"] == [], (path, name)
        assert len(tried) > 40
        assert [one["name"] for one in await engineer.get("/devices")] == ["R1"]


async def test_names_are_data_and_come_back_as_they_were(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        made = await a_device(engineer, MARKUP, "10.0.0.1", note=SQL, tags=[MARKUP[:60]])
        said = await engineer.ask("GET", "/devices", expect=200)
        assert said.headers["Content-Type"] == "application/json"
        assert said.headers["X-Content-Type-Options"] == "nosniff"
        assert [(one["name"], one["note"]) for one in said.json()["data"]] == [(MARKUP, SQL)]
        assert [one["name"] for one in await engineer.get("/devices", params={"q": "<script>"})] == [MARKUP]
        assert [tag["name"] for tag in await engineer.get("/tags")] == [MARKUP[:60]]
        assert made["name"] == MARKUP


async def test_what_is_not_offered_is_not_assigned(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        device = await a_device(engineer, "R1", "10.0.0.1")
        for field in ("id", "tenant_id", "tenant", "etag", "status", "since_us", "revision", "key"):
            body: dict[str, Any] = {field: "x"}
            said = await engineer.refused("PATCH", f"/devices/{device['id']}", body, **ANY)
            assert said == (422, "INVALID_INPUT"), field
        assert await engineer.get(f"/devices/{device['id']}") == device


async def test_what_is_not_offered_within_a_field_is_refused_too(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        device = await a_device(engineer, "R1", "10.0.0.1", probes=[{"kind": "icmp", "port": 0}])
        path = f"/devices/{device['id']}"
        for body, at in (
            ({"probes": [{"kind": "icmp"}, {"kind": "icmp", "owner": "x"}]}, "probes[1].owner"),
            ({"ports": [{"interface": "ether1", "tenant": "x"}]}, "ports[0].tenant"),
        ):
            said = await engineer.ask("PATCH", path, body, **ANY)
            assert (said.status_code, said.json()["error"]["details"][0]["field"]) == (422, at), said.text
        step = {"kind": "site", "id": device["id"], "before": None, "after": {"name": "S"}, "tenant": "x"}
        edit = {"id": device["id"], "at_us": 1, "title": "T", "steps": [step]}
        said = await engineer.ask("POST", "/edits", {"edits": [edit]})
        assert said.status_code == 422 and "edits[0].steps[0].tenant" in said.text
        assert await engineer.get(path) == device
        assert await engineer.get("/sites") == []


async def test_a_foreign_page_changes_nothing_with_a_browsers_cookies(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        device = await a_device(engineer, "R1", "10.0.0.1")
        login = engineer.opened["user"]["login"]
        browser = server.somebody()
        body = {"login": login, "password": PASSWORD, "cookies": True}
        opened = await browser.post("/auth/login", body, headers={"Origin": URL})
        path, change = f"/devices/{device['id']}", {"name": "R2"}
        token = {"X-CSRF-Token": opened["csrf_token"], "If-Match": "*"}
        for headers in ({"Origin": "https://evil.example", **token}, {"Origin": URL, "If-Match": "*"}):
            assert await browser.refused("PATCH", path, change, headers=headers) == (403, "CSRF_REFUSED")
        assert await names(browser) == ["R1"]
        await browser.ask("PATCH", path, change, expect=200, headers={"Origin": URL, **token})
        assert await names(browser) == ["R2"]


async def names(person: Person) -> list[str]:
    return [one["name"] for one in await person.get("/devices")]
