"""Sessions of SNMPv3 with foreign agents: net-snmp in every protocol, pysnmp with Cisco's keys; wrong passwords and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

from domain.errors import BadCredentials, DeviceError, NoAnswer
from engine.drivers.snmp_session import Got, SnmpSession, Table
from engine.protocols.usm import SnmpUser
from engine.transport.udp import UdpTransport
from tests.protocol.agents import Asker, running_snmpd, running_snmpsim
from tests.protocol.v3_agent import SYS_NAME

IF_DESCR = "1.3.6.1.2.1.2.2.1.2"
NET_SNMP = {
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
AUTHS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
LEVELS = [("", ""), *product(AUTHS, ("", "des", "aes128", "aes192", "aes256"))]


def user_of(auth: str, privacy: str, /, **other: str) -> SnmpUser:
    """The user that snmpd has for a pair of protocols; `other` is said wrongly."""
    said = {
        "name": f"u{auth}{privacy}",
        "auth": auth,
        "auth_passphrase": f"maple {auth}",
        "privacy": privacy,
        "privacy_passphrase": f"ahorn {privacy}",
    }
    return SnmpUser(**(said | other))  # type: ignore[arg-type]


def configured() -> str:
    """The users, as snmpd's configuration has them."""
    lines = []
    for auth, privacy in LEVELS:
        level = "priv" if privacy else "auth" if auth else "noauth"
        words = [f"createUser u{auth}{privacy}"]
        words += [f'{NET_SNMP[auth]} "maple {auth}"'] if auth else []
        words += [f'{NET_SNMP[privacy]} "ahorn {privacy}"'] if privacy else []
        lines += [" ".join(words), f"rouser u{auth}{privacy} {level}"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    with running_snmpd(tmp_path_factory.mktemp("snmpd"), configured()) as asker:
        yield asker


Talk = Callable[[SnmpSession], Awaitable[object]]


def talk_to(port: int, who: SnmpUser, talk: Talk, *, timeout_s: float = 15.0, retries: int = 1) -> object:
    """Hold a session with an agent of this machine."""

    async def main() -> object:
        udp = UdpTransport()
        session = SnmpSession(udp, ("127.0.0.1", port), who, timeout_s=timeout_s, retries=retries)
        session.limit(60)
        try:
            return await talk(session)
        finally:
            session.close()
            await udp.close()

    return asyncio.run(main())


async def look(session: SnmpSession) -> tuple[list[Got], Table]:
    """Two GETs at once, then a column."""
    return await session.get([(SYS_NAME,), ("1.3.6.1.2.1.1.6.0", "1.3.6.1.2.1.99.0")]), await session.walk(
        [IF_DESCR]
    )


async def get_name(session: SnmpSession) -> object:
    return (await session.get([(SYS_NAME,)]))[0].values[SYS_NAME]


def error_of(port: int, who: SnmpUser, timeout_s: float = 5.0, retries: int = 1) -> DeviceError:
    with pytest.raises(DeviceError) as raised:
        talk_to(port, who, get_name, timeout_s=timeout_s, retries=retries)
    assert str(raised.value).startswith(f"127.0.0.1:{port}")
    assert "maple" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(("auth", "privacy"), LEVELS)
def test_snmpd_is_read_in_every_protocol(snmpd: Asker, auth: str, privacy: str) -> None:
    got, table = talk_to(snmpd.port, user_of(auth, privacy), look)  # type: ignore[misc]
    assert got[0].values == {SYS_NAME: b"heliograph-peer"}
    assert got[1].values["1.3.6.1.2.1.1.6.0"] == b"Mast 7, north slope"
    assert b"lo" in table[IF_DESCR].values()


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (user_of("sha1", "aes128", name="nobody"), "knows no SNMPv3 user 'nobody'"),
        (user_of("", "", name="nobody"), "knows no SNMPv3 user 'nobody'"),
        (
            user_of("sha1", "aes128", auth_passphrase="not maple"),
            "authentication password of user 'usha1aes128'",
        ),
        (user_of("sha1", "aes128", auth="sha256"), "expects another protocol than sha256"),
        (user_of("sha512", "", auth="md5"), "expects another protocol than md5"),
        (user_of("md5", "", privacy="aes128"), "does not offer authPriv"),
        (user_of("md5", "des", privacy=""), "does not permit this user"),
        (user_of("md5", "des", privacy="aes128"), "the protocol is not aes128"),
    ],
)
def test_snmpd_says_at_once_what_of_a_user_is_wrong(snmpd: Asker, who: SnmpUser, words: str) -> None:
    error = error_of(snmpd.port, who, timeout_s=30.0)
    assert type(error) is BadCredentials
    assert words in str(error)


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (user_of("sha1", "aes256", privacy_passphrase="not ahorn"), "wrong privacy password, or not aes256?"),
        (
            user_of("sha256", "aes128", privacy_passphrase="not ahorn"),
            "wrong privacy password, or not aes128?",
        ),
        (user_of("sha1", "aes128", context="vrf-red"), "or no context 'vrf-red'?"),
        (user_of("sha1", "", context="vrf-red"), "no context 'vrf-red'?"),
    ],
)
def test_what_snmpd_passes_over_in_silence_is_told_by_the_step_it_fell_silent_at(
    snmpd: Asker, who: SnmpUser, words: str
) -> None:
    error = error_of(snmpd.port, who, timeout_s=1.0, retries=1)
    for _ in range(5):  # the machine may have been too slow for the greeting
        if type(error) is NoAnswer:
            error = error_of(snmpd.port, who, timeout_s=2.0, retries=1)
    assert type(error) is BadCredentials
    assert words in str(error)
    assert "accepts user" in str(error)


