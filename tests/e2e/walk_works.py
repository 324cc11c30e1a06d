"""What a user who is cut off does besides looking: measures, edits by hand, imports, cuts a map, goes to the past.

Counterpart: `walk_cut_off.py`, which walks these steps. One rule: each leaves the network usable for the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.draft import now_us
from app.maps.cutting import VIEW
from app.panels.map_frame import WORLD_PX, place_at
from app.past.share import read_link
from app.radio.path import PathBoard
from app.radio.terrain import TerrainBoard
from domain.geometry import LngLat, place_towards
from domain.inventory import Device
from domain.radio import Sector
from tests.map.networks import LINKS, id_of
from tests.terrain_files import hgt

if TYPE_CHECKING:
    from tests.e2e.walk_cut_off import Step, Walk

LEFT = Qt.MouseButton.LeftButton
A, B, C = "Hauchenberg", "Kempten", "Grünten"
NEW = "Weitnau"
LOOK = LngLat(10.28, 47.64)
ZOOM = 10.0
GROUND_M = 800


class Hands:
    """Pointer and keys on the map, which stands still."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk

    @property
    def _page(self) -> QWidget:
        found = self._walk.app.map._view.focusProxy()
        assert found is not None
        return found

    def at(self, place: LngLat) -> QPoint:
        """Return where a place is on the map, by where the page last said it looks."""
        page = self._walk.page
        center, zoom = LngLat(*page["center"]), page["zoom"]
        across = (place.lng - center.lng) / 360 * WORLD_PX * 2.0**zoom
        # down the page latitude falls: halve until the pixel below which the place lies is found
        low, high = -4_000.0, 4_000.0
        for _ in range(24):
            middle = (low + high) / 2
            low, high = (middle, high) if place_at(center, zoom, 0, middle).lat > place.lat else (low, middle)
        return QPoint(round(self._page.width() / 2 + across), round(self._page.height() / 2 + low))

    def click(self, at: QPoint, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Click there."""
        QTest.mouseMove(self._page, at)
        QTest.mouseClick(self._page, LEFT, held, at)
        QTest.qWait(30)

    def drag(self, start: QPoint, end: QPoint) -> None:
        """Drag from here to there."""
        QTest.mouseMove(self._page, start)
        QTest.mousePress(self._page, LEFT, pos=start)
        for share in (0.3, 0.7, 1.0):
            QTest.qWait(20)
            QTest.mouseMove(self._page, (QPointF(start) + QPointF(end - start) * share).toPoint())
        QTest.qWait(40)
        QTest.mouseRelease(self._page, LEFT, pos=end)

    def key(self, key: Qt.Key) -> None:
        """Press a key."""
        QTest.keyClick(self._page, key)

    def colour(self, place: LngLat) -> int:
        """Return the colour of the map at a place."""
        return self._walk.app.map.grab().toImage().pixelColor(self.at(place)).rgb()


class Works:
    """The steps, by what they are about."""

    def __init__(self, walk: Walk, folder: Path) -> None:
        self._walk, self._app, self._folder = walk, walk.app, folder
        self.hands = Hands(walk)

    def device(self, name: str) -> Device:
        """Return a device by its name."""
        return next(one for one in self._app.model.inventory.devices() if one.name == name)

    def place(self, name: str) -> LngLat:
        """Return where a device stands."""
        found = self._app.model.inventory.place_of(self.device(name))
        assert found is not None
        return found

    def is_there(self, name: str) -> bool:
        """Tell whether there is a device of a name."""
        return any(one.name == name for one in self._app.model.inventory.devices())

    def looking(self) -> Iterator[Step]:
        """Layers off and on, a measured way, single points of failure."""
        walk, map, hands = self._walk, self._app.map, self.hands
        map.look_at(*LOOK, ZOOM)
        yield "over the network", lambda: walk.stands_at(ZOOM)
        middle = LngLat(*((a + b) / 2 for a, b in zip(self.place(B), self.place("Alpspitz"), strict=True)))
        ground = hands.colour(place_towards(middle, 45, 4_000))
        for key in ("roads", "rail", "places", "borders", "load", "names"):
            map.layers.show(key, shown=False)
        yield "layers off", walk.stands
        for key in ("latency", "alerts"):
            map.layers.show(key, shown=True)
        map.layers.move("names", 2)
        yield "layers in another order", walk.stands
        map.layers.reset()
        yield (
            "layers as they were",
            lambda: walk.stands() and hands.colour(place_towards(middle, 45, 4_000)) == ground,
        )
        map.tools.hold("ruler")
        yield "ruler", lambda: walk.says("Boolean(document.querySelector('#tool:not([hidden])'))")
        for name in (B, A):
            hands.click(hands.at(self.place(name)))
        hands.key(Qt.Key.Key_Return)
        said = "document.querySelector('#tool span')?.textContent ?? ''"
        yield "measured", lambda: "km, bearing" in str(walk.says(said))
        map.tools.hold("ruler")
        board = self._app.window.topology
        board.open_board("points")
        rows = board.board.points.listing.table.rows
        yield "single points of failure", lambda: any(row.devices > 1 for row in rows.rows)
        board.close_board()

    def air(self) -> Iterator[Step]:
        """Terrain from a file, a path over it, a sector."""
        walk, window = self._walk, self._app.window
        file = hgt(self._folder, 10, 47, lambda lng, lat: GROUND_M + 300 * (lng - 10.0))
        window.radio.open_terrain()
        terrain = window.findChildren(TerrainBoard)[-1]
        terrain.import_files([str(file)])
        yield "terrain", lambda: len(terrain.tiles) == 1
        terrain.reject()
        window.radio.begin_path(*self.place(A))
        yield "a path's other end is wanted", lambda: window.frame.placing and walk.stands()
        QTest.mouseClick(window.frame._cover, LEFT, pos=self.hands.at(self.place(B)))
        yield (
            "path profile",
            lambda: any(
                board.view.ground is not None and board.view.ground.unknown_m == 0 for board in self._paths()
            ),
        )
        for board in self._paths():
            board.reject()
        east = place_towards(self.place(A), 90, 6_000)  # beyond the name
        before = self.hands.colour(east)
        pointing = replace(self.device(A), sectors=(Sector(90.0, 60.0, 8_000.0),))
        self._app.commands.put("device", pointing, walk.refused.extend, "Point the antenna")
        yield "sector", lambda: walk.stands() and self.hands.colour(east) != before

    def _paths(self) -> list[PathBoard]:
        return self._app.window.findChildren(PathBoard)

    def files(self) -> Iterator[Step]:
        """Everything saved, a router without a place imported, which waits in the tray and is placed from there."""
        app, window = self._app, self._app.window
        dialog = window.exchange.open_export()
        assert dialog is not None
        yield "export", dialog.submit_button.isEnabled
        saved = self._folder / "network.geojson"
        dialog.save_to(saved)
        again = window.exchange.import_file(saved)
        yield "nothing to change", lambda: again.submit_button.text() == "Nothing to change"
        again.reject()
        more = self._folder / "more.csv"
        more.write_text(f"kind,name,address\ndevice,{NEW},127.0.0.30\n")
        plan = window.exchange.import_file(more)
        yield "what would change", plan.submit_button.isEnabled
        plan.submit()
        yield "import", lambda: self.is_there(NEW)
        tray = window.tree.tray
        yield "in the tray", lambda: [one.name for one in tray.rows.devices] == [NEW]
        window.places.place([tray.rows.devices[0].id])
        QTest.mouseClick(window.frame._cover, LEFT, pos=self.hands.at(LngLat(10.2, 47.7)))
        yield "placed from the tray", lambda: not tray.rows.devices and self._walk.stands()
        app.commands.undo()
        yield "in the tray again", lambda: len(tray.rows.devices) == 1

    def editing(self) -> Iterator[Step]:
        """A device dragged and back, a link drawn, bent and gone again."""
        walk, app, hands = self._walk, self._app, self.hands
        before, ways = self.place(C), len(app.model.inventory.tables["link"])
        app.map.tools.hold("edit")
        yield "edit mode", walk.stands
        start = hands.at(before)
        hands.drag(start, start + QPoint(60, -40))
        yield "dragged", lambda: self.place(C) != before and walk.stands()
        app.commands.undo()
        yield "back where it was", lambda: self.place(C) == before and walk.stands()
        app.map.tools.hold("link")
        yield "link mode", walk.stands
        hands.click(hands.at(self.place("Alpspitz")))
        hands.click(hands.at(self.place(C)))
        yield "link drawn", lambda: len(app.model.inventory.tables["link"]) == ways + 1 and walk.stands()
        app.map.tools.hold("edit")
        app.commands.undo()
        link = id_of("".join(LINKS[0]))
        app.window.select(link)
        yield "link undone", lambda: len(app.model.inventory.tables["link"]) == ways and walk.stands()
        a, b = hands.at(self.place(LINKS[0][0])), hands.at(self.place(LINKS[0][1]))
        middle = (QPointF(a + b) / 2).toPoint()
        hands.drag(middle, middle + QPoint(0, 50))
        yield "bent", lambda: bool(getattr(app.model.inventory.link(link), "path", ()))
        app.map.tools.hold("edit")
        app.window.select(None)

    def cutting(self) -> Iterator[Step]:
        """A part of an own map, cut out of it."""
        maps, model = self._app.window.maps, self._app.model
        source = next(iter(model.maps))
        maps.open()
        maps.open_cut(source)
        yield "a cut's form", lambda: maps.form is not None
        form = maps.form
        assert form is not None
        form.area.setCurrentIndex(VIEW)
        form.area.activated.emit(VIEW)
        yield "how large the cut will be", lambda: form.forecast.text() not in {"", "Measuring…"}
        form.submit()
        yield "an area cut", lambda: len(model.maps) == 2 and not any(m.trouble for m in model.maps.values())
        maps.close()

    def past(self) -> Iterator[Step]:
        """Scrubbed, played, shared, photographed."""
        past, walk = self._app.window.past, self._walk
        machine, scrubber = past.machine, past.bar.scrubber
        machine.enter(now_us() - 1_000_000)
        yield "past", lambda: machine.is_there
        scrubber.show_span(now_us() - 60_000_000, now_us())
        at_us = now_us() - 3_000_000
        QTest.mouseClick(scrubber, LEFT, pos=QPoint(round(scrubber.x_of(at_us)), 40))
        yield "scrubbed", lambda: machine.is_there and abs(machine.at_us - at_us) < 1_500_000
        QTest.mouseClick(past.bar.play, LEFT)
        yield "played", lambda: machine.at_us > at_us + 2_000_000
        machine.pause()
        QGuiApplication.clipboard().clear()
        past.copy_link()
        yield "link copied", lambda: bool(QGuiApplication.clipboard().text())
        link = QGuiApplication.clipboard().text()
        picture = self._folder / "moment.png"
        past.save_pictures(picture)
        yield "picture", lambda: picture.exists() and not QImage(str(picture)).isNull()
        self._app.window.step_back()
        yield "live again", lambda: not machine.is_on and walk.stands()
        past.go(link)
        yield "where the link leads", lambda: machine.is_there and machine.at_us == read_link(link).at_us
        self._app.window.step_back()
