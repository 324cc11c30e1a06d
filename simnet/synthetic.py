"""Networks of any size for load tests: a tree and rings of routers over Central Europe.

Counterpart: `network.py`, whose checks it passes. One rule: the same size gives the same network.
"""

from __future__ import annotations

import math
import random
from collections import Counter

from simnet.network import (
    LinkSpec,
    Load,
    Network,
    NetworkError,
    Role,
    RouterOsCredential,
    RouterSpec,
    Site,
    SnmpCredential,
)

MAX_DEVICES = 50_000
_WEST, _EAST, _SOUTH, _NORTH = 5.0, 17.0, 45.5, 53.0
_CHILDREN = 3
_ACCESS_BOARDS = (
    ("hAP ac^2", "6.49.17"),
    ("hAP ax^2", "7.18.2"),
    ("SXTsq 5 ac", "7.12.2"),
    ("LHG 5 ax", "7.16.2"),
    ("hAP ac^2", "6.42.12"),
)
_CORE_BOARD, _RELAY_BOARD = ("CCR2116-12G-4S+", "7.19.4"), ("RB5009UG+S+", "7.18.2")
_PLATE_CORE = 13
"""The first so many routers are POPs: the root and two rings of the tree."""


def build_network(devices: int) -> Network:
    """Build a network of this many routers, with about two links for each.

    Raises:
        NetworkError: fewer than one or more than MAX_DEVICES are asked for.
    """
    if not 1 <= devices <= MAX_DEVICES:
        raise NetworkError(f"expected between 1 and {MAX_DEVICES} devices, got {devices}")
    dice = random.Random(devices)  # noqa: S311 - scenery, no secret
    routers: list[RouterSpec] = []
    sites: list[Site] = []
    for number in range(devices):
        name = f"R{number + 1:05d}"
        role = _role(number, devices)
        board, version = _hardware(role, number)
        lng, lat = _place(number, devices, dice)
        sites.append(Site(name, role, "Central Europe", lng, lat))
        serial = f"HS{number:08X}"
        subscribers = dice.randint(3, 60) if role == "access" else 0
        routers.append(
            RouterSpec(name, name, role, board, version, serial, ("snmp", "routeros", "icmp"), subscribers)
        )
    return Network(
        name=f"synthetic {devices}",
        vantage=routers[0].name,
        seed=devices,
        snmp=SnmpCredential("Synthetic SNMP", "public"),
        routeros=RouterOsCredential("Synthetic API", "monitor", "alpenglow"),
        sites=tuple(sites),
        routers=tuple(routers),
        links=tuple(_links(routers, dice)),
    )


def _role(number: int, devices: int) -> Role:
    if number < min(_PLATE_CORE, max(1, devices // 20)):
        return "pop"
    return "relay" if number * _CHILDREN + 1 < devices else "access"


def _hardware(role: Role, number: int) -> tuple[str, str]:
    if role == "pop":
        return _CORE_BOARD
    return _RELAY_BOARD if role == "relay" else _ACCESS_BOARDS[number % len(_ACCESS_BOARDS)]


def _place(number: int, devices: int, dice: random.Random) -> tuple[float, float]:
    """Spread places evenly by the golden ratio, with a little disorder."""
    across = (number * (math.sqrt(5) - 1) / 2) % 1
    lng = _WEST + (_EAST - _WEST) * across + dice.uniform(-0.05, 0.05)
    lat = _SOUTH + (_NORTH - _SOUTH) * (number + 0.5) / devices + dice.uniform(-0.05, 0.05)
    return round(lng, 5), round(lat, 5)


def _links(routers: list[RouterSpec], dice: random.Random) -> list[LinkSpec]:
    used: Counter[str] = Counter()
    pairs = [((number - 1) // _CHILDREN, number) for number in range(1, len(routers))]
    seen = {frozenset(pair) for pair in pairs}
    for number in range(1, len(routers) - 1):
        if frozenset((number, number + 1)) not in seen:
            pairs.append((number, number + 1))
    links: list[LinkSpec] = []
    for a, b in pairs:
        is_core = routers[a].role == routers[b].role == "pop"
        capacity_bps = 10e9 if is_core else 1e9 if routers[b].role == "relay" else 300e6
        share = dice.uniform(0.1, 0.8)
        down = Load(0.4 * share * capacity_bps, share * capacity_bps)
        up = Load(0.1 * share * capacity_bps, 0.25 * share * capacity_bps)
        ends = []
        for end in (a, b):
            used[routers[end].name] += 1
            kind = "sfp-sfpplus" if is_core else "ether"
            ends.append(f"{kind}{used[routers[end].name] + 1}")
        links.append(
            LinkSpec(
                routers[a].name,
                ends[0],
                routers[b].name,
                ends[1],
                "fibre" if is_core else "wireless",
                capacity_bps,
                down,
                up,
            )
        )
    return links
