"""What a device tells of itself stands on pages: only those it has, the worst first, with live numbers beside."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.draft import now_us
from domain.device_facts import (
    Battery,
    Certificate,
    Neighbour,
    Netwatch,
    Optic,
    OwnAddress,
    Package,
    PoePort,
    RoutingSession,
    Sensor,
    Service,
    WirelessClient,
)
from domain.fact import Fact
from domain.health import Health, ProbeHealth
from domain.inventory import Interface, Probe
from domain.observation import Failure
from tests.ui.fake_engine import VANTAGE
from tests.ui.shown_device import DAY_US, G1, L1, Shown, clients


@pytest.fixture
def shown(qt: QApplication) -> Shown:
    return Shown(qt)


def test_an_empty_device_has_no_empty_tabs_and_a_tab_goes_with_what_was_on_it(shown: Shown) -> None:
    assert list(shown.panel.tabs.titles) == ["overview", "graphs", "journal"]
    shown.say({"package/routeros": Package("routeros", "7.19"), "interface/ether1": Interface("ether1")})
    assert list(shown.panel.tabs.titles) == ["overview", "interfaces", "graphs", "software", "journal"]
    shown.panel.show_tab("software")
    shown.say({"package/routeros": None})
    assert list(shown.panel.tabs.titles) == ["overview", "interfaces", "graphs", "journal"]
    assert shown.panel.tabs.current == shown.panel.body.current == "overview"


def test_clients_stand_with_the_worst_signal_first_and_the_silent_last(shown: Shown) -> None:
    shown.say(
        {
            "wireless_client/w/1": WirelessClient(
                "wlan1", "AA", "good", signal_dbm=-55.0, rx_rate_bps=86e6, distance_m=4200, uptime_s=7300
            ),
            "wireless_client/w/2": WirelessClient(
                "wlan1", "BB", "", signal_dbm=-88.0, signal_to_noise_db=9.0, ccq_pct=41.0
            ),
            "wireless_client/w/3": WirelessClient("wlan1", "CC", "mute"),
        },
        ("wireless_clients", "wlan1", 3),
        ("noise_dbm", "wlan1", -104),
    )
    columns = ("Name", "Signal, dBm", "SNR, dB", "In, Mb/s", "CCQ, %", "km", "Up")
    assert shown.table("wireless", "Clients", columns) == [
        ["BB", "−88", "9", "–", "41", "–", "–"],
        ["good", "−55", "–", "86", "–", "4.2", "2 h"],
        ["mute", "–", "–", "–", "–", "–", "–"],
    ]
    assert shown.table("wireless", "Radios", ("Name", "Clients", "Noise, dBm")) == [["wlan1", "3", "−104"]]


def test_a_page_of_hardware_says_faults_in_words_and_symbols(shown: Shown) -> None:
    shown.say(
        {
            "optic/sfp1": Optic("sfp1", rx_lost=True),
            "poe/ether2": PoePort("ether2", "short-circuit"),
            "poe/ether1": PoePort("ether1", "waiting-for-load"),
            "sensor/psu2": Sensor("psu2", "sensor_state", "fail"),
            "ups/U": Battery("U", "normal", "Sentinel"),
        },
        ("temperature_c", "cpu", 52.0),
        ("on_battery", "", 1.0),
        ("charge_pct", "", 83.0),
        ("runtime_left_s", "", 1900.0),
    )
    optic = shown.section("hardware", "Optics").table.rows
    assert optic.data(optic.index(0, 0), Qt.ItemDataRole.AccessibleTextRole) == "sfp1, no light, degraded"
    poe = shown.section("hardware", "Power over Ethernet").table.rows
    assert [(row.port.interface, row.status) for row in poe.rows] == [
        ("ether2", "degraded"),
        ("ether1", "unknown"),
    ]
    assert shown.table("hardware", "Sensors", ("Name", "Value", "Unit")) == [
        ["psu2", "–", ""],
        ["cpu", "52", "°C"],
    ]
    supply = shown.section("hardware", "Uninterruptible supply").table.rows
    assert (supply.rows[0].state, supply.rows[0].status) == ("on battery", "degraded")
    assert shown.table("hardware", "Uninterruptible supply", ("Charge, %", "Left")) == [["83", "31 min"]]


def test_sessions_that_are_down_stand_first_with_their_state_and_age(shown: Shown) -> None:
    shown.say(
        {
            "routing/bgp/1": RoutingSession(
                "bgp", "10.0.0.10", "established", True, remote_as=65001, prefixes=912_345, since_s=200.0
            ),
            "routing/ospf/2": RoutingSession("ospf", "10.0.0.9", "Init", False, "ether1"),
        },
        at_us=now_us() - 60_000_000,
    )
    assert shown.table("routing", "Routing sessions", ("Peer", "Via", "State", "Since", "Prefixes")) == [
        ["10.0.0.9", "OSPF", "init", "–", "–"],
        ["10.0.0.10", "BGP", "established", "4 min", "912,345"],
    ]
    rows = shown.section("routing", "Routing sessions").table.rows.rows
    assert [row.status for row in rows] == ["down", "up"]


@pytest.mark.parametrize(
    "neighbour",
    [
        Neighbour("ether1", address="10.0.1.1"),
        Neighbour("ether1", identity="lindau r1"),
        Neighbour("ether1", mac="48:8f:5a:00:00:09"),
        Neighbour("ether1", address="10.99.0.1"),
    ],
)
def test_a_neighbour_that_the_inventory_knows_leads_to_its_device(shown: Shown, neighbour: Neighbour) -> None:
    port = Fact(L1, "interface/e", "snmp", VANTAGE, 1, {"name": "e", "mac": "48:8F:5A:00:00:09"})
    own = Fact(L1, "address/10.99.0.1", "snmp", VANTAGE, 1, msgspec.to_builtins(OwnAddress("10.99.0.1")))
    shown.tell(facts=(port, own))
    shown.say(
        {"neighbour/ether1/x": neighbour, "neighbour/ether2/y": Neighbour("ether2", identity="stranger")}
    )
    went: list[Any] = []
    shown.panel.device_chosen.connect(went.append)
    section = shown.section("neighbours", "Neighbours")
    shown.panel.body.known.read_some()
    for row in range(2):
        section.table.setCurrentIndex(section.table.rows.index(row, 0))
        QTest.keyClick(section.table, Qt.Key.Key_Return)
    assert went == [L1]


def test_certificates_are_told_in_days_left_the_next_to_end_first(shown: Shown) -> None:
    now = now_us()
    told = {
        f"certificate/http:{n}": Certificate(f"host{n}", "CA", now + days * DAY_US + 1_000_000_000, "ab" * 32)
        for n, days in ((1, 400), (2, 9), (3, -2))
    }
    shown.say({**told, "service/http:1": Service("200 OK", "nginx")}, ("answer_ms", "http:1", 12))
    assert shown.table("services", "Certificates", ("Subject", "Days left")) == [
        ["host3", "ended"],
        ["host2", "9"],
        ["host1", "400"],
    ]
    rows = shown.section("services", "Certificates").table.rows.rows
    assert [row.status for row in rows] == ["down", "degraded", "up"]
    assert shown.table("services", "Services", ("Service", "ms")) == [["200 OK", "12"]]


def test_netwatch_follows_the_live_number(shown: Shown) -> None:
    shown.say({"netwatch/1.1.1.1": Netwatch("1.1.1.1", True), "netwatch/9.9.9.9": Netwatch("9.9.9.9", True)})
    shown.say({}, ("netwatch_up", "9.9.9.9", 0.0))
    assert shown.table("services", "Netwatch", ("Host", "State")) == [["9.9.9.9", "down"], ["1.1.1.1", "up"]]


def test_gps_lte_licence_rights_and_greeting_are_plain_lines(shown: Shown) -> None:
    shown.say(
        {
            "gps": (10.3, 47.55),
            "lte_operator": "Telekom",
            "lte_technology": "LTE-A",
            "license_level": "6",
            "board_firmware": "7.18",
            "upgrade_firmware": "7.19",
            "missing_rights_said": "the group lacks test.",
            "greeting": "<b>SSH-2.0</b>",
        },
        ("lte_rsrp_dbm", "lte1", -97.0),
    )
    lines = shown.lines()
    assert lines["GPS"] == "10.30000, 47.55000"
    assert (lines["LTE"], lines["Cell"]) == ("Telekom, LTE-A", "RSRP −97 dBm")
    assert (lines["Licence"], lines["Firmware"]) == ("level 6", "7.18 (7.19 is there)")
    assert lines["Missing rights"] == "The group lacks test."
    assert lines["Greeting"] == "<b>SSH-2.0</b>"


def test_what_could_not_be_read_is_told_with_why_and_goes_when_it_can(shown: Shown) -> None:
    shown.say({"not_read/interfaces": "2,872 of 3,064 interfaces (2,872 ppp): the table is too long"})
    assert shown.lines()["Not read"] == "2,872 of 3,064 interfaces (2,872 ppp): the table is too long"
    shown.tell(facts=(Fact(G1, "not_read/interfaces", "routeros", VANTAGE, now_us() + 10**9, None),))
    assert "Not read" not in shown.lines()


def test_what_is_not_trusted_says_why_and_asks_at_once(shown: Shown) -> None:
    device = shown.model.inventory.device(G1)
    assert device is not None
    shown.tell(devices=(msgspec.structs.replace(device, probes=(Probe("icmp"), Probe("ssh", 22))),))
    failure = Failure("untrusted", "10.0.0.1 shows a host key that nobody has trusted", "ab" * 32)
    probes = {"icmp": ProbeHealth(0, now_us(), 900), "ssh": ProbeHealth(1, None, None, failure)}
    assert shown.panel.trust.isHidden()
    shown.tell(health=(Health(G1, VANTAGE, "up", 1, 1, probes),))
    assert shown.panel.trust.isVisible()
    assert shown.panel.trust.text() == "Trust this host key…"
    assert failure.message in shown.panel.reason.text()
    asked: list[Any] = []
    shown.panel.trust_asked.connect(lambda *words: asked.append(words))
    QTest.mouseClick(shown.panel.trust, Qt.MouseButton.LeftButton)
    assert asked == [(G1, "ssh")]


def test_a_fact_that_does_not_fit_is_left_out_and_the_better_source_wins(shown: Shown) -> None:
    shown.say({"poe/a": PoePort("a", "powered-on")})
    broken = Fact(G1, "poe/b", "routeros", VANTAGE, 1, {"interface": 7})
    worse = Fact(G1, "poe/a", "snmp", VANTAGE, now_us() + 10**9, {"interface": "a", "state": "overload"})
    shown.tell(facts=(broken, worse))
    assert [row.port.state for row in shown.section("hardware", "Power over Ethernet").table.rows.rows] == [
        "powered-on"
    ]


def test_another_theme_paints_every_page_anew(shown: Shown) -> None:
    shown.say(clients(5), ("if_in_bps", "e1", 1e6))
    for theme in ("light", "dark"):
        shown.panel._look.set_theme(theme)
        for key in shown.panel.tabs.titles:
            shown.panel.show_tab(key)
            assert not shown.panel.grab().isNull()
