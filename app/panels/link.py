"""The link panel: between whom, how it is and why, what it carries each way, who says that it exists.

Counterpart: `Model`; actions are commands. What contradicts the link stands before everything else about it.

One rule: a direction is named by where it leads; its load stands at the end that sends.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QVBoxLayout, QWidget

from app.charts.choice import Choice
from app.lags import capacity_bps, member_lines, members_of, members_reason
from app.look import ROW_PX, TABLE_PX, Look, color, font, square
from app.model import Delta, Model
from app.panels.device_body import PADDING_PX, scrolled
from app.panels.facts import FactsGrid, Line
from app.panels.graph_place import GraphPlace, Watches
from app.panels.interfaces import ports_of
from app.panels.journal import OVERVIEW_ROWS, JournalList
from app.panels.link_doubt import DoubtCards
from app.panels.link_evidence import EvidenceList
from app.panels.subject import SubjectPanel, Told
from app.panels.text import LEFT, RIGHT, Label, paint_text, tip
from app.radio.section import RadioSection
from app.symbols import paint_symbol
from app.topology.told_index import ToldIndex
from app.words import UNKNOWN, clock, in_mbps, isolated, length, name_of_link, rate, sentence
from domain.geometry import LngLat, path_length_m
from domain.inventory import Link
from domain.load import load_class, load_pct

LOAD_PX, RATE_PX = 48, 62
MEMBERS_SHOWN = 16
"""Most members of a link that its panel names."""


class End(NamedTuple):
    """One end as it is shown; `sends_bps` None: not known."""

    device: UUID
    name: str
    interface: str
    status: str
    sends_bps: float | None
    pct: float | None


def ends_of(model: Model, link: Link) -> tuple[End, End]:
    """Return both ends with what each sends."""
    state, capacity = model.link_states.get(link.id), capacity_bps(model, link)

    def end(device: UUID, interface: str, bps: float | None) -> End:
        found = model.inventory.device(device)
        name = found.name if found else "?"
        return End(device, name, interface, model.status_of(device), bps, load_pct(bps, capacity))

    return (
        end(link.a, link.a_interface, state.ab_bps if state else None),
        end(link.b, link.b_interface, state.ba_bps if state else None),
    )


def length_m(model: Model, link: Link) -> float | None:
    """Return how long the link is over ground, bends and all; None where an end has no place."""
    ends = [model.inventory.device(id) for id in (link.a, link.b)]
    places = [model.inventory.place_of(device) if device else None for device in ends]
    if places[0] is None or places[1] is None:
        return None
    return path_length_m([places[0], *(LngLat(*bend) for bend in link.path), places[1]])


def reason_of(model: Model, link: Link, status: str) -> str:
    """Return why a link is not up, from what its ends tell; nothing where it is."""
    if status == "up":
        return ""
    lag = members_of(model, link)
    if status == "degraded" and lag is not None:
        return members_reason(model, lag)
    ends = ends_of(model, link)
    if not any(end.interface for end in ends):
        return "No interface is named at either end, so nothing can be read of it. Edit it to name one."
    said = [f"{isolated(end.name)} does not answer." for end in ends if end.status == "down"]
    for end in ends:
        ports = {port.interface.name: port.status for port in ports_of(model, end.device)}
        if ports.get(end.interface) == "down":
            said.append(f"{isolated(end.interface)} of {isolated(end.name)} is not running.")
    return " ".join(said)


class EndRow(QAbstractButton):
    """One end: its device, and what it sends. A click chooses the device."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.end: End | None = None
        self.setFixedHeight(ROW_PX)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_end(self, end: End) -> None:
        """Show an end."""
        if end != self.end:
            self.end = end
            self.setAccessibleName(f"{end.name}, {end.status}")
            parts = [end.name, end.interface, end.status, f"sends {rate(end.sends_bps)}"]
            self.setToolTip(tip("\n".join(part for part in parts if part)))
            self.update()

    def sizeHint(self) -> QSize:
        """It takes what width there is."""
        return QSize(120, ROW_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint symbol, name, interface, and at the end the load."""
        end, theme = self.end, self._look.theme
        if end is None:
            return
        painter, rect = QPainter(self), QRectF(self.rect())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = theme.surface.panel
        if self.underMouse() or self.hasFocus():
            ground = theme.surface.raised
            painter.setPen(color(theme.accent.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(color(ground))
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        paint_symbol(painter, square(10, rect.center().y(), 15), end.status, theme, ground)
        numbers, small = font(TABLE_PX, tabular=True), font(TABLE_PX)
        load = QRectF(rect.right() - LOAD_PX, 0, LOAD_PX - 8, rect.height())
        sends = QRectF(load.x() - RATE_PX, 0, RATE_PX - 8, rect.height())
        said = UNKNOWN if end.pct is None else f"{end.pct:.0f}"
        paint_text(painter, load, said, numbers, theme.text.text, RIGHT)
        paint_text(painter, sends, in_mbps(end.sends_bps), numbers, theme.text.text, RIGHT)
        found = load_class(end.pct)
        if found is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.load[found]))
            painter.drawRoundedRect(QRectF(sends.x() - 12, rect.center().y() - 5, 10, 10), 2, 2)
        room = QRectF(24, 0, sends.x() - 24 - 18, rect.height())
        width = paint_text(painter, room, end.name, small, theme.text.text, LEFT)
        if end.interface and width + 40 < room.width():
            rest = room.adjusted(width + 6, 0, 0, 0)
            paint_text(painter, rest, end.interface, small, theme.text.quiet, LEFT)


class LinkPanel(SubjectPanel):
    """One link: its ends, what is known, its traffic, its journal."""

    device_chosen = Signal(object)
    choice_made = Signal(object)
    """How a contradiction of it is to be settled: a `Choice`."""

    def __init__(
        self, model: Model, link: Watches, look: Look, told: ToldIndex, parent: QWidget | None = None
    ) -> None:
        super().__init__(model, look, parent=parent)
        self.takes = "links:write"
        self._told = told
        self.rows = (EndRow(look), EndRow(look))
        self.facts = FactsGrid()
        self.note = Label("", wrap=True)
        self.radio = RadioSection(model, link, look)
        self.doubts = DoubtCards(told, look)
        self.doubts.chosen.connect(self.choice_made)
        self.evidence = EvidenceList(look)
        self.graph = GraphPlace(model, link, look)
        self.journal = JournalList(model, link, look, OVERVIEW_ROWS)
        self.end_head()
        self.below.addWidget(self._body(), 1)
        for row in self.rows:
            row.clicked.connect(lambda _=False, row=row: self.device_chosen.emit(row.end.device))
        model.changed.connect(self._on_changed)
        look.changed.connect(self._refresh)

    def show_link(self, id: UUID) -> None:
        """Show a link."""
        if id != self.subject:
            self.subject = id
            self._scroll.verticalScrollBar().setValue(0)
        self._refresh()

    def tick(self) -> None:
        """Show ages as of now."""
        if self.isVisible():
            self._refresh()
            self.graph.tick()

    def _on_changed(self, delta: Delta) -> None:
        if self.isVisible() and (
            delta.inventory
            or delta.team
            or delta.alerts
            or delta.health
            or delta.facts
            or (delta.derived_links and self._is_told(delta.derived_links))
            or delta.contradictions
            or self.subject in delta.link_states
        ):
            self._refresh()

    def _is_told(self, ids: frozenset[UUID]) -> bool:
        """Whether what devices tell of this link is among these; what would settle a contradiction may be any."""
        told = self._told.of_link(self.subject) if self.subject is not None else None
        return not self.doubts.isHidden() or told is None or told.id in ids

    def _refresh(self) -> None:
        link = self._model.inventory.link(self.subject) if self.subject is not None else None
        if link is None:
            return
        status, state = self._model.link_status_of(link.id), self._model.link_states.get(link.id)
        long_m, now = length_m(self._model, link), self._model.now_us()
        kind = f"{link.kind.capitalize()} link"
        crumb = f"{kind}, {length(long_m)}" if long_m is not None else kind
        said = sentence(status, state.since_us if state is not None and state.status == status else 0, now)
        why = reason_of(self._model, link, status)
        self.show_head(Told(crumb, name_of_link(self._model.inventory, link), status, said, why))
        ends = ends_of(self._model, link)
        for row, end in zip(self.rows, ends, strict=True):
            row.show_end(end)
        lag = members_of(self._model, link)
        lines = [
            Line("Capacity", rate(capacity_bps(self._model, link) or None)),
            Line("Last seen", clock(state.at_us, now) if state is not None and state.at_us else UNKNOWN),
        ]
        for label, said in member_lines(self._model, lag, MEMBERS_SHOWN) if lag is not None else ():
            lines.append(Line(label, said, "down" if said == "down" else ""))
        self.facts.show_lines(lines, self._look.theme.status_text)
        self.radio.show_link(link)
        self.note.setText(link.note)
        self._note.setVisible(bool(link.note))
        doubts = [doubt for doubt in self._model.contradictions.values() if link.id in doubt.links]
        self.doubts.show_doubts(self._model, doubts)
        self.evidence.show_told(self._model, self._told.of_link(link.id))
        self._draw(ends)
        self.journal.show_device(link.id)

    def _draw(self, ends: tuple[End, End]) -> None:
        """Draw the traffic as one end counts it: the first that answers and whose interface is named."""
        near = min(ends, key=lambda end: (not end.interface, end.status == "down"))
        curves = (("if_in_bps", near.interface, "in"), ("if_out_bps", near.interface, "out"))
        title = f"Traffic at {isolated(near.name)}"
        self.graph.show_device(near.device, [Choice(title, curves)] if near.interface else [])

    def _body(self) -> QWidget:
        heads = QHBoxLayout()
        heads.setSpacing(0)
        heads.addWidget(Label("Ends", "head"))
        heads.addStretch(1)
        for word, width_px in (("Sends, Mb/s", RATE_PX + 30), ("%", LOAD_PX)):
            label = Label(word, "small")
            label.setFixedWidth(width_px)
            label.setAlignment(RIGHT)
            label.setContentsMargins(0, 0, 8, 0)
            heads.addWidget(label)
        ends = QVBoxLayout()
        ends.setSpacing(2)
        ends.addLayout(heads)
        for row in self.rows:
            ends.addWidget(row)
        self._note = _headed("Note", self.note)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(PADDING_PX, 14, PADDING_PX, PADDING_PX)
        layout.setSpacing(16)
        layout.addWidget(self.doubts)
        layout.addLayout(ends)
        layout.addWidget(self.facts)
        layout.addWidget(self.radio)
        layout.addWidget(self._note)
        layout.addWidget(_headed("Who says so", self.evidence))
        layout.addWidget(self.graph)
        layout.addWidget(_headed("Journal", self.journal))
        layout.addStretch(1)
        self._scroll = scrolled(inner)
        return self._scroll


def _headed(title: str, widget: QWidget) -> QWidget:
    made = QWidget()
    layout = QVBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    layout.addWidget(Label(title, "head"))
    layout.addWidget(widget)
    return made
