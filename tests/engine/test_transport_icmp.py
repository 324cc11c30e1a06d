"""Pings: whose reply is whose, and what a computer that permits none says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.errors import NoAnswer, Unsupported
from engine.protocols.icmp import VOLLEY_PAYLOAD_BYTES
from engine.transport import Transports
from engine.transport.icmp import IcmpTransport
from engine.transport.icmp_lines import PlainLine
from tests.engine.echo_hosts import Respond, reply_to


class EchoSocket(socket.socket):
    """Looks like an ICMP socket to one host; `respond` makes of each request what comes back."""

    def __init__(self, respond: Respond, host: str = "127.0.0.1") -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        super().bind(("127.0.0.1", 0))
        self.respond = respond
        self.host = host
        self.sent: list[bytes] = []

    def bind(self, address: object) -> None:
        """Bound already."""

    def sendto(self, data: bytes, address: object) -> int:  # type: ignore[override]
        self.sent.append(data)
        for answer in self.respond(data):
            super().sendto(answer, self.getsockname())
        return len(data)

    def recvmsg(self, size: int, *_: int) -> tuple[bytes, list[Any], int, Any]:
        data, ancillary, flags, _address = super().recvmsg(size, 64)
        return data, ancillary, flags, (self.host, 0)

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, tuple[str, int]]:
        return super().recvfrom(size, flags)[0], (self.host, 0)


def run(conversation: Callable[[IcmpTransport], Awaitable[None]], make: Callable[..., socket.socket]) -> None:
    async def main() -> None:
        transport = IcmpTransport(make, PlainLine)
        try:
            await conversation(transport)
        finally:
            await transport.close()

    asyncio.run(main())


def only_ipv4(sock: socket.socket) -> Callable[..., socket.socket]:
    def make(family: int, kind: int, protocol: int) -> socket.socket:
        if family != socket.AF_INET or kind != socket.SOCK_DGRAM:
            raise PermissionError(13, "not permitted")
        assert protocol == socket.IPPROTO_ICMP
        return sock

    return make


def test_a_reply_brings_its_round_trip() -> None:
    sock = EchoSocket(lambda request: [reply_to(request)])

    async def conversation(icmp: IcmpTransport) -> None:
        assert icmp.notice == ""
        got = await icmp.ping(icmp.peer("127.0.0.1"), 30.0, 0)
        assert 0 <= got.rtt_us < 30_000_000
        assert len(sock.sent[0]) == 8 + VOLLEY_PAYLOAD_BYTES

    run(conversation, only_ipv4(sock))


def test_a_reply_behind_an_ip_header_is_read_as_well() -> None:
    header = b"\x45" + bytes(19)
    sock = EchoSocket(lambda request: [header + reply_to(request)])

    async def conversation(icmp: IcmpTransport) -> None:
        await icmp.ping(icmp.peer("127.0.0.1"), 30.0, 0)

    run(conversation, only_ipv4(sock))


@pytest.mark.parametrize(
    "respond",
    [
        lambda request: [],
        lambda request: [request],
        lambda request: [reply_to(request)[:-1]],
        lambda request: [reply_to(request[:8] + bytes(VOLLEY_PAYLOAD_BYTES))],
        lambda request: [b"", b"\x00", b"\x4f", bytes(60_000)],
        lambda request: [reply_to(request)[:-1] + b"\x01"],
    ],
    ids=["silence", "its own request", "cut", "another's payload", "garbage", "wrong checksum"],
)
def test_anything_but_the_reply_is_no_answer(respond: Respond) -> None:
    async def conversation(icmp: IcmpTransport) -> None:
        with pytest.raises(NoAnswer, match=r"no answer from 127\.0\.0\.1 in 0\.05 s, 2 tries"):
            await icmp.ping(icmp.peer("127.0.0.1"), 0.05, 1)

    run(conversation, only_ipv4(EchoSocket(respond)))


def test_a_reply_from_another_host_is_dropped() -> None:
    async def conversation(icmp: IcmpTransport) -> None:
        with pytest.raises(NoAnswer):
            await icmp.ping(icmp.peer("127.0.0.1"), 0.05, 0)
        assert icmp.dropped_datagrams == 1

    run(conversation, only_ipv4(EchoSocket(lambda request: [reply_to(request)], host="127.0.0.9")))


def test_raw_is_taken_where_datagram_sockets_are_not_permitted() -> None:
    asked: list[int] = []

    def make(family: int, kind: int, protocol: int) -> socket.socket:
        if family != socket.AF_INET:
            raise PermissionError(13, "not permitted")
        asked.append(kind)
        if kind == socket.SOCK_DGRAM:
            raise PermissionError(13, "not permitted")
        return EchoSocket(lambda request: [reply_to(request)])

    async def conversation(icmp: IcmpTransport) -> None:
        assert icmp.notice == ""
        await icmp.ping(icmp.peer("127.0.0.1"), 30.0, 0)

    run(conversation, make)
    assert asked == [socket.SOCK_DGRAM, socket.SOCK_RAW]


def test_where_nothing_is_permitted_a_notice_says_what_to_do() -> None:
    def make(family: int, kind: int, protocol: int) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    async def main() -> None:
        transports = await Transports.open(make_icmp_socket=make)
        (notice,) = transports.notices
        assert "ICMP is not permitted on this computer" in notice
        assert not transports.icmp.can_ping("127.0.0.1")
        with pytest.raises(Unsupported, match="may not ping"):
            transports.icmp.peer("127.0.0.1")
        await transports.close()

    asyncio.run(main())


def test_on_this_computer_either_a_ping_is_answered_or_a_notice_says_why_not() -> None:
    async def main() -> None:
        transports = await Transports.open()
        for address in ("127.0.0.1", "::1"):
            if transports.icmp.can_ping(address):
                got = await transports.icmp.ping(transports.icmp.peer(address), 15.0, 1)
                assert 0 < got.rtt_us < 30_000_000
            elif address == "127.0.0.1":
                assert transports.notices
        await transports.close()

    asyncio.run(main())
