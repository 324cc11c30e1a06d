"""What a channel of SNMPv3 does not believe: forged, bent and endless bytes. Counterpart: `test_snmp_v3.py`, the steps."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadReply, DeviceError
from engine.protocols import ber, sealed, snmp
from engine.protocols.ber import Absent
from engine.protocols.sealed import AUTHENTICATED, PRIVATE, Sealed
from engine.protocols.snmp import Message, Pdu, decode_message
from engine.protocols.snmp_v3 import Channel
from engine.protocols.usm import SnmpUser
from tests.protocol.v3_agent import STATS, SYS_NAME, Agent, Asking, read
from tests.protocol.values import bound_lists

NOT_IN_TIME, NO_SUCH_ENGINE, WRONG_DIGEST = (f"{STATS}{n}.0" for n in (2, 4, 5))


# ---- what is not believed


def other_user(agent: Agent, request: bytes) -> bytes:
    return agent.answer(request, name="eve")


def other_passphrase(agent: Agent, request: bytes) -> bytes:
    return Agent(SnmpUser("anna", "sha1", "guessed it", "aes128", "ahornsirup")).answer(request)


def other_engine(agent: Agent, request: bytes) -> bytes:
    return Agent(engine_id=b"\x80\x00elsewhere").answer(request)


def in_the_clear(agent: Agent, request: bytes) -> bytes:
    return agent.say(request, Pdu.RESPONSE, [], AUTHENTICATED)


def unsigned(agent: Agent, request: bytes) -> bytes:
    return agent.say(request, Pdu.RESPONSE, [], 0)


def other_request(agent: Agent, request: bytes) -> bytes:
    return agent.answer(request, request_id=snmp.MIN_REQUEST_ID + 77)


def other_context(agent: Agent, request: bytes) -> bytes:
    return agent.answer(request, context=b"vrf-blue")


def a_request(agent: Agent, request: bytes) -> bytes:
    return agent.say(request, Pdu.GET, [], AUTHENTICATED | PRIVATE)


def other_privacy(agent: Agent, request: bytes) -> bytes:
    return Agent(SnmpUser("anna", "sha1", "maplesyrup", "aes128", "no syrup")).answer(request)


def digest_cut(agent: Agent, request: bytes) -> bytes:
    """Eleven bytes of a right digest."""
    data = agent.answer(request)
    digest = read(data).digest
    return bent(data, ber.encode_tlv(4, digest), ber.encode_tlv(4, digest[:11]))


def bent(data: bytes, was: bytes, becomes: bytes) -> bytes:
    """Replace bytes inside the security parameters and mend the lengths around them."""
    frame = read(data)
    at, stop = ber.decode_expected(data, 0, len(data), ber.SEQUENCE, "")
    head = data[at : data.index(b"\x02\x01\x03\x04", at) + 3]  # as far as the security model
    start = at + len(head)
    inside, end = ber.decode_expected(data, start, stop, ber.OCTET_STRING, "")
    fields, _ = ber.decode_expected(data, inside, end, ber.SEQUENCE, "")
    parameters = data[fields:end].replace(was, becomes)
    wrapped = ber.encode_tlv(ber.OCTET_STRING, ber.encode_tlv(ber.SEQUENCE, parameters))
    return ber.encode_tlv(ber.SEQUENCE, head + wrapped + data[frame.content_at : stop])


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (other_user, "another engine or user"),
        (other_engine, "another engine or user"),
        (other_passphrase, "wrong digest"),
        (digest_cut, "wrong digest"),
        (in_the_clear, "in the clear"),
        (unsigned, "without a digest"),
        (other_request, "request id"),
        (other_context, "another context"),
        (other_privacy, "nonsense"),
        (a_request, "expected a response"),
    ],
)
def test_a_forged_answer_is_refused_and_the_real_one_still_counts(forge: object, words: str) -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    asking.ask()
    with pytest.raises(BadReply, match=words):
        asking.hear(forge(agent, asking.sent))  # type: ignore[operator]
    assert isinstance(asking.hear(agent.answer(asking.sent)), Message)


def test_no_bit_of_a_signed_answer_can_be_turned() -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    asking.ask()
    data = agent.answer(asking.sent)
    for bit in range(8 * len(data)):
        turned = bytearray(data)
        turned[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadReply):
            message = decode_message(bytes(turned))
            assert isinstance(message, Sealed), "no message of another version"
            asking.question.open(message, asking.now_s[0])
    assert isinstance(asking.hear(data), Message)


def test_the_digest_is_looked_at_before_anything_is_decrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    asking.ask()
    forged = other_passphrase(agent, asking.sent)
    monkeypatch.setattr(Channel, "_decrypt", lambda *_: pytest.fail("decrypted"))
    with pytest.raises(BadReply, match="wrong digest"):
        asking.hear(forged)


# ---- bytes


@given(bound_lists)
def test_whatever_values_an_answer_holds_come_through_encryption(bounds: list[object]) -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    asking.ask()
    answered = asking.hear(agent.answer(asking.sent, [(one.oid, one.tlv) for one in bounds]))  # type: ignore[attr-defined]
    assert isinstance(answered, Message)
    assert answered.varbinds == [(one.oid, one.value) for one in bounds]  # type: ignore[attr-defined]


def steps_of(agent: Agent) -> list[tuple[Asking, bytes]]:
    """A question at each of its steps, with a right reply to it."""
    hello, greeting, asking = Asking(), Asking(), Asking()
    greeting.hear(agent.report(greeting.sent, NO_SUCH_ENGINE))
    asking.settle(agent)
    asking.ask()
    return [
        (hello, agent.report(hello.sent, NO_SUCH_ENGINE)),
        (greeting, agent.report(greeting.sent, NOT_IN_TIME, signed=True)),
        (asking, agent.answer(asking.sent)),
        (asking, agent.report(asking.sent, WRONG_DIGEST)),
    ]


AGENT = Agent()
STEPS = steps_of(AGENT)


def bend(data: st.DataObject, reply: bytes) -> bytes:
    """Draw a reply bent in one to four places."""
    bent = bytearray(reply)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(bent) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "insert", "repeat"]))
        if kind == "set":
            bent[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del bent[at : at + data.draw(st.integers(1, 8))]
            bent = bent or bytearray(b"0")
        elif kind == "insert":
            bent[at:at] = data.draw(st.binary(max_size=8))
        else:
            bent[at:at] = bent[: data.draw(st.integers(1, 40))]
    return bytes(bent)


@settings(max_examples=400)
@given(st.data())
def test_bent_replies_raise_nothing_but_device_errors(data: st.DataObject) -> None:
    asking, reply = STEPS[data.draw(st.integers(0, len(STEPS) - 1))]
    try:
        message = decode_message(bend(data, reply))
        if isinstance(message, Sealed):
            asking.question.open(message, asking.now_s[0])
    except DeviceError as error:
        assert len(str(error)) < 1_000


def frame_of(read_frame: Callable[[bytes, int, int], Sealed | None], data: bytes) -> object:
    try:
        return read_frame(data, 0, len(data))
    except (BadReply, IndexError) as error:
        return type(error)


@settings(max_examples=400)
@given(st.data())
def test_the_quick_way_to_read_a_frame_reads_what_the_thorough_one_does(data: st.DataObject) -> None:
    _, reply = STEPS[data.draw(st.integers(0, len(STEPS) - 1))]
    frame = reply[reply.index(b"\x02\x01\x03") + 3 :]
    assert isinstance(frame_of(sealed._decode_usual, frame), Sealed)
    bent = bend(data, frame)
    quick = frame_of(sealed._decode_usual, bent)
    assert quick in (None, IndexError) or quick == frame_of(sealed._decode_sealed, bent)


HEADS = ["", "30 82 10 00 02 01 03", "30 2e 02 01 03 30 0e 02 01 01 02 03 00 ff e3 04 01 04 02 01 03 04 19"]


@given(st.sampled_from(HEADS), st.binary(max_size=200))
def test_bytes_at_random_raise_nothing_but_bad_replies(head: str, rest: bytes) -> None:
    with contextlib.suppress(BadReply):
        decode_message(bytes.fromhex(head) + rest)


def test_the_largest_answer_costs_a_few_times_its_size() -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    asking.ask()
    bounds = [(f"1.3.6.1.2.1.31.1.1.1.18.{n}", ber.encode_tlv(4, bytes(24))) for n in range(1_500)]
    reply = agent.answer(asking.sent, bounds)
    assert 60_000 < len(reply) < 65_535
    tracemalloc.start()
    try:
        assert isinstance(asking.hear(reply), Message)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_an_agent_that_is_another_engine_each_time_leaves_nothing_behind() -> None:
    asking = Asking()
    agents = [Agent(engine_id=number.to_bytes(12, "big")) for number in range(1, 600)]
    for agent in agents[:300]:
        asking.hear(agent.report(asking.sent, NO_SUCH_ENGINE))
    tracemalloc.start()
    try:
        for agent in agents[300:]:
            asking.hear(agent.report(asking.sent, NO_SUCH_ENGINE))
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ("02 01 03 04 1", "02 01 02 04 1", "security model 2, expected 3"),
        ("04 01 04 02", "04 01 02 02", "no privacy without authentication"),
        ("04 01 04 02", "04 01 06 02", "no privacy without authentication"),
    ],
)
def test_a_header_that_cannot_be_is_refused_with_its_reason(was: str, becomes: str, reason: str) -> None:
    asking = Asking()
    data = asking.sent.hex()
    was, becomes = was.replace(" ", ""), becomes.replace(" ", "")
    assert was in data
    with pytest.raises(BadReply, match=reason):
        decode_message(bytes.fromhex(data.replace(was, becomes, 1)))


def test_absent_values_are_absent_in_v3_too() -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    asking.ask()
    answered = asking.hear(agent.answer(asking.sent, [(SYS_NAME, b"\x81\x00")]))
    assert isinstance(answered, Message)
    assert answered.varbinds == [(SYS_NAME, Absent.NO_SUCH_INSTANCE)]
