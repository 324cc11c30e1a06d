"""What the map shows of the network, and what hands do to it: in the real page, through real events and real pixels."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.look import themes
from domain.geometry import LngLat
from domain.load import LinkState
from domain.wire import Changed, Removed
from tests.map.conftest import HEIGHT_PX, WIDTH_PX, Stage
from tests.map.networks import PLACES, device, health, id_of, news, now_us

DARK = themes()["dark"]
GRUNTEN = id_of("Grünten")


def test_the_page_shows_every_device_and_link_without_an_error(stage: Stage) -> None:
    seen = stage.report()
    assert seen["rendered_devices"] == 4
    assert seen["rendered_links"] == 3
    assert seen["console_errors"] == 0
    assert seen["first_idle_s"] > 0
    assert stage.view.external_requests == 0


def test_a_router_that_goes_down_turns_red_on_the_screen_and_teal_again_when_it_is_back(stage: Stage) -> None:
    at = stage.pixel(stage.place_of(GRUNTEN))
    stage.until(lambda: stage.shows(at, DARK.status["up"]) and not stage.shows(at, DARK.status["down"]))
    stage.tell_and_see(news(health("Grünten", "down")))
    stage.until(lambda: stage.shows(at, DARK.status["down"]))
    stage.tell_and_see(news(health("Grünten", "up", 1)))
    stage.until(lambda: stage.shows(at, DARK.status["up"]) and not stage.shows(at, DARK.status["down"]))


def test_the_painted_signal_carries_the_stamp_of_the_oldest_observation(stage: Stage) -> None:
    first, second = health("Grünten", "down"), health("Kempten", "degraded")
    stage.tell_and_see(news(second, first))
    [painted_us] = [painted_us for stamp_us, painted_us in stage.painted if stamp_us == first.heard_us]
    assert second.heard_us not in dict(stage.painted)
    assert first.heard_us < painted_us <= now_us() + 1_000_000


def test_each_status_has_its_colour_and_shape(stage: Stage) -> None:
    at = stage.pixel(stage.place_of(GRUNTEN))
    for status in ("degraded", "stale", "down"):
        stage.tell(news(health("Grünten", status)))
        stage.until(lambda: stage.shows(at, DARK.status[status]), status)  # noqa: B023


def test_a_down_router_is_red_at_world_zoom_inside_a_ring(stage: Stage) -> None:
    stage.tell_and_see(news(health("Grünten", "down")))
    stage.tell(Changed(3, devices=(device("Far", -60.0, -30.0),)))
    stage.view.fit()
    stage.until(lambda: stage.report()["rendered_devices"] == 5)
    assert stage.report()["zoom"] < 4
    stage.until(lambda: stage.shows(stage.pixel(stage.place_of(GRUNTEN)), DARK.status["down"], 40))


def test_the_load_of_a_link_colours_each_half(stage: Stage) -> None:
    a, b = PLACES["Kempten"], PLACES["Hauchenberg"]
    near_a = stage.pixel(
        stage.place_of(id_of("Kempten"))._replace(
            lng=a[0] + (b[0] - a[0]) * 0.3, lat=a[1] + (b[1] - a[1]) * 0.3
        )
    )
    near_b = stage.pixel(
        stage.place_of(id_of("Kempten"))._replace(
            lng=a[0] + (b[0] - a[0]) * 0.7, lat=a[1] + (b[1] - a[1]) * 0.7
        )
    )
    state = LinkState(id_of("KemptenHauchenberg"), "up", 1, 1, 9.5e8, 0.0)
    stage.tell_and_see(news(state, health("Kempten", "up")))
    stage.until(lambda: stage.shows(near_a, DARK.load[5], 8) and stage.shows(near_b, DARK.load[0], 8))


def test_a_link_that_is_down_is_red_and_counted_once(stage: Stage) -> None:
    stage.tell_and_see(news(LinkState(id_of("KemptenHauchenberg"), "down", 1, 1), health("Kempten", "up")))
    a, b = stage.place_of(id_of("Kempten")), stage.place_of(id_of("Hauchenberg"))
    middle = stage.pixel(a._replace(lng=(a.lng + b.lng) / 2, lat=(a.lat + b.lat) / 2))
    stage.until(lambda: stage.shows(middle, DARK.status["down"]))
    assert stage.report()["rendered_links"] == 3


def test_a_device_that_is_deleted_or_loses_its_place_leaves_the_map(stage: Stage) -> None:
    stage.tell(Changed(3, removed=(Removed("device", GRUNTEN), Removed("link", id_of("HauchenbergGrünten")))))
    stage.until(lambda: stage.report()["rendered_devices"] == 3)
    stage.until(lambda: stage.report()["rendered_links"] == 2)


def test_a_theme_repaints_the_ground_and_keeps_every_status(stage: Stage) -> None:
    stage.tell_and_see(news(health("Grünten", "down")))
    at = stage.pixel(stage.place_of(GRUNTEN))
    stage.view.set_theme("light")
    light = themes()["light"]
    stage.until(lambda: stage.shows(QPoint(WIDTH_PX // 2, 20), light.surface.ground, 2))
    kempten = stage.pixel(stage.place_of(id_of("Kempten")))
    stage.until(lambda: stage.shows(at, light.status["down"]) and stage.shows(kempten, light.status["up"]))


def test_a_click_says_which_device_and_marks_it(stage: Stage) -> None:
    at = stage.pixel(stage.place_of(GRUNTEN))
    stage.click(at)
    stage.until(lambda: bool(stage.events))
    assert stage.events == [("device_clicked", GRUNTEN)]
    stage.until(lambda: stage.shows(at, DARK.accent.accent, 26))
    stage.view.select(None)
    stage.settle()
    stage.until(lambda: not stage.shows(at, DARK.accent.accent, 26))


def test_a_click_says_which_link_and_a_click_on_the_ground_says_so(stage: Stage) -> None:
    a, b = stage.place_of(id_of("Kempten")), stage.place_of(id_of("Alpspitz"))
    stage.click(
        stage.pixel(a._replace(lng=a.lng + (b.lng - a.lng) * 0.35, lat=a.lat + (b.lat - a.lat) * 0.35))
    )
    stage.until(lambda: bool(stage.events))
    assert stage.events == [("link_clicked", id_of("KemptenAlpspitz"))]
    QTest.qWait(500)
    stage.click(QPoint(WIDTH_PX // 2, HEIGHT_PX - 20))
    stage.until(lambda: len(stage.events) > 1)
    assert stage.events[1:] == [("background_clicked",)]


def test_dragging_the_selected_device_drops_it_once_where_it_was_let_go(stage: Stage) -> None:
    stage.view.select(GRUNTEN)
    stage.settle()
    start = stage.pixel(stage.place_of(GRUNTEN))
    stage.drag(start, start + QPoint(60, -40))
    stage.until(lambda: bool(stage.events))
    stage.settle()
    assert [event[:2] for event in stage.events] == [("device_dropped", GRUNTEN)]
    _, _, lng, lat = stage.events[0]
    landed = stage.pixel(stage.place_of(GRUNTEN)._replace(lng=lng, lat=lat)) - start
    assert abs(landed.x() - 60) <= 2
    assert abs(landed.y() + 40) <= 2


def test_escape_lets_go_of_a_drag_and_drops_nothing(stage: Stage) -> None:
    stage.view.select(GRUNTEN)
    stage.settle()
    start = stage.pixel(stage.place_of(GRUNTEN))
    stage.drag(start, start + QPoint(60, -40), release=False)
    QTest.keyClick(stage.hands, Qt.Key.Key_Escape)
    QTest.qWait(50)
    QTest.mouseRelease(stage.hands, Qt.MouseButton.LeftButton, pos=start + QPoint(60, -40))
    QTest.qWait(100)
    stage.settle()
    assert [event[0] for event in stage.events if event[0] == "device_dropped"] == []


def test_dragging_a_device_that_is_not_selected_moves_the_map(stage: Stage) -> None:
    start = stage.pixel(stage.place_of(GRUNTEN))
    before = stage.report()["center"]
    stage.drag(start, start + QPoint(80, 0))
    stage.until(lambda: stage.report()["center"] != before)
    assert stage.events == []


def test_a_right_click_on_the_ground_offers_a_device_there(stage: Stage) -> None:
    stage.click(QPoint(120, 120), Qt.MouseButton.RightButton)
    stage.until(lambda: bool(stage.view.findChildren(QMenu)))
    menu = stage.view.findChildren(QMenu)[0]
    menu.actions()[0].trigger()
    menu.close()
    [(name, lng, lat)] = stage.events
    assert name == "place_requested"
    at = stage.pixel(stage.place_of(GRUNTEN)._replace(lng=lng, lat=lat))
    assert abs(at.x() - 120) <= 2
    assert abs(at.y() - 120) <= 2


def test_flying_to_a_device_brings_it_to_the_middle(stage: Stage) -> None:
    stage.view.fly_to(GRUNTEN)
    stage.until(lambda: stage.stand_still()["zoom"] >= 11)
    place, seen = stage.place_of(GRUNTEN), stage.report()
    assert abs(seen["center"][0] - place.lng) < 0.001
    assert abs(seen["center"][1] - place.lat) < 0.001


def test_devices_at_one_place_are_a_ring_that_fans_out_and_each_can_be_clicked(stage: Stage) -> None:
    names = ("Sector north", "Sector south", "Switch")
    place = (10.2, 47.58)
    stage.tell(
        Changed(3, devices=tuple(device(name, *place) for name in names), health=(health("Switch", "down"),))
    )
    stage.until(lambda: stage.report()["rendered_devices"] == 7)
    at = stage.pixel(LngLat(*place))
    stage.until(lambda: stage.shows(at, DARK.status["down"], 24))
    stage.click(at)
    top = at - QPoint(0, 44)
    stage.until(lambda: stage.shows(top, DARK.status["down"], 8))
    assert stage.events == []
    stage.click(top)
    stage.until(lambda: bool(stage.events))
    assert stage.events == [("device_clicked", id_of("Switch"))]


def test_what_has_just_gone_down_pulses_and_what_is_long_down_is_steady(stage: Stage) -> None:
    # By a clock that is ahead: a pulse lasts half a minute, and the page may take longer to hear of it.
    just_now_s = -600.0
    stage.tell_and_see(news(health("Grünten", "down", just_now_s), health("Kempten", "down", 600)))
    assert stage.js("document.querySelectorAll('.pulse').length") == 1
    stage.tell_and_see(news(health("Grünten", "up", 0)))
    assert stage.js("document.querySelectorAll('.pulse').length") == 0


def test_the_home_key_shows_the_whole_network_again(stage: Stage) -> None:
    before = stage.report()["zoom"]
    stage.view.fly_to(GRUNTEN)
    stage.until(lambda: stage.stand_still()["zoom"] >= 11)
    QTest.keyClick(stage.hands, Qt.Key.Key_Home)
    stage.until(lambda: abs(stage.report()["zoom"] - before) < 0.01)


def test_a_pointer_that_rests_sees_what_comes_beneath_it_and_what_goes(stage: Stage) -> None:
    place = LngLat(10.41, 47.6)
    grunten = stage.model.inventory.device(GRUNTEN)
    assert grunten is not None
    stage.point_at(grunten)
    QTest.mouseMove(stage.hands, stage.pixel(place))
    stage.until(lambda: not stage.card(), "no card over bare ground")
    stage.tell(Changed(3, devices=(device("Newcomer", *place),)))
    stage.until(lambda: stage.card() == "Newcomer", "the card of what came beneath the pointer")
    stage.tell(Changed(4, removed=(Removed("device", id_of("Newcomer")),)))
    stage.until(lambda: not stage.card(), "no card of what is gone")


def test_groups_that_people_hide_are_gone_and_what_is_down_stays(stage: Stage) -> None:
    stage.tell_and_see(news(health("Grünten", "down")))
    a, b = stage.place_of(id_of("Kempten")), stage.place_of(id_of("Hauchenberg"))
    quarter = stage.pixel(a._replace(lng=a.lng + (b.lng - a.lng) * 0.3, lat=a.lat + (b.lat - a.lat) * 0.3))
    grunten, relay = stage.pixel(stage.place_of(GRUNTEN)), stage.pixel(b)
    stage.until(lambda: stage.shows(quarter, DARK.load[3], 6))
    stage.view._send(layers={"order": [], "hidden": ["status", "load"]})
    stage.until(lambda: not stage.shows(relay, DARK.status["up"], 6))
    stage.until(lambda: stage.shows(quarter, DARK.load[0], 6) and not stage.shows(quarter, DARK.load[3], 6))
    stage.until(lambda: stage.shows(grunten, DARK.status["down"]))
    stage.view._send(layers={"order": [], "hidden": ["links"]})
    stage.until(lambda: stage.shows(relay, DARK.status["up"], 6))
    stage.until(lambda: not stage.shows(quarter, DARK.load[3], 6))
    stage.view._send(layers={"order": [], "hidden": []})
    stage.until(lambda: stage.shows(quarter, DARK.load[3], 6))
