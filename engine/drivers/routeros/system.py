"""The router itself: resources, health, what it is, what runs on it, what our user may. Counterpart: `router.py`.

RouterOS 7 tells health in rows, RouterOS 6 in one row of many columns; both are read wherever they turn up. One rule: only
/system/resource is needed; everything else may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.device_facts import Package, Sensor
from domain.observation import Value
from engine.drivers.routeros.router import (
    LIST_CAP,
    NAME_CAP,
    TEXT_CAP,
    Menu,
    Router,
    Row,
    add,
    ask_all,
    print_words,
)
from engine.drivers.routeros.spelling import read_duration_s, read_number, read_release, read_whole
from engine.drivers.sensors import read_sensor

_OLD_HEALTH = (
    "voltage,current,power-consumption,temperature,cpu-temperature,board-temperature,board-temperature1,"
    "board-temperature2,junction-temperature,sfp-temperature,fan1-speed,fan2-speed,fan3-speed,fan4-speed,"
    "psu1-voltage,psu2-voltage,psu1-current,psu2-current,psu1-state,psu2-state,poe-out-consumption"
)
_RESTART_SLACK_S = 5.0


def _take_resource(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    row = rows[0] if rows else {}
    before_s, router.uptime_s = router.uptime_s, read_duration_s(row.get("uptime", ""))
    if router.uptime_s is not None:
        values.append(("uptime_s", "", router.uptime_s))
        if before_s is not None and router.uptime_s + _RESTART_SLACK_S < before_s:
            router.restarted = True
    add(values, "cpu_load_pct", "", read_number(row.get("cpu-load", "")))
    for what, name in (("memory", "memory"), ("disk", "hdd-space")):
        total, free = read_whole(row.get(f"total-{name}", "")), read_whole(row.get(f"free-{name}", ""))
        if total and free is not None and free <= total:
            add(values, f"{what}_used_bytes", "", float(total - free))
            add(values, f"{what}_total_bytes", "", float(total))
    version = row.get("version", "")
    router.release = read_release(version) or router.release
    router.tell("os", "RouterOS")
    router.tell("version", version.partition(" ")[0][:NAME_CAP])
    router.tell("board", row.get("board-name", "")[:NAME_CAP])
    router.tell("architecture", row.get("architecture-name", "")[:NAME_CAP])


def _health_words(router: Router) -> Sequence[str] | None:
    if not router.release:
        return print_words("/system/health", f"name,value,{_OLD_HEALTH}")
    return _NEW_HEALTH if router.release >= (7,) else _V6_HEALTH


_NEW_HEALTH, _V6_HEALTH = (print_words("/system/health", columns) for columns in ("name,value", _OLD_HEALTH))


def _take_health(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """Numbers become samples; what is good or bad ("psu1-state") becomes a fact."""
    said = [(row["name"], row["value"]) for row in rows[:LIST_CAP] if "name" in row and "value" in row]
    states: dict[str, Sensor] = {}
    for name, text in said or [pair for row in rows[:1] for pair in row.items()]:
        value = read_sensor(name[:NAME_CAP], text)
        if value is not None:
            values.append(value)
        elif name.endswith("-state") and text:
            states[f"sensor/{name[:NAME_CAP]}"] = Sensor(name[:NAME_CAP], "sensor_state", text[:NAME_CAP])
    router.tell_list("sensor/", states)


def _take_identity(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    for row in rows[:1]:
        router.tell("identity", row.get("name", "")[:TEXT_CAP])


def _take_routerboard(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    for row in rows[:1]:
        for field, column in (
            ("model", "model"),
            ("serial", "serial-number"),
            ("board_firmware", "current-firmware"),
            ("upgrade_firmware", "upgrade-firmware"),
        ):
            router.tell(field, row.get(column, "")[:TEXT_CAP])


def _take_license(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """A board has a level ("nlevel" or "level"); a CHR has a word for it, and a deadline for a trial."""
    for row in rows[:1]:
        router.tell("license_level", (row.get("nlevel") or row.get("level", ""))[:NAME_CAP])
        router.tell("software_id", (row.get("software-id") or row.get("system-id", ""))[:NAME_CAP])
        router.tell("license_deadline", row.get("deadline-at", "")[:NAME_CAP])


def _take_packages(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    found: dict[str, Package] = {}
    for row in rows[:LIST_CAP]:
        name = row.get("name", "")[:NAME_CAP]
        if name and row.get("available") != "true":
            package = Package(name, row.get("version", "")[:NAME_CAP], row.get("disabled") == "true")
            found[f"package/{name}"] = package
    router.tell_list("package/", found)


def _take_gps(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """Tell where it is, where GPS knows; to four digits (10 m), or it would be news each time."""
    for row in rows[:1]:
        lat_deg, lng_deg = read_number(row.get("latitude", "")), read_number(row.get("longitude", ""))
        if row.get("valid") != "true" or lat_deg is None or lng_deg is None:
            continue
        if -90 <= lat_deg <= 90 and -180 <= lng_deg <= 180:
            router.tell("gps", (round(lng_deg, 4), round(lat_deg, 4)))


# ---- what our user may


def _ask_user(router: Router) -> Sequence[str] | None:
    return print_words("/user", "name,group", f"?name={router.user}") if router.user else None


def _take_user(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    router.group = next(
        (row["group"] for row in rows if row.get("name") == router.user and "group" in row), ""
    )


def _ask_group(router: Router) -> Sequence[str] | None:
    return print_words("/user/group", "name,policy", f"?name={router.group}") if router.group else None


def _take_group(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """The policies are "read,api,!write,..."; a group that tells none tells nothing."""
    for row in rows:
        policies = row.get("policy", "").split(",")
        if row.get("name") == router.group and "" not in policies:
            lacking = {right for right in router.needed_rights if right not in policies}
            if lacking or not router.refused_menus:
                router.missing_rights = lacking


def tell_rights(router: Router) -> None:
    """Tell which rights our user lacks, as a list and in words; or that it lacks none any more."""
    if not router.missing_rights:
        router.withdraw("missing_rights")
        return
    lacking = sorted(router.missing_rights)
    said = f"The user {router.user!r} lacks the right{'s' * (len(lacking) > 1)} {', '.join(lacking)}"
    if router.refused_menus:
        said += f", so the router does not tell: {', '.join(sorted(router.refused_menus))}"
    group = f"the group {router.group!r}" if router.group else "the user's group"
    router.tell("missing_rights", tuple(lacking))
    router.tell("missing_rights_said", f"{said}. Give {group} the policies {router.rights}.")


RESOURCE = Menu(
    "resource",
    ask_all(
        "/system/resource",
        "uptime,version,cpu-load,free-memory,total-memory,free-hdd-space,total-hdd-space,board-name,architecture-name",
    ),
    _take_resource,
    needed=True,
)
HEALTH = Menu("health", _health_words, _take_health, every=2)
RARE = (
    Menu("identity", ask_all("/system/identity", "name"), _take_identity, every=20),
    Menu(
        "routerboard",
        ask_all("/system/routerboard", "model,serial-number,current-firmware,upgrade-firmware"),
        _take_routerboard,
        every=120,
    ),
    Menu("user", _ask_user, _take_user, every=120, right=""),
    Menu("group", _ask_group, _take_group, every=120, right=""),
    Menu("package", ask_all("/system/package", "name,version,disabled,available"), _take_packages, every=120),
    Menu(
        "license",
        ask_all("/system/license", "nlevel,level,software-id,system-id,deadline-at"),
        _take_license,
        every=120,
    ),
    Menu(
        "gps",
        lambda _router: ("/system/gps/monitor", "=once=", "=.proplist=valid,latitude,longitude"),
        _take_gps,
        every=120,
        right="",
    ),
)
