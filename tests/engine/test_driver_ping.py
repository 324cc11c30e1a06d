"""Reachability by ICMP, by TCP where ICMP is not permitted, and the TCP probe."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from domain.errors import NoAnswer, Refused
from domain.inventory import Probe
from engine.drivers.ping import COMMON_PORTS, WINDOW_READINGS, Echoes, PingDriver, TcpPingDriver, Window
from engine.drivers.tcp import GREETING_EVERY_CYCLES
from engine.transport import Transports
from engine.transport.icmp_lines import PlainLine
from engine.transport.tcp import Stream
from tests.engine.echo_hosts import reply_to
from tests.engine.peers import Talk, device_at, driver_of, tcp_peer
from tests.engine.test_transport_icmp import EchoSocket, only_ipv4
from tests.ports import free_port


def forbidden(family: int, kind: int, protocol: int) -> socket.socket:
    raise PermissionError(1, "Operation not permitted")


def run(
    conversation: Callable[[Transports], Awaitable[None]],
    make_socket: Callable[..., socket.socket] = forbidden,
) -> None:
    async def main() -> None:
        transports = await Transports.open(make_icmp_socket=make_socket, make_icmp_line=PlainLine)
        await conversation(transports)
        await transports.close()

    asyncio.run(main())


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


def test_a_ping_is_an_echo_where_icmp_is_permitted() -> None:
    async def conversation(transports: Transports) -> None:
        device = device_at(("127.0.0.1", 0), "icmp")
        driver = driver_of(transports, device, None)
        assert isinstance(driver, PingDriver)
        answer = await driver.read()
        assert answer.rtt_us >= 0
        assert answer.reading.values == (("loss_pct", "", 0.0),)
        await driver.close()
        await driver.close()

    run(conversation, only_ipv4(EchoSocket(lambda request: [reply_to(request)])))


def test_loss_counts_the_echoes_that_were_sent_and_those_of_readings_that_failed() -> None:
    sent = 0
    lost = {1, 4, 5}  # the first echo of the second reading, and both of the fourth

    def respond(request: bytes) -> list[bytes]:
        nonlocal sent
        sent += 1
        return [] if sent - 1 in lost else [reply_to(request)]

    async def conversation(transports: Transports) -> None:
        device = device_at(("127.0.0.1", 0), "icmp")
        driver = driver_of(transports, device, timeout_s=1.0, retries=1)
        seen = []
        for fails in (False, False, False, True, False):
            if fails:
                with pytest.raises(NoAnswer):
                    await driver.read()
            else:
                seen.append({m: v for m, _, v in (await driver.read()).reading.values})
        assert [values["loss_pct"] for values in seen] == pytest.approx([0, 100 / 3, 25, 300 / 7])
        assert "jitter_ms" not in seen[0]
        assert all(values["jitter_ms"] >= 0 for values in seen[1:])
        await driver.close()

    run(conversation, only_ipv4(EchoSocket(respond)))


def test_jitter_is_the_mean_step_of_the_round_trip_and_old_readings_are_forgotten() -> None:
    window = Window()
    assert window.values() == (("loss_pct", "", 0.0),)
    for echoes in (Echoes(2, None), Echoes(1, 1_000), Echoes(1, 4_000), Echoes(1, 3_000)):
        window.add(echoes)
    assert window.values() == (("loss_pct", "", 40.0), ("jitter_ms", "", 2.0))
    for _ in range(WINDOW_READINGS):
        window.add(Echoes(1, 5_000))
    assert window.values() == (("loss_pct", "", 0.0), ("jitter_ms", "", 0.0))


def test_without_icmp_an_open_port_of_another_probe_is_a_sign_of_life() -> None:
    async def conversation(transports: Transports) -> None:
        async with tcp_peer(silent) as port:
            device = device_at(("127.0.0.1", 0), "icmp", Probe("routeros", port))
            driver = driver_of(transports, device, None)
            answer = await driver.read()
            assert answer.reading.facts == (("reached_by", f"tcp/{port}"),)
            assert (await driver.read()).reading.facts == ()

    run(conversation)


def test_without_icmp_a_refusal_is_a_sign_of_life_as_well() -> None:
    async def conversation(transports: Transports) -> None:
        port = free_port()
        device = device_at(("127.0.0.1", 0), "icmp", Probe("tcp", port))
        answer = await driver_of(transports, device, None).read()
        assert answer.reading.facts == (("reached_by", f"tcp/{port}"),)

    run(conversation)


def test_without_icmp_ports_that_do_not_answer_have_their_turns_until_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def conversation(transports: Transports) -> None:
        asked: list[int] = []

        async def connect(address: str, port: int, timeout_s: float) -> Stream:
            asked.append(port)
            raise Refused("closed") if port == 80 else NoAnswer("filtered")

        monkeypatch.setattr(transports.tcp, "connect", connect)
        driver = TcpPingDriver(transports.tcp, "10.0.0.1", (), timeout_s=0.1, retries=1)
        with pytest.raises(NoAnswer, match=r"no answer from 10\.0\.0\.1 to connections to port 22 and 8291"):
            await driver.read()
        assert (await driver.read()).reading.facts == (("reached_by", "tcp/80"),)
        asked.clear()
        await driver.read()
        assert asked == [80]
        assert set(driver._ports) == set(COMMON_PORTS)

    run(conversation)


def greet(words: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read(1)

    return talk


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", (("greeting", "SSH-2.0-OpenSSH_9.2p1 Debian"),)),
        (b"SSH-2.0-\x1b[2J<b>\xe2\x80\xae\n" + b"x" * 9999, (("greeting", "SSH-2.0-<b>"),)),
        (b"x" * 100_000, (("greeting", "x" * 255),)),
        (b"", ()),
        (b"\x00\x01\x02\n", ()),
    ],
    ids=["an sshd", "hostile", "endless", "silent", "binary"],
)
def test_a_port_that_takes_connections_is_up_whatever_it_says(words: bytes, facts: object) -> None:
    async def conversation(transports: Transports) -> None:
        async with tcp_peer(greet(words)) as port:
            device = device_at(("127.0.0.1", port), "tcp")
            answer = await driver_of(transports, device, None, timeout_s=3.0).read()
            assert answer.rtt_us > 0
            assert answer.reading.facts == facts

    run(conversation)


def test_a_greeting_is_listened_for_only_now_and_then() -> None:
    listened = 0

    async def conversation(transports: Transports) -> None:
        nonlocal listened
        async with tcp_peer(greet(b"hello\n")) as port:
            device = device_at(("127.0.0.1", port), "tcp")
            driver = driver_of(transports, device, None)
            for _ in range(GREETING_EVERY_CYCLES + 1):
                listened += bool((await driver.read()).reading.facts)

    run(conversation)
    assert listened == 2


def test_a_host_that_hangs_up_at_once_takes_connections_all_the_same() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def conversation(transports: Transports) -> None:
        async with tcp_peer(hang_up) as port:
            device = device_at(("127.0.0.1", port), "tcp")
            assert (await driver_of(transports, device, None).read()).reading.facts == ()

    run(conversation)


def test_a_closed_port_is_refused() -> None:
    async def conversation(transports: Transports) -> None:
        device = device_at(("127.0.0.1", free_port()), "tcp")
        with pytest.raises(Refused, match="nobody listens there"):
            await driver_of(transports, device, None).read()

    run(conversation)
