"""What other people's programs send: net-snmp's snmptrap and snmpinform, util-linux' logger, pysnmp."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from pysnmp.hlapi.v3arch import asyncio as pysnmp

from domain.edit import creation
from domain.inventory import Credential
from domain.receiving import ReceiverSettings
from domain.vault import Secret
from domain.wire import Changed, QueryQuarantine, SetReceivers, SubmitEdit
from engine.protocols.usm import SnmpUser
from tests.engine.client import TestClient
from tests.engine.engine_process import EngineProcess
from tests.engine.peers import until
from tests.engine.reception import HILL, Reception, state_of
from tests.ports import free_port
from tests.unit.inventories import edit

WAIT_S = 30.0
SYS_NAME = "1.3.6.1.2.1.1.5.0"
LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
USERS = [
    SnmpUser("anna", "sha1", "maplesyrup", "aes128", "ahornsirup"),
    SnmpUser("berta", "md5", "birkensaft"),
    SnmpUser("cleo"),
    SnmpUser("dora", "sha512", "dornenhecke", "aes256", "distelfink"),
    SnmpUser("emil", "sha1", "erlenbruch", "aes256", "espenlaub9"),
    SnmpUser("fritz", "sha256", "fichtenharz", "des", "farnkraut1"),
]


async def shell(*command: str, folder: Path | None = None) -> tuple[int, str]:
    """Run a program to its end; return its exit code and what it said."""
    environment = {"PATH": "/usr/bin:/bin", "MIBS": "", "HOME": str(folder or "/nonexistent")}
    if folder is not None:
        environment["SNMP_PERSISTENT_DIR"] = str(folder)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, said.decode()


def receive(
    conversation: Callable[[Reception], Awaitable[None]],
    settings: ReceiverSettings,
    users: list[SnmpUser] | None = None,
) -> Reception:
    """Listen on 127.0.0.1 as one known device while a conversation runs."""

    async def main() -> Reception:
        reception = Reception(state_of(HILL), users or [])
        await reception.receivers.apply(settings)
        assert reception.receivers.notices == ()
        try:
            await conversation(reception)
        finally:
            await reception.receivers.close()
        return reception

    return asyncio.run(main())


def traps_settings() -> ReceiverSettings:
    return ReceiverSettings(traps_port=free_port(), address="127.0.0.1")


def v3_arguments(user: SnmpUser) -> list[str]:
    """The options that net-snmp's tools take for a user."""
    auth = {"md5": "MD5", "sha1": "SHA", "sha256": "SHA-256", "sha512": "SHA-512", "": ""}[user.auth]
    privacy = {"des": "DES", "aes128": "AES", "aes256": "AES-256", "": ""}[user.privacy]
    arguments = ["-v3", "-u", user.name, "-l", user.level]
    arguments += ["-a", auth, "-A", user.auth_passphrase] if auth else []
    return arguments + (["-x", privacy, "-X", user.privacy_passphrase] if privacy else [])


def test_a_v1_trap_of_snmptrap_is_a_row_in_the_form_of_v2(tmp_path: Path) -> None:
    settings = traps_settings()
    where = f"127.0.0.1:{settings.traps_port}"

    async def conversation(reception: Reception) -> None:
        link = ["1.3.6.1.6.3.1.1.5", "10.9.8.7", "2", "0", "4242", "1.3.6.1.2.1.2.2.1.1.3", "i", "3"]
        own = ["1.3.6.1.4.1.14988", "10.9.8.7", "6", "17", "1", SYS_NAME, "s", "mast seven"]
        for varbinds in (link, own):
            code, said = await shell("snmptrap", "-v1", "-c", "geheim", where, *varbinds, folder=tmp_path)
            assert code == 0, said
        await until(lambda: len(reception.rows) == 2)

    reception = receive(conversation, settings)
    assert reception.said() == [("trap", "linkDown: port 3"), ("trap", "1.3.6.1.4.1.14988.0.17: mast seven")]
    first, second = (row.body for row in reception.rows)
    assert first == {
        "severity": "warning",
        "text": "linkDown: port 3",
        "name": "linkDown",
        "oid": LINK_DOWN,
        "version": "v1",
        "varbinds": [["1.3.6.1.2.1.2.2.1.1.3", "3"]],
        "agent": "10.9.8.7",
        "address": "127.0.0.1",
    }
    assert second["varbinds"] == [[SYS_NAME, "mast seven"]]
    assert {row.subject for row in reception.rows} == {HILL.id}
    assert reception.probed == [HILL.id]
    assert "geheim" not in repr(reception.rows)


