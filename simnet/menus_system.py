"""The menus under /system, and /user: what a router is, runs and allows. Counterpart: `menus.py`, which lists them.

One rule: RouterOS 6 and 7 differ where the devices differ, and nowhere else.
"""

from __future__ import annotations

from simnet.mikrotik_mib import health_gauges
from simnet.query import Row
from simnet.router import Router
from simnet.spelling import write_date, write_duration

NEWEST = {6: "6.49.18", 7: "7.19.6"}
_UNITS = {1: ("C", 1), 2: ("RPM", 1), 3: ("V", 10), 5: ("W", 10)}
_POLICIES = (
    *("local", "telnet", "ssh", "ftp", "reboot", "read", "write", "policy", "test", "winbox", "password"),
    *("web", "sniff", "sensitive", "api", "romon", "rest-api"),
)
_BUILT_S = 1_722_593_533
_V6_PACKAGES = (
    "system",
    "ipv6",
    "wireless",
    "ppp",
    "dhcp",
    "security",
    "routing",
    "mpls",
    "hotspot",
    "advanced-tools",
)


def identity(router: Router, _at_s: float) -> list[Row]:
    return [{"name": router.identity}]


def release_of(router: Router) -> str:
    return f"{router.spec.version} ({'stable' if router.is_at_least(7) else 'long-term'})"


def resource(router: Router, at_s: float) -> list[Row]:
    board = router.board
    return [
        {
            "uptime": write_duration(router.uptime_s(at_s)),
            "version": release_of(router),
            "build-time": write_date(_BUILT_S, iso=router.is_at_least(7, 10)),
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


def health(router: Router, at_s: float) -> list[Row]:
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


def routerboard(router: Router, _at_s: float) -> list[Row]:
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


def update_row(router: Router) -> Row:
    """Spell /system/package/update: a newer version is known for all but the newest."""
    newest = NEWEST[7 if router.is_at_least(7) else 6]
    is_newest = router.spec.version == newest
    return {
        "channel": "stable" if router.is_at_least(7) else "long-term",
        "installed-version": router.spec.version,
        "latest-version": newest,
        "status": "System is already up to date" if is_newest else "New version is available",
    }


def license_rows(router: Router, _at_s: float) -> list[Row]:
    """Spell /system/license."""
    return [
        {"software-id": f"{router.spec.serial[:4]}-{router.spec.serial[4:8]}", "nlevel": "6", "features": ""}
    ]


def packages(router: Router, _at_s: float) -> list[Row]:
    """Spell /system/package: many before RouterOS 7, one and the radio's driver since."""
    off: tuple[str, ...] = ()
    if router.is_at_least(7):
        names = ["routeros"]
        if router.is_at_least(7, 13) and router.board.radio != "none":
            names.append({"wireless": "wireless", "wifi": "wifi-qcom"}.get(router.board.radio, "wireless"))
    else:
        names, off = list(_V6_PACKAGES), ("ipv6", "hotspot")
        if router.board.has_lte:
            names.append("lte")
    if router.board.has_gps:
        names.append("gps")
    built = write_date(_BUILT_S, iso=router.is_at_least(7, 10))
    return [
        {
            ".id": f"*{number + 1:X}",
            "name": name,
            "version": router.spec.version,
            "build-time": built,
            "scheduled": "",
            "disabled": "true" if name in off else "false",
        }
        for number, name in enumerate(names)
    ]


def gps_row(router: Router) -> Row:
    """Spell one answer of /system/gps/monitor."""
    return {
        "date-and-time": write_date(_BUILT_S, iso=router.is_at_least(7, 10)),
        "latitude": f"{router.site.lat:.6f}",
        "longitude": f"{router.site.lng:.6f}",
        "altitude": f"{router.site.elevation_m or 600:.1f}m",
        "speed": "0.0 km/h",
        "satellites": "9",
        "valid": "true",
    }


def users(router: Router, _at_s: float) -> list[Row]:
    """Spell /user: who asks, and the one who set it up."""
    return [
        {".id": "*1", "name": "admin", "group": "full", "disabled": "false"},
        {".id": "*2", "name": router.api_user, "group": "monitoring", "disabled": "false"},
    ]


def groups(router: Router, _at_s: float) -> list[Row]:
    """Spell /user/group: "read,!write,..."."""
    own = ",".join(name if name in router.policies else f"!{name}" for name in _POLICIES)
    return [
        {".id": "*1", "name": "full", "policy": ",".join(_POLICIES), "skin": "default"},
        {".id": "*2", "name": "monitoring", "policy": own, "skin": "default"},
    ]
