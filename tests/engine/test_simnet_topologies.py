"""Networks on real backbones: whole, the same each time, with rings; and what a fault in one takes with it."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path

import networkx
import pytest

from simnet.faults import CommandError, apply_command
from simnet.network import Network, NetworkError, check_network
from simnet.serving import SimulatedNetwork
from simnet.topologies import build_topology
from simnet.world import World
from tests.engine.simnet_peers import ask_bare, get_sys_name, run
from tests.engine.test_simnet_fleet import running

GERMANY = "sndlib/germany50"


@pytest.fixture(scope="module")
def germany() -> Network:
    return build_topology(GERMANY)


def graph_of(network: Network) -> networkx.Graph:
    graph = networkx.Graph()
    graph.add_nodes_from(router.name for router in network.routers)
    graph.add_edges_from((link.a, link.b) for link in network.links)
    return graph


def silent(world: World) -> set[str]:
    return {router.name for router in world.routers.values() if not router.answering}


def behind(network: Network, lost: Iterable[str]) -> set[str]:
    """Return what has no path to the vantage without these routers, by networkx."""
    graph = graph_of(network)
    graph.remove_nodes_from(lost)
    there = networkx.node_connected_component(graph, network.vantage) if network.vantage in graph else set()
    return {router.name for router in network.routers} - there


def test_a_backbone_becomes_a_network_of_pops_relays_and_access(germany: Network) -> None:
    check_network(germany)
    roles = {router.name: router.role for router in germany.routers}
    assert len(roles) == 500
    assert list(roles.values()).count("pop") == 50
    fibre = [link for link in germany.links if link.kind == "fibre"]
    assert len(fibre) == 88
    assert all(roles[link.a] == roles[link.b] == "pop" for link in fibre)
    aachen = next(site for site in germany.sites if site.name == "Aachen")
    assert (aachen.lng, aachen.lat) == (6.04, 50.76)
    assert networkx.is_connected(graph_of(germany))
    degrees = graph_of(germany).subgraph(name for name, role in roles.items() if role == "pop").degree
    assert degrees[germany.vantage] == max(degree for _, degree in degrees)
    assert all(router.subscribers > 0 for router in germany.routers if router.role == "access")


def test_some_relays_stand_in_rings_and_others_hang_in_trees(germany: Network) -> None:
    alone = set(networkx.articulation_points(graph_of(germany)))
    relays = {router.name for router in germany.routers if router.role == "relay"}
    in_ring = {
        name
        for ring in networkx.biconnected_components(graph_of(germany))
        if len(ring) > 2
        for name in ring & relays
    }
    assert 20 < len(in_ring) < len(relays) - 20
    assert len(alone & relays) > 50, "single points of failure, each with something behind it"


def test_the_same_name_size_and_seed_give_the_same_network(germany: Network) -> None:
    assert build_topology(GERMANY, 500, 1) == germany
    assert build_topology(GERMANY, 500, 2) != germany


@pytest.mark.parametrize(
    ("name", "devices"), [("topozoo/Dfn", 51), ("topozoo/Garr201201", 500), ("backbone/europe", 1_000)]
)
def test_other_backbones_become_networks_too(name: str, devices: int) -> None:
    network = build_topology(name, devices)
    check_network(network)
    assert len(network.routers) == devices
    assert len(World(network, 0.0).reachable()) == devices


@pytest.mark.parametrize(
    ("name", "devices", "complaint"),
    [
        ("germany50", 500, "expected a name like"),
        ("../../../etc/passwd", 500, "expected a name like"),
        ("sndlib/atlantis", 500, "knows no topology 'sndlib/atlantis'"),
        ("sndlib/atlanta", 500, "no places on the globe"),
        (GERMANY, 49, "expected 50 .its backbone. to 50000 devices, got 49"),
        (GERMANY, 50_001, "got 50001"),
    ],
)
def test_what_is_no_backbone_or_no_size_is_refused(name: str, devices: int, complaint: str) -> None:
    with pytest.raises(NetworkError, match=complaint):
        build_topology(name, devices)


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "topohub", None)
    with pytest.raises(NetworkError, match="pip install topohub"):
        build_topology(GERMANY)


def test_a_killed_relay_silences_its_tree_and_nothing_else(germany: Network) -> None:
    world = World(germany, 0.0, needs_path=True)
    relays = [router.name for router in germany.routers if router.role == "relay"]
    victim = max(relays, key=lambda name: len(behind(germany, [name])))
    lost = behind(germany, [victim])
    assert len(lost) > 5
    apply_command(world, ["kill", victim], 10.0)
    assert silent(world) == lost
    far = next(name for name in sorted(lost) if name != victim)
    assert all(port.running for port in world.routers[far].interfaces if port.peer is None)
    apply_command(world, ["revive", victim], 20.0)
    assert silent(world) == set()
    assert world.routers[victim].uptime_s(25.0) == 5.0
    assert world.routers[far].uptime_s(25.0) > 86_400, "what was cut off kept running"


def test_a_killed_relay_of_a_ring_is_silent_with_its_own_access_routers_only(germany: Network) -> None:
    world = World(germany, 0.0, needs_path=True)
    relays = {router.name for router in germany.routers if router.role == "relay"}
    ring = next(
        ring
        for ring in networkx.biconnected_components(graph_of(germany))
        if len(ring) > 2 and len(ring & relays) == len(ring) - 1
    )
    for victim in sorted(ring & relays):
        apply_command(world, ["kill", victim], 10.0)
        assert silent(world) & ring == {victim}
        assert silent(world) == behind(germany, [victim])
        apply_command(world, ["revive", victim], 20.0)


def test_a_cut_link_is_down_at_both_ends_and_silences_what_has_no_other_path(germany: Network) -> None:
    world = World(germany, 0.0, needs_path=True)
    bridges = list(networkx.bridges(graph_of(germany)))
    a, b = max(bridges, key=lambda pair: len(behind(germany, [pair[1]])) if pair[1] != germany.vantage else 0)
    link = next(link for link in world.links if {link.spec.a, link.spec.b} == {a, b})
    apply_command(world, ["cut", f"{a} - {b}"], 10.0)
    assert not link.a.running and not link.b.running
    graph = graph_of(germany)
    graph.remove_edge(a, b)
    assert silent(world) == set(graph) - networkx.node_connected_component(graph, germany.vantage)
    assert silent(world)
    apply_command(world, ["mend", f"{b} - {a}"], 20.0)
    assert silent(world) == set()


def test_random_faults_silence_exactly_what_has_no_path(germany: Network) -> None:
    dice = random.Random(3)
    world = World(germany, 0.0, needs_path=True)
    dead: set[str] = set()
    cut: set[tuple[str, str]] = set()
    for step in range(60):
        if dice.random() < 0.5:
            name = dice.choice(germany.routers).name
            apply_command(world, ["revive" if name in dead else "kill", name], float(step))
            dead ^= {name}
        else:
            spec = dice.choice(germany.links)
            apply_command(world, ["mend" if (spec.a, spec.b) in cut else "cut", spec.name], float(step))
            cut ^= {(spec.a, spec.b)}
        graph = graph_of(germany)
        graph.remove_edges_from(cut)
        graph.remove_nodes_from(dead)
        start = germany.vantage
        there = networkx.node_connected_component(graph, start) if start in graph else set()
        assert silent(world) == {router.name for router in germany.routers} - there


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("kill Atlantis", "no router 'Atlantis'"),
        ("cut Berlin", "could be"),
        ("cut Berlin - Aachen", "no link"),
        ("mend", "which link"),
        ("revive", "which router"),
    ],
)
def test_commands_that_mean_nothing_in_it_are_refused(germany: Network, line: str, complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        apply_command(World(germany, 0.0, needs_path=True), line.split(), 1.0)


def test_on_the_wire_what_is_cut_off_answers_nobody(germany: Network) -> None:
    tree = next(
        link
        for link in germany.links
        if link.b.endswith("Access 1") and behind(germany, [link.a]) >= {link.a, link.b}
    )
    core = germany.vantage

    async def scene() -> None:
        serve = [tree.a, tree.b, core]
        async with SimulatedNetwork(germany, needs_path=True, serve=serve) as network:
            ask = get_sys_name(1, germany.snmp.community.encode())

            async def answer(*those: str) -> bool:
                replies = await asyncio.gather(
                    *(
                        asyncio.to_thread(
                            ask_bare, network[name].snmp_address, ask, 20.0 if name in those else 0.4
                        )
                        for name in serve
                    )
                )
                return [name for name, reply in zip(serve, replies, strict=True) if reply] == list(those)

            assert await answer(*serve)
            network.command(["kill", tree.a])
            assert await answer(core)
            assert json.loads(network.command(["status"]))["routers"][tree.b] == ["cut off"]
            network.command(["revive", tree.a])
            assert await answer(*serve)

    run(scene())


def test_the_inventory_says_where_the_poller_enters(germany: Network) -> None:
    async def entries() -> list[str]:
        async with SimulatedNetwork(germany, serve=[]) as network:
            return [device["name"] for device in network.inventory()["devices"] if device["is_entry"]]

    assert run(entries()) == [germany.vantage]


def test_the_program_runs_a_topology_in_which_packets_need_a_path(tmp_path: Path) -> None:
    with running(tmp_path, "--topology", GERMANY, "--devices", "120") as program:
        assert program.ready()["devices"] == 120
        network = build_topology(GERMANY, 120)
        relay = next(router.name for router in network.routers if router.role == "relay")
        assert program.tell("kill", relay) == (0, f"{relay} is dead")
        code, said = program.tell("status")
        assert code == 0
        marks = json.loads(said)["routers"]
        assert {name for name, mark in marks.items() if mark} == behind(network, [relay])
        assert program.tell("kill", "Atlantis")[0] == 1
        assert program.tell("stop")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--topology", "sndlib/atlantis"], "knows no topology"),
        (["--network", "x.json", "--devices", "3"], "not allowed with argument --network"),
        (["--network", "x.json", "--topology", GERMANY], "not allowed with argument"),
    ],
)
def test_the_program_refuses_what_is_no_network(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    with running(tmp_path, *arguments) as program:
        code, said = program.wait()
    assert code == 2
    assert complaint in said
