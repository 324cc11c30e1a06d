"""Foreign SNMP agents as processes on loopback, and a plain blocking way to ask them. Counterpart: the foreign-peer tests."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.protocols import snmp
from engine.protocols.snmp import Message, Version
from tests.ports import free_port

COMMUNITY = b"public"
START_S = 90.0
"""How long an agent may take to give its first answer, at the least."""

_BETWEEN_TRIES_S = 0.1


class Asker:
    """One connected UDP socket and a request id that counts."""

    def __init__(self, port: int, timeout_s: float = 30.0) -> None:
        self.port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(timeout_s)
        self._id = snmp.MIN_REQUEST_ID

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def ask(self, request: bytes) -> bytes:
        """Send a request, return the raw answer."""
        self._socket.send(request)
        return self._socket.recv(65_535)

    def get(self, *oids: str, version: int = Version.V2C) -> Message:
        """GET, read, and check that the answer is to the question."""
        return self._checked(self.ask(snmp.encode_get(self._next_id(), COMMUNITY, oids, version)))

    def getnext(self, *oids: str, version: int = Version.V2C) -> Message:
        """GETNEXT likewise."""
        return self._checked(self.ask(snmp.encode_getnext(self._next_id(), COMMUNITY, oids, version)))

    def getbulk(self, *oids: str, max_repetitions: int, non_repeaters: int = 0) -> Message:
        """GETBULK likewise."""
        request = snmp.encode_getbulk(self._next_id(), COMMUNITY, oids, max_repetitions, non_repeaters)
        return self._checked(self.ask(request))

    def _next_id(self) -> int:
        self._id += 1
        return self._id

    def _checked(self, answer: bytes) -> Message:
        message = snmp.decode_message(answer)
        assert (message.pdu, message.request_id, message.community) == (
            snmp.Pdu.RESPONSE,
            self._id,
            COMMUNITY,
        )
        return message


@contextmanager
def _agent(command: list[str], port: int, folder: Path, environment: dict[str, str]) -> Iterator[Asker]:
    log = folder / "agent.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env={**os.environ, **environment}
        )
    try:
        is_there = False
        for _ in range(int(START_S / _BETWEEN_TRIES_S)):
            is_there = _answers(port)
            if is_there or _ended(process):
                break
        assert is_there, f"{command[0]} did not start:\n{log.read_text('utf-8', 'replace')}"
        asker = Asker(port)
        try:
            yield asker
        finally:
            asker.close()
    finally:
        process.terminate()
        process.wait(60)


def _answers(port: int) -> bool:
    asker = Asker(port, timeout_s=_BETWEEN_TRIES_S)
    try:
        asker.get("1.3.6.1.2.1.1.3.0")
    except OSError:
        return False
    finally:
        asker.close()
    return True


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the process to end, but no longer than until the next try."""
    try:
        process.wait(_BETWEEN_TRIES_S)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextmanager
def running_snmpd(folder: Path, more: str = "", port: int = 0) -> Iterator[Asker]:
    """Run net-snmp's agent with its own configuration, of which `more` is a part, and its own state."""
    program = shutil.which("snmpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert program is not None, "net-snmp's snmpd is missing: install the Debian package snmpd"
    port = port or free_port()
    configuration = folder / "snmpd.conf"
    configuration.write_text(
        f"agentaddress udp:127.0.0.1:{port}\n"
        "rocommunity public 127.0.0.1\n"
        "sysName heliograph-peer\n"
        "sysLocation Mast 7, north slope\n"
        "dontLogTCPWrappersConnects yes\n"
        f"{more}"
    )
    command = [program, "-f", "-Lo", "-C", "-c", str(configuration)]
    with _agent(command, port, folder, {"SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""}) as asker:
        yield asker


@contextmanager
def running_snmpsim(folder: Path, records: str, *more: str) -> Iterator[Asker]:
    """Run snmpsim on what it calls a recording: lines of `OID|type|value` in the order of the OIDs."""
    program = Path(sys.executable).with_name("snmpsim-command-responder")
    port = free_port()
    data = folder / "data"
    data.mkdir()
    (data / "public.snmprec").write_text(records)
    command = [
        str(program),
        f"--data-dir={data}",
        f"--cache-dir={folder / 'cache'}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
    ]
    command += more
    if os.getuid() == 0:
        command += [
            f"--process-user={getpass.getuser()}",
            f"--process-group={grp.getgrgid(os.getgid()).gr_name}",
        ]
    with _agent(command, port, folder, {}) as asker:
        yield asker
