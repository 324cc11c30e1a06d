"""Each shipped profile against a walk written from its MIB: metric, instance, scale, and what is left out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from domain.metrics import is_believable
from tests.engine.peers import PROFILES
from tests.engine.walk_values import FACTS, NUMBERS
from tests.engine.walks import RECORDINGS, objects_of, read_at, read_objects
from tests.protocol.agents import running_snmpsim

CHOSEN = {"ubiquiti-airfiber": "ubiquiti", "ubiquiti-airmax": "ubiquiti"}
PARTS = {"host-resources", "addresses", "entity-sensor", "lldp", "cdp", "ups", "bgp4", "ospf", "ubiquiti"}
"""Profiles that others extend; the walks of those hold theirs."""


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_a_walk_becomes_these_numbers_and_no_others(name: str) -> None:
    (reading,) = read_objects(objects_of(name))
    got = {(metric, instance): value for metric, instance, value in reading.values}
    assert len(got) == len(reading.values)
    told = {key: value for key, value in got.items() if key[0] not in ("if_oper_up", "uptime_s")}
    assert told == pytest.approx(NUMBERS[name], rel=1e-12)


@pytest.mark.parametrize("name", sorted(FACTS))
def test_a_walk_becomes_these_facts(name: str) -> None:
    (reading,) = read_objects(objects_of(name))
    told = dict(reading.facts)
    assert told["profile"] == CHOSEN.get(name, name)
    assert {field: told.get(field) for field in FACTS[name]} == FACTS[name]


def test_every_shipped_profile_has_a_walk() -> None:
    walked = {path.stem for path in RECORDINGS.glob("*.snmprec")}
    assert walked == NUMBERS.keys() == FACTS.keys()
    assert PROFILES.titles.keys() - PARTS == walked


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_hostile_values_in_place_of_every_other_one_hurt_nothing(name: str) -> None:
    objects = objects_of(name)
    kept = ("1.3.6.1.2.1.1.", "1.3.6.1.2.1.2.", "1.3.6.1.2.1.31.")
    bad = [
        b"\x04\x05no\x00\xff\x1b",
        b"\x02\x08\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x06\x03\x2b\x06\x01",
        b"\x44\x07\x9f\x78\x04\x7f\x80\x00\x00",
        b"\x04\x00",
        b"\x40\x04\xff\xff\xff\xff",
        b"\x44\x0b\x9f\x79\x08\x7f\xef\xff\xff\xff\xff\xff\xff",
    ]
    for start in range(len(bad)):
        changed = {
            oid: value if oid.startswith(kept) else bad[(place + start) % len(bad)]
            for place, (oid, value) in enumerate(objects.items())
        }
        for reading in read_objects(changed, cycles=2):
            assert all(is_believable(metric, value) for metric, _, value in reading.values)
            assert all(len(instance) < 200 for _, instance, _ in reading.values)


@pytest.fixture(scope="module")
def snmpsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A foreign agent that answers from the recordings, a community each."""
    folder = tmp_path_factory.mktemp("snmpsim")
    with running_snmpsim(folder, "1.3.6.1.2.1.1.3.0|67|1\n", f"--data-dir={RECORDINGS}") as asker:
        yield "127.0.0.1", asker.port


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_a_foreign_agent_that_plays_the_walk_is_read_alike(snmpsim: tuple[str, int], name: str) -> None:
    (theirs,) = asyncio.run(read_at(snmpsim, name))
    (ours,) = read_objects(objects_of(name))
    assert {value for value in theirs.values if value[0] != "uptime_s"} == {
        value for value in ours.values if value[0] != "uptime_s"
    }
    assert dict(theirs.facts) == dict(ours.facts)
