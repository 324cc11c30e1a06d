"""The form that adds or changes a login. Counterpart: `commands.add_credential`; the engine seals the secret and checks it.

One rule: the secret of a login that is there is not shown and not needed: what is left empty stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from app.commands import Then
from app.dialogs.form import Form
from app.dialogs.login_fields import KIND_TITLES, LoginFields
from app.draft import Login
from app.panels.text import Label
from app.team.audience import AudienceField
from domain.errors import Refusal
from domain.inventory import Credential, CredentialKind
from domain.sharing import audience_refusals

Submit = Callable[[str, CredentialKind, Login, bool, Then], None]
"""Sends name, kind, login and whether its secret is new; the last is told what the engine said."""

ALONE = "Secrets are sealed and stay on this computer."
SHARED = "Secrets are sealed here. The server keeps what it cannot open."


class CredentialForm(Form):
    """Name, kind, and what a login of that kind consists of."""

    def __init__(
        self,
        submit: Submit,
        parent: QWidget | None = None,
        *,
        old: Credential | None = None,
        audience: AudienceField | None = None,
        in_team: bool = False,
    ) -> None:
        """`audience`: in a team, who may hold its secret."""
        super().__init__(
            "Change login" if old else "Add a login",
            "Save" if old else "Add",
            parent,
            width_px=500 if audience else 480,
            hint=SHARED if in_team or audience else ALONE,
        )
        self._old, self._submit, self.audience = old, submit, audience
        self.name = QLineEdit(old.name if old else "")
        self.name.setMaxLength(400)
        self.kind = QComboBox()
        kinds = [old.kind] if old else list(KIND_TITLES)
        for kind in kinds:
            self.kind.addItem(KIND_TITLES[kind], kind)
        self.kind.setEnabled(old is None)
        self.logins = {kind: LoginFields(kind, old) for kind in kinds}
        self.body.addWidget(self.fields.add("name", "Name", self.name))
        self.body.addWidget(self.fields.add("kind", "Kind", self.kind))
        for fields in self.logins.values():
            self.body.addWidget(fields)
        if audience is not None:
            self.body.addWidget(self.fields.add("audience", "Who may hold the secret", audience))
            for radio in audience.radios.values():
                radio.toggled.connect(self.fit_soon)
        if old is not None:
            self.body.addWidget(
                Label("What it is used by is asked anew at once when this is saved.", "small", wrap=True)
            )
        self.body.addStretch(1)
        self.kind.currentIndexChanged.connect(self._show)
        self._show()
        self.name.setFocus()

    @property
    def login(self) -> LoginFields:
        """The inputs of the chosen kind."""
        return self.logins[self.kind.currentData()]

    def submit(self) -> None:
        """Send what was typed; the form closes when the engine has taken it."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        self.login.fields.clear()
        missing = self.login.missing()
        if self.audience is not None:
            missing += self.audience.refuse(audience_refusals(self.audience.audience()))
        if missing:
            self.refuse(missing)
            return
        self.begin()
        login = self.login
        has_secret = login.has_secret or self._old is None
        self._submit(self.name.text().strip(), login.kind, login.login(), has_secret, self.on_answer)

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Show refusals at the fields of this form, or of the login in it."""
        inner = self.login.fields
        mine = [said for said in refusals if not inner.knows(said.field)]
        inner.refuse([said for said in refusals if inner.knows(said.field)])
        super().refuse(mine)

    def _show(self) -> None:
        for kind, fields in self.logins.items():
            fields.setVisible(kind == self.kind.currentData())
        self.fit_soon()
