"""Asks for the master password, or has the keyring asked again. Counterpart: `Unlock` of `domain/wire.py`.

One rule: the password goes to the engine and is kept nowhere here.
"""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

from app.commands import Asks
from app.dialogs.form import Form
from app.panels.text import Label
from app.words import capitalized
from domain.errors import Refusal
from domain.vault import PASSWORD_RANGE, Secret, Unlock, VaultState
from domain.wire import Reply


class UnlockForm(Form):
    """One password, one verb."""

    def __init__(self, state: VaultState, asks: Asks, parent: QWidget | None = None) -> None:
        self._needs_password = state.place == "password"
        super().__init__(
            "The vault is locked", "Unlock" if self._needs_password else "Ask it again", parent, width_px=440
        )
        self._asks = asks
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setMaxLength(PASSWORD_RANGE[1] + 1)
        said = "Devices that are asked with a login wait. The others go on being asked."
        if not self._needs_password:
            said = f"{capitalized(state.why)}. {said}" if state.why else said
        self.body.addWidget(Label(said, wrap=True))
        if self._needs_password:
            self.body.addWidget(self.fields.add("password", "Master password", self.password))
        self.body.addStretch(1)
        self.password.setFocus()

    def submit(self) -> None:
        """Try it."""
        if self.submit_button.isEnabled():
            self.begin()
            secret = Secret(self.password.text() if self._needs_password else "")
            self._asks.request(lambda number: Unlock(number, secret), self._on_reply)

    def _on_reply(self, reply: Reply) -> None:
        self.on_answer(reply.refusals)

    def on_answer(self, refusals: tuple[Refusal, ...]) -> None:
        """Close, or say why not; what was wrong is typed anew."""
        super().on_answer(refusals)
        if refusals and self.isVisible():
            self.password.selectAll()
