"""The SSH probe against a real sshd, a server with a password, and hosts that break the rules."""

from __future__ import annotations

import asyncio
import base64
import getpass
import hashlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import asyncssh
import pytest

from domain.errors import BadCredentials, BadReply, DeviceError, NoAnswer, Refused, Unsupported, Untrusted
from domain.inventory import Credential, Device, Probe
from engine.drivers import make_driver
from engine.transport import Transports
from engine.transport.ssh import OUTPUT_CAP_BYTES, Identity
from tests.engine.peers import PROFILES, Talk
from tests.engine.probing import ask, error_from, error_of, read_probe
from tests.ports import free_port

WHO = UUID(int=1)
KEY = Credential(WHO, "A key", "ssh_key", getpass.getuser())
PASSWORD = Credential(WHO, "A password", "ssh_login", "monitor")
SECRET = "alpenglow"


class Sshd(NamedTuple):
    """A running sshd: where, its host key's fingerprints, who may log in, and its log."""

    port: int
    pin: str
    shown: str
    user_key: str
    log: Path

    def probe(self, command: str = "", *, pin: str | None = None, expect: str = "") -> Probe:
        """A probe of it."""
        return Probe(
            "ssh",
            self.port,
            WHO,
            target=command,
            pin=self.pin if pin is None else pin,
            expect=expect,
        )


