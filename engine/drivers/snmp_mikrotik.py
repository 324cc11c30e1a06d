"""MIKROTIK-MIB: what RouterOS tells beyond the standard MIBs, by SNMP. Counterpart: `snmp.py`, for sysObjectID 14988.

Newer boards publish health as the gauge table alone, older ones as scalars alone; wireless figures are there for the old
driver and 60 GHz, the new Wi-Fi driver has no table and is asked by the RouterOS API. Source: MIKROTIK-MIB 202305010000Z.
One rule: of many clients of one radio the worst signal is told, and how many they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from domain.metrics import is_believable
from domain.observation import Told
from engine.drivers.meters import Draft, GaugeMeter, Known, Learned, Meter, Values, instance_oid, number, text
from engine.drivers.sensors import sensor_of
from engine.drivers.snmp_session import SnmpSession
from engine.protocols.ber import Value

ENTERPRISE = "1.3.6.1.4.1.14988"
_BASE = f"{ENTERPRISE}.1.1"
_FACTS = {
    f"{_BASE}.4.4.0": "version",
    f"{_BASE}.7.3.0": "serial",
    f"{_BASE}.7.4.0": "board_firmware",
    f"{_BASE}.7.7.0": "upgrade_firmware",
    f"{_BASE}.7.9.0": "board",
}
_GAUGES = f"{_BASE}.3.100.1"
_UNITS = {
    1: ("temperature_c", 1),
    2: ("fan_rpm", 1),
    3: ("voltage_v", 10),
    4: ("current_a", 10),
    5: ("power_w", 10),
}
_SCALARS = {
    f"{_BASE}.3.{n}.0": (metric, instance, divisor)
    for n, metric, instance, divisor in (
        (5, "temperature_c", "sensor", 10),
        (6, "temperature_c", "cpu", 10),
        (7, "temperature_c", "board", 10),
        (8, "voltage_v", "", 10),
        (10, "temperature_c", "", 10),
        (11, "temperature_c", "cpu", 10),
        (12, "power_w", "", 10),
        (13, "current_a", "", 1000),
        (17, "fan_rpm", "fan1", 1),
        (18, "fan_rpm", "fan2", 1),
    )
}
_STATION_SIGNAL, _STATION_CCQ = f"{_BASE}.1.1.1.4", f"{_BASE}.1.1.1.9"
_CLIENT_SIGNAL, _CLIENT_SNR = f"{_BASE}.1.2.1.3", f"{_BASE}.1.2.1.12"
_AP_CLIENTS, _AP_CCQ = f"{_BASE}.1.3.1.6", f"{_BASE}.1.3.1.10"
_CLIENT_COUNT = f"{_BASE}.1.4.0"
_W60G_CONNECTED, _W60G_RSSI = f"{_BASE}.1.8.1.4", f"{_BASE}.1.8.1.12"
CLIENTS_CAP = 512


async def look_at_mikrotik(session: SnmpSession, known: Known) -> Learned:
    """Return the facts and meters of a RouterOS device; nothing for any other."""
    if known.object_id != ENTERPRISE and not known.object_id.startswith(f"{ENTERPRISE}."):
        return Learned()
    told = (await session.get([tuple(_FACTS)]))[0].values
    facts: list[Told] = [(field, said) for oid, field in _FACTS.items() if (said := text(told.get(oid)))]
    meters = [*await _look_at_health(session), *await _look_at_radios(session, known)]
    return Learned(meters, [*facts, ("os", "RouterOS")], watched=(_CLIENT_COUNT,))


async def _look_at_health(session: SnmpSession) -> list[Meter]:
    names, values, units = (f"{_GAUGES}.{n}" for n in (2, 3, 4))
    table = await session.walk((names, units), 64, cut=True)
    meters: list[Meter] = []
    for index, unit in table[units].items():
        metric, divisor = _UNITS.get(number(unit) or 0, ("", 1))
        if metric:
            _, instance = sensor_of(text(table[names].get(index)))
            meters.append(GaugeMeter(instance_oid(values, index), metric, instance, divisor))
    if meters:
        return meters
    got = (await session.get([tuple(_SCALARS)]))[0].values
    return [GaugeMeter(oid, *how) for oid, how in _SCALARS.items() if number(got.get(oid)) is not None]


async def _look_at_radios(session: SnmpSession, known: Known) -> list[Meter]:
    stations = await session.walk((_STATION_SIGNAL, _STATION_CCQ), 64, cut=True)
    points = await session.walk((_AP_CLIENTS, _AP_CCQ), 64, cut=True)
    clients = await session.walk((_CLIENT_SIGNAL,), CLIENTS_CAP, cut=True)
    w60g = await session.walk((_W60G_RSSI,), 64, cut=True)
    meters: list[Meter] = []
    for column, metric, indexes in (
        (_STATION_SIGNAL, "signal_dbm", stations[_STATION_SIGNAL]),
        (_STATION_CCQ, "ccq_pct", stations[_STATION_CCQ]),
        (_AP_CLIENTS, "wireless_clients", points[_AP_CLIENTS]),
        (_AP_CCQ, "ccq_pct", points[_AP_CCQ]),
    ):
        meters += [
            GaugeMeter(instance_oid(column, i), metric, known.ports[i]) for i in indexes if i in known.ports
        ]
    of_port: dict[str, list[str]] = defaultdict(list)
    for index in clients[_CLIENT_SIGNAL]:
        of_port[index.rpartition(".")[2]].append(index)
    meters += [ClientsMeter(known.ports[port], rows) for port, rows in of_port.items() if port in known.ports]
    meters += [W60gMeter(known.ports[index], index) for index in w60g[_W60G_RSSI] if index in known.ports]
    return meters


class ClientsMeter:
    """The worst signal and the worst signal to noise among the clients of one radio."""

    def __init__(self, port: str, rows: list[str]) -> None:
        self._port = port
        self._signal = [instance_oid(_CLIENT_SIGNAL, row) for row in rows]
        self._snr = [instance_oid(_CLIENT_SNR, row) for row in rows]
        self.oids = (*self._signal, *self._snr)

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add what those say that are still there."""
        for metric, oids in (("signal_dbm", self._signal), ("signal_to_noise_db", self._snr)):
            worst = _least(metric, (got.get(oid) for oid in oids))
            if worst is not None:
                draft.values.append((metric, self._port, worst))


class W60gMeter:
    """The signal of a 60 GHz radio, while it is connected."""

    def __init__(self, port: str, index: str) -> None:
        self._port = port
        self.oids = (instance_oid(_W60G_CONNECTED, index), instance_oid(_W60G_RSSI, index))

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add the signal."""
        signal = _least("signal_dbm", (got.get(self.oids[1]),))
        if number(got.get(self.oids[0])) == 1 and signal is not None:
            draft.values.append(("signal_dbm", self._port, signal))


def _least(metric: str, values: Iterable[Value]) -> float | None:
    return min((float(v) for v in values if type(v) is int and is_believable(metric, v)), default=None)
