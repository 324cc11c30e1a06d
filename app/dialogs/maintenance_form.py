"""The form of planned work. Counterpart: `domain/watching.Maintenance`; the engine's refusals come back to its fields.

One rule: times are typed and shown as a clock in the work's zone shows them, and the zone stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import msgspec
from PySide6.QtCore import Qt, QTimeZone
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from app.commands import Then
from app.dialogs.chips import order_keys
from app.dialogs.form import Form, two_columns
from app.dialogs.polling import TIME_FORMAT
from app.dialogs.scope_field import ScopeField
from app.draft import new_id, now_us
from app.look import Look
from app.model import Delta, Model
from app.panels.finder import Entry
from app.panels.picker import Picker, grouped, matches
from app.panels.text import Label, button, caption
from app.panels.text_box import TextBox
from app.planned import HOUR_US, MORNING, REPEAT_WORDS, planned_of, when_words
from app.watching import devices_in, scope_words, span
from app.words import count_of
from domain.errors import Refusal
from domain.maintenance import zone_of
from domain.watching import REPEATS, Maintenance, Scope

WIDTH_PX = 560
NAME_CHARS, NOTE_SENT_CAP = 400, 40_000
NOTE_PX = 52
LASTS_H = (1, 2, 4, 8)
FIRST_STARTS_H, FIRST_LASTS_H = 2, 2
"""New work is planned for the night to come, 02:00 to 04:00."""
Submit = Callable[[Maintenance, Then], None]


def local_zone() -> str:
    """Return this computer's time zone by its IANA name, UTC where it has none that is known."""
    name = bytes(QTimeZone.systemTimeZoneId().data()).decode("ascii", "replace")
    return name if zone_of(name) is not None else "UTC"


def first_work(scope: Scope, name: str = "") -> Maintenance:
    """Return work as it is first offered: the night to come."""
    now = datetime.now()
    start = now.replace(hour=FIRST_STARTS_H, minute=0, second=0, microsecond=0)
    start += timedelta(days=1) if start <= now else timedelta()
    starts_us = int(start.timestamp()) * 1_000_000
    ends_us = starts_us + FIRST_LASTS_H * HOUR_US
    return Maintenance(new_id(), name, starts_us, ends_us, scope, zone=local_zone())


def same_clock(zone: str, at_us: int) -> bool:
    """Tell whether the clocks of a zone show what this computer's clock does at a time."""
    at = datetime.fromtimestamp(at_us / 1e6, zone_of(zone))
    return at.utcoffset() == at.astimezone().utcoffset()


