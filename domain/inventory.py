"""What people intend: tenants, sites, devices, links by hand, credentials by name, what to be told of.

Counterpart: `edit.py`, its one change.

One rule: nothing here was read from a device (that is a `Fact`) and nothing here is a secret (those are in the vault).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args
from uuid import UUID

import msgspec

from domain.diagram import Diagram, Drawing, Spot
from domain.geometry import LngLat
from domain.photo import Photo
from domain.radio import RadioPath, Sector
from domain.team_map import TeamMap
from domain.watching import AlertRule, Ignored, Maintenance, PortWatch

ProbeKind = Literal["icmp", "snmp", "routeros", "tcp", "http", "dns", "ssh"]
Role = Literal["pop", "relay", "access", "switch", "sector", "customer", "power", "server", "other"]
LinkKind = Literal["fibre", "wireless", "copper"]
CredentialKind = Literal["snmp_community", "snmp_v3", "routeros_login", "ssh_login", "ssh_key"]
AuthProtocol = Literal["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
PrivacyProtocol = Literal["", "des", "aes128", "aes192", "aes256"]
Kind = Literal[
    "site",
    "device",
    "link",
    "credential",
    "rule",
    "maintenance",
    "ignored",
    "diagram",
    "spot",
    "drawing",
    "photo",
    "team_map",
]

ROLES: tuple[str, ...] = get_args(Role)
LINK_KINDS: tuple[str, ...] = get_args(LinkKind)
KINDS: tuple[Kind, ...] = get_args(Kind)

DEFAULT_PORT = {"icmp": 0, "snmp": 161, "routeros": 8728, "tcp": 22, "http": 80, "dns": 53, "ssh": 22}
TLS_PORT = {"routeros": 8729, "http": 443}
"""The kinds that can be asked over TLS, and where."""
REST = "rest"
"""The target of a routeros probe that is asked over REST, and not over the API."""
REST_PORT = 443

NEEDS: dict[str, tuple[CredentialKind, ...]] = {
    "snmp": ("snmp_community", "snmp_v3"),
    "routeros": ("routeros_login",),
    "ssh": ("ssh_login", "ssh_key"),
}
"""The kinds of probe that need a credential, and which kinds of it will do."""

DEFAULT_INTERVAL_S = 30.0
SLOWEST_INTERVAL_S = 300.0
"""How rarely a device that `may_slow` is asked in the end."""
POPS_DEEP = 8
"""Most POPs on the way from a site to its region."""


class Tenant(msgspec.Struct, frozen=True):
    """One provider's network; everything below belongs to exactly one."""

    id: UUID
    name: str


class Site(msgspec.Struct, frozen=True):
    """A place where devices stand: a hilltop, a rooftop, a POP. `pop` is the site that it hangs under, whose region it has
    where it names none."""

    id: UUID
    name: str
    region: str = ""
    lng: float | None = None
    lat: float | None = None
    elevation_m: float | None = None
    note: str = ""
    pop: UUID | None = None


class Probe(msgspec.Struct, frozen=True):
    """One way a device is asked. `port` 0 for icmp; `credential` names an inventory credential.

    `tls`: routeros and http only. `target`: http the path, dns the name and type ("example.com A"), ssh the command, routeros
    "rest" or nothing.
    `expect`: a text that the answer must hold (http, dns, ssh). `pin`: the SHA-256 fingerprint, 64 hex digits, of the
    certificate or host key that was trusted; without one a probe that needs trust fails as "untrusted" and says what it saw.
    """

    kind: ProbeKind
    port: int = 0
    credential: UUID | None = None
    tls: bool = False
    target: str = ""
    expect: str = ""
    pin: str = ""


class Device(msgspec.Struct, frozen=True):
    """A router, switch, radio or other thing with an address. Its place is its own, or its site's.

    `profile` names the SNMP profile it is read with, "" is chosen by what the device says of itself. `may_slow`: it may be
    asked less often while nothing happens. `paused` is by hand, `paused_until_us` ends by itself. `is_entry`: pollers reach the
    network through here; `ports` holds what a person chose for single ports. `polled_by`: the install of the team that alone
    asks it; None: whoever polls for the team.
    """

    id: UUID
    name: str
    address: str
    probes: tuple[Probe, ...] = ()
    role: Role = "other"
    site: UUID | None = None
    subscribers: int = 0
    interval_s: float = DEFAULT_INTERVAL_S
    lng: float | None = None
    lat: float | None = None
    paused: bool = False
    note: str = ""
    profile: str = ""
    may_slow: bool = False
    paused_until_us: int | None = None
    tags: tuple[str, ...] = ()
    ports: tuple[PortWatch, ...] = ()
    is_entry: bool = False
    sectors: tuple[Sector, ...] = ()
    polled_by: UUID | None = None


