"""SNMPv3 from the asking side: one user's channel to one agent (RFC 3412, RFC 3414). Counterpart: `usm.py`, `sealed.py`.

Theory: before it can be asked, an agent has to say who it is (its engine id, of which the keys are made) and what time it
has; both come in Reports, so a question sends what is due next and is asked again after each step:
    HELLO, nobody's, in the clear -> Report unknownEngineIDs: the engine id
    GREET, signed, at time 0      -> Report notInTimeWindows, signed: the time, and proof that user and password are right
    ASK, signed and encrypted     -> the answer; or a Report: the time has moved, the engine is another, or a complaint
A channel is proven once an answer came that was signed. Until then a complaint, which is never signed, is the end of a
question and silence after a step tells what is wrong; after that, whatever is not signed may be forged, and only ends a
question that gets no better answer.
One rule: nothing of a message is used before its digest is right, but what the steps above take from Reports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from domain.errors import BadCredentials, BadReply, DeviceError, Unsupported
from domain.text import clean_text
from engine.protocols.ber import OCTET_STRING, SEQUENCE, decode_expected, encode_tlv
from engine.protocols.sealed import (
    AUTHENTICATED,
    MAX_ENGINE_ID_BYTES,
    MAX_NUMBER,
    PRIVATE,
    REPORTABLE,
    V3,
    Sealed,
    decode_octets,
    encode_sealed,
)
from engine.protocols.snmp import Message, Pdu, decode_pdu, encode_pdu
from engine.protocols.usm import Keys, SnmpUser

TIME_WINDOW_S = 150
"""RFC 3414, section 2.2.3."""

MAX_CONTEXT_BYTES = 255
_MIN_ENGINE_ID_BYTES = 5

_USM_STATS = "1.3.6.1.6.3.15.1.1."
_NO_SUCH_LEVEL, _NOT_IN_TIME, _NO_SUCH_USER, _NO_SUCH_ENGINE, _WRONG_DIGEST, _NOT_DECRYPTED = (
    f"{_USM_STATS}{n}.0" for n in range(1, 7)
)
_UNKNOWN_CONTEXTS = ("1.3.6.1.6.3.12.1.4.0", "1.3.6.1.6.3.12.1.5.0")
"""snmpUnavailableContexts, snmpUnknownContexts (RFC 3413)."""


class Step(Enum):
    """What a question sent last."""

    HELLO = 1
    GREET = 2
    ASK = 3


class Again(NamedTuple):
    """What came was a step on the way: ask at once again. `doubt` is what silence would mean now."""

    doubt: DeviceError | None


class Channel:
    """What one user knows of one agent. `clock` gives monotonic seconds, `salt` is random: 64 bits."""

    def __init__(self, user: SnmpUser, where: str, *, clock: Callable[[], float], salt: int) -> None:
        self.user = user
        self.where = where
        self.proven = False
        self._name = user.name.encode()
        self._shown = clean_text(user.name, 40)
        self._shown_context = clean_text(user.context, 40)
        self._context = user.context.encode()
        self._clock = clock
        self._salt = salt
        self.engine_id = b""
        self._keys: Keys | None = None
        self._scope = b""
        self._choices: Sequence[int] = ()
        self._boots = self._time_s = 0
        self._set_s: float | None = None  # when, by our clock, the engine told its time

    def question(self, pdu: int, oids: tuple[str, ...], numbers: tuple[int, int] = (0, 0)) -> SealedQuestion:
        """Return a question to send; `numbers` are a GETBULK's non-repeaters and max-repetitions."""
        return SealedQuestion(self, pdu, oids, numbers)

    def next_step(self, greeted: bool) -> Step:
        """Return what has to be sent next by a question that has, or has not, greeted the agent itself."""
        if self._keys is None:
            return Step.HELLO
        if self.user.auth and (self._set_s is None or not (self.proven or greeted)):
            return Step.GREET
        return Step.ASK

    # Sending

    def encode_hello(self, number: int) -> bytes:
        """Return a request in the clear that any agent answers with its engine id (RFC 3414, section 4)."""
        content = encode_tlv(SEQUENCE, _scope(b"", b"") + encode_pdu(number, Pdu.GET, ()))
        return encode_sealed(number, REPORTABLE, content)[0]

    def encode_greeting(self, number: int) -> bytes:
        """Return a signed request for nothing at a time long ago, which the agent answers with its own, signed."""
        content = encode_tlv(SEQUENCE, self._scope + encode_pdu(number, Pdu.GET, ()))
        return self._sign(number, AUTHENTICATED | REPORTABLE, (0, 0), b"", content)

    def encode_ask(
        self, number: int, pdu: int, oids: tuple[str, ...], numbers: tuple[int, int], tries: int
    ) -> bytes:
        """Return the question itself, signed and encrypted as the user's level says."""
        content = encode_tlv(SEQUENCE, self._scope + encode_pdu(number, pdu, oids, numbers))
        if self._keys is None or not self.user.auth:
            return encode_sealed(number, REPORTABLE, content, engine_id=self.engine_id, user=self._name)[0]
        boots, time_s = self._boots, self._time_now_s()
        if not self.user.privacy:
            return self._sign(number, AUTHENTICATED | REPORTABLE, (boots, time_s), b"", content)
        self._salt = self._salt + 1 & 0xFFFF_FFFF_FFFF_FFFF
        choice = self._choices[tries % len(self._choices)]
        salt, hidden = self._keys.encrypt(choice, content, boots, time_s, self._salt)
        content = encode_tlv(OCTET_STRING, hidden)
        return self._sign(number, AUTHENTICATED | PRIVATE | REPORTABLE, (boots, time_s), salt, content)

    def _sign(self, number: int, flags: int, clock: tuple[int, int], salt: bytes, content: bytes) -> bytes:
        keys = self._keys
        assert keys is not None
        size = keys.sent_bytes
        data, at = encode_sealed(
            number,
            flags,
            content,
            engine_id=self.engine_id,
            clock=clock,
            user=self._name,
            digest_bytes=size,
            salt=salt,
        )
        return b"".join((data[:at], keys.digest(data), data[at + size :]))

    # Receiving

    def open(self, sealed: Sealed, at_s: float, step: Step) -> Message:
        """Return what is in a message that answers `step`, once it may be believed as far as its flags say.

        Raises BadReply. A Report without a digest comes through: what it may change is for the question to decide.
        """
        keys = self._keys
        if keys is None or not sealed.flags & AUTHENTICATED:
            message = self._read(sealed.data, sealed.content_at, sealed.end, sealed)
            if message.pdu != Pdu.REPORT and (self.user.auth or sealed.engine_id != self.engine_id):
                raise BadReply("an answer without a digest, or from another engine")
            return message
        if sealed.engine_id != self.engine_id or sealed.user != self._name:
            raise BadReply("a signed message of another engine or user")
        if len(sealed.digest) != keys.sent_bytes or not keys.vouch_for(
            sealed.without_digest(), sealed.digest
        ):
            raise BadReply("a message with a wrong digest: it is forged, or not for us")
        if sealed.flags & PRIVATE:
            message = self._decrypt(keys, sealed)
        else:
            message = self._read(sealed.data, sealed.content_at, sealed.end, sealed)
            if self.user.privacy and step is Step.ASK and message.pdu != Pdu.REPORT:
                raise BadReply("an answer in the clear to an encrypted question")
        self._check_time(sealed, at_s, is_fresh=step is Step.GREET or _complaint(message) == _NOT_IN_TIME)
        if step is Step.ASK and message.pdu != Pdu.REPORT:
            self.proven = True
        return message

    def learn_engine(self, engine_id: bytes) -> None:
        """Take an agent's word for who it is; what follows proves that it shares our user's keys."""
        if not _MIN_ENGINE_ID_BYTES <= len(engine_id) <= MAX_ENGINE_ID_BYTES:
            raise BadReply(f"an engine id of {len(engine_id)} bytes, expected 5 to 32")
        if engine_id == self.engine_id:
            return
        self.engine_id = engine_id
        self._keys = Keys(self.user, engine_id)
        self._choices = range(self._keys.choices)
        self._scope = _scope(engine_id, self._context)
        self._boots = self._time_s = 0
        self._set_s = None
        self.proven = False

    @property
    def choices(self) -> int:
        """How many cipher keys may still be the right one."""
        return len(self._choices)

    def complain(self, oid: str) -> DeviceError:
        """Return in words what a Report says."""
        user, where = self._shown, self.where
        if oid == _NO_SUCH_USER:
            return BadCredentials(f"{where} knows no SNMPv3 user {user!r}")
        if oid == _WRONG_DIGEST:
            return BadCredentials(
                f"{where} does not accept the authentication password of user {user!r}, "
                f"or expects another protocol than {self.user.auth}"
            )
        if oid == _NO_SUCH_LEVEL:
            return BadCredentials(f"{where} does not offer {self.user.level} to user {user!r}")
        if oid == _NOT_DECRYPTED:
            return self._doubt_privacy()
        if oid in _UNKNOWN_CONTEXTS:
            return Unsupported(f"{where} has no SNMPv3 context {self._shown_context!r}")
        return BadReply(f"{where} answers with Report {oid}")

    def doubt_user(self) -> DeviceError:
        """Return what it means when an agent that said who it is falls silent."""
        wrong = "user name, authentication password or protocol" if self.user.auth else "user name"
        context = f", or no context {self._shown_context!r}" if self.user.context else ""
        return BadCredentials(
            f"{self.where} answers, but not to user {self._shown!r}: wrong {wrong}{context}?"
        )

    def doubt_content(self) -> DeviceError | None:
        """Return what it means when an agent that accepted the user falls silent; None where it means that it is gone."""
        wrong = [f"wrong privacy password, or not {self.user.privacy}"] if self.user.privacy else []
        wrong += [f"no context {self._shown_context!r}"] if self.user.context else []
        if self.proven or not wrong:
            return None
        return BadCredentials(
            f"{self.where} accepts user {self._shown!r}, but does not answer: {', or '.join(wrong)}?"
        )

    def _doubt_privacy(self) -> DeviceError:
        return BadCredentials(
            f"{self.where} cannot decrypt what user {self._shown!r} sends: "
            f"the privacy password is wrong, or the protocol is not {self.user.privacy}"
        )

    def _decrypt(self, keys: Keys, sealed: Sealed) -> Message:
        start, stop = decode_expected(sealed.data, sealed.content_at, sealed.end, OCTET_STRING, "a content")
        hidden = sealed.data[start:stop]
        for choice in self._choices:
            plain = keys.decrypt(choice, hidden, sealed.boots, sealed.time_s, sealed.salt)
            try:
                message = self._read(plain, 0, len(plain), sealed)
            except BadReply as error:
                if choice == self._choices[-1]:
                    raise BadReply(f"a content that is nonsense once decrypted: {error.reason}") from None
            else:
                self._choices = (choice,)
                return message
        raise BadReply("encrypted for a user without privacy")

    def _read(self, data: bytes, at: int, end: int, sealed: Sealed) -> Message:
        """Read a scoped PDU; what follows it is DES' padding."""
        at, end = decode_expected(data, at, end, SEQUENCE, "a scoped PDU")
        _, at = decode_octets(data, at, end, MAX_ENGINE_ID_BYTES, "a context engine id")
        context, at = decode_octets(data, at, end, MAX_CONTEXT_BYTES, "a context name")
        message = decode_pdu(data, at, end, V3, None)
        if message.pdu == Pdu.REPORT:
            return message  # it may be about a request that the agent could not read
        if message.pdu != Pdu.RESPONSE:
            raise BadReply(f"expected a response, got a message of kind {message.pdu:#04x}")
        if message.request_id != sealed.message_id:
            raise BadReply("a response whose request id is not its message id")
        if context != self._context:
            raise BadReply("a response from another context")
        return message

    def _check_time(self, sealed: Sealed, at_s: float, *, is_fresh: bool) -> None:
        """Follow the engine's clock (RFC 3414, 3.2, step 7b).

        A fresh message answers a random number of ours and says what time it is: it is believed backwards too, since
        there are agents that forget their boots.
        """
        boots, time_s = sealed.boots, sealed.time_s
        if is_fresh or self._set_s is None or boots > self._boots:
            self._boots, self._time_s, self._set_s = boots, time_s, at_s
            return
        ahead_s = time_s - self._time_s - (at_s - self._set_s)
        if boots < self._boots or boots == MAX_NUMBER or ahead_s < -TIME_WINDOW_S:
            raise BadReply("a signed message from outside the time window: it is old")
        if ahead_s > 0:
            self._time_s, self._set_s = time_s, at_s

    def _time_now_s(self) -> int:
        assert self._set_s is not None
        return min(MAX_NUMBER, int(self._time_s + self._clock() - self._set_s))


