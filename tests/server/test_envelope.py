"""What every answer looks like, and what a request must look like: envelope, headers, bodies, cookies and foreign pages."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from sync_server.api.routes import Call
from tests.server.clients import PASSWORD, URL, Server, serving
from tests.server.conftest import ServerDatabase


async def test_an_answer_and_a_failure_have_their_envelopes_and_headers(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        for path, status in (("/auth/me", 200), ("/tenants/x", 422), ("/nowhere", 404)):
            said = await root.ask("GET", path, headers={"X-Request-ID": "abc-1"}, expect=status)
            assert said.headers["X-Request-ID"] == "abc-1"
            assert said.headers["X-API-Version"] == "1"
            body = said.json()
            if status == 200:
                assert set(body) == {"success", "data", "meta"}
                assert body["meta"]["request_id"] == "abc-1"
            else:
                assert set(body) == {"success", "error"}
                assert set(body["error"]) == {"code", "message", "details", "request_id"}
            assert body["success"] is (status == 200)
        made = await root.ask("GET", "/auth/me", headers={"X-Request-ID": "a b\tc"})
        assert len(made.headers["X-Request-ID"]) == 32
        assert (await root.ask("PUT", "/auth/me", expect=405)).json()["error"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"login=x", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{}", "", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{", "application/json", 422, "INVALID_INPUT"),
        (b"\xff\xfe", "application/json", 422, "INVALID_INPUT"),
        (b"[" * 60_000, "application/json", 422, "INVALID_INPUT"),
        (b'{"a":' * 12_000, "application/json", 422, "INVALID_INPUT"),
        (b"[]", "application/json", 422, "INVALID_INPUT"),
        (b"{}", "application/json; charset=utf-8", 422, "MISSING_REQUIRED_FIELD"),
        (b'{"login": 1, "password": "x"}', "application/json", 422, "INVALID_INPUT"),
        (b'{"login": "' + b"x" * 65_536 + b'"}', "application/json", 413, "BODY_TOO_LARGE"),
        (b'{"login": "' + b"x" * 1_048_576 + b'"}', "application/json", 413, "BODY_TOO_LARGE"),
    ],
)
async def test_a_body_that_is_none_is_refused_with_its_reason(
    server_database: ServerDatabase, content: bytes, kind: str, status: int, code: str
) -> None:
    async with serving(server_database) as server:
        said = await server.somebody().ask(
            "POST", "/auth/login", content=content, headers={"Content-Type": kind}
        )
        assert (said.status_code, said.json()["error"]["code"]) == (status, code)


async def test_a_bug_is_answered_with_nothing_but_its_id(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:

        async def fail(*_: object) -> None:
            raise ZeroDivisionError("what nobody may read")

        monkeypatch.setattr(type(server.services.sessions), "log_in", fail)
        body = {"login": "x", "password": "y"}
        said = await server.somebody().ask("POST", "/auth/login", body, expect=500)
        assert said.json()["error"]["code"] == "INTERNAL_ERROR"
        assert "nobody" not in said.text
        assert said.headers["X-Request-ID"] == said.json()["error"]["request_id"]


async def test_what_the_guards_of_the_database_stop_is_forbidden_and_says_no_more(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        foreign = await server.tenant(root, "The other net")
        await server.tenant(root, "North net")
        north = await server.member(root, "tenant_admin")

        async def stray(call: Call, *_: object) -> None:
            site = "INSERT INTO site (tenant_id, id, name) VALUES ($1, $1, 'S')"
            await call.transaction.execute(site, UUID(foreign))

        monkeypatch.setattr(Call, "record", stray)
        said = await north.ask("PATCH", "/tenant", {"name": "Mine"})
        assert (said.status_code, said.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
        assert "site" not in said.text and "policy" not in said.text
        monkeypatch.undo()
        assert (await north.get("/tenant"))["name"] == "North net"


async def until_gone(elsewhere: asyncpg.Connection, name: str) -> None:  # type: ignore[type-arg]
    """Wait until no request's connection is left: one that was told to end answers for a moment more."""
    for _ in range(3000):
        left = await elsewhere.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usename = 'heliograph_requests'",
            name,
        )
        if not left:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("connections that were ended are still there")


