"""Changes of a diagram as steps of an edit. Pure. Counterpart: `desk.py`, which sends them.

Theory: nobody makes the first diagram; it is made, with all the places it shows, by the first thing that somebody does to it.
From then on nothing in it moves by itself.
One rule: what a hand has put somewhere is pinned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from app.draft import new_id
from domain.diagram import Diagram, Drawing, Spot
from domain.edit import Step, change, creation, deletion
from domain.inventory import Inventory
from domain.layout import Point
from domain.sheet import ROOT_NAME


def founding(
    inventory: Inventory, diagram: UUID, places: Mapping[UUID, Point], *, pinned: bool = False
) -> list[Step]:
    """Return the steps that keep places which are not kept yet, and make the diagram where it is not there."""
    steps: list[Step] = []
    if inventory.diagram(diagram) is None:
        steps.append(creation("diagram", Diagram(diagram, ROOT_NAME)))
    kept = {spot.thing for spot in inventory.spots() if spot.diagram == diagram}
    for thing, (x, y) in sorted(places.items()):
        if thing not in kept:
            steps.append(creation("spot", Spot(new_id(), diagram, thing, x, y, pinned)))
    return steps


def moving(
    inventory: Inventory, diagram: UUID, places: Mapping[UUID, Point], *, pinned: bool | None = True
) -> list[Step]:
    """Return the steps that put things and drawings somewhere; `pinned` None leaves that as it is."""
    steps: list[Step | None] = []
    spots = {spot.thing: spot for spot in inventory.spots() if spot.diagram == diagram}
    for thing, (x, y) in places.items():
        spot, drawing = spots.get(thing), inventory.tables["drawing"].get(thing)
        if isinstance(drawing, Drawing):
            steps.append(change("drawing", drawing, msgspec.structs.replace(drawing, x=x, y=y)))
        elif spot is None:
            steps.append(creation("spot", Spot(new_id(), diagram, thing, x, y, bool(pinned))))
        else:
            held = spot.is_pinned if pinned is None else pinned
            steps.append(change("spot", spot, msgspec.structs.replace(spot, x=x, y=y, is_pinned=held)))
    return [step for step in steps if step is not None]


def pinning(inventory: Inventory, diagram: UUID, things: Iterable[UUID], *, pinned: bool) -> list[Step]:
    """Return the steps that pin things where they stand, or let them go."""
    wanted = set(things)
    spots = [s for s in inventory.spots() if s.diagram == diagram and s.thing in wanted]
    steps = (change("spot", spot, msgspec.structs.replace(spot, is_pinned=pinned)) for spot in spots)
    return [step for step in steps if step is not None]


def grouping(diagram: UUID, name: str, members: Mapping[UUID, Point], site: UUID | None = None) -> list[Step]:
    """Return the steps that put things into a new submap in their middle; of a site, whose devices come without a word, only
    their places are kept."""
    submap = Diagram(new_id(), name, diagram, site=site)
    count = max(1, len(members))
    middle = (sum(x for x, _ in members.values()) / count, sum(y for _, y in members.values()) / count)
    steps = [creation("diagram", submap), creation("spot", Spot(new_id(), diagram, submap.id, *middle))]
    for thing, (x, y) in sorted(members.items()):
        steps.append(creation("spot", Spot(new_id(), submap.id, thing, x - middle[0], y - middle[1])))
    return steps


def submaps_moving(inventory: Inventory, submaps: Iterable[UUID], into: UUID) -> list[Step]:
    """Return the steps that make diagrams submaps of another."""
    found = [submap for id in submaps if (submap := inventory.diagram(id)) is not None]
    steps = (change("diagram", submap, msgspec.structs.replace(submap, parent=into)) for submap in found)
    return [step for step in steps if step is not None]


def ungrouping(inventory: Inventory, submap: Diagram, into: UUID) -> list[Step]:
    """Return the steps that take a submap away; what stood in it stands in the diagram around it again."""
    below = [diagram.id for diagram in inventory.diagrams() if diagram.parent == submap.id]
    steps = submaps_moving(inventory, below, into)
    spots = [spot for spot in inventory.spots() if submap.id in (spot.diagram, spot.thing)]
    steps += [deletion("spot", spot) for spot in spots]
    drawings = [drawing for drawing in inventory.drawings() if drawing.diagram == submap.id]
    steps += [deletion("drawing", drawing) for drawing in drawings]
    return [*steps, deletion("diagram", submap)]


def aligned(places: Mapping[UUID, Point], how: str) -> dict[UUID, Point]:
    """Return places in one column ("column"), in one row ("row"), or with equal gaps across or down ("across", "down")."""
    if len(places) < 2:
        return dict(places)
    if how in ("row", "column"):
        axis = 0 if how == "column" else 1
        mean = sum(place[axis] for place in places.values()) / len(places)
        return {id: (mean, y) if axis == 0 else (x, mean) for id, (x, y) in places.items()}
    axis = 0 if how == "across" else 1
    order = sorted(places, key=lambda id: (places[id][axis], id))
    low, high = places[order[0]][axis], places[order[-1]][axis]
    made = {}
    for number, id in enumerate(order):
        at = low + (high - low) * number / (len(order) - 1)
        x, y = places[id]
        made[id] = (at, y) if axis == 0 else (x, at)
    return made


def snapped(place: Point, grid: float) -> Point:
    """Return the crossing of the grid that is nearest."""
    return round(place[0] / grid) * grid, round(place[1] / grid) * grid
