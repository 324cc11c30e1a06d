"""All about one alert: why, with evidence, who has it, what was said, when it was so before, what happened around it.

Counterpart: `alert_desk.py` opens it and does what it asks for. One rule: it stays open and goes with the alert: what changes
while somebody reads is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.commands import Asks, Then
from app.dialogs.form import Board
from app.look import Look
from app.model import Delta, Model
from app.panels.alert_acts import may
from app.panels.alert_rows import Row, causes_of, explained_by, row_of
from app.panels.alert_thread import Lines, episode_line, episodes_of, thread_of
from app.panels.alert_words import followed_words, name_of
from app.panels.device_body import scrolled
from app.panels.facts import FactsGrid, Line
from app.panels.segments import Segments
from app.panels.text import Label, button, caption
from app.panels.text_box import TextBox
from app.panels.timeline import Timeline
from app.panels.timeline_model import BEFORE_US, around, suspects
from app.symbols import STATUSES, symbol_pixmap
from app.team.rights import switch, why_not
from app.watching import SEVERITY_ICONS, SEVERITY_WORDS
from app.words import age_of, capitalized, clock, isolated
from domain.alert_rules import amount, rules_by_key
from domain.alerts import Alert, PersonAct
from domain.asking import QueryTimeline
from domain.errors import Refusal
from domain.journal import JournalRow
from domain.wire import Reply

WIDTH_PX, HEIGHT_PX, LEFT_PX = 1020, 640, 430
COMMENT_PX = 56
TICK_MS = 1_000
EPISODE_ROWS = 200
"""Newest rows of a subject in which former episodes are looked for."""
VIEWS = {"around": "What happened", "before": "Just before"}
BEFORE_TIP = "What changed in the half hour before: on it, on its site, on what it is behind"
ActOn = Callable[[list[UUID], PersonAct, str, Then], None]


class AlertDetail(Board):
    """One alert. `act` does something to it, with words."""

    subject_wanted = Signal(object)
    """A device or a link is to be shown."""
    assign_wanted = Signal(object)

    def __init__(
        self,
        model: Model,
        link: Asks,
        look: Look,
        alert: Alert,
        *,
        me: str,
        act: ActOn,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(_row(model, alert).what, parent, width_px=WIDTH_PX)
        self._model, self._link, self._look, self._me, self._act = model, link, look, me, act
        self.alert = alert
        self._episodes: list[JournalRow] = []
        self.symbol, self.sentence = QLabel(), Label("", "head", wrap=True)
        self.reason = Label("", wrap=True)
        self.facts = FactsGrid()
        self.life, self.former = Lines(), Lines()
        self.former_head = Label("Before that", "head")
        self.comment = TextBox()
        self.send = button("Comment")
        self.views = Segments(VIEWS)
        self.timeline = Timeline(model, link, look)
        self.acknowledge = self.verb("Acknowledge", "primary")
        self.assign = self.verb("Assign…")
        self.resolve, self.reopen = self.verb("Resolve"), self.verb("Open again")
        self.show_it = self.verb("")
        self._lay_out()
        self._connect()
        self.resize(WIDTH_PX, HEIGHT_PX)
        self._show()
        self.show_view("around")
        self._ask_episodes()
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._tick)
        self._clock.start(TICK_MS)
        self.comment.setFocus()

    def show_view(self, key: str) -> None:
        """Show what happened around it, or what changed just before."""
        self.views.choose(key)
        alert = self.alert
        if key == "before":
            subjects = suspects(self._model, alert)
            since_us = min(alert.since_us or alert.opened_us, alert.opened_us)
            self.timeline.show_of(subjects, since_us - BEFORE_US, alert.opened_us, is_before=True)
        else:
            self.timeline.show_of(around(self._model, alert.subject))

    # Inside

    def _tick(self) -> None:
        self.sentence.setText(_sentence(self.alert, self._model.now_us()))
        self.timeline.tick()

    def _on_changed(self, delta: Delta) -> None:
        found = self._model.alerts.get(self.alert.id)
        if found is not None and (found is not self.alert or delta.faults or delta.inventory):
            again = found.count != self.alert.count
            self.alert = found
            self._show()
            if again:
                self._ask_episodes()

    def _show(self) -> None:
        alert, now, theme = self.alert, self._model.now_us(), self._look.theme
        row = _row(self._model, alert)
        if row.status in STATUSES:
            self.symbol.setPixmap(symbol_pixmap(row.status, theme, 22))
        else:
            name, status = SEVERITY_ICONS[alert.severity]
            self.symbol.setPixmap(self._look.pixmap(name, theme.status_text[status], 20))
        self.sentence.setText(_sentence(alert, now))
        self.reason.setText(_reason(self._model, row, alert))
        self.facts.show_lines(self._facts(row), theme.status_text)
        self.life.show_lines(thread_of(alert), now)
        former = episodes_of(alert, self._episodes)
        self.former.show_lines(map(episode_line, former), now)
        self.former_head.setVisible(bool(former))
        acts: tuple[tuple[PersonAct, QWidget], ...] = (
            ("acknowledge", self.acknowledge),
            ("assign", self.assign),
            ("resolve", self.resolve),
            ("reopen", self.reopen),
        )
        for act, verb in acts:
            verb.setVisible(may(alert, act, self._me))
            switch(verb, why_not(self._model, "alerts:write"))
        subject = row.link or row.device
        self.show_it.setVisible(subject is not None)
        if subject is not None:
            self.show_it.setText(caption(f"Show {'the link' if row.link else 'the device'}"))

    def _facts(self, row: Row) -> list[Line]:
        alert = self.alert
        said = {
            "Where": row.where,
            "Takes down": row.takes_down,
            "Rule": self._rule_words(),
            "Seen": _measured(self._model, alert),
            "Behind": capitalized(name_of(self._model, row.under)) if row.under is not None else "",
            "Silenced": capitalized(alert.silenced),
            "Has it": isolated(alert.assigned_to or alert.acknowledged_by),
        }
        return [Line(label, words) for label, words in said.items() if words]

    def _rule_words(self) -> str:
        rule = rules_by_key(self._model.inventory).get(self.alert.rule)
        return rule.name if rule is not None else self.alert.title

    def _ask_episodes(self) -> None:
        alert = self.alert
        if alert.count <= 1:
            return
        kinds, now = ("alert_opened", "alert_cleared"), self._model.now_us()
        self._link.request(
            lambda number: QueryTimeline(number, 0, now, (alert.subject,), kinds, EPISODE_ROWS),
            self._take_episodes,
        )

    def _take_episodes(self, reply: Reply) -> None:
        if isValid(self):
            self._episodes = msgspec.convert(reply.result.get("rows", []), list[JournalRow])
            self._show()

    def _do(self, act: PersonAct, text: str = "") -> None:
        self.say(())
        self._act([self.alert.id], act, text, self.say)

    def _on_comment(self) -> None:
        def then(refusals: tuple[Refusal, ...]) -> None:
            self.say(refusals)
            if isValid(self) and not refusals:
                self.comment.clear()

        self._act([self.alert.id], "comment", self.comment.toPlainText(), then)

    def _on_show(self) -> None:
        row = _row(self._model, self.alert)
        self.subject_wanted.emit(row.link or row.device)

    def _connect(self) -> None:
        self.acknowledge.clicked.connect(lambda: self._do("acknowledge"))
        self.assign.clicked.connect(lambda: self.assign_wanted.emit([self.alert.id]))
        self.resolve.clicked.connect(lambda: self._do("resolve"))
        self.reopen.clicked.connect(lambda: self._do("reopen"))
        self.show_it.clicked.connect(self._on_show)
        self.send.clicked.connect(self._on_comment)
        self.comment.textChanged.connect(
            lambda: self.send.setEnabled(bool(self.comment.toPlainText().strip()))
        )
        self.views.chosen.connect(self.show_view)
        self.timeline.subject_chosen.connect(self._on_subject)
        QShortcut(QKeySequence("Ctrl+Return"), self.comment, self._on_comment, context=_HERE)
        self._model.changed.connect(self._on_changed)
        self._look.changed.connect(self._show)

    def _on_subject(self, id: UUID | None) -> None:
        inventory = self._model.inventory
        if id is not None and (inventory.device(id) or inventory.link(id)):
            self.subject_wanted.emit(id)

    def _lay_out(self) -> None:
        self.views.buttons["before"].setToolTip(BEFORE_TIP)
        self.send.setAutoDefault(False)
        self.send.setEnabled(False)
        self.comment.setFixedHeight(COMMENT_PX)
        self.comment.setTabChangesFocus(True)
        self.comment.setPlaceholderText("Comment (Ctrl+Return sends it)")
        self.comment.setAccessibleName("Comment")
        send = QHBoxLayout()
        send.addWidget(self.comment, 1)
        send.addWidget(self.send, 0, Qt.AlignmentFlag.AlignBottom)
        left = QWidget()
        left.setFixedWidth(LEFT_PX)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(scrolled(self._story()), 1)
        column.addLayout(send)
        upright = QFrame()
        upright.setProperty("kind", "upright")
        right = QVBoxLayout()
        right.setSpacing(4)
        right.addWidget(self.views, 0, Qt.AlignmentFlag.AlignLeft)
        right.addWidget(self.timeline, 1)
        both = QHBoxLayout()
        both.setSpacing(12)
        both.addWidget(left)
        both.addWidget(upright)
        both.addLayout(right, 1)
        self.body.addLayout(both, 1)

    def _story(self) -> QWidget:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.symbol, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.sentence, 1)
        box = QFrame()
        box.setProperty("kind", "reason")
        in_box = QVBoxLayout(box)
        in_box.setContentsMargins(12, 10, 12, 10)
        in_box.addWidget(self.reason)
        inner = QWidget()
        story = QVBoxLayout(inner)
        story.setContentsMargins(0, 0, 12, 0)
        story.setSpacing(10)
        story.addLayout(head)
        for part in (
            box,
            self.facts,
            Label("Who did what", "head"),
            self.life,
            self.former_head,
            self.former,
        ):
            story.addWidget(part)
        story.addStretch(1)
        return inner


_HERE = Qt.ShortcutContext.WidgetShortcut


def _row(model: Model, alert: Alert) -> Row:
    causes = causes_of(other for other in model.alerts.values() if other.is_open)
    return row_of(model, alert, explained_by(model, alert, causes) if alert.is_open else None)


def _sentence(alert: Alert, now_us: int) -> str:
    """Return how an alert stands: "Critical, open for 4 min, since 02:11:04, for the 3rd time"."""
    since = clock(alert.opened_us, now_us)
    times = f", episode {alert.count:,}" if alert.count > 1 else ""
    grave = SEVERITY_WORDS[alert.severity]
    if alert.cleared_us is not None:
        return f"{grave}, over since {clock(alert.cleared_us, now_us)}, open from {since}{times}"
    if alert.resolved_us is not None:
        return f"{grave}, resolved, still so since {since}{times}"
    return f"{grave}, open for {age_of(alert.opened_us, now_us)}, since {since}{times}"


def _reason(model: Model, row: Row, alert: Alert) -> str:
    """Return why, and what follows from it: of a cause what is known now, else what was known when it opened."""
    health = model.health.get(alert.subject)
    own = health.reason if row.story and health is not None else "" if row.story else alert.reason
    said = [text for text in (row.story, own) if text]
    lines = [f"{capitalized(text)}." for text in said] or ["No reason was told."]
    fault = model.faults.get(alert.subject) if alert.kind in ("device_down", "link_down") else None
    followed = followed_words(model, fault) if fault is not None else []
    if followed:
        lines += ["Follows from it, and alerts for nothing:", *(f"\u2022 {text}" for text in followed)]
    return "\n".join(lines)


def _measured(model: Model, alert: Alert) -> str:
    """Return what was seen, and what it is held against."""
    rule = rules_by_key(model.inventory).get(alert.rule)
    if alert.value is None:
        return ""
    metric = rule.metric if rule is not None else ""
    limit = f", limit {amount(metric, alert.limit)}" if alert.limit is not None else ""
    return f"{amount(metric, alert.value)}{limit}"
