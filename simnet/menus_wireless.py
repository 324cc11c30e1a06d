"""The menus of radios: three drivers, both CAPsMANs, 60 GHz, LTE. Counterpart: `menus.py`.

One rule: a registration is the other end of a link; only the radios of a CAPsMAN have clients of their own.
"""

from __future__ import annotations

import hashlib
import math

from simnet.menus_interface import interface_row
from simnet.mikrotik_mib import radio_network
from simnet.query import Row
from simnet.router import PACKET_OCTETS, Interface, Registration, Router
from simnet.spelling import write_bool, write_duration, write_mac, write_rate


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


def wireless(router: Router, at_s: float) -> list[Row]:
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


def wifi(router: Router, at_s: float) -> list[Row]:
    rows = [
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
    for port in router.interfaces:
        if port.family == "wifi" and port.is_cap:
            rows += [_station_row(port, number, at_s, "signal") for number in range(_stations(port, at_s))]
    return rows


def w60g(router: Router, at_s: float) -> list[Row]:
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


def capsman(router: Router, at_s: float) -> list[Row]:
    """Spell /caps-man/registration-table: the clients of the controlled access points."""
    return [
        _station_row(port, number, at_s, "rx-signal") | {"eap-identity": ""}
        for port in router.interfaces
        if port.family == "cap"
        for number in range(_stations(port, at_s))
    ]


def wireless_monitor_row(port: Interface, at_s: float) -> Row:
    """Spell one answer of /interface/wireless/monitor; it does not say of which radio."""
    return {
        "status": "running-ap" if port.is_access_point else "connected-to-ess",
        "channel": f"{5180 + 20 * (port.index % 8)}/20-Ceee/ac/P",
        "wireless-protocol": "nv2",
        "noise-floor": str(round(-104 + 1.5 * math.sin(at_s / 41 + port.index))),
        "overall-tx-ccq": "91",
        "registered-clients": "1" if port.running and port.peer else "0",
    }


def wifi_monitor_row(port: Interface, _at_s: float) -> Row:
    """Spell one answer of /interface/wifi/monitor."""
    return {
        "state": "running",
        "channel": f"{5500 + 20 * (port.index % 8)}/ax/Ceee",
        "registered-peers": "1" if port.running and port.peer else "0",
        "authorized-peers": "1" if port.running and port.peer else "0",
        "tx-power": "23",
    }


def lte_row(port: Interface, at_s: float) -> Row:
    """Spell one answer of /interface/lte/monitor, or of `info` before RouterOS 7."""
    swing = math.sin(at_s / 71 + port.index)
    row = {
        "pin-status": "ok",
        "functionality": "full",
        "manufacturer": "MikroTik",
        "current-operator": "A1 Telekom",
        "access-technology": "4G" if port.router.is_at_least(7) else "Evolved 3G (LTE)",
        "session-uptime": write_duration(port.router.uptime_s(at_s) * 0.9),
        "imei": "355654090000000",
        "rssi": f"{round(-61 + 2 * swing)}dBm",
        "rsrp": f"{round(-92 + 3 * swing)}dBm",
        "rsrq": f"{-9 + swing:.1f}dB",
        "sinr": f"{round(14 + 4 * swing)}dB",
    }
    return {"status": "connected", **row} if port.router.is_at_least(7) else row


def _stations(port: Interface, at_s: float) -> int:
    """How many clients a controlled access point has: they come and go over the hours."""
    return 2 + int(2 * math.sin(at_s / 3600 + port.index) + 0.5) if port.running else 0


def _station_row(port: Interface, number: int, at_s: float, signal: str) -> Row:
    seed = hashlib.sha256(port.mac + bytes((number,))).digest()
    return {
        ".id": f"*{port.index:X}{number:02X}",
        "interface": port.name,
        "mac-address": write_mac(bytes((seed[0] & 0xFC | 2,)) + seed[1:6]),
        "ssid": "Guests",
        signal: str(round(-52 - seed[6] / 9 + math.sin(at_s / 23 + seed[7]))),
        "tx-rate": f"{86.6 * (1 + seed[8] % 4):.1f}Mbps-20MHz/2S/SGI",
        "rx-rate": f"{72.2 * (1 + seed[9] % 4):.1f}Mbps-20MHz/2S/SGI",
        "uptime": write_duration(at_s % 40_000 + seed[10]),
        "bytes": "1200,3400",
        "packets": "12,34",
    }


def has_legacy_radio(router: Router) -> bool:
    """Since 7.13 the old wireless menu comes only with the package of the old driver."""
    return not router.is_at_least(7, 13) or router.board.radio == "wireless"


def has_wifiwave2(router: Router) -> bool:
    """The new driver under its first name."""
    return router.is_at_least(7, 1) and not router.is_at_least(7, 13) and router.board.radio == "wifi"
