"""Parts of the window whose edges people move. Counterpart: `window.py`. One rule: no part can be made to vanish by its edge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QSplitter, QVBoxLayout, QWidget

from app.panels import subject, tree


def splitter(orientation: Qt.Orientation, parts: list[QWidget], stretched: int) -> QSplitter:
    """Return them beside or below each other; `stretched` is the number of the one that takes what room is left."""
    made = QSplitter(orientation)
    made.setHandleWidth(1)
    made.setChildrenCollapsible(False)
    for number, part in enumerate(parts):
        made.addWidget(part)
        made.setStretchFactor(number, 1 if number == stretched else 0)
    return made


def central_of(  # noqa: PLR0917
    top: QWidget,
    left: QWidget,
    banners: Iterable[QWidget],
    centre: Sequence[QWidget],
    side: QWidget,
    width_px: int,
) -> QWidget:
    """Return what fills the window: the bar on top; tree, middle, and the side's panel under it.

    In the middle the banners, then the first of `centre`, which takes the room, and under it the others.
    """
    middle = QWidget()
    column = QVBoxLayout(middle)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for banner in banners:
        column.addWidget(banner)
    column.addWidget(centre[0], 1)
    for below in centre[1:]:
        column.addWidget(below)
    columns = splitter(Qt.Orientation.Horizontal, [left, middle, side], 1)
    columns.setSizes([tree.WIDTH_PX, width_px - tree.WIDTH_PX - subject.WIDTH_PX, subject.WIDTH_PX])
    line = QFrame()
    line.setProperty("kind", "line")
    central = QWidget()
    central.setObjectName("central")
    layout = QVBoxLayout(central)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(top)
    layout.addWidget(line)
    layout.addWidget(columns, 1)
    return central
