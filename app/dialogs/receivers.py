"""What is listened for: traps and syslog, on which ports. Counterpart: `domain/receiving.py`, `engine/receivers`.

One rule: beside each port stands whether it is listened on, and why not.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.fields import Field, PortLine
from app.dialogs.form import Form, two_columns
from app.model import Delta, Model
from app.panels.text import Label, button
from app.panels.text_box import TextBox
from app.words import capitalized, count_of
from domain.errors import Refusal
from domain.receiving import SYSLOG_PORT, TRAPS_PORT, Listener, ListenerKind, ReceiverSettings
from domain.wire import Reply, SetReceivers

IGNORED_PX = 72


class Port(NamedTuple):
    """What can be listened for, the field of the settings that holds its port, the usual port."""

    kind: ListenerKind
    field: str
    title: str
    usual: int


PORTS = (
    Port("traps", "traps_port", "SNMP traps and informs, UDP", TRAPS_PORT),
    Port("syslog_udp", "syslog_udp_port", "Syslog over UDP", SYSLOG_PORT),
    Port("syslog_tcp", "syslog_tcp_port", "Syslog over TCP", SYSLOG_PORT),
)


class _PortRow(QWidget):
    """On or off, the port, how it is."""

    def __init__(self, port: Port, now: int | None) -> None:
        super().__init__()
        self.box = QCheckBox(port.title)
        self.box.setChecked(now is not None)
        self.state = Label("", "small")
        self.port = PortLine(now if now is not None else port.usual)
        self.port.setAccessibleName(f"Port of {port.title}")
        self.port.setEnabled(now is not None)
        self.box.toggled.connect(self.port.setEnabled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.box)
        row.addStretch(1)
        row.addWidget(self.state)
        row.addWidget(self.port)

    def value(self) -> int | None:
        """Return the port, None where it is off."""
        return self.port.value() if self.box.isChecked() else None


class ReceiversForm(Form):
    """Ports, on or off; who is let in how much; who not at all."""

    quarantine_wanted = Signal()

    def __init__(self, model: Model, asks: Asks, parent: QWidget | None = None) -> None:
        super().__init__("What devices send", "Save", parent, width_px=540)
        self._model, self._asks = model, asks
        state = model.engine.receivers if model.engine is not None else None
        self._old = state.settings if state is not None else ReceiverSettings()
        self.ports = {port.field: _PortRow(port, getattr(self._old, port.field)) for port in PORTS}
        self.address = _line(self._old.address, 60)
        self.address.setPlaceholderText("Every address of this computer")
        self.sender_per_s = _line(f"{self._old.sender_per_s:g}", 12)
        self.sender_burst = _line(str(self._old.sender_burst), 12)
        self.ignored = TextBox("\n".join(self._old.ignored))
        self.ignored.setTabChangesFocus(True)
        self.ignored.setFixedHeight(IGNORED_PX)
        self.ignored.setPlaceholderText("One address a line")
        self.strangers = button("", "link")
        self.strangers.setAutoDefault(False)
        self.strangers.clicked.connect(self.quarantine_wanted)
        self._lay_out()
        model.changed.connect(self._on_changed)
        self._tell()

    def submit(self) -> None:
        """Listen so from now on."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        bad: list[Refusal] = []
        per_s = self._number("sender_per_s", self.sender_per_s, bad)
        burst = self._number("sender_burst", self.sender_burst, bad)
        if not burst.is_integer():
            bad.append(Refusal("INVALID_INPUT", "a whole number expected", "sender_burst"))
        if bad:
            self.refuse(bad)
            return
        settings = msgspec.structs.replace(
            self._old,
            **{name: row.value() for name, row in self.ports.items()},
            address=self.address.text().strip(),
            sender_per_s=per_s,
            sender_burst=int(burst),
            ignored=tuple(dict.fromkeys(self.ignored.toPlainText().split())),
        )
        self.begin()
        self._asks.request(lambda number: SetReceivers(number, settings), self._on_reply)

    def _on_reply(self, reply: Reply) -> None:
        """Close, or stay with what was refused, or with the ports that could not be listened on."""
        if not isValid(self) or reply.refusals:
            self.on_answer(reply.refusals)
            return
        listeners = msgspec.convert(reply.result.get("listeners", []), list[Listener])
        fields = {port.kind: port.field for port in PORTS}
        self.on_answer(
            tuple(
                Refusal("NOT_LISTENING", listener.trouble, fields[listener.kind])
                for listener in listeners
                if listener.trouble
            )
        )

    def _number(self, field: str, input: QLineEdit, bad: list[Refusal]) -> float:
        text = input.text().strip().replace(",", ".")
        try:
            return float(text)
        except ValueError:
            bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{text[:40]}”", field))
            return 0.0

    def _on_changed(self, delta: Delta) -> None:
        if delta.engine:
            self._tell()

    def _tell(self) -> None:
        """Say how each port is now."""
        engine = self._model.engine
        state = engine.receivers if engine is not None else None
        listeners = {listener.kind: listener for listener in state.listeners} if state is not None else {}
        for port in PORTS:
            listener = listeners.get(port.kind)
            row = self.ports[port.field]
            if listener is None:
                row.state.setText("Off")
            else:
                row.state.setText("Not listening" if listener.trouble else f"Listening on {listener.port}")
            row.state.setToolTip(capitalized(listener.trouble) if listener is not None else "")
        count = state.quarantined if state is not None else 0
        self.strangers.setText(
            f"Show {count_of(count, 'unknown sender', 'unknown senders')}…" if count else "Unknown senders…"
        )
        received = sum(state.received.values()) if state is not None else 0
        dropped = f", {state.dropped:,} dropped" if state is not None and state.dropped else ""
        locked = (
            f", {state.locked:,} while the vault was locked" if state is not None and state.locked else ""
        )
        self._received.setText(f"{count_of(received, 'message', 'messages')} received{dropped}{locked}")

    def _lay_out(self) -> None:
        add = self.fields.add
        said = "Devices send these unasked; they go into the journal of the device that they come from."
        self.body.addWidget(Label(said, "small", wrap=True))
        for port in PORTS:
            row = self.ports[port.field]
            field: Field = add(port.field, "", row)
            row.box.toggled.connect(field.accept)
            row.port.textChanged.connect(field.accept)
            self.body.addWidget(field)
        grid = two_columns()
        grid.addWidget(add("address", "Listen at", self.address), 0, 0, 1, 2)
        grid.addWidget(add("sender_per_s", "Messages of one sender, a second", self.sender_per_s), 1, 0)
        grid.addWidget(add("sender_burst", "and at once", self.sender_burst), 1, 1)
        grid.addWidget(add("ignored", "Senders of which nothing is taken", self.ignored), 2, 0, 1, 2)
        self.body.addSpacing(2)
        self.body.addLayout(grid)
        self._received = Label("", "small")
        line = QHBoxLayout()
        line.addWidget(self._received)
        line.addStretch(1)
        line.addWidget(self.strangers)
        self.body.addLayout(line)
        self.body.addStretch(1)


def _line(text: str, cap: int) -> QLineEdit:
    made = QLineEdit(text)
    made.setMaxLength(cap)
    return made
