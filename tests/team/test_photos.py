"""Photographs reach the team: hung up offline, cut off and killed on the way, and seen by the same hash by who may see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.blobs import PIECE_BYTES, DevelopPhoto, PictureWay, digest_of
from domain.edit import change, creation, deletion
from domain.errors import Refusal, RefusedByRule
from domain.inventory import Site
from domain.photo import Photo
from engine.compose import new_id
from engine.sync import contents
from engine.sync.pictures import PICTURES
from tests.engine.photo_files import PHONE, jpeg, scene
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, all_until, join, running
from tests.team.proxy import passing
from tests.team.servers import Reached, listening
from tests.team.test_pictures import held, is_here, sharing, team, until_here

LARGE = jpeg(scene(2_048, 1_536))
"""Of noise: more than is fetched before somebody looks."""


@pytest.fixture(autouse=True)
def promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at once, and take less for small."""
    monkeypatch.setattr(contents, "GATHER_S", 0.02)
    monkeypatch.setattr(contents, "ELSEWHERE_S", 0.2)
    monkeypatch.setattr("engine.team.PICTURES", PICTURES._replace(small_bytes=100_000))


async def hang(engine: Joined, file: bytes = LARGE, caption: str = "The mast", **at: Any) -> Photo:
    """Hang up a photograph as a window does."""
    digest, told = digest_of(file), dict[str, Any]()
    while "digest" not in told:
        have = told.get("have", 0)
        reply = await engine.ask(DevelopPhoto(1, digest, len(file), have, file[have : have + PIECE_BYTES]))
        assert not reply.refusals, reply
        told = reply.result
    del told["have"]
    photo = Photo(new_id(), **told, added_us=10**15, author="Mara", caption=caption, **at)
    await engine.edit("Add a photograph", creation("photo", photo))
    return photo


def photos_of(engine: Joined) -> dict[UUID, Any]:
    """Return the photographs that an engine shows."""
    found: dict[UUID, Any] = engine.state.inventory.tables["photo"]
    return found


async def hill(engine: Joined) -> Site:
    """Make a site."""
    site = Site(new_id(), "Hochstein")
    await engine.edit("a site", creation("site", site))
    return site


