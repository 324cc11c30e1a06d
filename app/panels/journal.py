"""What happened to a device, newest first. Counterpart: the engine's `QueryJournal`, and the rows that come live.

One rule: a row is said in words that stand alone; what another row says already is left out.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.commands import Asks
from app.look import TABLE_PX, Look, font
from app.model import Delta, Model
from app.panels.text import Label, LineLabel
from app.words import age, clock, count_of, size
from domain.asking import QueryTimeline
from domain.journal import JournalRow
from domain.tunnels import WORDS
from domain.wire import QueryJournal, Reply

ROWS_KEPT = 100
OVERVIEW_ROWS = 5
SENDERS_NAMED = 3


def words_of(row: JournalRow) -> str:
    """Return what a journal row says, or nothing where it need not be shown."""
    body = row.body
    reason = str(body.get("reason", ""))
    match row.kind:
        case "status" | "link_status":
            said = str(body.get("status", "")).capitalize()
            return f"{said}: {reason}" if reason else said
        case "device_restarted":
            up_s = body.get("up_s")
            return f"Restarted, had run for {age(up_s)}" if isinstance(up_s, int) else "Restarted"
        case "device_upgraded":
            return f"Other software: {body.get('from', '')} \u2192 {body.get('to', '')}"
        case "alert_acknowledged":
            return f"Acknowledged by {body.get('by') or 'somebody'}"
        case "alert_commented":
            return f"{body.get('by') or 'Somebody'}: {body.get('text', '')}"
        case "alert_assigned":
            return f"Given to {body['to']}" if body.get("to") else "Given to nobody"
        case "alert_resolved":
            return f"Resolved by {body.get('by') or 'somebody'}"
        case "alert_reopened":
            return f"Opened again by {body['by']}" if body.get("by") else "Opened again: it still holds"
        case "alert_silenced":
            return f"Silenced: {body.get('text', '')}"
        case "alert_unsilenced":
            return "No longer silenced"
        case "alert_absorbed":
            return "Began earlier: a computer that was cut off had seen it"
        case "edit_applied":
            return str(body.get("title", "Changed"))
        case "edit_refused":
            return f"Refused: {body.get('title', 'a change')}"
        case "judgement_suspended":
            return "The clock jumped: nothing judged for one cycle"
        case "engine_started":
            return "The engine started"
        case "operation_started":
            return f"Began: {body.get('title') or 'work'}"
        case "operation_ended":
            return _ended(body)
        case "trap":
            return f"Trap: {body.get('text') or body.get('oid') or 'without a word'}"
        case "syslog":
            by = str(body.get("app", ""))
            return f"Syslog, {by}: {body.get('text', '')}" if by else f"Syslog: {body.get('text', '')}"
        case "messages_dropped":
            return _dropped(body)
        case "vault_locked":
            return f"The vault was locked: {reason}" if reason else "The vault was locked"
        case "vault_unlocked":
            return "The vault was unlocked"
        case "keys_rotated":
            sealed = count_of(_whole(body.get("secrets")), "secret", "secrets")
            return f"New keys in the place “{body.get('place', '')}”: {sealed} sealed anew"
        case "secret_changed":
            return _secret(body)
        case "tunnel_opened":
            return f"{_tunnel(body)} opened by {body.get('by') or 'somebody'}"
        case "tunnel_closed":
            sent, got = size(_whole(body.get("to_bytes"))), size(_whole(body.get("from_bytes")))
            whose = f"{_tunnel(body)} of {body.get('by') or 'somebody'}"
            return f"{whose} ended, {body.get('why') or 'closed'}: {sent} there, {got} back"
        case _:
            return ""


def _tunnel(body: dict[str, Any]) -> str:
    """Return what a tunnel was for."""
    service = WORDS.get(body.get("service", "tcp"), "TCP")
    return f"{service} tunnel{' by the server' if body.get('way') == 'relay' else ''}"


def _secret(body: dict[str, Any]) -> str:
    """Return what became of a login's secret."""
    name = str(body.get("name") or "A login")
    match body.get("what"):
        case "told":
            return f"{body.get('by') or 'Somebody'} gave the team another secret of a login"
        case "replaced":
            return f"{name}: the secret from here was replaced by the team's"
        case "ended":
            return f"{name}: its secret may no longer be here, and was deleted"
        case "expired":
            return f"{name}: the server was away for too long, its secret was deleted here"
        case "kept":
            return f"{name}: nobody in the team may hold its secret, so it stays here"
        case _:
            return f"{name}: its secret is another"


