"""Who waits for which reply: the table of questions in flight on a datagram socket. Counterpart: `udp.py`, `icmp.py`.

Theory: a question has one number per try, so that a late reply to the first try is still an answer and its round trip is that
of its own try. Numbers are random and belong to one peer: a reply counts only if it comes from the very address and port that
was asked and names a number in flight there. Deadlines lie in slots of 50 ms, so a question costs no timer of its own.
    waiting (caps reached) -> in flight, try 1 -> try 2 ... -> answered | refused | no answer
One rule: a reply that nobody waits for is counted in `dropped` and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

import msgspec

from domain.errors import BadReply, DeviceError, NoAnswer, Refused
from engine.transport.receiving import SocketAddress

SLOT_S = 0.05
IN_FLIGHT_CAP = 2_000
"""Measured: 10,000 devices, 10 % of them dead, need this many for a cycle of 4.4 s at 2 s a try."""

PER_PEER_CAP = 4
"""Questions one peer is asked at a time; more makes small routers drop."""

UNSENT_CAP = 40
"""Slots in a row in which a full socket may refuse a question: 2 s."""

STEPS_CAP = 6
"""How often one question is asked anew because what came asks for it: a v3 agent needs three, with a moved clock."""

REASON_CAP = 120
"""Characters kept of why bytes made no sense: it may quote a number of any length."""

T = TypeVar("T")


class Answered(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A reply, the round trip of its try, when it came (monotonic), and how many tries were sent until then.

    A struct: three times as quick as a named tuple.
    """

    reply: T
    rtt_us: int
    at_s: float
    tries: int = 1


class Peer(Generic[T]):
    """One address that is asked. `where` names it in messages; `users` are the drivers that share it."""

    __slots__ = ("in_flight", "numbers", "sockaddr", "users", "waiting", "where")

    def __init__(self, sockaddr: SocketAddress, where: str) -> None:
        self.sockaddr = sockaddr
        self.where = where
        self.users = 1
        self.in_flight = 0
        self.numbers: dict[int, tuple[Question[T], float]] = {}
        self.waiting: deque[Question[T]] = deque()


class Question(msgspec.Struct, Generic[T], eq=False):
    """One question: how its bytes are made for a number, and what is left of its tries."""

    peer: Peer[T]
    encode: Callable[[int], bytes]
    timeout_s: float
    tries: int
    tries_left: int
    future: asyncio.Future[Answered[T]]
    numbers: list[int] = []
    unsent: int = 0
    steps: int = 0
    slot: int = 0
    spoiled: DeviceError | None = None


