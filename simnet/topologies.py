"""Networks on real backbones: the graph of an operator's backbone with the places of its nodes, and an access network on each.

Counterpart: `network.py`, whose checks it passes. The graphs come from the package topohub (MIT, Piotr Jurkiewicz), which gathers
the Internet Topology Zoo, SNDlib and others; only tests and benches have it. Each node is a POP; relays hang on it in trees,
some of them in a ring that begins and ends there, and access routers on the relays. What hangs in a tree is lost with what is
before it, what stands in a ring survives one fault. One rule: the same name, size and seed give the same network.
"""

from __future__ import annotations

import importlib.resources
import math
import random
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from simnet.hardware import BOARDS
from simnet.network import (
    LinkKind,
    LinkSpec,
    Load,
    Network,
    NetworkError,
    Probe,
    Role,
    RouterOsCredential,
    RouterSpec,
    Site,
    SnmpCredential,
)

DEVICES = 500
MAX_DEVICES = 50_000
RING_SHARE = 0.4
"""How many of the POPs with two relays or more have some of them in a ring."""
_RING_RELAYS = 4
_ACCESS_PER_RELAY = 3
_MAX_DEPTH = 4
_NAME = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){1,3}")
_MAX_FILE_BYTES = 64 * 1024 * 1024
_NAME_CAP = 40
_M_PER_DEG = 111_195.0
_PROBES: tuple[Probe, ...] = ("snmp", "routeros", "icmp")
_POP_BOARD = ("CCR2116-12G-4S+", "7.19.4")
_RELAY_BOARDS = (("RB922UAGS-5HPacD", "6.49.17"), ("NetMetal ax", "7.18.2"), ("RB5009UG+S+", "7.18.2"))
_ACCESS_BOARDS = (("SXTsq 5 ac", "7.12.2"), ("LHG 5 ax", "7.16.2"), ("hAP ac^2", "6.49.17"))

_RADIO_PORTS = {"wireless": "wlan", "wifi": "wifi"}


class _Node(msgspec.Struct):
    id: int | str
    pos: tuple[float, float]
    name: str = ""


class _Edge(msgspec.Struct):
    source: int | str
    target: int | str


class _Graph(msgspec.Struct):
    """What is read of a file of the package; a place is (longitude, latitude)."""

    nodes: list[_Node]
    edges: list[_Edge]


@dataclass(slots=True)
class _Building:
    """A network as it grows."""

    seed: int
    dice: random.Random
    sites: dict[str, Site] = field(default_factory=dict)
    routers: list[RouterSpec] = field(default_factory=list)
    links: list[LinkSpec] = field(default_factory=list)
    ports: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, role: Role, region: str, place: tuple[float, float]) -> RouterSpec:
        """Add a router at a site of its own."""
        number = len(self.routers)
        boards = {"pop": (_POP_BOARD,), "relay": _RELAY_BOARDS, "access": _ACCESS_BOARDS}[role]
        board, version = boards[number % len(boards)]
        lng, lat = (round(degrees, 5) for degrees in place)
        subscribers = self.dice.randint(3, 60) if role == "access" else 0
        router = RouterSpec(
            name, name, role, board, version, f"HT{self.seed:04X}{number:05X}", _PROBES, subscribers
        )
        self.sites[name] = Site(name, role, region, lng, lat)
        self.routers.append(router)
        return router

    def join(self, a: RouterSpec, b: RouterSpec, kind: LinkKind, capacity_bps: float) -> None:
        """Add a link; `a` is the end nearer to the core."""
        peak_bps = self.dice.uniform(0.1, 0.8) * capacity_bps
        down, up = Load(0.4 * peak_bps, peak_bps), Load(0.1 * peak_bps, 0.25 * peak_bps)
        a_port, b_port = (self._port(end, kind) for end in (a, b))
        self.links.append(LinkSpec(a.name, a_port, b.name, b_port, kind, capacity_bps, down, up))

    def near(self, router: RouterSpec, low_m: float, high_m: float) -> tuple[float, float]:
        """Return a place so far from a router, in any direction."""
        site = self.sites[router.site]
        away_deg, way = self.dice.uniform(low_m, high_m) / _M_PER_DEG, self.dice.uniform(0, 2 * math.pi)
        lat = max(-85.0, min(85.0, site.lat + away_deg * math.cos(way)))
        lng = site.lng + away_deg * math.sin(way) / math.cos(math.radians(lat))
        return (lng + 180) % 360 - 180, lat

    def _port(self, router: RouterSpec, kind: LinkKind) -> str:
        self.ports[router.name] += 1
        number = self.ports[router.name]
        if kind == "fibre":
            return f"sfp-sfpplus{number}"
        radio = _RADIO_PORTS.get(BOARDS[router.board].radio)
        return f"{radio}{number}" if radio else f"ether{number + 1}"


