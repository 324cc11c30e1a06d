"""net-snmp's tools take a simulated router for a device."""

from __future__ import annotations

import asyncio

import pytest

from simnet.network import Probe
from simnet.serving import SimulatedRouter
from tests.engine.simnet_peers import HandClock, ask_bare, get_sys_name, run, snmp, snmp_values

SYSTEM = "1.3.6.1.2.1.1"
IF_TABLE, IF_X_TABLE = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
HOST = "1.3.6.1.2.1.25"
MIKROTIK = "1.3.6.1.4.1.14988.1.1"


def test_snmpget_reads_the_system_group() -> None:
    async def scene() -> None:
        async with SimulatedRouter(identity="Grünten 7") as router:
            oids = [f"{SYSTEM}.{n}.0" for n in (1, 2, 5)]
            values = await snmp_values("snmpget", router.snmp_address, *oids, options="-v2c -Oa")
            assert values[0] == "RouterOS RB5009UG+S+"
            assert values[1] == ".1.3.6.1.4.1.14988.1"
            assert "nten 7" in values[2]

    run(scene())


@pytest.mark.parametrize("tool", ["snmpwalk", "snmpbulkwalk"])
@pytest.mark.parametrize(
    ("board", "version", "interface"),
    [
        ("CCR2004-16G-2S+", "7.18.2", "sfp-sfpplus1"),
        ("CCR1009-7G-1C-1S+", "6.49.17", "sfp-sfpplus1"),
        ("RB922UAGS-5HPacD", "6.49.15", "wlan1"),
        ("CubeG-5ac60ay", "7.16.2", "wlan60-1"),
    ],
)
def test_a_walk_of_everything_ends_and_never_goes_back(
    tool: str, board: str, version: str, interface: str
) -> None:
    async def scene() -> None:
        async with SimulatedRouter(board=board, version=version, interface=interface) as router:
            said = await snmp(tool, router.snmp_address, "1.3.6.1")
            names = [line.split(" = ")[0] for line in said.splitlines() if line.startswith(".1.")]
            numbers = [tuple(int(part) for part in name.split(".")[1:]) for name in names[:-1]]
            assert len(numbers) > 100
            assert numbers == sorted(set(numbers))
            assert "No more variables left" in said.splitlines()[-1]

    run(scene())


def test_a_walk_by_version_1_steps_over_64_bit_counters() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            said = await snmp("snmpwalk", router.snmp_address, IF_X_TABLE, options="-v1")
            assert f'.{IF_X_TABLE}.1.2 = STRING: "ether2"' in said
            assert f".{IF_X_TABLE}.15.2 = Gauge32: 300" in said
            assert "Counter64" not in said
            missing = await snmp("snmpget", router.snmp_address, f"{IF_X_TABLE}.6.2", options="-v1")
            assert "noSuchName" in missing

    run(scene())


def test_what_is_not_there_is_said_by_name_in_version_2c() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            said = await snmp(
                "snmpget", router.snmp_address, f"{SYSTEM}.99.0", f"{SYSTEM}.5.1", f"{SYSTEM}.5.0"
            )
            assert "No Such Object" in said.splitlines()[0]
            assert "No Such Instance" in said.splitlines()[1]
            assert '"Device"' in said.splitlines()[2]

    run(scene())


def test_a_wrong_community_and_a_wrong_version_get_silence() -> None:
    async def scene() -> None:
        async with SimulatedRouter(community="right") as router:
            right = await snmp("snmpget", router.snmp_address, f"{SYSTEM}.5.0", community="right")
            assert '"Device"' in right
            name = f"{SYSTEM}.5.0"
            said = await snmp("snmpget", router.snmp_address, name, community="wrong", timeout_s=0.5)
            assert "Timeout" in said
            nobody = "-v3 -l noAuthNoPriv -u nobody"
            said = await snmp("snmpget", router.snmp_address, name, options=nobody, timeout_s=0.5)
            assert "Timeout" in said

    run(scene())


def test_a_write_is_refused() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            said = await snmp("snmpset", router.snmp_address, f"{SYSTEM}.5.0", "s", "mine")
            assert "noAccess" in said
            assert await snmp_values("snmpget", router.snmp_address, f"{SYSTEM}.5.0") == ["Device"]

    run(scene())


