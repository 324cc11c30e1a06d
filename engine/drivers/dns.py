"""The DNS probe: the device as a name server, asked for one name. Counterpart: `transport/dns.py`, `protocols/dns.py`.

One rule: only a reply that holds a record of the asked type is an answer; that a name does not exist is none.
"""

from __future__ import annotations

from time import monotonic

from msgspec import to_builtins

from domain.device_facts import Service
from domain.errors import BadReply, Unsupported
from domain.inventory import DEFAULT_PORT, Probe
from domain.observation import Reading
from domain.text import clean_text
from engine.drivers.driver import Answer
from engine.protocols.dns import Reply, decode_reply, encode_question
from engine.transport.addresses import name_endpoint
from engine.transport.dns import DnsTransport

SHOWN_CHARS = 80

_SAID = {
    "NXDOMAIN": "does not exist (NXDOMAIN)",
    "SERVFAIL": "could not be looked up (SERVFAIL)",
    "REFUSED": "is nothing it tells us (REFUSED)",
}


class DnsDriver:
    """Asks one name server for one name. `name` is the probe's, under which its numbers and facts stand."""

    def __init__(
        self, dns: DnsTransport, address: str, probe: Probe, name: str, *, timeout_s: float, retries: int
    ) -> None:
        self._dns = dns
        self._endpoint = (address, probe.port or DEFAULT_PORT["dns"])
        self._asked, _, self._type = probe.target.partition(" ")
        self._expect = probe.expect
        self._name = name
        self._timeout_s = timeout_s
        self._retries = retries

    async def read(self) -> Answer:
        """Ask once. BadReply or Unsupported where the answer is none, or not the expected one."""
        where = name_endpoint(*self._endpoint)
        begun_s = monotonic()
        answered = await self._dns.ask(*self._endpoint, self._encode, self._timeout_s, self._retries)
        answer_ms = (monotonic() - begun_s) * 1e3
        question = self._encode(int.from_bytes(answered.reply[:2], "big"))
        try:
            reply = decode_reply(question, answered.reply)
        except BadReply as error:
            raise BadReply(f"{where} answers, but not as it should: {error.reason}", error.offset) from None
        self._judge(where, reply)
        says = clean_text(", ".join(reply.records))
        facts = ((f"service/{self._name}", to_builtins(Service(says))),)
        return Answer(answered.rtt_us, Reading((("answer_ms", self._name, answer_ms),), facts))

    async def close(self) -> None:
        """Nothing is held."""

    def _encode(self, number: int) -> bytes:
        try:
            return encode_question(number, self._asked, self._type)
        except ValueError as error:
            where = name_endpoint(*self._endpoint)
            raise Unsupported(f"{where} was not asked: no name that can be asked for, {error}") from None

    def _judge(self, where: str, reply: Reply) -> None:
        if reply.rcode == "SERVFAIL":
            raise BadReply(f"{where} answers that {self._asked} {_SAID[reply.rcode]}")
        if reply.rcode != "NOERROR":
            said = _SAID.get(reply.rcode, f"is answered with {reply.rcode}")
            raise Unsupported(f"{where} answers that {self._asked} {said}")
        if not reply.records:
            raise Unsupported(f"{where} answers that {self._asked} has no {self._type} record")
        if self._expect and not any(self._holds(record) for record in reply.records):
            shown = clean_text(", ".join(reply.records), SHOWN_CHARS)
            raise BadReply(
                f"{where} answers {self._asked} {self._type} without {self._expect!r}: got {shown}"
            )

    def _holds(self, record: str) -> bool:
        """Tell whether a record is the expected one, or one of its words is; a text needs only to have it somewhere."""
        expect, said = self._expect.lower().rstrip("."), record.lower()
        return (
            expect in said
            if self._type == "TXT"
            else expect in {word.rstrip(".") for word in (said, *said.split())}
        )
