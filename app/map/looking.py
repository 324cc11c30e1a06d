"""Where another ground is looked at so that one goes on seeing what one looked at. Counterpart: `ground.py` asks it.

Theory: map and paper have places that have nothing to do with each other, so what stays the same is not a stretch of ground but
what stands on it: what is wanted (a selection), else what stands in the middle, and about as much of the rest around it.
One rule: where the last view of the other ground shows just that, it is taken again, so that there and back changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from domain.geometry import LngLat

World = tuple[float, float]
"""A place in the world of 1 x 1, y down."""
TILE_PX = 512
ZOOM_MOST = 12.5
"""No nearer than this, however little there is to be seen."""
ROOM = 0.8
"""The share of the view that is free of what floats over its edges."""
ALIKE = 3.0
"""Two views are alike when one shows no more than so many times as much as the other."""


class View(NamedTuple):
    """Where somebody looks: the middle, and how near."""

    lng: float
    lat: float
    zoom: float


class Seen(NamedTuple):
    """What stands where on a ground, and the view of it; None where it is seen whole. `size_px`: width and height."""

    places: Mapping[UUID, LngLat]
    view: View | None
    size_px: tuple[float, float]

    def inside(self) -> set[UUID]:
        """Return what is in the view."""
        if self.view is None:
            return set(self.places)
        x, y = _world(LngLat(self.view.lng, self.view.lat))
        across, down = (px / 2 / TILE_PX / 2**self.view.zoom for px in self.size_px)
        flat = {id: _world(place) for id, place in self.places.items()}
        return {id for id, (px, py) in flat.items() if abs(px - x) <= across and abs(py - y) <= down}

    def middle(self, among: Collection[UUID]) -> set[UUID]:
        """Return those of some that stand nearest to the middle of the view: one, or all that stand at its place."""
        if self.view is None or not among:
            return set(among)
        x, y = _world(LngLat(self.view.lng, self.view.lat))
        away = {id: math.dist(_world(self.places[id]), (x, y)) for id in among}
        nearest = min(away.values())
        return {id for id, distance in away.items() if distance - nearest < 1e-12}


def look_for(left: Seen, there: Seen, wanted: Collection[UUID]) -> View | None:
    """Return where to look `there`, whose view is the last one of it, after `left`; None where that is at all of it."""
    known = there.places.keys()
    inside = left.inside()
    seen = inside & known
    aim = set(wanted) & known
    if not aim:
        aim = seen if inside == left.places.keys() else left.middle(seen)
    if not aim:
        return there.view
    count = max(len(seen), len(aim))
    again = there.inside()
    if there.view is not None and count / ALIKE <= len(again) <= count * ALIKE and _shows(again, aim, wanted):
        return there.view
    if count >= len(known):
        return None
    return _framed(there, aim, count)


def _shows(seen: set[UUID], aim: set[UUID], wanted: Collection[UUID]) -> bool:
    """Tell whether enough of it is seen: all that is wanted; of what only stood in the middle, one."""
    return aim <= seen if wanted else bool(aim & seen)


def _framed(there: Seen, aim: set[UUID], count: int) -> View:
    """Return the view around some things that shows all of them, and so many things in all."""
    flat = {id: _world(place) for id, place in there.places.items()}
    xs, ys = [flat[id][0] for id in aim], [flat[id][1] for id in aim]
    x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    width, height = (ROOM * px / 2 for px in there.size_px)
    away = {id: max(abs(px - x) / width, abs(py - y) / height) for id, (px, py) in flat.items()}
    reach = max(sorted(away.values())[count - 1], *(away[id] for id in aim))
    zoom = ZOOM_MOST if reach <= 0 else min(ZOOM_MOST, -math.log2(reach * TILE_PX))
    return View(x * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y)))), max(0.0, zoom))


def _world(place: LngLat) -> World:
    lat = math.radians(max(-85.0, min(85.0, place.lat)))
    return (place.lng + 180) / 360, (1 - math.asinh(math.tan(lat)) / math.pi) / 2
