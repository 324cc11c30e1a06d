"""Search and commands in one field (Ctrl+K). Counterpart: `app/lookup/hits.py`, which finds.

One rule: what is found is one list, best first; with nothing typed, faults come first.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QAction, QPainter
from PySide6.QtWidgets import QWidget

from app.look import BASE_PX, HEAD_PX, TABLE_PX, Look, font, square
from app.lookup.book import Book
from app.lookup.hits import HITS_SHOWN, Ways, search
from app.model import Model
from app.panels.finder import Entry, Finder, Shape
from app.panels.text import LEFT, RIGHT, paint_text
from app.symbols import paint_symbol


def _paint(painter: QPainter, rect: QRectF, entry: Entry, ground: str, look: Look) -> None:
    theme, middle = look.theme, square(24, rect.center().y(), 16)
    if entry.status:
        paint_symbol(painter, middle, entry.status, theme, ground)
    else:
        painter.drawPixmap(middle.toRect(), look.pixmap(entry.icon or "chevron-right", size_px=16))
    right = QRectF(rect.right() - 230, rect.y(), 216, rect.height())
    small = font(TABLE_PX if entry.status or entry.icon else HEAD_PX, tabular=True)
    width = paint_text(painter, right, entry.quiet, small, theme.text.quiet, RIGHT)
    room = QRectF(42, rect.y(), rect.width() - 42 - width - 30, rect.height())
    paint_text(painter, room, entry.title, font(BASE_PX), theme.text.text, LEFT)


_SHAPE = Shape(
    kind="palette",
    width_px=560,
    row_px=32,
    rows_shown=HITS_SHOWN,
    title_px=42,
    icon_px=18,
    margins_px=(8, 4, 8, 8),
    paint=_paint,
)


class Palette(Finder):
    """The field and what it finds, always as tall as that. Closes as well when the window is clicked."""

    chosen = Signal(object)
    """The id of a device or a link."""
    site_chosen = Signal(object)
    """The id of a site."""
    place_chosen = Signal(object)
    """A place that was typed."""

    def __init__(
        self, model: Model, book: Book, look: Look, actions: Sequence[QAction], parent: QWidget | None = None
    ) -> None:
        def offer(text: str) -> list[Entry]:
            ways = Ways(self.chosen.emit, self.site_chosen.emit, self.place_chosen.emit)
            return search(model, book, actions, text, ways)

        super().__init__(
            look, _SHAPE, offer, "Search devices, sites, links, alerts, places and commands", parent
        )
        self.field.textChanged.connect(self.fit_list)

    @property
    def titles(self) -> list[str]:
        """What is found, best first."""
        return [entry.title for entry in self.entries if entry.then is not None]
