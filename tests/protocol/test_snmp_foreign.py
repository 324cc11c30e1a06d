"""Our SNMP codec against other people's: net-snmp's agent, snmpsim, and pysnmp's encoder and decoder as oracle."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import rfc1905
from pysnmp.proto.api import v1, v2c

from engine.protocols import ber
from engine.protocols.ber import Absent
from engine.protocols.snmp import Message, Pdu, Version, decode_message, encode_get, encode_getbulk
from tests.protocol.agents import Asker, running_snmpd, running_snmpsim
from tests.protocol.values import Bound, bound_lists, messages

SYSTEM = "1.3.6.1.2.1.1"
SYS_OBJECT_ID, SYS_UPTIME, SYS_NAME, SYS_LOCATION = (f"{SYSTEM}.{n}.0" for n in (2, 3, 5, 6))


# ---- net-snmp


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    with running_snmpd(tmp_path_factory.mktemp("snmpd")) as asker:
        yield asker


@pytest.mark.parametrize("version", list(Version))
def test_snmpd_tells_its_system_group(snmpd: Asker, version: Version) -> None:
    message = snmpd.get(SYS_OBJECT_ID, SYS_UPTIME, SYS_NAME, SYS_LOCATION, version=version)
    values = dict(message.varbinds)
    assert (message.version, message.error_status) == (version, 0)
    assert str(values[SYS_OBJECT_ID]).startswith("1.3.6.1.4.1.8072.3.2.")
    assert isinstance(values[SYS_UPTIME], int)
    assert values[SYS_NAME] == b"heliograph-peer"
    assert values[SYS_LOCATION] == b"Mast 7, north slope"


def test_snmpd_says_by_version_that_it_has_no_such_thing(snmpd: Asker) -> None:
    missing = f"{SYSTEM}.99.0"
    assert snmpd.get(missing).varbinds == [(missing, Absent.NO_SUCH_OBJECT)]
    assert snmpd.get(f"{SYSTEM}.5.7").varbinds == [(f"{SYSTEM}.5.7", Absent.NO_SUCH_INSTANCE)]
    message = snmpd.get(SYS_NAME, missing, version=Version.V1)
    assert (message.error_status, message.error_index) == (2, 2)


def test_snmpd_walked_by_getnext_and_by_getbulk_gives_the_same_interfaces(snmpd: Asker) -> None:
    columns = [f"1.3.6.1.2.1.2.2.1.{n}" for n in range(1, 23)] + [
        f"1.3.6.1.2.1.31.1.1.1.{n}" for n in range(1, 20)
    ]
    names: dict[str, object] = {}
    for column in columns:
        stepped, last = [], column
        while (last := (step := snmpd.getnext(last).varbinds[0])[0]).startswith(f"{column}."):
            stepped.append(step)
        bulk = snmpd.getbulk(column, max_repetitions=40).varbinds
        bulked = [bound for bound in bulk if bound[0].startswith(f"{column}.")]
        assert [oid for oid, _ in stepped] == [oid for oid, _ in bulked]
        assert [type(value) for _, value in stepped] == [type(value) for _, value in bulked]
        names.update(stepped)
    assert b"lo" in names.values()


def test_snmpd_ends_a_getbulk_at_the_end_of_its_view(snmpd: Asker) -> None:
    message = snmpd.getbulk(SYS_NAME, "1.3.6.1.6.99", max_repetitions=3, non_repeaters=1)
    assert message.varbinds[0] == (SYS_LOCATION, b"Mast 7, north slope")
    assert [value for _, value in message.varbinds[1:]][-1] is Absent.END_OF_MIB_VIEW


def test_everything_snmpd_has_is_read_as_pysnmp_reads_it(snmpd: Asker) -> None:
    at, seen = "1.3.6.1.2.1", 0
    while True:
        raw = snmpd.ask(encode_getbulk(0x1000000, b"public", (at,), 50))
        message = decode_message(raw)
        assert message == read_by_pysnmp(raw)
        seen += len(message.varbinds)
        at = message.varbinds[-1][0]
        if seen > 1500 or message.varbinds[-1][1] is Absent.END_OF_MIB_VIEW:
            break
    assert seen > 100


# ---- snmpsim

RECORDS = """\
1.3.6.1.2.1.1.1.0|4|RouterOS RB5009
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.14988.1
1.3.6.1.2.1.1.3.0|67|4294967295
1.3.6.1.2.1.1.5.0|4x|c3a4fffe00
1.3.6.1.2.1.2.2.1.10.1|65|2147483648
1.3.6.1.2.1.2.2.1.10.2147483650|65|7
1.3.6.1.2.1.4.20.1.1.10.0.0.1|64|10.0.0.1
1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615
1.3.6.1.4.1.14988.1.1.1.2.1.3.4.222.173.190.239.1.2|2|-67
1.3.6.1.4.1.14988.1.1.3.100.1.3.7|66|4294967295
1.3.6.1.4.1.99999.1.0|68|raw
"""

READ = [
    ("1.3.6.1.2.1.1.1.0", b"RouterOS RB5009"),
    ("1.3.6.1.2.1.1.2.0", "1.3.6.1.4.1.14988.1"),
    ("1.3.6.1.2.1.1.3.0", 4294967295),
    ("1.3.6.1.2.1.1.5.0", b"\xc3\xa4\xff\xfe\x00"),
    ("1.3.6.1.2.1.2.2.1.10.1", 2147483648),
    ("1.3.6.1.2.1.2.2.1.10.2147483650", 7),
    ("1.3.6.1.2.1.4.20.1.1.10.0.0.1", "10.0.0.1"),
    ("1.3.6.1.2.1.31.1.1.1.6.1", 18446744073709551615),
    ("1.3.6.1.4.1.14988.1.1.1.2.1.3.4.222.173.190.239.1.2", -67),
    ("1.3.6.1.4.1.14988.1.1.3.100.1.3.7", 4294967295),
    ("1.3.6.1.4.1.99999.1.0", b"raw"),
]


@pytest.fixture(scope="module")
def snmpsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    with running_snmpsim(tmp_path_factory.mktemp("snmpsim"), RECORDS) as asker:
        yield asker


def test_snmpsim_is_read_value_by_value_in_one_get(snmpsim: Asker) -> None:
    assert snmpsim.get(*[oid for oid, _ in READ]).varbinds == READ


def test_snmpsim_is_walked_to_its_end_by_getbulk(snmpsim: Asker) -> None:
    walked: list[tuple[str, ber.Value]] = []
    at = "1.3.6.1"
    while not walked or walked[-1][1] is not Absent.END_OF_MIB_VIEW:
        walked += snmpsim.getbulk(at, max_repetitions=4).varbinds
        at = walked[-1][0]
    assert [bound for bound in walked if bound[1] is not Absent.END_OF_MIB_VIEW] == READ


def test_snmpsim_is_walked_by_v1_getnext(snmpsim: Asker) -> None:
    message = snmpsim.getnext("1.3.6.1.2.1.1", "1.3.6.1.4.1.14988", version=Version.V1)
    assert message.varbinds == [READ[0], READ[8]]


# ---- pysnmp as oracle

_BY_TAG: dict[int, Any] = {
    ber.INTEGER: v2c.Integer32,
    ber.COUNTER32: v2c.Counter32,
    ber.GAUGE32: v2c.Gauge32,
    ber.TIME_TICKS: v2c.TimeTicks,
    ber.COUNTER64: v2c.Counter64,
    ber.OCTET_STRING: v2c.OctetString,
    ber.OID: v2c.ObjectIdentifier,
    ber.IP_ADDRESS: v2c.IpAddress,
}
_ABSENT = {
    Absent.NO_SUCH_OBJECT: rfc1905.noSuchObject,
    Absent.NO_SUCH_INSTANCE: rfc1905.noSuchInstance,
    Absent.END_OF_MIB_VIEW: rfc1905.endOfMibView,
}


def as_pysnmp(bound: Bound) -> Any:
    """Return the value as pysnmp's own object, made from its meaning and not from our bytes."""
    if isinstance(bound.value, Absent):
        return _ABSENT[bound.value]
    if bound.value is None:
        return v2c.Null("")
    if isinstance(bound.value, float):
        double = bound.tlv[3] == 0x79
        return v2c.Opaque(
            struct.pack(">3B" + "fd"[double], 0x9F, 0x79 if double else 0x78, 8 if double else 4, bound.value)
        )
    return _BY_TAG.get(bound.tag, v2c.Opaque)(bound.value)


