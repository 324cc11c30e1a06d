"""Chips that leave only some finds: what they are, who found them. Counterpart: `finds_table.py` shows what is left.

One rule: a chip that nothing is behind is not there; of two kinds of chips one of each must hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from app.discovery.words import MATCH_HINTS, MATCH_TITLES, SOURCE_TITLES
from app.panels.text import button, caption
from domain.finding import Find


class FindFilters(QWidget):
    """The chips. None pressed of a kind is all of it."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.matches = {kind: self._chip(row, kind, MATCH_HINTS[kind]) for kind in MATCH_TITLES}
        self._upright = QFrame()
        self._upright.setProperty("kind", "upright")
        self._upright.setFixedHeight(16)
        row.addSpacing(6)
        row.addWidget(self._upright)
        row.addSpacing(6)
        self.sources = {kind: self._chip(row, kind, "") for kind in SOURCE_TITLES}

    @property
    def is_on(self) -> bool:
        """Whether anything is left out."""
        return any(chip.isChecked() for chip in (*self.matches.values(), *self.sources.values()))

    def test(self) -> Callable[[Find], bool]:
        """Return what tells whether a find is left."""
        matches = {kind for kind, chip in self.matches.items() if chip.isChecked()}
        sources = {kind for kind, chip in self.sources.items() if chip.isChecked()}

        def passes(find: Find) -> bool:
            return (not matches or find.match.kind in matches) and (
                not sources or any(seen.source in sources for seen in find.sources)
            )

        return passes

    def count(self, finds: Iterable[Find]) -> None:
        """Show how many there are of each."""
        matches: Counter[str] = Counter()
        sources: Counter[str] = Counter()
        for find in finds:
            matches[find.match.kind] += 1
            sources.update({seen.source for seen in find.sources})
        _show(self.matches, MATCH_TITLES, matches)
        _show(self.sources, SOURCE_TITLES, sources)
        self._upright.setVisible(bool(matches and sources))

    def clear(self) -> None:
        """Leave nothing out."""
        for chip in (*self.matches.values(), *self.sources.values()):
            chip.setChecked(False)

    def _chip(self, row: QHBoxLayout, kind: str, story: str) -> QPushButton:
        made = button("", "chip")
        made.setCheckable(True)
        made.setAutoDefault(False)
        made.setToolTip(story)
        made.hide()
        made.toggled.connect(self.changed)
        row.addWidget(made)
        return made


def _show(chips: Mapping[str, QPushButton], titles: Mapping[str, str], counts: Counter[str]) -> None:
    for kind, chip in chips.items():
        chip.setText(caption(f"{titles[kind]} {counts[kind]:,}"))
        chip.setVisible(bool(counts[kind]) or chip.isChecked())
