"""Who waits for which echo: the flights on their way. Counterpart: `icmp_lines.py`, which sends and receives them.

Theory: pings that are asked for together fly together, up to `FLIGHT_SIZE` of them with one deadline. Each try of a flight has a
payload of its own, so a late reply to the first try is still an answer, with the round trip of its try; and in it each ping has a
sign that only its target learns, so that nobody who is pinged can answer for another.
    asked -> waiting (caps reached) -> in flight, try 1 -> try 2 ... -> answered | no answer
Flights leave one by one, with a look at what came in between: so a thousand pings overrun no buffer of the system.
One rule: a reply counts if it comes from the very address that was asked, once; any other is counted in `dropped`.
"""

from __future__ import annotations

import asyncio
import os
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from time import monotonic

from domain.errors import NoAnswer
from engine.protocols.icmp import KEY_BYTES, SECRET_BYTES, make_signs
from engine.transport.exchanges import IN_FLIGHT_CAP, PER_PEER_CAP, SLOT_S, UNSENT_CAP, Answered
from engine.transport.icmp_lines import Arrived, Line
from engine.transport.receiving import SocketAddress

FLIGHT_SIZE = 192
"""Pings that leave in one go: of the smallest usual buffer (208 KiB, 768 bytes each) they or their replies fill 3/4."""

Asked = tuple["asyncio.Future[Answered[None]]", float, int]
"""Who waits, for how long a try, and how many times the question may be repeated."""


class Peer:
    """One address that is pinged. `where` names it in messages; `users` are the drivers that share it."""

    __slots__ = ("flights", "in_flight", "key", "name", "source", "users", "waiting", "where")

    def __init__(self, flights: Flights, line: Line, sockaddr: SocketAddress, where: str) -> None:
        self.flights = flights
        self.key = sockaddr[:2]
        self.where = where
        self.name = line.name(sockaddr)
        self.source = line.source(sockaddr)
        self.users = 1
        self.in_flight = 0
        self.waiting: deque[Asked] = deque()


class _Flight:
    """Pings that share their deadlines. Of each place the future; None where it is over."""

    __slots__ = ("futures", "left", "payloads", "peers", "retries", "timeout_s", "timer", "tries")

    def __init__(self, timeout_s: float, retries: int) -> None:
        self.timeout_s = timeout_s
        self.retries = retries
        self.peers: list[Peer] = []
        self.futures: list[asyncio.Future[Answered[None]] | None] = []
        self.left = 0
        self.tries = 0
        self.payloads: list[bytes] = []
        self.timer: asyncio.TimerHandle | None = None


class _Try:
    """One sending of a flight. Of each place its sign, as it is sent and as it is `expected`, and when it left."""

    __slots__ = ("expected", "flight", "futures", "left_s", "payload", "peers", "signs")

    def __init__(self, flight: _Flight, payload: bytes) -> None:
        self.flight, self.peers, self.futures = flight, flight.peers, flight.futures
        self.payload = payload
        self.signs = make_signs(os.urandom(SECRET_BYTES * len(flight.peers)))
        self.expected = self.signs.tolist()
        self.left_s = [monotonic()] * len(flight.peers)


