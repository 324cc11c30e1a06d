"""A device's interfaces as a table. Counterpart: the facts `interface/<name>`, and the watched values of each.

One rule: a port that is down with a link on it is a fault; a port with nothing plugged in is not.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.look import ROW_PX, TABLE_PX, Look, color, font, square
from app.model import Model
from app.panels.device_says import DeviceSays
from app.panels.port_watch import bell_of, watch_menu, watch_words
from app.panels.text import LEFT, RIGHT, paint_text, tip
from app.symbols import paint_symbol
from app.words import in_mbps, rate
from domain.inventory import Interface
from domain.watching import PortWatch

Index = QModelIndex | QPersistentModelIndex
NAME, IN, OUT, ALERT = range(4)
COLUMNS = ("Name, far end", "In", "Out", "")
ALERT_PX = 26
OVERVIEW_ROWS = 8
_WORDS = {
    "up": "running",
    "down": "not running",
    "unknown": "nothing plugged in",
    "maintenance": "switched off",
}
_ORDER = {"down": 0, "up": 1, "unknown": 2, "maintenance": 3}


class Port(NamedTuple):
    """One interface as it is shown."""

    interface: Interface
    status: str
    far_end: str
    in_bps: float | None
    out_bps: float | None
    watch: PortWatch | None = None

    def order(self) -> tuple[Any, ...]:
        """Faults first, then what leads somewhere, then as the device counts them."""
        return (
            _ORDER[self.status],
            not self.far_end,
            self.interface.index,
            self.interface.name,
        )

    def holds(self, words: list[str]) -> bool:
        """Tell whether every word is in what it is called."""
        about = self.interface
        said = f"{about.name} {about.alias} {self.far_end} {about.mac} {about.kind} {_WORDS[self.status]}"
        said = f"{said} {watch_words(self.watch)}".casefold()
        return all(word in said for word in words)


def ports_of(model: Model, device: UUID, says: DeviceSays | None = None) -> list[Port]:
    """Return a device's interfaces in the order in which they are shown. `says`: the device's facts, already read."""
    if says is None:
        says = DeviceSays()
        says.read(model, device)
    far_ends = _far_ends(model, device)
    samples = model.samples.get(device, {})
    intended = model.inventory.device(device)
    watches = {port.interface: port for port in intended.ports} if intended is not None else {}
    found = []
    for _, port, _ in says.things("interface"):
        oper = samples.get(("if_oper_up", port.name))
        running = bool(oper.value) if oper is not None else port.oper_up
        far_end = far_ends.get(port.name, "")
        status = "up"
        if not port.admin_up:
            status = "maintenance"
        elif not running:
            status = "down" if far_end else "unknown"
        in_bps, out_bps = samples.get(("if_in_bps", port.name)), samples.get(("if_out_bps", port.name))
        found.append(
            Port(
                port,
                status,
                far_end,
                in_bps.value if in_bps else None,
                out_bps.value if out_bps else None,
                watches.get(port.name),
            )
        )
    return sorted(found, key=Port.order)


def _far_ends(model: Model, device: UUID) -> dict[str, str]:
    found: dict[str, str] = {}
    for link in model.inventory.links():
        for near, name, far in ((link.a, link.a_interface, link.b), (link.b, link.b_interface, link.a)):
            other = model.inventory.device(far) if near == device and name else None
            if other is not None:
                found[name] = other.name
    return found


class InterfacesModel(QAbstractTableModel):
    """The ports of one device."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[Port] = []
        self.quiet = False

    def show_ports(self, ports: list[Port], *, quiet: bool) -> None:
        """Show these; `quiet` where their numbers are old."""
        if (ports, quiet) == (self.ports, self.quiet):
            return
        same = [p.interface.name for p in ports] == [p.interface.name for p in self.ports]
        if same and ports:
            changed = [n for n, (old, new) in enumerate(zip(self.ports, ports, strict=True)) if old != new]
            first, last = (0, len(ports) - 1) if quiet != self.quiet else (changed[0], changed[-1])
            self.ports, self.quiet = ports, quiet
            self.dataChanged.emit(self.index(first, 0), self.index(last, ALERT))
            return
        self.beginResetModel()
        self.ports, self.quiet = ports, quiet
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many ports there are."""
        return 0 if parent.isValid() else len(self.ports)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a heading."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole) and section == ALERT:
            return "When it is alerted of that it is down"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section == NAME else Qt.AlignmentFlag.AlignRight
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's words, or all about the port on hover."""
        port = self.ports[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (port.interface.name, in_mbps(port.in_bps), in_mbps(port.out_bps), "")[index.column()]
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == ALERT:
            return watch_words(port.watch)
        if role == Qt.ItemDataRole.ToolTipRole:
            about = port.interface
            lines = [
                about.name,
                about.alias,
                f"to {port.far_end}" if port.far_end else "",
                _WORDS[port.status],
                f"In {rate(port.in_bps)}, out {rate(port.out_bps)}",
                f"Speed {rate(about.speed_bps)}" if about.speed_bps else "",
                about.mac,
                watch_words(port.watch),
            ]
            return tip("\n".join(line for line in lines if line))
        return None


class _Delegate(QStyledItemDelegate):
    def __init__(self, look: Look, rows: InterfacesModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._look, self._rows = look, rows

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(40, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, port = self._look.theme, self._rows.ports[index.row()]
        rect, ground = QRectF(option.rect), theme.surface.panel
        if option.state & QStyle.StateFlag.State_Selected:
            ground = theme.accent.ground
            painter.fillRect(rect, color(ground))
        if index.column() == ALERT:
            self._paint_bell(painter, rect, port)
            return
        idle = port.status in ("unknown", "maintenance")
        ink = theme.text.quiet if self._rows.quiet or idle else theme.text.text
        table = font(TABLE_PX, tabular=True)
        if index.column() != NAME:
            bps = port.in_bps if index.column() == IN else port.out_bps
            said = in_mbps(None if idle else bps)
            paint_text(painter, rect.adjusted(0, 0, -8, 0), said, table, ink, RIGHT)
            return
        status = "stale" if self._rows.quiet and port.status == "up" else port.status
        paint_symbol(painter, square(10, rect.center().y(), 15), status, theme, ground)
        room = rect.adjusted(24, 0, -4, 0)
        first, second = (
            (port.far_end, port.interface.name)
            if port.far_end
            else (port.interface.name, port.interface.alias)
        )
        width = paint_text(painter, room, first, font(TABLE_PX), ink, LEFT)
        if second and second != first and width + 40 < room.width():
            rest = room.adjusted(width + 6, 0, 0, 0)
            paint_text(painter, rest, second, font(TABLE_PX), theme.text.quiet, LEFT)

    def _paint_bell(self, painter: QPainter, rect: QRectF, port: Port) -> None:
        """Paint what was chosen; what is left to the rules has a faint bell, to be clicked at."""
        text, name = self._look.theme.text, bell_of(port.watch)
        ink = text.quiet if port.watch is not None else self._look.theme.surface.line
        where = square(rect.center().x(), rect.center().y(), 14)
        painter.drawPixmap(where.toRect(), self._look.pixmap(name, ink, 14))


class InterfacesTable(QTableView):
    """The table; a click on a port draws it. With `limit` it is as tall as so many rows and never scrolls."""

    port_chosen = Signal(str)
    watch_chosen = Signal(str, object)
    """When a port is to be alerted of: its name, a `PortWatch` or None for what the rules say."""

    def __init__(self, look: Look, limit: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._limit = limit
        self.rows = InterfacesModel()
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(look, self.rows, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(ROW_PX)
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        head = self.horizontalHeader()
        head.setFixedHeight(ROW_PX)
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column in (IN, OUT):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            head.resizeSection(column, 62)
        head.setSectionResizeMode(ALERT, QHeaderView.ResizeMode.Fixed)
        head.setMinimumSectionSize(ALERT_PX)
        head.resizeSection(ALERT, ALERT_PX)
        self.setAccessibleName("Interfaces")
        self.clicked.connect(self._on_clicked)
        self.activated.connect(
            lambda index: self.port_chosen.emit(self.rows.ports[index.row()].interface.name)
        )
        look.changed.connect(self.viewport().update)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer when a port is to be alerted of."""
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        at = self.indexAt(self.viewport().mapFrom(self, event.pos())) if by_mouse else self.currentIndex()
        if at.isValid():
            self._open_menu(at, event.globalPos() if by_mouse else None)

    def menu_of(self, row: int) -> QMenu:
        """Return the menu of a port."""
        port = self.rows.ports[row]
        name = port.interface.name
        return watch_menu(self, name, port.watch, lambda chosen: self.watch_chosen.emit(name, chosen))

    def _on_clicked(self, index: QModelIndex) -> None:
        if index.column() == ALERT:
            self._open_menu(index)
        else:
            self.port_chosen.emit(self.rows.ports[index.row()].interface.name)

    def _open_menu(self, index: QModelIndex, at: QPoint | None = None) -> None:
        below = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft())
        self.menu_of(index.row()).popup(at if at is not None else below)

    def begin(self) -> None:
        """Take the keyboard, at the first port."""
        self.setFocus()
        if not self.currentIndex().isValid():
            self.selectRow(0)

    def show_ports(self, ports: list[Port], *, quiet: bool) -> None:
        """Show a device's ports."""
        shown = ports if self._limit is None else ports[: self._limit]
        self.rows.show_ports(shown, quiet=quiet)
        if self._limit is not None:
            self.setFixedHeight((len(shown) + 1) * ROW_PX + 2)
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
