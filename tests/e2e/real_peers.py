"""net-snmp's agent and OpenSSH's server as processes on loopback, as whoever runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

HOST = "127.0.0.1"
COMMUNITY = "attic-secret"


@contextmanager
def running_snmpd(folder: Path) -> Iterator[int]:
    """Run snmpd and give its UDP port."""
    port = free_port()
    config = folder / "snmpd.conf"
    config.write_text(
        f"agentaddress udp:{HOST}:{port}\nrocommunity {COMMUNITY} {HOST}\nsysName attic\nsysLocation Under the roof\n"
    )
    command = [_program("snmpd"), "-f", "-Lo", "-C", "-c", str(config), "-I", "-smux"]
    with _running(command, folder / "snmpd.log", {"SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""}):
        yield port


@contextmanager
def running_sshd(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run sshd and give its TCP port and its process."""
    port, key = free_port(), folder / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where its service has not made it yet
    settings = {"ListenAddress": HOST, "Port": port, "HostKey": key, "PidFile": "none", "UsePAM": "no"}
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    command = [_program("sshd"), "-D", "-e", "-f", "/dev/null", *options]
    with _running(command, folder / "sshd.log", {}) as process:
        yield port, process


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert found is not None, f"{name} is missing: `./dev test` installs it"
    return found


@contextmanager
def _running(command: list[str], log: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent, env={**os.environ, **env}
        )
    try:
        yield process
    except AssertionError as error:
        error.add_note(f"{command[0]} said:\n{log.read_text('utf-8', 'replace')[-2000:]}")
        raise
    finally:
        process.terminate()
        process.wait(60)
