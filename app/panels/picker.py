"""A list to pick from, in groups, with search: it drops under what was pressed. Counterpart: the graphs, which fill it.

One rule: what is offered is asked for by the text that was typed, so that a long list is never made whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QPoint, QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from app.look import HEAD_PX, ROW_PX, TABLE_PX, Look, font
from app.panels.finder import Entry, Finder, Shape
from app.panels.text import LEFT, RIGHT, paint_text

OFFERED_CAP = 400


def matches(text: str, *fields: str) -> bool:
    """Tell whether every word of a folded text is in one of the fields."""
    said = " ".join(fields).casefold()
    return all(word in said for word in text.split())


def grouped(entries: Iterable[tuple[str, Entry]]) -> list[Entry]:
    """Return entries under the headings of their groups, as far as they are shown."""
    made: list[Entry] = []
    last = None
    for group, entry in entries:
        if len(made) >= OFFERED_CAP:
            made.append(Entry("More: type to search"))
            break
        if group != last and group:
            made.append(Entry(group))
        last = group
        made.append(entry)
    return made


def _paint(painter: QPainter, rect: QRectF, entry: Entry, ground: str, look: Look) -> None:
    theme, room = look.theme, rect.adjusted(10, 0, -10, 0)
    if entry.current:
        painter.drawPixmap(int(room.right()) - 14, int(rect.y()) + 5, look.pixmap("check", size_px=14))
        room.adjust(0, 0, -20, 0)
    if entry.quiet:
        width = paint_text(painter, room, entry.quiet, font(HEAD_PX), theme.text.quiet, RIGHT)
        room.adjust(0, 0, -8 - width, 0)
    paint_text(painter, room, entry.title, font(TABLE_PX), theme.text.text, LEFT)


_SHAPE = Shape(
    kind="search",
    width_px=328,
    row_px=ROW_PX,
    rows_shown=14,
    title_px=10,
    icon_px=16,
    margins_px=(6, 6, 6, 6),
    paint=_paint,
)


class Picker(Finder):
    """The list. `offer` returns what a typed text finds, headings included. It stays as tall as it was at first."""

    def __init__(
        self, look: Look, offer: Callable[[str], list[Entry]], hint: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(look, _SHAPE, offer, hint, parent)

    def drop_under(self, widget: QWidget) -> None:
        """Show below a widget, within its window."""
        window = widget.window()
        at = widget.mapTo(window, QPoint(-6, widget.height() + 2))
        self.adjustSize()
        x = max(8, min(at.x(), window.width() - _SHAPE.width_px - 8))
        y = max(8, min(at.y(), window.height() - self.height() - 8))
        self.move(window.mapToGlobal(QPoint(x, y)))
        self.show()
        self.field.setFocus()
