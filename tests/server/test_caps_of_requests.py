"""What a request may hold, and whose it may be: each case is one check, known by its code and its words.

Counterparts: `sync_server/api/`, `sync_server/security/`. One rule: where another check stands behind with the same code, a case
names the words, or sees that nothing was read.
"""

from __future__ import annotations

import base64
from typing import Any
from uuid import uuid4

import pytest
from starlette.requests import Request

from domain.errors import RefusedByRule
from domain.roles import PERMISSIONS, Reach
from sync_server.api import edits, keys, pieces, sharing, tags, users, wraps
from sync_server.api.bodies import read_body
from sync_server.api.routes import _check
from sync_server.security import sessions
from sync_server.security.keyring import Keyring
from sync_server.security.principal import Origin, Principal
from sync_server.security.tokens import AccessTokens, Claims, TokenInvalid
from tests.server.asking import signed
from tests.server.clients import PASSWORD, Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_pictures import DIGEST, PICTURE, show
from tests.server.test_secrets import team as team_with_a_credential


async def said(person: Person, method: str, path: str, body: Any = None, **options: Any) -> tuple[str, str]:
    """Return code and words of a refusal."""
    error = (await person.ask(method, path, body, **options)).json()["error"]
    return error["code"], error["message"]


async def an_admin(server: Server) -> Person:
    """Return the administrator of a new tenant."""
    root = await server.found()
    await server.tenant(root)
    return await server.member(root, "tenant_admin")


