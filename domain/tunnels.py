"""Tunnels to devices: what may be reached at a device, what is asked of an engine, how each stands.

Counterparts: `engine/access/` carries them, `app/access/` shows them.

Theory: a tunnel is a port of this computer, on loopback alone, whose connections come out at one port of one device of the
inventory. Nobody names an address: the device does. Which ports may be reached is what a router is administered by, and what
its probes name. One that nobody is connected by ends after `IDLE_S`, one on which nothing passes after `SILENT_S`.
One rule: nothing here holds what passes, or a password.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from domain.inventory import REST, Device, port_of

Service = Literal["winbox", "ssh", "http", "https", "api", "api_tls", "tcp"]
Way = Literal["direct", "relay"]
"""From this computer to the device; or by the team's server and whoever polls the device."""

USUAL_PORTS: dict[int, Service] = {
    8291: "winbox",
    22: "ssh",
    80: "http",
    443: "https",
    8728: "api",
    8729: "api_tls",
}
"""What every device may be reached at."""
WORDS: dict[Service, str] = {
    "winbox": "WinBox",
    "ssh": "SSH",
    "http": "Web",
    "https": "Web over TLS",
    "api": "RouterOS API",
    "api_tls": "RouterOS API over TLS",
    "tcp": "TCP",
}
IDLE_S = 300.0
SILENT_S = 900.0
CONNECT_S = 10.0
ENDED_SHOWN_S = 60.0
"""How long one that ended is still told of, with why."""
TUNNELS_CAP = 32
"""Most tunnels of one engine at a time."""
CONNECTIONS_CAP = 32
"""Most connections of one tunnel at a time."""
GIVE_WAY_S = 30.0
"""How long somebody has whose tunnel is taken over."""
TELL_EVERY_S, TOLD_FOR_S = 10.0, 30.0
"""How often an install says what it has open, and how long that is believed."""
POOL_CAP = 1_000
LOWEST_PORT, HIGHEST_PORT = 1_024, 65_535


class PortPool(msgspec.Struct, frozen=True):
    """The ports of this computer that tunnels begin at: `count` of them from `first` on."""

    first: int = 42_000
    count: int = 64


class Tunnel(msgspec.Struct, frozen=True):
    """One tunnel as it stands. `port` is where it begins at 127.0.0.1, `target_port` where it ends at the device.

    `connections`: how many are open; bytes are counted from the start, `to_bytes` towards the device. `trouble`: why the last
    connection failed. `ended`: why it is over, empty while it is open. `via`: the install of a colleague whose shared tunnel
    carries it. `is_shared`: colleagues may go by it. `warning`: what will end it soon.
    """

    id: UUID
    device: UUID
    service: Service
    target_port: int
    port: int
    way: Way
    by: str
    since_us: int
    connections: int = 0
    to_bytes: int = 0
    from_bytes: int = 0
    trouble: str = ""
    ended: str = ""
    via: UUID | None = None
    is_shared: bool = False
    warning: str = ""


class TeamTunnel(msgspec.Struct, frozen=True):
    """A tunnel of somebody of the team: who, at which computer, and whether others may go by it. The server says whose it is."""

    id: UUID
    device: UUID
    service: Service
    target_port: int
    way: Way
    since_us: int
    is_shared: bool = False
    install: UUID | None = None
    by: str = ""
    computer: str = ""


class TunnelsState(msgspec.Struct, frozen=True):
    """All tunnels of an engine, the oldest first, the ports they may begin at, and what others of the team have open."""

    tunnels: tuple[Tunnel, ...] = ()
    pool: PortPool = PortPool()
    team: tuple[TeamTunnel, ...] = ()


class OpenTunnel(msgspec.Struct, tag="open_tunnel", frozen=True):
    """Open a tunnel to a port of a device, for somebody called `by` (at most 120 characters); by the shared tunnel of a
    colleague where `via` is his install.

    Reply.result: {"tunnel": Tunnel as plain data}; one that the same person has open there is it. Refusals: DEVICE_NOT_FOUND,
    PORT_NOT_ALLOWED, NOT_ALLOWED, TOO_MANY_TUNNELS, NO_FREE_PORT.
    """

    request: int
    device: UUID
    port: int
    by: str = ""
    via: UUID | None = None


class CloseTunnel(msgspec.Struct, tag="close_tunnel", frozen=True):
    """End a tunnel and all its connections. Reply: ok, also where it is over; or TUNNEL_NOT_FOUND."""

    request: int
    tunnel: UUID


class SetPortPool(msgspec.Struct, tag="set_port_pool", frozen=True):
    """Let new tunnels begin at these ports, from now on and after a restart. Reply: ok, or INVALID_INPUT."""

    request: int
    pool: PortPool


class ShareTunnel(msgspec.Struct, tag="share_tunnel", frozen=True):
    """Let colleagues go by a tunnel of this computer, or no more. Reply: ok, or TUNNEL_NOT_FOUND."""

    request: int
    tunnel: UUID
    is_shared: bool


class TakeTunnel(msgspec.Struct, tag="take_tunnel", frozen=True):
    """Have a colleague's tunnel end in `GIVE_WAY_S`, after he was warned. Reply: ok when the server
    was asked, which tells nobody what came of it; or NOT_CONNECTED."""

    request: int
    install: UUID
    tunnel: UUID


TunnelRequest = OpenTunnel | CloseTunnel | SetPortPool | ShareTunnel | TakeTunnel


class TellTunnels(msgspec.Struct, tag="tell_tunnels", frozen=True):
    """An install to the server: what it has open, all of it, when that changes and every `TELL_EVERY_S` while there is any."""

    tunnels: tuple[TeamTunnel, ...] = ()


class TakeOver(msgspec.Struct, tag="take_over", frozen=True):
    """An install to the server: its person takes a colleague's tunnel over."""

    install: UUID
    tunnel: UUID


class GiveWay(msgspec.Struct, tag="give_way", frozen=True):
    """The server to an install: `by` takes a tunnel of yours over, which ends in `for_s`."""

    install: UUID
    tunnel: UUID
    by: str
    for_s: float


class Meet(msgspec.Struct, tag="meet", frozen=True):
    """The server to whoever carries: `by` waits there with a tunnel to a port of a device (`domain/crossing.py`)."""

    tunnel: UUID
    device: UUID
    port: int
    install: UUID
    by: str


def services_of(device: Device) -> dict[int, Service]:
    """Return what a device may be reached at, by port, the usual ones first."""
    found = dict(USUAL_PORTS)
    for probe in device.probes:
        port = port_of(probe)
        match probe.kind:
            case "ssh":
                found[port] = "ssh"
            case "routeros":
                rest = probe.target == REST
                found[port] = "https" if rest else "api_tls" if probe.tls else "api"
            case "http":
                found[port] = "https" if probe.tls else "http"
            case "tcp":
                found.setdefault(port, "tcp")
            case _:
                pass
    return found


def service_words(service: Service, port: int) -> str:
    """Return what people call what they reach: "WinBox"; with its port where that is not the usual one."""
    return WORDS[service] if USUAL_PORTS.get(port) == service else f"{WORDS[service]} {port}"


def wrong_of(pool: PortPool) -> str:
    """Return what is wrong with a pool of ports; empty where nothing is."""
    if not 1 <= pool.count <= POOL_CAP:
        return f"1 to {POOL_CAP} ports expected, got {pool.count}"
    last = pool.first + pool.count - 1
    if pool.first < LOWEST_PORT or last > HIGHEST_PORT:
        return f"ports {LOWEST_PORT} to {HIGHEST_PORT} expected, got {pool.first} to {last}"
    return ""
