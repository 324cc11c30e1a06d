"""Decides at which zoom a place gets its name.

Counterpart: `cities.py`. Drop rule of the whole basemap: by rank, evenly over the world.
Rule: at each zoom a name needs room around it; the more important place comes first, and where there is nothing else
around, a small one will do.
"""

from __future__ import annotations

import math

from basemap.cities import COUNTRY_CAPITAL, REGION_CAPITAL, City

ROOM_PX = (44.0, 22.0)
"""Half the width and the whole height of a name."""
LONELY_PX = 150.0
LONELY_BONUS = 1.3

_LEAST_SCORE = {2: 8.7, 3: 7.7, 4: 6.9, 5: 6.0, 6: 5.3, 7: 4.6, 8: 3.9, 9: 3.55, 10: 3.0, 11: 2.0}
"""Zoom -> the least score of a place that has neighbours; the last zoom takes all that have room."""


def score(city: City) -> float:
    """The decimal logarithm of the population, with a bonus for capitals and for cities known the world over."""
    bonus = {COUNTRY_CAPITAL: 1.2, REGION_CAPITAL: 0.3}.get(city.capital, 0.0)
    return math.log10(max(city.population, 100)) + bonus + max(9 - city.rank, 0) * 0.15


def place_names(cities: list[City], last_zoom: int) -> list[tuple[City, int]]:
    """Each city that finds room up to `last_zoom`, with the first zoom at which it does."""
    waiting = sorted(cities, key=lambda city: (-score(city), city.id))
    placed: list[tuple[City, int]] = []
    for zoom in range(2, last_zoom + 1):
        pixel_deg = 360.0 / 2**zoom / 512
        taken = _Taken(LONELY_PX * pixel_deg)
        for city, _ in placed:
            taken.add(city)
        still_waiting = []
        for city in waiting:
            if score(city) + LONELY_BONUS < _LEAST_SCORE[zoom]:
                still_waiting.append(city)
                continue
            near = [(x / pixel_deg, y / pixel_deg) for x, y in taken.offsets_deg(city)]
            has_room = not any(x < ROOM_PX[0] and y < ROOM_PX[1] for x, y in near)
            is_lonely = not any(math.hypot(x, y) < LONELY_PX for x, y in near)
            if has_room and score(city) + LONELY_BONUS * is_lonely >= _LEAST_SCORE[zoom]:
                taken.add(city)
                placed.append((city, zoom))
            else:
                still_waiting.append(city)
        waiting = still_waiting
    return placed


class _Taken:
    """Places on the map, found by square."""

    def __init__(self, square_deg: float) -> None:
        self._square_deg = square_deg
        self._squares: dict[tuple[int, int], list[tuple[float, float]]] = {}

    def add(self, city: City) -> None:
        x, y = _flat(city)
        self._squares.setdefault(self._square(x, y), []).append((x, y))

    def offsets_deg(self, city: City) -> list[tuple[float, float]]:
        """How far all places in the square of a city and in those around it lie off, across and up or down."""
        x, y = _flat(city)
        column, row = self._square(x, y)
        return [
            (abs(x - other_x), abs(y - other_y))
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
            for other_x, other_y in self._squares.get((column + dx, row + dy), ())
        ]

    def _square(self, x: float, y: float) -> tuple[int, int]:
        return math.floor(x / self._square_deg), math.floor(y / self._square_deg)


def _flat(city: City) -> tuple[float, float]:
    """Web Mercator in degrees of longitude."""
    return city.lng_deg, math.degrees(math.asinh(math.tan(math.radians(max(min(city.lat_deg, 85.0), -85.0)))))
