"""Tables and tabs of a device: sorted, searched, copied, calm while numbers come in."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from domain.device_facts import (
    Neighbour,
    Netwatch,
    Optic,
    Package,
    PoePort,
    RoutingSession,
    WirelessClient,
)
from domain.inventory import Interface
from tests.ui.shown_device import Shown, clients


@pytest.fixture
def shown(qt: QApplication) -> Shown:
    return Shown(qt)


def test_tabs_that_do_not_fit_are_in_a_menu_and_keys_go_through_all(shown: Shown) -> None:
    things = {
        "package/a": Package("a"),
        "netwatch/h": Netwatch("h", True),
        "routing/bgp/p": RoutingSession("bgp", "p", "x", False),
    }
    shown.say({**things, "neighbour/e/m": Neighbour("e", "m"), "interface/e": Interface("e"), **clients(1)})
    tabs = shown.panel.tabs
    tabs.resize(240, 32)
    hidden = tabs.hidden_keys()
    assert hidden
    assert [action.text() for action in tabs.menu().actions()] == [tabs.titles[key] for key in hidden]
    next(a for a in tabs.menu().actions() if a.text() == "Routing").trigger()
    assert shown.panel.body.current == "routing"
    assert tabs.more.text().startswith("Routing")
    assert tabs.more.isChecked()
    tabs.step(1)
    assert shown.panel.body.current == list(tabs.titles)[list(tabs.titles).index("routing") + 1]
    tabs.resize(2000, 32)
    assert tabs.hidden_keys() == []
    assert tabs.more.isHidden()


def test_a_heading_sorts_up_down_and_back_and_what_is_not_known_stays_last(shown: Shown) -> None:
    shown.say(
        {f"optic/e{n}": Optic(f"e{n}") for n in (1, 2, 10)},
        ("optical_rx_dbm", "e1", -9),
        ("optical_rx_dbm", "e2", -3),
    )
    section = shown.section("hardware", "Optics")
    names = lambda: [row.optic.interface for row in section.table.rows.rows]  # noqa: E731
    assert names() == ["e1", "e2", "e10"]
    for wanted in (["e1", "e2", "e10"], ["e2", "e1", "e10"], ["e1", "e2", "e10"]):
        section.table._on_head(1)
        assert names() == wanted
    section.table._on_head(0)
    section.table._on_head(0)
    assert names() == ["e10", "e2", "e1"]


def test_live_numbers_do_not_make_rows_jump_while_somebody_reads(shown: Shown) -> None:
    things = {f"poe/e{n}": PoePort(f"e{n}", "powered-on") for n in (1, 2, 3)}
    shown.say(things, ("poe_out_w", "e1", 3), ("poe_out_w", "e2", 2), ("poe_out_w", "e3", 1))
    section = shown.section("hardware", "Power over Ethernet")
    section.table.sort_by("W")
    section.table.selectRow(0)
    shown.say({}, ("poe_out_w", "e3", 9.5))
    assert shown.table("hardware", "Power over Ethernet", ("Port", "W")) == [
        ["e3", "9.5"],
        ["e2", "2.0"],
        ["e1", "3.0"],
    ]
    assert section.table.current_row().key == "poe/e3"
    shown.say({"poe/e4": PoePort("e4", "overload")})
    assert [row[0] for row in shown.table("hardware", "Power over Ethernet", ("Port",))] == [
        "e2",
        "e1",
        "e3",
        "e4",
    ]
    assert section.table.current_row().key == "poe/e3"


def test_hundreds_of_clients_are_searched_by_typing_and_escape_empties_the_search(shown: Shown) -> None:
    shown.say(clients(300))
    section = shown.section("wireless", "Clients")
    assert section.count.text() == "300"
    section.table.setFocus()
    for letter in "cust-29":
        QTest.keyClick(section.table if not section.field.text() else section.field, letter)
    assert section.field.text() == "cust-29"
    assert section.count.text() == "11 of 300"
    shown.say({"wireless_client/wlan1/x": WirelessClient("wlan1", "FF", "cust-29x")})
    assert section.count.text() == "12 of 301"
    QTest.keyClick(section.field, Qt.Key.Key_Escape)
    assert section.count.text() == "301"


def test_cell_row_and_table_are_copied(shown: Shown) -> None:
    shown.say({"package/b": Package("b\tx", "2"), "package/a": Package("a", "1")})
    table = shown.section("software", "Packages").table
    table.setCurrentIndex(table.rows.index(1, 1))
    said = QGuiApplication.clipboard()
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert said.text() == "b x\t2"
    QTest.keyClick(
        table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert said.text() == "2"
    menu = table.menu_of(table.currentIndex())
    assert [action.text() for action in menu.actions()] == ["Copy 2", "Copy row", "Copy table"]
    menu.actions()[2].trigger()
    assert said.text() == "Name\tVersion\na\t1\nb x\t2"


def test_all_of_a_chosen_row_stands_below_where_columns_gave_way(shown: Shown) -> None:
    optic = Optic("sfp1", "FS", "SFP-10G", "G123", 1310.0)
    shown.say({"optic/sfp1": optic}, ("optical_rx_dbm", "sfp1", -6.24), ("optical_bias_ma", "sfp1", 31))
    section = shown.section("hardware", "Optics")
    assert section.table.hides_columns()
    section.table.selectRow(0)
    lines = {label.text(): said.text() for label, said in section.details._rows if not said.isHidden()}
    assert lines == {
        "Port": "sfp1",
        "In, dBm": "−6.2",
        "Laser, mA": "31.0",
        "Part": "SFP-10G",
        "Vendor": "FS",
        "Serial": "G123",
        "Wavelength": "1310 nm",
    }


def test_interfaces_are_searched_and_only_what_changed_is_painted_again(shown: Shown) -> None:
    ports = {f"interface/e{n}": Interface(f"e{n}", n, f"customer {n}", oper_up=True) for n in range(30)}
    shown.say(ports, *(("if_in_bps", f"e{n}", 1e6) for n in range(30)))
    shown.panel.show_tab("interfaces")
    listed = shown.panel.body.port_list
    listed.field.setText("customer 2")
    assert listed.count.text() == "12 of 30"
    listed.field.clear()
    touched: list[tuple[int, int]] = []
    listed.table.rows.dataChanged.connect(lambda first, last, _: touched.append((first.row(), last.row())))
    shown.say({}, ("if_in_bps", "e7", 9e6))
    assert touched == [(7, 7)]
    shown.panel.tick()
    assert len(touched) == 1


def test_a_column_of_which_no_row_says_anything_takes_no_room(shown: Shown) -> None:
    shown.say({"wireless_client/w/1": WirelessClient("w", "AA", signal_dbm=-60.0, uptime_s=60.0)})
    table = shown.section("wireless", "Clients").table
    titles = [column.title for column in table.rows.columns]
    assert table.isColumnHidden(titles.index("SNR, dB"))
    assert not table.isColumnHidden(titles.index("Up"))
    shown.say({"wireless_client/w/2": WirelessClient("w", "BB", signal_to_noise_db=30.0)})
    assert not table.isColumnHidden(titles.index("SNR, dB"))
