"""Any number of routers in one process: every address of a block answers, all by one clock. Counterpart: `bench_fleet.py`.

A router has ports with six counters each, a processor and a memory: with 16 ports, 100 numbers a cycle. Its counters stand
where time has moved them, so that every rate is known. An answer is built once a second for each question, then only numbered.
One rule: which addresses are silent is said at the start, and they take what they are sent.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import select
import socket
import struct
import sys
import time
from bisect import bisect_right
from functools import cache, lru_cache

from engine.protocols import ber
from engine.protocols.snmp import Pdu, decode_message, encode_message

IN_BPS, OUT_BPS = 80_000_000, 24_000_000
SOCKET_BYTES = 8 << 20
_IF, _IFX, _HR = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1", "1.3.6.1.2.1.25"
_IP_PKTINFO = 8
_END = b"\x82\x00"
PORTS = int(os.environ.get("HELIOGRAPH_AGENT_PORTS", "16"))
_STARTED_S = time.monotonic()
_PACKET_INFO = struct.Struct("=I4s4s")


@lru_cache(maxsize=4)
def objects(second: int) -> dict[str, bytes]:
    """Return what a router has to say so many seconds after the start."""
    ticks = ber.encode_integer(100 * (second + 1_000), ber.TIME_TICKS)
    said = {
        "1.3.6.1.2.1.1.1.0": ber.encode_tlv(ber.OCTET_STRING, b"A router"),
        "1.3.6.1.2.1.1.2.0": ber.encode_oid("1.3.6.1.4.1.9.1.1"),
        "1.3.6.1.2.1.1.3.0": ticks,
        "1.3.6.1.2.1.1.5.0": ber.encode_tlv(ber.OCTET_STRING, b"router.example.net"),
        "1.3.6.1.2.1.2.1.0": ber.encode_integer(PORTS),
        f"{_HR}.1.1.0": ticks,
        f"{_HR}.2.3.1.1.1": ber.encode_integer(1),
        f"{_HR}.2.3.1.2.1": ber.encode_oid("1.3.6.1.2.1.25.2.1.2"),
        f"{_HR}.2.3.1.3.1": ber.encode_tlv(ber.OCTET_STRING, b"main memory"),
        f"{_HR}.2.3.1.4.1": ber.encode_integer(1024),
        f"{_HR}.2.3.1.5.1": ber.encode_integer(1_048_576),
        f"{_HR}.2.3.1.6.1": ber.encode_integer(262_144),
        f"{_HR}.3.3.1.2.1": ber.encode_integer(37),
        "1.3.6.1.2.1.31.1.5.0": ber.encode_integer(55, ber.TIME_TICKS),
    }
    for port in range(1, PORTS + 1):
        name = ber.encode_tlv(ber.OCTET_STRING, b"ether%d" % port)
        octets_in, octets_out = (10**12 * port + rate // 8 * second for rate in (IN_BPS, OUT_BPS))
        said |= {
            f"{_IF}.2.{port}": name,
            f"{_IF}.3.{port}": ber.encode_integer(6),
            f"{_IF}.6.{port}": ber.encode_tlv(ber.OCTET_STRING, b"\x02\0\0\0\0" + bytes([port])),
            f"{_IF}.7.{port}": ber.encode_integer(1),
            f"{_IF}.8.{port}": ber.encode_integer(1),
            f"{_IF}.14.{port}": ber.encode_integer(77, ber.COUNTER32),
            f"{_IF}.20.{port}": ber.encode_integer(2_147_000_123, ber.COUNTER32),
            f"{_IFX}.1.{port}": name,
            f"{_IFX}.6.{port}": ber.encode_integer(octets_in, ber.COUNTER64),
            f"{_IFX}.7.{port}": ber.encode_integer(10**9 + 9_000 * second, ber.COUNTER64),
            f"{_IFX}.10.{port}": ber.encode_integer(octets_out, ber.COUNTER64),
            f"{_IFX}.11.{port}": ber.encode_integer(10**9 + 4_000 * second, ber.COUNTER64),
            f"{_IFX}.15.{port}": ber.encode_integer(1000, ber.GAUGE32),
            f"{_IFX}.18.{port}": ber.encode_tlv(ber.OCTET_STRING, b""),
        }
    return said


@cache
def _order() -> list[tuple[tuple[int, ...], str]]:
    return sorted((_arcs(oid), oid) for oid in objects(0))


@cache
def _after(name: str) -> str:
    """Return the OID that follows a name, or the name itself at the end."""
    order = _order()
    place = bisect_right(order, (_arcs(name), "\U0010ffff"))
    return order[place][1] if place < len(order) else name


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))


@lru_cache(maxsize=16_384)
def _body(rest: bytes, pdu: int, second: int) -> bytes:
    """Return all of a response's PDU behind its request id; `rest` is what stood there in the request."""
    head = ber.encode_integer(1) + ber.encode_tlv(ber.OCTET_STRING, b"public")
    asked = ber.encode_tlv(pdu, ber.encode_integer(1) + rest)
    request = decode_message(ber.encode_tlv(ber.SEQUENCE, head + asked))
    here = objects(second)
    found: list[tuple[str, bytes]] = []
    names = [oid for oid, _ in request.varbinds]
    if pdu == Pdu.GET:
        found = [(oid, here.get(oid, b"\x80\x00")) for oid in names]
    else:
        for _ in range(request.error_index if pdu == Pdu.GET_BULK else 1):
            after = [_after(name) for name in names]
            found += [(new, here[new] if new != old else _END) for new, old in zip(after, names, strict=True)]
            names = after
    number = 0x7654_3210
    whole = encode_message(1, b"", Pdu.RESPONSE, number, found)
    return whole[whole.index(number.to_bytes(4, "big")) + 4 :]


