"""All that the map shows, of no, some and many devices, dark and light, at three zooms: no error, right counts, faults in red.

    HELIOGRAPH_PICTURES=DIR python -m pytest tests/map/test_all_that_the_map_shows.py

saves each picture there, to be looked at. Counterpart: the tests of each thing by itself say what it does; these, that it does so
beside the others. One rule: whatever is shown, who is down is red.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from PySide6.QtWidgets import QApplication

from app.look import Theme, ThemeName, themes
from app.map.layers import LAYERS
from app.map.sieve import Sifted
from app.map.worlds import SMALL
from app.schematic.paper import Paper, ground_of
from domain.diagram import Diagram, Spot
from domain.geometry import LngLat
from domain.inventory import Tenant
from domain.topology import LinkThen
from domain.wire import Changed
from tests.map import yard
from tests.map.conftest import Stage
from tests.map.networks import health, id_of, meshed, news, now_us
from tests.map.test_sites_on_the_map import place_in_fan

PICTURES = os.environ.get("HELIOGRAPH_PICTURES", "")
FAULT, DOOMED = "R7", "R1"
THEMES: tuple[ThemeName, ...] = ("dark", "light")
ZOOMS = (3.0, 8.5, 13.0)
ON_PAPER = (-1.0, 1.0, 3.0)
"""From the zoom at which all of the paper is seen."""
ROUND_IT_PX = 34
GRID_PT = 90.0


class Scene:
    """A network on a stage, and what can be shown of it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.stage = Stage(meshed(count) if count else Changed(1, initial=True), basemap=SMALL)
        self.ids = [device.id for device in self.stage.model.inventory.devices()]
        if count:
            self.stage.tell(news(health(FAULT, "down", 3_600)))
            self.stage.tell(yard.yard())
            self.stage.tell(yard.slow())
            self.stage.view.show_candidates([yard.CANDIDATE])
        self.stage.model.begin(Tenant(UUID(int=5), "Test net"))
        self.paper = Paper(self.stage.model)
        self.paper.more = lambda: {"picture": None, "grid": False}
        across = math.isqrt(count) + 1
        points = ((n % across * GRID_PT, n // across * GRID_PT) for n in range(count))
        self.points = dict(zip(self.ids, points, strict=True))
        root = self.paper.root
        spots = tuple(Spot(id_of(f"spot {id}"), root, id, x, y) for id, (x, y) in self.points.items())
        self.stage.tell(Changed(3, diagrams=(Diagram(root, "Network"),), spots=spots))

    @property
    def shown(self) -> int:
        """How many devices are on the map."""
        return self.count + yard.count() if self.count else 0

    def clear(self) -> None:
        """Show the network as it is."""
        view = self.stage.view
        view.leave_what_if()
        view.leave_past()
        view.sieve.show(None)
        view.layers.reset()
        if view.tools.tool:
            view.tools.hold(view.tools.tool)
        if view.tools.on_paper:
            view.show_paper(None)
            view.tools.set_on_paper(on_paper=False)

    def network(self) -> None:
        """Show statuses and links with their loads."""

    def what_if(self) -> None:
        """Show what would be if one failed: some are lost, and each link of it carries more."""
        inventory = self.stage.model.inventory
        then = [
            LinkThen(link.id, 0.95 * link.capacity_bps, None, 1e8, 1e7)
            for link in list(inventory.links())[: self.count // 4]
        ]
        failed, lost = ([id_of(DOOMED)], self.ids[20:30]) if self.count else ([], [])
        self.stage.view.show_what_if(failed, lost, self.ids[30:33], [self.ids[33:36]] if lost else [], then)

    def past(self) -> None:
        """Show a moment of the past, with who fares otherwise now."""
        ghosts = dict.fromkeys(self.ids[:10], "degraded")
        self.stage.view.show_past(
            now_us() - 86_400_000_000, "22:14, yesterday", ["Load is of the hour"], ghosts
        )

    def sifted(self) -> None:
        """Show what a filter leaves, which is not who is down."""
        kept = tuple(id for id in self.ids[::3] if id != id_of(FAULT))
        self.stage.view.sieve.show(Sifted("“valley”", kept, self.count))

    def no_layers(self) -> None:
        """Show no layer at all."""
        for key in LAYERS:
            self.stage.view.layers.show(key, shown=False)

    def all_layers(self) -> None:
        """Show all layers."""
        for key in LAYERS:
            self.stage.view.layers.show(key, shown=True)

    def edit(self) -> None:
        """Hold the tool that moves things."""
        self.stage.view.tools.hold("edit")

    def ruler(self) -> None:
        """Hold the ruler."""
        self.stage.view.tools.hold("ruler")

    def on_paper(self) -> None:
        """Show the network on paper."""
        self.stage.view.tools.set_on_paper(on_paper=True)
        self.stage.view.show_paper(self.paper)

    def come(self) -> None:
        """Wait until the page has taken what it was told; for a picture until it has painted all of it, which is slower."""
        if not PICTURES:
            self.stage.settle()
            return
        heard: list[bool] = []
        self.stage.view.when_still(lambda: heard.append(True))
        self.stage.until(lambda: bool(heard), "a map that stands still")


SHOWN: dict[str, Callable[[Scene], None]] = {
    "network": Scene.network,
    "what-if": Scene.what_if,
    "past": Scene.past,
    "filter": Scene.sifted,
    "no-layers": Scene.no_layers,
    "all-layers": Scene.all_layers,
    "edit": Scene.edit,
    "ruler": Scene.ruler,
    "paper": Scene.on_paper,
}


IN_THE_YARD: dict[str, Callable[[Theme], list[yard.Seen]]] = {
    "network": yard.of_the_network,
    "edit": yard.of_the_network,
    "ruler": yard.of_the_network,
    "all-layers": lambda theme: [*yard.of_the_network(theme), *yard.of_all_layers(theme)],
}
"""What of one of each thing is seen, by what is shown."""


@pytest.fixture(scope="module", params=[0, 40, 5_000])
def scene(request: pytest.FixtureRequest, application: QApplication) -> Iterator[Scene]:
    """One stage for all that is shown of a network."""
    made = Scene(request.param)
    yield made
    made.stage.close()


@pytest.mark.parametrize("what", SHOWN)
def test_whatever_is_shown_nothing_errs_the_counts_are_right_and_who_is_down_is_red(
    scene: Scene, what: str
) -> None:
    stage, view = scene.stage, scene.stage.view
    scene.clear()
    SHOWN[what](scene)
    is_paper = what == "paper"
    scene.come()
    at = LngLat(10.3, 47.7)
    if scene.count:
        at = ground_of(scene.points[id_of(FAULT)]) if is_paper else stage.place_of(id_of(FAULT))
    if is_paper:
        view.fit()
    whole = stage.stand_still() if is_paper else stage.report()
    zooms = [max(whole["zoom"] + more, 0.5) for more in ON_PAPER] if is_paper else ZOOMS
    for zoom in zooms:
        if is_paper:
            view._send(look=view._ground.look(at.lng, at.lat, zoom))
        else:
            view.look_at(*at, zoom)
        scene.come()
        stage.until(lambda zoom=zoom: abs(stage.report()["zoom"] - zoom) < 0.6, f"zoom {zoom:.1f}")  # type: ignore[misc]
        if scene.count == 0 or zoom == zooms[0]:
            stage.until(lambda: stage.report()["rendered_devices"] == scene.shown, f"all at zoom {zoom:.1f}")
        for theme in THEMES:
            _look(scene, theme, at, f"{what}-{scene.count}-{theme}-{zooms.index(zoom)}")
    if scene.count and what in IN_THE_YARD:
        _look_into_the_yard(scene, what)


def _look(scene: Scene, theme: ThemeName, at: LngLat, name: str) -> None:
    """Change the theme, look for who is down, and take the picture."""
    stage = scene.stage
    stage.view.set_theme(theme)
    scene.come()
    if scene.count:
        spot, down = stage.pixel(at), themes()[theme].status["down"]
        stage.until(lambda: stage.shows(spot, down, ROUND_IT_PX), f"red in {name}")
    if PICTURES:
        assert stage.view.grab().save(str(Path(PICTURES) / f"{name}.png"))
    assert stage.report()["console_errors"] == 0


def _look_into_the_yard(scene: Scene, what: str) -> None:
    """Look at one of each thing, close up, with the site of many shut and fanned out."""
    stage = scene.stage
    stage.view.look_at(*yard.MIDDLE, yard.CLOSE)
    for theme in THEMES:
        stage.view.set_theme(theme)
        scene.come()
        for seen in IN_THE_YARD[what](themes()[theme]):
            at = stage.pixel(seen.at)
            stage.until(
                lambda at=at, seen=seen: stage.shows(at, seen.color, seen.reach),
                f"{seen.what}: {what}, {theme}",
            )  # type: ignore[misc]
        if PICTURES:
            assert stage.view.grab().save(str(Path(PICTURES) / f"{what}-{scene.count}-{theme}-yard.png"))
    if what == "network":
        hill, worst = stage.pixel(yard.HILL_AT), themes()["light"].status["degraded"]
        stage.click(hill)
        stage.until(
            lambda: stage.shows(hill + place_in_fan(0, yard.ON_HILL), worst, 8), "the fan, its worst first"
        )
        if PICTURES:
            assert stage.view.grab().save(str(Path(PICTURES) / f"fan-{scene.count}.png"))
        stage.click(stage.pixel(yard.MIDDLE))
    assert stage.report()["console_errors"] == 0
