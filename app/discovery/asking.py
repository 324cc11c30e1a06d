"""How each address is asked: logins in their order, the pace, ports. Counterpart: `domain/discovering.Asking`.

One rule: a password is sent to nobody unless a person chose it here; communities and SNMPv3 users are chosen at first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from uuid import UUID

import msgspec
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.commands import Commands, Then
from app.dialogs.chips import Chips, Offer
from app.dialogs.credential_form import CredentialForm
from app.dialogs.fields import Field, Fields, PortLine
from app.dialogs.number_fields import read_number
from app.discovery.words import CREDENTIAL_WORDS
from app.draft import Login, new_id
from app.look import Look
from app.model import Model
from app.panels.picker import matches
from app.panels.text import Label, button
from app.words import isolated
from domain.discovering import CREDENTIALS_CAP, DISCOVERY_CREDENTIALS, Asking
from domain.errors import Refusal
from domain.inventory import Credential, CredentialKind, Inventory

OFFERED_AT_FIRST = 8
NUMBER_PX = 128
HINT = (
    "Tried in this order until one answers; Alt+← and Alt+→ move one. A RouterOS login is sent to whoever listens at the "
    "API port: choose it for ranges of your own."
)


def usual_credentials(inventory: Inventory) -> tuple[UUID, ...]:
    """Return what is tried if nobody chooses: the communities and SNMPv3 users, those of most devices first."""
    used = Counter(probe.credential for device in inventory.devices() for probe in device.probes)
    rows = [row for row in inventory.credentials() if row.kind in ("snmp_community", "snmp_v3")]
    rows.sort(key=lambda row: (-used[row.id], row.name.casefold()))
    return tuple(row.id for row in rows[:OFFERED_AT_FIRST])


class CredentialChips(Chips):
    """The logins that are tried, in their order."""

    def __init__(self, model: Model, look: Look, chosen: Iterable[UUID]) -> None:
        self._model = model
        super().__init__(
            look, "Add…", "Search logins", self._offers, "None: only who answers is told, not who it is"
        )
        known = ((id, model.inventory.credential(id)) for id in chosen)
        self.choose((id, said_of(row)) for id, row in known if row is not None)

    def ids(self) -> tuple[UUID, ...]:
        """Return what is chosen, in order."""
        return tuple(key for key in self.keys if isinstance(key, UUID))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Alt with an arrow key moves a chip."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
            crosses = [chip.cross for chip in self._chips]
            if step and event.modifiers() & Qt.KeyboardModifier.AltModifier and watched in crosses:
                self._move(crosses.index(watched), step)
                return True
        return super().eventFilter(watched, event)

    def _move(self, place: int, step: int) -> None:
        chosen: list[tuple[Hashable, str]] = self.chosen
        to = place + step
        if 0 <= to < len(chosen):
            chosen[place], chosen[to] = chosen[to], chosen[place]
            self.choose(chosen)
            self._chips[to].cross.setFocus()
            self.changed.emit()

    def _offers(self, text: str) -> Iterator[Offer]:
        rows = sorted(self._model.inventory.credentials(), key=lambda row: row.name.casefold())
        for kind in DISCOVERY_CREDENTIALS:
            for row in rows:
                if row.kind == kind and matches(text, row.name, CREDENTIAL_WORDS[row.kind]):
                    group = f"{CREDENTIAL_WORDS[row.kind][:1].upper()}{CREDENTIAL_WORDS[row.kind][1:]}"
                    yield Offer(row.id, group, row.name, said_of(row), row.user)

    def _show(self) -> None:
        super()._show()
        for chip in self._chips:
            chip.cross.installEventFilter(self)


def said_of(credential: Credential) -> str:
    """Return a login as it stands on its chip."""
    return f"{isolated(credential.name)} ({CREDENTIAL_WORDS[credential.kind]})"


class AskingInputs(QWidget):
    """The inputs. `fields` is the form's, so that refusals find them."""

    changed = Signal()
    arranged = Signal()
    """It is higher or lower than before."""

    def __init__(self, model: Model, commands: Commands, look: Look, fields: Fields, start: Asking) -> None:
        super().__init__()
        self._model, self._commands = model, commands
        self.credentials = CredentialChips(model, look, start.credentials)
        self.new_login = button("New login…", "link")
        self.new_login.setAutoDefault(False)
        self.new_login.clicked.connect(self.add_login)
        self.rate = _number(f"{start.rate_per_s:g}")
        self.silent = QCheckBox("Ask those too that answer no ping")
        self.silent.setChecked(start.asks_silent)
        self.more = button("", "link")
        self.more.setAutoDefault(False)
        self.snmp_port, self.routeros_port = PortLine(start.snmp_port), PortLine(start.routeros_port)
        self.ports = QLineEdit(", ".join(map(str, start.ports)))
        self.logins = _number(str(start.logins_per_host))
        self._advanced = QWidget()
        self._advanced.hide()
        self._lay_out(fields)
        self.more.clicked.connect(lambda: self.show_more(self._advanced.isHidden()))
        self.show_more(False)
        self.credentials.changed.connect(self.changed)
        self.credentials.arranged.connect(self.arranged)
        self.rate.textChanged.connect(self.changed)

    @property
    def keyed(self) -> list[QWidget]:
        """What takes the keyboard, in the order in which it is seen."""
        more = [self.snmp_port, self.routeros_port, self.logins, self.ports]
        return [*self.credentials.keyed, self.rate, self.silent, self.new_login, self.more, *more]

    def add_login(self) -> None:
        """Open the form for a new login; it is tried last."""
        self.form().open()

    def form(self) -> CredentialForm:
        """Return the form for a new login."""

        def submit(name: str, kind: CredentialKind, login: Login, has_secret: bool, then: Then) -> None:
            named = msgspec.structs.replace(login, id=new_id())

            def on_answer(refusals: tuple[Refusal, ...]) -> None:
                if (
                    not refusals
                    and kind in DISCOVERY_CREDENTIALS
                    and len(self.credentials.keys) < CREDENTIALS_CAP
                ):
                    self.credentials.add(named.id, f"{isolated(name)} ({CREDENTIAL_WORDS[kind]})")
                then(refusals)

            self._commands.add_credential(name, kind, named, on_answer)

        return CredentialForm(submit, self)

    def show_more(self, shown: bool) -> None:
        """Show or hide what hardly anybody changes."""
        self._advanced.setVisible(shown)
        self.more.setText("Fewer settings" if shown else "Ports and limits…")
        self.arranged.emit()

    def show_refused(self, refusals: Sequence[Refusal]) -> None:
        """Show what is hidden where something in it was refused."""
        if any(refusal.field in ("ports", "logins_per_host") for refusal in refusals):
            self.show_more(True)

    def rate_per_s(self) -> float | None:
        """Return the pace that is typed, None where it is none."""
        return read_number(self.rate.text())

    def asking(self, bad: list[Refusal]) -> Asking:
        """Return what is typed, with a refusal for each that cannot be read."""
        rate = self.rate_per_s()
        if rate is None:
            bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{self.rate.text()}”", "rate_per_s"))
        parts = self.ports.text().replace(",", " ").split()
        if not all(part.isdecimal() and len(part) < 9 for part in parts):
            bad.append(
                Refusal("INVALID_INPUT", "ports with commas between expected, such as 22, 80, 8291", "ports")
            )
            parts = []
        logins = self.logins.text().strip()
        if not (logins.isdecimal() and len(logins) < 9):
            bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{logins}”", "logins_per_host"))
            logins = "0"
        return Asking(
            self.credentials.ids(),
            rate or 0.0,
            int(logins),
            self.silent.isChecked(),
            self.snmp_port.value(),
            self.routeros_port.value(),
            tuple(int(part) for part in parts),
        )

    def _lay_out(self, fields: Fields) -> None:
        chosen: Field = fields.add("credentials", "Logins to try", self.credentials)
        self.credentials.changed.connect(chosen.accept)
        pace = QHBoxLayout()
        pace.setSpacing(16)
        pace.addWidget(fields.add("rate_per_s", "Addresses a second", self.rate))
        pace.addWidget(self.silent, 1, Qt.AlignmentFlag.AlignBottom)
        more = QHBoxLayout(self._advanced)
        more.setContentsMargins(0, 0, 0, 0)
        more.setSpacing(12)
        more.addWidget(fields.add("snmp_port", "SNMP port", self.snmp_port))
        more.addWidget(fields.add("routeros_port", "API port", self.routeros_port))
        more.addWidget(fields.add("logins_per_host", "Passwords per host", self.logins))
        more.addWidget(fields.add("ports", "Ports to knock at", self.ports), 1)
        verbs = QHBoxLayout()
        verbs.setSpacing(4)
        verbs.addWidget(self.new_login)
        verbs.addStretch(1)
        verbs.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(chosen)
        column.addWidget(Label(HINT, "small", wrap=True))
        column.addLayout(pace)
        column.addLayout(verbs)
        column.addWidget(self._advanced)


def _number(text: str) -> QLineEdit:
    made = QLineEdit(text)
    made.setMaxLength(12)
    made.setFixedWidth(NUMBER_PX)
    return made
