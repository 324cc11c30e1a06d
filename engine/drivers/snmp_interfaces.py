"""IF-MIB (RFC 2863): the list of interfaces, and the counters of each in every cycle. Counterpart: `snmp.py`.

One rule: an interface is known by its name (ifName, else ifDescr), which is unique here; its index may change at any reboot.
Sessions of subscribers (`<pppoe-anna>`), which come and go by the thousand, are no interfaces to us. A table that is too long
is read in part (`snmp_crowd.py`), and the fact `not_read/interfaces` tells what is missing.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import msgspec

from domain.errors import BadReply, NoAnswer
from domain.inventory import Interface
from domain.metrics import CounterBits
from domain.observation import Told
from engine.drivers.meters import Draft, Known, Learned, Values, instance_oid, number, text
from engine.drivers.rates import Counted, PortRates, most_octets_per_s
from engine.drivers.snmp_bonds import may_be_bond, read_bonds, with_past
from engine.drivers.snmp_crowd import LIST_SHARE, read_crowd
from engine.drivers.snmp_session import MAX_REPLIES, SnmpSession, Table
from engine.protocols.ber import Value

_IF, _IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
IF_NUMBER, IF_TABLE_LAST_CHANGE = "1.3.6.1.2.1.2.1.0", "1.3.6.1.2.1.31.1.5.0"
_DESCR, _TYPE, _SPEED, _MAC, _ADMIN, _OPER = (f"{_IF}.{n}" for n in (2, 3, 5, 6, 7, 8))
_NAME, _HIGH_SPEED, _ALIAS, _HC_IN = (f"{_IFX}.{n}" for n in (1, 15, 18, 6))
_WIDE_OCTETS, _OCTETS = (_HC_IN, f"{_IFX}.10"), (f"{_IF}.10", f"{_IF}.16")
_ERRORS_IN, _ERRORS_OUT = f"{_IF}.14", f"{_IF}.20"
_COLUMNS = (_DESCR, _TYPE, _SPEED, _MAC, _ADMIN, _OPER, _NAME, _HIGH_SPEED, _ALIAS, _HC_IN)

NOT_READ = "not_read/interfaces"
NAME_CAP = 64
_MOST_ERRORS_PER_S = 1e8
_SPEED_UNKNOWN = 0xFFFF_FFFF
_KINDS = {
    6: "ether",
    23: "ppp",
    24: "loopback",
    53: "virtual",
    71: "wlan",
    117: "ether",
    131: "tunnel",
    135: "vlan",
    161: "bond",
    209: "bridge",
    244: "mobile",
    243: "mobile",
}
"""ifType (IANAifType-MIB) in RouterOS' words, so that both protocols tell the same fact."""

_OPER_UP = {1: True, 2: False, 3: None, 4: None, 5: False, 6: False, 7: False}
"""up, down, testing, unknown, dormant, notPresent, lowerLayerDown."""


class InterfaceLook:
    """Lists the interfaces; a meter whose interface is as it was goes on, with the history of its counters."""

    def __init__(self) -> None:
        self._meters: dict[str, PortMeter] = {}
        self._bonds: dict[str, str] = {}
        self._is_crowded = False

    async def __call__(self, session: SnmpSession, known: Known) -> Learned:
        """Return a meter and a fact for each interface, and fill `known.ports`."""
        table, left = await self._read_table(session)
        meters: dict[str, PortMeter] = {}
        known.ports.clear()
        facts: list[Told] = []
        for index, interface in (await self._with_bonds(session, _listed(table))).items():
            name = interface.name
            known.ports[index] = name
            facts.append((fact_name(name), msgspec.to_builtins(interface)))
            new, old = PortMeter(index, interface, wide=index in table[_HC_IN]), self._meters.get(index)
            if old is not None and old.counts_as(new):
                old.renew(interface)
            meters[index] = new if old is None or old.interface is not interface else old
        self._meters = meters
        if left:
            facts.append((NOT_READ, _left_out(left, len(table[_TYPE]))))
        watched = () if left else (IF_NUMBER, IF_TABLE_LAST_CHANGE)
        return Learned([*meters.values()], facts, ("interface/", NOT_READ), watched)

    async def _with_bonds(self, session: SnmpSession, listed: dict[str, Interface]) -> dict[str, Interface]:
        """Add to members the name of their aggregate; asked where there may be one."""
        if not any(map(may_be_bond, listed.values())):
            self._bonds = {}
            return listed
        by_name = {interface.name: interface for interface in listed.values()}
        self._bonds = with_past(await read_bonds(session, listed), self._bonds, by_name)
        return {
            index: msgspec.structs.replace(interface, bond=self._bonds.get(interface.name, ""))
            for index, interface in listed.items()
        }

    async def _read_table(self, session: SnmpSession) -> tuple[Table, Counter[int]]:
        """Return the table, and what it was too long for; one that does not end although it should is a BadReply."""
        if not self._is_crowded:
            try:
                return await session.walk(_COLUMNS), Counter()
            except (BadReply, NoAnswer) as error:
                if await _row_count(session) <= MAX_REPLIES:
                    raise
                self._is_crowded = True
                if session.has_used(LIST_SHARE):
                    raise NoAnswer(f"{error}; its interfaces are read in part in the next cycle") from None
        rows = await _row_count(session)
        self._is_crowded = rows > MAX_REPLIES
        crowd = await read_crowd(session, _COLUMNS, _TYPE, rows)
        return crowd.table, crowd.left


