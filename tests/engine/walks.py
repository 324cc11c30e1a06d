"""Recorded walks as agents: what a driver reads of one. Counterpart: `recordings/`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from domain.observation import Reading
from engine.drivers import Login, Profiles
from engine.protocols import ber
from engine.transport import Transports
from tests.engine.agent import ScriptedAgent
from tests.engine.peers import PROFILES, device_at, driver_of, udp_peer

RECORDINGS = Path(__file__).parent / "recordings"
_NUMBERS = {
    "2": ber.INTEGER,
    "65": ber.COUNTER32,
    "66": ber.GAUGE32,
    "67": ber.TIME_TICKS,
    "70": ber.COUNTER64,
}


def objects_of(name: str) -> dict[str, bytes]:
    """The objects of a recording, as an agent answers them."""
    rows = [line.split("|", 2) for line in (RECORDINGS / f"{name}.snmprec").read_text().splitlines()]
    return {oid: _value(tag, said) for oid, tag, said in rows}


def _value(tag: str, said: str) -> bytes:
    if tag in _NUMBERS:
        return ber.encode_integer(int(said), _NUMBERS[tag])
    if tag == "6":
        return ber.encode_oid(said)
    if tag == "64":
        return ber.encode_tlv(ber.IP_ADDRESS, bytes(map(int, said.split("."))))
    return ber.encode_tlv(ber.OCTET_STRING, bytes.fromhex(said) if tag == "4x" else said.encode())


async def read_at(
    address: tuple[str, int], community: str = "public", cycles: int = 1, profiles: Profiles = PROFILES
) -> list[Reading]:
    """What a driver reads there in some cycles."""
    transports = await Transports.open()
    driver = driver_of(transports, device_at(address, "snmp"), Login("", community), profiles=profiles)
    readings = [(await driver.read()).reading for _ in range(cycles)]
    await driver.close()
    await transports.close()
    return readings


def read_objects(objects: dict[str, bytes], cycles: int = 1, profiles: Profiles = PROFILES) -> list[Reading]:
    """What a driver reads of an agent with these objects."""

    async def main() -> list[Reading]:
        async with udp_peer(ScriptedAgent(objects)) as peer:
            return await read_at(peer.address, cycles=cycles, profiles=profiles)

    return asyncio.run(main())
