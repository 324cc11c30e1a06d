"""Importing a file: what it would change, what is ticked of it, one edit, refusals at their rows, the undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.draft import new_id
from app.exchange import files
from app.exchange.choice import Choice
from app.exchange.import_dialog import ImportDialog
from domain.edit import change, creation
from domain.errors import Refusal
from domain.exchanging import ImportPlan, ImportRow, PlanImport
from domain.inventory import Device, Probe, Site
from domain.wire import Reply, ToEngine
from engine.imports.exchange import plan_import
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of, small_network

LONG = "محطة الاتصالات اللاسلكية الرئيسية على قمة الجبل الشمالي العالي"
HILL = Site(id_of("Hill"), "Hill", "", 10.1, 47.1)
NEW = Device(id_of("new"), LONG, "10.9.0.1", (Probe("icmp"),), site=HILL.id)
BESIDE = Device(id_of("beside"), "Beside", "10.9.0.2", (Probe("icmp"),), lng=10.4, lat=47.4)


def a_plan() -> ImportPlan:
    """Return a site, a device there, one elsewhere, a change, two that are the same, one that is left out."""
    old = small_network().device(id_of("g1"))
    assert old is not None
    changed = change("device", old, msgspec.structs.replace(old, subscribers=99))
    assert changed is not None
    rows = (
        ImportRow("add", "site", "Hill", "row 2", "named by R9", (0,)),
        ImportRow("add", "device", LONG, "row 2", "", (1,), (0,)),
        ImportRow("add", "device", "Beside", "row 3", "", (2,)),
        ImportRow("change", "device", "Grünten R1", "row 4", "subscribers 12 → 99", (3,)),
        ImportRow("same", "device", "Grünten AP", "row 5"),
        ImportRow("same", "device", "Lindau R1", "row 6"),
        ImportRow("skip", "thing", "", "row 7", "it has neither a name nor an address"),
    )
    steps = (creation("site", HILL), creation("device", NEW), creation("device", BESIDE), changed)
    return ImportPlan("csv", rows, steps)


def answer(bench: Bench, plan: ImportPlan) -> None:
    bench.engine.answers[PlanImport] = Reply(0, result={"plan": msgspec.to_builtins(plan)})


def asked(bench: Bench) -> list[PlanImport]:
    return [message for message in bench.engine.heard if isinstance(message, PlanImport)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "towers.csv"
    path.write_text("name,address\n")
    return path


def opened(bench: Bench, path: Path) -> ImportDialog:
    dialog = bench.window.exchange.import_file(path)
    bench.wait_for(lambda: dialog.choice is not None)
    return dialog


def titles(dialog: ImportDialog) -> list[str]:
    return [made.text() for made in dialog.filters.buttons.values() if not made.isHidden()]


def test_a_row_brings_what_it_needs_and_goes_with_it() -> None:
    choice = Choice(a_plan())
    assert choice.counts() == (3, 1) and choice.verb() == "Add 3, change 1"
    assert choice.title("towers.csv") == "Import towers.csv: 3 added, 1 changed"
    choice.leave([0])
    assert [choice.takes(number) for number in range(7)] == [False, False, True, True, False, False, False]
    choice.take([1])
    assert choice.takes(0) and [step.id for step in choice.steps()][:2] == [HILL.id, NEW.id]
    choice.take(range(7))
    choice.leave(range(7))
    assert choice.verb() == "" and choice.steps() == ()
    assert Choice(a_plan(), choice.left()).counts() == (0, 0)


def test_the_area_is_where_things_are_added_else_changed() -> None:
    choice = Choice(a_plan())
    assert choice.area(small_network()) == (10.1, 47.1, 10.4, 47.4)
    choice.leave([0, 2])
    assert choice.area(small_network()) == (10.3, 47.55, 10.3, 47.55)
    choice.leave([3])
    assert choice.area(small_network()) is None


def test_an_import_shows_its_rows_and_becomes_one_edit_with_one_undo(bench: Bench, table: Path) -> None:
    answer(bench, a_plan())
    dialog = opened(bench, table)
    assert titles(dialog) == ["All 7", "Add 3", "Change 1", "Same 2", "Left out 1"]
    assert dialog.submit_button.text() == "Add 3, change 1"
    assert dialog.table.numbers_shown() == list(range(7))
    assert not bench.engine.edits
    said: list[Any] = []
    bench.commands.said.connect(said.append)
    dialog.submit()
    bench.settle()
    [edit] = bench.engine.edits
    assert edit.title == "Import towers.csv: 3 added, 1 changed" and len(edit.steps) == 4
    bench.wait_for(lambda: bench.map.boxes == [(10.1, 47.1, 10.4, 47.4)])
    assert said[0].text == "towers.csv imported: 3 added, 1 changed" and said[0].edit == edit
    bench.commands.undo()
    bench.settle()
    assert bench.model.inventory == small_network()


def test_space_and_clicks_tick_and_the_button_counts(bench: Bench, table: Path) -> None:
    answer(bench, a_plan())
    dialog = opened(bench, table)
    grid = dialog.table
    grid.setCurrentIndex(grid.rows.index(0, 1))
    QTest.keyClick(grid, Qt.Key.Key_Space)
    assert dialog.submit_button.text() == "Add 1, change 1"
    QTest.keyClick(grid, Qt.Key.Key_Space)
    assert dialog.submit_button.text() == "Add 2, change 1"
    at = grid.visualRect(grid.rows.index(3, 0)).center()
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert dialog.submit_button.text() == "Add 2"
    assert grid.rows.data(grid.rows.index(3, 0), Qt.ItemDataRole.AccessibleTextRole) == "not ticked"
    QTest.mouseClick(dialog.tick_none, Qt.MouseButton.LeftButton)
    assert not dialog.submit_button.isEnabled()
    QTest.mouseClick(dialog.filters.buttons["change"], Qt.MouseButton.LeftButton)
    assert grid.numbers_shown() == [3]
    QTest.mouseClick(dialog.tick_all, Qt.MouseButton.LeftButton)
    assert dialog.submit_button.text() == "Change 1"


def test_a_search_that_finds_nothing_says_so(bench: Bench, table: Path) -> None:
    answer(bench, a_plan())
    dialog = opened(bench, table)
    dialog.search.setText("beside")
    assert dialog.table.numbers_shown() == [2]
    dialog.search.setText("nowhere")
    assert dialog.note.isVisible() and dialog.note.text() == "No row holds “nowhere”."
    dialog.search.clear()
    assert dialog.table.isVisible()


def test_other_options_ask_again_and_what_was_left_stays_left(bench: Bench, table: Path) -> None:
    answer(bench, a_plan())
    dialog = opened(bench, table)
    assert asked(bench)[0].probes == (Probe("icmp"),) and asked(bench)[0].data == b"name,address\n"
    assert dialog.choice is not None
    dialog.choice.leave([2])
    dialog.options.logins["snmp"].setCurrentIndex(1)
    dialog.options.site.setCurrentIndex(1)
    bench.wait_for(lambda: dialog.choice is not None)
    last = asked(bench)[-1]
    assert last.probes == (Probe("icmp"), Probe("snmp", 161, id_of("community")))
    assert last.site == id_of("Grünten")
    assert dialog.choice.counts() == (2, 1)


def test_refusals_stand_at_their_rows(bench: Bench, table: Path) -> None:
    plan = a_plan()
    bad = creation("device", msgspec.structs.replace(BESIDE, address="no address"))
    answer(bench, msgspec.structs.replace(plan, steps=(*plan.steps[:2], bad, plan.steps[3])))
    dialog = opened(bench, table)
    dialog.submit()
    bench.wait_for(lambda: not dialog.rest.isHidden())
    assert dialog.rest.text().startswith("Nothing was imported: 1 row was refused.")
    assert dialog.filters.current == "refused" and dialog.table.numbers_shown() == [2]
    assert "no address" in dialog.table.rows.rows[0].said
    dialog.choice.leave([2])  # type: ignore[union-attr]
    dialog.table.ticked.emit()
    dialog.submit()
    bench.wait_for(lambda: bench.engine.edits)


def test_what_the_engine_cannot_read_is_said_with_what_to_do(bench: Bench, table: Path) -> None:
    bench.engine.answers[PlanImport] = Reply(0, (Refusal("CANNOT_READ", "towers.csv is empty"),))
    dialog = bench.window.exchange.import_file(table)
    bench.wait_for(lambda: "empty" in dialog.note.text())
    assert "Choose another file" in dialog.note.text() and not dialog.submit_button.isEnabled()
    answer(bench, ImportPlan("csv", (), (), ("There is nothing in it.",)))
    dialog.again.click()
    bench.wait_for(lambda: "nothing in it" in dialog.note.text())


def test_a_file_that_changes_nothing_says_so(bench: Bench, table: Path) -> None:
    answer(bench, ImportPlan("csv", a_plan().rows[4:6], ()))
    dialog = opened(bench, table)
    assert dialog.submit_button.text() == "Nothing to change" and not dialog.submit_button.isEnabled()


def test_a_file_too_large_is_refused_before_it_is_read(
    bench: Bench, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILE_CAP_BYTES", 3)
    dialog = bench.window.exchange.import_file(table)
    assert "at most" in dialog.note.text() and not asked(bench)
    gone = bench.window.exchange.import_file(table.with_name("gone.csv"))
    assert gone.note.text().startswith("gone.csv is no file")


def test_an_answer_to_a_dialog_that_was_closed_is_nothing(bench: Bench, table: Path) -> None:
    answer(bench, a_plan())
    dialog = bench.window.exchange.import_file(table)
    dialog.reject()
    bench.wait_for(lambda: not bench.link._pending)
    assert not bench.engine.edits


class Slow:
    """An engine's link that keeps the questions: whoever asks is answered by hand."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[Reply], None]] = []

    def request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        """Keep who waits."""
        self.waiting.append(then)


