"""Foreign text on the screen: always plain, elided in the middle, whole on hover. Counterpart: `domain/text.py` at the door.

One rule: names, reasons and everything else that was not written in this program reach a widget through here.
"""

from __future__ import annotations

import html
from typing import cast

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QToolTip, QWidget

from app.look import color
from app.words import BETWEEN, ISOLATE_END

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignAbsolute
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignAbsolute
CENTRE = Qt.AlignmentFlag.AlignCenter
NAME_LEAST_PX = 24
"""A name is not cut shorter than this to keep the words after it."""


def tip(text: str) -> str:
    """Return text for a tooltip that Qt cannot take for HTML."""
    lines = html.escape(text).replace("\n", "<br>")
    return f"<div>{lines}</div>" if text else ""


def caption(text: str) -> str:
    """Return text for a button or a menu, where an ampersand would be eaten as a mnemonic."""
    return text.replace("&", "&&")


def elided(metrics: QFontMetrics, text: str, width_px: int) -> str:
    """Return a text as it fits: a name gives way in its middle, each of two names (a link's) in its own."""
    if metrics.horizontalAdvance(text) <= width_px:
        return text
    names = text.split(BETWEEN)
    if len(names) != 2:
        return _elided_name(metrics, text, width_px)
    room_px = max(0, width_px - metrics.horizontalAdvance(BETWEEN))
    least_px = min(room_px // 2, *(metrics.horizontalAdvance(name) for name in names))
    return BETWEEN.join(_elided_name(metrics, name, room_px - least_px) for name in names)


def _elided_name(metrics: QFontMetrics, text: str, width_px: int) -> str:
    """Elide a name; of one that is isolated, with words after it, the words stay, and so does the isolation."""
    name, end, words = text.rpartition(ISOLATE_END)
    room_px = width_px - metrics.horizontalAdvance(words)
    if not end or room_px < NAME_LEAST_PX:
        return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width_px)
    return metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room_px) + end + words


def paint_text(  # noqa: PLR0917
    painter: QPainter,
    rect: QRect | QRectF,
    text: str,
    font: QFont,
    ink: str,
    flags: Qt.AlignmentFlag = LEFT,
) -> int:
    """Paint one line, elided in the middle to the rectangle, and return its width in pixels."""
    metrics = QFontMetrics(font)
    shown = elided(metrics, text, int(rect.width()))
    painter.setFont(font)
    painter.setPen(color(ink))
    painter.drawText(rect, int(flags) | int(Qt.TextFlag.TextSingleLine), shown)
    return metrics.horizontalAdvance(shown)


def paint_end_elided(painter: QPainter, rect: QRectF, text: str, font: QFont, ink: str) -> None:
    """Paint one line of prose, elided at its end: a sentence is read from its beginning."""
    shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, int(rect.width()))
    paint_text(painter, rect, shown, font, ink)


class Label(QLabel):
    """A label that takes nothing for markup. `kind` chooses its dress in the style sheet."""

    def __init__(
        self, text: str = "", kind: str = "", parent: QWidget | None = None, *, wrap: bool = False
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.setText(text)
        if kind:
            self.setProperty("kind", kind)


class LineLabel(Label):
    """One line that gives way: a name in its middle, `prose` at its end; then whole on hover."""

    def __init__(
        self, text: str = "", kind: str = "", parent: QWidget | None = None, *, prose: bool = False
    ) -> None:
        super().__init__(text, kind, parent)
        self.prose = prose
        self._ink = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Any width will do."""
        return QSize(20, super().minimumSizeHint().height())

    def set_ink(self, ink: str) -> None:
        """Give it a colour of its own, or none."""
        if ink != self._ink:
            self._ink = ink
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what fits."""
        painter = QPainter(self)
        rect = self.contentsRect()
        metrics = self.fontMetrics()
        if self.prose:
            shown = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, rect.width())
        else:
            shown = elided(metrics, self.text(), rect.width())
        painter.setPen(color(self._ink) if self._ink else self.palette().color(self.foregroundRole()))
        painter.drawText(rect, int(LEFT) | int(Qt.TextFlag.TextSingleLine), shown)

    def event(self, event: QEvent) -> bool:
        """Show the whole text on hover where it does not fit."""
        if event.type() == QEvent.Type.ToolTip and not self.toolTip():
            if self.fontMetrics().horizontalAdvance(self.text()) > self.contentsRect().width():
                QToolTip.showText(cast("QHelpEvent", event).globalPos(), tip(self.text()), self)
            return True
        return super().event(event)


def button(text: str, kind: str = "", parent: QWidget | None = None) -> QPushButton:
    """Return a push button with a verb on it."""
    made = QPushButton(caption(text), parent)
    if kind:
        made.setProperty("kind", kind)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made


def set_property(widget: QWidget, name: str, value: str) -> None:
    """Set a property that the style sheet looks at, and dress the widget anew."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
