"""The only sockets to devices. Counterpart: `drivers/` say what to ask, `protocols/` what the bytes mean.

One rule: every wait has an end and every queue a cap; what the network does comes out as a DeviceError or as silence.
"""

from __future__ import annotations

import socket

from engine.transport.dns import DnsTransport
from engine.transport.icmp import IcmpTransport, SocketFactory, system_line
from engine.transport.icmp_lines import LineFactory
from engine.transport.tcp import TcpTransport
from engine.transport.udp import UdpTransport


class Transports:
    """All sockets of one engine. `open` and `close` it in one running loop."""

    def __init__(self, udp: UdpTransport, icmp: IcmpTransport, tcp: TcpTransport, dns: DnsTransport) -> None:
        self.udp = udp
        self.dns = dns
        self.icmp = icmp
        self.tcp = tcp

    @classmethod
    async def open(
        cls, *, make_icmp_socket: SocketFactory = socket.socket, make_icmp_line: LineFactory = system_line
    ) -> Transports:
        """Open them; a missing right to ping becomes a notice."""
        tcp = TcpTransport()
        return cls(UdpTransport(), IcmpTransport(make_icmp_socket, make_icmp_line), tcp, DnsTransport(tcp))

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the user about what this computer does not permit, and what to do."""
        return (self.icmp.notice,) if self.icmp.notice else ()

    @property
    def dropped_datagrams(self) -> int:
        """Datagrams that were no awaited reply: late, twice, foreign, garbage, or part of a flood."""
        return self.udp.dropped_datagrams + self.icmp.dropped_datagrams + self.dns.dropped_datagrams

    @property
    def in_flight(self) -> int:
        """Questions and pings on their way."""
        return self.udp.in_flight + self.icmp.in_flight + self.dns.in_flight

    async def close(self) -> None:
        """Close all of them; what is in flight ends with NoAnswer."""
        await self.tcp.close()
        await self.dns.close()
        await self.icmp.close()
        await self.udp.close()
