"""The DNS probe against a real resolver (dnsmasq), and against name servers that break the rules."""

from __future__ import annotations

import asyncio
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator

import pytest

from domain.errors import BadReply, DeviceError, NoAnswer, Refused, Unsupported
from domain.inventory import Probe
from engine.transport import Transports
from tests.engine.peers import Reply, Talk, device_at, driver_of, udp_peer
from tests.engine.probing import ask, error_of
from tests.ports import free_port

MANY = 60
"""Addresses of one name: more than fit into 512 bytes, so that the answer comes by TCP."""

SETTINGS = [
    "--keep-in-foreground",
    "--conf-file=/dev/null",
    "--no-resolv",
    "--no-hosts",
    "--bind-interfaces",
    "--listen-address=127.0.0.1",
    "--pid-file=",
    "--log-facility=-",
    "--local=/example/",
    "--host-record=tower.example,192.0.2.7,2001:db8::7",
    "--mx-host=tower.example,mail.tower.example,10",
    "--txt-record=tower.example,v=spf1 -all",
    "--srv-host=_sip._udp.tower.example,sip.tower.example,5060,1,2",
    "--cname=www.tower.example,tower.example",
    *(f"--host-record=many.example,192.0.2.{n + 100}" for n in range(MANY)),
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A dnsmasq that knows a few names and asks nobody."""
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "dnsmasq is missing: apt install dnsmasq-base"
    port, process = next(filter(None, (_started(program) for _ in range(5))), (0, None))
    assert process, "dnsmasq did not start on any of five ports"
    with process:
        try:
            yield port
        finally:
            process.terminate()


def _started(program: str) -> tuple[int, subprocess.Popen[str]] | None:
    """Start dnsmasq on a free port; None where somebody else took that port's TCP or UDP first."""
    port = free_port()
    process = subprocess.Popen([program, *SETTINGS, f"--port={port}"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "started" in line:
            return port, process
    process.wait()
    process.stderr.close()
    return None


@pytest.mark.parametrize(
    ("target", "expect", "says"),
    [
        ("tower.example A", "192.0.2.7", "192.0.2.7"),
        ("Tower.Example. AAAA", "2001:DB8::7", "2001:db8::7"),
        ("www.tower.example A", "192.0.2.7", "192.0.2.7"),
        ("www.tower.example CNAME", "tower.example", "tower.example."),
        ("tower.example MX", "mail.tower.example", "10 mail.tower.example."),
        ("tower.example TXT", "spf1", "v=spf1 -all"),
        ("_sip._udp.tower.example SRV", "", "1 2 5060 sip.tower.example."),
        ("7.2.0.192.in-addr.arpa PTR", "tower.example", "tower.example."),
    ],
)
def test_the_resolver_answers_and_is_told(port: int, target: str, expect: str, says: str) -> None:
    answer = ask(Probe("dns", port, target=target, expect=expect))
    assert answer.reading.facts == (("service/dns", {"says": says}),)
    ((metric, instance, took_ms),) = answer.reading.values
    assert (metric, instance) == ("answer_ms", "dns")
    assert 0 < answer.rtt_us <= took_ms * 1e3


def test_an_answer_that_was_cut_is_asked_for_by_tcp(port: int) -> None:
    for n in (0, MANY - 1):
        answer = ask(Probe("dns", port, target="many.example A", expect=f"192.0.2.{n + 100}"))
    ((_, told),) = answer.reading.facts
    assert len(told["says"]) <= 256


@pytest.mark.parametrize(
    ("target", "expect", "kind", "words"),
    [
        ("gone.example A", "", Unsupported, "gone.example does not exist (NXDOMAIN)"),
        ("tower.example NS", "", Unsupported, "tower.example has no NS record"),
        ("elsewhere.test A", "", Unsupported, "elsewhere.test is nothing it tells us (REFUSED)"),
        ("tower.example A", "192.0.2.70", BadReply, "tower.example A without '192.0.2.70': got 192.0.2.7"),
        ("a..b A", "", Unsupported, "no name that can be asked for"),
    ],
)
def test_what_is_no_answer_says_why(
    port: int, target: str, expect: str, kind: type[DeviceError], words: str
) -> None:
    error = error_of(Probe("dns", port, target=target, expect=expect))
    assert type(error) is kind
    assert words in str(error)


def test_a_port_where_nobody_listens_is_refused() -> None:
    assert type(error_of(Probe("dns", free_port(), target="tower.example A"))) is Refused


def reply(question: bytes, *, number: int | None = None, flags: int = 0x8180, rest: bytes = b"") -> bytes:
    """A reply without records."""
    if number is None:
        number = int.from_bytes(question[:2], "big")
    return struct.pack(">6H", number, flags, 1, 0, 0, 0) + question[12:] + rest


def error_from(answer: Callable[[bytes], Reply], talk: Talk | None = None) -> DeviceError:
    """What asking a scripted name server ends in, which may serve TCP as well."""

    async def main() -> DeviceError:
        transports = await Transports.open()
        try:
            async with udp_peer(answer) as peer:
                probe = Probe("dns", peer.address[1], target="tower.example A")
                device = device_at(peer.address, "dns")
                device = type(device)(device.id, device.name, device.address, (probe,))
                driver = driver_of(transports, device, timeout_s=0.6, retries=1)
                server = await _serve(talk, peer.address) if talk else None
                with pytest.raises(DeviceError) as raised:
                    await driver.read()
                if server is not None:
                    server.close()
                return raised.value
        finally:
            await transports.close()

    error = asyncio.run(main())
    assert "127.0.0.1:" in str(error)
    return error


async def _serve(talk: Talk, address: tuple[str, int]) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)
        writer.close()

    return await asyncio.start_server(serve, *address)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (lambda question: None, NoAnswer, "no answer from"),
        (
            lambda question: reply(question, number=int.from_bytes(question[:2], "big") ^ 1),
            NoAnswer,
            "no answer",
        ),
        (lambda question: question, BadReply, "that are no DNS reply"),
        (lambda question: b"\xff" * 5, BadReply, "5 bytes that are no DNS reply"),
        (lambda question: reply(question, rest=bytes(5000)), BadReply, "that are no DNS reply"),
        (lambda question: reply(question, flags=0x8182), BadReply, "could not be looked up (SERVFAIL)"),
        (lambda question: reply(question.replace(b"tower", b"power")), BadReply, "another question"),
        (lambda question: reply(question)[:20], BadReply, "not as it should"),
    ],
)
def test_a_name_server_that_breaks_the_rules_is_named_as_what_it_is(
    answer: Callable[[bytes], Reply], kind: type[DeviceError], words: str
) -> None:
    error = error_from(answer)
    assert type(error) is kind, error
    assert words in str(error)


