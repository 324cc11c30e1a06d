"""The RouterOS API over TLS: pins, strangers, routers without a certificate; librouteros is the foreign peer of the server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

import pytest

from domain.errors import DeviceError, Refused, Unsupported, Untrusted
from domain.inventory import Device, Probe
from engine.drivers.driver import Answer
from engine.transport import Transports
from simnet.certificate import own_identity
from simnet.serving import SimulatedRouter
from tests.engine.peers import device_at, driver_of
from tests.engine.scripted_router import LOGIN
from tests.engine.simnet_peers import api, rows, run


def over_tls(port: int, address: str, pin: str) -> Device:
    device = device_at((address, port), "routeros")
    return Device(device.id, device.name, address, (Probe("routeros", port, tls=True, pin=pin),))


async def ask(address: tuple[str, int], pin: str, readings: int = 1) -> Answer:
    transports = await Transports.open()
    driver = driver_of(transports, over_tls(address[1], address[0], pin), LOGIN, timeout_s=30.0, retries=0)
    try:
        for _ in range(readings - 1):
            await driver.read()
        return await driver.read()
    finally:
        await driver.close()
        await transports.close()


def test_a_pinned_router_is_read_over_tls_on_a_kept_connection() -> None:
    async def scene() -> None:
        async with SimulatedRouter(has_api_ssl=True) as router:
            answer = await ask(router.api_ssl_address, own_identity().fingerprint, readings=3)
            assert ("if_oper_up", "ether1") in {value[:2] for value in answer.reading.values}
            assert answer.rtt_us > 0

    run(scene())


@pytest.mark.parametrize("pin", ["", "ab" * 32])
def test_a_certificate_that_is_not_trusted_is_refused_with_its_fingerprint(pin: str) -> None:
    async def scene() -> None:
        async with SimulatedRouter(has_api_ssl=True) as router:
            with pytest.raises(Untrusted) as caught:
                await ask(router.api_ssl_address, pin)
            assert caught.value.seen == own_identity().fingerprint
            assert caught.value.seen in str(caught.value)
            assert pin in str(caught.value)

    run(scene())


def anonymous_server() -> ssl.SSLContext:
    """What RouterOS without a certificate offers: anonymous key exchange, which we never take."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
    return context


@pytest.mark.parametrize(("says_why", "kind"), [(True, Unsupported), (False, Refused)])
def test_a_router_without_a_certificate_is_told_what_to_do(says_why: bool, kind: type[DeviceError]) -> None:
    def shake(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with contextlib.suppress(OSError), connection:
            if says_why:
                anonymous_server().wrap_socket(connection, server_side=True)
            else:
                connection.recv(4096)

    async def scene() -> str:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            shaking = asyncio.ensure_future(asyncio.to_thread(shake, listener))
            with pytest.raises(kind) as caught:
                await ask(("127.0.0.1", listener.getsockname()[1]), "")
            await shaking
        return str(caught.value)

    said = run(scene())
    assert "/ip service set api-ssl certificate=" in said
    assert "anonymous" in said


def test_librouteros_takes_the_simulated_api_ssl_for_a_devices() -> None:
    async def scene() -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        async with SimulatedRouter(has_api_ssl=True) as router:
            client = await api(router.api_ssl_address, ssl_wrapper=context)
            assert await rows(client, "/system/identity/print") == [{"name": "Device"}]
            assert len(await rows(client, "/interface/print")) == 3

    run(scene())
