"""Single points of failure: the dearest first, searched, imagined, exported; an empty list says what that means."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from app.topology.points_page import WHAT_IF, PointsPage
from app.topology.table_file import as_csv
from domain.asking import QuerySinglePoints, WhatIf
from domain.errors import Refusal
from domain.topology import Impact, SinglePoint
from domain.wire import Removed, Reply
from tests.ui.conftest import Bench
from tests.ui.topology_bench import G1, G2, L1, LINK, answer, heard, points, tell, told

FOUND = (
    SinglePoint("device", L1, 3, 2, 42),
    SinglePoint("link", LINK, 2, 1, 42),
    SinglePoint("device", G1, 2, 0, 12),
)


def opened(bench: Bench, *found: SinglePoint, more: bool = False) -> PointsPage:
    bench.engine.answers[QuerySinglePoints] = points(*found, more=more)
    bench.window.actions_by_name["single_points"].trigger()
    page = bench.window.topology.board.points
    bench.wait_for(lambda: page._points is not None)
    return page


def asked(bench: Bench) -> int:
    return sum(isinstance(message, QuerySinglePoints) for message in bench.engine.heard)


def test_they_are_listed_with_what_each_takes_down(bench: Bench) -> None:
    page = opened(bench, *FOUND)
    rows = page.listing.table.rows
    assert [[rows.text(row, column) for column in range(4)] for row in range(3)] == [
        ["Lindau R1", "2", "3", "42"],
        ["Grünten R1 – Lindau R1", "1", "2", "42"],
        ["Grünten R1", "0", "2", "12"],
    ]
    assert [row.kind for row in rows.rows] == ["pop", "fibre link", "relay"]
    assert "counted at" in page.when.text()
    assert bench.window.topology.board.tabs.titles["points"] == "Single points of failure 3"
    opened(bench, *FOUND, more=True)


def test_a_row_is_shown_on_the_map_and_its_what_if_is_imagined(bench: Bench) -> None:
    page = opened(bench, *FOUND)
    bench.engine.answers[WhatIf] = answer(Impact((G1, G2), (), 42))
    table = page.listing.table
    cell = table.visualRect(table.rows.index(1, WHAT_IF)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert bench.map.flown == [LINK]
    bench.wait_for(lambda: bench.map.what_if and bench.map.what_if["lost"])
    assert bench.map.what_if is not None
    assert bench.map.what_if["failed"] == [LINK]
    assert bench.window.topology.panel.isVisible()
    cell = table.visualRect(table.rows.index(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert bench.map.flown == [LINK, L1]
    assert bench.window.topology.panel.isVisible(), "what is shown on the map does not cover the what-if"
    assert set(bench.window.topology.imagining.failing) == {LINK}


def test_it_is_counted_again_when_the_network_is_another_and_somebody_looks(bench: Bench) -> None:
    page = opened(bench, *FOUND)
    assert asked(bench) == 1
    tell(bench, derived_links=(told((G1, "ether2", G2, "ether1"), [heard("lldp", G1, "ether2")]),))
    assert page._again.isActive()
    page._again.stop()  # it is over now, and not once more later
    page._again.timeout.emit()
    bench.wait_for(lambda: asked(bench) == 2)
    bench.wait_for(lambda: not page._is_out)
    bench.window.topology.close_board()
    tell(bench, removed=(Removed("device", G2),))
    assert asked(bench) == 2, "nobody looks"
    bench.window.actions_by_name["single_points"].trigger()
    bench.wait_for(lambda: asked(bench) == 3)


def test_a_point_that_is_told_but_not_drawn_says_so_and_a_deleted_one_is_left_out(bench: Bench) -> None:
    one = told((G1, "ether2", G2, "ether1"), [heard("lldp", G1, "ether2")])
    tell(bench, derived_links=(one,))
    gone = SinglePoint("device", told((G1, "x", L1, "y"), [heard("lldp", G1, "x")]).id, 9, 9, 9)
    page = opened(bench, SinglePoint("link", one.id, 1, 0, 30), gone)
    (row,) = page.listing.table.rows.rows
    assert row.kind == "copper link, not drawn"
    page.listing.opened.emit(row)
    assert bench.map.flown == [one.a]


def test_an_empty_list_is_good_news_only_where_there_is_a_network(bench: Bench) -> None:
    page = opened(bench)
    assert page.listing.nothing.text() == "Every device has two ways to the network."
    assert not page.export.isVisible()
    tell(bench, removed=(Removed("link", LINK),))
    assert page.listing.nothing.text().startswith("There are no links yet.")
    bench.engine.answers[QuerySinglePoints] = Reply(0, (Refusal("X", "the engine has no graph"),))
    page._again.timeout.emit()
    bench.wait_for(lambda: page.listing.nothing.text() == "the engine has no graph")


def test_what_is_shown_is_exported_and_a_name_is_no_formula(bench: Bench, tmp_path: Path) -> None:
    device = bench.model.inventory.device(G1)
    assert device is not None
    tell(bench, devices=(msgspec.structs.replace(device, name="=HYPERLINK(1)"),))
    page = opened(bench, *FOUND)
    page.listing.field.setText("relay")
    rows = list(csv.reader(io.StringIO(page.csv())))
    assert rows[0] == ["If this fails", "Kind", "Sites", "Devices", "Subscribers"]
    assert rows[1:] == [["'=HYPERLINK(1)", "relay", "0", "2", "12"]]
    page.save_to(tmp_path / "points.csv", page.csv())
    assert (tmp_path / "points.csv").read_bytes().startswith(b"\xef\xbb\xbfIf this fails")
    page.save_to(tmp_path / "no" / "points.csv", "")
    (toast,) = bench.window.toasts.shown
    assert "points.csv could not be written" in " ".join(label.text() for label in toast.findChildren(QLabel))
    assert as_csv(["a"], [["-1"], [-1]]).splitlines() == ["a", "'-1", "-1"]


def test_export_asks_where_and_writes_there(bench: Bench, tmp_path: Path) -> None:
    page = opened(bench, *FOUND)
    page.export.click()
    assert page.dialog is not None
    page.dialog.fileSelected.emit(str(tmp_path / "there.csv"))
    assert "Lindau R1" in (tmp_path / "there.csv").read_text("utf-8-sig")
    page.dialog.reject()
