"""Planned work: what is on, what comes, what was. Counterpart: `app/planned.py` says it, `commands.py` keeps it.

One rule: what was is kept and shown last; it says why it was quiet then.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

import msgspec
from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QTableWidget, QWidget

from app.commands import Commands, Then
from app.dialogs.confirm import Confirm
from app.dialogs.form import Board, fill_row, plain_table
from app.dialogs.maintenance_form import MaintenanceForm, first_work, same_clock
from app.draft import new_id, now_us
from app.look import Look, color
from app.model import Delta, Model
from app.panels.search_field import SearchField
from app.panels.text import Label
from app.planned import Planned, ended, planned, when_words
from app.symbols import symbol_pixmap
from app.team.rights import why_not
from app.watching import devices_in, scope_words
from domain.maintenance import Window, next_window
from domain.watching import Maintenance, Scope

WIDTH_PX, LIST_PX = 860, 330
STATE, NAME, WHEN, WHERE, DEVICES = range(5)
HEADS = ("", "Name", "When", "Where", "Devices")
NAME_PX, WHEN_PX = 210, 250
TICK_MS = 10_000
STATE_WORDS = {"running": "Running", "next": "Next", "past": "Past"}


class MaintenanceBoard(Board):
    """The list, and what can be done with one of it."""

    def __init__(self, model: Model, commands: Commands, look: Look, parent: QWidget | None = None) -> None:
        super().__init__("Maintenance", parent, width_px=WIDTH_PX)
        self._model, self._commands, self._look = model, commands, look
        self._rows: list[Planned] = []
        self._awaited: UUID | None = None
        self._counts: dict[Scope, int] = {}
        self.field = SearchField("Maintenance")
        self.table = _table()
        self.table.doubleClicked.connect(self.change)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.empty = Label(
            "Nothing is planned. While planned work is on, nothing alerts of what is worked on.", "quiet"
        )
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(LIST_PX)
        self.told = Label("", "small", wrap=True)
        self.told.setMinimumHeight(2 * self.told.fontMetrics().lineSpacing() + 2)
        self.told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.add_button = self.verb("Plan…", "primary")
        self.change_button, self.copy_button = self.verb("Change…"), self.verb("Duplicate…")
        self.end_button, self.delete_button = self.verb("End now"), self.verb("Delete…")
        changing = (self.add_button, self.change_button, self.copy_button)
        why = why_not(model, "maintenance:write")
        self.forbid(why, (*changing, self.end_button, self.delete_button))
        for button, do in (
            (self.add_button, self.add),
            (self.change_button, self.change),
            (self.copy_button, self.duplicate),
            (self.end_button, self.end),
            (self.delete_button, self.delete),
        ):
            button.clicked.connect(do)
        for key, do in (("Return", self.change), ("Del", self.delete)):
            QShortcut(QKeySequence(key), self.table, do, context=Qt.ShortcutContext.WidgetShortcut)
        self._lay_out()
        model.changed.connect(self._on_changed)
        look.changed.connect(self._show)
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._show)
        self._clock.start()
        self._show()
        self.table.selectRow(0)
        (self.table if self._rows or why else self.add_button).setFocus()

    def add(self) -> None:
        """Open the form for new work."""
        self._open(first_work(Scope()), is_new=True)

    def change(self) -> None:
        """Open the form of the chosen work."""
        row = self.chosen()
        if row is not None:
            self._open(row.work, is_new=False)

    def duplicate(self) -> None:
        """Open the form of new work like the chosen one, at its next time, or tonight where there is none."""
        row = self.chosen()
        if row is None:
            return
        work, window = row.work, row.window
        if row.state == "past":
            night = first_work(work.scope)
            window = Window(night.starts_us, night.starts_us + work.ends_us - work.starts_us)
        again = msgspec.structs.replace(work, id=new_id(), starts_us=window.starts_us, ends_us=window.ends_us)
        self._open(again, is_new=True)

    def end(self) -> None:
        """End the chosen work now; what is repeated comes again."""
        row = self.chosen()
        if row is None or row.state != "running":
            return
        self._commands.put("maintenance", ended(row.work, now_us()), self.say, f"End {row.work.name}")

    def delete(self) -> None:
        """Ask once and delete the chosen work."""
        row = self.chosen()
        if row is None:
            return
        said = "What is still down alerts then. " if row.state == "running" else ""
        delete = partial(self._commands.drop, "maintenance", row.work.id, self.say)
        Confirm(f"Delete {row.work.name}?", f"{said}You can undo this.", "Delete", delete, self).open()

    def chosen(self) -> Planned | None:
        """Return the work that is chosen."""
        item = self.table.item(self.table.currentRow(), NAME)
        if item is None or self.table.isRowHidden(item.row()):
            return None
        return next((row for row in self._rows if row.work.id == item.data(Qt.ItemDataRole.UserRole)), None)

    def _open(self, work: Maintenance, *, is_new: bool) -> None:
        MaintenanceForm(self._model, self._look, work, self._submit, is_new=is_new, parent=self).open()

    def _submit(self, work: Maintenance, then: Then) -> None:
        self._awaited = work.id
        is_kept = self._model.inventory.get("maintenance", work.id) is not None
        self._commands.put("maintenance", work, then, f"{'Change' if is_kept else 'Plan'} {work.name}")

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory:
            self._counts.clear()
            self._show()

    def _on_selected(self) -> None:
        self.say(())
        row = self.chosen()
        for button in (self.change_button, self.copy_button, self.delete_button):
            button.setEnabled(row is not None)
        self.end_button.setEnabled(row is not None and row.state == "running")
        self.told.setText(self._story(row) if row is not None else "")

    def _story(self, row: Planned) -> str:
        work, now = row.work, now_us()
        hanging = "With what hangs on it." if work.with_dependents else "Without what hangs on it."
        parts = [hanging]
        after = next_window(work, row.window.ends_us) if work.repeat and row.state == "running" else None
        if after is not None:
            parts.append(f"Then {when_words(Planned(work, 'next', after), now)}.")
        if not same_clock(work.zone, row.window.starts_us):
            parts.append(f"Planned by the clocks of {work.zone}.")
        if work.note:
            parts.append(f"Note: {work.note}")
        return " ".join(parts)

    def _cells(self, row: Planned, now: int) -> tuple[str, ...]:
        inventory, scope = self._model.inventory, row.work.scope
        where = scope_words(inventory, scope)
        devices = self._counts.get(scope)
        if devices is None:
            devices = self._counts[scope] = sum(1 for _ in devices_in(inventory, scope))
        return (
            STATE_WORDS[row.state],
            row.work.name,
            when_words(row, now),
            where[:1].upper() + where[1:],
            f"{devices:,}",
        )

    def _show(self) -> None:
        row_now = self.chosen()
        chosen = self._awaited or (row_now.work.id if row_now is not None else None)
        now = now_us()
        self._rows = planned(self._model.inventory, now)
        if any(row.work.id == self._awaited for row in self._rows):
            self._awaited = None
        table, theme = self.table, self._look.theme
        icon = QIcon(symbol_pixmap("maintenance", theme, 15))
        icon.addPixmap(icon.pixmap(15), QIcon.Mode.Selected)
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            fill_row(table, number, self._cells(row, now), (DEVICES,))
            for column in range(len(HEADS)):
                item = table.item(number, column)
                if item is not None and row.state == "past":
                    item.setForeground(color(theme.text.quiet))
                if item is not None and column == STATE and row.state == "running":
                    item.setIcon(icon)
                if item is not None and column == NAME:
                    item.setData(Qt.ItemDataRole.UserRole, row.work.id)
        ids = [row.work.id for row in self._rows]
        if chosen in ids:
            table.selectRow(ids.index(chosen))
        table.setVisible(bool(ids))
        self.empty.setVisible(not ids)
        self.field.show_for(len(ids))
        self._on_search()

    def _on_search(self) -> None:
        words, now = self.field.text().casefold().split(), now_us()
        for number, row in enumerate(self._rows):
            said = f"{' '.join(self._cells(row, now))} {row.work.note}".casefold() if words else ""
            self.table.setRowHidden(number, not all(word in said for word in words))
        self._on_selected()

    def _lay_out(self) -> None:
        said = "While planned work is on, nothing alerts of what is worked on, and it is shown as in maintenance."
        head = QHBoxLayout()
        head.addWidget(Label(said, "small"), 1)
        head.addWidget(self.field)
        self.body.addLayout(head)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.empty, 1)
        self.body.addWidget(self.told)
        self.field.textChanged.connect(self._on_search)
        self.field.left_down.connect(self.table.setFocus)


def _table() -> QTableWidget:
    made = plain_table(HEADS, WHERE, (DEVICES,), prose=(WHEN, WHERE))
    made.setMinimumHeight(LIST_PX)
    made.setIconSize(QSize(15, 15))
    header = made.horizontalHeader()
    for column, width_px in ((NAME, NAME_PX), (WHEN, WHEN_PX)):
        header.setSectionResizeMode(column, header.ResizeMode.Interactive)
        header.resizeSection(column, width_px)
    made.setAccessibleName("Maintenance")
    return made
