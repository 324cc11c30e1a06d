"""The language of profiles: which one a device is read with, and what each word does. Files: `test_profile_files.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from engine.drivers import Profiles
from engine.protocols import ber
from engine.protocols.snmp import Pdu
from tests.engine.agent import ScriptedAgent, counter32, counter64, switch
from tests.engine.peers import device_at, driver_of, octets, udp_peer
from tests.engine.test_driver_snmp import COMMUNITY, Read, clock, converse, facts, values
from tests.engine.test_profile_files import BASE, ROW, profiles_of
from tests.engine.walks import objects_of, read_objects

__all__ = ["clock"]


def numbers_of(folder: Path, text: str, objects: dict[str, bytes]) -> dict[tuple[str, str], float]:
    """What a device with these objects tells beyond its interfaces, read with a profile of this text."""
    profiles = profiles_of(folder, text)
    assert profiles.problems == ()
    (reading,) = read_objects(switch() | objects, profiles=profiles)
    return {key: value for key, value in values(reading).items() if key[0] not in ("if_oper_up", "uptime_s")}


@pytest.mark.parametrize(
    ("name", "object_id", "description", "chosen"),
    [
        ("", "1.3.6.1.4.1.14988.1", "RouterOS", "mikrotik"),
        ("", "1.3.6.1.4.1.149881.1", "", "generic"),
        ("", "", "", "generic"),
        ("", "1.3.6.1.4.1.41112", "USW-24", "ubiquiti-switch"),
        ("", "1.3.6.1.4.1.4413", "EdgeSwitch 24-Port 250W, 1.9.3", "ubiquiti-switch"),
        ("", "1.3.6.1.4.1.4413", "another maker's switch", "generic"),
        ("", "1.3.6.1.4.1.41112", "NanoBeam", "ubiquiti"),
        ("", "1.3.6.1.4.1.41112", "UAP-AC", "ubiquiti-unifi"),
        ("", "1.3.6.1.4.1.8072.3.2.10", "Linux", "linux"),
        (
            "",
            "1.3.6.1.4.1.8072.3.2.10",
            "Linux UBNT 3.18.24 #0 Thu Aug 30 2018 mips",
            "ubiquiti-switch-linux",
        ),
        ("", "1.3.6.1.4.1.8072.3.2.10", "UAP-AC", "ubiquiti-unifi"),
        ("juniper", "1.3.6.1.4.1.9.1.1", "Cisco", "juniper"),
        ("gone", "1.3.6.1.4.1.9.1.1", "Cisco", "cisco-ios"),
    ],
)
def test_the_longest_object_id_wins_and_a_name_beats_all(
    name: str, object_id: str, description: str, chosen: str
) -> None:
    assert Profiles().choose(name, object_id, description).name == chosen


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("", octets("-67 dBm"), -67),
        ("", octets("-67.5@HT40"), -67.5),
        ("", octets("loud"), None),
        ("", octets(""), None),
        ("", ber.encode_oid("1.3.6"), None),
        ("", b"\x44\x07\x9f\x78\x04\xc2\x86\x00\x00", -67),
        ("", b"\x44\x07\x9f\x78\x04\x7f\xc0\x00\x00", None),
        (", scale: 0.1", ber.encode_integer(-671), -67.1),
        (", scale: 0.1, offset: -10", ber.encode_integer(-571), -67.1),
        (", as: signed", ber.encode_integer(2**32 - 67, ber.GAUGE32), -67),
        (", as: signed", ber.encode_integer(2**32 - 67, ber.COUNTER32), -67),
        (", as: signed", counter64(30), 30),
        (", as: unsigned", ber.encode_integer(-1), None),
        (", absent: [-67]", ber.encode_integer(-67), None),
        (", absent: [-67]", octets("-67"), None),
        (", least: -60", ber.encode_integer(-67), None),
        (", map: {1: -67}", ber.encode_integer(1), -67),
        (", map: {1: -67}", ber.encode_integer(2), None),
        (", map: {1: -67}, otherwise: -1", ber.encode_integer(2), -1),
        ("", ber.encode_integer(-1000), None),
        (", as: milliwatt, scale: 0.001", ber.encode_integer(1), -30),
        (", as: milliwatt, scale: 0.001", ber.encode_integer(1000), 0),
        (", as: milliwatt", ber.encode_integer(0), None),
        (", as: milliwatt", ber.encode_integer(-5), None),
        (", as: milliwatt, scale: 0.001", b"\x44\x0b\x9f\x79\x08" + bytes(7) + b"\x01", None),
        (", drop: '^.*60 Secs [(] *'", octets("5 Secs ( 96%) 60 Secs ( -62.5%)"), -62.5),
        (", drop: '^.*'", octets("-67"), None),
        (", scale: 1.0e+15", counter64(2**64 - 1), None),
    ],
)
def test_a_value_is_understood_as_its_field_says(
    tmp_path: Path, field: str, value: bytes, expected: float | None
) -> None:
    got = numbers_of(tmp_path, ROW.replace("1.1.0}", f"1.1.0{field}}}"), {f"{BASE}.1.0": value})
    assert got.get(("signal_dbm", "")) == expected


TABLE = """
name: mine
title: Mine
match: {object_id: [1.3.6.1.4.1.9.1.1]}
groups:
  - name: rows
    entry: 1.3.6.1.4.1.99999.1.2.1
    index: {INDEX}
    every: 1
    fields:
      up: {column: 1}
      level: {column: 2, absent: [0]}
      name: {column: 3, as: text}
      total: {column: 4}
      other: {oid: 1.3.6.1.4.1.99999.1.3.1.1, via: up, as: text}
    instance: ["{name}", "{index}"]
    numbers:
      - NUMBER
