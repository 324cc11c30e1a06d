"""What the menus of a RouterOS router print, as rows of names and values spelled the RouterOS way.

Counterpart: `api.py`, which filters and sends them. One rule: a menu that this version does not have is not in the
answer of `find_menu`, exactly as on the device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simnet.mikrotik_mib import health_gauges, optical_rx_millidbm, platform_of, radio_network
from simnet.query import Row
from simnet.router import PACKET_OCTETS, Interface, Registration, Router
from simnet.spelling import write_bool, write_date, write_duration, write_mac, write_rate

Print = Callable[[Router, float], list[Row]]

_NEWEST = {6: "6.49.18", 7: "7.19.6"}
_UNITS = {1: ("C", 1), 2: ("RPM", 1), 3: ("V", 10), 5: ("W", 10)}


@dataclass(frozen=True, slots=True)
class Menu:
    """A place where `print` works, on the routers that have it."""

    print: Print
    exists: Callable[[Router], bool] = lambda _router: True


def find_menu(router: Router, path: str) -> Menu | None:
    """Return the menu at a path ("/system/resource") if this router has it."""
    menu = _MENUS.get(path)
    return menu if menu and menu.exists(router) else None


def has_directory(router: Router, path: str) -> bool:
    """Tell whether a path is a menu of this router, or leads to one."""
    return any(
        name == path or name.startswith(f"{path}/") for name, menu in _MENUS.items() if menu.exists(router)
    )


def _identity(router: Router, _at_s: float) -> list[Row]:
    return [{"name": router.identity}]


def _release(router: Router) -> str:
    return f"{router.spec.version} ({'stable' if router.is_at_least(7) else 'long-term'})"


def _resource(router: Router, at_s: float) -> list[Row]:
    board = router.board
    return [
        {
            "uptime": write_duration(router.uptime_s(at_s)),
            "version": _release(router),
            "build-time": write_date(1_722_593_533, iso=router.is_at_least(7, 10)),
            "factory-software": "6.44.6",
            "free-memory": str(router.memory_free_bytes(at_s)),
            "total-memory": str(board.memory_bytes),
            "cpu": board.cpu,
            "cpu-count": str(board.cpu_count),
            "cpu-frequency": str(board.cpu_mhz),
            "cpu-load": str(router.cpu_pct(at_s)),
            "free-hdd-space": str(router.disk_free_bytes()),
            "total-hdd-space": str(board.disk_bytes),
            "write-sect-since-reboot": str(int(router.uptime_s(at_s) / 60)),
            "write-sect-total": "182731",
            "bad-blocks": "0",
            "architecture-name": board.architecture,
            "board-name": board.name,
            "platform": "MikroTik",
        }
    ]


def _health(router: Router, at_s: float) -> list[Row]:
    """One record before RouterOS 7, a row for each sensor since."""
    if router.is_at_least(7):
        return [_gauge_row(number, *gauge) for number, gauge in enumerate(health_gauges(router, at_s))]
    row = {
        "voltage": f"{router.voltage_v(at_s):.1f}",
        "temperature": str(round(router.temperature_c(at_s))),
    }
    if router.board.cpu_count > 1:
        row["cpu-temperature"] = str(round(router.cpu_temperature_c(at_s)))
    if router.board.has_fan:
        row["fan1-speed"] = f"{router.fan_rpm(at_s)}RPM"
        row["power-consumption"] = f"{router.power_w(at_s):.1f}W"
    return [row]


def _gauge_row(number: int, name: str, value: int, unit: int) -> Row:
    spelling, divisor = _UNITS[unit]
    text = str(value) if divisor == 1 else f"{value / divisor:.1f}"
    return {".id": f"*{number + 13:X}", "name": name, "value": text, "type": spelling}


def _routerboard(router: Router, _at_s: float) -> list[Row]:
    return [
        {
            "routerboard": "true",
            "board-name": router.board.name,
            "model": router.board.model,
            "serial-number": router.spec.serial,
            "firmware-type": "al64",
            "factory-firmware": "6.47.9",
            "current-firmware": router.spec.version,
            "upgrade-firmware": router.spec.version,
        }
    ]


def interface_row(port: Interface, at_s: float) -> Row:
    """Spell one row of /interface/print."""
    router = port.router
    iso = router.is_at_least(7, 10)
    kind = {"ethernet": "ether", "wireless": "wlan"}.get(port.family, port.family)
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
    if port.family == "bridge":
        del row["default-name"]
    if port.last_down_s is not None:
        row["last-link-down-time"] = write_date(port.last_down_s, iso)
    if port.last_up_s is not None:
        row["last-link-up-time"] = write_date(port.last_up_s, iso)
    if port.comment:
        row["comment"] = port.comment
    return row


def _interfaces(router: Router, at_s: float) -> list[Row]:
    return [interface_row(port, at_s) for port in router.interfaces]


def _ethernets(router: Router, at_s: float) -> list[Row]:
    names = ("mtu", "l2mtu", "mac-address", "running", "disabled", "comment")
    rows: list[Row] = []
    for port in router.interfaces:
        if port.family == "ethernet":
            full = interface_row(port, at_s)
            row = {".id": full[".id"], "name": port.name, "default-name": port.name}
            row |= {name: full[name] for name in names if name in full}
            rows.append(row | {"speed": write_rate(port.speed_bps), "auto-negotiation": "true"})
    return rows


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


def _addresses(router: Router, _at_s: float) -> list[Row]:
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


def _neighbours(router: Router, at_s: float) -> list[Row]:
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
            "version": _release(far) if far.board.make == "mikrotik" else far.spec.version,
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


def _registration_row(entry: Registration, at_s: float) -> Row:
    port = entry.interface
    return {
        ".id": f"*{port.index:X}",
        "interface": port.name,
        "mac-address": write_mac(entry.peer.mac),
        "uptime": write_duration(entry.uptime_s),
        "last-activity": f"{int(at_s * 1000) % 90}ms",
        "packets": f"{port.out_octets(at_s) // PACKET_OCTETS},{port.in_octets(at_s) // PACKET_OCTETS}",
        "bytes": f"{port.out_octets(at_s)},{port.in_octets(at_s)}",
    }


def _wireless(router: Router, at_s: float) -> list[Row]:
    rows: list[Row] = []
    for entry in router.registrations(at_s, "wireless"):
        suffix = "VHT80-9" if router.is_at_least(7) else "6Mbps"
        rows.append(
            _registration_row(entry, at_s)
            | {
                "radio-name": entry.peer.router.identity,
                "ap": write_bool(entry.peer.is_access_point),
                "wds": "false",
                "bridge": "false",
                "tx-rate": f"{entry.tx_rate_bps / 1e6:.1f}Mbps-80MHz/2S/SGI",
                "rx-rate": f"{entry.rx_rate_bps / 1e6:.1f}Mbps-80MHz/2S/SGI",
                "signal-strength": f"{entry.signal_dbm}dBm@{suffix}",
                "tx-signal-strength": str(entry.tx_signal_dbm),
                "signal-to-noise": str(entry.signal_dbm - entry.noise_dbm),
                "signal-strength-ch0": str(entry.signal_dbm - 3),
                "signal-strength-ch1": str(entry.signal_dbm - 4),
                "tx-ccq": str(entry.tx_ccq_pct),
                "rx-ccq": str(entry.rx_ccq_pct),
                "p-throughput": str(entry.tx_rate_bps // 1500),
                "distance": str(max(1, round(entry.interface.distance_m / 1000))),
                "last-ip": entry.peer.router.address,
                "authentication-type": "wpa2-psk",
                "encryption": "aes-ccm",
                "routeros-version": entry.peer.router.spec.version,
            }
        )
    return rows


def _wifi(router: Router, at_s: float) -> list[Row]:
    return [
        _registration_row(entry, at_s)
        | {
            "ssid": radio_network(entry.interface),
            "signal": str(entry.signal_dbm),
            "auth-type": "wpa3-psk",
            "band": "5ghz-ax",
            "tx-rate": str(entry.tx_rate_bps),
            "rx-rate": str(entry.rx_rate_bps),
            "tx-bits-per-second": str(int(entry.interface.out_bps(at_s))),
            "rx-bits-per-second": str(int(entry.interface.in_bps(at_s))),
            "authorized": "true",
        }
        for entry in router.registrations(at_s, "wifi")
    ]


def _w60g(router: Router, at_s: float) -> list[Row]:
    names = (".id", "name", "default-name", "mtu", "l2mtu", "mac-address", "running", "disabled", "comment")
    rows: list[Row] = []
    for port in router.interfaces:
        if port.family == "w60g":
            full = interface_row(port, at_s)
            row = {name: full[name] for name in names if name in full}
            rows.append(row | {"mode": "station-bridge", "ssid": radio_network(port), "frequency": "auto"})
    return rows


def w60g_monitor_row(port: Interface, at_s: float) -> Row:
    """Spell one answer of /interface/w60g/monitor."""
    entries = port.router.registrations(at_s, "w60g")
    entry = next((found for found in entries if found.interface is port), None)
    if entry is None:
        return {"connected": "false"}
    return {
        "connected": "true",
        "frequency": str(58_320 + 2160 * (port.index % 3)),
        "remote-address": write_mac(entry.peer.mac),
        "tx-mcs": "8",
        "tx-phy-rate": write_rate(entry.tx_rate_bps),
        "signal": "80",
        "rssi": str(entry.signal_dbm),
        "tx-sector": "31",
        "tx-sector-info": "center",
        "rx-sector": "30",
        "distance": f"{port.distance_m:.2f}m",
        "tx-packet-error-rate": "2%",
    }


def update_row(router: Router) -> Row:
    """Spell /system/package/update: a newer version is known for all but the newest."""
    newest = _NEWEST[7 if router.is_at_least(7) else 6]
    is_newest = router.spec.version == newest
    return {
        "channel": "stable" if router.is_at_least(7) else "long-term",
        "installed-version": router.spec.version,
        "latest-version": newest,
        "status": "System is already up to date" if is_newest else "New version is available",
    }


def _has_legacy_radio(router: Router) -> bool:
    """Since 7.13 the old wireless menu comes only with the package of the old driver."""
    return not router.is_at_least(7, 13) or router.board.radio == "wireless"


def _has_wifiwave2(router: Router) -> bool:
    return router.is_at_least(7, 1) and not router.is_at_least(7, 13) and router.board.radio == "wifi"


_MENUS: dict[str, Menu] = {
    "/system/identity": Menu(_identity),
    "/system/resource": Menu(_resource),
    "/system/health": Menu(_health),
    "/system/routerboard": Menu(_routerboard),
    "/system/package/update": Menu(lambda router, _at: [update_row(router)]),
    "/interface": Menu(_interfaces),
    "/interface/ethernet": Menu(_ethernets),
    "/interface/w60g": Menu(_w60g),
    "/interface/wireless/registration-table": Menu(_wireless, _has_legacy_radio),
    "/interface/wifiwave2/registration-table": Menu(_wifi, _has_wifiwave2),
    "/interface/wifi/registration-table": Menu(_wifi, lambda router: router.is_at_least(7, 13)),
    "/ip/address": Menu(_addresses),
    "/ip/neighbor": Menu(_neighbours),
}
