"""Pictures under schematics reach the team: in pieces over a bad line, small ones at once, large ones when somebody looks."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from domain.blobs import PIECE_BYTES, GetBlob, PutBlob, digest_of
from domain.diagram import Diagram
from domain.edit import creation
from domain.inventory import Inventory
from engine.compose import new_id
from engine.sync import contents
from engine.sync.pictures import PICTURES
from tests.server.clients import Person
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, all_until, join, running
from tests.team.proxy import passing
from tests.team.servers import Reached, listening


@pytest.fixture(autouse=True)
def promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at once: there is no office full of laptops here."""
    monkeypatch.setattr(contents, "GATHER_S", 0.02)
    monkeypatch.setattr(contents, "ELSEWHERE_S", 0.2)


def picture(size: int, seed: int = 1) -> bytes:
    """Return what begins as a PNG does."""
    return b"\x89PNG\r\n\x1a\n" + Random(seed).randbytes(size - 8)


SMALL, LARGE = picture(100_000), picture(PICTURES.small_bytes + 300_000)


async def keep(engine: Joined, data: bytes) -> str:
    """Keep a picture in an engine, as a window does; return its name."""
    digest, have = digest_of(data), 0
    while have < len(data):
        reply = await engine.ask(PutBlob(1, digest, len(data), have, data[have : have + PIECE_BYTES]))
        assert not reply.refusals
        have = reply.result["have"]
    return digest


async def show(engine: Joined, data: bytes, name: str = "Tower", **fields: object) -> Diagram:
    """Lay a picture under a new schematic."""
    diagram = Diagram(new_id(), name, None, await keep(engine, data), **fields)  # type: ignore[arg-type]
    await engine.edit("a schematic", creation("diagram", diagram))
    return diagram


async def held(engine: Joined, digest: str) -> bytes:
    """Return a picture as an engine has it, nothing where it has none."""
    data = b""
    while True:
        reply = await engine.ask(GetBlob(1, digest, len(data)))
        if reply.refusals:
            return b""
        data += bytes(reply.result["data"])
        if len(data) >= reply.result["size"]:
            return data


async def is_here(engine: Joined, digest: str) -> bool:
    """Tell whether a picture is here, without asking for it."""
    return await engine.engine._team._blobs.size(digest) is not None


def sharing(engine: Joined) -> tuple[Any, Any]:
    """Return what keeps the line, and what shares pictures."""
    part = engine.engine._team
    assert part.desk is not None and part.pictures is not None
    return part.desk.client, part.pictures


async def until_here(engine: Joined, digest: str) -> None:
    """Wait until a picture has come."""
    await engine.until((engine.folder / "pictures" / digest).exists)


async def team(server: Reached, *logins: str) -> Person:
    """Return the administrator of a new tenant with these engineers."""
    root = await server.found()
    await server.tenant(root)
    admin = await server.member(root, "tenant_admin", "admin@example.org")
    for login in logins:
        await server.member(admin, "engineer", f"{login}@example.org")
    return admin


async def test_a_small_picture_comes_by_itself_and_a_large_one_when_somebody_looks(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        await team(server, "mara", "joe")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            large = await show(mara, LARGE, "Map of the valley")
            small = await show(mara, SMALL)
            await until_here(joe, small.background)
            assert await held(joe, small.background) == SMALL
            whole = "SELECT count(*) FROM sync.picture WHERE is_whole"
            while await server.owner.fetchval(whole) < 2:
                await joe.until(lambda: True)
            assert not await is_here(joe, large.background)
            assert await held(joe, large.background) == b"", "asked for, and on its way from now on"
            await until_here(joe, large.background)
            assert await held(joe, large.background) == LARGE


async def test_a_picture_that_was_laid_offline_goes_up_over_a_line_that_is_cut_and_loses_half(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        admin = await team(server, "mara")
        async with passing(int(server.url.rpartition(":")[2])) as line:
            through = Reached(server.app, server.database, server.owner, line.url)
            folder = await join(tmp_path / "mara", through, "mara@example.org")
            line.cut()
            async with running(folder) as mara:
                await mara.until(lambda: mara.team.reachability == "offline")
                shown = await show(mara, LARGE)
                line.mend()
                sharing(mara)[0].try_now()
                some = "SELECT have FROM sync.picture"
                have = 0
                for _ in range(3):  # three cuts, and each time it goes on where it was
                    line.loss = 0.5
                    before = have
                    while (have := await server.owner.fetchval(some) or 0) <= before < len(LARGE):
                        await mara.until(lambda: True)
                    line.cut()
                    line.mend()
                    sharing(mara)[1].wake()
                line.loss = 0.0
                up = line.passed["up"]
                while not await server.owner.fetchval("SELECT is_whole FROM sync.picture"):
                    sharing(mara)[0].try_now()
                    sharing(mara)[1].wake()
                    await mara.until(lambda: True)
                assert line.passed["up"] - up < len(LARGE) * 3 / 2, "what was there was not sent again"
            said = await admin.get(f"/pictures/{shown.background}?offset={len(LARGE) - 5}")
            assert said["size"] == len(LARGE)


async def test_a_limited_member_gets_the_pictures_of_his_sites_and_no_other(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        admin = await team(server, "mara")
        north, south = [(await admin.post("/sites", {"name": name}, expect=201))["id"] for name in "NS"]
        await server.member(admin, "engineer", "van@example.org", sites=[north])
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "van")]
        async with running(folders[0]) as mara, running(folders[1]) as van:
            await mara.until(lambda: len(mara.state.inventory.tables["site"]) == 2)
            sites = {one.name: one.id for one in mara.state.inventory.tables["site"].values()}
            theirs = await show(mara, picture(90_000, 2), "South", site=sites["S"])
            his = await show(mara, SMALL, "North", site=sites["N"])
            await until_here(van, his.background)
            assert str(sites["S"]) == south
            assert await held(van, theirs.background) == b""
            assert len(van.state.inventory.tables["diagram"]) == 1


async def test_what_is_brought_along_brings_its_pictures_and_a_full_store_is_said(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database, tenant_pictures_mb=1) as server:
        await team(server, "mara", "joe")
        alone = tmp_path / "mara"
        inventory = Inventory()
        papers: list[Diagram] = []
        (alone / "pictures").mkdir(parents=True)
        for data in (SMALL, LARGE, picture(400_000, 4)):
            papers.append(Diagram(new_id(), f"Paper {len(papers)}", None, digest_of(data)))
            inventory.tables["diagram"][papers[-1].id] = papers[-1]
            (alone / "pictures" / digest_of(data)).write_bytes(data)
        folder = await join(alone, server, "mara@example.org", inventory, bring=True)
        other = await join(tmp_path / "joe", server, "joe@example.org")
        async with running(folder) as mara, running(other) as joe:
            await joe.until(lambda: len(joe.state.inventory.tables["diagram"]) == 3)
            await until_here(joe, papers[0].background)
            said = await mara.until(lambda: mara.engine._team.notices)
            assert "is on this computer alone: the team's pictures fill 1 MB" in said[0]
            assert any("on this computer alone" in one for one in mara.engine._notices())
