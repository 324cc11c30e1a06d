"""What the page is told of the network."""

from __future__ import annotations

import msgspec
import pytest

from app.map import feed
from app.model import Delta, Model
from domain.fact import Fact
from domain.fault import FaultKind
from domain.inventory import Device, Link, Site
from domain.load import LinkState
from domain.wire import Changed, Removed
from tests.map.networks import VANTAGE, device, fault, health, id_of, news, now_us, small


def model_of(*batches: Changed) -> Model:
    model = Model()
    for batch in batches:
        model.merge(batch)
    return model


def test_a_fresh_page_gets_everything() -> None:
    message = feed.whole(model_of(small()))
    assert message["reset"] is True
    assert [len(message[key]) for key in ("devices", "links", "health", "loads")] == [4, 3, 4, 3]


def test_a_device_stands_at_its_site_and_moves_with_it() -> None:
    site = Site(id_of("site"), "Hill", lng=10.0, lat=47.0)
    at_site = Device(id_of("R"), "R", "127.0.0.1", site=site.id)
    model = model_of(Changed(1, sites=(site,), devices=(at_site,)))
    assert feed.tick(model, Delta(sites=frozenset({site.id})))["devices"] == [
        {"id": at_site.id, "name": "R", "role": "other", "lng": 10.0, "lat": 47.0}
    ]


def test_a_device_without_a_place_is_not_on_the_map() -> None:
    nowhere = Device(id_of("R"), "R", "127.0.0.1")
    message = feed.tick(model_of(Changed(1, devices=(nowhere,))), Delta(devices=frozenset({nowhere.id})))
    assert message == {"gone": [nowhere.id]}


def test_what_was_removed_is_gone_unless_it_is_back() -> None:
    model = model_of(small())
    gone, back = Removed("device", id_of("nobody")), Removed("device", id_of("Kempten"))
    assert feed.tick(model, Delta(removed=(gone, back)))["gone"] == [id_of("nobody")]


def test_a_tick_without_news_for_the_map_is_empty() -> None:
    model = model_of(small())
    assert feed.tick(model, Delta(values=frozenset({id_of("Kempten")}), engine=True)) == {}


def test_a_tick_carries_the_oldest_observation_and_no_stale_one() -> None:
    first, second, stale = health("Grünten", "down"), health("Kempten", "up"), health("Alpspitz", "stale")
    model = model_of(small(), news(first, second, stale))
    ids = frozenset({first.device, second.device, stale.device})
    assert feed.tick(model, Delta(health=ids))["stamp_us"] == first.heard_us
    assert "stamp_us" not in feed.tick(model, Delta(health=frozenset({stale.device})))


@pytest.mark.parametrize(
    ("bps", "capacity_bps", "expected"),
    [(None, 10**9, None), (1e6, 10**9, 0), (5e8, 10**9, 3), (2e9, 10**9, 5), (1e6, 0, None)],
)
def test_load_classes_follow_the_capacity(bps: float | None, capacity_bps: int, expected: int | None) -> None:
    link = Link(id_of("L"), id_of("a"), id_of("b"), capacity_bps=capacity_bps)
    model = model_of(Changed(1, links=(link,), link_states=(LinkState(link.id, "up", 1, 1, bps, 0.0),)))
    [row] = feed.load_rows(model, [link.id])
    assert row["ab_class"] == expected
    assert (row["ab_bps"], row["status"]) == (bps, "up")


def test_the_card_of_a_device_says_what_it_is_and_how_it_fares() -> None:
    facts = tuple(
        Fact(id_of("Kempten"), field, source, VANTAGE, 1, value)
        for field, source, value in [("model", "snmp", "RouterBOARD"), ("model", "routeros", "CCR2004")]
    )
    model = model_of(small(), Changed(2, facts=facts))
    card = feed.card(model, id_of("Kempten"), now_us())
    assert card is not None
    assert (card["title"], card["status"], card["said"]) == ("Kempten", "up", "up for 3 min")
    assert ("Model", "CCR2004") in card["lines"]
    assert ("Address", "127.0.0.1") in card["lines"]


