"""The inner network laid out by its distances. Counterpart: `layout.py`, which takes off and puts back what hangs on one thing.

Theory: every two things should be as far apart on paper as they are along their links; how far they are from that is called
stress. Distances are taken to some far-apart pivots only (all of a small network), the start is classical scaling of these
distances, and each round moves every thing to the mean of where its neighbours and the pivots want it. Sources: U. Brandes,
C. Pich, "Eigensolver methods for progressive multidimensional scaling" (2006); M. Ortmann, M. Klimenta, U. Brandes, "A sparse
stress model" (2016).
One rule: no chance: the same network is the same drawing.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PIVOTS_MOST = 50
ALL_PIVOTS_BELOW = 250
SKETCH_PIVOTS = 6
"""Enough for the shape of a network, in a tenth of the time."""
ROUNDS = 80
PUSHES = 40
PAIRS_LOOKED_AT = 30_000_000
"""Most pairs that are looked at while things are pushed apart."""
STILL_SHARE = 0.002
"""Of a link's length: when nothing moves further than this, it is done."""


class Cancelled(Exception):
    """Nobody waits for the layout any more."""


def inner_places(
    edges: Sequence[tuple[int, int, float]],
    reach: Sequence[float],
    fixed: Mapping[int, tuple[float, float]],
    on_progress: Callable[[float], bool],
    *,
    sketched: bool = False,
) -> list[tuple[float, float]]:
    """Return where each thing stands; `edges` are (i, j, wished length) of a network that hangs together, `reach` is how
    much room each thing needs around it. Sketched, it is where each would start, with nothing fixed. Raises Cancelled where
    `on_progress` says False.
    """
    count = len(reach)
    if count == 1:
        return [fixed.get(0, (0.0, 0.0))]
    near: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for i, j, length in edges:
        near[i].append((j, length))
        near[j].append((i, length))
    most = SKETCH_PIVOTS if sketched else count if count <= ALL_PIVOTS_BELOW else PIVOTS_MOST
    pivots, away = _pivots(near, most, on_progress)
    places = _turned(_scaled(away), edges)
    if sketched:
        return [(float(x), float(y)) for x, y in _with_room(places, np.array(reach))]
    if fixed:
        places = _fitted(places, fixed)
    places = _settled(places, edges, pivots, away, fixed, on_progress)
    if not fixed:
        places = _turned(places, edges)
    places = _pushed_apart(places, np.array(reach), list(fixed))
    return [(float(x), float(y)) for x, y in places]


def _pivots(
    near: Sequence[Sequence[tuple[int, float]]], most: int, on_progress: Callable[[float], bool]
) -> tuple[list[int], Floats]:
    """Return things far from each other, and how far everything is from each of them: (count, pivots)."""
    wanted = min(most, len(near))
    first = max(range(len(near)), key=lambda i: (len(near[i]), -i))
    pivots, columns = [first], [_distances(near, first)]
    nearest = columns[0].copy()
    while len(pivots) < wanted:
        if not on_progress(0.5 * len(pivots) / wanted):
            raise Cancelled
        pivots.append(int(np.argmax(nearest)))
        if nearest[pivots[-1]] == 0:
            pivots.pop()
            break
        columns.append(_distances(near, pivots[-1]))
        nearest = np.minimum(nearest, columns[-1])
    return pivots, np.stack(columns, axis=1)


def _distances(near: Sequence[Sequence[tuple[int, float]]], start: int) -> Floats:
    """Return how far along the links everything is (Dijkstra)."""
    found = [math.inf] * len(near)
    found[start] = 0.0
    waiting = [(0.0, start)]
    while waiting:
        so_far, i = heapq.heappop(waiting)
        if so_far > found[i]:
            continue
        for j, length in near[i]:
            if so_far + length < found[j]:
                found[j] = so_far + length
                heapq.heappush(waiting, (found[j], j))
    return np.array(found)


def _scaled(away: Floats) -> Floats:
    """Return classical scaling of the distances to the pivots, at their scale: (count, 2)."""
    squared = away**2
    centred = -0.5 * (squared - squared.mean(axis=0) - squared.mean(axis=1, keepdims=True) + squared.mean())
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, np.argsort(values)[::-1][:2]]
    if axes.shape[1] < 2:
        axes = np.hstack([axes, np.zeros((axes.shape[0], 1))])
    axes = axes * np.where(axes[np.argmax(np.abs(axes), axis=0), [0, 1]] < 0, -1.0, 1.0)
    places: Floats = centred @ axes
    spread = np.sqrt((away**2).mean()) / max(1e-9, float(np.sqrt((places**2).sum(axis=1).mean())))
    i = np.arange(len(places))
    trembling = np.stack(
        [np.sin(i * 12.9898), np.cos(i * 78.233)], axis=1
    )  # who is alike does not start alike
    result: Floats = places * spread * 0.7 + trembling * 8
    return result