def test_a_reply_from_another_address_is_dropped() -> None:
    async def main() -> None:
        transports = await Transports.open()
        async with udp_peer(lambda _: None) as asked, udp_peer(lambda _: None, "127.0.0.2") as other:

            def from_elsewhere(question: bytes) -> None:
                assert other.transport is not None
                port = transports.dns._sockets[2].getsockname()[1]
                other.transport.sendto(reply(question), ("127.0.0.1", port))

            asked.answer = from_elsewhere
            device = device_at(asked.address, "dns")
            probe = Probe("dns", asked.address[1], target="tower.example A")
            device = type(device)(device.id, device.name, device.address, (probe,))
            with pytest.raises(NoAnswer):
                await driver_of(transports, device, timeout_s=0.2, retries=0).read()
            assert transports.dns.dropped_datagrams == 1
        await transports.close()

    asyncio.run(main())


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\xff\xff")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(500):
        writer.write(b"\x01")
        await asyncio.sleep(0.02)


async def mumble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\x0c" + b"\xee" * 12)


@pytest.mark.parametrize(
    ("talk", "kind", "words"),
    [
        (flood, BadReply, "sends more than it was asked for"),
        (drip, NoAnswer, "(asking by TCP)"),
        (mumble, BadReply, "answers by TCP to something else"),
        (None, Refused, "nobody listens there"),
    ],
)
def test_the_same_holds_by_tcp(talk: Talk | None, kind: type[DeviceError], words: str) -> None:
    error = error_from(lambda question: reply(question, flags=0x8380), talk)
    assert type(error) is kind, error
    assert words in str(error)
