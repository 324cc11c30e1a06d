"""What observations add up to, as tables of polls: `.` answered, `x` no answer, `c` wrong credentials, `r` refused."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.health import Health, aged, next_health, without_probe
from domain.observation import Failure, Observation, Reading

DEVICE, VANTAGE = UUID(int=1), UUID(int=2)
KINDS = {"x": "no_answer", "c": "bad_credentials", "r": "refused", "g": "bad_reply"}


def seen(what: str, at_s: float, probe: str = "snmp") -> Observation:
    """Return what one letter stands for."""
    if what == ".":
        return Observation(DEVICE, probe, VANTAGE, int(at_s * 1e6), 1500, Reading())
    failure = Failure(KINDS[what], f"{probe} {KINDS[what]}")
    return Observation(DEVICE, probe, VANTAGE, int(at_s * 1e6), None, None, failure)


def after(**polls: str) -> Health:
    """Return the health after these polls, one second apart, the probes in turn."""
    health: Health | None = None
    for n in range(max(map(len, polls.values()))):
        for probe, letters in polls.items():
            if n < len(letters) and letters[n] != " ":
                health = next_health(health, seen(letters[n], n + 1, probe))
    assert health is not None
    return health


@pytest.mark.parametrize(
    ("polls", "status"),
    [
        ({"snmp": "."}, "up"),
        ({"snmp": "x"}, "unknown"),
        ({"snmp": "xx"}, "unknown"),
        ({"snmp": "xxx"}, "unknown"),
        ({"snmp": ".x"}, "up"),
        ({"snmp": ".xx"}, "up"),
        ({"snmp": ".xxx"}, "down"),
        ({"snmp": ".rrr"}, "down"),
        ({"snmp": ".xxx."}, "up"),
        ({"snmp": ".xx.xx.xx"}, "up"),
        ({"snmp": "ccc"}, "degraded"),
        ({"snmp": ".ggg"}, "degraded"),
        ({"snmp": ".xxx", "icmp": "...."}, "degraded"),
        ({"snmp": "xxx", "icmp": "..."}, "degraded"),
        ({"snmp": ".xxx", "icmp": ".xxx"}, "down"),
        ({"snmp": ".xxx", "icmp": ".xx"}, "up"),
        ({"snmp": ".xxx", "routeros": "   ccc"}, "degraded"),
        ({"snmp": ".xxx", "icmp": "  xx"}, "up"),
        ({"snmp": ".xxxx", "icmp": "  xxx"}, "down"),
    ],
)
def test_polls_add_up_to_a_status(polls: dict[str, str], status: str) -> None:
    assert after(**polls).status == status


def test_since_is_when_the_status_turned_and_not_the_last_poll() -> None:
    health = after(snmp=".xxxxx")
    assert health.since_us == 4_000_000
    assert health.heard_us == 6_000_000
    assert health.last_answer_us == 1_000_000
    assert health.misses == 5


def test_the_reason_names_the_probe_and_what_it_met() -> None:
    assert after(snmp=".xxx", icmp="....").reason == "SNMP: snmp no_answer"
    assert after(snmp=".").reason == ""
    assert after(snmp="xxx").reason.startswith("never answered")


def test_an_observation_from_the_past_changes_nothing() -> None:
    health = after(snmp="....")
    assert next_health(health, seen("x", 0.5)) == health


def test_a_silent_poller_makes_stale_not_down_and_the_next_answer_makes_up() -> None:
    health = after(snmp=".")
    assert aged(health, 15_000_000, 5.0) == health
    stale = aged(health, 17_000_000, 5.0)
    assert stale.status == "stale" and stale.since_us == 17_000_000 and "poller" in stale.reason
    assert aged(stale, 99_000_000, 5.0) == stale
    assert next_health(stale, seen(".", 100)).status == "up"


def test_a_slow_interval_is_given_three_of_its_own_before_stale() -> None:
    health = after(snmp=".")
    assert aged(health, 300_000_000, 100.0).status == "up"
    assert aged(health, 302_000_000, 100.0).status == "stale"


def test_after_stale_the_dead_are_down_again() -> None:
    health = aged(after(snmp=".xxx"), 100_000_000, 5.0)
    assert health.status == "stale"
    assert next_health(health, seen("x", 101)).status == "down"


def test_a_probe_taken_off_takes_its_failure_with_it() -> None:
    health = after(snmp=".xxx", icmp="....")
    assert without_probe(health, "snmp", 9_000_000).status == "up"
    assert without_probe(without_probe(health, "snmp", 1), "icmp", 2).status == "unknown"


def test_health_is_of_whoever_asked_last_so_that_a_poller_who_takes_over_is_the_one_who_tells() -> None:
    other = UUID(int=77)
    before = after(snmp=".", icmp=".xx")
    now = next_health(
        before, Observation(DEVICE, "icmp", other, 9_000_000, None, None, Failure("no_answer", ""))
    )
    assert (before.vantage, now.vantage) == (VANTAGE, other)
    assert now.probes["icmp"].misses == before.probes["icmp"].misses + 1


def test_the_shortest_round_trip_of_the_answering_probes_is_shown() -> None:
    health = next_health(after(snmp="."), Observation(DEVICE, "icmp", VANTAGE, 2_000_000, 900, Reading()))
    assert health.rtt_us == 900


def test_an_observation_is_a_reading_or_a_failure_never_both() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Observation(DEVICE, "snmp", VANTAGE, 1)
    with pytest.raises(ValueError, match="exactly one"):
        Observation(DEVICE, "snmp", VANTAGE, 1, 1, Reading(), Failure("no_answer", ""))
