"""Devices that break the rules: a clear DeviceError each, little memory, and nobody else waits."""

from __future__ import annotations

import asyncio
import time
import tracemalloc

import pytest

from domain.errors import BadCredentials, BadReply, DeviceError, NoAnswer, Refused, Unsupported
from domain.inventory import ProbeKind
from engine.drivers import Login
from engine.transport import Transports
from simnet.hostile import HOSTILE_IDENTITY, HostileRouter
from simnet.serving import SimulatedRouter
from tests.engine.peers import device_at, driver_of, tcp_peer, udp_peer
from tests.ports import free_port

MEMORY_CAP_BYTES = 32 * 1024 * 1024
"""Issue 2, "Bad input": what one device may cost at most."""

COMMUNITY, LOGIN = Login("", "public"), Login("monitor", "alpenglow")


def ask(
    router: SimulatedRouter | None,
    kind: ProbeKind,
    login: Login | None = None,
    address: tuple[str, int] | None = None,
    timeout_s: float = 0.2,
) -> DeviceError:
    """Return the error that a device ends in within four readings."""

    async def main() -> DeviceError:
        transports = await Transports.open()
        try:
            if router is None:
                assert address is not None
                return await _error_of(transports, address, kind, login, timeout_s)
            async with router:
                at = router.snmp_address if kind == "snmp" else router.api_address
                return await _error_of(transports, at, kind, login, timeout_s)
        finally:
            await transports.close()

    return asyncio.run(main())


async def _error_of(
    transports: Transports, address: tuple[str, int], kind: ProbeKind, login: Login | None, timeout_s: float
) -> DeviceError:
    device = device_at(address, kind)
    driver = driver_of(transports, device, login, timeout_s=timeout_s, retries=0)
    try:
        for _ in range(4):
            try:
                await driver.read()
            except DeviceError as error:
                return error
    finally:
        await driver.close()
    raise AssertionError("four readings and no error")


@pytest.mark.parametrize(
    ("trick", "kind", "words"),
    [
        ("silent", NoAnswer, "no answer from"),
        ("garbage", BadReply, ""),
        ("wrong_address", NoAnswer, "no answer from"),
        ("wrong_port", NoAnswer, "no answer from"),
        ("wrong_id", NoAnswer, "no answer from"),
        ("wrong_community", BadReply, "another community"),
        ("endless_walk", BadReply, "does not end"),
        ("cut_short", BadReply, ""),
        ("huge_length", BadReply, ""),
    ],
)
def test_an_agent_that_breaks_the_rules_is_named_as_what_it_is(
    trick: str, kind: type[DeviceError], words: str
) -> None:
    timeout_s = 5.0 if kind is BadReply else 0.2  # so long garbage is waited on for what is none
    error = ask(HostileRouter(snmp=trick), "snmp", COMMUNITY, timeout_s=timeout_s)  # type: ignore[arg-type]
    assert type(error) is kind
    assert words in str(error)
    assert "127." in str(error)
    assert len(str(error)) < 300


def test_a_walk_that_stands_still_ends_and_the_agent_is_read_without_it() -> None:
    async def main() -> None:
        transports = await Transports.open()
        async with HostileRouter(snmp="stuck_walk") as router:
            device = device_at(router.snmp_address, "snmp")
            answer = await driver_of(transports, device, COMMUNITY).read()
            assert ("identity", "Device") in answer.reading.facts
            assert not [field for field, _ in answer.reading.facts if field.startswith("interface/")]
        await transports.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("trick", "kind", "words"),
    [
        ("refused", Refused, "nobody listens there"),
        ("silent", NoAnswer, "(logging in)"),
        ("garbage", BadReply, ""),
        ("huge_word", BadReply, "a word of 262144000 bytes is announced"),
        ("endless_reply", BadReply, "sends more than it was asked for"),
        ("endless_sentence", BadReply, ""),
        ("drip", NoAnswer, ""),
        ("wrong_tag", NoAnswer, "answering 2 commands"),
        ("hangs_up", Refused, "closed the connection"),
    ],
)
def test_an_api_that_breaks_the_rules_is_named_as_what_it_is(
    trick: str, kind: type[DeviceError], words: str
) -> None:
    timeout_s = 20.0 if kind is BadReply else 2.0 if trick == "wrong_tag" else 0.5
    error = ask(HostileRouter(api=trick, pace_s=0.02), "routeros", LOGIN, timeout_s=timeout_s)  # type: ignore[arg-type]
    assert type(error) is kind, error
    assert words in str(error)
    assert "127." in str(error)


