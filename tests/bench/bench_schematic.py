"""Opening the schematic of 5,000 devices with 10,000 links in a real window, drawn in software: seconds from the key S.

`links_s`: until the page shows links, provisional ones too; `whole_s`: until the paper is laid out and
the map has drawn all of it.
`again_links_s` and `again_whole_s`: the same in another window on the same profile, as after a restart.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen" if not os.environ.get("DISPLAY") else "xcb")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.commands import Commands
from app.engine_link import EngineLink
from app.look import Look, font, load_fonts
from app.map.scheme import prepare_web_engine
from app.map.view import MapView
from app.model import Model
from app.window import Window
from domain.inventory import Inventory
from tests.map.networks import meshed
from tests.ui.fake_engine import FakeEngine

DEVICES = 5_000
WAIT_S = 150.0
STILL_S = 3.5
"""The page says after four seconds that it stands still, whether it does or not."""
LINKS = """(() => {
  const lines = document.querySelector('.paper-lines');
  return document.body.classList.contains('paper') && lines !== null && !lines.hidden;
})()"""


def _until(true: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < ends_s, "it never came"
        QTest.qWait(20)


def _measure(engine: FakeEngine) -> tuple[float, float]:
    """Open a window and its schematic, and close them; returns the two figures in seconds."""
    model = Model()
    link = EngineLink(engine.profile, model, ["nothing-to-start"])
    map = MapView(model, "dark")
    idle: list[float] = []
    map.became_idle.connect(idle.append)
    window = Window(model, link, Commands(model, link, "bench"), Look("dark"), map)
    window.resize(1280, 800)
    window.show()
    link.start()
    _until(lambda: len(list(model.inventory.devices())) == DEVICES and bool(idle))
    asked: list[bool] = []
    map.when_still(lambda: asked.append(True))
    _until(lambda: bool(asked))
    desk = window.schematic
    began_s = time.monotonic()
    desk.show(on=True)
    links_s = 0.0
    shown: list[bool] = []
    waits = False

    def look(answer: object) -> None:
        nonlocal waits
        waits = False
        shown.append(bool(answer))

    def is_there() -> bool:
        nonlocal waits, links_s
        if any(shown) and not links_s:
            links_s = time.monotonic() - began_s
        if not waits and not links_s:
            waits = True
            map.page.runJavaScript(LINKS, look)
        return not desk.arranging.is_busy and len(desk.paper.places) == DEVICES

    _until(is_there)
    while True:
        asked_s, still = time.monotonic(), list[bool]()
        map.when_still(lambda still=still: still.append(True))
        _until(lambda still=still: is_there() and bool(still))
        if time.monotonic() - asked_s < STILL_S:
            break
    whole_s = time.monotonic() - began_s
    window.close()
    link.stop()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return links_s or whole_s, whole_s


def run() -> dict[str, float]:
    """Measure both openings."""
    prepare_web_engine([])
    app = QApplication(["heliograph"])
    app.setStyle("Fusion")
    load_fonts()
    app.setFont(font())
    inventory = Inventory()
    told = meshed(DEVICES)
    for device in told.devices:
        inventory.tables["device"][device.id] = device
    for link in told.links:
        inventory.tables["link"][link.id] = link
    with tempfile.TemporaryDirectory() as folder:
        engine = FakeEngine(Path(folder) / "profile", inventory)
        engine.health = told.health
        first, again = _measure(engine), _measure(engine)
        engine.close()
    return {
        "links_s": round(first[0], 2),
        "whole_s": round(first[1], 2),
        "again_links_s": round(again[0], 2),
        "again_whole_s": round(again[1], 2),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=1) + "\n")
