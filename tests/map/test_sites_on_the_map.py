"""Sites in the real page: fans of 2, 12 and 60 devices, a site that is dragged, and devices that are dragged onto the map."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from app.look import Look, themes
from app.map.bridge import SiteDropped
from app.panels.map_frame import MapFrame
from app.panels.tray import Tray
from domain.geometry import LngLat
from domain.health import Status
from domain.inventory import Device, Link, Site
from domain.wire import Changed
from tests.map.conftest import HEIGHT_PX, WIDTH_PX, Stage
from tests.map.networks import device, health, id_of

Stages = Callable[..., Stage]
DARK = themes()["dark"]
HILL = Site(id_of("Hilltop"), "Hilltop", "Allgäu", 10.3, 47.6)
EMPTY = Site(id_of("New mast"), "New mast", "Allgäu", 10.34, 47.6)
CENTRE = LngLat(10.3, 47.6)
BAD: dict[int, Status] = {1: "down", 3: "degraded", 5: "affected", 7: "stale"}
FIRST_PX = 44
"""How far from its middle the first device of a fan of up to five, or of a spiral, stands: straight above."""


def crowd(count: int) -> Changed:
    """Return a site with so many devices, some of them not well, one of its devices elsewhere, and a site without any."""
    names = [f"Hilltop {number}" for number in range(count)]
    devices = [Device(id_of(name), name, "10.0.0.1", site=HILL.id) for name in names]
    away = device("Away", 10.26, 47.61)
    devices.append(Device(away.id, away.name, away.address, site=HILL.id, lng=away.lng, lat=away.lat))
    link = Link(id_of("link"), id_of(names[0]), away.id, kind="fibre", capacity_bps=10**9)
    states = [health(name, BAD.get(number, "up")) for number, name in enumerate(names)]
    return Changed(
        1,
        initial=True,
        sites=(HILL, EMPTY),
        devices=tuple(devices),
        links=(link,),
        health=(*states, health("Away", "up")),
    )


def stand(stages: Stages, count: int) -> Stage:
    """Return a map that looks at the site and has come to rest."""
    stage = stages(crowd(count))
    stage.view.frame_box(
        10.24, 47.56, 10.36, 47.62
    )  # the site above the middle: the last of sixty stands free of the legend
    stage.stand_still()
    return stage


def place_in_fan(number: int, count: int) -> QPoint:
    """Return where the so manieth device of a fan stands, from its middle; the worst is the first."""
    if count <= 16:
        radius, angle = max(44, count * 8), -math.pi / 2 + number * 2 * math.pi / count
    else:
        radius, angle = 44, -math.pi / 2
        for passed in range(number):
            angle += 36 / (44 + passed * 5)
            radius = 44 + (passed + 1) * 5
    return QPoint(round(radius * math.cos(angle)), round(radius * math.sin(angle)))


@pytest.mark.parametrize("count", [2, 12, 60])
def test_a_crowded_site_shows_its_fault_and_fans_out_to_devices_that_can_be_clicked(
    stages: Stages, count: int
) -> None:
    stage = stand(stages, count)
    centre = stage.pixel(CENTRE)
    stage.until(lambda: stage.shows(centre, DARK.status["down"], 30), "the fault outside the ring")
    stage.click(centre)
    order = [n for n in (1, 5, 3, 7) if n < count] + [n for n in range(count) if n not in BAD]
    for number in {0, 1, count // 2, count - 1}:
        wanted = BAD.get(order[number], "up")
        at = centre + place_in_fan(number, count)
        stage.until(
            lambda at=at, wanted=wanted: stage.shows(at, DARK.status[wanted], 8), f"{number} of {count}"
        )  # type: ignore[misc]
        stage.events.clear()
        stage.click(at)
        stage.until(lambda: bool(stage.events), f"a click on {number} of {count}")
        assert stage.events == [("device_clicked", id_of(f"Hilltop {order[number]}"))]
    stage.events.clear()
    QTest.keyClick(stage.hands, Qt.Key.Key_Escape)
    at = centre + place_in_fan(0, count)
    stage.until(lambda: not stage.shows(at, DARK.status["down"], 5), "a fan that is shut")
    assert stage.events == []


def test_the_fan_is_walked_by_keyboard_and_its_name_leads_to_the_site(stages: Stages) -> None:
    stage = stand(stages, 3)
    stage.view.select(id_of("Hilltop 2"))
    stage.settle()
    stage.hands.setFocus()
    QTest.keyClick(stage.hands, Qt.Key.Key_Return)
    centre = stage.pixel(CENTRE)
    first = centre + place_in_fan(0, 3)
    stage.until(lambda: stage.shows(first, DARK.status["down"], 8), "the fan of what is selected")
    before = stage.report()["center"]
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Return):
        QTest.keyClick(stage.hands, key)
    stage.until(lambda: bool(stage.events), "a device chosen by keyboard")
    assert stage.events == [("device_clicked", id_of("Hilltop 1"))]
    assert stage.report()["center"] == before
    stage.events.clear()
    title = centre - QPoint(0, FIRST_PX + 20 + 8)
    stage.until(lambda: stage.shows(title, DARK.text.text, 8), "the site's name over its fan")
    stage.click(title)
    stage.until(lambda: bool(stage.events), "a click on the name")
    assert stage.events == [("site_clicked", HILL.id)]


def test_flying_to_one_of_many_opens_the_fan_it_is_in(stages: Stages) -> None:
    stage = stand(stages, 12)
    stage.view.select(id_of("Hilltop 1"))
    stage.view.fly_to(id_of("Hilltop 1"))
    middle = QPoint(WIDTH_PX // 2, HEIGHT_PX // 2) + place_in_fan(0, 12)
    stage.until(lambda: stage.shows(middle, DARK.status["down"], 8), "the fan")


def test_an_empty_site_is_a_mark_that_can_be_clicked_and_dragged_once_it_is_selected(stages: Stages) -> None:
    stage = stand(stages, 2)
    at = stage.pixel(LngLat(EMPTY.lng or 0, EMPTY.lat or 0))
    stage.click(at)
    stage.until(lambda: bool(stage.events), "a click on the mark")
    assert stage.events == [("site_clicked", EMPTY.id)]
    stage.events.clear()
    stage.view.select(EMPTY.id)
    stage.until(lambda: stage.shows(at, DARK.accent.accent, 26), "the ring around it")
    wanted = at + QPoint(60, -40)
    stage.drag(at, wanted)
    stage.until(lambda: bool(stage.events), "the drop")
    [(what, id, lng, lat)] = stage.events
    assert (what, id) == ("site_dropped", EMPTY.id)
    landed = stage.pixel(LngLat(lng, lat))
    assert abs(landed.x() - wanted.x()) <= 2
    assert abs(landed.y() - wanted.y()) <= 2


def test_a_site_is_dragged_by_its_ring_with_what_stands_there_and_escape_drops_nothing(
    stages: Stages,
) -> None:
    stage = stand(stages, 2)
    stage.view.select(HILL.id)
    centre = stage.pixel(CENTRE)
    stage.until(lambda: stage.shows(centre, DARK.accent.accent, 26), "the ring")
    stage.drag(centre, centre + QPoint(80, 40), release=False)
    QTest.keyClick(stage.hands, Qt.Key.Key_Escape)
    QTest.mouseRelease(stage.hands, Qt.MouseButton.LeftButton, pos=centre + QPoint(80, 40))
    stage.settle()
    assert [event for event in stage.events if event[0] == "site_dropped"] == []
    stage.events.clear()
    stage.drag(centre, centre + QPoint(80, 40))
    stage.until(lambda: any(event[0] == "site_dropped" for event in stage.events), "the drop")
    [(_, id, lng, lat)] = [event for event in stage.events if event[0] == "site_dropped"]
    assert id == HILL.id
    stage.tell(Changed(3, sites=(Site(HILL.id, HILL.name, HILL.region, lng, lat),)))
    moved = stage.pixel(LngLat(lng, lat))
    stage.until(lambda: stage.shows(moved, DARK.status["down"], 30), "its devices at the new place")
    away = stage.pixel(LngLat(10.26, 47.61))
    stage.until(lambda: stage.shows(away, DARK.status["up"]), "the one that stands elsewhere")


def test_a_site_stays_where_it_is_on_a_locked_map_and_in_the_past(stages: Stages) -> None:
    stage = stand(stages, 2)
    stage.view.select(EMPTY.id)
    at = stage.pixel(LngLat(EMPTY.lng or 0, EMPTY.lat or 0))
    stage.until(lambda: stage.shows(at, DARK.accent.accent, 26), "the ring around it")
    drop = SiteDropped(EMPTY.id, 10.3, 47.6)
    stage.view.tools.set_locked(locked=True)
    centre = stage.report()["center"]
    stage.drag(at, at + QPoint(60, -40))
    stage.until(
        lambda: stage.stand_still()["center"] != centre,
        "the hand moves the map, as it does where nothing can be dragged",
    )
    moved = stage.stand_still()["center"]
    stage.view._take(drop)
    stage.view.tools.set_locked(locked=False)
    stage.view.show_past(1, "then", (), {})
    stage.settle()
    stage.drag(at + QPoint(60, -40), at)
    stage.until(lambda: stage.stand_still()["center"] != moved, "the hand moves it in the past too")
    stage.view._take(drop)
    assert [event for event in stage.events if event[0] == "site_dropped"] == []
    stage.view.leave_past()
    stage.view._take(drop)
    assert stage.events == [("site_dropped", EMPTY.id, 10.3, 47.6)]


def test_devices_of_the_tray_are_dropped_on_the_real_page_and_not_swallowed_by_it(stages: Stages) -> None:
    stage = stand(stages, 2)
    lost = [Device(id_of(name), name, "10.0.0.9") for name in ("Lost 1", "Lost 2", "Lost 3")]
    window, look = QWidget(), Look("dark")
    frame, tray = MapFrame(stage.view, look), Tray(stage.model, look)
    row = QHBoxLayout(window)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(tray)
    row.addWidget(frame, 1)
    window.resize(WIDTH_PX + 260, HEIGHT_PX)
    tray.setFixedWidth(260)
    window.show()
    stage.tell(Changed(4, devices=tuple(lost)))
    tray.toggle()
    stage.stand_still()
    drops: list[tuple[object, LngLat, float]] = []
    frame.dropped.connect(lambda ids, place, zoom: drops.append((ids, place, zoom)))
    tray.list.setCurrentIndex(tray.rows.index(0))
    QTest.keyClick(tray.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    data = tray.rows.mimeData(tray.list.selectionModel().selectedIndexes())
    end = frame.mapTo(window, QPoint(frame.width() // 2 + 50, frame.height() // 2 - 30))
    action, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    handle = (
        window.windowHandle()
    )  # what the system tells: Qt finds the widget, and the page's own must not be it
    QApplication.sendEvent(handle, QDragEnterEvent(end, action, data, left, none))
    stage.settle()
    QApplication.sendEvent(handle, QDragMoveEvent(end, action, data, left, none))
    assert frame._hint_text.text() == "Drop where it stands"
    assert frame._hint.isVisible()
    QApplication.sendEvent(handle, QDropEvent(QPointF(end), action, data, left, none))
    stage.until(lambda: bool(drops), "the drop on the map")
    [(ids, place, zoom)] = drops
    assert ids == (lost[0].id, lost[1].id)
    shown = stage.report()
    centre = LngLat(*shown["center"])
    assert zoom == pytest.approx(shown["zoom"])
    assert place.lng - centre.lng == pytest.approx(50 * 360 / (512 * 2**zoom), abs=1e-4)
    assert place.lat > centre.lat
    stage.view.setParent(None)
    window.close()
