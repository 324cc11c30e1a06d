"""Every page and form x role x tenant, as the API's matrix. Counterparts: `tests/server/test_matrix.py`, `test_foreign_ids.py`.

One rule: nothing is listed here but what the routes themselves say.
"""

from __future__ import annotations

import base64
import re
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute
from httpx import Response

from sync_server.admin import pages, routers
from sync_server.database import DatabaseBusy
from tests.server.allowed import PAGES, allowed
from tests.server.asking import form_of
from tests.server.clients import URL, Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_foreign_ids import EVERYWHERE, two_sides
from tests.server.test_matrix import everybody, may
from tests.server.things import thing_of, user

ENDING = {"/admin/logout", "/admin/switch"}
"""Forms that change who asks: tried by those who may not only."""
MARKUP = "<img src=x onerror=alert(1)>\"'&"


def listed() -> list[tuple[str, str, str]]:
    """Return method, path and what is allowed, of every page and form."""
    routes = [route for router in routers() for route in router.routes if isinstance(route, APIRoute)]
    return [
        (method, route.path, route.openapi_extra["x-allow"])
        for route in routes
        if route.openapi_extra is not None
        for method in sorted(route.methods)
    ]


def test_every_page_takes_what_is_written_down_for_it() -> None:
    found = {(method, path): allow for method, path, allow in listed()}
    assert found == allowed(PAGES), "a page or form is not as tests/server/allowed.py says"


async def ask(person: Person, method: str, path: str, **form: str) -> Response:
    """Open a page, or send its form."""
    headers = {"Authorization": f"Bearer {person.token}"} if person.token else {}
    return await person.http.request(method, path, headers=headers, data=form if method == "POST" else None)


def problems_in(said: Response) -> list[str]:
    """Return what a page says that went wrong."""
    return re.findall(r'role="alert"[^>]*>([^<]+)<', said.text)


async def test_every_page_admits_whom_the_table_of_roles_admits_and_nobody_else(
    server_database: ServerDatabase,
) -> None:
    wrong: list[Any] = []
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        actors = await everybody(server, root)
        assert len(listed()) > 40
        for method, path, allow in listed():
            target = path.replace("{id}", str(uuid4()))
            nobody = await ask(server.somebody(), method, target, x="")
            if (nobody.headers.get("x-session") == "over") is (allow == "anybody"):
                wrong.append((method, path, "nobody", nobody.status_code))
            for actor, person in actors.items():
                if allow == "anybody" or (path in ENDING and may(actor, allow)):
                    continue
                said = await ask(person, method, target, x="")
                is_refused = said.status_code == 403
                fails = said.status_code == 429 or said.status_code >= 500
                if is_refused is may(actor, allow) or "x-session" in said.headers or fails:
                    wrong.append((method, path, actor, said.status_code, said.text[-300:]))
    assert wrong == []


async def test_another_tenants_things_are_not_found_as_if_they_were_not(
    server_database: ServerDatabase,
) -> None:
    wrong: list[Any] = []
    tried = 0
    async with serving(server_database) as server:
        _, south, actors = await two_sides(server)
        for method, path, allow in listed():
            if "{" not in path or path.startswith(f"/admin{EVERYWHERE}"):
                continue
            thing = thing_of(path.removeprefix("/admin").replace("/account/", "/auth/"))
            form = form_of(path) if method == "POST" else {}
            own = await thing.make(south)
            foreign = await user(south) if path.startswith("/admin/operators/") else own
            for actor, person in actors.items():
                if not may(actor, allow) or actor == "key":
                    continue
                tried += 1
                said = []
                for id in (foreign, thing.unknown()):
                    answer = await ask(person, method, path.replace("{id}", id), **form)
                    said.append((answer.status_code, problems_in(answer)))
                if said[0] != said[1] or said[0][0] != 404:
                    wrong.append((method, path, actor, *said))
            owner = south.admin if may("tenant_admin", allow) else south.root
            done = await ask(owner, method, path.replace("{id}", own), **form)
            if done.status_code != 200 or problems_in(done):
                wrong.append((method, path, "its owner", done.status_code, problems_in(done)))
        assert tried > 30
    assert wrong == [], "\n".join(map(str, wrong))