def test_the_card_of_a_link_says_what_goes_where() -> None:
    card = feed.card(model_of(small()), id_of("KemptenHauchenberg"), now_us())
    assert card is not None
    assert card["title"] == "Kempten – Hauchenberg"
    assert ("To Hauchenberg", "600 Mb/s, 60 %") in card["lines"]


def test_nothing_has_a_card_that_does_not_exist() -> None:
    assert feed.card(model_of(small()), id_of("nobody"), now_us()) is None


def test_a_device_row_holds_no_address() -> None:
    model = model_of(Changed(1, devices=(device("R", 1, 2),)))
    row = feed.device_row(model, next(iter(model.inventory.devices())))
    assert row is not None
    assert set(row) == {"id", "name", "role", "lng", "lat"}


def notes_of(name: str, *batches: Changed) -> list[str]:
    card = feed.card(model_of(small(), *batches), id_of(name), now_us())
    assert card is not None
    return list(card["notes"])


def test_what_is_affected_is_told_with_its_cause_and_nothing_else_has_one() -> None:
    model = model_of(small(), news(health("Grünten", "down"), fault("Hauchenberg", "Grünten")))
    row, other = feed.health_rows(model, [id_of("Grünten"), id_of("Kempten")])
    assert (row["status"], row["cause"]) == ("affected", id_of("Hauchenberg"))
    assert "cause" not in other


def test_a_new_cause_is_a_new_row_though_the_status_stays() -> None:
    model = model_of(small(), news(health("Grünten", "down"), fault("Hauchenberg", "Grünten")))
    deltas: list[Delta] = []
    model.changed.connect(deltas.append)
    model.flush()
    model.merge(Changed(3, faults=(fault("Hauchenberg"), fault("Kempten", "Grünten"))))
    model.flush()
    rows = {row["id"]: row for row in feed.tick(model, deltas[-1])["health"]}
    row = rows[id_of("Grünten")]
    assert (row["status"], row["cause"]) == ("affected", id_of("Kempten"))


def test_a_cause_is_down_since_it_was_last_heard_as_its_alert_says() -> None:
    model = model_of(small(), news(health("Hauchenberg", "down"), fault("Hauchenberg", "Grünten")))
    [row] = feed.health_rows(model, [id_of("Hauchenberg")])
    assert row["since_us"] == model.faults[id_of("Hauchenberg")].since_us
    assert row["since_us"] != model.health[id_of("Hauchenberg")].since_us
    model.merge(news(health("Hauchenberg", "up")))
    [row] = feed.health_rows(model, [id_of("Hauchenberg")])
    assert row["since_us"] == model.health[id_of("Hauchenberg")].since_us


@pytest.mark.parametrize(
    ("cause", "kind", "expected"),
    [
        ("Hauchenberg", "device", "Behind Hauchenberg, which has been down for 3 min"),
        ("KemptenHauchenberg", "link", "Behind Kempten – Hauchenberg, which has been down for 3 min"),
        ("nobody", "device", "Behind something deleted, which has been down for 3 min"),
        (
            "vantage",
            "cut_off",
            "This computer has lost its way to the network: no device answers from here",
        ),
    ],
)
def test_the_card_of_what_is_affected_says_what_is_before_it(
    cause: str, kind: FaultKind, expected: str
) -> None:
    found = fault(cause, "Grünten", kind=kind)
    assert notes_of("Grünten", news(health("Grünten", "down"), found)) == [expected]


def test_the_card_of_a_cause_says_what_it_takes_down_and_that_of_what_has_one_way_left_says_why() -> None:
    found = msgspec.structs.replace(
        fault("Hauchenberg", "Grünten"), sites=1, subscribers=58, weakened=(id_of("Alpspitz"),)
    )
    batch = news(health("Hauchenberg", "down"), health("Grünten", "down"), found)
    assert notes_of("Hauchenberg", batch) == [
        "1 site, 58 subscribers behind it; 1 device without a second way"
    ]
    assert notes_of("Alpspitz", batch) == ["Has one way left: Hauchenberg has been down for 3 min"]
    assert notes_of("Kempten", batch) == []


def test_the_card_of_a_link_that_is_a_cause_says_what_it_takes_down() -> None:
    batch = news(health("Grünten", "down"), fault("HauchenbergGrünten", "Grünten", kind="link"))
    assert notes_of("HauchenbergGrünten", batch) == ["1 device behind it"]
