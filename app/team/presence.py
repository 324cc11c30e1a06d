"""Tells the team what the person at this window looks at or works on. Counterpart: `domain/team.SetPresence`.

One rule: at most one word a second goes out, the last; who is in no team says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from PySide6.QtCore import QObject, QTimer

from app.commands import Asks
from app.model import Model
from domain.team import SetPresence
from domain.wire import Reply

QUIET_MS = 1_000


class Presence(QObject):
    """What was said last, and what is to be said next."""

    def __init__(self, model: Model, asks: Asks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._asks = model, asks
        self._now: tuple[UUID | None, UUID | None] = (None, None)
        self._said: tuple[UUID | None, UUID | None] = (None, None)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(QUIET_MS)
        self._quiet.timeout.connect(self._say)

    def look_at(self, id: UUID | None) -> None:
        """A device, a link or a site is looked at, or nothing."""
        self._set((id, self._now[1]))

    def work_on(self, id: UUID | None) -> Callable[[], None]:
        """The form of a thing is open. Returns what is called when it is closed."""
        self._set((self._now[0], id))

        def end() -> None:
            if self._now[1] == id:
                self._set((self._now[0], None))

        return end

    def look_on(self) -> None:
        """Say what is to be said, now that there may be somebody to hear it."""
        self._set(self._now)

    def forget(self) -> None:
        """What was said was said to nobody, or to an engine that is gone: say it again."""
        self._said = (None, None)
        self._set(self._now)

    def _set(self, now: tuple[UUID | None, UUID | None]) -> None:
        self._now = now
        if not self._quiet.isActive():
            self._say()

    def _say(self) -> None:
        live = self._model.today or self._model
        if live.team is None or self._now == self._said:
            return
        self._said = looks_at, works_on = self._now
        self._asks.request(lambda number: SetPresence(number, looks_at, works_on), _ignore)
        self._quiet.start()


def _ignore(reply: Reply) -> None:
    """Whom nobody hears of is no fault."""