def test_a_slow_answer_says_that_it_reads_and_a_late_one_is_nothing(bench: Bench, table: Path) -> None:
    slow = Slow()
    dialog = ImportDialog(table, bench.model, slow, bench.look, lambda *_: None, bench.window)
    dialog.open()
    assert dialog.note.text() == "" and not dialog.submit_button.isEnabled()
    bench.wait_for(lambda: dialog.note.text() == "Reading towers.csv…")
    dialog.options.ping.setChecked(False)
    late, newest = slow.waiting
    late(Reply(1, result={"plan": msgspec.to_builtins(a_plan())}))
    assert dialog.choice is None
    newest(Reply(2, result={"plan": msgspec.to_builtins(ImportPlan("csv", a_plan().rows[4:5], ()))}))
    assert dialog.table.numbers_shown() == [0]
    dialog.again.click()
    dialog.reject()
    slow.waiting[-1](Reply(3, result={"plan": msgspec.to_builtins(a_plan())}))
    assert not dialog.isVisible()


def test_the_key_asks_for_a_file_and_another_one_may_follow(bench: Bench, table: Path) -> None:
    answer(bench, a_plan())
    bench.window.actions_by_name["import"].trigger()
    first = bench.window.exchange.chooser
    assert first is not None and first.isVisible()
    first.fileSelected.emit(str(table))
    first.close()
    [dialog] = bench.window.findChildren(ImportDialog)
    bench.wait_for(lambda: dialog.choice is not None)
    dialog.another.click()
    assert bench.window.exchange.chooser is not first


