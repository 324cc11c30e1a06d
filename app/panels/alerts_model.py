"""Alerts as rows of a table. Counterpart: `alerts.py` paints them; `domain/alerts.py` is their life.

Theory: what is down explains the links that end at it: their rows stand below its own, few of them until somebody asks for
the rest, which one row more offers.
One rule: fault order, then the newest first; a row is a word for everything its colour says.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple
from uuid import UUID

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer

from app.draft import now_us
from app.model import Delta, Model
from app.panels.text import tip
from app.symbols import RANK
from app.words import age_of, clock, isolated, midnight_us, name_of_link, subscribers, where
from domain.alerts import Alert
from domain.inventory import Link

Tab = Literal["open", "acknowledged", "today"]
Index = QModelIndex | QPersistentModelIndex
WHAT, WHERE, SINCE, AGE, TAKES_DOWN, WHO = range(6)
COLUMNS = ("What", "Where", "Since", "Age", "Takes down", "Who")
MANY, MANY_MS = 1000, 500
"""More alerts than this are sorted anew at most twice a second, as they come in: nobody reads faster."""
UNDER_SHOWN = 4
"""So many rows stand below one that explains them; the others are counted."""
STATUS_OF_KIND: dict[str, str] = {
    "device_down": "down",
    "device_stale": "stale",
    "link_down": "down",
    "port_down": "down",
    "cut_off": "down",
}
"""What is not named is a fault of something that works: degraded."""


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
    hides: int = 0
    """Above zero this row is no alert: it stands for so many more below the same one."""

    @property
    def key(self) -> tuple[UUID, bool]:
        """What makes it the same row, however often it is made anew."""
        return (self.alert.id, bool(self.hides))

    def holds(self, text: str) -> bool:
        """Whether a folded text is in its words."""
        said = (self.what, self.where, self.more, self.alert.acknowledged_by)
        return not text or any(text in words.casefold() for words in said)


class AlertsModel(QAbstractTableModel):
    """The rows of one tab, and how many each tab has."""

    def __init__(self, model: Model, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.tab: Tab = "open"
        self.rows: list[Row] = []
        self.counts: dict[Tab, int] = {"open": 0, "acknowledged": 0, "today": 0}
        self.down_count = 0
        self.text = ""
        self.matching = 0
        """How many alerts of the tab hold the filter's text."""
        self._down: dict[UUID, int] = {}
        self._unfolded: set[UUID] = set()
        self._made: dict[UUID, Row] = {}
        """Rows by alert, made from the inventory as it is."""
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(MANY_MS)
        self._later.timeout.connect(self.refresh)
        model.changed.connect(self._on_changed)

    def choose(self, tab: Tab) -> None:
        """Show another tab."""
        self.tab = tab
        self.refresh()

    def set_filter(self, text: str) -> None:
        """Show only rows whose words hold a text."""
        self.text = text.strip().casefold()
        self.refresh()

    def unfold(self, row: Row) -> None:
        """Show what a row stands for."""
        if row.under is not None:
            self._unfolded.add(row.under)
            self.refresh()

    def refresh(self) -> None:
        """Read the mirror again."""
        self._later.stop()
        midnight = midnight_us(now_us())
        tabs: dict[Tab, list[Alert]] = {"open": [], "acknowledged": [], "today": []}
        for alert in self._model.alerts.values():
            if alert.is_open:
                tabs["open" if alert.acknowledged_us is None else "acknowledged"].append(alert)
            if max(alert.opened_us, alert.cleared_us or 0) >= midnight:
                tabs["today"].append(alert)
        self.counts = {tab: len(alerts) for tab, alerts in tabs.items()}
        still_open = tabs["open"] + tabs["acknowledged"]
        self._down = {alert.subject: alert.opened_us for alert in still_open if alert.kind == "device_down"}
        self.down_count = sum(self._row(alert).status == "down" for alert in still_open)
        rows = [row for alert in tabs[self.tab] if (row := self._row(alert)).holds(self.text)]
        self.matching = len(rows)
        if self.tab == "today":
            rows = [row._replace(under=None) for row in rows]
            rows.sort(key=lambda row: -max(row.alert.opened_us, row.alert.cleared_us or 0))
        else:
            rows = self._nested(rows)
        if [row.key for row in rows] == [row.key for row in self.rows]:
            self.rows = rows
            self.touch()
        else:
            self.layoutAboutToBeChanged.emit()
            kept = {row.key: number for number, row in enumerate(rows)}
            before = self.persistentIndexList()
            after = []
            for index in before:
                at = kept.get(self.rows[index.row()].key) if index.row() < len(self.rows) else None
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
        if row.hides:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            times = f"{row.alert.count} times so far" if row.alert.count > 1 else ""
            return tip("\n".join(line for line in (row.what, row.alert.reason, times) if line))
        return None

    def words(self, row: Row, column: int) -> str:
        """Return what a cell says."""
        now, alert = now_us(), row.alert
        if column == WHAT:
            return row.what
        if row.hides:
            return ""
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
        if delta.inventory:
            self._made.clear()
        if delta.initial or (len(self.rows) < MANY and (delta.inventory or delta.alerts)):
            self.refresh()
        elif (delta.inventory or delta.alerts) and not self._later.isActive():
            self._later.start()

    def _nested(self, rows: list[Row]) -> list[Row]:
        """Roots in fault order, devices before links, newest first; what a root explains, right below it."""
        roots: list[Row] = []
        below: dict[UUID, list[Row]] = {
            row.device: [] for row in rows if row.alert.kind == "device_down" and row.device
        }
        for row in rows:
            (below.get(row.under, roots) if row.under else roots).append(row)
        roots.sort(
            key=lambda row: (RANK[row.status], row.link is not None, -row.alert.opened_us, str(row.device))
        )
        self._unfolded &= below.keys()
        found: list[Row] = []
        for root in roots:
            found.append(root if root.under is None else root._replace(under=None))
            by_it = root.device if root.alert.kind == "device_down" else None
            explained = below[by_it] if by_it is not None else []
            explained.sort(key=lambda row: -row.alert.opened_us)
            hides = len(explained) - UNDER_SHOWN
            if hides > 1 and by_it not in self._unfolded:
                rest = Row(
                    root.alert, "", f"Show {hides:,} more", "", "", "", root.device, None, root.device, hides
                )
                explained = [*explained[:UNDER_SHOWN], rest]
            found += explained
        return found

    def _row(self, alert: Alert) -> Row:
        link = self._model.inventory.link(alert.subject) if alert.kind != "device_down" else None
        under = next((end for end in (link.a, link.b) if end in self._down), None) if link else None
        made = self._made.get(alert.id)
        if made is None or made.alert is not alert or made.under != under:
            made = self._made[alert.id] = self._make(alert, link, under)
        return made

    def _make(self, alert: Alert, link: Link | None, under: UUID | None) -> Row:
        inventory = self._model.inventory
        status = STATUS_OF_KIND.get(alert.kind, "degraded") if alert.is_open else "up"
        device = inventory.device(alert.subject)
        if device is not None:
            down = alert.kind == "device_down"
            what = f"{isolated(device.name)}{_said_of_device(alert)}"
            takes = subscribers(device.subscribers) if down else ""
            return Row(alert, status, what, alert.reason, where(inventory, device), takes, device.id, None)
        if link is not None:
            a = inventory.device(link.a)
            place = where(inventory, a) if a is not None else ""
            if under is not None and alert.is_open:
                status = "affected"
            said = name_of_link(inventory, link)
            said += " is down" if alert.kind == "link_down" else f": {alert.title}"
            return Row(alert, status, said, alert.reason, place, "", link.a, link.id, under)
        gone = alert.title if alert.kind == "cut_off" else "Something that was deleted"
        return Row(alert, status, gone, alert.reason, "", "", None, None)


def _said_of_device(alert: Alert) -> str:
    """Return what follows the name of a device."""
    match alert.kind:
        case "device_down":
            return " does not answer"
        case "device_degraded":
            return " answers in part"
        case _:
            about = f" ({isolated(alert.instance)})" if alert.instance else ""
            return f": {alert.title}{about}"
