"""What an import would change, as a table with ticks. Counterpart: `choice.py`, which knows what is ticked.

One rule: a tick costs no row anew, so that ten thousand of them are as quick as ten.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.exchange.choice import Choice
from app.look import ROW_PX, TABLE_PX, Look, color, font
from app.panels.rows_model import Column, Index, natural
from app.panels.rows_table import RowsTable
from app.panels.text import paint_end_elided, paint_text
from app.words import capitalized
from domain.exchanging import ImportPlan, ImportRow

ACTIONS = {"add": "Add", "change": "Change", "same": "Same", "skip": "Left out"}
_RANK = {action: rank for rank, action in enumerate(ACTIONS)}
BOX_PX = 14
TICK, ACTION, KIND, NAME, WHERE, SAID = range(6)


class Row(msgspec.Struct, frozen=True):
    """A row of the plan by its number, what is new where something is added, and what was refused of it."""

    number: int
    row: ImportRow
    new: str = ""
    refused: str = ""

    @property
    def key(self) -> str:
        """What makes it the same row."""
        return str(self.number)

    @property
    def said(self) -> str:
        """What changes, or why it is left out, or refused."""
        return capitalized(self.refused or self.row.said) or self.new


def rows_of(plan: ImportPlan, refused: Mapping[int, str]) -> list[Row]:
    """Return all rows of a plan."""
    return [
        Row(number, row, _new_in(plan, row), refused.get(number, "")) for number, row in enumerate(plan.rows)
    ]


def _new_in(plan: ImportPlan, row: ImportRow) -> str:
    """Return the address of a new device, the region of a new site."""
    fields = (plan.steps[row.steps[0]].after or {}) if row.action == "add" and row.steps else {}
    return str(fields.get("address") or fields.get("region") or "")


class PlanTable(RowsTable):
    """The table. Space or a click on the box ticks; several are chosen as everywhere."""

    ticked = Signal()
    least_name_px = 300

    def __init__(self, look: Look) -> None:
        self.choice: Choice | None = None
        columns = (
            Column("", lambda row: "", width_px=34, is_text=True, status=self._tick_words),
            Column(
                "Would",
                lambda row: ACTIONS[row.row.action],
                width_px=70,
                is_text=True,
                order=lambda row: _RANK[row.row.action],
            ),
            Column("Kind", lambda row: row.row.kind.capitalize(), width_px=64, is_text=True, rank=2),
            Column(
                "Name",
                lambda row: row.row.name,
                width_px=250,
                is_text=True,
                order=lambda row: natural(row.row.name),
            ),
            Column("In the file", lambda row: row.row.where, width_px=110, is_text=True, rank=3),
            Column("What changes", lambda row: row.said),
        )
        super().__init__(columns, look, "What would change")
        self.setItemDelegate(_Delegate(look, self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.clicked.disconnect()
        self.clicked.connect(self._on_click)

    def numbers_shown(self) -> list[int]:
        """Return the rows that filter and search leave, by their numbers."""
        return [row.number for row in self.rows.rows]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space ticks what is chosen, or takes the ticks away, as the current row then has it."""
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            self._turn(self._chosen_numbers())
        else:
            super().keyPressEvent(event)

    def _chosen_numbers(self) -> list[int]:
        """Return what is chosen, the current row first. As ranges: single rows take Qt the square of their number."""
        chosen, current = self.selectionModel().selection(), self.current_row()
        rows = self.rows.rows
        found = [current.number] if current is not None else []
        for part in (chosen.at(number) for number in range(chosen.count())):
            found += (row.number for row in rows[part.top() : part.bottom() + 1])
        return found

    def _on_click(self, index: Index) -> None:
        if index.column() == TICK:
            self._turn([self.rows.rows[index.row()].number])

    def _turn(self, numbers: list[int]) -> None:
        choice = self.choice
        numbers = [number for number in numbers if choice is not None and choice.can_take(number)]
        if choice is None or not numbers:
            return
        if choice.takes(numbers[0]):
            choice.leave(numbers)
        else:
            choice.take(numbers)
        self.viewport().update()
        self.ticked.emit()

    def _tick_words(self, row: Row) -> str:
        if self.choice is None or not self.choice.can_take(row.number):
            return ""
        return "ticked" if self.choice.takes(row.number) else "not ticked"

    def _on_head(self, number: int) -> None:
        if number != TICK:
            super()._on_head(number)


class _Delegate(QStyledItemDelegate):
    def __init__(self, look: Look, table: PlanTable) -> None:
        super().__init__(table)
        self._look, self._table = look, table

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(40, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, rect = self._look.theme, QRectF(option.rect)
        row: Row = self._table.rows.rows[index.row()]
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, color(theme.accent.ground))
        choice = self._table.choice
        if index.column() == TICK:
            if choice is not None and choice.can_take(row.number):
                self._paint_box(painter, rect, is_on=choice.takes(row.number))
            return
        taken = choice is not None and choice.takes(row.number)
        ink = theme.text.text if taken else theme.text.quiet
        if index.column() == ACTION and taken and row.row.action == "add":
            ink = theme.accent.accent
        elif index.column() in (KIND, WHERE):
            ink = theme.text.quiet
        room = rect.adjusted(8, 0, -4, 0)
        said = self._table.rows.columns[index.column()].said(row)
        if index.column() != SAID:
            paint_text(painter, room, said, font(TABLE_PX, tabular=True), ink)
            return
        ink = theme.status_text["down"] if row.refused else ink
        paint_end_elided(painter, room, said, font(TABLE_PX, tabular=True), ink)

    def _paint_box(self, painter: QPainter, rect: QRectF, *, is_on: bool) -> None:
        theme = self._look.theme
        box = QRectF(rect.x() + 11, rect.center().y() - BOX_PX / 2, BOX_PX, BOX_PX)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color(theme.accent.accent if is_on else theme.text.faint), 1))
        painter.setBrush(color(theme.accent.accent if is_on else theme.surface.panel))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if is_on:
            painter.setPen(QPen(color(theme.accent.ink), 1.6))
            painter.drawPolyline(
                [box.topLeft() + QPointF(x, y) for x, y in ((3.6, 7.3), (6.2, 9.8), (10.6, 4.6))]
            )
        painter.restore()