async def test_a_database_that_is_away_is_said_and_one_that_is_back_is_used(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.owner.execute(f"ALTER DATABASE {server_database.name} CONNECTION LIMIT 0")
        elsewhere = await asyncpg.connect(server_database.admin.replace(server_database.name, "postgres"))
        await elsewhere.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = 'heliograph_requests'",
            server_database.name,
        )
        await until_gone(elsewhere, server_database.name)
        assert await root.refused("GET", "/auth/me") == (503, "DATABASE_ERROR")
        await elsewhere.execute(f"ALTER DATABASE {server_database.name} CONNECTION LIMIT -1")
        await elsewhere.close()
        await root.get("/auth/me")


async def in_browser(server: Server):  # type: ignore[no-untyped-def]
    """Return a browser that is logged in."""
    browser = server.somebody()
    opened = await browser.post(
        "/auth/login",
        {"login": "root@platform", "password": PASSWORD, "cookies": True},
        headers={"Origin": URL},
    )
    return browser, opened


async def test_a_browser_has_its_tokens_in_cookies_that_no_script_reads(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database, public_url=URL) as server:
        await server.found()
        browser, opened = await in_browser(server)
        assert opened["access_token"] == opened["refresh_token"] == ""
        await browser.get("/auth/me")
        said = await browser.ask("POST", "/auth/refresh", {}, expect=200, headers={"Origin": URL})
        cookies = said.headers.get_list("set-cookie")
        assert len(cookies) == 3
        for cookie in cookies:
            assert "SameSite=strict" in cookie
            assert ("HttpOnly" in cookie) is not cookie.startswith("heliograph_csrf=")
            assert "Secure" not in cookie
        assert "Path=/api/v1/auth" in next(one for one in cookies if one.startswith("heliograph_refresh="))


async def test_over_tls_cookies_go_over_tls_only(server_database: ServerDatabase) -> None:
    secure = URL.replace("http:", "https:")
    async with serving(server_database, public_url=secure) as server:
        await server.found()
        said = await server.somebody().ask(
            "POST",
            "/auth/login",
            {"login": "root@platform", "password": PASSWORD, "cookies": True},
            headers={"Origin": secure},
            expect=200,
        )
        assert all("Secure" in cookie for cookie in said.headers.get_list("set-cookie"))


async def test_a_change_by_cookie_takes_the_sessions_own_token_and_our_own_origin(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        browser, opened = await in_browser(server)
        other = root.opened["csrf_token"]
        ours = {"X-CSRF-Token": opened["csrf_token"], "Origin": URL}
        for headers in (
            {"Origin": URL},
            {**ours, "X-CSRF-Token": other},
            {**ours, "X-CSRF-Token": ""},
            {**ours, "Origin": "https://evil.example"},
            {**ours, "Origin": "null"},
            {**ours, "Origin": f"{URL}.evil.example"},
            {**ours, "Sec-Fetch-Site": "cross-site"},
        ):
            said = await browser.refused("POST", "/tenants", {"name": "N"}, headers=headers)
            assert said == (403, "CSRF_REFUSED"), headers
        await browser.post("/tenants", {"name": "N"}, expect=201, headers=ours)
        foreign = {"Origin": "https://evil.example"}
        body = {"login": "root@platform", "password": PASSWORD, "cookies": True}
        for path, sent in (("/auth/login", body), ("/auth/refresh", {})):
            assert await browser.refused("POST", path, sent, headers=foreign) == (403, "CSRF_REFUSED")
        await browser.post("/auth/logout", expect=204, headers=ours)
        assert await browser.refused("GET", "/auth/me") == (401, "INVALID_CREDENTIALS")
