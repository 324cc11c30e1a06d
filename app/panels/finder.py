"""A popup that finds: a field, the list of what a typed text finds, the keys between them. Counterpart: `Picker` and `Palette`.

One rule: what is found is told by its place in the list, never by a widget each; the first hit is chosen already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSignalBlocker,
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

from app.look import HEAD_PX, Look, color, font
from app.panels.text import LEFT, paint_text

TYPED_CHARS = 120
Index = QModelIndex | QPersistentModelIndex


class Entry(NamedTuple):
    """One line. Without `then` it is the heading of a group; `status` is that of a thing that has one, else `icon` is shown."""

    title: str
    then: Callable[[], None] | None = None
    quiet: str = ""
    current: bool = False
    status: str = ""
    icon: str = ""


class Shape(NamedTuple):
    """How one popup looks. `kind` is its field's in the style sheet, `margins_px` are left, top, right and bottom.

    `title_px` is where titles begin, those of groups as well. `paint` paints an entry on a ground of the colour it is told.
    """

    kind: str
    width_px: int
    row_px: int
    rows_shown: int
    title_px: int
    icon_px: int
    margins_px: tuple[int, int, int, int]
    paint: Callable[[QPainter, QRectF, Entry, str, Look], None]


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
    def __init__(self, look: Look, shape: Shape, rows: _Entries, parent: QWidget) -> None:
        super().__init__(parent)
        self._look, self._shape, self._rows = look, shape, rows

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(40, self._shape.row_px)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, entry, rect = self._look.theme, self._rows.entries[index.row()], QRectF(option.rect)
        if entry.then is None:
            room = rect.adjusted(self._shape.title_px, 0, -10, 0)
            paint_text(painter, room, entry.title, font(HEAD_PX), theme.text.quiet, LEFT)
            return
        ground = theme.surface.panel
        if option.state & QStyle.StateFlag.State_Selected:
            ground = theme.accent.ground
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(ground))
            painter.drawRoundedRect(rect.adjusted(3, 0.5, -3, -0.5), 6, 6)
        self._shape.paint(painter, rect, entry, ground, self._look)


class Finder(QDialog):
    """The popup. `offer` returns what a typed text (stripped, folded) finds. Closes when something is taken."""

    def __init__(
        self,
        look: Look,
        shape: Shape,
        offer: Callable[[str], list[Entry]],
        hint: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self._offer, self._shape = offer, shape
        self._rows = _Entries()
        self.field = QLineEdit()
        self.field.setProperty("kind", shape.kind)
        self.field.setPlaceholderText(hint)
        self.field.setMaxLength(TYPED_CHARS)
        icon = look.icon("search", size_px=shape.icon_px)
        self.field.addAction(icon, QLineEdit.ActionPosition.LeadingPosition)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.list = QListView()
        self.list.setModel(self._rows)
        self.list.setItemDelegate(_Delegate(look, shape, self._rows, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.entered.connect(self.list.setCurrentIndex)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.clicked.connect(self._take)
        card = QFrame()
        card.setProperty("kind", "card")
        card.setFixedWidth(shape.width_px)
        inner = QVBoxLayout(card)
        inner.setContentsMargins(*shape.margins_px)
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

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrows move in the list while the field has the keyboard; Return takes."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: self._shape.rows_shown,
                Qt.Key.Key_PageUp: -self._shape.rows_shown,
            }.get(Qt.Key(event.key()))
            if step is not None:
                self._step(step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)

    def fit_list(self) -> None:
        """Make the list as tall as what is in it, within its cap."""
        shown = max(1, min(self._shape.rows_shown, len(self.entries)))
        self.list.setFixedHeight(shown * self._shape.row_px)

    def _step(self, step: int) -> None:
        rows = [number for number, entry in enumerate(self.entries) if entry.then is not None]
        if rows:
            now = self.list.currentIndex().row()
            place = rows.index(now) if now in rows else -1
            wanted = (place + step) % len(rows) if abs(step) == 1 else place + step
            self._choose(rows[max(0, min(wanted, len(rows) - 1))])

    def _choose(self, row: int) -> None:
        # else a row that scrolls below a resting mouse would be chosen instead
        with QSignalBlocker(self.list):
            self.list.setCurrentIndex(self._rows.index(row) if row >= 0 else QModelIndex())

    def _search(self, text: str) -> None:
        found = self._offer(text.strip().casefold())
        self._rows.show_entries(found or [Entry("Nothing found")])
        takeable = [number for number, entry in enumerate(found) if entry.then is not None]
        chosen = next((number for number in takeable if found[number].current and not text), None)
        self._choose(chosen if chosen is not None else next(iter(takeable), -1))
        if not self.isVisible():
            self.fit_list()

    def _take(self, index: QModelIndex) -> None:
        entry = self.entries[index.row()] if index.isValid() else None
        if entry is not None and entry.then is not None:
            self.close()
            entry.then()
