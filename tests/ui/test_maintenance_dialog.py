"""Planned work: how it is said, the list, the form with its zone, ending it, beginning it from a menu."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.dialogs.confirm import Confirm
from app.dialogs.maintenance import STATE, MaintenanceBoard
from app.dialogs.maintenance_form import MaintenanceForm
from app.dialogs.tags import TagForm
from app.draft import now_us
from app.planned import HOUR_US, Window, ended, planned, planned_of, when_words, window_words
from domain.maintenance import is_active, under_work
from domain.watching import Maintenance, Scope
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of, small_network

LINDAU = Scope(sites=(id_of("Lindau"),))


@pytest.fixture(autouse=True)
def in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def board(bench: Bench) -> Iterator[MaintenanceBoard]:
    bench.window.actions_by_name["maintenance"].trigger()
    (found,) = bench.window.findChildren(MaintenanceBoard)
    yield found


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000


def work(name: str, starts: str, ends: str, **fields: object) -> Maintenance:
    return Maintenance(id_of(name), name, at(starts), at(ends), zone="Europe/Vienna", **fields)  # type: ignore[arg-type]


def tell(bench: Bench, *works: Maintenance) -> None:
    bench.engine.inventory.tables["maintenance"].update((row.id, row) for row in works)
    bench.model.merge(Changed(9, maintenances=works))
    bench.model.flush()


def kept(bench: Bench) -> list[Maintenance]:
    return list(bench.model.inventory.maintenances())


def form_of(parent: object) -> MaintenanceForm:
    (form,) = [form for form in parent.findChildren(MaintenanceForm) if form.isVisible()]  # type: ignore[attr-defined]
    return form


def running(name: str, **fields: object) -> Maintenance:
    now = now_us()
    return Maintenance(id_of(name), name, now - HOUR_US, now + HOUR_US, zone="Europe/Vienna", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("starts", "ends", "said"),
    [
        ("2026-05-12T22:00+02:00", "2026-05-12T23:30+02:00", "Today 22:00–23:30"),
        ("2026-05-13T02:00+02:00", "2026-05-13T04:00+02:00", "Tomorrow 02:00–04:00"),
        ("2026-05-12T22:00+02:00", "2026-05-13T04:00+02:00", "Today 22:00 – tomorrow 04:00"),
        ("2026-05-15T22:00+02:00", "2026-05-16T04:00+02:00", "Fri 15 May 22:00 – Sat 16 May 04:00"),
        ("2026-06-15T22:00+02:00", "2026-06-15T23:00+02:00", "15 Jun 22:00–23:00"),
        ("2027-01-01T22:00+01:00", "2027-01-01T23:00+01:00", "1 Jan 2027 22:00–23:00"),
    ],
)
def test_a_stretch_of_time_is_said_as_people_say_it(starts: str, ends: str, said: str) -> None:
    assert window_words(Window(at(starts), at(ends)), at("2026-05-12T12:00+02:00")) == said


def test_work_is_said_by_when_it_is_over_or_comes_and_how_often() -> None:
    weekly = work("w", "2026-05-12T02:00+02:00", "2026-05-12T04:00+02:00", repeat="weekly")
    said = lambda now: when_words(planned_of(weekly, at(now)), at(now))  # noqa: E731
    assert said("2026-05-11T12:00+02:00") == "Tomorrow 02:00–04:00, every week"
    assert said("2026-05-12T03:20+02:00") == "Until 04:00, 40 min left, every week"
    assert said("2026-05-12T05:00+02:00") == "19 May 02:00–04:00, every week"


def test_what_runs_is_first_then_what_comes_then_what_was(bench: Bench) -> None:
    now = at("2026-05-12T12:00+02:00")
    rows = [
        work("past", "2026-05-01T02:00+02:00", "2026-05-01T04:00+02:00"),
        work("older", "2026-04-01T02:00+02:00", "2026-04-01T04:00+02:00"),
        work("later", "2026-06-01T02:00+02:00", "2026-06-01T04:00+02:00"),
        work("on", "2026-05-12T11:00+02:00", "2026-05-12T14:00+02:00"),
        work("next", "2026-05-13T02:00+02:00", "2026-05-13T04:00+02:00"),
    ]
    inventory = small_network()
    inventory.tables["maintenance"].update((row.id, row) for row in rows)
    assert [row.work.name for row in planned(inventory, now)] == ["on", "next", "later", "past", "older"]


def test_who_is_under_work_and_when_that_changes() -> None:
    inventory = small_network()
    on = work("on", "2026-05-12T11:00+02:00", "2026-05-12T14:00+02:00", scope=LINDAU)
    later = work("later", "2026-05-12T13:00+02:00", "2026-05-12T15:00+02:00")
    inventory.tables["maintenance"].update((row.id, row) for row in (on, later))
    assert under_work(inventory, at("2026-05-12T12:00+02:00")) == ({id_of("l1")}, later.starts_us)
    everybody = {id_of(name) for name in ("g1", "g2", "l1")}
    assert under_work(inventory, at("2026-05-12T13:00+02:00")) == (everybody, on.ends_us)
    assert under_work(inventory, at("2026-05-12T15:00+02:00")) == (frozenset(), None)


def test_repeated_work_that_is_ended_comes_again_at_its_next_time() -> None:
    now = at("2026-05-12T03:00+02:00")
    weekly = work("w", "2026-04-28T02:00+02:00", "2026-04-28T04:00+02:00", repeat="weekly")
    over = ended(weekly, now)
    assert not is_active(over, now)
    assert over.starts_us == at("2026-05-19T02:00+02:00")
    once = work("o", "2026-05-12T02:00+02:00", "2026-05-12T04:00+02:00")
    assert ended(once, now).ends_us == now
    assert ended(once, at("2026-05-12T01:00+02:00")) == once


def test_monthly_work_that_is_ended_keeps_its_day_of_the_month() -> None:
    monthly = work("m", "2026-01-31T02:00+01:00", "2026-01-31T04:00+01:00", repeat="monthly")
    over = ended(monthly, at("2026-01-31T03:00+01:00"))
    assert over.starts_us == at("2026-03-31T02:00+02:00")


def test_work_is_planned_by_the_clock_of_its_zone(bench: Bench, board: MaintenanceBoard) -> None:
    assert board.empty.isVisible() and not board.table.isVisible()
    board.add()
    form = form_of(board)
    assert form.zone.text().startswith("Europe/Vienna, UTC+0")
    form.name.setText("New antennas")
    form.scope.chips.add(("sites", id_of("Lindau")), "site Lindau")
    form.starts.setText("2030-07-01 02:00")
    form.lasts[1].click()
    assert form.ends.text() == "2030-07-01 04:00"
    form.lasts[-1].click()
    assert form.ends.text() == "2030-07-02 06:00"
    form.choose_zone("Asia/Riyadh")
    form.repeat.setCurrentIndex(form.repeat.findData("weekly"))
    assert "every week by this computer's clock (28 h)" in form.sentence.text()
    form.submit()
    bench.wait_for(lambda: kept(bench))
    (made,) = kept(bench)
    assert made == Maintenance(
        made.id,
        "New antennas",
        at("2030-07-01T02:00+03:00"),
        at("2030-07-02T06:00+03:00"),
        LINDAU,
        "weekly",
        "Asia/Riyadh",
    )
    bench.wait_for(lambda: bench.commands.undo_title == "Plan New antennas")


def test_what_is_saved_untouched_keeps_its_microseconds(bench: Bench, board: MaintenanceBoard) -> None:
    odd = msgspec.structs.replace(running("odd", scope=LINDAU), zone="Asia/Riyadh")
    tell(bench, odd)
    board.table.selectRow(0)
    board.change()
    form = form_of(board)
    assert form.draft([]) == odd
    form.submit()
    assert bench.engine.edits == []


def test_refusals_stand_at_their_field(bench: Bench, board: MaintenanceBoard) -> None:
    board.add()
    form = form_of(board)
    form.ends.setText("tomorrow")
    form.submit()
    assert "“tomorrow”" in form.fields.by_name["ends_us"].refusal.text()
    form.ends.setText("2020-01-01 00:00")
    assert form.fields.by_name["ends_us"].refusal.text() == ""
    assert form.sentence.text() == "It ends before it starts."
    form.submit()
    bench.wait_for(form.fields.by_name["ends_us"].refusal.text)
    assert "ends before it starts" in form.fields.by_name["ends_us"].refusal.text()
    assert form.fields.by_name["name"].refusal.text()
    assert form.isVisible() and bench.engine.edits == []


def test_running_work_is_ended_now_and_that_can_be_undone(bench: Bench, board: MaintenanceBoard) -> None:
    on = running("on", scope=LINDAU)
    tell(bench, on)
    item = board.table.item(0, STATE)
    assert item is not None and item.text() == "Running"
    board.table.selectRow(0)
    board.end_button.click()
    bench.wait_for(lambda: kept(bench) != [on])
    bench.model.flush()
    assert not is_active(kept(bench)[0], now_us())
    board.table.selectRow(0)
    assert not board.end_button.isEnabled()
    bench.wait_for(lambda: bench.commands.undo_title == "End on")
    bench.commands.undo()
    bench.wait_for(lambda: kept(bench) == [on])


def test_planned_work_is_deleted_after_one_question(bench: Bench, board: MaintenanceBoard) -> None:
    tell(bench, running("on"))
    board.table.selectRow(0)
    board.table.setFocus()
    board.activateWindow()
    bench.wait_for(board.isActiveWindow)
    QTest.keyClick(board.table, Qt.Key.Key_Delete)
    (question,) = board.findChildren(Confirm)
    QTest.mouseClick(question.verb, Qt.MouseButton.LeftButton)
    bench.wait_for(lambda: not kept(bench))


def verbs(bench: Bench, name: str) -> dict[str, QAction]:
    bench.window.open_menu(id_of(name), QPoint(0, 0))
    menu = next(menu for menu in bench.window.findChildren(QMenu) if menu.isVisible())
    inner = [action.menu() for action in menu.actions() if action.menu() is not None]
    found = {action.text(): action for part in (menu, *inner) for action in part.actions()}  # type: ignore[union-attr]
    menu.close()
    return found


@pytest.mark.parametrize(
    ("name", "scope"), [("l1", Scope(devices=(id_of("l1"),))), ("Lindau", Scope(sites=(id_of("Lindau"),)))]
)
def test_the_menu_of_a_device_and_of_a_site_begins_work_now(bench: Bench, name: str, scope: Scope) -> None:
    before = now_us()
    verbs(bench, name)["Start now, for 2 h"].trigger()
    bench.wait_for(lambda: kept(bench))
    (made,) = kept(bench)
    assert made.scope == scope and is_active(made, now_us())
    assert 0 <= made.ends_us - before - 2 * HOUR_US < HOUR_US
    assert made.name.startswith("Work on Lindau")
    verbs(bench, "l1")[f"End “{made.name}” now"].trigger()
    bench.wait_for(lambda: not is_active(kept(bench)[0], now_us()))


def test_work_is_planned_on_what_is_selected(bench: Bench) -> None:
    bench.window.select(id_of("link"))
    bench.window.actions_by_name["plan_work"].trigger()
    form = form_of(bench.window)
    assert form.draft([]).scope == Scope(devices=(id_of("g1"), id_of("l1")))
    form.reject()
    bench.window.select(None)
    bench.window.actions_by_name["plan_work"].trigger()
    assert "the whole network, 3 devices" in form_of(bench.window).sentence.text()


def test_a_site_gives_all_of_its_devices_a_tag_in_one_edit(bench: Bench) -> None:
    bench.commands.tag_devices([id_of("g1")], ["old", "some"], [])
    bench.wait_for(lambda: bench.engine.edits)
    bench.settle()
    verbs(bench, "Grünten")["Tags of its 2 devices…"].trigger()
    (form,) = bench.window.findChildren(TagForm)
    assert [said for _, said in form.tags.chosen] == ["old (1 of 2)", "some (1 of 2)"]
    form.tags.remove("old")
    picker = form.tags.open_list()
    picker.field.setText("Hilltop")
    assert [entry.title for entry in picker.entries] == ["New tag “Hilltop”"]
    QTest.keyClick(picker.field, Qt.Key.Key_Return)
    form.submit()
    bench.wait_for(lambda: len(bench.engine.edits) == 2)
    bench.settle()
    tags = {device.name: device.tags for device in bench.model.inventory.devices()}
    assert tags == {"Grünten R1": ("some", "Hilltop"), "Grünten AP": ("Hilltop",), "Lindau R1": ()}
    bench.commands.undo()
    bench.wait_for(lambda: len(bench.engine.edits) == 3)
    bench.settle()
    assert {device.tags for device in bench.model.inventory.devices()} == {("old", "some"), ()}
