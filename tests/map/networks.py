"""Networks for the map's tests: a small one with names, and big ones."""

from __future__ import annotations

import random
import time
from uuid import UUID, uuid5

from domain.fault import Fault, FaultKind
from domain.health import Health, Status
from domain.inventory import Device, Link, Role
from domain.load import LinkState
from domain.wire import Changed

SPACE = UUID("018f0000-0000-7000-8000-000000000000")
VANTAGE = uuid5(SPACE, "vantage")

PLACES: dict[str, tuple[float, float, Role]] = {
    "Kempten": (10.314, 47.727, "pop"),
    "Hauchenberg": (10.155, 47.639, "relay"),
    "Grünten": (10.319, 47.553, "relay"),
    "Alpspitz": (10.48, 47.64, "access"),
}
LINKS = (("Kempten", "Hauchenberg"), ("Hauchenberg", "Grünten"), ("Kempten", "Alpspitz"))


def now_us() -> int:
    """Return the time as the engine stamps it."""
    return time.time_ns() // 1000


def id_of(name: str) -> UUID:
    """Return the id that a name has in these networks."""
    return uuid5(SPACE, name)


def health(name: str, status: Status, ago_s: float = 200) -> Health:
    """Return the health of a device since some time, heard just now."""
    at_us = now_us()
    return Health(id_of(name), VANTAGE, status, at_us - int(ago_s * 1e6), at_us)


def fault(cause: str, *affected: str, kind: FaultKind = "device", ago_s: float = 200) -> Fault:
    """Return the fault of a device or link, and what is behind it."""
    ids = tuple(map(id_of, affected))
    return Fault(id_of(cause), kind, now_us() - int(ago_s * 1e6), ids, behind=len(ids))


def news(*states: Health | LinkState | Fault) -> Changed:
    """Return a batch with new health, link states and faults."""
    return Changed(
        2,
        health=tuple(s for s in states if isinstance(s, Health)),
        link_states=tuple(s for s in states if isinstance(s, LinkState)),
        faults=tuple(s for s in states if isinstance(s, Fault)),
    )


def device(name: str, lng: float, lat: float, role: Role = "access") -> Device:
    """Return a device with a place of its own."""
    return Device(id_of(name), name, "127.0.0.1", role=role, lng=lng, lat=lat)


def small() -> Changed:
    """Return four devices that are up, and the links between them, in part loaded."""
    devices = tuple(device(name, *place) for name, place in PLACES.items())
    links = tuple(Link(id_of(a + b), id_of(a), id_of(b), kind="fibre", capacity_bps=10**9) for a, b in LINKS)
    at_us = now_us()
    return Changed(
        1,
        initial=True,
        devices=devices,
        links=links,
        health=tuple(health(name, "up") for name in PLACES),
        link_states=tuple(LinkState(x.id, "up", at_us, at_us, 6e8, 3e8) for x in links),
    )


def big(count: int) -> Changed:
    """Return many devices around many POPs, a few of them down, all linked."""
    chance = random.Random(count)
    pops = [(8 + 7 * chance.random(), 46.5 + 5 * chance.random()) for _ in range(count // 60 + 1)]
    devices, links, states, states_of_links = [], [], [], []
    for i in range(count):
        pop = pops[i % len(pops)]
        is_pop = i < len(pops)
        at = pop if is_pop else (pop[0] + chance.gauss(0, 0.12), pop[1] + chance.gauss(0, 0.08))
        devices.append(device(f"R{i}", *at, role="pop" if is_pop else "access"))
        states.append(health(f"R{i}", "down" if i % 1000 == 999 else "up"))
        if i:
            other = i - 1 if is_pop else i % len(pops)
            links.append(Link(id_of(f"L{i}"), id_of(f"R{other}"), id_of(f"R{i}"), capacity_bps=10**9))
            states_of_links.append(LinkState(id_of(f"L{i}"), "up", 1, 1, chance.random() * 9e8, 1e8))
    return _whole(devices, links, states, states_of_links)


def meshed(count: int) -> Changed:
    """Return many devices around many POPs with twice as many links of every kind: wireless, LAGs, bends, some down."""
    chance = random.Random(count)
    pops = [(8 + 7 * chance.random(), 46.5 + 5 * chance.random()) for _ in range(count // 60 + 1)]
    pops.sort(key=lambda at: (round(at[0] * 2), at[1] * (-1) ** round(at[0] * 2)))  # the next one is near
    places = [
        pops[i]
        if i < len(pops)
        else _about(pops[i % len(pops)], chance.gauss(0, 0.12), chance.gauss(0, 0.08))
        for i in range(count)
    ]
    devices, states = [], []
    for i, place in enumerate(places):
        role: Role = "pop" if i < len(pops) else "relay" if i % 7 == 0 else "access"
        devices.append(device(f"R{i}", *place, role=role))
        at = chance.random()
        status: Status = (
            "down" if at < 0.002 else "degraded" if at < 0.006 else "stale" if at < 0.01 else "up"
        )
        states.append(health(f"R{i}", status))
    links, states_of_links = [], []
    for n in range(2 * count):
        i = n // 2
        pop = i % len(pops)
        near = (i + len(pops) * chance.randrange(1, 4)) % count
        other = (
            (i + chance.randrange(1, 4)) % len(pops)
            if i < len(pops)
            else pop
            if n % 2 or n % 11 == 0
            else near
        )
        if other == i:
            other = (i + 1) % count
        a, b = places[i], places[other]
        bends = ((a[0] + (b[0] - a[0]) * 0.5 + 0.01, a[1] + (b[1] - a[1]) * 0.4),) if n % 5 == 0 else ()
        capacity_bps = chance.choice((2 * 10**8, 4 * 10**8, 10**9, 10**10))
        link = Link(
            id_of(f"L{n}"), id_of(f"R{i}"), id_of(f"R{other}"), capacity_bps=capacity_bps,
            kind="wireless" if n % 3 else "fibre", path=bends,
        )  # fmt: skip
        links.append(link)
        loads = (chance.random() ** 2 * capacity_bps, chance.random() ** 2 * capacity_bps)
        states_of_links.append(LinkState(link.id, "up" if chance.random() > 0.005 else "down", 1, 1, *loads))
    return _whole(devices, links, states, states_of_links)


def _about(place: tuple[float, float], dx: float, dy: float) -> tuple[float, float]:
    return place[0] + dx, place[1] + dy


def _whole(
    devices: list[Device], links: list[Link], states: list[Health], states_of_links: list[LinkState]
) -> Changed:
    return Changed(
        1,
        initial=True,
        devices=tuple(devices),
        links=tuple(links),
        health=tuple(states),
        link_states=tuple(states_of_links),
    )
