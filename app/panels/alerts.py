"""The alerts under the map. Counterpart: `alerts_model.py`; acknowledging is a command.

One rule: rows are painted, the button in them too, so that a thousand scroll like ten; what the mouse can do, the keyboard
can (arrows, Return, A for all that are chosen).
"""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSizePolicy,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.look import ROW_PX, TABLE_PX, Look, blend, color, font, square
from app.model import Delta, Model
from app.panels.alerts_model import AGE, COLUMNS, SINCE, TAKES_DOWN, WHAT, WHERE, WHO, AlertsModel, Row, Tab
from app.panels.segments import Segments
from app.panels.text import CENTRE, LEFT, RIGHT, Label, paint_end_elided, paint_text
from app.symbols import paint_symbol
from app.words import count_of

HEAD_PX = 38
ACKNOWLEDGE_PX = 90
FILTER_PX = 200
WIDE_PX = 620
"""Below this width the head has no room for what the top bar says too."""
INDENT_PX = 18
LEAST_WHAT_PX = 220
_GIVE_WAY = (TAKES_DOWN, SINCE, WHERE)
"""What goes first where the table is too narrow for all columns."""
_TITLES = {"open": "Open", "acknowledged": "Acknowledged", "today": "Today"}
_WIDTHS = {WHERE: 176, SINCE: 84, AGE: 60, TAKES_DOWN: 92, WHO: 152}
_NOTHING: dict[Tab, str] = {
    "open": "Nothing is open",
    "acknowledged": "Nothing is acknowledged",
    "today": "Nothing happened today",
}


