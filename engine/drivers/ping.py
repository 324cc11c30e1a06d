"""Reachability: ICMP echo, or a TCP connection where ICMP is not permitted. Counterpart: `transport/icmp.py`, `tcp.py`.

Without ICMP any answer to a connection is a sign of life, a refusal as well: the host itself (or the firewall before it) sent
it. The port that answered last is asked first; until one does, the candidates have their turns.
Loss and jitter are those of the last `WINDOW_READINGS` readings, from the echoes that were sent anyway; connections tell none:
that a firewall is silent is no loss. One rule: a ping never takes longer than its tries, whichever way it goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from time import monotonic
from typing import NamedTuple

from domain.errors import NoAnswer, Refused
from domain.observation import Reading, Value
from engine.drivers.driver import Answer
from engine.transport.icmp import IcmpTransport
from engine.transport.icmp_flights import Peer
from engine.transport.tcp import TcpTransport

COMMON_PORTS = (22, 8291, 80, 443)
"""SSH, WinBox, web: what network devices most often answer on, be it with a refusal."""

WINDOW_READINGS = 20
"""Ten minutes at the usual interval."""


class Echoes(NamedTuple):
    """What became of one reading: how many echoes were asked for, and the round trip of the one that came, if any."""

    sent: int
    rtt_us: int | None


class Window:
    """The last readings of one address. Full or not, it tells what it has."""

    def __init__(self) -> None:
        self._echoes: deque[Echoes] = deque(maxlen=WINDOW_READINGS)

    def add(self, echoes: Echoes) -> None:
        """Take one more reading in."""
        self._echoes.append(echoes)

    def values(self) -> tuple[Value, ...]:
        """Return the loss, and the mean difference of one round trip to the next where there are two."""
        sent = sum(echoes.sent for echoes in self._echoes)
        rtts_us = [echoes.rtt_us for echoes in self._echoes if echoes.rtt_us is not None]
        loss_pct = 100 * (sent - len(rtts_us)) / sent if sent else 0.0
        if len(rtts_us) < 2:
            return (("loss_pct", "", loss_pct),)
        jitter_us = sum(abs(b - a) for a, b in pairwise(rtts_us)) / (len(rtts_us) - 1)
        return (("loss_pct", "", loss_pct), ("jitter_ms", "", jitter_us / 1e3))


class PingDriver:
    """Pings one address."""

    def __init__(self, icmp: IcmpTransport, address: str, *, timeout_s: float, retries: int) -> None:
        self._icmp = icmp
        self._address = address
        self._timeout_s = timeout_s
        self._retries = retries
        self._peer: Peer | None = None
        self._window = Window()

    async def read(self) -> Answer:
        """Ask for an echo."""
        if self._peer is None:
            self._peer = self._icmp.peer(self._address)
        try:
            answered = await self._icmp.ping(self._peer, self._timeout_s, self._retries)
        except NoAnswer:
            self._window.add(Echoes(1 + self._retries, None))
            raise
        self._window.add(Echoes(answered.tries, answered.rtt_us))
        return Answer(answered.rtt_us, Reading(self._window.values()))

    async def close(self) -> None:
        """Give the peer back."""
        if self._peer is not None:
            self._icmp.release(self._peer)
            self._peer = None


class TcpPingDriver:
    """Knocks at one address; `ports` of its other probes come before the common ones."""

    def __init__(
        self, tcp: TcpTransport, address: str, ports: Sequence[int], *, timeout_s: float, retries: int
    ) -> None:
        self._tcp = tcp
        self._address = address
        self._timeout_s = timeout_s
        self._tries = 1 + retries
        self._ports = list(dict.fromkeys((*ports, *COMMON_PORTS)))
        self._told_port = 0

    async def read(self) -> Answer:
        """Connect to a port or two; raises NoAnswer when none answered."""
        asked = self._ports[: self._tries]
        for port in asked:
            rtt_us = await self._knock(port)
            if rtt_us is not None:
                self._ports.remove(port)
                self._ports.insert(0, port)
                news = port != self._told_port
                self._told_port = port
                return Answer(rtt_us, Reading(facts=(("reached_by", f"tcp/{port}"),) if news else ()))
        self._ports = self._ports[len(asked) :] + asked
        named = " and ".join(str(port) for port in asked)
        raise NoAnswer(
            f"no answer from {self._address} to connections to port {named} in {self._timeout_s:g} s each"
        )

    async def close(self) -> None:
        """Nothing is held."""

    async def _knock(self, port: int) -> int | None:
        begun_s = monotonic()
        try:
            stream = await self._tcp.connect(self._address, port, self._timeout_s)
        except Refused:
            pass
        except NoAnswer:
            return None
        else:
            stream.close()
        return int((monotonic() - begun_s) * 1e6)
