"""Areas cut out of maps: byte-identical, refused where they make no sense, paused, cancelled; the deaths of who cuts."""

from __future__ import annotations

import asyncio
import gzip
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.maps import (
    CutMap,
    CutSettings,
    CutSize,
    MeasureCut,
)
from tests.engine.map_profile import AREA, SLOW, Profile, converse, header_of, tiles_of
from tests.engine.peers import until
from tests.map_files import BODENSEE, metadata_of, write_map


def test_a_cut_is_byte_identical_clustered_and_read_by_the_foreign_package(tmp_path: Path) -> None:
    source = write_map(tmp_path / "a.pmtiles", zooms=(0, 12))

    async def conversation(profile: Profile) -> None:
        await profile.add(source)
        settings = CutSettings(profile.maps[0].id, "Lake", (AREA,), 2, 12)
        measured = await profile.library.answer(MeasureCut(1, settings))
        size = msgspec.convert(measured.result["size"], CutSize)
        ended = await profile.ended(await profile.library.answer(CutMap(1, settings)))
        assert ended.state == "done", ended.result_words
        made = profile.maps[0]
        assert (made.name, made.schema, made.min_zoom, made.max_zoom, made.copied) == (
            "Lake",
            "protomaps",
            2,
            12,
            True,
        )
        assert (size.size_bytes, size.tiles) == (made.size_bytes, made.tiles)
        found, whole = tiles_of(Path(made.path)), tiles_of(source)
        assert found == {tile: whole[tile] for tile in found}
        assert len(found) == made.tiles < len(whole)
        assert {zoom for zoom, _, _ in found} == set(range(2, 13))
        header = header_of(Path(made.path))
        assert header["clustered"]
        assert header["tile_contents_count"] == size.contents
        assert metadata_of(Path(made.path))["name"] == "Lake"

    converse(tmp_path / "profile", conversation)


def test_what_the_source_keeps_once_a_cut_keeps_once(tmp_path: Path) -> None:
    sea = gzip.compress(b"\x1a\x02\x0a\x00", mtime=0)
    source = write_map(tmp_path / "a.pmtiles", make=lambda tile: sea)

    async def conversation(profile: Profile) -> None:
        await profile.add(source)
        settings = CutSettings(profile.maps[0].id, "Sea", (AREA, (10.1, 47.9, 10.2, 47.95)), 0, 10)
        await profile.ended(await profile.library.answer(CutMap(1, settings)))
        header = header_of(Path(profile.maps[0].path))
        assert header["tile_contents_count"] == 1
        assert header["tile_data_length"] == len(sea)
        assert header["tile_entries_count"] < header["addressed_tiles_count"] == profile.maps[0].tiles

    converse(tmp_path / "profile", conversation)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"boxes": ()}, "boxes"),
        ({"boxes": ((9, 48, 10, 47),)}, "boxes"),
        ({"boxes": ((9, float("nan"), 10, 47),)}, "boxes"),
        ({"min_zoom": 5, "max_zoom": 4}, "max_zoom"),
        ({"name": "\u202e"}, "name"),
    ],
)
def test_a_cut_that_makes_no_sense_is_refused_at_its_field(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    async def conversation(profile: Profile) -> None:
        await profile.add(write_map(tmp_path / "a.pmtiles"))
        settings = msgspec.structs.replace(CutSettings(profile.maps[0].id, "x", (AREA,), 0, 10), **change)
        assert (await profile.library.answer(CutMap(1, settings))).refusals[0].field == field

    converse(tmp_path / "profile", conversation)


def test_a_cut_beside_the_map_says_so(tmp_path: Path) -> None:
    async def conversation(profile: Profile) -> None:
        await profile.add(write_map(tmp_path / "a.pmtiles", zooms=(6, 10)))
        settings = CutSettings(profile.maps[0].id, "x", ((-60, -30, -59, -29),), 0, 22)
        (refused,) = (await profile.library.answer(MeasureCut(1, settings))).refusals
        assert refused.message == "nothing of the map lies in that area at those zooms"
        ended = await profile.ended(await profile.library.answer(CutMap(1, settings)))
        assert (ended.state, ended.result_words) == ("failed", refused.message)

    converse(tmp_path / "profile", conversation)


def test_a_cut_rests_goes_on_and_leaves_nothing_when_it_is_cancelled(tmp_path: Path) -> None:
    source = write_map(tmp_path / "a.pmtiles", zooms=(0, 11))

    async def conversation(profile: Profile) -> None:
        await profile.add(source)
        settings = CutSettings(profile.maps[0].id, "Lake", (BODENSEE,), 0, 11)
        reply = await profile.library.answer(CutMap(1, settings))
        id = UUID(reply.result["operation"])
        await until(lambda: profile.state.operations[id].done > 0)
        profile.operations.pause(id)
        rests = profile.state.operations[id]
        while True:  # what was on its way when it was told may still come
            await asyncio.sleep(0.3)
            before, rests = rests, profile.state.operations[id]
            if rests == before:
                break
        assert rests.done < rests.total
        assert len(list((profile.folder / "maps").glob("*.part"))) == 1
        profile.operations.resume(id)
        await until(lambda: profile.state.operations[id].done > rests.done)
        profile.operations.pause(id)  # so that it is not done before it is cancelled
        profile.operations.cancel(id)
        await until(lambda: not list((profile.folder / "maps").glob("*.part")))
        assert profile.state.operations[id].state == "cancelled"
        assert [one.path for one in profile.maps] == [str(source)]

    converse(tmp_path / "profile", conversation, command=[sys.executable, "-c", SLOW])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os._exit(7)", "ended (code 7)"),
        ("print('nonsense'); input()", "cannot be understood"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended (code -9)"),
    ],
)
def test_a_worker_that_dies_or_babbles_ends_the_operation_and_nothing_else(
    tmp_path: Path, code: str, said: str
) -> None:
    async def conversation(profile: Profile) -> None:
        ended = await profile.add(write_map(tmp_path / "a.pmtiles"), copy=True)
        assert ended.state == "failed"
        assert said in ended.result_words
        assert list((profile.folder / "maps").glob("*")) == []

    converse(tmp_path / "profile", conversation, command=[sys.executable, "-c", code])
