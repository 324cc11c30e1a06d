"""The menus of routing: OSPF and BFD with every router that is linked, BGP between POPs, and how many routes there are.

Counterpart: `menus.py`. One rule: a session stands while its link does.
"""

from __future__ import annotations

from simnet.query import Row
from simnet.router import Interface, Router
from simnet.spelling import write_bool, write_duration

_AS = 64_512
_ROUTES = {"pop": 968_412, "relay": 611, "access": 38}


def _peers(router: Router) -> list[tuple[Interface, Interface]]:
    """Return (own port, far port) of the links to other RouterOS routers, fallen ones too."""
    return [
        (port, port.peer)
        for port in router.interfaces
        if port.peer is not None and port.peer.router.board.make == "mikrotik"
    ]


def _stands_s(port: Interface, at_s: float) -> float:
    return max(0.0, at_s - (port.last_up_s or 0.0))


def ospf_neighbours(router: Router, at_s: float) -> list[Row]:
    """Spell /routing/ospf/neighbor; who is gone is not in it."""
    rows: list[Row] = []
    for port, far in _peers(router):
        if not port.running:
            continue
        row = {".id": f"*{port.index:X}", "router-id": far.router.address}
        if router.is_at_least(7):
            row |= {
                "instance": "default-v2",
                "area": "backbone",
                "address": f"{far.router.address}%{port.name}",
            }
            row |= {"priority": "128", "timeout": "38s"}
        else:
            row |= {"instance": "default", "address": far.router.address, "interface": port.name}
            row |= {"priority": "1", "ls-retransmits": "0", "ls-requests": "0", "db-summaries": "0"}
        row |= {"state": "Full", "state-changes": "6", "adjacency": write_duration(_stands_s(port, at_s))}
        rows.append(row)
    return rows


def bgp_sessions(router: Router, at_s: float) -> list[Row]:
    """Spell /routing/bgp/session: RouterOS 7, with dots in the names; a session that is down says little."""
    rows: list[Row] = []
    for port, far in _bgp_peers(router):
        row = {
            ".id": f"*{port.index:X}",
            "name": f"{far.router.identity}-1",
            "remote.address": far.router.address,
            "remote.as": str(_AS),
            "local.address": router.address,
            "local.as": str(_AS),
            "local.role": "ibgp",
        }
        if port.running:
            row |= {
                "established": "true",
                "uptime": write_duration(_stands_s(port, at_s)),
                "prefix-count": "484206",
            }
        rows.append(row)
    return rows


def bgp_peers(router: Router, at_s: float) -> list[Row]:
    """Spell /routing/bgp/peer: RouterOS 6."""
    rows: list[Row] = []
    for port, far in _bgp_peers(router):
        row = {
            ".id": f"*{port.index:X}",
            "name": far.router.identity,
            "instance": "default",
            "remote-address": far.router.address,
            "remote-as": str(_AS),
            "state": "established" if port.running else "active",
            "established": write_bool(port.running),
            "disabled": "false",
        }
        if port.running:
            row |= {"uptime": write_duration(_stands_s(port, at_s)), "prefix-count": "484206"}
        rows.append(row)
    return rows


def _bgp_peers(router: Router) -> list[tuple[Interface, Interface]]:
    if router.spec.role != "pop":
        return []
    return [(port, far) for port, far in _peers(router) if far.router.spec.role == "pop"]


def bfd_sessions(router: Router, at_s: float) -> list[Row]:
    """Spell /routing/bfd/session (RouterOS 7) or /routing/bfd/neighbor (6): POPs and relays watch their links."""
    if router.spec.role == "access":
        return []
    rows: list[Row] = []
    for port, far in _peers(router):
        up_s = write_duration(_stands_s(port, at_s))
        state = "up" if port.running else "down"
        row = {".id": f"*{port.index:X}", "interface": port.name, "state": state, "state-changes": "1"}
        row["remote-address" if router.is_at_least(7) else "address"] = far.router.address
        rows.append(row | {"uptime": up_s, "multiplier": "5"} if port.running else row)
    return rows


def routes(router: Router, _at_s: float) -> list[Row]:
    """Spell the few routes that a print would begin with."""
    return [
        {".id": "*1", "dst-address": "0.0.0.0/0", "gateway": port.peer.router.address, "active": "true"}
        for port in router.interfaces
        if port.peer and port.running
    ][:1]


def count_routes(router: Router, _at_s: float) -> int:
    """How many routes there are: a POP holds the whole table."""
    return _ROUTES[router.spec.role]
