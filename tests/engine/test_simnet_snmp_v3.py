"""net-snmp's tools, and then our own sessions, ask simulated routers as users of SNMPv3."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest

from domain.errors import BadCredentials
from engine.drivers.snmp_session import SnmpSession
from engine.protocols import usm as engine_usm
from engine.transport.udp import UdpTransport
from simnet.network import NetworkError
from simnet.serving import SimulatedRouter
from simnet.usm import SnmpUser
from tests.engine.simnet_peers import HandClock, run, snmp, snmp_values
from tests.protocol.v3_agent import Asking

SYS_NAME, SYS_UPTIME = "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.3.0"
TOOL = {
    "md5": "MD5",
    "sha1": "SHA",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "des": "DES",
    "aes128": "AES",
    "aes192": "AES-192",
    "aes256": "AES-256",
}
LEVELS = [("", ""), *product(list(TOOL)[:6], ["", "des", "aes128", "aes192", "aes256"])]
USERS = tuple(
    SnmpUser(f"u{auth}{privacy}", auth, auth and "maplesyrup", privacy, privacy and "ahornsirup")  # type: ignore[arg-type]
    for auth, privacy in LEVELS
)


def options_of(
    auth: str, privacy: str, password: str = "maplesyrup", privacy_password: str = "ahornsirup"
) -> str:
    level = "authPriv" if privacy else "authNoPriv" if auth else "noAuthNoPriv"
    said = f"-v3 -u u{auth}{privacy} -l {level}"
    said += f" -a {TOOL[auth]} -A {password}" if auth else ""
    return said + (f" -x {TOOL[privacy]} -X {privacy_password}" if privacy else "")


def test_snmpget_reads_a_router_in_every_protocol() -> None:
    async def scene() -> None:
        async with SimulatedRouter(identity="Grat", users=USERS) as router:
            for auth, privacy in LEVELS:
                values = await snmp_values(
                    "snmpget", router.snmp_address, SYS_NAME, options=options_of(auth, privacy)
                )
                assert values == ["Grat"], (auth, privacy)

    run(scene())


def test_snmpbulkwalk_comes_to_its_end_encrypted() -> None:
    async def scene() -> None:
        async with SimulatedRouter(users=USERS, clock=HandClock()) as router:
            options = options_of("sha256", "aes128")
            said = await snmp("snmpbulkwalk", router.snmp_address, "1.3.6.1.2.1", options=options)
            assert said == await snmp("snmpbulkwalk", router.snmp_address, "1.3.6.1.2.1")
            assert len(said.splitlines()) > 100

    run(scene())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (options_of("sha1", "aes128", password="not-maple"), "Authentication failure"),
        (options_of("sha1", "des", privacy_password="not-ahorn"), "Decryption error"),
        (options_of("sha1", "aes128", privacy_password="not-ahorn"), "Decryption error"),
        ("-v3 -u nobody -l noAuthNoPriv", "Unknown user name"),
        (
            options_of("sha1", "").replace("-l authNoPriv", "-l authPriv -x AES -X ahornsirup"),
            "security level",
        ),
        ("-v3 -u usha1 -l noAuthNoPriv", "Timeout"),
        (options_of("sha1", "") + " -n vrf-red", "Timeout"),
    ],
)
def test_a_wrong_user_is_told_to_snmpget_in_its_own_words(options: str, words: str) -> None:
    async def scene() -> None:
        async with SimulatedRouter(users=USERS) as router:
            timeout_s = 2 if words == "Timeout" else 30
            said = await snmp("snmpget", router.snmp_address, SYS_NAME, options=options, timeout_s=timeout_s)
            assert words in said

    run(scene())


def test_a_network_without_users_is_silent_in_v3() -> None:
    async def scene() -> None:
        async with SimulatedRouter() as router:
            options = options_of("sha1", "")
            said = await snmp("snmpget", router.snmp_address, SYS_NAME, options=options, timeout_s=0.5)
            assert "Timeout" in said

    run(scene())


def test_our_session_follows_a_simulated_router_through_a_boot_and_hours_of_its_clock() -> None:
    async def scene() -> None:
        clock = HandClock()
        async with SimulatedRouter(identity="Grat", users=USERS, clock=clock) as router:
            udp = UdpTransport()
            user = engine_usm.SnmpUser("usha512aes256", "sha512", "maplesyrup", "aes256", "ahornsirup")
            session = SnmpSession(udp, router.snmp_address, user, timeout_s=15.0, retries=1)
            session.limit(60)
            ticks = []
            for step in ("begin", "an hour later", "boot"):
                if step == "an hour later":
                    clock.now_s += 3600
                elif step == "boot":
                    router.command(["kill", "Device"])
                    router.command(["revive", "Device"])
                    clock.now_s += 60
                got = (await session.get([(SYS_NAME, SYS_UPTIME)]))[0].values
                assert got[SYS_NAME] == b"Grat"
                ticks.append(got[SYS_UPTIME])
            assert ticks[1] - ticks[0] == 360_000
            assert ticks[2] < 6_100
            assert (await session.walk(["1.3.6.1.2.1.2.2.1.2"]))["1.3.6.1.2.1.2.2.1.2"]["2"] == b"ether2"
            session.close()
            stranger = engine_usm.SnmpUser("usha1des", "sha1", "not maple", "des", "ahornsirup")
            session = SnmpSession(udp, router.snmp_address, stranger, timeout_s=15.0, retries=1)
            with pytest.raises(BadCredentials, match="authentication password"):
                await session.get([(SYS_NAME,)])
            await udp.close()

    run(scene())


@pytest.mark.parametrize(
    "user",
    [
        SnmpUser("half", "sha1"),
        SnmpUser("half", "sha1", "maplesyrup", "des"),
        SnmpUser("half", "", "", "des", "ahornsirup"),
        SnmpUser(""),
    ],
)
def test_a_network_with_half_a_user_is_refused(user: SnmpUser) -> None:
    with pytest.raises(NetworkError, match="user"):
        SimulatedRouter(users=(user,))


def test_no_datagram_of_v3_breaks_the_simulator() -> None:
    async def main() -> None:
        async with SimulatedRouter(users=USERS) as router:
            agent = router[router.NAME]._datagrams._agent  # type: ignore[union-attr]
            hello = Asking().sent
            assert agent.answer(hello, 0.0)
            for size in range(len(hello)):
                agent.answer(hello[:size], 0.0)
                for octet in (0, 1, 0x30, 0x7F, 0x80, 0x84, 0xFF):
                    agent.answer(hello[:size] + bytes((octet,)) + hello[size + 1 :], 0.0)

    asyncio.run(main())
