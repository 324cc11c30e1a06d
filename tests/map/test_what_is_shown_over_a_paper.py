"""What people put on a paper, and what is shown over it, in the real page: a text, a pin, a what-if, the past."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from PySide6.QtCore import QPoint

from app.map.worlds import SMALL
from app.schematic.paper import Paper
from domain.diagram import Drawing, Spot
from domain.inventory import Tenant
from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import id_of, now_us
from tests.map.test_paper_on_the_map import AT, DARK, Sheet, sheet

__all__ = ["sheet"]


def test_a_text_is_written_in_its_colour_and_a_pinned_device_has_a_dot_under_it(sheet: Sheet) -> None:
    stage, root = sheet.stage, sheet.paper.root
    stage.view.look_at(0.0, 0.0, 12.5)
    stage.stand_still()
    at, under = sheet.at(60, 60), sheet.at(*AT["Kempten"]) + QPoint(0, 15)
    assert not stage.shows(at, DARK.accent.accent, 30)
    assert not stage.shows(under, DARK.text.quiet, 1)
    text = Drawing(id_of("text"), root, "text", 30.0, 45.0, 0.0, 30.0, "WWW", "accent")
    pinned = Spot(id_of("spot Kempten"), root, id_of("Kempten"), *AT["Kempten"], is_pinned=True)
    stage.tell(Changed(4, drawings=(text,), spots=(pinned,)))
    stage.until(lambda: stage.shows(at, DARK.accent.accent, 30), "the text")
    stage.until(lambda: stage.shows(under, DARK.text.quiet, 1), "the dot")


def test_what_would_be_is_shown_on_paper_as_on_the_map(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.show_what_if([id_of("Hauchenberg")], [id_of("Grünten")])
    stage.until(lambda: stage.shows(sheet.at(*AT["Grünten"]), DARK.status["affected"]), "what would be lost")
    stage.until(lambda: stage.shows(sheet.at(*AT["Hauchenberg"]), DARK.status["down"]), "what would fail")
    stage.until(
        lambda: not stage.shows(sheet.at(*AT["Alpspitz"]), DARK.status["up"], 4), "the rest steps back"
    )
    stage.view.leave_what_if()
    stage.until(lambda: stage.shows(sheet.at(*AT["Alpspitz"]), DARK.status["up"], 4))


def test_the_past_is_shown_on_paper_as_on_the_map(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.show_past(now_us() - 86_400_000_000, "22:14, yesterday", (), {id_of("Grünten"): "degraded"})
    stage.until(lambda: stage.shows(sheet.at(*AT["Grünten"]), DARK.status["degraded"], 22), "the ring of now")
    assert "22:14, yesterday" in str(stage.js("document.querySelector('#past').textContent"))
    stage.view.leave_past()
    stage.until(lambda: not stage.shows(sheet.at(*AT["Grünten"]), DARK.status["degraded"], 22))


def test_nothing_of_the_world_is_seen_on_a_paper(stages: Callable[..., Stage]) -> None:
    stage = stages(Changed(1, initial=True), basemap=SMALL)
    stage.model.begin(Tenant(UUID(int=5), "Test net"))
    paper = Paper(stage.model)
    paper.more = lambda: {"picture": None, "grid": False}
    stage.view.look_at(10.3, 47.72, 10.0)
    stage.stand_still()
    stage.until(lambda: len(colors(stage)) > 10, "the world")
    stage.view.show_paper(paper)
    stage.stand_still()
    stage.view._send(look=stage.view._ground.look(10.3, 47.72, 10.0))
    stage.until(lambda: len(colors(stage)) == 1, "a bare paper")
    stage.view.show_paper(None)
    stage.until(lambda: len(colors(stage)) > 10, "the world again")


def colors(stage: Stage) -> set[int]:
    """Return the colours of the middle of the screen."""
    stage.stand_still()
    image = stage.view.grab().toImage()
    return {image.pixel(x, y) for x in range(60, 700, 2) for y in range(60, 440, 2)}
