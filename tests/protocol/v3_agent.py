"""The authoritative side of SNMPv3 in a few lines, made of our own keys, for conversations in which it misbehaves.

Counterpart: `test_snmp_v3.py`. That the keys and layouts are right is settled by foreign peers in `test_snmp_v3_foreign.py`.
"""

from __future__ import annotations

from domain.errors import DeviceError
from engine.protocols import ber, sealed, snmp
from engine.protocols.sealed import AUTHENTICATED, PRIVATE, Sealed
from engine.protocols.snmp import Message, Pdu, decode_message
from engine.protocols.snmp_v3 import Again, Channel, SealedQuestion
from engine.protocols.usm import Keys, SnmpUser

ENGINE = bytes.fromhex("80001f8880e9630000d61ff449")
STATS = "1.3.6.1.6.3.15.1.1."
SYS_NAME = "1.3.6.1.2.1.1.5.0"
USER = SnmpUser("anna", "sha1", "maplesyrup", "aes128", "ahornsirup")
Bound = list[tuple[str, bytes]]


class Agent:
    """An engine with one user. `clock_s` is its time; each method returns a datagram."""

    def __init__(self, user: SnmpUser = USER, engine_id: bytes = ENGINE, boots: int = 3, clock_s: int = 5000):
        self.user, self.engine_id, self.boots, self.clock_s = user, engine_id, boots, clock_s
        self.keys = Keys(user, engine_id)
        self.choice = 0

    def report(self, request: bytes, oid: str, *, signed: bool = False) -> bytes:
        """A Report about a request."""
        return self.say(request, Pdu.REPORT, [(oid, ber.encode_integer(1, ber.COUNTER32))], int(signed))

    def answer(self, request: bytes, bound: Bound | None = None, **said: object) -> bytes:
        """A response, at the level of the user."""
        flags = (PRIVATE if self.user.privacy else 0) | (AUTHENTICATED if self.user.auth else 0)
        if bound is None:
            bound = [(SYS_NAME, ber.encode_tlv(ber.OCTET_STRING, b"mast"))]
        return self.say(request, Pdu.RESPONSE, bound, flags, **said)  # type: ignore[arg-type]

    def decrypt(self, request: bytes) -> bytes:
        """What a request hides."""
        asked = read(request)
        start, stop = ber.decode_expected(asked.data, asked.content_at, asked.end, ber.OCTET_STRING, "")
        return self.keys.decrypt(self.choice, asked.data[start:stop], asked.boots, asked.time_s, asked.salt)

    def say(
        self,
        request: bytes,
        pdu: int,
        bound: Bound,
        flags: int,
        *,
        request_id: int | None = None,
        context: bytes | None = None,
        name: str | None = None,
    ) -> bytes:
        """Anything, in reply to a request."""
        number = read(request).message_id
        body = ber.encode_integer(number if request_id is None else request_id) + snmp._after_id(
            (0, 0), bound
        )
        names = (self.engine_id, self.user.context.encode() if context is None else context)
        scope = b"".join(ber.encode_tlv(ber.OCTET_STRING, said) for said in names)
        content = ber.encode_tlv(ber.SEQUENCE, scope + ber.encode_tlv(pdu, body))
        salt = b""
        if flags & PRIVATE:
            salt, hidden = self.keys.encrypt(self.choice, content, self.boots, self.clock_s, 77)
            content = ber.encode_tlv(ber.OCTET_STRING, hidden)
        size = self.keys.sent_bytes if flags & AUTHENTICATED else 0
        data, at = sealed.encode_sealed(
            number,
            flags,
            content,
            engine_id=self.engine_id,
            clock=(self.boots, self.clock_s),
            user=(name or self.user.name).encode(),
            digest_bytes=size,
            salt=salt,
        )
        return data[:at] + self.keys.digest(data) + data[at + size :] if size else data


def read(data: bytes) -> Sealed:
    """Read a v3 message's frame."""
    message = decode_message(data)
    assert isinstance(message, Sealed)
    return message


class Asking:
    """A question on its way: `sent` is its last datagram, message ids count up, the time stands until it is moved."""

    def __init__(self, user: SnmpUser = USER, channel: Channel | None = None) -> None:
        self.now_s = [1000.0]
        self.channel = channel or Channel(user, "10.0.0.1:161", clock=lambda: self.now_s[0], salt=1)
        self.number = snmp.MIN_REQUEST_ID
        self.ask()

    def ask(self) -> bytes:
        """Begin a new question."""
        self.question: SealedQuestion = self.channel.question(Pdu.GET, (SYS_NAME,))
        return self.try_again()

    def try_again(self) -> bytes:
        """Send what is due now."""
        self.number += 1
        self.sent = self.question(self.number)
        return self.sent

    def hear(self, reply: bytes) -> Message | Again | DeviceError:
        """Take a reply; where it says so, send what is next."""
        opened = self.question.open(read(reply), self.now_s[0])
        if isinstance(opened, Again):
            self.try_again()
        return opened

    def settle(self, agent: Agent) -> Message:
        """Go through all steps with an agent that behaves."""
        for kind in ("4.0", "2.0"):
            opened: object = self.hear(agent.report(self.sent, STATS + kind, signed=kind == "2.0"))
            assert isinstance(opened, Again)
            if not self.channel.user.auth:
                break
        answered = self.hear(agent.answer(self.sent))
        assert isinstance(answered, Message), answered
        return answered
