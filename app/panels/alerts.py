"""The alerts under the map: tabs, severities, search, and above all else that we are cut off. Counterpart: `alert_table.py`.

One rule: it says what is wanted, and does nothing itself; `alert_desk.py` and the window do.
"""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.look import Look
from app.model import Delta, Model
from app.panels.alert_rows import Row
from app.panels.alert_table import LEAST_WHAT_PX, AlertTable, acknowledge_rect
from app.panels.alert_words import fault_story, way_in
from app.panels.alerts_model import AlertsModel, Tab
from app.panels.notices import Banner
from app.panels.segments import Segments
from app.panels.text import Label, button
from app.watching import SEVERITY_ICONS, SEVERITY_WORDS
from app.words import capitalized
from domain.watching import SEVERITIES, Severity

__all__ = ["HEAD_PX", "LEAST_WHAT_PX", "AlertsPanel", "acknowledge_rect"]
HEAD_PX = 38
FILTER_PX = 200
WIDE_PX, NARROW_PX = 620, 560
"""Below the first width the head has no room for severities, below the second none for its title and long words."""
_TITLES = {"open": "Open", "unacknowledged": "Unacknowledged", "day": "Last day"}
_SHORT = {**_TITLES, "unacknowledged": "Untaken", "day": "Day"}
_NOTHING: dict[Tab, str] = {
    "open": "Nothing is open",
    "unacknowledged": "Nothing waits for anybody",
    "day": "Nothing happened in the last day",
}


