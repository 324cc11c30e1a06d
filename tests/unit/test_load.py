"""A link's state from its two ends, its load and its class."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.load import EndView, load_class, load_pct, next_link_state

LINK = UUID(int=1)


@pytest.mark.parametrize(
    ("a", "b", "status", "ab", "ba"),
    [
        (EndView(), EndView(), "unknown", None, None),
        (EndView(True, 10, 20), EndView(True, 20, 10), "up", 20, 10),
        (EndView(True, 10, 20), EndView(), "up", 20, 10),
        (EndView(), EndView(True, 20, 10), "up", 20, 10),
        (EndView(True, 10, 20), EndView(True, 30, 5), "up", 30, 10),
        (EndView(False, 0, 0), EndView(True, 30, 5), "down", None, None),
        (EndView(True), EndView(False), "down", None, None),
        (EndView(None, 1, 2), EndView(), "unknown", 2, 1),
    ],
)
def test_two_ends_make_a_state(
    a: EndView, b: EndView, status: str, ab: float | None, ba: float | None
) -> None:
    state = next_link_state(None, LINK, a, b, 7)
    assert (state.status, state.ab_bps, state.ba_bps, state.since_us) == (status, ab, ba, 7)


def test_since_stays_while_the_status_does() -> None:
    old = next_link_state(None, LINK, EndView(True, 1, 1), EndView(), 5)
    assert next_link_state(old, LINK, EndView(True, 2, 2), EndView(), 9).since_us == 5
    assert next_link_state(old, LINK, EndView(False), EndView(), 9).since_us == 9


@pytest.mark.parametrize(
    ("bps", "capacity", "pct", "number"),
    [
        (0, 100, 0, 0),
        (0.5, 100, 0.5, 0),
        (1, 100, 1, 1),
        (25, 100, 25, 2),
        (49.9, 100, 49.9, 2),
        (75, 100, 75, 4),
        (90, 100, 90, 5),
        (500, 100, 500, 5),
        (None, 100, None, None),
        (5, 0, None, None),
    ],
)
def test_load_has_six_classes(
    bps: float | None, capacity: int, pct: float | None, number: int | None
) -> None:
    assert load_pct(bps, capacity) == (pytest.approx(pct) if pct is not None else None)
    assert load_class(load_pct(bps, capacity)) == number