@lru_cache(maxsize=4_096)
def _wrapped(body_bytes: int) -> tuple[bytes, bytes]:
    """Return what stands before the PDU's content of that length: the message's head with its community."""
    pdu = ber.encode_tlv(Pdu.RESPONSE, bytes(body_bytes))[:-body_bytes]
    head = ber.encode_integer(1) + ber.encode_tlv(ber.OCTET_STRING, b"public") + pdu
    message = ber.encode_tlv(ber.SEQUENCE, head + bytes(body_bytes))
    return message[: len(message) - body_bytes], b""


def answer(data: bytes, second: int) -> bytes:
    """Return the response to a request."""
    at = data.index(b"public") + 6
    pdu, form = data[at], data[at + 1]
    start = at + 2 + (form & 0x7F if form >= 0x80 else 0)
    stop = start + 2 + data[start + 1]
    body = _body(data[stop:], pdu, second)
    return _wrapped(stop - start + len(body))[0] + data[start:stop] + body


def main() -> None:
    """Answer for ever; the first line on stdout is the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--first", type=ipaddress.IPv4Address, required=True, help="the block's first address"
    )
    parser.add_argument(
        "--silent-every", type=int, default=0, help="0: none; 5: every fifth address is silent"
    )
    options = parser.parse_args()
    first = int(options.first)
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        listener.setsockopt(socket.SOL_SOCKET, option, SOCKET_BYTES)
    listener.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    listener.bind(("", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    listener.setblocking(False)
    while True:
        try:
            data, ancillary, _, peer = listener.recvmsg(4096, 64)
        except BlockingIOError:
            select.select([listener], [], [])
            continue
        here = _PACKET_INFO.unpack(ancillary[0][2])[2]
        if options.silent_every and (int.from_bytes(here, "big") - first) % options.silent_every == 0:
            continue
        reply = answer(data, int(time.monotonic() - _STARTED_S))
        info = _PACKET_INFO.pack(0, here, here)
        listener.sendmsg([reply], [(socket.IPPROTO_IP, _IP_PKTINFO, info)], 0, peer)


if __name__ == "__main__":
    main()
