"""Search and commands in one field (Ctrl+K). Counterpart: `Model` for things, the window's actions for verbs.

One rule: what begins with the typed text comes before what only holds it; with nothing typed, faults come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QAction, QKeySequence, QPainter
from PySide6.QtWidgets import QWidget

from app.look import BASE_PX, HEAD_PX, TABLE_PX, Look, font, square
from app.model import Model
from app.panels.finder import Entry, Finder, Shape
from app.panels.text import LEFT, RIGHT, paint_text
from app.symbols import RANK, paint_symbol
from app.words import ends_of_link, name_of_link, where

HITS_SHOWN = 12
FAULTS_SHOWN = 5
"""Before anything is typed: what is wrong now, then what can be done."""


def search(
    model: Model, actions: Sequence[QAction], text: str, choose: Callable[[UUID], None]
) -> list[Entry]:
    """Return what matches a folded text, best first: names that begin so, then those that hold it; faults before the rest."""
    inventory = model.inventory
    found: list[tuple[tuple[int, int, str], Entry]] = []
    for device in inventory.devices():
        rank = _rank(text, device.name, device.address)
        status = model.status_of(device.id)
        if rank is not None and (text or RANK[status] < RANK["stale"]):
            place = where(inventory, device)
            quiet = f"{place}  {device.address}" if place else device.address
            hit = Entry(device.name, lambda id=device.id: choose(id), quiet, status=status)  # type: ignore[misc]
            found.append(((rank, RANK[status], device.name.casefold()), hit))
    if text:
        for link in inventory.links():
            name = name_of_link(inventory, link)
            rank = _rank(text, *ends_of_link(inventory, link), name)
            if rank is not None:
                hit = Entry(
                    name,
                    lambda id=link.id: choose(id),  # type: ignore[misc]
                    f"{link.kind} link",
                    status=model.link_status_of(link.id),
                )
                found.append(((rank + 1, RANK[hit.status], name.casefold()), hit))
    for action in actions:
        rank = _rank(text, action.iconText())
        if rank is not None and action.isEnabled():
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            found.append(((rank, -1, action.iconText()), Entry(action.iconText(), action.trigger, keys)))
    found.sort(key=lambda pair: pair[0])
    if not text:
        faults = [pair for pair in found if pair[1].status]
        found = faults[:FAULTS_SHOWN] + [pair for pair in found if not pair[1].status]
    return [hit for _, hit in found[:HITS_SHOWN]]


def _rank(text: str, *fields: str) -> int | None:
    folded = [field.casefold() for field in fields]
    if any(field.startswith(text) for field in folded):
        return 0
    return 1 if any(text in field for field in folded) else None


def _paint(painter: QPainter, rect: QRectF, entry: Entry, ground: str, look: Look) -> None:
    theme, middle = look.theme, square(24, rect.center().y(), 16)
    if entry.status:
        paint_symbol(painter, middle, entry.status, theme, ground)
    else:
        painter.drawPixmap(middle.toRect(), look.pixmap("chevron-right", size_px=16))
    right = QRectF(rect.right() - 230, rect.y(), 216, rect.height())
    small = font(TABLE_PX if entry.status else HEAD_PX, tabular=True)
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

    def __init__(
        self, model: Model, look: Look, actions: Sequence[QAction], parent: QWidget | None = None
    ) -> None:
        def offer(text: str) -> list[Entry]:
            return search(model, actions, text, self.chosen.emit)

        super().__init__(look, _SHAPE, offer, "Search devices, links and commands", parent)
        self.field.textChanged.connect(self.fit_list)

    @property
    def titles(self) -> list[str]:
        """What is found, best first."""
        return [entry.title for entry in self.entries if entry.then is not None]