def is_paused(device: Device, now_us: int) -> bool:
    """Tell whether a device is left alone: by hand, or until a time that has not come."""
    until_us = device.paused_until_us
    return device.paused or (until_us is not None and now_us < until_us)


class Interface(msgspec.Struct, frozen=True):
    """A port as the device itself tells of it: the value of the fact `interface/<name>`. `bond`: the aggregate (802.3ad, RouterOS
    bonding) whose member it is, by name."""

    name: str
    index: int = 0
    alias: str = ""
    kind: str = ""
    mac: str = ""
    speed_bps: int = 0
    admin_up: bool = True
    oper_up: bool | None = None
    bond: str = ""


def port_of(probe: Probe) -> int:
    """Return where a probe is asked: at its port, else at the usual one."""
    if probe.port:
        return probe.port
    if probe.kind == "routeros" and probe.target == REST:
        return REST_PORT
    return (TLS_PORT if probe.tls else DEFAULT_PORT)[probe.kind]


def probe_names(device: Device) -> dict[str, Probe]:
    """Return a device's probes by the names that observations carry: the kind, and the port where a kind is asked on several."""
    kinds = [probe.kind for probe in device.probes]
    return {
        probe.kind if kinds.count(probe.kind) == 1 else f"{probe.kind}:{probe.port}": probe
        for probe in device.probes
    }


PUSHED = "pushed"
"""What stands for a probe at a device that nobody asks: what it pushes to the team's server is its sign of life."""


def signs_of_life(device: Device) -> frozenset[str]:
    """Return the names under which a device is heard: those of its probes; where it has none, that of what it pushes."""
    return frozenset(probe_names(device)) or frozenset((PUSHED,))


_PROBE_WORD: dict[str, str] = {
    PUSHED: "Telemetry",
    "icmp": "Ping",
    "snmp": "SNMP",
    "routeros": "RouterOS API",
    "tcp": "TCP",
    "http": "HTTP",
    "dns": "DNS",
    "ssh": "SSH",
}


def probe_word(name: str) -> str:
    """Return what people call a probe of `probe_names`: Ping, SNMP, TCP 22."""
    kind, _, port = name.partition(":")
    return f"{_PROBE_WORD.get(kind, kind)} {port}".strip()


class Link(msgspec.Struct, frozen=True):
    """A connection between two devices; `path` holds the bends between its ends as (lng, lat), from a to b."""

    id: UUID
    a: UUID
    b: UUID
    a_interface: str = ""
    b_interface: str = ""
    kind: LinkKind = "wireless"
    capacity_bps: int = 0
    path: tuple[tuple[float, float], ...] = ()
    note: str = ""
    radio: RadioPath | None = None


class Credential(msgspec.Struct, frozen=True):
    """The name of a secret and who logs in with it; the secret itself is sealed in the vault under the same id.

    The secret is one text: the community, the password, the private key in OpenSSH's format; of `snmp_v3` the JSON object
    {"auth": passphrase, "privacy": passphrase}. `auth`, `privacy` and `context` belong to `snmp_v3`.
    """

    id: UUID
    name: str
    kind: CredentialKind
    user: str = ""
    auth: AuthProtocol = ""
    privacy: PrivacyProtocol = ""
    context: str = ""


Entity = (
    Site
    | Device
    | Link
    | Credential
    | AlertRule
    | Maintenance
    | Ignored
    | Diagram
    | Spot
    | Drawing
    | Photo
    | TeamMap
)
TYPES: dict[str, type[Entity]] = {
    "site": Site,
    "device": Device,
    "link": Link,
    "credential": Credential,
    "rule": AlertRule,
    "maintenance": Maintenance,
    "ignored": Ignored,
    "diagram": Diagram,
    "spot": Spot,
    "drawing": Drawing,
    "photo": Photo,
    "team_map": TeamMap,
}


