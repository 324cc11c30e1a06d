"""Where things stand on paper: laying a network out, and putting what is new beside what it hangs on.

Counterpart: `diagram.py` keeps what comes of it, `layout_stress.py` draws the inner network.

Theory: what hangs on one other thing alone (a customer, an access point) is taken off first and fanned around it at the end,
because most of a provider's network is that. What is left is laid out by its distances in hops. Parts without a link between
them are packed beside each other like boxes. At last everything goes to the nearest free place of a grid, so that no two
things and no two names lie on each other.
One rule: the same network gives the same paper, whatever order it comes in, and what is fixed stays where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from domain.layout_stress import Cancelled, inner_places

Point = tuple[float, float]
"""x to the right and y down, in points."""
Link = tuple[UUID, UUID]

LINK_LENGTH = 190.0
"""How long a link between two things without a fan is, in points."""
CELL = (40.0, 25.0)
"""Width and height of the grid's cells; a thing keeps the eight cells around its own free."""
STRETCH = 3
FAN_FIRST = 100.0
FAN_ALONE = 14
"""A fan of so many is one arc."""
FAN_STEP = 64.0
FAN_APART = 92.0
PART_MARGIN = 130.0
PAPER_SHAPE = 1.7
"""Width of the whole to its height."""


class Cells:
    """Which cells of the grid are taken."""

    def __init__(self, places: Iterable[Point] = ()) -> None:
        self._taken: set[tuple[int, int]] = set()
        self._full: dict[tuple[int, int], int] = {}
        """How far around a stretch of cells everything is taken."""
        for place in places:
            self.take(place)

    def take(self, place: Point) -> None:
        """Keep the cell of a place and those around it."""
        column, row = _cell(place)
        self._taken.update((column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1))

    def free_near(self, wanted: Point) -> Point:
        """Return the free place nearest to where something would like to stand, and take it."""
        column, row = _cell(wanted)
        stretch = (column // STRETCH, row // STRETCH)
        reach = max(0, self._full.get(stretch, 0) - STRETCH)
        while True:
            ring = [
                (column + dx, row + dy)
                for dx in range(-reach, reach + 1)
                for dy in (range(-reach, reach + 1) if abs(dx) == reach else (-reach, reach))
                if (column + dx, row + dy) not in self._taken
            ]
            if ring:
                found = min((_away(wanted, _place(cell)), cell) for cell in ring)[1]
                self._full[stretch] = reach
                self.take(_place(found))
                return _place(found)
            reach += 1


def arrange(
    things: Iterable[UUID],
    links: Iterable[Link],
    fixed: Mapping[UUID, Point] | None = None,
    on_progress: Callable[[float], bool] = lambda share: True,
) -> dict[UUID, Point]:
    """Return where everything stands, fixed things included. `on_progress` gets the share that is done, and says with False
    that nobody waits any more; then Cancelled is raised."""
    graph = _graph_of(things, links)
    held = {id: place for id, place in (fixed or {}).items() if id in graph}
    parts = _parts(graph)
    done, whole = 0, max(1, len(graph))
    drawn: list[dict[UUID, Point]] = []
    loose: list[UUID] = []
    for part in parts:
        if len(part) == 1 and part[0] not in held:
            loose += part
            continue

        def tell(share: float, before: int = done, size: int = len(part)) -> bool:
            return on_progress(0.95 * (before + share * size) / whole)

        drawn.append(_draw(part, graph, {id: held[id] for id in part if id in held}, tell))
        done += len(part)
    cells = Cells(held.values())
    placed = dict(held)
    moved = [part for part in drawn if not held.keys() & part.keys()]
    anchored = [part for part in drawn if held.keys() & part.keys()]
    for wanted in (*anchored, *_packed(moved, placed.values())):
        for id in sorted(wanted, key=lambda id: (-len(graph[id]), id)):
            if id not in placed:
                placed[id] = cells.free_near(wanted[id])
    _put_loose(loose, placed, cells)
    if not on_progress(1.0):
        raise Cancelled
    return placed


def sketch(
    things: Iterable[UUID], links: Iterable[Link], on_progress: Callable[[float], bool] = lambda share: True
) -> dict[UUID, Point]:
    """Return roughly where `arrange` would put everything, in a small part of its time; things may lie on each other. Raises
    Cancelled where `on_progress` says False."""
    graph = _graph_of(things, links)
    parts = _parts(graph)
    drawn = [_draw(part, graph, {}, on_progress, sketched=True) for part in parts if len(part) > 1]
    placed = {id: place for part in _packed(drawn, ()) for id, place in part.items()}
    _put_loose([part[0] for part in parts if len(part) == 1], placed, Cells())
    return placed


def place_beside(
    things: Iterable[UUID], links: Iterable[Link], places: Mapping[UUID, Point]
) -> dict[UUID, Point]:
    """Return where things without a place stand: near those that they are linked to, which do not move."""
    graph = _graph_of({*things, *places}, links)
    waiting = sorted(graph.keys() - places.keys())
    placed = dict(places)
    cells = Cells(places.values())
    middle = _middle(placed.values())
    while waiting:
        ready = [id for id in waiting if any(other in placed for other in graph[id])]
        for id in ready:
            at = _middle(placed[other] for other in graph[id] if other in placed)
            placed[id] = cells.free_near(_outward(at, middle, LINK_LENGTH * 0.6))
        if not ready:
            break
        waiting = [id for id in waiting if id not in placed]
    fresh = set(waiting)
    if fresh:
        apart = arrange(fresh, [(a, b) for a in fresh for b in graph[a] if a < b])
        for part in _packed([apart], placed.values()):
            placed |= {id: cells.free_near(part[id]) for id in sorted(part)}
    return {id: place for id, place in placed.items() if id not in places}


def _graph_of(things: Iterable[UUID], links: Iterable[Link]) -> dict[UUID, list[UUID]]:
    """Return the neighbours of each thing, in the order of ids."""
    near: dict[UUID, set[UUID]] = {id: set() for id in sorted(set(things))}
    for a, b in links:
        if a != b and a in near and b in near:
            near[a].add(b)
            near[b].add(a)
    return {id: sorted(others) for id, others in near.items()}


def _parts(graph: Mapping[UUID, Sequence[UUID]]) -> list[list[UUID]]:
    """Return what hangs together, the largest first."""
    seen: set[UUID] = set()
    parts = []
    for first in graph:
        if first in seen:
            continue
        seen.add(first)
        part = [first]
        for id in part:
            fresh = [other for other in graph[id] if other not in seen]
            seen.update(fresh)
            part += fresh
        parts.append(sorted(part))
    return sorted(parts, key=lambda part: (-len(part), part[0]))


def _draw(
    part: Sequence[UUID],
    graph: Mapping[UUID, Sequence[UUID]],
    held: Mapping[UUID, Point],
    on_progress: Callable[[float], bool],
    *,
    sketched: bool = False,
) -> dict[UUID, Point]:
    """Return a part that hangs together, laid out around its own middle or around what is held."""
    leaves = {id for id in part if len(graph[id]) == 1 and id not in held}
    if len(part) == 2:
        leaves.discard(min(part))
    inner = [id for id in part if id not in leaves]
    fans = {id: [other for other in graph[id] if other in leaves] for id in inner}
    number = {id: i for i, id in enumerate(inner)}
    reach = [_fan_reach(len(fans[id])) for id in inner]
    edges = [
        (i, j, LINK_LENGTH + 0.8 * (reach[i] + reach[j]))
        for i, id in enumerate(inner)
        for other in graph[id]
        if (j := number.get(other, -1)) > i
    ]
    fixed = {number[id]: place for id, place in held.items()}
    found = inner_places(edges, [r + FAN_APART / 2 for r in reach], fixed, on_progress, sketched=sketched)
    places = dict(zip(inner, found, strict=True))
    for id in inner:
        away = [_bearing(places[id], places[other]) for other in graph[id] if other not in leaves]
        for leaf, place in zip(fans[id], _fan(places[id], len(fans[id]), away), strict=True):
            places[leaf] = place
    return places


def _fan_reach(count: int) -> float:
    """Return how far a fan of so many reaches, in points: 0 without one."""
    reach, left = _first_arc(count, 1.5 * math.pi) if count else 0.0, count
    while (left := left - _room(reach, 1.5 * math.pi)) > 0:
        reach += FAN_STEP
    return reach


def _first_arc(count: int, width: float) -> float:
    return max(FAN_FIRST, FAN_APART * count / width) if count <= FAN_ALONE else FAN_FIRST


def _room(reach: float, width: float) -> int:
    """Return how many stand on an arc."""
    return max(1, math.floor(width * reach / FAN_APART + 1e-9))


def _fan(hub: Point, count: int, away: Sequence[float]) -> list[Point]:
    """Return places for what hangs on a hub alone: arcs in the widest gap between its other links."""
    start, width = _widest_gap(away)
    made: list[Point] = []
    reach = _first_arc(count, width)
    while len(made) < count:
        here = min(_room(reach, width), count - len(made))
        for i in range(here):
            turn = start + width * (i + 0.5) / here
            made.append((hub[0] + reach * math.cos(turn), hub[1] + reach * math.sin(turn)))
        reach += FAN_STEP
    return made


def _widest_gap(away: Sequence[float]) -> tuple[float, float]:
    """Return where the widest gap between bearings begins, and its width, with some air at both sides."""
    if not away:
        return -math.pi / 2, 2 * math.pi
    turns = sorted(turn % (2 * math.pi) for turn in away)
    gaps = [(b - a, a) for a, b in zip(turns, [*turns[1:], turns[0] + 2 * math.pi], strict=True)]
    width, start = max(gaps, key=lambda gap: (round(gap[0], 6), -gap[1]))
    air = min(0.5, width / 6)
    return start + air, width - 2 * air


def _packed(parts: Iterable[dict[UUID, Point]], held: Iterable[Point]) -> list[dict[UUID, Point]]:
    """Return parts in rows under what is there already, each in a box of its own."""
    boxes = [(part, _box(part.values())) for part in parts]
    if not boxes:
        return []
    area = sum((w - x + PART_MARGIN) * (h - y + PART_MARGIN) for _, (x, y, w, h) in boxes)
    widest = max(w - x for _, (x, _y, w, _h) in boxes)
    row_width = max(widest, math.sqrt(area * PAPER_SHAPE))
    there = list(held)
    left, top = 0.0, 0.0
    if there:
        x, _, _, bottom = _box(there)
        left, top = x, bottom + PART_MARGIN
    at, row_height = left, 0.0
    packed = []
    for part, (x, y, right, bottom) in sorted(boxes, key=lambda box: (-(box[1][3] - box[1][1]), min(box[0]))):
        if at > left and at + right - x > left + row_width:
            at, top, row_height = left, top + row_height + PART_MARGIN, 0.0
        packed.append({id: (px - x + at, py - y + top) for id, (px, py) in part.items()})
        at += right - x + PART_MARGIN
        row_height = max(row_height, bottom - y)
    if not there:
        x, y, right, bottom = _box(place for part in packed for place in part.values())
        dx, dy = (x + right) / 2, (y + bottom) / 2
        packed = [{id: (px - dx, py - dy) for id, (px, py) in part.items()} for part in packed]
    return packed


def _put_loose(loose: Sequence[UUID], placed: dict[UUID, Point], cells: Cells) -> None:
    """Put what has no link in rows under everything else."""
    if not loose:
        return
    step_x, step_y = 4 * CELL[0], 3 * CELL[1]
    x, _, right, bottom = _box(placed.values()) if placed else (0.0, 0.0, 0.0, -PART_MARGIN)
    columns = max(round(math.sqrt(len(loose) * PAPER_SHAPE * step_y / step_x)), int((right - x) / step_x), 1)
    for i, id in enumerate(loose):
        wanted = (x + step_x * (i % columns), bottom + PART_MARGIN + step_y * (i // columns))
        placed[id] = cells.free_near(wanted)


def _cell(place: Point) -> tuple[int, int]:
    return round(place[0] / CELL[0]), round(place[1] / CELL[1])


def _place(cell: tuple[int, int]) -> Point:
    return cell[0] * CELL[0], cell[1] * CELL[1]


def _away(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def _bearing(a: Point, b: Point) -> float:
    return math.atan2(b[1] - a[1], b[0] - a[0])


def _outward(at: Point, middle: Point, step: float) -> Point:
    """Return a place a step away from the middle of everything."""
    turn = _bearing(middle, at) if _away(at, middle) > 1 else 0.0
    return at[0] + step * math.cos(turn), at[1] + step * math.sin(turn)


def _middle(places: Iterable[Point]) -> Point:
    rows = list(places)
    count = max(1, len(rows))
    return sum(x for x, _ in rows) / count, sum(y for _, y in rows) / count


def _box(places: Iterable[Point]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom."""
    rows = list(places)
    return min(x for x, _ in rows), min(y for _, y in rows), max(x for x, _ in rows), max(y for _, y in rows)