def test_a_v2c_trap_and_an_inform_are_rows_and_the_inform_is_answered(tmp_path: Path) -> None:
    settings = traps_settings()
    where = f"127.0.0.1:{settings.traps_port}"

    async def conversation(reception: Reception) -> None:
        for program in ("snmptrap", "snmpinform"):
            code, said = await shell(
                *(program, "-v2c", "-c", "geheim", where, "4242", LINK_DOWN),
                *("1.3.6.1.2.1.31.1.1.1.1.3", "s", "ether3", "1.3.6.1.2.1.2.2.1.1.3", "i", "3"),
                folder=tmp_path,
            )
            assert code == 0, said
        await until(lambda: len(reception.rows) == 2)

    reception = receive(conversation, settings)
    assert reception.said() == [("trap", "linkDown: ether3")] * 2
    assert [row.body.get("confirmed", False) for row in reception.rows] == [False, True]
    assert "geheim" not in repr(reception.rows)


@pytest.mark.parametrize("user", USERS, ids=lambda user: f"{user.auth or 'no'}-{user.privacy or 'no'}")
def test_v3_traps_and_informs_of_net_snmp_are_opened_and_answered(user: SnmpUser, tmp_path: Path) -> None:
    settings = traps_settings()
    where = f"127.0.0.1:{settings.traps_port}"

    async def conversation(reception: Reception) -> None:
        for program, engine in (("snmptrap", ["-e", "0x8000000001020304"]), ("snmpinform", [])):
            code, said = await shell(
                *(program, *v3_arguments(user), *engine, where, "4242", "1.3.6.1.6.3.1.1.5.5"),
                folder=tmp_path,
            )
            assert code == 0, said
        await until(lambda: len(reception.rows) == 2)

    reception = receive(conversation, settings, USERS)
    assert reception.said() == [("trap", "authenticationFailure")] * 2
    assert [row.body.get("confirmed", False) for row in reception.rows] == [False, True]
    assert {row.body["user"] for row in reception.rows} == {user.name}
    assert reception.receivers.quarantined(10) == []


def test_v3_messages_with_wrong_passwords_unknown_users_or_too_little_security_are_held_apart(
    tmp_path: Path,
) -> None:
    settings = traps_settings()
    where = f"127.0.0.1:{settings.traps_port}"
    wrong = SnmpUser("anna", "sha1", "not the one", "aes128", "ahornsirup")
    unreadable = SnmpUser("anna", "sha1", "maplesyrup", "aes128", "not this one")
    weak, stranger = SnmpUser("anna"), SnmpUser("zoe", "sha1", "maplesyrup")

    async def conversation(reception: Reception) -> None:
        whys: list[str] = []
        for user in (wrong, unreadable, weak, stranger):
            command = ["snmptrap", *v3_arguments(user), "-e", "0x8000000001020304", where, "1", LINK_DOWN]
            code, said = await shell(*command, folder=tmp_path)
            assert code == 0, said
            await until(lambda: bool(reception.receivers.quarantined(9)))
            whys.append(reception.receivers.quarantined(9)[0].why)
            inform = ["snmpinform", "-r", "0", "-t", "2", *v3_arguments(user), where, "1", LINK_DOWN]
            code, said = await shell(*inform, folder=tmp_path)
            assert code == 1, said
            reception.receivers.forget("127.0.0.1")
        assert [why.rpartition("'")[2] for why in whys] == [
            " signs with another password or protocol than is known here",
            " encrypts cannot be read: another privacy password or protocol",
            " sends with another level of security than authPriv",
            " is not known here",
        ]

    reception = receive(conversation, settings, USERS)
    assert reception.rows == []


def test_pysnmp_is_heard_with_every_version() -> None:
    settings = traps_settings()

    async def conversation(reception: Reception) -> None:
        target = await pysnmp.UdpTransportTarget.create(
            ("127.0.0.1", settings.traps_port), timeout=30, retries=0
        )
        who = {
            "v1": pysnmp.CommunityData("public", mpModel=0),
            "v2c": pysnmp.CommunityData("public", mpModel=1),
            "v3": pysnmp.UsmUserData(
                "anna",
                "maplesyrup",
                "ahornsirup",
                authProtocol=pysnmp.USM_AUTH_HMAC96_SHA,
                privProtocol=pysnmp.USM_PRIV_CFB128_AES,
            ),
        }
        for version, login in who.items():
            engine = pysnmp.SnmpEngine()
            for kind in ("trap", "inform") if version != "v1" else ("trap",):
                notification = pysnmp.NotificationType(pysnmp.ObjectIdentity(LINK_DOWN)).add_varbinds(
                    ("1.3.6.1.2.1.2.2.1.1.3", pysnmp.Integer32(3))
                )
                error, *_ = await pysnmp.send_notification(
                    engine, login, target, pysnmp.ContextData(), kind, notification
                )
                assert error is None, (version, kind, error)
            engine.close_dispatcher()
        await until(lambda: len(reception.rows) == 5)

    reception = receive(conversation, settings, USERS)
    assert [row.body["version"] for row in reception.rows] == ["v1", "v2c", "v2c", "v3", "v3"]
    assert {row.body["text"] for row in reception.rows} == {"linkDown: port 3"}


