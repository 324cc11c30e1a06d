"""The RouterOS driver against simulated routers of all generations, and against scripted ones."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import BadCredentials, NoAnswer, Refused, Unsupported
from domain.metrics import is_believable
from engine.drivers.mikrotik import MENUS_PER_CYCLE
from engine.drivers.routeros.spelling import read_duration_s, read_number, read_rate_bps, read_whole
from engine.drivers.sensors import read_sensor
from engine.transport import Transports
from simnet.serving import SimulatedRouter
from tests.engine.peers import device_at, driver_of
from tests.engine.scripted_router import (
    LOGIN,
    Read,
    ScriptedRouter,
    against,
    converse,
    facts,
    plain_router,
    values,
)


@pytest.mark.parametrize(
    ("board", "version", "interface", "signal"),
    [
        ("RB5009UG+S+", "7.18.2", "ether2", False),
        ("RB922UAGS-5HPacD", "6.40", "wlan1", True),
        ("RB922UAGS-5HPacD", "6.49.10", "wlan1", True),
        ("RB922UAGS-5HPacD", "7.12", "wlan1", True),
        ("hAP ax^2", "7.12", "wifi1", True),
        ("hAP ax^2", "7.18.2", "wifi1", True),
        ("CubeG-5ac60ay", "7.18.2", "wlan60-1", True),
        ("CCR2004-16G-2S+", "6.49.10", "sfp-sfpplus1", False),
    ],
)
def test_routers_of_all_generations_tell_the_same(
    board: str, version: str, interface: str, signal: bool
) -> None:
    async def conversation(read: Read) -> None:
        readings = [await read() for _ in range(12)]
        told = {field: value for reading in readings for field, value in reading.facts}
        assert told["identity"] == "Device"
        assert told["version"] == version
        assert told["board"] == board
        assert told["serial"] == "HE7A0B1C2D3"
        assert told["board_firmware"] == version
        assert told["interface/ether1"]["speed_bps"] == 1_000_000_000
        assert told[f"interface/{interface}"]["alias"] == "to Neighbour"
        assert "interface/" in readings[0].facts_whole
        assert not any("interface/" in reading.facts_whole for reading in readings[1:])
        got = values(readings[-1])
        assert (("signal_dbm", interface) in got) is signal
        assert got["temperature_c", ""] > 10
        assert 5 < got["voltage_v", ""] < 60
        assert got["if_in_bps", interface] > 1e5
        assert got["if_in_packets_per_s", interface] > 1
        assert 0 < got["memory_used_bytes", ""] < got["memory_total_bytes", ""]
        assert all(is_believable(metric, value) for metric, _, value in readings[-1].values)

    against(SimulatedRouter(board=board, version=version, interface=interface), conversation)


def test_the_first_reading_tells_the_signal_already() -> None:
    async def conversation(read: Read) -> None:
        reading = await read()
        assert ("signal_dbm", "wlan1") in values(reading)
        assert facts(reading)["identity"] == "Device"

    against(SimulatedRouter(board="RB922UAGS-5HPacD", interface="wlan1"), conversation)


def test_no_cycle_asks_more_than_six_menus_and_slow_ones_seldom() -> None:
    router = ScriptedRouter(plain_router(ether1={}, wlan1={"type": "wlan"}))
    router.answers["/interface/wireless/registration-table/print"] = []
    router.answers["/system/health/print"] = [{"name": "voltage", "value": "24.1"}]

    async def conversation(read: Read) -> None:
        cycles = []
        for _ in range(50):
            router.rounds.clear()
            await read()
            cycles.append([path for paths in router.rounds for path in paths])
        assert max(map(len, cycles)) <= MENUS_PER_CYCLE
        asked = [path for cycle in cycles for path in cycle]
        assert asked.count("/interface/print") == 50
        assert 23 <= asked.count("/system/health/print") <= 25
        assert 2 <= asked.count("/system/identity/print") <= 3
        assert asked.count("/system/routerboard/print") == 1
        assert sum(map(len, cycles[20:])) / 30 < 4.5

    converse(router, conversation)


def test_the_connection_is_kept_and_a_dropped_one_made_anew_within_the_reading() -> None:
    router = ScriptedRouter(plain_router())

    async def conversation(read: Read) -> None:
        for _ in range(3):
            await read()
        assert router.connections == 1
        router.hang_up_after = len(router.rounds)
        assert values(await read())["cpu_load_pct", ""] == 7
        assert router.connections == 2

    converse(router, conversation)


def test_a_menu_that_is_refused_is_left_alone_and_costs_nothing_else() -> None:
    router = ScriptedRouter(plain_router())
    router.answers["/system/health/print"] = "no such command prefix"

    async def conversation(read: Read) -> None:
        for _ in range(5):
            assert values(await read())["cpu_load_pct", ""] == 7
        asked = [path for paths in router.rounds for path in paths]
        assert asked.count("/system/health/print") == 1

    converse(router, conversation)


@pytest.mark.parametrize(
    ("refusal", "error"),
    [("not enough permissions (9)", BadCredentials), ("no such command", Unsupported)],
)
def test_a_needed_menu_that_is_refused_is_the_devices_failure(refusal: str, error: type[Exception]) -> None:
    router = ScriptedRouter(plain_router())
    router.answers["/interface/print"] = refusal

    async def conversation(read: Read) -> None:
        for _ in range(2):
            with pytest.raises(error, match="interface"):
                await read()

    converse(router, conversation)


def test_an_interface_that_comes_or_goes_makes_a_new_list() -> None:
    router = ScriptedRouter(plain_router(ether1={}, ether2={}))

    async def conversation(read: Read) -> None:
        assert {"interface/ether1", "interface/ether2"} <= set(facts(await read()))
        await read()
        router.answers |= plain_router(ether1={}, ether3={"comment": "new"})
        await read()
        reading = await read()
        assert facts(reading)["interface/ether3"]["alias"] == "new"
        assert "interface/ether2" not in facts(reading)
        assert reading.facts_whole == ("interface/",)

    converse(router, conversation)


def test_an_interface_that_goes_down_or_is_disabled_is_told() -> None:
    router = ScriptedRouter(plain_router())

    async def conversation(read: Read) -> None:
        await read()
        await read()
        router.answers |= plain_router(ether1={"running": "false", "disabled": "true"})
        reading = await read()
        assert values(reading)["if_oper_up", "ether1"] == 0.0
        assert facts(reading)["interface/ether1"]["oper_up"] is False
        assert facts(reading)["interface/ether1"]["admin_up"] is False

    converse(router, conversation)


def test_the_worst_of_many_clients_is_told() -> None:
    router = ScriptedRouter(plain_router(wlan1={"type": "wlan"}))
    router.answers["/interface/wireless/registration-table/print"] = [
        {"interface": "wlan1", "signal-strength": "-61dBm@HT40-4", "signal-to-noise": "40", "tx-ccq": "90"},
        {"interface": "wlan1", "signal-strength": "-83@6Mbps", "signal-to-noise": "12", "tx-ccq": "55"},
        {"interface": "wlan1", "signal-strength": "none", "tx-ccq": "hundred"},
        {"interface": "no such", "signal-strength": "-99"},
        {},
    ]

    async def conversation(read: Read) -> None:
        got = values(await read())
        assert got["wireless_clients", "wlan1"] == 3
        assert got["signal_dbm", "wlan1"] == -83
        assert got["signal_to_noise_db", "wlan1"] == 12
        assert got["ccq_pct", "wlan1"] == 55

    converse(router, conversation)


def test_rows_that_make_no_sense_are_left_out() -> None:
    router = ScriptedRouter(plain_router())
    router.answers["/system/resource/print"] = [
        {"uptime": "soon", "cpu-load": "lots", "total-memory": "-5", "free-memory": "9" * 4000, "version": ""}
    ]
    router.answers["/interface/print"] = [
        {},
        {"name": ""},
        {"name": "<pppoe-anna>", "running": "true"},
        {
            "name": "x" * 4000,
            ".id": "*" + "F" * 99,
            "rx-byte": "9" * 400,
            "running": "maybe",
            "type": "ether",
        },
        {"name": "ether1", "type": "ether"},
        {"name": "ether1", "type": "second"},
    ]
    router.answers["/system/health/print"] = [
        {"name": "temperature", "value": "hot"},
        {"name": "voltage"},
        {"x": "1"},
    ]

    async def conversation(read: Read) -> None:
        reading = await read()
        assert [field for field in facts(reading) if field.startswith("interface/")] == [
            f"interface/{'x' * 64}",
            "interface/ether1",
        ]
        assert facts(reading)["interface/ether1"]["kind"] == "ether"
        assert reading.values == (("if_oper_up", "x" * 64, 0.0),)

    converse(router, conversation)


def test_a_router_that_dies_is_no_answer_and_is_read_again_when_it_lives() -> None:
    async def main() -> None:
        transports = await Transports.open()
        router = SimulatedRouter()
        async with router:
            device = device_at(router.api_address, "routeros")
            driver = driver_of(transports, device, LOGIN, timeout_s=5.0, retries=0)
            await driver.read()
            router.command(["kill", router.NAME])
            with pytest.raises((NoAnswer, Refused)):
                await driver.read()
            router.command(["revive", router.NAME])
            assert ("if_oper_up", "ether1") in values((await driver.read()).reading)
            await driver.close()
        await transports.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("1w2d3h4m5s", 788_645),
        ("3d12h5m", 302_700),
        ("59s", 59),
        ("2d01:02:03", 176_523),
        ("00:00:07", 7),
        ("", None),
        ("soon", None),
        ("9" * 100 + "w", None),
    ],
)
def test_durations_are_read_as_routeros_writes_them(said: str, seconds: float | None) -> None:
    assert read_duration_s(said) == seconds


@pytest.mark.parametrize(
    ("said", "rate_bps"),
    [
        ("10Mbps", 10_000_000),
        ("1Gbps", 1_000_000_000),
        ("2.5Gbps", 2_500_000_000),
        ("10G-baseT-full", 10_000_000_000),
        ("100M-full", 100_000_000),
        ("", 0),
        ("unknown", 0),
    ],
)
def test_rates_are_read_as_routeros_writes_them(said: str, rate_bps: int) -> None:
    assert read_rate_bps(said) == rate_bps


@pytest.mark.parametrize(
    ("name", "said", "value"),
    [
        ("temperature", "41", ("temperature_c", "", 41.0)),
        ("cpu-temperature", "-3C", ("temperature_c", "cpu", -3.0)),
        ("board-temperature1", "39", ("temperature_c", "board1", 39.0)),
        ("voltage", "23.9V", ("voltage_v", "", 23.9)),
        ("psu1-voltage", "0", ("voltage_v", "psu1", 0.0)),
        ("fan1-speed", "4200RPM", ("fan_rpm", "fan1", 4200.0)),
        ("power-consumption", "18.4W", ("power_w", "", 18.4)),
        ("temperature", "9000", None),
        ("fan-state", "ok", None),
        ("psu1-state", "1", None),
    ],
)
def test_sensors_are_read_by_their_names(name: str, said: str, value: tuple[str, str, float] | None) -> None:
    assert read_sensor(name, said) == value


def test_numbers_of_any_length_are_read_or_refused_and_never_raise() -> None:
    assert read_whole("18446744073709551615") == 2**64 - 1
    assert read_whole("٣") is None
    assert read_whole("9" * 21) is None
    assert read_number("-67dBm@HT40") == -67
    assert read_number("x") is None


def test_a_router_tells_which_addresses_it_has() -> None:
    router = ScriptedRouter(plain_router())
    router.answers["/ip/address/print"] = [
        {"address": "10.0.0.1/24", "interface": "ether1", "disabled": "false"},
        {"address": "192.0.2.9/32", "interface": "lo", "disabled": "false"},
        {"address": "10.9.9.9/24", "interface": "ether2", "disabled": "true"},
        {"interface": "ether3"},
    ]

    async def conversation(read: Read) -> None:
        told: dict[str, object] = {}
        for _ in range(24):
            told |= dict((await read()).facts)
        assert {field: said for field, said in told.items() if field.startswith("address/")} == {
            "address/10.0.0.1": {"address": "10.0.0.1", "interface": "ether1", "prefix_bits": 24},
            "address/192.0.2.9": {"address": "192.0.2.9", "interface": "lo", "prefix_bits": 32},
        }

    converse(router, conversation)
