"""Being notified by SNMPv3: conversations of discovery, time, replay and forgery.

Foreign peers: `engine/test_receivers_foreign.py`.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadReply
from engine.protocols import ber, sealed, snmp
from engine.protocols.notifications import SYS_UPTIME, TRAP_OID, decode_notification
from engine.protocols.sealed import AUTHENTICATED, PRIVATE, REPORTABLE, Sealed
from engine.protocols.snmp import Message, Pdu
from engine.protocols.snmp_v3_recipient import ENGINES_CAP, TRIED_CAP, Opened, Recipient
from engine.protocols.usm import Keys, SnmpUser
from tests.protocol.v3_agent import STATS, read

OURS = bytes.fromhex("8000000005" + "aa" * 12)
THEIRS = bytes.fromhex("80001f888012345678")
COLD_START = "1.3.6.1.6.3.1.1.5.1"
ANNA = SnmpUser("anna", "sha1", "maplesyrup", "aes128", "ahornsirup")
REEDER = SnmpUser("rita", "md5", "maplesyrup", "aes256", "ahornsirup")
OPEN = SnmpUser("olga")
BOOTS = 7


class Notified:
    """A recipient with users, at a time that stands until it is moved."""

    def __init__(self, *users: SnmpUser) -> None:
        self.now_s = 1_000.0
        self.recipient = Recipient(OURS, BOOTS, clock=lambda: self.now_s, salt=1)
        self.recipient.set_users(users)

    def hear(self, data: bytes) -> Opened:
        return self.recipient.open(read(data), self.now_s)

    def oid(self, data: bytes) -> str:
        """Which notification a message turns out to be, or why none."""
        opened = self.hear(data)
        return opened.notification.oid if opened.notification else opened.doubt


class Notifier:
    """An engine that sends for a user."""

    def __init__(self, user: SnmpUser, engine_id: bytes = THEIRS, clock: tuple[int, int] = (3, 500)) -> None:
        self.user, self.engine_id, self.clock = user, engine_id, clock
        self.keys = Keys(user, engine_id)
        self.choice = 0

    def say(self, pdu: int = Pdu.TRAP, flags: int | None = None, number: int = 0x1234567) -> bytes:
        """A notification; `flags` other than the user's are a lie."""
        level = (PRIVATE if self.user.privacy else 0) | (AUTHENTICATED if self.user.auth else 0)
        flags = (level | (REPORTABLE if pdu == Pdu.INFORM else 0)) if flags is None else flags
        bound = [(SYS_UPTIME, ber.encode_integer(1, ber.TIME_TICKS)), (TRAP_OID, ber.encode_oid(COLD_START))]
        body = ber.encode_tlv(pdu, ber.encode_integer(9) + snmp._after_id((0, 0), bound))
        scope = ber.encode_tlv(ber.OCTET_STRING, self.engine_id) + ber.encode_tlv(ber.OCTET_STRING, b"")
        content, salt = ber.encode_tlv(ber.SEQUENCE, scope + body), b""
        if flags & PRIVATE:
            salt, hidden = self.keys.encrypt(self.choice, content, *self.clock, 77)
            content = ber.encode_tlv(ber.OCTET_STRING, hidden)
        size = self.keys.sent_bytes if flags & AUTHENTICATED else 0
        data, at = sealed.encode_sealed(
            number,
            flags,
            content,
            engine_id=self.engine_id,
            clock=self.clock,
            user=self.user.name.encode(),
            digest_bytes=size,
            salt=salt,
        )
        return data[:at] + self.keys.digest(data) + data[at + size :] if size else data


def report(data: bytes | None, keys: Keys | None = None) -> tuple[str, Sealed]:
    """Which Report an answer is; signed rightly where keys are given."""
    assert data is not None
    frame = read(data)
    if keys is not None:
        assert keys.vouch_for(frame.without_digest(), frame.digest)
    at, end = ber.decode_expected(frame.data, frame.content_at, frame.end, ber.SEQUENCE, "")
    for _ in range(2):
        _, at = sealed.decode_octets(frame.data, at, end, 32, "")
    message = snmp.decode_pdu(frame.data, at, end, 3, None)
    assert isinstance(message, Message) and message.pdu == Pdu.REPORT
    return message.varbinds[0][0].removeprefix(STATS), frame


@pytest.mark.parametrize("user", [ANNA, OPEN, SnmpUser("bert", "md5", "birkensaft")])
def test_a_trap_is_opened_with_keys_of_the_engine_it_comes_from(user: SnmpUser) -> None:
    notified = Notified(ANNA, OPEN, user)
    opened = notified.hear(Notifier(user).say())
    assert opened.notification is not None and opened.answer is None
    assert (opened.notification.oid, opened.notification.user) == (COLD_START, user.name)


