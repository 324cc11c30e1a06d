"""Sessions of SNMPv3 with agents that misbehave, and users made from credentials. Counterpart: `test_driver_snmp_v3.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from domain.errors import BadCredentials, BadReply, DeviceError, NoAnswer
from domain.inventory import Credential
from engine.drivers.snmp_login import snmp_login
from engine.drivers.snmp_session import SnmpSession
from engine.protocols import ber
from engine.protocols.snmp import Pdu, encode_message
from engine.protocols.usm import SnmpUser
from engine.transport.exchanges import STEPS_CAP
from engine.transport.udp import UdpTransport
from tests.engine.peers import UdpPeer, udp_peer
from tests.protocol.v3_agent import STATS, SYS_NAME, USER, Agent, read

NO_SUCH_LEVEL, NOT_IN_TIME, NO_SUCH_USER, NO_SUCH_ENGINE, WRONG_DIGEST = (
    f"{STATS}{n}.0" for n in range(1, 6)
)
Answer = Callable[[bytes], bytes | list[bytes] | None]
Talk = Callable[[SnmpSession, UdpPeer], Awaitable[None]]
MAST = [(SYS_NAME, b"mast")]


def by_the_book(agent: Agent) -> Callable[[bytes], bytes]:
    """Answer as an agent should."""

    def answer(request: bytes) -> bytes:
        asked = read(request)
        if asked.engine_id != agent.engine_id:
            return agent.report(request, NO_SUCH_ENGINE)
        if asked.flags & 1 and (asked.boots, asked.time_s // 100) != (agent.boots, agent.clock_s // 100):
            return agent.report(request, NOT_IN_TIME, signed=True)
        return agent.answer(request)

    return answer


def converse(answer: Answer, talk: Talk, who: SnmpUser = USER, *, timeout_s: float = 5.0) -> None:
    """Hold a session with an agent of which each reply is what `answer` makes of the question."""

    async def main() -> None:
        udp = UdpTransport()
        async with udp_peer(answer) as peer:
            session = SnmpSession(udp, peer.address, who, timeout_s=timeout_s, retries=0)
            session.limit(60)
            await talk(session, peer)
            session.close()
        await udp.close()

    asyncio.run(main())


async def ask(session: SnmpSession) -> list[object]:
    return list((await session.get([(SYS_NAME,)]))[0].values.items())


async def error_of(session: SnmpSession) -> DeviceError:
    with pytest.raises(DeviceError) as raised:
        await ask(session)
    return raised.value


def test_first_contact_takes_three_datagrams_and_every_later_question_one() -> None:
    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        for datagrams in (3, 4, 5):
            assert await ask(session) == MAST
            assert len(peer.asked) == datagrams

    converse(by_the_book(Agent()), talk)


def test_four_questions_at_once_meet_the_agent_and_all_are_answered() -> None:
    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        got = await session.get([(SYS_NAME,)] * 9)
        assert [list(one.values.items()) for one in got] == [MAST] * 9

    converse(by_the_book(Agent()), talk)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("community", [b"", b"anna", b"None"])
def test_an_answer_in_v1_or_v2c_is_no_answer_to_a_user(version: int, community: bytes) -> None:
    agent = Agent()
    answer = by_the_book(agent)

    def downgrade(request: bytes) -> bytes:
        if not read(request).flags & 2:
            return answer(request)
        bound = [(SYS_NAME, ber.encode_tlv(ber.OCTET_STRING, b"forged"))]
        return encode_message(version, community, Pdu.RESPONSE, read(request).message_id, bound)

    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        assert isinstance(await error_of(session), BadReply)

    converse(downgrade, talk)


def test_an_agent_that_is_never_content_with_the_time_is_given_up() -> None:
    agent = Agent()

    def never_content(request: bytes) -> bytes:
        if read(request).engine_id != agent.engine_id:
            return agent.report(request, NO_SUCH_ENGINE)
        agent.boots += 1
        return agent.report(request, NOT_IN_TIME, signed=True)

    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        error = await error_of(session)
        assert isinstance(error, BadReply)
        assert len(peer.asked) == STEPS_CAP + 1

    converse(never_content, talk)


def test_an_agent_that_is_another_engine_each_time_is_given_up() -> None:
    def another(request: bytes) -> bytes:
        return Agent(engine_id=b"\x80\x00" + bytes([len(asked)]) * 6).report(request, NO_SUCH_ENGINE)

    asked: list[bytes] = []

    def count(request: bytes) -> bytes:
        asked.append(request)
        return another(request)

    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        assert isinstance(await error_of(session), BadReply)
        assert len(asked) == STEPS_CAP + 1

    converse(count, talk)


def test_forgeries_before_the_answer_change_nothing() -> None:
    agent, eve = Agent(), Agent(SnmpUser("anna", "sha1", "not maple", "aes128", "not ahorn"))
    answer = by_the_book(agent)

    def answer_among_forgeries(request: bytes) -> list[bytes]:
        if not read(request).flags & 2:
            return [answer(request)]
        forged = [
            eve.answer(request),
            agent.say(request, Pdu.RESPONSE, [], 0),
            agent.report(request, NOT_IN_TIME),
            b"\x30\x03\x02\x01\x03",
            b"no SNMP at all",
        ]
        if is_known:
            forged += [agent.report(request, WRONG_DIGEST), agent.report(request, NO_SUCH_USER)]
        return [*forged, answer(request)]

    is_known: list[bool] = []

    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        for _ in range(3):
            assert await ask(session) == MAST
            is_known.append(True)

    converse(answer_among_forgeries, talk)


def test_an_agent_that_falls_silent_is_down_and_not_of_another_password() -> None:
    answer = by_the_book(Agent())
    is_gone: list[bool] = []

    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        assert await ask(session) == MAST
        is_gone.append(True)
        assert type(await error_of(session)) is NoAnswer
        is_gone.clear()
        assert await ask(session) == MAST

    converse(lambda request: None if is_gone else answer(request), talk, timeout_s=2.0)


def test_a_silence_after_the_greeting_is_told_again_in_every_poll() -> None:
    agent = Agent()
    answer = by_the_book(agent)

    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        for _ in range(3):
            error = await error_of(session)
            assert type(error) is BadCredentials
            assert "wrong privacy password" in str(error)

    converse(lambda request: None if read(request).flags & 2 else answer(request), talk, timeout_s=2.0)


def test_a_password_changed_on_the_agent_is_told_though_the_complaint_is_not_signed() -> None:
    agent = Agent()
    answer = by_the_book(agent)
    is_changed: list[bool] = []

    async def talk(session: SnmpSession, peer: UdpPeer) -> None:
        assert await ask(session) == MAST
        is_changed.append(True)
        error = await error_of(session)
        assert type(error) is BadCredentials
        assert "authentication password of user 'anna'" in str(error)

    converse(
        lambda asked: agent.report(asked, WRONG_DIGEST) if is_changed else answer(asked), talk, timeout_s=2.0
    )


# ---- users from credentials

CREDENTIAL = Credential(
    UUID(int=1), "Core", "snmp_v3", user="anna", auth="sha1", privacy="aes128", context="vrf-red"
)


def test_a_user_is_made_of_a_credential_and_its_secret() -> None:
    secret = '{"auth": "maple", "privacy": "ahorn ö"}'
    expected = SnmpUser("anna", "sha1", "maple", "aes128", "ahorn ö", "vrf-red")
    assert snmp_login(CREDENTIAL, secret) == expected


def test_a_community_is_its_secret() -> None:
    assert snmp_login(Credential(UUID(int=1), "Old", "snmp_community"), "public") == "public"


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "cannot be read"),
        ("canary-7", "cannot be read"),
        ('{"auth": 7, "privacy": "canary-7"}', "cannot be read"),
        ('{"auth": "canary-7\udc00"}', "cannot be read"),
        ("{}", "authentication password is not known"),
        ('{"auth": "canary-7"}', "privacy password"),
        (None, "choose one for this device"),
    ],
)
def test_what_is_missing_of_a_secret_is_named_and_nothing_of_it_is_said(
    secret: str | None, words: str
) -> None:
    with pytest.raises(BadCredentials, match=words) as raised:
        snmp_login(CREDENTIAL, secret)
    assert "canary" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
