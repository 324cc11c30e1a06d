"""Devices, links and ports that turn, as conversations: heartbeat, chosen ports and their delays, what goes up and down."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.edit import change, creation
from domain.inventory import Link
from domain.observation import Value
from domain.watching import AlertRule, PortWatch, Scope
from engine.judge.holds import STEADY_US
from engine.judge.outcome import Outcome
from engine.judge.rule_plan import Plans
from tests.unit.court import DEFAULTS, ICMP, LINK, SNMP, A, B, Court, ports
from tests.unit.inventories import device
from tests.unit.rule_court import RuleCourt


def watched(*chosen: PortWatch) -> Any:
    return device(1, probes=(SNMP,), interval_s=5.0, ports=chosen)


def polls(court: Court, of: Any, seconds: float, *values: Value) -> None:
    """Poll a device each five seconds, while time passes."""
    for _ in range(int(seconds / 5)):
        court.passes(5)
        court.visits(of, *values)


# Heartbeat


def test_a_device_is_online_then_stale_then_offline_and_each_is_told_once() -> None:
    court = RuleCourt(A)
    court.answers(A)
    court.passes(25)
    assert court.status(A) == "stale" and court.open_alerts == []
    court.passes(DEFAULTS["device_stale"].for_s)
    assert court.open_alerts == ["device_stale"]
    court.answers(A)
    assert court.open_alerts == []
    court.misses(A, 3)
    court.passes(30)
    assert court.alert_rows[:2] == ["opened device_stale", "cleared device_stale"]
    assert court.told("device_down", A.id).is_open


def test_a_device_that_is_stale_and_must_have_failed_has_one_alert_and_the_other_when_it_has_not() -> None:
    court = RuleCourt(A)
    court.answers(A)
    court.passes(25 + DEFAULTS["device_stale"].for_s)
    assert court.open_alerts == ["device_stale"]

    def suspect(reason: str) -> None:
        court.judge.rules.turn_suspect(A.id, reason, court.now_us, court.now_us, Outcome())

    suspect("nobody hears it")
    court.passes(DEFAULTS["device_down"].for_s)
    assert court.status(A) == "stale" and court.open_alerts == ["device_down"]
    suspect("")
    assert court.open_alerts == []
    court.passes(DEFAULTS["device_stale"].for_s)
    assert court.open_alerts == ["device_stale"]


def test_a_rule_of_ones_own_about_a_status_stands_beside_the_built_in_one() -> None:
    vip = AlertRule(
        UUID(int=700), "Core down", "device_down", severity="critical", scope=Scope(devices=(B.id,))
    )
    court = RuleCourt(A, B, vip)
    for of in (A, B):
        court.answers(of)
        court.misses(of, 3)
    court.passes(30)
    assert court.told(str(vip.id), B.id).title == "Core down"
    assert court.alert(str(vip.id), A.id) is None


def test_a_status_has_to_last_as_long_as_its_rule_says() -> None:
    slow = msgspec.structs.replace(DEFAULTS["device_down"], for_s=60.0)
    court = RuleCourt(A, slow)
    court.answers(A)
    court.misses(A, 3)
    court.passes(50)
    court.answers(A)
    court.passes(60)
    assert court.alert_rows == []


def test_a_link_is_told_of_by_the_rules_of_either_end() -> None:
    vip = AlertRule(
        UUID(int=700), "Core link", "link_down", severity="critical", scope=Scope(devices=(B.id,))
    )
    court = RuleCourt(A, B, LINK, vip)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2", 0))
    assert court.open_alerts == sorted(["link_down", str(vip.id)])


# Ports


def test_a_chosen_port_is_told_of_after_its_delay_and_others_are_not() -> None:
    chosen = watched(PortWatch("ether1", True, 30.0))
    court = RuleCourt(chosen)
    polls(court, chosen, 10, *ports("ether1"), *ports("ether2"))
    polls(court, chosen, 25, *ports("ether1", 0), *ports("ether2", 0))
    assert court.open_alerts == []
    polls(court, chosen, 15, *ports("ether1", 0), *ports("ether2", 0))
    assert court.open_alerts == ["port_down ether1"]
    assert court.told("port_down", chosen.id, "ether1").reason == "ether1 does not run"
    polls(court, chosen, 5, *ports("ether1"), *ports("ether2", 0))
    assert court.alert_rows == ["opened port_down", "cleared port_down"]


def test_a_port_that_was_down_when_it_was_chosen_is_told_of() -> None:
    court = RuleCourt(A)
    polls(court, A, 10, *ports("ether1", 0))
    court.edits(change("device", A, chosen := watched(PortWatch("ether1"))))
    polls(court, chosen, 5, *ports("ether1", 0))
    assert court.open_alerts == ["port_down ether1"]
    court.edits(change("device", chosen, A))
    assert court.told("port_down", A.id, "ether1").cleared_why == "the port is not watched any more"


def test_a_pattern_chooses_ports_but_those_that_somebody_chose_not_to_be_told_of() -> None:
    rule = AlertRule(UUID(int=700), "Sector", "port_down", scope=Scope(interface="wlan?"))
    chosen = watched(PortWatch("wlan2", False))
    court = RuleCourt(chosen, rule)
    polls(court, chosen, 5, *ports("wlan1", 0), *ports("wlan2", 0), *ports("ether1", 0))
    assert court.open_alerts == [f"{rule.id} wlan1"]


def test_a_port_that_carries_a_link_is_the_links_affair_with_its_choice_and_its_delay() -> None:
    chosen = watched(PortWatch("ether1", True, 20.0))
    court = RuleCourt(chosen, B, LINK)
    polls(court, chosen, 5, *ports("ether1"))
    polls(court, chosen, 15, *ports("ether1", 0))
    assert court.open_alerts == []
    polls(court, chosen, 15, *ports("ether1", 0))
    assert court.open_alerts == ["link_down"]
    silent = watched(PortWatch("ether1", False))
    court.edits(change("device", chosen, silent))
    assert court.told("link_down", LINK.id).cleared_why == "its port is not watched any more"
    polls(court, silent, 5, *ports("ether1"))
    polls(court, silent, 60, *ports("ether1", 0))
    assert court.open_alerts == []


def test_a_port_that_somebody_switched_off_is_not_down() -> None:
    chosen = watched(PortWatch("ether1"))
    court = RuleCourt(chosen)
    off = {"interface/ether1": {"name": "ether1", "admin_up": False}}
    court.visits(chosen, *ports("ether1", 0))
    assert court.open_alerts == ["port_down ether1"]
    court.visits(chosen, *ports("ether1", 0), facts=off)
    assert court.told("port_down", chosen.id, "ether1").cleared_why == "the port was disabled"
    polls(court, chosen, 10, *ports("ether1", 0))
    assert court.open_alerts == []
    court.visits(
        chosen, *ports("ether1", 0), facts={"interface/ether1": {"name": "ether1", "admin_up": True}}
    )
    assert court.open_alerts == ["port_down ether1"]


def test_a_port_of_a_device_that_falls_silent_does_not_become_an_alert() -> None:
    chosen = watched(PortWatch("ether1", True, 30.0))
    court = RuleCourt(chosen)
    polls(court, chosen, 10, *ports("ether1"))
    polls(court, chosen, 10, *ports("ether1", 0))
    court.misses(chosen, 3)
    court.passes(12)
    assert court.alert("port_down", chosen.id, "ether1") is None


# Our own way out


def test_a_poller_that_is_cut_off_has_one_alert() -> None:
    court, outcome = RuleCourt(A), Outcome()
    court.outcomes.append(outcome)
    for reason in ("no gateway answers", "no gateway answers", ""):
        court.judge.rules.turn_uplink(reason, court.now_us, outcome)
    assert court.alert_rows == ["opened cut_off", "cleared cut_off"]
    assert court.told("cut_off", court.state.vantage).severity == "critical"


# Flapping


def flap(court: Court, seconds: int) -> None:
    """Have the far port of the link go down and up once a second, while both ends answer."""
    for second in range(seconds):
        court.passes(1)
        court.visits(A, *ports("ether1"))
        court.visits(B, *ports("wlan2", second % 2))


def test_a_link_that_flaps_for_an_hour_is_told_of_at_most_five_times_and_is_calm_in_the_end() -> None:
    court = RuleCourt(A, B, LINK)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2"))
    flap(court, 3600)
    notices = [row for row in court.alert_rows if row.startswith(("opened", "reopened"))]
    assert len(notices) <= 5 and notices.count("opened flapping") == 1
    assert "flapping" in court.open_alerts
    told = len(court.alert_rows)
    for _ in range(20 * 12):
        polls(court, A, 5, *ports("ether1"))
        court.visits(B, *ports("wlan2"))
    assert court.open_alerts == [] and court.told("flapping", LINK.id).cleared_why == "it is calm again"
    assert len(court.alert_rows) <= told + 2


def test_what_flaps_and_then_stays_down_is_told_of_after_five_minutes() -> None:
    court = RuleCourt(A, B, LINK)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2"))
    flap(court, 60)
    court.visits(B, *ports("wlan2", 1))
    for _ in range(70):
        polls(court, A, 5, *ports("ether1"))
        court.visits(B, *ports("wlan2", 1))
    assert court.open_alerts == ["flapping"], "it was up for long enough to be believed"
    for second in range(5, int(STEADY_US / 1e6) + 10, 5):
        polls(court, A, 5, *ports("ether1"))
        court.visits(B, *ports("wlan2", 0))
        if second < STEADY_US / 1e6 and "flapping" in court.open_alerts:
            assert "link_down" not in court.open_alerts
    assert "link_down" in court.open_alerts


def test_a_reboot_or_two_is_no_flapping() -> None:
    court = RuleCourt(A, B, LINK)
    court.answers(A, ports("ether1"))
    for up in (1, 0, 1, 0, 1):
        polls(court, A, 10, *ports("ether1"))
        court.visits(B, *ports("wlan2", up))
    assert court.alert("flapping", LINK.id) is None


def test_an_outage_that_comes_and_goes_by_halves_is_two_turns_and_not_four() -> None:
    both = device(1, probes=(SNMP, ICMP), interval_s=5.0)
    court, seen = RuleCourt(both), list[str]()
    for _ in range(2):
        for answers, probe in (
            (True, "icmp"),
            (True, "snmp"),
            (False, "snmp"),
            (False, "icmp"),
            (True, "icmp"),
            (True, "snmp"),
        ):
            court.answers(both, probe=probe) if answers else court.misses(both, 3, probe=probe)
            seen.append(court.status(both))
    assert seen[2:6] == seen[8:] == ["degraded", "down", "degraded", "up"]
    assert court.alert("flapping", both.id) is None


def test_a_port_and_a_device_flap_too() -> None:
    chosen = watched(PortWatch("ether1"))
    court = RuleCourt(chosen)
    for number in range(12):
        polls(court, chosen, 5, *ports("ether1", number % 2))
    assert court.told("flapping", chosen.id, "ether1").is_open
    both = device(1, probes=(SNMP, ICMP), interval_s=5.0)
    court = RuleCourt(both)
    for _ in range(6):
        court.answers(both, probe="icmp")
        court.answers(both, probe="snmp")
        for _ in range(3):
            court.answers(both, probe="icmp")
            court.misses(both, probe="snmp")
    assert court.told("flapping", both.id).reason.endswith("turns within about ten minutes")


def test_without_a_rule_nothing_flaps() -> None:
    off = msgspec.structs.replace(DEFAULTS["flapping"], is_on=False)
    court = RuleCourt(A, B, LINK, off)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2"))
    flap(court, 20)
    assert court.told("link_down", LINK.id).count == 10 and court.alert("flapping", LINK.id) is None


# Resolved by a person


def test_a_resolved_alert_opens_again_after_a_minute_if_it_still_holds() -> None:
    court = RuleCourt(A, B, LINK)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2", 0))
    alert = court.told("link_down", LINK.id)
    court.acts(alert, "acknowledged")
    court.acts(court.told("link_down", LINK.id), "resolved")
    assert court.open_alerts == []
    court.passes(50)
    assert court.open_alerts == []
    court.passes(15)
    again = court.told("link_down", LINK.id)
    assert again.is_open and again.count == 1 and again.acknowledged_us is None
    court.answers(B, ports("wlan2", 1))
    assert court.alert_rows[-2:] == ["reopened link_down", "cleared link_down"]


def test_what_was_resolved_and_is_over_clears_and_breaks_anew_as_another_episode() -> None:
    court = RuleCourt(A, B, LINK)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2", 0))
    court.acts(court.told("link_down", LINK.id), "resolved")
    court.answers(B, ports("wlan2", 1))
    court.answers(B, ports("wlan2", 0))
    assert court.alert_rows == [
        "opened link_down",
        "resolved link_down",
        "cleared link_down",
        "opened link_down",
    ]
    assert court.told("link_down", LINK.id).count == 2


def test_a_link_that_is_drawn_later_is_judged_from_what_is_known() -> None:
    court = RuleCourt(A, B)
    court.answers(A, ports("ether1", 0))
    court.edits(creation("link", LINK))
    assert court.open_alerts == ["link_down"]
    court.edits(change("link", LINK, Link(LINK.id, A.id, B.id, "ether9", "wlan2")))
    assert court.open_alerts == []


@pytest.mark.parametrize("set_back_s", [3600.0, -8 * 3600.0])
def test_a_clock_that_is_set_back_or_slept_neither_hurries_nor_stops_what_waits(set_back_s: float) -> None:
    slow = msgspec.structs.replace(DEFAULTS["link_down"], for_s=120.0)
    court = RuleCourt(A, B, LINK, slow)
    court.answers(A, ports("ether1"))
    court.answers(B, ports("wlan2", 0))
    for second in range(130):
        if second == 60:
            court.set_back_s = set_back_s
        court.passes(1)
        court.visits(A, *ports("ether1"))
        court.visits(B, *ports("wlan2", 0))
        assert court.open_alerts == [] or second >= 115
    assert court.open_alerts == ["link_down"]


def test_an_edit_of_one_device_in_an_outage_looks_at_what_holds_of_it_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = [device(n) for n in range(1, 31)]
    court = RuleCourt(*many)
    for of in many:
        court.answers(of, probe="icmp")
    for _ in range(3):
        court.passes(1)
        for of in many:
            court.misses_now(of)
    court.passes(5)
    assert len(court.open_alerts) == 30
    looked: list[UUID] = []
    applies = Plans.applies

    def counted(plans: Plans, rule: AlertRule, of: UUID) -> bool:
        looked.append(of)
        return applies(plans, rule, of)

    monkeypatch.setattr(Plans, "applies", counted)
    court.edits(change("device", many[4], device(5, name="renamed")))
    assert set(looked) == {many[4].id}
    assert len(court.open_alerts) == 30
