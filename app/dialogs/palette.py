"""Search and commands in one field (Ctrl+K). Counterpart: `Model` for things, the window's actions for verbs.

One rule: what is found is told by its place in the list, never by a widget each; the first hit is chosen already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QPainter
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

from app.look import BASE_PX, HEAD_PX, TABLE_PX, Look, color, font, square
from app.model import Model
from app.panels.text import LEFT, RIGHT, paint_text
from app.symbols import RANK, paint_symbol
from app.words import ends_of_link, name_of_link, where

WIDTH_PX = 560
ROW_PX = 32
HITS_SHOWN = 12
FAULTS_SHOWN = 5
"""Before anything is typed: what is wrong now, then what can be done."""
Index = QModelIndex | QPersistentModelIndex


class Hit(NamedTuple):
    """One thing that was found. `status` is empty for a command."""

    title: str
    quiet: str
    status: str
    then: Callable[[], None]


def search(model: Model, actions: Sequence[QAction], text: str, choose: Callable[[UUID], None]) -> list[Hit]:
    """Return what matches, best first: names that begin so, then those that hold it; faults before the rest."""
    text = text.strip().casefold()
    inventory = model.inventory
    found: list[tuple[tuple[int, int, str], Hit]] = []
    for device in inventory.devices():
        rank = _rank(text, device.name, device.address)
        status = model.status_of(device.id)
        if rank is not None and (text or RANK[status] < RANK["stale"]):
            place = where(inventory, device)
            quiet = f"{place}  {device.address}" if place else device.address
            hit = Hit(device.name, quiet, status, lambda id=device.id: choose(id))  # type: ignore[misc]
            found.append(((rank, RANK[status], device.name.casefold()), hit))
    if text:
        for link in inventory.links():
            name = name_of_link(inventory, link)
            rank = _rank(text, *ends_of_link(inventory, link), name)
            if rank is not None:
                hit = Hit(
                    name,
                    f"{link.kind} link",
                    model.link_status_of(link.id),
                    lambda id=link.id: choose(id),  # type: ignore[misc]
                )
                found.append(((rank + 1, RANK[hit.status], name.casefold()), hit))
    for action in actions:
        rank = _rank(text, action.iconText())
        if rank is not None and action.isEnabled():
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            found.append(((rank, -1, action.iconText()), Hit(action.iconText(), keys, "", action.trigger)))
    found.sort(key=lambda pair: pair[0])
    if not text:
        faults = [pair for pair in found if pair[1].status]
        found = faults[:FAULTS_SHOWN] + [pair for pair in found if not pair[1].status]
    return [hit for _, hit in found[:HITS_SHOWN]]


def _rank(text: str, *fields: str) -> int | None:
    folded = [field.casefold() for field in fields]
    if any(field.startswith(text) for field in folded):
        return 0
    return 1 if any(text in field for field in folded) else None


class _Hits(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.hits: list[Hit] = []

    def show_hits(self, hits: list[Hit]) -> None:
        self.beginResetModel()
        self.hits = hits
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.hits)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return self.hits[index.row()].title if role == Qt.ItemDataRole.DisplayRole else None


class _Delegate(QStyledItemDelegate):
    def __init__(self, look: Look, hits: _Hits, parent: QWidget) -> None:
        super().__init__(parent)
        self._look, self._hits = look, hits

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(WIDTH_PX, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, hit, rect = self._look.theme, self._hits.hits[index.row()], QRectF(option.rect)
        ground = theme.surface.panel
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            ground = theme.accent.ground
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(ground))
            painter.drawRoundedRect(rect.adjusted(4, 1, -4, -1), 6, 6)
        middle = square(24, rect.center().y(), 16)
        if hit.status:
            paint_symbol(painter, middle, hit.status, theme, ground)
        else:
            painter.drawPixmap(middle.toRect(), self._look.pixmap("chevron-right", size_px=16))
        right = QRectF(rect.right() - 230, rect.y(), 216, rect.height())
        small = font(TABLE_PX if hit.status else HEAD_PX, tabular=True)
        width = paint_text(painter, right, hit.quiet, small, theme.text.quiet, RIGHT)
        room = QRectF(42, rect.y(), rect.width() - 42 - width - 30, rect.height())
        paint_text(painter, room, hit.title, font(BASE_PX), theme.text.text, LEFT)


class Palette(QDialog):
    """The field and what it finds. Closes when something is chosen or the window is clicked."""

    chosen = Signal(object)
    """The id of a device or a link."""

    def __init__(
        self, model: Model, look: Look, actions: Sequence[QAction], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self._model, self._actions = model, actions
        self._hits = _Hits()
        self.field = QLineEdit()
        self.field.setProperty("kind", "palette")
        self.field.setPlaceholderText("Search devices, links and commands")
        self.field.setMaxLength(120)
        self.field.addAction(look.icon("search", size_px=18), QLineEdit.ActionPosition.LeadingPosition)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.list = QListView()
        self.list.setModel(self._hits)
        self.list.setItemDelegate(_Delegate(look, self._hits, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.clicked.connect(self._take)
        card = QFrame()
        card.setProperty("kind", "card")
        card.setFixedWidth(WIDTH_PX)
        inner = QVBoxLayout(card)
        inner.setContentsMargins(8, 4, 8, 8)
        inner.setSpacing(4)
        inner.addWidget(self.field)
        inner.addWidget(self.list)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(card)
        layout.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)
        self._search("")
        self.field.setFocus()

    @property
    def titles(self) -> list[str]:
        """What is found, best first."""
        return [hit.title for hit in self._hits.hits]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrows move in the list while the field has the keyboard; Return takes."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            count = len(self._hits.hits)
            if step is not None and count:
                row = (self.list.currentIndex().row() + step) % count
                self.list.setCurrentIndex(self._hits.index(row))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)

    def _search(self, text: str) -> None:
        self._hits.show_hits(search(self._model, self._actions, text, self.chosen.emit))
        self.list.setCurrentIndex(self._hits.index(0))
        self.list.setFixedHeight(max(1, len(self._hits.hits)) * ROW_PX)

    def _take(self, index: QModelIndex) -> None:
        if index.isValid():
            hit = self._hits.hits[index.row()]
            self.close()
            hit.then()
