"""Tables of who is behind which port: BRIDGE-MIB (RFC 4188), Q-BRIDGE-MIB (RFC 4363), IP-MIB (RFC 4293). Counterpart: `snmp.py`.

They are long and change all the time, so they are looked at rarely, become sightings and no facts, and are read within caps of
rows, replies and time; what does not fit is left out. A device that has none of them is asked now and then whether it has.
One rule: nothing here is a device's failure; its fast GETs tell whether it lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.errors import BadReply, NoAnswer, Unsupported
from domain.observation import Sighting
from engine.drivers.meters import Known, Learned, number
from engine.drivers.profiles.decoding import ip_text
from engine.drivers.snmp_interfaces import mac_text
from engine.drivers.snmp_session import SnmpSession, Table
from engine.protocols.ber import Value

SIGHTINGS_EVERY_CYCLES = 40
FIRST_SIGHTINGS_CYCLES = range(10, 20)
"""One of these is the first, not the first reading: that tells what a person looks at."""

MOST_ROWS = 4_096
MOST_REPLIES = 64
TIME_SHARE = 0.6
"""How much of a reading's time may be gone when no more is asked for."""

BASE_PORT_IF = "1.3.6.1.2.1.17.1.4.1.2"
FDB_PORT, FDB_STATUS = "1.3.6.1.2.1.17.4.3.1.2", "1.3.6.1.2.1.17.4.3.1.3"
Q_FDB_PORT, Q_FDB_STATUS = "1.3.6.1.2.1.17.7.1.2.2.1.2", "1.3.6.1.2.1.17.7.1.2.2.1.3"
ARP_MAC, ARP_TYPE = "1.3.6.1.2.1.4.22.1.2", "1.3.6.1.2.1.4.22.1.4"
PHYSICAL_MAC, PHYSICAL_TYPE = "1.3.6.1.2.1.4.35.1.4", "1.3.6.1.2.1.4.35.1.6"

_LEARNED = 3
_INVALID, _LOCAL = 2, 5


class SightingsLook:
    """Looks at forwarding and address tables; what it finds replaces nothing, the judge knows what is newer."""

    async def __call__(self, session: SnmpSession, known: Known) -> Learned:
        """Return the sightings at the interfaces that are known."""
        found: dict[Sighting, None] = {}
        try:
            asked = (FDB_PORT, Q_FDB_PORT, ARP_MAC, PHYSICAL_MAC)
            there = await session.present(asked)
            if Q_FDB_PORT in there or FDB_PORT in there:
                ports = await _walk(session, BASE_PORT_IF)
                by_port = {port: known.ports.get(str(index)) for port, index in ports[BASE_PORT_IF].items()}
                if Q_FDB_PORT in there:
                    table = await _walk(session, Q_FDB_PORT, Q_FDB_STATUS)
                    found |= dict.fromkeys(_forwarded(table, Q_FDB_PORT, Q_FDB_STATUS, by_port))
                if not found and FDB_PORT in there:
                    table = await _walk(session, FDB_PORT, FDB_STATUS)
                    found |= dict.fromkeys(_forwarded(table, FDB_PORT, FDB_STATUS, by_port))
            if ARP_MAC in there:
                table = await _walk(session, ARP_MAC, ARP_TYPE)
                found |= dict.fromkeys(_resolved(table, ARP_MAC, ARP_TYPE, known))
            if PHYSICAL_MAC in there:
                table = await _walk(session, PHYSICAL_MAC, PHYSICAL_TYPE)
                found |= dict.fromkeys(_resolved(table, PHYSICAL_MAC, PHYSICAL_TYPE, known))
        except (BadReply, NoAnswer, Unsupported):
            pass  # what was read until then is as good as ever
        return Learned(sightings=tuple(found))


async def _walk(session: SnmpSession, *columns: str) -> Table:
    return await session.walk(columns, MOST_ROWS, cut=True, replies=MOST_REPLIES, within=TIME_SHARE)


def _forwarded(table: Table, ports: str, statuses: str, by_port: dict[str, str | None]) -> Iterator[Sighting]:
    """Rows by MAC, in Q-BRIDGE-MIB by VLAN and MAC; a device's own MACs and those set by hand are none that it saw."""
    for index, port in table[ports].items():
        interface = by_port.get(str(number(port)))
        mac = _mac_of(index.split(".")[-6:])
        if interface and mac and table[statuses].get(index, _LEARNED) == _LEARNED:
            yield Sighting("fdb", interface, mac)


def _resolved(table: Table, macs: str, types: str, known: Known) -> Iterator[Sighting]:
    """Rows by ifIndex and address, in the newer table with the address's kind and length before it."""
    for index, value in table[macs].items():
        interface, *arcs = index.split(".")
        name, address, mac = known.ports.get(interface), _address_of(arcs, macs), mac_text(value)
        if name and mac and address and not _is_own_or_old(types, table[types].get(index)):
            yield Sighting("arp", name, mac, address)


def _is_own_or_old(types: str, kind: Value) -> bool:
    """A row that is `invalid`, and in the newer table one of the device's own addresses (`local`), tells of nobody."""
    return kind == _INVALID or (types == PHYSICAL_TYPE and kind == _LOCAL)


def _address_of(arcs: Sequence[str], macs: str) -> str | None:
    octets = _octets(arcs if macs == ARP_MAC else arcs[2:])
    return ip_text(octets) if octets is not None and len(octets) in (4, 16) else None


def _mac_of(arcs: Sequence[str]) -> str:
    return mac_text(_octets(arcs))


def _octets(arcs: Sequence[str]) -> bytes | None:
    numbers = [int(arc) for arc in arcs]
    return bytes(numbers) if all(part < 256 for part in numbers) else None