@contextmanager
def run_sshd(folder: Path, *settings: str) -> Iterator[Sshd]:
    """Run sshd with a host key of a moment, for the user who runs the tests."""
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    blob = base64.b64decode((folder / "host.pub").read_text().split()[1])
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", folder / "host.pub"], check=True, capture_output=True, text=True
    )
    port, log = free_port(), folder / "log"
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder}/host",
        f"AuthorizedKeysFile {folder}/user.pub",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        "PidFile none",
        *settings,
    ]
    (folder / "config").write_text("\n".join(lines) + "\n")
    with (
        log.open("w") as writing,
        subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", folder / "config"], stderr=writing) as process,
    ):
        try:
            while "Server listening" not in log.read_text():
                assert process.poll() is None, log.read_text()
            yield Sshd(
                port,
                hashlib.sha256(blob).hexdigest(),
                listed.stdout.split()[1],
                (folder / "user").read_text(),
                log,
            )
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An sshd for all tests of this file."""
    with run_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def test_a_commands_first_line_is_told_with_the_time_it_took(sshd: Sshd) -> None:
    answer = ask(sshd.probe("printf '\\n up 3 days\\nmore\\n'", expect="days"), KEY, sshd.user_key)
    ((metric, instance, took_ms),) = answer.reading.values
    assert (metric, instance) == ("answer_ms", "ssh")
    assert answer.rtt_us == int(took_ms * 1e3) > 0
    told = dict(answer.reading.facts)["service/ssh"]
    assert told["says"] == "up 3 days"
    assert told["software"].startswith("SSH-2.0-OpenSSH_")


def test_the_connection_is_kept_for_commands_and_logging_in_alone_is_done_each_time(tmp_path: Path) -> None:
    with run_sshd(tmp_path) as sshd:
        ask(sshd.probe("true"), KEY, sshd.user_key, times=3)
        assert sshd.log.read_text().count("Accepted publickey") == 1
        answer = ask(sshd.probe(), KEY, sshd.user_key, times=2)
        assert dict(answer.reading.facts)["service/ssh"]["says"] == "logged in"
        assert sshd.log.read_text().count("Accepted publickey") == 3


def test_a_kept_connection_that_the_host_has_dropped_is_made_again(sshd: Sshd) -> None:
    async def main() -> tuple[int, int]:
        transports = await Transports.open()
        probe = sshd.probe("echo $PPID")
        device = Device(UUID(int=7), "Device", "127.0.0.1", (probe,))
        driver = make_driver(transports, device, probe, KEY, sshd.user_key, profiles=PROFILES)
        first = int(dict((await driver.read()).reading.facts)["service/ssh"]["says"])
        os.kill(first, signal.SIGKILL)
        second = int(dict((await driver.read()).reading.facts)["service/ssh"]["says"])
        await driver.close()
        await transports.close()
        return first, second

    first, second = asyncio.run(main())
    assert first != second


def test_a_host_key_that_nobody_trusted_is_shown_as_ssh_keygen_shows_it(sshd: Sshd) -> None:
    error = error_of(sshd.probe(pin=""), KEY, sshd.user_key)
    assert isinstance(error, Untrusted)
    assert error.seen == sshd.pin
    assert f"nobody has trusted: SHA-256 {sshd.pin} ({sshd.shown})" in str(error)


def test_a_changed_host_key_is_refused_with_both_fingerprints(sshd: Sshd) -> None:
    error = error_of(sshd.probe(pin="0" * 64), KEY, sshd.user_key)
    assert isinstance(error, Untrusted)
    assert error.seen == sshd.pin
    assert f"SHA-256 {sshd.pin} ({sshd.shown}) seen, {'0' * 64} (SHA256:AAAA" in str(error)


def test_a_command_that_fails_prints_nothing_expected_or_never_ends_is_a_failure(sshd: Sshd) -> None:
    error = error_of(sshd.probe("echo oh no >&2; exit 3"), KEY, sshd.user_key)
    assert type(error) is BadReply
    assert "ended with status 3: 'oh no'" in str(error)
    error = error_of(sshd.probe("echo abc", expect="xyz"), KEY, sshd.user_key)
    assert type(error) is BadReply
    assert "without 'xyz': got 4 bytes, 'abc'" in str(error)
    error = error_of(sshd.probe("sleep 60"), KEY, sshd.user_key, timeout_s=0.5)
    assert type(error) is NoAnswer
    assert "(running a command)" in str(error)


def test_output_is_cut_at_the_cap(sshd: Sshd) -> None:
    endless = sshd.probe("yes; true", expect="z")
    error = error_of(endless, KEY, sshd.user_key)
    assert f"got {OUTPUT_CAP_BYTES} bytes" in str(error)


def test_a_wrong_key_and_a_key_that_is_none_are_told_apart(sshd: Sshd, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    error = error_of(sshd.probe(), KEY, other.export_private_key().decode())
    assert type(error) is BadCredentials
    assert f"refuses the login of {KEY.user!r}" in str(error)
    error = error_of(sshd.probe(), KEY, "-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n")
    assert type(error) is BadCredentials
    assert "cannot be read" in str(error)
    assert "nonsense" not in str(error)
    locked = tmp_path / "locked"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", str(locked)]
    subprocess.run(command, check=True)
    error = error_of(sshd.probe(), KEY, locked.read_text())
    assert "without a passphrase is expected" in str(error)


def test_a_host_with_only_old_algorithms_is_told_so(tmp_path: Path) -> None:
    with run_sshd(tmp_path, "KexAlgorithms diffie-hellman-group-exchange-sha256") as sshd:
        error = error_of(sshd.probe(), KEY, sshd.user_key)
    assert type(error) is Unsupported
    assert "no SSH algorithms in common" in str(error)


def test_nothing_of_the_users_own_ssh_is_looked_at(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host *\n  ProxyCommand false\n")
    (tmp_path / ".ssh" / "id_ed25519").write_text(sshd.user_key)
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} ssh-ed25519 AAAA\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        agent.listen()
        agent.setblocking(False)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        ask(sshd.probe("true"), KEY, sshd.user_key)
        by_password = Credential(WHO, "A password", "ssh_login", getpass.getuser())
        assert type(error_of(sshd.probe(), by_password, SECRET)) is BadCredentials
        with pytest.raises(BlockingIOError):
            agent.accept()


def test_an_identity_does_not_show_its_secret() -> None:
    assert SECRET not in repr(Identity("monitor", SECRET, False))


class PasswordServer(asyncssh.SSHServer):
    """Lets one user in, and remembers what it was told."""

    told: list[str]

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self.told.append(password)
        return (username, password) == (PASSWORD.user, SECRET)


def test_a_password_is_told_only_to_the_trusted_host() -> None:
    PasswordServer.told = []
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    pin = hashlib.sha256(host_key.public_data).hexdigest()

    async def main() -> None:
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=PasswordServer, server_host_keys=[host_key]
        )
        probe = Probe("ssh", server.get_port(), WHO, pin=pin)
        for untrusted in ("", "f" * 64):
            with pytest.raises(Untrusted):
                await read_probe(Probe("ssh", probe.port, WHO, pin=untrusted), PASSWORD, SECRET)
        assert PasswordServer.told == []
        answer = await read_probe(probe, PASSWORD, SECRET)
        assert dict(answer.reading.facts)["service/ssh"]["says"] == "logged in"
        assert PasswordServer.told == [SECRET]
        with pytest.raises(BadCredentials) as raised:
            await read_probe(probe, PASSWORD, "sesame")
        assert "sesame" not in str(raised.value)
        with pytest.raises(Unsupported, match="runs no commands for us"):
            await read_probe(Probe("ssh", probe.port, WHO, pin=pin, target="reboot"), PASSWORD, SECRET)
        server.close()
        await server.wait_closed()

    asyncio.run(main())


def packet(payload: bytes) -> bytes:
    """A packet before keys are agreed on (RFC 4253, section 6)."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return (len(payload) + padding + 1).to_bytes(4, "big") + bytes((padding,)) + payload + bytes(padding)


