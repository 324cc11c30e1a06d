"""How a device is asked: a row for each probe with its few fields. Counterpart: `draft.ProbeDraft`, `domain/probe_rules.py`.

One rule: what a probe has is in its row, and nothing else; a refusal "probes.1.port" stands at the port of the second row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.fields import Fields, PortLine
from app.dialogs.form import two_columns
from app.dialogs.login_choice import LoginChoice
from app.draft import ProbeDraft, default_probe
from app.panels.text import Label, button
from app.trust import grouped_hex
from domain.errors import Refusal
from domain.inventory import DEFAULT_PORT, NEEDS, REST, REST_PORT, TLS_PORT, Inventory, ProbeKind
from domain.probe_rules import DNS_TYPES, EXPECT_CAP, MANY, PROBES_CAP, TARGET_CAP

TITLES: dict[ProbeKind, str] = {
    "icmp": "Ping",
    "snmp": "SNMP",
    "routeros": "RouterOS",
    "tcp": "TCP port",
    "http": "Web page",
    "dns": "DNS",
    "ssh": "SSH",
}
TYPE_PX = 96


class Way(NamedTuple):
    """One of several ways to ask the same kind."""

    title: str
    tls: bool
    target: str
    port: int


WAYS: dict[str, tuple[Way, ...]] = {
    "routeros": (
        Way("API", False, "", DEFAULT_PORT["routeros"]),
        Way("API over TLS", True, "", TLS_PORT["routeros"]),
        Way("REST over HTTPS", True, REST, REST_PORT),
    ),
    "http": (
        Way("HTTP", False, "", DEFAULT_PORT["http"]),
        Way("HTTPS", True, "", TLS_PORT["http"]),
    ),
}


class ProbeRow(QWidget):
    """One probe: what it is, where, with which login, what it asks and expects."""

    removed = Signal()

    def __init__(self, inventory: Inventory, draft: ProbeDraft) -> None:
        super().__init__()
        self.kind: ProbeKind = draft.kind
        self.fields = Fields()
        self.port = PortLine(draft.port)
        self.way = QComboBox()
        self.name, self.type = _line("", 253), QComboBox()
        self.target, self.expect = _line(draft.target, TARGET_CAP), _line(draft.expect, EXPECT_CAP)
        self.login: LoginChoice | None = None
        self._pin = draft.pin
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        self._ways = WAYS.get(self.kind, ())
        if self._ways:
            self._begin_ways(draft)
        if self.kind in NEEDS:
            chosen = draft.login.existing if draft.login else None
            self.login = LoginChoice(NEEDS[self.kind], inventory, chosen)
        if self.kind == "dns":
            name, _, type = draft.target.partition(" ")
            self.name.setText(name)
            self.type.addItems(DNS_TYPES)
            self.type.setCurrentText(type or DNS_TYPES[0])
        self._lay_out()

    def draft(self) -> ProbeDraft:
        """Return the probe as it stands here."""
        way = self._ways[self.way.currentIndex()] if self._ways else None
        target = way.target if way is not None and self.kind == "routeros" else self.target.text().strip()
        if self.kind == "dns":
            target = f"{self.name.text().strip()} {self.type.currentText()}"
        return ProbeDraft(
            self.kind,
            self.port.value() if self.kind != "icmp" else 0,
            self.login.login() if self.login is not None else None,
            way.tls if way is not None else False,
            target,
            self.expect.text().strip(),
            self._pin,
        )

    def missing(self) -> list[Refusal]:
        """Return what must be typed here and was not."""
        return self.login.missing() if self.login is not None else []

    def clear(self) -> None:
        """Take all refusals back."""
        self.fields.clear()
        if self.login is not None:
            self.login.clear()

    def forget_pin(self) -> None:
        """Trust no certificate or host key any more: what it shows next is asked about."""
        self._pin = ""
        self._pin_line.hide()

    def _begin_ways(self, draft: ProbeDraft) -> None:
        self.way.addItems([way.title for way in self._ways])
        target = draft.target if self.kind == "routeros" else ""
        known = [(way.tls, way.target) for way in self._ways]
        if (draft.tls, target) in known:
            self.way.setCurrentIndex(known.index((draft.tls, target)))
        self.way.currentIndexChanged.connect(self._on_way)
        self._was = self._ways[self.way.currentIndex()]

    def _on_way(self, index: int) -> None:
        """Go to the port that is usual for the chosen way, if this one was usual for the last."""
        if self.port.value() == self._was.port:
            self.port.setText(str(self._ways[index].port))
        self._was = self._ways[index]

    def _lay_out(self) -> None:
        add, grid = self.fields.add, self._grid
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._head())
        layout.addLayout(grid)
        grid.setColumnStretch(0, 1)
        port = add("port", "Port", self.port)
        port.setVisible(self.kind != "icmp")
        match self.kind:
            case "icmp":
                port.setParent(self)
            case "tcp":
                grid.addWidget(port, 0, 0)
            case "http":
                grid.addWidget(add("target", "Path", self.target), 0, 0)
                grid.addWidget(add("tls", "Over", self.way), 0, 1)
                grid.addWidget(port, 0, 2)
                grid.addWidget(add("expect", "Text that the page must hold, if any", self.expect), 1, 0, 1, 3)
                self.target.setPlaceholderText("/")
            case "dns":
                grid.addWidget(add("target", "Name to ask for", self.name), 0, 0)
                self.name.setPlaceholderText("example.com")
                self.type.setFixedWidth(TYPE_PX)
                grid.addWidget(add("type", "Type", self.type), 0, 1)
                grid.addWidget(port, 0, 2)
                grid.addWidget(
                    add("expect", "Text that an answer must hold, if any", self.expect), 1, 0, 1, 3
                )
            case _:
                assert self.login is not None
                title = "Community or user" if self.kind == "snmp" else "Login"
                grid.addWidget(add("credential", title, self.login), 0, 0, 1, 1 if self._ways else 2)
                if self._ways:
                    grid.addWidget(add("tls", "Over", self.way), 0, 1)
                grid.addWidget(port, 0, 2)
                grid.addWidget(self.login.typing, 1, 0, 1, 3)
                self.login.changed.connect(self.fields.by_name["credential"].accept)
        if self.kind == "ssh":
            self.target.setPlaceholderText("Logs in only")
            run = two_columns()
            run.addWidget(add("target", "Command to run, if any", self.target), 0, 0)
            run.addWidget(add("expect", "Text that it must print, if any", self.expect), 0, 1)
            grid.addLayout(run, 2, 0, 1, 3)
        layout.addWidget(self._trusted())

    def _head(self) -> QHBoxLayout:
        remove = button("Remove", "link")
        remove.setAutoDefault(False)
        remove.setAccessibleName(f"Remove {TITLES[self.kind]}")
        remove.clicked.connect(self.removed)
        head = QHBoxLayout()
        head.addWidget(Label(TITLES[self.kind], "head"))
        head.addStretch(1)
        head.addWidget(remove)
        return head

    def _trusted(self) -> QWidget:
        what = "host key" if self.kind == "ssh" else "certificate"
        words = Label(f"Trusts the {what} {grouped_hex(self._pin[:16])}…", "small")
        words.setToolTip(grouped_hex(self._pin))
        forget = button("Forget it", "link")
        forget.setAutoDefault(False)
        forget.clicked.connect(self.forget_pin)
        self._pin_line = QWidget()
        row = QHBoxLayout(self._pin_line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(words)
        row.addWidget(forget)
        row.addStretch(1)
        self._pin_line.setVisible(bool(self._pin))
        return self._pin_line


class ProbeRows(QWidget):
    """All rows, and the button that adds one."""

    changed = Signal()

    def __init__(self, inventory: Inventory, drafts: Sequence[ProbeDraft]) -> None:
        super().__init__()
        self._inventory = inventory
        self.rows: list[ProbeRow] = []
        self._lines: list[QFrame] = []
        self.add_button = button("Add a way to ask")
        self.add_button.setAutoDefault(False)
        self._menu = QMenu(self.add_button)
        self._menu.aboutToShow.connect(self._offer)
        self.add_button.setMenu(self._menu)
        self._list = QVBoxLayout()
        self._list.setSpacing(10)
        foot = QHBoxLayout()
        foot.addWidget(self.add_button)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(self._list)
        layout.addLayout(foot)
        for draft in drafts:
            self._put(draft)

    def offered(self) -> list[ProbeKind]:
        """Return the kinds that can be added now."""
        if len(self.rows) >= PROBES_CAP:
            return []
        kinds = {row.kind for row in self.rows}
        return [kind for kind in TITLES if kind in MANY or kind not in kinds]

    def add(self, kind: ProbeKind) -> ProbeRow:
        """Add a row at the end."""
        row = self._put(default_probe(kind))
        self.changed.emit()
        return row

    def remove(self, row: ProbeRow) -> None:
        """Take a row away."""
        at = self.rows.index(row)
        self.rows.pop(at)
        line = self._lines.pop(at)
        for widget in (row, line):
            widget.hide()
            self._list.removeWidget(widget)
            widget.deleteLater()
        self.changed.emit()

    def drafts(self) -> tuple[ProbeDraft, ...]:
        """Return all probes in their order."""
        return tuple(row.draft() for row in self.rows)

    def row_of(self, kind: ProbeKind) -> ProbeRow:
        """Return the first row of a kind."""
        return next(row for row in self.rows if row.kind == kind)

    def has(self, kind: ProbeKind) -> bool:
        """Tell whether it is asked so."""
        return any(row.kind == kind for row in self.rows)

    def missing(self) -> list[Refusal]:
        """Return what must be typed and was not, each at its row."""
        return [
            Refusal(said.code, said.message, f"probes.{place}.login.{said.field}", said.subject)
            for place, row in enumerate(self.rows)
            for said in row.missing()
        ]

    def clear(self) -> None:
        """Take all refusals back."""
        for row in self.rows:
            row.clear()

    def refuse(self, refusals: Sequence[Refusal]) -> tuple[list[Refusal], QWidget | None]:
        """Show what is refused of single probes at them; return the rest, and the first place shown."""
        rest: list[Refusal] = []
        first: QWidget | None = None
        by_login: dict[UUID, int] = {
            row.login.id: place for place, row in enumerate(self.rows) if row.login is not None
        }
        for refusal in refusals:
            head, _, tail = refusal.field.partition(".")
            place_text, _, field = tail.partition(".")
            fields: Fields | None = None
            if refusal.subject in by_login:
                fields, field = self._login_fields(by_login[refusal.subject]), refusal.field
            elif head == "probes" and place_text.isdecimal() and int(place_text) < len(self.rows):
                part, _, of_login = field.partition(".")
                at = int(place_text)
                fields = self._login_fields(at) if part == "login" else self.rows[at].fields
                field = of_login or part
            if fields is None or not fields.knows(field):
                rest.append(Refusal(refusal.code, refusal.message, head, refusal.subject))
            else:
                shown = fields.refuse([Refusal(refusal.code, refusal.message, field)])
                first = first or shown
        return rest, first

    def _login_fields(self, place: int) -> Fields | None:
        login = self.rows[place].login
        typed = login.typed if login is not None else None
        return typed.fields if typed is not None else None

    def _put(self, draft: ProbeDraft) -> ProbeRow:
        row = ProbeRow(self._inventory, draft)
        row.removed.connect(lambda: self.remove(row))
        if row.login is not None:
            row.login.changed.connect(self.changed)
        line = QFrame()
        line.setProperty("kind", "line")
        self.rows.append(row)
        self._lines.append(line)
        self._list.addWidget(row)
        self._list.addWidget(line)
        return row

    def _offer(self) -> None:
        self._menu.clear()
        for kind in self.offered():
            self._menu.addAction(TITLES[kind], lambda kind=kind: self.add(kind))  # type: ignore[misc]


def _line(text: str, cap: int) -> QLineEdit:
    made = QLineEdit(text)
    made.setMaxLength(cap)
    return made