def test_of_two_credentials_of_one_name_with_other_ciphers_each_senders_is_found(tmp_path: Path) -> None:
    settings = traps_settings()
    where = f"127.0.0.1:{settings.traps_port}"
    both = [SnmpUser("anna", "sha1", "maplesyrup", "des", "schlehdorn"), USERS[0]]

    async def conversation(reception: Reception) -> None:
        for user in both:
            for program, engine in (("snmptrap", ["-e", "0x8000000001020304"]), ("snmpinform", [])):
                command = [program, *v3_arguments(user), *engine, where, "4242", "1.3.6.1.6.3.1.1.5.5"]
                code, said = await shell(*command, folder=tmp_path)
                assert code == 0, said
        await until(lambda: len(reception.rows) == 4)

    reception = receive(conversation, settings, both)
    assert reception.said() == [("trap", "authenticationFailure")] * 4


def test_users_of_the_inventory_open_v3_traps_and_a_new_password_counts_at_once(tmp_path: Path) -> None:
    port = free_port()
    anna = Credential(UUID(int=50), "Anna", "snmp_v3", "anna", "sha1", "aes128")

    def secret(auth: str) -> dict[UUID, Secret]:
        return {anna.id: Secret(json.dumps({"auth": auth, "privacy": "ahornsirup"}))}

    def send(auth: str, trap: str) -> None:
        user = SnmpUser("anna", "sha1", auth, "aes128", "ahornsirup")
        to = ["-e", "0x8000000001020304", f"127.0.0.1:{port}", "1", trap]
        code, said = asyncio.run(shell("snmptrap", *v3_arguments(user), *to, folder=tmp_path))
        assert code == 0, said

    def traps(client: TestClient) -> list[str]:
        changes = [message for message in client.heard if isinstance(message, Changed)]
        return [row.body["name"] for change in changes for row in change.journal if row.kind == "trap"]

    with EngineProcess(tmp_path / "profile") as engine, engine.client() as client:
        added = edit(creation("credential", anna), creation("device", HILL), number=1)
        assert client.ask(lambda n: SubmitEdit(n, added, secret("maplesyrup"))).refusals == ()
        settings = ReceiverSettings(traps_port=port, address="127.0.0.1")
        assert client.ask(lambda n: SetReceivers(n, settings)).refusals == ()
        send("maplesyrup", LINK_DOWN)
        client.wait_for(lambda: traps(client) == ["linkDown"] or None)
        renewed = edit(number=2)
        assert client.ask(lambda n: SubmitEdit(n, renewed, secret("birkensaft"))).refusals == ()
        send("maplesyrup", "1.3.6.1.6.3.1.1.5.2")
        send("birkensaft", "1.3.6.1.6.3.1.1.5.1")
        client.wait_for(lambda: traps(client) == ["linkDown", "coldStart"] or None)
        (held,) = client.ask(QueryQuarantine).result["senders"]
        assert (held["address"], held["device"]) == ("127.0.0.1", str(HILL.id))
        assert "signs with another password" in held["why"]
        assert engine.stop() == 0
    for word in ("maplesyrup", "birkensaft", "ahornsirup"):
        assert word not in engine.text


@pytest.mark.parametrize("form", ["--rfc3164", "--rfc5424"])
@pytest.mark.parametrize("way", [["-d"], ["-T"], ["-T", "--octet-count"]], ids=["udp", "lines", "counted"])
def test_logger_is_heard_over_udp_and_tcp_in_both_forms(form: str, way: list[str]) -> None:
    port = free_port()
    udp, tcp = (None, port) if "-T" in way else (port, None)
    settings = ReceiverSettings(syslog_udp_port=udp, syslog_tcp_port=tcp, address="127.0.0.1")
    texts = ["the mast sways", "Föhn from the south, 95 km/h"]

    async def conversation(reception: Reception) -> None:
        for text in texts:
            code, said = await shell(
                *("logger", "-n", "127.0.0.1", "-P", str(port), *way, form, "-p", "local3.warning"),
                *("-t", "wind[7]" if form == "--rfc3164" else "wind", text),
            )
            assert code == 0, said
        await until(lambda: len(reception.rows) == 2)

    reception = receive(conversation, settings)
    assert reception.said() == [("syslog", text) for text in texts]
    for row in reception.rows:
        assert (row.subject, row.body["severity"], row.body["facility"]) == (HILL.id, "warning", "local3")
        assert (row.body["app"], row.body["host"]) == ("wind", socket.gethostname().partition(".")[0])
