"""Does what the alerts' panel asks for: acts, questions before them, menus, all about one. Counterpart: `commands.py`.

One rule: what cannot be done with any of the chosen alerts is not offered, and how many it is about stands on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import cast
from uuid import UUID

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget
from shiboken6 import isValid

from app.commands import Asks, Commands, Said, Then
from app.look import Look
from app.model import Model
from app.panels.alert_acts import may
from app.panels.alert_detail import AlertDetail
from app.panels.alert_forms import AssignForm, CommentForm, people_in, what_words
from app.panels.alert_rows import row_of
from app.panels.alerts import AlertsPanel
from app.team.rights import offer, why_not
from app.words import count_of
from domain.alerts import Alert, PersonAct
from domain.errors import Refusal

_OFFERED: tuple[tuple[PersonAct, str, str], ...] = (
    ("acknowledge", "Acknowledge", "A"),
    ("comment", "Comment…", "C"),
    ("assign", "Assign…", "G"),
    ("resolve", "Resolve", "R"),
    ("reopen", "Open again", "O"),
)
_DONE: dict[PersonAct, str] = {"resolve": "resolved", "reopen": "opened again"}


class AlertDesk(QObject):
    """One method for what can be asked for."""

    subject_wanted = Signal(object)
    """A device or a link is to be shown."""

    def __init__(  # noqa: PLR0917
        self, model: Model, link: Asks, commands: Commands, look: Look, panel: AlertsPanel, window: QWidget
    ) -> None:
        super().__init__(window)
        self._model, self._link, self._commands, self._look = model, link, commands, look
        self._window = window
        self.detail: AlertDetail | None = None
        panel.acts_wanted.connect(self.act)
        panel.details_wanted.connect(self.open_details)
        panel.before_wanted.connect(self.open_before)
        panel.menu_wanted.connect(lambda ids, at: self.menu(ids).popup(at))

    def act(self, ids: Iterable[UUID], act: str) -> None:
        """Do something to those alerts of these to which it can be done, after a question where words are needed."""
        chosen, wanted = self._those(ids, cast("PersonAct", act)), cast("PersonAct", act)
        if not chosen:
            return
        if why := why_not(self._model, "alerts:write"):
            self._commands.said.emit(Said(why, bad=True))
            return
        ids = [alert.id for alert in chosen]
        if wanted == "comment":
            CommentForm(self._what(chosen), partial(self._comment, ids), self._window).open()
        elif wanted == "assign":
            self.open_assign(ids)
        else:
            self._commands.act_on_alerts(ids, wanted, then=partial(self._say, wanted, len(ids)))

    def open_assign(self, ids: Iterable[UUID]) -> None:
        """Ask to whom alerts are given."""
        chosen = self._those(ids, "assign")
        known = people_in(self._model.alerts.values(), self._commands.author)
        now = {alert.assigned_to for alert in chosen}
        first = next(iter(now)) if len(now) == 1 else ""
        if chosen:
            assign = partial(self._assign, [alert.id for alert in chosen])
            AssignForm(self._what(chosen), known, first, assign, self._window).open()

    def open_details(self, id: UUID) -> None:
        """Show all about an alert."""
        self._open(id, "around")

    def open_before(self, id: UUID) -> None:
        """Show what changed just before an alert."""
        self._open(id, "before")

    def menu(self, ids: Iterable[UUID]) -> QMenu:
        """Return the menu of the chosen alerts."""
        ids, why = list(ids), why_not(self._model, "alerts:write")
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for act, words, key in _OFFERED:
            count = len(self._those(ids, act))
            if count:
                many = f" ({count:,})" if len(ids) > 1 else ""
                offer(menu, f"{words}{many}\t{key}", partial(self.act, ids, act), why)
        if len(ids) == 1:
            menu.addSeparator()
            menu.addAction("What changed just before\tB", partial(self.open_before, ids[0]))
            menu.addAction("All about it\tD", partial(self.open_details, ids[0]))
        menu.addSeparator()
        menu.addAction("Copy", lambda: QGuiApplication.clipboard().setText(self._lines(ids)))
        return menu

    # Inside

    def _open(self, id: UUID, view: str) -> None:
        alert = self._model.alerts.get(id)
        if alert is None:
            return
        if self.detail is not None and isValid(self.detail):
            self.detail.close()
        self.detail = AlertDetail(
            self._model,
            self._link,
            self._look,
            alert,
            me=self._commands.author,
            act=self._do,
            parent=self._window,
        )
        self.detail.subject_wanted.connect(self.subject_wanted)
        self.detail.assign_wanted.connect(self.open_assign)
        self.detail.show_view(view)
        self.detail.show()

    def _do(self, ids: list[UUID], act: PersonAct, text: str, then: Then) -> None:
        self._commands.act_on_alerts(ids, act, text=text, then=then)

    def _comment(self, ids: list[UUID], text: str, then: Then) -> None:
        self._commands.act_on_alerts(ids, "comment", text=text, then=then)

    def _assign(self, ids: list[UUID], to: str, then: Then) -> None:
        self._commands.act_on_alerts(ids, "assign", to=to, then=then)

    def _say(self, act: PersonAct, count: int, refusals: tuple[Refusal, ...]) -> None:
        """Say what was refused, and of what no row tells, that it was done."""
        self._commands.tell_refusals(refusals)
        done = count - len(refusals)
        if act in _DONE and done > 0:
            self._commands.said.emit(Said(f"{count_of(done, 'alert', 'alerts')} {_DONE[act]}"))

    def _those(self, ids: Iterable[UUID], act: PersonAct) -> list[Alert]:
        found = (self._model.alerts.get(id) for id in ids)
        return [a for a in found if a is not None and may(a, act, self._commands.author)]

    def _what(self, alerts: list[Alert]) -> str:
        return what_words([row_of(self._model, alert, None).what for alert in alerts])

    def _lines(self, ids: Iterable[UUID]) -> str:
        found = [alert for id in ids if (alert := self._model.alerts.get(id)) is not None]
        rows = [row_of(self._model, alert, None) for alert in found]
        return "\n".join("\t".join(filter(None, (row.what, row.where, row.more))) for row in rows)
