"""What the RouterOS driver makes of each menu: wireless, optics, power, routing, subscribers, rights."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from domain.device_facts import FACT_TYPES
from domain.metrics import is_believable
from domain.observation import Reading
from engine.drivers.mikrotik import REFUSED_S, RouterOsDriver
from engine.drivers.routeros.spelling import read_channel, read_duration_s, read_rate_bps, read_release
from engine.drivers.routeros_session import Endpoint
from engine.judge.facts import FACTS_CAP
from engine.transport import Transports
from simnet.serving import SimulatedRouter
from tests.engine.peers import tcp_peer
from tests.engine.scripted_router import (
    LOGIN,
    Answers,
    Read,
    Rows,
    ScriptedRouter,
    against,
    converse,
    facts,
    plain_router,
    values,
)

CYCLES = 24


async def read_all(read: Read) -> tuple[dict[str, object], Reading]:
    """Read until every menu had its turn; all facts that were told, and the last reading."""
    readings = [await read() for _ in range(CYCLES)]
    told: dict[str, object] = {}
    for reading in readings:
        for prefix in reading.facts_whole:
            told = {field: value for field, value in told.items() if not field.startswith(prefix)}
        told |= dict(reading.facts)
    return told, readings[-1]


def of(told: dict[str, object], prefix: str) -> dict[str, object]:
    return {field: value for field, value in told.items() if field.startswith(prefix)}


@pytest.mark.parametrize("version", ["6.49.17", "7.12.2", "7.18.2", "7.19.4"])
def test_a_pop_tells_its_routing_in_both_trees(version: str) -> None:
    async def conversation(read: Read) -> None:
        told, reading = await read_all(read)
        got = values(reading)
        assert (got["ospf_neighbours", ""], got["ospf_full", ""]) == (1, 1)
        assert (got["bgp_sessions", ""], got["bgp_established", ""]) == (1, 1)
        assert (got["bfd_sessions", ""], got["bfd_up", ""]) == (1, 1)
        assert got["bgp_prefixes", ""] == 484_206
        assert got["routes", ""] == 968_412
        for protocol in ("ospf", "bgp", "bfd"):
            ((field, session),) = of(told, f"routing/{protocol}/").items()
            decoded = msgspec.convert(session, FACT_TYPES["routing"])
            assert decoded.is_up  # type: ignore[attr-defined]
            assert field.endswith(decoded.peer)  # type: ignore[attr-defined]

    against(SimulatedRouter(board="CCR2004-16G-2S+", version=version, role="pop"), conversation)


def test_an_access_router_tells_subscribers_queues_leases_and_what_it_watches() -> None:
    async def conversation(read: Read) -> None:
        told, reading = await read_all(read)
        got = values(reading)
        assert 9 <= got["subscriber_sessions", ""] <= 12
        assert got["dhcp_leases", ""] == 12
        assert got["queue_in_bps", "subscriber-001"] > 1000
        assert got["queue_drops_per_s", "subscriber-002"] >= 0
        ((_, watched),) = of(told, "netwatch/").items()
        assert watched["name"] == "to-Neighbour"  # type: ignore[index]
        assert sum(metric == "netwatch_up" for metric, _ in got) == 1
        ((_, neighbour),) = of(told, "neighbour/ether2/").items()
        assert neighbour["identity"] == "Neighbour"  # type: ignore[index]
        assert neighbour["remote_interface"] == "ether2"  # type: ignore[index]
        assert told["package/routeros"] == {"name": "routeros", "version": "7.18.2"}
        assert told["license_level"] == "6"
        assert not of(told, "missing_rights")

    against(SimulatedRouter(), conversation)


def test_a_disabled_package_is_told_as_such() -> None:
    async def conversation(read: Read) -> None:
        told, _ = await read_all(read)
        assert told["package/hotspot"]["is_disabled"] is True  # type: ignore[index]
        assert "is_disabled" not in told["package/routing"]  # type: ignore[operator]

    against(SimulatedRouter(version="6.49.17", board="hAP ac^2"), conversation)


@pytest.mark.parametrize(
    ("board", "version", "interface"),
    [
        ("RB922UAGS-5HPacD", "6.49.17", "wlan1"),
        ("RB922UAGS-5HPacD", "7.16.2", "wlan1"),
        ("hAP ax^2", "7.12.2", "wifi1"),
        ("hAP ax^2", "7.18.2", "wifi1"),
        ("CubeG-5ac60ay", "7.16.2", "wlan60-1"),
    ],
)
def test_each_radio_tells_its_clients_channel_and_rates(board: str, version: str, interface: str) -> None:
    async def conversation(read: Read) -> None:
        told, reading = await read_all(read)
        got = values(reading)
        assert got["wireless_clients", interface] == 1
        assert -95 < got["signal_dbm", interface] < -30
        assert got["tx_rate_bps", interface] > 1e7
        assert got["frequency_mhz", interface] > 5000
        assert (("noise_dbm", interface) in got) is (interface == "wlan1")
        ((_, client),) = of(told, f"wireless_client/{interface}/").items()
        assert client["mac"].count(":") == 5  # type: ignore[index]
        assert client["signal_dbm"] == pytest.approx(got["signal_dbm", interface], abs=6)  # type: ignore[index]

    against(SimulatedRouter(board=board, version=version, interface=interface), conversation)


def test_both_capsmans_at_once_tell_the_clients_of_their_radios() -> None:
    async def conversation(read: Read) -> None:
        told, reading = await read_all(read)
        for radio in ("cap1", "cap-wifi1"):
            clients = of(told, f"wireless_client/{radio}/")
            assert values(reading)["wireless_clients", radio] == len(clients) > 0

    against(SimulatedRouter(board="hAP ac^2", version="7.16.2", controls=("cap", "cap-wifi")), conversation)


def test_optics_and_power_over_ethernet_are_told_with_their_numbers() -> None:
    async def optics(read: Read) -> None:
        told, reading = await read_all(read)
        got = values(reading)
        assert told["optic/sfp-sfpplus1"]["wavelength_nm"] == 1310.0  # type: ignore[index]
        assert -30 < got["optical_rx_dbm", "sfp-sfpplus1"] < 0
        assert got["optical_tx_dbm", "sfp-sfpplus1"] == -2.51
        assert got["optical_bias_ma", "sfp-sfpplus1"] == 31
        assert got["optical_voltage_v", "sfp-sfpplus1"] == 3.291

    async def power(read: Read) -> None:
        told, reading = await read_all(read)
        assert told["poe/ether2"] == {"interface": "ether2", "state": "powered-on"}
        assert told["poe/ether1"]["state"] == "waiting-for-load"  # type: ignore[index]
        assert values(reading)["poe_out_w", "ether2"] > 1
        assert ("poe_out_w", "ether1") not in values(reading)

    against(SimulatedRouter(board="CCR2004-16G-2S+", interface="sfp-sfpplus1"), optics)
    against(SimulatedRouter(board="RB5009UPr+S+"), power)


@pytest.mark.parametrize("version", ["6.49.17", "7.16.2"])
def test_a_modem_and_gps_are_told_in_both_trees(version: str) -> None:
    async def conversation(read: Read) -> None:
        told, reading = await read_all(read)
        assert -100 < values(reading)["lte_rsrp_dbm", "lte1"] < -80
        assert ("lte_sinr_db", "lte1") in values(reading)
        assert told["lte_operator"] == "A1 Telekom"
        assert told["gps"] == [10.3, 47.7]

    against(SimulatedRouter(board="LtAP-2HnD", version=version), conversation)


def test_clients_are_told_when_one_comes_or_goes_and_else_every_tenth_cycle() -> None:
    router = ScriptedRouter(plain_router(wlan1={"type": "wlan"}))
    table = "/interface/wireless/registration-table/print"
    row = {"interface": "wlan1", "mac-address": "48:8F:5A:00:00:01", "signal-strength": "-60"}

    async def conversation(read: Read) -> None:
        told_at = []
        for cycle in range(25):
            signal = f"-{50 + cycle}dBm@HT40"
            router.answers[table] = [{**row, "signal-strength": signal}]
            if facts_of_clients(await read()):
                told_at.append(cycle)
        assert told_at == [0, 10, 20]
        router.answers[table] = [row, {**row, "mac-address": "48:8F:5A:00:00:02"}]
        assert len(facts_of_clients(await read())) == 2
        router.answers[table] = []
        reading = await read()
        assert "wireless_client/wlan1/" in reading.facts_whole
        assert not facts_of_clients(reading)
        assert values(reading)["wireless_clients", "wlan1"] == 0

    def facts_of_clients(reading: Reading) -> list[str]:
        return [field for field in facts(reading) if field.startswith("wireless_client/")]

    converse(router, conversation)


def test_a_value_holds_until_its_menu_is_asked_again() -> None:
    router = ScriptedRouter(plain_router())
    router.answers["/tool/netwatch/print"] = [{"host": "10.0.0.1", "status": "up"}]

    async def conversation(read: Read) -> None:
        await read_all(read)
        router.rounds.clear()
        readings = [await read() for _ in range(8)]
        asked = [path for paths in router.rounds for path in paths]
        assert 1 <= asked.count("/tool/netwatch/print") <= 3
        assert all(("netwatch_up", "10.0.0.1") in values(reading) for reading in readings)

    converse(router, conversation)


def test_what_the_router_has_not_is_asked_again_after_an_hour_or_a_restart() -> None:
    router = ScriptedRouter(plain_router())
    path = "/system/health/print"
    router.answers[path] = "no such command prefix"

    async def conversation(read: Read) -> None:
        def asked() -> int:
            return [each for paths in router.rounds for each in paths].count(path)

        await read_all(read)
        assert asked() == 1
        router.answers["/system/resource/print"] = [{"uptime": "10s", "version": "7.18.2"}]
        router.answers[path] = [{"name": "voltage", "value": "24.2"}]
        await read()
        await read()
        assert values(await read())["voltage_v", ""] == 24.2
        assert asked() > 1

    converse(router, conversation)


def test_what_was_refused_is_left_alone_for_an_hour() -> None:
    router, path = ScriptedRouter(plain_router()), "/ppp/active/print"

    def asked() -> int:
        return [each for paths in router.rounds for each in paths].count(path)

    async def main() -> None:
        now_s = 1000.0
        transports = await Transports.open()
        async with tcp_peer(router) as port:
            endpoint = Endpoint("127.0.0.1", port)
            driver = RouterOsDriver(
                transports.tcp, endpoint, LOGIN, timeout_s=30.0, answer_s=30.0, clock=lambda: now_s
            )
            for _ in range(120):
                await driver.read()
            assert asked() == 1
            now_s += REFUSED_S + 1
            router.answers[path] = 7
            readings = [(await driver.read()).reading for _ in range(CYCLES)]
            assert asked() > 1
            assert values(readings[-1])["subscriber_sessions", ""] == 7
            await driver.close()
        await transports.close()

    asyncio.run(main())


def test_missing_rights_are_told_in_a_list_and_a_sentence_and_withdrawn() -> None:
    router = ScriptedRouter(plain_router())
    rights = {"/user/print": [{"name": "monitor", "group": "mon"}]}
    router.answers |= rights
    router.answers["/user/group/print"] = [{"name": "mon", "policy": "api,!read,!test,write"}]
    router.answers["/tool/netwatch/print"] = "not enough permissions (9)"

    async def conversation(read: Read) -> None:
        told, _ = await read_all(read)
        assert told["missing_rights"] == ["read", "test"]
        assert "netwatch" in str(told["missing_rights_said"])
        assert "'mon'" in str(told["missing_rights_said"])
        assert "read, api, test" in str(told["missing_rights_said"])

    converse(router, conversation)


def test_a_user_without_the_right_to_test_is_told_so_by_the_refusal_alone() -> None:
    async def conversation(read: Read) -> None:
        told, reading = await read_all(read)
        assert told["missing_rights"] == ["test"]
        assert "ethernet" in str(told["missing_rights_said"])
        assert ("if_oper_up", "ether1") in values(reading)

    against(SimulatedRouter(policies=("read", "api")), conversation)


def test_ids_that_are_old_are_read_anew() -> None:
    router = ScriptedRouter(plain_router())
    router.answers["/interface/ethernet/monitor"] = "no such item"

    async def conversation(read: Read) -> None:
        await read()
        full = []
        router.answers["/interface/print"] = lambda words: (
            full.append(".id" in words[1])
            or plain_router()[  # type: ignore[func-returns-value]
                "/interface/print"
            ]
        )
        await read()
        assert full == [True]

    converse(router, conversation)


HOSTILE = [
    *("", "9" * 400, "-", "none", "true", "-9e99", "1/2/3", "99999999999999999999", "*1", "=", "nan", "inf"),
    *(
        "ether1",
        "<img src=x>",
        "\x1b[2J\x07",
        "\u202eevil",
        "x" * 500,
        "5180/20-Ceee/ac",
        "0",
        "-1",
        "up,down",
    ),
]


@pytest.mark.parametrize("seed", range(6))
def test_no_nonsense_in_any_menu_gets_past_the_driver(seed: int) -> None:
    dice = random.Random(seed)
    kinds = ("ether", "wlan", "wifi", "w60g", "lte", "cap", "bridge")
    ports = {f"{kind}{n}": {"type": kind} for kind in kinds for n in range(3)}
    answers: Answers = plain_router(**ports)

    def nonsense(words: list[str]) -> Rows:
        columns = next(word[11:] for word in words if word.startswith("=.proplist=")).split(",")
        return [
            {
                column: dice.choice(list(ports)) if column in ("interface", "name") else dice.choice(HOSTILE)
                for column in columns
                if dice.random() < 0.9
            }
            for _ in range(dice.randrange(200))
        ]

    def answer(words: list[str]) -> Rows:
        return [{"ret": dice.choice(HOSTILE)}] if "=count-only=" in words else nonsense(words)

    resource, interfaces = answers["/system/resource/print"], answers["/interface/print"]
    router = ScriptedRouter({"*": answer, "/interface/print": interfaces, "/system/resource/print": resource})

    async def conversation(read: Read) -> None:
        for _ in range(CYCLES):
            reading = await read()
            for metric, instance, value in reading.values:
                assert is_believable(metric, value), (metric, value)
                assert len(instance) <= 64
            assert len(reading.facts) < FACTS_CAP
            for field, value in reading.facts:
                assert len(field) < 200
                assert field.isprintable()
                shape = FACT_TYPES.get(field.partition("/")[0])
                if shape is not None and "/" in field:
                    msgspec.convert(value, shape)

    converse(router, conversation)


@pytest.mark.parametrize(
    ("said", "channel"),
    [
        ("5180/20-Ceee/ac/DP(17dBm)", (5180, 80)),
        ("5500/ax/Ceee", (5500, 80)),
        ("5500/ax/eeeCeeee", (5500, 160)),
        ("2412/20/gn", (2412, 20)),
        ("2437/20-eC/gn(20dBm)", (2437, 40)),
        ("2437/ax", (2437, None)),
        ("", (None, None)),
        ("auto", (None, None)),
    ],
)
def test_channels_are_read_as_each_driver_writes_them(
    said: str, channel: tuple[float | None, float | None]
) -> None:
    assert read_channel(said) == channel


def test_spellings_of_clients_and_versions_are_read() -> None:
    assert read_rate_bps("866.6Mbps-80MHz/2S/SGI") == 866_600_000
    assert read_rate_bps("1200950000") == 1_200_950_000
    assert read_duration_s("10ms") == 0.01
    assert read_release("7.18.2 (stable)") == (7, 18, 2)
    assert read_release("7.20beta4") == (7, 20)
    assert read_release("soon") == ()
