"""From an observation's stamp to the painted frame: model (which merges for 100 ms), bridge, page, map.

Three routers change their status in each tick. Figures: `nN_p95_ms` and `nN_p50_ms` for N devices. A real
page in a real window, off-screen where there is no display; what draws (a graphics device, or software) decides most of it.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen" if not os.environ.get("DISPLAY") else "xcb")

import PySide6
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.map.scheme import prepare_web_engine
from app.map.view import MapView
from app.model import Model
from map_assets.files import ASSETS
from tests.map.networks import big, health, news

SIZES = (40, 1000, 5000)
TICKS = 40
WARM_UP_TICKS = 5
CHANGED_PER_TICK = 3
PAUSE_MS = 250
WAIT_S = 120.0


def _until(true: Callable[[], bool], what: str) -> None:
    ends_s = time.monotonic() + WAIT_S
    while not true():
        if time.monotonic() > ends_s:
            raise RuntimeError(f"{what} did not come within {WAIT_S:.0f} s")
        QTest.qWait(5)


def _latencies_ms(count: int) -> list[float]:
    chance = random.Random(count)
    model = Model()
    view = MapView(model, "dark")
    view.resize(1280, 800)
    idle: list[float] = []
    painted: dict[int, int] = {}
    view.became_idle.connect(idle.append)
    view.painted.connect(painted.__setitem__)
    view.show()
    model.merge(big(count))
    _until(lambda: bool(idle), f"a still map of {count} devices")
    QTest.qWait(1000)
    taken_ms = []
    for tick in range(WARM_UP_TICKS + TICKS):
        painted.clear()
        names = chance.sample(range(count), CHANGED_PER_TICK)
        batch = news(*(health(f"R{i}", "down" if tick % 2 else "up") for i in names))
        model.merge(batch)
        _until(lambda: bool(painted), f"tick {tick} of {count} devices")
        [(stamp_us, painted_us)] = painted.items()
        if tick >= WARM_UP_TICKS:
            taken_ms.append((painted_us - stamp_us) / 1000)
        QTest.qWait(chance.randrange(PAUSE_MS))
    view.close()
    view.deleteLater()
    QTest.qWait(50)
    return sorted(taken_ms)


def run() -> dict[str, Any]:
    """Run the bench and return its figures."""
    prepare_web_engine(sys.argv)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    figures = {}
    for count in SIZES:
        taken_ms = _latencies_ms(count)
        figures[f"n{count}_p95_ms"] = round(taken_ms[int(len(taken_ms) * 0.95) - 1], 1)
        figures[f"n{count}_p50_ms"] = round(taken_ms[len(taken_ms) // 2], 1)
    application.processEvents()
    maplibre = json.loads((ASSETS / "node_modules" / "maplibre-gl" / "package.json").read_text())["version"]
    return {"figures": figures, "peers": {"maplibre-gl": maplibre, "PySide6": PySide6.__version__}}
