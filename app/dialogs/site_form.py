"""The form that adds or changes a site. Counterpart: `domain/inventory.Site`; the engine's refusals come back to its fields.

One rule: a region that is left empty is that of the POP, and the form says which that is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QWidget

from app.commands import Then
from app.dialogs.form import Form, two_columns
from app.dialogs.place_field import Pick, PlaceField
from app.draft import new_id
from app.panels.text_box import TextBox
from app.words import figure
from domain.errors import Refusal
from domain.geometry import LngLat
from domain.inventory import Inventory, Site

NOTE_PX = 64
NOTE_SENT_CAP = 40_000
Submit = Callable[[Site, Then], None]
"""Sends a site; the second argument is told what the engine said."""


class SiteForm(Form):
    """Name, POP, region, place, elevation, a note."""

    def __init__(
        self,
        inventory: Inventory,
        submit: Submit,
        pick: Pick,
        parent: QWidget | None = None,
        *,
        old: Site | None = None,
        place: LngLat | None = None,
    ) -> None:
        super().__init__("Change site" if old else "Add a site", "Save" if old else "Add", parent)
        self._inventory, self._submit, self._old = inventory, submit, old
        start = old or Site(new_id(), "")
        if place is not None:
            start = replace(start, lng=round(place.lng, 6), lat=round(place.lat, 6))
        self._start = start
        self.name = QLineEdit(start.name)
        self.name.setMaxLength(400)
        self._sites = sorted(
            (site for site in inventory.sites() if site.id != start.id), key=lambda site: site.name.casefold()
        )
        self.pop = _choice([site.name for site in self._sites])
        pop = inventory.site(start.pop)
        self.pop.setCurrentText(pop.name if pop is not None else "")
        regions = {site.region for site in inventory.sites() if site.region}
        self.region = _choice(sorted(regions, key=str.casefold))
        self.region.setCurrentText(start.region)
        self.place = PlaceField(start.lng, start.lat, pick)
        self.elevation = QLineEdit(
            figure(start.elevation_m).replace(",", "") if start.elevation_m is not None else ""
        )
        self.elevation.setMaxLength(12)
        self.note = TextBox(start.note)
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(NOTE_PX)
        self._elevation_at_first = self.elevation.text()
        self._note_at_first = self.note.toPlainText()
        self._lay_out()
        self.pop.currentTextChanged.connect(self._on_pop)
        self._on_pop(self.pop.currentText())
        self.name.setFocus()

    def site(self) -> Site | None:
        """Return what was typed; None, with the field saying why, where something cannot be read."""
        bad: list[Refusal] = []
        place, elevation_m = self.place.place(bad), self._start.elevation_m
        if self.elevation.text() != self._elevation_at_first:
            elevation_m = self._metres(bad)
        pop_name = self.pop.currentText().strip()
        pop = self._pop_id(pop_name)
        if pop_name and pop is None:
            bad.append(Refusal("SITE_NOT_FOUND", f"there is no other site called “{pop_name[:60]}”", "pop"))
        if bad:
            self.refuse(bad)
            return None
        typed = self.note.toPlainText()
        return replace(
            self._start,
            name=self.name.text().strip(),
            region=self.region.currentText().strip(),
            pop=pop,
            lng=place.lng if place is not None else None,
            lat=place.lat if place is not None else None,
            elevation_m=elevation_m,
            note=self._start.note if typed == self._note_at_first else typed.strip()[:NOTE_SENT_CAP],
        )

    def submit(self) -> None:
        """Send what was typed; the form closes when the engine has taken it."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        site = self.site()
        if site is not None:
            self.begin()
            self._submit(site, self.on_answer)

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Show refusals at their fields: those of half a place at the place."""
        super().refuse(
            [replace(said, field="place") if said.field in ("lng", "lat") else said for said in refusals]
        )

    def _metres(self, bad: list[Refusal]) -> float | None:
        text = self.elevation.text().strip().replace(",", ".")
        try:
            return float(text) if text else None
        except ValueError:
            bad.append(Refusal("INVALID_INPUT", f"a number of metres expected, got “{text}”", "elevation_m"))
            return None

    def _pop_id(self, name: str) -> UUID | None:
        """Return the site of that name; of several so called, the one that it hangs under already."""
        if not name:
            return None
        now = self._inventory.site(self._start.pop)
        if now is not None and now.name == name:
            return now.id
        return next((site.id for site in self._sites if site.name.casefold() == name.casefold()), None)

    def _on_pop(self, name: str) -> None:
        pop = self._inventory.site(self._pop_id(name.strip()))
        region = self._inventory.region_of(pop) if pop is not None else ""
        edit = self.region.lineEdit()
        if edit is not None:
            edit.setPlaceholderText(f"That of its POP: {region}" if region else "None")

    def _lay_out(self) -> None:
        add, grid = self.fields.add, two_columns()
        grid.addWidget(add("name", "Name", self.name), 0, 0, 1, 2)
        grid.addWidget(add("pop", "POP that it hangs under", self.pop), 1, 0)
        grid.addWidget(add("region", "Region, an old or a new one", self.region), 1, 1)
        place = add("place", "Place", self.place)
        self.place.changed.connect(place.accept)
        grid.addWidget(place, 2, 0, 1, 2)
        grid.addWidget(add("elevation_m", "Elevation above sea level, m", self.elevation), 3, 0)
        grid.addWidget(add("note", "Note", self.note), 4, 0, 1, 2)
        self.body.addLayout(grid)
        self.body.addStretch(1)


def _choice(names: Sequence[str]) -> QComboBox:
    """Return a list of names to choose from or to type into; what is typed finds names that hold it."""
    made = QComboBox()
    made.setEditable(True)
    made.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    made.addItem("")
    made.addItems(list(names))
    made.setCurrentIndex(0)
    finds = QCompleter(made.model(), made)
    finds.setFilterMode(Qt.MatchFlag.MatchContains)
    finds.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
    made.setCompleter(finds)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return made
