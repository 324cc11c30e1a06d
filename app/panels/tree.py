"""The left side: filter, tree, tray. Counterpart: `tree_model.py`, whose rows it paints.

One rule: a row is painted, never a widget, so that 5,000 devices scroll like fifty.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from app.look import REGION_ROW_PX, ROW_PX, TABLE_PX, Look, color, font, square
from app.model import Delta, Model
from app.panels.text import LEFT, RIGHT, Label, paint_text
from app.panels.tray import Tray
from app.panels.tree_model import Key, Node, TreeModel
from app.symbols import RANK, paint_symbol

INDENT_PX = 16
CHEVRON_X_PX = 14
WIDTH_PX = 280
OPEN_AT_FIRST = 24
"""A network of at most so many devices is shown with its regions open."""
OPEN_AT_FILTER = 400
"""A filter that leaves at most so many devices shows them all."""


class TreeDelegate(QStyledItemDelegate):
    """Paints one row: chevron, symbol, name, and what stands at the end."""

    def __init__(self, look: Look, rows: TreeModel, view: TreeView) -> None:
        super().__init__(view)
        self._look = look
        self._rows = rows
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Regions are taller."""
        node = self._rows.node(index)
        return QSize(100, REGION_ROW_PX if node is not None and node.kind == "region" else ROW_PX)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint a row."""
        node = self._rows.node(index)
        if node is None:
            return
        theme = self._look.theme
        rect = QRectF(option.rect)
        state: QStyle.StateFlag = option.state
        ground = theme.surface.panel
        if state & QStyle.StateFlag.State_Selected:
            ground = theme.accent.ground
            painter.fillRect(rect, color(ground))
            painter.fillRect(QRectF(0, rect.y(), 2, rect.height()), color(theme.accent.accent))
        elif state & QStyle.StateFlag.State_MouseOver:
            ground = theme.surface.raised
            painter.fillRect(rect, color(ground))
        x = node.depth * INDENT_PX
        middle_y = rect.center().y()
        if node.children:
            name = "chevron-down" if self._view.isExpanded(index) else "chevron-right"
            chevron = self._look.pixmap(name, theme.text.faint, 14)
            painter.drawPixmap(square(x + CHEVRON_X_PX, middle_y, 14).toRect(), chevron)
        paint_symbol(painter, square(x + CHEVRON_X_PX + 21, middle_y, 15), node.status, theme, ground)
        left = x + CHEVRON_X_PX + 36
        right_width = 0
        if node.right:
            column = QRectF(rect.right() - 112, rect.y(), 100, rect.height())
            right_width = 12 + paint_text(
                painter, column, node.right, font(TABLE_PX, tabular=True), theme.text.quiet, RIGHT
            )
        quiet = node.kind != "region" and RANK[node.status] >= RANK["unknown"]
        ink = theme.text.quiet if quiet and not state & QStyle.StateFlag.State_Selected else theme.text.text
        weight = 600 if node.kind == "region" else 400
        room = QRectF(left, rect.y(), rect.width() - left - right_width - 12, rect.height())
        paint_text(painter, room, node.name, font(TABLE_PX + (node.kind == "region"), weight), ink, LEFT)


class TreeView(QTreeView):
    """The tree. A click on a device chooses it, on anything else opens or shuts it."""

    chosen = Signal(object)
    flown = Signal(object)
    menu_wanted = Signal(object, QPoint)

    def __init__(self, look: Look, rows: TreeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.setModel(rows)
        self.setItemDelegate(TreeDelegate(look, rows, self))
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setMouseTracking(True)
        self.setExpandsOnDoubleClick(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAccessibleName("Sites and devices")
        look.changed.connect(self.viewport().update)

    def select(self, id: UUID | None) -> None:
        """Show a device as selected, its site open, without telling anybody."""
        index = self._rows.index_of(("device", id)) if id else QModelIndex()
        if index != self.currentIndex():
            self.setCurrentIndex(index)
        if not index.isValid():
            self.clearSelection()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a device, open or shut what holds some."""
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton:
            self._activate(self._rows.node(self.indexAt(event.position().toPoint())))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Bring a device into view."""
        node = self._rows.node(self.indexAt(event.position().toPoint()))
        if node is not None and node.kind == "device":
            self.flown.emit(node.key[1])
        else:
            self._activate(node)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return does what a click does; arrows over devices choose them."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._activate(self._rows.node(self.currentIndex()))
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End):
            node = self._rows.node(self.currentIndex())
            if node is not None and node.kind == "device":
                self.chosen.emit(node.key[1])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of a device or a site; the menu key asks for that of the current row, below it."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if by_mouse else self.currentIndex()
        node = self._rows.node(index)
        if node is not None and node.kind in ("device", "site"):
            below = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft())
            self.menu_wanted.emit(node.key[1], event.globalPos() if by_mouse else below)

    def _activate(self, node: Node | None) -> None:
        if node is None:
            return
        if node.kind == "device":
            self.chosen.emit(node.key[1])
            return
        index = self._rows.index_of(node.key)
        self.setExpanded(index, not self.isExpanded(index))


class TreePanel(QWidget):
    """Filter on top, tree, tray at the bottom."""

    device_chosen = Signal(object)
    device_flown = Signal(object)
    """A device is to be brought into view too."""
    add_wanted = Signal()
    menu_wanted = Signal(object, QPoint)
    resized = Signal(int)
    """How wide it is now, whoever moved its edge."""

    def __init__(self, model: Model, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumWidth(200)
        self._look = look
        self._model = model
        self.rows = TreeModel(model, self)
        self.tree = TreeView(look, self.rows)
        self.tray = Tray(model, look)
        self.filter = QLineEdit()
        self.filter.setProperty("kind", "search")
        self.filter.setPlaceholderText("Filter")
        self.filter.setMaxLength(120)
        self.filter.setClearButtonEnabled(True)
        self._funnel = self.filter.addAction(look.icon("funnel"), QLineEdit.ActionPosition.LeadingPosition)
        self._add = QToolButton()
        self._add.setProperty("kind", "bare")
        self._add.setToolTip("Add a device (N)")
        self._add.clicked.connect(self.add_wanted)
        self._statuses: frozenset[str] = frozenset()
        self._faulty: set[Key] = set()
        self._opened = False
        self._pages = QStackedWidget()
        self._pages.addWidget(self.tree)
        self._pages.addWidget(self._note_page())
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 10, 6)
        top.setSpacing(6)
        top.addWidget(self.filter)
        top.addWidget(self._add)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.tray)
        self.filter.textChanged.connect(self._on_filter)
        self.tree.chosen.connect(self.device_chosen)
        self.tree.flown.connect(self.device_flown)
        self.tree.menu_wanted.connect(self.menu_wanted)
        self.rows.layoutChanged.connect(self._show_page)
        model.changed.connect(
            self._open_new_faults
        )  # after the rows' own slot: they and the view have it by then
        model.changed.connect(self._on_changed)
        look.changed.connect(self._dress)
        self._dress()
        self._show_page()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell."""
        super().resizeEvent(event)
        self.resized.emit(event.size().width())

    def set_statuses(self, statuses: frozenset[str]) -> None:
        """Show only devices of these statuses; none means all."""
        self._statuses = statuses
        self._on_filter()

    def select(self, id: UUID | None) -> None:
        """Show a device as selected."""
        self.tree.select(id)

    def _on_changed(self, delta: Delta) -> None:
        if delta.initial and not self._opened and self.rows.device_count:
            self._opened = True
            if self.rows.device_count <= OPEN_AT_FIRST:
                self.tree.expandToDepth(0)

    def _on_filter(self) -> None:
        self.rows.set_filter(self.filter.text(), self._statuses)
        if self.rows.filtered and self.rows.device_count <= OPEN_AT_FILTER:
            self.tree.expandAll()

    def _note_page(self) -> QWidget:
        page = QWidget()
        self._note_head = Label("", "head")
        self._note = Label("", "quiet", wrap=True)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(16, 14, 16, 0)
        layout.setSpacing(4)
        layout.addWidget(self._note_head)
        layout.addWidget(self._note)
        layout.addStretch(1)
        return page

    def _show_page(self) -> None:
        if self._model.tenant is None:
            self._pages.setCurrentIndex(1)
            return
        empty = self.rows.rowCount() == 0
        if empty and self.rows.filtered:
            self._note_head.setText("Nothing matches")
            self._note.setText("No device has that in its name, address, site or region.")
        elif empty:
            self._note_head.setText("No sites yet")
            self._note.setText("Sites appear here as devices are added. A device names its site.")
        self._pages.setCurrentIndex(1 if empty else 0)

    def _open_new_faults(self, _: Delta) -> None:
        """Open a region when the first thing in it goes down: at three in the morning nobody wants to look for it."""
        tops = [self.rows.node(self.rows.index(row, 0)) for row in range(self.rows.rowCount())]
        faulty = {node.key for node in tops if node is not None and node.status == "down"}
        for key in faulty - self._faulty:
            self.tree.expand(self.rows.index_of(key))
        self._faulty = faulty

    def _dress(self) -> None:
        self._funnel.setIcon(self._look.icon("funnel"))
        self._add.setIcon(self._look.icon("plus", self._look.theme.text.quiet, 18))