async def test_a_form_without_the_sessions_token_or_from_another_site_is_refused(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        await server.found()
        browser = server.somebody()
        form = {"login": "root@platform", "password": "a good long password"}
        foreign = await browser.http.post("/admin/login", data=form, headers={"Origin": "http://evil.test"})
        assert foreign.status_code == 403
        said = await browser.http.post("/admin/login", data=form, headers={"Origin": URL})
        assert (said.status_code, said.headers["Location"]) == (204, "/admin")
        cookies = said.headers.get_list("set-cookie")
        assert all("SameSite=strict" in cookie for cookie in cookies)
        assert [("HttpOnly" in cookie) for cookie in cookies] == [True, True, False]
        new = {"name": "North"}
        assert (await browser.http.post("/admin/tenants", data=new)).status_code == 403
        token = browser.http.cookies["heliograph_csrf"]
        for headers, status in (
            ({"X-CSRF-Token": "0" * 64}, 403),
            ({"X-CSRF-Token": token, "Origin": "http://evil.test"}, 403),
            ({"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"}, 403),
            ({"X-CSRF-Token": token}, 200),
        ):
            done = await browser.http.post("/admin/tenants", data=new, headers=headers)
            assert done.status_code == status


async def test_no_page_has_a_script_or_style_of_its_own_and_markup_in_a_name_is_text(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        tenant = await server.tenant(root, MARKUP)
        admin = await server.member(root, "tenant_admin")
        body = {"login": "<b>@example.org", "name": MARKUP, "role": "viewer"}
        user = (await admin.post("/users", body, expect=201))["user"]["id"]
        await admin.post("/keys", {"name": MARKUP, "scopes": ["read"]}, expect=201)
        await server.owner.execute(
            "INSERT INTO site (tenant_id, id, name, region, note) VALUES ($1, $2, $3, $3, $3)",
            tenant,
            uuid4(),
            MARKUP,
        )
        paths = [path for method, path, _ in listed() if method == "GET" and "{" not in path]
        for path in (*paths, f"/admin/users/{user}", f"/admin/tenants/{tenant}", "/admin/sites?search=<img>"):
            said = await ask(root, "GET", path)
            if said.status_code == 303 or path.endswith("/export"):
                continue
            assert said.status_code == 200, path
            assert "script-src 'self'; style-src 'self'" in said.headers["content-security-policy"]
            assert "<img src=x" not in said.text, path
            inline = r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:"
            assert re.findall(inline, said.text.replace("onerror=alert(1)", "")) == [], path
        assert "&lt;img src=x" in (await ask(root, "GET", "/admin/users")).text
        refused = await ask(root, "POST", "/admin/users", login=MARKUP, name=MARKUP, role=MARKUP)
        assert refused.status_code == 422
        assert "<img src=x" not in refused.text


async def test_an_audit_is_filtered_exported_without_formulas_and_verified(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin")
        body = {"login": "x@example.org", "name": "=cmd|' /C calc'!A0", "role": "viewer"}
        await admin.post("/users", body, expect=201)
        link = (await admin.post(f"/users/{(await admin.get('/users'))[-1]['id']}/link"))["link"]
        taken = {"token": link.partition("#")[2], "password": "a good long password"}
        await server.somebody().post("/auth/link/take", taken, expect=204)
        shown = await ask(admin, "GET", "/admin/audit?act=user.&since=2020-01-01&until=2090-01-01")
        assert "user.invited" in shown.text
        assert "session.opened" not in shown.text
        assert "No day" not in (await ask(admin, "GET", "/admin/audit?since=nonsense")).text
        said = await ask(admin, "GET", "/admin/audit/export?act=user.")
        lines = said.text.splitlines()
        assert said.headers["content-disposition"].startswith("attachment")
        assert lines[0].startswith("seq,time_utc,by,name")
        assert all(",user." in line for line in lines[1:])
        assert len(lines) >= 3
        assert "each as it was written" in (await ask(admin, "GET", "/admin/audit/verify")).text


async def test_what_a_guest_reads_on_a_page_is_written_into_the_tenants_audit(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        await ask(root, "GET", "/admin/users")
        row = (await root.get("/audit?act=tenant.read"))[-1]
        assert row["detail"] == {"method": "GET", "path": "/admin/users"}


async def test_what_is_no_page_or_no_id_is_not_found(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        said: Server = server
        assert (await ask(root, "GET", "/admin/tenants/nonsense")).status_code == 404
        assert (await ask(said.somebody(), "GET", "/admin/static/../pages.py")).status_code == 404
        assert (await ask(said.somebody(), "GET", "/")).headers["location"] == "/admin"
        login = await ask(said.somebody(), "GET", "/admin/login?next=//evil.test/x")
        assert "evil" not in login.text


async def test_a_form_of_a_page_of_another_tenant_is_not_carried_out(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        north = await server.tenant(root)
        assert f'data-tenant="{north}"' in (await ask(root, "GET", "/admin/keys")).text
        await server.tenant(root)
        form = {"login": "x@example.org", "name": "X", "role": "viewer", "reach": "all"}
        headers = {"Authorization": f"Bearer {root.token}", "X-Tenant": north}
        said = await root.http.post("/admin/users", headers=headers, data=form)
        assert said.status_code == 409
        assert await root.get("/users") == []


async def test_what_is_shown_once_is_shown_even_where_the_page_is_not(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise DatabaseBusy("no connection was free")

    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        monkeypatch.setattr(pages, "_shown", fail)
        form = {"login": "x@example.org", "name": "X", "role": "viewer", "reach": "all"}
        said = await ask(root, "POST", "/admin/users", **form)
        assert said.status_code == 200
        assert "/link#hgl_" in said.text


async def test_a_cursor_beyond_every_number_is_wrong_input(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        cursor = base64.urlsafe_b64encode(b"100000000000000000000").decode().rstrip("=")
        assert (await ask(root, "GET", f"/admin/audit?cursor={cursor}")).status_code == 422


async def test_whoever_operates_the_platform_sees_what_the_server_is_not_well_in(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        root = await server.found()
        server.app.state.watching.alerts = {"queue_lag", "disk"}
        shown = (await ask(root, "GET", "/admin/tenants")).text
        found = re.findall(r"<dt>([^<]+)</dt><dd><span class=\"chip [a-z]+\">([a-z]+)</span>", shown)
        assert found == [("Queue lag", "critical"), ("Disk", "warning")]
        server.app.state.watching.alerts = set()
        assert "not well" not in (await ask(root, "GET", "/admin/tenants")).text