def from_pysnmp(value: Any) -> ber.Value:
    """Return pysnmp's value as we would give it."""
    for which, theirs in _ABSENT.items():
        if value.isSameTypeWith(theirs) and value.tagSet == theirs.tagSet:
            return which
    if isinstance(value, v2c.Null):
        return None
    if isinstance(value, v2c.Opaque):
        body = bytes(value)
        if body[:3] == b"\x9f\x78\x04" and len(body) == 7:
            return float(struct.unpack(">f", body[3:])[0])
        if body[:3] == b"\x9f\x79\x08" and len(body) == 11:
            return float(struct.unpack(">d", body[3:])[0])
        return body
    if isinstance(value, v2c.IpAddress):
        return ".".join(map(str, bytes(value)))
    if isinstance(value, v2c.ObjectIdentifier):
        return str(value)
    if isinstance(value, v2c.OctetString):
        return bytes(value)
    return int(value)


def read_by_pysnmp(data: bytes) -> Message:
    """Read a message with pysnmp."""
    version = 0 if data[data.index(b"\x02\x01", 1) + 2] == 0 else 1
    api: Any = v1 if version == 0 else v2c
    message, rest = decoder.decode(data, asn1Spec=api.Message())
    assert not rest
    pdu = api.apiMessage.get_pdu(message)
    return Message(
        version,
        bytes(api.apiMessage.get_community(message)),
        0xA0 | pdu.tagSet[-1].tagId,
        int(api.apiPDU.get_request_id(pdu)),
        int(pdu.getComponentByPosition(1)),
        int(pdu.getComponentByPosition(2)),
        [(str(oid), from_pysnmp(value)) for oid, value in api.apiPDU.get_varbinds(pdu)],
    )


@given(bound_lists)
def test_what_pysnmp_writes_we_read(bound: list[Bound]) -> None:
    message, pdu = v2c.Message(), v2c.ResponsePDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, 0x1234567)
    v2c.apiPDU.set_varbinds(pdu, [(v2c.ObjectIdentifier(one.oid), as_pysnmp(one)) for one in bound])
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, b"public")
    v2c.apiMessage.set_pdu(message, pdu)
    varbinds = [(one.oid, one.value) for one in bound]
    wanted = Message(1, b"public", Pdu.RESPONSE, 0x1234567, 0, 0, varbinds)
    assert decode_message(encoder.encode(message)) == wanted


@given(messages())
def test_what_we_write_pysnmp_reads(drawn: tuple[bytes, Message]) -> None:
    data, message = drawn
    if message.version == Version.V2C and message.pdu != Pdu.REPORT:
        assert read_by_pysnmp(data) == message


def test_a_v1_get_of_ours_is_one_to_pysnmp() -> None:
    data = encode_get(0x1234567, b"public", (SYS_NAME,), Version.V1)
    assert read_by_pysnmp(data) == decode_message(data)
