"""The SSH probe: logs in and runs one command. Counterpart: `transport/ssh.py`, which knows whom to trust.

Theory: with a command the connection is kept, so that a host's log gets one line a connection and not one a poll; without one
logging in is what is asked for, and is done each time. One rule: a command is whatever a person wrote there; nothing is added.
"""

from __future__ import annotations

from time import monotonic

from msgspec import to_builtins

from domain.device_facts import Service
from domain.errors import BadReply, Refused
from domain.inventory import DEFAULT_PORT, Probe
from domain.observation import Reading
from domain.text import text_from_bytes
from engine.drivers.driver import Answer
from engine.transport.ssh import Identity, Output, SshSession
from engine.transport.tcp import TcpTransport

LOGIN_S = 10.0
"""A small router takes seconds for the key exchange."""

SHOWN_CHARS = 80


class SshDriver:
    """Asks one host. `name` is the probe's, under which its numbers and facts stand."""

    def __init__(
        self,
        tcp: TcpTransport,
        address: str,
        probe: Probe,
        identity: Identity,
        name: str,
        *,
        timeout_s: float,
        answer_s: float,
    ) -> None:
        self._tcp = tcp
        self._endpoint = (address, probe.port or DEFAULT_PORT["ssh"])
        self._probe = probe
        self._identity = identity
        self._name = name
        self._timeout_s = timeout_s
        self._answer_s = answer_s
        self._session: SshSession | None = None

    async def read(self) -> Answer:
        """Log in, or run the command. BadReply where it ends badly or without the expected text."""
        begun_s = monotonic()
        if not self._probe.target:
            session = await self._open()
            session.close()
            says = "logged in"
        else:
            session, output, begun_s = await self._run_or_reconnect()
            says = self._judge(session.where, output)
        took_s = monotonic() - begun_s
        facts = ((f"service/{self._name}", to_builtins(Service(says, session.software))),)
        return Answer(int(took_s * 1e6), Reading((("answer_ms", self._name, took_s * 1e3),), facts))

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    async def _open(self) -> SshSession:
        return await SshSession.open(
            self._tcp,
            self._endpoint,
            self._identity,
            pin=self._probe.pin,
            timeout_s=self._timeout_s,
            login_s=LOGIN_S,
        )

    async def _run_or_reconnect(self) -> tuple[SshSession, Output, float]:
        """Use the kept connection; where the host has dropped it meanwhile, make a new one, once."""
        if self._session is not None and not self._session.is_closed:
            try:
                return await self._run(self._session)
            except Refused:
                self._session = None
        self._session = await self._open()
        return await self._run(self._session)

    async def _run(self, session: SshSession) -> tuple[SshSession, Output, float]:
        begun_s = monotonic()
        return session, await session.run(self._probe.target, self._answer_s), begun_s

    def _judge(self, where: str, output: Output) -> str:
        """Return the first line of what a command printed."""
        lines = (text_from_bytes(line) for line in output.said.splitlines()[:20])
        first = next((line for line in lines if line), "")
        if output.status:
            raise BadReply(f"{where}: the command ended with status {output.status}: {first[:SHOWN_CHARS]!r}")
        expect = self._probe.expect
        if expect and expect.encode() not in output.said:
            got = f"got {len(output.said)} bytes, {first[:SHOWN_CHARS]!r}"
            raise BadReply(f"{where}: the command's output is without {expect!r}: {got}")
        return first
