"""Who flies with whom, who waits, and what becomes of those who give up: without a socket."""

from __future__ import annotations

import asyncio
import socket
from array import array
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

import pytest

from domain.errors import NoAnswer
from engine.drivers.ping import PingDriver
from engine.protocols.icmp import Volley
from engine.transport import icmp_flights
from engine.transport.exchanges import PER_PEER_CAP, UNSENT_CAP
from engine.transport.icmp import IcmpTransport
from engine.transport.icmp_flights import FLIGHT_SIZE, Flights
from engine.transport.icmp_lines import Arrived, Deliver, Departure
from engine.transport.receiving import SocketAddress
from tests.engine.echo_hosts import TOKEN
from tests.engine.peers import until
from tests.engine.test_transport_icmp import only_ipv4


class ScriptedLine:
    """Keeps what is sent, tells of it what it is told to, and answers at once who is `alive`."""

    overflowed = 0

    def __init__(self, *alive: str, room: int = 10_000) -> None:
        self.volley = Volley(1, TOKEN, FLIGHT_SIZE)
        self.places: Mapping[Any, int] = {n: n for n in range(FLIGHT_SIZE)}
        self.alive = set(alive)
        self.late: set[str] = set()
        """Who is alive from the second time on."""
        self.room = room
        self.sent: list[list[str]] = []
        self.due: list[Arrived] = []
        self.deliver: Deliver = lambda _: None
        self.closed = False

    def name(self, sockaddr: SocketAddress) -> str:
        return str(sockaddr[0])

    def source(self, sockaddr: SocketAddress) -> Hashable:
        return str(sockaddr[0])

    def start(self, loop: asyncio.AbstractEventLoop, deliver: Deliver) -> None:
        self.deliver = deliver

    def send(
        self, payload: bytes, places: Sequence[int], names: Sequence[str], signs: array[int]
    ) -> Departure:
        gone = list(names[: self.room])
        self.sent.append(gone)
        now_s = monotonic()
        self.due += [
            (now_s + 0.25, (name, place, payload, sign))
            for place, name, sign in zip(places, gone, signs, strict=False)
            if name in self.alive
        ]
        self.alive |= self.late
        return Departure([now_s] * len(gone), {})

    def receive(self) -> None:
        due, self.due = self.due, []
        self.deliver(due)

    async def close(self) -> None:
        self.closed = True


def run(conversation: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(conversation())  # type: ignore[arg-type]


def ask(
    flights: Flights, names: Iterable[str], timeout_s: float = 0.02, retries: int = 0
) -> list[asyncio.Future[Any]]:
    return [flights.ask(flights.peer((name, 0), name), timeout_s, retries) for name in names]


def test_drivers_that_are_read_in_one_turn_share_a_flight() -> None:
    async def conversation() -> None:
        names = [f"127.0.0.{n}" for n in range(1, 51)]
        line = ScriptedLine(*names)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            icmp = IcmpTransport(only_ipv4(sock), lambda *_: line)
            drivers = [PingDriver(icmp, name, timeout_s=1.0, retries=1) for name in names]
            answers = await asyncio.gather(*(driver.read() for driver in drivers))
            assert {round(answer.rtt_us, -1) for answer in answers} == {250_000}
            assert line.sent == [names]
            for driver in drivers:
                await driver.close()
            await icmp.close()
        assert line.closed

    run(conversation)


def test_different_times_make_different_flights_however_they_alternate() -> None:
    async def conversation() -> None:
        line = ScriptedLine("a", "b", "c", "d")
        flights = Flights(line, TOKEN)
        asked = [
            flights.ask(flights.peer((name, 0), name), timeout_s, 0)
            for name, timeout_s in zip("abcd", (1.0, 2.0, 1.0, 2.0), strict=True)
        ]
        await asyncio.gather(*asked)
        assert line.sent == [["a", "c"], ["b", "d"]]

    run(conversation)


def test_only_who_did_not_answer_is_asked_again() -> None:
    async def conversation() -> None:
        line = ScriptedLine("a", "c")
        line.late = {"d"}
        flights = Flights(line, TOKEN)
        a, b, c, d = ask(flights, "abcd", retries=2)
        await asyncio.gather(a, c)
        assert (await d).tries == 2
        with pytest.raises(NoAnswer, match=r"no answer from b in 0\.02 s, 3 tries"):
            await b
        assert line.sent == [["a", "b", "c", "d"], ["b", "d"], ["b"]]
        assert flights.in_flight == 0
        assert flights._tries == {}

    run(conversation)


def test_what_a_full_socket_does_not_take_leaves_a_little_later() -> None:
    async def conversation() -> None:
        line = ScriptedLine("a", "b", "c", room=2)
        flights = Flights(line, TOKEN)
        assert [answer.tries for answer in await asyncio.gather(*ask(flights, "abc"))] == [1, 1, 1]
        assert line.sent == [["a", "b"], ["c"]]

    run(conversation)


def test_a_socket_that_stays_full_is_told_as_congestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp_flights, "SLOT_S", 0.0)

    async def conversation() -> None:
        line = ScriptedLine("a", room=0)
        flights = Flights(line, TOKEN)
        (asked,) = ask(flights, "a")
        with pytest.raises(NoAnswer, match="cannot send to a: this computer's network is congested"):
            await asked
        assert len(line.sent) == UNSENT_CAP + 1
        assert flights.in_flight == 0

    run(conversation)