"""


def rows(*columns: tuple[str, int, int, str]) -> dict[str, bytes]:
    """Rows of (index, on, level, name)."""
    entry = f"{BASE}.2.1"
    objects: dict[str, bytes] = {}
    for index, on, level, name in columns:
        objects |= {
            f"{entry}.1.{index}": ber.encode_integer(on),
            f"{entry}.2.{index}": ber.encode_integer(level),
            f"{entry}.3.{index}": octets(name),
        }
    return objects


TWO = rows(("1", 1, -60, "a"), ("2", 0, -70, "b"))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("{metric: signal_dbm, of: level}", {("signal_dbm", "a"): -60, ("signal_dbm", "b"): -70}),
        ("{metric: signal_dbm, of: level, where: {up: [1]}}", {("signal_dbm", "a"): -60}),
        ("{metric: signal_dbm, of: level, during: {up: [0]}}", {("signal_dbm", "b"): -70}),
        ("{metric: signal_dbm, of: level, matches: {name: ^b}}", {("signal_dbm", "b"): -70}),
        ("{metric: signal_dbm, of: level, instance: '', fold: min}", {("signal_dbm", ""): -70}),
        ("{metric: signal_dbm, of: level, instance: '', fold: max}", {("signal_dbm", ""): -60}),
        ("{metric: signal_dbm, of: level, instance: '', fold: mean}", {("signal_dbm", ""): -65}),
        ("{metric: signal_dbm, of: level, instance: '', fold: sum}", {("signal_dbm", ""): -130}),
        ("{metric: wireless_clients, of: name, instance: '', fold: count}", {("wireless_clients", ""): 2}),
        ("{metric: wireless_clients, of: up, instance: '', fold: count, counted: [1]}", {("wireless_clients", ""): 1}),
        ("{metric: signal_dbm, of: level, times: [up], scale: 0.5}", {("signal_dbm", "a"): -30}),
        ("{metric: signal_dbm, of: level, plus: [up], less: [up]}", {("signal_dbm", "a"): -60, ("signal_dbm", "b"): -70}),
        ("{metric: signal_dbm, of: level, still: true}", {("signal_dbm", "a"): -60, ("signal_dbm", "b"): -70}),
        ("{metric: signal_dbm, of: level, instance: same}", {("signal_dbm", "same"): -60, ("signal_dbm", "same#2"): -70}),
    ],
)  # fmt: skip
def test_a_number_of_rows_is_made_as_its_words_say(
    tmp_path: Path, number: str, expected: dict[tuple[str, str], float]
) -> None:
    text = TABLE.replace("INDEX", "row: number").replace("NUMBER", number)
    assert numbers_of(tmp_path, text, TWO) == expected


@pytest.mark.parametrize(
    ("index", "of_row", "instance"),
    [
        ("row: number", "7", "7"),
        ("a: number, b: number", "7.8", "7.8"),
        ("a: number", "7.8", None),
        ("port: port", "2", "ge2"),
        ("port: port", "99", None),
        ("mac: mac, port: port", "2.0.0.0.0.9.1", "02:00:00:00:00:09 ge1"),
        ("mac: mac, port: port", "2.0.0.0.0.999.1", None),
        ("address: ip", "192.0.2.1", "192.0.2.1"),
        ("word: text", "3.97.98.99", "abc"),
        ("word: text", "4.97.98.99", None),
        ("word: text", "1.27", ""),
        ("a: number, tail: rest", "7.8.9", "8.9"),
    ],
)
def test_an_index_is_taken_apart_as_its_parts_say(
    tmp_path: Path, index: str, of_row: str, instance: str | None
) -> None:
    names = [part.split(":")[0].strip() for part in index.split(",")]
    template = {"a": "{index}" if "tail" not in names else "{tail}"}.get(
        names[0], " ".join(f"{{{n}}}" for n in names)
    )
    text = TABLE.replace("INDEX", index).replace("NUMBER", "{metric: signal_dbm, of: level}")
    text = text.replace('["{name}", "{index}"]', f'"{template}"')
    got = numbers_of(tmp_path, text, rows((of_row, 1, -60, "")))
    assert got == ({} if instance is None else {("signal_dbm", instance): -60})


def test_an_index_beyond_32_bits_or_text_longer_than_the_index_is_no_row(tmp_path: Path) -> None:
    text = TABLE.replace("INDEX", "word: text").replace("NUMBER", "{metric: signal_dbm, of: level}")
    assert numbers_of(tmp_path, text, rows(("4294967295.1", 1, -60, "a"))) == {}


def test_rows_that_come_go_and_fall_silent_are_followed_look_by_look(tmp_path: Path) -> None:
    number = "{metric: wireless_clients, of: up, instance: '', fold: count}\n      - {metric: signal_dbm, of: level}"
    profiles = profiles_of(tmp_path, TABLE.replace("INDEX", "row: number").replace("NUMBER", number))
    agent = ScriptedAgent(switch() | rows(("1", 1, 0, "a")))

    async def conversation() -> None:
        from engine.transport import Transports

        transports = await Transports.open()
        async with udp_peer(agent) as peer:
            driver = driver_of(transports, device_at(peer.address, "snmp"), COMMUNITY, profiles=profiles)

            async def read() -> dict[tuple[str, str], float]:
                return values((await driver.read()).reading)

            first = await read()
            assert first["wireless_clients", ""] == 1
            assert ("signal_dbm", "a") not in first
            agent.objects |= rows(("1", 1, -55, "a"), ("2", 1, -66, "b"))
            for _ in range(3):
                second = await read()
            assert second["wireless_clients", ""] == 2
            assert (second["signal_dbm", "a"], second["signal_dbm", "b"]) == (-55, -66)
            for oid in [oid for oid in agent.objects if oid.startswith(f"{BASE}.2.1")]:
                del agent.objects[oid]
            for _ in range(3):
                third = await read()
            assert third["wireless_clients", ""] == 0
            assert ("signal_dbm", "a") not in third
            await driver.close()
        await transports.close()

    asyncio.run(conversation())


def test_counters_of_a_table_become_rates_across_looks_and_a_wrap_of_32_bits(
    clock: Callable[[ScriptedAgent, float], None],
) -> None:
    agent = ScriptedAgent(objects_of("mikrotik"))
    queue = "1.3.6.1.4.1.14988.1.1.2.1.1"

    async def conversation(read: Read) -> None:
        assert ("queue_in_bps", "anna") not in values(await read())
        for cycle in range(1, 50):
            clock(agent, 10.0)
            agent.objects[f"{queue}.8.1"] = counter64(1000 + 12_500 * cycle)
            agent.objects[f"{queue}.14.1"] = counter32(4_294_967_290 + 20 * cycle)
            got = values(await read())
            assert got["queue_in_bps", "anna"] == 10_000
            assert got["queue_out_bps", "anna"] == 0
            assert got["queue_drops_per_s", "anna"] == 2

    converse(agent, conversation)


def test_a_neighbour_at_an_index_that_is_sent_as_negative_is_at_its_interface() -> None:
    objects = objects_of("mikrotik")
    for oid in [oid for oid in objects if oid.startswith(("1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1."))]:
        if oid.endswith(".1"):
            objects[oid.removesuffix("1") + "4026531841"] = objects.pop(oid)
    objects["1.3.6.1.4.1.14988.1.1.11.1.1.8.1"] = ber.encode_integer(4_026_531_841 - 2**32)
    (reading,) = read_objects(objects)
    assert "neighbour/ether1/02:00:00:00:00:77" in facts(reading)


def test_a_table_that_a_device_does_not_have_is_looked_for_rarely() -> None:
    agent = ScriptedAgent(switch())
    asked = 0

    async def conversation(read: Read) -> None:
        nonlocal asked
        for _ in range(100):
            agent.asked.clear()
            await read()
            asked += sum(
                message.pdu == Pdu.GET_BULK and message.varbinds[0][0].startswith("1.3.6.1.2.1.15.")
                for message in agent.asked
            )

    converse(agent, conversation)
    assert asked == 1


def test_the_file_in_the_guide_is_a_profile(tmp_path: Path) -> None:
    guide = Path(__file__).parents[2] / "docs" / "guide" / "profiles.md"
    block = guide.read_text("utf-8").split("## A first file")[1].split("\nA file with")[0]
    profiles = profiles_of(tmp_path, dedent(block))
    assert profiles.problems == ()
    assert profiles.choose("", "1.3.6.1.4.1.99999.7", "").name == "hilltop-controller"
