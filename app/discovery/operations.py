"""What is under way and how it ended: a row each, and an indicator for the top bar. Counterpart: `domain/operation.py`.

One rule: what runs can be paused and cancelled wherever it is seen, and how it ended stays until somebody has read it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.look import TABLE_PX, Look, color, font
from app.model import Delta, Model
from app.panels.text import LEFT, LineLabel, button, paint_text, tip
from app.words import count_of
from domain.finding import Find
from domain.operation import Operation
from domain.searching import OperationAct

KINDS = ("sweep", "walk")
"""Those that find devices; what else runs is shown where it belongs, and in the top bar."""
ICONS = {
    "sweep": "radar",
    "walk": "waypoints",
    "map_add": "map-plus",
    "map_check": "map",
    "map_cut": "scissors",
}
ROW_PX, TITLE_PX, BAR_PX, VERB_PX = 28, 280, 120, 80
ENDED_SHOWN = 2
_SOURCES = {"sweep": frozenset({"sweep"}), "walk": frozenset({"sweep", "neighbour"})}
_ENDED = {"done": "Done", "failed": "Failed", "cancelled": "Cancelled"}


def running(operations: Iterable[Operation], kinds: Collection[str] = KINDS) -> list[Operation]:
    """Return the operations of some kinds that have not ended, the oldest first."""
    found = [one for one in operations if one.kind in kinds and not one.has_ended]
    return sorted(found, key=lambda one: (one.started_us, one.id.int))


def share_of(operation: Operation) -> float | None:
    """Return how much of it is done, None where nobody knows."""
    return operation.done / operation.total if operation.total else None


def found_since(finds: Iterable[Find], operation: Operation) -> int:
    """Return how many finds that wait were seen in the ways of an operation since it began."""
    sources, since_us = _SOURCES.get(operation.kind, frozenset()), operation.started_us
    return sum(
        any(seen.source in sources and seen.at_us >= since_us for seen in find.sources)
        for find in finds
        if find.last_us >= since_us
    )


def progress_words(operation: Operation, found: int) -> str:
    """Return how far it is, what it does now, what waits of it."""
    if operation.has_ended:
        said = _ENDED[operation.state]
        return f"{said}: {operation.result_words}" if operation.result_words else said
    far = f"{operation.done:,} of {operation.total:,}" if operation.total else f"{operation.done:,}"
    if operation.kind not in KINDS:
        far = f"{operation.done / operation.total:.0%}" if operation.total else ""
    doing = "paused" if operation.state == "paused" else operation.phase
    waits = f"{found:,} to review" if found else ""
    return ", ".join(part for part in (far, waits, doing) if part)


class Bar(QWidget):
    """How much is done; at rest it is grey."""

    def __init__(self, look: Look, width_px: int = BAR_PX) -> None:
        super().__init__()
        self._look = look
        self._share: float | None = None
        self._rests = False
        self.setFixedSize(width_px, 6)

    def show_share(self, share: float | None, *, rests: bool) -> None:
        """Show a share, None for nobody knows."""
        if (share, rests) != (self._share, self._rests):
            self._share, self._rests = share, rests
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        paint_bar(QPainter(self), QRectF(self.rect()), self._share, self._look, rests=self._rests)


def paint_bar(painter: QPainter, rect: QRectF, share: float | None, look: Look, *, rests: bool) -> None:
    """Paint a bar; where nobody knows how much is done it is empty."""
    theme = look.theme
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color(theme.surface.line))
    painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
    if share:
        painter.setBrush(color(theme.text.faint if rests else theme.accent.accent))
        width = max(rect.height(), rect.width() * min(1.0, share))
        filled = QRectF(rect.x(), rect.y(), width, rect.height())
        painter.drawRoundedRect(filled, rect.height() / 2, rect.height() / 2)


class OperationRow(QWidget):
    """One operation with its verbs."""

    steered = Signal(object, str)
    read = Signal(object)
    """Its end was read: it may go."""

    def __init__(self, operation: Operation, look: Look) -> None:
        super().__init__()
        self.operation = operation
        self._look = look
        self.setFixedHeight(ROW_PX)
        self._icon = QLabel()
        self._icon.setFixedWidth(16)
        self.title = LineLabel(operation.title)
        self.title.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.title.setFixedWidth(TITLE_PX)
        self.bar = Bar(look)
        stays = self.bar.sizePolicy()
        stays.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(stays)
        self.said = LineLabel("", "small", prose=True)
        self.pause_button, self.cancel_button = button("Pause"), button("Cancel")
        self.close_button = QToolButton()
        self.close_button.setProperty("kind", "bare")
        self.close_button.setToolTip("Read")
        self.close_button.setAccessibleName(f"Take away: {operation.title}")
        for made in (self.pause_button, self.cancel_button):
            made.setAutoDefault(False)
            made.setFixedWidth(VERB_PX)
        self.pause_button.clicked.connect(self._on_pause)
        self.cancel_button.clicked.connect(lambda: self.steered.emit(self.operation.id, "cancel"))
        self.close_button.clicked.connect(lambda: self.read.emit(self.operation.id))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._icon)
        row.addWidget(self.title)
        row.addWidget(self.bar)
        row.addWidget(self.said, 1)
        row.addWidget(self.pause_button)
        row.addWidget(self.cancel_button)
        row.addWidget(self.close_button)
        look.changed.connect(self._dress)
        self._dress()

    def show_operation(self, operation: Operation, found: int) -> None:
        """Show how it is now."""
        self.operation = operation
        rests, ended = operation.state == "paused", operation.has_ended
        words = progress_words(operation, found)
        self.title.setText(operation.title)
        self.said.setText(words)
        self.said.setAccessibleName(f"{operation.title}: {words}")
        self.bar.show_share(share_of(operation), rests=rests)
        self.bar.setVisible(not ended)
        self.pause_button.setText("Resume" if rests else "Pause")
        self.pause_button.setVisible(not ended)
        self.cancel_button.setVisible(not ended)
        self.close_button.setVisible(ended)

    def _on_pause(self) -> None:
        act: OperationAct = "resume" if self.operation.state == "paused" else "pause"
        self.steered.emit(self.operation.id, act)

    def _dress(self) -> None:
        name = ICONS.get(self.operation.kind, "radar")
        self._icon.setPixmap(self._look.pixmap(name, size_px=16))
        self.close_button.setIcon(self._look.icon("x"))


class OperationList(QWidget):
    """What runs, and what ended last. `steer` asks the engine."""

    def __init__(
        self,
        model: Model,
        look: Look,
        steer: Callable[[UUID, OperationAct], None],
        kinds: Collection[str] = KINDS,
    ) -> None:
        super().__init__()
        self._model, self._look, self._steer, self._kinds = model, look, steer, kinds
        self._read: set[UUID] = set()
        self.rows: dict[UUID, OperationRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        model.changed.connect(self._on_changed)
        self._show()

    def _on_changed(self, delta: Delta) -> None:
        if delta.operations or delta.initial or (delta.finds and running(self._model.operations.values())):
            self._show()

    def _shown(self) -> list[Operation]:
        known = [one for one in self._model.operations.values() if one.kind in self._kinds]
        ended = [one for one in known if one.has_ended and one.id not in self._read]
        ended.sort(key=lambda one: one.ended_us or 0)
        return [*ended[-ENDED_SHOWN:], *running(known, self._kinds)]

    def _show(self) -> None:
        shown = self._shown()
        ids = [one.id for one in shown]
        for id in [id for id in self.rows if id not in ids]:
            row = self.rows.pop(id)
            row.hide()
            row.deleteLater()
        for place, operation in enumerate(shown):
            row = self.rows.get(operation.id) or self._made(operation)
            if self._column.indexOf(row) != place:
                self._column.insertWidget(place, row)
            found = 0 if operation.has_ended else found_since(self._model.finds.values(), operation)
            row.show_operation(operation, found)
        self.setVisible(bool(shown))

    def _made(self, operation: Operation) -> OperationRow:
        row = self.rows[operation.id] = OperationRow(operation, self._look)
        row.steered.connect(self._steer)
        row.read.connect(self._on_read)
        return row

    def _on_read(self, id: UUID) -> None:
        self._read.add(id)
        self._show()


class Indicator(QAbstractButton):
    """In the top bar: what runs and how far it is, else how many finds wait; nothing where there is neither."""

    def __init__(self, model: Model, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._look = model, look
        self.words = ""
        self._share: float | None = None
        self._rests = self._runs = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()
        model.changed.connect(self._on_changed)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for icon, bar and words."""
        words_px = QFontMetrics(font(TABLE_PX, tabular=True)).horizontalAdvance(self.words)
        return QSize(26 + (40 if self._runs else 0) + words_px + 10, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(color(theme.accent.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(color(theme.surface.raised if self.underMouse() else theme.surface.panel))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.drawPixmap(6, 6, self._look.pixmap("radar", size_px=16))
        left = 26.0
        if self._runs:
            bar = QRectF(left, self.height() / 2 - 2, 34, 4)
            paint_bar(painter, bar, self._share, self._look, rests=self._rests)
            left += 40
        room = QRectF(left, 0, self.width() - left, self.height())
        paint_text(painter, room, self.words, font(TABLE_PX, tabular=True), theme.text.quiet, LEFT)

    def _on_changed(self, delta: Delta) -> None:
        if not (delta.operations or delta.finds or delta.initial):
            return
        under_way = running(self._model.operations.values(), ICONS)
        waiting = len(self._model.finds)
        self._runs, self._rests = bool(under_way), all(one.state == "paused" for one in under_way)
        total = sum(one.total for one in under_way)
        self._share = sum(one.done for one in under_way) / total if total else None
        words = f"{waiting:,} found" if waiting else ""
        if under_way:
            words = "Paused" if self._rests else f"{100 * (self._share or 0.0):.0f} %"
        self.setVisible(bool(words))
        story = [f"{one.title}: {progress_words(one, 0)}" for one in under_way]
        if waiting:
            story.append(f"{count_of(waiting, 'find waits', 'finds wait')} for review")
        self.setToolTip(tip("\n".join(story)))
        self.setAccessibleName(f"Discovery: {'; '.join(story)}")
        if words != self.words:
            self.words = words
            self.updateGeometry()
        self.update()
