"""Radio links held against what they should hear, as conversations with a judge."""

from __future__ import annotations

import msgspec
import pytest

from domain.edit import change, creation, deletion
from domain.inventory import Link
from domain.observation import Value
from domain.radio import RadioPath
from tests.unit.court import ROUTEROS
from tests.unit.inventories import device
from tests.unit.rule_court import RuleCourt

A = device(1, probes=(ROUTEROS,), interval_s=5.0, lng=12.0, lat=46.0)
B = device(2, probes=(ROUTEROS,), interval_s=5.0, lng=12.0, lat=46.1)
C = device(3, probes=(ROUTEROS,), interval_s=5.0, lng=12.1, lat=46.0)
RADIO = RadioPath(5_800.0, 10.0, 10.0, 23.0, 23.0, 20.0, 20.0)
LINK = Link(device(500).id, A.id, B.id, "wlan1", "wlan2", "wireless", radio=RADIO)
EXPECTED_DBM = -62.6


def hears(level_dbm: float, interface: str = "wlan1", clients: float = 1.0) -> tuple[Value, ...]:
    return (("wireless_clients", interface, clients), ("signal_dbm", interface, level_dbm))


def visits(court: RuleCourt, level_dbm: float, seconds: float = 5.0) -> None:
    """Have A tell, poll after poll, how it hears."""
    for _ in range(int(seconds / A.interval_s)):
        court.now_s += A.interval_s
        court.visits(A, *hears(level_dbm), probe="routeros")


def told(court: RuleCourt, of: object = A.id) -> dict[tuple[str, str], float]:
    """Return what the last visit of a device came to, of radio links."""
    values = [v for outcome in court.outcomes for s in outcome.samples if s.device == of for v in [s.values]][
        -1
    ]
    return {
        (metric, at): value
        for metric, at, value in values
        if metric.startswith("signal_") and metric != "signal_dbm"
    }


def test_what_is_missing_is_a_number_of_the_interface() -> None:
    court = RuleCourt(A, B, LINK)
    visits(court, -70.0)
    assert told(court) == {("signal_gap_db", "wlan1"): pytest.approx(-70.0 * -1 + EXPECTED_DBM, abs=0.06)}


def test_a_radio_far_below_what_it_should_hear_is_an_alert_after_half_an_hour() -> None:
    court = RuleCourt(A, B, LINK)
    visits(court, -75.0, 1_795)
    assert court.open_alerts == []
    visits(court, -75.0, 15)
    alert = court.told("signal_missing", A.id, "wlan1")
    assert alert.reason == "Signal below expected (wlan1) is 12.4 dB, above 10 dB for 30 min"
    visits(court, -71.0)
    assert court.open_alerts == ["signal_missing wlan1"], "between the two thresholds it goes on"
    visits(court, -68.0)
    assert court.open_alerts == []


def test_nothing_is_said_where_an_antenna_is_not_known_or_a_link_is_no_radio() -> None:
    bare = msgspec.structs.replace(LINK, radio=None)
    court = RuleCourt(A, B, bare)
    visits(court, -90.0)
    assert told(court) == {}
    cable = msgspec.structs.replace(bare, kind="fibre")
    court = RuleCourt(A, B, cable)
    court.visits(B, *hears(-60.0, "wlan2"), probe="routeros")
    visits(court, -90.0)
    assert told(court) == {}
    nameless = RuleCourt(A, B, msgspec.structs.replace(LINK, a_interface=""))
    visits(nameless, -90.0)
    assert told(nameless) == {}


def test_a_direction_that_is_much_weaker_is_told_by_one_end() -> None:
    court = RuleCourt(A, B, LINK)
    visits(court, -62.0)
    court.visits(B, *hears(-75.0, "wlan2"), probe="routeros")
    assert ("signal_asymmetry_db", "wlan2") not in told(court, B.id)
    visits(court, -62.0)
    assert told(court)["signal_asymmetry_db", "wlan1"] == 13.0
    for _ in range(370):
        visits(court, -62.0)
        court.visits(B, *hears(-75.0, "wlan2"), probe="routeros")
    assert "signal_uneven wlan1" in court.open_alerts
    assert court.told("signal_uneven", A.id, "wlan1").severity == "info"


def test_who_no_longer_answers_is_compared_with_no_more() -> None:
    court = RuleCourt(A, B, LINK)
    court.visits(B, *hears(-75.0, "wlan2"), probe="routeros")
    court.misses(B, 5, probe="routeros")
    visits(court, -62.0)
    assert ("signal_asymmetry_db", "wlan1") not in told(court)


def test_of_a_radio_with_several_links_the_worst_counts() -> None:
    second = Link(device(501).id, A.id, C.id, "wlan1", "wlan1", "wireless", radio=RADIO)
    facts = {
        "interface/wlan1": {"name": "wlan1", "mac": "02:00:00:00:00:0A"},
        "wireless_client/wlan1/02:00:00:00:00:0B": {
            "interface": "wlan1",
            "mac": "02:00:00:00:00:0B",
            "signal_dbm": -64.0,
        },
        "wireless_client/wlan1/02:00:00:00:00:0C": {
            "interface": "wlan1",
            "mac": "02:00:00:00:00:0C",
            "signal_dbm": -80.0,
        },
    }
    court = RuleCourt(A, B, C, LINK, second)
    for of, mac in ((B, "02:00:00:00:00:0B"), (C, "02:00:00:00:00:0C")):
        court.visits(of, facts={"interface/wlan1": {"name": "wlan1", "mac": mac}}, probe="routeros")
    court.visits(A, facts=facts, probe="routeros")
    court.visits(A, *hears(-80.0, clients=2.0), probe="routeros")
    assert told(court)["signal_gap_db", "wlan1"] == pytest.approx(80.0 - 59.4, abs=0.2)


def test_an_edit_of_the_radios_is_followed_at_once() -> None:
    court = RuleCourt(A, B, LINK)
    stronger = msgspec.structs.replace(LINK, radio=msgspec.structs.replace(RADIO, b_tx_power_dbm=30.0))
    step = change("link", LINK, stronger)
    assert step is not None
    court.edits(step)
    visits(court, -70.0)
    assert told(court)["signal_gap_db", "wlan1"] == pytest.approx(17.4, abs=0.06)
    court.edits(deletion("link", stronger))
    visits(court, -70.0)
    assert told(court) == {}
    court.edits(creation("link", LINK))
    visits(court, -70.0)
    assert told(court) != {}
