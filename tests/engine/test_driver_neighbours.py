"""Who is behind which port, as drivers read it: forwarding and address tables over SNMP and of RouterOS."""

from __future__ import annotations

import asyncio
from pathlib import Path

from domain.observation import Reading, Sighting
from engine.drivers.routeros.sightings import ROWS_CAP
from engine.drivers.snmp_neighbours import FIRST_SIGHTINGS_CYCLES, MOST_ROWS, SIGHTINGS_EVERY_CYCLES
from engine.protocols import ber
from simnet.serving import SimulatedRouter
from tests.engine.agent import switch
from tests.engine.peers import octets
from tests.engine.scripted_router import Answers, Read, ScriptedRouter, against, converse
from tests.engine.walks import read_at, read_objects
from tests.protocol.agents import running_snmpsim

DOT1D, DOT1Q = "1.3.6.1.2.1.17", "1.3.6.1.2.1.17.7.1.2.2.1"
ARP, PHYSICAL = "1.3.6.1.2.1.4.22.1", "1.3.6.1.2.1.4.35.1"
ENOUGH_CYCLES = FIRST_SIGHTINGS_CYCLES.stop + 1


def seen(readings: list[Reading]) -> list[Sighting]:
    return [one for reading in readings for one in reading.sightings]


def ports() -> dict[str, bytes]:
    """Bridge port 11 is ge1, 12 is ge2, 13 an interface that the switch does not list."""
    return {f"{DOT1D}.1.4.1.2.{port + 10}": ber.encode_integer(port) for port in (1, 2, 9)}


def forwards(table: str, index: str, port: int, status: int = 3) -> dict[str, bytes]:
    return {f"{table}.2.{index}": ber.encode_integer(port), f"{table}.3.{index}": ber.encode_integer(status)}


def test_what_a_switch_learned_is_seen_at_its_ports_and_is_no_fact() -> None:
    table = f"{DOT1D}.4.3.1"
    objects = switch() | ports()
    objects |= forwards(table, "72.143.90.0.0.1", 11)
    objects |= forwards(table, "72.143.90.0.0.2", 12)
    objects |= forwards(table, "72.143.90.0.0.3", 12, status=4)  # its own
    objects |= forwards(table, "72.143.90.0.0.4", 13)
    objects |= forwards(table, "72.143.90.0.0.5", 0)
    objects |= forwards(table, "72.143.999.0.0.6", 11)
    readings = read_objects(objects, cycles=ENOUGH_CYCLES)
    assert seen(readings) == [
        Sighting("fdb", "ge1", "48:8F:5A:00:00:01"),
        Sighting("fdb", "ge2", "48:8F:5A:00:00:02"),
    ]
    assert not any("48:8F:5A" in field for reading in readings for field, _ in reading.facts)


def test_a_switch_with_vlans_is_read_by_them() -> None:
    objects = switch() | ports()
    objects |= forwards(DOT1Q, "1.72.143.90.0.0.1", 11)
    objects |= forwards(DOT1Q, "20.72.143.90.0.0.1", 11)
    objects |= forwards(f"{DOT1D}.4.3.1", "72.143.90.0.0.9", 11)
    found = seen(read_objects(objects, cycles=ENOUGH_CYCLES))
    assert found == [Sighting("fdb", "ge1", "48:8F:5A:00:00:01")]


def test_addresses_and_macs_are_read_of_both_tables() -> None:
    mac = octets(bytes.fromhex("488f5a000001"))
    objects = switch()
    for index, kind in (("1.10.0.0.7", 3), ("1.10.0.0.8", 2), ("9.10.0.0.9", 3)):
        objects |= {f"{ARP}.2.{index}": mac, f"{ARP}.4.{index}": ber.encode_integer(kind)}
    six = ".".join(map(str, bytes.fromhex("20010db8000000000000000000000007")))
    for index, kind in ((f"2.2.16.{six}", 3), ("2.1.4.10.0.0.1", 5), ("2.1.4.10.0", 3)):
        objects |= {f"{PHYSICAL}.4.{index}": mac, f"{PHYSICAL}.6.{index}": ber.encode_integer(kind)}
    assert seen(read_objects(objects, cycles=ENOUGH_CYCLES)) == [
        Sighting("arp", "ge1", "48:8F:5A:00:00:01", "10.0.0.7"),
        Sighting("arp", "ge2", "48:8F:5A:00:00:01", "2001:db8::7"),
    ]


