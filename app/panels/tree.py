"""The left side: filter, tree, tray. Counterpart: `tree_model.py`, whose rows it shows; `tree_rows.py` paints them.

One rule: a row is painted, never a widget, so that 5,000 devices scroll like fifty.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QStackedWidget,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from app.look import Look
from app.map.sieve import Sifted, words_of
from app.model import Delta, Model
from app.panels.text import Label
from app.panels.tray import Tray
from app.panels.tree_model import TreeModel
from app.panels.tree_rows import TreeDelegate, chevron_end_px
from app.symbols import STATUSES
from app.team.rights import offer, why_not
from domain.hierarchy import NO_SITE, Key

WIDTH_PX = 280
OPEN_AT_FIRST = 24
"""A network of at most so many devices is shown with its regions open."""
OPEN_AT_FILTER = 400
"""A filter that leaves at most so many devices shows them all."""


class TreeView(QTreeView):
    """The tree. A click chooses; one on a chevron opens or shuts, as do Space and the arrows to the sides."""

    chosen = Signal(object)
    """The key of a region, site or device."""
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

    def select(self, key: Key | None) -> None:
        """Show a thing as selected, what it stands in open, without telling anybody."""
        index = self._rows.index_of(key) if key is not None else QModelIndex()
        if index != self.currentIndex():
            self.setCurrentIndex(index)
        if not index.isValid():
            self.clearSelection()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what is under the pointer, or open or shut it at its chevron."""
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        node = self._rows.node(index)
        if event.button() != Qt.MouseButton.LeftButton or node is None:
            return
        if node.children and event.position().x() < chevron_end_px(node):
            self.setExpanded(index, not self.isExpanded(index))
        elif node.key != NO_SITE:
            self.chosen.emit(node.key)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Bring a thing into view."""
        index = self.indexAt(event.position().toPoint())
        node = self._rows.node(index)
        if node is None:
            return
        if node.key == NO_SITE or (node.children and event.position().x() < chevron_end_px(node)):
            self.setExpanded(index, not self.isExpanded(index))
        else:
            self.flown.emit(node.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return brings into view, Space opens and shuts, arrows choose what they come to."""
        index = self.currentIndex()
        node = self._rows.node(index)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and node is not None:
            if node.key != NO_SITE:
                self.flown.emit(node.key)
            return
        if event.key() == Qt.Key.Key_Space:
            self.setExpanded(index, not self.isExpanded(index))
            return
        super().keyPressEvent(event)
        node = self._rows.node(self.currentIndex())
        if self.currentIndex() != index and node is not None and node.key != NO_SITE:
            self.chosen.emit(node.key)

    def keyboardSearch(self, search: str) -> None:
        """Letters are the window's, and the filter's above: half of a name would be shortcuts."""

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of what is under the pointer; the menu key asks for that of the current row, below it."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if by_mouse else self.currentIndex()
        node = self._rows.node(index)
        if node is not None and node.key != NO_SITE:
            below = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft())
            self.menu_wanted.emit(node.key, event.globalPos() if by_mouse else below)


class TreePanel(QWidget):
    """Filter on top, tree, tray at the bottom."""

    chosen = Signal(object)
    """The key of a region, site or device."""
    flown = Signal(object)
    """One is to be brought into view too."""
    add_wanted = Signal()
    add_site_wanted = Signal()
    menu_wanted = Signal(object, QPoint)
    resized = Signal(int)
    """How wide it is now, whoever moved its edge."""
    sifted = Signal(object)
    """What the filter leaves: `Sifted`, or None where there is no filter."""

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
        self._add.setToolTip("Add a device or a site")
        self._add.clicked.connect(self._open_add_menu)
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
        self.tree.chosen.connect(self.chosen)
        self.tree.flown.connect(self.flown)
        self.tree.menu_wanted.connect(self.menu_wanted)
        self.rows.layoutChanged.connect(self._show_page)
        self.rows.layoutChanged.connect(self._tell_sifted)
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

    def select(self, key: Key | None) -> None:
        """Show a region, a site or a device as selected."""
        self.tree.select(key)

    def _on_changed(self, delta: Delta) -> None:
        if delta.initial and not self._opened and self.rows.device_count:
            self._opened = True
            if self.rows.device_count <= OPEN_AT_FIRST:
                self.tree.expandToDepth(0)

    def _on_filter(self) -> None:
        self.rows.set_filter(self.filter.text(), self._statuses)
        if self.rows.filtered and self.rows.device_count <= OPEN_AT_FILTER:
            self.tree.expandAll()

    def _tell_sifted(self) -> None:
        rows = self.rows
        if not rows.filtered:
            self.sifted.emit(None)
            return
        said = words_of(self.filter.text(), [status for status in STATUSES if status in self._statuses])
        self.sifted.emit(Sifted(said, tuple(rows.device_ids()), len(self._model.inventory.tables["device"])))

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
            self._note.setText(
                "Nothing has that in its name, address, role or tags, or in the name of its site or region."
            )
        elif empty and self._model.today is not None:
            self._note_head.setText("No sites then")
            self._note.setText("At this moment there were none, or nothing was kept yet.")
        elif empty:
            self._note_head.setText("No sites yet")
            self._note.setText("Sites appear here as devices are added, or when you add them.")
        self._pages.setCurrentIndex(1 if empty else 0)

    def _open_new_faults(self, _: Delta) -> None:
        """Open what holds sites when the first thing in it goes down: at three in the morning nobody wants to look for it."""
        faulty: set[Key] = set()
        waiting = [QModelIndex()]
        while waiting:
            parent = waiting.pop()
            for row in range(self.rows.rowCount(parent)):
                index = self.rows.index(row, 0, parent)
                node = self.rows.node(index)
                if node is not None and node.status == "down" and node.holds_places:
                    faulty.add(node.key)
                    waiting.append(index)
        for key in faulty - self._faulty:
            self.tree.expand(self.rows.index_of(key))
        self._faulty = faulty

    def _open_add_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        offer(menu, "Add a device…", self.add_wanted.emit, why_not(self._model, "devices:write"))
        offer(menu, "Add a site…", self.add_site_wanted.emit, why_not(self._model, "sites:write"))
        menu.popup(self._add.mapToGlobal(self._add.rect().bottomLeft()))

    def _dress(self) -> None:
        self._funnel.setIcon(self._look.icon("funnel"))
        self._add.setIcon(self._look.icon("plus", self._look.theme.text.quiet, 18))
