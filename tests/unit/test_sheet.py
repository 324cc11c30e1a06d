"""Which diagram shows what: submaps by spot and by site, borders, what was deleted."""

from __future__ import annotations

from uuid import UUID

from domain.diagram import Diagram, Spot
from domain.inventory import Link, Site
from domain.sheet import Sheet, homes_of, path_to, root_of, sheet_of
from tests.unit.inventories import device, inventory

ROOT = root_of(UUID(int=1))
HILL = Site(UUID(int=501), "Hill")
SUBMAP = Diagram(UUID(int=601), "Hill", ROOT, site=HILL.id)
DEEP = Diagram(UUID(int=602), "Rack", SUBMAP.id)
A, B, C = device(1), device(2), device(3)


def link(number: int, a: int, b: int) -> Link:
    """Return a link between two numbered devices."""
    return Link(UUID(int=300 + number), UUID(int=a), UUID(int=b))


def spot(number: int, diagram: UUID, thing: UUID) -> Spot:
    """Return a spot at a place of its own."""
    return Spot(UUID(int=700 + number), diagram, thing, number * 100.0, 0.0)


def shown(sheet: Sheet) -> dict[int, int]:
    """Return what stands for each device, by small numbers."""
    return {id.int: node.int for id, node in sheet.node_of.items()}


def test_without_a_diagram_the_root_shows_every_device() -> None:
    sheet = sheet_of(inventory(A, B, link(1, 1, 2)), ROOT, ROOT)
    assert (shown(sheet), sheet.things, sheet.path) == ({1: 1, 2: 2}, [A.id, B.id], (ROOT,))


def test_a_submap_of_a_site_holds_its_devices_also_those_that_come_later() -> None:
    there = inventory(HILL, Diagram(ROOT, "Network"), SUBMAP, device(1, site=HILL.id), B)
    assert shown(sheet_of(there, ROOT, ROOT)) == {1: 601, 2: 2}
    there.tables["device"][C.id] = device(3, site=HILL.id)
    assert shown(sheet_of(there, ROOT, ROOT)) == {1: 601, 2: 2, 3: 601}
    assert shown(sheet_of(there, ROOT, SUBMAP.id)) == {1: 1, 3: 3}


def test_a_device_stands_in_the_deepest_diagram_that_has_a_spot_for_it() -> None:
    spots = spot(1, ROOT, A.id), spot(2, SUBMAP.id, A.id), spot(3, DEEP.id, A.id), spot(4, ROOT, B.id)
    there = inventory(HILL, Diagram(ROOT, "Network"), SUBMAP, DEEP, A, B, *spots)
    assert homes_of(there, ROOT) == {A.id: DEEP.id, B.id: ROOT}
    assert shown(sheet_of(there, ROOT, ROOT)) == {1: 601, 2: 2}
    inside = sheet_of(there, ROOT, SUBMAP.id)
    assert (shown(inside), [d.name for d in inside.submaps], inside.members(DEEP.id)) == (
        {1: 602},
        ["Rack"],
        [A.id],
    )
    assert sheet_of(there, ROOT, DEEP.id).path == (ROOT, SUBMAP.id, DEEP.id)


def test_a_neighbour_beyond_the_border_is_a_guest() -> None:
    rows = link(1, 1, 2), link(2, 2, 3), spot(1, SUBMAP.id, A.id)
    there = inventory(HILL, Diagram(ROOT, "Network"), SUBMAP, A, B, C, *rows)
    inside = sheet_of(there, ROOT, SUBMAP.id)
    assert (shown(inside), inside.guests, inside.things) == ({1: 1, 2: 2}, frozenset({B.id}), [A.id])


def test_a_diagram_that_lost_its_parent_or_turns_in_a_ring_is_one_of_the_root() -> None:
    lost = Diagram(UUID(int=603), "Lost", UUID(int=99))
    there = inventory(Diagram(ROOT, "Network"), lost, A, spot(1, lost.id, A.id))
    assert [d.name for d in sheet_of(there, ROOT, ROOT).submaps] == ["Lost"]
    one, two = UUID(int=1), UUID(int=2)
    assert path_to(one, {one: two, two: one}, ROOT)[0] == ROOT


def test_a_diagram_that_is_gone_is_shown_as_the_root() -> None:
    assert sheet_of(inventory(A), ROOT, UUID(int=77)).diagram == ROOT