def test_a_file_that_is_dropped_on_the_window_is_shown(bench: Bench, table: Path) -> None:
    answer(bench, a_plan())
    for path, taken in ((table.with_suffix(".exe"), False), (table, True)):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        what = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        enters = QDragEnterEvent(QPoint(5, 5), *what)
        QApplication.sendEvent(bench.window, enters)
        assert enters.isAccepted() is taken
        if taken:
            QApplication.sendEvent(bench.window, QDropEvent(QPoint(5, 5), *what))
        found = [dialog for dialog in bench.window.findChildren(ImportDialog) if dialog.isVisible()]
        assert bool(found) is taken


def test_ten_thousand_rows_are_ticked_without_making_rows_anew(bench: Bench, table: Path) -> None:
    sites = [Site(id_of(f"s{n}"), f"Site {n}", "", 10.0, 47.0) for n in range(10_000)]
    rows = tuple(ImportRow("add", "site", s.name, f"row {n}", "", (n,)) for n, s in enumerate(sites))
    answer(bench, ImportPlan("csv", rows, tuple(creation("site", site) for site in sites)))
    dialog = opened(bench, table)
    made = dialog.table.rows.rows
    dialog.table.selectAll()
    QTest.keyClick(dialog.table, Qt.Key.Key_Space)
    assert dialog.submit_button.text() in ("Import", "Add 10,000")
    dialog.tick_all.click()
    assert dialog.submit_button.text() == "Add 10,000"
    assert dialog.table.rows.rows is made


def test_what_the_real_reader_says_of_a_real_file_goes_in_and_is_the_same_then(
    bench: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "towers.csv"
    path.write_text(
        f"name,address,site,lng,lat\n{LONG},10.9.0.1,Hochgrat,10.07,47.49\nGrünten R1,10.0.0.9,,,\n"
    )

    def plan() -> Reply:
        request = PlanImport(0, path.name, path.read_bytes(), probes=(Probe("icmp"),))
        return Reply(0, result={"plan": plan_import(bench.engine.inventory, request, new_id)})

    bench.engine.answers[PlanImport] = plan()
    dialog = opened(bench, path)
    assert dialog.submit_button.text() == "Add 3"
    assert [row.said for row in dialog.table.rows.rows][1:] == ["10.9.0.1", "10.0.0.9"]
    dialog.submit()
    bench.settle()
    assert bench.map.boxes == [(10.07, 47.49, 10.07, 47.49)]
    bench.engine.answers[PlanImport] = plan()
    assert opened(bench, path).submit_button.text() == "Nothing to change"
