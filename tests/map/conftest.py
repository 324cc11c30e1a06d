"""A real page in a window that nobody sees. Counterpart: `app/map/`.

One rule: an error in the page or in its log that a test did not announce fails that test.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.map import reports
from app.map.scheme import prepare_web_engine
from app.map.view import MapView
from app.model import Model
from domain.geometry import LngLat
from domain.inventory import Device
from domain.wire import Changed
from tests.map.networks import small

prepare_web_engine([])
WAIT_S = 120.0
"""Longest wait for what must come: generous, because the machine may be busy, and frames are drawn without a graphics device."""
WIDTH_PX, HEIGHT_PX = 800, 560


class LogWatch(logging.Handler):
    """Keeps the errors that were logged; `expected` names those that a test announced."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.expected: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one error or warning."""
        kept = self.errors if record.levelno >= logging.ERROR else self.warnings
        kept.append(record.getMessage())

    def surprises(self) -> list[str]:
        """Return the errors that nobody announced."""
        return [text for text in self.errors if not any(part in text for part in self.expected)]


@pytest.fixture(scope="session")
def application() -> QApplication:
    """Return the one application of this process."""
    found = QApplication.instance()
    return found if isinstance(found, QApplication) else QApplication([])


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Give the page as long to answer as a test waits: a window that gives up logs an error, and has not seen the map."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "REPORT_TIMEOUT_MS", round(WAIT_S * 1000))
        yield


@pytest.fixture(autouse=True)
def log_watch() -> Iterator[LogWatch]:
    """Fail the test on an error that it did not announce."""
    watch = LogWatch()
    logger = logging.getLogger("heliograph.map")
    logger.addHandler(watch)
    yield watch
    logger.removeHandler(watch)
    assert watch.surprises() == []


