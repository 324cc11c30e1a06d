"""What the curves are and what they come to. Counterpart: `device_graph.py` fills it; `plot.py` draws the same colours.

One rule: values are those under the pointer while there is one, else the newest; the figures beside them are of the shown range.
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.charts.inks import inks
from app.look import HEAD_PX, ROW_PX, TABLE_PX, Look, color, font
from app.panels.text import LEFT, RIGHT, paint_text, tip

_SWATCH_PX, _GAP_PX = 12, 8
COLUMNS = ("Min", "Mean", "Max", "95 %")
_COLUMN_PX, _CROSS_PX = 46, 18


class Said(NamedTuple):
    """One curve in the legend. `figures` are lowest, mean, highest and the 95th percentile, empty where there are none."""

    name: str
    value: str
    figures: tuple[str, ...] = ()
    may_go: bool = False


class Headline(NamedTuple):
    """The line above the curves: the unit, quiet words after it, when it is, and what is wrong."""

    unit: str = ""
    quiet: str = ""
    gap: str = ""
    at: str = ""


class Legend(QWidget):
    """One line: the unit, and each curve's name with its value."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.head = Headline()
        self.curves: list[Said] = []
        self.setFixedHeight(18)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """It takes what width there is."""
        return QSize(120, 18)

    def show_curves(self, head: Headline, curves: list[Said]) -> None:
        """Show these."""
        if (head, curves) != (self.head, self.curves):
            self.head, self.curves = head, curves
            self.setAccessibleDescription(", ".join(f"{said.name} {said.value}".strip() for said in curves))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint from both sides: the unit and what is wrong from the left, curves and the time from the right."""
        theme, painter = self._look.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = font(HEAD_PX, tabular=True)
        right = self._paint_curves(painter) if self.curves else self.width()
        left = QRectF(0, 0, right, self.height())
        for text, ink in (
            (self.head.unit, theme.text.quiet),
            (self.head.at, theme.text.text),
            ("" if self.head.at else self.head.quiet, theme.text.faint),
            ("" if self.head.at else self.head.gap, theme.status_text["down"]),
        ):
            if text and left.width() > 24:
                px = paint_text(painter, left, text, small, ink, LEFT)
                left.setLeft(left.left() + px + _GAP_PX)

    def _paint_curves(self, painter: QPainter) -> float:
        theme, x = self._look.theme, float(self.width())
        small, bold = font(HEAD_PX), font(HEAD_PX, 600, tabular=True)
        box = QRectF(self.rect())
        for number in reversed(range(len(self.curves))):
            name, value = self.curves[number][:2]
            x -= max(QFontMetrics(bold).horizontalAdvance(value), 20) + 2
            paint_text(painter, box.adjusted(x, 0, 0, 0), value, bold, theme.text.text, LEFT)
            if name:
                x -= QFontMetrics(small).horizontalAdvance(name) + 5
                paint_text(painter, box.adjusted(x, 0, 0, 0), name, small, theme.text.quiet, LEFT)
            x -= _SWATCH_PX + 6
            _swatch(painter, x, box.center().y(), inks(self._look)[number])
            x -= _GAP_PX
        return x


class LegendTable(QWidget):
    """A row for each curve: name, value, and what the shown range comes to. The cross takes a curve away."""

    taken_away = Signal(int)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.curves: list[Said] = []
        self.value_head = "Now"
        self.setMouseTracking(True)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A heading and the rows."""
        return QSize(200, (len(self.curves) + 1) * ROW_PX)

    def show_curves(self, curves: list[Said], value_head: str) -> None:
        """Show these."""
        if (curves, value_head) != (self.curves, self.value_head):
            grown = len(curves) != len(self.curves)
            self.curves, self.value_head = curves, value_head
            self.setAccessibleDescription(". ".join(_spoken(said) for said in curves))
            if grown:
                self.setFixedHeight(self.sizeHint().height())
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint heading and rows."""
        theme, painter = self._look.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        columns = self._columns()
        heads = (self.value_head, *COLUMNS)
        for place, head in zip(columns, heads, strict=True):
            paint_text(painter, place, head, font(HEAD_PX), theme.text.quiet, RIGHT)
        for number, said in enumerate(self.curves):
            top = (number + 1) * ROW_PX
            _swatch(painter, 0, top + ROW_PX / 2, inks(self._look)[number])
            numbers = font(TABLE_PX, tabular=True)
            name = QRectF(_SWATCH_PX + 6, top, columns[0].left() - _SWATCH_PX - 10, ROW_PX)
            paint_text(painter, name, said.name, font(TABLE_PX), theme.text.text, LEFT)
            for place, text in zip(columns, (said.value, *said.figures), strict=False):
                ink = theme.text.text if place is columns[0] else theme.text.quiet
                paint_text(painter, place.translated(0, top), text, numbers, ink, RIGHT)
            if said.may_go:
                painter.drawPixmap(self.width() - 14, top + 5, self._look.pixmap("x", size_px=14))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take a curve away where its cross is pressed."""
        number = self._row_at(event.position())
        if number is not None and self.curves[number].may_go and event.position().x() >= self.width() - 20:
            self.taken_away.emit(number)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell a whole name on hover, and where a cross can be pressed."""
        number = self._row_at(event.position())
        said = self.curves[number] if number is not None else None
        on_cross = said is not None and said.may_go and event.position().x() >= self.width() - 20
        self.setToolTip("Take away" if on_cross else tip(said.name) if said else "")
        self.setCursor(Qt.CursorShape.PointingHandCursor if on_cross else Qt.CursorShape.ArrowCursor)

    def _row_at(self, at: QPointF) -> int | None:
        number = int(at.y() // ROW_PX) - 1
        return number if 0 <= number < len(self.curves) else None

    def _columns(self) -> list[QRectF]:
        cross_px = _CROSS_PX if any(said.may_go for said in self.curves) else 0
        count = len(COLUMNS) + 1
        left = self.width() - cross_px - count * _COLUMN_PX
        return [QRectF(left + n * _COLUMN_PX, 0, _COLUMN_PX, ROW_PX) for n in range(count)]


def _spoken(said: Said) -> str:
    figures = ", ".join(f"{head} {text}" for head, text in zip(COLUMNS, said.figures, strict=False))
    return f"{said.name}: {said.value}" + (f", {figures}" if figures else "")


def _swatch(painter: QPainter, x: float, y: float, ink: str) -> None:
    painter.setPen(QPen(color(ink), 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(x + 2, y + 0.5), QPointF(x + _SWATCH_PX - 1, y + 0.5))
