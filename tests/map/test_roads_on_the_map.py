"""Roads and rails stand off the ground in what is really on the screen, and never off it as far as a link that carries nothing.

The contrast is WCAG 2.2's, of the pixels that a layer changes: the strongest tenth of them, since a thin line has pale edges.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor, QImage

from app.look import ThemeName, themes
from app.map.worlds import SMALL
from tests.map.conftest import Stage

MUNICH = (11.5, 48.1)
LEAST = {5.0: 1.22, 8.0: 1.28, 10.0: 1.28}
"""By zoom. What the ground was before it was measured: 1.06 to 1.2 in dark, of which nobody saw anything on a dim screen."""
STRONGEST = 0.1


@pytest.fixture(scope="module")
def world(application: object) -> Iterator[Stage]:
    """The world that comes along, and nothing on it."""
    stage = Stage(None, basemap=SMALL)
    yield stage
    stage.close()


def luminance(color: QColor) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in (color.redF(), color.greenF(), color.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: QColor, b: QColor) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def shot(world: Stage) -> QImage:
    """Return the map, painted as it was told."""
    still: list[bool] = []
    world.view.when_still(lambda: still.append(True))
    world.until(lambda: bool(still), "a map that stands still")
    world.stand_still()
    return world.view.grab().toImage()


def contrasts(shown: QImage, hidden: QImage) -> list[float]:
    """Return the contrasts of what is only in the first picture, the strongest first."""
    wide, high = shown.width(), shown.height()
    return sorted(
        (
            contrast(shown.pixelColor(x, y), hidden.pixelColor(x, y))
            for x in range(wide)
            for y in range(0, high, 2)
            if shown.pixel(x, y) != hidden.pixel(x, y)
        ),
        reverse=True,
    )


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("zoom", sorted(LEAST))
def test_roads_and_rails_stand_off_the_ground_and_behind_the_network(
    world: Stage, theme: ThemeName, zoom: float
) -> None:
    look, layers = themes()[theme], world.view.layers
    idle = contrast(QColor(look.load[0]), QColor(look.surface.ground))
    world.view.set_theme(theme)
    world.view.look_at(*MUNICH, zoom)
    for key in ("places", "borders"):
        layers.show(key, shown=False)
    told = {}
    for key in ("roads", "rail") if zoom > 6 else ("roads",):
        layers.show(key, shown=True)
        shown = shot(world)
        layers.show(key, shown=False)
        found = contrasts(shown, shot(world))
        assert len(found) > 200, f"{key} at zoom {zoom:.0f}: {len(found)} pixels"
        told[key] = found[int(len(found) * STRONGEST)]
    layers.reset()
    print({key: round(value, 2) for key, value in told.items()}, zoom, theme, round(idle, 2))
    assert min(told.values()) >= LEAST[zoom], told
    assert max(told.values()) <= idle, told
