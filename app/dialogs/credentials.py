"""All logins of the network: who they are, what uses them. Counterpart: `commands.py`; the vault has the secrets.

One rule: a login that something is asked with is not deleted, and it is said what that is.
"""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.commands import Commands, Then
from app.dialogs.confirm import Confirm
from app.dialogs.credential_form import CredentialForm
from app.dialogs.form import Board, fill_row, plain_table
from app.dialogs.login_fields import KIND_TITLES
from app.draft import Login
from app.model import Delta, Model
from app.panels.text import Label
from app.team.rights import why_not
from app.words import UNKNOWN, count_of
from domain.errors import Refusal
from domain.inventory import Credential, CredentialKind

NAMES_SHOWN = 3
LIST_PX = 320


class Credentials(Board):
    """The list, and what can be done with one of it."""

    def __init__(self, model: Model, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__("Logins", parent, width_px=680)
        self._model, self._commands = model, commands
        self._rows: list[Credential] = []
        self._users: dict[UUID, list[str]] = {}
        self.table = plain_table(["Name", "Kind", "User", "Used by"], 0)
        self.table.setMinimumHeight(LIST_PX)
        self.table.doubleClicked.connect(self.change)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.empty = Label("No logins yet. One is made here, or where a device is added.", "quiet")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(LIST_PX)
        said = "Communities, users, passwords and keys that devices are asked with. Secrets are sealed and never shown again."
        self.body.addWidget(Label(said, "small", wrap=True))
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.empty, 1)
        self.add_button = self.verb("Add…", "primary")
        self.change_button, self.delete_button = self.verb("Change…"), self.verb("Delete…")
        changing = (self.add_button, self.change_button, self.delete_button)
        self.forbid(why_not(model, "credentials:write"), changing)
        self.add_button.clicked.connect(self.add)
        self.change_button.clicked.connect(self.change)
        self.delete_button.clicked.connect(self.delete)
        model.changed.connect(self._on_changed)
        self._show()
        self.table.setFocus()

    def add(self) -> None:
        """Open the form for a new login."""

        def submit(name: str, kind: CredentialKind, login: Login, has_secret: bool, then: Then) -> None:
            self._commands.add_credential(name, kind, login, then)

        CredentialForm(submit, self).open()

    def change(self) -> None:
        """Open the form of the chosen login."""
        old = self._chosen()
        if old is None:
            return

        def submit(name: str, kind: CredentialKind, login: Login, has_secret: bool, then: Then) -> None:
            self._commands.edit_credential(old, name, login, then, replaces=has_secret)

        CredentialForm(submit, self, old=old).open()

    def delete(self) -> None:
        """Ask once and delete the chosen login, or say what still uses it."""
        old = self._chosen()
        if old is None:
            return
        users = self._users.get(old.id, [])
        if users:
            said = f"{old.name} is still used by {_some(users)}: give those another login first"
            self.say([Refusal("IN_USE", said)])
            return
        Confirm(
            f"Delete {old.name}?",
            "Nothing is asked with it. You can undo this.",
            "Delete",
            lambda: self._commands.delete_credential(old.id, self.say),
            self,
        ).open()

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory:
            self._show()

    def _show(self) -> None:
        chosen = self._chosen()
        self._users = defaultdict(list)
        for device in self._model.inventory.devices():
            for id in {probe.credential for probe in device.probes if probe.credential is not None}:
                self._users[id].append(device.name)
        self._rows = sorted(self._model.inventory.credentials(), key=lambda row: row.name.casefold())
        self.table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            used = len(self._users.get(row.id, []))
            words = count_of(used, "device", "devices") if used else "nothing"
            fill_row(self.table, number, [row.name, KIND_TITLES[row.kind], row.user or UNKNOWN, words])
        self.table.setVisible(bool(self._rows))
        self.empty.setVisible(not self._rows)
        ids = [row.id for row in self._rows]
        if chosen is not None and chosen.id in ids:
            self.table.selectRow(ids.index(chosen.id))
        self._on_selected()

    def _chosen(self) -> Credential | None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._rows[rows.pop()] if len(rows) == 1 and max(rows) < len(self._rows) else None

    def _on_selected(self) -> None:
        one = self._chosen() is not None
        self.change_button.setEnabled(one)
        self.delete_button.setEnabled(one)
        self.say([])


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
