"""A clock that is set back: evidence from what was the future is no younger than now, and fades."""

from __future__ import annotations

from domain.evidence import DAY_US
from domain.evidence_said import with_past
from tests.unit.evidences import MINUTE_US, NOW_US, A, B, fuse, hears, only, said


def test_after_the_clock_was_set_back_evidence_fades_from_then_on() -> None:
    fusion = fuse(said(A, hears("lldp", "e1", B)), said(B))
    fusion.hear(A, "p", NOW_US + 10 * DAY_US)
    fusion.turn(NOW_US + 10 * DAY_US)
    fusion.set_back(NOW_US)
    fusion.turn(NOW_US)
    assert only(fusion).score == 0.85
    fusion.turn(NOW_US + 40 * MINUTE_US)
    assert only(fusion).score < 0.5
    fusion.hear(A, "p", NOW_US + 41 * MINUTE_US)
    fusion.turn(NOW_US + 41 * MINUTE_US)
    assert only(fusion).score == 0.85


def test_what_was_said_before_the_clock_was_set_back_is_no_younger_than_now() -> None:
    old = said(A, hears("lldp", "e1", B))
    ended = with_past(said(A), old, {"p": NOW_US + DAY_US}, NOW_US + DAY_US)
    (past,) = with_past(said(A), ended, {}, NOW_US).past
    assert past.at_us == NOW_US
