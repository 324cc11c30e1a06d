"""Secrets that are entered in one engine of a team: who gets them, who does not, and what is left where."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.edit import Edit, creation
from domain.inventory import Credential
from domain.sharing import OFFLINE_S, Audience, QuerySharing, SetAudience, SharingState
from domain.vault import RotateKeys, Secret
from domain.wire import SubmitEdit
from engine.compose import new_id, now_us
from engine.storage.team_secrets import SharedSecrets
from engine.tasks import end
from engine.vault import SecretNotHere
from tests.server.clients import Person
from tests.server.conftest import ServerDatabase
from tests.server.test_secrets import dumped, engineers
from tests.team.engines import WAIT_S, Joined, all_until, join, running
from tests.team.servers import Reached, listening

FIRST, SECOND = "a community of the first", "another one of the second"


async def enter(engine: Joined, credential: Credential, secret: str, *, is_new: bool = True) -> None:
    """Enter a secret, as a form does."""
    steps = (creation("credential", credential),) if is_new else ()
    edit = Edit(new_id(), now_us(), "test", "enter", steps)
    reply = await engine.ask(SubmitEdit(1, edit, {credential.id: Secret(secret)}))
    assert not reply.refusals, reply.refusals


def held(engine: Joined, id: UUID) -> str:
    """Return a secret as an engine has it, empty where it has none."""
    try:
        return engine.engine._vault.get(id)
    except SecretNotHere:
        return ""


def sharing(engine: Joined) -> Any:
    """Return what shares secrets."""
    found = engine.engine._team.sharing
    assert found is not None
    return found


async def is_untold(engine: Joined, id: UUID) -> bool:
    """Tell whether a secret waits for the server."""
    shared = await engine.engine._store.run(SharedSecrets(engine.engine._team._store).read)
    return id in shared and shared[id].untold


async def told(engine: Joined, id: UUID) -> None:
    """Wait until the server has a secret."""
    async with asyncio.timeout(WAIT_S):
        while await is_untold(engine, id):  # noqa: ASYNC110 it looks at what it may not wait for
            await asyncio.sleep(0.05)


async def said(engine: Joined) -> list[str]:
    """Return what an engine's journal says of secrets."""
    rows = await engine.engine._store.run(engine.engine._team._kept.journal_after, 0, 1_000)
    return [row.body["what"] for row in rows if row.kind == "secret_changed"]


async def says(engine: Joined, what: str) -> None:
    """Wait until an engine's journal, on its way to the disk, says something of secrets."""
    async with asyncio.timeout(WAIT_S):
        while what not in await said(engine):  # noqa: ASYNC110 it looks at what it may not wait for
            await asyncio.sleep(0.05)


async def team(server: Reached, *logins: str) -> Person:
    """Return the administrator of a new tenant with these engineers."""
    root = await server.found()
    await server.tenant(root)
    admin = await server.member(root, "tenant_admin", "admin@example.org")
    for login in logins:
        await server.member(admin, "engineer", f"{login}@example.org")
    return admin