def test_a_table_without_end_is_read_up_to_a_cap_and_no_failure() -> None:
    table = f"{DOT1D}.4.3.1"
    objects = switch() | ports()
    for number in range(MOST_ROWS + 500):
        objects |= forwards(table, f"72.143.90.0.{number >> 8}.{number & 255}", 11)
    found = seen(read_objects(objects, cycles=ENOUGH_CYCLES))
    assert 2_000 < len(found) <= MOST_ROWS


def test_tables_are_looked_at_rarely() -> None:
    objects = switch() | ports() | forwards(f"{DOT1D}.4.3.1", "72.143.90.0.0.1", 11)
    readings = read_objects(objects, cycles=2 * SIGHTINGS_EVERY_CYCLES)
    assert sum(bool(reading.sightings) for reading in readings) in (1, 2)
    assert not any(reading.sightings for reading in readings[: FIRST_SIGHTINGS_CYCLES.start])


def test_a_foreign_agent_is_read_alike(tmp_path: Path) -> None:
    rows = [
        "1.3.6.1.2.1.1.3.0|67|360000",
        "1.3.6.1.2.1.2.1.0|2|1",
        "1.3.6.1.2.1.2.2.1.2.1|4|ge1",
        "1.3.6.1.2.1.4.22.1.2.1.10.0.0.7|4x|488f5a000001",
        "1.3.6.1.2.1.4.22.1.4.1.10.0.0.7|2|3",
        "1.3.6.1.2.1.17.1.4.1.2.11|2|1",
        "1.3.6.1.2.1.17.4.3.1.2.72.143.90.0.0.2|2|11",
        "1.3.6.1.2.1.17.4.3.1.3.72.143.90.0.0.2|2|3",
    ]
    with running_snmpsim(tmp_path, "\n".join(rows) + "\n") as asker:
        readings = asyncio.run(read_at(("127.0.0.1", asker.port), cycles=ENOUGH_CYCLES))
    assert seen(readings) == [
        Sighting("fdb", "ge1", "48:8F:5A:00:00:02"),
        Sighting("arp", "ge1", "48:8F:5A:00:00:01", "10.0.0.7"),
    ]


# ---- RouterOS


def router(answers: Answers) -> ScriptedRouter:
    return ScriptedRouter(
        {
            "/system/resource/print": [{"uptime": "1d", "version": "7.18.2 (stable)"}],
            "/interface/print": [{".id": "*1", "name": "ether1", "type": "ether", "running": "true"}],
            **answers,
        }
    )


def test_a_router_tells_the_hosts_of_its_bridges_and_its_arp_table() -> None:
    found: list[Sighting] = []
    asked = router(
        {
            "/interface/bridge/host/print": lambda words: (
                [{"ret": "2"}]
                if "=count-only=" in words
                else [
                    {"mac-address": "48:8f:5a:00:00:01", "on-interface": "ether1", "local": "false"},
                    {"mac-address": "48:8F:5A:00:00:02", "on-interface": "ether1", "local": "true"},
                ]
            ),
            "/ip/arp/print": lambda words: (
                [{"ret": "2"}]
                if "=count-only=" in words
                else [
                    {"mac-address": "48:8F:5A:00:00:03", "interface": "bridge", "address": "10.0.0.3"},
                    {"mac-address": "48:8F:5A:00:00:04", "interface": "bridge", "disabled": "true"},
                ]
            ),
        }
    )

    async def conversation(read: Read) -> None:
        for _ in range(60):
            found.extend((await read()).sightings)

    converse(asked, conversation)
    assert set(found) == {
        Sighting("fdb", "ether1", "48:8F:5A:00:00:01"),
        Sighting("arp", "bridge", "48:8F:5A:00:00:03", "10.0.0.3"),
    }


def test_a_long_table_is_counted_and_never_asked_for() -> None:
    asked = router({"/ip/arp/print": lambda _words: [{"ret": str(ROWS_CAP + 1)}]})

    async def conversation(read: Read) -> None:
        for _ in range(60):
            assert not (await read()).sightings

    converse(asked, conversation)


def test_a_simulated_router_has_both_tables() -> None:
    found: list[Sighting] = []

    async def conversation(read: Read) -> None:
        for _ in range(60):
            found.extend((await read()).sightings)

    against(SimulatedRouter(board="RB922UAGS-5HPacD", version="7.18.2", interface="wlan1"), conversation)
    assert {one.kind for one in found} == {"fdb", "arp"}
    assert all(len(one.mac) == 17 and one.interface for one in found)
