"""Answers what is asked of terrain, and takes files in. Counterpart: `domain/terrain.py`, the questions; `ground.py`, the tiles.

One rule: a path is asked in a thread, and an import in processes of its own: neither delays a poll.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from domain.errors import Refusal
from domain.geometry import LngLat, distance_m, is_place
from domain.map_rules import FREQUENCY_RANGE_MHZ, HEIGHT_RANGE_M
from domain.radio import Profile, worst_of
from domain.rules import NAME_CAP
from domain.terrain import (
    FILES_CAP,
    PROFILE_CAP_M,
    PROFILE_POINTS_CAP,
    TILES_CAP,
    DeleteTerrain,
    ImportTerrain,
    PathGround,
    QueryProfile,
    QueryTerrain,
    TerrainRequest,
)
from domain.text import clean_text
from domain.wire import Reply
from engine.operations import Control, Operations, TooManyOperations
from engine.terrain.ground import Ground, sweep_unfinished
from engine.terrain.reading import read_tile
from engine.terrain.tiles import Head

_log = logging.getLogger("engine.terrain")

FOLDER = "terrain"
FREE_BYTES = 1024**3
"""What an import leaves free on the disk."""
WORDS_SHOWN = 3
_SCOPE = (
    ("a_height_m", HEIGHT_RANGE_M, "m"),
    ("b_height_m", HEIGHT_RANGE_M, "m"),
    ("frequency_mhz", FREQUENCY_RANGE_MHZ, "MHz"),
    ("points", (2, PROFILE_POINTS_CAP), "points"),
)

Reads = Callable[[str, Path, int, str], Awaitable[Head | str]]


class TerrainDesk:
    """The terrain of one profile folder. It is listed when first asked for."""

    def __init__(
        self,
        profile: Path,
        operations: Operations,
        now_us: Callable[[], int],
        *,
        read: Reads = read_tile,
    ) -> None:
        self._folder = profile.absolute() / FOLDER
        self._operations, self._now_us, self._read = operations, now_us, read
        self._ground: Ground | None = None
        self._listing = asyncio.Lock()
        self._importing = asyncio.Lock()

    def close(self) -> None:
        """Let go of all files."""
        if self._ground is not None:
            self._ground.close()

    async def answer(self, request: TerrainRequest) -> Reply:
        """Return the one reply to a request."""
        ground = await self._listed()
        match request:
            case QueryTerrain():
                tiles = [head.told() for head in ground.heads()]
                return Reply(request.request, result={"tiles": msgspec.to_builtins(tiles)})
            case QueryProfile():
                return await self._profile(ground, request)
            case ImportTerrain():
                return self._import(ground, request)
            case DeleteTerrain():
                try:
                    gone = await asyncio.to_thread(ground.delete, request.tiles)
                except OSError as error:
                    said = f"not deleted: {error.strerror or error}"
                    return _refused(request.request, said, "tiles", "TERRAIN_IN_USE")
                _log.info("terrain_deleted", extra={"tiles": gone})
                return Reply(request.request)

    async def _listed(self) -> Ground:
        async with self._listing:
            if self._ground is None:
                await asyncio.to_thread(sweep_unfinished, self._folder)
                self._ground = await asyncio.to_thread(Ground, self._folder)
            return self._ground

    async def _profile(self, ground: Ground, request: QueryProfile) -> Reply:
        for field, (low, high), unit in _SCOPE:
            value = getattr(request, field)
            if not low <= value <= high:
                said = f"{low:g} to {high:g} {unit} expected, got {value:g}"
                return _refused(request.request, said, field)
        for field, place in (("a", request.a), ("b", request.b)):
            if not is_place(*place):
                return _refused(request.request, f"a place expected, got {place[0]:g}, {place[1]:g}", field)
        a, b = LngLat(*request.a), LngLat(*request.b)
        far_m = distance_m(a, b)
        if not 0 < far_m <= PROFILE_CAP_M:
            said = f"two places at most {PROFILE_CAP_M / 1000:g} km apart expected, got {far_m / 1000:.1f} km"
            return _refused(request.request, said, "b")
        distances, heights, unknown_m = await asyncio.to_thread(ground.along, a, b, request.points)
        worst = worst_of(
            Profile(distances, heights), request.a_height_m, request.b_height_m, request.frequency_mhz
        )
        found = PathGround(tuple(distances), tuple(heights), unknown_m, worst)
        return Reply(request.request, result={"ground": msgspec.to_builtins(found)})

    def _import(self, ground: Ground, request: ImportTerrain) -> Reply:
        paths = tuple(dict.fromkeys(request.paths))
        if not 0 < len(paths) <= FILES_CAP:
            return _refused(request.request, f"1 to {FILES_CAP} files expected, got {len(paths)}", "paths")
        by = clean_text(request.by, NAME_CAP)
        title = f"Import terrain: {clean_text(Path(paths[0]).name, 60) if len(paths) == 1 else f'{len(paths)} files'}"
        try:
            begun = self._operations.start(
                "terrain", title, lambda control: self._take_all(ground, paths, by, control), len(paths)
            )
        except TooManyOperations as error:
            return _refused(request.request, str(error), "paths", "TOO_MANY_OPERATIONS")
        return Reply(request.request, result={"operation": str(begun.id)})

    async def _take_all(self, ground: Ground, paths: tuple[str, ...], by: str, control: Control) -> str:
        taken = there = 0
        wrong: list[str] = []
        async with self._importing:
            for done, path in enumerate(paths):
                await control.gate()
                name = clean_text(Path(path).name, 60)
                control.tell(done, phase=f"Reading {name}")
                found = await self._take(ground, path, by)
                if isinstance(found, str):
                    wrong.append(f"{name}: {found}")
                    _log.warning("terrain_refused", extra={"file": name, "reason": found})
                else:
                    taken, there = taken + found, there + (not found)
                control.words = _words(taken, there, wrong)
        return _words(taken, there, wrong)

    async def _take(self, ground: Ground, path: str, by: str) -> bool | str:
        """Take one file in; return whether it is new, or what is wrong with it."""
        if len(ground.heads()) >= TILES_CAP:
            return f"at most {TILES_CAP} tiles are kept: delete some first"
        part = self._folder / "import.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self._folder).free < FREE_BYTES:
                return "less than 1 GB of the disk is free"
            head = await self._read(path, part, self._now_us(), by)
            if isinstance(head, str):
                return head
            if head.id in ground:
                return False
            await asyncio.to_thread(part.replace, ground.path_of(head.id))
        except OSError as error:
            return error.strerror or str(error)
        finally:
            part.unlink(missing_ok=True)
        ground.add(head)
        _log.info("terrain_imported", extra={"file": head.name, "tile": head.id})
        return True


def _words(taken: int, there: int, wrong: list[str]) -> str:
    parts = [f"{taken} {'tile' if taken == 1 else 'tiles'} imported"]
    if there:
        parts.append(f"{there} there already")
    if wrong:
        more = f"; and {len(wrong) - WORDS_SHOWN} more" if len(wrong) > WORDS_SHOWN else ""
        parts.append(f"{len(wrong)} refused: {'; '.join(wrong[:WORDS_SHOWN])}{more}")
    return ", ".join(parts)


def _refused(request: int, said: str, field: str, code: str = "INVALID_INPUT") -> Reply:
    return Reply(request, (Refusal(code, said, field),))
