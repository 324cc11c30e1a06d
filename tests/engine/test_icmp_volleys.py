"""Volleys alone: what the kernel lost, where there are none, how an address is written. Counterpart: `test_icmp_lines.py`."""

from __future__ import annotations

import ctypes
import errno
import socket
import sys

import pytest

from engine.transport import icmp_volleys
from engine.transport.icmp import system_line
from engine.transport.icmp_flights import FLIGHT_SIZE
from engine.transport.icmp_lines import Arrived, PlainLine
from engine.transport.icmp_volleys import VolleyLine
from tests.engine.echo_hosts import TOKEN, line_socket, summed


def test_what_a_full_buffer_of_the_system_cost_is_counted() -> None:
    with line_socket() as sock, line_socket() as host:
        line = VolleyLine(sock, TOKEN, FLIGHT_SIZE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert line.overflowed == 0
        found: list[Arrived] = []
        line._deliver = found.extend
        message = summed(bytes(8) + TOKEN + bytes(24))
        for _ in range(100):
            host.sendto(message, sock.getsockname())
        line.receive()
        assert 0 < len(found) < 100
        assert len(found) + line.overflowed == 100
    assert line.overflowed == 0


@pytest.mark.parametrize("failing", ["sendmmsg", "recvmmsg"])
def test_a_sandbox_without_volleys_has_its_messages_one_by_one(
    monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    calls = list(icmp_volleys._system_calls())

    def refuse(*_: object) -> int:
        ctypes.set_errno(errno.EPERM)
        return -1

    calls[("sendmmsg", "recvmmsg").index(failing)] = refuse
    with line_socket() as sock:
        assert isinstance(system_line(sock, TOKEN, FLIGHT_SIZE), VolleyLine)
        monkeypatch.setattr(icmp_volleys, "_system_calls", lambda: calls)
        with pytest.raises(OSError, match="not permitted"):
            VolleyLine(sock, TOKEN, FLIGHT_SIZE)
        assert isinstance(system_line(sock, TOKEN, FLIGHT_SIZE), PlainLine)


@pytest.mark.parametrize(("platform", "order"), [("win32", "little"), ("darwin", "little"), ("linux", "big")])
def test_other_systems_have_no_volleys(monkeypatch: pytest.MonkeyPatch, platform: str, order: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "byteorder", order)
    with line_socket() as sock:
        assert isinstance(system_line(sock, TOKEN, FLIGHT_SIZE), PlainLine)


def test_a_version_6_address_keeps_its_scope() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        line = VolleyLine(sock, TOKEN, FLIGHT_SIZE)
        near, far = (line.name(("fe80::1%3", 0, 0, scope)) for scope in (3, 4))
        assert near != far
        assert len(near) == 28
        assert near[8:24] == socket.inet_pton(socket.AF_INET6, "fe80::1")
