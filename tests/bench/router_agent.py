"""A router with one port and one processor that costs next to nothing. Counterpart: `bench_pipeline.py`.

Each GET is built thoroughly once, in as many variants as there are, and from then on only its request id is set. While it is
asked it does not sleep: on loopback the sender pays for waking the receiver (20 us here), which no network would charge it.
One rule: whoever asks is charged for asking, and for nothing of ours.
"""

from __future__ import annotations

import select
import socket
import sys
from functools import cache

from engine.protocols import ber
from engine.protocols.snmp import Pdu, decode_message, encode_message

VARIANTS = 64
SOCKET_BYTES = 4 << 20
IDLE_LOOKS = 20_000
"""Looks in vain, some 20 ms of them, before it sleeps until somebody asks."""

_IF, _IFX, _HR = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1", "1.3.6.1.2.1.25"
_END = b"\x82\x00"


def objects(variant: int) -> dict[str, bytes]:
    """Return what the router has to say, in the order of its MIB; octets and load differ by variant, errors and uptime stand."""
    return {
        "1.3.6.1.2.1.1.1.0": ber.encode_tlv(ber.OCTET_STRING, b"A router"),
        "1.3.6.1.2.1.1.2.0": ber.encode_oid("1.3.6.1.4.1.9.1.1"),
        "1.3.6.1.2.1.1.3.0": ber.encode_integer(123_456_789, ber.TIME_TICKS),
        "1.3.6.1.2.1.1.5.0": ber.encode_tlv(ber.OCTET_STRING, b"router.example.net"),
        "1.3.6.1.2.1.2.1.0": ber.encode_integer(1),
        f"{_IF}.2.1": ber.encode_tlv(ber.OCTET_STRING, b"ether1"),
        f"{_IF}.3.1": ber.encode_integer(6),
        f"{_IF}.8.1": ber.encode_integer(1),
        f"{_IF}.14.1": ber.encode_integer(77, ber.COUNTER32),
        f"{_IF}.20.1": ber.encode_integer(2_147_000_123, ber.COUNTER32),
        f"{_HR}.1.1.0": ber.encode_integer(123_456_789, ber.TIME_TICKS),
        f"{_HR}.3.3.1.2.1": ber.encode_integer(variant),
        f"{_IFX}.1.1": ber.encode_tlv(ber.OCTET_STRING, b"ether1"),
        f"{_IFX}.6.1": ber.encode_integer(35_184_372_088_839 + 7_654_321 * variant, ber.COUNTER64),
        f"{_IFX}.10.1": ber.encode_integer(9_223_372_036_854 + 1_234_567 * variant, ber.COUNTER64),
        f"{_IFX}.15.1": ber.encode_integer(1000, ber.GAUGE32),
        "1.3.6.1.2.1.31.1.5.0": ber.encode_integer(55, ber.TIME_TICKS),
    }


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))


@cache
def _body(rest: bytes, pdu: int, variant: int) -> bytes:
    """Return all of a response's PDU behind its request id; `rest` is what stood there in the request."""
    request = decode_message(encode_wrapped(ber.encode_integer(1) + rest, pdu))
    here = objects(variant)
    order = sorted(here, key=_arcs)
    found: list[tuple[str, bytes]] = []
    if pdu == Pdu.GET:
        found = [(oid, here.get(oid, b"\x80\x00")) for oid, _ in request.varbinds]
    else:
        names = [oid for oid, _ in request.varbinds]
        for _ in range(request.error_index if pdu == Pdu.GET_BULK else 1):
            after = [next((o for o in order if _arcs(o) > _arcs(name)), name) for name in names]
            found += [
                (oid, here[oid] if oid != name else _END) for oid, name in zip(after, names, strict=True)
            ]
            names = after
    number = 0x7654_3210
    whole = encode_message(1, b"", Pdu.RESPONSE, number, found)
    return whole[whole.index(number.to_bytes(4, "big")) + 4 :]


def encode_wrapped(body: bytes, pdu: int) -> bytes:
    """Return a message of the community "public" around the body of a PDU."""
    head = ber.encode_integer(1) + ber.encode_tlv(ber.OCTET_STRING, b"public")
    return ber.encode_tlv(ber.SEQUENCE, head + ber.encode_tlv(pdu, body))


def main() -> None:
    """Answer for ever; the first line on stdout is the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        listener.setsockopt(socket.SOL_SOCKET, option, SOCKET_BYTES)
    listener.bind(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    listener.setblocking(False)
    turn = idle = 0
    while True:
        try:
            data, peer = listener.recvfrom(4096)
        except BlockingIOError:
            idle += 1
            if idle > IDLE_LOOKS:
                select.select([listener], [], [])
            continue
        idle = 0
        at = data.index(b"public") + 6
        pdu, form = data[at], data[at + 1]
        start = at + 2 + (form & 0x7F if form >= 0x80 else 0)
        stop = start + 2 + data[start + 1]
        turn = (turn + 1) % VARIANTS
        listener.sendto(encode_wrapped(data[start:stop] + _body(data[stop:], pdu, turn), Pdu.RESPONSE), peer)


if __name__ == "__main__":
    main()
