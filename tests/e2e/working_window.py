"""A team's window in which somebody moves devices all the time, to be killed. Counterpart: `tests/team/window_at_work.py`.

    python -m tests.e2e.working_window PROFILE DEVICE

Further commands: `work PREFIX` (the devices whose names begin so go east, each again when its last move is seen), `rest`. What
the engine acknowledges is a line of its own at once: {"done": edit, "device": id, "lng": where it is put}; {"refused": words}.
One rule: a device is moved as the page moves it, by the signal of one that was dropped.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from uuid import UUID

from PySide6.QtCore import QTimer

from app.commands import Said
from app.compose import App
from domain.edit import Edit
from tests.e2e.team_window import TeamWatcher
from tests.e2e.watched_window import main

MOVE_MS = 200
STEP_DEG = 1e-5


class WorkingWatcher(TeamWatcher):
    """Moves devices, and says what was acknowledged."""

    def __init__(self, app: App, name: str) -> None:
        super().__init__(app, name)
        self._prefix = ""
        self._wanted: dict[UUID, float] = {}
        self._moves = QTimer(self)
        self._moves.setInterval(MOVE_MS)
        self._moves.timeout.connect(self._move)
        app.commands.said.connect(self._on_said)
        app.commands.clashed.connect(self._on_clash)

    def line(self, page: dict[str, Any]) -> dict[str, Any]:
        """Return what is seen: also where each device is, how it is, how many sites there are, and whether all stands still."""
        model = self.app.model
        lngs = {id: place[0] for id in self._wanted if (place := self._place(id)) is not None}
        places = {str(one.id): self._place(one.id) for one in model.inventory.devices()}
        return super().line(page) | {
            "still": not self._moves.isActive()
            and all(lngs.get(id, lng) >= lng for id, lng in self._wanted.items()),
            "places": {id: list(place) for id, place in places.items() if place is not None},
            "statuses": {str(id): health.status for id, health in model.health.items()},
            "sites": len(model.inventory.tables["site"]),
        }

    def do(self, word: str, rest: list[str]) -> None:
        """Do one thing."""
        if word == "work":
            self._prefix = rest[0]
            self._moves.start()
        elif word == "rest":
            self._moves.stop()
        else:
            super().do(word, rest)

    def _place(self, id: UUID) -> tuple[float, float] | None:
        inventory = self.app.model.inventory
        device = inventory.device(id)
        return inventory.place_of(device) if device is not None else None

    def _move(self) -> None:
        for device in self.app.model.inventory.devices():
            place = self._place(device.id) if device.name.startswith(self._prefix) else None
            if place is not None and place[0] >= self._wanted.get(device.id, place[0]):
                self._wanted[device.id] = round(place[0] + STEP_DEG, 5)
                self.app.map.device_dropped.emit(device.id, self._wanted[device.id], place[1])

    def _on_said(self, said: Said) -> None:
        if said.bad:
            print(json.dumps({"refused": said.text}), flush=True)
        for step in said.edit.steps if said.edit is not None else ():
            if step.kind == "device" and step.before is not None and step.after is not None:
                told = {"done": str(said.edit.id), "device": str(step.id), "lng": step.after["lng"]}
                print(json.dumps(told), flush=True)

    def _on_clash(self, edit: Edit) -> None:
        print(json.dumps({"refused": f"{edit.title} clashes"}), flush=True)


if __name__ == "__main__":
    sys.exit(main(WorkingWatcher))