class AlertDelegate(QStyledItemDelegate):
    """Paints a cell of an alert."""

    def __init__(self, look: Look, rows: AlertsModel, view: AlertTable) -> None:
        super().__init__(view)
        self._look, self._rows, self._view = look, rows, view

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return a row's height."""
        return QSize(60, ROW_PX)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint a cell."""
        theme, row, column = self._look.theme, self._rows.rows[index.row()], index.column()
        rect = QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hover = self._view.hovered == index.row()
        ground = theme.surface.panel
        if selected:
            ground = theme.accent.ground
        elif hover:
            ground = blend(theme.surface.raised, theme.surface.panel, 0.7)
        painter.fillRect(rect, color(ground))
        ink = theme.text.text if row.alert.is_open else theme.text.quiet
        words, inner = self._rows.words(row, column), rect.adjusted(8, 0, -8, 0)
        table = font(TABLE_PX, tabular=column in (SINCE, AGE, TAKES_DOWN))
        if row.hides:
            if column == WHAT:
                paint_text(
                    painter, rect.adjusted(36 + INDENT_PX, 0, -8, 0), words, table, theme.accent.accent, LEFT
                )
        elif column == WHAT:
            step = INDENT_PX if row.under is not None else 0
            paint_symbol(painter, square(20 + step, rect.center().y(), 16), row.status, theme, ground)
            self._paint_what(painter, rect.adjusted(36 + step, 0, -8, 0), row, ink)
        elif column in (SINCE, AGE, TAKES_DOWN):
            paint_text(painter, inner, words, table, theme.text.quiet if column == SINCE else ink, RIGHT)
        elif column == WHO and row.alert.is_open and row.alert.acknowledged_us is None:
            place = acknowledge_rect(rect)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.surface.hover if hover or selected else theme.surface.raised))
            painter.drawRoundedRect(place, 5, 5)
            paint_text(painter, place, "Acknowledge", font(TABLE_PX, 500), theme.text.text, CENTRE)
        else:
            paint_text(painter, inner, words, table, theme.text.quiet, LEFT)

    def _paint_what(self, painter: QPainter, rect: QRectF, row: Row, ink: str) -> None:
        heavy = font(TABLE_PX, 600 if row.status == "down" else 400)
        width = paint_text(painter, rect, row.what, heavy, ink, LEFT)
        if row.more and width + 60 < rect.width():
            rest = rect.adjusted(width + 8, 0, 0, 0)
            paint_end_elided(painter, rest, row.more, font(TABLE_PX), self._look.theme.text.quiet)


def acknowledge_rect(cell: QRectF) -> QRectF:
    """Return where in its cell the button stands."""
    return QRectF(cell.x() + 6, cell.y() + 2, ACKNOWLEDGE_PX, cell.height() - 4)


class AlertTable(QTableView):
    """The table itself."""

    chosen = Signal(object)
    acknowledged = Signal(object)

    def __init__(self, look: Look, rows: AlertsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.hovered = -1
        self.setModel(rows)
        self.setItemDelegate(AlertDelegate(look, rows, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setMinimumSectionSize(ROW_PX)
        head = self.horizontalHeader()
        head.setFixedHeight(ROW_PX)
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        head.setSectionResizeMode(WHAT, QHeaderView.ResizeMode.Stretch)
        for column in range(WHERE, len(COLUMNS)):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            head.resizeSection(column, _WIDTHS[column])
        self.setAccessibleName("Alerts")
        look.changed.connect(self.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave room for what has happened, and for the button."""
        room_px = event.size().width() - sum(_WIDTHS.values())
        for column in _GIVE_WAY:
            narrow = room_px < LEAST_WHAT_PX
            self.setColumnHidden(column, narrow)
            room_px += _WIDTHS[column] if narrow else 0
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Acknowledge where the button is, else choose."""
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        if not index.isValid() or event.button() != Qt.MouseButton.LeftButton or event.modifiers():
            return
        row = self._rows.rows[index.row()]
        if row.hides:
            self._rows.unfold(row)
        elif index.column() == WHO and acknowledge_rect(QRectF(self.visualRect(index))).contains(
            event.position()
        ):
            self._acknowledge(row)
        else:
            self.chosen.emit(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Remember the row under the mouse."""
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    def leaveEvent(self, event: object) -> None:
        """No row is under the mouse."""
        self._hover(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return chooses, A acknowledges."""
        index = self.currentIndex()
        if index.isValid() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            row = self._rows.rows[index.row()]
            self._rows.unfold(row) if row.hides else self.chosen.emit(row)
        elif event.key() == Qt.Key.Key_A and not event.modifiers():
            for chosen in self.selectionModel().selectedRows():
                self._acknowledge(self._rows.rows[chosen.row()])
        else:
            super().keyPressEvent(event)

    def _acknowledge(self, row: Row) -> None:
        if not row.hides and row.alert.is_open and row.alert.acknowledged_us is None:
            self.acknowledged.emit(row.alert.id)

    def _hover(self, row: int) -> None:
        if row != self.hovered:
            self.hovered = row
            self.viewport().update()


class AlertsPanel(QWidget):
    """Head with tabs and filter, and the table; it folds down to its head."""

    chosen = Signal(object)
    """The id of the device or the link that an alert is about."""
    acknowledged = Signal(object)
    folded = Signal(bool)

    def __init__(self, model: Model, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._look, self._model = look, model
        self._watching = True
        self.rows = AlertsModel(model, self)
        self.table = AlertTable(look, self.rows)
        self.table.chosen.connect(self._on_chosen)
        self.table.acknowledged.connect(self.acknowledged)
        self.tabs = Segments(_TITLES)
        self.filter = QLineEdit()
        self._nothing = Label("Nothing to watch yet", "quiet")
        self._badge, self._matching, self._none = Label(""), Label("", "small"), Label("", "quiet")
        self._fold = QToolButton()
        self._body = QWidget()
        self._pages = QStackedLayout(self._body)
        self._lay_out()
        self._funnel = self.filter.addAction(look.icon("funnel"), QLineEdit.ActionPosition.LeadingPosition)
        self.tabs.chosen.connect(self._choose)
        self.filter.textChanged.connect(self._on_filter)
        self._fold.clicked.connect(lambda: self.set_folded(not self.is_folded))
        self.rows.layoutChanged.connect(self._show)
        self.rows.dataChanged.connect(self._show_head)
        model.changed.connect(self._on_changed)
        look.changed.connect(self._dress)
        self._dress()
        self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what there is no room for."""
        super().resizeEvent(event)
        self._show_head()

    @property
    def is_folded(self) -> bool:
        """Whether only the head is seen."""
        return self._body.isHidden()

    def set_folded(self, folded: bool) -> None:
        """Fold down to the head, or open again."""
        self._body.setHidden(folded)
        self.setMaximumHeight(HEAD_PX if folded else 16_777_215)
        self._dress()
        self.folded.emit(folded)

    def begin_filter(self) -> None:
        """Give the filter the keyboard."""
        if self.is_folded:
            self.set_folded(False)
        self.filter.setFocus()

    def tick(self) -> None:
        """Show ages as of now."""
        if not self.is_folded:
            self.rows.touch()

    def _on_changed(self, delta: Delta) -> None:
        if not delta.inventory:
            return
        watching = bool(self._model.inventory.tables["device"])
        if watching != self._watching:
            self._watching = watching
            self.set_folded(not watching)
        self._show()

    def _choose(self, tab: str) -> None:
        self.rows.choose(cast("Tab", tab))
        self._show()

    def _on_filter(self, text: str) -> None:
        self.rows.set_filter(text)
        self._show()

    def _on_chosen(self, row: Row) -> None:
        subject = row.link or row.device
        if subject is not None:
            self.chosen.emit(subject)

    def _show(self) -> None:
        nothing = "No alert here has that in its words" if self.rows.text else _NOTHING[self.rows.tab]
        self._none.setText(nothing if self._model.inventory.tables["device"] else "")
        self._pages.setCurrentIndex(0 if self.rows.rows else 1)
        self._show_head()

    def _show_head(self) -> None:
        for tab, count in self.rows.counts.items():
            self.tabs.set_title(tab, f"{_TITLES[tab]} {count:,}" if count else _TITLES[tab])
        down = self.rows.down_count
        theme = self._look.theme
        self._badge.setText(count_of(down, "down", "down") if down else "nothing is down")
        watching = bool(self._model.inventory.tables["device"])
        self._badge.setVisible(watching and self.width() >= WIDE_PX)
        self.tabs.setVisible(watching)
        self._nothing.setVisible(not watching)
        self.filter.setVisible(watching and not self.is_folded)
        of = self.rows.counts[self.rows.tab]
        self._matching.setText(f"{self.rows.matching:,} of {of:,}" if self.rows.text else "")
        ink, ground = (
            (theme.status_text["down"], theme.down_ground)
            if down
            else (theme.text.quiet, theme.surface.raised)
        )
        self._badge.setStyleSheet(
            f"color: {ink}; background: {ground}; border-radius: 5px; padding: 2px 7px; font-size: 12px;"
        )

    def _dress(self) -> None:
        self._funnel.setIcon(self._look.icon("funnel"))
        self._fold.setIcon(self._look.icon("chevron-up" if self.is_folded else "chevron-down"))
        self._show_head()

    def _lay_out(self) -> None:
        self.filter.setProperty("kind", "search")
        self.filter.setPlaceholderText("Filter")
        self.filter.setAccessibleName("Filter the alerts")
        self.filter.setMaxLength(120)
        self.filter.setMaximumWidth(FILTER_PX)
        self.filter.setMinimumWidth(FILTER_PX // 3)
        self.filter.setClearButtonEnabled(True)
        self._badge.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._fold.setProperty("kind", "bare")
        self._fold.setToolTip("Fold the alerts away")
        head = QWidget()
        head.setFixedHeight(HEAD_PX)
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(10)
        row.addWidget(Label("Alerts", "head"))
        row.addWidget(self._badge)
        row.addWidget(self.tabs, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._nothing)
        row.addStretch(1)
        row.addWidget(self._matching)
        row.addWidget(self.filter, 2)
        row.addWidget(self._fold)
        self._none.setContentsMargins(14, 6, 0, 0)
        self._none.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._none)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(head)
        layout.addWidget(self._body, 1)
