"""Editing by hand in the real page: devices dragged alone and together, bends, new links, keys; one drag is one message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from domain.geometry import LngLat
from domain.inventory import Link
from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import id_of

LEFT = Qt.MouseButton.LeftButton
RIGHT = Qt.MouseButton.RightButton
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
GROUND = QPoint(60, 300)


class Hands:
    """What tools told, and hands with modifiers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.tools = stage.view.tools
        self.told: list[tuple[str, Any]] = []
        self.tools.devices_moved.connect(self._on_moved)
        self.tools.link_bent.connect(self._on_bent)
        self.tools.link_drawn.connect(self._on_drawn)

    def close(self) -> None:
        """Put everything down."""
        self.tools.set_locked(locked=False)
        if self.tools.tool:
            self.tools.hold(self.tools.tool)
        self.tools.devices_moved.disconnect(self._on_moved)
        self.tools.link_bent.disconnect(self._on_bent)
        self.tools.link_drawn.disconnect(self._on_drawn)
        self.stage.settle()

    def _on_moved(self, places: dict[UUID, LngLat]) -> None:
        self.told.append(("moved", places))

    def _on_bent(self, id: UUID, path: Any) -> None:
        self.told.append(("bent", (id, path)))

    def _on_drawn(self, a: UUID, b: UUID, path: Any) -> None:
        self.told.append(("drawn", (a, b, path)))

    def hold(self, tool: Any) -> None:
        """Take a tool and wait until the page has it."""
        self.tools.hold(tool)
        self.stage.until(lambda: self.hint() != "", "the hint")

    def hint(self) -> str:
        """Return what stands over the map."""
        return str(self.stage.js("document.querySelector('#tool:not([hidden])')?.textContent ?? ''"))

    def at(self, name: str) -> QPoint:
        """Return where a device is on the view."""
        return self.stage.pixel(self.stage.place_of(id_of(name)))

    def drag(self, start: QPoint, end: QPoint, keys: Qt.KeyboardModifier, *, release: bool = True) -> None:
        """Drag with keys held."""
        self.stage.drawn()
        hands = self.stage.hands
        QTest.mouseMove(hands, start)
        QTest.mousePress(hands, LEFT, keys, start)
        for step in (0.3, 0.7, 1.0):
            QTest.qWait(20)
            QTest.mouseMove(
                hands, start + QPoint(round((end - start).x() * step), round((end - start).y() * step))
            )
        QTest.qWait(40)
        if release:
            QTest.mouseRelease(hands, LEFT, keys, end)

    def click(self, at: QPoint, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Click on what the page was told, and wait until it has heard it."""
        self.stage.drawn()
        self._until_heard("click", lambda: self._click(at, keys))

    def key(self, key: Qt.Key) -> None:
        """Press a key on the page, and wait until it has heard it."""
        self._until_heard("keydown", lambda: QTest.keyClick(self.stage.hands, key))

    def _click(self, at: QPoint, keys: Qt.KeyboardModifier) -> None:
        QTest.mouseMove(self.stage.hands, at)
        QTest.mouseClick(self.stage.hands, LEFT, keys, at)

    def _until_heard(self, what: str, act: Callable[[], None]) -> None:
        heard = f"window.heard_{what}"
        self.stage.js(
            f"{heard} = 0; addEventListener('{what}', () => {heard}++, {{ capture: true, once: true }})"
        )
        act()
        self.stage.until(lambda: self.stage.js(heard) == 1, f"a {what}")
        self.stage.settle()

    def until_told(self, count: int = 1) -> tuple[str, Any]:
        """Wait until something was told and return the last."""
        self.stage.until(lambda: len(self.told) >= count, "what the tool did")
        return self.told[-1]


@pytest.fixture
def hands(stage: Stage) -> Iterator[Hands]:
    """Hands on the shared stage."""
    made = Hands(stage)
    yield made
    made.close()


def near(a: LngLat, b: LngLat) -> bool:
    return abs(a.lng - b.lng) < 0.02 and abs(a.lat - b.lat) < 0.02


def place_at(stage: Stage, at: QPoint) -> LngLat:
    """Return the place under a pixel, by the devices beside it: the page's projection inverted numerically."""
    kempten, alpspitz = stage.place_of(id_of("Kempten")), stage.place_of(id_of("Alpspitz"))
    a, b = stage.pixel(kempten), stage.pixel(alpspitz)
    lng = kempten.lng + (at.x() - a.x()) / (b.x() - a.x()) * (alpspitz.lng - kempten.lng)
    lat = kempten.lat + (at.y() - a.y()) / (b.y() - a.y()) * (alpspitz.lat - kempten.lat)
    return LngLat(lng, lat)


def test_outside_edit_mode_a_device_that_is_not_selected_stays_where_it_is(
    stage: Stage, hands: Hands
) -> None:
    start = hands.at("Grünten")
    stage.drag(start, start + QPoint(40, -30))
    stage.settle()
    assert hands.told == []
    assert not [event for event in stage.events if event[0] == "device_dropped"]


def test_in_edit_mode_any_device_is_dragged_with_one_message(stage: Stage, hands: Hands) -> None:
    hands.hold("edit")
    stage.until(lambda: "Editing" in hands.hint())
    start = hands.at("Grünten")
    end = start + QPoint(60, -50)
    wanted = place_at(stage, end)
    stage.drag(start, end)
    what, places = hands.until_told()
    assert what == "moved"
    assert list(places) == [id_of("Grünten")]
    assert near(places[id_of("Grünten")], wanted)
    stage.settle()
    assert len(hands.told) == 1


def test_several_picked_by_ctrl_click_are_moved_together_and_keep_their_shape(
    stage: Stage, hands: Hands
) -> None:
    hands.hold("edit")
    hands.click(hands.at("Grünten"), CTRL)
    hands.click(hands.at("Hauchenberg"), CTRL)
    stage.until(lambda: len(hands.tools.picked) == 2, "two picked")
    stage.until(lambda: "2 devices" in hands.hint())
    start = hands.at("Grünten")
    stage.drag(start, start + QPoint(30, -40))
    _, places = hands.until_told()
    assert set(places) == {id_of("Grünten"), id_of("Hauchenberg")}
    before = stage.place_of(id_of("Grünten")).lng - stage.place_of(id_of("Hauchenberg")).lng
    after = places[id_of("Grünten")].lng - places[id_of("Hauchenberg")].lng
    assert after == pytest.approx(before, abs=1e-6)


def test_a_rubber_band_picks_what_is_within_and_escape_lets_go_of_it_first(
    stage: Stage, hands: Hands
) -> None:
    hands.hold("edit")
    a, b = hands.at("Grünten"), hands.at("Hauchenberg")
    left, right = min(a.x(), b.x()) - 25, max(a.x(), b.x()) + 25
    top, bottom = min(a.y(), b.y()) - 25, max(a.y(), b.y()) + 25
    hands.drag(QPoint(left, top), QPoint(right, bottom), SHIFT)
    stage.until(lambda: set(hands.tools.picked) == {id_of("Grünten"), id_of("Hauchenberg")}, "the two within")
    hands.key(Qt.Key.Key_Escape)
    stage.until(lambda: hands.tools.picked == (), "nobody picked")
    assert hands.tools.tool == "edit"
    hands.key(Qt.Key.Key_Escape)
    stage.until(lambda: hands.tools.tool == "", "the tool put down")
    stage.until(lambda: hands.hint() == "")


def test_arrow_keys_nudge_what_is_selected_and_tell_once_when_they_rest(stage: Stage, hands: Hands) -> None:
    hands.hold("edit")
    hands.click(hands.at("Grünten"))
    stage.until(lambda: ("device_clicked", id_of("Grünten")) in stage.events)
    before = stage.place_of(id_of("Grünten"))
    stage.js(THREE_KEYS)
    _, places = hands.until_told()
    assert len(hands.told) == 1
    moved = places[id_of("Grünten")]
    assert moved.lng > before.lng
    assert moved.lat == pytest.approx(before.lat, abs=1e-6)


def test_escape_while_dragging_moves_nothing(stage: Stage, hands: Hands) -> None:
    hands.hold("edit")
    start = hands.at("Grünten")
    stage.drag(start, start + QPoint(50, 20), release=False)
    hands.key(Qt.Key.Key_Escape)
    QTest.mouseRelease(stage.hands, LEFT, pos=start + QPoint(50, 20))
    stage.settle()
    assert hands.told == []
    assert hands.tools.tool == "edit"


def test_a_link_is_drawn_along_its_bends_and_backspace_takes_the_last(stage: Stage, hands: Hands) -> None:
    hands.hold("link")
    a, b = hands.at("Alpspitz"), hands.at("Grünten")
    middle = QPoint((a.x() + b.x()) // 2 + 20, (a.y() + b.y()) // 2 + 30)
    hands.click(a)
    stage.until(lambda: "from Alpspitz" in hands.hint())
    hands.click(middle + QPoint(40, 0))
    hands.click(middle)
    hands.key(Qt.Key.Key_Backspace)
    hands.click(b)
    what, (one, other, path) = hands.until_told()
    assert (what, one, other) == ("drawn", id_of("Alpspitz"), id_of("Grünten"))
    assert len(path) == 1
    assert near(LngLat(*path[0]), place_at(stage, middle + QPoint(40, 0)))
    stage.until(lambda: "click the device where it begins" in hands.hint())
    assert [event for event in stage.events if event[0] == "device_clicked"] == []


def test_enter_ends_a_link_at_the_device_under_the_pointer_and_escape_forgets_one(
    stage: Stage, hands: Hands
) -> None:
    hands.hold("link")
    hands.click(hands.at("Alpspitz"))
    hands.key(Qt.Key.Key_Escape)
    stage.until(lambda: "begins" in hands.hint())
    hands.click(hands.at("Alpspitz"))
    QTest.mouseMove(stage.hands, hands.at("Grünten"))
    QTest.qWait(50)
    hands.key(Qt.Key.Key_Return)
    assert hands.until_told()[1] == (id_of("Alpspitz"), id_of("Grünten"), ())


THREE_KEYS = """for (let n = 0; n < 3; n++) {
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
} 1"""
"""Pressed in one breath of the page: a rest between two of them would tell of the first."""
LINK = id_of("KemptenAlpspitz")
BEND = LngLat(10.44, 47.71)


def bent(stage: Stage) -> None:
    """Give the link one bend and select it."""
    link = Link(
        LINK, id_of("Kempten"), id_of("Alpspitz"), kind="fibre", capacity_bps=10**9, path=(tuple(BEND),)
    )
    stage.tell(Changed(2, links=(link,)))
    stage.view.select(LINK)
    stage.settle()
    QTest.qWait(50)


def test_a_bend_is_dragged_and_a_middle_becomes_one(stage: Stage, hands: Hands) -> None:
    hands.hold("edit")
    bent(stage)
    at = stage.pixel(BEND)
    stage.drag(at, at + QPoint(30, 25))
    what, (id, path) = hands.until_told()
    assert (what, id, len(path)) == ("bent", LINK, 1)
    assert near(LngLat(*path[0]), place_at(stage, at + QPoint(30, 25)))
    bent(stage)
    a = hands.at("Kempten")
    middle = QPoint((a.x() + at.x()) // 2, (a.y() + at.y()) // 2)
    stage.drag(middle, middle + QPoint(0, -30))
    _, (id, path) = hands.until_told(2)
    assert len(path) == 2
    assert near(LngLat(*path[1]), BEND)


def test_alt_click_or_right_click_takes_a_bend_away(stage: Stage, hands: Hands) -> None:
    hands.hold("edit")
    bent(stage)
    hands.click(stage.pixel(BEND), ALT)
    assert hands.until_told() == ("bent", (LINK, ()))
    bent(stage)
    stage.click(stage.pixel(BEND), RIGHT)
    assert hands.until_told(2) == ("bent", (LINK, ()))


def test_a_locked_map_moves_nothing_and_takes_no_pen(stage: Stage, hands: Hands) -> None:
    said: list[str] = []
    hands.tools.refused.connect(said.append)
    hands.tools.set_locked(locked=True)
    hands.tools.hold("edit")
    assert hands.tools.tool == ""
    assert said == ["The map is locked against changes"]
    stage.view.select(id_of("Grünten"))
    stage.settle()
    start = hands.at("Grünten")
    stage.drag(start, start + QPoint(40, -30))
    stage.settle()
    assert not [event for event in stage.events if event[0] == "device_dropped"]
    hands.tools.hold("ruler")
    assert hands.tools.tool == "ruler"


def test_a_page_that_died_has_the_tool_again(stage: Stage, hands: Hands) -> None:
    hands.hold("edit")
    stage.js("document.querySelector('#tool').dataset.old = '1'")
    hands.tools.picked = (id_of("Grünten"),)
    stage.view._load()
    is_new = "((tool) => tool && (tool.dataset.old ?? 'new'))(document.querySelector('#tool:not([hidden])'))"
    stage.until(lambda: "Editing" in hands.hint() and stage.js(is_new) == "new", "the tool in the new page")
    assert hands.tools.picked == (), "what the new page does not show is not acted upon"
    stage.stand_still()
