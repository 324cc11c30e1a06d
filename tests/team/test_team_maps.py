"""Maps of the user's own reach the team: in pieces over a bad line, through restarts, to who fetches them, checked before use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.edit import creation, deletion
from domain.maps import AddMap, MapFile, RemoveMap
from domain.team import LeaveTeam
from domain.team_map import FetchMap, MapWay, TeamMap
from engine.compose import new_id
from engine.sync import contents
from tests.map_files import write_map
from tests.server.conftest import ServerDatabase
from tests.team.engines import Joined, all_until, join, running
from tests.team.proxy import Proxy, passing
from tests.team.servers import Reached, listening
from tests.team.test_pictures import team

PIECE = 16_384
SLOW_BYTES_PER_S = 50_000
"""A map goes for many seconds: who looks every few hundredths of one finds it in the middle."""


@pytest.fixture(autouse=True)
def promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at once, in small pieces: there is no office full of laptops here, and no map of a country."""
    monkeypatch.setattr(contents, "GATHER_S", 0.02)
    monkeypatch.setattr(contents, "ELSEWHERE_S", 0.2)
    monkeypatch.setattr(contents, "AGAIN_S", 0.5)
    monkeypatch.setattr(contents, "PIECE_BYTES", PIECE)
    monkeypatch.setattr(contents, "FIRST_BYTES", PIECE)


def a_map(folder: Path, seed: int = 1) -> Path:
    """Return a map of pictures of some 400 kB."""

    def make(tile: tuple[int, int, int]) -> bytes:
        return b"\x89PNG\r\n\x1a\n" + Random(f"{seed} {tile}").randbytes(8_000)

    folder.mkdir(parents=True, exist_ok=True)
    return write_map(folder / f"valley-{seed}.pmtiles", "raster", make=make)


async def add(engine: Joined, file: Path) -> MapFile:
    """Take a file into somebody's own maps."""
    reply = await engine.ask(AddMap(1, str(file), name="The valley"))
    assert not reply.refusals
    id = UUID(reply.result["operation"])
    ended = await engine.until(lambda: (one := engine.state.operations[id]).has_ended and one)
    assert ended.state == "done", ended.result_words
    return next(one for one in engine.state.maps.values() if one.path == str(file))


def shared_as(engine: Joined, one: MapFile) -> TeamMap:
    """Return a map as a window shares it."""
    what = (one.name, one.digest, one.size_bytes, one.schema, one.min_zoom, one.max_zoom, one.bounds)
    return TeamMap(new_id(), *what, 10**15, engine.team.name, engine.team.account)


async def share(engine: Joined, one: MapFile) -> TeamMap:
    """Share a map with the team."""
    made = shared_as(engine, one)
    await engine.edit("Share a map", creation("team_map", made))
    return made


def way(engine: Joined, one: TeamMap) -> MapWay | None:
    """Return how a map stands with somebody's computer, None where it is here and there."""
    shared: Any = engine.engine._team.maps
    return next((each for each in shared.ways if each.digest == one.digest), None)


async def stands(engine: Joined, one: TeamMap, state: str) -> MapWay:
    """Wait until a map stands so with somebody's computer."""
    found: MapWay = await engine.until(lambda: (it := way(engine, one)) and it.state == state and it)
    return found


async def fetch(engine: Joined, one: TeamMap, *, stop: bool = False) -> None:
    """Want a map, or not any more."""
    reply = await engine.ask(FetchMap(1, one.id, stop))
    assert not reply.refusals, reply.refusals


def here(engine: Joined, one: TeamMap) -> MapFile | None:
    """Return a map of the team that is one of somebody's own by now."""
    return next((each for each in engine.state.maps.values() if each.digest == one.digest), None)


def content(one: MapFile) -> bytes:
    """Return what a map's file holds."""
    return Path(one.path).read_bytes()


def part(folder: Path, one: TeamMap) -> Path:
    """Return where what came so far of a map lies."""
    return folder / "maps" / f"{one.digest}.part"


