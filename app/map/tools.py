"""Which tool a hand holds on the map, and what it did. Counterpart: `map_assets/src/tools.js`; `app/editing.py` makes edits.

One rule: a locked map, and that of the past, takes no tool that changes anything, and whoever tries is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args
from uuid import UUID

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from app.map.bridge_tools import (
    AlignAsked,
    BendsMoved,
    CandidateClicked,
    Copied,
    DevicesDropped,
    FilterLeft,
    FromTools,
    LinkDrawn,
    Picked,
    ToolAsked,
    ToolLeft,
)
from domain.geometry import LngLat

Tool = Literal["", "edit", "link", "ruler"]
CHANGING: frozenset[Tool] = frozenset({"edit", "link"})
Units = Literal["metric", "imperial"]
UNITS: tuple[Units, ...] = get_args(Units)


class MapTools(QObject):
    """The tool, the lock and the units of one map."""

    devices_moved = Signal(object)
    """dict of device id to LngLat."""
    link_drawn = Signal(object, object, object)
    """Ids of both ends, and the bends between them."""
    link_bent = Signal(object, object)
    """A link's id and its bends."""
    align_wanted = Signal(object)
    """Ids of the devices that are to stand at their sites."""
    layers_wanted = Signal()
    filter_left = Signal()
    """Everything is to be shown again as it is."""
    candidate_clicked = Signal(object, float, float)
    """The id of a link that devices tell of, and where on the map: x, y in pixels."""
    changed = Signal()
    """Another tool, lock or units."""
    map_wanted = Signal()
    """Somebody wants a place on the map while a paper is shown."""
    refused = Signal(str)
    """Why a tool was not taken."""

    def __init__(self, send: Callable[..., None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._send = send
        self.tool: Tool = ""
        self.locked = False
        self.on_paper = self._in_past = False
        self._forbidden = ""
        self.units: Units = "metric"
        self.picked: tuple[UUID, ...] = ()

    @property
    def is_fixed(self) -> bool:
        """Whether nothing can be moved by hand: the map is locked, shows the past, or may not be changed by who is here."""
        return self.locked or self._in_past or bool(self._forbidden)

    def state(self) -> dict[str, Any]:
        """Return what a page that comes to life is told."""
        return {"tool": self.tool, "locked": self.is_fixed, "units": self.units}

    def hold(self, tool: Tool) -> None:
        """Take a tool; the one that is held already is put down."""
        wanted: Tool = "" if tool == self.tool else tool
        if self.on_paper and wanted:
            self.refused.emit("That is a tool of the map: leave the schematic first")
            return
        if wanted in CHANGING and self.is_fixed:
            past = "This is the past, and cannot be changed: Escape returns"
            locked = self._forbidden or "The map is locked against changes"
            self.refused.emit(past if self._in_past else locked)
            return
        self._set(wanted)

    def set_on_paper(self, *, on_paper: bool) -> None:
        """Put the tool down while a paper is shown, and take none."""
        self.on_paper = on_paper
        if on_paper and self.tool:
            self._set("")

    def show_map(self) -> None:
        """Have the map shown instead of a paper: what comes next is about a place on Earth."""
        if self.on_paper:
            self.map_wanted.emit()

    def set_in_past(self, *, in_past: bool) -> None:
        """Put down what changes something while the past is shown, and take none of it."""
        if in_past == self._in_past:
            return
        self._in_past = in_past
        self._send(locked=self.is_fixed)
        if in_past and self.tool in CHANGING:
            self._set("")

    def set_forbidden(self, why: str) -> None:
        """Let nothing be moved by who may not, and say why; empty lets it again."""
        if why == self._forbidden:
            return
        self._forbidden = why
        self._send(locked=self.is_fixed)
        if why and self.tool in CHANGING:
            self._set("")

    def step_back(self) -> bool:
        """Escape: cancel what the tool does, or put it down. Returns whether there was a tool."""
        if self.tool:
            self._send(escape=True)
        return bool(self.tool)

    def set_locked(self, *, locked: bool) -> None:
        """Let nothing be moved by hand, or let it again."""
        if locked and self.tool in CHANGING:
            self._set("")
        self.locked = locked
        self._send(locked=self.is_fixed)
        self.changed.emit()

    def set_units(self, units: Units) -> None:
        """Measure in kilometres or in miles."""
        self.units = units
        self._send(units=units)
        self.changed.emit()

    def take(self, message: FromTools) -> None:
        """Act on a checked message of the page."""
        match message:
            case DevicesDropped() if not self.is_fixed:
                self.devices_moved.emit({move.id: LngLat(move.lng, move.lat) for move in message.moves})
            case LinkDrawn() if not self.is_fixed:
                self.link_drawn.emit(message.a, message.b, message.path)
            case BendsMoved() if not self.is_fixed:
                self.link_bent.emit(message.id, message.path)
            case Picked():
                self.picked = message.ids
            case AlignAsked() if not self.is_fixed:
                self.align_wanted.emit(self.picked)
            case CandidateClicked():
                self.candidate_clicked.emit(message.id, message.x, message.y)
            case ToolAsked(tool="layers"):
                self.layers_wanted.emit()
            case ToolAsked():
                self.hold(message.tool)  # type: ignore[arg-type]
            case ToolLeft():
                self.tool, self.picked = "", ()
                self.changed.emit()
            case FilterLeft():
                self.filter_left.emit()
            case Copied():
                QGuiApplication.clipboard().setText(message.text)

    def _set(self, tool: Tool) -> None:
        self.tool, self.picked = tool, ()
        self._send(tool=tool)
        self.changed.emit()
