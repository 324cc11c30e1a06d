"""Devices of a few lines for transport and driver tests: what they answer is a function the test gives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import cast
from uuid import UUID

from domain.inventory import NEEDS, Credential, Device, Probe, ProbeKind
from engine.drivers import Driver, Login, Profiles, make_driver
from engine.protocols import ber, snmp
from engine.transport import Transports

PROFILES = Profiles()
"""The shipped ones."""

Reply = bytes | Iterable[bytes] | None


class UdpPeer(asyncio.DatagramProtocol):
    """Answers each datagram with what `answer` returns; `asked` holds what came."""

    def __init__(self, answer: Callable[[bytes], Reply]) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.address = ("", 0)
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        self.asked.append(data)
        reply = self.answer(data)
        for piece in (reply,) if isinstance(reply, bytes) else reply or ():
            self.transport.sendto(piece, addr)


@asynccontextmanager
async def udp_peer(answer: Callable[[bytes], Reply], host: str = "127.0.0.1") -> AsyncIterator[UdpPeer]:
    """A peer on a free port."""
    transport, peer = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: UdpPeer(answer), local_addr=(host, 0)
    )
    try:
        yield peer
    finally:
        transport.close()


def encode_reply(
    request: snmp.Message,
    varbinds: list[tuple[str, bytes]],
    status: int = 0,
    index: int = 0,
    request_id: int | None = None,
) -> bytes:
    """A response to a request."""
    return snmp.encode_message(
        request.version,
        request.community,
        snmp.Pdu.RESPONSE,
        request.request_id if request_id is None else request_id,
        varbinds,
        numbers=(status, index),
    )


def octets(text: str | bytes) -> bytes:
    """An OCTET STRING."""
    return ber.encode_tlv(ber.OCTET_STRING, text.encode() if isinstance(text, str) else text)


def echo_of(data: bytes) -> bytes:
    """A reply that gives every OID asked for the value 7."""
    request = snmp.decode_message(data)
    return encode_reply(request, [(oid, ber.encode_integer(7)) for oid, _ in request.varbinds])


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp_peer(talk: Talk) -> AsyncIterator[int]:
    """A server that has `talk` with each client; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def device_at(address: tuple[str, int], kind: ProbeKind, *others: Probe) -> Device:
    """A device with a probe of one kind there, and others after it."""
    probe = Probe(kind, 0 if kind == "icmp" else address[1])
    return Device(UUID(int=7), "Device", address[0], (probe, *others))


def driver_of(
    transports: Transports,
    device: Device,
    login: Login | None = None,
    *,
    timeout_s: float = 10.0,
    retries: int = 1,
    profiles: Profiles = PROFILES,
) -> Driver:
    """The driver of a device's first probe; a login becomes the first kind of credential it takes, if any."""
    probe = device.probes[0]
    credential = secret = None
    if login is not None and probe.kind in NEEDS:
        credential = Credential(UUID(int=8), "Credential", NEEDS[probe.kind][0], login.user)
        secret = login.secret
    return make_driver(
        transports,
        device,
        probe,
        credential,
        secret,
        profiles=profiles,
        timeout_s=timeout_s,
        retries=retries,
    )


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the test's own time limit ends a wait in vain."""
    async with asyncio.timeout(60.0):
        while not holds():  # noqa: ASYNC110 what is waited for is no event of ours
            await asyncio.sleep(0.002)
