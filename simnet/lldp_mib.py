"""LLDP-MIB (IEEE 802.1AB-2005) and the table of addresses and MACs (RFC 4293) as an agent tells them: who is at the other ends.

Counterpart: `mib.py`, the other standard tables. One rule: a row is there while its link is up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from simnet.ber import IP_ADDRESS, OCTET_STRING, Oid, encode, encode_integer, encode_text
from simnet.mib import Column, interface_column
from simnet.router import Interface, Router

_LLDP = (1, 0, 8802, 1, 1, 2, 1)
_LOCAL_PORTS, _REMOTES, _ADDRESSES = (*_LLDP, 3, 7, 1), (*_LLDP, 4, 1, 1), (*_LLDP, 4, 2, 1)
_ARP = (1, 3, 6, 1, 2, 1, 4, 22, 1)
_MAC_CHASSIS, _INTERFACE_NAME, _IF_INDEX, _DYNAMIC = 4, 5, 2, 3
Read = Callable[[Interface, Interface], bytes]


def lldp_columns() -> list[Column]:
    """The own ports, who is heard at them, and the addresses those are managed at."""
    remote: list[tuple[int, Read]] = [
        (4, lambda _port, _peer: encode_integer(_MAC_CHASSIS)),
        (5, lambda _port, peer: encode(OCTET_STRING, peer.router.interfaces[0].mac)),
        (6, lambda _port, _peer: encode_integer(_INTERFACE_NAME)),
        (7, lambda _port, peer: encode_text(peer.name)),
        (8, lambda _port, peer: encode_text(peer.name)),
        (9, lambda _port, peer: encode_text(peer.router.identity)),
        (10, lambda _port, peer: encode_text(peer.router.board.model)),
    ]
    return [
        interface_column((*_LOCAL_PORTS, 2), lambda _port, _at: encode_integer(_INTERFACE_NAME)),
        interface_column((*_LOCAL_PORTS, 3), lambda port, _at: encode_text(port.name)),
        interface_column((*_LOCAL_PORTS, 4), lambda port, _at: encode_text(port.name)),
        *(_column((*_REMOTES, number), _remote_rows, 1, read) for number, read in remote),
        _column((*_ADDRESSES, 3), _address_rows, 1, lambda _port, _peer: encode_integer(_IF_INDEX)),
    ]


def arp_columns() -> list[Column]:
    """Whose MAC is at which address behind which interface: ipNetToMediaTable."""
    columns: list[tuple[int, Read]] = [
        (1, lambda port, _peer: encode_integer(port.index)),
        (2, lambda _port, peer: encode(OCTET_STRING, peer.mac)),
        (3, lambda _port, peer: encode(IP_ADDRESS, bytes(_octets(peer)))),
        (4, lambda _port, _peer: encode_integer(_DYNAMIC)),
    ]
    return [_column((*_ARP, number), _arp_rows, 0, read) for number, read in columns]


def _column(oid: Oid, rows: Callable[[Router], Sequence[Oid]], place: int, read: Read) -> Column:
    """Build a column whose rows name the own interface at a place of their index."""

    def read_row(router: Router, row: Oid, _at_s: float) -> bytes:
        port = router.interfaces[row[place] - 1]
        return read(port, port.peer or port)

    return Column(oid, rows, read_row)


def _remote_rows(router: Router) -> Sequence[Oid]:
    return [(0, port.index, 1) for port in router.neighbours()]


def _address_rows(router: Router) -> Sequence[Oid]:
    return [(0, port.index, 1, 1, 4, *_octets(port.peer)) for port in router.neighbours() if port.peer]


def _arp_rows(router: Router) -> Sequence[Oid]:
    return [(port.index, *_octets(port.peer)) for port in router.neighbours() if port.peer]


def _octets(peer: Interface) -> tuple[int, ...]:
    return tuple(ipaddress.IPv4Address(peer.router.address).packed)
