"""Radios and their clients: the three wireless drivers, both CAPsMANs, 60 GHz, LTE. Counterpart: `interfaces.py` has their ports.

A v7 box may have several of these trees at once, and each radio is in one of them. Of each radio the number of clients and
the worst of them are samples; who they are is a fact, told when somebody comes or goes, and else every tenth cycle.
One rule: a client is believed only at a radio that /interface lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from domain.device_facts import WirelessClient
from domain.observation import Value
from engine.drivers.routeros.interfaces import MONITORED_CAP, ask_monitor, monitor_words, read_id
from engine.drivers.routeros.router import (
    LIST_CAP,
    NAME_CAP,
    Menu,
    Port,
    Router,
    Row,
    add,
    ask_where,
)
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
    return _by_name([port.interface.name for port in ports if port.id], rows)


def _by_name(names: list[str], rows: list[Row]) -> list[tuple[str, Row]]:
    """Pair what monitors say with what was asked: not all of them name it, but all keep the order."""
    names = names[:MONITORED_CAP]
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


# ---- 60 GHz


_W60G_COLUMNS = (
    "name,connected,frequency,remote-address,tx-mcs,tx-phy-rate,signal,rssi,distance,tx-packet-error-rate"
)


def _read_w60g(radio: str, row: Row, values: list[Value]) -> WirelessClient | None:
    """Return the other end, whose numbers go to `values`; None where there is none."""
    if row.get("connected") != "true":
        return None
    add(values, "signal_dbm", radio, read_number(row.get("rssi", "")))
    add(values, "signal_quality_pct", radio, read_number(row.get("signal", "")))
    add(values, "tx_rate_bps", radio, read_rate_bps(row.get("tx-phy-rate", "")) or None)
    add(values, "distance_m", radio, read_number(row.get("distance", "")))
    add(values, "mcs", radio, read_number(row.get("tx-mcs", "")))
    add(values, "packet_error_pct", radio, read_number(row.get("tx-packet-error-rate", "")))
    heard = {metric: value for metric, _, value in values}
    return WirelessClient(
        radio,
        row.get("remote-address", "")[:17],
        signal_dbm=heard.get("signal_dbm"),
        tx_rate_bps=heard.get("tx_rate_bps"),
        distance_m=heard.get("distance_m"),
    )


def _take_w60g(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """A radio with stations tells of them one by one; its own monitor has but one of them."""
    sectors = {radio for _, radio in router.w60g_stations.values()}
    radios: list[str] = []
    told: dict[str, WirelessClient] = {}
    for name, row in _by_port(router.ports_of("w60g"), rows):
        add(values, "frequency_mhz", name, read_number(row.get("frequency", "")))
        if name in sectors:
            continue
        radios.append(name)
        heard: list[Value] = []
        client = _read_w60g(name, row, heard)
        values.append(("wireless_clients", name, 0.0 if client is None else 1.0))
        values += heard
        if client is not None and client.mac:
            told[f"wireless_client/{name}/{client.mac}"] = client
    _tell_clients(router, "w60g", radios, told)


def _take_stations(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    radios = {port.interface.name for port in router.ports_of("w60g")}
    router.w60g_stations = {
        row.get("name", "")[:NAME_CAP]: (id, row["parent"][:NAME_CAP])
        for row in rows[:MONITORED_CAP]
        if (id := read_id(row)) and row.get("parent", "")[:NAME_CAP] in radios
    }


def _ask_stations(router: Router) -> Sequence[str] | None:
    return monitor_words(
        "/interface/w60g/station", _W60G_COLUMNS, [id for id, _ in router.w60g_stations.values()]
    )


def _take_station_monitors(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
    """Of each radio the worst of its stations is a sample, as with other clients."""
    found: dict[str, list[list[Value]]] = {radio: [] for _, radio in router.w60g_stations.values()}
    told: dict[str, WirelessClient] = {}
    for name, row in _by_name(list(router.w60g_stations), rows):
        radio = router.w60g_stations[name][1]
        heard: list[Value] = []
        client = _read_w60g(radio, row, heard)
        if client is not None:
            found[radio].append(heard)
            told[f"wireless_client/{radio}/{client.mac or name}"] = client
    for radio, stations in found.items():
        values.append(("wireless_clients", radio, float(len(stations))))
        for metric, worst in _WORST_STATION:
            said = [value for heard in stations for one, _, value in heard if one == metric]
            add(values, metric, radio, worst(said) if said else None)
    _tell_clients(router, "w60g station", found, told)


_WORST_STATION: tuple[tuple[str, Callable[[list[float]], float]], ...] = (
    ("signal_dbm", min),
    ("signal_quality_pct", min),
    ("tx_rate_bps", min),
    ("distance_m", max),
    ("mcs", min),
    ("packet_error_pct", max),
)


# ---- LTE


_CELL = (
    ("rsrp", "lte_rsrp_dbm"),
    ("rsrq", "lte_rsrq_db"),
    ("rssi", "lte_rssi_dbm"),
    ("sinr", "lte_sinr_db"),
)
_CELL_COLUMNS = f"current-operator,access-technology,{','.join(column for column, _ in _CELL)}"


MODEMS_CAP = 3


def _modem(router: Router, place: int) -> Port | None:
    modems = [port for port in router.ports_of("lte") if port.id]
    return modems[place] if place < len(modems) else None


def _ask_lte(place: int) -> Callable[[Router], Sequence[str] | None]:
    """RouterOS 7 monitors modems, RouterOS 6 asks one for `info`, which wants the right "test"; each is asked alone."""

    def words(router: Router) -> Sequence[str] | None:
        modem = _modem(router, place)
        if modem is None:
            return None
        verb, number = ("monitor", "numbers") if router.may_be((7,)) else ("info", "number")
        return f"/interface/lte/{verb}", f"={number}={modem.id}", "=once=", f"=.proplist={_CELL_COLUMNS}"

    return words


def _take_lte(place: int) -> _Take:
    """Return what takes one modem. The facts of the first have plain names, those of others end with theirs."""

    def take(router: Router, rows: list[Row], at_us: int, values: list[Value]) -> None:
        modem = _modem(router, place)
        if modem is None or not rows:
            return
        row, name = rows[0], modem.interface.name
        for column, metric in _CELL:
            add(values, metric, name, read_number(row.get(column, "")))
        of = f"/{name}" if place else ""
        router.tell(f"lte_operator{of}", row.get("current-operator", "")[:NAME_CAP])
        router.tell(f"lte_technology{of}", row.get("access-technology", "")[:NAME_CAP])

    return take


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
        ask_monitor("/interface/w60g", _W60G_COLUMNS, lambda router: router.ports_of("w60g")),
        _take_w60g,
        right="test",
    ),
    Menu("w60g station", _ask_stations, _take_station_monitors, right="test"),
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
    Menu(
        "w60g stations",
        ask_where("/interface/w60g/station", ".id,name,parent", "w60g"),
        _take_stations,
        every=4,
    ),
    *(
        Menu(f"lte {place + 1}" if place else "lte", _ask_lte(place), _take_lte(place), every=4, right="test")
        for place in range(MODEMS_CAP)
    ),
)
