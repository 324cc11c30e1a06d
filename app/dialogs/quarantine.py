"""Who sends without being a device, and what. Counterpart: `QueryQuarantine` and `ForgetSender` of `domain/wire.py`.

One rule: what stands here was written by strangers: plain text, one line a message.
"""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.form import Board, fill_row, plain_table
from app.draft import now_us
from app.panels.text import Label
from app.words import age_of, capitalized, clock
from domain.receiving import QuarantinedSender
from domain.wire import ForgetSender, QueryQuarantine, Reply

LIST_PX, MESSAGES_PX = 220, 150


class Quarantine(Board):
    """The senders, the latest first; of the chosen one its newest messages."""

    device_wanted = Signal(str)
    """An address that is to become a device."""

    def __init__(self, asks: Asks, parent: QWidget | None = None) -> None:
        super().__init__("Unknown senders", parent, width_px=760)
        self._asks = asks
        self.senders: list[QuarantinedSender] = []
        self.table = plain_table(["Address", "Why it is here", "Messages", "Last"], 1, (2, 3))
        self.table.setMinimumHeight(LIST_PX)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.empty = Label("Nobody. What comes from no device of this network is held here.", "quiet")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(LIST_PX)
        self.messages = QPlainTextEdit()
        self.messages.setReadOnly(True)
        self.messages.setFixedHeight(MESSAGES_PX)
        self.messages.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.messages.setPlaceholderText("Choose a sender to see what it sent")
        self.messages.setAccessibleName("Newest messages")
        said = "Their messages are in no journal. The newest of each are kept until the engine ends."
        self.body.addWidget(Label(said, "small", wrap=True))
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.empty, 1)
        self.body.addWidget(self.messages)
        self.add_button = self.verb("Add as a device…", "primary")
        self.forget_button, self.ignore_button = self.verb("Forget"), self.verb("Ignore from now on")
        self.refresh_button = self.verb("Look again")
        self.add_button.clicked.connect(self._on_add)
        self.forget_button.clicked.connect(lambda: self._forget(ignore=False))
        self.ignore_button.clicked.connect(lambda: self._forget(ignore=True))
        self.refresh_button.clicked.connect(self.refresh)
        self.empty.hide()
        self._on_selected()
        self.table.setFocus()
        self.refresh()

    def refresh(self) -> None:
        """Ask who is held."""
        self._asks.request(QueryQuarantine, self._on_senders)

    def _on_senders(self, reply: Reply) -> None:
        if not isValid(self):
            return
        self.say(reply.refusals)
        chosen = self._chosen()
        self.senders = msgspec.convert(reply.result.get("senders", []), list[QuarantinedSender])
        now = now_us()
        self.table.setRowCount(len(self.senders))
        for number, sender in enumerate(self.senders):
            texts = [
                sender.address,
                capitalized(sender.why),
                f"{sender.count:,}",
                age_of(sender.last_us, now),
            ]
            fill_row(self.table, number, texts, (2, 3))
        self.table.setVisible(bool(self.senders))
        self.empty.setVisible(not self.senders)
        addresses = [sender.address for sender in self.senders]
        if chosen is not None and chosen.address in addresses:
            self.table.selectRow(addresses.index(chosen.address))
        else:
            self.table.clearSelection()
        self._on_selected()

    def _chosen(self) -> QuarantinedSender | None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self.senders[rows.pop()] if len(rows) == 1 and max(rows) < len(self.senders) else None

    def _on_selected(self) -> None:
        sender, now = self._chosen(), now_us()
        for verb in (self.forget_button, self.ignore_button):
            verb.setEnabled(sender is not None)
        self.add_button.setEnabled(sender is not None and sender.device is None)
        lines = [
            f"{clock(message.at_us, now)}  {message.severity}  {message.host + '  ' if message.host else ''}{message.text}"
            for message in (sender.messages if sender is not None else ())
        ]
        self.messages.setPlainText("\n".join(line.replace("\n", " ") for line in lines))

    def _on_add(self) -> None:
        sender = self._chosen()
        if sender is not None:
            self.device_wanted.emit(sender.address)

    def _forget(self, *, ignore: bool) -> None:
        sender = self._chosen()
        if sender is not None:
            self._asks.request(
                lambda number: ForgetSender(number, sender.address, ignore), self._on_forgotten
            )

    def _on_forgotten(self, reply: Reply) -> None:
        if isValid(self):
            self.say(reply.refusals)
            if not reply.refusals:
                self.refresh()
