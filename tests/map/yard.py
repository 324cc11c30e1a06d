"""A corner of a network where one of each thing stands that the map can show, away from the rest, and what is seen of each.

Counterpart: `test_all_that_the_map_shows.py`. One rule: what is said to be seen is seen at CLOSE, in both themes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from app.look import Theme
from domain.alerts import Alert
from domain.evidence import DerivedLink
from domain.fact import Fact
from domain.geometry import LngLat, place_towards
from domain.health import ProbeHealth
from domain.inventory import Device, Interface, Link, LinkKind, Site
from domain.load import LinkState
from domain.radio import Sector
from domain.wire import Changed
from tests.map.networks import VANTAGE, device, fault, health, id_of, now_us

MIDDLE = LngLat(7.2, 46.0)
"""West of every network of `networks.py`."""
CLOSE = 13.0
_KM = 1_000.0
_PLACES = {
    "Tower": place_towards(MIDDLE, 270, 1.6 * _KM),
    "Station": place_towards(MIDDLE, 215, 1.4 * _KM),
    "Relay": place_towards(MIDDLE, 180, 0.3 * _KM),
    "Behind": place_towards(MIDDLE, 140, 1.2 * _KM),
    "Trunk west": place_towards(MIDDLE, 300, 1.2 * _KM),
    "Trunk east": place_towards(MIDDLE, 45, 1.0 * _KM),
    "Loose": place_towards(MIDDLE, 100, 1.9 * _KM),
}
HILL = Site(id_of("yard hill"), "Yard hill", "Yard", *place_towards(MIDDLE, 65, 1.9 * _KM))
HILL_AT = LngLat(HILL.lng or 0.0, HILL.lat or 0.0)
ON_HILL = 8
WORST_ON_HILL = 3
_GIG = 10**9


class Seen(NamedTuple):
    """Something that is seen: what, where, in which colour, how many pixels around."""

    what: str
    at: LngLat
    color: str
    reach: int


def count() -> int:
    """Return how many devices stand there."""
    return len(_PLACES) + ON_HILL


def yard() -> Changed:
    """Return the corner: a sector with a station, a cause and what is behind it, a bundle, a candidate, a site with many."""
    return Changed(
        2,
        sites=(HILL,),
        devices=tuple(_devices()),
        links=(
            Link(id_of("yard bundle"), id_of("Trunk west"), id_of("Trunk east"), "bond0", "bond0", "fibre", 2 * _GIG),
            Link(id_of("yard way"), id_of("Relay"), id_of("Behind"), kind="wireless", capacity_bps=_GIG),
        ),
        health=(
            *(health(name, "down" if name in ("Relay", "Behind") else "up", 4_000) for name in _PLACES),
            *(health(f"Hill {n}", "degraded" if n == WORST_ON_HILL else "up") for n in range(ON_HILL)),
        ),
        link_states=(LinkState(id_of("yard bundle"), "up", 1, 1, 0.8 * _GIG, 0.8 * _GIG),),
        derived_links=(_told("Tower", "Station", "wlan1", "wireless"), CANDIDATE),
        facts=tuple(_facts()),
        faults=(fault("Relay", "Behind", ago_s=4_000),),
        alerts=tuple(Alert(id_of(f"yard alert {n}"), f"rule {n}", id_of("Station"), "critical", 1) for n in range(3)),
    )  # fmt: skip


def slow() -> Changed:
    """Return that the bundle's one end answers slowly."""
    probe = ProbeHealth(last_answer_us=1, rtt_us=400_000)
    return Changed(3, health=(msgspec.structs.replace(health("Trunk west", "up"), probes={"icmp": probe}),))


def of_the_network(theme: Theme) -> list[Seen]:
    """Return what is seen of it where no layer was switched."""
    return [
        Seen("a station's signal", _between("Tower", "Station"), theme.signal[4], 4),
        Seen("a cause", _PLACES["Relay"], theme.status["down"], 14),
        Seen("what is behind a cause", _PLACES["Behind"], theme.status["affected"], 14),
        Seen("a bundle's load", _between("Trunk west", "Trunk east", 0.3), theme.load[2], 6),
        Seen("a site of many", HILL_AT, theme.status["degraded"], 30),
    ]


def of_all_layers(theme: Theme) -> list[Seen]:
    """Return what is seen besides where all layers are on."""
    return [
        Seen("a slow round trip", _PLACES["Trunk west"], theme.latency[4], 14),
        Seen("alerts in a badge", _PLACES["Station"], theme.status["down"], 24),
    ]


def _between(a: str, b: str, share: float = 0.5) -> LngLat:
    one, other = _PLACES[a], _PLACES[b]
    return LngLat(one.lng + (other.lng - one.lng) * share, one.lat + (other.lat - one.lat) * share)


def _devices() -> Iterable[Device]:
    for name, place in _PLACES.items():
        made = device(name, *place, role="relay")
        yield (
            msgspec.structs.replace(made, sectors=(Sector(200.0, 60.0, 2_000.0, "wlan1"),))
            if name == "Tower"
            else made
        )
    for number in range(ON_HILL):
        yield Device(id_of(f"Hill {number}"), f"Hill {number}", "10.0.0.1", site=HILL.id)


def _told(a: str, b: str, port: str, kind: LinkKind) -> DerivedLink:
    one, other = sorted((id_of(a), id_of(b)))
    return DerivedLink(id_of(f"{a} told {b}"), one, port, other, port, kind, (), 0.9, 1)


def _facts() -> Iterable[Fact]:
    at_us = now_us()
    macs = {"Tower": "02:00:00:00:00:01", "Station": "02:00:00:00:00:02"}
    for (name, mac), other in zip(macs.items(), reversed(macs.values()), strict=True):
        rows: dict[str, dict[str, object]] = {
            "interface/wlan1": {"name": "wlan1", "mac": mac},
            f"wireless_client/wlan1/{other}": {"interface": "wlan1", "mac": other, "signal_dbm": -55.0},
        }
        yield from (Fact(id_of(name), field, "routeros", VANTAGE, at_us, row) for field, row in rows.items())
    for end in ("Trunk west", "Trunk east"):
        for line in ("ether2", "ether3"):
            port = Interface(line, kind="ether", speed_bps=_GIG, oper_up=True, bond="bond0")
            yield Fact(id_of(end), f"interface/{line}", "snmp", VANTAGE, at_us, msgspec.to_builtins(port))


CANDIDATE = _told("Trunk east", "Loose", "ether1", "copper")
"""A cable that two devices tell of and nobody has drawn."""
