"""Flying: to a place that is no device, which gets a pin until the next click, and to a link beside which a panel opens."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest

from domain.wire import Changed
from tests.map.conftest import HEIGHT_PX, WIDTH_PX, Stage
from tests.map.networks import device, id_of, small


def pins(stage: Stage) -> int:
    return int(stage.js("document.querySelectorAll('.pin').length"))


def test_a_place_is_flown_to_and_marked_until_the_next_click(stage: Stage) -> None:
    stage.view.fly_to_place(9.68, 47.54)
    stage.until(
        lambda: stage.report()["center"] == pytest.approx([9.68, 47.54], abs=1e-4), "the camera there"
    )
    stage.until(lambda: stage.report()["zoom"] >= 11, "the end of the flight")
    assert pins(stage) == 1
    stage.view.fly_to_place(9.7, 47.6)
    stage.until(lambda: stage.report()["center"] == pytest.approx([9.7, 47.6], abs=1e-4), "the second place")
    assert pins(stage) == 1
    stage.click(QPoint(60, 300))
    stage.until(lambda: pins(stage) == 0, "no pin after a click")


def test_what_is_told_just_before_the_map_looks_elsewhere_is_drawn_all_the_same(stage: Stage) -> None:
    for after_ms in (1_100, 1_200, 1_300, 1_400):
        stage.tell(Changed(3, devices=(device("Far", -60.0, -30.0),)))
        stage.view.fit()
        QTest.qWait(after_ms)  # the whole world is in view by then, and its tiles are being made
        stage.tell(small())
        stage.view.fit()
        assert stage.stand_still()["rendered_links"] == 3


def test_a_link_is_whole_in_view_also_when_its_panel_opens_beside_it_during_the_flight(stage: Stage) -> None:
    narrow_px = WIDTH_PX // 2
    stage.view.fly_to(id_of("KemptenAlpspitz"))
    stage.view.resize(narrow_px, HEIGHT_PX)

    def is_whole() -> bool:
        stage.stand_still()
        ends = [stage.pixel(stage.place_of(id_of(name))) for name in ("Kempten", "Alpspitz")]
        return all(abs(end.x() - WIDTH_PX / 2) < narrow_px / 2 for end in ends)

    try:
        stage.until(is_whole, "both ends of the link")
    finally:
        stage.view.resize(WIDTH_PX, HEIGHT_PX)


def test_where_one_was_sent_to_look_is_looked_at_also_when_the_map_changes_its_size(stage: Stage) -> None:
    stage.view.fit()
    stage.stand_still()
    stage.view.look_at(10.0, 47.0, 6.0)
    stage.view.resize(WIDTH_PX, HEIGHT_PX // 2)
    try:
        stage.until(lambda: bool(stage.js(f"innerHeight === {HEIGHT_PX // 2}")), "the other size")
        seen = stage.stand_still()
        assert seen["zoom"] == pytest.approx(6.0)
        assert seen["center"] == pytest.approx([10.0, 47.0], abs=1e-4)
    finally:
        stage.view.resize(WIDTH_PX, HEIGHT_PX)
