"""A router's live state: what it would say of itself right now, computed when it is asked.

Counterpart: `mib.py` and `menus.py` spell these figures for SNMP and for the RouterOS API; `world.py` changes the
state. One rule: every figure is a function of the state and the moment; nothing ticks.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from simnet.hardware import BOARDS, Board, version_key
from simnet.network import RouterSpec, Site, interface_family
from simnet.traffic import Flow

PACKET_OCTETS = 740
"""Mean size of a packet; packet counters are octets divided by it."""

_WEEK_S = 7 * 86_400


@dataclass(slots=True, eq=False)
class Interface:
    """One interface. `incoming` is what the router receives on it, `outgoing` what it sends."""

    router: Router
    index: int
    name: str
    mac: bytes
    speed_bps: int
    incoming: Flow
    outgoing: Flow
    share: float = 1.0
    """The part of the flows that passes here: 1 on a link, less on a LAN port or a bridge."""
    comment: str = ""
    peer: Interface | None = None
    distance_m: float = 0.0
    is_access_point: bool = False
    """Whether this is the end of a radio link that the other registers with."""
    members: list[Interface] = field(default_factory=list)
    """Of a bond its ports."""
    running: bool = True
    link_downs: int = 0
    last_down_s: float | None = None
    last_up_s: float | None = None
    _in_start: float = 0.0
    _out_start: float = 0.0

    @property
    def family(self) -> str:
        """`bridge`, `bond`, `ethernet`, `wireless`, `wifi`, `w60g`, `lte`, or `cap`: the radio of another."""
        return "bridge" if self.name == "bridge" else interface_family(self.name)

    @property
    def is_cap(self) -> bool:
        """Whether it is the radio of an access point that is controlled from here."""
        return self.name.startswith("cap")

    def in_octets(self, at_s: float) -> int:
        """Octets received since the router started."""
        return int(self._in_start + self.share * self.incoming.bits(at_s) / 8)

    def out_octets(self, at_s: float) -> int:
        """Octets sent since the router started."""
        return int(self._out_start + self.share * self.outgoing.bits(at_s) / 8)

    def in_bps(self, at_s: float) -> float:
        """The rate received right now."""
        return self.share * self.incoming.rate_bps(at_s)

    def out_bps(self, at_s: float) -> float:
        """The rate sent right now."""
        return self.share * self.outgoing.rate_bps(at_s)

    def carry(self, share: float, at_s: float) -> None:
        """Let another part of the flows pass here from now on; the counters go on."""
        change = self.share - share
        self._in_start += change * self.incoming.bits(at_s) / 8
        self._out_start += change * self.outgoing.bits(at_s) / 8
        self.share = share

    def restart(self, at_s: float, earlier_s: float = 0.0) -> None:
        """Begin the counters anew, as after a boot that was `earlier_s` before `at_s`."""
        self._in_start = self.share * (self.incoming.wave.mean_bps * earlier_s - self.incoming.bits(at_s)) / 8
        self._out_start = (
            self.share * (self.outgoing.wave.mean_bps * earlier_s - self.outgoing.bits(at_s)) / 8
        )
        self.link_downs = 0
        self.last_down_s = None
        self.last_up_s = at_s - earlier_s

    def turn(self, running: bool, at_s: float) -> None:
        """Let the interface come up or go down; a fall counts as a link-down. The listeners hear of it."""
        if running == self.running:
            return
        self.running = running
        if running:
            self.last_up_s = at_s
        else:
            self.link_downs += 1
            self.last_down_s = at_s
        for listener in tuple(self.router.listeners):
            listener(self)


@dataclass(frozen=True, slots=True)
class Registration:
    """A radio neighbour as a wireless interface sees it. Signals in dBm, rates in bit/s."""

    interface: Interface
    peer: Interface
    signal_dbm: int
    tx_signal_dbm: int
    noise_dbm: int
    tx_ccq_pct: int
    rx_ccq_pct: int
    tx_rate_bps: int
    rx_rate_bps: int
    uptime_s: float


@dataclass(slots=True, eq=False)
class Router:
    """A router. `address` is set when the network is given its addresses."""

    spec: RouterSpec
    site: Site
    booted_at_s: float
    address: str = "127.0.0.1"
    api_user: str = "monitor"
    policies: frozenset[str] = frozenset(("read", "api", "test"))
    """What that user may."""
    interfaces: list[Interface] = field(default_factory=list)
    powered: bool = True
    answering: bool = True
    """False while the router is dead, or cut off in a world where packets need a path."""
    can_die: bool = True
    """False where it has nothing but pings and the system goes on answering those."""
    slow_ms: float = 0.0
    loss_pct: float = 0.0
    garbled: bool = False
    listeners: set[Callable[[Interface], None]] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The name in the network file."""
        return self.spec.name

    @property
    def identity(self) -> str:
        """What the router calls itself."""
        return self.spec.name if self.spec.identity is None else self.spec.identity

    @property
    def board(self) -> Board:
        """The hardware."""
        return BOARDS[self.spec.board]

    def is_at_least(self, *version: int) -> bool:
        """Tell whether the software is this version or newer."""
        return version_key(self.spec.version) >= version

    def interface(self, name: str) -> Interface | None:
        """Find an interface by its name, or by its number as RouterOS ids write it ("*1A")."""
        for candidate in self.interfaces:
            if name in (candidate.name, f"*{candidate.index:X}"):
                return candidate
        return None

    def by_index(self, index: int) -> Interface | None:
        """Find an interface by its ifIndex."""
        return self.interfaces[index - 1] if 1 <= index <= len(self.interfaces) else None

    def reboot(self, at_s: float) -> None:
        """Start anew: uptime and counters from zero."""
        self.booted_at_s = at_s
        for interface in self.interfaces:
            interface.restart(at_s)

    def uptime_s(self, at_s: float) -> float:
        """Seconds since the router started."""
        return max(0.0, at_s - self.booted_at_s)

    def cpu_pct(self, at_s: float, core: int = 0) -> int:
        """Load of one core, which follows the traffic."""
        carried = sum(port.in_bps(at_s) for port in self.interfaces if port.peer)
        room = sum(port.speed_bps for port in self.interfaces if port.peer) or 1
        wobble = math.sin(at_s / 17 + core * 1.9 + self.booted_at_s % 7)
        return max(1, min(100, round(5 + 55 * carried / room + 4 * wobble + core % 3)))

    def memory_free_bytes(self, at_s: float) -> int:
        """Free main memory: most of it, breathing a little."""
        breath = 0.02 * math.sin(at_s / 311 + self.booted_at_s % 5)
        return int(self.board.memory_bytes * (0.58 + breath))

    def disk_free_bytes(self) -> int:
        """Free space of the system disk."""
        return int(self.board.disk_bytes * 0.37)

    def temperature_c(self, at_s: float) -> float:
        """Board temperature: warmer under load, colder the higher the site."""
        return 41 - (self.site.elevation_m or 600) / 150 + self.cpu_pct(at_s) / 6 + 1.5 * math.sin(at_s / 523)

    def cpu_temperature_c(self, at_s: float) -> float:
        """Temperature of the processor."""
        return self.temperature_c(at_s) + 11 + self.cpu_pct(at_s) / 12

    def voltage_v(self, at_s: float) -> float:
        """Supply voltage."""
        return self.board.voltage_v + 0.25 * math.sin(at_s / 97 + self.booted_at_s % 3)

    def fan_rpm(self, at_s: float) -> int:
        """Speed of the fan, 0 where there is none."""
        return int(3200 + 25 * self.temperature_c(at_s)) if self.board.has_fan else 0

    def power_w(self, at_s: float) -> float:
        """Power taken."""
        return 6 + 1.1 * self.board.cpu_count + self.cpu_pct(at_s) / 9

    def bonds(self) -> list[Interface]:
        """The interfaces that are made of others."""
        return [port for port in self.interfaces if port.members]

    def poe_ports(self) -> list[Interface]:
        """The ports that feed what hangs on them."""
        return [port for port in self.interfaces if self.board.has_poe and port.family == "ethernet"][:8]

    def neighbours(self) -> list[Interface]:
        """The own interfaces behind which another router is heard: all of them announce themselves."""
        return [port for port in self.interfaces if port.running and port.peer]

    def registrations(self, at_s: float, family: str) -> list[Registration]:
        """Who is registered on the running radios of one family."""
        return [
            _register(port, port.peer, at_s)
            for port in self.interfaces
            if port.running and port.peer and port.family == family
        ]


