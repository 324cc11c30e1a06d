"""SNMP's one socket: who gets which reply, what is dropped, what waits."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest

from domain.errors import BadReply, NoAnswer, Refused, Unsupported
from engine.protocols import ber, snmp
from engine.protocols.snmp_get import Get
from engine.transport.drain import Drain
from engine.transport.exchanges import PER_PEER_CAP
from engine.transport.udp import UdpTransport
from tests.engine.peers import echo_of, encode_reply, udp_peer, until
from tests.ports import free_port

OID = "1.3.6.1.2.1.1.3.0"
ASK = functools.partial(snmp.encode_get, community=b"public", oids=(OID,))


def encode(number: int) -> bytes:
    return snmp.encode_get(number, b"public", (OID,))


@pytest.fixture(params=["in the loop", "in a thread"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "in a thread":
        monkeypatch.setattr(Drain, "start", functools.partialmethod(Drain.start, in_thread=True))
    yield


def run(conversation: Callable[[UdpTransport], Awaitable[None]], **caps: int) -> None:
    async def main() -> None:
        transport = UdpTransport(**caps)
        try:
            await conversation(transport)
        finally:
            await transport.close()

    asyncio.run(main())


@pytest.mark.usefixtures("reading")
def test_a_reply_reaches_who_asked_with_its_round_trip() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(echo_of) as agent:
            got = await udp.ask(udp.peer(*agent.address), encode, 30.0, 1)
        assert got.reply.varbinds == [(OID, 7)]
        assert 0 < got.rtt_us < 30_000_000
        assert udp.dropped_datagrams == 0
        assert udp.in_flight == 0

    run(conversation)


@pytest.mark.usefixtures("reading")
def test_two_hundred_questions_at_once_each_get_their_own_reply() -> None:
    def answer(data: bytes) -> bytes:
        request = snmp.decode_message(data)
        arc = int(request.varbinds[0][0].rpartition(".")[2])
        return encode_reply(request, [(request.varbinds[0][0], ber.encode_integer(arc))])

    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(answer) as agent:
            peer = udp.peer(*agent.address)
            oids = [f"1.3.6.1.4.{arc}" for arc in range(200)]
            asked = [udp.ask(peer, functools.partial(_get, oid), 30.0, 1) for oid in oids]
            replies = [(await future).reply for future in asked]
        assert [reply.varbinds for reply in replies] == [[(oid, arc)] for arc, oid in enumerate(oids)]

    run(conversation)


def _get(oid: str, number: int) -> bytes:
    return snmp.encode_get(number, b"public", (oid,))


def test_an_answer_to_a_walk_keeps_its_varbinds_though_it_is_laid_out_as_that_of_a_get() -> None:
    oids = tuple(f"1.3.6.1.4.1.{arc}.0" for arc in range(8))
    get = Get(b"public", oids, snmp.Version.V2C)
    is_silent = False

    def answer(data: bytes) -> bytes | None:
        request = snmp.decode_message(data)
        if is_silent and request.pdu == snmp.Pdu.GET:
            return None
        return encode_reply(request, [(oid, ber.encode_integer(7)) for oid in oids])

    async def conversation(udp: UdpTransport) -> None:
        nonlocal is_silent
        async with udp_peer(answer) as agent:
            peer = udp.peer(*agent.address)
            for _ in range(3):
                found = (await udp.ask(peer, get, 30.0, 0)).reply.found
            assert found is not None
            is_silent = True
            unanswered = udp.ask(peer, get, 30.0, 0)
            walk = functools.partial(
                snmp.encode_getbulk, community=b"public", oids=("1.3.6.1.4.1",), max_repetitions=8
            )
            assert (await udp.ask(peer, walk, 30.0, 0)).reply.varbinds == [(oid, 7) for oid in oids]
            unanswered.cancel()

    run(conversation)


def test_ipv6_works_as_ipv4_does() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(echo_of, "::1") as agent:
            got = await udp.ask(udp.peer(*agent.address), encode, 30.0, 1)
            assert got.reply.varbinds == [(OID, 7)]

    run(conversation)


@pytest.mark.usefixtures("reading")
def test_silence_is_asked_again_and_ends_with_the_address_the_time_and_the_tries() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(lambda _: None) as agent:
            with pytest.raises(NoAnswer) as error:
                await udp.ask(udp.peer(*agent.address), encode, 0.05, 2)
            assert str(error.value) == f"no answer from 127.0.0.1:{agent.address[1]} in 0.05 s, 3 tries"
            assert len(agent.asked) == 3
            assert len({snmp.decode_message(data).request_id for data in agent.asked}) == 3
        assert udp.in_flight == 0

    run(conversation)


def test_a_late_reply_to_the_first_try_is_still_an_answer() -> None:
    asked: list[bytes] = []

    def answer(data: bytes) -> bytes | None:
        asked.append(data)
        return echo_of(asked[0]) if len(asked) == 2 else None

    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(answer) as agent:
            got = await udp.ask(udp.peer(*agent.address), encode, 1.0, 1)
            assert got.reply.request_id == snmp.decode_message(asked[0]).request_id
            assert got.rtt_us >= 1_000_000

    run(conversation)


@pytest.mark.usefixtures("reading")
def test_a_closed_port_is_refused_by_name() -> None:
    async def conversation(udp: UdpTransport) -> None:
        port = free_port()
        with pytest.raises(Refused, match=f"127.0.0.1:{port} answers that nobody listens"):
            await udp.ask(udp.peer("127.0.0.1", port), encode, 30.0, 1)

    run(conversation)


def test_one_closed_port_does_not_fail_another_peer() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(echo_of) as agent:
            good = udp.peer(*agent.address)
            closed = [udp.peer("127.0.0.1", free_port()) for _ in range(20)]
            for bad in closed:
                refused, fine = udp.ask(bad, encode, 30.0, 0), udp.ask(good, encode, 30.0, 0)
                with pytest.raises(Refused):
                    await refused
                assert (await fine).reply.varbinds == [(OID, 7)]

    run(conversation)


@pytest.mark.usefixtures("reading")
def test_a_reply_from_another_address_is_dropped() -> None:
    async def conversation(udp: UdpTransport) -> None:
        def answer(data: bytes) -> bytes | None:
            source = udp._sockets[socket.AF_INET].getsockname()
            stranger.sendto(echo_of(data), ("127.0.0.1", source[1]))
            return None

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            async with udp_peer(answer) as agent:
                with pytest.raises(NoAnswer):
                    await udp.ask(udp.peer(*agent.address), encode, 0.1, 0)
        await until(lambda: udp.dropped_datagrams == 1)

    run(conversation)


def test_a_reply_with_a_foreign_number_and_a_second_copy_are_dropped() -> None:
    def answer(data: bytes) -> list[bytes]:
        request = snmp.decode_message(data)
        foreign = encode_reply(request, [], request_id=request.request_id ^ 1)
        return [foreign, echo_of(data), echo_of(data)]

    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(answer) as agent:
            peer = udp.peer(*agent.address)
            assert (await udp.ask(peer, encode, 30.0, 0)).reply.varbinds == [(OID, 7)]
            assert (await udp.ask(peer, encode, 30.0, 0)).reply.varbinds == [(OID, 7)]
            await until(lambda: udp.dropped_datagrams == 4)

    run(conversation)


def test_garbage_does_not_end_a_question_that_a_good_reply_answers() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(lambda data: [b"garbage", b"", echo_of(data)]) as agent:
            assert (await udp.ask(udp.peer(*agent.address), encode, 30.0, 0)).reply.varbinds == [(OID, 7)]

    run(conversation)


@pytest.mark.parametrize(
    "garbage",
    [b"\x00" * 40, b"\x30\x82\xff\xff" + b"\x41" * 60_000, b"HTTP/1.1 400"],
    ids=["zeros", "60 kB", "another protocol"],
)
def test_only_garbage_ends_as_a_bad_reply_and_not_as_silence(garbage: bytes) -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(lambda _: garbage) as agent:
            with pytest.raises(BadReply):
                await udp.ask(udp.peer(*agent.address), encode, 1.0, 0)

    run(conversation)


def test_a_request_in_place_of_a_response_is_no_answer() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(lambda data: data) as agent:
            with pytest.raises(BadReply, match="expected a response"):
                await udp.ask(udp.peer(*agent.address), encode, 1.0, 0)

    run(conversation)


def test_one_peer_is_asked_only_so_much_at_a_time() -> None:
    most = 0

    async def conversation(udp: UdpTransport) -> None:
        nonlocal most

        def answer(data: bytes) -> bytes:
            nonlocal most
            most = max(most, udp.in_flight)
            return echo_of(data)

        async with udp_peer(answer) as agent:
            peer = udp.peer(*agent.address)
            for future in [udp.ask(peer, encode, 30.0, 0) for _ in range(50)]:
                await future

    run(conversation)
    assert most == PER_PEER_CAP


def test_in_all_only_so_much_is_in_flight_and_the_rest_has_its_turn() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(echo_of) as one, udp_peer(echo_of) as two:
            peers = [udp.peer(*one.address), udp.peer(*two.address)]
            asked = [udp.ask(peers[i % 2], encode, 30.0, 0) for i in range(40)]
            assert udp.in_flight == 3
            for future in asked:
                await future
            assert udp.in_flight == 0

    run(conversation, in_flight_cap=3, per_peer_cap=2)


def test_silent_peers_do_not_keep_others_from_being_asked_for_ever() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(lambda _: None) as silent, udp_peer(echo_of) as agent:
            dead = [udp.ask(udp.peer(*silent.address), encode, 0.05, 0) for _ in range(6)]
            alive = udp.ask(udp.peer(*agent.address), encode, 30.0, 0)
            assert (await alive).reply.varbinds == [(OID, 7)]
            for future in dead:
                with pytest.raises(NoAnswer):
                    await future

    run(conversation, in_flight_cap=2, per_peer_cap=2)


def test_a_thousand_questions_that_cannot_be_sent_fail_one_by_one() -> None:
    async def conversation(udp: UdpTransport) -> None:
        peer = udp.peer("255.255.255.255", 161)  # broadcast is not permitted on this socket
        asked = [udp.ask(peer, encode, 30.0, 0) for _ in range(1000)]
        for future in asked:
            with pytest.raises(NoAnswer, match=r"cannot send to 255\.255\.255\.255:161"):
                await future

    run(conversation)


def test_a_question_given_up_frees_its_place() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(lambda _: None) as silent:
            peer = udp.peer(*silent.address)
            asked = [udp.ask(peer, encode, 0.05, 0) for _ in range(8)]
            for future in asked:
                future.cancel()
            await until(lambda: not udp.in_flight)
            assert len(silent.asked) == PER_PEER_CAP

    run(conversation)


def test_a_peer_that_nobody_asks_any_more_is_forgotten() -> None:
    async def conversation(udp: UdpTransport) -> None:
        async with udp_peer(echo_of) as agent:
            first, second = udp.peer(*agent.address), udp.peer(*agent.address)
            assert first is second
            future = udp.ask(first, encode, 30.0, 0)
            udp.release(first)
            udp.release(second)
            await future
            assert not udp._exchanges._peers

    run(conversation)


def test_what_is_no_address_is_said_so_and_nothing_is_looked_up() -> None:
    async def conversation(udp: UdpTransport) -> None:
        for address in ("router.example", "", "10.0.0.1.2", "1" * 10_000, "\x00", "a" * 70 + "."):
            with pytest.raises(Unsupported, match="an IPv4 or IPv6 address and port expected"):
                udp.peer(address, 161)

    run(conversation)


@pytest.mark.usefixtures("reading")
def test_closing_ends_what_is_in_flight_and_refuses_what_comes_after() -> None:
    async def main() -> None:
        udp = UdpTransport()
        async with udp_peer(lambda _: None) as silent:
            peer = udp.peer(*silent.address)
            asked = [udp.ask(peer, encode, 60.0, 0) for _ in range(PER_PEER_CAP + 2)]
            await udp.close()
            for future in [*asked, udp.ask(peer, encode, 60.0, 0)]:
                with pytest.raises(NoAnswer, match="closing"):
                    await future

    asyncio.run(main())