class Stage:
    """A map view with a model of its own, and hands and eyes for it."""

    def __init__(self, changed: Changed | None, **options: Any) -> None:
        self.model = Model()
        self.view = MapView(self.model, options.pop("theme", "dark"), **options)
        self.view.resize(WIDTH_PX, HEIGHT_PX)
        self.events: list[tuple[Any, ...]] = []
        for name in (
            "device_clicked",
            "link_clicked",
            "site_clicked",
            "background_clicked",
            "device_dropped",
            "site_dropped",
            "place_requested",
            "what_if_toggled",
            "what_if_left",
        ):
            getattr(self.view, name).connect(lambda *values, name=name: self.events.append((name, *values)))
        self.painted: list[tuple[int, int]] = []
        self.view.painted.connect(lambda stamp_us, painted_us: self.painted.append((stamp_us, painted_us)))
        idle: list[float] = []
        self.view.became_idle.connect(idle.append)
        if changed is not None:
            self.tell(changed)
        self.view.show()
        self.until(lambda: bool(idle))
        self.idle_s = idle[0]

    def close(self) -> None:
        """Take the view down."""
        self.view.close()
        self.view.deleteLater()
        QTest.qWait(10)

    def until(self, true: Callable[[], bool], what: str = "") -> None:
        """Let the window live until something holds; fails when it never does."""
        ends_s = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < ends_s, f"it did not come within {WAIT_S:.0f} s: {what}"
            QTest.qWait(10)

    def tell(self, changed: Changed) -> None:
        """Bring news into the model at once."""
        self.model.merge(changed)
        self.model.flush()

    def tell_and_see(self, changed: Changed) -> None:
        """Bring news with an observation, and wait until it is on the screen."""
        before = len(self.painted)
        self.tell(changed)
        stamps = {one.heard_us for one in changed.health}
        self.until(lambda: any(stamp in stamps for stamp, _ in self.painted[before:]), "the painted tick")
        self.settle()

    def settle(self) -> None:
        """Wait until the page has taken all that was sent: it answers in order."""
        self.report()

    def stand_still(self) -> dict[str, Any]:
        """Wait until all that the page was told is drawn and the map rests, and return what it shows.

        Two equal reports alone are none: until the network is laid out beside the page, the bare map rests too.
        """
        seen: list[dict[str, Any]] = [{}]

        def rests() -> bool:
            QTest.qWait(30)
            seen.append(self.report())
            return seen[-1] == seen[-2] and bool(seen[-1]["settled"])

        self.until(rests, "a map at rest")
        return seen[-1]

    def drawn(self) -> dict[str, Any]:
        """Wait until what the page was told is there for eye and hand, and return what it shows."""
        seen: list[dict[str, Any]] = []

        def there() -> bool:
            if seen:
                QTest.qWait(60)  # to say what is drawn costs a busy page a while
            seen.append(self.report())
            return bool(seen[-1]["settled"])

        self.until(there, "all that the page was told")
        return seen[-1]

    def still(self) -> None:
        """Wait until the page has painted all that it was told, for what is seen once and not waited for.

        It is asked when all is drawn, since it says so after some seconds in any case.
        """
        self.drawn()
        painted: list[bool] = []
        self.view.when_still(lambda: painted.append(True))
        self.until(lambda: bool(painted), "all of it on the screen")

    def report(self) -> dict[str, Any]:
        """Ask the page what it shows."""
        answers: list[dict[str, Any]] = []
        self.view.report(answers.append)
        self.until(lambda: bool(answers), "the report")
        return answers[0]

    def js(self, code: str) -> Any:
        """Run code in the page and return its value."""
        answers: list[Any] = []
        self.view.page.runJavaScript(code, answers.append)
        self.until(lambda: bool(answers), code)
        return answers[0]

    def pixel(self, place: LngLat) -> QPoint:
        """Return where on the view a place is, from what the page says of its camera, once it rests."""
        seen = self.drawn()
        x, y = _world_px(LngLat(*seen["center"]), seen["zoom"])
        px, py = _world_px(place, seen["zoom"])
        return QPoint(round(px - x + WIDTH_PX / 2), round(py - y + HEIGHT_PX / 2))

    def place_of(self, device: UUID) -> LngLat:
        """Return where a device stands."""
        found = self.model.inventory.device(device)
        assert found is not None
        place = self.model.inventory.place_of(found)
        assert place is not None
        return place

    def colors_near(self, at: QPoint, reach: int = 14) -> list[QColor]:
        """Return the colours that are on the screen around a point."""
        image = self.view.grab().toImage()
        spots = range(-reach, reach + 1)
        return [image.pixelColor(at.x() + dx, at.y() + dy) for dx in spots for dy in spots]

    def shows(self, at: QPoint, wanted: str, reach: int = 14) -> bool:
        """Tell whether a colour of the tokens is on the screen around a point."""
        want = QColor(wanted)
        return any(near(color, want) for color in self.colors_near(at, reach))

    @property
    def hands(self) -> QWidget:
        """The widget inside the web view that takes the events."""
        found = self.view._view.focusProxy()
        assert found is not None
        return found

    def click(self, at: QPoint, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        """Click into the page, on what it was told: a click at what is not drawn yet is lost."""
        self.drawn()
        QTest.mouseMove(self.hands, at)
        QTest.mouseClick(self.hands, button, pos=at)

    def card(self) -> str:
        """Return the name on the card beside the pointer, nothing when there is no card."""
        return str(self.js("document.querySelector('#card:not([hidden]) strong')?.textContent ?? ''"))

    def point_at(self, device: Device) -> None:
        """Rest the pointer on a device, trembling as a hand does, until its card is there."""
        at = self.pixel(self.place_of(device.id))
        tremble = itertools.cycle((QPoint(0, 0), QPoint(1, 0)))

        def there() -> bool:
            QTest.mouseMove(self.hands, at + next(tremble))
            QTest.qWait(150)
            return self.card() == device.name

        self.until(there, f"the card of {device.name!r}")

    def point_away(self) -> None:
        """Move the pointer to bare ground, trembling, until there is no card."""
        tremble = itertools.cycle((QPoint(20, 300), QPoint(21, 300)))

        def gone() -> bool:
            QTest.mouseMove(self.hands, next(tremble))
            QTest.qWait(100)
            return not self.card()

        self.until(gone, "no card over bare ground")

    def drag(self, start: QPoint, end: QPoint, *, release: bool = True) -> None:
        """Press on what the page was told, move in steps, and let go."""
        self.drawn()
        left = Qt.MouseButton.LeftButton
        QTest.mouseMove(self.hands, start)
        QTest.mousePress(self.hands, left, pos=start)
        for step in range(1, 6):
            share = step / 5
            QTest.qWait(15)
            QTest.mouseMove(
                self.hands,
                QPoint(
                    round(start.x() + (end.x() - start.x()) * share),
                    round(start.y() + (end.y() - start.y()) * share),
                ),
            )
        QTest.qWait(30)
        if release:
            QTest.mouseRelease(self.hands, left, pos=end)


def _world_px(place: LngLat, zoom: float) -> tuple[float, float]:
    size = 512 * 2**zoom
    lat = math.radians(place.lat)
    return (place.lng + 180) / 360 * size, (
        1 - math.log(math.tan(math.pi / 4 + lat / 2)) / math.pi
    ) / 2 * size


def near(a: QColor, b: QColor) -> bool:
    """Tell whether two colours look alike."""
    return all(
        abs(x - y) <= 12 for x, y in ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
    )


@pytest.fixture
def stages(application: QApplication) -> Iterator[Callable[..., Stage]]:
    """Return what makes stages; they go when the test ends."""
    made: list[Stage] = []

    def make(changed: Changed | None, **options: Any) -> Stage:
        made.append(Stage(changed, **options))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture(scope="module")
def shared(application: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for the tests of a module that leave it as they found it."""
    stage = Stage(small(), basemap=_no_basemap(tmp_path_factory))
    yield stage
    stage.close()


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The shared stage with its network as it was, nothing selected or pointed at, the whole of it in view."""
    shared.point_away()
    shared.tell(small())
    shared.view.select(None)
    shared.view.leave_what_if()
    shared.view.set_theme("dark")
    shared.view.fit()
    shared.until(lambda: shared.stand_still()["rendered_links"] == 3)
    shared.events.clear()
    return shared


def _no_basemap(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("maps") / "none.pmtiles"
