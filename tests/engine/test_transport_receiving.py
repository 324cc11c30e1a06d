"""How a datagram is read: as every system can, and with what Linux knows more. Both ways run here."""

from __future__ import annotations

import asyncio
import functools
import socket
import sys
from collections.abc import Iterator
from time import monotonic

import pytest

from domain.errors import NoAnswer
from engine.transport import drain, receiving
from engine.transport.drain import Drain
from engine.transport.receiving import PlainReceiving, Receiving, system_receiving
from engine.transport.udp import UdpTransport
from tests.engine.peers import echo_of, udp_peer
from tests.engine.test_transport_udp import OID, encode
from tests.ports import free_port


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two datagram sockets that do not block, the second bound."""
    with socket.socket(type=socket.SOCK_DGRAM) as ours, socket.socket(type=socket.SOCK_DGRAM) as other:
        for sock in (ours, other):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        yield ours, other


@pytest.mark.parametrize("stamped", [False, True])
@pytest.mark.parametrize("make", [PlainReceiving, system_receiving()])
def test_a_datagram_comes_with_its_sender_and_its_time(
    pair: tuple[socket.socket, socket.socket], make: type[PlainReceiving], stamped: bool
) -> None:
    ours, other = pair
    reads: Receiving = make(ours, hears_refusals=True, stamped=stamped)
    with pytest.raises(BlockingIOError):
        reads.receive()
    before_s = monotonic()
    other.sendto(b"hello", ours.getsockname())
    at_s, data, address = reads.receive()
    assert (data, address) == (b"hello", other.getsockname())
    assert before_s - 0.01 <= at_s <= monotonic() + 0.01
    assert reads.refusals() == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say who refused")
def test_linux_names_who_refused_and_the_plain_way_nobody(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    port = free_port()
    for make, named in ((system_receiving(), [("127.0.0.1", port)]), (PlainReceiving, [])):
        reads = make(ours, hears_refusals=True, stamped=False)
        ours.sendto(b"knock", ("127.0.0.1", port))
        with pytest.raises(OSError):  # the refusal is told to the next call
            reads.receive()
        assert reads.refusals() == named


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps")
def test_a_stamp_of_a_wall_clock_that_was_set_is_not_believed(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, other = pair
    reads = system_receiving()(ours, hears_refusals=False, stamped=True)
    other.sendto(b"hello", ours.getsockname())
    monkeypatch.setattr(receiving, "time", lambda: 1_000.0)
    assert abs(reads.receive()[0] - monotonic()) < receiving.OLDEST_S


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_read_the_plain_way(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert system_receiving() is PlainReceiving


def test_snmp_is_asked_as_windows_does_it_in_a_thread_and_the_plain_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drain, "system_receiving", lambda: PlainReceiving)
    monkeypatch.setattr(Drain, "start", functools.partialmethod(Drain.start, in_thread=True))

    async def main() -> None:
        udp = UdpTransport()
        async with udp_peer(echo_of) as agent:
            for _ in range(20):
                got = await udp.ask(udp.peer(*agent.address), encode, 30.0, 1)
                assert got.reply.varbinds == [(OID, 7)]
        with pytest.raises(NoAnswer):  # who refused is not told, so it is silence
            await udp.ask(udp.peer("127.0.0.1", free_port()), encode, 0.05, 1)
        async with udp_peer(echo_of) as agent:
            await udp.ask(udp.peer(*agent.address), encode, 30.0, 1)
        await udp.close()

    asyncio.run(main())
