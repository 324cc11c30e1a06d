"""The ways of echoes through a socket, message by message and in volleys: the same conversations for both."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from time import monotonic, time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.errors import BadReply, NoAnswer
from engine.protocols.icmp import VOLLEY_MESSAGE_BYTES, decode_echo_reply, make_signs
from engine.transport import icmp_volleys
from engine.transport.icmp import IcmpTransport, system_line
from engine.transport.icmp_flights import FLIGHT_SIZE, Flights
from engine.transport.icmp_lines import Arrived, LineFactory, PlainLine
from engine.transport.icmp_volleys import BATCH, VolleyLine
from tests.engine.echo_hosts import (
    TOKEN,
    Host,
    Respond,
    faithful,
    line_socket,
    pass_time,
    reply_to,
    summed,
)
from tests.engine.peers import until

Conversation = Callable[[Flights], Awaitable[None]]
either_line = pytest.mark.parametrize("make_line", [PlainLine, VolleyLine])


def run(make_line: LineFactory, conversation: Conversation) -> None:
    async def main() -> None:
        with line_socket() as sock:
            flights = Flights(make_line(sock, TOKEN, FLIGHT_SIZE), TOKEN)
            await conversation(flights)
            await flights.close()

    asyncio.run(main())


@either_line
def test_more_than_a_flight_of_pings_are_answered_each_by_its_own_host(make_line: LineFactory) -> None:
    async def conversation(flights: Flights) -> None:
        with ExitStack() as stack:
            hosts = [
                stack.enter_context(Host(address=f"127.0.{n // 200}.{n % 200 + 1}"))
                for n in range(FLIGHT_SIZE + 60)
            ]
            begun_s = monotonic()
            asked = [flights.ask(flights.peer(host.sockaddr, "host"), 30.0, 0) for host in hosts]
            answers = await asyncio.gather(*asked)
            took_us = (monotonic() - begun_s) * 1e6
            assert all(0 <= answer.rtt_us <= took_us and answer.tries == 1 for answer in answers)
            assert all(len(host.heard) == 1 for host in hosts)
            places = [host.heard[0][6:8] for host in hosts]
            assert len(set(places)) == FLIGHT_SIZE
        assert flights.dropped == 0
        assert flights.in_flight == 0

    run(make_line, conversation)


@either_line
def test_a_reply_counts_once_and_only_from_the_host_that_was_asked(make_line: LineFactory) -> None:
    async def conversation(flights: Flights) -> None:
        with Host() as asked, Host(address="127.0.0.2") as other:

            def forge(request: bytes) -> list[bytes]:
                other.asked_by = asked.asked_by
                other.say(reply_to(request))
                return []

            asked.respond = forge
            peer = flights.peer(asked.sockaddr, "10.0.0.1")
            with pytest.raises(NoAnswer, match=r"no answer from 10\.0\.0\.1 in 0\.05 s, 2 tries"):
                await flights.ask(peer, 0.05, 1)
            await until(lambda: flights.dropped == 2)  # its thread may still be on its way to it
            asked.respond = lambda request: 3 * [reply_to(request)]
            with Host() as witness:
                witness_peer = flights.peer(witness.sockaddr, "witness")
                await asyncio.gather(flights.ask(peer, 30.0, 0), flights.ask(witness_peer, 30.0, 0))
            await until(lambda: flights.dropped == 4)  # the second and third may be on their way still

    run(make_line, conversation)


@either_line
def test_who_is_pinged_in_the_same_flight_cannot_answer_for_another(make_line: LineFactory) -> None:
    """The forger sends as the other does, from its address and for its place, with the payload that it knows: its own."""

    async def conversation(flights: Flights) -> None:
        with Host(lambda _: []) as victim, Host(lambda _: [], "127.0.0.2") as forger:
            asked = [flights.ask(flights.peer(host.sockaddr, "host"), 30.0, 0) for host in (victim, forger)]
            await until(lambda: bool(victim.heard and forger.heard))
            victim.say(summed(reply_to(victim.heard[0])[:8] + forger.heard[0][8:]))
            forger.say(reply_to(forger.heard[0]))
            await asked[1]
            assert not asked[0].done()
            assert flights.dropped == 1
            victim.say(reply_to(victim.heard[0]))
            await asked[0]

    run(make_line, conversation)


def other_ident(request: bytes) -> bytes:
    return summed(reply_to(request)[:4] + bytes((request[4] ^ 1,)) + request[5:])


@pytest.mark.parametrize(
    "respond",
    [
        lambda request: [],
        lambda request: [request],
        lambda request: [reply_to(request)[:-1]],
        lambda request: [reply_to(request) + b"\0\0"],
        lambda request: [reply_to(request)[:-1] + b"\x01"],
        lambda request: [summed(reply_to(request)[:-1] + b"\x01")],
        lambda request: [summed(reply_to(request)[:8] + bytes(32))],
        lambda request: [summed(b"\x00\x01" + reply_to(request)[2:])],
        lambda request: [summed(b"\x03\x01" + reply_to(request)[2:])],
        lambda request: [summed(reply_to(request)[:6] + b"\x00\x7f" + request[8:])],
        lambda request: [summed(reply_to(request)[:6] + b"\xff\xff" + request[8:])],
        lambda request: [b"", b"\x00", b"\x4f" + bytes(39), bytes(40), bytes(127), bytes(128), bytes(9000)],
    ],
    ids=[
        "silence",
        "its own request",
        "cut",
        "longer",
        "wrong checksum",
        "one bit of the payload",
        "another's payload",
        "another code",
        "unreachable",
        "a place nobody has",
        "a place that is none",
        "garbage",
    ],
)
@either_line
def test_anything_but_the_reply_is_no_answer(make_line: LineFactory, respond: Respond) -> None:
    async def conversation(flights: Flights) -> None:
        with Host(respond) as host:
            with pytest.raises(NoAnswer):
                await flights.ask(flights.peer(host.sockaddr, "host"), 0.05, 0)
            await until(lambda: bool(host.heard))  # its thread may still be on its way to it
            assert len(host.heard) == 1

    run(make_line, conversation)


def test_a_volley_refuses_another_ident() -> None:
    async def conversation(flights: Flights) -> None:
        with Host(lambda request: [other_ident(request)]) as host:
            with pytest.raises(NoAnswer):
                await flights.ask(flights.peer(host.sockaddr, "host"), 0.05, 0)
            await until(lambda: flights.dropped == 1)

    run(VolleyLine, conversation)


class RawSocket(socket.socket):
    """Says that it is a raw socket."""

    @property
    def type(self) -> socket.SocketKind:
        return socket.SOCK_RAW


def test_message_by_message_another_ident_is_refused_where_the_socket_hears_all() -> None:
    async def main() -> None:
        sock = RawSocket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        flights = Flights(PlainLine(sock, TOKEN, FLIGHT_SIZE), TOKEN)
        with Host(lambda request: [other_ident(request)]) as host:
            peer = flights.peer(host.sockaddr, "host")
            with pytest.raises(NoAnswer):
                await flights.ask(peer, 0.05, 0)
            host.respond = faithful
            await flights.ask(peer, 30.0, 0)
        await flights.close()

    asyncio.run(main())


@either_line
def test_a_late_reply_to_the_first_try_is_an_answer_with_the_round_trip_of_its_own_try(
    make_line: LineFactory,
) -> None:
    async def conversation(flights: Flights) -> None:
        with Host() as host:

            def answer_the_first_when_the_second_comes(_: bytes) -> list[bytes]:
                return [reply_to(host.heard[0])] if len(host.heard) == 2 else []

            host.respond = answer_the_first_when_the_second_comes
            got = await flights.ask(flights.peer(host.sockaddr, "host"), 1.0, 1)
            assert got.rtt_us >= 1_000_000
            assert got.tries == 2
            assert host.heard[0][8:] != host.heard[1][8:]
            host.say(reply_to(host.heard[1]))
            await until(lambda: flights.dropped > 0)

    run(make_line, conversation)


@either_line
def test_a_flood_of_foreign_replies_hides_none_of_ours(make_line: LineFactory) -> None:
    foreign = [summed(b"\x00\x00\x00\x00" + bytes((n % 256, n // 256)) * 18) for n in range(100)]
    foreign += [bytes(n) for n in range(0, 200, 7)]

    async def conversation(flights: Flights) -> None:
        with Host(lambda request: [*foreign, reply_to(request), *foreign]) as host:
            peer = flights.peer(host.sockaddr, "host")
            for _ in range(3):
                await flights.ask(peer, 30.0, 0)
        assert flights.dropped == 0

    run(make_line, conversation)


@either_line
def test_an_address_that_the_system_refuses_fails_at_once_and_alone(make_line: LineFactory) -> None:
    async def conversation(flights: Flights) -> None:
        with Host() as host, Host(address="127.0.0.2") as last:
            where = [host.sockaddr, ("255.255.255.255", 9), last.sockaddr]
            asked = [flights.ask(flights.peer(sockaddr, sockaddr[0]), 30.0, 1) for sockaddr in where]
            first, refused, third = await asyncio.gather(*asked, return_exceptions=True)
        assert not isinstance(first, BaseException)
        assert not isinstance(third, BaseException)
        assert isinstance(refused, NoAnswer)
        assert str(refused).startswith("cannot send to 255.255.255.255: ")

    run(make_line, conversation)


def test_a_busy_engine_makes_no_round_trip_longer() -> None:
    async def conversation(flights: Flights) -> None:
        with Host(lambda _: []) as host:
            asked = flights.ask(flights.peer(host.sockaddr, "host"), 30.0, 0)
            await until(lambda: bool(host.heard))
            host.say(reply_to(host.heard[0]))
            said_s = monotonic()
            pass_time(0.05)
            got = await asked
            assert got.at_s < said_s + 0.05

    run(VolleyLine, conversation)


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
def test_a_wall_clock_that_was_set_leaves_the_time_of_reading(
    monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    monkeypatch.setattr(icmp_volleys, "time", lambda: time() + ahead_s)

    async def conversation(flights: Flights) -> None:
        with Host() as host:
            begun_s = monotonic()
            got = await flights.ask(flights.peer(host.sockaddr, "host"), 30.0, 0)
            assert begun_s <= got.at_s <= monotonic()

    run(VolleyLine, conversation)


def on_a_line(messages: list[bytes], ident: int) -> list[bytes]:
    """Give echoes the ident of a line, with a right checksum where there was one."""
    told = []
    for message in messages:
        is_whole = len(message) >= 8
        ours = message[:4] + ident.to_bytes(2, "big") + message[6:] if is_whole else message
        told.append(summed(ours) if is_whole and summed(message) == message else ours)
    return told


KEY = b"a secret"
SIGN = make_signs(b"mark").tobytes()
counterweight = bytes(0xFF - byte for byte in KEY)
ours = st.integers(0, 0xFFFF).map(
    lambda place: summed(struct.pack(">BBHHH", 0, 0, 0, 0, place) + TOKEN + KEY + counterweight + SIGN)
)
damaged = st.tuples(ours, st.integers(0, VOLLEY_MESSAGE_BYTES - 1), st.integers(1, 255)).map(
    lambda it: it[0][: it[1]] + bytes((it[0][it[1]] ^ it[2],)) + it[0][it[1] + 1 :]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(ours, damaged, damaged.map(summed), st.binary(max_size=140)), max_size=12))
@example([])
@example([bytes(128)])
def test_whatever_comes_a_volley_finds_the_places_that_reading_each_message_finds(
    messages: list[bytes],
) -> None:
    with line_socket() as sock, line_socket() as host:
        line = VolleyLine(sock, TOKEN, FLIGHT_SIZE)
        messages = on_a_line(messages, line._ident)
        found: list[Arrived] = []
        line._deliver = found.extend
        for message in messages:
            host.sendto(message, sock.getsockname())
        line.receive()
        from_host = line.name(host.getsockname())
        payload = line.volley.payload(KEY)
        whole = payload, int.from_bytes(SIGN, "little")
        places = [line.places.get(head) for _, (_, head, *told) in found if (*told,) == whole]
        assert all(source == from_host for _, (source, *_) in found)
    expected = []
    for message in messages:
        try:
            echo = decode_echo_reply(message)
        except BadReply:
            continue
        if echo is not None and echo.payload == payload + SIGN and echo.ident == line._ident:
            expected.append(echo.sequence if echo.sequence < FLIGHT_SIZE else None)
    assert [place for place in places if place is not None] == [n for n in expected if n is not None]


def test_a_batch_is_read_to_its_end_whatever_is_in_it() -> None:
    with line_socket() as sock, line_socket() as host:
        line = VolleyLine(sock, TOKEN, FLIGHT_SIZE)
        found: list[Arrived] = []
        line._deliver = found.extend
        payload = line.volley.payload(KEY)
        signs = make_signs(b"mark" * FLIGHT_SIZE)
        requests = line.volley.encode(payload, range(FLIGHT_SIZE), signs)
        for n in range(BATCH + 10):
            at = n % FLIGHT_SIZE * VOLLEY_MESSAGE_BYTES
            host.sendto(reply_to(requests[at : at + VOLLEY_MESSAGE_BYTES]), sock.getsockname())
        line.receive()
        places = [line.places[head] for _, (_, head, *told) in found if told == [payload, signs[0]]]
        assert places == [n % FLIGHT_SIZE for n in range(BATCH + 10)]


@pytest.mark.parametrize("make_line", [PlainLine, system_line])
def test_on_this_computer_a_thousand_pings_are_all_answered_or_a_notice_says_why_not(
    make_line: LineFactory,
) -> None:
    async def main() -> None:
        icmp = IcmpTransport(make_line=make_line)
        targets = [f"127.0.{n // 250}.{n % 250 + 1}" for n in range(1000)]
        if icmp.can_ping("::1"):
            targets += 4 * ["::1"]
        if icmp.can_ping("127.0.0.1"):
            answers = await asyncio.gather(*(icmp.ping(icmp.peer(target), 30.0, 1) for target in targets))
            assert all(0 <= answer.rtt_us < 30_000_000 for answer in answers)
            assert icmp.in_flight == 0
        else:
            assert icmp.notice
        await icmp.close()

    asyncio.run(main())
