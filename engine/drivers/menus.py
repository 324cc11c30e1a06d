"""RouterOS menus as the driver reads them: the words of each command, and what its rows say. Counterpart: `mikrotik.py`.

RouterOS 6 and 7 differ in the shape of /system/health and in the registration tables of the three Wi-Fi drivers; both shapes
are read wherever they turn up, no version is asked for. One rule: a row that lacks something is used for what it has.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from domain.inventory import Interface
from domain.metrics import is_believable
from domain.observation import Value
from engine.drivers.rates import Counted, PortRates
from engine.drivers.sensors import read_sensor

Row = dict[str, str]

NAME_CAP = 64
PORTS_CAP = 2_048
_SESSIONS = ("pppoe-in", "l2tp-in", "pptp-in", "sstp-in", "ovpn-in")
"""Interfaces of subscribers, where they are dynamic: they come and go by the thousand, and are no interfaces to us."""
_COUNTERS = (
    Counted("rx-byte", "if_in_bps", 8),
    Counted("tx-byte", "if_out_bps", 8),
    Counted("rx-error", "if_in_errors_per_s"),
    Counted("tx-error", "if_out_errors_per_s"),
    Counted("rx-packet", "if_in_packets_per_s"),
    Counted("tx-packet", "if_out_packets_per_s"),
)
_FAST = ("name", "running", "disabled", *(counter.key for counter in _COUNTERS))
_FULL = (".id", "type", "mac-address", "comment", *_FAST)
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?")
_DURATION = re.compile(r"(\d{1,6})([wdhms])")
_CLOCK = re.compile(r"(\d{1,3}):(\d\d):(\d\d)$")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_RATE = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*([KMGT]?)", re.IGNORECASE)
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000, "t": 1_000_000_000_000}


class Port:
    """One interface: what is known of it and the history of its counters."""

    def __init__(self, interface: Interface, id: str) -> None:
        self.interface = interface
        self.id = id
        self.rates = PortRates(interface.name, _COUNTERS)


class Router:
    """What is known of one router between cycles, and what is to be told of it. `wants_list`: the interfaces changed."""

    def __init__(self) -> None:
        self.uptime_s: float | None = None
        self.ports: dict[str, Port] = {}
        self.wants_list = True
        self.untold: dict[str, Any] = {}
        self.untold_whole: set[str] = set()
        self._told: dict[str, Any] = {}

    def ports_of(self, *kinds: str) -> list[Port]:
        """Return the interfaces of some kinds."""
        return [port for port in self.ports.values() if port.interface.kind in kinds]

    def tell(self, field: str, said: Any) -> None:
        """Note a fact, if it is news."""
        if said and self._told.get(field) != said:
            self._told[field] = self.untold[field] = said

    def tell_port(self, port: Port, interface: Interface) -> None:
        """Note what an interface has become, if it is news."""
        if interface != port.interface:
            port.interface = interface
            self.untold[f"interface/{interface.name}"] = msgspec.to_builtins(interface)

    def tell_all_ports(self) -> None:
        """Note the whole list: an interface that is not in it is gone."""
        self.untold = {
            field: said for field, said in self.untold.items() if not field.startswith("interface/")
        }
        for port in self.ports.values():
            self.untold[f"interface/{port.interface.name}"] = msgspec.to_builtins(port.interface)
        self.untold_whole.add("interface/")


class Menu(NamedTuple):
    """`words` are None where the router has nothing of the kind; `slow` ones have their turn every 20 cycles."""

    name: str
    words: Callable[[Router], Sequence[str] | None]
    take: Callable[[Router, list[Row], int, list[Value]], None]
    slow: bool = False
    needed: bool = False


# ---- what rows say


def _take_resource(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    row = rows[0] if rows else {}
    router.uptime_s = read_duration_s(row.get("uptime", ""))
    if router.uptime_s is not None:
        values.append(("uptime_s", "", router.uptime_s))
    _add(values, "cpu_load_pct", "", read_number(row.get("cpu-load", "")))
    for what, name in (("memory", "memory"), ("disk", "hdd-space")):
        total, free = read_whole(row.get(f"total-{name}", "")), read_whole(row.get(f"free-{name}", ""))
        if total and free is not None and free <= total:
            values.append((f"{what}_used_bytes", "", float(total - free)))
            values.append((f"{what}_total_bytes", "", float(total)))
    router.tell("os", "RouterOS")
    router.tell("version", row.get("version", "").partition(" ")[0])
    router.tell("board", row.get("board-name", ""))
    router.tell("architecture", row.get("architecture-name", ""))


def _list_interfaces(router: Router) -> Sequence[str]:
    columns = _FULL if router.wants_list else _FAST
    return ("/interface/print", f"=.proplist={','.join(columns)}", *_NO_SESSIONS)


_NO_SESSIONS = (
    f"?type={_SESSIONS[0]}",
    *(word for kind in _SESSIONS[1:] for word in (f"?type={kind}", "?#|")),
    "?dynamic=true",
    "?#&!",
)
"""The query "not (one of these types, and dynamic)", in the postfix form of the API."""


def _take_interfaces(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    by_name: dict[str, Row] = {}
    for row in rows:
        name = row.get("name", "")[:NAME_CAP]
        if name and not name.startswith("<") and len(by_name) < PORTS_CAP:
            by_name.setdefault(name, row)
    if router.wants_list:
        router.ports = {name: _listed_port(router, name, row) for name, row in by_name.items()}
        router.tell_all_ports()
    router.wants_list = router.ports.keys() != by_name.keys()
    for name, port in router.ports.items():
        row = by_name.get(name, {})
        if "running" in row:
            up = row["running"] == "true"
            values.append(("if_oper_up", name, 1.0 if up else 0.0))
            off = row.get("disabled") == "true"
            if port.interface.oper_up is not up or port.interface.admin_up is off:
                router.tell_port(port, msgspec.structs.replace(port.interface, oper_up=up, admin_up=not off))
        counts = {counter.key: read_whole(row.get(counter.key, "")) for counter in _COUNTERS}
        port.rates.add(counts, at_us, router.uptime_s, values)


def _listed_port(router: Router, name: str, row: Row) -> Port:
    id, old = row.get(".id", ""), router.ports.get(name)
    interface = Interface(
        name=name,
        index=int(id[1:], 16) if re.fullmatch(r"\*[0-9A-Fa-f]{1,8}", id) else 0,
        alias=row.get("comment", "")[:256],
        kind=row.get("type", "")[:32],
        mac=row.get("mac-address", "")[:17],
        speed_bps=old.interface.speed_bps if old else 0,
        admin_up=row.get("disabled") != "true",
        oper_up=row["running"] == "true" if "running" in row else None,
    )
    if old is None:
        return Port(interface, id)
    old.interface, old.id = interface, id
    return old


def _take_health(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """RouterOS 7 has a row for each sensor, RouterOS 6 one row of all."""
    said = [(row["name"], row["value"]) for row in rows if "name" in row and "value" in row]
    for name, text in said or [pair for row in rows[:1] for pair in row.items()]:
        value = read_sensor(name, text)
        if value is not None:
            values.append(value)


def _take_registrations(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """Tell of each radio how many clients it has, and the worst of them."""
    clients: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("interface", "")[:NAME_CAP] in router.ports:
            clients[row["interface"][:NAME_CAP]].append(row)
    for name, of_port in clients.items():
        values.append(("wireless_clients", name, float(len(of_port))))
        _add(values, "signal_dbm", name, _least(of_port, "signal", "signal-strength"))
        _add(values, "signal_to_noise_db", name, _least(of_port, "signal-to-noise"))
        _add(values, "ccq_pct", name, _least(of_port, "tx-ccq"))


def _take_w60g(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    for port, row in zip(router.ports_of("w60g"), rows, strict=False):
        if row.get("connected") == "true":
            _add(values, "signal_dbm", port.interface.name, read_number(row.get("rssi", "")))


def _take_identity(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    for row in rows[:1]:
        router.tell("identity", row.get("name", "")[:256])


def _take_routerboard(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    for row in rows[:1]:
        for field, column in (
            ("model", "model"),
            ("serial", "serial-number"),
            ("board_firmware", "current-firmware"),
            ("upgrade_firmware", "upgrade-firmware"),
        ):
            router.tell(field, row.get(column, "")[:256])


def _take_link_speeds(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    for row in rows:
        port, speed_bps = router.ports.get(row.get("name", "")[:NAME_CAP]), read_rate_bps(row.get("rate", ""))
        if port is not None and speed_bps:
            router.tell_port(port, msgspec.structs.replace(port.interface, speed_bps=speed_bps))


def _print(path: str, *kinds: str) -> Callable[[Router], Sequence[str] | None]:
    """Return the command that prints a menu, for routers with interfaces of some kinds or, without any named, for all."""
    return lambda router: (f"{path}/print",) if not kinds or router.ports_of(*kinds) else None


def _monitor(path: str, kind: str, *, running: bool) -> Callable[[Router], Sequence[str] | None]:
    def words(router: Router) -> Sequence[str] | None:
        ports = [
            port for port in router.ports_of(kind) if port.id and (port.interface.oper_up or not running)
        ]
        return (
            (f"{path}/monitor", f"=numbers={','.join(port.id for port in ports)}", "=once=")
            if ports
            else None
        )

    return words


MENUS = (
    Menu("resource", _print("/system/resource"), _take_resource, needed=True),
    Menu("interface", _list_interfaces, _take_interfaces, needed=True),
    Menu("health", _print("/system/health"), _take_health),
    Menu("wireless", _print("/interface/wireless/registration-table", "wlan"), _take_registrations),
    Menu("wifi", _print("/interface/wifi/registration-table", "wifi"), _take_registrations),
    Menu(
        "wifiwave2",
        _print("/interface/wifiwave2/registration-table", "wifi", "wifiwave2"),
        _take_registrations,
    ),
    Menu("w60g", _monitor("/interface/w60g", "w60g", running=False), _take_w60g),
    Menu("identity", _print("/system/identity"), _take_identity, slow=True),
    Menu("routerboard", _print("/system/routerboard"), _take_routerboard, slow=True),
    Menu("ethernet", _monitor("/interface/ethernet", "ether", running=True), _take_link_speeds, slow=True),
)
"""In the order of their turns. Every one that is not slow has its turn in each cycle in which the router has it."""


# ---- RouterOS' spelling


def read_whole(said: str) -> int | None:
    """Return a count ("1234567"), None for anything else."""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 20 else None


def read_number(said: str) -> float | None:
    """Return the number a text opens with ("-67dBm@HT40"), None where it does not."""
    found = _NUMBER.match(said)
    return float(found[0]) if found else None


def read_duration_s(said: str) -> float | None:
    """Return a duration ("1w2d3h4m5s", "3d12:05:33") in seconds, None where it is none."""
    parts = _DURATION.findall(said[:64])
    clock = _CLOCK.search(said[:64])
    if not parts and not clock:
        return None
    hours, minutes, seconds = map(int, clock.groups()) if clock else (0, 0, 0)
    return float(sum(int(n) * _SECONDS[unit] for n, unit in parts) + hours * 3600 + minutes * 60 + seconds)


def read_rate_bps(said: str) -> int:
    """Return a link's rate ("1Gbps", "2.5Gbps", "10G-baseT-full") in bit/s, 0 where it is none."""
    found = _RATE.match(said)
    return round(float(found[1]) * _SCALE[found[2].lower()]) if found else 0


def _add(values: list[Value], metric: str, instance: str, value: float | None) -> None:
    if value is not None and is_believable(metric, value):
        values.append((metric, instance, value))


def _least(rows: list[Row], *columns: str) -> float | None:
    said = (read_number(row[column]) for row in rows for column in columns if column in row)
    return min((value for value in said if value is not None), default=None)