def _ended(body: dict[str, Any]) -> str:
    """Return how long work ended, and what came of it."""
    said = {"failed": "Failed", "cancelled": "Cancelled", "interrupted": "Interrupted"}.get(
        str(body.get("state", "")), "Done"
    )
    words = str(body.get("words", ""))
    return f"{said}: {body.get('title') or 'work'}{f' ({words})' if words else ''}"


def _dropped(body: dict[str, Any]) -> str:
    """Return how many messages were dropped, and of whom most."""
    said = f"{count_of(_whole(body.get('count')), 'message', 'messages')} dropped: more than may be sent"
    of = [pair for pair in body.get("senders", ()) if isinstance(pair, list | tuple) and len(pair) == 2]
    worst = ", ".join(f"{_whole(count):,} from {sender}" for sender, count in of[:SENDERS_NAMED])
    return f"{said} ({worst})" if worst else said


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


class JournalList(QWidget):
    """The newest rows of the device that `show_device` names."""

    def __init__(
        self, model: Model, link: Asks, look: Look, limit: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model, self._link, self._look, self._limit = model, link, look, limit
        self._device: UUID | None = None
        self._asked: int | None = None
        """The moment of the past that was asked for."""
        self._waits = False
        self.rows: list[JournalRow] = []
        self._lines: list[tuple[Label, LineLabel]] = []
        self._none = Label("Nothing happened yet", "small")
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._none)
        layout.addLayout(self._grid)
        model.changed.connect(self._on_changed)

    def show_device(self, device: UUID) -> None:
        """Show another device's journal; its past is asked for."""
        moment_us = self._model.moment_us
        same = device == self._device
        if same and (moment_us == self._asked or (self._waits and moment_us is not None)):
            return
        if not same or moment_us is None:
            self.rows = []
            self._show()
        self._device, self._asked, self._waits = device, moment_us, True

        def take(reply: Reply) -> None:
            if (device, moment_us) == (self._device, self._asked):
                self._take(reply)

        if moment_us is None:
            self._link.request(lambda number: QueryJournal(number, device, ROWS_KEPT), take)
        else:
            self._link.request(
                lambda number: QueryTimeline(number, 0, moment_us, (device,), None, ROWS_KEPT), take
            )

    def _take(self, reply: Reply) -> None:
        self._waits = False
        if self._asked is not None:
            self.rows = []
        self._add(msgspec.convert(reply.result.get("rows", []), list[JournalRow]))

    def _on_changed(self, delta: Delta) -> None:
        rows = [row for row in delta.journal if row.subject == self._device]
        if rows and self._device is not None:
            self._add(rows)

    def _add(self, rows: list[JournalRow]) -> None:
        kept = {(row.origin, row.seq): row for row in [*self.rows, *rows] if words_of(row)}
        self.rows = sorted(kept.values(), key=lambda row: (row.at_us, row.seq), reverse=True)[:ROWS_KEPT]
        self._show()

    def _show(self) -> None:
        shown = self.rows[: self._limit]
        self._none.setVisible(not shown)
        while len(self._lines) < len(shown):
            at, said = Label("", "small"), LineLabel("", prose=True)
            at.setFont(font(TABLE_PX, tabular=True))
            said.setFont(font(TABLE_PX))
            said.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
            self._grid.addWidget(at, len(self._lines), 0)
            self._grid.addWidget(said, len(self._lines), 1)
            self._lines.append((at, said))
        now = self._model.now_us()
        for number, (at, said) in enumerate(self._lines):
            visible = number < len(shown)
            at.setVisible(visible)
            said.setVisible(visible)
            if visible:
                at.setText(clock(shown[number].at_us, now))
                said.setText(words_of(shown[number]))