class Exchanges(Generic[T]):
    """The table. `send` gives bytes to the socket and tells whether they left; `new_number` makes a number at random."""

    def __init__(
        self,
        send: Callable[[bytes, SocketAddress], bool],
        new_number: Callable[[], int],
        *,
        in_flight_cap: int = IN_FLIGHT_CAP,
        per_peer_cap: int = PER_PEER_CAP,
    ) -> None:
        self.dropped = 0
        self.in_flight = 0
        self._send = send
        self._new_number = new_number
        self._in_flight_cap = in_flight_cap
        self._per_peer_cap = per_peer_cap
        self._loop = asyncio.get_running_loop()
        self._peers: dict[SocketAddress, Peer[T]] = {}
        self._waiting: deque[Question[T]] = deque()
        self._slots: dict[int, list[Question[T]]] = {}
        self._last_slot = 0
        self._timer: asyncio.TimerHandle | None = None
        self._freed: deque[Peer[T]] = deque()
        self._freeing = False
        self._closed = False

    def peer(self, sockaddr: SocketAddress, where: str) -> Peer[T]:
        """Return the peer of an address, shared by all who ask for it; give it back with `release`."""
        peer = self._peers.get(sockaddr[:2])
        if peer is None:
            peer = self._peers[sockaddr[:2]] = Peer(sockaddr, where)
        else:
            peer.users += 1
        return peer

    def release(self, peer: Peer[T]) -> None:
        """One user of a peer is gone."""
        peer.users -= 1
        self._forget_if_unused(peer)

    def ask(
        self, peer: Peer[T], encode: Callable[[int], bytes], timeout_s: float, retries: int
    ) -> asyncio.Future[Answered[T]]:
        """Ask, now or when the caps allow it. The future raises NoAnswer, Refused or BadReply; cancel it to give up."""
        future: asyncio.Future[Answered[T]] = asyncio.Future(loop=self._loop)
        question = Question(peer, encode, timeout_s, 1 + retries, 1 + retries, future)
        if self._closed:
            future.set_exception(NoAnswer(f"{peer.where} was not asked: the engine is closing"))
        elif peer.in_flight >= self._per_peer_cap:
            peer.waiting.append(question)
        elif self.in_flight >= self._in_flight_cap:
            self._waiting.append(question)
        else:
            self.in_flight += 1
            peer.in_flight += 1
            self._try(question)
        return future

    def awaiting(self, address: SocketAddress) -> Peer[T] | None:
        """Return the peer at an address of which something is awaited; None, and counted as dropped, where nothing is."""
        peer = self._peers.get(address[:2])
        if peer is None or not peer.numbers:
            self.dropped += 1
            return None
        return peer

    def settle(self, peer: Peer[T], number: int, reply: T, at_s: float) -> None:
        """A reply came: hand it to who waits for it, or drop it."""
        found = peer.numbers.get(number)
        if found is None:
            self.dropped += 1
            return
        question, sent_s = found
        self._end(question)
        if not question.future.done():
            tries = question.tries - question.tries_left
            question.future.set_result(Answered(reply, int((at_s - sent_s) * 1e6), at_s, tries))

    def spoil(self, peer: Peer[T], why: BadReply) -> None:
        """Bytes came that are no reply. They end nothing, but are what a question that gets no better answer ends with."""
        self.dropped += 1
        for question, _ in peer.numbers.values():
            question.spoiled = _said(peer, why)

    def find(self, peer: Peer[T], number: int) -> Question[T] | None:
        """Return the question that a number belongs to; None, and counted as dropped, where it is nobody's."""
        found = peer.numbers.get(number)
        if found is None:
            self.dropped += 1
            return None
        return found[0]

    def ask_again(self, question: Question[T], doubt: DeviceError | None) -> None:
        """What came was a step on the way: ask at once what is next. `doubt` is what silence means from now on."""
        question.steps += 1
        if question.future.done() or question.steps > STEPS_CAP:
            where = question.peer.where
            self.fail(question, BadReply(f"{where} asks for the same thing more than {STEPS_CAP} times"))
            return
        question.spoiled = doubt
        for number in question.numbers:
            del question.peer.numbers[number]
        question.numbers.clear()
        question.tries_left += 1
        self._try(question)

    def doubt(self, question: Question[T], why: DeviceError) -> None:
        """Something came that is not to be believed: it is what the question ends with if it gets no better answer."""
        self.dropped += 1
        question.spoiled = _said(question.peer, why) if isinstance(why, BadReply) else why

    def fail(self, question: Question[T], error: DeviceError) -> None:
        """End a question with an error."""
        self._end(question)
        if not question.future.done():
            question.future.set_exception(error)

    def refuse(self, address: SocketAddress) -> None:
        """The host said that nobody listens there."""
        peer = self._peers.get(address[:2])
        if peer is None:
            return
        for question in {id(q): q for q, _ in peer.numbers.values()}.values():
            self.fail(question, Refused(f"{peer.where} answers that nobody listens there (port unreachable)"))

    def close(self) -> None:
        """End everything that is in flight or waiting."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        waiting = [*self._waiting]
        for peer in self._peers.values():
            waiting += [*peer.waiting, *(question for question, _ in peer.numbers.values())]
        for question in waiting:
            if not question.future.done():
                question.future.set_exception(
                    NoAnswer(f"no answer from {question.peer.where}: the engine is closing")
                )

    def _try(self, question: Question[T]) -> None:
        peer, numbers = question.peer, question.peer.numbers
        number = self._new_number()
        while number in numbers:
            number = self._new_number()
        now_s = due_s = monotonic()
        try:
            left = self._send(question.encode(number), peer.sockaddr)
        except DeviceError as error:  # it cannot be put into bytes
            self.fail(question, error)
            return
        except OSError as error:  # no route, a local firewall: the system says so at once
            self.fail(question, NoAnswer(f"cannot send to {peer.where}: {error.strerror or error}"))
            return
        numbers[number] = (question, now_s)
        question.numbers.append(number)
        if left:
            question.tries_left -= 1
            due_s += question.timeout_s
        elif question.unsent < UNSENT_CAP:  # the socket's buffer is full: once more, a slot later
            question.unsent += 1
        else:
            self.fail(
                question, NoAnswer(f"cannot send to {peer.where}: this computer's network is congested")
            )
            return
        question.slot = slot = int(due_s / SLOT_S) + 1
        line = self._slots.get(slot)
        if line is not None:
            line.append(question)
            return
        self._slots[slot] = [question]
        if self._timer is None:
            self._last_slot = int(now_s / SLOT_S)
            self._timer = self._loop.call_later(SLOT_S, self._tick)

    def _tick(self) -> None:
        now_slot = int(monotonic() / SLOT_S)
        for slot in range(self._last_slot, now_slot + 1):
            for question in self._slots.pop(slot, ()):
                if question.slot == slot:
                    self._on_due(question)
        self._last_slot = now_slot
        self._timer = self._loop.call_later(SLOT_S, self._tick) if self._slots else None

    def _on_due(self, question: Question[T]) -> None:
        if not question.numbers:
            return  # ended before
        if question.future.done():  # whoever asked has given up
            self._end(question)
        elif question.tries_left:
            self._try(question)
        else:
            self.fail(question, question.spoiled or self._silence(question))

    def _silence(self, question: Question[T]) -> NoAnswer:
        tries = "1 try" if question.tries == 1 else f"{question.tries} tries"
        return NoAnswer(f"no answer from {question.peer.where} in {question.timeout_s:g} s, {tries}")

    def _end(self, question: Question[T]) -> None:
        """Take a question out of the table and let the next one go."""
        peer = question.peer
        for number in question.numbers:
            del peer.numbers[number]
        question.numbers.clear()
        self.in_flight -= 1
        peer.in_flight -= 1
        if peer.waiting or self._waiting or not peer.users:
            self._freed.append(peer)
            self._let_next_go()

    def _let_next_go(self) -> None:
        if (
            self._freeing
        ):  # what begins may fail at once and free its place: the loop below goes on, not deeper
            return
        self._freeing = True
        while self._freed:
            peer = self._freed.popleft()
            while (
                peer.waiting and self.in_flight < self._in_flight_cap and peer.in_flight < self._per_peer_cap
            ):
                self._begin_if_wanted(peer.waiting.popleft())
            while self._waiting and self.in_flight < self._in_flight_cap:
                self._begin_if_wanted(self._waiting.popleft())
            self._forget_if_unused(peer)
        self._freeing = False

    def _begin_if_wanted(self, question: Question[T]) -> None:
        if question.future.done():
            return
        if question.peer.in_flight >= self._per_peer_cap:
            question.peer.waiting.append(question)
        else:
            self.in_flight += 1
            question.peer.in_flight += 1
            self._try(question)

    def _forget_if_unused(self, peer: Peer[T]) -> None:
        if not peer.users and not peer.in_flight and not peer.waiting:
            self._peers.pop(peer.sockaddr[:2], None)


def _said(peer: Peer[T], why: BadReply) -> BadReply:
    return BadReply(f"{peer.where} answers, but not as it should: {why.reason[:REASON_CAP]}", why.offset)
