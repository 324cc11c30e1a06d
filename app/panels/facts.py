"""What is known of a device, line by line. Counterpart: the facts and values that drivers read; `device.py` shows it.

One rule: a line that has nothing to say is left out, but for the address and the last answer.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QGridLayout, QMenu, QWidget

from app.lags import capacity_bps
from app.look import TABLE_PX, font
from app.model import Model
from app.panels.device_says import DeviceSays
from app.panels.figures import amount_of
from app.panels.text import Label, LineLabel
from app.words import age, age_of, amount, capitalized, clock, figure, place, rate, round_trip
from domain.health import Health
from domain.inventory import Device, is_paused, probe_names, probe_word
from domain.load import load_pct

LINKS_SHOWN = 3
NOT_READ_SHOWN = 4
_LTE = (("lte_rsrp_dbm", "RSRP", "dBm"), ("lte_rsrq_db", "RSRQ", "dB"), ("lte_sinr_db", "SINR", "dB"))


class Line(NamedTuple):
    """A label and what it says; `ink` names a status whose text colour it takes; `prose` is read from its beginning."""

    label: str
    said: str
    ink: str = ""
    prose: bool = False


def lines_of(model: Model, device: Device, says: DeviceSays, now_us: int) -> list[Line]:
    """Return what is known, in the order in which it is asked for."""
    told, health = says.text, model.health.get(device.id)
    lines = [Line("Address", device.address)]
    if told("identity") not in ("", device.name):
        lines.append(Line("Calls itself", told("identity")))
    lines.append(Line("Missing rights", capitalized(told("missing_rights_said")), "degraded", prose=True))
    lines += _not_read(says)
    lines.append(Line("Model", told("model") or told("board")))
    lines.append(Line(told("os") or "Version", told("version")))
    lines.append(Line("Serial", told("serial")))
    lines += _firmware(says)
    lines += _numbers(model, device.id)
    lines += _lte(model, says)
    lines += _links(model, device.id)
    lines.append(Line("Subscribers", f"{device.subscribers:,}" if device.subscribers else ""))
    lines.append(Line("Note", " ".join(device.note.split()), prose=True))
    lines.append(Line("Contact", told("contact")))
    lines.append(Line("Location", told("location")))
    lines.append(Line("GPS", _gps(says)))
    lines.append(Line("Greeting", told("greeting"), prose=True))
    if model.moment_us is not None:
        return [line for line in lines if line.said]
    lines += _probes(device, health)
    last = health.last_answer_us if health else None
    answered = f"{clock(last, now_us)}, {age_of(last, now_us)} ago" if last else "never"
    shown = [line for line in lines if line.said]
    return [
        *shown,
        Line(
            "Asked every",
            "paused" if is_paused(device, now_us) else f"{figure(device.interval_s)} s",
        ),
        Line("Last answer", answered),
    ]


def _not_read(says: DeviceSays) -> list[Line]:
    """Return what a driver could not read, each with why."""
    said = [capitalized(says.text(field)) for field in sorted(says.told) if field.startswith("not_read/")]
    lines = [Line("Not read" if number == 0 else " ", why, prose=True) for number, why in enumerate(said)]
    return lines[:NOT_READ_SHOWN]


def _firmware(says: DeviceSays) -> list[Line]:
    now, newest = says.text("board_firmware"), says.text("upgrade_firmware")
    level, deadline = says.text("license_level"), says.text("license_deadline")
    level = f"level {level}" if level.isdigit() else level
    return [
        Line("Firmware", f"{now} ({newest} is there)" if newest not in ("", now) and now else now),
        Line("Licence", ", ".join(part for part in (level, f"until {deadline}" if deadline else "") if part)),
    ]


def _lte(model: Model, says: DeviceSays) -> list[Line]:
    heard = (
        {metric: sample.value for (metric, _), sample in model.samples.get(says.device, {}).items()}
        if says.device
        else {}
    )
    cell = ", ".join(
        f"{word} {amount_of(heard[metric], 0)} {unit}" for metric, word, unit in _LTE if metric in heard
    )
    by = ", ".join(part for part in (says.text("lte_operator"), says.text("lte_technology")) if part)
    return [Line("LTE", by or cell), Line("Cell" if by else "", cell if by else "")]


def _gps(says: DeviceSays) -> str:
    match says.told.get("gps"):
        case [int() | float() as lng, int() | float() as lat]:
            return place(lng, lat)
    return ""


def _numbers(model: Model, device: UUID) -> list[Line]:
    heard = {
        metric: sample.value
        for (metric, instance), sample in model.samples.get(device, {}).items()
        if not instance
    }
    lines = []
    if "uptime_s" in heard:
        lines.append(Line("Up for", age(heard["uptime_s"])))
    if "cpu_load_pct" in heard:
        lines.append(Line("CPU", f"{heard['cpu_load_pct']:.0f} %"))
    if heard.get("memory_total_bytes"):
        used, total = heard.get("memory_used_bytes", 0.0), heard["memory_total_bytes"]
        lines.append(Line("Memory", f"{100 * used / total:.0f} % of {amount(total)}"))
    if "temperature_c" in heard:
        lines.append(Line("Temperature", f"{heard['temperature_c']:.0f} °C"))
    if "voltage_v" in heard:
        lines.append(Line("Voltage", f"{heard['voltage_v']:.1f} V"))
    return lines


def _links(model: Model, device: UUID) -> list[Line]:
    ends = []
    for link in model.inventory.links():
        if device not in (link.a, link.b):
            continue
        other = model.inventory.device(link.b if link.a == device else link.a)
        state = model.link_states.get(link.id)
        flows = [bps for bps in (state.ab_bps, state.ba_bps) if bps is not None] if state else []
        capacity = capacity_bps(model, link)
        pct = load_pct(max(flows), capacity) if flows else None
        parts = [other.name if other else "?"]
        if state is not None and state.status == "down":
            parts.append("down")
        elif capacity:
            parts.append(f"{pct:.0f} % of {rate(capacity)}" if pct is not None else rate(capacity))
        down = state is not None and state.status == "down"
        ends.append((not down, -link.capacity_bps, Line("", ", ".join(parts), "down" if down else "")))
    ends.sort(key=lambda end: end[:2])
    shown = [line for _, _, line in ends[:LINKS_SHOWN]]
    if len(ends) > LINKS_SHOWN:
        shown[-1] = Line("", f"{len(ends) - LINKS_SHOWN + 1} more")
    return [Line("Links" if number == 0 else " ", line.said, line.ink) for number, line in enumerate(shown)]


def _probes(device: Device, health: Health | None) -> list[Line]:
    lines = []
    for name, probe in probe_names(device).items():
        state = health.probes.get(name) if health else None
        word = f"TCP {probe.port}" if probe.kind == "tcp" else probe_word(name)
        if state is None:
            lines.append(Line(word, "not asked yet"))
        elif state.failure is not None and state.misses:
            why, ink = state.failure.message or state.failure.kind, "down" if state.failed else "degraded"
            lines.append(Line(word, why, ink, prose=True))
        else:
            lines.append(
                Line(word, round_trip(state.rtt_us / 1000) if state.rtt_us is not None else "answers")
            )
    return lines


class FactsGrid(QWidget):
    """The lines, in two columns; labels are kept and reused."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, 96)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[Label, LineLabel]] = []

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy the line under the pointer, or all of them."""
        shown = [(label.text(), said) for label, said in self._rows if not said.isHidden()]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for label, said in shown:
            if said.geometry().top() <= event.pos().y() <= said.geometry().bottom():
                text = said.text()
                menu.addAction(f"Copy {label.strip().lower() or 'this'}", lambda text=text: _copy(text))  # type: ignore[misc]
        whole = "\n".join(f"{label}\t{said.text()}" for label, said in shown)
        menu.addAction("Copy all lines", lambda: _copy(whole))
        menu.popup(event.globalPos())

    def show_lines(self, lines: list[Line], inks: dict[str, str]) -> None:
        """Show these lines; `inks` are the theme's colours of statuses."""
        while len(self._rows) < len(lines):
            label, said = Label("", "quiet"), LineLabel("")
            said.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
            for part in (label, said):
                part.setFont(font(TABLE_PX, tabular=True))
            self._grid.addWidget(label, len(self._rows), 0)
            self._grid.addWidget(said, len(self._rows), 1)
            self._rows.append((label, said))
        for number, (label, said) in enumerate(self._rows):
            shown = number < len(lines)
            label.setVisible(shown)
            said.setVisible(shown)
            if not shown:
                continue
            line = lines[number]
            if label.text() != line.label:
                label.setText(line.label)
            if said.text() != line.said:
                said.setText(line.said)
            said.prose = line.prose
            said.set_ink(inks.get(line.ink, ""))


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