def test_a_session_outlives_a_restart_of_its_agent(tmp_path: Path) -> None:
    user = user_of("sha256", "aes128")

    async def across(session: SnmpSession, port: int) -> None:
        with pytest.raises(DeviceError):
            await get_name(session)
        with running_snmpd(tmp_path, configured(), port):
            assert await get_name(session) == b"heliograph-peer"
        with pytest.raises(DeviceError) as gone:
            await get_name(session)
        assert not isinstance(gone.value, BadCredentials)
        with running_snmpd(tmp_path, configured(), port):
            assert await get_name(session) == b"heliograph-peer"

    with running_snmpd(tmp_path, configured()) as asker:
        port = asker.port
        assert talk_to(port, user, get_name) == b"heliograph-peer"
    talk_to(port, user, lambda session: across(session, port), timeout_s=2.0)


RECORDS = f"1.3.6.1.2.1.1.1.0|4|simulated\n{SYS_NAME}|4|mast\n{IF_DESCR}.1|4|lo\n"
PYSNMP_USERS = {
    ("md5", "des"): ("MD5", "DES"),
    ("sha1", "aes256"): ("SHA", "AES256"),  # as Cisco makes its keys
    ("md5", "aes192"): ("MD5", "AES192"),
    ("sha224", "aes256"): ("SHA224", "AES256BLMT"),
    ("sha512", "aes256"): ("SHA512", "AES256"),
    ("sha384", ""): ("SHA384", "NONE"),
}


@pytest.fixture(scope="module")
def snmpsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    more = []
    for (auth, privacy), (their_auth, their_privacy) in PYSNMP_USERS.items():
        more += [
            f"--v3-user=u{auth}{privacy}",
            f"--v3-auth-proto={their_auth}",
            f"--v3-auth-key=maple {auth}",
        ]
        if privacy:
            more += [f"--v3-priv-proto={their_privacy}", f"--v3-priv-key=ahorn {privacy}"]
    with running_snmpsim(tmp_path_factory.mktemp("snmpsim"), RECORDS, *more) as asker:
        yield asker


@pytest.mark.parametrize(("auth", "privacy"), PYSNMP_USERS)
def test_pysnmp_is_read_too_with_either_way_to_lengthen_a_key(
    snmpsim: Asker, auth: str, privacy: str
) -> None:
    who = user_of(auth, privacy, context="public")
    assert talk_to(snmpsim.port, who, get_name, timeout_s=15.0) == b"mast"
