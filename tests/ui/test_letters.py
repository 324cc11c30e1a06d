"""Letters: a table in which they search or act keeps them, elsewhere they are the window's shortcuts."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget

from app.actions import TABLE, make_actions
from app.look import Look
from app.panels.alert_table import ACT_KEYS
from app.panels.rows_model import Column
from app.panels.rows_table import RowsTable
from app.topology.listing import Listing
from domain.alerts import Alert, fingerprint
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

LETTERS = sorted({key for row in TABLE for key in row.keys if len(key) == 1})
G1 = id_of("g1")


class Row:
    """A row of one word."""

    def __init__(self, key: str) -> None:
        self.key = key


COLUMNS = (Column("Name", lambda row: row.key),)


@pytest.fixture
def done(qt: QApplication) -> list[str]:
    """What the window's shortcuts have done."""
    return []


def in_window(widget: QWidget, done: list[str]) -> QMainWindow:
    window = QMainWindow()
    make_actions(window, {row.name: lambda name=row.name: done.append(name) for row in TABLE})  # type: ignore[misc]
    inner = QWidget()
    QVBoxLayout(inner).addWidget(widget)
    window.setCentralWidget(inner)
    window.show()
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window, 60_000)
    return window


def test_a_letter_in_a_list_that_is_searched_is_no_shortcut_and_begins_the_search(done: list[str]) -> None:
    listing = Listing(COLUMNS, Look("dark"), "Things")
    window = in_window(listing, done)
    listing.show_rows([Row("Edelweiss"), Row("Tegelberg")], "")
    assert "E" in LETTERS and "T" in LETTERS
    for letter in LETTERS:
        listing.field.clear()
        listing.table.setFocus()
        QTest.keyClick(listing.table, letter)
        assert listing.field.text() == letter
        assert listing.field.isVisible() and listing.field.hasFocus()
    assert done == []
    window.close()


def test_a_table_in_which_letters_do_nothing_leaves_them_to_the_window(done: list[str]) -> None:
    table = RowsTable(COLUMNS, Look("dark"), "Things")
    window = in_window(table, done)
    table.show_rows([Row("Edelweiss")])
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_T)
    assert done == ["past"]
    window.close()


def test_the_alerts_keep_the_letters_that_act_there_and_no_others(bench: Bench) -> None:
    alert = Alert(fingerprint("device_down", G1), "device_down", G1, "critical", 1, title="Down")
    bench.engine.tell(lambda batch: Changed(batch, alerts=(alert,)))
    bench.wait_for(lambda: bool(bench.window.alerts.rows.rows))
    table, told = bench.window.alerts.table, []
    bench.window.activateWindow()
    table.details_wanted.disconnect()
    table.acts_wanted.disconnect()
    table.details_wanted.connect(lambda id: told.append("details"))
    table.acts_wanted.connect(lambda ids, act: told.append(act))
    table.selectRow(0)
    table.setFocus()
    for key in (Qt.Key.Key_D, *(key for key in ACT_KEYS if key != Qt.Key.Key_A)):
        QTest.keyClick(table, key)
    assert told == ["details", *(act for key, act in ACT_KEYS.items() if key != Qt.Key.Key_A)]
    assert bench.map.tools.tool == ""
    QTest.keyClick(table, Qt.Key.Key_S)
    assert bench.window.schematic.is_on


def test_in_the_tree_letters_are_the_windows_and_never_half_a_name(bench: Bench) -> None:
    tree = bench.window.tree.tree
    bench.window.activateWindow()
    bench.window.select(G1)
    tree.setFocus()
    QTest.keyClicks(tree, "ag")
    assert bench.window.selected == G1
    QTest.keyClick(tree, Qt.Key.Key_W)
    assert bench.window.topology.in_front
