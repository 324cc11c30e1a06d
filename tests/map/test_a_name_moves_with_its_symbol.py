"""A device that is moved has its name with it at once, in the real page: before the tiles come that have it at its new place."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor

from app.look import themes
from domain.geometry import LngLat
from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import device, id_of

DARK = themes()["dark"]
THERE = LngLat(10.42, 47.585)
HOLD = """window.held = []; const say = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (told, ...more) {
  if (told.tile && held) held.push([this, told]);
  else say.call(this, told, ...more);
};
window.goOn = () => { const all = held; held = null; for (const [worker, told] of all) say.call(worker, told); }; 1"""


def letters(stage: Stage, at: QPoint) -> int:
    """Return how many points of the bare ground beside a symbol are written on."""
    image, ground = stage.view.grab().toImage(), QColor(DARK.surface.ground)
    spots = ((at.x() + dx, at.y() + dy) for dx in range(12, 52) for dy in range(-7, 8))
    colors = (image.pixelColor(x, y) for x, y in spots)
    return sum(
        c.red() - ground.red() + c.green() - ground.green() + c.blue() - ground.blue() > 120 for c in colors
    )


def test_a_name_moves_with_its_symbol_and_waits_for_no_tile(stage: Stage) -> None:
    here, there = stage.pixel(stage.place_of(id_of("Alpspitz"))), stage.pixel(THERE)
    stage.until(lambda: letters(stage, here) > 15, "the name")
    assert letters(stage, there) == 0
    stage.js(HOLD)
    stage.tell(Changed(3, devices=(device("Alpspitz", *THERE),)))
    stage.until(lambda: stage.shows(there, DARK.status["up"], 4), "the symbol at its new place")
    stage.until(lambda: letters(stage, there) > 15, "the name at its new place")
    stage.until(lambda: letters(stage, here) == 0, "none at the old one")
    assert stage.js("held.length") > 0, "no tile of the new places was made"
    stage.js("goOn()")
    stage.until(lambda: stage.stand_still()["rendered_links"] == 3)
    stage.until(lambda: letters(stage, there) > 15, "the name where the tiles have it")
