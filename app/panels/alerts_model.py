"""The table of alerts: tabs, filters, what is folded. Counterpart: `alert_rows.py` says what a row is, `alerts.py` shows them.

Theory: rows are made when their alert, its cause or the inventory changes, and kept; what is behind a cause is made for the few
rows that are shown. One rule: what changes many rows at once changes the table at most twice a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer

from app.model import Delta, Model
from app.panels.alert_rows import (
    FROM_HERE,
    PORT_FLAPS,
    Causes,
    Row,
    affected_rows,
    causes_of,
    explained_by,
    order_of,
    row_of,
    story_row,
    touched_us,
)
from app.panels.text import tip
from app.watching import SEVERITY_WORDS
from app.words import age_of, capitalized, clock, count_of, isolated
from domain.alerts import Alert, counters
from domain.fault import Fault
from domain.team import SEEN_FROM_HERE
from domain.watching import SEVERITIES, Severity

Tab = Literal["open", "unacknowledged", "day"]
Index = QModelIndex | QPersistentModelIndex
WHAT, WHERE, SINCE, AGE, TAKES_DOWN, WHO = range(6)
COLUMNS = ("What", "Where", "Since", "Age", "Takes down", "Who")
NUMBERS = frozenset({SINCE, AGE, TAKES_DOWN})
MANY, MANY_MS = 1000, 500
"""More alerts, or devices behind a cause, than this are read anew at most twice a second: nobody reads faster."""
UNDER_SHOWN = 4
"""So many rows stand below one that explains them; the others are counted."""
DAY_US = 86_400_000_000


class AlertsModel(QAbstractTableModel):
    """The rows of one tab, and how many each tab has."""

    def __init__(self, model: Model, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.tab: Tab = "open"
        self.rows: list[Row] = []
        self.counts: dict[Tab, int] = {"open": 0, "unacknowledged": 0, "day": 0}
        self.by_severity: dict[Severity, int] = dict.fromkeys(SEVERITIES, 0)
        """Open alerts that call for somebody."""
        self.severities: frozenset[Severity] = frozenset()
        """Those that are shown; empty is all."""
        self.text = ""
        self.matching = 0
        self.of = 0
        """How many alerts and affected devices the filters leave, and of how many."""
        self.cut_off: Fault | None = None
        self._unfolded: set[UUID] = set()
        self._made: dict[int, Row] = {}
        """Rows by their alert's id as a number, made from inventory and faults as they are."""
        self._behind: dict[UUID, tuple[Fault, str, int | None, list[Row], int]] = {}
        """Rows behind a fault, and of what they were made."""
        self._local: frozenset[UUID] = frozenset()
        """Alerts that this computer alone judged, while it was cut off from its team."""
        self._read_s = 0.0
        """When much was read last."""
        self._later = QTimer(self)
        self._later.setSingleShot(True)
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

    def set_severities(self, severities: Iterable[Severity]) -> None:
        """Show only alerts of these severities; of all where there are none."""
        self.severities = frozenset(severities)
        self.refresh()

    def unfold(self, row: Row) -> None:
        """Show what a row stands for."""
        if row.hides and row.under is not None:
            self._unfolded.add(row.under)
            self.refresh()

    def refresh(self) -> None:
        """Read the mirror again."""
        self._later.stop()
        self._read_s = time.monotonic() if self._is_much() else 0.0
        alerts = self._model.alerts.values()
        still_open = [alert for alert in alerts if alert.is_open]
        calling = [alert for alert in still_open if not alert.silenced]
        since_us = self._model.now_us() - DAY_US
        tabs: dict[Tab, list[Alert]] = {
            "open": still_open,
            "unacknowledged": [alert for alert in calling if alert.acknowledged_us is None],
            "day": [alert for alert in alerts if touched_us(alert) >= since_us],
        }
        self.counts = {"open": len(calling), "unacknowledged": counters(calling).unacknowledged}
        self.counts["day"] = len(tabs["day"])
        self.by_severity = {
            severity: sum(alert.severity == severity for alert in calling) for severity in SEVERITIES
        }
        self.cut_off = next((f for f in self._model.faults.values() if f.kind == "cut_off"), None)
        causes = causes_of(still_open)
        chosen = [a for a in tabs[self.tab] if not self.severities or a.severity in self.severities]
        self.matching = self.of = 0
        if self.tab == "day":
            self._show(self._flat(chosen, causes))
        else:
            self._show(self._nested(chosen, causes))

    def touch(self) -> None:
        """Let the ages be painted anew."""
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many rows the tab has."""
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
            side = Qt.AlignmentFlag.AlignRight if section in NUMBERS else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's words, or all about the alert on hover."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words(row, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            said = self.words(row, index.column())
            return f"{said}, {row.more}" if index.column() == WHAT and row.more else said
        if role == Qt.ItemDataRole.ToolTipRole and not row.hides:
            return tip(_story(row))
        return None

    def words(self, row: Row, column: int) -> str:
        """Return what a cell says."""
        now, alert = self._model.now_us(), row.alert
        if column == WHAT:
            return row.what or capitalized(row.story)
        if row.hides or not row.what:
            return ""
        if column == WHERE:
            return row.where
        if column == SINCE:
            return clock(row.since_us, now)
        if column == AGE:
            ended_us = (alert.cleared_us or alert.resolved_us) if alert is not None else None
            return age_of(row.since_us, ended_us or now)
        if column == TAKES_DOWN:
            return row.takes_down
        return _who(alert, now) if alert is not None else ""

    # Inside

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory or delta.derived_links:
            self._made.clear()
            self._behind.clear()
        for id in delta.faults:
            self._behind.pop(id, None)
        if delta.faults:
            is_about = delta.faults.__contains__
            for number, row in list(self._made.items()):
                if row.alert is None or is_about(row.alert.subject):
                    del self._made[number]
        team, was = self._model.team, self._local
        if delta.team:
            self._local = frozenset(team.local_alerts if team is not None else ())
        if not (delta.inventory or delta.alerts or delta.faults or self._local != was):
            return
        waits_s = MANY_MS / 1000 - (time.monotonic() - self._read_s)
        if delta.initial or waits_s <= 0 or not self._is_much():
            self.refresh()
        elif not self._later.isActive():
            self._later.start(int(waits_s * 1000) + 1)

    def _is_much(self) -> bool:
        behind = max((len(fault.affected) for fault in self._model.faults.values()), default=0)
        return max(len(self._model.alerts), behind) >= MANY

    def _show(self, rows: list[Row]) -> None:
        if [row.key for row in rows] == [row.key for row in self.rows]:
            self.rows = rows
            self.touch()
            return
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

    def _flat(self, alerts: list[Alert], causes: Causes) -> list[Row]:
        """All that happened, the newest first."""
        made = [self._row(alert, causes)._replace(under=None) for alert in alerts]
        rows = [row for row in made if row.holds(self.text)]
        self.matching, self.of = len(rows), len(made)
        rows.sort(key=lambda row: -touched_us(row.alert) if row.alert is not None else 0)
        return rows

    def _nested(self, alerts: list[Alert], causes: Causes) -> list[Row]:
        """Causes and what stands for itself, in fault order; what a cause explains, right below it."""
        made = [self._row(alert, causes) for alert in alerts]
        heads = {alert.subject for alert in alerts if alert.id.int in causes.heads}
        below: dict[UUID, list[Row]] = {}
        tops: list[Row] = []
        for row in made:
            if row.under is not None and row.under in heads:
                below.setdefault(row.under, []).append(row)
            else:
                tops.append(row._replace(under=None) if row.under is not None else row)
        self.of = len(made)
        self._unfolded &= heads
        tops.sort(key=order_of)
        found: list[Row] = []
        for row in tops:
            alert = row.alert
            inner: list[Row] = []
            if alert is not None and alert.id.int in causes.heads:
                inner = self._explained(alert.subject, below.get(alert.subject, []))
            holds = row.holds(self.text)
            self.matching += holds
            if holds or inner:
                found += [row, *([story_row(row)] if row.story else ()), *inner]
        return found

    def _explained(self, subject: UUID, alerts: list[Row]) -> list[Row]:
        """Return what stands below a cause: who is affected, then what alerts besides; few until somebody asks for all."""
        fault = self._model.faults.get(subject)
        if fault is None and not alerts:
            return []
        is_open = subject in self._unfolded
        most = None if is_open else UNDER_SHOWN + 1
        shown, count = self._affected(fault, most) if fault is not None else ([], 0)
        own = sorted((row for row in alerts if row.holds(self.text)), key=order_of)
        self.matching += count + len(own)
        self.of += len(fault.affected) if fault is not None else 0
        rows, whole = [*shown, *own], count + len(own)
        if is_open or whole <= UNDER_SHOWN + 1:
            return rows
        hides = whole - UNDER_SHOWN
        said = f"Show {hides:,} more"
        return [*rows[:UNDER_SHOWN], Row(None, "", said, device=subject, under=subject, hides=hides)]

    def _affected(self, fault: Fault, most: int | None) -> tuple[list[Row], int]:
        known = self._behind.get(fault.subject)
        if known is None or known[0] is not fault or known[1:3] != (self.text, most):
            known = (fault, self.text, most, *affected_rows(self._model, fault, self.text, most))
            self._behind[fault.subject] = known
        return known[3], known[4]

    def _row(self, alert: Alert, causes: Causes) -> Row:
        under = explained_by(self._model, alert, causes) if alert.is_open else None
        made = self._made.get(alert.id.int)
        flaps = alert.kind != "flapping" and (alert.subject, alert.instance) in causes.flapping
        from_here = alert.id in self._local or alert.cleared_why == SEEN_FROM_HERE
        if (
            made is None
            or made.alert is not alert
            or made.under != under
            or flaps != (PORT_FLAPS in made.marks)
            or from_here != (FROM_HERE in made.marks)
        ):
            made = row_of(self._model, alert, under, flaps=flaps, from_here=from_here)
            self._made[alert.id.int] = made
        return made


def _who(alert: Alert, now_us: int) -> str:
    """Return who has an alert, or why nobody has to."""
    if alert.cleared_us is not None:
        return "cleared"
    if alert.resolved_us is not None:
        return f"resolved by {isolated(alert.resolved_by) or 'somebody'}"
    if alert.silenced:
        return alert.silenced
    if alert.acknowledged_us is not None:
        name = alert.assigned_to or alert.acknowledged_by or "somebody"
        return f"{isolated(name)}, {age_of(alert.acknowledged_us, now_us)}"
    return f"for {isolated(alert.assigned_to)}" if alert.assigned_to else ""


def _story(row: Row) -> str:
    """Return all about a row, one line each."""
    alert = row.alert
    lines = [row.what, capitalized(row.story), row.more]
    if alert is not None:
        lines.append(alert.reason if alert.reason != row.more else "")
        times = f", {count_of(alert.count, 'time', 'times')} so far" if alert.count > 1 else ""
        lines.append(f"{SEVERITY_WORDS[alert.severity]}{times}")
        lines.append(f"Silenced: {alert.silenced}" if alert.silenced else "")
    return "\n".join(filter(None, lines))
