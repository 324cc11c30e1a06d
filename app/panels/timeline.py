"""Events beside alerts on one line of time, the newest first. Counterpart: `QueryTimeline`, and the rows that come live.

Theory: pages are asked for as somebody scrolls down; what comes live stands on top where the timeline goes on till now. In the
time machine "till now" is till the moment that is shown: another moment is asked for anew, and what is there stays until then.
One rule: an answer to what is not wanted any more is nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from uuid import UUID

import msgspec
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.commands import Asks
from app.dialogs.chips import Flow
from app.draft import now_us
from app.look import ROW_PX, TABLE_PX, Look, color, font, square
from app.model import Delta, Model
from app.panels.text import LEFT, Label, button, paint_end_elided, paint_text, tip
from app.panels.timeline_model import (
    GROUPS,
    ICONS,
    OTHER_ICON,
    Event,
    event_of,
    is_about,
    kinds_of,
)
from app.symbols import paint_symbol
from app.words import clock
from domain.asking import QueryTimeline, RowMark
from domain.journal import JournalRow

PAGE_ROWS = 100
LIVE_CAP = 5_000
"""Most lines that are kept."""
NAME_PX = 150
LEAST_WORDS_PX = 180
Index = QModelIndex | QPersistentModelIndex


class Events(QAbstractListModel):
    """The lines, in order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.events: list[Event] = []
        self._keys: set[tuple[UUID, int]] = set()

    def clear(self) -> None:
        """Have no lines."""
        self.beginResetModel()
        self.events, self._keys = [], set()
        self.endResetModel()

    def add(self, events: Iterable[Event]) -> None:
        """Put lines where they belong; those that are there already change nothing."""
        fresh = [event for event in events if event.key not in self._keys]
        if not fresh:
            return
        fresh.sort(key=lambda event: event.order)
        self._keys.update(event.key for event in fresh)
        last = self.events[-1].order if self.events else None
        if last is None or fresh[0].order > last:
            self.beginInsertRows(QModelIndex(), len(self.events), len(self.events) + len(fresh) - 1)
            self.events += fresh
            self.endInsertRows()
            return
        self.layoutAboutToBeChanged.emit()
        for event in fresh:
            insort(self.events, event, key=lambda event: event.order)
        for event in self.events[LIVE_CAP:]:
            self._keys.discard(event.key)
        del self.events[LIVE_CAP:]
        self.layoutChanged.emit()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many lines there are."""
        return 0 if parent.isValid() else len(self.events)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a line as it is read out, or whole on hover."""
        event = self.events[index.row()]
        said = ", ".join(filter(None, (clock(event.at_us, now_us()), event.name, event.words)))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return said
        return tip(said) if role == Qt.ItemDataRole.ToolTipRole else None


