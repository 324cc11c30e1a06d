"""What is refused of radios, POPs and diagrams."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.diagram import Diagram, Drawing, Spot
from domain.edit import Step, change, creation, deletion
from domain.inventory import Entity, Kind, Link, Site
from domain.radio import RadioPath, Sector
from domain.rules import refusals
from tests.unit.inventories import device, edit, inventory

HILL, TOWN = Site(UUID(int=501), "Hill"), Site(UUID(int=502), "Town", pop=UUID(int=501))
A, B = device(1), device(2)
PAPER = Diagram(UUID(int=600), "Backbone")


def said(kind: Kind, entity: Entity, *there: Entity) -> list[str]:
    """Return what is refused when a thing is made beside others."""
    return [refusal.message for refusal in refusals(inventory(*there), edit(creation(kind, entity)))]


@pytest.mark.parametrize(
    ("sector", "expected"),
    [
        (Sector(361.0), "an azimuth of 0 to 360 degrees expected, got 361"),
        (Sector(10.0, 0.0), "a beam width of 1 to 360 degrees expected, got 0"),
        (Sector(10.0, tilt_deg=-91.0), "a tilt of -90 to 90 degrees expected, got -91"),
        (Sector(10.0, frequency_mhz=0.5), "a frequency of 1 to 300000 MHz expected, got 0.5"),
    ],
)
def test_a_sector_that_no_antenna_has_is_refused(sector: Sector, expected: str) -> None:
    assert said("device", device(3, sectors=(sector,))) == [expected]


def test_a_device_has_so_many_sectors_and_no_more() -> None:
    assert said("device", device(3, sectors=(Sector(1.0),) * 25)) == ["25 sectors, at most 24"]


def test_the_radios_of_a_link_are_held_to_what_there_is() -> None:
    link = Link(UUID(int=300), A.id, B.id, radio=RadioPath(5_800.0, b_gain_dbi=90.0))
    assert said("link", link, A, B) == ["an antenna gain of -20 to 70 dBi expected, got 90"]
    assert said("link", Link(link.id, A.id, B.id, radio=RadioPath(5_800.0, 10.0, 20.0)), A, B) == []


def test_a_site_hangs_under_one_that_is_there_and_never_under_itself() -> None:
    assert said("site", Site(UUID(int=503), "Roof", pop=UUID(int=9))) == [f"there is no site {UUID(int=9)}"]
    assert said("site", Site(UUID(int=503), "Roof", pop=UUID(int=503))) == ["a site cannot hang under itself"]
    turned = change("site", HILL, Site(HILL.id, "Hill", pop=TOWN.id))
    assert turned is not None
    found = refusals(inventory(HILL, TOWN), edit(turned))
    assert [refusal.message for refusal in found] == ["a site cannot hang under itself"]


def test_a_pop_is_not_deleted_from_over_its_sites() -> None:
    [refusal] = refusals(inventory(HILL, TOWN), edit(deletion("site", HILL)))
    assert (refusal.code, refusal.message) == ("IN_USE", "Town hang under this site: move them first")


def test_a_diagram_is_no_submap_of_itself() -> None:
    below = Diagram(UUID(int=601), "Hill", PAPER.id)
    turned = change("diagram", PAPER, Diagram(PAPER.id, PAPER.name, below.id))
    assert turned is not None
    found = refusals(inventory(PAPER, below), edit(turned))
    assert [refusal.message for refusal in found] == ["a diagram cannot be its own submap"]


def test_what_stands_on_paper_stands_on_paper_that_is_there() -> None:
    spot = Spot(UUID(int=610), PAPER.id, A.id, 2e6, 0.0)
    assert [r.field for r in refusals(inventory(A), edit(creation("spot", spot)))] == ["diagram", "x"]
    drawing = Drawing(UUID(int=611), PAPER.id, "text", 0.0, 0.0, text="a\x00b")
    assert said("drawing", drawing, PAPER) == ["the text holds control characters"]
    wrong = Step("drawing", drawing.id, None, {"diagram": str(PAPER.id), "shape": "blob", "x": 0, "y": 0})
    assert [r.field for r in refusals(inventory(PAPER), edit(wrong))] == ["shape"]


def test_a_diagram_goes_with_what_stands_in_it() -> None:
    spot = Spot(UUID(int=610), PAPER.id, A.id, 0.0, 0.0)
    both = (PAPER, spot, A)
    assert [r.code for r in refusals(inventory(*both), edit(deletion("diagram", PAPER)))] == ["IN_USE"]
    assert not refusals(inventory(*both), edit(deletion("spot", spot), deletion("diagram", PAPER)))


def test_a_picture_is_named_by_its_content() -> None:
    assert said("diagram", Diagram(UUID(int=602), "Roof", None, "../etc/passwd")) == [
        "the SHA-256 of a picture expected, 64 hex digits"
    ]


def test_a_submap_shows_a_site_that_is_there_and_the_site_stays_with_it() -> None:
    below = Diagram(UUID(int=602), "Hill", PAPER.id, site=HILL.id)
    assert said("diagram", below, PAPER) == [f"there is no site {HILL.id}"]
    assert said("diagram", below, PAPER, HILL) == []
    [refusal] = refusals(inventory(HILL, PAPER, below), edit(deletion("site", HILL)))
    assert refusal.message == "the submap Hill shows this site: delete it first"


def test_a_drawing_has_an_ink_of_the_palette() -> None:
    red = Drawing(UUID(int=620), PAPER.id, "box", 0, 0, 10, 10, color="red")
    assert said("drawing", red, PAPER) == ["'', 'text', 'accent', 'blue', 'teal', 'sand' expected, got 'red'"]
