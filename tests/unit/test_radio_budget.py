"""Expected and live signal of a link: from what people say, what sectors say and what devices tell."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.fact import Fact
from domain.inventory import Device, Link
from domain.radio import RadioPath, Sector
from domain.radio_budget import (
    End,
    Heard,
    asymmetry_db,
    budget_of,
    heard_of,
    radios_of,
    read_told,
    signal_class,
    way_of,
)
from tests.unit.inventories import device, inventory

A, B = device(1, lng=12.0, lat=46.0), device(2, lng=12.0, lat=46.1)
LINK = Link(UUID(int=300), A.id, B.id, "wlan1", "wlan1", "wireless")
FULL = RadioPath(5_800.0, 10.0, 10.0, 25.0, 23.0, 20.0, 17.0)
MAC_A, MAC_B = "02:00:00:00:00:0A", "02:00:00:00:00:0B"


def end(own: str = "", *clients: dict[str, Any], interface: str = "wlan1", **numbers: float) -> End:
    """Return what an end tells: its own MAC, its clients, and numbers of its interface."""
    told = {f"wireless_client/{c.get('interface', 'wlan1')}/{c['mac']}": c for c in clients}
    if own:
        told["interface/wlan1"] = {"name": "wlan1", "mac": own}
    facts = {
        (field, "routeros"): Fact(A.id, field, "routeros", UUID(int=1), 1, value)
        for field, value in told.items()
    }
    return End(read_told(facts, {(metric, "wlan1"): value for metric, value in numbers.items()}), interface)


def client(mac: str, signal: float, remote: float | None = None, interface: str = "wlan1") -> dict[str, Any]:
    """Return a row of a registration table as a fact's value."""
    return {"interface": interface, "mac": mac, "signal_dbm": signal, "remote_signal_dbm": remote}


def test_what_both_ends_should_hear_in_free_space() -> None:
    link = Link(LINK.id, A.id, B.id, radio=FULL)
    found = budget_of(inventory(A, B, link), link, FULL)
    assert found is not None
    assert found.way.distance_m == pytest.approx(11_114.7, abs=1)
    assert found.loss_db == pytest.approx(128.63, abs=0.01)
    assert found.at_b_dbm == pytest.approx(20 + 25 + 23 - 128.63, abs=0.01)
    assert found.at_a_dbm == pytest.approx(17 + 25 + 23 - 128.63, abs=0.01)


def test_what_nobody_gave_is_not_guessed() -> None:
    there = inventory(A, B, LINK)
    assert budget_of(there, LINK, RadioPath()) is None
    no_gain = budget_of(there, LINK, RadioPath(5_800.0, a_tx_power_dbm=20.0, a_gain_dbi=25.0))
    assert no_gain is not None and (no_gain.at_a_dbm, no_gain.at_b_dbm) == (None, None)
    nowhere = inventory(A, device(2), LINK)
    assert way_of(nowhere, LINK) is None and budget_of(nowhere, LINK, FULL) is None
    same = inventory(A, device(2, lng=12.0, lat=46.0), LINK)
    assert budget_of(same, LINK, FULL) is None


def test_a_link_takes_from_its_sectors_and_radios_what_it_does_not_say() -> None:
    tower = device(
        1,
        lng=12.0,
        lat=46.0,
        sectors=(
            Sector(0.0, interface="wlan2"),
            Sector(90.0, interface="wlan1", gain_dbi=19.0, height_m=30.0),
        ),
    )
    given = Link(LINK.id, A.id, B.id, "wlan1", "wlan1", radio=RadioPath(b_gain_dbi=25.0))
    found = radios_of(
        inventory(tower, B, given),
        given,
        end(frequency_mhz=5_500.0, tx_power_dbm=23.0),
        end(tx_power_dbm=21.0),
    )
    assert found == RadioPath(5_500.0, 30.0, None, 19.0, 25.0, 23.0, 21.0)
    several = device(1, sectors=(Sector(0.0, gain_dbi=1.0), Sector(90.0, gain_dbi=2.0)))
    assert radios_of(inventory(several, B), given).a_gain_dbi is None
    assert radios_of(inventory(device(1, sectors=(Sector(0.0, gain_dbi=1.0),)), B), given).a_gain_dbi == 1.0


def test_a_station_among_many_is_found_by_its_address() -> None:
    ap = end(
        MAC_A,
        client("02:00:00:00:00:99", -80.0),
        client(MAC_B.lower(), -61.0, -66.0),
        wireless_clients=2.0,
        signal_dbm=-80.0,
    )
    assert heard_of(ap, end(MAC_B)) == Heard(-61.0, -66.0)
    assert heard_of(end(MAC_B), ap) == Heard(-66.0, -61.0)


def test_what_an_end_says_itself_comes_before_the_table_of_the_other() -> None:
    ap = end(MAC_A, client(MAC_B, -61.0, -66.0), wireless_clients=1.0, signal_dbm=-62.0)
    station = end(MAC_B, client(MAC_A, -67.0), wireless_clients=1.0, signal_dbm=-68.0)
    assert heard_of(ap, station) == Heard(-62.0, -68.0)
    assert Heard(-62.0, -68.0).worst_dbm == -68.0 and Heard().worst_dbm is None


def test_somebody_else_s_signal_is_not_taken_for_the_link_s() -> None:
    ap = end(MAC_A, client("02:00:00:00:00:99", -50.0), wireless_clients=1.0, signal_dbm=-50.0)
    assert heard_of(ap, end(MAC_B)) == Heard()
    assert heard_of(end(MAC_A, wireless_clients=3.0, signal_dbm=-80.0), end(MAC_B)) == Heard()


def test_a_radio_that_tells_no_addresses_is_believed_where_it_has_one_partner() -> None:
    assert heard_of(end(signal_dbm=-55.0), end(signal_dbm=-57.0)) == Heard(-55.0, -57.0)
    assert heard_of(end("", client("02:00:00:00:00:99", -50.0, -52.0)), end()) == Heard(-50.0, -52.0)
    assert heard_of(end(signal_dbm=-55.0, interface=""), end()) == Heard()


def test_what_one_end_sends_stronger_is_no_asymmetry() -> None:
    stronger = RadioPath(a_tx_power_dbm=27.0, b_tx_power_dbm=20.0)
    assert asymmetry_db(Heard(-67.0, -60.0), stronger) == 0
    assert asymmetry_db(Heard(-67.0, -60.0), RadioPath()) == 7
    assert asymmetry_db(Heard(-60.0, -67.0), stronger) == 14
    assert asymmetry_db(Heard(-60.0, None), stronger) is None


@pytest.mark.parametrize(
    ("level_dbm", "expected"), [(None, None), (-90, 0), (-80, 0), (-79, 1), (-70, 2), (-60, 3), (-40, 4)]
)
def test_signal_classes(level_dbm: float | None, expected: int | None) -> None:
    assert signal_class(level_dbm) == expected


def test_a_deleted_end_has_no_way() -> None:
    assert way_of(inventory(A), LINK) is None
    gone: Device = device(9)
    assert radios_of(inventory(gone), LINK) == RadioPath()
