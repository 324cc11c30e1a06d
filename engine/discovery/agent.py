"""Who an SNMP agent is, in a few datagrams, before it is looked at whole. Counterpart: `prober.py`, which has it looked at.

An agent of SNMPv3 says its engine id to anybody (RFC 3414, section 4): that is asked first, for it needs no login and tells
whether an agent is there at all. A community is asked in v2c, then in v1.
One rule: every question here is one datagram and its answer; what is longer is cut.
"""

from __future__ import annotations

import os
from time import monotonic
from typing import NamedTuple

from domain.errors import DeviceError, Refused
from domain.text import text_from_bytes
from engine.drivers.snmp_session import SnmpSession
from engine.protocols.ber import Value
from engine.protocols.snmp import Pdu
from engine.protocols.snmp_v3 import Channel
from engine.protocols.usm import SnmpUser
from engine.transport.addresses import name_endpoint
from engine.transport.udp import UdpTransport

_SYS_DESCR, _SYS_OBJECT_ID, _SYS_NAME = (f"1.3.6.1.2.1.1.{n}.0" for n in (1, 2, 5))
_SYSTEM = (_SYS_DESCR, _SYS_OBJECT_ID, _SYS_NAME)
_ENTITY = "1.3.6.1.2.1.47.1.1.1.1"
_CLASS, _SERIAL = f"{_ENTITY}.5", f"{_ENTITY}.11"
_CHASSIS = 3

SERIAL_ROWS, SERIAL_REPLIES = 128, 4
"""What is looked through of an ENTITY-MIB for the chassis, which nearly always is its first row."""

_SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
_NOBODY = SnmpUser(name="")


class Hello(NamedTuple):
    """What an agent said without a login. `is_there`: one is, or may be one that does not speak v3."""

    engine_id: str
    is_there: bool


class System(NamedTuple):
    """What an agent says that it is."""

    description: str
    object_id: str
    name: str


async def ask_engine_id(
    udp: UdpTransport, endpoint: tuple[str, int], timeout_s: float, retries: int
) -> Hello:
    """Ask for the engine id as nobody; the complaint that follows is welcome. Raises Unsupported for what is no address."""
    channel = Channel(_NOBODY, name_endpoint(*endpoint), clock=monotonic, salt=int.from_bytes(os.urandom(8)))
    peer = udp.peer(*endpoint)
    try:
        await udp.ask(peer, channel.question(Pdu.GET, (_SYS_UPTIME,)), timeout_s, retries)
    except Refused:
        return Hello("", False)
    except DeviceError:  # it does not know nobody, says nonsense, or nothing
        pass
    finally:
        udp.release(peer)
    return Hello(channel.engine_id.hex(), True)


async def ask_system(session: SnmpSession) -> System:
    """Ask who it is, in the version that it answers. Raises DeviceError where it does not answer to this login."""
    await session.find_version()
    answer = (await session.get([_SYSTEM]))[0]
    object_id = answer.values.get(_SYS_OBJECT_ID)
    return System(
        _text(answer.values.get(_SYS_DESCR)),
        object_id if isinstance(object_id, str) else "",
        _text(answer.values.get(_SYS_NAME)),
    )


async def read_chassis_serial(session: SnmpSession) -> str:
    """Return the serial number of the first chassis in the ENTITY-MIB (RFC 6933), "" where it has none."""
    try:
        table = await session.walk((_CLASS, _SERIAL), SERIAL_ROWS, cut=True, replies=SERIAL_REPLIES)
    except DeviceError:
        return ""
    kinds, serials = table[_CLASS], table[_SERIAL]
    return next(
        (text for row, kind in kinds.items() if kind == _CHASSIS and (text := _text(serials.get(row)))), ""
    )


def _text(value: Value) -> str:
    return text_from_bytes(value) if isinstance(value, bytes) else ""
