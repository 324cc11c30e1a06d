"""Logging in again when a session is over, and leaving the team. Counterpart: `domain/team.LogInAgain`, `LeaveTeam`.

One rule: whoever leaves is told what goes with it, and what was not confirmed is lost only by a word of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QLineEdit, QRadioButton, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.form import Form
from app.panels.text import Label, set_property
from app.team.words import host_of
from app.words import count_of, isolated
from domain.errors import Refusal
from domain.team import LeaveTeam, LogInAgain, TeamState
from domain.vault import Secret
from domain.wire import Reply

COPY = "Was this profile copied from another computer? An install is one computer: leave the team here, and join again."


class LogInForm(Form):
    """Opens a new session for whom the old one was."""

    def __init__(self, team: TeamState, asks: Asks, parent: QWidget | None = None) -> None:
        super().__init__("Log in again", "Log in", parent, width_px=420)
        self._asks = asks
        self.login, self.password, self.code = QLineEdit(team.login), QLineEdit(), QLineEdit()
        self.login.setMaxLength(254)
        self.password.setMaxLength(1_000)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.code.setMaxLength(40)
        why = f" It says: {team.why}" if team.why else ""
        host = isolated(host_of(team.server))
        self.body.addWidget(
            Label(f"{host} wants to know that it is still {isolated(team.name)}.{why}", wrap=True)
        )
        self.body.addWidget(self.fields.add("login", "Login", self.login))
        self.body.addWidget(self.fields.add("password", "Password", self.password))
        self.body.addWidget(self.fields.add("code", "Code of your authenticator app", self.code))
        self.fields.by_name["code"].hide()
        self.body.addWidget(Label(COPY, "small", wrap=True))
        self.body.addStretch(1)
        self.password.setFocus()

    def submit(self) -> None:
        """Ask for a new session."""
        if not self.submit_button.isEnabled():
            return
        self.begin()
        secret, code = Secret(self.password.text()), self.code.text().strip()
        login = self.login.text().strip()
        self._asks.request(lambda number: LogInAgain(number, secret, code, login), self._on_reply)

    def _on_reply(self, reply: Reply) -> None:
        if isValid(self) and any(refusal.field == "code" for refusal in reply.refusals):
            self.fields.by_name["code"].show()
        self.on_answer(reply.refusals)


class LeaveForm(Form):
    """Leaves the team; `then` is told whether what is here was kept."""

    def __init__(
        self, team: TeamState, asks: Asks, then: Callable[[bool], None], parent: QWidget | None = None
    ) -> None:
        super().__init__("Leave the team", "Leave", parent, width_px=460)
        self._asks, self._then = asks, then
        set_property(self.submit_button, "kind", "danger")
        self.submit_button.setAutoDefault(False)
        self.submit_button.setDefault(False)
        self.cancel_button.setDefault(True)
        name = isolated(team.tenant_name)
        said = f"This computer leaves {name} at {isolated(host_of(team.server))}, and the server lets it in no more."
        self.wipe = QRadioButton("Wipe the network from this computer")
        self.keep = QRadioButton("Keep what is here as a network of my own")
        self.wipe.setChecked(True)
        group = QButtonGroup(self)
        for choice in (self.wipe, self.keep):
            group.addButton(choice)
        self.lose = QCheckBox("")
        self.body.addWidget(Label(said, wrap=True))
        self.body.addWidget(self.wipe)
        self.body.addWidget(self.keep)
        self.body.addWidget(self.fields.add("lose_pending", "", self.lose))
        self.body.addStretch(1)
        self._warn(team.pending, shown=team.pending > 0)
        self.cancel_button.setFocus()

    def submit(self) -> None:
        """Leave."""
        if not self.submit_button.isEnabled():
            return
        if not self.lose.isHidden() and not self.lose.isChecked():
            self.refuse(
                [
                    Refusal(
                        "PENDING_EDITS", "they would be lost: say so, or wait for the server", "lose_pending"
                    )
                ]
            )
            return
        self.begin()
        keep, lose = self.keep.isChecked(), self.lose.isChecked()
        self._asks.request(lambda number: LeaveTeam(number, keep, lose), self._on_reply)

    def _on_reply(self, reply: Reply) -> None:
        if not isValid(self):
            return
        if any(refusal.code == "PENDING_EDITS" for refusal in reply.refusals):
            self._warn(0, shown=True)
        keep = self.keep.isChecked()
        self.on_answer(reply.refusals)
        if not reply.refusals:
            self._then(keep)

    def _warn(self, pending: int, *, shown: bool) -> None:
        """Show what would be lost; 0 where nobody knows how much."""
        said = f"{count_of(pending, 'edit', 'edits')} that" if pending else "what"
        self.lose.setText(f"Lose {said} the server has not confirmed")
        self.lose.setVisible(shown)
        self.fields.by_name["lose_pending"].setVisible(shown)