def _settled(  # noqa: PLR0917
    places: Floats,
    edges: Sequence[tuple[int, int, float]],
    pivots: Sequence[int],
    away: Floats,
    fixed: Mapping[int, tuple[float, float]],
    on_progress: Callable[[float], bool],
) -> Floats:
    """Return places with as little stress as some rounds come to."""
    count = len(places)
    both = np.array([(i, j) for i, j, _ in edges] + [(j, i) for i, j, _ in edges])
    wished = np.array([length for *_, length in edges] * 2)
    here, there = both[:, 0], both[:, 1]
    edge_weight = 1 / wished**2
    with np.errstate(divide="ignore"):
        pivot_weight = np.where(away > 0, 1 / np.maximum(away, 1e-9) ** 2, 0.0) * (count / len(pivots)) ** 0.8
    if len(pivots) == count:
        edge_weight = edge_weight * 0  # each neighbour is a pivot
    total = pivot_weight.sum(axis=1) + np.bincount(here, edge_weight, count)
    pull, edge_pull = pivot_weight * away, edge_weight * wished
    held = np.array(sorted(fixed), dtype=int)
    held_at = np.array([fixed[i] for i in sorted(fixed)]).reshape(len(held), 2)
    step = float(wished.mean())
    for number in range(ROUNDS):
        if not on_progress(0.5 + 0.5 * number / ROUNDS):
            raise Cancelled
        # each axis lies by itself in memory: that is half of the time
        axes = [np.ascontiguousarray(places[:, axis]) for axis in (0, 1)]
        gaps = [at[:, None] - at[None, pivots] for at in axes]
        strength = pull / np.maximum(np.sqrt(gaps[0] ** 2 + gaps[1] ** 2), 1e-6)
        edge_gaps = [at[here] - at[there] for at in axes]
        edge_strength = edge_pull / np.maximum(np.hypot(*edge_gaps), 1e-6)
        wish = np.empty_like(places)
        for axis, (at, gap, edge_gap) in enumerate(zip(axes, gaps, edge_gaps, strict=True)):
            wish[:, axis] = pivot_weight @ at[pivots] + np.einsum("ij,ij->i", gap, strength)
            wish[:, axis] += np.bincount(here, edge_weight * at[there] + edge_gap * edge_strength, count)
        moved = wish / total[:, None] - places
        moved[held] = 0
        places = places + 0.9 * moved
        places[held] = held_at
        if float(np.abs(moved).max()) < STILL_SHARE * step:
            break
    return places


def _pushed_apart(places: Floats, reach: Floats, fixed: Sequence[int]) -> Floats:
    """Return places where the room of one thing does not lie in that of another, as far as some rounds of pushing come."""
    if not fixed:
        places = _with_room(places, reach)
    most, left = 2 * float(reach.max()), PAIRS_LOOKED_AT
    for _ in range(PUSHES):
        one, other = _near_pairs(places, most, left)
        left -= len(one)
        room = reach[one] + reach[other]
        squared = sum((at[other] - at[one]) ** 2 for at in map(np.ascontiguousarray, places.T))
        meet = squared < room**2
        if not meet.any():
            break
        one, other, room = one[meet], other[meet], room[meet]
        gap = places[other] - places[one]
        length = np.maximum(np.hypot(gap[:, 0], gap[:, 1]), 1e-6)
        step = gap * ((room - length) / length / 2)[:, None]
        ends = np.concatenate([one, other])
        touched = np.bincount(ends, minlength=len(places))
        moved = np.empty_like(places)
        for axis in (0, 1):
            push = np.concatenate([-step[:, axis], step[:, axis]])
            moved[:, axis] = np.bincount(ends, push, len(places)) / np.maximum(touched, 1) ** 0.6
        moved[fixed] = 0
        places = places + moved
    return places


def _near_pairs(places: Floats, near: float, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of things, each once: all that are nearer than `near`, and others; none where they are more than `most`.

    Things are sorted into squares of that size, column by column: what is near lies in the same square or the next one of its
    column, or in three that follow each other in the next column.
    """
    column, row = np.floor((places - places.min(axis=0)) / near).astype(np.int64).T
    height = int(row.max()) + 3
    square = column * height + row + 1
    order = np.argsort(square, kind="stable")
    square = square[order]
    i = np.arange(len(places))
    spans = [
        (i + 1, np.searchsorted(square, square + 1, side="right")),
        (
            np.searchsorted(square, square + height - 1),
            np.searchsorted(square, square + height + 1, side="right"),
        ),
    ]
    if sum(int((end - start).sum()) for start, end in spans) > most:
        return i[:0], i[:0]
    one = np.concatenate([np.repeat(i, end - start) for start, end in spans])
    other = np.concatenate([_runs(start, end) for start, end in spans])
    return order[one], order[other]


def _runs(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return start, start + 1 ... end - 1 of each row, one after the other."""
    count = end - start
    runs: NDArray[np.int64] = np.arange(int(count.sum())) + np.repeat(start - np.cumsum(count) + count, count)
    return runs


def _with_room(places: Floats, reach: Floats) -> Floats:
    """Return places further from each other where all the rooms together are more than the paper they lie on."""
    spread = math.pi * 4 * float(np.prod(np.maximum(places.std(axis=0), float(reach.mean()))))
    wanted = 1.1 * math.pi * float((reach**2).sum())
    return places * math.sqrt(max(1.0, wanted / spread))


def _fitted(places: Floats, fixed: Mapping[int, tuple[float, float]]) -> Floats:
    """Return places turned and moved (not scaled) so that the fixed ones come close to where they have to be."""
    numbers = sorted(fixed)
    want = np.array([fixed[i] for i in numbers])
    have = places[numbers]
    centre, goal = have.mean(axis=0), want.mean(axis=0)
    u, _, vt = np.linalg.svd((have - centre).T @ (want - goal))
    fitted: Floats = (places - centre) @ (u @ vt) + goal
    fitted[numbers] = want
    return fitted


def _turned(places: Floats, edges: Sequence[tuple[int, int, float]]) -> Floats:
    """Return places around their middle, the long way to the right, what has most links at the top left."""
    centred = places - places.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    turned: Floats = centred @ vectors[:, ::-1]
    links = np.zeros(len(places))
    for i, j, _ in edges:
        links[[i, j]] += 1
    for axis in (0, 1):
        heavy = float((links * turned[:, axis]).sum())
        if heavy > 1e-6 or (abs(heavy) <= 1e-6 and turned[np.argmax(np.abs(turned[:, axis])), axis] > 0):
            turned[:, axis] *= -1
    return turned
