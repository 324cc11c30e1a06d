"""Terrain as clients have it: imported as an operation, asked along a path, deleted."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.errors import Refusal
from domain.operation import Operation
from domain.terrain import (
    DeleteTerrain,
    ImportTerrain,
    PathGround,
    QueryProfile,
    QueryTerrain,
    TerrainRequest,
)
from domain.wire import Reply
from engine.operations import Operations
from engine.terrain.desk import TerrainDesk
from engine.terrain.reading import read_tile
from tests.terrain_files import geotiff, hgt


def alone(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a loop of its own."""

    @wraps(test)
    def run(*args: Any, **given: Any) -> None:
        asyncio.run(test(*args, **given))

    return run


class Room:
    """A desk over a folder, with the operations it starts."""

    def __init__(self, folder: Path, **given: Any) -> None:
        ids = iter(range(1, 100))
        self.told: list[Operation] = []
        self.turned = asyncio.Event()
        self.operations = Operations(
            changed=self._on_changed,
            note=lambda turn, operation: None,
            forgotten=lambda id: None,
            new_id=lambda: UUID(int=next(ids)),
            now_us=lambda: 42,
        )
        self.desk = TerrainDesk(folder, self.operations, lambda: 42, **given)

    async def ask(self, request: TerrainRequest) -> Reply:
        return await self.desk.answer(request)

    async def imports(self, *paths: Path) -> Operation:
        """Import files and wait for the end."""
        reply = await self.ask(ImportTerrain(1, tuple(map(str, paths)), "mara"))
        id = UUID(reply.result["operation"])
        while not self.told[-1].has_ended:
            await self.turned.wait()
            self.turned.clear()
        assert self.told[-1].id == id
        return self.told[-1]

    def _on_changed(self, operation: Operation) -> None:
        self.told.append(operation)
        self.turned.set()


def ground_of(reply: Reply) -> PathGround:
    assert not reply.refusals
    return msgspec.convert(reply.result["ground"], PathGround)


@alone
async def test_files_are_imported_listed_asked_and_deleted(tmp_path: Path) -> None:
    room = Room(tmp_path / "profile")
    good = hgt(tmp_path, 12, 46, lambda lng, lat: 900 if abs(lng - 12.05) < 0.004 else 500)
    ended = await room.imports(good, tmp_path / "N99E012.hgt", good)
    assert (ended.kind, ended.state, ended.done) == ("terrain", "done", 2)
    assert ended.result_words == "1 tile imported, 1 refused: N99E012.hgt: No such file or directory"
    assert (await room.imports(good)).result_words == "0 tiles imported, 1 there already"
    [tile] = (await room.ask(QueryTerrain(2))).result["tiles"]
    assert (tile["name"], tile["west"], tile["north"], tile["added_by"]) == ("N46E012.hgt", 12, 47, "mara")
    asked = QueryProfile(3, (12.0, 46.5), (12.1, 46.5), 30.0, 30.0, 5_800.0)
    ground = ground_of(await room.ask(asked))
    assert ground.unknown_m == 0 and len(ground.distances_m) == len(ground.grounds_m) == 512
    assert ground.worst is not None and ground.worst.state == "blocked"
    assert ground.worst.distance_m == pytest.approx(4_150, abs=600)
    assert ground.worst.clearance_m == pytest.approx(530 - 900, abs=3)
    assert not (await room.ask(DeleteTerrain(4, (tile["id"],)))).refusals
    gone = ground_of(await room.ask(asked))
    assert gone.worst is None and gone.unknown_m == pytest.approx(gone.distances_m[-1])
    assert list((tmp_path / "profile/terrain").iterdir()) == []
    room.desk.close()


@pytest.mark.parametrize(
    ("request_", "field", "words"),
    [
        (QueryProfile(1, (12, 46), (12, 46)), "b", "two places at most 500 km apart expected, got 0.0 km"),
        (QueryProfile(1, (0, 0), (10, 0)), "b", "two places at most 500 km apart expected, got 1113.2 km"),
        (QueryProfile(1, (200, 0), (10, 0)), "a", "a place expected, got 200, 0"),
        (QueryProfile(1, (0, 0), (0.1, 0), points=1), "points", "2 to 512 points expected, got 1"),
        (QueryProfile(1, (0, 0), (0.1, 0), frequency_mhz=float("nan")), "frequency_mhz", "1 to 300000 MHz"),
        (QueryProfile(1, (0, 0), (0.1, 0), a_height_m=-1), "a_height_m", "0 to 1000 m expected, got -1"),
        (ImportTerrain(1, ()), "paths", "1 to 500 files expected, got 0"),
    ],
)
@alone
async def test_what_makes_no_sense_is_refused(
    tmp_path: Path, request_: TerrainRequest, field: str, words: str
) -> None:
    [refusal] = (await Room(tmp_path).ask(request_)).refusals
    assert isinstance(refusal, Refusal) and refusal.field == field and words in refusal.message


@alone
async def test_an_import_is_cancelled_between_two_files_and_its_reader_ends(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def read(path: str, out: Path, added_us: int, by: str) -> str:
        if path.endswith("2"):
            begun.set()
            await asyncio.sleep(60)
        return "it is no good"

    room = Room(tmp_path, read=read)
    reply = await room.ask(ImportTerrain(1, ("a1", "a2", "a3")))
    id = UUID(reply.result["operation"])
    await begun.wait()
    assert room.operations.cancel(id)
    ended = room.operations.get(id)
    assert ended is not None and ended.state == "cancelled"
    assert ended.result_words == "0 tiles imported, 1 refused: a1: it is no good"
    await room.operations.close()


@alone
async def test_a_reader_that_dies_or_hangs_is_a_refusal(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "dem.tif", 12.0, 47.0, 0.1, [[1.0, 2.0], [3.0, 4.0]])
    dies = [sys.executable, "-c", "import sys; sys.exit(3)"]
    said = await read_tile(str(path), tmp_path / "x", 0, "", command=dies)
    assert said == "its reader ended without an answer (code 3)"
    hangs = [sys.executable, "-c", "import time; time.sleep(60)"]
    said = await read_tile(str(path), tmp_path / "x", 0, "", command=hangs, file_s=0.2)
    assert said == "it took more than 0.2 s to read"
    nothing = await read_tile(str(path), tmp_path / "x", 0, "", command=["/nowhere/reader"])
    assert isinstance(nothing, str) and nothing.startswith("the reader cannot be started")


@alone
async def test_no_import_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.terrain.desk.FREE_BYTES", 2**62)
    ended = await Room(tmp_path).imports(hgt(tmp_path, 12, 46, lambda lng, lat: 5))
    assert "less than 1 GB of the disk is free" in ended.result_words