class Flights:
    """The pings of one line, whose payloads begin with `token`."""

    def __init__(self, line: Line, token: bytes, *, in_flight_cap: int = IN_FLIGHT_CAP) -> None:
        self.dropped = 0
        self.in_flight = 0
        self._line = line
        self._token = token
        self._in_flight_cap = in_flight_cap
        self._loop = asyncio.get_running_loop()
        self._peers: dict[SocketAddress, Peer] = {}
        self._forming: dict[tuple[float, int], _Flight] = {}
        self._asked: deque[_Flight] = deque()
        self._tries: dict[bytes, _Try] = {}
        self._is_leaving = False
        self._closed = False
        line.start(self._loop, self._deliver)

    def peer(self, sockaddr: SocketAddress, where: str) -> Peer:
        """Return the peer of an address, shared by all who ask for it; give it back with `release`."""
        peer = self._peers.get(sockaddr[:2])
        if peer is None:
            peer = self._peers[sockaddr[:2]] = Peer(self, self._line, sockaddr, where)
        else:
            peer.users += 1
        return peer

    def release(self, peer: Peer) -> None:
        """One user of a peer is gone."""
        peer.users -= 1
        self._free(peer)

    def ask(self, peer: Peer, timeout_s: float, retries: int) -> asyncio.Future[Answered[None]]:
        """Ping, with whom else is asked in this turn of the loop. The future raises NoAnswer; cancel it to give up."""
        future: asyncio.Future[Answered[None]] = asyncio.Future(loop=self._loop)
        if self._closed:
            future.set_exception(NoAnswer(f"{peer.where} was not asked: the engine is closing"))
        elif peer.in_flight >= PER_PEER_CAP:
            peer.waiting.append((future, timeout_s, retries))
        else:
            self._join(peer, future, timeout_s, retries)
        return future

    async def close(self) -> None:
        """End everything that is in flight or waiting, and close the socket."""
        self._closed = True
        flights = {id(flight): flight for flight in self._asked}
        flights |= {id(attempt.flight): attempt.flight for attempt in self._tries.values()}
        for flight in flights.values():
            if flight.timer is not None:
                flight.timer.cancel()
            for peer, future in zip(flight.peers, flight.futures, strict=True):
                _cut_off(peer, future)
        for peer in self._peers.values():
            for future, _, _ in peer.waiting:
                _cut_off(peer, future)
        self._asked.clear()
        self._tries.clear()
        await self._line.close()

    # ---- on the way out

    def _join(
        self, peer: Peer, future: asyncio.Future[Answered[None]], timeout_s: float, retries: int
    ) -> None:
        """Let a ping fly with the others of this turn that are given the same time."""
        peer.in_flight += 1
        flight = self._forming.get((timeout_s, retries))
        if flight is None or len(flight.peers) >= FLIGHT_SIZE:
            flight = self._forming[timeout_s, retries] = _Flight(timeout_s, retries)
            self._asked.append(flight)
            self._leave_soon()
        flight.peers.append(peer)
        flight.futures.append(future)

    def _leave_soon(self) -> None:
        if self._asked and not self._is_leaving and self.in_flight < self._in_flight_cap:
            self._is_leaving = True
            self._loop.call_soon(self._leave)

    def _leave(self) -> None:
        """Send the next flight; the one behind it has its turn when others had theirs."""
        self._is_leaving = False
        if not self._asked:
            return
        flight = self._asked.popleft()
        if self._forming.get((flight.timeout_s, flight.retries)) is flight:
            del self._forming[flight.timeout_s, flight.retries]
        flight.left = len(flight.peers)
        self.in_flight += flight.left
        self._send(flight)
        self._leave_soon()

    def _send(self, flight: _Flight) -> None:
        """Begin a flight's next try."""
        attempt = _Try(flight, self._line.volley.payload(os.urandom(KEY_BYTES)))
        self._tries[attempt.payload] = attempt
        flight.payloads.append(attempt.payload)
        flight.tries += 1
        places = range(len(flight.peers)) if flight.tries == 1 else _open_places(flight)
        self._depart(attempt, places, UNSENT_CAP)

    def _depart(self, attempt: _Try, places: Sequence[int], patience: int) -> None:
        """Send, wait a little with what a full socket does not take, and see what came meanwhile."""
        flight, peers, signs = attempt.flight, attempt.flight.peers, attempt.signs
        asked = peers
        if len(places) < len(peers):
            asked = [peers[place] for place in places]
            signs = array("Q", [signs[place] for place in places])
        departure = self._line.send(attempt.payload, places, [peer.name for peer in asked], signs)
        if len(departure.left_s) == len(peers):
            attempt.left_s = departure.left_s
        else:
            for place, left_s in zip(places, departure.left_s, strict=False):
                attempt.left_s[place] = left_s
        for number, error in departure.refused.items():
            why = error.strerror or error
            self._fail(flight, places[number], f"cannot send to {peers[places[number]].where}: {why}")
        unsent = places[len(departure.left_s) :]
        if unsent and patience:
            flight.timer = self._loop.call_later(SLOT_S, self._depart_later, attempt, unsent, patience - 1)
        else:
            for place in unsent:
                self._fail(
                    flight,
                    place,
                    f"cannot send to {peers[place].where}: this computer's network is congested",
                )
            if flight.left:
                flight.timer = self._loop.call_later(flight.timeout_s, self._on_due, flight)
        self._line.receive()

    def _depart_later(self, attempt: _Try, places: Sequence[int], patience: int) -> None:
        open_places = set(_open_places(attempt.flight))
        self._depart(attempt, [place for place in places if place in open_places], patience)

    def _on_due(self, flight: _Flight) -> None:
        open_places = _open_places(flight)
        for place, future in enumerate(flight.futures):
            if future is not None and future.done():
                self._end(flight, place)  # whoever asked has given up
        if not open_places:
            return
        if flight.tries <= flight.retries:
            self._send(flight)
            return
        tries = "1 try" if flight.tries == 1 else f"{flight.tries} tries"
        for place in open_places:
            where = flight.peers[place].where
            self._fail(flight, place, f"no answer from {where} in {flight.timeout_s:g} s, {tries}")

    # ---- on the way back

    def _deliver(self, arrivals: Iterable[Arrived]) -> None:
        tries, places = self._tries, self._line.places
        for at_s, (source, head, payload, sign) in arrivals:
            try:
                attempt, place = tries[payload], places[head]
                future, peer = attempt.futures[place], attempt.peers[place]
            except LookupError:
                self.dropped += payload.startswith(self._token)
                continue
            if future is None or sign != attempt.expected[place] or peer.source != source:
                self.dropped += 1
                continue
            flight = attempt.flight
            attempt.futures[place] = (
                None  # from here to the last line as `_end` does, which a call would make a tenth dearer
            )
            flight.left -= 1
            peer.in_flight -= 1
            self.in_flight -= 1
            if not future.done():
                rtt_us = int((at_s - attempt.left_s[place]) * 1e6)
                future.set_result(Answered(None, rtt_us if rtt_us > 0 else 0, at_s, flight.tries))
            if peer.waiting or not peer.users or not flight.left:
                self._let_go(flight, peer)
        self._leave_soon()

    def _fail(self, flight: _Flight, place: int, why: str) -> None:
        future = flight.futures[place]
        if future is not None:
            self._end(flight, place)
            if not future.done():
                future.set_exception(NoAnswer(why))

    def _end(self, flight: _Flight, place: int) -> None:
        """A place is over."""
        peer = flight.peers[place]
        flight.futures[place] = None
        flight.left -= 1
        peer.in_flight -= 1
        self.in_flight -= 1
        self._let_go(flight, peer)

    def _let_go(self, flight: _Flight, peer: Peer) -> None:
        """Let a peer's next ping go, and the flight, if all its places are over."""
        self._free(peer)
        if flight.left:
            return
        for payload in flight.payloads:
            del self._tries[payload]
        if flight.timer is not None:
            flight.timer.cancel()
        self._leave_soon()

    def _free(self, peer: Peer) -> None:
        while peer.waiting and peer.in_flight < PER_PEER_CAP:
            future, timeout_s, retries = peer.waiting.popleft()
            if not future.done():
                self._join(peer, future, timeout_s, retries)
        if not peer.users and not peer.in_flight and not peer.waiting:
            self._peers.pop(peer.key, None)


def _open_places(flight: _Flight) -> list[int]:
    return [n for n, future in enumerate(flight.futures) if future is not None and not future.done()]


def _cut_off(peer: Peer, future: asyncio.Future[Answered[None]] | None) -> None:
    if future is not None and not future.done():
        future.set_exception(NoAnswer(f"no answer from {peer.where}: the engine is closing"))
