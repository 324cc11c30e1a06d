"""A channel of SNMPv3 in conversation: the steps to an answer, what is refused on the way, and bytes that mean harm."""

from __future__ import annotations

import pytest

from domain.errors import BadCredentials, BadReply, DeviceError, Unsupported
from engine.protocols import ber, snmp
from engine.protocols.sealed import AUTHENTICATED, MAX_NUMBER, PRIVATE, REPORTABLE
from engine.protocols.snmp import Message, Pdu
from engine.protocols.snmp_v3 import Again
from engine.protocols.usm import SnmpUser
from tests.protocol.v3_agent import ENGINE, STATS, SYS_NAME, USER, Agent, Asking, read

ANSWER = [(SYS_NAME, b"mast")]
NOBODY, SIGNER = SnmpUser("nora"), SnmpUser("sven", "sha256", "maplesyrup")
USERS = [NOBODY, SIGNER, USER, SnmpUser("otto", "md5", "maplesyrup", "des", "ahornsirup")]
NO_SUCH_LEVEL, NOT_IN_TIME, NO_SUCH_USER, NO_SUCH_ENGINE, WRONG_DIGEST, NOT_DECRYPTED = (
    f"{STATS}{n}.0" for n in range(1, 7)
)


# ---- the steps


def test_a_first_question_says_hello_then_greets_then_asks() -> None:
    asking, agent = Asking(), Agent()
    hello = read(asking.sent)
    assert (hello.flags, hello.engine_id, hello.user) == (REPORTABLE, b"", b"")
    asking.hear(agent.report(asking.sent, NO_SUCH_ENGINE))
    greeting = read(asking.sent)
    assert (greeting.flags, greeting.engine_id, greeting.user) == (
        AUTHENTICATED | REPORTABLE,
        ENGINE,
        b"anna",
    )
    assert (greeting.boots, greeting.time_s) == (0, 0)
    assert agent.keys.vouch_for(greeting.without_digest(), greeting.digest)
    asking.now_s[0] += 2.5
    asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True))
    asking.now_s[0] += 7.5
    question = read(asking.try_again())
    assert question.flags == AUTHENTICATED | PRIVATE | REPORTABLE
    assert (question.boots, question.time_s) == (3, 5007)
    assert b"anna" in question.data
    assert ber.encode_oid(SYS_NAME) not in question.data
    assert ber.encode_oid(SYS_NAME) in agent.decrypt(asking.sent)
    answered = asking.hear(agent.answer(asking.sent))
    assert isinstance(answered, Message)
    assert (answered.varbinds, answered.community) == (ANSWER, None)


@pytest.mark.parametrize("user", USERS)
def test_every_level_comes_to_its_answer_and_the_next_question_asks_at_once(user: SnmpUser) -> None:
    asking, agent = Asking(user), Agent(user)
    assert asking.settle(agent).varbinds == ANSWER
    first = read(asking.sent)
    asking.ask()
    second = read(asking.sent)
    assert second.user == user.name.encode()
    assert (second.salt != first.salt) == bool(user.privacy), "a salt never comes twice"
    assert isinstance(asking.hear(agent.answer(asking.sent)), Message)


def test_an_agent_in_its_first_seconds_answers_the_greeting_itself() -> None:
    asking, agent = Asking(SIGNER), Agent(SIGNER, boots=0, clock_s=4)
    asking.hear(agent.report(asking.sent, NO_SUCH_ENGINE))
    assert asking.hear(agent.answer(asking.sent, [])) == Again(None)
    assert isinstance(asking.hear(agent.answer(asking.sent)), Message)


def test_an_agent_of_ciscos_kind_is_found_by_its_complaint_or_by_its_silence() -> None:
    user = SnmpUser("cisco", "sha1", "maplesyrup", "aes256", "ahornsirup")
    for complains in (True, False):
        asking, agent = Asking(user), Agent(user)
        agent.choice = 1
        asking.hear(agent.report(asking.sent, NO_SUCH_ENGINE))
        asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True))
        if complains:
            assert isinstance(asking.hear(agent.report(asking.sent, NOT_DECRYPTED, signed=True)), Again)
        else:
            asking.try_again()
        assert ber.encode_oid(SYS_NAME) in agent.decrypt(asking.sent)
        assert isinstance(asking.hear(agent.answer(asking.sent)), Message)
        asking.ask()
        assert ber.encode_oid(SYS_NAME) in agent.decrypt(asking.sent), "kept"


