"""Maps, areas and sizes in words, and areas around places. Counterpart: `domain/maps.py`.

One rule: what is said of where a map is used is what the page does with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from app.map.worlds import FULL, SMALL
from app.words import count_of, figure
from domain.geometry import LngLat
from domain.inventory import Inventory
from domain.maps import LAT_MOST_DEG, Box, CutSize, MapFile, MapUse
from domain.team import TeamState
from domain.team_map import MapWay, TeamMap

KM_PER_DEG = 111.195
SCHEMAS = {
    "protomaps": "Protomaps",
    "openmaptiles": "OpenMapTiles",
    "shortbread": "Shortbread",
    "raster": "Pictures",
}
USES: dict[MapUse, str] = {
    "always": "Dark and light",
    "dark": "Dark only",
    "light": "Light only",
    "never": "Not drawn",
}


def world_words(world: Path) -> str:
    """Return which map of the world is drawn beneath all others, and how to have a finer one."""
    if world == FULL:
        return "Beneath them lies the full map of the world, to zoom 8."
    lies = f"Beneath them lies the small map of the world ({SMALL.name}, to zoom 7)."
    return (
        f"{lies} The full one, to zoom 8, is drawn instead where “./dev basemap full” was run; "
        f"a {FULL.name} that you bring can also be added here."
    )


def size_words(size_bytes: int) -> str:
    """Return a size of a file: 12 kB, 3.4 MB, 120 GB."""
    for unit, word in ((1e9, "GB"), (1e6, "MB")):
        if size_bytes >= unit:
            return f"{figure(size_bytes / unit)} {word}"
    return f"{max(min(size_bytes, 1), round(size_bytes / 1e3))} kB"


def bounds_words(bounds: Box) -> str:
    """Return a box as people read it: 9.00° to 10.60° E, 47.40° to 48.00° N."""
    west, south, east, north = bounds
    return f"{_degrees(west, 'EW')} to {_degrees(east, 'EW')}, {_degrees(south, 'NS')} to {_degrees(north, 'NS')}"


def _degrees(value: float, letters: str) -> str:
    return f"{abs(value):.2f}° {letters[value < 0]}"


def use_words(one: MapFile) -> str:
    """Return where a map is used, and what it is there."""
    if one.trouble:
        return f"Not drawn: {one.trouble}"
    if one.use == "never":
        return "Not drawn"
    theme = "" if one.use == "always" else f" in the {one.use} theme"
    what = "the base for the whole world" if one.is_world else "detail within its bounds"
    return f"{what[0].upper()}{what[1:]}{theme}"


def stands_words(one: TeamMap, way: MapWay | None, team: TeamState | None, *, is_here: bool) -> str:
    """Return how a map of the team stands with this computer."""
    is_heard = team is not None and team.reachability == "online"
    waits = "" if is_heard else "; waits for the server"
    done = size_words(way.done) if way is not None and way.done else "0"
    far = f"{done} of {size_words(one.size_bytes)}"
    match way.state if way is not None else "":
        case "goes_up":
            said = f"Goes up: {far}{waits}"
        case "comes":
            said = f"Comes: {far}{waits}"
        case "checking":
            said = "It came, and is read from beginning to end"
        case "waits" if not is_heard:  # what the server has by now is not known
            said = f"{'Here' if is_here else 'In the team, not here'}{waits}"
        case "waits" if is_here:
            said = "Here, not in the team yet"
        case "waits":
            said = "Not here, and nobody has brought its file yet"
        case "elsewhere":
            said = (
                f"In the team, not here; {far} came"
                if way is not None and way.done
                else "In the team, not here"
            )
        case _:
            said = "Here and in the team" if is_here and is_heard else f"In the team{waits}"
    return f"{said}: {way.trouble}" if way is not None and way.trouble else said


def cut_words(size: CutSize) -> str:
    """Return what a cut would make."""
    said = f"{count_of(size.tiles, 'tile', 'tiles')}, {size_words(size.size_bytes)}"
    fits = f"{size_words(size.free_bytes)} are free"
    return f"{said}; {fits}." if size.size_bytes < size.free_bytes else f"{said}, which does not fit: {fits}."


def box_around(place: LngLat, km: float) -> Box:
    """Return the box so many kilometres around a place; near 180 degrees it crosses them."""
    high = km / KM_PER_DEG
    wide = min(high / max(math.cos(math.radians(place.lat)), 0.01), 179.0)
    west, east = ((lng + 180) % 360 - 180 for lng in (place.lng - wide, place.lng + wide))
    return west, max(place.lat - high, -LAT_MOST_DEG), east, min(place.lat + high, LAT_MOST_DEG)


def places_of(inventory: Inventory) -> list[LngLat]:
    """Return where sites and devices stand, each place once."""
    sites = (LngLat(s.lng, s.lat) for s in inventory.sites() if s.lng is not None and s.lat is not None)
    devices = (place for d in inventory.devices() if (place := inventory.place_of(d)) is not None)
    return sorted({*sites, *devices})


def boxes_around(places: Iterable[LngLat], km: float, cap: int) -> list[Box]:
    """Return boxes around places; places close to each other share one, and the more the more there are of them."""
    kept = sorted(set(places))
    step = max(km / KM_PER_DEG / 2, 1e-6)
    while True:
        squares: dict[tuple[int, int], list[LngLat]] = {}
        for place in kept:
            squares.setdefault((math.floor(place.lng / step), math.floor(place.lat / step)), []).append(place)
        if len(squares) <= cap:
            return [_around(near, km) for near in squares.values()]
        step *= 2


def _around(places: list[LngLat], km: float) -> Box:
    """Return the box around places of one square."""
    boxes = [box_around(place, km) for place in places]
    return (
        boxes[0][0],
        min(box[1] for box in boxes),
        boxes[-1][2],
        max(box[3] for box in boxes),
    )
