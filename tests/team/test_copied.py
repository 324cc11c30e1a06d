"""Two copies of one folder run at once until the session of both is over: each logs in again, and what each did goes up once.

Counterpart: `test_faults.py`, where the copies come one after the other.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.team.words import entry_words, stand_of
from domain.edit import creation
from domain.inventory import Site
from domain.team import LogInAgain
from domain.vault import Secret
from engine.compose import new_id, now_us
from tests.server.clients import PASSWORD
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, all_until, running, team
from tests.team.servers import listening

ENDED = "SELECT ended_why FROM identity.session WHERE kind = 'program' AND ended_us IS NOT NULL"


async def _site(engine: Joined, name: str) -> str:
    """Add a site; return the edit's id."""
    return str((await engine.edit("a site", creation("site", Site(new_id(), name, "", 9.0, 47.0)))).id)


async def _let_in(engine: Joined) -> None:
    reply = await engine.ask(LogInAgain(1, Secret(PASSWORD)))
    assert not reply.refusals, reply.refusals


async def test_copies_that_are_shut_out_log_in_again_and_what_each_did_meanwhile_goes_up_once(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_server.security.sessions.REFRESH_GRACE_S", 0)  # a token is taken once
    for where in ("hub", "room"):  # they take turns of a second
        monkeypatch.setattr(f"sync_server.live.{where}.COPIED_S", 1.0)
    async with listening(server_database) as server:
        (folder,) = await team(server, tmp_path, "mara")
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        async with running(folder) as first:
            await first.until(lambda: first.team.is_synced)
            async with running(copy) as twin:
                both = (first, twin)
                await twin.until(lambda: twin.team.reachability == "refused")
                assert [row["ended_why"] for row in await server.owner.fetch(ENDED)] == [
                    "a refresh token was used twice"
                ]
                await first.until(lambda: first.team.reachability == "refused")
                made = [await _site(one, name) for one, name in zip(both, ("first", "twin"), strict=True)]
                for one in both:
                    assert one.team.pending == 1
                    stand = stand_of(one.team, now_us())
                    assert (stand.level, stand.short) == ("act", "Not let in")
                    assert "the session is over: log in again" in stand.story
                    assert "1 edit waits for the server" in stand.story
                    assert entry_words(one.team) == "Log in again…"
                await _let_in(twin)
                await twin.until(lambda: twin.team.pending == 0 and twin.team.reachability == "online")
                assert first.team.pending == 1 and first.team.reachability == "refused"
                await _let_in(first)
                await all_until(
                    both, lambda one: one.team.pending == 0 and len(one.state.inventory.tables["site"]) == 2
                )
                assert not first.team.tray and not twin.team.tray
        kept = [str(row["id"]) for row in await server.owner.fetch("SELECT id FROM edit")]
        assert sorted(kept) == sorted(made), "nothing is lost, and nothing there twice"
        assert await server.owner.fetchval("SELECT count(*) FROM site") == 2