class _Delegate(QStyledItemDelegate):
    def __init__(self, look: Look, view: Timeline) -> None:
        super().__init__(view)
        self._look, self._view = look, view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(60, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, event = self._look.theme, self._view.rows.events[index.row()]
        rect, ground = QRectF(option.rect), theme.surface.panel
        if event.is_change and self._view.is_before:
            ground = theme.accent.ground
            painter.fillRect(rect, color(ground))
            painter.fillRect(QRectF(rect.x(), rect.y(), 2, rect.height()), color(theme.accent.accent))
        quiet = self._view.is_before and not event.is_change
        ink = theme.text.quiet if quiet else theme.text.text
        room = rect.adjusted(8, 0, -8, 0)
        at = clock(event.at_us, now_us())
        clock_font = font(TABLE_PX, tabular=True)
        paint_text(painter, room, at, clock_font, theme.text.quiet, LEFT)
        room.adjust(self._view.clock_px, 0, 0, 0)
        place = square(room.x() + 8, rect.center().y(), 14)
        if event.symbol:
            paint_symbol(painter, place, event.symbol, theme, ground)
        else:
            icon = ICONS.get(event.group, OTHER_ICON)
            painter.drawPixmap(place.topLeft(), self._look.pixmap(icon, ink, 14))
        room.adjust(24, 0, 0, 0)
        if self._view.names and event.name and room.width() > LEAST_WORDS_PX:
            name_px = min(NAME_PX, int(room.width() * 0.4))
            name = QRectF(room.x(), room.y(), name_px, room.height())
            paint_text(painter, name, event.name, font(TABLE_PX), theme.text.quiet, LEFT)
            room.adjust(name_px + 8, 0, 0, 0)
        weight = 600 if event.is_change and self._view.is_before else 400
        paint_end_elided(painter, room, event.words, font(TABLE_PX, weight), ink)


class _List(QListView):
    chosen = Signal(object)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        rows = self.model()
        if index.isValid() and isinstance(rows, Events):
            self.chosen.emit(rows.events[index.row()].subject)


class Timeline(QWidget):
    """Chips that leave groups out, and the lines."""

    subject_chosen = Signal(object)
    """A line was clicked: what it is about."""

    def __init__(self, model: Model, link: Asks, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._link, self._look = model, link, look
        self.rows = Events(self)
        self.is_before = False
        self.names = False
        self.clock_px = 84
        self._subjects: tuple[UUID, ...] = ()
        self._from_us, self._to_us = 0, 0
        self._goes_on, self._is_stale = True, False
        self._asked = 0
        self._waits, self._is_whole = False, True
        self._oldest: RowMark | None = None
        self.chips = {group: self._chip(group, title) for group, (title, _) in GROUPS.items()}
        self.view = _List()
        self.view.setModel(self.rows)
        self.view.setItemDelegate(_Delegate(look, self))
        self.view.setUniformItemSizes(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName("Timeline")
        self.view.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.view.chosen.connect(self.subject_chosen)
        self.none = Label("", "quiet", wrap=True)
        self._lay_out()
        model.changed.connect(self._on_changed)
        look.changed.connect(self.view.viewport().update)

    def show_of(
        self,
        subjects: Iterable[UUID],
        from_us: int = 0,
        to_us: int | None = None,
        *,
        is_before: bool = False,
    ) -> None:
        """Show what happened to these between two moments, or until now and on; `is_before`: what changed stands out."""
        wanted = tuple(subjects)
        same = (wanted, from_us, is_before) == (self._subjects, self._from_us, self.is_before)
        if same and (to_us == self._to_us or (to_us is None and self._goes_on)):
            return
        self._subjects, self._from_us, self.is_before = wanted, from_us, is_before
        self._goes_on, self._to_us = to_us is None, to_us if to_us is not None else self._model.now_us()
        self.names = len(wanted) > 1
        self._begin()

    @property
    def groups(self) -> list[str]:
        """The groups that are shown."""
        return [group for group, chip in self.chips.items() if chip.isChecked()]

    def tick(self) -> None:
        """Show times as of now."""
        self._follow()
        self.view.viewport().update()

    # Asking

    def _follow(self) -> None:
        """Be at the moment of the past that is shown, one question at a time."""
        moment_us = self._model.moment_us
        if self._goes_on and moment_us not in (None, self._to_us) and not self._waits and self.isVisible():
            self._asked += 1
            self._oldest, self._is_whole, self._is_stale = None, False, True
            self._to_us = self._model.now_us()
            self._ask()

    def _begin(self) -> None:
        self._asked += 1
        self.rows.clear()
        self._oldest, self._waits, self._is_whole, self._is_stale = None, False, False, False
        if self._goes_on:
            self._to_us = self._model.now_us()
        self._say()
        self._ask()

    def _ask(self) -> None:
        kinds = kinds_of(self.groups)
        if self._waits or self._is_whole or not self._subjects:
            return
        asked, self._waits = self._asked, True
        if not kinds:
            self._take(asked, [])
            return
        from_us, to_us, mark, subjects = self._from_us, self._to_us, self._oldest, self._subjects
        self._link.request(
            lambda number: QueryTimeline(number, from_us, to_us, subjects, kinds, PAGE_ROWS, before=mark),
            lambda reply: self._take(asked, msgspec.convert(reply.result.get("rows", []), list[JournalRow])),
        )

    def _take(self, asked: int, rows: list[JournalRow]) -> None:
        if asked != self._asked:
            return
        self._waits = False
        if self._is_stale:
            self._is_stale = False
            self.rows.clear()
        self._is_whole = len(rows) < PAGE_ROWS
        if rows:
            last = min(rows, key=lambda row: (row.at_us, row.origin.bytes, row.seq))
            self._oldest = RowMark(last.at_us, last.origin, last.seq)
        self._add(rows)
        self._say()
        if not self._is_whole and not self.view.verticalScrollBar().maximum():
            QTimer.singleShot(0, self, self._fill)
        self._follow()

    def _fill(self) -> None:
        """Ask on where what is there does not fill the view."""
        if self.isVisible() and not self.view.verticalScrollBar().maximum():
            self._ask()

    # Showing

    def _on_changed(self, delta: Delta) -> None:
        if self._goes_on and delta.initial and self._subjects and self._model.moment_us != self._to_us:
            self._begin()
        self._follow()
        if not self._goes_on or not self._subjects or not delta.journal:
            return
        kinds, subjects = frozenset(kinds_of(self.groups)), frozenset(self._subjects)
        self._add(row for row in delta.journal if row.kind in kinds and is_about(row, subjects))
        self._say()

    def _on_scrolled(self, value: int) -> None:
        bar = self.view.verticalScrollBar()
        if value >= bar.maximum() - 4 * ROW_PX:
            self._ask()

    def _add(self, rows: Iterable[JournalRow]) -> None:
        groups = set(self.groups)
        events = [event for row in rows if (event := event_of(self._model, row)) is not None]
        self.rows.add(event for event in events if event.group in groups)
        self._measure()

    def _measure(self) -> None:
        """Give the clock the room of the longest one."""
        now, events = now_us(), self.rows.events
        metrics = QFontMetrics(font(TABLE_PX, tabular=True))
        ends = (events[0], events[-1]) if events else ()
        self.clock_px = max((metrics.horizontalAdvance(clock(e.at_us, now)) for e in ends), default=60) + 8

    def _say(self) -> None:
        empty = not self.rows.events
        self.view.setVisible(not empty)
        self.none.setVisible(empty)
        if self._waits:
            self.none.setText("")
        elif self.is_before:
            self.none.setText("Nothing happened here in the half hour before: the change is elsewhere.")
        else:
            self.none.setText("Nothing happened yet")

    def _chip(self, group: str, title: str) -> QPushButton:
        made = button(title, "chip", self)
        made.setCheckable(True)
        made.setChecked(True)
        made.setAccessibleName(f"Show {title.lower()}")
        made.toggled.connect(self._begin)
        return made

    def _lay_out(self) -> None:
        chips = Flow()
        for chip in self.chips.values():
            chips.addWidget(chip)
        row = QHBoxLayout()
        row.setContentsMargins(8, 6, 8, 4)
        row.addLayout(chips)
        self.none.setContentsMargins(16, 8, 16, 0)
        self.none.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.none, 1)
