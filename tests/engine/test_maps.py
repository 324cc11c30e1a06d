"""The library of maps: files by other writers taken, keptand refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from domain.maps import (
    AddMap,
    ChangeMap,
    CheckMap,
    CutMap,
    CutSettings,
    OrderMaps,
    RemoveMap,
)
from tests.engine.client import TestClient
from tests.engine.engine_process import EngineProcess
from tests.engine.map_profile import AREA, SLOW, Profile, converse, tiles_of
from tests.engine.peers import until
from tests.map_files import BODENSEE, write_map


@pytest.mark.parametrize("schema", ["protomaps", "openmaptiles", "shortbread", "raster"])
def test_a_file_by_another_writer_is_taken_with_what_it_is(tmp_path: Path, schema: str) -> None:
    file = write_map(tmp_path / "a.pmtiles", schema)

    async def conversation(profile: Profile) -> None:
        ended = await profile.add(file)
        assert ended.state == "done", ended.result_words
        (one,) = profile.maps
        assert (one.schema, one.name, one.path, one.copied) == (schema, f"A {schema} map", str(file), False)
        assert (one.min_zoom, one.max_zoom, one.tiles) == (0, 10, len(tiles_of(file)))
        assert one.attribution == "© Some & others"
        assert one.bounds == BODENSEE
        assert len(one.digest) == 64
        assert one.size_bytes == file.stat().st_size
        west, south, east, north = zip(*one.coverage, strict=True)
        covered = (min(west), min(south), max(east), max(north))
        assert all(abs(got - wanted) < 0.6 for got, wanted in zip(covered, BODENSEE, strict=True))

    converse(tmp_path / "profile", conversation)


def test_a_copy_lies_in_the_profile_and_goes_with_its_map_while_a_file_elsewhere_stays(
    tmp_path: Path,
) -> None:
    one_file, other_file = write_map(tmp_path / "a.pmtiles"), write_map(tmp_path / "b.pmtiles", "raster")

    async def conversation(profile: Profile) -> None:
        await profile.add(one_file, copy=True)
        await profile.add(other_file)
        other, copied = profile.maps
        assert tiles_of(Path(copied.path)) == tiles_of(one_file)
        assert copied.size_bytes == one_file.stat().st_size
        assert Path(copied.path).parent == profile.folder / "maps"
        for one in (copied, other):
            assert (await profile.library.answer(RemoveMap(1, one.id))).refusals == ()
        assert profile.maps == [] == profile.kept()
        assert Path(copied.path) not in set((profile.folder / "maps").iterdir())
        assert other_file.exists()

    converse(tmp_path / "profile", conversation)


def test_maps_are_renamed_ordered_and_chosen_and_are_so_after_a_restart(tmp_path: Path) -> None:
    files = [write_map(tmp_path / f"{n}.pmtiles", bounds=(9.0, 47.4, 10.0 + n, 48.0)) for n in range(3)]

    async def conversation(profile: Profile) -> None:
        for file in files:
            await profile.add(file, name=file.stem)
        assert [one.name for one in profile.maps] == ["2", "1", "0"]
        ids = [one.id for one in profile.maps]
        assert (await profile.library.answer(OrderMaps(1, tuple(ids[::-1])))).refusals == ()
        assert (await profile.library.answer(OrderMaps(1, tuple(ids[:2])))).refusals[0].field == "maps"
        assert (
            await profile.library.answer(ChangeMap(1, ids[0], "Ober\u202eland", "dark", 0.3))
        ).refusals == ()
        assert (await profile.library.answer(ChangeMap(1, ids[0], " "))).refusals[0].field == "name"
        assert (await profile.library.answer(ChangeMap(1, ids[0], opacity=7))).refusals[0].field == "opacity"
        again = Profile(profile.folder)
        assert again.maps == profile.maps
        assert [(one.name, one.use, one.opacity) for one in again.maps][2] == ("Oberland", "dark", 0.3)

    converse(tmp_path / "profile", conversation)


def test_the_same_file_and_the_same_content_are_taken_once(tmp_path: Path) -> None:
    file = write_map(tmp_path / "a.pmtiles")
    twin = tmp_path / "b.pmtiles"
    twin.write_bytes(file.read_bytes())

    async def conversation(profile: Profile) -> None:
        await profile.add(file)
        (refused,) = (await profile.library.answer(AddMap(1, str(file)))).refusals
        assert refused.code == "MAP_KNOWN"
        ended = await profile.add(twin, copy=True)
        assert (ended.state, ended.result_words) == (
            "failed",
            "that map is there already, as A protomaps map",
        )
        assert [path.name for path in (profile.folder / "maps").iterdir()] == ["library.json"]

    converse(tmp_path / "profile", conversation)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (b"SQLite format 3\0" + bytes(200), "pmtiles convert in.mbtiles out.pmtiles"),
        (b"PM\x02\x00" + bytes(600), "version 2, version 3 expected"),
        (b"PMTiles\x04" + bytes(200), "version 4, version 3 expected"),
        (b"PMTiles\x03" + bytes(20), "the header has 28 bytes, 127 expected"),
        (b"", "it begins with b''"),
        (b"<html>", "b'PMTiles' expected"),
    ],
)
def test_what_is_no_pmtiles_is_refused_in_words(tmp_path: Path, what: bytes, said: str) -> None:
    file = tmp_path / "a.pmtiles"
    file.write_bytes(what)

    async def conversation(profile: Profile) -> None:
        for copy in (False, True):
            ended = await profile.add(file, copy=copy)
            assert ended.state == "failed"
            assert said in ended.result_words
        gone = await profile.add(tmp_path / "none.pmtiles")
        assert "No such file" in gone.result_words
        assert (await profile.add(tmp_path)).result_words == "this is no file"
        assert (await profile.library.answer(AddMap(1, "a.pmtiles"))).refusals[0].field == "path"
        assert profile.maps == []
        assert list((profile.folder / "maps").glob("*")) == []

    converse(tmp_path / "profile", conversation)


def test_what_a_death_left_behind_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    folder.mkdir()
    left = [folder / f"{UUID(int=n)}.pmtiles{end}" for n, end in enumerate(("", ".part"))]
    for path in (*left, folder / "mine.pmtiles"):
        path.write_bytes(b"x")
    Profile(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["mine.pmtiles"]


def test_a_list_that_cannot_be_read_is_said_and_costs_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "library.json").write_bytes(b'[{"id": 7}]')
    (folder / f"{UUID(int=3)}.pmtiles").write_bytes(b"x")
    profile = Profile(tmp_path)
    assert profile.maps == []
    assert "cannot be read" in profile.library.notices[0]
    assert (folder / f"{UUID(int=3)}.pmtiles").exists()


def test_a_file_that_turns_or_goes_is_trouble_until_it_is_checked_or_back(tmp_path: Path) -> None:
    file = write_map(tmp_path / "a.pmtiles")

    async def conversation(profile: Profile) -> None:
        await profile.add(file)
        id = profile.maps[0].id
        file.rename(tmp_path / "away")
        await profile.library.look()
        assert profile.maps[0].trouble == "its file is gone"
        (tmp_path / "away").rename(file)
        await profile.library.look()
        assert profile.maps[0].trouble == ""
        write_map(file, "shortbread")
        await profile.library.look()
        assert profile.maps[0].trouble == "its file has changed since it was checked"
        settings = CutSettings(id, "x", (AREA,), 0, 10)
        assert (await profile.library.answer(CutMap(1, settings))).refusals[0].code == "MAP_NOT_CUT"
        await profile.ended(await profile.library.answer(CheckMap(1, id)))
        assert (profile.maps[0].trouble, profile.maps[0].schema, profile.maps[0].name) == (
            "",
            "shortbread",
            "A protomaps map",
        )

    converse(tmp_path / "profile", conversation)


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    async def conversation(profile: Profile) -> None:
        nobody = UUID(int=9)
        for request in (
            CheckMap(1, nobody),
            RemoveMap(1, nobody),
            ChangeMap(1, nobody),
            CutMap(1, CutSettings(nobody, "x", (AREA,), 0, 1)),
        ):
            assert (await profile.library.answer(request)).refusals[0].code == "MAP_NOT_FOUND"

    converse(tmp_path, conversation)


def test_an_engine_killed_amid_a_copy_leaves_nothing_half(tmp_path: Path) -> None:
    file = write_map(tmp_path / "a.pmtiles", zooms=(0, 11))
    profile = tmp_path / "profile"
    slow = SLOW.replace("cut.CHUNK_BYTES = 16", "survey.CHUNK_BYTES = 512").replace(
        "cut, worker", "survey, worker"
    )
    patch = f"import engine.maps.work as w\nw.worker_command = lambda: [sys.executable, '-c', {slow!r}]"
    engine = EngineProcess(profile, "--key-place", "file", patch=patch)
    try:
        engine.event("endpoint_open")

        async def begin() -> None:
            client = TestClient.of_profile(profile)
            client.ask(lambda n: AddMap(n, str(file), copy=True))
            await until(lambda: bool(list((profile / "maps").glob("*.part"))))

        asyncio.run(begin())
        engine.process.kill()
        engine.process.wait()
        assert len(list((profile / "maps").glob("*.part"))) == 1
    finally:
        engine.process.kill()
    assert Profile(profile).maps == []
    assert list((profile / "maps").glob("*.pmtiles*")) == []