class AlertsPanel(QWidget):
    """Head with tabs and filters, and the table; it folds down to its head."""

    chosen = Signal(object)
    """The id of the device or the link that an alert is about."""
    acknowledged = Signal(object)
    acts_wanted = Signal(object, str)
    details_wanted = Signal(object)
    before_wanted = Signal(object)
    menu_wanted = Signal(object, QPoint)
    folded = Signal(bool)

    def __init__(self, model: Model, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._look, self._model = look, model
        self._watching = True
        self.rows = AlertsModel(model, self)
        self.table = AlertTable(look, self.rows)
        self.banner = Banner(look)
        self.tabs = Segments(_TITLES)
        self.severities = {severity: self._severity(severity) for severity in SEVERITIES}
        self.filter = QLineEdit()
        self._title, self._nothing = Label("Alerts", "head"), Label("Nothing to watch yet", "quiet")
        self._matching, self._none = Label("", "small"), Label("", "quiet")
        self._fold = QToolButton()
        self._body = QWidget()
        self._pages = QStackedLayout()
        self._lay_out()
        self._funnel = self.filter.addAction(look.icon("funnel"), QLineEdit.ActionPosition.LeadingPosition)
        self._connect()
        self._dress()
        self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what there is no room for."""
        super().resizeEvent(event)
        self._show_head()

    @property
    def is_folded(self) -> bool:
        """Whether only the head is seen."""
        return self._body.isHidden()

    def set_folded(self, folded: bool) -> None:
        """Fold down to the head, or open again."""
        self._body.setHidden(folded)
        self.setMaximumHeight(HEAD_PX if folded else 16_777_215)
        self._dress()
        self.folded.emit(folded)

    def toggle_folded(self) -> None:
        """Fold down to the head where it is open, else open again."""
        self.set_folded(not self.is_folded)

    def begin_filter(self) -> None:
        """Give the filter the keyboard."""
        if self.is_folded:
            self.set_folded(False)
        self.filter.setFocus()

    def show_tab(self, tab: Tab, severity: Severity | None = None) -> None:
        """Show a tab, and on it one severity or all."""
        if self.is_folded:
            self.set_folded(False)
        self.tabs.choose(tab)
        for key, made in self.severities.items():
            made.setChecked(key == severity)
        self.rows.tab = tab
        self._on_severities()
        self.table.setFocus()

    def tick(self) -> None:
        """Show ages as of now."""
        if not self.is_folded:
            self.rows.touch()

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory:
            watching = bool(self._model.inventory.tables["device"])
            if watching != self._watching:
                self._watching = watching
                self.set_folded(not watching)
        if delta.inventory or delta.alerts or delta.faults:
            self._show()

    def _choose(self, tab: str) -> None:
        self.rows.choose(cast("Tab", tab))
        self._show()

    def _on_severities(self) -> None:
        self.rows.set_severities(key for key, made in self.severities.items() if made.isChecked())
        self._show()

    def _on_filter(self, text: str) -> None:
        self.rows.set_filter(text)
        self._show()

    def _on_chosen(self, row: Row) -> None:
        subject = row.link or row.device
        if subject is not None:
            self.chosen.emit(subject)

    def _show(self) -> None:
        narrowed = self.rows.text or self.rows.severities
        nothing = "No alert here is like that" if narrowed else _NOTHING[self.rows.tab]
        self._none.setText(nothing if self._model.inventory.tables["device"] else "")
        self._pages.setCurrentIndex(0 if self.rows.rows else 1)
        fault = self.rows.cut_off
        self.banner.setVisible(fault is not None)
        if fault is not None:
            self.banner.say(capitalized(fault_story(self._model, fault)), way_in(self._model, fault))
        self._show_head()

    def _show_head(self) -> None:
        rows, watching = self.rows, bool(self._model.inventory.tables["device"])
        titles = _TITLES if self.width() >= NARROW_PX else _SHORT
        for tab, count in rows.counts.items():
            self.tabs.set_title(tab, f"{titles[tab]} {count:,}" if count else titles[tab])
        for severity, made in self.severities.items():
            count = rows.by_severity[severity]
            made.setText(f"{count:,}")
            made.setAccessibleName(f"{count} {SEVERITY_WORDS[severity].lower()}")
            made.setVisible(watching and self.width() >= WIDE_PX and (count > 0 or made.isChecked()))
        self.tabs.setVisible(watching)
        self._title.setVisible(not watching or self.width() >= NARROW_PX)
        self._nothing.setVisible(not watching)
        self.filter.setVisible(watching and not self.is_folded)
        narrowed = bool(rows.text or rows.severities)
        self._matching.setText(f"{rows.matching:,} of {rows.of:,}" if narrowed else "")

    def _dress(self) -> None:
        theme = self._look.theme
        self._funnel.setIcon(self._look.icon("funnel"))
        self._fold.setIcon(self._look.icon("chevron-up" if self.is_folded else "chevron-down"))
        for severity, made in self.severities.items():
            name, status = SEVERITY_ICONS[severity]
            made.setIcon(self._look.icon(name, theme.status_text[status]))
        self._show_head()

    def _severity(self, severity: Severity) -> QPushButton:
        made = button("", "chip", self)
        made.setCheckable(True)
        made.setToolTip(f"{SEVERITY_WORDS[severity]}: show only these")
        made.toggled.connect(self._on_severities)
        return made

    def _connect(self) -> None:
        self.table.chosen.connect(self._on_chosen)
        self.table.acknowledged.connect(self.acknowledged)
        self.table.acts_wanted.connect(self.acts_wanted)
        self.table.details_wanted.connect(self.details_wanted)
        self.table.before_wanted.connect(self.before_wanted)
        self.table.menu_wanted.connect(self.menu_wanted)
        self.tabs.chosen.connect(self._choose)
        self.filter.textChanged.connect(self._on_filter)
        self._fold.clicked.connect(self.toggle_folded)
        self.rows.layoutChanged.connect(self._show)
        self.rows.dataChanged.connect(self._show_head)
        self._model.changed.connect(self._on_changed)
        self._look.changed.connect(self._dress)

    def _lay_out(self) -> None:
        self.filter.setProperty("kind", "search")
        self.filter.setPlaceholderText("Filter")
        self.filter.setAccessibleName("Filter the alerts")
        self.filter.setMaxLength(120)
        self.filter.setMaximumWidth(FILTER_PX)
        self.filter.setMinimumWidth(FILTER_PX // 3)
        self.filter.setClearButtonEnabled(True)
        self._fold.setProperty("kind", "bare")
        self._fold.setToolTip("Fold the alerts away")
        head = QWidget()
        head.setFixedHeight(HEAD_PX)
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(10)
        row.addWidget(self._title)
        row.addWidget(self.tabs, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._nothing)
        chips = QHBoxLayout()
        chips.setSpacing(2)
        for made in self.severities.values():
            chips.addWidget(made)
        row.addLayout(chips)
        row.addStretch(1)
        row.addWidget(self._matching)
        row.addWidget(self.filter, 2)
        row.addWidget(self._fold)
        self._none.setContentsMargins(14, 6, 0, 0)
        self._none.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._none)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self.banner)
        body.addLayout(self._pages, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(head)
        layout.addWidget(self._body, 1)
