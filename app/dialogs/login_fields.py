"""What a login consists of, by its kind: user, secret, and of SNMPv3 its protocols. Counterpart: `draft.Login`.

One rule: a secret is typed, never shown again: of one that is there, only that it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from app.dialogs.fields import Fields
from app.draft import Login, v3_secret
from app.panels.text import button
from app.panels.text_box import TextBox
from domain.errors import Refusal
from domain.inventory import AuthProtocol, Credential, CredentialKind, PrivacyProtocol
from domain.vault import Secret

KIND_TITLES: dict[CredentialKind, str] = {
    "snmp_community": "SNMP community",
    "snmp_v3": "SNMPv3 user",
    "routeros_login": "RouterOS login",
    "ssh_login": "SSH password",
    "ssh_key": "SSH key",
}
AUTH_TITLES: dict[str, str] = {
    "": "No authentication",
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
}
PRIVACY_TITLES: dict[str, str] = {
    "": "No privacy",
    "des": "DES",
    "aes128": "AES-128",
    "aes192": "AES-192",
    "aes256": "AES-256",
}
NEW_AUTH, NEW_PRIVACY = "sha256", "aes128"
"""What a new user of SNMPv3 begins with: the strongest that most devices have."""
KEY_FILE_CAP_BYTES = 65_536
KEY_PX = 96
LINE_CAP = 1_024
IS_SET = "Set; type to replace"


class LoginFields(QWidget):
    """The inputs of one kind of login: a new one, or `old`, whose secret stays where none is typed."""

    def __init__(self, kind: CredentialKind, old: Credential | None = None) -> None:
        super().__init__()
        self.kind = kind
        self._old = old
        self.fields = Fields()
        self.user = _line(old.user if old else "", 120)
        self.secret = _secret(old is not None)
        self.privacy_secret = _secret(old is not None)
        self.key = TextBox()
        self.key.setTabChangesFocus(True)
        self.key.setFixedHeight(KEY_PX)
        self.key.setPlaceholderText(
            "Set; paste another to replace it" if old else "-----BEGIN OPENSSH PRIVATE KEY-----"
        )
        self.context = _line(old.context if old else "", 120)
        self.auth = _choice(AUTH_TITLES, old.auth if old else NEW_AUTH)
        self.privacy = _choice(PRIVACY_TITLES, old.privacy if old else NEW_PRIVACY)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)
        self._lay_out()
        self._grid.addWidget(self.fields.rest, 9, 0, 1, 2)
        self._show()

    def login(self) -> Login:
        """Return what was typed."""
        if self.kind != "snmp_v3":
            user = "" if self.kind == "snmp_community" else self.user.text().strip()
            return Login(user=user, secret=self._secret(), kind=self.kind)
        auth = cast("AuthProtocol", self.auth.currentData())
        privacy = cast("PrivacyProtocol", self.privacy.currentData())
        return Login(
            user=self.user.text().strip(),
            secret=self._secret(),
            kind=self.kind,
            auth=auth,
            privacy=privacy,
            context=self.context.text().strip(),
        )

    @property
    def has_secret(self) -> bool:
        """Whether a secret was typed."""
        if self.kind == "ssh_key":
            return bool(self.key.toPlainText().strip())
        return bool(self.secret.text() or (self.kind == "snmp_v3" and self.privacy_secret.text()))

    def missing(self) -> list[Refusal]:
        """Return what must be typed and was not."""
        needed, old = self._needed(), self._old
        if old is not None and self.kind == "snmp_v3" and not self.has_secret:
            more = (self.auth.currentData() and not old.auth) or (
                self.privacy.currentData() and not old.privacy
            )
            said = "both passphrases are needed anew: they are kept together, and one of them is new"
            return [Refusal("MISSING_REQUIRED_FIELD", said, "secret")] if more else []
        if old is None and needed and not self.has_secret:
            return [Refusal("MISSING_REQUIRED_FIELD", f"{needed} needed", "secret")]
        return []

    def load_key(self, path: str) -> None:
        """Take a private key from a file."""
        field = self.fields.by_name["secret"]
        field.accept()
        try:
            with Path(path).open("rb") as file:
                data = file.read(KEY_FILE_CAP_BYTES + 1)
            if len(data) > KEY_FILE_CAP_BYTES:
                field.refuse(f"a key has at most {KEY_FILE_CAP_BYTES // 1024} KiB, this file has more")
            else:
                self.key.setPlainText(data.decode("utf-8"))
        except UnicodeDecodeError:
            field.refuse("a private key as text expected (OpenSSH or PEM), this file is none")
        except OSError as error:
            field.refuse(f"the file cannot be read: {error.strerror or error}")

    def _secret(self) -> Secret:
        match self.kind:
            case "ssh_key":
                text = self.key.toPlainText().strip()
                return Secret(f"{text}\n" if text else "")
            case "snmp_v3":
                return v3_secret(self.secret.text(), self.privacy_secret.text())
            case _:
                return Secret(self.secret.text())

    def _needed(self) -> str:
        match self.kind:
            case "snmp_community":
                return "a community is"
            case "snmp_v3":
                return "the passphrases are" if self.auth.currentData() else ""
            case "ssh_key":
                return "a private key is"
            case _:
                return "a password is"

    def _lay_out(self) -> None:
        add, grid = self.fields.add, self._grid
        match self.kind:
            case "snmp_community":
                grid.addWidget(add("secret", "Community", self.secret), 0, 0, 1, 2)
            case "snmp_v3":
                grid.addWidget(add("user", "User", self.user), 0, 0)
                grid.addWidget(add("context", "Context, mostly empty", self.context), 0, 1)
                grid.addWidget(add("auth", "Authentication", self.auth), 1, 0)
                self._auth_field = add("auth_secret", "Its passphrase", self.secret)
                grid.addWidget(self._auth_field, 1, 1)
                grid.addWidget(add("privacy", "Privacy", self.privacy), 2, 0)
                self._privacy_field = add("privacy_secret", "Its passphrase", self.privacy_secret)
                grid.addWidget(self._privacy_field, 2, 1)
                both = QWidget()
                both.setFixedHeight(0)
                self._both = add("secret", "", both)
                grid.addWidget(self._both, 3, 0, 1, 2)
                self.secret.textChanged.connect(self._both.accept)
                self.privacy_secret.textChanged.connect(self._both.accept)
                self.auth.currentIndexChanged.connect(self._show)
                self.privacy.currentIndexChanged.connect(self._show)
            case "ssh_key":
                grid.addWidget(add("user", "User", self.user), 0, 0)
                load = button("Load a file…")
                load.setAutoDefault(False)
                load.clicked.connect(self._choose_file)
                right = QHBoxLayout()
                right.setContentsMargins(0, 19, 0, 0)
                right.addStretch(1)
                right.addWidget(load)
                grid.addLayout(right, 0, 1)
                grid.addWidget(add("secret", "Private key, without a passphrase", self.key), 1, 0, 1, 2)
            case _:
                grid.addWidget(add("user", "User", self.user), 0, 0)
                grid.addWidget(add("secret", "Password", self.secret), 0, 1)

    def _show(self) -> None:
        if self.kind == "snmp_v3":
            has_auth = bool(self.auth.currentData())
            self.privacy.setEnabled(has_auth)
            if not has_auth:
                self.privacy.setCurrentIndex(0)
            self.secret.setEnabled(has_auth)
            self.privacy_secret.setEnabled(bool(self.privacy.currentData()))
            self._both.accept()

    def _choose_file(self) -> None:
        chooser = QFileDialog(self, "Private key")
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.fileSelected.connect(self.load_key)
        chooser.open()


def _line(text: str, cap: int) -> QLineEdit:
    made = QLineEdit(text)
    made.setMaxLength(cap)
    return made


def _secret(is_set: bool) -> QLineEdit:
    made = _line("", LINE_CAP)
    made.setEchoMode(QLineEdit.EchoMode.Password)
    if is_set:
        made.setPlaceholderText(IS_SET)
    return made


def _choice(titles: dict[str, str], chosen: str) -> QComboBox:
    made = QComboBox()
    for value, title in titles.items():
        made.addItem(title, value)
    made.setCurrentIndex(made.findData(chosen))
    return made
