"""Layers that people turn off and on, in the real page: latency rings, badges, and that no fault can be hidden."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import msgspec
import pytest

from app.look import themes
from app.map.layers import LAYERS
from app.schematic.paper import Paper
from domain.alerts import Alert
from domain.geometry import LngLat
from domain.health import ProbeHealth
from domain.load import LinkState
from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import health, id_of, news, now_us

DARK = themes()["dark"]
GRUNTEN, KEMPTEN = id_of("Grünten"), id_of("Kempten")


@pytest.fixture
def layered(stage: Stage) -> Iterator[Stage]:
    """The shared stage, whose layers are as at first afterwards."""
    yield stage
    stage.view.layers.reset()
    stage.settle()


def slow(name: str, ms: float) -> Changed:
    probe = ProbeHealth(last_answer_us=1, rtt_us=int(ms * 1000))
    return news(msgspec.structs.replace(health(name, "up"), probes={"icmp": probe}))


def test_the_round_trip_rings_a_device_while_its_layer_is_on(layered: Stage) -> None:
    at = layered.pixel(layered.place_of(GRUNTEN))
    layered.tell_and_see(slow("Grünten", 400))
    assert not layered.shows(at, DARK.latency[4])
    layered.view.layers.show("latency", shown=True)
    layered.until(lambda: layered.shows(at, DARK.latency[4]), "the ring of the slowest class")
    layered.tell_and_see(slow("Grünten", 30))
    layered.until(lambda: layered.shows(at, DARK.latency[2]) and not layered.shows(at, DARK.latency[4]))
    layered.view.layers.show("latency", shown=False)
    layered.until(lambda: not layered.shows(at, DARK.latency[2]), "no ring")


def test_open_alerts_are_counted_beside_their_device(layered: Stage) -> None:
    alerts = tuple(Alert(uuid4(), f"r{n}", GRUNTEN, "critical", 1) for n in range(3))
    layered.tell(Changed(3, alerts=alerts))
    layered.view.layers.show("alerts", shown=True)
    at = layered.pixel(layered.place_of(GRUNTEN))
    layered.until(lambda: layered.shows(at, DARK.status["down"], 22), "the badge")
    cleared = tuple(msgspec.structs.replace(alert, cleared_us=2) for alert in alerts)
    layered.tell(Changed(4, alerts=cleared))
    layered.until(lambda: not layered.shows(at, DARK.status["down"], 22), "no badge")


@pytest.mark.parametrize("status", ["down", "degraded", "stale"])
def test_with_everything_off_a_fault_is_seen(layered: Stage, status: str) -> None:
    layered.tell(news(health("Grünten", status)))  # type: ignore[arg-type]
    at = layered.pixel(layered.place_of(GRUNTEN))
    for key in LAYERS:
        layered.view.layers.show(key, shown=False)
    layered.until(lambda: not layered.shows(layered.pixel(layered.place_of(KEMPTEN)), DARK.status["up"], 8))
    layered.until(lambda: layered.shows(at, DARK.status[status]), status)


def test_with_the_status_off_what_is_down_can_still_be_clicked(layered: Stage) -> None:
    layered.tell_and_see(news(health("Grünten", "down")))
    layered.view.layers.show("status", shown=False)
    layered.stand_still()
    layered.click(layered.pixel(layered.place_of(GRUNTEN)))
    layered.until(lambda: ("device_clicked", GRUNTEN) in layered.events)


def test_a_reordered_stack_and_a_new_page_show_the_same(layered: Stage) -> None:
    layered.view.layers.show("latency", shown=True)
    layered.view.layers.move("latency", -100)
    layered.tell_and_see(slow("Grünten", 400))
    layered.view._load()
    at = layered.pixel(layered.place_of(GRUNTEN))
    layered.until(lambda: layered.shows(at, DARK.latency[4]), "the ring in the new page")
    layered.stand_still()


def test_of_two_layers_at_one_place_the_upper_one_is_seen(layered: Stage) -> None:
    ends = [layered.place_of(id) for id in (id_of("Hauchenberg"), GRUNTEN, GRUNTEN)]
    at = layered.pixel(LngLat(sum(end.lng for end in ends) / 3, sum(end.lat for end in ends) / 3))
    load, latency = DARK.load[2], DARK.latency[4]
    layered.until(lambda: layered.shows(at, load, 1), "the load alone")
    layered.tell_and_see(slow("Grünten", 400))
    layered.view.layers.show("latency", shown=True)
    layered.view.layers.move("load", -100)
    layered.until(lambda: layered.shows(at, latency, 6) and layered.shows(at, load, 1), "the load on top")
    layered.view.layers.move("latency", -100)
    layered.until(
        lambda: layered.shows(at, latency, 1) and not layered.shows(at, load, 3), "the round trip on top"
    )
    layered.view.layers.move("latency", 100)
    layered.until(lambda: layered.shows(at, load, 1) and layered.shows(at, latency, 6), "the load again")


def test_whoever_else_changes_places_the_round_trip_stays_beneath_its_link(layered: Stage) -> None:
    ends = [layered.place_of(id) for id in (id_of("Hauchenberg"), GRUNTEN, GRUNTEN)]
    at = layered.pixel(LngLat(sum(end.lng for end in ends) / 3, sum(end.lat for end in ends) / 3))
    layered.tell_and_see(slow("Grünten", 400))
    layered.view.layers.show("latency", shown=True)

    def is_beneath() -> bool:
        return layered.shows(at, DARK.latency[4], 6) and layered.shows(at, DARK.load[2], 1)

    layered.until(is_beneath, "a band beneath its link")
    layered.view.layers.move("people", 1)
    layered.still()
    layered.until(is_beneath, "the same, whoever else has moved")
    layered.view.layers.move("signal", -100)
    layered.still()
    layered.until(is_beneath, "the same, whoever else has moved")


def test_a_link_that_is_down_has_no_round_trip_over_it(layered: Stage) -> None:
    ends = [layered.place_of(id) for id in (id_of("Hauchenberg"), GRUNTEN, GRUNTEN)]
    at = layered.pixel(LngLat(sum(end.lng for end in ends) / 3, sum(end.lat for end in ends) / 3))
    layered.tell_and_see(slow("Grünten", 400))
    layered.view.layers.show("latency", shown=True)
    layered.view.layers.move("latency", -100)
    layered.until(lambda: layered.shows(at, DARK.latency[4], 1), "the round trip on top")
    layered.tell(news(LinkState(id_of("HauchenbergGrünten"), "down", 1, now_us())))
    layered.until(lambda: layered.shows(at, DARK.status["down"], 6), "the fault")
    layered.until(lambda: not layered.shows(at, DARK.latency[4], 1), "nothing over it")


def test_rings_and_badges_are_there_on_a_paper_and_again_on_the_map(layered: Stage) -> None:
    for key in ("latency", "alerts"):
        layered.view.layers.show(key, shown=True)
    layered.tell_and_see(slow("Grünten", 400))
    alert = Alert(uuid4(), "r", GRUNTEN, "critical", 1)
    layered.tell(Changed(3, alerts=(alert,)))
    layered.view.show_paper(Paper(layered.model))
    layered.view.show_paper(None)
    layered.stand_still()
    at = layered.pixel(layered.place_of(GRUNTEN))
    layered.until(lambda: layered.shows(at, DARK.latency[4]), "the ring")
    layered.until(lambda: layered.shows(at, DARK.status["down"], 22), "the badge")
    layered.tell(Changed(4, alerts=(msgspec.structs.replace(alert, cleared_us=2),)))
