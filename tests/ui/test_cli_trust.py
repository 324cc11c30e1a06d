"""`heliograph trust`: what waits is told, and only what a person saw is trusted."""

from __future__ import annotations

import base64
import io
import sys

import msgspec
import pytest

from app.trust import read_fingerprint
from app.trust_errand import trust
from domain.health import Health, ProbeHealth
from domain.inventory import Credential, CredentialKind, Device, Probe
from domain.observation import Failure
from tests.ui.fake_engine import VANTAGE, FakeEngine, id_of

OLD, NEW, OTHER = "0a" * 32, "ab" * 32, "cd" * 32
G1 = id_of("g1")


@pytest.fixture
def told(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> FakeEngine:
    """An engine with a device of three probes: two show what nobody has trusted."""
    old = engine.inventory.device(G1)
    assert old is not None
    kinds: tuple[CredentialKind, ...] = ("ssh_login", "routeros_login")
    logins = [Credential(id_of(kind), kind, kind, "anna") for kind in kinds]
    engine.inventory.tables["credential"].update((login.id, login) for login in logins)
    ssh, routeros = (login.id for login in logins)
    probes = (Probe("ssh", 22, ssh), Probe("routeros", 8729, routeros, tls=True, pin=OLD), Probe("tcp", 80))
    engine.inventory.tables["device"][G1] = msgspec.structs.replace(old, probes=probes)
    failures = {"ssh": NEW, "routeros": OTHER}
    states = {
        name: ProbeHealth(3, None, None, Failure("untrusted", "?", seen)) for name, seen in failures.items()
    }
    engine.health = (Health(G1, VANTAGE, "down", 1, 1, states),)
    return engine


def pins(engine: FakeEngine) -> list[str]:
    device = engine.inventory.device(G1)
    assert isinstance(device, Device)
    return [probe.pin for probe in device.probes]


def say(engine: FakeEngine, *arguments: str) -> int:
    return trust([*arguments, "--profile", str(engine.profile)])


def test_all_that_waits_is_told_with_both_fingerprints_where_one_was_trusted(
    told: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(told) == 0
    said = capsys.readouterr().out
    assert "Grünten R1 (10.0.0.1), ssh: shows a host key\n  SHA256:q6urq6" in said
    assert ":".join(["AB"] * 32) in said
    assert "routeros: shows another certificate" in said
    assert (
        said.index(":".join(["CD"] * 32))
        < said.index("trusted until now")
        < said.index(":".join(["0A"] * 32))
    )
    assert pins(told) == ["", OLD, ""]


def test_what_is_shown_is_trusted_after_a_yes_and_after_nothing_else(
    told: FakeEngine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in ("n\n", "", "\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        assert say(told, "grünten r1", "ssh") == 1
    assert pins(told) == ["", OLD, ""]
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert say(told, "10.0.0.1", "ssh") == 0
    assert "SHA256:q6urq6" in (said := capsys.readouterr().out)
    assert said.endswith("the host key of Grünten R1 is trusted now\n")
    assert pins(told) == [NEW, OLD, ""]
    assert told.edits[-1].title == "Trust the host key of Grünten R1"


def test_a_fingerprint_that_is_given_is_trusted_without_a_question_if_no_other_is_shown(
    told: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(told, "10.0.0.1", "routeros", "--fingerprint", NEW) == 1
    assert "another one is shown there" in capsys.readouterr().err
    assert pins(told) == ["", OLD, ""]
    assert say(told, "10.0.0.1", "routeros", "--fingerprint", ":".join(["CD"] * 32)) == 0
    told.health = ()
    assert say(told, "10.0.0.1", "ssh", "--fingerprint", NEW) == 0
    assert pins(told) == [NEW, OTHER, ""]
    assert say(told, "10.0.0.1", "ssh", "--fingerprint", NEW) == 0
    assert capsys.readouterr().out.endswith("was trusted already\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "device: no device is called 'nobody'"),
        (["10.0.0.1"], "probe: name one of ssh, routeros"),
        (["10.0.0.1", "tcp"], "probe: Grünten R1 shows nothing"),
        (["10.0.0.1", "tcp", "--fingerprint", NEW], "probe: Grünten R1 is asked by nothing"),
        (["10.0.0.1", "ssh", "--fingerprint", "abc"], "fingerprint: a SHA-256 fingerprint expected"),
    ],
)
def test_what_cannot_be_is_refused_at_its_word(
    told: FakeEngine, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert say(told, *arguments) == 1
    assert capsys.readouterr().err.startswith(said)
    assert told.edits == []


def test_a_fingerprint_is_read_in_every_form_in_which_people_have_it() -> None:
    openssh = f"SHA256:{base64.b64encode(bytes.fromhex(NEW)).decode().rstrip('=')}"
    for form in (NEW, NEW.upper(), ":".join(["ab"] * 32), "ab " * 32, openssh, f"SHA256 {NEW}"):
        assert read_fingerprint(form) == NEW
    for form in ("", NEW[:-1], NEW + "00", "SHA256:abc", "z" * 64):
        assert read_fingerprint(form) == ""
