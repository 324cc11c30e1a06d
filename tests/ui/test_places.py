"""Sites and regions in the window: their panel, their form, moving and deleting, and what a drop does."""

from __future__ import annotations

from uuid import UUID

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from app.dialogs.confirm import Confirm
from app.dialogs.device_form import DeviceForm
from app.dialogs.site_form import SiteForm
from app.panels.tray import DEVICE_MIME
from app.placing import site_near
from domain.geometry import LngLat
from domain.health import Health
from domain.inventory import Device, Inventory, Site
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of

HILL, LINDAU = id_of("Grünten"), id_of("Lindau")


def add(bench: Bench, *things: Site | Device) -> None:
    """Have things added by an edit of the window's own."""
    for thing in things:
        bench.commands.put("site" if isinstance(thing, Site) else "device", thing)
    bench.settle()


def turn(bench: Bench, **statuses: str) -> None:
    rows = tuple(Health(id_of(name), VANTAGE, status, 1, 1) for name, status in statuses.items())  # type: ignore[arg-type]
    bench.model.merge(Changed(2, health=rows))
    bench.model.flush()


def site(bench: Bench, id: UUID) -> Site:
    found = bench.model.inventory.site(id)
    assert found is not None
    return found


def device(bench: Bench, name: str) -> Device:
    found = bench.model.inventory.device(id_of(name))
    assert found is not None
    return found


def form(bench: Bench) -> SiteForm:
    return next(w for w in bench.window.findChildren(SiteForm) if w.isVisible())


def menu_of(bench: Bench, id: UUID) -> list[str]:
    menu = QMenu()
    bench.window.map_desk.fill_menu(menu, id)
    bench.window.places.fill_menu(menu, id)
    return [action.text() for action in menu.actions()]


def names(bench: Bench, key: str) -> list[str]:
    return [row.name for row in bench.window.places.panel.lists[key].table.rows.rows]


# Seen


def test_a_site_chosen_in_the_tree_shows_its_panel_and_is_marked_on_the_map(bench: Bench) -> None:
    turn(bench, g1="down", g2="affected", l1="up")
    bench.window.tree.chosen.emit(("site", HILL))
    panel = bench.window.places.panel
    assert panel.isVisible()
    assert (panel.name.text(), panel.crumb.text()) == ("Grünten", "Site, Oberallgäu")
    assert panel.sentence.text() == "1 of 2 devices down; 1 affected"
    assert "Grünten R1: down for" in panel.reason.text()
    assert names(bench, "devices") == ["Grünten R1", "Grünten AP"]
    assert bench.map.selected == HILL
    node = bench.window.tree.rows.node(bench.window.tree.tree.currentIndex())
    assert node is not None
    assert node.key == ("site", HILL)
    turn(bench, g1="up", g2="up")
    assert panel.sentence.text() == "All 2 devices are up"
    assert panel.reason.text() == ""


def test_a_region_has_its_panel_with_its_sites_and_is_left_by_escape(bench: Bench) -> None:
    window = bench.window
    window.tree.chosen.emit(("region", "Oberallgäu"))
    panel = window.places.panel
    assert panel.isVisible()
    assert (panel.name.text(), panel.crumb.text()) == ("Oberallgäu", "Region")
    assert names(bench, "sites") == ["Grünten"]
    assert not panel.edit.isVisible()
    panel.show_it.click()
    assert bench.map.boxes == [(10.3, 47.55, 10.3, 47.55)]
    window.actions_by_name["escape"].trigger()
    assert not panel.isVisible()
    window.select_region("Oberallgäu")
    window.select(id_of("l1"))
    assert window.device.isVisible()
    assert window.region is None


def test_a_region_that_nothing_is_in_any_more_is_selected_no_more(bench: Bench) -> None:
    bench.window.select_region("Bodensee")
    bench.commands.put("site", replace(site(bench, LINDAU), region="Oberallgäu"))
    bench.settle()
    assert bench.window.region is None
    assert not bench.window.places.panel.isVisible()


