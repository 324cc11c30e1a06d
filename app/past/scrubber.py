"""The line of time under the map: what was when, and where one is. Counterpart: `bar.py` puts it in its place.

Theory: bars say that devices were down, degraded or silent, heights how much happened; both come counted, in buckets. Dragging
moves the moment, with Ctrl or the right button the span; the wheel zooms at the pointer.
One rule: colours of status stand for status only; where one is, is the accent.
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPolygonF, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.draft import now_us
from app.look import HEAD_PX, Look, color, font
from app.panels.text import LEFT, paint_text
from app.past.machine import PEOPLE
from app.past.ticks import ticks_of
from app.past.words import label_of
from app.words import clock
from domain.asking import Density

GUTTER_PX, RIGHT_PX = 76, 14
HEIGHT_PX = 122
ROWS = (("down", "down"), ("degraded", "degraded"), ("stale", "no data"))
ROW_PX, ROW_GAP_PX, TOP_PX = 9, 4, 8
EVENTS_PX = 34
AXIS_PX = 22
LEAST_SPAN_US, MOST_SPAN_US = 60_000_000, 400 * 86_400_000_000
HOUR_US = 3_600_000_000
AHEAD = 0.02
"""How much of the span may lie after now, so that the edge is seen."""
BUCKET_PX = 3
ZOOM = 0.8


class Span(NamedTuple):
    """What the line shows."""

    from_us: int
    to_us: int


class Scrubber(QWidget):
    """`at_us` is where one wants to be, `there_us` what is shown."""

    sought = Signal(object)
    stepped = Signal(bool)
    """Next (True) or previous event."""
    toggled = Signal()
    """Play or pause."""
    span_changed = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.span = Span(now_us() - HOUR_US, now_us())
        self.at_us = self.there_us = 0
        self.density: Density | None = None
        self.marks_us: list[int] = []
        self._panned_from: tuple[float, Span] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Time")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return how much room it wants."""
        return QSize(600, HEIGHT_PX)

    @property
    def buckets(self) -> int:
        """How many buckets can be told apart."""
        return max(20, min(400, self._room.toRect().width() // BUCKET_PX))

    def show_span(self, from_us: int, to_us: int) -> None:
        """Show another span, within what makes sense."""
        length_us = min(max(to_us - from_us, LEAST_SPAN_US), MOST_SPAN_US)
        to_us = min(to_us, now_us() + round(length_us * AHEAD))
        span = Span(to_us - length_us, to_us)
        if span != self.span:
            self.span = span
            self.update()
            self.span_changed.emit()

    def show_length(self, length_us: int) -> None:
        """Show so much time around the moment, up to now where that is near."""
        middle = self.at_us or now_us()
        self.show_span(middle - length_us // 2, middle + length_us - length_us // 2)

    def show_moment(self, at_us: int, there_us: int) -> None:
        """Stand at a moment; the span follows where it is left."""
        self.at_us, self.there_us = at_us, there_us
        from_us, to_us = self.span
        length_us = to_us - from_us
        if self._panned_from is None and not from_us <= at_us <= to_us:
            self.show_span(at_us - length_us // 2, at_us - length_us // 2 + length_us)
        self.setAccessibleDescription(label_of(at_us, now_us()))
        self.update()

    def show_density(self, density: Density | None) -> None:
        """Show what happened."""
        self.density = density
        self.update()

    def show_marks(self, marks_us: list[int]) -> None:
        """Show which moments are marked."""
        self.marks_us = list(marks_us)
        self.update()

    def x_of(self, at_us: int) -> float:
        """Return where a moment is."""
        from_us, to_us = self.span
        return self._room.x() + (at_us - from_us) / (to_us - from_us) * self._room.width()

    def time_at(self, x: float) -> int:
        """Return the moment at a place."""
        from_us, to_us = self.span
        return round(from_us + (x - self._room.x()) / self._room.width() * (to_us - from_us))

    # Hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to where it is pressed, or take hold of the line."""
        is_pan = event.button() != Qt.MouseButton.LeftButton or bool(
            event.modifiers() & Qt.KeyboardModifier.ControlModifier
        )
        if is_pan:
            self._panned_from = event.position().x(), self.span
        else:
            self._seek(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go along."""
        if self._panned_from is not None:
            x, (from_us, to_us) = self._panned_from
            by_us = round((x - event.position().x()) / self._room.width() * (to_us - from_us))
            self.show_span(from_us + by_us, to_us + by_us)
        elif event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(event)
        else:
            self.setToolTip(label_of(self.time_at(event.position().x()), now_us()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go of the line."""
        self._panned_from = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """See more or less time, the moment under the pointer staying where it is."""
        turns = (event.angleDelta().y() or event.angleDelta().x()) / 120
        here_us = self.time_at(event.position().x())
        factor = ZOOM**turns
        from_us, to_us = self.span
        length_us = min(max((to_us - from_us) * factor, LEAST_SPAN_US), MOST_SPAN_US)
        share = (here_us - from_us) / (to_us - from_us)
        begins_us = round(here_us - share * length_us)
        self.show_span(begins_us, begins_us + round(length_us))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right: events; with Shift: hours. Space plays, Home and End go to the ends of what is shown."""
        is_hour = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Right as key:
                forward = key == Qt.Key.Key_Right
                if is_hour:
                    self.sought.emit(self.at_us + (HOUR_US if forward else -HOUR_US))
                else:
                    self.stepped.emit(forward)
            case Qt.Key.Key_Space:
                self.toggled.emit()
            case Qt.Key.Key_Home:
                self.sought.emit(self.span.from_us)
            case Qt.Key.Key_End:
                self.sought.emit(min(self.span.to_us, now_us()))
            case _:
                super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Count anew: there are more buckets, or fewer."""
        super().resizeEvent(event)
        self.span_changed.emit()

    def _seek(self, event: QMouseEvent) -> None:
        self.sought.emit(max(self.span.from_us, min(self.time_at(event.position().x()), self.span.to_us)))

    # Painting

    @property
    def _room(self) -> QRectF:
        return QRectF(GUTTER_PX, 0, max(self.width() - GUTTER_PX - RIGHT_PX, 50), self.height() - AXIS_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint names, bars, heights, ticks, now and the moment."""
        painter = QPainter(self)
        theme, room = self._look.theme, self._room
        y = float(TOP_PX)
        for status, said in ROWS:
            line = QRectF(0, y, self.width(), ROW_PX)
            paint_text(painter, line.adjusted(4, -3, 0, 3), said, font(HEAD_PX), theme.text.quiet, LEFT)
            painter.fillRect(QRectF(room.x(), y + ROW_PX / 2, room.width(), 1), color(theme.surface.line))
            self._paint_bars(painter, status, y)
            y += ROW_PX + ROW_GAP_PX
        events = QRectF(0, y + 2, self.width(), EVENTS_PX)
        name = events.adjusted(4, EVENTS_PX - 16, 0, 0)
        paint_text(painter, name, "events", font(HEAD_PX), theme.text.quiet, LEFT)
        self._paint_events(painter, events)
        self._paint_axis(painter)
        self._paint_now(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_moment(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(color(theme.accent.accent))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _cells(self) -> tuple[float, float, float]:
        """Return where the first bucket begins, how wide each is, and where now is."""
        density = self.density
        assert density is not None
        count = max((len(row) for row in (*density.events.values(), *density.most.values())), default=1)
        begins, ends = self.x_of(density.from_us), self.x_of(density.to_us)
        return begins, (ends - begins) / count, min(self.x_of(now_us()), self._room.right())

    def _paint_bars(self, painter: QPainter, status: str, y: float) -> None:
        if self.density is None or status not in self.density.most:
            return
        begins, width, now_x = self._cells()
        ink, room = color(self._look.theme.status[status]), self._room
        for number, most in enumerate(self.density.most[status]):
            left, right = begins + number * width, begins + (number + 1) * width
            left, right = max(left, room.x()), min(right + 0.5, now_x)
            if most and right > left:
                painter.fillRect(QRectF(left, y, right - left, ROW_PX), ink)

    def _paint_events(self, painter: QPainter, line: QRectF) -> None:
        if self.density is None or not self.density.events:
            return
        begins, width, _ = self._cells()
        theme, room = self._look.theme, self._room
        rows = self.density.events
        people = [sum(cells) for cells in zip(*(rows[k] for k in PEOPLE if k in rows), strict=True)]
        others = [sum(cells) for cells in zip(*(rows[k] for k in rows if k not in PEOPLE), strict=True)]
        highest = max(max(people, default=0), max(others, default=0), 1)
        for cells, ink in ((others, theme.text.faint), (people, theme.accent.accent)):
            for number, cell in enumerate(cells):
                left = begins + number * width
                if cell and room.x() <= left <= room.right():
                    tall = 3 + (line.height() - 3) * (cell / highest) ** 0.5
                    painter.fillRect(
                        QRectF(left, line.bottom() - tall, max(width - 1, 1.5), tall), color(ink)
                    )

    def _paint_axis(self, painter: QPainter) -> None:
        theme, room = self._look.theme, self._room
        painter.fillRect(QRectF(room.x(), room.bottom(), room.width(), 1), color(theme.surface.line))
        for tick in ticks_of(*self.span, round(room.width())):
            x = self.x_of(tick.at_us)
            top = TOP_PX if tick.is_day else room.bottom()
            painter.fillRect(QRectF(x, top, 1, room.bottom() + 4 - top), color(theme.surface.line))
            place = QRectF(x - 45, room.bottom() + 4, 90, AXIS_PX - 4)
            if place.left() >= GUTTER_PX - 40 and place.right() <= self.width() + 40:
                ink = theme.text.text if tick.is_day else theme.text.quiet
                paint_text(
                    painter, place, tick.text, font(HEAD_PX, tabular=True), ink, Qt.AlignmentFlag.AlignCenter
                )

    def _paint_now(self, painter: QPainter) -> None:
        x, room, ink = self.x_of(now_us()), self._room, self._look.theme.status["up"]
        if room.x() <= x <= room.right() + 1:
            painter.fillRect(QRectF(x, 2, 2, room.bottom() - 2), color(ink))
            painter.fillRect(
                QRectF(x + 2, 0, room.right() + RIGHT_PX - x, room.bottom()),
                color(self._look.theme.surface.ground),
            )

    def _paint_moment(self, painter: QPainter) -> None:
        theme, room = self._look.theme, self._room
        accent = color(theme.accent.accent)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        for at_us in self.marks_us:
            x = self.x_of(at_us)
            if room.x() <= x <= room.right():
                painter.drawPolygon(QPolygonF([QPointF(x - 4, 0), QPointF(x + 4, 0), QPointF(x, 6)]))
        x = self.x_of(self.at_us)
        if not room.x() - 1 <= x <= room.right() + 1:
            return
        if self.there_us != self.at_us and self.there_us:
            ghost = color(theme.accent.accent)
            ghost.setAlphaF(0.4)
            painter.fillRect(QRectF(self.x_of(self.there_us) - 0.75, 4, 1.5, room.bottom() - 4), ghost)
        painter.fillRect(QRectF(x - 1, 4, 2, room.bottom() - 4), accent)
        said = clock(self.at_us, self.at_us)
        box = QRectF(x - 34, room.bottom() + 2, 68, AXIS_PX - 3)
        box.moveLeft(max(0.0, min(box.left(), self.width() - box.width())))
        painter.drawRoundedRect(box, 4, 4)
        middle = Qt.AlignmentFlag.AlignCenter
        paint_text(painter, box, said, font(HEAD_PX, 600, tabular=True), theme.accent.ink, middle)