def build_topology(name: str, devices: int = DEVICES, seed: int = 1) -> Network:
    """Build a network of this many routers on the backbone of this name ("sndlib/germany50", "topozoo/Dfn").

    Raises:
        NetworkError: there is no such backbone, it has no places on the globe, or more nodes than routers are wanted.
    """
    graph = _read(name)
    if not len(graph.nodes) <= devices <= MAX_DEVICES:
        raise NetworkError(
            f"{name}: expected {len(graph.nodes)} (its backbone) to {MAX_DEVICES} devices, got {devices}"
        )
    building = _Building(seed, random.Random(f"{name} {devices} {seed}"))  # noqa: S311 - scenery, no secret
    pops = _build_backbone(graph, building, name)
    shares = _shares(devices - len(pops), len(pops), building.dice)
    for pop, share in zip(pops, shares, strict=True):
        _hang(pop, share, building)
    return Network(
        name=f"{name} {devices}",
        vantage=pops[0].name,
        seed=seed,
        snmp=SnmpCredential("Topology SNMP", "public"),
        routeros=RouterOsCredential("Topology API", "monitor", "alpenglow"),
        sites=tuple(building.sites.values()),
        routers=tuple(building.routers),
        links=tuple(building.links),
    )


def _read(name: str) -> _Graph:
    """Read a graph of the package: connected, without loops or double edges, every node on the globe."""
    if not _NAME.fullmatch(name):
        raise NetworkError(f"topology {name[:80]!r}: expected a name like sndlib/germany50 or topozoo/Dfn")
    try:
        file = importlib.resources.files("topohub") / "data" / f"{name}.json"
    except ModuleNotFoundError:
        raise NetworkError(
            "topologies come from the package topohub, which is not installed: pip install topohub"
        ) from None
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_FILE_BYTES + 1)
        graph = msgspec.json.decode(data, type=_Graph)
    except OSError:
        raise NetworkError(f"topohub knows no topology {name!r}: see https://www.topohub.org") from None
    except msgspec.DecodeError as error:
        raise NetworkError(f"topology {name}: {error}") from error
    if any(not (-180 <= node.pos[0] <= 180 and -85 <= node.pos[1] <= 85) for node in graph.nodes):
        raise NetworkError(f"topology {name}: its nodes have no places on the globe")
    return graph


def _build_backbone(graph: _Graph, building: _Building, name: str) -> list[RouterSpec]:
    """Make each node a POP, the one with the most neighbours first, then outwards: there the poller sits."""
    nodes = {node.id: node for node in graph.nodes}
    near: dict[int | str, list[int | str]] = {id: [] for id in nodes}
    for edge in graph.edges:
        if edge.source != edge.target and edge.target not in near[edge.source]:
            near[edge.source].append(edge.target)
            near[edge.target].append(edge.source)
    core = max(nodes, key=lambda id: len(near[id]))
    order, queue = {core: 0}, deque([core])
    while queue:
        id = queue.popleft()
        for far in near[id]:
            if far not in order:
                order[far] = len(order)
                queue.append(far)
    if len(order) < len(nodes):
        raise NetworkError(
            f"topology {name}: {len(nodes) - len(order)} of its nodes have no path to the others"
        )
    names: Counter[str] = Counter()
    pops: dict[int | str, RouterSpec] = {}
    for id, number in order.items():
        node = nodes[id]
        called = _plain(node.name) or f"POP {number + 1:03d}"
        names[called] += 1
        unique = called if names[called] == 1 else f"{called} ({names[called]})"
        pops[id] = building.add(unique, "pop", unique, node.pos)
    for id, number in order.items():
        for far in near[id]:
            if order[far] > number:
                building.join(pops[id], pops[far], "fibre", 10e9)
    return list(pops.values())


def _plain(text: str) -> str:
    """Return a name without what the operator's words could not hold."""
    return re.sub(r"[^\w .'()/-]+", "", " ".join(text.split()))[:_NAME_CAP].strip()


def _shares(routers: int, pops: int, dice: random.Random) -> list[int]:
    """Share routers among POPs, some with three times as many as others; the sum is exact."""
    weights = [dice.uniform(0.5, 1.5) for _ in range(pops)]
    whole = sum(weights)
    ends, reached = [0], 0.0
    for weight in weights:
        reached += weight
        ends.append(round(routers * reached / whole))
    return [end - start for start, end in pairwise(ends)]


def _hang(pop: RouterSpec, routers: int, building: _Building) -> None:
    """Hang so many relays and access routers on a POP."""
    dice = building.dice
    relays = math.ceil(routers / (1 + _ACCESS_PER_RELAY))
    depths = {pop.name: 0}
    built: list[RouterSpec] = []

    def add_relay(parent: RouterSpec) -> RouterSpec:
        place = building.near(parent, 8_000, 25_000)
        relay = building.add(f"{pop.name} Relay {len(built) + 1}", "relay", pop.name, place)
        building.join(parent, relay, "wireless", 1e9)
        depths[relay.name] = depths[parent.name] + 1
        built.append(relay)
        return relay

    if relays >= 2 and dice.random() < RING_SHARE:
        last = pop
        for _ in range(min(relays, _RING_RELAYS)):
            last = add_relay(last)
        building.join(pop, last, "wireless", 1e9)
    while len(built) < relays:
        add_relay(dice.choice([pop, *(relay for relay in built if depths[relay.name] < _MAX_DEPTH)]))
    for number in range(routers - relays):
        parent = built[number % len(built)]
        place = building.near(parent, 800, 6_000)
        access = building.add(f"{pop.name} Access {number + 1}", "access", pop.name, place)
        building.join(parent, access, "wireless", 300e6)