def mac_address(oui: bytes, seed: str) -> bytes:
    """Make the same MAC address for the same seed: the vendor's three octets and three of a hash."""
    return oui + hashlib.sha256(seed.encode()).digest()[:3]


def first_boot_s(name: str, epoch_s: float) -> float:
    """When a router was last started before the simulation began: days to half a year ago, the same each time."""
    dice = random.Random(f"boot {name}")  # noqa: S311 - scenery, no secret
    return epoch_s - dice.uniform(2 * 86_400, 26 * _WEEK_S)


def _register(port: Interface, peer: Interface, at_s: float) -> Registration:
    pair = "".join(sorted((port.mac.hex(), peer.mac.hex())))
    phase = int(hashlib.sha256(pair.encode()).hexdigest()[:4], 16) / 10_000
    distance_km = max(0.1, port.distance_m / 1000)
    fade = 1.8 * math.sin(at_s / 61 + phase) + 1.1 * math.sin(at_s / 13 + 2 * phase)
    signal = -47 - 11 * math.log10(distance_km) + fade - 3 * phase / 6.5
    back = signal + 1.5 * math.sin(phase)
    noise = -104 if port.family == "wireless" else -97
    ccq = 96 - max(0.0, -60 - signal) * 1.6 + math.sin(at_s / 29 + phase)
    top = min(port.speed_bps, peer.speed_bps) * 1.3
    quality = max(0.3, min(1.0, (signal + 85) / 30))
    up_since = max(port.last_up_s or 0.0, peer.last_up_s or 0.0)
    return Registration(
        port,
        peer,
        round(signal),
        round(back),
        noise,
        max(20, min(100, round(ccq))),
        max(20, min(100, round(ccq - 2))),
        int(top * quality),
        int(top * quality * 0.92),
        max(0.0, at_s - up_since),
    )
