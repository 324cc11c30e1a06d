"""RouterOS over REST: the same as over the API, and servers that are in the way. Python's own HTTP client is the foreign peer."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from domain.errors import BadCredentials, BadReply, DeviceError, Refused, Unsupported, Untrusted
from domain.inventory import Device, Probe
from domain.observation import Reading
from engine.drivers import Driver
from engine.drivers.driver import Login
from engine.drivers.routeros_rest import JSON_CAP_BYTES, RestSession, decode_rows, encode_question
from engine.drivers.routeros_session import Endpoint
from engine.transport import Transports
from engine.transport.tcp import TcpTransport
from simnet.certificate import own_identity
from simnet.serving import SimulatedRouter
from tests.engine.peers import device_at, driver_of
from tests.engine.scripted_router import LOGIN
from tests.engine.simnet_peers import Address, HandClock, run

POLICIES = ("read", "rest-api", "test")


@asynccontextmanager
async def asking(
    address: Address, *, rest: bool, login: Login = LOGIN, pin: str = ""
) -> AsyncIterator[Driver]:
    transports = await Transports.open()
    probe = Probe("routeros", address[1])
    if rest:
        probe = Probe("routeros", address[1], tls=True, target="rest", pin=pin or own_identity().fingerprint)
    device = device_at(address, "routeros")
    device = Device(device.id, device.name, address[0], (probe,))
    driver = driver_of(transports, device, login, timeout_s=30.0, retries=0)
    yield driver
    await driver.close()
    await transports.close()


async def told_in(driver: Driver, cycles: int) -> tuple[dict[str, Any], set[tuple[str, str, float]]]:
    readings: list[Reading] = [(await driver.read()).reading for _ in range(cycles)]
    rates = ("_bps", "_per_s")
    return (
        {field: value for reading in readings for field, value in reading.facts},
        {value for value in readings[-1].values if not value[0].endswith(rates)},
    )


@pytest.mark.parametrize(
    ("board", "version", "interface"),
    [
        ("RB5009UPr+S+", "7.18.2", "ether2"),
        ("hAP ax^2", "7.12", "wifi1"),
        ("CubeG-5ac60ay", "7.18.2", "wlan60-1"),
        ("LtAP-2HnD", "7.18.2", "wlan1"),
    ],
)
def test_a_router_tells_over_rest_what_it_tells_over_the_api(
    board: str, version: str, interface: str
) -> None:
    async def scene() -> None:
        policies = ("read", "api", "rest-api", "test")
        router = SimulatedRouter(
            board=board,
            version=version,
            interface=interface,
            has_api_ssl=True,
            policies=policies,
            clock=HandClock(),
        )
        async with router:
            async with asking(router.rest_address, rest=True) as driver:
                rest = await told_in(driver, 16)
                assert router[router.NAME].connections == 1
            async with asking(router.api_address, rest=False) as driver:
                api = await told_in(driver, 16)
        assert rest == api
        assert rest[0]["version"] == version
        assert len(rest[1]) > 15

    run(scene())


def test_python_reads_the_simulated_rest_as_a_routers() -> None:
    def ask(address: Address, secret: str) -> tuple[int, Any]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = http.client.HTTPSConnection(*address, context=context, timeout=60)
        said = b64encode(f"monitor:{secret}".encode()).decode()
        question = json.dumps({".proplist": ["name"], ".query": ["name=ether1", "name=ether2", "#|"]})
        client.request("POST", "/rest/interface/print", question, {"Authorization": f"Basic {said}"})
        answer = client.getresponse()
        found = answer.status, json.loads(answer.read())
        client.close()
        return found

    async def scene() -> None:
        async with SimulatedRouter(has_api_ssl=True, policies=POLICIES) as router:
            right = await asyncio.to_thread(ask, router.rest_address, "alpenglow")
            assert right == (200, [{"name": "ether1"}, {"name": "ether2"}])
            assert (await asyncio.to_thread(ask, router.rest_address, "wrong"))[0] == 401

    run(scene())


def test_a_wrong_password_and_a_user_who_may_not_are_bad_credentials() -> None:
    async def scene(policies: tuple[str, ...], login: Login) -> None:
        router = SimulatedRouter(has_api_ssl=True, policies=policies)
        async with router, asking(router.rest_address, rest=True, login=login) as driver:
            with pytest.raises(BadCredentials, match="monitor"):
                await driver.read()

    run(scene(POLICIES, Login("monitor", "wrong")))
    run(scene(("read", "api", "test"), LOGIN))


def test_rights_that_are_missing_are_told_with_rest_among_those_that_are_needed() -> None:
    async def scene() -> None:
        router = SimulatedRouter(
            board="LtAP-2HnD", interface="wlan1", has_api_ssl=True, policies=("read", "rest-api")
        )
        async with router, asking(router.rest_address, rest=True) as driver:
            facts, _ = await told_in(driver, 12)
            assert facts["missing_rights"] == ["test"]
            assert "read, rest-api, test" in facts["missing_rights_said"]

    run(scene())


def test_nothing_is_said_to_a_router_with_another_certificate() -> None:
    async def scene() -> None:
        router = SimulatedRouter(has_api_ssl=True, policies=POLICIES)
        async with router, asking(router.rest_address, rest=True, pin="ab" * 32) as driver:
            with pytest.raises(Untrusted) as caught:
                await driver.read()
            assert caught.value.seen == own_identity().fingerprint

    run(scene())


def test_there_is_no_rest_without_tls() -> None:
    async def scene() -> None:
        with pytest.raises(Unsupported, match="in clear"):
            await RestSession.open(TcpTransport(), Endpoint("127.0.0.1", 9, rest=True), LOGIN, 1.0)

    run(scene())


def test_words_become_a_question() -> None:
    words = (
        "/interface/print",
        "=.proplist=name,running",
        "?type=ether",
        "?>rx-byte=5",
        "?#|",
        "=count-only=",
    )
    target, body = encode_question(words)
    assert target == "/rest/interface/print"
    assert json.loads(body) == {
        ".proplist": ["name", "running"],
        ".query": ["type=ether", ">rx-byte=5", "#|"],
        "count-only": "",
    }
    assert encode_question(("/system/gps/monitor", "=once=")) == ("/rest/system/gps/monitor", b'{"once":""}')


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'[{"name":"a","running":"true"}]', [{"name": "a", "running": "true"}]),
        (b'{"ret":"12"}', [{"ret": "12"}]),
        (b"[]", []),
        (b"", []),
        (b'[{"a":true,"b":7,"c":1.5,"d":null}]', [{"a": "true", "b": "7", "c": "1.5", "d": ""}]),
        ('[{"comment":"Grünten"}]'.encode(), [{"comment": "Grünten"}]),
        (b'[{"comment":"caf\xe9\\u202e\\u0007"}]', [{"comment": "caf\xe9"}]),
    ],
)
def test_an_answer_becomes_rows(body: bytes, rows: list[dict[str, str]]) -> None:
    assert decode_rows(body) == rows


@pytest.mark.parametrize(
    "body", [b"<html>", b'"text"', b"7", b'[{"a":{"b":1}}]', b"[" * 100_000, b'[{"a":1}', b"[1]"]
)
def test_what_is_no_rows_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(BadReply, match="not rows"):
        decode_rows(body)


def test_more_records_than_any_menu_has_are_not_decoded() -> None:
    with pytest.raises(BadReply, match="records"):
        decode_rows(b"[" + b"{}," * 60_000 + b"{}]")


# ---- servers of a few lines


Answer = Callable[[int, bytes], bytes]


@asynccontextmanager
async def server(answer: Answer, endless: bytes = b"") -> AsyncIterator[tuple[Address, list[bytes]]]:
    """HTTPS that says what `answer` makes of the number and text of a question, then `endless` for ever; gives what it heard."""
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
                )
                body = await reader.readexactly(int(length.split(b":")[1]))
                heard.append(head + body)
                said = answer(len(heard) - 1, head + body)
                writer.write(said)
                while endless:
                    writer.write(endless)
                    await writer.drain()
                if b"connection: close" in said.lower():
                    break
        writer.close()

    opened = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=own_identity().context)
    try:
        yield opened.sockets[0].getsockname()[:2], heard
    finally:
        opened.close()


def says(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def rows_for(question: bytes) -> bytes:
    """What a plain router says."""
    if b"/rest/system/resource/" in question:
        return b'[{"uptime":"1d2h","version":"7.18.2 (stable)","cpu-load":"7"}]'
    if b"/rest/interface/print" in question:
        return b'[{".id":"*1","name":"ether1","type":"ether","running":"true","disabled":"false"}]'
    return b"[]"


def with_server(
    answer: Answer, test: Callable[[Driver, list[bytes]], Awaitable[None]], endless: bytes = b""
) -> None:
    async def scene() -> None:
        async with server(answer, endless) as (address, heard), asking(address, rest=True) as driver:
            await test(driver, heard)

    run(scene())


def test_a_router_that_closes_after_each_answer_is_asked_over_new_connections() -> None:
    async def test(driver: Driver, heard: list[bytes]) -> None:
        for _ in range(3):
            values = (await driver.read()).reading.values
            assert ("cpu_load_pct", "", 7.0) in values
        assert len(heard) > 6
        lists = [words for words in heard if b"/interface/print" in words]
        assert sum(b'".id"' in words for words in lists) == 1, (
            "the list is whole once, as on a kept connection"
        )

    with_server(lambda _, question: says(rows_for(question), "200 OK", "Connection: close"), test)


def test_a_menu_that_is_not_there_costs_no_reading_and_is_left_alone() -> None:
    refusal = b'{"error":400,"message":"Bad Request","detail":"no such command or directory (health)"}'

    def answer(_: int, question: bytes) -> bytes:
        if b"/rest/system/health/" in question:
            return says(refusal, "400 Bad Request")
        return says(rows_for(question))

    async def test(driver: Driver, heard: list[bytes]) -> None:
        for _ in range(12):
            await driver.read()
        assert sum(b"/rest/system/health/" in words for words in heard) == 1

    with_server(answer, test)


@pytest.mark.parametrize(
    ("answer", "endless", "kind", "said"),
    [
        (says(b"<h1>Not Found</h1>", "404 Not Found"), b"", Unsupported, "7.1"),
        (says(b"", "503 Service Unavailable"), b"", Unsupported, "503"),
        (says(b"{}", "401 Unauthorized"), b"", BadCredentials, "monitor"),
        (says(b'{"detail":"not enough permissions (9)"}', "400 No"), b"", BadCredentials, "rest-api"),
        (says(b"<html>hello</html>"), b"", BadReply, "not rows"),
        (b"SSH-2.0-ROSSSH\r\n\r\n", b"", BadReply, "HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\nConnection: close\r\n\r\n[", b"", BadReply, "HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\n \r\n" * 500,
            BadReply,
            "pieces|asked for",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", b" " * 60_000, BadReply, "asked for"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 500, BadReply, "HTTP"),
        (says(b"[" + b" " * JSON_CAP_BYTES + b"]"), b"", BadReply, "asked for"),
    ],
)
def test_a_server_that_is_in_the_way_is_told_of_and_cut_off(
    answer: bytes, endless: bytes, kind: type[DeviceError], said: str
) -> None:
    async def test(driver: Driver, heard: list[bytes]) -> None:
        with pytest.raises(kind, match=said) as caught:
            await driver.read()
        assert "127.0.0.1:" in str(caught.value)
        assert "alpenglow" not in str(caught.value)

    with_server(lambda _number, _question: answer, test, endless)


def test_a_kept_connection_that_broke_meanwhile_is_made_anew() -> None:
    async def test(driver: Driver, heard: list[bytes]) -> None:
        await driver.read()
        asked = len(heard)
        assert ("cpu_load_pct", "", 7.0) in (await driver.read()).reading.values
        assert len(heard) > asked

    def answer(number: int, question: bytes) -> bytes:
        """The fourth answer ends the connection, and the client is not told: the words are in a header that means nothing."""
        return says(rows_for(question), "200 OK", *(["X-Said: Connection: close"] if number == 3 else []))

    with_server(answer, test)


def test_a_server_that_closes_before_it_answers_refuses() -> None:
    async def scene() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.close()

        opened = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=own_identity().context)
        async with asking(opened.sockets[0].getsockname()[:2], rest=True) as driver:
            with pytest.raises(Refused, match="closed"):
                await driver.read()
        opened.close()

    run(scene())
