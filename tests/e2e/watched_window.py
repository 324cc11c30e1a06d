"""A window as a program that says twice a second what a user would see of one device.

    python -m tests.e2e.watched_window PROFILE DEVICE [SIMNET_STATE | LINK]

With SIMNET_STATE it is the demo's window, else that of the network in the profile; with LINK as
`heliograph open LINK` shows it. Each line on stdout is a JSON object, see
`say`; `red_px` counts pixels of the palette's "down" colour round the device's place in the real page. One rule: it only
looks; what happens, the test does (commands on stdin: `acknowledge`, `select`, `undo`, `move LNG LAT`, `interval SECONDS`,
`freeze SECONDS`, `watch DEVICE`, `go MOMENT`, `picture FILE`,
`clip FILE FROM_US TO_US`, `escape`, `quit`).
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import msgspec
from PySide6.QtCore import QMetaObject, QObject, QPoint, Qt, QTimer, Slot
from PySide6.QtWidgets import QLabel

from app.compose import App, Options
from app.draft import draft_of
from app.look import themes
from domain.inventory import Device

LOOK_MS = 400
AROUND_PX = 14
FRAMES = 6
"""Of a clip."""


class Watcher(QObject):
    """Looks at the window every LOOK_MS and obeys the lines of stdin."""

    def __init__(self, app: App, name: str) -> None:
        super().__init__()
        self.app, self.name = app, name
        self.waiting: list[str] = []
        down = themes()["dark"].status["down"]
        self.down = tuple(int(down[i : i + 2], 16) for i in (1, 3, 5))
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.look)
        self.timer.start(LOOK_MS)
        threading.Thread(target=self._listen, daemon=True).start()

    def device(self) -> Device | None:
        """Return the device that is watched, once it is in the inventory."""
        return next((d for d in self.app.model.inventory.devices() if d.name == self.name), None)

    def look(self) -> None:
        """Ask the page where it is, then say what is seen."""
        self.app.map.report(self.say)

    def say(self, page: dict[str, Any]) -> None:
        """Print one line."""
        if page["center"] is not None:
            print(json.dumps(self.line(page)), flush=True)

    def line(self, page: dict[str, Any]) -> dict[str, Any]:
        """Return what is seen."""
        device, window = self.device(), self.app.window
        rows = [window.alerts.rows.words(row, 0) for row in window.alerts.rows.rows]
        place = self.app.model.inventory.place_of(device) if device is not None else None
        return {
            "at_s": time.monotonic(),
            "red_px": self.red_pixels(page),
            "tree": self.tree_words(device),
            "alerts": rows,
            "acknowledged": [a.acknowledged_by for a in self.app.model.alerts.values() if a.acknowledged_us],
            "page_pid": self.app.map.page.renderProcessPid(),
            "engine_pid": self.app.link.welcome.pid if self.app.link.welcome else 0,
            "camera": [*page["center"], page["zoom"]],
            "rendered": page["rendered_devices"],
            "selected": str(window.selected) if window.selected else "",
            "place": list(place) if place else None,
            "banner": window.news.banner.isVisible(),
            "polls": self.polls(),
            "interval_s": device.interval_s if device is not None else None,
            "facts": self.facts(),
            "interfaces": self.interfaces(),
            "past": self.past(),
            "loads": sum(state.ab_bps is not None for state in self.app.model.link_states.values()),
        }

    def past(self) -> dict[str, Any] | None:
        """Return where the time machine is, what is live meanwhile, and how many rings say that now differs."""
        desk = self.app.window.past
        machine = desk.machine
        if not machine.is_on:
            return None
        return {
            "there_us": machine.there_us if machine.is_there else 0,
            "live": desk.bar.live.text(),
            "ghosts": len(desk.ghosts()),
            "devices": len(self.app.model.inventory.tables["device"]),
        }

    def polls(self) -> int:
        """Return how often the engine that answers now has asked devices; what one before it told does not count."""
        welcome, state = self.app.link.welcome, self.app.model.engine
        if welcome is None or state is None or state.at_us < welcome.started_us:
            return 0
        return sum(state.polls.values())

    def tree_words(self, device: Device | None) -> str:
        """Return what a screen reader says of the device's row."""
        rows = self.app.window.tree.rows
        index = rows.index_of(("device", device.id)) if device is not None else None
        return str(rows.data(index, Qt.ItemDataRole.AccessibleTextRole)) if index is not None else ""

    def facts(self) -> dict[str, str]:
        """Return what the device panel says line by line, where one is open."""
        panel = self.app.window.device
        words = [label.text() for label in panel.body.facts.findChildren(QLabel) if label.isVisible()]
        return dict(zip(words[::2], words[1::2], strict=True))

    def interfaces(self) -> dict[str, list[str]]:
        """Return name, in and out of each interface that the device panel shows on its tab."""
        rows = self.app.window.device.body.all_ports.rows
        cells = [
            [rows.data(rows.index(row, column)) for column in range(3)] for row in range(rows.rowCount())
        ]
        return {name: rates for name, *rates in cells}

    def red_pixels(self, page: dict[str, Any]) -> int:
        """Count pixels of the down colour round the device on the painted map."""
        device = self.device()
        place = self.app.model.inventory.place_of(device) if device else None
        if place is None:
            return 0
        image = self.app.map.grab().toImage()
        ratio = image.devicePixelRatio()
        (x, y), (cx, cy) = (world_px(*p, page["zoom"]) for p in (place, page["center"]))
        at = QPoint(round(x - cx + self.app.map.width() / 2), round(y - cy + self.app.map.height() / 2))
        found = 0
        for dx in range(-AROUND_PX, AROUND_PX + 1):
            for dy in range(-AROUND_PX, AROUND_PX + 1):
                px, py = round((at.x() + dx) * ratio), round((at.y() + dy) * ratio)
                if 0 <= px < image.width() and 0 <= py < image.height():
                    got = image.pixelColor(px, py).getRgb()
                    found += all(abs(g - w) < 12 for g, w in zip(got, self.down, strict=False))
        return found

    def _listen(self) -> None:
        for line in sys.stdin:
            self.waiting.append(line.strip())
            QMetaObject.invokeMethod(self, "obey", Qt.ConnectionType.QueuedConnection)

    @Slot()
    def obey(self) -> None:
        """Do what stdin said, as a user would."""
        word, *rest = self.waiting.pop(0).split()
        self.do(word, rest)

    def do(self, word: str, rest: list[str]) -> None:
        """Do one thing."""
        device, window = self.device(), self.app.window
        if word == "quit":
            self.app.qt.quit()
        elif word == "watch":
            self.name = rest[0]
        elif word == "undo":
            self.app.commands.undo()
        elif word == "go":
            window.past.go(" ".join(rest))
        elif word == "picture":
            window.grab().save(rest[0])
        elif word == "clip":
            window.past.bar.scrubber.show_span(int(rest[1]), int(rest[2]))
            window.past.save_clip(Path(rest[0]), frames=FRAMES)
        elif word == "escape":
            window.step_back()
        elif word == "freeze":
            time.sleep(float(rest[0]))
        elif device is not None and word == "select":
            window.select(device.id)
        elif device is not None and word == "interval":
            draft = draft_of(self.app.model.inventory, device)
            often = msgspec.structs.replace(draft, interval_s=float(rest[0]))
            self.app.commands.edit_device(device, often, lambda refusals: None)
        elif device is not None and word == "move":
            self.app.map.device_dropped.emit(device.id, float(rest[0]), float(rest[1]))
        elif device is not None and word == "acknowledge":
            alerts = [a for a in self.app.model.alerts.values() if a.subject == device.id and a.is_open]
            window.alerts.acknowledged.emit(alerts[0].id)


def world_px(lng: float, lat: float, zoom: float) -> tuple[float, float]:
    """Return a place in world pixels of a zoom (Web Mercator, 512 px tiles)."""
    size = 512 * 2**zoom
    sine = math.sin(math.radians(lat))
    return (lng + 180) / 360 * size, (0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)) * size


def main(watcher_of: type[Watcher] = Watcher) -> int:
    """Run until stdin says quit."""
    profile, name, *more = sys.argv[1:]
    moment = next((one for one in more if one.startswith("heliograph:")), None)
    state = Path(more[0]) if more and moment is None else None
    options = Options(
        Path(profile), headless=True, demo=bool(state), simnet_state=state, theme="dark", moment=moment
    )
    app = App(options, time.monotonic(), ["heliograph"])
    watcher = watcher_of(app, name)
    code = app.run()
    watcher.timer.stop()
    return code


if __name__ == "__main__":
    sys.exit(main())
