"""What the page is told of signals, tick by tick. Counterpart: `app/map/radio.py`; the page is in `test_radio_on_the_map.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from app.map.radio import RadioFeed
from app.model import Model
from domain.wire import Changed, Removed
from tests.map.networks import health, news
from tests.map.test_radio_on_the_map import derived, network, told

NEAR = derived("Tower", "Near")
GONE = Changed(2, removed=(Removed("derived_link", NEAR.id),))
BACK = Changed(3, derived_links=(NEAR,))

Tell = Callable[[Changed], Mapping[str, Any]]


@pytest.fixture
def tell(application: QApplication) -> Tell:
    """Return what brings news of the tower's network, and answers what the page is told of it."""
    model = Model()
    feed = RadioFeed(model)
    sent: list[Mapping[str, Any]] = []
    model.changed.connect(lambda delta: sent.append(feed.tick(delta).get("radio", {})))

    def tell(changed: Changed) -> Mapping[str, Any]:
        model.merge(changed)
        model.flush()
        return sent[-1]

    tell(network())
    return tell


def level_of(told: Mapping[str, Any], id: object = NEAR.id) -> int | None:
    """Return the class of a hop in what was told; it must be in it."""
    return next(row["level"] for row in told["signals"] if row["id"] == id)  # type: ignore[no-any-return]


def test_a_radio_link_to_a_device_that_was_silent_before_has_no_signal_until_it_answers(tell: Tell) -> None:
    tell(GONE)
    tell(news(health("Near", "down")))
    assert level_of(tell(BACK)) is None
    assert level_of(tell(news(health("Near", "up")))) == 4


def test_a_device_that_was_silent_from_the_start_has_a_signal_once_it_answers(tell: Tell) -> None:
    whole = msgspec.structs.replace(network(), derived_links=(), health=(health("Near", "down"),))
    tell(whole)
    assert level_of(tell(BACK)) is None
    assert level_of(tell(news(health("Near", "up")))) == 4


def test_a_link_that_is_moved_to_another_radio_of_a_device_has_the_signal_of_that_one(tell: Tell) -> None:
    (link,) = network().links
    moved = msgspec.structs.replace(link, a_interface="wlan9", b_interface="wlan9")
    was = level_of(tell(network()), link.id)
    now = level_of(tell(Changed(4, links=(moved,))), link.id)
    assert was == 3 and now is None
    assert level_of(tell(Changed(5, links=(link,))), link.id) == was


def test_nothing_is_told_where_nothing_is_heard_otherwise(tell: Tell) -> None:
    assert tell(Changed(4, facts=told("Near"))) == {}
    assert tell(news(health("Near", "degraded"))) == {}
    assert tell(BACK) == {}
