"""A device is degraded while it dies, for it was being asked, and while it boots, for pings come first: neither is an alert."""

from __future__ import annotations

from uuid import UUID

import pytest

from engine.journal import JournalPen
from engine.judge.judge import Judge
from engine.state import State
from tests.unit.court import ICMP, ROUTEROS, START_S, Court
from tests.unit.inventories import device

HILL = device(1, probes=(ICMP, ROUTEROS), interval_s=30.0)


class Asking(Court):
    """Notes whom the judge wants to be asked now."""

    def make_judge(self, state: State, pen: JournalPen) -> Judge:
        """Return a judge that asks."""
        self.asked: list[UUID] = []
        now_us, now_s = self.now_us, START_S + self.now_s
        return Judge(state, pen, self.outcomes.append, now_us, now_s, ask=self.asked.append)

    def opened(self) -> list[str]:
        """Return which alerts ever opened."""
        return [row for row in self.alert_rows if row.startswith(("opened", "reopened"))]


@pytest.fixture
def court() -> Asking:
    found = Asking(HILL)
    found.passes(1)
    for probe in ("icmp", "routeros"):
        found.answers(HILL, probe=probe)
    return found


def falls_silent(court: Asking, probe: str) -> None:
    """Have a probe miss three times."""
    for _ in range(3):
        court.passes(2)
        court.misses_now(HILL, probe)


def test_what_dies_while_it_is_asked_is_asked_whole_and_opens_no_alert_but_that_it_is_down(
    court: Asking,
) -> None:
    falls_silent(court, "routeros")
    assert court.status(HILL) == "degraded"
    court.passes(1)
    assert court.asked == [HILL.id]
    court.passes(18)
    falls_silent(court, "icmp")
    court.passes(5)
    assert court.status(HILL) == "down" and court.opened() == ["opened device_down"]


def test_what_lives_and_has_a_dead_probe_alerts_ten_seconds_after_it_was_heard(court: Asking) -> None:
    falls_silent(court, "routeros")
    court.passes(2)
    court.answers(HILL, probe="icmp")
    court.passes(9)
    assert court.opened() == []
    court.passes(3)
    assert court.opened() == ["opened device_degraded"]


def test_a_refusal_in_words_is_a_sign_of_life(court: Asking) -> None:
    for _ in range(3):
        court.passes(2)
        court.misses_now(HILL, "routeros", kind="bad_credentials")
    court.passes(12)
    assert court.opened() == ["opened device_degraded"]


def test_a_device_that_nobody_can_ask_whole_alerts_after_a_poll_age(court: Asking) -> None:
    falls_silent(court, "routeros")
    court.passes(30 + 10 + 10 + 2)
    assert court.opened() == ["opened device_degraded"]


def test_a_router_that_boots_and_answers_pings_first_is_asked_until_all_of_it_answers(court: Asking) -> None:
    falls_silent(court, "routeros")
    falls_silent(court, "icmp")
    court.passes(10)
    court.answers(HILL, probe="icmp")
    assert court.status(HILL) == "degraded"
    court.asked.clear()
    court.passes(30)
    assert len(court.asked) > 10
    court.answers(HILL, probe="routeros")
    court.passes(60)
    assert court.status(HILL) == "up" and court.opened() == ["opened device_down"]


def test_a_router_that_never_comes_back_whole_alerts_for_it(court: Asking) -> None:
    falls_silent(court, "routeros")
    falls_silent(court, "icmp")
    court.passes(10)
    for _ in range(4):
        court.answers(HILL, probe="icmp")
        court.passes(15)
    assert court.opened() == ["opened device_down", "opened device_degraded"]