def test_a_pop_tells_of_the_sites_under_it_and_whose_place_a_device_has(bench: Bench) -> None:
    add(bench, Site(id_of("Roof"), "Roof", pop=HILL))
    bench.commands.move_device(id_of("g2"), 10.4, 47.6)
    bench.settle()
    bench.window.select(HILL)
    panel = bench.window.places.panel
    assert panel.crumb.text() == "POP of 1 site, Oberallgäu"
    assert names(bench, "sites") == ["Roof"]
    add(bench, Site(id_of("Abroad"), "Abroad", "Tirol", pop=HILL))
    bench.settle()
    assert panel.crumb.text() == "POP of 1 site, Oberallgäu, and 1 elsewhere"
    rows = panel.lists["devices"].table.rows.rows
    assert {row.name: row.stands for row in rows} == {"Grünten R1": "site’s", "Grünten AP": "its own"}
    assert "Bring 1 device back to its place" in menu_of(bench, HILL)
    assert "Align to Grünten" in menu_of(bench, id_of("g2"))
    assert "Align to Grünten" not in menu_of(bench, id_of("g1"))
    bench.window.places.stand_at_site([id_of("g2")])
    bench.settle()
    assert device(bench, "g2").lng is None


def test_what_if_of_a_pop_takes_the_sites_under_it(bench: Bench) -> None:
    add(bench, Site(id_of("Roof"), "Roof", pop=HILL))
    assert "What if all 2 sites here fail?" in menu_of(bench, HILL)
    bench.window.imagine_all([HILL, id_of("Roof")])
    assert set(bench.window.topology.imagining.failing) == {HILL, id_of("Roof")}


# Changed


def test_a_site_is_added_with_a_pop_whose_region_it_has_and_taken_back(bench: Bench) -> None:
    bench.map.site_requested.emit(10.123, 47.5)
    made = form(bench)
    made.name.setText("Roof")
    made.pop.setCurrentText("grünten")
    edit = made.region.lineEdit()
    assert edit is not None
    assert edit.placeholderText() == "That of its POP: Oberallgäu"
    made.elevation.setText("1738,5")
    made.submit()
    bench.settle()
    [roof] = [row for row in bench.model.inventory.sites() if row.name == "Roof"]
    assert (roof.pop, roof.region, roof.lng, roof.lat, roof.elevation_m) == (
        HILL,
        "",
        10.123,
        47.5,
        1738.5,
    )
    assert bench.window.places.hierarchy.above(("site", roof.id)) == ("site", HILL)
    bench.commands.undo()
    bench.settle()
    assert bench.model.inventory.site(roof.id) is None


def test_the_form_says_what_it_cannot_read_and_what_the_engine_refuses(bench: Bench) -> None:
    bench.window.edit(HILL)
    made = form(bench)
    made.place.line.setText("somewhere")
    made.pop.setCurrentText("Nowhere")
    made.elevation.setText("high")
    made.submit()
    refused = {
        name: field.refusal.text() for name, field in made.fields.by_name.items() if field.refusal.text()
    }
    assert set(refused) == {"place", "pop", "elevation_m"}
    assert "Longitude and latitude, such as" in refused["place"]
    made.place.line.setText("200, 47")
    made.pop.setCurrentText("")
    made.elevation.setText("")
    made.submit()
    bench.wait_for(made.submit_button.isEnabled)
    assert made.fields.by_name["place"].refusal.text() == "Longitude -180 to 180 expected, got 200"
    made.place.line.setText("10.5; 47.5")
    made.submit()
    bench.settle()
    assert (site(bench, HILL).lng, site(bench, HILL).lat) == (10.5, 47.5)


