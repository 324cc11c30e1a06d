"""All logins of the network: who they are, what uses them. Counterpart: `commands.py`; the vault has the secrets.

In a team the server says who may hold each secret, who does, and which of them a revoked computer knew: those are to be changed
on the routers.
One rule: a login that something is asked with is not deleted, and it is said what that is.
"""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QWidget
from shiboken6 import isValid

from app.commands import Asks, Commands, Then
from app.dialogs.confirm import Confirm
from app.dialogs.credential_form import CredentialForm
from app.dialogs.form import Board, fill_row, plain_table
from app.dialogs.login_fields import KIND_TITLES
from app.draft import Login, new_id, now_us
from app.model import Delta, Model
from app.panels.text import Label
from app.team.audience import AudienceField, AudienceForm, ask_sharing, audience_words, say_audience
from app.team.rights import why_not
from app.words import UNKNOWN, age_of, capitalized, count_of, isolated
from domain.errors import Refusal
from domain.inventory import Credential, CredentialKind
from domain.sharing import Lost, SharedCredential, SharingState

NAMES_SHOWN = 3
LIST_PX = 320
WHO_PX = 190


class Credentials(Board):
    """The list, and what can be done with one of it."""

    def __init__(self, model: Model, asks: Asks, commands: Commands, parent: QWidget | None = None) -> None:
        self._in_team = in_team = model.team is not None
        super().__init__("Logins", parent, width_px=860 if in_team else 680)
        self._model, self._asks, self._commands = model, asks, commands
        self.sharing: SharingState | None = None
        self._shared: dict[UUID, SharedCredential] = {}
        self._rows: list[Credential] = []
        self._users: dict[UUID, list[str]] = {}
        heads = ["Name", "Kind", "User", "Used by", *(["Who may hold it", "Held by"] if in_team else [])]
        self.table = plain_table(heads, 0, prose=(4,) if in_team else ())
        if in_team:
            self.table.horizontalHeader().setSectionResizeMode(4, QHeaderView.ResizeMode.Interactive)
            self.table.setColumnWidth(4, WHO_PX)
            self.table.setSelectionMode(QTableWidget.SelectionMode.ExtendedSelection)
        self.table.setMinimumHeight(LIST_PX)
        self.table.doubleClicked.connect(self.change)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.empty = Label("No logins yet. One is made here, or where a device is added.", "quiet")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(LIST_PX)
        said = "Communities, users, passwords and keys that devices are asked with. Secrets are sealed and never shown again."
        self.body.addWidget(Label(said, "small", wrap=True))
        self.to_change = Label("", "refusal", wrap=True)
        self.to_change.hide()
        self.detail = Label("", "quiet", wrap=True)
        self.detail.setVisible(in_team)
        self.body.addWidget(self.to_change)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.empty, 1)
        self.body.addWidget(self.detail)
        self.add_button = self.verb("Add…", "primary")
        self.change_button, self.delete_button = self.verb("Change…"), self.verb("Delete…")
        self.hold_button = self.verb("Who may hold it…")
        self.hold_button.setVisible(in_team)
        changing = (self.add_button, self.change_button, self.delete_button, self.hold_button)
        self.forbid(why_not(model, "credentials:write"), changing)
        self.add_button.clicked.connect(self.add)
        self.change_button.clicked.connect(self.change)
        self.delete_button.clicked.connect(self.delete)
        self.hold_button.clicked.connect(self.share)
        model.changed.connect(self._on_changed)
        self._show()
        self._ask()
        self.table.setFocus()

    def add(self) -> None:
        """Open the form for a new login."""

        field = self._field()

        def submit(name: str, kind: CredentialKind, login: Login, has_secret: bool, then: Then) -> None:
            made = msgspec.structs.replace(login, id=new_id())

            def add(refusals: tuple[Refusal, ...] = ()) -> None:
                if refusals:
                    then(refusals)
                else:
                    self._commands.add_credential(name, kind, made, then)

            if field is None or made.id is None:
                add()
            else:  # before there is a secret: it goes to nobody else
                say_audience(self._asks, [made.id], field.audience(), add)

        CredentialForm(submit, self, audience=field).open()

    def change(self) -> None:
        """Open the form of the chosen login."""
        old = self._chosen()
        if old is None:
            return

        field = self._field(old) if old.id in self._shared else None

        def submit(name: str, kind: CredentialKind, login: Login, has_secret: bool, then: Then) -> None:
            def share(refusals: tuple[Refusal, ...]) -> None:
                if refusals or field is None or not field.is_other:
                    then(refusals)
                    return

                def after(said: tuple[Refusal, ...]) -> None:
                    self._ask()
                    then(tuple(field.refuse(said)))

                say_audience(self._asks, [old.id], field.audience(), after)

            self._commands.edit_credential(old, name, login, share, replaces=has_secret)

        CredentialForm(submit, self, old=old, audience=field, in_team=self._in_team).open()

    def share(self) -> None:
        """Ask who may hold the secrets of the chosen logins."""
        chosen = self._all_chosen()
        if not chosen or self._model.team is None:
            return
        one = chosen[0] if len(chosen) == 1 else None
        title = (
            f"Who may hold {one.name}" if one else f"Who may hold {count_of(len(chosen), 'login', 'logins')}"
        )
        field = self._field(one)
        if field is not None:
            AudienceForm(self._asks, title, [row.id for row in chosen], field, self._ask, self).open()

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

    def _field(self, old: Credential | None = None) -> AudienceField | None:
        """Return the choice of who may hold a login's secret; None where there is no team."""
        team = self._model.team
        if team is None:
            return None
        shared = self._shared.get(old.id) if old is not None else None
        devices = self._model.inventory.devices()
        used = [d for d in devices if old is not None and any(p.credential == old.id for p in d.probes)]
        sites = {d.site for d in used if d.site is not None} if all(d.site for d in used) else set()
        field = AudienceField(team, shared.audience if shared is not None else None, sites)
        if self.sharing is not None:
            field.show_state(self.sharing)
        return field

    def _ask(self) -> None:
        """Ask the server who may hold what, and who does."""
        if self._model.team is not None and isValid(self):
            ask_sharing(self._asks, self, self._on_sharing, self._on_unheard)

    def _on_sharing(self, state: SharingState) -> None:
        waiting = dict(state.waiting)
        self.sharing = state
        self._shared = {
            row.credential: msgspec.structs.replace(row, audience=waiting.get(row.credential, row.audience))
            for row in state.credentials
        }
        names = [isolated(row.name) for row in self._rows if self._lost_of(row)]
        self.to_change.setText(f"Change on the routers: {_some(names)}. A computer that was revoked knew it.")
        self.to_change.setVisible(bool(names))
        self._show()

    def _on_unheard(self, refusals: tuple[Refusal, ...]) -> None:
        self.detail.setText(f"{capitalized(refusals[0].message)}.")

    def _lost_of(self, row: Credential) -> tuple[Lost, ...]:
        shared = self._shared.get(row.id)
        return shared.lost if shared is not None else ()

    def _sharing_words(self, row: Credential) -> tuple[str, str]:
        shared = self._shared.get(row.id)
        if self.sharing is None or shared is None:
            return UNKNOWN, UNKNOWN
        may = audience_words(shared.audience, self.sharing.people)
        if not shared.has_secret:
            return may, "nobody yet"
        return may, count_of(len(shared.holders), "computer", "computers") if shared.holders else "nobody now"

    def _on_changed(self, delta: Delta) -> None:
        if delta.inventory:
            self._show()
            self._ask()

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
            texts = [row.name, KIND_TITLES[row.kind], row.user or UNKNOWN, words]
            fill_row(
                self.table,
                number,
                [*texts, *(self._sharing_words(row) if self._in_team else ())],
            )
        self.table.setVisible(bool(self._rows))
        self.empty.setVisible(not self._rows)
        ids = [row.id for row in self._rows]
        if chosen is not None and chosen.id in ids:
            self.table.selectRow(ids.index(chosen.id))
        self._on_selected()

    def _chosen(self) -> Credential | None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._rows[rows.pop()] if len(rows) == 1 and max(rows) < len(self._rows) else None

    def _all_chosen(self) -> list[Credential]:
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return [self._rows[row] for row in rows if row < len(self._rows)]

    def _on_selected(self) -> None:
        chosen = self._chosen()
        one = chosen is not None
        self.hold_button.setEnabled(bool(self._all_chosen()))
        if self.sharing is not None:
            self.detail.setText(self._detail_of(chosen) if chosen is not None else "")
        self.change_button.setEnabled(one)
        self.delete_button.setEnabled(one)
        self.say([])

    def _detail_of(self, row: Credential) -> str:
        shared, now = self._shared.get(row.id), now_us()
        if shared is None:
            return "It waits for the server."
        held = f"Held by {_some([isolated(name) for name in shared.holders])}. " if shared.holders else ""
        lost = [
            f"{isolated(one.name) if one.name else 'a computer'}, revoked {age_of(one.ended_us, now)} ago"
            for one in shared.lost
        ]
        return held + (f"Change it on the routers: {'; '.join(lost)}, knew it." if lost else "")


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
