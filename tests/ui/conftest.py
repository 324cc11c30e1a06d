"""One Qt application for the whole session, offscreen, and the pieces of a window around a fake engine.

One rule: nothing sleeps; a test waits for what it expects, or flushes what would come later.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from app.commands import Commands
from app.engine_link import EngineLink
from app.look import Look, font, load_fonts
from app.map.scheme import prepare_web_engine
from app.model import Model
from app.panels import notices
from app.window import Window
from tests.ui.fake_engine import FakeEngine
from tests.ui.fake_map import FakeMap

prepare_web_engine([])
WAIT_S = 120.0
"""Longest wait for what must come: generous, because the machine may be busy."""

WaitFor = Callable[[Callable[[], object]], None]


@pytest.fixture(scope="session")
def qt() -> QApplication:
    """The application."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(["heliograph"])
    gc.disable()
    app.setStyle("Fusion")
    load_fonts()
    app.setFont(font())
    return app


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """Close what a test leaves on the screen: a window above the next test's map takes its mouse."""
    yield
    left = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
    for widget in left:
        widget.close()
        widget.deleteLater()
    if left:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def toasts_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no toast go while a test still looks for what it said: what goes, a test lets go."""
    monkeypatch.setattr(notices, "TOAST_MS", HOUR_MS)
    monkeypatch.setattr(notices, "BAD_TOAST_MS", HOUR_MS)


@pytest.fixture
def wait_for(qt: QApplication) -> WaitFor:
    """Let the window live until something holds."""

    def wait(holds: Callable[[], object]) -> None:
        ends_at = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < ends_at, "it never came"
            qt.processEvents()
            time.sleep(0.002)

    return wait


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    """An engine that holds a small network."""
    made = FakeEngine(tmp_path / "profile")
    yield made
    made.close()


class Bench:
    """A window with everything around it, connected to the fake engine."""

    def __init__(self, engine: FakeEngine, wait_for: WaitFor) -> None:
        self.engine = engine
        self.wait_for = wait_for
        self.model = Model()
        self.link = EngineLink(engine.profile, self.model, ["nothing-to-start"])
        self.commands = Commands(self.model, self.link, "tester")
        self.look = Look("dark")
        self.map = FakeMap()
        self.window = Window(self.model, self.link, self.commands, self.look, self.map)
        self.window.show()
        self.link.start()
        wait_for(lambda: self.link.connected and self.model.inventory == engine.inventory)
        self.model.flush()

    def settle(self) -> None:
        """Wait until the mirror is the engine's again."""
        self.wait_for(lambda: not self.link._pending and self.model.inventory == self.engine.inventory)
        self.model.flush()

    def close(self) -> None:
        """Take it down."""
        self.window.close()
        self.link.stop()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()


@pytest.fixture
def bench(qt: QApplication, engine: FakeEngine, wait_for: WaitFor) -> Iterator[Bench]:
    """A connected window."""
    made = Bench(engine, wait_for)
    yield made
    made.close()
