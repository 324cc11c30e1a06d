"""HOST-RESOURCES-MIB (RFC 2790): processors, memory, disk, the host's own uptime. Counterpart: `snmp.py`.

One rule: memory and disk are one figure each: the RAM without what Linux holds in buffers and caches, and the root file system
or else the largest fixed disk.
"""

from __future__ import annotations

from engine.drivers.meters import Draft, Known, Learned, Meter, Values, instance_oid, number, text
from engine.drivers.snmp_session import SnmpSession, Table

_HR = "1.3.6.1.2.1.25"
HR_UPTIME = f"{_HR}.1.1.0"
_TYPE, _DESCR, _UNITS, _SIZE, _USED = (f"{_HR}.2.3.1.{n}" for n in range(2, 7))
_CPU_LOAD = f"{_HR}.3.3.1.2"
_RAM, _FIXED_DISK = f"{_HR}.2.1.2", f"{_HR}.2.1.4"
_RECLAIMABLE = frozenset({"Memory buffers", "Cached memory"})
"""What net-snmp counts as used RAM and lists beside it."""

PROCESSORS_CAP = 64
_ROWS_CAP = 256


async def look_at_host(session: SnmpSession, known: Known) -> Learned:
    """Return the meters of a host; none for a device without this MIB."""
    processors = await session.walk((_CPU_LOAD,), _ROWS_CAP, cut=True)
    storage = await session.walk((_TYPE, _DESCR, _UNITS, _SIZE), _ROWS_CAP, cut=True)
    meters: list[Meter] = []
    indexes = [index for index, load in processors[_CPU_LOAD].items() if number(load) is not None]
    if indexes:
        meters.append(CpuMeter(tuple(instance_oid(_CPU_LOAD, index) for index in indexes[:PROCESSORS_CAP])))
    ram = next((index for index, kind in storage[_TYPE].items() if kind == _RAM), None)
    if ram is not None:
        held = [i for i, name in storage[_DESCR].items() if text(name) in _RECLAIMABLE]
        meters.append(StorageMeter("memory", storage, ram, held))
    disk = _main_disk(storage)
    if disk is not None:
        meters.append(StorageMeter("disk", storage, disk, []))
    return Learned(meters)


class CpuMeter:
    """The mean load of all processors."""

    def __init__(self, oids: tuple[str, ...]) -> None:
        self.oids = oids

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add the mean of those that tell a load of 0 to 100."""
        loads = [load for load in map(got.get, self.oids) if type(load) is int and 0 <= load <= 100]
        if loads:
            draft.values.append(("cpu_load_pct", "", sum(loads) / len(loads)))


class StorageMeter:
    """Used and total bytes of one storage, less what is `held` in others of them."""

    def __init__(self, what: str, table: Table, index: str, held: list[str]) -> None:
        self._what = what
        self._unit_bytes = [_positive(table, _UNITS, i) for i in (index, *held)]
        self._total_bytes = _size_bytes(table, index)
        self.oids = tuple(instance_oid(_USED, i) for i in (index, *held))

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add both figures, if they can be."""
        amounts = [
            unsigned32(count) * unit
            for oid, unit in zip(self.oids, self._unit_bytes, strict=True)
            if (count := number(got.get(oid))) is not None
        ]
        if len(amounts) != len(self.oids) or self._total_bytes <= 0:
            return
        used_bytes = amounts[0] - sum(amounts[1:])
        if not 0 <= used_bytes <= self._total_bytes:
            used_bytes = min(amounts[0], self._total_bytes)
        draft.values.append((f"{self._what}_used_bytes", "", float(used_bytes)))
        draft.values.append((f"{self._what}_total_bytes", "", float(self._total_bytes)))


def unsigned32(value: int) -> int:
    """Return a count that an agent squeezed into a signed 32-bit INTEGER."""
    return value & 0xFFFF_FFFF if value < 0 else value


def _positive(table: Table, column: str, index: str) -> int:
    return max(1, number(table[column].get(index)) or 1)


def _size_bytes(table: Table, index: str) -> int:
    return unsigned32(number(table[_SIZE].get(index)) or 0) * _positive(table, _UNITS, index)


def _main_disk(table: Table) -> str | None:
    disks = [index for index, kind in table[_TYPE].items() if kind == _FIXED_DISK]
    root = [index for index in disks if text(table[_DESCR].get(index)) == "/"]
    return root[0] if root else max(disks, key=lambda index: _size_bytes(table, index), default=None)
