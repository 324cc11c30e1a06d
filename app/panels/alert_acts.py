"""What people do to alerts, sent one by one. Counterpart: `domain/alerts.py`, whose rules refuse; `commands.py` hands it on.

Theory: thousands may be chosen at once, and the engine takes one at a time: so many are on their way, the rest waits its turn.
One rule: what was refused of one deed is told once, however many alerts it was about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from domain.alerts import DONE, Act, Alert, PersonAct, act_refusals, is_done
from domain.errors import Refusal
from domain.wire import ActOnAlert, Reply, ToEngine

UNDER_WAY = 32
Then = Callable[[tuple[Refusal, ...]], None]
Request = Callable[[Callable[[int], ToEngine], Callable[[Reply], None]], None]


class Deed(NamedTuple):
    """What is to be done: an act, by whom, with which words, for whom."""

    act: PersonAct
    by: str
    text: str = ""
    to: str = ""


@dataclass(slots=True, eq=False)
class _Batch:
    deed: Deed
    left: int
    then: Then
    refused: list[Refusal] = field(default_factory=list)


class AlertActs:
    """The queue of what is to be done to alerts."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._waiting: deque[tuple[UUID, _Batch]] = deque()
        self._under_way = 0

    def act(self, alerts: Iterable[UUID], deed: Deed, then: Then) -> None:
        """Do it to all of them; `then` is told once, of everything that was refused."""
        ids = list(dict.fromkeys(alerts))
        if not ids:
            then(())
            return
        batch = _Batch(deed, len(ids), then)
        self._waiting.extend((id, batch) for id in ids)
        self._send()

    def _send(self) -> None:
        while self._waiting and self._under_way < UNDER_WAY:
            id, batch = self._waiting.popleft()
            self._under_way += 1
            self._send_one(id, batch)

    def _send_one(self, id: UUID, batch: _Batch) -> None:
        act, by, text, to = batch.deed
        self._request(
            lambda number: ActOnAlert(number, id, act, by, text, to),
            lambda reply: self._on_reply(batch, reply),
        )

    def _on_reply(self, batch: _Batch, reply: Reply) -> None:
        self._under_way -= 1
        batch.left -= 1
        batch.refused += reply.refusals
        if not batch.left:
            batch.then(tuple(batch.refused))
        self._send()


def may(alert: Alert, act: PersonAct, by: str) -> bool:
    """Tell whether an act would be taken and change something."""
    if act_refusals(alert, act, by, text="…"):
        return False
    return act in ("comment", "assign") or not is_done(alert, Act(0, DONE[act], by))
