"""Symbols and rings on their canvas over the map, as the page really shows them. Counterpart: `map_assets/src/glass.js`."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint

from app.look import themes
from domain.wire import Changed
from tests.map.conftest import WIDTH_PX, Stage
from tests.map.networks import device, health, id_of, news

DARK = themes()["dark"]


def test_on_a_small_world_a_device_stands_in_each_copy_of_it(stages: Callable[..., Stage]) -> None:
    far = device("Far", -160.0, 20.0)
    stage = stages(Changed(1, initial=True, devices=(far,), health=(health("Far", "down"),)))
    stage.view._send(look={"lng": 0.0, "lat": 20.0, "zoom": 0.0})
    stage.until(lambda: stage.report()["zoom"] < 1, "the world")
    at = stage.pixel(stage.place_of(far.id))
    copy = at + QPoint(round(512 * 2 ** stage.report()["zoom"]), 0)
    assert 0 < at.x() < copy.x() < WIDTH_PX
    stage.until(lambda: stage.shows(at, DARK.status["down"], 6) and stage.shows(copy, DARK.status["down"], 6))
    assert stage.report()["rendered_devices"] == 1


def test_an_open_fan_has_its_place_to_itself_but_for_what_is_down(stages: Callable[..., Stage]) -> None:
    tower = [device(f"T{i}", 10.0, 47.0) for i in range(3)]
    near = device("Near", 10.0004, 47.0)
    stage = stages(
        Changed(
            1,
            initial=True,
            devices=(*tower, near),
            health=tuple(health(name, "up") for name in ("T0", "T1", "T2", "Near")),
        )
    )
    stage.view._send(look={"lng": 10.0, "lat": 47.0, "zoom": 16.0})
    stage.until(lambda: stage.report()["zoom"] == 16.0, "the street")
    middle, beside = stage.pixel(stage.place_of(tower[0].id)), stage.pixel(stage.place_of(near.id))
    stage.until(lambda: stage.shows(beside, DARK.status["up"], 3), "the neighbour")
    stage.click(middle)
    stage.until(lambda: not stage.shows(beside, DARK.status["up"], 3), "room for the fan")
    stage.tell(news(health("Near", "down")))
    stage.until(lambda: stage.shows(beside, DARK.status["down"], 8), "what is down in it")


def test_what_is_hidden_is_not_clicked(stage: Stage) -> None:
    at = stage.pixel(stage.place_of(id_of("Grünten")))
    stage.view.layers.show("status", shown=False)
    stage.until(lambda: not stage.shows(at, DARK.status["up"], 6))
    stage.click(at)
    stage.settle()
    assert not [event for event in stage.events if event[0] == "device_clicked"]
    stage.view.layers.reset()
    stage.until(lambda: stage.shows(at, DARK.status["up"], 6))
    stage.click(at)
    stage.until(lambda: ("device_clicked", id_of("Grünten")) in stage.events)
