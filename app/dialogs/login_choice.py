"""Choosing a probe's login: one that exists, or a new one with its secret. Counterpart: `draft.Login`.

One rule: a secret is typed, never shown again: an existing login is known by its name only.
"""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from app.dialogs.fields import Field
from app.draft import NEEDS, Login, ProbeDraft
from domain.inventory import DEFAULT_PORT, Credential, CredentialKind, Inventory, ProbeKind
from domain.wire import Secret

TITLES: dict[ProbeKind, str] = {  # the kinds that the form offers
    "icmp": "Ping",
    "snmp": "SNMP v2c",
    "routeros": "RouterOS API",
    "tcp": "TCP port",
}
NEW = "New…"


class LoginChoice(QWidget):
    """Which community or login, with room for a new one."""

    def __init__(self, kind: CredentialKind, inventory: Inventory, chosen: UUID | None) -> None:
        super().__init__()
        self.kind = kind
        self._known: list[Credential] = sorted(
            (row for row in inventory.credentials() if row.kind == kind or row.id == chosen),
            key=lambda row: row.name.casefold(),
        )
        self.which = QComboBox()
        self.which.addItems([row.name for row in self._known] + [NEW])
        self.user = QLineEdit()
        self.user.setPlaceholderText("User")
        self.user.setMaxLength(120)
        self.user.setVisible(kind == "routeros_login")
        self.secret = QLineEdit()
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.secret.setPlaceholderText("Community" if kind == "snmp_community" else "Password")
        self.secret.setMaxLength(256)
        self._new = QWidget()
        new = QHBoxLayout(self._new)
        new.setContentsMargins(0, 0, 0, 0)
        new.addWidget(self.user)
        new.addWidget(self.secret)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.which)
        layout.addWidget(self._new)
        ids = [row.id for row in self._known]
        self.which.setCurrentIndex(
            ids.index(chosen) if chosen in ids else (0 if ids and chosen is None else len(ids))
        )
        self.which.currentIndexChanged.connect(lambda _: self._show())
        self.which.setVisible(bool(self._known))
        self._show()

    def login(self) -> Login:
        """Return what is chosen or typed."""
        at = self.which.currentIndex()
        if at < len(self._known):
            return Login(existing=self._known[at].id)
        return Login(user=self.user.text().strip(), secret=Secret(self.secret.text()))

    @property
    def is_blank(self) -> bool:
        """Whether a new one is wanted and nothing was typed."""
        return (
            self.which.currentIndex() >= len(self._known) and not self.secret.text() and not self.user.text()
        )

    def _show(self) -> None:
        self._new.setVisible(self.which.currentIndex() >= len(self._known))


class ProbeRow(QWidget):
    """One way to ask: on or off, its port, its login."""

    toggled = Signal()

    def __init__(self, kind: ProbeKind, inventory: Inventory, draft: ProbeDraft | None) -> None:
        super().__init__()
        self.kind = kind
        self._old = draft.old if draft else None
        self.box = QCheckBox(TITLES[kind])
        self.box.setChecked(draft is not None)
        self.port = QSpinBox()
        self.port.setRange(0, 99_999)
        self.port.setValue(draft.port if draft else DEFAULT_PORT[kind])
        self.port.setFixedWidth(84)
        self.port.setVisible(kind != "icmp")
        self.port.setAccessibleName(f"Port of {TITLES[kind]}")
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.addWidget(self.box, 1)
        top.addWidget(self.port)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(top)
        self.login: LoginChoice | None = None
        self.field: Field | None = None
        if kind in NEEDS:
            chosen = draft.login.existing if draft and draft.login else None
            self.login = LoginChoice(NEEDS[kind], inventory, chosen)
            self._login_row = QWidget()
            row = QVBoxLayout(self._login_row)
            row.setContentsMargins(22, 0, 0, 2)
            row.addWidget(self.login)
            layout.addWidget(self._login_row)
        self.box.toggled.connect(self._show)
        self._show()

    def draft(self) -> ProbeDraft | None:
        """Return the probe, or None where it is off."""
        if not self.box.isChecked():
            return None
        port = 0 if self.kind == "icmp" else self.port.value()
        return ProbeDraft(self.kind, port, self.login.login() if self.login else None, self._old)

    def _show(self) -> None:
        self.port.setEnabled(self.box.isChecked())
        if self.login is not None:
            self._login_row.setVisible(self.box.isChecked())
        self.toggled.emit()