class MaintenanceForm(Form):
    """What is worked on, when, how often, what hangs on it."""

    def __init__(
        self, model: Model, look: Look, work: Maintenance, submit: Submit, *, is_new: bool, parent: QWidget
    ) -> None:
        title = "Plan maintenance" if is_new else "Change maintenance"
        super().__init__(title, "Plan" if is_new else "Save", parent, width_px=WIDTH_PX)
        self._model, self._look, self._old, self._submit = model, look, work, submit
        self._zone = work.zone
        self.name = QLineEdit(work.name)
        self.name.setMaxLength(NAME_CHARS)
        self.name.setPlaceholderText("Such as: New antennas")
        self.starts = _time_line(self._said(work.starts_us), "Begins")
        self.ends = _time_line(self._said(work.ends_us), "Ends")
        self.zone = button("")
        self.zone.setProperty("kind", "choice")
        self.zone.setAutoDefault(False)
        self.zone.clicked.connect(self.open_zones)
        self.repeat = QComboBox()
        for repeat in REPEATS:
            self.repeat.addItem(REPEAT_WORDS[repeat].capitalize(), repeat)
        self.repeat.setCurrentIndex(self.repeat.findData(work.repeat))
        self.scope = ScopeField(model, look, work.scope, everywhere="The whole network")
        self.scope.show_ports(False)
        self.with_dependents = QCheckBox(
            "And what hangs on it: what loses its way to the network by this work"
        )
        self.with_dependents.setChecked(work.with_dependents)
        self.note = TextBox(work.note)
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(NOTE_PX)
        self._note_at_first = self.note.toPlainText()
        self.lasts: list[QPushButton] = []
        self.sentence = Label("", "quiet", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sentence.setMinimumHeight(2 * self.sentence.fontMetrics().lineSpacing())
        self._lay_out()
        self._connect()
        self._order_keys()
        self._on_typed()
        self.name.setFocus()

    def open_zones(self) -> Picker:
        """Open the list of time zones; the times that are typed stay what the clock shows."""
        local = local_zone()

        def offer(text: str) -> list[Entry]:
            names = [local, *sorted(available_timezones() - {local, "localtime", "Factory"})]
            return grouped(
                (
                    "This computer" if name == local else "All",
                    Entry(
                        name,
                        lambda name=name: self.choose_zone(name),  # type: ignore[misc]
                        current=name == self._zone,
                    ),
                )
                for name in names
                if matches(text, name, name.replace("_", " "))
            )

        picker = Picker(self._look, offer, "Search time zones", self)
        picker.drop_under(self.zone)
        return picker

    def choose_zone(self, name: str) -> None:
        """Read the times by the clocks of this zone."""
        self._zone = name
        self.fields.by_name["zone"].accept()
        self._on_typed()
        self.zone.setFocus()

    def last(self, hours: int) -> None:
        """Let it end so many hours after it begins; 0 is the morning after."""
        bad: list[Refusal] = []
        starts_us = self._time("starts_us", self.starts, self._old.starts_us, bad)
        if bad:
            self.refuse(bad)
            return
        if hours:
            self.ends.setText(self._said(starts_us + hours * HOUR_US))
        else:
            start = datetime.fromtimestamp(starts_us / 1e6, zone_of(self._zone))
            morning = datetime.combine(start.date() + timedelta(days=1), MORNING)
            self.ends.setText(morning.strftime(TIME_FORMAT))

    def draft(self, bad: list[Refusal]) -> Maintenance:
        """Return what was typed; what cannot be read is added to `bad`."""
        old = self._old
        typed = self.note.toPlainText()
        return msgspec.structs.replace(
            old,
            name=self.name.text().strip(),
            starts_us=self._time("starts_us", self.starts, old.starts_us, bad),
            ends_us=self._time("ends_us", self.ends, old.ends_us, bad),
            scope=self.scope.scope(),
            repeat=self.repeat.currentData(),
            zone=self._zone,
            with_dependents=self.with_dependents.isChecked(),
            note=old.note if typed == self._note_at_first else typed.strip()[:NOTE_SENT_CAP],
        )

    def submit(self) -> None:
        """Send what was typed; the form closes when the engine has taken it."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        bad: list[Refusal] = []
        work = self.draft(bad)
        if bad:
            self.refuse(bad)
            return
        self.begin()
        self._submit(work, self.on_answer)

    def _said(self, at_us: int) -> str:
        return datetime.fromtimestamp(at_us / 1e6, zone_of(self._zone)).strftime(TIME_FORMAT)

    def _time(self, field: str, input: QLineEdit, old_us: int, bad: list[Refusal]) -> int:
        """Return a typed time; one that was not touched stays as it was, to the microsecond."""
        text = input.text().strip()
        if text == self._said(old_us) and self._zone == self._old.zone:
            return old_us
        try:
            at = datetime.strptime(text, TIME_FORMAT).replace(tzinfo=zone_of(self._zone))
            return int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
        except (ValueError, OverflowError):
            said = f"a time such as {self._said(now_us())} expected, got “{text}”"
            bad.append(Refusal("INVALID_INPUT", said, field))
            return old_us

    def _on_typed(self) -> None:
        bad: list[Refusal] = []
        work = self.draft(bad)
        offset = datetime.fromtimestamp(work.starts_us / 1e6, zone_of(self._zone)).strftime("%z")
        self.zone.setText(caption(f"{self._zone}, UTC{offset[:3]}:{offset[3:5]}"))
        self.sentence.setText("" if bad else self._sentence(work))
        self.fit_soon()

    def _sentence(self, work: Maintenance) -> str:
        if work.ends_us <= work.starts_us:
            return "It ends before it starts."
        now, inventory = now_us(), self._model.inventory
        row = planned_of(work, now)
        lasts = span(round((row.window.ends_us - row.window.starts_us) / 6e7) * 60)
        devices = count_of(sum(1 for _ in devices_in(inventory, work.scope)), "device", "devices")
        chosen = bool(self.scope.chips.keys)
        where = (
            f"{scope_words(inventory, work.scope)}: {devices}" if chosen else f"the whole network, {devices},"
        )
        hanging = " and what hangs on them" if work.with_dependents and chosen else ""
        over = "It is over already. " if row.state == "past" else ""
        here = "" if same_clock(work.zone, row.window.starts_us) else " by this computer's clock"
        return f"{when_words(row, now)}{here} ({lasts}). {over}Nothing alerts of {where}{hanging}.".replace(
            ",.", "."
        )

    def _connect(self) -> None:
        fields = self.fields.by_name
        for name, line in (("starts_us", self.starts), ("ends_us", self.ends)):
            line.textChanged.connect(fields[name].accept)
            line.textChanged.connect(self._on_typed)
        self.repeat.currentIndexChanged.connect(self._on_typed)
        self.with_dependents.toggled.connect(self._on_typed)
        self.scope.changed.connect(fields["scope"].accept)
        self.scope.changed.connect(self._on_typed)
        self.scope.chips.arranged.connect(self._order_keys)
        self._model.changed.connect(self._on_model)

    def _order_keys(self) -> None:
        times = (self.starts, self.ends, *self.lasts, self.zone, self.repeat)
        order_keys((self.name, *self.scope.keyed, self.with_dependents, *times, self.note))

    def _on_model(self, delta: Delta) -> None:
        if delta.inventory:
            self._on_typed()

    def _lay_out(self) -> None:
        add = self.fields.add
        self.body.addWidget(self.sentence)
        self.body.addWidget(add("name", "Name", self.name))
        self.body.addWidget(add("scope", "What is worked on", self.scope))
        self.body.addWidget(self.with_dependents)
        times = two_columns()
        times.addWidget(add("starts_us", "Begins", self.starts), 0, 0)
        times.addWidget(add("ends_us", "Ends", self.ends), 0, 1)
        times.addLayout(self._lasts(), 1, 0, 1, 2)
        times.addWidget(add("zone", "By the clocks of", self.zone), 2, 0)
        times.addWidget(add("repeat", "How often", self.repeat), 2, 1)
        self.body.addLayout(times)
        self.body.addWidget(add("note", "Note", self.note))
        self.body.addStretch(1)

    def _lasts(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(Label("Lasts", "field"))
        for hours in (*LASTS_H, 0):
            made = button(f"{hours} h" if hours else "Till the morning after", "chip")
            made.setAutoDefault(False)
            made.clicked.connect(lambda _=False, hours=hours: self.last(hours))
            row.addWidget(made)
            self.lasts.append(made)
        row.addStretch(1)
        return row


def _time_line(text: str, title: str) -> QLineEdit:
    made = QLineEdit(text)
    made.setMaxLength(20)
    made.setPlaceholderText("2026-05-12 02:00")
    made.setAccessibleName(title)
    return made
