"""The form that adds or changes a device. Counterpart: `draft.DeviceDraft`; the engine's refusals come back to its fields.

One rule: what the form cannot read as a number it says itself; whether a value may be is the engine's word.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.commands import Then
from app.dialogs.fields import Fields
from app.dialogs.login_choice import TITLES, ProbeRow
from app.draft import DeviceDraft, default_probe
from app.panels.text import Label, button
from domain.errors import Refusal
from domain.geometry import LngLat
from domain.inventory import ROLES, Inventory, Role

WIDTH_PX = 520
Submit = Callable[[DeviceDraft, Then], None]
"""Sends a draft; the second argument is told what the engine said."""


class DeviceForm(QDialog):
    """Name, address, place, how it is asked. It stays open until the engine has taken it."""

    def __init__(
        self,
        inventory: Inventory,
        submit: Submit,
        parent: QWidget | None = None,
        *,
        draft: DeviceDraft | None = None,
        place: LngLat | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._inventory = inventory
        self._submit = submit
        self._old = draft
        self._verb = "Save" if draft else "Add"
        self.setWindowTitle("Change device" if draft else "Add a device")
        self.setMinimumWidth(WIDTH_PX)
        start = draft or DeviceDraft("", "", probes=(default_probe("icmp"),))
        if place is not None:
            start = _placed(start, place)
        self.fields = Fields()
        self.name, self.address = _line(start.name, 400), _line(start.address, 100)
        self.role = QComboBox()
        self.role.addItems(ROLES)
        self.role.setCurrentText(start.role)
        self._sites = sorted(inventory.sites(), key=lambda site: site.name.casefold())
        self.site = QComboBox()
        self.site.setEditable(True)
        self.site.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.site.addItem("")
        self.site.addItems([site.name for site in self._sites])
        self.site.setCurrentText(start.site_name)
        self.region = _line(start.region, 120)
        self.place = _line(_place_text(start), 60)
        self.place.setPlaceholderText("Longitude, latitude")
        self.interval = _line(f"{start.interval_s:g}", 12)
        self.subscribers = _line(str(start.subscribers) if start.subscribers else "", 12)
        shown = {kind: next((p for p in start.probes if p.kind == kind), None) for kind in TITLES}
        self._more = tuple(p for p in start.probes if p is not shown.get(p.kind))
        """Probes that have no row of their own, such as further TCP ports: kept as they are."""
        self.probes = {kind: ProbeRow(kind, inventory, old) for kind, old in shown.items()}
        self.submit_button = button(self._verb, "primary")
        self.submit_button.setDefault(True)
        self.submit_button.clicked.connect(self.submit)
        self._lay_out()
        self.site.currentTextChanged.connect(self._on_site)
        self._on_site(self.site.currentText())
        QShortcut(QKeySequence("Ctrl+Return"), self, self.submit)
        self.address.setFocus()

    def draft(self) -> DeviceDraft | None:
        """Return what was typed; None, with the field saying why, where a number is none."""
        bad: list[Refusal] = []
        place = self._numbers("place", self.place.text().replace(";", ","), 2, bad)
        interval = self._numbers("interval_s", self.interval.text().replace(",", "."), 1, bad)
        subscribers = self._numbers("subscribers", self.subscribers.text(), 1, bad)
        if subscribers and subscribers[0] != int(subscribers[0]):
            bad.append(Refusal("INVALID_INPUT", "a whole number expected", "subscribers"))
        for row in self.probes.values():
            if row.box.isChecked() and row.login is not None and row.login.is_blank:
                word = "community" if row.kind == "snmp" else "user and password"
                bad.append(
                    Refusal("MISSING_REQUIRED_FIELD", f"{row.box.text()} needs a {word}", "credential")
                )
        if bad:
            self._refuse(bad)
            return None
        site_name = self.site.currentText().strip()
        role: Role = self.role.currentText()  # type: ignore[assignment]
        return DeviceDraft(
            name=self.name.text().strip(),
            address=self.address.text().strip(),
            role=role,
            site=self._site_id(site_name),
            site_name=site_name,
            region=self.region.text().strip(),
            lng=place[0] if place else None,
            lat=place[1] if place else None,
            probes=(
                *(probe for row in self.probes.values() if (probe := row.draft()) is not None),
                *self._more,
            ),
            interval_s=interval[0] if interval else DeviceDraft("", "").interval_s,
            subscribers=int(subscribers[0]) if subscribers else 0,
            note=self._old.note if self._old else "",
            paused=self._old.paused if self._old else False,
        )

    def submit(self) -> None:
        """Send what was typed; the form closes when the engine has taken it."""
        self.fields.clear()
        draft = self.draft()
        if draft is not None:
            self.submit_button.setEnabled(False)
            self._submit(draft, self.on_answer)

    def on_answer(self, refusals: tuple[Refusal, ...]) -> None:
        """Close, or show what was refused where it was."""
        self.submit_button.setEnabled(True)
        if refusals:
            shown = [
                Refusal(r.code, r.message, "place", r.subject) if r.field in ("lng", "lat") else r
                for r in refusals
            ]
            self._refuse(shown)
        else:
            self.accept()

    def _refuse(self, refusals: list[Refusal]) -> None:
        self.fields.refuse(refusals)
        refused = [f for name, f in self.fields.by_name.items() if f.refusal.text()]
        if refused:
            QTimer.singleShot(0, self, lambda: self._area.ensureWidgetVisible(refused[0].refusal))

    def _numbers(self, field: str, text: str, count: int, bad: list[Refusal]) -> list[float]:
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if text.strip() and len(numbers) != count:
            expected = "longitude and latitude, such as 9.7438, 47.5031" if count == 2 else "a number"
            bad.append(Refusal("INVALID_INPUT", f"{expected} expected, got “{text.strip()[:40]}”", field))
        return numbers

    def _site_id(self, name: str) -> UUID | None:
        """Return the site of that name; of two so called, the one that the device stands at already."""
        if self._old is not None and name == self._old.site_name:
            return self._old.site
        return next((s.id for s in self._sites if s.name.casefold() == name.casefold()), None)

    def _on_site(self, name: str) -> None:
        known = self._inventory.site(self._site_id(name.strip()))
        self.region.setEnabled(known is None and bool(name.strip()))
        if known is not None:
            self.region.setText(known.region)

    def _forgive_logins(self) -> None:
        self.fields.by_name["credential"].accept()

    def _lay_out(self) -> None:
        add = self.fields.add
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        grid.addWidget(add("address", "Address", self.address), 0, 0)
        grid.addWidget(add("name", "Name", self.name), 0, 1)
        grid.addWidget(add("site", "Site, an old or a new one", self.site), 1, 0)
        grid.addWidget(add("region", "Region of a new site", self.region), 1, 1)
        grid.addWidget(add("place", "Place, if not the site's", self.place), 2, 0)
        grid.addWidget(add("role", "Role", self.role), 2, 1)
        grid.addWidget(add("interval_s", "Asked every, seconds", self.interval), 3, 0)
        grid.addWidget(add("subscribers", "Subscribers behind it", self.subscribers), 3, 1)
        probes = QWidget()
        rows = QVBoxLayout(probes)
        rows.setContentsMargins(0, 2, 0, 0)
        rows.setSpacing(8)
        for row in self.probes.values():
            rows.addWidget(row)
            row.toggled.connect(self._forgive_logins)
        credential = QWidget()
        inner = QWidget()
        body = QVBoxLayout(inner)
        body.setContentsMargins(24, 20, 24, 12)
        body.setSpacing(12)
        body.addWidget(Label(self.windowTitle(), "title"))
        body.addWidget(self.fields.rest)
        body.addLayout(grid)
        credential.setFixedHeight(0)
        body.addWidget(add("credential", "How it is asked", credential))
        body.addWidget(add("probes", "", probes))
        body.addStretch(1)
        area = self._area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        cancel = button("Cancel")
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(24, 8, 24, 20)
        foot.addWidget(Label("Secrets are sealed and stay on this computer.", "small"))
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.submit_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area, 1)
        layout.addLayout(foot)
        self.resize(WIDTH_PX, 700)


def _line(text: str, cap: int) -> QLineEdit:
    made = QLineEdit(text)
    made.setMaxLength(cap)
    return made


def _place_text(draft: DeviceDraft) -> str:
    return f"{draft.lng!r}, {draft.lat!r}" if draft.lng is not None and draft.lat is not None else ""


def _placed(draft: DeviceDraft, place: LngLat) -> DeviceDraft:
    return msgspec.structs.replace(draft, lng=round(place.lng, 6), lat=round(place.lat, 6))
