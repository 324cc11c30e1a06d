"""Alert rules: the list, the form of each kind, refusals at their field, one edit a change, the default again."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.dialogs.confirm import Confirm
from app.dialogs.rule_form import RuleForm
from app.dialogs.rules import NAME, ON, WHEN, WHERE, Rules
from app.draft import new_id
from app.watching import KINDS, default_of, rule_words, scope_words
from domain.alert_rules import DEFAULT_RULES, rule_id
from domain.metrics import CATALOGUE
from domain.watch_rules import rule_refusals
from domain.watching import METRIC_KINDS, RULE_KINDS, AlertRule, Scope
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

CPU = rule_id("cpu_busy")


@pytest.fixture
def board(bench: Bench) -> Iterator[Rules]:
    bench.window.actions_by_name["rules"].trigger()
    (found,) = bench.window.findChildren(Rules)
    yield found


def form_of(board: Rules) -> RuleForm:
    (form,) = [form for form in board.findChildren(RuleForm) if form.isVisible()]
    return form


def choose(board: Rules, name: str) -> None:
    rows = [row for row in range(board.table.rowCount()) if cell(board, row, NAME) == name]
    board.table.selectRow(rows[0])


def cell(board: Rules, row: int, column: int) -> str:
    item = board.table.item(row, column)
    assert item is not None
    return item.text()


def kept(bench: Bench) -> dict[str, AlertRule]:
    return {rule.name: rule for rule in bench.model.inventory.rules()}


def shown(form: RuleForm) -> set[str]:
    return {name for name, field in form.fields.by_name.items() if not field.isHidden()}


def test_every_kind_is_said_and_every_built_in_rule_too() -> None:
    assert set(KINDS) == set(RULE_KINDS)
    said = [rule_words(rule) for rule in DEFAULT_RULES]
    assert len(set(said)) == len(said)
    assert not any("{" in words or not words for words in said)


def test_a_rule_is_said_with_its_unit_its_time_and_when_it_is_over() -> None:
    cpu = default_of(CPU)
    assert cpu is not None
    assert rule_words(cpu) == "CPU load > 90 % for 10 min, clears below 80 %"
    traffic = AlertRule(new_id(), "", "threshold", "if_in_bps", "lt", 2.5e6, clear_at=3e6)
    assert rule_words(traffic) == "Traffic in < 2.5 Mb/s, clears above 3 Mb/s"
    battery = AlertRule(new_id(), "", "threshold", "on_battery", "eq", 1.0)
    assert rule_words(battery) == "On battery is yes"
    lost = AlertRule(new_id(), "", "change", "bgp_established", "lt")
    assert rule_words(lost) == "BGP established falls"


def test_a_scope_is_said_by_its_names_and_a_long_one_by_how_many_more(bench: Bench) -> None:
    inventory = bench.model.inventory
    assert scope_words(inventory, Scope()) == "everywhere"
    named = Scope(regions=("Oberallgäu",), tags=("backbone",), interface="sfp*")
    assert scope_words(inventory, named) == "region Oberallgäu, tag backbone, ports sfp*"
    many = Scope(sites=(id_of("Lindau"), new_id()), devices=(id_of("g1"), id_of("g2")))
    assert scope_words(inventory, many) == "site Lindau, a site that is gone, Grünten R1, 1 more"


def test_the_list_has_every_built_in_rule_and_says_what_it_looks_at(board: Rules) -> None:
    assert board.table.rowCount() == len(DEFAULT_RULES)
    choose(board, "CPU busy")
    row = board.table.currentRow()
    assert cell(board, row, WHEN) == "CPU load > 90 % for 10 min, clears below 80 %"
    assert cell(board, row, WHERE) == "Everywhere"
    assert "It would look at 3 devices." in board.told.text()
    assert not board.delete_button.isEnabled()


def test_space_switches_a_rule_off_and_on_again_leaves_no_trace_of_it(bench: Bench, board: Rules) -> None:
    board.activateWindow()
    bench.wait_for(board.isActiveWindow)
    choose(board, "CPU busy")
    QTest.keyClick(board.table, Qt.Key.Key_Space)
    bench.wait_for(lambda: kept(bench))
    assert not kept(bench)["CPU busy"].is_on
    bench.model.flush()
    row = board.chosen()
    assert row is not None and row.origin == "changed"
    QTest.keyClick(board.table, Qt.Key.Key_Space)
    bench.wait_for(lambda: not kept(bench))
    bench.model.flush()
    row = board.chosen()
    assert row is not None and row.origin == "built-in" and row.rule.is_on
    assert [edit.title for edit in bench.engine.edits] == ["Disable CPU busy", "Enable CPU busy"]


def test_a_click_on_the_box_switches_that_rule(bench: Bench, board: Rules) -> None:
    item = board.table.item(3, ON)
    assert item is not None
    item.setCheckState(Qt.CheckState.Unchecked)
    bench.wait_for(lambda: kept(bench))
    (rule,) = kept(bench).values()
    assert rule.id == DEFAULT_RULES[3].id and not rule.is_on


def test_a_changed_rule_is_one_edit_and_goes_back_to_its_default(bench: Bench, board: Rules) -> None:
    board.activateWindow()
    bench.wait_for(board.isActiveWindow)
    choose(board, "CPU busy")
    QTest.keyClick(board.table, Qt.Key.Key_Return)
    form = form_of(board)
    assert not form.kind.isEnabled()
    form.threshold.line.setText("95,5")
    form.submit()
    bench.wait_for(lambda: kept(bench))
    bench.model.flush()
    cpu = default_of(CPU)
    assert cpu is not None
    assert kept(bench)["CPU busy"] == msgspec.structs.replace(cpu, threshold=95.5)
    assert "The default: CPU load > 90 %" in board.told.text()
    assert board.delete_button.text() == "Back to the default"
    board.delete()
    bench.wait_for(lambda: not kept(bench))
    bench.wait_for(lambda: len(bench.engine.edits) == 2)
    bench.settle()
    bench.commands.undo()
    bench.wait_for(lambda: kept(bench))
    assert kept(bench)["CPU busy"].threshold == 95.5


def test_what_is_saved_untouched_is_no_edit(bench: Bench, board: Rules) -> None:
    for rule in DEFAULT_RULES:
        choose(board, rule.name)
        board.change()
        form = form_of(board)
        bad: list[object] = []
        assert form.named(form.draft(bad)) == rule  # type: ignore[arg-type]
        form.submit()
        assert not form.isVisible()
    assert bench.engine.edits == []


def test_an_own_rule_of_every_kind_is_taken_by_the_engines_rules(bench: Bench, board: Rules) -> None:
    for kind in RULE_KINDS:
        board.add()
        form = form_of(board)
        form.kind.setCurrentIndex(form.kind.findData(kind))
        form.threshold.line.setText("3")
        rule = form.named(form.draft([]))
        assert rule.kind == kind and rule.name
        assert list(rule_refusals(rule)) == []
        fields = shown(form)
        assert ("metric" in fields) == (kind in METRIC_KINDS)
        assert ("scope" in fields) == (kind != "cut_off")
        assert ("clear_at" in fields) == (kind == "threshold")
        form.reject()


def test_a_new_rule_is_named_by_what_it_looks_at_where_nobody_names_it(bench: Bench, board: Rules) -> None:
    board.add()
    form = form_of(board)
    form.choose_metric("temperature_c")
    form.threshold.line.setText("60")
    form.scope.chips.add(("tags", "backbone"), "tag backbone")
    assert form.sentence.text().startswith("Warning when temperature > 60 °C for 10 min; tag backbone.")
    assert form.scope.count.text() == "0 of 3 devices"
    form.submit()
    bench.wait_for(lambda: kept(bench))
    rule = kept(bench)["Temperature > 60 °C"]
    assert (rule.metric, rule.threshold, rule.scope) == ("temperature_c", 60.0, Scope(tags=("backbone",)))
    bench.model.flush()
    chosen = board.chosen()
    assert chosen is not None and chosen.rule.id == rule.id and chosen.origin == "own"


def test_numbers_are_typed_in_the_unit_that_stands_beside_them(bench: Bench, board: Rules) -> None:
    board.add()
    form = form_of(board)
    form.choose_metric("if_in_bps")
    assert form.threshold.unit.text() == "Mb/s"
    form.threshold.line.setText("1.5")
    assert form.draft([]).threshold == 1.5e6
    choose(board, "Certificate ends soon")
    form.reject()
    board.change()
    form = form_of(board)
    assert (form.threshold.line.text(), form.threshold.unit.text()) == ("14", "d")


def test_refusals_stand_at_their_field_and_the_form_stays(bench: Bench, board: Rules) -> None:
    board.add()
    form = form_of(board)
    form.threshold.line.setText("much")
    form.submit()
    assert "“much”" in form.fields.by_name["threshold"].refusal.text()
    assert form.fields.by_name["threshold"].refusal.isVisible()
    form.threshold.line.setText("80")
    form.clear_at.line.setText("90")
    assert form.fields.by_name["threshold"].refusal.text() == ""
    form.submit()
    refusal = form.fields.by_name["clear_at"].refusal
    bench.wait_for(refusal.text)
    assert "At most the threshold 80" in refusal.text()
    form.clear_at.line.setText("")
    form.scope.chips.choose([(("regions", "x" * 99), "region x")])
    form.submit()
    bench.wait_for(form.fields.by_name["scope"].refusal.text)
    assert form.isVisible() and bench.engine.edits == []


def test_a_copy_of_a_built_in_rule_is_an_own_one(bench: Bench, board: Rules) -> None:
    choose(board, "CPU busy")
    board.duplicate()
    form = form_of(board)
    assert form.name.text() == "CPU busy (copy)" and form.kind.isEnabled()
    form.submit()
    bench.wait_for(lambda: kept(bench))
    assert kept(bench)["CPU busy (copy)"].id != CPU
    bench.model.flush()
    board.delete()
    (question,) = board.findChildren(Confirm)
    QTest.mouseClick(question.verb, Qt.MouseButton.LeftButton)
    bench.wait_for(lambda: not kept(bench))


def test_the_search_leaves_what_holds_every_word_and_chooses_the_first(bench: Bench, board: Rules) -> None:
    own = AlertRule(new_id(), "Sector busy", "threshold", "airtime_pct", threshold=70, is_on=False)
    bench.engine.inventory.tables["rule"][own.id] = own
    bench.model.merge(Changed(9, rules=(own,)))
    bench.model.flush()
    board.field.setText("busy air off")
    assert board.count.text() == f"1 of {len(DEFAULT_RULES) + 1}"
    row = board.chosen()
    assert row is not None and row.rule == own
    board.field.setText("nothing such")
    assert board.chosen() is None
    assert not board.change_button.isEnabled()
    board.change()
    assert board.findChildren(RuleForm) == []


def test_the_catalogue_is_found_by_what_a_metric_is_called_and_by_its_unit(board: Rules) -> None:
    board.add()
    form = form_of(board)
    picker = form.open_metrics()
    assert sum(entry.then is not None for entry in picker.entries) == len(CATALOGUE)
    picker.field.setText("dbm light")
    assert {entry.title for entry in picker.entries if entry.then} == {"Light in", "Light out"}
    QTest.keyClick(picker.field, Qt.Key.Key_Return)
    assert form.draft([]).metric == "optical_rx_dbm"
    assert form.threshold.unit.text() == "dBm"


def test_tab_goes_through_the_form_as_it_is_seen(bench: Bench, board: Rules) -> None:
    board.add()
    form = form_of(board)
    form.scope.chips.add(("tags", "a"), "tag a")
    wanted = [form.kind, form.measured, form.op, form.threshold.line, form.clear_at.line, form.for_s.line]
    wanted += [form.for_s.unit, form.severity, form.name, *form.scope.keyed, form.note, form.is_on]
    form.activateWindow()
    form.kind.setFocus()
    for widget in wanted:
        assert form.focusWidget() is widget
        QTest.keyClick(widget, Qt.Key.Key_Tab)
