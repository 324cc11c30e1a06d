"""The layers of the map as a list beside it: on, off, order, what each means with its legend. Counterpart: `map/layers.py`.

One rule: whatever is off, the list says that a fault is still seen.
"""

from __future__ import annotations

from functools import partial
from typing import cast

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.look import ROW_PX, TICK_PX, Look, color, font, square
from app.map.layers import GROUND, NETWORK, SYMBOLS, Layer, MapLayers
from app.map.readings import LATENCY_BOUNDS_MS
from app.panels.text import CENTRE, Label, button, paint_text
from app.symbols import paint_symbol
from domain.load import LOAD_BOUNDS_PCT
from domain.radio_budget import SIGNAL_BOUNDS_DBM

WIDTH_PX = 392
LEGEND_PX = (150, 26)
MARGIN_PX = 12
INDENT_PX = 24
"""What a layer means stands under its title, not under its box."""
FAULTS = "Faults are always seen: what is down, degraded, affected or stale is in no layer."
_LAYERS = {layer.key: layer for layer in NETWORK}


class Legend(QWidget):
    """The classes of one layer: swatches with their bounds, or the symbols of the statuses."""

    def __init__(self, key: str, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key, self._look = key, look
        self.setFixedSize(QSize(*LEGEND_PX))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter, theme = QPainter(self), self._look.theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._key == "status":
            for number, status in enumerate(("up", "unknown")):
                middle = square(10 + number * 26, self.height() / 2, 15)
                paint_symbol(painter, middle, status, theme, theme.surface.panel)
            return
        inks, bounds = {
            "load": (theme.load, [f"{bound}" for bound in LOAD_BOUNDS_PCT]),
            "latency": (theme.latency, [f"{bound:g}" for bound in LATENCY_BOUNDS_MS]),
            "signal": (theme.signal, [f"{bound}".replace("-", "\u2212") for bound in SIGNAL_BOUNDS_DBM]),
        }[self._key]
        width = self.width() / len(inks)
        for number, ink in enumerate(inks):
            painter.fillRect(QRectF(number * width, 2, width, 8), color(ink))
        small = font(TICK_PX, tabular=True)
        for number, bound in enumerate(bounds, 1):
            room = QRectF(number * width - width / 2, 11, width, 14)
            paint_text(painter, room, bound, small, theme.text.quiet, CENTRE)


_WITH_LEGEND = {"status": "", "load": "%", "latency": "ms", "signal": "dBm"}


class LayersPanel(QFrame):
    """The list. A popup: a click elsewhere or Escape closes it."""

    def __init__(self, layers: MapLayers, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("kind", "card")
        self.setFixedWidth(WIDTH_PX)
        self._layers, self._look = layers, look
        self.boxes: dict[str, QCheckBox] = {}
        self.ups: dict[str, QToolButton] = {}
        self.downs: dict[str, QToolButton] = {}
        self._rows = QGridLayout()
        self._rows.setHorizontalSpacing(8)
        self._rows.setVerticalSpacing(1)
        self._rows.setColumnStretch(0, 1)
        self.note = Label(FAULTS, "small", wrap=True)
        reset = button("As at first", "link")
        reset.clicked.connect(layers.reset)
        head = QHBoxLayout()
        head.addWidget(Label("Layers", "head"), 1)
        head.addWidget(reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 12, 14)
        layout.setSpacing(8)
        rows = QWidget()
        rows.setLayout(self._rows)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._scrolled = QScrollArea()
        self._scrolled.setWidgetResizable(True)
        self._scrolled.setFrameShape(QFrame.Shape.NoFrame)
        self._scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scrolled.setWidget(rows)
        layout.addLayout(head)
        layout.addWidget(self._scrolled)
        layout.addWidget(self.note)
        self._fill()
        layers.changed.connect(self._fill)

    def show_at(self, corner: QPoint) -> None:
        """Show it with its top right corner there; what has no room on the screen is scrolled to, a whole layer at a time."""
        layout = cast("QVBoxLayout", self.layout())
        margins = layout.contentsMargins()
        width_px = WIDTH_PX - margins.left() - margins.right()
        rows_px = self._rows.totalHeightForWidth(width_px)
        self._scrolled.setFixedHeight(rows_px)
        over_px = layout.totalHeightForWidth(WIDTH_PX) - (
            self.screen().availableGeometry().bottom() - corner.y()
        )
        if over_px > 0:
            self._scrolled.setFixedHeight(self._whole_layers_px(QSize(width_px, rows_px), rows_px - over_px))
        self.resize(WIDTH_PX, layout.totalHeightForWidth(WIDTH_PX))
        self.move(corner - QPoint(self.width(), 0))
        self.show()

    def _whole_layers_px(self, size: QSize, room_px: int) -> int:
        """Return the height of the first layers that fit whole, so that no line is seen cut."""
        self._rows.setGeometry(QRect(QPoint(), size))
        ends = [self._rows.cellRect(self._row_of(box) + 1, 0).bottom() + 1 for box in self.boxes.values()]
        return max((end for end in ends if end <= room_px), default=ROW_PX)

    def _row_of(self, box: QCheckBox) -> int:
        return cast("tuple[int, int, int, int]", self._rows.getItemPosition(self._rows.indexOf(box)))[0]

    def _fill(self) -> None:
        focused = next((key for key, box in self.boxes.items() if box.hasFocus()), "")
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for table in (self.boxes, self.ups, self.downs):
            table.clear()
        keys = self._layers.order
        self._add(0, SYMBOLS, first=True, last=True)
        for number, key in enumerate(keys):
            self._add(2 + number * 2, _LAYERS[key], first=number == 0, last=number == len(keys) - 1)
        begins = 2 + len(keys) * 2
        ground = Label("Ground", "head")
        ground.setContentsMargins(0, 6, 0, 2)
        self._rows.addWidget(ground, begins, 0)
        for number, layer in enumerate(GROUND):
            self._add(begins + 1 + number * 2, layer, first=True, last=True)
        if focused in self.boxes:
            self.boxes[focused].setFocus()

    def _add(self, row: int, layer: Layer, *, first: bool, last: bool) -> None:
        box = QCheckBox(layer.title)
        box.setChecked(self._layers.shows(layer.key))
        box.setToolTip(layer.means)
        box.toggled.connect(lambda on: self._layers.show(layer.key, shown=on))
        self.boxes[layer.key] = box
        self._rows.addWidget(box, row, 0)
        self._rows.setRowMinimumHeight(row, ROW_PX)
        means = Label(layer.means, "small", wrap=True)
        means.setContentsMargins(INDENT_PX, 0, 0, 5)
        self._rows.addWidget(means, row + 1, 0, 1, 4)
        if layer.key in _WITH_LEGEND:
            self._rows.addWidget(Legend(layer.key, self._look), row, 1)
            self._rows.addWidget(Label(_WITH_LEGEND[layer.key], "small"), row, 2)
        if layer in NETWORK:
            for place, (icon, steps, table, dead) in enumerate(
                (("chevron-up", -1, self.ups, first), ("chevron-down", 1, self.downs, last))
            ):
                tool = QToolButton()
                tool.setIcon(self._look.icon(icon, size_px=12))
                tool.setProperty("kind", "bare")
                tool.setToolTip(f"Move {layer.title} {'up' if steps < 0 else 'down'}")
                tool.setEnabled(not dead)
                tool.clicked.connect(partial(self._layers.move, layer.key, steps))
                table[layer.key] = tool
                self._rows.addWidget(tool, row, 3 + place)
