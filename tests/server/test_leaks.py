"""What people prove themselves with is in no line of the log and in no row, in any form that would be of use."""

from __future__ import annotations

import logging

import msgspec
import pytest

from engine.log import Lines
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.test_secrets import dumped

FIRST, LATER, WRONG = "the first long password", "a later long password", "what nobody ever chose"


async def test_no_password_and_no_token_of_a_person_is_in_the_log_or_the_database(
    server_database: ServerDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(server_database) as server:
        root = await server.found()
        tenant = await server.tenant(root)
        invited = await root.post(
            "/users", {"login": "mara@example.org", "name": "Mara", "role": "engineer"}, expect=201
        )
        link = invited["link"].partition("#")[2]
        await server.somebody().post("/auth/link/take", {"token": link, "password": FIRST}, expect=204)
        wrong = {"login": "mara@example.org", "password": WRONG}
        assert await server.somebody().refused("POST", "/auth/login", wrong) == (401, "INVALID_CREDENTIALS")
        mara = await server.log_in("mara@example.org", FIRST)
        stream = (await mara.post("/auth/stream-token"))["token"]
        await mara.post("/auth/password", {"old": FIRST, "new": LATER}, expect=204)
        mara = await server.log_in("mara@example.org", LATER)
        key = (await root.post("/keys", {"name": "K", "scopes": ["read"]}, expect=201))["secret"]
        totp = (await mara.post("/auth/totp", {"password": LATER}))["secret"]
        dump = await dumped(server)
    form = Lines()
    log = "\n".join(form.format(record) for record in caplog.records)
    assert "mara@example.org" in dump and "/auth/login" in log, "the search would find it"
    refresh = mara.opened["refresh_token"]
    for hidden in (FIRST, LATER, WRONG, link, mara.token, refresh, stream, key, totp):
        assert hidden not in log
        assert hidden not in dump and hidden.encode().hex() not in dump
    lines = [msgspec.json.decode(form.format(one)) for one in caplog.records if one.getMessage() == "request"]
    assert {line["tenant_id"] for line in lines if line.get("route") == "/api/v1/keys"} == {tenant}
    assert all(line["request_id"] for line in lines)
