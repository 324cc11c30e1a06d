"""Alerts as rows of a table. Counterpart: `alerts.py` paints them; `domain/alerts.py` is their life.

One rule: fault order, then the newest first; a row is a word for everything its colour says.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple
from uuid import UUID

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.draft import now_us
from app.model import Delta, Model
from app.panels.text import tip
from app.symbols import RANK
from app.words import age_of, clock, midnight_us, name_of_link, where
from domain.alerts import Alert

Tab = Literal["open", "acknowledged", "today"]
Index = QModelIndex | QPersistentModelIndex
WHAT, WHERE, SINCE, AGE, TAKES_DOWN, WHO = range(6)
COLUMNS = ("What", "Where", "Since", "Age", "Takes down", "Who")
STATUS_OF_RULE = {"device_down": "down", "device_degraded": "degraded", "link_down": "down"}


class Row(NamedTuple):
    """One alert in words. `device` is what a click selects, `link` where it is about one."""

    alert: Alert
    status: str
    what: str
    more: str
    where: str
    takes_down: str
    device: UUID | None
    link: UUID | None
    under: UUID | None = None
    """The down device at its end, whose alert explains this one: it is shown indented below that."""


class AlertsModel(QAbstractTableModel):
    """The rows of one tab, and how many each tab has."""

    def __init__(self, model: Model, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.tab: Tab = "open"
        self.rows: list[Row] = []
        self.counts: dict[Tab, int] = {"open": 0, "acknowledged": 0, "today": 0}
        self.down_count = 0
        self._down: dict[UUID, int] = {}
        model.changed.connect(self._on_changed)

    def choose(self, tab: Tab) -> None:
        """Show another tab."""
        self.tab = tab
        self.refresh()

    def refresh(self) -> None:
        """Read the mirror again."""
        midnight = midnight_us(now_us())
        tabs: dict[Tab, list[Alert]] = {"open": [], "acknowledged": [], "today": []}
        for alert in self._model.alerts.values():
            if alert.is_open:
                tabs["open" if alert.acknowledged_us is None else "acknowledged"].append(alert)
            if max(alert.opened_us, alert.cleared_us or 0) >= midnight:
                tabs["today"].append(alert)
        self.counts = {tab: len(alerts) for tab, alerts in tabs.items()}
        still_open = tabs["open"] + tabs["acknowledged"]
        self._down = {alert.subject: alert.opened_us for alert in still_open if alert.rule == "device_down"}
        self.down_count = sum(row.status == "down" for row in map(self._row, still_open))
        rows = [self._row(alert) for alert in tabs[self.tab]]
        if self.tab == "today":
            rows.sort(key=lambda row: -max(row.alert.opened_us, row.alert.cleared_us or 0))
        else:
            listed = {row.device for row in rows if row.alert.rule == "device_down"}
            rows.sort(key=lambda row: self._order(row, listed))
        if [row.alert.id for row in rows] == [row.alert.id for row in self.rows]:
            self.rows = rows
            self.touch()
        else:
            self.layoutAboutToBeChanged.emit()
            kept = {row.alert.id: number for number, row in enumerate(rows)}
            before = self.persistentIndexList()
            after = []
            for index in before:
                at = kept.get(self.rows[index.row()].alert.id) if index.row() < len(self.rows) else None
                after.append(QModelIndex() if at is None else self.createIndex(at, index.column()))
            self.rows = rows
            self.changePersistentIndexList(before, after)
            self.layoutChanged.emit()

    def touch(self) -> None:
        """Let the ages be painted anew."""
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many alerts the tab has."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the six columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a heading; numbers have theirs on the right too."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = (
                Qt.AlignmentFlag.AlignRight
                if section in (SINCE, AGE, TAKES_DOWN)
                else Qt.AlignmentFlag.AlignLeft
            )
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's words, or the alert's reason on hover."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            times = f"{row.alert.count} times so far" if row.alert.count > 1 else ""
            return tip("\n".join(line for line in (row.what, row.alert.reason, times) if line))
        return None

    def words(self, row: Row, column: int) -> str:
        """Return what a cell says."""
        now, alert = now_us(), row.alert
        if column == WHAT:
            return row.what
        if column == WHERE:
            return row.where
        if column == SINCE:
            return clock(alert.opened_us, now)
        if column == AGE:
            return age_of(alert.opened_us, alert.cleared_us or now)
        if column == TAKES_DOWN:
            return row.takes_down
        if alert.acknowledged_us is not None:
            return f"{alert.acknowledged_by or 'somebody'}, {age_of(alert.acknowledged_us, now)}"
        return "" if alert.is_open else "cleared"

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory or delta.alerts:
            self.refresh()

    def _order(self, row: Row, listed: set[UUID | None]) -> tuple[int, bool, int, str, bool, int]:
        """Roots in fault order, devices before links, newest first; what a root explains, right below it."""
        newest = -row.alert.opened_us
        if row.under is not None and row.under in listed:
            return (RANK["down"], False, -self._down[row.under], str(row.under), True, newest)
        return (RANK[row.status], row.link is not None, newest, str(row.device), False, newest)

    def _row(self, alert: Alert) -> Row:
        inventory = self._model.inventory
        status = STATUS_OF_RULE[alert.rule] if alert.is_open else "up"
        device = inventory.device(alert.subject)
        link = inventory.link(alert.subject)
        if device is not None:
            what = f"{device.name} " + (
                "does not answer" if alert.rule == "device_down" else "answers in part"
            )
            takes = (
                f"{device.subscribers:,} subs" if device.subscribers and alert.rule == "device_down" else ""
            )
            return Row(alert, status, what, alert.reason, where(inventory, device), takes, device.id, None)
        if link is not None:
            a = inventory.device(link.a)
            place = where(inventory, a) if a is not None else ""
            under = next((end for end in (link.a, link.b) if end in self._down), None)
            if under is not None and alert.is_open:
                status = "affected"
            said = f"{name_of_link(inventory, link)} is down"
            return Row(alert, status, said, alert.reason, place, "", link.a, link.id, under)
        return Row(alert, status, "Something that was deleted", alert.reason, "", "", None, None)