async def test_a_token_comes_as_a_bearers(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        for scheme, status in (("Bearer", 200), ("Basic", 401), ("Digest", 401)):
            headers = {"Authorization": f"{scheme} {admin.token}"}
            assert (await server.somebody().ask("GET", "/auth/me", headers=headers)).status_code == status


def test_a_token_signed_with_no_key_of_ours_is_none() -> None:
    ours, theirs = (AccessTokens(Keyring((secret * 40,)), "noc") for secret in "ab")
    claims = Claims(uuid4(), None, uuid4(), uuid4(), 1, 2)
    assert ours.verify(ours.sign(claims), 1.0) == claims
    with pytest.raises(TokenInvalid, match="signed with no key of this server"):
        ours.verify(theirs.sign(claims), 1.0)


async def test_a_body_that_says_to_be_too_large_is_not_read() -> None:
    async def receive() -> Any:
        raise AssertionError("it was read")

    headers = [(b"content-type", b"application/json"), (b"content-length", b"101")]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    with pytest.raises(RefusedByRule, match="at most 100 bytes"):
        await read_body(Request(scope, receive), "application/json", 100)


def test_what_is_of_the_platform_is_for_who_works_there() -> None:
    who = Principal(
        kind="user",
        id=uuid4(),
        name="One",
        tenant=uuid4(),
        role="tenant_admin",
        permissions=PERMISSIONS["platform_admin"],
        reach=Reach(None),
        origin=Origin("", "", ""),
    )
    with pytest.raises(RefusedByRule, match="that is for the platform"):
        _check(who, "tenants:write", "platform")


async def test_keys_and_members_are_given_no_more_than_their_giver_has(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        key = {"name": "K", "scopes": ["read"]}
        none = {**key, "scopes": []}
        assert await said(admin, "POST", "/keys", none) == (
            "MISSING_REQUIRED_FIELD",
            "at least one scope expected",
        )
        for days in (0, 3_651):
            code, words = await said(admin, "POST", "/keys", {**key, "days": days})
            assert code == "INVALID_INPUT" and "1 to 3650 days expected" in words
        many = {**key, "sites": [str(uuid4()) for _ in range(501)]}
        assert "at most 500 sites" in (await said(admin, "POST", "/keys", many))[1]
        monkeypatch.setattr(keys, "SCOPE_PERMISSIONS", {"read": frozenset({"tenants:write"})})
        assert (await said(admin, "POST", "/keys", key))[1] == "you cannot do what read gives"
        monkeypatch.setattr(users, "may_give", lambda *_: False)
        member = {"login": "new@example.org", "name": "New", "role": "viewer"}
        assert (await said(admin, "POST", "/users", member))[1] == "you cannot make or change a viewer"


async def test_a_key_is_limited_too(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        made = await admin.post("/keys", {"name": "K", "scopes": ["read"]}, expect=201)
    async with (
        serving(server_database, limit_api_per_min=3) as server,
        serving(server_database, limit_api_per_min=3) as other,
    ):
        await server.stop_clock()
        await server.owner.execute("TRUNCATE identity.bucket")
        asking = [server, server, server, server, other]
        said = [await one.somebody(made["secret"]).ask("GET", "/devices") for one in asking]
        assert [one.status_code for one in said] == [200, 200, 200, 429, 429]


async def test_a_session_that_ends_as_it_is_opened_gives_no_token(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        await an_admin(server)
        monkeypatch.setattr(sessions, "_ADMIT", f"{sessions._ADMIT} WHERE false")
        body = {"login": "root@platform", "password": PASSWORD}
        over = await server.somebody().refused("POST", "/auth/login", body)
        assert over[1] == "TOKEN_EXPIRED"


async def test_who_is_to_found_the_platform_takes_no_other_way(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        token = await server.services.links.offer_founding()
        body = {"token": token, "password": PASSWORD}
        assert (await server.somebody().refused("POST", "/auth/link/take", body))[1] == "LINK_NOT_FOUND"


async def test_no_request_holds_more_than_may_be(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        made = await admin.post("/push-keys", {"name": "P"}, expect=201)
        pushing = server.somebody(made["secret"])
        for messages in ([], [{"values": {"a": 1}}] * 1_001):
            assert (
                "1 to 1000 messages" in (await said(pushing, "POST", "/telemetry", {"messages": messages}))[1]
            )
        monkeypatch.setattr(edits, "STEPS_CAP", 1)
        steps = [
            {"kind": "site", "id": str(uuid4()), "before": None, "after": {"name": f"S{n}"}} for n in (1, 2)
        ]
        sent = {"edits": [{"id": str(uuid4()), "at_us": 1, "title": "T", "steps": steps}]}
        assert "at most 1 steps" in (await said(admin, "POST", "/edits", sent))[1]
        monkeypatch.setattr(tags, "STEPS_CAP", 1)
        for number in (1, 2):
            device = {"name": f"R{number}", "address": f"10.0.0.{number}", "tags": ["core"]}
            await admin.post("/devices", device, expect=201)
        assert "more than 1 devices" in (await said(admin, "DELETE", "/tags/core"))[1]


async def test_pictures_are_as_large_as_was_said_and_begun_once(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        await show(server, admin)
        piece = {"size": 100, "offset": 0, "data": base64.b64encode(PICTURE[:200]).decode()}
        words = (await said(admin, "PUT", f"/pictures/{DIGEST}", piece))[1]
        assert words == "100 bytes were announced, and here are more"
        begun = {**piece, "size": len(PICTURE)}
        await admin.ask("PUT", f"/pictures/{DIGEST}", begun, expect=200)
        monkeypatch.setattr(pieces, "_NOW", pieces._NOW.replace("WHERE", "WHERE false AND"))  # a moment ago
        assert (await said(admin, "PUT", f"/pictures/{DIGEST}", begun))[0] == "PICTURE_CONFLICT"


async def test_secrets_are_wrapped_to_some_and_where_there_is_one(
    server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        admin, *_, credential = await team_with_a_credential(server)
        path = f"/credentials/{credential}"
        await admin.ask("PUT", f"{path}/audience", {"kind": "engineers"}, expect=200)
        wrap = {"install": str(uuid4()), "wrapped": base64.b64encode(bytes(80)).decode()}
        one = {"epoch": 1, "version": 1, "wraps": [wrap]}
        assert (await said(admin, "PUT", f"{path}/wraps", one))[0] == "SECRET_NOT_FOUND"
        for room in (wraps, sharing):
            monkeypatch.setattr(room, "WRAPS_CAP", 1)
        two = {**one, "wraps": [wrap, wrap]}
        for body in (two, {**one, "wraps": []}):
            assert "1 to 1 wraps" in (await said(admin, "PUT", f"{path}/wraps", body))[1]
        assert (
            "at most 1 wraps"
            in (await said(admin, "PUT", f"{path}/audience", {"kind": "engineers", **two}))[1]
        )
        me = admin.opened["user"]["id"]
        for body in ({"kind": "people", "people": []}, {"kind": "engineers", "people": [me]}):
            assert (
                "people expected with the kind people"
                in (await said(admin, "PUT", f"{path}/audience", body))[1]
            )


async def test_a_monitor_tells_of_what_it_may_and_ends_what_was_firing(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        admin = await an_admin(server)
        await admin.post("/devices", {"name": "R", "address": "10.0.0.1"}, expect=201)
        told = {"key": "k", "title": "T", "address": "10.0.0.1"}
        gone = {**told, "state": "resolved"}
        assert await said(admin, "POST", "/alerts", gone) == (
            "ALERT_NOT_FOUND",
            "nothing of this key was firing",
        )
        other = await server.member(admin, "tenant_admin")
        hook = await other.post("/hooks", {"name": "H"}, expect=201)
        id = hook["hook"]["id"]

        async def sent() -> int:
            asked = signed(id, hook["secret"], {**told, "key": uuid4().hex})
            response = await server.somebody().http.post(
                f"/api/v1/hooks/{id}", content=asked.content, headers=asked.headers
            )
            return response.status_code

        assert await sent() == 200
        await admin.ask("PATCH", f"/users/{other.opened['user']['id']}", {"role": "viewer"}, expect=200)
        assert await sent() == 404