def test_a_getbulk_carries_its_numbers_and_the_context_its_name() -> None:
    user = SnmpUser("nora", context="vrf-red")
    agent = Agent(user)
    asking = Asking(user)
    asking.settle(agent)
    asking.question = asking.channel.question(Pdu.GET_BULK, (SYS_NAME,), (0, 25))
    sent = read(asking.try_again())
    assert b"vrf-red" in sent.data
    assert snmp.encode_pdu(asking.number, Pdu.GET_BULK, (SYS_NAME,), (0, 25)) in sent.data


# ---- time


def test_a_rebooted_agent_that_tells_its_new_time_is_asked_again_in_it() -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    agent.boots, agent.clock_s = 4, 12
    asking.ask()
    assert asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True)) == Again(None)
    assert (read(asking.sent).boots, read(asking.sent).time_s) == (4, 12)
    assert isinstance(asking.hear(agent.answer(asking.sent)), Message)


def test_an_agent_that_forgets_its_boots_is_followed_backwards() -> None:
    asking, agent = Asking(), Agent(boots=1)
    asking.settle(agent)
    agent.clock_s = 3
    asking.ask()
    assert asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True)) == Again(None)
    assert (read(asking.sent).boots, read(asking.sent).time_s) == (1, 3)


def test_a_report_about_the_time_that_is_not_signed_moves_nothing() -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    agent.boots = 9
    asking.ask()
    with pytest.raises(BadReply, match="not signed"):
        asking.hear(agent.report(asking.sent, NOT_IN_TIME))
    assert read(asking.try_again()).boots == 3


@pytest.mark.parametrize(
    ("boots", "clock_s", "is_old"),
    [
        (3, 5000, False),
        (3, 4851, False),
        (3, 4849, True),
        (2, 9000, True),
        (4, 0, False),
        (3, 999_999, False),
        (MAX_NUMBER, 1, False),
    ],
)
def test_an_answer_counts_within_150_seconds_of_the_agents_time(
    boots: int, clock_s: int, is_old: bool
) -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    asking.ask()
    agent.boots, agent.clock_s = boots, clock_s
    if is_old:
        with pytest.raises(BadReply, match="time window"):
            asking.hear(agent.answer(asking.sent))
    else:
        assert isinstance(asking.hear(agent.answer(asking.sent)), Message)


def test_a_clock_of_the_agent_that_runs_fast_is_followed() -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    for _ in range(10):
        asking.now_s[0] += 30
        agent.clock_s += 130
        asking.ask()
        assert isinstance(asking.hear(agent.answer(asking.sent)), Message)
    assert read(asking.ask()).time_s == agent.clock_s


def test_an_agent_whose_boots_are_used_up_is_not_believed_twice() -> None:
    asking, agent = Asking(), Agent(boots=MAX_NUMBER)
    asking.hear(agent.report(asking.sent, NO_SUCH_ENGINE))
    asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True))
    with pytest.raises(BadReply, match="time window"):
        asking.hear(agent.answer(asking.sent))


# ---- another engine


def test_an_agent_that_was_replaced_is_met_anew_with_keys_of_its_own() -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    replaced = Agent(engine_id=b"\x80\x00another")
    asking.ask()
    assert isinstance(asking.hear(replaced.report(asking.sent, NO_SUCH_ENGINE)), Again)
    greeting = read(asking.sent)
    assert (greeting.engine_id, greeting.time_s) == (b"\x80\x00another", 0)
    asking.hear(replaced.report(asking.sent, NOT_IN_TIME, signed=True))
    assert isinstance(asking.hear(replaced.answer(asking.sent)), Message)


def test_a_replaced_agent_that_complains_is_a_first_contact_again() -> None:
    asking = Asking()
    asking.settle(Agent())
    replaced = Agent(engine_id=b"\x80\x00another")
    asking.ask()
    asking.hear(replaced.report(asking.sent, NO_SUCH_ENGINE))
    assert isinstance(asking.hear(replaced.report(asking.sent, NO_SUCH_USER)), BadCredentials)


