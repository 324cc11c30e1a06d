"""The dialog that joins a team: a link, who the server is, who one is, which network. Counterpart: `domain/team.JoinTeam`.

Theory: one step is shown at a time and Return goes on; what is refused stands at its field, and a refusal of an earlier step's
field brings that step back. Nothing secret is sent before the server is known: a certificate that the system does not trust is
compared and agreed to first.
One rule: the window changes only when the engine has made the new network's folder.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.commands import Asks
from app.dialogs.form import Form
from app.dialogs.trust import fingerprint_box, hex_lines
from app.panels.text import Label, button
from app.team.rights import role_words
from app.team.words import host_of
from app.words import count_of, isolated
from domain.errors import Refusal
from domain.inventory import Inventory
from domain.team import JoinTeam, LookAtServer
from domain.text import clean_text
from domain.vault import Secret
from domain.wire import Reply, ToEngine

WIDTH_PX = 500
LINK_CAP = 2_000
NAME_CAP = 120
TENANTS_HIGH_PX = 168
Step = Literal["link", "trust", "login", "tenant"]
_VERBS: dict[Step, str] = {"link": "Continue", "trust": "It is the same", "login": "Join", "tenant": "Join"}
_STEP_OF: dict[str, Step] = {
    "link": "link",
    "login": "login",
    "password": "login",
    "code": "login",
    "computer": "login",
    "bring": "login",
    "tenant": "tenant",
}


def brought_words(inventory: Inventory) -> str:
    """Return what a network holds that could be brought along: 40 devices, 6 sites and 12 links; empty where it is empty."""
    kinds = (("device", "devices"), ("site", "sites"), ("link", "links"), ("credential", "credentials"))
    words = {"credential": ("login", "logins")}
    parts = [
        count_of(len(rows), *words.get(kind, (kind, many)))
        for kind, many in kinds
        if (rows := inventory.tables[kind])
    ]
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


class JoinForm(Form):
    """`joined` tells the folder of the new network and what the engine said of it."""

    joined = Signal(object, object)

    def __init__(self, asks: Asks, own: Inventory | None, parent: QWidget | None = None) -> None:
        """`own` is what could be brought along; None where this network is a team's already."""
        super().__init__("Join a team", _VERBS["link"], parent, width_px=WIDTH_PX)
        self._asks = asks
        self.step: Step = "link"
        self._server: dict[str, Any] = {}
        self._fingerprint = ""
        self._asked = 0
        self.link = _line(LINK_CAP)
        self.link.setPlaceholderText("https://…")
        self.login, self.password, self.again = _line(254), _secret(), _secret()
        self.code, self.computer = _line(40), _line(NAME_CAP)
        self.computer.setText(clean_text(platform.node(), NAME_CAP))
        has = brought_words(own) if own is not None else ""
        self.bring = QCheckBox(f"Bring along what is here: {has}")
        self.tenants = QListWidget()
        self.tenants.setFixedHeight(TENANTS_HIGH_PX)
        self.tenants.setSpacing(2)
        self.tenants.itemActivated.connect(lambda _: self.submit())
        self.who = Label("", "head", wrap=True)
        self.progress = Label("", "quiet", wrap=True)
        self._box = QVBoxLayout()
        self.back = button("Back")
        self.back.setAutoDefault(False)
        self.back.clicked.connect(lambda: self.show_step("link"))
        self.foot.insertWidget(1, self.back)
        self._pages: dict[Step, QWidget] = {}
        self._lay_out(has)
        self.link.textChanged.connect(self._on_link)
        self.show_step("link")

    def show_step(self, step: Step) -> None:
        """Show one step, the keyboard in its first field."""
        self.step = step
        self._asked += 1  # an answer to another step is nothing
        self._rest()
        for name, page in self._pages.items():
            page.setVisible(name == step)
        self.who.setVisible(step in ("login", "tenant"))
        self.back.setVisible(step != "link")
        self.submit_button.setText(_VERBS[step])
        first: dict[Step, QWidget] = {"link": self.link, "login": self.login, "tenant": self.tenants}
        if step == "login" and self.login.isReadOnly():
            first["login"] = self.password
        first.get(step, self.back).setFocus()
        QTimer.singleShot(0, self, self.fit_soon)  # once what came into sight is laid out

    def submit(self) -> None:
        """Go on."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        match self.step:
            case "link":
                self._look("")
            case "trust":
                self._look(str(self._server["fingerprint"]))
            case _:
                self._join()

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Show refusals at their fields, of an earlier step too."""
        field = next((r.field for r in refusals if r.field in _STEP_OF), "")
        if field and _STEP_OF[field] != self.step:
            self.show_step(_STEP_OF[field])
        if any(refusal.field == "code" for refusal in refusals):
            self.fields.by_name["code"].show()
        super().refuse(refusals)

    # What is asked

    def _look(self, fingerprint: str) -> None:
        link = self.link.text().strip()
        if not link:
            self.refuse([Refusal("INVALID_INPUT", "a link or an address is expected", "link")])
            return
        self._fingerprint = fingerprint
        self._begin("Asking the server who it is…")
        self._request(lambda number: LookAtServer(number, link, fingerprint), self._on_seen)

    def _on_seen(self, reply: Reply) -> None:
        self._rest()
        if reply.refusals:
            self.refuse(reply.refusals)
            return
        self._server = told = reply.result
        fingerprint = str(told.get("fingerprint", ""))
        if fingerprint and not told.get("is_trusted") and fingerprint != self._fingerprint:
            self._show_certificate(fingerprint)
            self.show_step("trust")
        else:
            self._show_who()
            self.show_step("login")

    def _join(self) -> None:
        found = [name for name, bad in self._missing().items() if bad]
        if found:
            words = {"again": "the two passwords differ", "tenant": "choose one"}
            self.refuse([Refusal("INVALID_INPUT", words.get(n, "this is needed"), n) for n in found])
            return
        item = self.tenants.currentItem() if self.step == "tenant" else None
        tenant: UUID | None = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        self._begin("Joining, and fetching what the team has…")
        message = JoinTeam(
            0,
            self.link.text().strip(),
            self.login.text().strip(),
            Secret(self.password.text()),
            self.code.text().strip(),
            self._fingerprint,
            tenant,
            self.computer.text().strip(),
            self.bring.isChecked() and not self.bring.isHidden(),
        )
        self._request(lambda number: msgspec.structs.replace(message, request=number), self._on_joined)

    def _missing(self) -> dict[str, bool]:
        new = bool(self._server.get("needs_password"))
        return {
            "login": not self.login.text().strip(),
            "password": not self.password.text(),
            "again": new and self.password.text() != self.again.text(),
            "computer": not self.computer.text().strip(),
            "tenant": self.step == "tenant" and self.tenants.currentItem() is None,
        }

    def _on_joined(self, reply: Reply) -> None:
        self._rest()
        if reply.refusals:
            self.refuse(reply.refusals)
        elif tenants := reply.result.get("tenants"):
            self._offer(tenants)
        else:
            self.accept()
            self.joined.emit(Path(str(reply.result["profile"])), reply.result)

    def _request(self, make: Callable[[int], ToEngine], then: Callable[[Reply], None]) -> None:
        self._asked += 1
        asked = self._asked

        def take(reply: Reply) -> None:
            if isValid(self) and asked == self._asked:
                then(reply)

        self._asks.request(make, take)

    # What is shown

    def _begin(self, said: str) -> None:
        self.begin()
        self.progress.setText(said)
        self.progress.show()
        self.fit_soon()

    def _rest(self) -> None:
        self.submit_button.setEnabled(True)
        self.progress.hide()

    def _on_link(self) -> None:
        self._server, self._fingerprint = {}, ""
        self.tenants.clear()

    def _show_certificate(self, fingerprint: str) -> None:
        while (item := self._box.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        is_change = bool(self._fingerprint)
        title = f"Shown by {isolated(host_of(str(self._server.get('address', ''))))}"
        self._box.addWidget(fingerprint_box(title, [hex_lines(fingerprint)], bad=is_change))

    def _show_who(self) -> None:
        told = self._server
        host = isolated(host_of(str(told.get("address", ""))))
        tenant, login = clean_text(str(told.get("tenant", "")), NAME_CAP), str(told.get("login", ""))
        self.who.setText(f"{host} invites you to {isolated(tenant)}" if tenant else f"Log in at {host}")
        if login:
            self.login.setText(login)
        self.login.setReadOnly(bool(login))
        is_new = bool(told.get("needs_password"))
        self.fields.by_name["again"].setVisible(is_new)
        self.fields.by_name["code"].hide()

    def _offer(self, tenants: Any) -> None:
        self.tenants.clear()
        for id, name, role in tenants:
            item = QListWidgetItem(f"{clean_text(str(name), NAME_CAP)}   ({role_words(str(role))})")
            item.setData(Qt.ItemDataRole.UserRole, UUID(str(id)))
            self.tenants.addItem(item)
        self.tenants.setCurrentRow(0)
        self.who.setText("Which network?")
        self.show_step("tenant")

    def _lay_out(self, has: str) -> None:
        add = self.fields.add
        start = "The link of your invitation, or the address of your team's server."
        compare = (
            "This computer does not know who vouches for the server. Compare the fingerprint of its certificate with the one "
            "that your administrator reads from the server: only if both are the same does nobody listen in between."
        )
        brought = (
            "It goes into the team's network as your edit. Secrets stay here: logins are entered again there."
        )
        self._box.setContentsMargins(0, 0, 0, 0)
        boxed = QWidget()
        boxed.setLayout(self._box)
        login: list[QWidget] = [
            add("login", "Login (your e-mail address)", self.login),
            add("password", "Password", self.password),
            add("again", "The same password again", self.again),
            add("code", "Code of your authenticator app", self.code),
            add("computer", "Name of this computer, as the team sees it", self.computer),
            add("bring", "", self.bring),
            Label(brought, "small", wrap=True),
        ]
        for widget in login[-2:]:
            widget.setVisible(bool(has))
        self.bring.setVisible(bool(has))
        self.body.addWidget(self.who)
        pages: dict[Step, list[QWidget]] = {
            "link": [add("link", "Link or address", self.link), Label(start, "small", wrap=True)],
            "trust": [Label(compare, wrap=True), boxed],
            "login": login,
            "tenant": [add("tenant", "", self.tenants)],
        }
        for step, widgets in pages.items():
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(10)
            for widget in widgets:
                column.addWidget(widget)
            self.body.addWidget(page)
            self._pages[step] = page
        self.body.addWidget(self.progress)
        self.body.addStretch(1)
        QTimer.singleShot(0, self, self.link.setFocus)


def _line(cap: int) -> QLineEdit:
    made = QLineEdit()
    made.setMaxLength(cap)
    return made


def _secret() -> QLineEdit:
    made = _line(1_000)
    made.setEchoMode(QLineEdit.EchoMode.Password)
    return made