def test_a_place_is_clicked_on_the_map_while_the_form_steps_aside(bench: Bench) -> None:
    bench.window.places.add_site()
    made, frame = form(bench), bench.window.frame
    made.name.setText("Roof")
    QTest.mouseClick(made.place.pick, Qt.MouseButton.LeftButton)
    assert not made.isVisible()
    bench.window.actions_by_name["escape"].trigger()
    assert made.isVisible()
    assert made.place.line.text() == ""
    made.place.pick.click()
    QTest.mouseClick(frame._cover, Qt.MouseButton.LeftButton, pos=frame.rect().center())
    assert made.isVisible()
    lng, lat = map(float, made.place.line.text().split(","))
    assert (lng, lat) == pytest.approx((10.0, 47.0), abs=0.01)


def test_the_form_of_a_device_has_its_place_clicked_on_the_map_too(bench: Bench) -> None:
    bench.window.edit(id_of("g1"))
    made = bench.window.findChild(DeviceForm)
    assert made is not None
    made.place.pick.click()
    assert bench.window.frame.placing and not made.isVisible()
    QTest.mouseClick(bench.window.frame._cover, Qt.MouseButton.LeftButton)
    bench.wait_for(made.isVisible)
    made.submit()
    bench.settle()
    there = device(bench, "g1")
    assert there.lng is not None and made.place.line.text() == f"{there.lng:.6f}, {there.lat:.6f}"


def test_moving_a_site_moves_whoever_has_its_place_and_nobody_else(bench: Bench) -> None:
    bench.commands.move_device(id_of("g2"), 10.4, 47.6)
    bench.settle()
    before = len(bench.engine.edits)
    bench.map.site_dropped.emit(HILL, 10.35, 47.58)
    bench.settle()
    inventory = bench.model.inventory
    assert inventory.place_of(device(bench, "g1")) == (10.35, 47.58)
    assert inventory.place_of(device(bench, "g2")) == (10.4, 47.6)
    assert len(bench.engine.edits) == before + 1
    bench.commands.undo()
    bench.settle()
    assert inventory.place_of(device(bench, "g1")) == (10.3, 47.55)


def test_a_site_is_deleted_after_one_question_and_leaves_everything_where_it_was(bench: Bench) -> None:
    add(bench, Site(id_of("Roof"), "Roof", pop=HILL))
    bench.window.select(HILL)
    bench.window.actions_by_name["delete"].trigger()
    [question] = [w for w in bench.window.findChildren(Confirm) if w.isVisible()]
    assert question.question.text() == "Delete Grünten?"
    assert question.details.text() == (
        "Its 2 devices stay where they are. 1 site under it will stand in their region. You can undo this."
    )
    question.verb.click()
    bench.settle()
    inventory = bench.model.inventory
    assert inventory.site(HILL) is None
    assert inventory.place_of(device(bench, "g1")) == (10.3, 47.55)
    assert device(bench, "g1").site is None
    roof = site(bench, id_of("Roof"))
    assert (roof.pop, roof.region) == (None, "Oberallgäu")
    assert bench.window.selected is None
    bench.commands.undo()
    bench.settle()
    assert device(bench, "g1").site == HILL
    assert device(bench, "g1").lng is None


# Dropped


def homeless(bench: Bench, *names: str) -> list[UUID]:
    add(bench, *(Device(id_of(name), name, f"10.9.0.{n + 1}") for n, name in enumerate(names)))
    bench.window.tree.tray.toggle()
    return [id_of(name) for name in names]


def drop(bench: Bench, ids: list[UUID], right_px: float, down_px: float = 0.0) -> None:
    """Drop at pixels from the map's centre, which is 10 east, 47 north at zoom 8."""
    data = QMimeData()
    data.setData(DEVICE_MIME, "\n".join(map(str, ids)).encode())
    at = QPointF(bench.map.width() / 2 + right_px, bench.map.height() / 2 + down_px)
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    bench.window.frame.dropEvent(QDropEvent(at, Qt.DropAction.CopyAction, data, left, none))
    bench.settle()


