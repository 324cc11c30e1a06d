"""The form that adds or changes a device. Counterpart: `draft.DeviceDraft`; the engine's refusals come back to its fields.

One rule: what the form cannot read as a number it says itself; whether a value may be is the engine's word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget
from shiboken6 import isValid

from app.commands import Then
from app.dialogs.chips import order_keys
from app.dialogs.form import Form, two_columns
from app.dialogs.place_field import Pick, PlaceField
from app.dialogs.polling import PollerChoice, PollingChoice, SlowBox
from app.dialogs.probe_rows import ProbeRows
from app.dialogs.tags import TagField
from app.draft import DeviceDraft, default_probe
from app.look import Look
from app.panels.text import Label
from app.panels.text_box import TextBox
from app.radio.fields import SectorRows
from app.words import count_of
from domain.errors import Refusal
from domain.geometry import LngLat
from domain.inventory import ROLES, Inventory, Role
from domain.team import TeamState
from domain.wire import Reply

WIDTH_PX = 560
NOTE_PX = 64
NOTE_SENT_CAP = 40_000
PROBLEMS_SHOWN = 3
ENTRY_MEANS = (
    "Polling comes in over this device, so faults are looked for from here on. "
    "Where no device is marked, it is guessed which it is."
)
AUTOMATIC = "Automatic, by what the device says of itself"
Submit = Callable[[DeviceDraft, Then], None]
"""Sends a draft; the second argument is told what the engine said."""


class DeviceForm(Form):
    """Name, address, place, a note, how it is asked and how often."""

    def __init__(
        self,
        inventory: Inventory,
        look: Look,
        submit: Submit,
        pick: Pick,
        parent: QWidget | None = None,
        *,
        draft: DeviceDraft | None = None,
        place: LngLat | None = None,
        team: TeamState | None = None,
    ) -> None:
        super().__init__(
            "Change device" if draft else "Add a device",
            "Save" if draft else "Add",
            parent,
            width_px=WIDTH_PX,
            hint="Secrets are sealed and stay on this computer.",
        )
        self._inventory = inventory
        self._submit = submit
        self._old = draft
        start = draft or DeviceDraft("", "", probes=(default_probe("icmp"),))
        if place is not None:
            start = _placed(start, place)
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
        self.place = PlaceField(start.lng, start.lat, pick)
        self.tags = TagField(inventory, look, start.tags)
        self.is_entry = QCheckBox("The network is reached through here")
        self.is_entry.setChecked(start.is_entry)
        self.sectors = SectorRows(start.sectors)
        self.note = TextBox(start.note)
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(NOTE_PX)
        self._note_at_first = self.note.toPlainText()
        self.subscribers = _line(str(start.subscribers) if start.subscribers else "", 12)
        self.interval = _line(f"{start.interval_s:g}", 12)
        self.polling = PollingChoice(start)
        self.may_slow = SlowBox(start.may_slow)
        self.polled_by = PollerChoice(team, start.polled_by)
        self.probes = ProbeRows(inventory, start.probes)
        self.profile = QComboBox()
        self.profile.addItem(AUTOMATIC, "")
        if start.profile:
            self.profile.addItem(start.profile, start.profile)
            self.profile.setCurrentIndex(1)
        self.problems = Label("", "refusal", wrap=True)
        self._lay_out()
        self._order_keys()
        self.site.currentTextChanged.connect(self._on_site)
        self._on_site(self.site.currentText())
        self.fields.by_name["polled_by"].setVisible(team is not None)
        self.probes.changed.connect(self._on_probes)
        self._on_probes()
        self.address.setFocus()

    def on_profiles(self, reply: Reply) -> None:
        """Offer the SNMP profiles that the engine has, and say which of the user's it could not read."""
        if not isValid(self):
            return
        chosen = self.profile.currentData()
        titles: dict[str, str] = reply.result.get("titles", {})
        self.profile.clear()
        self.profile.addItem(AUTOMATIC, "")
        for name, title in sorted(titles.items(), key=lambda pair: pair[1].casefold()):
            self.profile.addItem(title, name)
        if self.profile.findData(chosen) < 0:
            self.profile.addItem(f"{chosen} (not there any more)", chosen)
        self.profile.setCurrentIndex(self.profile.findData(chosen))
        self.problems.setText(_problems_text([each["message"] for each in reply.result.get("problems", [])]))
        self._on_probes()

    def draft(self) -> DeviceDraft | None:
        """Return what was typed; None, with the field saying why, where something cannot be read or is missing."""
        bad: list[Refusal] = self.probes.missing()
        place = self.place.place(bad)
        interval = self._number("interval_s", self.interval.text().replace(",", "."), bad)
        subscribers = self._number("subscribers", self.subscribers.text(), bad)
        if subscribers is not None and not subscribers.is_integer():
            bad.append(Refusal("INVALID_INPUT", "a whole number expected", "subscribers"))
        pause, sectors = self.polling.pause(bad), self.sectors.value(bad)
        if bad:
            self.refuse(bad)
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
            lng=place.lng if place is not None else None,
            lat=place.lat if place is not None else None,
            probes=self.probes.drafts(),
            interval_s=interval if interval is not None else DeviceDraft("", "").interval_s,
            subscribers=int(subscribers) if subscribers is not None else 0,
            note=self._note(),
            paused=pause.paused,
            profile=self.profile.currentData(),
            may_slow=self.may_slow.isChecked(),
            paused_until_us=pause.until_us,
            tags=self.tags.tags(),
            is_entry=self.is_entry.isChecked(),
            sectors=sectors,
            polled_by=self.polled_by.chosen(),
        )

    def submit(self) -> None:
        """Send what was typed; the form closes when the engine has taken it."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        self.probes.clear()
        draft = self.draft()
        if draft is not None:
            self.begin()
            self._submit(draft, self.on_answer)

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Show refusals at their fields: of a probe in its row, of a new login at what was typed of it."""
        rest, first = self.probes.refuse(refusals)
        named = [
            msgspec.structs.replace(said, field="place") if said.field in ("lng", "lat") else said
            for said in rest
        ]
        super().refuse(named)
        if first is not None and not named:
            QTimer.singleShot(0, self, lambda: self._area.ensureWidgetVisible(first))

    def _note(self) -> str:
        """Return what was typed, as much of it as the engine needs to say that it is too long."""
        typed = self.note.toPlainText()
        if self._old is not None and typed == self._note_at_first:
            return self._old.note
        return typed.strip()[:NOTE_SENT_CAP]

    def _number(self, field: str, text: str, bad: list[Refusal]) -> float | None:
        text = text.strip()
        try:
            return float(text) if text else None
        except ValueError:
            bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{text[:40]}”", field))
            return None

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

    def _on_probes(self) -> None:
        """The profile is of SNMP alone; the form grows and shrinks with its rows."""
        has_snmp = self.probes.has("snmp")
        self.fields.by_name["profile"].setVisible(has_snmp)
        self.problems.setVisible(has_snmp and bool(self.problems.text()))
        self.fields.by_name["probes"].accept()
        self.fit_soon()

    def _order_keys(self) -> None:
        order_keys((self.subscribers, *self.tags.keyed, self.note, self.is_entry))

    def _lay_out(self) -> None:
        add = self.fields.add
        who, when = two_columns(), two_columns()
        who.addWidget(add("address", "Address", self.address), 0, 0)
        who.addWidget(add("name", "Name", self.name), 0, 1)
        who.addWidget(add("site", "Site, an old or a new one", self.site), 1, 0)
        who.addWidget(add("region", "Region of a new site", self.region), 1, 1)
        place = add("place", "Place, if not the site's", self.place)
        self.place.changed.connect(place.accept)
        who.addWidget(place, 2, 0, 1, 2)
        who.addWidget(add("role", "Role", self.role), 3, 0)
        who.addWidget(add("subscribers", "Subscribers behind it", self.subscribers), 3, 1)
        who.addWidget(add("tags", "Tags", self.tags), 4, 0, 1, 2)
        who.addWidget(add("note", "Note", self.note), 5, 0, 1, 2)
        who.addWidget(self.is_entry, 6, 0, 1, 2)
        who.addWidget(Label(ENTRY_MEANS, "small", wrap=True), 7, 0, 1, 2)
        self.tags.changed.connect(self.fields.by_name["tags"].accept)
        self.tags.changed.connect(self.fit_soon)
        self.tags.arranged.connect(self._order_keys)
        when.addWidget(add("interval_s", "Asked every, seconds", self.interval), 0, 0)
        when.addWidget(add("paused_until_us", "Polling", self.polling), 0, 1)
        when.addWidget(self.may_slow, 1, 0, 1, 2)
        when.addWidget(add("polled_by", "Polled by", self.polled_by), 2, 0, 1, 2)
        self.polling.changed.connect(self.fields.by_name["paused_until_us"].accept)
        self.body.addLayout(who)
        self.body.addSpacing(4)
        self.body.addWidget(Label("How it is asked", "head"))
        self.body.addWidget(add("probes", "", self.probes))
        self.body.addWidget(add("profile", "Read over SNMP as", self.profile))
        self.body.addWidget(self.problems)
        self.body.addSpacing(4)
        self.body.addWidget(Label("Sectors", "head"))
        self.body.addWidget(add("sectors", "", self.sectors))
        self.sectors.changed.connect(self.fields.by_name["sectors"].accept)
        self.sectors.changed.connect(self.fit_soon)
        self.body.addSpacing(4)
        self.body.addWidget(Label("How often", "head"))
        self.body.addLayout(when)
        self.body.addStretch(1)


def _line(text: str, cap: int) -> QLineEdit:
    made = QLineEdit(text)
    made.setMaxLength(cap)
    return made


def _problems_text(problems: Sequence[str]) -> str:
    """Return what is wrong with the user's profiles, a line each: file, line, path, what was expected and got."""
    if not problems:
        return ""
    files = count_of(len(problems), "file", "files")
    head = f"{files} in the folder snmp-profiles cannot be used; read again when the engine starts:"
    more = f"and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
    return "\n".join(line for line in (head, *problems[:PROBLEMS_SHOWN], more) if line)


def _placed(draft: DeviceDraft, place: LngLat) -> DeviceDraft:
    return msgspec.structs.replace(draft, lng=round(place.lng, 6), lat=round(place.lat, 6))
