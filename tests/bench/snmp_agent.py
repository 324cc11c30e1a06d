"""An SNMP agent that costs next to nothing: replies made beforehand. Counterpart: `bench_poll.py`, whose client is measured.

One rule: it answers any GET by any client with ten OIDs, values of every common kind, and counters that never stand still.
"""

from __future__ import annotations

import socket
import sys

from engine.protocols import ber
from engine.protocols.snmp import Pdu, Version, encode_message

COMMUNITY = b"public"
VARIANTS = 64
SOCKET_BYTES = 4 << 20

OIDS = (
    "1.3.6.1.2.1.1.3.0",
    "1.3.6.1.2.1.1.5.0",
    "1.3.6.1.2.1.2.2.1.8.1",
    "1.3.6.1.2.1.31.1.1.1.6.1",
    "1.3.6.1.2.1.31.1.1.1.10.1",
    "1.3.6.1.2.1.2.2.1.14.1",
    "1.3.6.1.2.1.2.2.1.20.1",
    "1.3.6.1.2.1.31.1.1.1.15.1",
    "1.3.6.1.2.1.25.3.3.1.2.1",
    "1.3.6.1.4.1.14988.1.1.3.10.0",
)


def reply(request_id: int, variant: int) -> bytes:
    """Return the answer to a GET of OIDS; ids of one length in bytes give replies that differ in the id alone."""
    values = (
        ber.encode_integer(123_456_789 + 997 * variant, ber.TIME_TICKS),
        ber.encode_tlv(ber.OCTET_STRING, b"router-%02d.example.net" % variant),
        ber.encode_integer(1),
        ber.encode_integer(35_184_372_088_839 + 7_654_321 * variant, ber.COUNTER64),
        ber.encode_integer(9_223_372_036_854 + 1_234_567 * variant, ber.COUNTER64),
        ber.encode_integer(77 + variant, ber.COUNTER32),
        ber.encode_integer(2_147_000_000 + 99_991 * variant, ber.COUNTER32),
        ber.encode_integer(1000, ber.GAUGE32),
        ber.encode_integer(variant),
        ber.encode_integer(200 + variant, ber.GAUGE32),
    )
    return encode_message(
        Version.V2C, COMMUNITY, Pdu.RESPONSE, request_id, list(zip(OIDS, values, strict=True))
    )


def halves(size: int) -> list[tuple[bytes, bytes]]:
    """Return, for request ids of `size` bytes, what comes before and after the id in each variant."""
    # ids of that size whose bytes all differ, so that comparing finds where they stand
    low, high = b"\x01" + b"\x00" * (size - 1), b"\x7f" * size
    found = []
    for variant in range(VARIANTS):
        one, other = (reply(int.from_bytes(octets, "big"), variant) for octets in (low, high))
        at = next(at for at in range(len(one)) if one[at] != other[at])
        found.append((one[:at], one[at + size :]))
    return found


def main() -> None:
    """Answer for ever; the first line on stdout is the port."""
    by_size = {size: halves(size) for size in range(1, 5)}
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        listener.setsockopt(socket.SOL_SOCKET, option, SOCKET_BYTES)
    listener.bind(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    turn = 0
    while True:
        request, peer = listener.recvfrom(4096)
        pdu = request.index(COMMUNITY) + len(COMMUNITY)
        form = request[pdu + 1]
        at = pdu + 2 + (form & 0x7F if form >= 0x80 else 0)
        size = request[at + 1]
        head, tail = by_size[size][turn]
        turn = (turn + 1) % VARIANTS
        listener.sendto(head + request[at + 2 : at + 2 + size] + tail, peer)


if __name__ == "__main__":
    main()
