"""Choosing a probe's login: one that exists, or a new one with its secret. Counterpart: `draft.Login`.

One rule: an existing login is known by its name and kind only.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.dialogs.login_fields import KIND_TITLES, LoginFields
from app.draft import Login, new_id
from domain.errors import Refusal
from domain.inventory import Credential, CredentialKind, Inventory


class LoginChoice(QComboBox):
    """Which login of these kinds, or a new one of them, which is typed in `typing`: whoever lays out this puts that near."""

    changed = Signal()

    def __init__(self, kinds: tuple[CredentialKind, ...], inventory: Inventory, chosen: UUID | None) -> None:
        super().__init__()
        self._known: list[Credential] = sorted(
            (row for row in inventory.credentials() if row.kind in kinds or row.id == chosen),
            key=lambda row: row.name.casefold(),
        )
        self.id = new_id()
        """What a new one will have."""
        for row in self._known:
            self.addItem(f"{row.name}  ({KIND_TITLES[row.kind]})" if len(kinds) > 1 else row.name)
        self.new: dict[CredentialKind, LoginFields] = {}
        self.typing = QWidget()
        layout = QVBoxLayout(self.typing)
        layout.setContentsMargins(0, 0, 0, 0)
        for kind in kinds:
            self.addItem(f"New {KIND_TITLES[kind]}…")
            self.new[kind] = LoginFields(kind)
            layout.addWidget(self.new[kind])
        ids = [row.id for row in self._known]
        self.setCurrentIndex(ids.index(chosen) if chosen in ids else 0)
        self.currentIndexChanged.connect(self._show)
        self._show()

    def choose_new(self, kind: CredentialKind) -> None:
        """Make room for a new login of a kind."""
        self.setCurrentIndex(len(self._known) + list(self.new).index(kind))

    def login(self) -> Login:
        """Return what is chosen or typed."""
        fields = self.typed
        if fields is None:
            return Login(existing=self._known[self.currentIndex()].id)
        return msgspec.structs.replace(fields.login(), id=self.id)

    def missing(self) -> list[Refusal]:
        """Return what must be typed and was not."""
        fields = self.typed
        return fields.missing() if fields is not None else []

    def clear(self) -> None:
        """Take all refusals back."""
        for fields in self.new.values():
            fields.fields.clear()

    @property
    def typed(self) -> LoginFields | None:
        """The inputs of the new login that is wanted, or None."""
        at = self.currentIndex() - len(self._known)
        return list(self.new.values())[at] if at >= 0 else None

    def _show(self) -> None:
        typed = self.typed
        for fields in self.new.values():
            fields.setVisible(fields is typed)
        self.typing.setVisible(typed is not None)
        self.changed.emit()
