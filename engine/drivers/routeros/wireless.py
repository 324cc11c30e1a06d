"""Radios and their clients: the three wireless drivers, both CAPsMANs, 60 GHz, LTE. Counterpart: `interfaces.py` has their ports.

A v7 box may have several of these trees at once, and each radio is in one of them. Of each radio the number of clients and
the worst of them are samples; who they are is a fact, told when somebody comes or goes, and else every tenth cycle.
One rule: a client is believed only at a radio that /interface lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from domain.device_facts import WirelessClient
from domain.observation import Value
from engine.drivers.routeros.interfaces import ask_monitor
from engine.drivers.routeros.router import LIST_CAP, NAME_CAP, Menu, Port, Router, Row, add, ask_where
from engine.drivers.routeros.spelling import read_channel, read_duration_s, read_number, read_rate_bps

CLIENTS_AGAIN_CYCLES = 10
_KM_M = 1_000
_Take = Callable[[Router, list[Row], int, list[Value]], None]


def _client(interface: str, mac: str, row: Row) -> WirelessClient:
    """Read a row of any of the registration tables; `signal` is the new drivers', `rx-signal` the old CAPsMAN's."""
    distance = read_number(row.get("distance", ""))
    return WirelessClient(
        interface,
        mac,
        row.get("radio-name", "")[:NAME_CAP],
        row.get("last-ip", "")[:NAME_CAP],
        _first(row, "signal", "signal-strength", "rx-signal"),
        read_number(row.get("tx-signal-strength", "")),
        read_number(row.get("signal-to-noise", "")),
        read_rate_bps(row.get("tx-rate", "")) or None,
        read_rate_bps(row.get("rx-rate", "")) or None,
        read_number(row.get("tx-ccq", "")),
        distance * _KM_M if distance else None,
        read_duration_s(row.get("uptime", "")),
    )


def _first(row: Row, *columns: str) -> float | None:
    return next((read_number(row[column]) for column in columns if column in row), None)


_WORST = (
    ("signal_dbm", "signal_dbm"),
    ("signal_to_noise_db", "signal_to_noise_db"),
    ("ccq_pct", "ccq_pct"),
    ("tx_rate_bps", "tx_rate_bps"),
    ("rx_rate_bps", "rx_rate_bps"),
)


def _registrations(tree: str, *kinds: str) -> _Take:
    """Return what takes a registration table; `kinds` are the interfaces whose clients it holds."""

    def take(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
        radios: dict[str, list[WirelessClient]] = {
            port.interface.name: [] for port in router.ports_of(*kinds) if port.interface.oper_up
        }
        told: dict[str, WirelessClient] = {}
        for row in rows:
            name, mac = row.get("interface", "")[:NAME_CAP], row.get("mac-address", "")[:17]
            if name not in router.ports:
                continue
            client = _client(name, mac, row)
            radios.setdefault(name, []).append(client)
            if mac and len(told) < LIST_CAP:
                told[f"wireless_client/{name}/{mac}"] = client
        for name, clients in radios.items():
            _tell_radio(name, clients, values)
        _tell_clients(router, tree, radios, told)

    return take


def _tell_radio(name: str, clients: list[WirelessClient], values: list[Value]) -> None:
    add(values, "wireless_clients", name, float(len(clients)))
    for field, metric in _WORST:
        said = [value for client in clients if (value := getattr(client, field)) is not None]
        add(values, metric, name, min(said, default=None))


def _tell_clients(router: Router, tree: str, radios: Iterable[str], told: dict[str, WirelessClient]) -> None:
    """`tree` keeps the tables apart; no field begins with it."""
    within = tuple(sorted(f"wireless_client/{name}/" for name in set(radios)))
    again = CLIENTS_AGAIN_CYCLES if told else None
    router.tell_list(tree, told, news=(frozenset(told), within), again_cycles=again, within=within)


def _by_port(ports: list[Port], rows: list[Row]) -> list[tuple[str, Row]]:
    """Pair what monitors say with the ports: not all of them name theirs, but all keep the order."""
    names = [port.interface.name for port in ports if port.id]
    if all("name" in row for row in rows):
        return [(row["name"][:NAME_CAP], row) for row in rows if row["name"][:NAME_CAP] in names]
    return list(zip(names, rows, strict=True)) if len(names) == len(rows) else []


def _running(*kinds: str) -> Callable[[Router], list[Port]]:
    return lambda router: [port for port in router.ports_of(*kinds) if port.interface.oper_up]


def _monitors(*kinds: str) -> _Take:
    """Return what takes the monitors of radios: channel, noise, power."""
    choose = _running(*kinds)

    def take(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
        for name, row in _by_port(choose(router), rows):
            frequency_mhz, width_mhz = read_channel(row.get("channel", ""))
            add(values, "frequency_mhz", name, frequency_mhz)
            add(values, "channel_width_mhz", name, width_mhz)
            add(values, "noise_dbm", name, read_number(row.get("noise-floor", "")))
            add(values, "tx_power_dbm", name, read_number(row.get("tx-power", "")))

    return take


def _take_w60g(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    radios: dict[str, list[WirelessClient]] = {}
    told: dict[str, WirelessClient] = {}
    for name, row in _by_port(router.ports_of("w60g"), rows):
        radios[name] = []
        add(values, "frequency_mhz", name, read_number(row.get("frequency", "")))
        if row.get("connected") != "true":
            add(values, "wireless_clients", name, 0.0)
            continue
        mac, rate_bps = row.get("remote-address", "")[:17], read_rate_bps(row.get("tx-phy-rate", "")) or None
        signal_dbm, distance_m = read_number(row.get("rssi", "")), read_number(row.get("distance", ""))
        add(values, "wireless_clients", name, 1.0)
        add(values, "signal_dbm", name, signal_dbm)
        add(values, "tx_rate_bps", name, rate_bps)
        add(values, "distance_m", name, distance_m)
        add(values, "mcs", name, read_number(row.get("tx-mcs", "")))
        add(values, "packet_error_pct", name, read_number(row.get("tx-packet-error-rate", "")))
        if mac:
            told[f"wireless_client/{name}/{mac}"] = WirelessClient(
                name, mac, signal_dbm=signal_dbm, tx_rate_bps=rate_bps, distance_m=distance_m
            )
    _tell_clients(router, "w60g", radios, told)


# ---- LTE


_CELL = (
    ("rsrp", "lte_rsrp_dbm"),
    ("rsrq", "lte_rsrq_db"),
    ("rssi", "lte_rssi_dbm"),
    ("sinr", "lte_sinr_db"),
)
_CELL_COLUMNS = f"current-operator,access-technology,{','.join(column for column, _ in _CELL)}"


def _ask_lte(router: Router) -> Sequence[str] | None:
    """RouterOS 7 monitors a modem, RouterOS 6 asks it for `info`, which takes one and wants the right "test"."""
    ids = [port.id for port in router.ports_of("lte") if port.id]
    if not ids:
        return None
    if router.may_be((7,)):
        return "/interface/lte/monitor", f"=numbers={ids[0]}", "=once=", f"=.proplist={_CELL_COLUMNS}"
    return "/interface/lte/info", f"=number={ids[0]}", "=once=", f"=.proplist={_CELL_COLUMNS}"


def _take_lte(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """One modem is asked: boards with two are rare, and the first carries the traffic."""
    for port, row in zip([port for port in router.ports_of("lte") if port.id][:1], rows, strict=False):
        for column, metric in _CELL:
            add(values, metric, port.interface.name, read_number(row.get(column, "")))
        router.tell("lte_operator", row.get("current-operator", "")[:NAME_CAP])
        router.tell("lte_technology", row.get("access-technology", "")[:NAME_CAP])


def _where_release(
    low: tuple[int, ...], below: tuple[int, ...], ask: Callable[[Router], Sequence[str] | None]
) -> Callable[[Router], Sequence[str] | None]:
    return lambda router: ask(router) if router.may_be(low, below) else None


_OLD_COLUMNS = (
    "interface,mac-address,radio-name,last-ip,signal-strength,tx-signal-strength,signal-to-noise,tx-rate,rx-rate,"
    "tx-ccq,distance,uptime"
)
_NEW_COLUMNS = "interface,mac-address,signal,tx-rate,rx-rate,uptime"
_CAP_COLUMNS = "interface,mac-address,rx-signal,tx-rate,rx-rate,uptime"
_WIFI = ("wifi", "wifiwave2")


def _table(
    tree: str, path: str, columns: str, *kinds: str, low: tuple[int, ...] = (), below: tuple[int, ...] = (99,)
) -> Menu:
    path = f"{path}/registration-table"
    return Menu(tree, ask_where(path, columns, *kinds, low=low, below=below), _registrations(tree, *kinds))


TABLES = (
    _table("wireless", "/interface/wireless", _OLD_COLUMNS, "wlan"),
    _table("wifi", "/interface/wifi", _NEW_COLUMNS, *_WIFI, low=(7, 13)),
    _table("wifiwave2", "/interface/wifiwave2", _NEW_COLUMNS, *_WIFI, low=(7, 1), below=(7, 13)),
    _table("caps-man", "/caps-man", _CAP_COLUMNS, "cap"),
    Menu(
        "w60g",
        ask_monitor(
            "/interface/w60g",
            "name,connected,frequency,remote-address,tx-mcs,tx-phy-rate,rssi,distance,tx-packet-error-rate",
            lambda router: router.ports_of("w60g"),
        ),
        _take_w60g,
        right="test",
    ),
)
MONITORS = (
    Menu(
        "wireless monitor",
        ask_monitor("/interface/wireless", "name,channel,noise-floor", _running("wlan")),
        _monitors("wlan"),
        every=4,
        right="test",
    ),
    *(
        Menu(
            f"{tree} monitor",
            _where_release(
                low, below, ask_monitor(f"/interface/{tree}", "name,channel,tx-power", _running(*_WIFI))
            ),
            _monitors(*_WIFI),
            every=4,
            right="test",
        )
        for tree, low, below in (("wifi", (7, 13), (99,)), ("wifiwave2", (7, 1), (7, 13)))
    ),
    Menu("lte", _ask_lte, _take_lte, every=4, right="test"),
)
