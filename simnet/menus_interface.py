"""The menus of interfaces: /interface, /interface/ethernet, their monitors, power over Ethernet. Counterpart: `menus.py`.

One rule: what a port says follows from its state and the moment.
"""

from __future__ import annotations

from simnet.mikrotik_mib import optical_rx_millidbm
from simnet.query import Row
from simnet.router import PACKET_OCTETS, Interface, Router
from simnet.spelling import write_bool, write_date, write_mac, write_rate

_KINDS = {"ethernet": "ether", "wireless": "wlan"}


def interface_row(port: Interface, at_s: float) -> Row:
    """Spell one row of /interface/print."""
    router = port.router
    iso = router.is_at_least(7, 10)
    kind = _KINDS.get(port.family, port.family)
    row = {
        ".id": f"*{port.index:X}",
        "name": port.name,
        "default-name": port.name,
        "type": kind,
        "mtu": "1500",
        "actual-mtu": "1500",
        "l2mtu": "1598",
        "mac-address": write_mac(port.mac),
        "link-downs": str(port.link_downs),
        "rx-byte": str(port.in_octets(at_s)),
        "tx-byte": str(port.out_octets(at_s)),
        "rx-packet": str(port.in_octets(at_s) // PACKET_OCTETS),
        "tx-packet": str(port.out_octets(at_s) // PACKET_OCTETS),
        "rx-drop": "0",
        "tx-drop": "0",
        "tx-queue-drop": "0",
        "rx-error": "0",
        "tx-error": "0",
        "running": write_bool(port.running),
        "disabled": "false",
    }
    if port.family in ("bridge", "bond"):
        del row["default-name"]
    if port.last_down_s is not None:
        row["last-link-down-time"] = write_date(port.last_down_s, iso)
    if port.last_up_s is not None:
        row["last-link-up-time"] = write_date(port.last_up_s, iso)
    if port.comment:
        row["comment"] = port.comment
    return row


def interfaces(router: Router, at_s: float) -> list[Row]:
    return [interface_row(port, at_s) for port in router.interfaces]


def ethernets(router: Router, at_s: float) -> list[Row]:
    names = ("mtu", "l2mtu", "mac-address", "running", "disabled", "comment")
    rows: list[Row] = []
    for port in router.interfaces:
        if port.family == "ethernet":
            full = interface_row(port, at_s)
            row = {".id": full[".id"], "name": port.name, "default-name": port.name}
            row |= {name: full[name] for name in names if name in full}
            rows.append(row | {"speed": write_rate(port.speed_bps), "auto-negotiation": "true"})
    return rows


def bonds(router: Router, _at_s: float) -> list[Row]:
    """Spell /interface/bonding: a bond that is made of named ports."""
    return [
        {
            ".id": f"*{port.index:X}",
            "name": port.name,
            "mtu": "1500",
            "mac-address": write_mac(port.mac),
            "slaves": ",".join(member.name for member in port.members),
            "mode": "802.3ad",
            "lacp-rate": "30secs",
            "transmit-hash-policy": "layer-2",
            "running": write_bool(port.running),
            "disabled": "false",
        }
        for port in router.bonds()
    ]


def ethernet_monitor_row(port: Interface, at_s: float) -> Row:
    """Spell one answer of /interface/ethernet/monitor."""
    row = {"name": port.name, "status": "link-ok" if port.running else "no-link", "auto-negotiation": "done"}
    if port.running:
        row |= {"rate": write_rate(port.speed_bps), "full-duplex": "true"}
        row |= {"tx-flow-control": "false", "rx-flow-control": "false"}
    if port.name.startswith("sfp"):
        row |= {
            "sfp-module-present": "true",
            "sfp-rx-loss": write_bool(not port.running),
            "sfp-tx-fault": "false",
            "sfp-type": "SFP/SFP+/SFP28",
            "sfp-connector-type": "LC",
            "sfp-vendor-name": "MikroTik",
            "sfp-vendor-part-number": "S+31DLC10D",
            "sfp-vendor-serial": f"S{port.mac.hex().upper()}",
            "sfp-wavelength": "1310",
            "sfp-temperature": str(round(port.router.temperature_c(at_s))),
            "sfp-supply-voltage": "3.291",
            "sfp-tx-bias-current": "31",
            "sfp-tx-power": "-2.51",
            "sfp-rx-power": f"{optical_rx_millidbm(port) / 1000:.3f}",
        }
    return row


def traffic_row(port: Interface, at_s: float) -> Row:
    """Spell one answer of /interface/monitor-traffic."""
    row = {"name": port.name}
    for way, rate_bps in (("rx", port.in_bps(at_s)), ("tx", port.out_bps(at_s))):
        row |= {
            f"{way}-packets-per-second": str(int(rate_bps / 8 / PACKET_OCTETS)),
            f"{way}-bits-per-second": str(int(rate_bps)),
            f"{way}-drops-per-second": "0",
            f"{way}-errors-per-second": "0",
        }
    return row


def poe_rows(router: Router, _at_s: float) -> list[Row]:
    """Spell /interface/ethernet/poe."""
    return [
        {".id": f"*{port.index:X}", "name": port.name, "poe-out": "auto-on", "poe-priority": "10"}
        for port in router.poe_ports()
    ]


def poe_monitor_row(port: Interface, at_s: float) -> Row:
    """Spell one answer of /interface/ethernet/poe/monitor: what hangs on a link is fed, other ports wait."""
    if not port.running or port.peer is None:
        return {"name": port.name, "poe-out": "auto-on", "poe-out-status": "waiting-for-load"}
    volts = port.router.voltage_v(at_s) * 2
    milliamperes = 110 + 7 * port.index
    return {
        "name": port.name,
        "poe-out": "auto-on",
        "poe-out-status": "powered-on",
        "poe-out-voltage": f"{volts:.1f}V",
        "poe-out-current": f"{milliamperes}mA",
        "poe-out-power": f"{volts * milliamperes / 1000:.1f}W",
    }