def test_a_key_extended_either_way_opens() -> None:
    for choice in (0, 1):
        notifier = Notifier(REEDER)
        notifier.choice = choice
        assert Notified(REEDER).oid(notifier.say()) == COLD_START


@pytest.mark.parametrize(
    "other",
    [
        SnmpUser("anna", "sha1", "maplesyrup", "aes256", "another word"),
        SnmpUser("anna", "sha1", "maplesyrup", "des", "ahornsirup"),
        SnmpUser("anna", "sha256", "maplesyrup", "aes128", "ahornsirup"),
        SnmpUser("anna", "sha1", "birkensaft", "aes128", "ahornsirup"),
    ],
)
def test_of_two_credentials_of_one_user_name_each_opens_what_is_sent_with_it(other: SnmpUser) -> None:
    for sender in (ANNA, other):
        notified = Notified(other, ANNA)
        assert notified.oid(Notifier(sender).say()) == COLD_START
        inform = notified.hear(Notifier(sender, OURS, (BOOTS, 0)).say(Pdu.INFORM))
        assert inform.notification is not None
        assert Keys(sender, OURS).vouch_for(
            read(inform.answer or b"").without_digest(), read(inform.answer or b"").digest
        )


def test_a_message_is_held_against_few_credentials_of_a_name() -> None:
    others = [SnmpUser("anna", "sha1", f"password {n}", "aes128", "ahornsirup") for n in range(TRIED_CAP)]
    assert "another password" in Notified(*others, ANNA).oid(Notifier(ANNA).say())
    assert Notified(*others[1:], ANNA).oid(Notifier(ANNA).say()) == COLD_START


def test_an_inform_is_sent_after_who_and_when_and_is_answered_signed_and_encrypted() -> None:
    notified = Notified(ANNA)
    stranger = Notifier(ANNA, b"", (0, 0))
    kind, frame = report(notified.hear(stranger.say(Pdu.INFORM, REPORTABLE)).answer)
    assert (kind, frame.engine_id) == ("4.0", OURS)
    notified.now_s += 90
    early = Notifier(ANNA, OURS, (0, 0))
    opened = notified.hear(early.say(Pdu.INFORM))
    kind, frame = report(opened.answer, early.keys)
    assert (kind, frame.boots, frame.time_s, opened.notification) == ("2.0", BOOTS, 90, None)
    known = Notifier(ANNA, OURS, (frame.boots, frame.time_s))
    opened = notified.hear(known.say(Pdu.INFORM, number=5))
    assert opened.notification is not None and opened.notification.confirmed
    answer = read(opened.answer or b"")
    assert (answer.flags, answer.message_id) == (AUTHENTICATED | PRIVATE, 5)
    assert known.keys.vouch_for(answer.without_digest(), answer.digest)
    start, stop = ber.decode_expected(answer.data, answer.content_at, answer.end, ber.OCTET_STRING, "")
    plain = known.keys.decrypt(0, answer.data[start:stop], answer.boots, answer.time_s, answer.salt)
    at, end = ber.decode_expected(plain, 0, len(plain), ber.SEQUENCE, "")
    for _ in range(2):
        _, at = sealed.decode_octets(plain, at, end, 32, "")
    response = snmp.decode_pdu(plain, at, end, 3, None)
    assert (response.pdu, response.request_id, response.varbinds[1]) == (
        Pdu.RESPONSE,
        9,
        (TRAP_OID, COLD_START),
    )


@pytest.mark.parametrize(
    ("user", "flags", "said", "reported"),
    [
        (SnmpUser("zoe"), None, "SNMPv3 user 'zoe' is not known here", "3.0"),
        (ANNA, 0, "SNMPv3 user 'anna' sends with another level of security than authPriv", "1.0"),
        (ANNA, AUTHENTICATED, "SNMPv3 user 'anna' sends with another level of security than authPriv", "1.0"),
        (
            SnmpUser("anna", "sha1", "not the one", "aes128", "ahornsirup"),
            None,
            "SNMPv3 user 'anna' signs with another password or protocol than is known here",
            "5.0",
        ),
        (
            SnmpUser("anna", "sha1", "maplesyrup", "aes128", "not this one"),
            None,
            "what SNMPv3 user 'anna' encrypts cannot be read: another privacy password or protocol",
            "6.0",
        ),
    ],
)
def test_what_is_wrong_is_told_to_us_of_a_trap_and_to_its_sender_too_of_an_inform(
    user: SnmpUser, flags: int | None, said: str, reported: str
) -> None:
    notified = Notified(ANNA)
    opened = notified.hear(Notifier(user).say(Pdu.TRAP, flags))
    assert opened == Opened(None, None, said)
    inform = Notifier(user, OURS, (BOOTS, 0))
    level = (PRIVATE if user.privacy else 0) | (AUTHENTICATED if user.auth else 0)
    opened = notified.hear(inform.say(Pdu.INFORM, REPORTABLE | (level if flags is None else flags)))
    assert (opened.notification, opened.doubt) == (None, said)
    assert report(opened.answer)[0] == reported


