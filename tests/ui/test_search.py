"""Search and fly: what the palette finds of the network, and where it leads."""

from __future__ import annotations

from uuid import uuid4

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.dialogs.palette import Palette
from domain.alerts import Alert
from domain.fact import Fact
from domain.geometry import LngLat
from domain.health import Health
from domain.inventory import Device
from domain.wire import Changed, Removed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of


def opened(bench: Bench) -> Palette:
    bench.window.open_palette()
    return next(p for p in bench.window.findChildren(Palette) if p.isVisible())


def fact(device: str, field: str, value: object) -> Fact:
    return Fact(id_of(device), field, "snmp", VANTAGE, 1, value)


def quiet(palette: Palette) -> dict[str, str]:
    return {entry.title: entry.quiet for entry in palette.entries}


def test_a_serial_and_a_mac_in_any_spelling_lead_to_the_device_and_say_what_matched(bench: Bench) -> None:
    mac = {"name": "ether1", "mac": "4C:5E:0C:11:22:33"}
    bench.model.merge(
        Changed(9, facts=(fact("l1", "serial", "HC8087AB"), fact("l1", "interface/ether1", mac)))
    )
    bench.model.flush()
    palette = opened(bench)
    palette.field.setText("hc8087")
    assert palette.titles == ["Lindau R1"]
    assert quiet(palette)["Lindau R1"] == "Serial HC8087AB"
    for typed in ("4c:5e:0c", "4C-5E-0C-11-22-33", "4c5e.0c11.2233", "4c5e0c112"):
        palette.field.setText(typed)
        assert palette.titles == ["Lindau R1"], typed
    assert quiet(palette)["Lindau R1"] == "MAC 4C:5E:0C:11:22:33"
    palette.field.setText("4c:5e:0d")
    assert palette.titles == []


def test_a_site_that_was_found_is_selected_and_flown_to(bench: Bench) -> None:
    palette = opened(bench)
    palette.field.setText("lindau")
    assert palette.titles[0] == "Lindau"
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert bench.map.flown == [id_of("Lindau")]
    assert bench.window.selected == id_of("Lindau")
    assert bench.window.places.panel.isVisible()


def test_of_a_site_and_its_router_of_one_name_the_site_comes_first_unless_the_router_is_at_fault(
    bench: Bench,
) -> None:
    there = bench.model.inventory.site(id_of("Lindau"))
    assert there is not None
    router = Device(uuid4(), there.name, "10.9.9.9", site=there.id)
    bench.model.merge(Changed(9, devices=(router,), health=(Health(router.id, VANTAGE, "up", 1, 1),)))
    bench.model.flush()

    def first_two() -> list[bool]:
        palette = opened(bench)
        palette.field.setText("lindau")
        found = [entry.icon != "map-pin" for entry in palette.entries[:2]]
        palette.close()
        return found

    assert first_two() == [False, True]
    bench.model.merge(Changed(10, health=(Health(router.id, VANTAGE, "down", 2, 2),)))
    bench.model.flush()
    assert first_two() == [True, False]


def test_typed_coordinates_are_flown_to_in_both_readings(bench: Bench) -> None:
    palette = opened(bench)
    palette.field.setText("47°33'N 10°18'E")
    assert palette.titles == ["47.55000° N, 10.30000° E"]
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert bench.map.flown_to == [LngLat(10.3, 47.55)]
    palette = opened(bench)
    palette.field.setText("47.55 10.31")
    assert palette.titles[:2] == ["47.55000° N, 10.31000° E", "10.31000° N, 47.55000° E"]


def test_an_open_alert_leads_to_what_it_is_about_and_a_cleared_one_is_not_found(bench: Bench) -> None:
    open_one = Alert(uuid4(), "x", id_of("g2"), "warning", 1, title="Disk nearly full")
    closed = Alert(uuid4(), "x", id_of("g1"), "warning", 1, cleared_us=2, title="Disk nearly full")
    bench.model.merge(Changed(9, alerts=(open_one, closed)))
    bench.model.flush()
    palette = opened(bench)
    palette.field.setText("disk nearly")
    assert palette.titles == ["Disk nearly full"]
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert bench.window.selected == id_of("g2")
    assert bench.map.flown == [id_of("g2")]


def test_names_are_found_without_their_umlauts_and_all_words_anywhere(bench: Bench) -> None:
    palette = opened(bench)
    for typed in ("grunten r", "GRUENTEN R", "r1 grünten", "oberallgau 10.0.0.1"):
        palette.field.setText(typed)
        assert "Grünten R1" in palette.titles, typed
        assert "Lindau R1" not in palette.titles, typed


def test_what_is_renamed_added_or_deleted_is_found_as_it_is_now(bench: Bench) -> None:
    opened(bench).field.setText("x")
    old = bench.model.inventory.device(id_of("g1"))
    assert old is not None
    renamed = Device(old.id, "Zugspitze", old.address, site=old.site)
    bench.model.merge(Changed(9, devices=(renamed,), removed=(Removed("device", id_of("g2")),)))
    bench.model.flush()
    palette = opened(bench)
    palette.field.setText("zugspitze")
    assert palette.titles == ["Zugspitze", "Zugspitze – Lindau R1"]
    palette.field.setText("grünten ap")
    assert palette.titles == []


def test_of_equal_matches_the_one_at_fault_is_first(bench: Bench) -> None:
    bench.model.merge(Changed(9, health=(Health(id_of("l1"), VANTAGE, "down", 1, 1),)))
    palette = opened(bench)
    palette.field.setText("10.0.")
    assert palette.titles == ["Lindau R1", "Grünten AP", "Grünten R1"]


def test_the_index_is_made_a_little_at_a_time_and_is_whole_when_somebody_searches(bench: Bench) -> None:
    many = tuple(Device(uuid4(), f"Mast {number:04d}", "10.9.9.9") for number in range(1000))
    bench.model.merge(Changed(9, devices=many))
    bench.model.flush()
    palette = opened(bench)
    palette.field.setText("mast 0999")
    assert palette.titles == ["Mast 0999"]
    bench.model.merge(Changed(10, removed=tuple(Removed("device", d.id) for d in many)))
    bench.model.flush()
    bench.wait_for(lambda: not bench.window._book.waiting)
    palette.field.setText("mast 0998")
    assert palette.titles == []