@pytest.mark.parametrize("trick", ["huge_word", "endless_reply", "endless_sentence"])
def test_no_flood_takes_more_memory_than_a_device_may_cost(trick: str) -> None:
    async def serve(address: asyncio.Future[tuple[str, int]], done: asyncio.Event) -> None:
        async with HostileRouter(api=trick) as router:  # type: ignore[arg-type]
            address.set_result(router.api_address)
            await done.wait()

    async def main() -> None:
        address: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
        done = asyncio.Event()
        serving = asyncio.ensure_future(serve(address, done))
        transports = await Transports.open()
        at = await address
        tracemalloc.start()
        try:
            error = await _error_of(transports, at, "routeros", LOGIN, 20.0)
            assert tracemalloc.get_traced_memory()[1] < MEMORY_CAP_BYTES
        finally:
            tracemalloc.stop()
            done.set()
        assert type(error) is BadReply
        await transports.close()
        await serving

    asyncio.run(main())


def test_a_wrong_community_is_silence_and_a_wrong_password_is_told() -> None:
    assert type(ask(SimulatedRouter(), "snmp", Login("", "wrong"))) is NoAnswer
    error = ask(SimulatedRouter(), "routeros", Login("monitor", "wrong"), timeout_s=20.0)
    assert type(error) is BadCredentials
    assert "refuses the login of 'monitor'" in str(error)
    assert "wrong" not in str(error)


def test_a_missing_login_is_told() -> None:
    for kind in ("snmp", "routeros"):
        error = ask(None, kind, None, ("127.0.0.1", 1))  # type: ignore[arg-type]
        assert type(error) is BadCredentials
        assert "is known here" in str(error)


def test_closed_ports_are_refused_by_name() -> None:
    udp, tcp = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
    for address, kind, login in ((udp, "snmp", COMMUNITY), (tcp, "routeros", LOGIN), (tcp, "tcp", None)):
        error = ask(None, kind, login, address)  # type: ignore[arg-type]
        assert type(error) is Refused
        assert f"127.0.0.1:{address[1]}" in str(error)


@pytest.mark.parametrize("kind", ["snmp", "routeros", "tcp", "icmp"])
def test_what_is_no_address_is_an_error_of_the_first_reading(kind: ProbeKind) -> None:
    error = ask(None, kind, LOGIN, ("router.example", 7))
    assert type(error) is Unsupported


@pytest.mark.parametrize("kind", ["snmp", "routeros"])
def test_a_hostile_identity_becomes_harmless_text(kind: ProbeKind) -> None:
    async def main() -> dict[str, object]:
        transports = await Transports.open()
        async with SimulatedRouter(identity=HOSTILE_IDENTITY) as router:
            device = device_at(router.snmp_address if kind == "snmp" else router.api_address, kind)
            login = COMMUNITY if kind == "snmp" else LOGIN
            driver = driver_of(transports, device, login)
            told = {**dict((await driver.read()).reading.facts), **dict((await driver.read()).reading.facts)}
            await driver.close()
        await transports.close()
        return told

    identity = asyncio.run(main())["identity"]
    assert isinstance(identity, str)
    assert identity.startswith("<img src=x onerror=alert(1)>")
    assert identity.isprintable()
    assert not set(identity) & set("\x1b\x07\u202e\u2066\u200f\x00\r\n")


def test_hostile_devices_delay_no_other_devices_poll() -> None:
    """While 24 devices are silent, garbled or drip, a good one is read again and again, each time at once."""

    async def main() -> list[float]:
        transports = await Transports.open()
        took_s: list[float] = []

        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.01)

        async with (
            SimulatedRouter() as good,
            udp_peer(lambda _: None) as silent,
            udp_peer(lambda _: b"\x30" * 5000) as garbled,
            tcp_peer(drip) as dripping,
        ):
            addresses = [
                (silent.address, "snmp"),
                (garbled.address, "snmp"),
                (("127.0.0.1", dripping), "routeros"),
            ]
            bad = [device_at(address, kind) for address, kind in addresses * 8]  # type: ignore[arg-type]
            drivers = [driver_of(transports, device, LOGIN, timeout_s=0.6) for device in bad]
            device = device_at(good.snmp_address, "snmp")
            driver = driver_of(transports, device, COMMUNITY)
            reading = [asyncio.ensure_future(bad_one.read()) for bad_one in drivers]
            while not all(future.done() for future in reading):
                begun_s = time.monotonic()
                await driver.read()
                took_s.append(time.monotonic() - begun_s)
                await asyncio.sleep(0.01)
            for future in reading:
                assert isinstance(future.exception(), DeviceError)
            for each in (driver, *drivers):
                await each.close()
        await transports.close()
        return took_s

    took_s = asyncio.run(main())
    assert len(took_s) > 3, "it does not wait for the others"
