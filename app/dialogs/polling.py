"""How often, whether and by whom a device is asked: interval, slowing down, pausing. Counterpart: `domain/inventory.Device`.

One rule: what was not touched stays as it was, to the microsecond.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QWidget

from app.draft import DeviceDraft, now_us
from app.team.words import poller_name
from domain.errors import Refusal
from domain.inventory import SLOWEST_INTERVAL_S
from domain.team import TeamState

TIME_FORMAT = "%Y-%m-%d %H:%M"
ON, PAUSED, UNTIL = range(3)
UNTIL_PX = 136
PAUSE_S = 3600
"""How long a pause is at first."""


class Pause(NamedTuple):
    """By hand, or until a time."""

    paused: bool
    until_us: int | None


class PollingChoice(QWidget):
    """On, paused, or paused until a time."""

    changed = Signal()

    def __init__(self, start: DeviceDraft) -> None:
        super().__init__()
        now = now_us()
        until_us = start.paused_until_us
        runs = until_us is not None and now < until_us
        self._start = Pause(start.paused, until_us)
        self._began = PAUSED if start.paused else UNTIL if runs else ON
        self.choice = QComboBox()
        self.choice.addItems(["On", "Paused", "Paused until…"])
        self.choice.setCurrentIndex(self._began)
        shown_us = until_us if until_us is not None and runs else now + PAUSE_S * 1_000_000
        self._shown = datetime.fromtimestamp(shown_us / 1e6).strftime(TIME_FORMAT)
        self.until = QLineEdit(self._shown)
        self.until.setMaxLength(20)
        self.until.setMinimumWidth(UNTIL_PX)
        self.until.setAccessibleName("Paused until, local time")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.choice, 1)
        row.addWidget(self.until, 1)
        self.choice.currentIndexChanged.connect(self._show)
        self.until.textChanged.connect(self.changed)
        self._show()

    def pause(self, bad: list[Refusal]) -> Pause:
        """Return what is chosen; what is no time is added to `bad`."""
        chosen = self.choice.currentIndex()
        text = self.until.text().strip()
        if chosen == self._began and (chosen != UNTIL or text == self._shown):
            return self._start
        if chosen != UNTIL:
            return Pause(chosen == PAUSED, None)
        try:
            return Pause(False, int(datetime.strptime(text, TIME_FORMAT).timestamp()) * 1_000_000)
        except (ValueError, OverflowError, OSError):
            said = f"a local time such as {self._shown} expected, got “{text}”"
            bad.append(Refusal("INVALID_INPUT", said, "paused_until_us"))
            return self._start

    def _show(self) -> None:
        self.until.setVisible(self.choice.currentIndex() == UNTIL)
        self.changed.emit()


class SlowBox(QCheckBox):
    """May it be asked less often while nothing happens?"""

    def __init__(self, may_slow: bool) -> None:
        super().__init__("Ask less often while nothing happens")
        self.setChecked(may_slow)
        self.setToolTip(
            f"After ten quiet cycles half as often, up to every {SLOWEST_INTERVAL_S / 60:g} min, "
            "until something happens"
        )


class PollerChoice(QComboBox):
    """Who asks it: whoever polls for the team, or one of its computers alone. A team of None has nobody to choose from."""

    def __init__(self, team: TeamState | None, chosen: UUID | None) -> None:
        super().__init__()
        self.addItem("Whoever polls for the team", None)
        for poller in team.pollers if team is not None else ():
            away = "" if poller.is_here else ", not connected"
            self.addItem(f"{poller_name(team, poller.install)} alone{away}", poller.install)
        if chosen is not None and self.findData(chosen) < 0:
            self.addItem(f"{poller_name(team, chosen)} alone", chosen)
        self.setCurrentIndex(max(0, self.findData(chosen)))
        self.setToolTip(
            "A device that one computer polls alone is polled by no other, also while that one is not connected"
        )

    def chosen(self) -> UUID | None:
        """Return the install that is chosen, None for the team."""
        found: UUID | None = self.currentData()
        return found
