"""What a person makes of the chosen finds. Counterpart: `edits.py` has the steps, `domain/searching.py` the wishes.

One rule: what changes the network is an edit with undo; what only tidies the list (forget, join) is asked of the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.commands import Asks, Commands, Then
from app.discovery.adding import AddForm
from app.discovery.edits import ignoring, moving, renaming, send
from app.discovery.merging import MergeForm, devices_of
from app.model import Model
from app.words import count_of
from domain.edit import Step
from domain.errors import Refusal
from domain.finding import Find
from domain.inventory import Device
from domain.rules import NAME_CAP
from domain.searching import ForgetFind, JoinFinds, OperationAct, SteerOperation
from domain.text import clean_text
from domain.wire import Reply

CHANGES = {"moved": "Update address", "renamed": "Rename", "duplicate": "Merge…"}
"""What can be done with a find whose device is known."""


def can_add(finds: Sequence[Find]) -> bool:
    """Tell whether these can become devices: all are new, and somebody told an address."""
    return any(find.addresses for find in finds) and all(find.match.kind == "new" for find in finds)


def change_of(finds: Sequence[Find]) -> str:
    """Return what can be done with these in the inventory, "" where they are of several kinds."""
    kinds = {find.match.kind for find in finds}
    kind = next(iter(kinds)) if len(kinds) == 1 else ""
    return CHANGES.get(kind, "") if kind != "duplicate" or len(finds) == 1 else ""


class Review(QObject):
    """The verbs. `window` is what their forms belong to."""

    leaving = Signal(object)
    """Finds go from the list because a person wants it."""
    added = Signal(object)
    """Devices that were added, as ids."""
    refused = Signal(object)
    """What the engine refused; empty where it did not."""

    def __init__(self, model: Model, asks: Asks, commands: Commands, window: QWidget) -> None:
        super().__init__(window)
        self._model, self._asks, self._commands, self._window = model, asks, commands, window

    def add(self, finds: Sequence[Find]) -> None:
        """Open the form in which finds become devices."""

        def submit(steps: list[Step], devices: list[Device], then: Then) -> None:
            def on_answer(refusals: tuple[Refusal, ...]) -> None:
                if not refusals:
                    self.added.emit([device.id for device in devices])
                then(refusals)

            self.leaving.emit(finds)
            one = len(devices) == 1
            what = devices[0].name if one else count_of(len(devices), "device", "devices")
            send(self._commands, f"Add {what}", steps, on_answer)

        if can_add(finds):
            AddForm(self._model.inventory, finds, submit, self._window).open()

    def change(self, finds: Sequence[Find]) -> None:
        """Take what finds tell into the inventory: an address, a name, that two devices are one."""
        match change_of(finds):
            case "Merge…":
                self._open_merge(finds[0])
            case "Update address":
                self._send_new("address", moving(self._model.inventory, finds), finds)
            case "Rename":
                self._send_new("name", renaming(self._model.inventory, finds), finds)

    def ignore(self, finds: Sequence[Find]) -> None:
        """Never show finds again."""
        steps = ignoring(self._model.inventory, finds)
        if steps:
            one = len(finds) == 1
            what = clean_text(finds[0].name, NAME_CAP) if one else count_of(len(finds), "find", "finds")
            self.leaving.emit(finds)
            title = f"{what} {'is' if one else 'are'} ignored from now on"
            send(self._commands, title, steps, self.refused.emit)

    def forget(self, finds: Sequence[Find]) -> None:
        """Drop finds until they are seen again."""
        self.leaving.emit(finds)
        for find in finds:
            self._asks.request(partial(_forget, find.id), self._on_reply)

    def join(self, finds: Sequence[Find]) -> None:
        """Say that finds are one."""
        ids = tuple(find.id for find in finds)
        if len(ids) > 1:
            self._asks.request(lambda number: JoinFinds(number, ids), self._on_reply)

    def steer(self, id: UUID, act: OperationAct) -> None:
        """Pause an operation, have it go on, or end it."""
        self._asks.request(lambda number: SteerOperation(number, id, act), self._on_reply)

    def _open_merge(self, find: Find) -> None:
        def submit(title: str, steps: list[Step], then: Then) -> None:
            self.leaving.emit([find])
            send(self._commands, title, steps, then)

        if len(devices_of(self._model, find)) > 1:
            MergeForm(self._model, find, submit, self._window).open()

    def _send_new(self, what: str, steps: list[Step], finds: Sequence[Find]) -> None:
        """Send what makes an address or a name new: "New address of Hilltop: 10.0.0.9"."""
        self.leaving.emit(finds)
        device = self._model.inventory.device(steps[0].id) if len(steps) == 1 else None
        title = f"New {what} of {count_of(len(steps), 'device', 'devices')}"
        if device is not None:
            new = next(iter((steps[0].after or {}).values()), "")
            title = f"New {what} of {device.name}: {new}"
        send(self._commands, title, steps, self.refused.emit)

    def _on_reply(self, reply: Reply) -> None:
        self.refused.emit(reply.refusals)


def _forget(id: UUID, number: int) -> ForgetFind:
    return ForgetFind(number, id)
