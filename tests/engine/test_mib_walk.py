"""A walk of a real net-snmp agent from the MIB browser: names, values in words, pages, what cannot be walked."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from domain.edit import Edit, creation
from domain.inventory import Credential, Device, Probe
from domain.mib import WalkDevice, WalkedValue
from domain.vault import Secret
from domain.wire import Reply, SubmitEdit
from tests.engine.client import WAIT_S, TestClient
from tests.engine.engine_process import EngineProcess
from tests.ports import free_port
from tests.unit.inventories import edit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="net-snmp's agent runs on Unix")


AUTH, PRIVACY = "authentication-1", "privacy-of-ops-1"


@pytest.fixture
def snmpd(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A real net-snmp agent; the two ports that it listens on."""
    program = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "snmpd is needed: apt-get install snmpd"
    ports, folder = (free_port(), free_port()), tmp_path / "snmpd"
    folder.mkdir()
    config = folder / "snmpd.conf"
    config.write_text(
        "rocommunity public 127.0.0.1\nsysLocation Attic\nsysContact anna\nsysName real\n"
        f"createUser ops SHA {AUTH} AES {PRIVACY}\nrouser ops priv\n"
    )
    where = [f"udp:127.0.0.1:{port}" for port in ports]
    command = [program, "-f", "-C", "-c", str(config), "-Lf", str(folder / "log"), "-I", "-smux", *where]
    process = subprocess.Popen(command, env={"SNMP_PERSISTENT_DIR": str(folder)})
    yield ports
    process.terminate()
    process.wait(60)


class Attic:
    """An engine that polls a real snmpd, and a client of it."""

    def __init__(self, client: TestClient, ports: tuple[int, int]) -> None:
        self.client = client
        self.server, self.silent, self.bare = (
            Device(uuid4(), n, "127.0.0.1") for n in ("server", "silent", "bare")
        )
        self.secure = Device(uuid4(), "secure", "127.0.0.1")
        community = Credential(uuid4(), "Community", "snmp_community")
        user = Credential(uuid4(), "User", "snmp_v3", "ops", auth="sha1", privacy="aes128")
        steps = [creation("credential", community), creation("credential", user)]
        asked = ((self.server, ports[0], community), (self.silent, free_port(), community))
        for device, at, login in (*asked, (self.secure, ports[1], user)):
            probes = (Probe("snmp", at, login.id),)
            steps.append(creation("device", msgspec.structs.replace(device, probes=probes, paused=True)))
        steps.append(
            creation("device", msgspec.structs.replace(self.bare, probes=(Probe("icmp"),), paused=True))
        )
        change: Edit = edit(*steps)
        passphrases = msgspec.json.encode({"auth": AUTH, "privacy": PRIVACY}).decode()
        secrets = {community.id: Secret("public"), user.id: Secret(passphrases)}
        assert not client.ask(lambda n: SubmitEdit(n, change, secrets)).refusals

    def page(self, oid: str, after: str = "", rows: int = 100, device: Device | None = None) -> Reply:
        id = (device or self.server).id
        return self.client.ask(lambda n: WalkDevice(n, id, oid, after, rows))

    def walk(self, oid: str, rows: int = 100, device: Device | None = None) -> list[WalkedValue]:
        values: list[WalkedValue] = []
        after = ""
        while True:
            reply = self.page(oid, after, rows, device)
            assert not reply.refusals, reply
            values += msgspec.convert(reply.result["values"], list[WalkedValue])
            after = reply.result["next"]
            if not after:
                return values


@pytest.fixture
def attic(tmp_path: Path, snmpd: tuple[int, int]) -> Iterator[Attic]:
    engine = EngineProcess(tmp_path / "profile")
    client = engine.client()
    made = Attic(client, snmpd)
    ends_s = time.monotonic() + WAIT_S
    while made.page("sysName.0").refusals:
        assert time.monotonic() < ends_s, "snmpd did not come up"
    yield made
    engine.stop()


def test_a_real_agent_is_walked_with_names_and_values_in_words(attic: Attic) -> None:
    system = {value.name: value for value in attic.walk("SNMPv2-MIB::system")}
    assert (system["sysName.0"].value, system["sysLocation.0"].value) == ("real", "Attic")
    assert system["sysObjectID.0"].value == "linux"  # UCD-SNMP-MIB comes along
    assert system["sysObjectID.0"].raw.startswith("1.3.6.1.4.1.8072.")
    assert ":" in system["sysUpTime.0"].value
    table = {value.name: value for value in attic.walk("ifTable", rows=7)}
    index = next(value.raw for value in table.values() if value.name.startswith("ifIndex."))
    assert table[f"ifDescr.{index}"].value == "lo"
    assert table[f"ifType.{index}"].value == "softwareLoopback"
    assert table[f"ifType.{index}"].raw == "24"
    assert table[f"ifOperStatus.{index}"].value == "up"
    assert table[f"ifDescr.{index}"].index == f"ifIndex {index}"
    memory = {value.name: value for value in attic.walk("UCD-SNMP-MIB::memory")}
    assert memory["memTotalReal.0"].units == "kB"


def test_a_walk_in_pages_is_what_snmpwalk_sees(attic: Attic, snmpd: tuple[int, int]) -> None:
    program = shutil.which("snmpwalk")
    assert program, "snmpwalk is needed: apt-get install snmp"
    command = [
        program,
        "-v2c",
        "-c",
        "public",
        "-On",
        "-Oq",
        "-m",
        "",
        f"127.0.0.1:{snmpd[0]}",
        ".1.3.6.1.2.1.2",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = [line.split(" ")[0].lstrip(".") for line in said.splitlines() if line.startswith(".")]
    assert [value.oid for value in attic.walk("1.3.6.1.2.1.2", rows=13)] == theirs
    assert [value.oid for value in attic.walk("1.3.6.1.2.1.2", rows=200)] == theirs


def test_one_value_the_whole_device_and_nothing_can_be_walked(attic: Attic) -> None:
    assert [(value.name, value.value) for value in attic.walk("sysName.0")] == [("sysName.0", "real")]
    first = msgspec.convert(attic.page("1", rows=5).result["values"], list[WalkedValue])
    assert [value.name for value in first][:2] == ["sysDescr.0", "sysObjectID.0"]
    assert len(first) == 5
    assert attic.walk("1.3.6.1.4.1.99999") == []
    many = attic.page("1.3.6.1", rows=10_000)
    assert len(many.result["values"]) <= 200


def test_a_device_that_does_not_answer_or_is_not_asked_over_snmp_says_so(attic: Attic) -> None:
    (refusal,) = attic.page("1.3.6.1", device=attic.silent).refusals
    assert refusal.code in ("DEVICE_NO_ANSWER", "DEVICE_REFUSED")
    assert refusal.subject == attic.silent.id
    (refusal,) = attic.page("1.3.6.1", device=attic.bare).refusals
    assert refusal.message == "bare is not asked over SNMP: give it a probe of that kind"


def test_a_device_that_is_asked_in_v3_is_walked_with_its_user(attic: Attic) -> None:
    plain = {value.oid: value.value for value in attic.walk("ifTable.1.2", rows=3)}
    assert plain
    assert {value.oid: value.value for value in attic.walk("ifTable.1.2", 3, attic.secure)} == plain