def test_two_users_of_one_name_are_told_apart_by_their_passwords() -> None:
    other = SnmpUser("anna", "sha1", "another one", "aes128", "ahornsirup")
    notified = Notified(other, ANNA)
    assert notified.oid(Notifier(ANNA).say()) == notified.oid(Notifier(other).say()) == COLD_START


def test_a_trap_that_was_recorded_is_old_after_the_window_and_after_a_restart_of_its_agent() -> None:
    notified = Notified(ANNA)
    recorded = Notifier(ANNA, clock=(3, 500)).say()
    assert notified.oid(recorded) == COLD_START
    notified.now_s += 100
    assert notified.oid(recorded) == COLD_START  # within 150 s it may have been on its way
    notified.now_s += 51
    assert "is old" in notified.oid(recorded)
    assert notified.oid(Notifier(ANNA, clock=(4, 1)).say()) == COLD_START
    assert "is old" in notified.oid(Notifier(ANNA, clock=(3, 9_999)).say())
    assert "is old" in notified.oid(Notifier(ANNA, clock=(2**31 - 1, 1)).say())


def test_a_forged_message_does_not_move_the_clock_of_an_engine() -> None:
    notified = Notified(ANNA)
    assert notified.oid(Notifier(ANNA, clock=(3, 500)).say()) == COLD_START
    forger = Notifier(SnmpUser("anna", "sha1", "a guess 123", "aes128", "ahornsirup"), clock=(2**30, 0))
    assert "another password" in notified.oid(forger.say())
    assert notified.oid(Notifier(ANNA, clock=(3, 501)).say()) == COLD_START


def test_nothing_is_remembered_of_engines_that_cannot_sign_and_only_so_much_of_those_that_can() -> None:
    notified = Notified(ANNA, OPEN)
    forger = SnmpUser("anna", "sha1", "a guess 123", "aes128", "ahornsirup")
    for number in range(50):
        engine = b"\x80\0\0\0\5" + number.to_bytes(4, "big")
        notified.oid(Notifier(forger, engine).say())
        notified.oid(Notifier(OPEN, engine).say())
    assert (len(notified.recipient._heard), len(notified.recipient._keys)) == (0, 0)
    light = SnmpUser("anna", "sha1", "maplesyrup")
    notified = Notified(light)
    for number in range(ENGINES_CAP + 5):
        engine = b"\x80\0\0\0\5" + number.to_bytes(4, "big")
        assert notified.oid(Notifier(light, engine).say()) == COLD_START
    assert (len(notified.recipient._heard), len(notified.recipient._keys)) == (ENGINES_CAP, ENGINES_CAP)


def test_users_that_are_set_anew_replace_the_former_and_their_keys() -> None:
    notified = Notified(ANNA)
    assert notified.oid(Notifier(ANNA).say()) == COLD_START
    notified.recipient.set_users(())
    assert notified.oid(Notifier(ANNA).say()) == "SNMPv3 user 'anna' is not known here"
    assert len(notified.recipient._keys) == 0


@pytest.mark.parametrize("pdu", [Pdu.GET, Pdu.SET, Pdu.REPORT, Pdu.RESPONSE])
def test_a_question_is_no_notification(pdu: int) -> None:
    with pytest.raises(BadReply, match="no trap and no inform"):
        Notified(OPEN).hear(Notifier(OPEN).say(pdu))


def test_a_message_id_of_any_size_is_answered_and_a_negative_one_refused() -> None:
    for number in (0, 1, 200, 2**31 - 1):
        opened = Notified(ANNA).hear(Notifier(ANNA, b"", (0, 0)).say(Pdu.INFORM, REPORTABLE, number))
        assert report(opened.answer)[1].message_id == number
    with pytest.raises(BadReply, match="message id -1"):
        Notified(ANNA).hear(Notifier(ANNA).say(number=-1))


@given(st.binary(max_size=40), st.data())
def test_any_damage_ends_in_a_refusal_a_doubt_or_a_notification(junk: bytes, data: st.DataObject) -> None:
    whole = Notifier(data.draw(st.sampled_from([ANNA, OPEN]))).say(
        data.draw(st.sampled_from([Pdu.TRAP, Pdu.INFORM]))
    )
    at = data.draw(st.integers(0, len(whole) - 1))
    for hostile in (whole[:at] + junk, whole[:at] + junk[:1] + whole[at + 1 :]):
        try:
            found = decode_notification(hostile)
            if not isinstance(found, Sealed):
                continue
            opened = Notified(ANNA, OPEN).recipient.open(found, 1_000.0)
        except BadReply:
            continue
        if opened.notification is not None and opened.notification.user == "anna":
            assert hostile[: len(whole)] == whole