async def test_a_secret_reaches_who_may_hold_it_and_the_later_told_one_replaces_the_first(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        admin = await team(server, "mara", "joe")
        login = Credential(new_id(), "Hill", "snmp_community", "")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            await enter(mara, login, FIRST)
            await joe.until(lambda: joe.state.inventory.tables["credential"].get(login.id))
            await joe.until(lambda: held(joe, login.id) == FIRST)  # no collector is there: engineers hold it
            assert (await admin.get(f"/credentials/{login.id}/audience"))["kind"] == "engineers"
            await told(mara, login.id)  # the other may have it before the answer is here
            assert held(mara, login.id) == FIRST

            await enter(joe, login, SECOND, is_new=False)
            await mara.until(lambda: held(mara, login.id) == SECOND)
            await says(mara, "replaced")
            dump = await dumped(server)
            assert str(login.id) in dump
            for secret in (FIRST, SECOND):
                assert secret not in dump and secret.encode().hex() not in dump

            only = Audience("people", people=frozenset([mara.team.account]))
            before = mara.engine._vault.sealed(login.id)
            reply = await mara.ask(SetAudience(1, (login.id,), only))
            assert (reply.refusals, reply.result) == ((), {"waiting": 0})
            await joe.until(lambda: not held(joe, login.id))
            await mara.until(
                lambda: mara.engine._vault.sealed(login.id) != before
            )  # sealed under another key
            assert held(mara, login.id) == SECOND
            await says(joe, "ended")
            nobody = await mara.ask(SetAudience(1, (login.id,), Audience()))
            assert [one.code for one in nobody.refusals] == ["HOLDER_CONFLICT"]
            state = msgspec.convert((await mara.ask(QuerySharing(1))).result, SharingState)
            (row,) = state.credentials
            assert (row.audience, len(row.holders), state.collectors) == (only, 1, ())


async def test_a_secret_goes_to_nobody_before_its_audience_is_told_and_waits_where_nobody_may_hold_it(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        admin = await team(server, "mara", "joe")
        login = Credential(new_id(), "Hill", "snmp_community", "")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            assert (await mara.ask(SetAudience(1, (login.id,), Audience()))).result == {"waiting": 1}
            await enter(mara, login, FIRST)
            await joe.until(lambda: joe.state.inventory.tables["credential"].get(login.id))
            await mara.until(lambda: not mara.team.pending)
            await sharing(mara).look()
            assert await is_untold(mara, login.id) and held(mara, login.id) == FIRST
            await says(mara, "kept")
            assert (await mara.ask(SetAudience(1, (login.id,), Audience("engineers")))).result == {
                "waiting": 0
            }
            await joe.until(lambda: held(joe, login.id) == FIRST)
            refused = await joe.ask(SetAudience(1, (login.id,), Audience("people")))
            assert [one.field for one in refused.refusals] == ["people"]
            await admin.ask("DELETE", f"/installs/{joe.team.install}", expect=200)
            state = msgspec.convert((await mara.ask(QuerySharing(1))).result, SharingState)
            assert [len(one.lost) for one in state.credentials] == [1], "to be changed on the routers"


async def test_a_secret_that_was_entered_without_the_server_is_told_after_a_restart(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    login = Credential(new_id(), "Hill", "snmp_community", "")
    async with listening(server_database) as server:
        admin = await team(server, "mara", "joe")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        port = int(server.url.rpartition(":")[2])
    async with running(folders[0]) as mara:
        await mara.until(lambda: mara.team.reachability == "offline")
        await enter(mara, login, FIRST)
        assert await is_untold(mara, login.id) and held(mara, login.id) == FIRST
    async with listening(server_database, port=port) as server, running(folders[0]) as mara:
        await mara.until(lambda: mara.team.reachability == "online" and not mara.team.pending)
        admin = await server.log_in("admin@example.org")
        await engineers(admin, str(login.id))
        await told(mara, login.id)
        async with running(folders[1]) as joe:  # it joined before, and was never there
            await joe.until(lambda: joe.state.inventory.tables["credential"].get(login.id))
            sharing(joe).wake()
            await joe.until(lambda: held(joe, login.id) == FIRST)
        late = await join(tmp_path / "late", server, "joe@example.org")
        async with running(late) as spare:
            await spare.until(lambda: spare.state.inventory.tables["credential"].get(login.id))
            sharing(mara).wake()
            await spare.until(lambda: held(spare, login.id) == FIRST)


async def test_what_was_not_renewed_for_a_week_is_deleted_here_and_comes_back(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = Credential(new_id(), "Hill", "snmp_community", "")
    async with listening(server_database) as server:
        admin = await team(server, "mara")
        folder = await join(tmp_path / "mara", server, "mara@example.org")
        async with running(folder) as mara:
            await mara.until(lambda: mara.team.reachability == "online")
            await enter(mara, login, FIRST)
            await mara.until(lambda: not mara.team.pending)
            await engineers(admin, str(login.id))
            await told(mara, login.id)
            share = sharing(mara)
            await end(*(one for one in asyncio.all_tasks() if one.get_name() == "secrets"))
            await share.share()  # from here on there is no round but the test's own
            monkeypatch.setattr(share, "_now_us", lambda: now_us() + OFFLINE_S * 1_000_000 + 60_000_000)
            await share.expire()
            assert not held(mara, login.id)
            assert login.id not in await mara.engine._store.run(mara.engine._team._store.secrets)
            await says(mara, "expired")
            assert await said(mara) == ["expired"]
            monkeypatch.setattr(share, "_now_us", now_us)
            await share.share()
            assert held(mara, login.id) == FIRST
            refused = await mara.ask(RotateKeys(1))
            assert [one.code for one in refused.refusals] == ["KEY_IS_FIXED"]
            assert held(mara, login.id) == FIRST
