"""All alert rules in effect: what is looked at, where, how bad it is. Counterpart: `app/watching.py`, which says them.

One rule: what was built in is never gone: it is switched off or changed, and goes back to the default.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import msgspec
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QTableWidget, QTableWidgetItem, QWidget

from app.commands import Commands, Then
from app.dialogs.confirm import Confirm
from app.dialogs.form import Board, fill_row, plain_table
from app.dialogs.rule_form import RuleForm, severity_icon
from app.draft import new_id
from app.look import Look, color
from app.model import Delta, Model
from app.panels.rows_model import natural
from app.panels.search_field import SearchField
from app.panels.text import Label
from app.team.rights import why_not
from app.watching import (
    KINDS,
    SEVERITY_WORDS,
    Listed,
    default_of,
    listed_rules,
    matched_words,
    renamed,
    rule_sentence,
    rule_words,
    scope_words,
)
from app.words import UNKNOWN
from domain.errors import Refusal
from domain.metrics import CATALOGUE
from domain.watching import AlertRule

WIDTH_PX, LIST_PX = 980, 404
ON, NAME, WHEN, WHERE, SEVERITY, ORIGIN = range(6)
HEADS = ("On", "Rule", "Alerts when", "Where", "Severity", "From")
NAME_PX, WHERE_PX = 180, 180
FIRST_THRESHOLD = 90.0
FIRST_FOR_S = 600.0


class Rules(Board):
    """The list, and what can be done with one of it."""

    def __init__(self, model: Model, commands: Commands, look: Look, parent: QWidget | None = None) -> None:
        super().__init__("Alert rules", parent, width_px=WIDTH_PX)
        self._model, self._commands, self._look = model, commands, look
        self._rows: list[Listed] = []
        self._awaited: UUID | None = None
        self.field = SearchField("Alert rules")
        self.count = Label("", "small")
        self.table = _table()
        self.table.itemChanged.connect(self._on_item)
        self.table.doubleClicked.connect(self.change)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.told = Label("", "small", wrap=True)
        self.told.setMinimumHeight(2 * self.told.fontMetrics().lineSpacing() + 2)
        self.told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.add_button = self.verb("Add…", "primary")
        self.change_button, self.copy_button = self.verb("Change…"), self.verb("Duplicate…")
        self.delete_button = self.verb("Delete…")
        changing = (self.add_button, self.change_button, self.copy_button, self.delete_button)
        self.forbid(why_not(model, "rules:write"), changing)
        for button, do in (
            (self.add_button, self.add),
            (self.change_button, self.change),
            (self.copy_button, self.duplicate),
            (self.delete_button, self.delete),
        ):
            button.clicked.connect(do)
        for key, do in (("Space", self.toggle), ("Return", self.change), ("Del", self.delete)):
            QShortcut(QKeySequence(key), self.table, do, context=Qt.ShortcutContext.WidgetShortcut)
        self._lay_out()
        model.changed.connect(self._on_changed)
        look.changed.connect(self._show)
        self._show()
        self.table.selectRow(0)
        self.table.setFocus()

    def add(self) -> None:
        """Open the form for a new rule."""
        first = AlertRule(new_id(), "", "threshold", "cpu_load_pct", "gt", FIRST_THRESHOLD, for_s=FIRST_FOR_S)
        self._open(first, is_new=True)

    def change(self) -> None:
        """Open the form of the chosen rule."""
        row = self.chosen()
        if row is not None:
            self._open(row.rule, is_new=False)

    def duplicate(self) -> None:
        """Open the form of a new rule that is like the chosen one."""
        row = self.chosen()
        if row is not None:
            self._open(renamed(row.rule, new_id()), is_new=True)

    def toggle(self) -> None:
        """Switch the chosen rule on or off."""
        row = self.chosen()
        if row is None:
            return
        rule = msgspec.structs.replace(row.rule, is_on=not row.rule.is_on)
        self._keep(rule, self._said, f"{'Enable' if rule.is_on else 'Disable'} {rule.name}")

    def delete(self) -> None:
        """Ask once and delete the chosen rule; a changed one goes back to its default without being asked."""
        row = self.chosen()
        if row is None or row.origin == "built-in":
            return
        rule = row.rule
        if row.origin == "changed":
            self._commands.drop("rule", rule.id, self._said, f"Reset {rule.name}")
            return
        Confirm(
            f"Delete {rule.name}?",
            "What it has alerted of is over then. You can undo this.",
            "Delete",
            lambda: self._commands.drop("rule", rule.id, self._said),
            self,
        ).open()

    def chosen(self) -> Listed | None:
        """Return the rule that is chosen."""
        item = self.table.item(self.table.currentRow(), NAME)
        if item is None or self.table.isRowHidden(item.row()):
            return None
        return next((row for row in self._rows if row.rule.id == item.data(Qt.ItemDataRole.UserRole)), None)

    def _open(self, rule: AlertRule, *, is_new: bool) -> None:
        def submit(new: AlertRule, then: Then) -> None:
            self._awaited = new.id
            self._keep(new, then)

        RuleForm(self._model, self._look, rule, submit, is_new=is_new, parent=self).open()

    def _keep(self, rule: AlertRule, then: Then, title: str = "") -> None:
        """Keep a rule; one that is its default again needs no keeping."""
        is_kept = self._model.inventory.get("rule", rule.id) is not None
        if rule == default_of(rule.id) and is_kept:
            self._commands.drop("rule", rule.id, then, title or f"Reset {rule.name}")
        elif rule == default_of(rule.id):
            then(())
        else:
            verb = "Change " if default_of(rule.id) is not None or is_kept else "Add "
            self._commands.put("rule", rule, then, title or verb + rule.name)

    def _said(self, refusals: tuple[Refusal, ...]) -> None:
        self.say(refusals)
        if refusals:
            self._show()

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory:
            self._show()

    def _on_item(self, item: QTableWidgetItem) -> None:
        """A click on a switch: choose its row and switch it."""
        if item.column() == ON:
            self.table.selectRow(item.row())
            self.toggle()

    def _on_selected(self) -> None:
        self.say(())
        row = self.chosen()
        self.change_button.setEnabled(row is not None)
        self.copy_button.setEnabled(row is not None)
        self.delete_button.setEnabled(row is not None and row.origin != "built-in")
        is_own = row is None or row.origin == "own"
        self.delete_button.setText("Delete…" if is_own else "Back to the default")
        self.told.setText(_story(self._model, row) if row is not None else "")

    def _on_search(self) -> None:
        words = self.field.text().casefold().split()
        shown = 0
        for number, row in enumerate(self._rows):
            hidden = not all(word in self._text(row) for word in words)
            self.table.setRowHidden(number, hidden)
            shown += not hidden
        all_of = f"{shown:,} of " if words else ""
        self.count.setText(f"{all_of}{len(self._rows):,}")
        now = self.table.currentRow()
        if shown and (now < 0 or self.table.isRowHidden(now)):
            first = next(n for n in range(len(self._rows)) if not self.table.isRowHidden(n))
            self.table.selectRow(first)
        self._on_selected()

    def _text(self, row: Listed) -> str:
        rule = row.rule
        unit = CATALOGUE[rule.metric].unit if rule.metric in CATALOGUE else ""
        said = (*self._cells(row), rule.note, rule.severity, KINDS[rule.kind].title, unit, row.origin)
        return f"{' '.join(said)} {'on' if rule.is_on else 'off'}".casefold()

    def _cells(self, row: Listed) -> tuple[str, ...]:
        rule = row.rule
        has_scope = KINDS[rule.kind].has_scope
        where = scope_words(self._model.inventory, rule.scope) if has_scope else UNKNOWN
        return (
            "",
            rule.name,
            rule_words(rule),
            where[:1].upper() + where[1:],
            SEVERITY_WORDS[rule.severity],
            row.origin.capitalize(),
        )

    def _show(self) -> None:
        chosen = self._awaited or self._chosen_id()
        self._rows = sorted(listed_rules(self._model.inventory), key=_order)
        if any(row.rule.id == self._awaited for row in self._rows):
            self._awaited = None
        table, quiet = self.table, color(self._look.theme.text.quiet)
        table.blockSignals(True)
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            rule = row.rule
            fill_row(table, number, self._cells(row))
            for column in range(len(HEADS)):
                item = cast("QTableWidgetItem", table.item(number, column))
                if not rule.is_on:
                    item.setForeground(quiet)
                if column == ON:
                    on = Qt.CheckState.Checked if rule.is_on else Qt.CheckState.Unchecked
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                    item.setCheckState(on)
                    item.setToolTip("Switched on" if rule.is_on else "Switched off")
                elif column == NAME:
                    item.setData(Qt.ItemDataRole.UserRole, rule.id)
                elif column == SEVERITY:
                    item.setIcon(severity_icon(self._look, rule.severity))
        table.blockSignals(False)
        ids = [row.rule.id for row in self._rows]
        if chosen in ids:
            table.selectRow(ids.index(chosen))
        self._on_search()

    def _chosen_id(self) -> UUID | None:
        row = self.chosen()
        return row.rule.id if row is not None else None

    def _lay_out(self) -> None:
        said = (
            "Space switches a rule on or off. What is built in can be changed, and goes back to the default."
        )
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Label(said, "small"), 1)
        head.addWidget(self.count)
        head.addWidget(self.field)
        self.body.addLayout(head)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.told)
        self.field.textChanged.connect(self._on_search)
        self.field.left_down.connect(self.table.setFocus)


def _table() -> QTableWidget:
    made = plain_table(HEADS, WHEN, prose=(WHEN, WHERE))
    made.setMinimumHeight(LIST_PX)
    made.setIconSize(QSize(15, 15))
    header = made.horizontalHeader()
    for column, width_px in ((NAME, NAME_PX), (WHERE, WHERE_PX)):
        header.setSectionResizeMode(column, header.ResizeMode.Interactive)
        header.resizeSection(column, width_px)
    made.setAccessibleName("Alert rules")
    return made


def _order(row: Listed) -> tuple[bool, Any]:
    """People's own by name, below the built-in ones as they come."""
    return row.origin == "own", natural(row.rule.name) if row.origin == "own" else ()


def _story(model: Model, row: Listed) -> str:
    rule = row.rule
    parts = [rule_sentence(model.inventory, rule), matched_words(model.inventory, rule)]
    parts.append(f"Note: {rule.note}" if rule.note else "")
    if not rule.is_on:
        parts.insert(0, "Switched off.")
    if row.default is not None and row.origin == "changed" and rule_words(row.default) != rule_words(rule):
        parts.append(f"The default: {rule_words(row.default)}.")
    return " ".join(part for part in parts if part)
