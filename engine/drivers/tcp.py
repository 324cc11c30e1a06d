"""The TCP probe: does a port take connections, how fast, and who is there. Counterpart: `transport/tcp.py`.

One rule: the connection is the answer; what the service says first (an SSH banner) is a fact that may be missing, and it is
asked for only now and then, so that no service's log fills with us.
"""

from __future__ import annotations

from time import monotonic

from domain.errors import BadReply, NoAnswer, Refused
from domain.observation import Reading, Told
from domain.text import text_from_bytes
from engine.drivers.driver import Answer
from engine.transport.tcp import Stream, TcpTransport, bounded

GREETING_EVERY_CYCLES = 120
GREETING_BYTES = 255
"""An SSH identification is no longer (RFC 4253, section 4.2); lines before it are not waited for."""

GREETING_S = 0.5


class TcpDriver:
    """Connects to one port."""

    def __init__(
        self, tcp: TcpTransport, endpoint: tuple[str, int], *, timeout_s: float, retries: int
    ) -> None:
        self._tcp = tcp
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._retries = retries
        self._cycle = 0

    async def read(self) -> Answer:
        """Connect, and at times listen for a greeting."""
        for left in range(self._retries, -1, -1):
            begun_s = monotonic()
            try:
                stream = await self._tcp.connect(*self._endpoint, self._timeout_s)
                break
            except NoAnswer:
                if not left:
                    raise
        rtt_us = int((monotonic() - begun_s) * 1e6)
        try:
            facts = await self._read_greeting(stream) if self._cycle % GREETING_EVERY_CYCLES == 0 else ()
        finally:
            stream.close()
        self._cycle += 1
        return Answer(rtt_us, Reading(facts=facts))

    async def close(self) -> None:
        """Nothing is held."""

    async def _read_greeting(self, stream: Stream) -> tuple[Told, ...]:
        said = b""
        stream.budget_bytes = 1 << 20
        try:
            async with bounded(stream.where, "greeting", min(GREETING_S, self._timeout_s)):
                while b"\n" not in said and len(said) < GREETING_BYTES:
                    said += (await stream.read())[:GREETING_BYTES]
        except (NoAnswer, Refused, BadReply):
            pass  # it waits for us to speak, or hung up: it took the connection all the same
        greeting = text_from_bytes(said.split(b"\n")[0][:GREETING_BYTES])
        return (("greeting", greeting),) if greeting else ()
