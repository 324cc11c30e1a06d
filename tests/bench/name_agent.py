"""Any number of name servers in one process, who write down who asked them when. Counterpart: `bench_lease.py`.

An engine asks all name servers from one socket, so that its port says who asks. The first line on stdout is the port; each
question becomes a record in a file: seconds of the monotonic clock (which is the machine's), number of the address, port of who
asked.
One rule: every address of the block answers, and nothing is decided here.
"""

from __future__ import annotations

import argparse
import ipaddress
import socket
import struct
import sys
import time
from pathlib import Path

RECORD = struct.Struct("=dIH")
_IP_PKTINFO = 8
_PACKET_INFO = struct.Struct("=I4s4s")
_ANSWER = b"\xc0\x0c" + struct.pack(">2HIH", 1, 1, 60, 4) + bytes((192, 0, 2, 1))
SOCKET_BYTES = 8 << 20


def main() -> None:
    """Answer for ever."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=ipaddress.IPv4Address, required=True)
    parser.add_argument("--asked", type=Path, required=True)
    options = parser.parse_args()
    first = int(options.first)
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
    listener.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    listener.bind(("", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    with options.asked.open("wb", buffering=0) as asked:
        while True:
            data, ancillary, _, peer = listener.recvmsg(1024, 64)
            here = _PACKET_INFO.unpack(ancillary[0][2])[2]
            number = int.from_bytes(here, "big") - first
            asked.write(RECORD.pack(time.monotonic(), number, peer[1]))
            reply = data[:2] + b"\x81\x80" + data[4:6] + b"\x00\x01" + data[8:] + _ANSWER
            info = _PACKET_INFO.pack(0, here, here)
            listener.sendmsg([reply], [(socket.IPPROTO_IP, _IP_PKTINFO, info)], 0, peer)


if __name__ == "__main__":
    main()
