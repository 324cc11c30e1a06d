"""Hosts that answer echoes over UDP on loopback, where no right to ICMP is needed: bytes and addresses are all a line sees."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from engine.protocols.icmp import checksum
from engine.transport.receiving import SocketAddress

Respond = Callable[[bytes], list[bytes]]
TOKEN = b"our sign"


def reply_to(request: bytes) -> bytes:
    """What a host makes of an echo request, IPv4."""
    return summed(b"\x00\x00\x00\x00" + request[4:])


def summed(message: bytes) -> bytes:
    """Put the right checksum into a message."""
    unsummed = message[:2] + b"\0\0" + message[4:]
    return message[:2] + checksum(unsummed).to_bytes(2, "big") + message[4:]


def faithful(request: bytes) -> list[bytes]:
    """Answer once and right."""
    return [reply_to(request)]


@contextmanager
def line_socket() -> Iterator[socket.socket]:
    """What a line takes for an ICMP socket of the system."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


class Host:
    """Answers at an address of its own, in the loop; `heard` are the requests."""

    def __init__(self, respond: Respond = faithful, address: str = "127.0.0.1") -> None:
        self.respond = respond
        self.heard: list[bytes] = []
        self.asked_by: SocketAddress = ()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 0))
        self.sock.setblocking(False)
        self.sockaddr: SocketAddress = self.sock.getsockname()

    def __enter__(self) -> Host:
        asyncio.get_running_loop().add_reader(self.sock, self.answer)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.sock)
        self.sock.close()

    def answer(self) -> None:
        """Answer what came."""
        while True:
            try:
                request, self.asked_by = self.sock.recvfrom(2048)
            except BlockingIOError:
                return
            self.heard.append(request)
            for reply in self.respond(request):
                self.say(reply)

    def say(self, message: bytes) -> None:
        """Send something to who asked last."""
        self.sock.sendto(message, self.asked_by)


def pass_time(seconds: float) -> None:
    """Keep the loop from its work, as a busy engine does."""
    until_s = monotonic() + seconds
    while monotonic() < until_s:
        pass
