"""All tiles of a profile as one ground, asked from threads. Counterpart: `desk.py`; `tiles.py`, one of them.

Theory: tiles are found by whole degrees. Where several have a place the finest counts, and the next where that has a hole. A few
stay open; who asks, and who deletes, holds the lock, because a mapped file cannot be deleted on Windows.
One rule: a tile that cannot be read is left out, and said in the log once.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from domain.geometry import LngLat, distance_m, places_between
from domain.terrain import PROFILE_POINTS_CAP
from engine.terrain.tiles import ENDING, Head, Tile, read_head

_log = logging.getLogger("engine.terrain")

OPEN_CAP = 16
LOOKS_PER_POINT = 8
"""Most samples that are looked at for one point of a profile, of which the highest counts."""
_DEGREE_M = 111_320.0
_Cell = tuple[int, int]


class Ground:
    """The tiles of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._heads: dict[str, Head] = {}
        self._cells: dict[_Cell, list[Head]] = {}
        self._open: OrderedDict[str, Tile] = OrderedDict()
        for path in sorted(folder.glob(f"*{ENDING}")) if folder.is_dir() else ():
            try:
                head = read_head(path)
            except (OSError, ValueError) as error:
                _log.warning("terrain_unreadable", extra={"file": path.name, "reason": str(error)})
                continue
            self._take(head)

    def heads(self) -> list[Head]:
        """Return all tiles, from the north-west on."""
        return sorted(self._heads.values(), key=lambda head: (-head.north, head.west, head.name))

    def __contains__(self, id: str) -> bool:
        return id in self._heads

    def path_of(self, id: str) -> Path:
        """Return where a tile lies, or would."""
        return self._folder / f"{id}{ENDING}"

    def add(self, head: Head) -> None:
        """Take up a tile whose file is in its place."""
        with self._lock:
            self._forget(head.id)
            self._take(head)

    def delete(self, ids: Iterable[str]) -> int:
        """Delete tiles; return how many there were. Raises OSError."""
        gone = 0
        with self._lock:
            for id in ids:
                if id in self._heads:
                    self._forget(id)
                    self.path_of(id).unlink(missing_ok=True)
                    gone += 1
        return gone

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def heights_m(self, places: Sequence[LngLat]) -> list[float | None]:
        """Return the height of the ground at places; None where no tile has one."""
        with self._lock:
            return [self._height_m(*place) for place in places]

    def along(self, a: LngLat, b: LngLat, points: int) -> tuple[list[float], list[float | None], float]:
        """Return distances and heights along a path, of each stretch the highest, and over how many metres nobody knows one."""
        points = min(max(points, 2), PROFILE_POINTS_CAP)
        whole_m = distance_m(a, b)
        looks = min(LOOKS_PER_POINT, max(1, math.ceil(whole_m / (points - 1) / self._step_m(a, b))))
        heights = self.heights_m(places_between(a, b, (points - 1) * looks + 1))
        half = looks // 2
        grounds = [
            _highest(heights[max(0, i * looks - half) : i * looks + half + 1])
            if 0 < i < points - 1
            else heights[i * looks]
            for i in range(points)
        ]
        unknown_m = whole_m * sum(height is None for height in heights) / len(heights)
        return [whole_m * i / (points - 1) for i in range(points)], grounds, unknown_m

    def _step_m(self, a: LngLat, b: LngLat) -> float:
        """Return the finest step between samples at either end."""
        steps = [head.step_lat for place in (a, b) for head in self._cells.get(_cell(*place), ())]
        return max(5.0, min(steps, default=1 / 1_200) * _DEGREE_M)

    def _height_m(self, lng: float, lat: float) -> float | None:
        for head in self._cells.get(_cell(lng, lat), ()):
            tile = self._tile(head)
            if tile is None:
                continue
            height = tile.height_m(lng, lat, partial(self._sample_m, head))
            if height is not None:
                return height
        return None

    def _sample_m(self, own: Head, lng: float, lat: float) -> float | None:
        """Return a sample beyond the rim of a tile, from a neighbour of the same grain."""
        for head in self._cells.get(_cell(lng, lat), ()):
            if head.id == own.id or not 0.5 < head.step_lat / own.step_lat < 2.0:
                continue
            tile = self._tile(head)
            height = tile.sample_m(lng, lat) if tile is not None else None
            if height is not None:
                return height
        return None

    def _tile(self, head: Head) -> Tile | None:
        tile = self._open.get(head.id)
        if tile is not None:
            self._open.move_to_end(head.id)
            return tile
        try:
            tile = Tile(self.path_of(head.id), head)
        except (OSError, ValueError) as error:
            _log.warning("terrain_unreadable", extra={"file": head.name, "reason": str(error)})
            self._forget(head.id)
            return None
        self._open[head.id] = tile
        if len(self._open) > OPEN_CAP:
            self._open.popitem(last=False)[1].close()
        return tile

    def _take(self, head: Head) -> None:
        self._heads[head.id] = head
        for cell in _cells(head):
            there = self._cells.setdefault(cell, [])
            there.append(head)
            there.sort(key=lambda head: (head.step_lat, -head.added_us))

    def _forget(self, id: str) -> None:
        head = self._heads.pop(id, None)
        if head is None:
            return
        tile = self._open.pop(id, None)
        if tile is not None:
            tile.close()
        for cell in _cells(head):
            self._cells[cell] = [other for other in self._cells[cell] if other.id != id]
            if not self._cells[cell]:
                del self._cells[cell]


def sweep_unfinished(folder: Path) -> None:
    """Delete what an import left that did not come to its end."""
    for path in folder.glob("*.part") if folder.is_dir() else ():
        with suppress(OSError):
            path.unlink()


def _cell(lng: float, lat: float) -> _Cell:
    return math.floor((lng + 180.0) % 360.0), math.floor(lat)


def _cells(head: Head) -> Iterable[_Cell]:
    """Go over the whole degrees that a tile has anything of, its rim and a step beyond too."""
    west, east = head.west - head.step_lng, head.west + head.step_lng * head.columns
    south, north = head.north - head.step_lat * head.rows, head.north + head.step_lat
    found = {
        (column % 360, row)
        for column in range(math.floor(west + 180.0), math.floor(east + 180.0) + 1)
        for row in range(math.floor(south), math.floor(north) + 1)
    }
    return sorted(found)


def _highest(heights: Sequence[float | None]) -> float | None:
    return max((height for height in heights if height is not None), default=None)
