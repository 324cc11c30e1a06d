"""A hand that drags two devices from the tray onto the real map, under a real X server. Counterpart: the test that runs it.

Qt's own test events do not reach a drag that is under way, so the pointer is moved through the server (XTEST). Run as a program
with DISPLAY set; prints what was said on the way and what was dropped, as JSON. One rule: nothing but pointer and keys is used.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

os.environ["QT_QPA_PLATFORM"] = "xcb"

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from app.look import Look
from app.map.scheme import prepare_web_engine
from app.map.view import MapView
from app.model import Model
from app.panels.map_frame import MapFrame
from app.panels.tray import Tray
from domain.inventory import Device
from domain.wire import Changed

WAIT_S = 60.0
END_S = 150
STEP_MS = 60
SHARES = (0.02, 0.05, 0.1, 0.4, 0.7, 0.95, 1.0)


class Pointer:
    """The pointer of the X server."""

    def __init__(self) -> None:
        self._x, self._test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(None))

    def move(self, at: QPoint) -> None:
        """Move it there."""
        self._test.XTestFakeMotionEvent(self._display, -1, at.x(), at.y(), ctypes.c_ulong(0))
        self._x.XFlush(self._display)

    def press(self, *, down: bool) -> None:
        """Press its left button, or let go."""
        self._test.XTestFakeButtonEvent(self._display, 1, int(down), ctypes.c_ulong(0))
        self._x.XFlush(self._display)


def until(holds: Callable[[], bool]) -> None:
    """Let the window live until something holds, or long enough."""
    ends_s = time.monotonic() + WAIT_S
    while not holds() and time.monotonic() < ends_s:
        QTest.qWait(20)


def main() -> None:
    """Drag, and say what came of it."""
    threading.Timer(END_S, os._exit, (1,)).start()  # a drag that nobody ends would wait for ever
    prepare_web_engine(["--no-sandbox"])
    QApplication(["heliograph", "--no-sandbox"])
    model, look = Model(), Look("dark")
    view = MapView(model, "dark")
    frame, tray = MapFrame(view, look), Tray(model, look)
    window = QWidget()
    row = QHBoxLayout(window)
    row.addWidget(tray)
    row.addWidget(frame, 1)
    window.resize(1000, 500)
    tray.setFixedWidth(260)
    idle: list[float] = []
    view.became_idle.connect(idle.append)
    window.show()
    lost = tuple(Device(UUID(int=number), f"R{number}", "10.0.0.1") for number in (1, 2, 3))
    model.merge(Changed(1, initial=True, devices=lost))
    model.flush()
    until(lambda: bool(idle))
    tray.toggle()
    QTest.qWait(100)
    tray.list.setCurrentIndex(tray.rows.index(0))
    QTest.keyClick(tray.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    dropped: list[tuple[tuple[UUID, ...], tuple[float, float]]] = []
    frame.dropped.connect(lambda ids, place, zoom: dropped.append((ids, place)))
    pointer, said = Pointer(), set[str]()
    start = tray.list.viewport().mapToGlobal(tray.list.visualRect(tray.rows.index(1)).center())
    end = frame.mapToGlobal(QPoint(300, 200))
    steps = [partial(pointer.move, start), partial(pointer.press, down=True)]
    steps += [partial(pointer.move, start + (end - start) * share) for share in SHARES]

    tremble = itertools.cycle((QPoint(1, 0), QPoint(0, 0)))

    def go_on() -> None:
        """Do one step after the other, then tremble as a hand does: moves that come as one begin a drag, and are none in it.

        A drag has a loop of its own, in which timers live on.
        """
        said.add(frame._hint_text.text())
        if steps:
            steps.pop(0)()
        elif said - {""}:
            hand.stop()
            pointer.press(down=False)
        else:
            pointer.move(end + next(tremble))

    hand = QTimer()
    hand.timeout.connect(go_on)
    hand.start(STEP_MS)
    until(lambda: bool(dropped))
    told = [{"ids": [id.int for id in ids], "place": place} for ids, place in dropped]
    print(json.dumps({"said": sorted(said - {""}), "dropped": told}), flush=True)
    os._exit(0)  # the page has nothing to say goodbye to


if __name__ == "__main__":
    sys.exit(main())