async def test_a_photograph_hung_up_offline_goes_on_where_it_was_cut_and_is_seen_by_its_hash(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        await team(server, "mara", "joe")
        async with passing(int(server.url.rpartition(":")[2])) as line:
            through = Reached(server.app, server.database, server.owner, line.url)
            van = await join(tmp_path / "mara", through, "mara@example.org")
            office = await join(tmp_path / "joe", server, "joe@example.org")
            line.cut()
            async with running(van) as mara:
                await mara.until(lambda: mara.team.reachability == "offline")
                site = await hill(mara)
                photo = await hang(mara, site=site.id)
                assert ("photo", photo.id) in mara.team.pending_things
                assert await held(mara, photo.digest), "seen here at once"
            some = "SELECT have FROM sync.picture WHERE digest = $1"
            async with running(office) as joe:
                async with running(van) as mara:  # another start: all that was done is there
                    line.mend()
                    line.loss = 0.5
                    while not await server.owner.fetchval(some, photo.digest):
                        sharing(mara)[0].try_now()
                        await mara.until(lambda: True)
                    line.cut()
                had = await server.owner.fetchval(some, photo.digest)
                assert had > 0, "ended in the middle"
                await joe.until(lambda: photo.id in photos_of(joe))
                async with running(van) as mara:
                    line.loss = 0.0
                    line.mend()
                    up = line.passed["up"]
                    whole = "SELECT is_whole FROM sync.picture WHERE digest = $1"
                    while not await server.owner.fetchval(whole, photo.digest):
                        sharing(mara)[0].try_now()
                        await mara.until(lambda: True)
                    await mara.until(lambda: ("photo", photo.id) not in mara.team.pending_things)
                    size = len(await held(mara, photo.digest))
                    assert line.passed["up"] - up < (size - had) * 3 / 2 + 200_000
                await until_here(joe, photo.thumb)
                assert not await is_here(joe, photo.digest), "nobody has looked at it"
                assert await held(joe, photo.digest) == b""
                await until_here(joe, photo.digest)
                seen = await held(joe, photo.digest)
                assert digest_of(seen) == photo.digest
                assert PHONE.encode() not in seen
                assert photos_of(joe)[photo.id] == photo


async def test_bytes_on_their_way_are_told_of_until_the_server_has_them_and_why_they_do_not_go_on(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sync.desk.TOLD_EVERY_S", 0.0)
    async with listening(server_database) as server:
        await team(server, "mara")
        async with passing(int(server.url.rpartition(":")[2])) as line:
            through = Reached(server.app, server.database, server.owner, line.url)
            async with running(await join(tmp_path / "mara", through, "mara@example.org")) as mara:
                await mara.until(lambda: mara.team.reachability == "online")
                ways: list[tuple[PictureWay, ...]] = []
                tell = mara.engine._team._tell
                mara.engine._team._tell = lambda told: (ways.append(told.pictures), tell(told))[1]
                site = await hill(mara)
                sharer = sharing(mara)[1]
                sharer._calls.put, put = refusing, sharer._calls.put
                photo = await hang(mara, site=site.id)
                sizes = {d: len(await held(mara, d)) for d in (photo.digest, photo.thumb)}
                await mara.until(lambda: ways and len(ways[-1]) == 2 and all(w.trouble for w in ways[-1]))
                told = {w.digest: w for w in ways[-1]}
                assert {d: w.size for d, w in told.items()} == sizes
                assert told[photo.digest] == PictureWay(
                    photo.digest, sizes[photo.digest], 0, True, "it is full"
                )
                sharer._calls.put = put
                sharer.wake()
                await mara.until(lambda: not ways[-1])
                seen = {(w.digest, w.done) for told in ways for w in told}
                some = sorted(done for digest, done in seen if digest == photo.digest)
                assert some[0] == 0 and len(some) > 2, "it grew from nothing"
                assert not mara.state.team.pictures


async def refusing(*_: Any) -> int:
    """Take no picture."""
    raise RefusedByRule([Refusal("LIMIT_REACHED", "it is full")])


async def test_a_caption_and_a_removal_reach_the_other_and_an_undo_brings_it_back(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        await team(server, "mara", "joe")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            site = await hill(mara)
            photo = await hang(mara, jpeg(), site=site.id)
            await until_here(joe, photo.digest)
            renamed = msgspec.structs.replace(photo, caption="البرج الشمالي من الطريق")
            step = change("photo", photo, renamed)
            assert step is not None
            await joe.edit("a caption", step)
            await mara.until(lambda: photos_of(mara).get(photo.id) == renamed)
            await mara.edit("a removal", deletion("photo", renamed))
            await joe.until(lambda: photo.id not in photos_of(joe))
            await mara.edit("Undo: a removal", creation("photo", renamed))
            await joe.until(lambda: photos_of(joe).get(photo.id) == renamed)
            assert digest_of(await held(joe, photo.digest)) == photo.digest


async def test_a_limited_member_sees_what_hangs_at_his_sites_and_a_foreign_tenant_nothing(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        root = await server.found()
        await server.tenant(root)
        admin = await server.member(root, "tenant_admin", "admin@example.org")
        await server.member(admin, "engineer", "mara@example.org")
        north, south = [(await admin.post("/sites", {"name": name}, expect=201))["id"] for name in "NS"]
        device = {"name": "R1", "address": "10.0.0.1", "site": south}
        router = (await admin.post("/devices", device, expect=201))["id"]
        limited = await server.member(admin, "engineer", "van@example.org", sites=[north])
        viewer = await server.member(admin, "viewer", "desk@example.org")
        await server.tenant(root, "Other")
        stranger = await server.member(root, "tenant_admin", "else@example.net")
        folder = await join(tmp_path / "mara", server, "mara@example.org")
        async with running(folder) as mara:
            await mara.until(lambda: UUID(router) in mara.state.inventory.tables["device"])
            his = await hang(mara, jpeg(), site=UUID(north))
            theirs = await hang(mara, jpeg(scene(seed=2)), device=UUID(router))
            whole = "SELECT count(*) FROM sync.picture WHERE is_whole"
            while await server.owner.fetchval(whole) < 4:
                await mara.until(lambda: True)
        for photo in (his, theirs):
            url = f"/pictures/{photo.digest}"
            assert (await viewer.get(url))["size"]
            body = {"size": 9, "offset": 0, "data": ""}
            for call in (("GET", url), ("PUT", url, body)):
                assert await stranger.refused(*call) == (404, "PICTURE_NOT_FOUND")
            assert await viewer.refused("PUT", url, body) == (403, "INSUFFICIENT_PERMISSIONS")
        assert await stranger.get("/pictures") == []
        assert {one["digest"] for one in await limited.get("/pictures")} == {his.digest, his.thumb}
        assert await limited.refused("GET", f"/pictures/{theirs.digest}") == (404, "PICTURE_NOT_FOUND")
