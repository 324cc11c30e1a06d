"""A child that has no more to say and stays all the same: whoever had it read goes on, and it is gone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine import child
from engine.maps.work import WorkFailed, work
from engine.maps.worker import MapJob, MapWord
from engine.mibs.reading import Reading, list_files
from engine.terrain.reading import read_tile

WAIT_S = 90.0
STAYS = "import os, sys, time; sys.stdin.readline(); os.write(1, b'{}' * {}); os.close(1); time.sleep(3600)"
Read = Callable[[Path, list[str]], Awaitable[str]]


async def _terrain(folder: Path, command: list[str]) -> str:
    return str(await read_tile(str(folder / "dem.tif"), folder / "out", 0, "", command=command))


async def _map(folder: Path, command: list[str]) -> str:
    async def on_word(_: MapWord) -> None: ...

    with pytest.raises(WorkFailed) as failed:
        await work(MapJob("survey", str(folder / "a.pmtiles")), on_word, command=command)
    return str(failed.value)


async def _mibs(folder: Path, command: list[str]) -> str:
    (folder / "mibs").mkdir()
    (folder / "mibs" / "a.mib").write_text("")
    reading = Reading(folder / "mibs", folder / "kept", lambda file, begun: None, command=command)
    kept = await reading.read(list_files(folder / "mibs"))
    return " ".join(problem.said for problem in kept.problems)


@pytest.mark.parametrize(
    ("read", "says", "times"),
    [
        (_terrain, "", 0),
        (_terrain, "?", 1),
        (_terrain, "?", 9_000_000),
        (_map, "", 0),
        (_mibs, '{"at":"a.mib"}\\n', 1),
    ],
)
def test_a_reader_that_says_no_more_and_stays_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read, says: str, times: int
) -> None:
    monkeypatch.setattr(child, "LEAVE_S", 0.2)

    async def said() -> str:
        async with asyncio.timeout(WAIT_S):
            return await read(tmp_path, [sys.executable, "-c", STAYS.format(says, times)])

    assert "(code -9)" in asyncio.run(said())
