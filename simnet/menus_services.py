"""What a router does for others: addresses, neighbours, queues, subscribers, leases, netwatch. Counterpart: `menus.py`.

One rule: nothing is kept for a subscriber; all follows from the number of them.
"""

from __future__ import annotations

from simnet.menus_system import release_of
from simnet.mikrotik_mib import platform_of
from simnet.query import Row
from simnet.router import Router
from simnet.spelling import write_date, write_duration, write_mac

_MAX_QUEUES = 60


def addresses(router: Router, _at_s: float) -> list[Row]:
    return [
        {
            ".id": "*1",
            "address": f"{router.address}/32",
            "network": router.address,
            "interface": "bridge",
            "actual-interface": "bridge",
            "invalid": "false",
            "dynamic": "false",
            "disabled": "false",
        }
    ]


def neighbours(router: Router, at_s: float) -> list[Row]:
    rows: list[Row] = []
    for port in router.neighbours():
        if port.peer is None:
            continue
        far = port.peer.router
        row = {
            ".id": f"*{port.index:X}",
            "interface": port.name,
            "address": far.address,
            "address4": far.address,
            "mac-address": write_mac(port.peer.mac),
            "identity": far.identity,
            "platform": platform_of(far),
            "version": release_of(far) if far.board.make == "mikrotik" else far.spec.version,
            "unpack": "none",
            "age": f"{int(at_s) % 30}s",
            "uptime": write_duration(far.uptime_s(at_s)),
            "software-id": f"{far.spec.serial[:4]}-{far.spec.serial[4:8]}",
            "board": far.board.name,
            "interface-name": port.peer.name,
            "system-caps": "bridge,router",
            "system-caps-enabled": "bridge,router",
        }
        if router.is_at_least(7, 7):
            row["discovered-by"] = "cdp,lldp,mndp" if far.board.make == "mikrotik" else "lldp"
        rows.append(row)
    return rows


def _subscribers(router: Router) -> int:
    return router.spec.subscribers if router.spec.role == "access" else 0


def queues(router: Router, at_s: float) -> list[Row]:
    """Spell /queue/simple: one for each subscriber, with a share of what the bridge carries."""
    count = min(_subscribers(router), _MAX_QUEUES)
    bridge = router.interface("bridge")
    if bridge is None:
        return []
    up, down = bridge.in_octets(at_s) // max(1, count), bridge.out_octets(at_s) // max(1, count)
    return [
        {
            ".id": f"*{number + 1:X}",
            "name": f"subscriber-{number + 1:03d}",
            "target": f"10.78.0.{number + 2}/32",
            "parent": "none",
            "max-limit": "10000000/50000000",
            "bytes": f"{up * (1 + number % 3)}/{down * (1 + number % 3)}",
            "packets": f"{up // 740}/{down // 740}",
            "dropped": f"{up // 9_000_000}/{down // 4_000_000}",
            "rate": f"{int(bridge.in_bps(at_s) / count)}/{int(bridge.out_bps(at_s) / count)}",
            "invalid": "false",
            "dynamic": "false",
            "disabled": "false",
        }
        for number in range(count)
    ]


def count_sessions(router: Router, at_s: float) -> int:
    """How many subscribers are dialled in: nearly all, fewer at night."""
    return max(0, _subscribers(router) - int(at_s / 1800) % 3)


def sessions(router: Router, at_s: float) -> list[Row]:
    """Spell /ppp/active."""
    return [
        {
            ".id": f"*{number + 1:X}",
            "name": f"subscriber-{number + 1:03d}",
            "service": "pppoe",
            "address": f"100.64.{number // 250}.{number % 250 + 2}",
            "uptime": write_duration(router.uptime_s(at_s) / (1 + number % 5)),
        }
        for number in range(count_sessions(router, at_s))
    ]


def leases(router: Router, _at_s: float) -> list[Row]:
    """Spell /ip/dhcp-server/lease: one bound for each subscriber, and one that waits."""
    count = _subscribers(router)
    return [
        {
            ".id": f"*{number + 1:X}",
            "address": f"10.77.{number // 250}.{number % 250 + 2}",
            "mac-address": write_mac(bytes((2, 0, 0, 0, number >> 8, number & 255))),
            "server": "dhcp1",
            "status": "bound" if number < count else "waiting",
            "dynamic": "true",
            "disabled": "false",
        }
        for number in range(count + 1 if count else 0)
    ]


def hosts(router: Router, _at_s: float) -> list[Row]:
    """Spell /interface/bridge/host: the subscribers behind the LAN's port, and the router's own ports."""
    own = [
        {"mac-address": write_mac(port.mac), "on-interface": port.name, "local": "true"}
        for port in router.interfaces[:1]
    ]
    others = [
        {"mac-address": row["mac-address"], "on-interface": router.interfaces[0].name, "local": "false"}
        for row in leases(router, _at_s)
    ]
    rows = own + others
    for number, row in enumerate(rows):
        row |= {".id": f"*{number + 1:X}", "interface": row["on-interface"], "bridge": "bridge"}
        row |= {"dynamic": "true", "disabled": "false", "invalid": "false"}
    return rows


def arp(router: Router, at_s: float) -> list[Row]:
    """Spell /ip/arp: who is at the other end of the links, the subscribers, and one address that nobody answers for."""
    rows = [
        {"address": port.peer.router.address, "mac-address": write_mac(port.peer.mac), "interface": port.name}
        for port in router.interfaces
        if port.peer is not None and port.running
    ]
    rows += [
        {"address": row["address"], "mac-address": row["mac-address"], "interface": "bridge"}
        for row in leases(router, at_s)
    ]
    rows.append({"address": "10.77.255.1", "interface": "bridge"})
    for number, row in enumerate(rows):
        row |= {".id": f"*{number + 1:X}", "dynamic": "true", "disabled": "false", "invalid": "false"}
        row["complete"] = "true" if "mac-address" in row else "false"
    return rows


def netwatch(router: Router, at_s: float) -> list[Row]:
    """Spell /tool/netwatch: the far ends of the links."""
    rows: list[Row] = []
    for port in router.interfaces:
        if port.peer is None:
            continue
        changed_s = (port.last_up_s if port.running else port.last_down_s) or at_s
        row = {
            ".id": f"*{port.index:X}",
            "host": port.peer.router.address,
            "status": "up" if port.running else "down",
            "since": write_date(changed_s, iso=router.is_at_least(7, 10)),
            "interval": "10s",
            "timeout": "1s",
            "disabled": "false",
            "comment": port.comment,
        }
        if router.is_at_least(7, 1):
            row["type"] = "icmp"
        if router.is_at_least(7, 14):
            row["name"] = f"to-{port.peer.router.identity}"
        rows.append(row)
    return rows