class Inventory:
    """All intended things of one tenant, by kind and id. Changed only by `edit.apply`."""

    def __init__(self, entities: dict[str, dict[UUID, Entity]] | None = None) -> None:
        self.tables: dict[str, dict[UUID, Entity]] = {kind: {} for kind in KINDS}
        for kind, rows in (entities or {}).items():
            self.tables[kind].update(rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Inventory) and self.tables == other.tables

    __hash__ = None  # type: ignore[assignment]

    def get(self, kind: str, id: UUID) -> Entity | None:
        """Return the thing of that kind and id, or None."""
        return self.tables[kind].get(id)

    def site(self, id: UUID | None) -> Site | None:
        """Return a site, or None."""
        found = self.tables["site"].get(id) if id else None
        return found if isinstance(found, Site) else None

    def device(self, id: UUID) -> Device | None:
        """Return a device, or None."""
        found = self.tables["device"].get(id)
        return found if isinstance(found, Device) else None

    def link(self, id: UUID) -> Link | None:
        """Return a link, or None."""
        found = self.tables["link"].get(id)
        return found if isinstance(found, Link) else None

    def credential(self, id: UUID | None) -> Credential | None:
        """Return a credential's name and kind, or None."""
        found = self.tables["credential"].get(id) if id else None
        return found if isinstance(found, Credential) else None

    def sites(self) -> Iterator[Site]:
        """Go over all sites."""
        return (row for row in self.tables["site"].values() if isinstance(row, Site))

    def devices(self) -> Iterator[Device]:
        """Go over all devices."""
        return (row for row in self.tables["device"].values() if isinstance(row, Device))

    def links(self) -> Iterator[Link]:
        """Go over all links."""
        return (row for row in self.tables["link"].values() if isinstance(row, Link))

    def credentials(self) -> Iterator[Credential]:
        """Go over all credentials."""
        return (row for row in self.tables["credential"].values() if isinstance(row, Credential))

    def rules(self) -> Iterator[AlertRule]:
        """Go over all alert rules that people wrote or changed."""
        return (row for row in self.tables["rule"].values() if isinstance(row, AlertRule))

    def maintenances(self) -> Iterator[Maintenance]:
        """Go over all planned work."""
        return (row for row in self.tables["maintenance"].values() if isinstance(row, Maintenance))

    def diagram(self, id: UUID) -> Diagram | None:
        """Return a diagram, or None."""
        found = self.tables["diagram"].get(id)
        return found if isinstance(found, Diagram) else None

    def diagrams(self) -> Iterator[Diagram]:
        """Go over all diagrams."""
        return (row for row in self.tables["diagram"].values() if isinstance(row, Diagram))

    def spots(self) -> Iterator[Spot]:
        """Go over where things stand in diagrams."""
        return (row for row in self.tables["spot"].values() if isinstance(row, Spot))

    def drawings(self) -> Iterator[Drawing]:
        """Go over what is drawn in diagrams."""
        return (row for row in self.tables["drawing"].values() if isinstance(row, Drawing))

    def photos(self, subject: UUID | None = None) -> Iterator[Photo]:
        """Go over all photographs, or those of one site or device."""
        rows = (row for row in self.tables["photo"].values() if isinstance(row, Photo))
        return (row for row in rows if subject is None or row.subject == subject)

    def team_maps(self) -> Iterator[TeamMap]:
        """Go over the maps that are shared with the team."""
        return (row for row in self.tables["team_map"].values() if isinstance(row, TeamMap))

    def ignored(self) -> Iterator[Ignored]:
        """Go over all finds that nobody wants to see."""
        return (row for row in self.tables["ignored"].values() if isinstance(row, Ignored))

    def place_of(self, device: Device) -> LngLat | None:
        """Return where a device stands: its own place, else its site's, else None."""
        for thing in (device, self.site(device.site)):
            if thing is not None and thing.lng is not None and thing.lat is not None:
                return LngLat(thing.lng, thing.lat)
        return None

    def region_of(self, site: Site) -> str:
        """Return a site's region: its own, else that of the nearest POP above it that has one, else ""."""
        above: Site | None = site
        for _ in range(POPS_DEEP + 1):
            if above is None or above.region:
                break
            above = self.site(above.pop)
        return above.region if above is not None else ""
