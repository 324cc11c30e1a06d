"""The living network: routers and links, and what happens to them.

Counterpart: `faults.py` calls it by the operator's words; the servers read its routers. One rule: every change carries
its moment, so that several processes which replay the same changes hold the same world.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import count, islice

from simnet.network import LinkSpec, Load, Network, Site
from simnet.router import Interface, Router, first_boot_s, mac_address
from simnet.traffic import SILENCE, Flow, Wave, day_wave, steady_wave

_LAN = Load(20_000, 60_000)
_LAN_BPS = 1_000_000_000
_LTE_BPS = 150_000_000
_EARTH_M = 6_371_008.8
_RETURN_SHARE = 0.35
"""How much of a forced load flows the other way."""


@dataclass(slots=True, eq=False)
class LiveLink:
    """A link in life: its two interfaces, its two flows, and what was done to it."""

    spec: LinkSpec
    a: Interface
    b: Interface
    day: tuple[Wave, Wave]
    """What flows a to b and b to a on an ordinary day."""
    forced: tuple[Wave, Wave] | None = None
    cut: bool = False
    pulled: set[int] = field(default_factory=set)
    """Which of its lines were taken out, from 0."""

    @property
    def name(self) -> str:
        """How people say it."""
        return self.spec.name

    @property
    def is_up(self) -> bool:
        """A link is up while nobody cut it, a line of it is in, and both ends have power."""
        return self.lines > 0 and self.a.router.powered and self.b.router.powered

    @property
    def lines(self) -> int:
        """How many of its lines are in."""
        return 0 if self.cut else max(1, len(self.a.members)) - len(self.pulled)


class World:
    """All routers and links. `at_s` arguments are seconds since 1970 and must not fall from call to call."""

    def __init__(self, network: Network, epoch_s: float, needs_path: bool = False) -> None:
        self.network = network
        self.epoch_s = epoch_s
        self.needs_path = needs_path
        sites = {site.name: site for site in network.sites}
        policies = frozenset(network.routeros.policies)
        self.routers = {
            spec.name: Router(
                spec,
                sites[spec.site],
                first_boot_s(spec.name, epoch_s),
                api_user=network.routeros.username,
                policies=policies,
            )
            for spec in network.routers
        }
        for router in self.routers.values():
            self._add_port(router, "ether1")
        self.links = [self._build_link(spec) for spec in network.links]
        self._links_of: dict[str, list[LiveLink]] = {name: [] for name in self.routers}
        for link in self.links:
            self._links_of[link.spec.a].append(link)
            self._links_of[link.spec.b].append(link)
        for router in self.routers.values():
            self._finish_router(router)

    def kill(self, router: Router, at_s: float) -> None:
        """Take a router's power: it answers nothing and its links fall."""
        if router.powered:
            router.powered = False
            self._settle(at_s, self._links_of[router.name])

    def revive(self, router: Router, at_s: float) -> None:
        """Give a router its power back: it boots, with counters and uptime from zero."""
        if not router.powered:
            router.powered = True
            router.reboot(at_s)
            self._settle(at_s, self._links_of[router.name])

    def cut(self, link: LiveLink, at_s: float) -> None:
        """Take a link down at both ends."""
        link.cut = True
        self._settle(at_s, [link])

    def pull(self, link: LiveLink, line: int, at_s: float) -> None:
        """Take one line of a link out, from 0: the others carry what it did."""
        link.pulled.add(line)
        self._settle(at_s, [link])

    def mend(self, link: LiveLink, at_s: float) -> None:
        """Undo a cut, and put all lines in."""
        link.cut = False
        link.pulled.clear()
        self._settle(at_s, [link])

    def load(self, link: LiveLink, percent: float | None, at_s: float) -> None:
        """Fill a link to a share of its capacity, or with None let its day go on."""
        if percent is None:
            link.forced = None
        else:
            rate_bps = link.spec.capacity_bps * percent / 100
            link.forced = (steady_wave(rate_bps), steady_wave(rate_bps * _RETURN_SHARE))
        self._settle(at_s, [link])

    def reachable(self) -> set[str]:
        """Names of the routers that have a path of live routers and links to the vantage."""
        start = self.routers[self.network.vantage]
        if not start.powered:
            return set()
        seen = {start.name}
        queue = deque([start.name])
        while queue:
            name = queue.popleft()
            for link in self._links_of[name]:
                far = link.spec.b if link.spec.a == name else link.spec.a
                if link.is_up and far not in seen:
                    seen.add(far)
                    queue.append(far)
        return seen

    def _settle(self, at_s: float, links: list[LiveLink]) -> None:
        """Bring flows, interfaces and who answers in line with what was done."""
        for link in links:
            is_up = link.is_up
            ab, ba = (SILENCE, SILENCE) if not is_up else (link.forced or link.day)
            link.a.outgoing.switch(ab, at_s)
            link.b.outgoing.switch(ba, at_s)
            for port in (link.a, link.b):
                if port.router.powered:
                    port.turn(is_up, at_s)
                for line, member in enumerate(port.members):
                    runs = is_up and line not in link.pulled
                    member.carry(1 / link.lines if runs else 0.0, at_s)
                    if port.router.powered:
                        member.turn(runs, at_s)
        reached = self.reachable() if self.needs_path else None
        for router in self.routers.values():
            router.answering = router.powered and (reached is None or router.name in reached)

    def _add_port(self, router: Router, name: str, speed_bps: int = _LAN_BPS) -> Interface:
        seed = f"{self.network.name} {router.name} {name}"
        flows = [Flow(day_wave(_LAN, speed_bps, f"{seed} {way}"), self.epoch_s) for way in ("in", "out")]
        port = Interface(
            router,
            len(router.interfaces) + 1,
            name,
            mac_address(router.board.vendor_oui, seed),
            speed_bps,
            flows[0],
            flows[1],
        )
        router.interfaces.append(port)
        return port

    def _build_link(self, spec: LinkSpec) -> LiveLink:
        seed = f"{self.network.seed} {spec.name}"
        day = (
            day_wave(spec.ab, spec.capacity_bps, f"{seed} ab"),
            day_wave(spec.ba, spec.capacity_bps, f"{seed} ba"),
        )
        ab, ba = (Flow(wave, self.epoch_s) for wave in day)
        ends = []
        for own, far, name in ((spec.a, spec.b, spec.a_interface), (spec.b, spec.a, spec.b_interface)):
            port = self._add_port(self.routers[own], name, int(spec.capacity_bps))
            port.comment = f"to {far}"
            ends.append(port)
        a, b = ends
        a.outgoing = b.incoming = ab
        a.incoming = b.outgoing = ba
        a.peer, b.peer = b, a
        a.is_access_point = spec.kind == "wireless"
        a.distance_m = b.distance_m = distance_m(a.router.site, b.router.site)
        return LiveLink(spec, a, b, day)

    def _finish_router(self, router: Router) -> None:
        """Add modem, bridge and what it controls, let an access router's LAN carry its uplink's load, set the counters' start."""
        if router.board.has_lte:
            self._add_port(router, "lte1", _LTE_BPS)
        for kind in router.spec.controls:
            self._add_port(router, f"{kind}1", _LTE_BPS)
        bridge = self._add_port(router, "bridge")
        bridge.mac = router.interfaces[0].mac
        uplink = next((link.b for link in self._links_of[router.name] if link.spec.b == router.name), None)
        if router.spec.role == "access" and uplink is not None:
            for port, share in ((bridge, 0.98), (router.interfaces[0], 0.97)):
                port.incoming, port.outgoing, port.share = uplink.outgoing, uplink.incoming, share
                port.comment = "subscribers"
        for link in self._links_of[router.name]:
            for port in (link.a, link.b):
                if port.router is router and port.family == "bond" and link.spec.parallel > 1:
                    self._add_members(port, link.spec)
        for port in router.interfaces:
            port.restart(self.epoch_s, self.epoch_s - router.booted_at_s)

    def _add_members(self, bond: Interface, spec: LinkSpec) -> None:
        """Give a bond its ports: the first that have no name yet; all tell the bond's MAC."""
        router = bond.router
        taken = {port.name for port in router.interfaces}
        free = (name for n in count(2) if (name := f"ether{n}") not in taken)
        for name in islice(free, spec.parallel):
            member = self._add_port(router, name, int(spec.capacity_bps / spec.parallel))
            member.incoming, member.outgoing = bond.incoming, bond.outgoing
            member.share, member.comment, member.mac = 1 / spec.parallel, bond.comment, bond.mac
            bond.members.append(member)


def distance_m(a: Site, b: Site) -> float:
    """Great-circle distance between two sites."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lng - a.lng) / 2) ** 2
    )
    return 2 * _EARTH_M * math.asin(math.sqrt(min(1.0, half)))
