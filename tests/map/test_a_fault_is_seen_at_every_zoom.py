"""A router that is down, degraded or affected is seen from the world to the street, alone and in a crowd: by the pixels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtGui import QColor

from app.look import ThemeName, themes
from domain.geometry import LngLat
from domain.health import Status
from domain.wire import Changed
from tests.map import lettering
from tests.map.conftest import Stage
from tests.map.networks import device, health, news

PLACE = LngLat(10.3, 47.6)
NEIGHBOURS = 24
ROUND_IT_PX = 34
"""From a ring's middle to the outside of its badge."""


def crowd() -> Changed:
    """Return one that is down among neighbours: some hundred metres away, some kilometres, some in other lands."""
    steps = [0.002 * 2.4**i for i in range(8)]
    places = [
        (PLACE.lng + dx * s, PLACE.lat + dy * s / 2) for s in steps for dx, dy in ((1, 0), (-1, 1), (0, -1))
    ]
    names = [f"N{i}" for i in range(NEIGHBOURS)]
    devices = [device(name, *at) for name, at in zip(names, places, strict=True)]
    states = [health(name, "up") for name in names] + [health("Fault", "down", 3600)]
    return Changed(1, initial=True, devices=(*devices, device("Fault", *PLACE)), health=tuple(states))


def alone() -> Changed:
    """Return one that is down, and nobody near."""
    return Changed(
        1, initial=True, devices=(device("Fault", *PLACE),), health=(health("Fault", "down", 3600),)
    )


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("network", [alone, crowd])
def test_a_router_that_is_down_is_seen_at_every_zoom(
    stages: Callable[..., Stage], theme: ThemeName, network: Callable[[], Changed]
) -> None:
    stage = stages(None, theme=theme)
    down = themes()[theme].status["down"]
    stage.tell(network())
    for zoom in range(19):
        stage.view.look_at(PLACE.lng, PLACE.lat, float(zoom))
        stage.until(lambda z=zoom: abs((stage.report()["zoom"] or 0) - z) < 0.6, f"zoom {zoom}")  # type: ignore[misc]
        at = stage.pixel(PLACE)
        stage.until(lambda at=at: stage.shows(at, down, ROUND_IT_PX), f"red at zoom {zoom}")  # type: ignore[misc]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("status", ["degraded", "affected"])
def test_one_that_is_not_well_though_not_down_is_seen_at_every_zoom_of_its_crowd(
    stages: Callable[..., Stage], theme: ThemeName, status: Status
) -> None:
    stage = stages(None, theme=theme)
    tokens = themes()[theme]
    ground, ink = QColor(tokens.surface.ground), QColor(tokens.status[status])

    def is_seen() -> bool:
        around = stage.colors_near(stage.pixel(PLACE), ROUND_IT_PX)
        return any(lettering.is_of(each, ground, ink) for each in around)

    stage.tell(crowd())
    stage.tell(news(health("Fault", status)))
    for zoom in range(19):
        stage.view.look_at(PLACE.lng, PLACE.lat, float(zoom))
        stage.until(lambda z=zoom: abs((stage.report()["zoom"] or 0) - z) < 0.6, f"zoom {zoom}")  # type: ignore[misc]
        stage.until(is_seen, f"{status} at zoom {zoom}")
        if zoom % 6 == 0:
            stage.tell(news(health("Fault", "up")))
            stage.until(lambda: not is_seen(), f"nothing of it at zoom {zoom}")
            stage.tell(news(health("Fault", status)))
