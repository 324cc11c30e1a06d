"""What waits for somebody, at the foot of the tree: devices without a place, links nobody drew, contradictions.

Counterpart: the map, onto which devices are dragged; `topology/board.py`, which the other two lead to.
One rule: it never loses one; a device is in the tray exactly as long as neither it nor its site has a place.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.look import ROW_PX, TABLE_PX, Look, color, font, square
from app.model import Delta, Model
from app.panels.text import LEFT, RIGHT, Label, LineLabel, paint_text, tip
from app.symbols import paint_symbol, symbol_pixmap
from app.words import count_of
from domain.inventory import Device

DEVICE_MIME = "application/x-heliograph-device"
"""What dragged devices are on the way to the map: their ids as text, a line each."""
HEAD_PX = 31
ROWS_SHOWN = 8


def is_dragged(data: QMimeData) -> bool:
    """Tell whether a drag carries devices of the tray."""
    return data.hasFormat(DEVICE_MIME)


def ids_in(data: QMimeData) -> tuple[UUID, ...]:
    """Return the devices that a drag carries; none where it is not the tray's."""
    try:
        return tuple(UUID(line) for line in bytes(data.data(DEVICE_MIME).data()).decode().split())
    except ValueError:
        return ()


class HomelessModel(QAbstractListModel):
    """The devices without a place, by name."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self.devices: list[Device] = []

    def refresh(self) -> None:
        """Read the mirror again."""
        inventory = self._model.inventory
        devices = sorted(
            (d for d in inventory.devices() if inventory.place_of(d) is None),
            key=lambda d: d.name.casefold(),
        )
        if devices != self.devices:
            self.beginResetModel()
            self.devices = devices
            self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return how many there are."""
        return 0 if parent.isValid() else len(self.devices)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a name, or the name with its address on hover."""
        device = self.devices[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return device.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(f"{device.name}\n{device.address}\nDrag it onto the map, or onto a site there")
        return None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        """Every one can be dragged."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        """Return what a drag carries."""
        return [DEVICE_MIME]

    def mimeData(self, indexes: list[QModelIndex]) -> QMimeData:  # type: ignore[override]
        """Return the ids of what is dragged."""
        data = QMimeData()
        rows = sorted(index.row() for index in indexes)
        data.setData(DEVICE_MIME, "\n".join(str(self.devices[row].id) for row in rows).encode())
        return data


class _Delegate(QStyledItemDelegate):
    def __init__(self, look: Look, model: Model, rows: HomelessModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._look, self._model, self._rows = look, model, rows

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, ROW_PX)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        theme = self._look.theme
        device = self._rows.devices[index.row()]
        rect = QRectF(option.rect)
        state: QStyle.StateFlag = option.state
        hover = bool(state & QStyle.StateFlag.State_MouseOver)
        ground = theme.surface.raised if hover else theme.surface.panel
        if state & QStyle.StateFlag.State_Selected:
            ground = theme.accent.ground
        painter.fillRect(rect, color(ground))
        status = self._model.status_of(device.id)
        paint_symbol(painter, square(22, rect.center().y(), 15), status, theme, ground)
        right = QRectF(rect.right() - 112, rect.y(), 100, rect.height())
        word, ink = ("Place", theme.accent.accent) if hover else (device.address, theme.text.quiet)
        width = paint_text(painter, right, word, font(TABLE_PX, tabular=True), ink, RIGHT)
        room = QRectF(36, rect.y(), rect.width() - 36 - width - 20, rect.height())
        paint_text(painter, room, device.name, font(TABLE_PX), theme.text.text, LEFT)


class _Head(QWidget):
    clicked = Signal()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit()


class _Waiting(_Head):
    """One line: an icon, what waits, how many. It is there while there are any."""

    def __init__(self, words: str, story: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = QLabel()
        self.count = Label("")
        self.setFixedHeight(HEAD_PX)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(story)
        self.setAccessibleName(words)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(LineLabel(words, "quiet"), 1)
        row.addWidget(self.count)

    def show_count(self, words: str) -> None:
        """Show how many wait; nothing where none do."""
        self.count.setText(words)
        self.setVisible(bool(words))

    def set_icon(self, icon: QPixmap) -> None:
        """Dress it."""
        self._icon.setPixmap(icon)


class Tray(QWidget):
    """ "No place yet", with its count; a click opens the list. Above it what else waits; a click asks for its board."""

    place_wanted = Signal(object)
    """Devices are to be placed by a click on the map: their ids."""
    menu_wanted = Signal(object, QPoint)
    """What else can be done with devices: their ids, and where to say so."""
    links_wanted = Signal()
    doubts_wanted = Signal()

    def __init__(self, model: Model, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._model = model
        self.rows = HomelessModel(model)
        self.list = QListView()
        self.list.setModel(self.rows)
        self.list.setItemDelegate(_Delegate(look, model, self.rows, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setDragEnabled(True)
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._on_menu)
        self.list.installEventFilter(self)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("Devices without a place")
        self.list.clicked.connect(self._on_clicked)
        self.list.hide()
        self._places = _Waiting("No place yet", "Devices that neither have a place nor a site with one")
        self._places.show_count("0 devices")
        self._places.clicked.connect(self.toggle)
        self.links = _Waiting("Told of, not drawn", "Links that devices tell of and nobody has drawn")
        self.links.clicked.connect(self.links_wanted)
        self.doubts = _Waiting("Contradictions", "What devices tell and what is drawn cannot both be so")
        self.doubts.clicked.connect(self.doubts_wanted)
        line = QFrame()
        line.setProperty("kind", "line")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(line)
        for waiting in (self.doubts, self.links, self._places):
            layout.addWidget(waiting)
        self.show_links(0)
        self.show_doubts(0)
        layout.addWidget(self.list)
        model.changed.connect(self._on_changed)
        look.changed.connect(self._dress)
        self._dress()

    def toggle(self) -> None:
        """Open or shut the list; an empty tray stays shut."""
        self.list.setVisible(not self.list.isVisible() and bool(self.rows.devices))

    def show_links(self, count: int) -> None:
        """Show how many links devices tell of and nobody has drawn."""
        self.links.show_count(count_of(count, "link", "links") if count else "")

    def show_doubts(self, count: int) -> None:
        """Show how many contradictions there are."""
        self.doubts.show_count(f"{count:,}" if count else "")

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory:
            self.rows.refresh()
            count = len(self.rows.devices)
            self._places.show_count(count_of(count, "device", "devices"))
            self.list.setFixedHeight(min(count, ROWS_SHOWN) * ROW_PX + 4)
            if not count:
                self.list.hide()
        elif delta.health:
            self.list.viewport().update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Return places what is selected."""
        key = event.key() if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress else None
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.selected():
            self.place_wanted.emit(self.selected())
            return True
        return super().eventFilter(watched, event)

    def selected(self) -> tuple[UUID, ...]:
        """Return the devices that are selected, by name."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedIndexes())
        return tuple(self.rows.devices[row].id for row in rows)

    def _on_clicked(self, index: QModelIndex) -> None:
        """A plain click places; one with a key held selects more."""
        if QGuiApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier:
            self.place_wanted.emit((self.rows.devices[index.row()].id,))

    def _on_menu(self, at: QPoint) -> None:
        if self.selected():
            self.menu_wanted.emit(self.selected(), self.list.viewport().mapToGlobal(at))

    def _dress(self) -> None:
        theme = self._look.theme
        self._places.set_icon(self._look.pixmap("map-pin", size_px=16))
        self.links.set_icon(self._look.pixmap("spline", size_px=16))
        self.doubts.set_icon(symbol_pixmap("degraded", theme, 16))
        self.doubts.count.setStyleSheet(f"color: {theme.status_text['degraded']}; font-weight: 600;")
        self.list.viewport().update()
