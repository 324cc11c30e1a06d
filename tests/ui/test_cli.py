"""`heliograph add`: through the real engine, secrets from anywhere but the command line, refusals in words."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app import cli, upkeep
from app.endpoint_client import NoEngine, read_address
from app.programs import Child, start_engine
from domain.errors import Refusal
from domain.inventory import Probe
from domain.retention import DiskState, Retention
from domain.vault import SetAutoLock, VaultState
from domain.wire import EngineState, Reply, SetRetention
from tests.ui.fake_engine import FakeEngine, small_network


def test_a_device_is_added_through_the_running_engine_with_its_community_from_a_file(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "community"
    secret.write_text("s3cret\n")
    arguments = ["10.9.9.9", "--profile", str(engine.profile), "--name", "Router", "--site", "grünten"]
    code = cli.add([*arguments, "--snmp-community-file", str(secret), "--snmp-port", "1161", "--ping"])
    assert (code, capsys.readouterr().out) == (0, "Router added\n")
    device = next(row for row in engine.inventory.devices() if row.name == "Router")
    assert [(probe.kind, probe.port) for probe in device.probes] == [("snmp", 1161), ("icmp", 0)]
    grunten = next(site for site in small_network().sites() if site.name == "Grünten")
    assert device.site == grunten.id
    assert [s.value for s in engine.secrets.values()] == ["s3cret"]


def test_secrets_come_from_the_environment_and_standard_input_too(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cli.COMMUNITY_VARIABLE, "fromenv")
    monkeypatch.setattr(sys, "stdin", io.StringIO("fromstdin\n"))
    arguments = ["10.9.9.8", "--profile", str(engine.profile), "--routeros-user", "reader"]
    assert cli.add([*arguments, "--routeros-password-stdin"]) == 0
    assert sorted(s.value for s in engine.secrets.values()) == ["fromenv", "fromstdin"]


def test_there_is_no_way_to_put_a_secret_on_the_command_line() -> None:
    takes_text = {
        option
        for action in cli._parser()._actions
        for option in action.option_strings
        if action.type is None and action.nargs is None and action.const is None
    }
    assert not {option for option in takes_text if "community" in option or "password" in option}


def test_a_secret_that_is_no_text_is_one_sentence(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "community"
    secret.write_bytes(b"gr\xfcnten\n")
    arguments = ["10.9.9.9", "--profile", str(engine.profile)]
    assert cli.add([*arguments, "--snmp-community-file", str(secret)]) == 2
    assert capsys.readouterr().err == f"the secret in {secret} is no UTF-8 text\n"
    assert cli.add([*arguments, "--snmp-community-file", str(tmp_path / "gone")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv(cli.COMMUNITY_VARIABLE, "gr\udcfcnten")
    assert cli.add(arguments) == 2
    assert capsys.readouterr().err == f"the secret in {cli.COMMUNITY_VARIABLE} is no UTF-8 text\n"
    assert engine.edits == []


def test_a_user_without_a_name_is_somebody(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert cli.add(["10.9.9.9", "--profile", str(engine.profile)]) == 0
    assert [edit.author for edit in engine.edits] == ["somebody"]


def test_refusals_name_their_field_and_end_with_one(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.add(["10.0.0.1", "--profile", str(engine.profile), "--interval", "0"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert {line.split(":")[0] for line in said} == {"address", "interval_s"}


def test_without_an_engine_one_runs_just_for_this(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "profile"
    assert cli.add(["127.0.0.1", "--profile", str(profile), "--tcp", "22"]) == 0
    assert capsys.readouterr().out == "127.0.0.1 added\n"
    with pytest.raises(NoEngine):
        read_address(profile)
    assert cli.add(["127.0.0.1", "--profile", str(profile), "--tcp", "22"]) == 1
    assert "127.0.0.1" in capsys.readouterr().err


@pytest.fixture
def children() -> Iterator[list[Child]]:
    made: list[Child] = []
    yield made
    for child in made:
        child.stop()


def test_the_engines_log_is_kept_in_the_profile_and_a_second_engine_is_refused_in_words(
    tmp_path: Path, children: list[Child]
) -> None:
    first = start_engine(tmp_path, on_child=children.append)
    assert (first.refused, first.ended) == ("", "")
    second = start_engine(tmp_path, on_child=children.append)
    assert second.in_use
    assert str(first.child.pid) in second.refused
    assert "endpoint_open" in (tmp_path / "logs" / "engine.log").read_text("utf-8")


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from app.programs import start_engine;"
        f"print(start_engine(Path({str(tmp_path)!r})).child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    orphan = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    parent.wait()
    ends_at = time.monotonic() + 120
    while _is_running(orphan):
        assert time.monotonic() < ends_at, "the engine outlived its parent"
        time.sleep(0.05)
    assert not (tmp_path / "endpoint.json").exists()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def probes_of(engine: FakeEngine, address: str) -> list[Probe]:
    device = next(row for row in engine.inventory.devices() if row.address == address)
    return [msgspec.structs.replace(probe, credential=None) for probe in device.probes]


def test_a_device_is_asked_in_every_way_that_the_command_names(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cli.AUTH_VARIABLE, "authenticate")
    monkeypatch.setenv(cli.PRIVACY_VARIABLE, "keep private")
    monkeypatch.setenv(cli.PASSWORD_VARIABLE, "hunter22")
    key = tmp_path / "id_ed25519"
    key.write_text("-----BEGIN\nEND-----\n")
    told = (
        "10.9.9.9 --snmp-user ops --snmp-auth sha512 --snmp-privacy aes256 --snmp-profile mikrotik --may-slow"
    )
    told += (
        f" --routeros-user monitor --routeros-tls --ssh-user root --ssh-key-file {key} --ssh-command uptime"
    )
    told += " --https /health --http 8080 --http 81/x --dns example.com --tcp 22"
    assert cli.add([*told.split(), "--note", "behind the\nchurch", "--profile", str(engine.profile)]) == 0
    assert probes_of(engine, "10.9.9.9") == [
        Probe("snmp", 161),
        Probe("routeros", 8729, tls=True),
        Probe("ssh", 22, target="uptime"),
        Probe("tcp", 22),
        Probe("http", 8080),
        Probe("http", 81, target="/x"),
        Probe("http", 443, tls=True, target="/health"),
        Probe("dns", 53, target="example.com A"),
    ]
    assert sorted(secret.value for secret in engine.secrets.values()) == [
        "-----BEGIN\nEND-----\n",
        "hunter22",
        '{"auth": "authenticate", "privacy": "keep private"}',
    ]
    device = next(row for row in engine.inventory.devices() if row.address == "10.9.9.9")
    assert (device.profile, device.may_slow, device.note) == ("mikrotik", True, "behind the\nchurch")


def test_the_vault_is_moved_rotated_locked_and_unlocked_by_command(
    tmp_path: Path,
    children: list[Child],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HELIOGRAPH_KEY_PLACE", "file")
    profile = ["--profile", str(tmp_path)]
    assert upkeep.vault(["lock", *profile]) == 2, "there is no engine, and none is started to be locked"
    start_engine(tmp_path, on_child=children.append)
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    given = ["--password-file", str(password)]
    assert upkeep.vault(["place", "password", "--new-password-file", str(password), *profile]) == 0
    assert upkeep.vault(["lock", *profile]) == 0
    capsys.readouterr()
    monkeypatch.setenv(upkeep.MASTER_VARIABLE, "wrong horse")
    assert upkeep.vault(["unlock", *profile]) == 1
    assert capsys.readouterr().err.startswith("password: the master password is wrong")
    ends_at = time.monotonic() + 120
    while upkeep.vault(["unlock", *profile, *given]) != 0:
        assert "try again" in capsys.readouterr().err
        assert time.monotonic() < ends_at, "it was never unlocked"
        time.sleep(0.1)
    assert upkeep.vault(["rotate", *profile, *given]) == 0
    assert "0 secrets sealed anew" in capsys.readouterr().out


def test_the_time_until_the_vault_locks_itself_is_set_by_command(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--profile", str(engine.profile)]
    engine.state = EngineState(1 << 60, vault=VaultState("password"))
    assert upkeep.vault(["auto-lock", "15", *given]) == 0
    assert upkeep.vault(["auto-lock", "0", *given]) == 0
    assert capsys.readouterr().out == "locks after 15 minutes without use\nnever locks by itself\n"
    assert [m.minutes for m in engine.heard if isinstance(m, SetAutoLock)] == [15, 0]
    engine.state = EngineState(1 << 60, vault=VaultState("file"))
    assert upkeep.vault(["auto-lock", "1", *given]) == 0
    assert capsys.readouterr().out == "locks after 1 minute without use, once it has a master password\n"
    refusal = Refusal("INVALID_INPUT", "0 (never) to 10080 minutes expected, got -1", "minutes")
    engine.answers[SetAutoLock] = Reply(0, (refusal,))
    assert upkeep.vault(["auto-lock", *given, "--", "-1"]) == 1
    assert capsys.readouterr().err == f"minutes: {refusal.message}\n"


def test_no_password_of_the_vault_can_be_given_on_the_command_line() -> None:
    with pytest.raises(SystemExit):
        upkeep.vault(["unlock", "--password", "secret"])


def test_retention_is_told_and_changed_by_command(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    state = EngineState(1 << 60, retention=Retention(), disk=DiskState(2 << 30, 40 << 30, 1, 1, 3 << 30))
    engine.state = state
    assert upkeep.retention(["--profile", str(engine.profile)]) == 0
    told = capsys.readouterr().out
    kept, stored = told.splitlines()[:2]
    assert kept.startswith("every poll 7 days, at most 2 GB; hours 365 days; what waits for a team")
    assert stored.startswith("2 GiB stored, 40 GiB free")
    assert upkeep.retention(["--profile", str(engine.profile), "--raw-days", "30"]) == 0
    (sent,) = [message for message in engine.heard if isinstance(message, SetRetention)]
    assert sent.retention == Retention(raw_days=30)
    with pytest.raises(SystemExit):
        upkeep.retention(["--raw-days", "nan"])
