"""How long numbers are kept, and what that takes. Counterpart: `domain/retention.py`, whose forecast is made as one types.

One rule: what is said of the future is a forecast from what was written lately, and says so.
"""

from __future__ import annotations

import msgspec
from PySide6.QtWidgets import QFrame, QLineEdit, QVBoxLayout, QWidget

from app.commands import Asks
from app.dialogs.form import Form, two_columns
from app.model import Delta, Model
from app.panels.text import Label, set_property
from app.words import count_of, figure
from domain.errors import Refusal
from domain.retention import DiskState, Retention, forecast
from domain.wire import SetRetention

_FACTOR = {"raw_days": 1.0, "raw_cap_bytes": 1e9, "hourly_days": 1.0}
"""What one of what is typed is in the unit of the field."""


def _size(count: float) -> str:
    """Return an amount of bytes in the unit that is typed here, or a thousandth of it."""
    return f"{figure(count / 1e9)} GB" if count >= 1e9 else f"{figure(round(count / 1e6))} MB"


def story_of(disk: DiskState | None, retention: Retention) -> tuple[str, str]:
    """Return what the disk holds now, and what it will hold if numbers are kept so, as sentences."""
    if disk is None or not disk.held_bytes:
        return "How much is stored is not known yet.", ""
    now = f"{_size(disk.held_bytes)} stored now, {_size(disk.free_bytes)} free beside it."
    if disk.devices_behind:
        now += f" Polls of {count_of(disk.devices_behind, 'device', 'devices')} are being made into hours."
    if disk.pictures_cap_bytes:
        most = _size(disk.pictures_cap_bytes)
        now += f" Photographs and backgrounds take {_size(disk.pictures_bytes)}, at most {most}."
    if not disk.raw_bytes_per_day:
        return now, "What it will take is not known yet: it is forecast from a day of polling."
    will = forecast(
        disk.held_bytes, disk.free_bytes, disk.raw_bytes_per_day, disk.hourly_bytes_per_day, retention
    )
    days = retention.raw_cap_bytes / disk.raw_bytes_per_day
    told = f"Forecast from {_size(disk.raw_bytes_per_day)} of polls a day: {_size(will.forecast_bytes)} in the end."
    if days < retention.raw_days:
        told += f" Polls reach their limit after {figure(days)} days."
    if will.will_not_fit:
        told += f" That does not fit: {_size(disk.free_bytes)} are free."
    return now, told


class StorageForm(Form):
    """Days, a limit, and what comes of them."""

    def __init__(self, model: Model, asks: Asks, parent: QWidget | None = None) -> None:
        super().__init__("Storage", "Save", parent, width_px=520)
        self._model, self._asks = model, asks
        state = model.engine
        self._old = state.retention if state is not None and state.retention is not None else Retention()
        self.inputs = {
            "raw_days": QLineEdit(f"{self._old.raw_days:g}"),
            "raw_cap_bytes": QLineEdit(f"{self._old.raw_cap_bytes / 1e9:.15g}"),
            "hourly_days": QLineEdit(f"{self._old.hourly_days:g}"),
        }
        titles = {
            "raw_days": "Every poll, days",
            "raw_cap_bytes": "but at most, GB",
            "hourly_days": "Lowest, mean and highest of each hour, days",
        }
        grid = two_columns()
        for number, (name, input) in enumerate(self.inputs.items()):
            input.setMaxLength(20)
            input.textChanged.connect(self._tell)
            field = self.fields.add(name, titles[name], input)
            grid.addWidget(field, number // 2, number % 2, 1, 1 + number // 2)
        self.now, self.then = Label("", wrap=True), Label("", "quiet", wrap=True)
        self.box = QFrame()
        self.box.setProperty("kind", "reason")
        told = QVBoxLayout(self.box)
        told.setContentsMargins(12, 10, 12, 10)
        told.addWidget(self.now)
        told.addWidget(self.then)
        said = (
            "Numbers that are older than this are deleted. The journal, the inventory and its history stay."
        )
        self.body.addWidget(Label(said, "small", wrap=True))
        self.body.addLayout(grid)
        self.body.addWidget(self.box)
        self.body.addStretch(1)
        model.changed.connect(self._on_changed)
        self._tell()

    def submit(self) -> None:
        """Keep numbers so from now on."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        bad: list[Refusal] = []
        typed = self._typed(bad)
        if typed is None:
            self.refuse(bad)
            return
        self.begin()
        self._asks.request(
            lambda number: SetRetention(number, typed), lambda reply: self.on_answer(reply.refusals)
        )

    def _typed(self, bad: list[Refusal]) -> Retention | None:
        """Return what was typed, or None where something is no number."""
        values: dict[str, float] = {}
        for name, input in self.inputs.items():
            text = input.text().strip().replace(",", ".")
            try:
                values[name] = float(text) * _FACTOR[name]
                round(values[name])
            except (ValueError, OverflowError):
                bad.append(Refusal("INVALID_INPUT", f"a number expected, got “{text[:40]}”", name))
        if bad:
            return None
        raw_cap_bytes = round(values["raw_cap_bytes"])
        return msgspec.structs.replace(self._old, **(values | {"raw_cap_bytes": raw_cap_bytes}))

    def _on_changed(self, delta: Delta) -> None:
        if delta.engine:
            self._tell()

    def _tell(self) -> None:
        state = self._model.engine
        typed = self._typed([])
        disk = state.disk if state is not None else None
        now, then = story_of(disk, typed or self._old)
        self.now.setText(now)
        self.then.setText(then)
        self.then.setVisible(bool(then))
        set_property(self.box, "bad", "true" if "does not fit" in then else "false")
