"""All tunnels of this computer, the ports they begin at, and where WinBox lies. Counterpart: `desk.py`, which does what is asked.

One rule: the list is the engine's; nothing is shown as closed before the engine says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QSpinBox, QWidget

from app.access.words import WAYS, use_of
from app.commands import Asks
from app.dialogs.form import Board, fill_row, plain_table
from app.model import Delta, Model
from app.panels.text import Label, button
from app.words import clock, size
from domain.tunnels import (
    HIGHEST_PORT,
    LOWEST_PORT,
    POOL_CAP,
    PortPool,
    SetPortPool,
    Tunnel,
    service_words,
)
from domain.wire import Reply

if TYPE_CHECKING:
    from app.access.desk import TunnelDesk

LIST_PX = 200
_HEADS = ["Device", "What", "Begins at", "Way", "Since", "There", "Back", "How it stands"]
EMPTY = "No tunnel is open. Open one from a device: Connect, then WinBox or SSH."


class TunnelBoard(Board):
    """The tunnels, the oldest first."""

    def __init__(self, model: Model, asks: Asks, desk: TunnelDesk, parent: QWidget | None = None) -> None:
        super().__init__("Tunnels", parent, width_px=860)
        self._model, self._asks, self._desk = model, asks, desk
        self.tunnels: list[Tunnel] = []
        self.table = plain_table(_HEADS, 7, (5, 6), prose=(7,))
        self.table.setMinimumHeight(LIST_PX)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.table.itemActivated.connect(lambda _: self._on_use())
        self.empty = Label(EMPTY, "quiet")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(LIST_PX)
        said = "A tunnel begins at this computer alone and ends at one port of one device."
        self.body.addWidget(Label(said, "small", wrap=True))
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.empty, 1)
        self._set_up((model.today or model).tunnels.pool)
        self.use_button = self.verb("Open", "primary")
        self.copy_button, self.close_button = self.verb("Copy address"), self.verb("End tunnel")
        self.use_button.clicked.connect(self._on_use)
        self.copy_button.clicked.connect(self._on_copy)
        self.close_button.clicked.connect(self._on_close)
        model.changed.connect(self._on_changed)
        self.refresh()
        self.table.setFocus()

    def refresh(self) -> None:
        """Show the tunnels as they stand; the chosen one stays chosen."""
        chosen, live = self._chosen(), self._model.today or self._model
        self.tunnels = list(live.tunnels.tunnels)
        now = live.now_us()
        self.table.setRowCount(len(self.tunnels))
        for number, one in enumerate(self.tunnels):
            device = live.inventory.device(one.device)
            texts = [
                device.name if device is not None else "(deleted)",
                service_words(one.service, one.target_port),
                f"127.0.0.1:{one.port}",
                WAYS[one.way],
                clock(one.since_us, now),
                size(one.to_bytes),
                size(one.from_bytes),
                use_of(one),
            ]
            fill_row(self.table, number, texts, (5, 6))
        self.table.setVisible(bool(self.tunnels))
        self.empty.setVisible(not self.tunnels)
        ids = [one.id for one in self.tunnels]
        if chosen is not None and chosen.id in ids:
            self.table.selectRow(ids.index(chosen.id))
        self._on_selected()

    def _set_up(self, pool: PortPool) -> None:
        self.first, self.count, self.winbox = QSpinBox(), QSpinBox(), QLineEdit(self._desk.winbox)
        self.first.setRange(LOWEST_PORT, HIGHEST_PORT)
        self.count.setRange(1, POOL_CAP)
        self.first.setValue(pool.first)
        self.count.setValue(pool.count)
        self.first.setAccessibleName("First port that tunnels begin at")
        self.count.setAccessibleName("How many ports")
        self.winbox.setAccessibleName("Where WinBox lies")
        self.winbox.setPlaceholderText("WinBox: where it usually lies")
        self.first.editingFinished.connect(self._on_pool)
        self.count.editingFinished.connect(self._on_pool)
        self.winbox.editingFinished.connect(lambda: self._desk.set_winbox(self.winbox.text().strip()))
        choose = button("Choose…")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose_winbox)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(Label("Ports from", "small"))
        row.addWidget(self.first)
        row.addWidget(Label("as many as", "small"))
        row.addWidget(self.count)
        row.addSpacing(16)
        row.addWidget(Label("WinBox", "small"))
        row.addWidget(self.winbox, 1)
        row.addWidget(choose)
        self.body.addLayout(row)

    def _choose_winbox(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "WinBox", self.winbox.text())
        if path:
            self.winbox.setText(path)
            self._desk.set_winbox(path)

    def _on_pool(self) -> None:
        pool = PortPool(self.first.value(), self.count.value())
        if pool != (self._model.today or self._model).tunnels.pool:
            self._asks.request(lambda number: SetPortPool(number, pool), self._on_answer)

    def _on_answer(self, reply: Reply) -> None:
        self.say(reply.refusals)

    def _on_changed(self, delta: Delta) -> None:
        if delta.tunnels or delta.initial:
            self.refresh()

    def _chosen(self) -> Tunnel | None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self.tunnels[rows.pop()] if len(rows) == 1 and max(rows) < len(self.tunnels) else None

    def _on_selected(self) -> None:
        one = self._chosen()
        for verb in (self.use_button, self.copy_button, self.close_button):
            verb.setEnabled(one is not None and not one.ended)

    def _on_use(self) -> None:
        if (one := self._chosen()) is not None and not one.ended:
            self._desk.use(one)

    def _on_copy(self) -> None:
        if (one := self._chosen()) is not None:
            self._desk.copy(one)

    def _on_close(self) -> None:
        if (one := self._chosen()) is not None:
            self._desk.close(one.id)