@pytest.mark.parametrize("engine_id", [b"", b"1234", bytes(33)])
def test_an_engine_id_has_five_to_thirty_two_bytes(engine_id: bytes) -> None:
    asking = Asking()
    with pytest.raises(BadReply, match="engine id of"):
        asking.hear(Agent(engine_id=engine_id).report(asking.sent, NO_SUCH_ENGINE))


def test_two_questions_at_once_learn_the_same_engine_once() -> None:
    asking, agent = Asking(SIGNER), Agent(SIGNER)
    other = Asking(channel=asking.channel)
    other.number += 1000
    first_hello, second_hello = asking.sent, other.try_again()
    asking.hear(agent.report(first_hello, NO_SUCH_ENGINE))
    asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True))
    assert isinstance(other.hear(agent.report(second_hello, NO_SUCH_ENGINE)), Again)
    assert isinstance(asking.hear(agent.answer(asking.sent)), Message)


# ---- complaints

COMPLAINTS = [
    (NO_SUCH_USER, BadCredentials, "knows no SNMPv3 user 'anna'"),
    (WRONG_DIGEST, BadCredentials, "does not accept the authentication password of user 'anna'.*sha1"),
    (NO_SUCH_LEVEL, BadCredentials, "does not offer authPriv to user 'anna'"),
    (NOT_DECRYPTED, BadCredentials, "privacy password is wrong, or the protocol is not aes128"),
    ("1.3.6.1.6.3.12.1.5.0", Unsupported, "has no SNMPv3 context"),
    ("1.3.6.1.6.3.11.2.1.3.0", BadReply, "Report 1.3.6.1.6.3.11.2.1.3.0"),
]


@pytest.mark.parametrize(("oid", "kind", "words"), COMPLAINTS)
def test_a_complaint_at_first_contact_ends_the_question_in_clear_words(
    oid: str, kind: type[DeviceError], words: str
) -> None:
    asking, agent = Asking(), Agent()
    asking.hear(agent.report(asking.sent, NO_SUCH_ENGINE))
    error = asking.hear(agent.report(asking.sent, oid))
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error
    assert str(error).startswith("10.0.0.1:161")


@pytest.mark.parametrize(("oid", "kind", "words"), COMPLAINTS)
def test_a_complaint_that_is_not_signed_ends_nothing_once_a_signed_answer_came(
    oid: str, kind: type[DeviceError], words: str
) -> None:
    asking, agent = Asking(), Agent()
    asking.settle(agent)
    asking.ask()
    with pytest.raises(kind, match=words):
        asking.hear(agent.report(asking.sent, oid))
    assert isinstance(asking.hear(agent.answer(asking.sent)), Message), "the real answer still counts"
    asking.ask()
    assert type(asking.hear(agent.report(asking.sent, oid, signed=True))) is kind


def test_silence_after_each_step_means_what_was_wrong_in_it() -> None:
    user = SnmpUser("anna", "sha1", "maplesyrup", "aes128", "ahornsirup", "vrf-red")
    asking, agent = Asking(user), Agent(user)
    met = asking.hear(agent.report(asking.sent, NO_SUCH_ENGINE))
    assert isinstance(met, Again)
    assert "wrong user name, authentication password or protocol, or no context 'vrf-red'?" in str(met.doubt)
    accepted = asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True))
    assert isinstance(accepted, Again)
    assert "wrong privacy password, or not aes128, or no context 'vrf-red'?" in str(accepted.doubt)
    asking.ask()
    assert read(asking.sent).flags == AUTHENTICATED | REPORTABLE, "greeted again, to doubt again"
    asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True))
    asking.hear(agent.answer(asking.sent))
    asking.ask()
    assert asking.hear(agent.report(asking.sent, NOT_IN_TIME, signed=True)) == Again(None)


def test_what_a_user_is_called_cannot_colour_the_log() -> None:
    asking = Asking(SnmpUser("\x1b[31mred\u202e" + "x" * 100))
    asking.hear(Agent().report(asking.sent, NO_SUCH_ENGINE))
    error = asking.hear(Agent().report(asking.sent, NO_SUCH_USER))
    assert "\x1b" not in str(error)
    assert len(str(error)) < 100