VERSION = b"SSH-2.0-hostile\r\n"


def say(opening: bytes, piece: Callable[[], bytes] | None = None) -> Talk:
    """A host that says one thing, and another for ever."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(opening)
        while piece is not None:
            writer.write(piece())
            await writer.drain()
        await reader.read(10_000)

    return talk


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for octet in VERSION + b"\0\0\x01\0" + b"x" * 10_000:
        writer.write(bytes((octet,)))
        await asyncio.sleep(0.02)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


@pytest.mark.parametrize(
    ("talk", "kind", "words"),
    [
        (say(b"", lambda: b"welcome\r\n" * 100), BadReply, ""),
        (say(b"", lambda: b"x" * 65_536), BadReply, ""),
        (say(VERSION, lambda: packet(b"\x02\0\0\0\0") * 999), BadReply, ""),
        (say(VERSION + b"\x0f\xff\xff\xff", lambda: b"x" * 65_536), BadReply, ""),
        (say(VERSION + packet(b"\x14" + bytes(16) + b"\xff" * 40)), BadReply, "breaks the rules of SSH"),
        (say(VERSION + packet(b"\x1f" + bytes(40))), BadReply, "breaks the rules of SSH"),
        (say(VERSION, lambda: os.urandom(4096)), BadReply, ""),
        (say(b"SSH-1.5-old\r\n"), BadReply, "breaks the rules of SSH: Unsupported SSH version"),
        (hang_up, Refused, "closed the connection"),
        (silent, NoAnswer, "(logging in)"),
        (drip, NoAnswer, "(logging in)"),
    ],
)
def test_a_host_that_breaks_the_rules_is_named_as_what_it_is(
    talk: Talk, kind: type[DeviceError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.drivers.ssh.LOGIN_S", 0.5 if kind is NoAnswer else 30.0)
    error = error_from(talk, lambda port: Probe("ssh", port, WHO, pin="0" * 64), PASSWORD, SECRET)
    assert type(error) is kind, error
    assert words in str(error)


def test_without_a_login_it_is_told_what_is_missing() -> None:
    with pytest.raises(BadCredentials, match="no SSH login is known here"):
        ask(Probe("ssh", 22))