@pytest.mark.parametrize(
    "datagram",
    [b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", bytes(1400), b"\x30\x03\x02\x01\x01", b"\xff" * 64],
)
def test_an_agent_outlives_garbage(datagram: bytes) -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            assert await asyncio.to_thread(ask_bare, router.snmp_address, datagram, 0.05) is None
            assert await asyncio.to_thread(ask_bare, router.snmp_address, get_sys_name(7), 30) is not None

    run(scene())


def test_counters_are_the_integral_of_the_load_and_survive_their_32_bits() -> None:
    async def scene() -> None:
        clock = HandClock()
        async with SimulatedRouter(clock=clock) as router:
            names = [f"{IF_X_TABLE}.6.2", f"{IF_TABLE}.10.2", f"{IF_X_TABLE}.10.2", f"{SYSTEM}.3.0"]
            before = await snmp_values("snmpget", router.snmp_address, *names)
            clock.now_s += 300
            after = await snmp_values("snmpget", router.snmp_address, *names)
            in_octets = int(after[0]) - int(before[0])
            out_octets = int(after[2]) - int(before[2])
            assert (int(after[1]) - int(before[1])) % 2**32 == in_octets % 2**32
            assert 60e6 < in_octets * 8 / 300 < 180e6
            assert 5e6 < out_octets * 8 / 300 < 30e6
            ticks = [int(value.partition(")")[0].strip("(")) for value in (before[3], after[3])]
            assert ticks[1] - ticks[0] == pytest.approx(30_000, abs=1)

    run(scene())


def test_host_resources_tell_memory_disk_and_every_core() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            loads = await snmp_values("snmpwalk", router.snmp_address, f"{HOST}.3.3.1.2")
            assert len(loads) == 4
            assert all(1 <= int(load) <= 100 for load in loads)
            unit, size, used = (
                int(value)
                for value in await snmp_values(
                    "snmpget", router.snmp_address, *[f"{HOST}.2.3.1.{n}.65536" for n in (4, 5, 6)]
                )
            )
            assert unit * size == 1024 * 1024 * 1024
            assert 0 < used < size

    run(scene())


def test_health_is_scalars_before_version_7_and_a_table_since() -> None:
    async def scene() -> None:
        async with SimulatedRouter(board="CCR1009-7G-1C-1S+", version="6.49.17") as old:
            voltage, temperature = await snmp_values(
                "snmpget", old.snmp_address, f"{MIKROTIK}.3.8.0", f"{MIKROTIK}.3.10.0"
            )
            assert 200 < int(voltage) < 280
            assert 200 < int(temperature) < 700
            assert "No Such" in await snmp("snmpwalk", old.snmp_address, f"{MIKROTIK}.3.100.1")
        async with SimulatedRouter() as new:
            names = await snmp_values("snmpwalk", new.snmp_address, f"{MIKROTIK}.3.100.1.2")
            assert names[:2] == ["voltage", "temperature"]
            assert "No Such" in await snmp("snmpget", new.snmp_address, f"{MIKROTIK}.3.8.0")

    run(scene())


def test_a_radio_tells_of_its_neighbour_in_the_registration_table() -> None:
    async def scene() -> None:
        async with SimulatedRouter(board="RB922UAGS-5HPacD", version="6.49.15", interface="wlan1") as router:
            said = await snmp("snmpwalk", router.snmp_address, f"{MIKROTIK}.1.2.1.3")
            name, _, value = said.strip().partition(" = INTEGER: ")
            assert -90 < int(value) < -30
            assert len(name.split(".")) == len(f".{MIKROTIK}.1.2.1.3".split(".")) + 7
            heard = await snmp_values("snmpwalk", router.snmp_address, f"{MIKROTIK}.11.1.1.6")
            assert heard == ["Neighbour"]

    run(scene())


@pytest.mark.parametrize(
    ("board", "described", "object_id"),
    [
        ("airFiber 60 LR", "AF60", ".1.3.6.1.4.1.41112.1.11"),
        ("Linux gateway", "Linux", ".1.3.6.1.4.1.8072.3.2.10"),
    ],
)
def test_other_makes_have_the_standard_tables_and_no_vendor_ones(
    board: str, described: str, object_id: str
) -> None:
    async def scene() -> None:
        probes: tuple[Probe, ...] = ("snmp",)
        async with SimulatedRouter(board=board, version="2.6.3", interface="eth1", probes=probes) as router:
            description, its_id = await snmp_values(
                "snmpget", router.snmp_address, f"{SYSTEM}.1.0", f"{SYSTEM}.2.0"
            )
            assert described in description
            assert its_id == object_id
            assert len(await snmp_values("snmpbulkwalk", router.snmp_address, f"{IF_X_TABLE}.6")) == 3
            assert "No more variables" in await snmp("snmpwalk", router.snmp_address, MIKROTIK)

    run(scene())


def test_a_bulk_answer_stays_small_however_much_is_asked_for() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            said = await snmp(
                "snmpbulkget", router.snmp_address, "1.3.6.1.2.1.2", "1.3.6.1.2.1.31", options="-v2c -Cr2000"
            )
            lines = [line for line in said.splitlines() if line.startswith(".1.")]
            assert 100 < len(lines) < 1000

    run(scene())
