"""The network as data, its load over the day, the play of the demo, and what an operator would type in."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from simnet.hardware import BOARDS
from simnet.network import (
    VORALPNET,
    Load,
    Network,
    NetworkError,
    check_network,
    interface_family,
    load_network,
)
from simnet.scenario import ROUND_S, demo_steps
from simnet.serving import SimulatedNetwork
from simnet.synthetic import build_network
from simnet.traffic import DAY_S, PEAK_S, Flow, day_wave, steady_wave
from simnet.world import World
from tests.engine.simnet_peers import DAYTIME_S, run


@pytest.fixture(scope="module")
def voralpnet() -> Network:
    return load_network(VORALPNET)


def test_the_demo_network_is_as_mixed_as_a_real_one(voralpnet: Network) -> None:
    probes = Counter(router.probes for router in voralpnet.routers)
    assert len(voralpnet.sites) == len(voralpnet.routers) == 60
    assert len(voralpnet.links) == 62
    assert probes["icmp",] == 3
    assert probes["routeros", "icmp"] == 8
    assert probes["snmp", "icmp"] == 6
    assert sum(probes.values()) == 60
    versions = [router.version for router in voralpnet.routers if BOARDS[router.board].make == "mikrotik"]
    majors = Counter(version.split(".")[0] for version in versions)
    assert min(majors["6"], majors["7"]) > 10
    assert sum(version.startswith("6.42.") for version in versions) == 2
    assert sum(version.startswith(("7.18.", "7.19.")) for version in versions) > 8
    assert len({router.serial for router in voralpnet.routers}) == 60


def test_the_licence_of_the_places_is_named_beside_them() -> None:
    note = (VORALPNET.parent / "LICENSE.md").read_text("utf-8")
    assert "GeoNames" in note
    assert "CC BY 4.0" in note


def _edit(path: Path, change: dict[str, Any], kind: str = "", name: str = "") -> Path:
    content = json.loads(VORALPNET.read_bytes())
    entry = (
        next(item for item in content[kind] if name in (item.get("name"), item.get("a"))) if kind else content
    )
    entry.update(change)
    path.write_text(json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "name", "change", "complaint"),
    [
        ("", "", {"vantage": "Rome"}, "vantage: there is no router 'Rome'"),
        ("", "", {"seed": "x"}, "Expected `int`, got `str` - at `$.seed`"),
        ("", "", {"colour": 1}, "unknown field `colour`"),
        ("", "", {"routers": []}, "at least one router"),
        ("sites", "Kempten", {"lat": 91}, "site Kempten: expected lng, lat in degrees"),
        ("sites", "Kempten", {"name": "Wangen"}, "site Wangen is there 2 times"),
        ("routers", "Kempten", {"site": "Rome"}, "router Kempten: there is no site 'Rome'"),
        ("routers", "Kempten", {"board": "RB1"}, "router Kempten: unknown board 'RB1'"),
        ("routers", "Kempten", {"probes": []}, "router Kempten: needs at least one of"),
        ("routers", "Wiggensbach", {"probes": ["routeros"]}, "does not speak the RouterOS API"),
        ("links", "Kempten", {"b": "Rome"}, "there is no router 'Rome'"),
        ("links", "Kempten", {"b": "Kempten"}, "both ends are the same router"),
        ("links", "Kempten", {"capacity_bps": 0}, "expected a capacity above 0"),
        ("links", "Kempten", {"capacity_bps": 1000}, "expected loads between 0 and 1000"),
        ("links", "Kempten", {"a_interface": "wlan1"}, "has no interface wlan1"),
        ("links", "Kempten", {"a_interface": "ether2"}, "interface Kempten ether2 is there 2 times"),
    ],
)
def test_a_network_that_cannot_be_is_refused_by_name(
    tmp_path: Path, kind: str, name: str, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(NetworkError, match=re.escape(complaint)):
        load_network(_edit(tmp_path / "network.json", change, kind, name))


@pytest.mark.parametrize(
    ("content", "complaint"), [("{", "truncated"), ("[]", "Expected `object`"), (None, "No such file")]
)
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, content: str | None, complaint: str) -> None:
    path = tmp_path / "network.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(NetworkError, match=complaint):
        load_network(path)


def test_a_load_swings_with_the_day_and_stays_under_its_capacity() -> None:
    wave = day_wave(Load(100e6, 290e6), 300e6, "x")
    midnight_s = DAYTIME_S - DAYTIME_S % DAY_S
    rates = [wave.rate_bps(midnight_s + 60 * minute) for minute in range(1440)]
    assert min(rates) > 0
    assert max(rates) <= 300e6
    assert wave.rate_bps(midnight_s + PEAK_S) == pytest.approx(290e6, rel=0.1)
    assert wave.rate_bps(midnight_s + PEAK_S - DAY_S / 2) == pytest.approx(100e6, rel=0.25)
    steps = [abs(new - old) for old, new in itertools.pairwise(rates)]
    assert 0 < max(steps) < 30e6


def test_bits_are_the_integral_of_the_rate() -> None:
    wave = day_wave(Load(100e6, 290e6), 300e6, "x")
    start_s = DAYTIME_S + 12_345
    summed = sum(wave.rate_bps(start_s + step / 10 + 0.05) * 0.1 for step in range(6000))
    assert wave.bits(start_s, start_s + 600) == pytest.approx(summed, rel=1e-6)


def test_a_flow_keeps_what_flowed_when_it_is_switched_and_never_runs_back() -> None:
    flow = Flow(steady_wave(1000.0), 0.0)
    flow.switch(steady_wave(10.0), 100.0)
    flow.switch(steady_wave(0.0), 200.0)
    assert [flow.bits(at_s) for at_s in (200.0, 300.0, 150.0)] == [101_000.0, 101_000.0, 101_000.0]
    wavy = Flow(day_wave(Load(1e6, 9e6), 10e6, "y"), DAYTIME_S)
    read = [wavy.bits(DAYTIME_S + step * 7.3) for step in range(20_000)]
    assert read == sorted(read)


def test_a_few_links_run_hot_at_any_hour(voralpnet: Network) -> None:
    world = World(voralpnet, DAYTIME_S)
    for hour in range(24):
        at_s = DAYTIME_S + hour * 3600
        hot = [link.name for link in world.links if link.a.out_bps(at_s) >= 0.9 * link.spec.capacity_bps]
        assert 2 <= len(hot) <= 6


def test_the_same_file_gives_the_same_counters_in_every_process(voralpnet: Network) -> None:
    worlds = [World(voralpnet, DAYTIME_S) for _ in range(2)]
    read = [
        [port.in_octets(DAYTIME_S + 1000) for router in world.routers.values() for port in router.interfaces]
        for world in worlds
    ]
    assert read[0] == read[1]
    assert min(read[0]) > 0


def test_the_play_begins_with_a_silent_router_and_mends_what_it_breaks(voralpnet: Network) -> None:
    steps = list(itertools.takewhile(lambda step: step[0] < 10 * ROUND_S, demo_steps(voralpnet)))
    assert steps[:3] == [
        (0.0, ["kill", "Hittisau"]),
        (20.0, ["kill", "Grünten"]),
        (72.0, ["revive", "Grünten"]),
    ]
    assert [at_s for at_s, _ in steps] == sorted(at_s for at_s, _ in steps)
    killed = Counter(words[1] for _, words in steps if words[0] == "kill")
    revived = Counter(words[1] for _, words in steps if words[0] == "revive")
    assert killed - revived == Counter(["Hittisau"])
    assert len(killed) > 8
    assert Counter(w[1] for _, w in steps if w[0] == "cut") == Counter(
        w[1] for _, w in steps if w[0] == "mend"
    )
    assert steps == list(itertools.islice(demo_steps(voralpnet), len(steps)))


def test_every_step_of_the_play_can_be_done(voralpnet: Network) -> None:
    async def scene() -> None:
        async with SimulatedNetwork(voralpnet, serve=[]) as network:
            for at_s, words in itertools.islice(demo_steps(voralpnet), 100):
                assert network.command(words, network.world.epoch_s + at_s)

    run(scene())


@pytest.mark.parametrize("devices", [1, 2, 7, 1000])
def test_a_network_of_any_size_is_made_up_whole(devices: int) -> None:
    network = build_network(devices)
    check_network(network)
    assert len(network.routers) == devices
    assert len(World(network, 0.0).reachable()) == devices
    if devices == 1000:
        assert 1900 < len(network.links) < 2000
        assert network == build_network(devices)
        assert {router.role for router in network.routers} == {"pop", "relay", "access"}


@pytest.mark.parametrize("devices", [0, -3, 50_001])
def test_a_network_of_an_impossible_size_is_refused(devices: int) -> None:
    with pytest.raises(NetworkError, match="expected between 1 and 50000 devices"):
        build_network(devices)


def test_the_inventory_holds_what_an_operator_would_type_in(voralpnet: Network) -> None:
    async def scene() -> dict[str, Any]:
        async with SimulatedNetwork(voralpnet, serve=[]) as network:
            return network.inventory()

    inventory = run(scene())
    assert json.loads(json.dumps(inventory)) == inventory
    assert [len(inventory[kind]) for kind in ("sites", "devices", "links", "credentials")] == [60, 60, 62, 2]
    names = {device["name"] for device in inventory["devices"]}
    assert {end for link in inventory["links"] for end in (link["a"], link["b"])} <= names
    profiles = {credential["name"] for credential in inventory["credentials"]} | {None}
    assert {probe["credential"] for device in inventory["devices"] for probe in device["probes"]} == profiles
    assert len({device["address"] for device in inventory["devices"]}) == 60
    assert all(device["probes"] for device in inventory["devices"])
    bent = next(link for link in inventory["links"] if link["a"] == "Kempten" and link["b"] == "Wangen")
    assert len(bent["path"]) == 4
    assert bent["capacity_bps"] == 10_000_000_000
    pops = {site["name"] for site in inventory["sites"] if site["role"] == "pop"}
    assert {site["pop"] for site in inventory["sites"]} - {""} <= pops
    assert all(bool(site["pop"]) != (site["name"] in pops) for site in inventory["sites"])
    radios = [link for link in inventory["links"] if link["radio"]]
    assert len(radios) > 30
    families = [
        {interface_family(link["a_interface"]), interface_family(link["b_interface"])} for link in radios
    ]
    assert all(found & {"wireless", "wifi"} for found in families)
