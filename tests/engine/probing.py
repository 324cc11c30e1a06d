"""Asks one probe of a device on this computer; and what the worst device may cost."""

from __future__ import annotations

import asyncio
import ssl
import tracemalloc
from collections.abc import Callable
from uuid import UUID

import pytest

from domain.errors import DeviceError
from domain.inventory import Credential, Device, Probe
from engine.drivers import Answer, make_driver
from engine.transport import Transports
from tests.engine.peers import PROFILES, Talk, tcp_peer
from tests.engine.tls_peers import tls_peer

MEMORY_CAP_BYTES = 32 * 1024 * 1024
"""Issue 2, "Bad input": what one device may cost at most."""


async def read_probe(
    probe: Probe,
    credential: Credential | None = None,
    secret: str | None = None,
    *,
    timeout_s: float = 20.0,
    times: int = 1,
) -> Answer:
    """Return the last of several answers."""
    transports = await Transports.open()
    device = Device(UUID(int=7), "Device", "127.0.0.1", (probe,))
    driver = make_driver(
        transports, device, probe, credential, secret, profiles=PROFILES, timeout_s=timeout_s, retries=0
    )
    try:
        for _ in range(times):
            answer = await driver.read()
    finally:
        await driver.close()
        await transports.close()
    return answer


def ask(
    probe: Probe,
    credential: Credential | None = None,
    secret: str | None = None,
    *,
    timeout_s: float = 20.0,
    times: int = 1,
) -> Answer:
    """Ask a peer of another process."""
    return asyncio.run(read_probe(probe, credential, secret, timeout_s=timeout_s, times=times))


def error_of(
    probe: Probe,
    credential: Credential | None = None,
    secret: str | None = None,
    *,
    timeout_s: float = 20.0,
) -> DeviceError:
    """Return what asking a peer of another process ends in."""
    with pytest.raises(DeviceError) as raised:
        ask(probe, credential, secret, timeout_s=timeout_s)
    return _fit_to_show(raised.value)


def error_from(
    talk: Talk,
    make_probe: Callable[[int], Probe],
    credential: Credential | None = None,
    secret: str | None = None,
    *,
    context: ssl.SSLContext | None = None,
    timeout_s: float = 20.0,
) -> DeviceError:
    """Return what asking a server of this process ends in, whose port the probe is made with."""

    async def main() -> DeviceError:
        async with tls_peer(talk, context) if context else tcp_peer(talk) as port:
            with pytest.raises(DeviceError) as raised:
                await read_probe(make_probe(port), credential, secret, timeout_s=timeout_s)
        return _fit_to_show(raised.value)

    tracemalloc.start()
    try:
        error = asyncio.run(main())
        assert tracemalloc.get_traced_memory()[1] < MEMORY_CAP_BYTES
    finally:
        tracemalloc.stop()
    return error


def _fit_to_show(error: DeviceError) -> DeviceError:
    assert "127.0.0.1:" in str(error)
    assert len(str(error)) < 500
    assert str(error).isprintable()
    return error
