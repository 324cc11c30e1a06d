"""A path between two places: the ground under it, antennas as high as one likes, what that means. Counterpart: `QueryProfile`.

One rule: the ground is asked once a path; heights and frequency are tried out here, and nothing is changed by that.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.charts.path_chart import PathChart, drawn_of
from app.commands import Asks
from app.dialogs.form import Board
from app.look import Look
from app.panels.text import Label, LineLabel, button
from app.words import capitalized, length
from domain.geometry import LngLat, way
from domain.map_rules import FREQUENCY_RANGE_MHZ, HEIGHT_RANGE_M
from domain.radio import CLEAR_SHARE, Profile, Worst, free_space_loss_db, worst_of
from domain.terrain import PathGround, QueryProfile
from domain.wire import Reply

SMALL_PX, LARGE_PX = 120, 300
HEIGHT_M, FREQUENCY_MHZ = 10.0, 5_800.0
"""What is tried out first where nobody said; it stands in the fields."""


class Plan(NamedTuple):
    """Which path, and at which heights and frequency it is looked at first."""

    a_name: str
    b_name: str
    a: LngLat
    b: LngLat
    a_height_m: float | None = None
    b_height_m: float | None = None
    frequency_mhz: float | None = None

    @property
    def heights_m(self) -> tuple[float, float]:
        """Both heights above the ground, as given or as tried out first."""
        known = [HEIGHT_M if height is None else height for height in (self.a_height_m, self.b_height_m)]
        return known[0], known[1]

    @property
    def mhz(self) -> float:
        """The frequency, as given or as tried out first."""
        return self.frequency_mhz or FREQUENCY_MHZ


def verdict(ground: PathGround, worst: Worst | None) -> str:
    """Return in words what stands in a path, and over how much of it nobody knows."""
    whole_m = ground.distances_m[-1]
    if ground.unknown_m >= whole_m * 0.999:
        return "No terrain is imported here."
    said = []
    if worst is not None:
        share, where = f"{100 * worst.fresnel_share:.0f} %", f"{length(worst.distance_m)} along the way,"
        if worst.state == "blocked":
            over = f"{-worst.clearance_m:,.0f} m" if worst.clearance_m <= -0.5 else "less than 1 m"
            said.append(f"Blocked: {where} the ground rises {over} above the line of sight.")
        elif worst.state == "grazed":
            wanted = f"{100 * CLEAR_SHARE:.0f} %"
            said.append(f"Grazed: {where} only {share} of the Fresnel zone is free; {wanted} is wanted.")
        else:
            said.append(f"Clear: {where} where it is tightest, {share} of the Fresnel zone is free.")
    else:
        said.append("No ray is drawn: the ground at an end is not known.")
    if ground.unknown_m > 0:
        said.append(f"No terrain for {length(ground.unknown_m)} of {length(whole_m)}.")
    return " ".join(said)


class PathView(QWidget):
    """A path's chart and its verdict. `terrain_wanted`: there is none, and somebody wants to import some."""

    terrain_wanted = Signal()

    def __init__(
        self, asks: Asks, look: Look, height_px: int = SMALL_PX, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._asks = asks
        self.plan: Plan | None = None
        self.ground: PathGround | None = None
        self._tried: tuple[float, float, float] = (HEIGHT_M, HEIGHT_M, FREQUENCY_MHZ)
        self.chart = PathChart(look, height_px)
        self.said = Label("", "quiet", wrap=True)
        self.import_button = button("Import terrain…", "link")
        self.import_button.clicked.connect(self.terrain_wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self.said)
        layout.addWidget(self.import_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.import_button.hide()

    def show_plan(self, plan: Plan | None) -> None:
        """Show a path; the ground is asked for where it is another path."""
        old, self.plan = self.plan, plan
        if plan is None:
            self.ground = None
            return
        self._tried = (*plan.heights_m, plan.mhz)
        if old is None or (old.a, old.b) != (plan.a, plan.b):
            self.look_again()
        elif old != plan:
            self._draw()

    def try_out(self, a_height_m: float, b_height_m: float, frequency_mhz: float) -> None:
        """Look at it at other heights, or another frequency."""
        self._tried = (a_height_m, b_height_m, frequency_mhz)
        self._draw()

    def look_again(self) -> None:
        """Ask for the ground, which may be another since."""
        plan = self.plan
        if plan is None:
            return
        self.ground = None
        self._draw()
        a_height_m, b_height_m = plan.heights_m
        self._asks.request(
            lambda number: QueryProfile(number, plan.a, plan.b, a_height_m, b_height_m, plan.mhz),
            lambda reply: self._on_ground(plan, reply),
        )

    def _on_ground(self, plan: Plan, reply: Reply) -> None:
        if not isValid(self) or self.plan is None or (plan.a, plan.b) != (self.plan.a, self.plan.b):
            return
        if reply.refusals:
            self.said.setText("\n".join(capitalized(refusal.message) for refusal in reply.refusals))
            return
        self.ground = msgspec.convert(reply.result["ground"], PathGround)
        self._draw()

    def _draw(self) -> None:
        ground = self.ground
        is_known = ground is not None and any(height is not None for height in ground.grounds_m)
        self.chart.setVisible(is_known)
        self.import_button.setVisible(ground is not None and ground.unknown_m > 0)
        if ground is None:
            self.said.setText("Looking at the ground…")
            return
        profile = Profile(ground.distances_m, ground.grounds_m)
        self.said.setText(verdict(ground, worst_of(profile, *self._tried)))
        self.chart.show_path(drawn_of(profile, *self._tried) if is_known else None)


class Tried(QLineEdit):
    """A number to try out, with its unit; arrow keys and the wheel go in steps. What is no number changes nothing."""

    tried = Signal()

    def __init__(self, start: float, span: tuple[float, float], unit: str, step: float = 1.0) -> None:
        super().__init__()
        self._span, self._unit, self._step = span, unit, step
        self._value = start
        self.setMaxLength(16)
        self.set_value(start)
        self.textEdited.connect(self._on_typed)

    def value(self) -> float:
        """Return the last number that made sense."""
        return self._value

    def set_value(self, number: float) -> None:
        """Try a number out, or the nearest that may be."""
        low, high = self._span
        self._value = min(max(number, low), high)
        self.setText(f"{self._value:.10g} {self._unit}")
        self.tried.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go a step up or down."""
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if steps:
            self.set_value(self._value + steps * self._step)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Go a step up or down."""
        turned = event.angleDelta().y()
        self.set_value(self._value + (self._step if turned > 0 else -self._step if turned < 0 else 0.0))

    def _on_typed(self, text: str) -> None:
        low, high = self._span
        try:
            number = float(text.replace(self._unit, "").strip().replace(",", "."))
        except ValueError:
            return
        if low <= number <= high:
            self._value = number
            self.tried.emit()


class PathBoard(Board):
    """A path, large, with heights and frequency to try out."""

    def __init__(self, asks: Asks, look: Look, plan: Plan, parent: QWidget | None = None) -> None:
        super().__init__(f"{plan.a_name} to {plan.b_name}", parent, width_px=820)
        self._plan = plan
        self.view = PathView(asks, look, LARGE_PX)
        self.a_height = Tried(plan.heights_m[0], HEIGHT_RANGE_M, "m")
        self.b_height = Tried(plan.heights_m[1], HEIGHT_RANGE_M, "m")
        self.frequency = Tried(plan.mhz, FREQUENCY_RANGE_MHZ, "MHz", step=100.0)
        self.budget = Label("", "quiet", wrap=True)
        fields = QGridLayout()
        fields.setHorizontalSpacing(12)
        for column, (name, box) in enumerate(
            (
                (f"Antenna at {plan.a_name}, above ground", self.a_height),
                (f"Antenna at {plan.b_name}, above ground", self.b_height),
                ("Frequency", self.frequency),
            )
        ):
            label = LineLabel(name, "field")
            label.setBuddy(box)
            box.setAccessibleName(name)
            fields.addWidget(label, 0, column)
            fields.addWidget(box, 1, column)
            fields.setColumnStretch(column, 1)
            box.tried.connect(self._try_out)
        told = QHBoxLayout()
        told.addWidget(self.budget, 1)
        self.body.addWidget(self.view, 1)
        self.body.addLayout(fields)
        self.body.addLayout(told)
        self.body.addWidget(Label("Trying heights out changes nothing.", "small", wrap=True))
        self.view.show_plan(plan)
        self._try_out()

    def _try_out(self) -> None:
        plan, mhz = self._plan, self.frequency.value()
        self.view.try_out(self.a_height.value(), self.b_height.value(), mhz)
        found = way(plan.a, plan.b)
        if found.distance_m > 0:
            loss_db = free_space_loss_db(found.distance_m, mhz)
            self.budget.setText(
                f"{length(found.distance_m)}, bearing {found.bearing_deg:.1f}° there and "
                f"{found.back_bearing_deg:.1f}° back. Free space takes {loss_db:.1f} dB."
            )
