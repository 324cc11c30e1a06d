"""A network as data: sites, routers and links, read from a JSON file and checked.

Counterpart: `world.py` brings it to life. One rule: what this module lets through can be simulated; everything else
is refused with the place in the file and what was expected there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from simnet.hardware import BOARDS
from simnet.usm import SnmpUser

VORALPNET = Path(__file__).parent / "networks" / "voralpnet.json"
"""The demo network: 60 sites between Kempten, the Bodensee and Vorarlberg."""

Probe = Literal["snmp", "routeros", "icmp"]
Role = Literal["pop", "relay", "access"]
LinkKind = Literal["fibre", "wireless"]

_MAX_FILE_BYTES = 64 * 1024 * 1024


class NetworkError(ValueError):
    """A network file that cannot be simulated. The text says where it is wrong and what was expected."""


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place. Degrees of WGS 84; `elevation_m` above sea level where known."""

    name: str
    role: Role
    region: str
    lng: float
    lat: float
    elevation_m: float | None = None


class RouterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A router as built: `board` names an entry of `hardware.BOARDS`, `probes` what it answers."""

    name: str
    site: str
    role: Role
    board: str
    version: str
    serial: str
    probes: tuple[Probe, ...]
    subscribers: int = 0
    identity: str | None = None
    """What the router calls itself where that is not its name."""
    controls: tuple[Literal["cap", "cap-wifi"], ...] = ()
    """The drivers of the access points that it controls: the old CAPsMAN's, the new one's, or both at once."""
    has_api_ssl: bool = False
    """Whether its API answers over TLS too, with a certificate that it signed itself."""


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One direction of a link: its rate in the small hours and at the evening peak."""

    low_bps: float
    peak_bps: float


class LinkSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link; `a` is the end nearer to the core. `path` holds the (lng, lat) bends between the two sites."""

    a: str
    a_interface: str
    b: str
    b_interface: str
    kind: LinkKind
    capacity_bps: float
    ab: Load
    ba: Load
    path: tuple[tuple[float, float], ...] = ()
    parallel: int = 1
    """How many lines it is made of: where both its interfaces are bonds, each has so many members."""

    @property
    def name(self) -> str:
        """How people say it: "Kempten - Blender"."""
        return f"{self.a} - {self.b}"


class SnmpCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The read community and the name of the profile an operator would keep it under; and who may ask in v3."""

    profile: str
    community: str
    users: tuple[SnmpUser, ...] = ()


class RouterOsCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The API user and the name of the profile an operator would keep it under."""

    profile: str
    username: str
    password: str
    policies: tuple[str, ...] = ("read", "api", "test")
    """What the user may."""


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole network. `vantage` is the router behind which the poller sits."""

    name: str
    vantage: str
    seed: int
    snmp: SnmpCredential
    routeros: RouterOsCredential
    sites: tuple[Site, ...]
    routers: tuple[RouterSpec, ...]
    links: tuple[LinkSpec, ...]


def load_network(path: Path) -> Network:
    """Read and check a network file.

    Raises:
        NetworkError: the file is missing, too large, not JSON, or does not hold a network.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise NetworkError(f"{path}: larger than {_MAX_FILE_BYTES} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path}: {error.strerror or error}") from error
    try:
        network = msgspec.json.decode(data, type=Network)
    except msgspec.DecodeError as error:
        raise NetworkError(f"{path}: {error}") from error
    check_network(network)
    return network


def check_network(network: Network) -> None:
    """Raise NetworkError unless every name refers to something and every figure makes sense."""
    if not network.routers:
        raise NetworkError("a network needs at least one router, got none")
    _refuse_repeats("user", (user.name for user in network.snmp.users))
    for user in network.snmp.users:
        _check_user(user)
    _refuse_repeats("site", (site.name for site in network.sites))
    _refuse_repeats("router", (router.name for router in network.routers))
    for site in network.sites:
        if not (-180 <= site.lng <= 180 and -90 <= site.lat <= 90):
            raise NetworkError(f"site {site.name}: expected lng, lat in degrees, got {site.lng}, {site.lat}")
    sites = {site.name for site in network.sites}
    for router in network.routers:
        _check_router(router, sites)
    routers = {router.name: router for router in network.routers}
    if network.vantage not in routers:
        raise NetworkError(f"vantage: there is no router {network.vantage!r}")
    for link in network.links:
        _check_link(link, routers)
    _refuse_repeats("interface", (end for link in network.links for end in _ends(link)))


def _check_user(user: SnmpUser) -> None:
    has_all = bool(user.auth) == bool(user.auth_password) and bool(user.privacy) == bool(
        user.privacy_password
    )
    if not user.name or not has_all or (user.privacy and not user.auth):
        raise NetworkError(
            f"user {user.name!r}: expected a name, a password for each of auth and privacy, and no privacy without auth"
        )


def _check_router(router: RouterSpec, sites: set[str]) -> None:
    if router.site not in sites:
        raise NetworkError(f"router {router.name}: there is no site {router.site!r}")
    board = BOARDS.get(router.board)
    if board is None:
        raise NetworkError(
            f"router {router.name}: unknown board {router.board!r}, expected one of {', '.join(BOARDS)}"
        )
    if not router.probes:
        raise NetworkError(f"router {router.name}: needs at least one of snmp, routeros, icmp")
    if "routeros" in router.probes and board.make != "mikrotik":
        raise NetworkError(f"router {router.name}: {router.board} does not speak the RouterOS API")


def _check_link(link: LinkSpec, routers: dict[str, RouterSpec]) -> None:
    where = f"link {link.name}"
    for end in (link.a, link.b):
        if end not in routers:
            raise NetworkError(f"{where}: there is no router {end!r}")
    if link.a == link.b:
        raise NetworkError(f"{where}: both ends are the same router")
    if link.capacity_bps <= 0 or link.parallel < 1:
        raise NetworkError(f"{where}: expected a capacity above 0 and at least one line")
    for load in (link.ab, link.ba):
        if not (0 <= load.low_bps <= link.capacity_bps and 0 <= load.peak_bps <= link.capacity_bps):
            raise NetworkError(
                f"{where}: expected loads between 0 and {link.capacity_bps:.0f} bit/s, got {load}"
            )
    for router, interface in ((link.a, link.a_interface), (link.b, link.b_interface)):
        family = interface_family(interface)
        radio = BOARDS[routers[router].board].radio
        if family in ("wireless", "wifi", "w60g") and family != radio:
            raise NetworkError(
                f"{where}: {router} is a {routers[router].board} and has no interface {interface}"
            )


def interface_family(name: str) -> Literal["ethernet", "bond", "wireless", "wifi", "w60g", "lte", "cap"]:
    """Which menu an interface belongs to, by the naming of RouterOS: bonding1, wlan60-1, wlan1, wifi1, cap1, lte1, or anything
    else."""
    if name.startswith("bond"):
        return "bond"
    if name.startswith("wlan60-"):
        return "w60g"
    if name.startswith("wlan"):
        return "wireless"
    if name.startswith(("wifi", "cap-wifi")):
        return "wifi"
    if name.startswith("cap"):
        return "cap"
    if name.startswith("lte"):
        return "lte"
    return "ethernet"


def _ends(link: LinkSpec) -> tuple[str, str]:
    return f"{link.a} {link.a_interface}", f"{link.b} {link.b_interface}"


def _refuse_repeats(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise NetworkError(f"{what} {name} is there {count} times, expected once")
