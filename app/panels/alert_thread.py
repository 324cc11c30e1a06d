"""Who did what to an alert, and when: comments among acts, and episodes. Counterpart: `alert_detail.py`, which shows it.

One rule: what somebody wrote is shown whole and as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from app.look import TABLE_PX, font
from app.panels.text import Label
from app.words import age, clock, isolated
from domain.alerts import Act, Alert, fingerprint
from domain.journal import JournalRow

EPISODES_SHOWN = 8


class Line(NamedTuple):
    """A time, and what is said of it; `is_said` where a person wrote it."""

    at_us: int
    words: str
    is_said: bool = False


class Episode(NamedTuple):
    """One time that it was so; `ended_us` None: still, or nobody knows."""

    number: int
    opened_us: int
    ended_us: int | None
    reason: str


class Lines(QWidget):
    """Times and words, one below the other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[Line] = []
        self._shown: list[tuple[Label, Label]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)

    def show_lines(self, lines: Iterable[Line], now_us: int) -> None:
        """Show these in place of the former."""
        self.lines = list(lines)
        while len(self._shown) < len(self.lines):
            at, said = Label("", "small"), Label("", wrap=True)
            at.setFont(font(TABLE_PX, tabular=True))
            said.setFont(font(TABLE_PX))
            said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            row = len(self._shown)
            self._grid.addWidget(at, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(said, row, 1)
            self._shown.append((at, said))
        for number, (at, said) in enumerate(self._shown):
            is_there = number < len(self.lines)
            at.setVisible(is_there)
            said.setVisible(is_there)
            if is_there:
                line = self.lines[number]
                at.setText(clock(line.at_us, now_us))
                said.setText(line.words)
                said.setFont(font(TABLE_PX, 500 if line.is_said else 400))


def thread_of(alert: Alert) -> list[Line]:
    """Return the life of an alert's episode, from its opening on."""
    lines = [Line(alert.opened_us, "Opened")]
    lines += [Line(act.at_us, _said(act), act.what == "commented") for act in alert.acts]
    if alert.cleared_us is not None:
        why = f": {alert.cleared_why}" if alert.cleared_why else ""
        lines.append(Line(alert.cleared_us, f"Cleared{why}"))
    return sorted(lines, key=lambda line: line.at_us)


def _said(act: Act) -> str:
    by = isolated(act.by) or "somebody"
    words = f": {act.text}" if act.text else ""
    match act.what:
        case "acknowledged":
            return f"Acknowledged by {by}{words}"
        case "commented":
            return f"{by}: {act.text}"
        case "assigned":
            return (
                f"{by} gave it to {isolated(act.to)}{words}"
                if act.to
                else f"{by} took it from whoever had it"
            )
        case "resolved":
            return f"Resolved by {by}{words}"
        case "reopened":
            return f"Opened again by {by}{words}" if act.by else "Opened again: it still holds"
        case "silenced":
            return f"Silenced{words}"
        case "unsilenced":
            return "No longer silenced"


def episodes_of(alert: Alert, rows: Iterable[JournalRow]) -> list[Episode]:
    """Return an alert's former episodes as its subject's journal has them, the newest first."""
    found: dict[int, Episode] = {}
    for row in sorted(rows, key=lambda row: row.at_us):
        count = row.body.get("count")
        if not isinstance(count, int) or not _is_of(alert, row):
            continue
        old = found.get(count)
        opened_us = row.body.get("opened_us", row.at_us)
        if old is None:
            reason = str(row.body.get("reason", ""))
            old = Episode(count, opened_us if isinstance(opened_us, int) else row.at_us, None, reason)
        if row.kind == "alert_cleared" and old.ended_us is None:
            old = old._replace(ended_us=row.at_us)
        found[count] = old
    former = [episode for episode in found.values() if episode.number < alert.count]
    return sorted(former, key=lambda episode: -episode.number)[:EPISODES_SHOWN]


def episode_line(episode: Episode) -> Line:
    """Return an episode in words: "for 3 min: no answer"."""
    lasted = f"for {age((episode.ended_us - episode.opened_us) / 1e6)}" if episode.ended_us else "began"
    return Line(episode.opened_us, f"{lasted}: {episode.reason}" if episode.reason else lasted)


def _is_of(alert: Alert, row: JournalRow) -> bool:
    subject: UUID | None = row.subject
    rule, instance = row.body.get("rule", ""), row.body.get("instance", "")
    return subject is not None and fingerprint(str(rule), subject, str(instance)) == alert.id