def test_one_address_is_asked_a_few_times_at_once_and_the_others_have_their_turn() -> None:
    async def conversation() -> None:
        line = ScriptedLine("a")
        flights = Flights(line, TOKEN)
        answers = await asyncio.gather(*ask(flights, 10 * "a"))
        assert len(answers) == 10
        assert [len(sent) for sent in line.sent] == [PER_PEER_CAP, PER_PEER_CAP, 2]

    run(conversation)


def test_no_more_are_in_flight_than_may_be() -> None:
    async def conversation() -> None:
        names = [f"n{n}" for n in range(3 * FLIGHT_SIZE)]
        line = ScriptedLine()
        flights = Flights(line, TOKEN, in_flight_cap=FLIGHT_SIZE)
        asked = ask(flights, names)
        most = 0
        while not all(future.done() for future in asked):
            most = max(most, flights.in_flight)
            await asyncio.sleep(0)
        assert most == FLIGHT_SIZE
        assert [len(sent) for sent in line.sent] == 3 * [FLIGHT_SIZE]
        assert all(isinstance(future.exception(), NoAnswer) for future in asked)

    run(conversation)


def test_who_gave_up_is_not_asked_again_and_keeps_no_place() -> None:
    async def conversation() -> None:
        line = ScriptedLine()
        flights = Flights(line, TOKEN)
        a, b = ask(flights, "ab", retries=1)
        await until(lambda: bool(line.sent))
        a.cancel()
        with pytest.raises(NoAnswer):
            await b
        assert line.sent == [["a", "b"], ["b"]]
        assert flights.in_flight == 0

    run(conversation)


def test_a_peer_is_forgotten_with_its_last_user() -> None:
    async def conversation() -> None:
        line = ScriptedLine("a")
        flights = Flights(line, TOKEN)
        first, second = flights.peer(("a", 0), "a"), flights.peer(("a", 0), "a")
        assert first is second
        flights.release(first)
        asked = flights.ask(second, 1.0, 0)
        flights.release(second)
        assert flights.peer(("a", 0), "a") is second
        flights.release(second)
        await asked
        assert flights.peer(("a", 0), "a") is not second

    run(conversation)


def test_closing_ends_what_flies_and_what_waits() -> None:
    async def conversation() -> None:
        line = ScriptedLine()
        flights = Flights(line, TOKEN, in_flight_cap=1)
        asked = ask(flights, (PER_PEER_CAP + 1) * "a", timeout_s=60.0)
        await until(lambda: bool(line.sent))
        asked += ask(flights, "b", timeout_s=60.0)
        await flights.close()
        for future in (*asked, *ask(flights, "c")):
            with pytest.raises(NoAnswer, match="the engine is closing"):
                await future
        assert line.closed

    run(conversation)
