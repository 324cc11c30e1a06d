"""The language of profiles: files that are refused and say why, files that extend others, and what each word does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from engine.drivers import Profiles
from engine.drivers.profiles.language import Profile
from engine.protocols import ber
from engine.protocols.snmp import Pdu
from tests.engine.agent import ScriptedAgent, counter32, counter64, switch
from tests.engine.peers import device_at, driver_of, octets, udp_peer
from tests.engine.test_driver_snmp import COMMUNITY, Read, clock, converse, facts, values
from tests.engine.walks import objects_of, read_objects

__all__ = ["clock"]

BASE = "1.3.6.1.4.1.99999.1"
ROW = """
name: mine
title: Mine
match: {object_id: [1.3.6.1.4.1.9.1.1]}
groups:
  - name: scalars
    fields:
      level: {oid: 1.3.6.1.4.1.99999.1.1.0}
    numbers:
      - {metric: signal_dbm, of: level}
"""


def profiles_of(folder: Path, *texts: str) -> Profiles:
    """The shipped profiles and these files of a user."""
    for number, text in enumerate(texts):
        (folder / f"file{number}.yaml").write_text(text)
    return Profiles(folder)


def numbers_of(folder: Path, text: str, objects: dict[str, bytes]) -> dict[tuple[str, str], float]:
    """What a device with these objects tells beyond its interfaces, read with a profile of this text."""
    profiles = profiles_of(folder, text)
    assert profiles.problems == ()
    (reading,) = read_objects(switch() | objects, profiles=profiles)
    return {key: value for key, value in values(reading).items() if key[0] not in ("if_oper_up", "uptime_s")}


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("name: [a", "line 2", "YAML expected"),
        ("- 1", "", "Expected `object`, got `array`"),
        ("name: mine\ntitle: Mine\ncolour: red", "", "unknown field `colour`"),
        (ROW.replace("metric: signal_dbm", "metric: signal"), "groups[0].numbers[0].metric", "'signal'"),
        (ROW.replace("of: level", "of: depth"), "groups[0].numbers[0].of", "one of level expected, got 'depth'"),
        (ROW.replace("of: level", "of: level, unit: mW"), "groups[0].numbers[0].unit", "'dBm' expected for signal_dbm"),
        (ROW.replace("1.1.0}", "1.1.0, scale: loud}"), "groups[0].fields[...].scale", "Expected `float`, got `str`"),
        (ROW.replace("1.1.0}", "1.1.0, scale: 0}"), "groups[0].fields.level.scale", "got 0"),
        (ROW.replace("1.1.0}", "1.1.0, scale: .inf}"), "groups[0].fields.level.scale", "got inf"),
        (ROW.replace("1.1.0}", "1.1.0, map: {1: .nan}}"), "groups[0].fields.level.map", "got nan"),
        (ROW.replace("1.1.0}", "1.1.0, column: 3}"), "groups[0].fields.level", "got none or several"),
        (ROW.replace("1.3.6.1.4.1.99999.1.1.0", "sysDescr"), "groups[0].fields.level.oid", "an OID expected, got 'sysDescr'"),
        (ROW.replace("[1.3.6.1.4.1.9.1.1]", "[cisco]"), "match.object_id[0]", "an OID expected, got 'cisco'"),
        (ROW + "    thing: {kind: ghost, key: a, value: {}}", "groups[0].thing.kind", "got 'ghost'"),
        (ROW + "    thing: {kind: poe, key: '{level}', value: {state: level}}", "groups[0].thing.value", "interface expected"),
        (ROW + "    facts: {colour: level}", "groups[0].facts.colour", "got 'colour'"),
        (ROW + "    matches: {level: '('}", "groups[0].matches.level", "a regular expression expected"),
        (ROW + "    every: 0", "groups[0].every", "1 to 10000 cycles expected, got 0"),
        (ROW + "extends: [nobody]", "extends[0]", "got 'nobody'"),
        (ROW + "extends: [mine]", "extends[0]", "does not extend this one"),
        (ROW + "without: [nothing]", "without[0]", "an inherited group expected, got 'nothing'"),
        ("name: &n mine\ntitle: *n", "line 2", "no aliases"),
        ("[" * 40, "line 1", "at most 12 levels"),
        ("x" * 300_000, "", "at most 262144 bytes expected, got 300000"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_by_file_and_path_with_what_was_got(
    tmp_path: Path, text: str, path: str, said: str
) -> None:
    profiles = profiles_of(tmp_path, text)
    (problem,) = profiles.problems
    assert problem.message.startswith("file0.yaml")
    assert problem.field == path
    assert said in problem.message
    assert "mine" not in profiles.titles
    assert profiles.choose("", "1.3.6.1.4.1.14988.1", "RouterOS").name == "mikrotik"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("of: level", "of: depth", 10),
        ("1.1.0}", "1.1.0, scale: loud}", 7),  # which of the fields is not said
        ("title: Mine", "colour: red\ntitle: Mine", 3),
        ("of: level}", "of: level,\n         colour: red}", 11),
        ("name: scalars", "name: SCALARS", 6),
        ("groups:", "extends: [nobody]\ngroups:", 5),
        ("groups:", "groups: }", 5),
    ],
)
def test_a_bad_file_is_refused_by_its_line(tmp_path: Path, old: str, new: str, line: int) -> None:
    (problem,) = profiles_of(tmp_path, ROW.replace(old, new)).problems
    assert problem.message.startswith("file0.yaml")
    assert f" line {line}: " in problem.message, problem.message


def test_a_bad_file_of_a_shipped_name_leaves_the_shipped_one(tmp_path: Path) -> None:
    profiles = profiles_of(tmp_path, ROW.replace("name: mine", "name: mikrotik") + "extends: [nobody]\n")
    assert len(profiles.problems) == 1
    assert "gauges" in groups(profiles.choose("mikrotik", "", ""))


def groups(profile: Profile) -> list[str]:
    return [group.name for group in profile.groups]


def test_a_users_file_adds_to_a_shipped_profile_takes_its_place_or_takes_a_group_away(tmp_path: Path) -> None:
    more = ROW.replace("name: mine", "name: mikrotik").replace(
        "match: {object_id: [1.3.6.1.4.1.9.1.1]}\n", ""
    )
    profiles = profiles_of(tmp_path, more + "extends: [mikrotik]\nwithout: [gps]\n")
    assert profiles.problems == ()
    added = profiles.choose("", "1.3.6.1.4.1.14988.1", "")
    shipped = Profiles().choose("mikrotik", "", "")
    assert groups(added) == ["scalars", *(name for name in groups(shipped) if name != "gps")]
    assert added.facts == shipped.facts
    (tmp_path / "file0.yaml").write_text(more)
    assert groups(Profiles(tmp_path).choose("mikrotik", "", "")) == ["scalars"]


def test_a_group_of_the_same_name_takes_the_place_of_the_inherited_one(tmp_path: Path) -> None:
    text = ROW.replace("name: scalars", "name: health") + "extends: [mikrotik]\n"
    profile = profiles_of(tmp_path, text).choose("mine", "", "")
    (health,) = [group for group in profile.groups if group.name == "health"]
    assert list(health.fields) == ["level"]


def test_profiles_that_extend_each_other_are_refused_and_the_rest_stands(tmp_path: Path) -> None:
    one = ROW.replace("name: mine", "name: one") + "extends: [two]\n"
    two = ROW.replace("name: mine", "name: two") + "extends: [one]\n"
    profiles = profiles_of(tmp_path, one, two, ROW)
    assert len(profiles.problems) == 2
    assert "mine" in profiles.titles


def test_two_files_of_one_name_are_a_problem_of_the_second(tmp_path: Path) -> None:
    profiles = profiles_of(tmp_path, ROW, ROW)
    (problem,) = profiles.problems
    assert problem.message.startswith("file1.yaml, line 2: name")
    assert "mine" in profiles.titles


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