async def _row_count(session: SnmpSession) -> int:
    return number((await session.get([(IF_NUMBER,)]))[0].values.get(IF_NUMBER)) or 0


def _left_out(left: Counter[int], read: int) -> str:
    """Return in words how many interfaces are not read, and of which kinds."""
    kinds: Counter[str] = Counter()
    for if_type, count in left.items():
        kinds[_kind(if_type) or "not listed"] += count
    said = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(4))
    return f"{left.total():,} of {left.total() + read:,} interfaces ({said}): the table is too long"


def fact_name(name: str) -> str:
    """Return the field under which an interface is a fact."""
    return f"interface/{name}"


class PortMeter:
    """The counters and the state of one interface. What a cycle needs lies together: a fleet's are never in a cache."""

    __slots__ = ("_name", "_oper", "_rates", "_up", "interface", "oids")

    def __init__(self, index: str, interface: Interface, *, wide: bool) -> None:
        self.renew(interface)
        self._oper = instance_oid(_OPER, index)
        most = 1e12 if wide else most_octets_per_s(interface.speed_bps)
        counters, self.oids = _port_columns(index, wide, most)
        self._rates = PortRates(interface.name, counters)

    def renew(self, interface: Interface) -> None:
        """Take what a look found of the interface."""
        self.interface, self._name, self._up = interface, interface.name, interface.oper_up

    def counts_as(self, other: PortMeter) -> bool:
        """Tell whether the counters of `other` go on where these ended."""
        return (self.interface.name, self.interface.speed_bps, self.oids) == (
            other.interface.name,
            other.interface.speed_bps,
            other.oids,
        )

    def read(self, got: Values, at_us: int, uptime_s: float | None, draft: Draft) -> None:
        """Add the rates and the state; a state that turned is a new fact."""
        values = draft.values
        self._rates.add(got, at_us, uptime_s, values)
        status = got.get(self._oper)
        up = _OPER_UP.get(status) if type(status) is int else None
        if up is not None:
            values.append(("if_oper_up", self._name, 1.0 if up else 0.0))
            if up is not self._up:
                self.renew(msgspec.structs.replace(self.interface, oper_up=up))
                draft.facts[fact_name(self._name)] = msgspec.to_builtins(self.interface)


@lru_cache(maxsize=4096)
def _port_columns(
    index: str, wide: bool, most_octets_per_s: float
) -> tuple[tuple[Counted, ...], tuple[str, ...]]:
    """Return the counters of a port and all its OIDs: the same objects for all ports of that index."""
    octets = _WIDE_OCTETS if wide else _OCTETS
    bits: CounterBits = 64 if wide else 32
    counters = (
        Counted(instance_oid(octets[0], index), "if_in_bps", 8, bits, most_octets_per_s),
        Counted(instance_oid(octets[1], index), "if_out_bps", 8, bits, most_octets_per_s),
        Counted(instance_oid(_ERRORS_IN, index), "if_in_errors_per_s", 1, 32, _MOST_ERRORS_PER_S),
        Counted(instance_oid(_ERRORS_OUT, index), "if_out_errors_per_s", 1, 32, _MOST_ERRORS_PER_S),
    )
    return counters, (*(counter.key for counter in counters), instance_oid(_OPER, index))


def _listed(table: Table) -> dict[str, Interface]:
    """Return the interfaces by their index, but for the sessions of subscribers."""
    found: dict[str, Interface] = {}
    taken: set[str] = set()
    for index in table[_DESCR] | table[_NAME]:
        name = _name(table, index, taken)
        if not (name.startswith("<") and name.endswith(">")):
            taken.add(name)
            found[index] = _interface(table, index, name)
    return found


def _name(table: Table, index: str, taken: set[str]) -> str:
    name = text(table[_NAME].get(index), NAME_CAP) or text(table[_DESCR].get(index), NAME_CAP) or f"if{index}"
    return name if name not in taken else f"{name}#{index}"


def _interface(table: Table, index: str, name: str) -> Interface:
    def at(column: str) -> Value:
        return table[column].get(index)

    alias = text(at(_ALIAS))
    oper = number(at(_OPER))
    return Interface(
        name=name,
        index=int(index) if index.isdigit() else 0,
        alias=alias if alias != name else "",
        kind=_kind(number(at(_TYPE)) or 0),
        mac=mac_text(at(_MAC)),
        speed_bps=_speed_bps(number(at(_SPEED)) or 0, number(at(_HIGH_SPEED)) or 0),
        admin_up=number(at(_ADMIN)) != 2,
        oper_up=_OPER_UP.get(oper) if oper is not None else None,
    )


def _kind(if_type: int) -> str:
    return _KINDS.get(if_type, f"type {if_type}" if if_type else "")


def _speed_bps(speed: int, high_speed_mbps: int) -> int:
    """ifSpeed, or ifHighSpeed where that says more; RFC 2863, section 3.1.7."""
    if high_speed_mbps > 0 and (speed <= 0 or speed == _SPEED_UNKNOWN or high_speed_mbps * 1_000_000 > speed):
        return high_speed_mbps * 1_000_000
    return max(0, speed) if speed != _SPEED_UNKNOWN else 0


def mac_text(value: Value) -> str:
    """Return six bytes as RouterOS writes them; empty for none, for zeros, and for anything else."""
    if not isinstance(value, bytes) or len(value) != 6 or not any(value):
        return ""
    return value.hex(":").upper()
