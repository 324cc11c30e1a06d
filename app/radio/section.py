"""What the link panel says of a link's radios: way, budget against what is heard, the ground. Counterpart: `radio_budget.py`.

One rule: expected and live stand side by side, each end by its name; what cannot be said, and why, is said once.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.commands import Asks
from app.look import Look
from app.map.radio import told_of
from app.model import Model
from app.panels.facts import FactsGrid, Line
from app.panels.text import Label, button
from app.radio.path import PathView, Plan
from app.words import UNKNOWN, isolated, length
from domain.inventory import Link
from domain.radio import RadioPath
from domain.radio_budget import Budget, End, Heard, asymmetry_db, budget_of, heard_of, radios_of, way_of

FAR_BELOW_DB = 10.0
UNEVEN_DB = 10.0
NAME_CHARS = 14
"""From where a number is in the colour of what is degraded: as the built-in rules have it."""


def plan_of(model: Model, link: Link, radios: RadioPath) -> Plan | None:
    """Return the path of a link, or None where an end has no place."""
    ends = [model.inventory.device(id) for id in (link.a, link.b)]
    if ends[0] is None or ends[1] is None:
        return None
    places = [model.inventory.place_of(end) for end in ends if end is not None]
    if places[0] is None or places[1] is None or places[0] == places[1]:
        return None
    names = (ends[0].name, ends[1].name)
    return Plan(*names, places[0], places[1], radios.a_height_m, radios.b_height_m, radios.frequency_mhz)


def lines_of_radio(
    names: tuple[str, str], radios: RadioPath, budget: Budget | None, heard: Heard
) -> list[Line]:
    """Return what is known of a link's radios, the way apart."""
    lines = []
    if budget is not None:
        lines.append(Line("Frequency", f"{budget.frequency_mhz:,.0f} MHz"))
        lines.append(Line("Free space takes", f"{budget.loss_db:.1f} dB"))
    expected = (budget.at_a_dbm, budget.at_b_dbm) if budget is not None else (None, None)
    for name, wanted, live in zip(names, expected, heard, strict=True):
        if wanted is None and live is None:
            continue
        said = f"{live:.0f} dBm" if live is not None else UNKNOWN
        ink = ""
        if wanted is not None:
            said += f" of {wanted:.0f}"
        if wanted is not None and live is not None:
            gap_db = wanted - live
            said += f", {abs(gap_db):.0f} dB {'below' if gap_db >= 0 else 'above'}"
            ink = "degraded" if gap_db > FAR_BELOW_DB else ""
        lines.append(Line(f"At {isolated(_short(name))}", said.replace("-", "−"), ink))
    apart = asymmetry_db(heard, radios)
    if apart is not None:
        lines.append(Line("Asymmetry", f"{apart:.0f} dB", "degraded" if apart > UNEVEN_DB else ""))
    return lines


def missing_of(radios: RadioPath, budget: Budget | None) -> str:
    """Return what has to be given before a signal can be expected; empty where nothing is missing."""
    if budget is not None and budget.at_a_dbm is not None and budget.at_b_dbm is not None:
        return ""
    wanted = []
    if radios.frequency_mhz is None:
        wanted.append("the frequency")
    if radios.a_gain_dbi is None or radios.b_gain_dbi is None:
        wanted.append("both antennas' gain")
    if radios.a_tx_power_dbm is None or radios.b_tx_power_dbm is None:
        wanted.append("both transmit powers")
    return f"To expect a signal, give {' and '.join(wanted)}." if wanted else ""


def _short(name: str) -> str:
    """Return a name that leaves room for what is said of it, cut in its middle."""
    return name if len(name) <= NAME_CHARS else f"{name[: NAME_CHARS // 2]}…{name[-NAME_CHARS // 2 + 1 :]}"


class RadioSection(QWidget):
    """Of a radio link: its numbers, and the ground under it."""

    path_wanted = Signal(object)
    """A `Plan` to look at in large."""
    terrain_wanted = Signal()

    def __init__(self, model: Model, asks: Asks, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._look = model, look
        self.facts = FactsGrid()
        self.lines: list[Line] = []
        self.missing = Label("", "small", wrap=True)
        self.path = PathView(asks, look)
        self.path.terrain_wanted.connect(self.terrain_wanted)
        self.large = button("Try out heights…", "link")
        self.large.clicked.connect(lambda: self.path_wanted.emit(self.path.plan))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(Label("Radio path: heard of expected", "head"))
        layout.addWidget(self.facts)
        layout.addWidget(self.missing)
        layout.addWidget(self.path)
        layout.addWidget(self.large, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_link(self, link: Link) -> None:
        """Show a link's radios; nothing where it has none."""
        is_radio = link.kind == "wireless" or link.radio is not None
        self.setVisible(is_radio)
        if not is_radio:
            self.path.show_plan(None)
            return
        model = self._model
        ends = (End(told_of(model, link.a), link.a_interface), End(told_of(model, link.b), link.b_interface))
        radios = radios_of(model.inventory, link, *ends)
        budget, found = budget_of(model.inventory, link, radios), way_of(model.inventory, link)
        lines = []
        if found is not None:
            lines.append(Line("Straight way", length(found.distance_m)))
            there, back = f"{found.bearing_deg:.1f}°", f"{found.back_bearing_deg:.1f}°"
            lines.append(Line("Bearing", f"{there} there, {back} back"))
        devices = [model.inventory.device(id) for id in (link.a, link.b)]
        names = (devices[0].name if devices[0] else "?", devices[1].name if devices[1] else "?")
        lines += lines_of_radio(names, radios, budget, heard_of(*ends))
        self.lines = lines
        self.facts.show_lines(lines, self._look.theme.status_text)
        self.missing.setText(missing_of(radios, budget))
        self.missing.setVisible(bool(self.missing.text()))
        plan = plan_of(model, link, radios)
        self.path.setVisible(plan is not None)
        self.large.setVisible(plan is not None)
        self.path.show_plan(plan)
