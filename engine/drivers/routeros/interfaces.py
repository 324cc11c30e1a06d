"""Interfaces and what hangs in them: counters, link speeds, optics, power over Ethernet. Counterpart: `router.py`.

The list of interfaces is asked with all its columns where it changed, else with those that change. Ports are monitored by
their ids, which hold until the router restarts. One rule: an interface is known by its name, as people know it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from domain.device_facts import Optic, PoePort
from domain.inventory import Interface
from domain.observation import Value
from engine.drivers.rates import Counted
from engine.drivers.routeros.router import (
    LIST_CAP,
    NAME_CAP,
    TEXT_CAP,
    Menu,
    Port,
    Router,
    Row,
    add,
    ask_all,
    print_words,
)
from engine.drivers.routeros.spelling import read_number, read_rate_bps, read_whole

PORTS_CAP = 1_024
MONITORED_CAP = 128
"""Most ports that one command monitors; a router with more has them told in part."""

RADIO_KINDS = ("wlan", "wifi", "wifiwave2", "cap", "w60g")
_SESSIONS = ("pppoe-in", "l2tp-in", "pptp-in", "sstp-in", "ovpn-in")
"""Interfaces of subscribers, where they are dynamic: they come and go by the thousand, and are no interfaces to us."""
_COUNTERS = (
    Counted("rx-byte", "if_in_bps", 8),
    Counted("tx-byte", "if_out_bps", 8),
    Counted("rx-error", "if_in_errors_per_s"),
    Counted("tx-error", "if_out_errors_per_s"),
    Counted("rx-packet", "if_in_packets_per_s"),
    Counted("tx-packet", "if_out_packets_per_s"),
    Counted("rx-drop", "if_in_discards_per_s"),
    Counted("tx-drop", "if_out_discards_per_s"),
)
_KEYS = tuple(counter.key for counter in _COUNTERS)
_FAST = ",".join(("name", "running", "disabled", *_KEYS))
_FULL = f".id,type,default-name,mac-address,comment,{_FAST}"
_OPTIC_NAMES = ("sfp", "qsfp", "combo")
_NO_SESSIONS = (
    f"?type={_SESSIONS[0]}",
    *(word for kind in _SESSIONS[1:] for word in (f"?type={kind}", "?#|")),
    "?dynamic=true",
    "?#&!",
)
"""The query "not (one of these types, and dynamic)", in the postfix form of the API."""
ASK_RUNNING = print_words("/interface", "name", *_NO_SESSIONS, "?running=true", "?#&")
"""The names of the interfaces that may have traffic."""
_ASK_BONDS = print_words("/interface/bonding", "name,slaves")
_ASK_FULL, _ASK_FAST = (print_words("/interface", columns, *_NO_SESSIONS) for columns in (_FULL, _FAST))


_GONE: Row = {}


def _ask_interfaces(router: Router) -> Sequence[str]:
    return _ASK_FULL if router.wants_list else _ASK_FAST


def _take_interfaces(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    by_name: dict[str, Row] = {}
    for row in rows:
        name = row.get("name", "")[:NAME_CAP]
        if name and name[0] != "<" and len(by_name) < PORTS_CAP:
            by_name.setdefault(name, row)
    if router.wants_list:
        _list_ports(router, by_name)
    router.wants_list = router.ports.keys() != by_name.keys()
    uptime_s = router.uptime_s
    for name, port in router.ports.items():
        row = by_name.get(name, _GONE)
        running = row.get("running")
        if running is not None:
            up = running == "true"
            values.append(("if_oper_up", name, 1.0 if up else 0.0))
            off = row.get("disabled") == "true"
            interface = port.interface
            if interface.oper_up is not up or interface.admin_up is off:
                router.tell_port(port, msgspec.structs.replace(interface, oper_up=up, admin_up=not off))
        counts = {key: read_whole(row[key]) for key in _KEYS if key in row}
        port.rates.add(counts, at_us, uptime_s, values)


def read_id(row: Row) -> str:
    """Return what an item is asked by ("*1A"), empty where that is not told."""
    id = row.get(".id", "")
    return id if _ID.fullmatch(id) else ""


_ID = re.compile(r"\*[0-9A-Fa-f]{1,8}")


def _list_ports(router: Router, by_name: dict[str, Row]) -> None:
    gone = {port.interface.name for port in router.ports_of(*RADIO_KINDS)} - by_name.keys()
    router.set_ports({name: _listed_port(router, name, row) for name, row in by_name.items()})
    for name in gone:
        router.withdraw(f"wireless_client/{name}/")


def _listed_port(router: Router, name: str, row: Row) -> Port:
    id, old = read_id(row), router.ports.get(name)
    interface = Interface(
        name=name,
        index=int(id[1:], 16) if id else 0,
        alias=row.get("comment", "")[:TEXT_CAP],
        kind=row.get("type", "")[:32],
        mac=row.get("mac-address", "")[:17],
        speed_bps=old.interface.speed_bps if old else 0,
        admin_up=row.get("disabled") != "true",
        oper_up=row["running"] == "true" if "running" in row else None,
        bond=old.interface.bond if old else "",
    )
    port = old or Port(interface, id, _COUNTERS)
    port.interface, port.id = interface, id
    port.is_optic = interface.kind == "ether" and row.get("default-name", name).startswith(_OPTIC_NAMES)
    return port


# ---- monitors


def ask_monitor(
    path: str, columns: str, choose: Callable[[Router], Iterable[Port]]
) -> Callable[[Router], Sequence[str] | None]:
    """Return the command that looks once at some of the ports, None where there are none."""

    def words(router: Router) -> Sequence[str] | None:
        return monitor_words(path, columns, [port.id for port in choose(router) if port.id])

    return words


def monitor_words(path: str, columns: str, ids: Sequence[str]) -> Sequence[str] | None:
    """Return the command that looks once at some items, None where there are none."""
    if not ids:
        return None
    numbers = ",".join(ids[:MONITORED_CAP])
    return f"{path}/monitor", f"=numbers={numbers}", "=once=", f"=.proplist={columns}"


def _copper(router: Router) -> Iterable[Port]:
    return (p for p in router.ports_of("ether") if p.interface.oper_up and not p.is_optic)


def _optics(router: Router) -> Iterable[Port]:
    return (port for port in router.ports_of("ether") if port.is_optic and port.interface.admin_up)


def _powering(router: Router) -> Iterable[Port]:
    return (router.ports[name] for name in router.poe_ports if name in router.ports)


def _take_link_speeds(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    for row in rows:
        port, speed_bps = router.ports.get(row.get("name", "")[:NAME_CAP]), read_rate_bps(row.get("rate", ""))
        if port is not None and speed_bps:
            router.tell_port(port, msgspec.structs.replace(port.interface, speed_bps=speed_bps))


def _take_bonds(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """A bond names its members ("slaves"), whatever their state; of a port that two claim the first has it."""
    of: dict[str, str] = {}
    for row in rows[:LIST_CAP]:
        for member in row.get("slaves", "").split(",")[:MONITORED_CAP]:
            of.setdefault(member[:NAME_CAP], row.get("name", "")[:NAME_CAP])
    for name, port in router.ports.items():
        router.tell_port(port, msgspec.structs.replace(port.interface, bond=of.get(name, "")))


_LIGHT = (
    ("sfp-rx-power", "optical_rx_dbm"),
    ("sfp-tx-power", "optical_tx_dbm"),
    ("sfp-tx-bias-current", "optical_bias_ma"),
    ("sfp-temperature", "optical_temperature_c"),
    ("sfp-supply-voltage", "optical_voltage_v"),
)


def _take_optics(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    _take_link_speeds(router, rows, at_us, values)
    found: dict[str, Optic] = {}
    for row in rows:
        name = row.get("name", "")[:NAME_CAP]
        if name not in router.ports or row.get("sfp-module-present") != "true":
            continue
        found[f"optic/{name}"] = Optic(
            name,
            row.get("sfp-vendor-name", "")[:NAME_CAP],
            row.get("sfp-vendor-part-number", "")[:NAME_CAP],
            row.get("sfp-vendor-serial", "")[:NAME_CAP],
            _positive(row.get("sfp-wavelength", "")),
            read_truth(row.get("sfp-rx-loss")),
            read_truth(row.get("sfp-tx-fault")),
        )
        for column, metric in _LIGHT:
            add(values, metric, name, read_number(row.get(column, "")))
    router.tell_list("optic/", found)


def _positive(said: str) -> float | None:
    number = read_number(said)
    return number if number and number > 0 else None


def read_truth(said: str | None) -> bool | None:
    """Return a truth as the API spells it, None for anything else."""
    return {"true": True, "yes": True, "false": False, "no": False}.get(said or "")


def _take_poe_list(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    names = (row.get("name", "")[:NAME_CAP] for row in rows[:LIST_CAP] if row.get("poe-out") != "off")
    router.poe_ports = tuple(name for name in names if name in router.ports)
    if not router.poe_ports:
        router.tell_list("poe/", {})


_POWER = (
    ("poe-out-voltage", "poe_out_v"),
    ("poe-out-current", "poe_out_ma"),
    ("poe-out-power", "poe_out_w"),
)


def _take_poe(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """A port that feeds nothing tells no numbers."""
    found: dict[str, PoePort] = {}
    for row in rows:
        name = row.get("name", "")[:NAME_CAP]
        if name in router.ports:
            found[f"poe/{name}"] = PoePort(name, row.get("poe-out-status", "")[:NAME_CAP])
            for column, metric in _POWER:
                add(values, metric, name, read_number(row.get(column, "")))
    router.tell_list("poe/", found)


INTERFACE = Menu("interface", _ask_interfaces, _take_interfaces, needed=True)
_SFP = ",".join(column for column, _ in _LIGHT)
_MODULE = (
    f"name,rate,sfp-module-present,sfp-rx-loss,sfp-tx-fault,sfp-vendor-name,sfp-vendor-part-number,"
    f"sfp-vendor-serial,sfp-wavelength,{_SFP}"
)
OFTEN = (
    Menu("optics", ask_monitor("/interface/ethernet", _MODULE, _optics), _take_optics, every=4, right="test"),
    Menu(
        "poe",
        ask_monitor(
            "/interface/ethernet/poe",
            "name,poe-out-status,poe-out-voltage,poe-out-current,poe-out-power",
            _powering,
        ),
        _take_poe,
        every=4,
        right="test",
    ),
)
RARE = (
    Menu(
        "bonds",
        lambda router: _ASK_BONDS if router.ports_of("bond") else None,
        _take_bonds,
        every=20,
    ),
    Menu(
        "ethernet",
        ask_monitor("/interface/ethernet", "name,rate", _copper),
        _take_link_speeds,
        every=20,
        right="test",
    ),
    Menu("poe ports", ask_all("/interface/ethernet/poe", "name,poe-out"), _take_poe_list, every=120),
)
