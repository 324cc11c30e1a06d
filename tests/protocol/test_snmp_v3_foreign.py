"""The layout of SNMPv3 messages with pysnmp as oracle. Live agents: `tests/engine/test_driver_snmp_v3.py`."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

from engine.protocols import ber, snmp
from engine.protocols.sealed import MAX_NUMBER, encode_sealed
from engine.protocols.snmp import Pdu, encode_pdu
from tests.protocol.v3_agent import SYS_NAME, read

numbers = st.integers(0, MAX_NUMBER)
frames = st.fixed_dictionaries(
    {
        "engine_id": st.binary(max_size=32),
        "clock": st.tuples(numbers, numbers),
        "user": st.binary(max_size=32),
        "digest_bytes": st.sampled_from([0, 12, 16, 24, 32, 48]),
        "salt": st.binary(max_size=8),
    }
)


@given(st.integers(snmp.MIN_REQUEST_ID, MAX_NUMBER), st.sampled_from([0, 1, 3, 4, 5, 7]), frames, st.binary())
def test_a_frame_of_ours_is_to_pysnmp_what_it_is_to_us(
    number: int, flags: int, said: dict[str, Any], hidden: bytes
) -> None:
    names = (b"engine", b"vrf-red")
    scope = b"".join(ber.encode_tlv(ber.OCTET_STRING, name) for name in names)
    content = ber.encode_tlv(ber.SEQUENCE, scope + encode_pdu(number, Pdu.GET, (SYS_NAME,)))
    if flags & 2:
        content = ber.encode_tlv(ber.OCTET_STRING, hidden)
    data, digest_at = encode_sealed(number, flags, content, **said)
    message, rest = decoder.decode(data, asn1Spec=SNMPv3Message())
    assert not rest
    header = message[1]
    assert (int(message[0]), int(header[0]), int(header[1])) == (3, number, 65_507)
    assert (bytes(header[2]), int(header[3])) == (bytes((flags,)), 3)
    parameters, rest = decoder.decode(bytes(message[2]), asn1Spec=UsmSecurityParameters())
    assert not rest
    theirs = [bytes(one) if hasattr(one, "asOctets") else int(one) for one in parameters.values()]
    digest = bytes(said["digest_bytes"])
    assert theirs == [said["engine_id"], *said["clock"], said["user"], digest, said["salt"]]
    if flags & 2:
        assert bytes(message[3]["encryptedPDU"]) == hidden
    else:
        scoped = message[3]["plaintext"]
        assert (bytes(scoped[0]), bytes(scoped[1])) == names
        assert int(scoped[2]["get-request"]["request-id"]) == number
    ours = read(encoder.encode(message))
    assert ours == read(data)
    assert [ours.engine_id, ours.boots, ours.time_s, ours.user, ours.digest, ours.salt] == theirs
    assert (ours.message_id, ours.flags, ours.digest_at) == (number, flags, digest_at)
    assert ours.data[ours.content_at : ours.end] == content