def wake(engine: Joined) -> None:
    """Have the line and the maps tried now."""
    part = engine.engine._team
    assert part.desk is not None and part.maps is not None
    part.desk.client.try_now()
    part.maps.wake()


@asynccontextmanager
async def two(
    profiles: Path, database: ServerDatabase, **settings: Any
) -> AsyncIterator[tuple[Reached, Path, Path, Proxy]]:
    """Yield a server, and the folders of two who joined: the first over a line that can be bad."""
    async with listening(database, **settings) as server:
        await team(server, "mara", "joe")
        async with passing(int(server.url.rpartition(":")[2])) as line:
            through = Reached(server.app, server.database, server.owner, line.url)
            van = await join(profiles / "mara", through, "mara@example.org")
            yield server, van, await join(profiles / "joe", server, "joe@example.org"), line


async def test_a_map_is_shared_seen_as_elsewhere_and_is_one_of_those_who_fetch_it(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    file = a_map(tmp_path / "disk")
    async with (
        two(tmp_path, server_database) as (_, van, office, _),
        running(van) as mara,
        running(office) as joe,
    ):
        await all_until((mara, joe), lambda one: one.team.reachability == "online")
        shared = await share(mara, await add(mara, file))
        assert shared.digest == sha256(file.read_bytes()).hexdigest()
        await stands(joe, shared, "elsewhere")
        assert joe.state.inventory.tables["team_map"][shared.id] == shared
        await mara.until(lambda: way(mara, shared) is None)
        assert here(joe, shared) is None and not part(office, shared).exists(), "nobody has asked for it"
        await fetch(joe, shared)
        found = await joe.until(lambda: here(joe, shared))
        assert (found.name, found.copied, found.trouble) == ("The valley", True, "")
        assert content(found) == file.read_bytes()
        await joe.until(lambda: way(joe, shared) is None)
        assert not part(office, shared).exists()
        await fetch(joe, shared)  # it is here: nothing to do
        assert not (await joe.ask(RemoveMap(1, found.id))).refusals
        assert (await stands(joe, shared, "elsewhere")).done == 0
        hostile = msgspec.structs.replace(shared, id=new_id(), digest="../../heliograph")
        joe.engine._team._session.confirmed.tables["team_map"][hostile.id] = hostile  # type: ignore[union-attr]
        for id in (new_id(), hostile.id):
            assert (await joe.ask(FetchMap(1, id))).refusals[0].code == "MAP_NOT_FOUND"


async def test_a_map_that_goes_up_goes_on_where_it_was_after_cuts_and_a_restart(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    file = a_map(tmp_path / "disk")
    size = file.stat().st_size
    some = "SELECT coalesce(max(have), 0) FROM sync.picture WHERE kind = 'map'"
    async with two(tmp_path, server_database) as (server, van, _, line):
        have = 0
        async with running(van) as mara:
            line.cut()
            await mara.until(lambda: mara.team.reachability == "offline")
            shared = await share(mara, await add(mara, file))
            assert way(mara, shared) is None, "not confirmed yet"
            line.bytes_per_s = SLOW_BYTES_PER_S
            for _ in range(2):
                line.mend()
                line.loss = 0.3
                before = have
                while (have := await server.owner.fetchval(some)) <= before:
                    wake(mara)
                    await mara.until(lambda: True)
                line.cut()
        have = await server.owner.fetchval(some)
        assert 0 < have < size, "ended in the middle"
        line.loss, line.bytes_per_s = 0.0, 0
        line.mend()
        up = line.passed["up"]
        async with running(van) as mara:  # another start
            while not await server.owner.fetchval(
                "SELECT coalesce(bool_or(is_whole), false) FROM sync.picture"
            ):
                await mara.until(lambda: True)
            await mara.until(lambda: way(mara, shared) is None)
        assert line.passed["up"] - up < (size - have) * 3 / 2 + 100_000, "what was there was not sent again"


async def test_a_map_that_comes_goes_on_where_it_was_after_a_restart_and_stops_where_it_is_not_wanted(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    file = a_map(tmp_path / "disk")
    size = file.stat().st_size
    async with two(tmp_path, server_database) as (server, van, office, line):
        async with running(office) as joe:
            shared = await share(joe, await add(joe, file))
            whole = "SELECT coalesce(bool_or(is_whole), false) FROM sync.picture"
            while not await server.owner.fetchval(whole):
                await joe.until(lambda: True)
        async with running(van) as mara:
            await stands(mara, shared, "elsewhere")
            line.bytes_per_s = SLOW_BYTES_PER_S
            await fetch(mara, shared)
            await mara.until(lambda: part(van, shared).stat().st_size > 2 * PIECE)
            assert (await stands(mara, shared, "comes")).done > 0
            line.cut()
        had = part(van, shared).stat().st_size
        assert 0 < had < size, "ended in the middle"
        async with running(van) as mara:  # still wanted, and the server is not heard
            assert (await stands(mara, shared, "comes")).done == had
            line.bytes_per_s = 0
            line.mend()
            down = line.passed["down"]
            mara.engine._team.desk.client.try_now()  # type: ignore[union-attr]
            found = await mara.until(lambda: here(mara, shared))
            assert content(found) == file.read_bytes()
            assert line.passed["down"] - down < (size - had) * 3 / 2 + 200_000
            assert not (await mara.ask(RemoveMap(1, found.id))).refusals
            line.bytes_per_s = SLOW_BYTES_PER_S
            await fetch(mara, shared)
            await mara.until(lambda: part(van, shared).stat().st_size > PIECE)
            await fetch(mara, shared, stop=True)
            assert not part(van, shared).exists()
            await stands(mara, shared, "elsewhere")
            line.bytes_per_s = 0
            await fetch(mara, shared)
            assert await mara.until(lambda: here(mara, shared))


async def test_what_is_not_what_its_name_says_or_no_map_is_not_taken_and_said(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    file = a_map(tmp_path / "disk")
    async with (
        two(tmp_path, server_database) as (server, van, office, _),
        running(van) as mara,
        running(office) as joe,
    ):
        shared = await share(mara, await add(mara, file))
        await stands(joe, shared, "elsewhere")
        first = "UPDATE sync.picture_piece SET data = overlay(data PLACING '\\x2121'::bytea FROM 9000) WHERE start = 0"
        await server.owner.execute(first)
        await fetch(joe, shared)
        said = await joe.until(lambda: (it := way(joe, shared)) and it.trouble)
        assert said == "it is not what its name says: it changed on its way"
        assert here(joe, shared) is None and not part(office, shared).exists()
        assert way(joe, shared).state == "elsewhere", "it is not tried for ever"  # type: ignore[union-attr]
        lie = b"PMTiles\x03" + Random(1).randbytes(50_000)
        one = TeamMap(
            new_id(),
            "A lie",
            sha256(lie).hexdigest(),
            len(lie),
            "raster",
            0,
            9,
            (9.0, 47.0, 10.0, 48.0),
            10**15,
            sharer=mara.team.account,
        )
        await mara.edit("Share a lie", creation("team_map", one))
        assert (await stands(joe, one, "waits")).done == 0, "nobody has brought it"
        tenant = mara.team.tenant
        await server.owner.execute(
            "INSERT INTO sync.picture VALUES ($1, $2, $3, $3, true, 1, 'map')", tenant, one.digest, len(lie)
        )
        await server.owner.execute(
            "INSERT INTO sync.picture_piece VALUES ($1, $2, 0, $3)", tenant, one.digest, lie
        )
        joe.engine._team.maps.wake(anew=True)  # type: ignore[union-attr]
        await stands(joe, one, "elsewhere")
        await fetch(joe, one)
        assert await joe.until(lambda: (it := way(joe, one)) and it.trouble)
        assert here(joe, one) is None and not part(office, one).exists()


async def test_a_full_store_and_a_large_map_are_said_in_words_until_there_is_room(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with two(tmp_path, server_database, tenant_maps_mb=1) as (_, van, _, _), running(van) as mara:
        maps = [await add(mara, a_map(tmp_path / "disk", seed)) for seed in (1, 2, 3)]
        assert sum(one.size_bytes for one in maps) > 1024 * 1024
        shared = [await share(mara, one) for one in maps]
        said = await mara.until(lambda: next((it.trouble for one in shared if (it := way(mara, one))), ""))
        assert said == "the team's maps fill 1 MB (HELIOGRAPH_TENANT_MAPS_MB): take some back"
        (notice,) = await mara.until(lambda: mara.engine._team.notices)
        assert notice == f"The map “The valley” is on this computer alone: {said}"
        left = next(one for one in shared if way(mara, one) is not None)
        there = next(one for one in shared if way(mara, one) is None)
        await mara.edit("Take it back", deletion("team_map", there))
        await mara.until(lambda: way(mara, left) is None)
        await mara.until(lambda: not mara.engine._team.notices)


async def test_a_map_that_was_taken_back_goes_up_again_when_it_is_shared_again(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    whole = "SELECT count(*) FROM sync.picture WHERE digest = $1 AND is_whole"
    async with two(tmp_path, server_database) as (server, van, _, _), running(van) as mara:

        async def goes_up(one: MapFile) -> TeamMap:
            shared = await share(mara, one)
            while not await server.owner.fetchval(whole, one.digest):
                await mara.until(lambda: True)
            await mara.until(lambda: way(mara, shared) is None)
            return shared

        first, second = [await add(mara, a_map(tmp_path / "disk", seed)) for seed in (1, 2)]
        await mara.edit("Take it back", deletion("team_map", await goes_up(first)))
        await mara.until(lambda: not mara.team.pending)
        await goes_up(second)
        assert not await server.owner.fetchval(whole, first.digest), "it made room for the second"
        await goes_up(first)


async def test_a_map_that_is_taken_back_while_it_comes_leaves_nothing_and_stays_with_who_has_it(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    file = a_map(tmp_path / "disk")
    async with (
        two(tmp_path, server_database) as (_, van, office, line),
        running(van) as mara,
        running(office) as joe,
    ):
        shared = await share(joe, await add(joe, file))
        await stands(mara, shared, "elsewhere")
        line.bytes_per_s = SLOW_BYTES_PER_S
        await fetch(mara, shared)
        await mara.until(lambda: part(van, shared).stat().st_size > PIECE)
        await joe.edit("Take it back", deletion("team_map", shared))
        await mara.until(lambda: not part(van, shared).exists())
        await mara.until(lambda: not mara.state.inventory.tables["team_map"])
        assert way(mara, shared) is None and here(mara, shared) is None
        assert here(joe, shared) is not None, "it is a map of her own as before"


async def test_who_leaves_and_keeps_the_network_keeps_the_own_maps_and_none_of_the_teams(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with two(tmp_path, server_database) as (_, van, office, _):
        async with running(van) as mara, running(office) as joe:
            other = await share(joe, await add(joe, a_map(tmp_path / "disk", 2)))
            own = await share(mara, await add(mara, a_map(tmp_path / "disk")))
            await stands(mara, other, "elsewhere")
            await mara.until(lambda: not mara.team.pending)
            assert not (await mara.ask(LeaveTeam(1, keep=True))).refusals
        part(van, other).touch()  # as where it was just coming
        async with running(van) as mara:
            assert mara.engine._team.desk is None
            assert mara.state.inventory.tables["team_map"] == {}
            assert here(mara, own) is not None
            assert not part(van, other).exists()


async def test_without_room_on_the_disk_nothing_is_fetched_and_it_is_said(
    tmp_path: Path, server_database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_map(tmp_path / "disk")
    async with (
        two(tmp_path, server_database) as (_, van, office, _),
        running(van) as mara,
        running(office) as joe,
    ):
        shared = await share(mara, await add(mara, file))
        await stands(joe, shared, "elsewhere")
        with monkeypatch.context() as patch:
            patch.setattr("engine.maps.team_files.SPARE_BYTES", 10**15)
            await fetch(joe, shared)
            said = await joe.until(lambda: (it := way(joe, shared)) and it.trouble)
        assert "MB are needed" in said and "MB are free on the disk" in said
        await fetch(joe, shared)
        assert await joe.until(lambda: here(joe, shared))
