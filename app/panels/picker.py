"""A list to pick from, in groups, with search: it drops under what was pressed. Counterpart: the graphs, which fill it.

One rule: what is offered is asked for by the text that was typed, so that a long list is never made whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLayout,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.look import HEAD_PX, ROW_PX, TABLE_PX, Look, color, font
from app.panels.text import LEFT, RIGHT, paint_text

WIDTH_PX, ROWS_SHOWN = 328, 14
OFFERED_CAP = 400
Index = QModelIndex | QPersistentModelIndex


class Entry(NamedTuple):
    """One line. Without `then` it is the heading of a group."""

    title: str
    then: Callable[[], None] | None = None
    quiet: str = ""
    current: bool = False


def matches(text: str, *fields: str) -> bool:
    """Tell whether every word of a folded text is in one of the fields."""
    said = " ".join(fields).casefold()
    return all(word in said for word in text.split())


def grouped(entries: Iterable[tuple[str, Entry]]) -> list[Entry]:
    """Return entries under the headings of their groups, as far as they are shown."""
    made: list[Entry] = []
    last = None
    for group, entry in entries:
        if len(made) >= OFFERED_CAP:
            made.append(Entry("More: type to search"))
            break
        if group != last and group:
            made.append(Entry(group))
        last = group
        made.append(entry)
    return made


class _Entries(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def show_entries(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return self.entries[index.row()].title if role == Qt.ItemDataRole.DisplayRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) if self.entries[index.row()].then else Qt.ItemFlag.NoItemFlags


class _Delegate(QStyledItemDelegate):
    def __init__(self, look: Look, rows: _Entries, parent: QWidget) -> None:
        super().__init__(parent)
        self._look, self._rows = look, rows

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(40, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, entry, rect = self._look.theme, self._rows.entries[index.row()], QRectF(option.rect)
        room = rect.adjusted(10, 0, -10, 0)
        if entry.then is None:
            paint_text(painter, room, entry.title, font(HEAD_PX), theme.text.quiet, LEFT)
            return
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.accent.ground))
            painter.drawRoundedRect(rect.adjusted(2, 0, -2, 0), 5, 5)
        if entry.current:
            painter.drawPixmap(
                int(room.right()) - 14, int(rect.y()) + 5, self._look.pixmap("check", size_px=14)
            )
            room.adjust(0, 0, -20, 0)
        if entry.quiet:
            quiet = font(HEAD_PX)
            room.adjust(0, 0, -8 - paint_text(painter, room, entry.quiet, quiet, theme.text.quiet, RIGHT), 0)
        paint_text(painter, room, entry.title, font(TABLE_PX), theme.text.text, LEFT)


class Picker(QDialog):
    """The list. `offer` returns what a typed text finds, headings included. Closes when something is taken."""

    def __init__(
        self, look: Look, offer: Callable[[str], list[Entry]], hint: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self._offer = offer
        self._rows = _Entries()
        self.field = QLineEdit()
        self.field.setProperty("kind", "search")
        self.field.setPlaceholderText(hint)
        self.field.setMaxLength(120)
        self.field.addAction(look.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.list = QListView()
        self.list.setModel(self._rows)
        self.list.setItemDelegate(_Delegate(look, self._rows, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.entered.connect(self.list.setCurrentIndex)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.clicked.connect(self._take)
        card = QFrame()
        card.setProperty("kind", "card")
        card.setFixedWidth(WIDTH_PX)
        inner = QVBoxLayout(card)
        inner.setContentsMargins(6, 6, 6, 6)
        inner.setSpacing(4)
        inner.addWidget(self.field)
        inner.addWidget(self.list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(card)
        layout.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)
        self._search("")

    @property
    def entries(self) -> list[Entry]:
        """What is offered now."""
        return self._rows.entries

    def drop_under(self, widget: QWidget) -> None:
        """Show below a widget, within its window."""
        window = widget.window()
        at = widget.mapTo(window, QPoint(-6, widget.height() + 2))
        self.adjustSize()
        x = max(8, min(at.x(), window.width() - WIDTH_PX - 8))
        y = max(8, min(at.y(), window.height() - self.height() - 8))
        self.move(window.mapToGlobal(QPoint(x, y)))
        self.show()
        self.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrows move in the list while the field has the keyboard; Return takes."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: ROWS_SHOWN,
                Qt.Key.Key_PageUp: -ROWS_SHOWN,
            }.get(Qt.Key(event.key()))
            if step is not None:
                self._step(step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)

    def _step(self, step: int) -> None:
        rows = [number for number, entry in enumerate(self.entries) if entry.then is not None]
        if rows:
            now = self.list.currentIndex().row()
            place = rows.index(now) if now in rows else -1
            wanted = (place + step) % len(rows) if abs(step) == 1 else place + step
            self.list.setCurrentIndex(self._rows.index(rows[max(0, min(wanted, len(rows) - 1))]))

    def _search(self, text: str) -> None:
        found = self._offer(text.strip().casefold())
        self._rows.show_entries(found or [Entry("Nothing found")])
        takeable = [number for number, entry in enumerate(found) if entry.then is not None]
        chosen = next((number for number in takeable if found[number].current and not text), None)
        first = chosen if chosen is not None else next(iter(takeable), -1)
        self.list.setCurrentIndex(self._rows.index(first) if first >= 0 else QModelIndex())
        if not self.isVisible():
            self.list.setFixedHeight(max(1, min(ROWS_SHOWN, len(self.entries))) * ROW_PX + 4)

    def _take(self, index: QModelIndex) -> None:
        entry = self.entries[index.row()] if index.isValid() else None
        if entry is not None and entry.then is not None:
            self.close()
            entry.then()
