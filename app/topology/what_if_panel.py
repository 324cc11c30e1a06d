"""The panel of a what-if: what fails, and what would come of it. Counterpart: `what_if.py`; the map shows the same.

One rule: it stands in a dashed frame and says that nothing has been changed, so that nobody takes it for what is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.look import Look
from app.model import Delta, Model
from app.panels.device_body import scrolled
from app.panels.text import Label, LineLabel, button
from app.topology.figure_tabs import FigureTabs
from app.topology.listing import Listing
from app.topology.moved_rows import LOADS, load_lines, load_rows, load_sentence, painted_words
from app.topology.what_if import Failing, Imagining
from app.topology.what_if_rows import (
    DEVICES,
    MOVED,
    SITES,
    as_text,
    device_rows,
    moved_rows,
    name_of_failing,
    sentence_of,
    site_rows,
)

CHIP_PX, CHIPS_PX = 30, 168
CHIPS_SHOWN = 60
SLOW_MS = 1_000
_ICONS = {"site": "radio-tower", "device": "router", "link": "spline"}
_FIGURES = {
    "devices": "devices lost",
    "sites": "sites lost",
    "weakened": "one way left",
    "moved": "re-routed",
    "loads": "over capacity",
}
_NOTHING = {
    "devices": "No device would be lost.",
    "sites": "No site would be lost as a whole.",
    "weakened": "Nobody would lose the second way.",
    "moved": "Nobody would send another way.",
    "loads": "No link would carry more.",
}


class FailingChip(QFrame):
    """One thing that fails, and a way to let it live."""

    removed = Signal()

    def __init__(self, name: str, kind: str, icon: str, look: Look) -> None:
        super().__init__()
        self.setProperty("kind", "reason")
        self.setFixedHeight(CHIP_PX)
        symbol = QLabel()
        symbol.setPixmap(look.pixmap(icon, size_px=16))
        self.name = LineLabel(name, "head")
        self.cross = QToolButton()
        self.cross.setProperty("kind", "cross")
        self.cross.setIcon(look.icon("x", size_px=14))
        self.cross.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.cross.setAccessibleName(f"{name} fails no more")
        self.cross.setToolTip("Fails no more")
        self.cross.clicked.connect(self.removed)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 6, 0)
        row.setSpacing(8)
        row.addWidget(symbol)
        row.addWidget(self.name, 1)
        row.addWidget(Label(kind, "small"))
        row.addWidget(self.cross)


class WhatIfPanel(QFrame):
    """What fails as chips, the numbers, and a list below the chosen number."""

    closed = Signal()
    shown = Signal(object)
    """A device is to be seen on the map."""

    def __init__(self, model: Model, imagining: Imagining, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("whatIf")
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._model, self._imagining, self._look = model, imagining, look
        self._failing: tuple[object, ...] = ()
        self.chips: list[FailingChip] = []
        self.close_button = QToolButton()
        self.close_button.setProperty("kind", "bare")
        self.close_button.setToolTip("Leave (Esc)")
        self.close_button.setIconSize(QSize(18, 18))
        self.close_button.clicked.connect(self.closed)
        self.hint = Label("Click devices and links on the map to add or remove.", "small", wrap=True)
        self.sentence = Label("", "head", wrap=True)
        self.load, self.painted = Label("", "quiet", wrap=True), Label("", "small", wrap=True)
        self.refusal = Label("", "refusal", wrap=True)
        self.figures = FigureTabs(_FIGURES, look, columns=3)
        self.lists = {
            "devices": Listing(DEVICES, look, "Devices lost"),
            "sites": Listing(SITES, look, "Sites lost"),
            "weakened": Listing(DEVICES, look, "Devices with one way left"),
            "moved": Listing(MOVED, look, "Devices re-routed"),
            "loads": Listing(LOADS, look, "Links that would carry more"),
        }
        self.copy = button("Copy list")
        self.copy.clicked.connect(self._on_copy)
        self.leave = button("Close")
        self.leave.clicked.connect(self.closed)
        self._is_slow = False
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(SLOW_MS)
        self._slow.timeout.connect(self._on_slow)
        self._lay_out()
        self.figures.chosen.connect(self._on_figure)
        for listing in self.lists.values():
            listing.opened.connect(lambda row: self.shown.emit(row.device))
        imagining.changed.connect(self.refresh)
        model.changed.connect(self._on_changed)
        look.changed.connect(self._dress)
        self._dress()

    def showEvent(self, event: object) -> None:
        """Show what came meanwhile."""
        self.refresh()

    def refresh(self) -> None:
        """Show what fails, and what is known of it."""
        if not self._imagining.is_on:
            return
        self._show_chips()
        self._show_answer()

    def _show_answer(self) -> None:
        asking, impact = self._imagining.is_asking, self._imagining.impact
        if not asking:
            self._slow.stop()
            self._is_slow = False
        elif not self._is_slow and not self._slow.isActive():
            self._slow.start()
        said = "The engine is working it out…" if self._is_slow else sentence_of(self._model, self._imagining)
        self.sentence.setText(said)
        self.sentence.setVisible(bool(said))
        rows = load_rows(self._model, self._imagining)
        for label, words in (
            (self.load, "" if impact is None else load_sentence(rows, self._imagining)),
            (self.painted, painted_words(self._imagining)),
        ):
            label.setText(words)
            label.setVisible(bool(words))
        self.refusal.setText(self._imagining.refused)
        self.refusal.setVisible(bool(self._imagining.refused))
        counts: dict[str, int | None] = dict.fromkeys(_FIGURES)
        if impact is not None:
            counts = {
                "devices": len(impact.devices),
                "sites": len(impact.sites),
                "weakened": len(impact.degraded),
                "moved": len(impact.rerouted),
                "loads": sum(row.is_over for row in rows),
            }
        for key, tab in self.figures.tabs.items():
            tab.show_number(counts[key], is_old=asking)
        self.copy.setEnabled(impact is not None)
        self._show_list()

    def _show_list(self) -> None:
        key, impact = self.figures.current, self._imagining.impact
        self._pages.setCurrentWidget(self.lists[key])
        make: dict[str, Callable[[], list[object]]] = {
            "devices": lambda: [*device_rows(self._model, impact.devices if impact else ())],
            "sites": lambda: [*site_rows(self._model, impact.sites if impact else ())],
            "weakened": lambda: [*device_rows(self._model, impact.degraded if impact else ())],
            "moved": lambda: [*moved_rows(self._model, self._imagining)],
            "loads": lambda: [*load_rows(self._model, self._imagining)],
        }
        self.lists[key].show_rows(make[key](), _NOTHING[key] if impact is not None else "")

    def _show_chips(self) -> None:
        all_of = list(self._imagining.failing.values())
        named = [(one, *name_of_failing(self._model, one)) for one in all_of[:CHIPS_SHOWN]]
        shown = (self._look.name, len(all_of), *named)
        if shown == self._failing:
            return
        self._failing = shown
        focused = next((place for place, chip in enumerate(self.chips) if chip.cross.hasFocus()), None)
        for chip in self.chips:
            self._column.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self.chips = [self._chip(*each) for each in named]
        for place, chip in enumerate(self.chips):
            self._column.insertWidget(place, chip)
            chip.show()
        if focused is not None and self.chips:
            self.chips[min(focused, len(self.chips) - 1)].cross.setFocus()
        hidden = len(all_of) - len(named)
        self._more.setText(f"and {hidden:,} more")
        self._more.setVisible(hidden > 0)
        self._area.setVisible(bool(all_of))
        whole_px = len(named) * (CHIP_PX + 4) + (20 if hidden > 0 else 0)
        self._area.setFixedHeight(min(CHIPS_PX, whole_px))

    def _chip(self, failing: Failing, name: str, kind: str) -> FailingChip:
        chip = FailingChip(name, kind, _ICONS[failing.kind], self._look)
        chip.removed.connect(partial(self._imagining.toggle, failing.id))
        return chip

    def _on_slow(self) -> None:
        self._is_slow = True
        self._show_answer()

    def _on_figure(self, key: str) -> None:
        self._show_list()

    def _on_copy(self) -> None:
        lines = [
            as_text(self._model, self._imagining),
            *load_lines(self._model, self._imagining),
        ]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _on_changed(self, delta: Delta) -> None:
        if self.isVisible() and (delta.health or delta.inventory):
            self.refresh()

    def _dress(self) -> None:
        self.setStyleSheet(f"#whatIf {{ border: 2px dashed {self._look.theme.accent.accent}; }}")
        self.close_button.setIcon(self._look.icon("x", size_px=18))
        self.refresh()

    def _lay_out(self) -> None:
        title = QHBoxLayout()
        title.setSpacing(8)
        title.addWidget(LineLabel("What if these fail?", "name"), 1)
        title.addWidget(self.close_button)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._more = Label("", "small")
        self._column.addWidget(self._more)
        self._column.addStretch(1)
        self._area: QScrollArea = scrolled(inner)
        self._pages = QStackedWidget()
        for listing in self.lists.values():
            self._pages.addWidget(listing)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.copy)
        foot.addStretch(1)
        foot.addWidget(self.leave)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(6)
        layout.addWidget(LineLabel("Nothing has been changed", "quiet"))
        layout.addLayout(title)
        layout.addWidget(self._area)
        layout.addWidget(self.hint)
        layout.addSpacing(4)
        layout.addWidget(self.sentence)
        layout.addWidget(self.load)
        layout.addWidget(self.painted)
        layout.addWidget(self.refusal)
        layout.addWidget(self.figures)
        layout.addWidget(self._pages, 1)
        layout.addLayout(foot)


def shown_of(imagining: Imagining) -> tuple[UUID, ...]:
    """Return the ids that the map marks as failed: devices and links."""
    return (*imagining.devices(), *imagining.links())