def test_several_devices_are_dropped_in_one_edit_and_stand_there(bench: Bench) -> None:
    ids = homeless(bench, "A", "B", "C")
    before = len(bench.engine.edits)
    drop(bench, ids, 512)
    assert len(bench.engine.edits) == before + 1
    assert bench.engine.edits[-1].title == "Place 3 devices"
    places = {bench.model.inventory.place_of(device(bench, name)) for name in "ABC"}
    [place] = places
    assert place == pytest.approx((11.40625, 47.0))
    assert bench.window.tree.tray.rows.devices == []
    bench.commands.undo()
    bench.settle()
    assert len(bench.window.tree.tray.rows.devices) == 3


def test_what_is_dropped_on_a_site_is_its_device_and_stands_where_it_does(bench: Bench) -> None:
    [id] = homeless(bench, "A")
    add(bench, Site(id_of("Near"), "Near", lng=10.02, lat=47.0))
    drop(bench, [id], 0)
    placed = device(bench, "A")
    assert (placed.site, placed.lng) == (id_of("Near"), None)
    assert bench.engine.edits[-1].title == "Place A at Near"


def test_while_it_is_held_over_the_map_it_is_said_where_it_would_stand(bench: Bench) -> None:
    [id] = homeless(bench, "A")
    add(bench, Site(id_of("Near"), "Near", lng=10.02, lat=47.0))
    data = QMimeData()
    data.setData(DEVICE_MIME, str(id).encode())
    frame = bench.window.frame
    frame._look(frame._keep_camera)
    centre = QPointF(bench.map.width() / 2, bench.map.height() / 2)
    for right_px, said in ((0, "Drop at Near"), (300, "Drop where it stands")):
        at = (centre + QPointF(right_px, 0)).toPoint()
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        frame.dragMoveEvent(QDragMoveEvent(at, Qt.DropAction.CopyAction, data, left, none))
        assert frame._hint_text.text() == said
        assert frame._hint.isVisible()
    frame._end_drag()
    assert not frame._hint.isVisible()


def test_what_is_not_of_the_tray_is_not_dropped(bench: Bench) -> None:
    before = len(bench.engine.edits)
    data = QMimeData()
    data.setData(DEVICE_MIME, b"not an id")
    drop_at = QPointF(10, 10)
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    bench.window.frame.dropEvent(QDropEvent(drop_at, Qt.DropAction.CopyAction, data, left, none))
    assert len(bench.engine.edits) == before


def test_the_tray_gives_all_that_is_selected(bench: Bench) -> None:
    homeless(bench, "A", "B", "C")
    tray = bench.window.tree.tray
    tray.list.setCurrentIndex(tray.rows.index(0))
    QTest.keyClick(tray.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert tray.selected() == (id_of("A"), id_of("B"))
    data = tray.rows.mimeData(tray.list.selectionModel().selectedIndexes())
    assert bytes(data.data(DEVICE_MIME).data()).decode().split() == [str(id_of("A")), str(id_of("B"))]
    QTest.keyClick(tray.list, Qt.Key.Key_Return)
    assert bench.window.frame.placing
    assert bench.window.frame._hint_text.text() == "Click where 2 devices stand"
    bench.window.places.put_at_site(tray.selected(), site(bench, LINDAU))
    bench.settle()
    assert device(bench, "A").site == LINDAU
    assert bench.engine.edits[-1].title == "Place 2 devices at Lindau"


def test_the_nearest_site_within_reach_is_found_across_the_antimeridian_too(qt: QApplication) -> None:
    inventory = Inventory()
    for name, lng in (("East", 179.999), ("Far", 170.0)):
        made = Site(id_of(name), name, lng=lng, lat=-17.0)
        inventory.tables["site"][made.id] = made
    found = site_near(inventory, LngLat(-179.999, -17.0), 10.0)
    assert found is not None
    assert found.name == "East"
    assert site_near(inventory, LngLat(-179.0, -17.0), 10.0) is None