class SealedQuestion:
    """One question of a channel, as many tries as it takes. Call it with a message id to get the bytes of its next try."""

    __slots__ = ("_channel", "_greeted", "_numbers", "_oids", "_pdu", "_step", "_tries")

    def __init__(self, channel: Channel, pdu: int, oids: tuple[str, ...], numbers: tuple[int, int]) -> None:
        self._channel = channel
        self._pdu, self._oids, self._numbers = pdu, oids, numbers
        self._step = Step.HELLO
        self._greeted = False
        self._tries = 0

    def __call__(self, number: int) -> bytes:
        """Return what is due now, under a message id of four bytes."""
        channel = self._channel
        self._step = step = channel.next_step(self._greeted)
        if step is Step.HELLO:
            return channel.encode_hello(number)
        if step is Step.GREET:
            return channel.encode_greeting(number)
        self._tries += 1
        return channel.encode_ask(number, self._pdu, self._oids, self._numbers, self._tries - 1)

    def open(self, sealed: Sealed, at_s: float) -> Message | Again | DeviceError:
        """Take what came under a message id of this question: its answer, a step on the way, or its end.

        Raises DeviceError for what is not to be believed: it ends the question only if nothing better comes.
        """
        channel, step = self._channel, self._step
        message = channel.open(sealed, at_s, step)
        if message.pdu == Pdu.REPORT:
            return self._on_report(sealed, _complaint(message))
        if step is Step.ASK:
            return message
        if step is Step.GREET:
            return self._on_greeted()
        raise BadReply("an answer to nobody's question")

    def _on_report(self, sealed: Sealed, oid: str) -> Again | DeviceError:
        channel, is_signed = self._channel, bool(sealed.flags & AUTHENTICATED)
        if self._step is Step.HELLO or oid == _NO_SUCH_ENGINE:
            if self._step is not Step.HELLO and sealed.engine_id == channel.engine_id:
                raise BadReply("an engine that does not know its own id")
            channel.learn_engine(sealed.engine_id)
            self._greeted = False
            return Again(channel.doubt_user())
        if oid == _NOT_IN_TIME:
            if not is_signed:
                raise BadReply("a Report about the time that is not signed")
            return self._on_greeted() if self._step is Step.GREET else Again(None)
        if oid == _NOT_DECRYPTED and 0 < self._tries < channel.choices:
            return Again(channel.complain(oid))
        complaint = channel.complain(oid)
        if channel.proven and not is_signed:
            raise complaint
        return complaint

    def _on_greeted(self) -> Again:
        self._greeted = True
        return Again(self._channel.doubt_content())


def _complaint(message: Message) -> str:
    """Return the OID that a Report is about, "" for what is no Report or an empty one."""
    return message.varbinds[0][0] if message.pdu == Pdu.REPORT and message.varbinds else ""


def _scope(engine_id: bytes, context: bytes) -> bytes:
    return encode_tlv(OCTET_STRING, engine_id) + encode_tlv(OCTET_STRING, context)
