"""What SNMP agents send unasked: traps of v1, traps and informs of v2c, and the PDU of those of v3 (RFC 3416, RFC 3584).

Counterpart: `snmp_v3_recipient.py` opens v3, `receivers/traps.py` says what a notification means. A trap of v1 comes out in
the form of v2 (RFC 3584, section 3.1), so that nobody above knows two kinds. An inform is answered with its own bytes, of
which only the tag of the PDU is another.
One rule: of a notification only the first varbinds are read, whatever it holds, so that none costs much.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from domain.errors import BadReply
from engine.protocols.ber import (
    IP_ADDRESS,
    OCTET_STRING,
    SEQUENCE,
    TIME_TICKS,
    decode_expected,
    decode_header,
    decode_integer,
    decode_oid,
    decode_value,
)
from engine.protocols.sealed import V3, Sealed, decode_sealed
from engine.protocols.snmp import Pdu, Varbind, Version, decode_varbinds

VARBINDS_CAP = 20
"""What is read of a notification beside its time and its name."""

SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
_TRAP_ADDRESS = "1.3.6.1.6.3.18.1.3.0"
_TRAP_COMMUNITY = "1.3.6.1.6.3.18.1.4.0"
_STANDARD_TRAPS = "1.3.6.1.6.3.1.1.5."
_ENTERPRISE_SPECIFIC = 6
"""The generic number of a v1 trap whose own number is in the other field (RFC 1157, 4.1.6)."""


class Notification(msgspec.Struct, frozen=True, gc=False):
    """A trap or inform of any version. `oid` names it; `uptime_ticks` are hundredths of a second since its agent began.

    `agent` is the address of the device it is about, where it says one ("" else): a proxy passes on what others sent.
    `answer` is what to send back (to an inform), else None. `user` is of v3.
    """

    version: Literal["v1", "v2c", "v3"]
    oid: str
    uptime_ticks: int | None
    varbinds: list[Varbind]
    confirmed: bool = False
    request_id: int = 0
    agent: str = ""
    user: str = ""
    answer: bytes | None = None

    def __repr__(self) -> str:
        """Leave the answer out: a community is in it."""
        return f"Notification({self.version}, {self.oid}, {self.varbinds!r})"


def decode_notification(data: bytes) -> Notification | Sealed:
    """Read one datagram. Raises BadReply for what is no notification; what is in a v3 message is still to be opened."""
    at, end = decode_expected(data, 0, len(data), SEQUENCE, "a message")
    version, at = decode_integer(data, at, end, "a version")
    if version == V3:
        return decode_sealed(data, at, end)
    if version not in (Version.V1, Version.V2C):
        raise BadReply(f"expected SNMP v1 (0), v2c (1) or v3 (3), got version {version}", at)
    _, at = decode_expected(data, at, end, OCTET_STRING, "a community")
    if version == Version.V1:
        return _decode_v1(data, at, end)
    found = decode_notification_pdu(data, at, end, "v2c")
    if found.confirmed:
        return msgspec.structs.replace(found, answer=as_response(data[:end], at))
    return found


def decode_notification_pdu(
    data: bytes, at: int, end: int, version: Literal["v2c", "v3"], user: str = ""
) -> Notification:
    """Read the PDU of a trap or inform at `at`."""
    pdu, at, stop = decode_header(data, at, end)
    if pdu not in (Pdu.TRAP, Pdu.INFORM):
        raise BadReply(f"tag {pdu:#04x} is no trap and no inform", at)
    request_id, at = decode_integer(data, at, stop, "a request id")
    _, at = decode_integer(data, at, stop, "an error status")
    _, at = decode_integer(data, at, stop, "an error index")
    oid, uptime, agent = "", None, ""
    varbinds: list[Varbind] = []
    for name, value in _first_varbinds(data, at, stop, VARBINDS_CAP + 2):
        if name == TRAP_OID and isinstance(value, str):
            oid = value
        elif name == SYS_UPTIME and isinstance(value, int):
            uptime = value
        elif name == _TRAP_ADDRESS and isinstance(value, str):
            agent = value
        elif name != _TRAP_COMMUNITY:
            varbinds.append((name, value))
    if not oid:
        raise BadReply("a notification that does not say which (snmpTrapOID.0)", at)
    return Notification(
        version, oid, uptime, varbinds[:VARBINDS_CAP], pdu == Pdu.INFORM, request_id, agent, user
    )


def as_response(data: bytes, pdu_at: int) -> bytes:
    """Return the bytes of an inform as those of the response to it."""
    return data[:pdu_at] + bytes((Pdu.RESPONSE,)) + data[pdu_at + 1 :]


def _decode_v1(data: bytes, at: int, end: int) -> Notification:
    at, end = decode_expected(data, at, end, Pdu.TRAP_V1, "a trap of v1")
    enterprise, at = decode_oid(data, at, end)
    decode_expected(data, at, end, IP_ADDRESS, "an agent's address")
    agent, at = decode_value(data, at, end)
    generic, at = decode_integer(data, at, end, "a generic trap")
    specific, at = decode_integer(data, at, end, "a specific trap")
    decode_expected(data, at, end, TIME_TICKS, "a time stamp")
    uptime, at = decode_value(data, at, end)
    if generic == _ENTERPRISE_SPECIFIC:
        oid = f"{enterprise}.0.{specific & 0xFFFF_FFFF}"
    elif 0 <= generic < _ENTERPRISE_SPECIFIC:
        oid = f"{_STANDARD_TRAPS}{generic + 1}"
    else:
        raise BadReply(f"a generic trap from 0 to 6 expected, got {generic}")
    varbinds = _first_varbinds(data, at, end, VARBINDS_CAP)
    return Notification(
        "v1",
        oid,
        uptime if isinstance(uptime, int) else None,
        varbinds,
        agent="" if agent == "0.0.0.0" else str(agent),  # noqa: S104 an agent that does not say
    )


def _first_varbinds(data: bytes, at: int, end: int, cap: int) -> list[Varbind]:
    """Read at most the first `cap` of the varbinds at `at`."""
    at, end = decode_expected(data, at, end, SEQUENCE, "a list of varbinds")
    stop = at
    for _ in range(cap):
        if stop >= end:
            break
        _, _, stop = decode_header(data, stop, end)
    return decode_varbinds(data, at, stop)
