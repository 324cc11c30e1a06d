"""The device form: every kind of probe, logins typed in place, refusals in the row they are about, profiles, pauses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import msgspec
import pytest
from PySide6.QtCore import QMimeData

from app.dialogs.device_form import DeviceForm
from app.dialogs.login_fields import AUTH_TITLES, KIND_TITLES, PRIVACY_TITLES
from app.dialogs.polling import ON, PAUSED, UNTIL
from app.dialogs.probe_rows import TITLES, ProbeRow
from app.draft import DeviceDraft, now_us
from app.panels.device_says import DeviceSays
from app.panels.facts import lines_of
from app.panels.text_box import PASTED_CAP
from domain.errors import Refusal
from domain.inventory import (
    NEEDS,
    REST,
    AuthProtocol,
    CredentialKind,
    Device,
    PrivacyProtocol,
    Probe,
    ProbeKind,
)
from domain.wire import Changed, QueryProfiles, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

SEEN = "ab" * 32


@pytest.fixture
def form(bench: Bench) -> Iterator[DeviceForm]:
    bench.window.add_device()
    (found,) = bench.window.findChildren(DeviceForm)
    found.address.setText("10.0.9.9")
    yield found


def taken(bench: Bench, form: DeviceForm) -> Device:
    """Submit and return the device that the engine has then."""
    form.submit()
    bench.wait_for(lambda: bench.engine.edits)
    bench.settle()
    return next(row for row in bench.model.inventory.devices() if row.address == "10.0.9.9")


def refusal_at(row: ProbeRow, field: str) -> str:
    return row.fields.by_name[field].refusal.text()


def test_every_kind_protocol_and_login_has_a_title() -> None:
    assert set(TITLES) == set(get_args(ProbeKind))
    assert set(KIND_TITLES) == set(get_args(CredentialKind))
    assert tuple(AUTH_TITLES) == get_args(AuthProtocol)
    assert tuple(PRIVACY_TITLES) == get_args(PrivacyProtocol)


def test_a_device_is_asked_in_every_way_there_is(bench: Bench, form: DeviceForm) -> None:
    rows: dict[ProbeKind, ProbeRow] = {
        kind: form.probes.add(kind) for kind in get_args(ProbeKind) if kind != "icmp"
    }
    for kind, login in (("snmp", "snmp_v3"), ("routeros", "routeros_login"), ("ssh", "ssh_key")):
        choice = rows[kind].login
        assert choice is not None
        choice.choose_new(login)
        typed = choice.new[login]
        typed.user.setText(f"{kind}-reader")
        typed.secret.setText("authenticate")
        typed.privacy_secret.setText("keep private")
        typed.key.setPlainText("-----BEGIN OPENSSH PRIVATE KEY-----")
    rows["routeros"].way.setCurrentText("API over TLS")
    rows["http"].way.setCurrentText("HTTPS")
    rows["http"].target.setText("/health")
    rows["http"].expect.setText("ok")
    rows["dns"].name.setText("example.com")
    rows["dns"].type.setCurrentText("MX")
    rows["ssh"].target.setText("uptime")
    device = taken(bench, form)
    credentials = {row.id: row for row in bench.model.inventory.credentials()}
    bare = [msgspec.structs.replace(probe, credential=None) for probe in device.probes]
    assert bare == [
        Probe("icmp"),
        Probe("snmp", 161),
        Probe("routeros", 8729, tls=True),
        Probe("tcp", 22),
        Probe("http", 443, tls=True, target="/health", expect="ok"),
        Probe("dns", 53, target="example.com MX"),
        Probe("ssh", 22, target="uptime"),
    ]
    logins = {p.kind: credentials[p.credential] for p in device.probes if p.credential is not None}
    assert {kind: login.kind for kind, login in logins.items()} == {
        "snmp": "snmp_v3",
        "routeros": "routeros_login",
        "ssh": "ssh_key",
    }
    assert (logins["snmp"].auth, logins["snmp"].privacy) == ("sha256", "aes128")
    secret = bench.engine.secrets[logins["snmp"].id].value
    assert msgspec.json.decode(secret) == {"auth": "authenticate", "privacy": "keep private"}
    assert bench.engine.secrets[logins["ssh"].id].value == "-----BEGIN OPENSSH PRIVATE KEY-----\n"


def test_only_kinds_that_may_be_several_are_offered_twice(form: DeviceForm) -> None:
    for kind in get_args(ProbeKind)[1:]:
        form.probes.add(kind)
    assert form.probes.offered() == ["tcp", "http", "dns", "ssh"]
    form.probes.add("tcp")
    assert form.probes.offered() == []
    form.probes.remove(form.probes.row_of("snmp"))
    assert "snmp" in form.probes.offered()


def test_the_port_follows_the_way_unless_it_was_typed(form: DeviceForm) -> None:
    row = form.probes.add("routeros")
    row.way.setCurrentText("REST over HTTPS")
    assert (row.port.value(), row.draft().tls, row.draft().target) == (443, True, REST)
    row.port.setText("8443")
    row.way.setCurrentText("API")
    assert (row.port.value(), row.draft().tls, row.draft().target) == (8443, False, "")


def test_the_engines_refusal_of_a_probe_stands_in_its_row(bench: Bench, form: DeviceForm) -> None:
    first, second = form.probes.add("http"), form.probes.add("http")
    second.port.setText("81")
    second.target.setText("no slash")
    form.submit()
    bench.wait_for(lambda: refusal_at(second, "target"))
    assert refusal_at(first, "target") == ""
    assert form.fields.rest.text() == ""
    second.target.setText("/")
    assert refusal_at(second, "target") == ""


def test_two_on_one_port_are_refused_at_all_of_them(bench: Bench, form: DeviceForm) -> None:
    form.probes.add("tcp")
    form.probes.add("tcp")
    form.submit()
    bench.wait_for(form.fields.by_name["probes"].refusal.text)
    assert "same port" in form.fields.by_name["probes"].refusal.text()


def test_what_is_refused_of_a_new_login_stands_where_it_was_typed(form: DeviceForm) -> None:
    login = form.probes.add("snmp").login
    assert login is not None
    login.choose_new("snmp_v3")
    form.on_answer((Refusal("INVALID_INPUT", "a user name of 1 to 32 bytes expected", "user", login.id),))
    assert "1 to 32 bytes" in login.new["snmp_v3"].fields.by_name["user"].refusal.text()
    assert form.fields.rest.text() == ""
    assert form.isVisible()


def test_a_note_is_kept_with_its_lines_shown_in_the_panel_and_undone(bench: Bench) -> None:
    bench.window.edit(id_of("g1"))
    (form,) = bench.window.findChildren(DeviceForm)
    form.note.setPlainText("  Key at the farm.\nDog bites.  ")
    form.submit()
    bench.wait_for(lambda: bench.engine.edits)
    (step,) = bench.engine.edits[0].steps
    assert (step.before, step.after) == ({"note": ""}, {"note": "Key at the farm.\nDog bites."})
    bench.settle()
    says = DeviceSays()
    says.read(bench.model, id_of("g1"))
    device = bench.model.inventory.device(id_of("g1"))
    assert device is not None
    said = {line.label: line.said for line in lines_of(bench.model, device, says, now_us())}
    assert said["Note"] == "Key at the farm. Dog bites."
    bench.commands.undo()
    bench.wait_for(lambda: len(bench.engine.edits) == 2)
    bench.settle()
    undone = bench.model.inventory.device(id_of("g1"))
    assert undone is not None and undone.note == ""


def test_a_note_that_nobody_touched_stays_as_it_is_and_one_too_long_is_refused_at_its_field(
    bench: Bench,
) -> None:
    old = bench.engine.inventory.device(id_of("g1"))
    assert old is not None
    noted = msgspec.structs.replace(old, note="kept as it is\n\n ")
    bench.engine.inventory.tables["device"][old.id] = noted
    bench.engine.tell(lambda batch: Changed(batch, devices=(noted,)))
    bench.wait_for(lambda: bench.model.inventory.device(old.id) == noted)
    bench.window.edit(old.id)
    (form,) = bench.window.findChildren(DeviceForm)
    form.name.setText("Renamed")
    form.submit()
    bench.wait_for(lambda: bench.engine.edits)
    (step,) = bench.engine.edits[0].steps
    assert step.after == {"name": "Renamed"}
    bench.wait_for(lambda: not form.isVisible())
    bench.settle()
    bench.window.edit(old.id)
    form = next(form for form in bench.window.findChildren(DeviceForm) if form.isVisible())
    pasted = QMimeData()
    pasted.setText("x" * 10**6)
    form.note.insertFromMimeData(pasted)
    assert form.note.toPlainText().count("x") == PASTED_CAP
    form.submit()
    bench.wait_for(form.fields.by_name["note"].refusal.text)
    assert "at most 4000" in form.fields.by_name["note"].refusal.text()
    assert len(bench.engine.edits) == 1


def test_profiles_come_from_the_engine_with_what_is_wrong_with_the_users(bench: Bench) -> None:
    told = {"titles": {"generic": "Any SNMP device", "mikrotik": "MikroTik RouterOS"}}
    problems = [
        {"code": "BAD_PROFILE", "message": f"mine{n}.yaml, line 7: groups[0].every: 1 expected, got 0"}
        for n in range(5)
    ]
    bench.engine.answers[QueryProfiles] = Reply(0, result={**told, "problems": problems})
    bench.window.edit(id_of("g1"))
    (form,) = bench.window.findChildren(DeviceForm)
    bench.wait_for(lambda: form.profile.count() == 3)
    assert form.problems.isVisible()
    head, *lines, more = form.problems.text().splitlines()
    assert head.startswith("5 files in the folder snmp-profiles cannot be used")
    assert lines == [problem["message"] for problem in problems[:3]]
    assert more == "and 2 more"
    assert form.profile.currentData() == ""
    form.profile.setCurrentIndex(form.profile.findData("mikrotik"))
    form.submit()
    bench.wait_for(lambda: bench.engine.edits)
    (step,) = bench.engine.edits[0].steps
    assert step.after == {"profile": "mikrotik"}


def test_a_profile_that_is_gone_stays_chosen_and_is_said_to_be_gone(form: DeviceForm) -> None:
    form.profile.addItem("mine", "mine")
    form.profile.setCurrentIndex(1)
    form.on_profiles(Reply(1, result={"titles": {"generic": "Any SNMP device"}, "problems": []}))
    assert (form.profile.currentData(), "not there" in form.profile.currentText()) == ("mine", True)


def test_the_profile_is_asked_for_only_where_there_is_snmp(form: DeviceForm) -> None:
    assert form.fields.by_name["profile"].isHidden()
    row = form.probes.add("snmp")
    assert not form.fields.by_name["profile"].isHidden()
    form.probes.remove(row)
    assert form.fields.by_name["profile"].isHidden()


def test_a_pause_ends_at_a_time_and_what_is_no_time_is_said_at_it(bench: Bench, form: DeviceForm) -> None:
    form.may_slow.setChecked(True)
    form.polling.choice.setCurrentIndex(UNTIL)
    form.polling.until.setText("tomorrow")
    form.submit()
    assert "local time" in form.fields.by_name["paused_until_us"].refusal.text()
    form.polling.until.setText("2080-01-02 03:04")
    assert form.fields.by_name["paused_until_us"].refusal.text() == ""
    device = taken(bench, form)
    assert device.may_slow and not device.paused
    assert device.paused_until_us is not None
    from datetime import datetime

    assert datetime.fromtimestamp(device.paused_until_us / 1e6) == datetime(2080, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("paused", "until_s", "began", "chosen", "after"),
    [
        (False, None, ON, PAUSED, (True, None)),
        (True, None, PAUSED, ON, (False, None)),
        (False, 3600, UNTIL, ON, (False, None)),
        (False, -3600, ON, PAUSED, (True, None)),
    ],
)
def test_pausing_and_resuming_by_hand(
    bench: Bench, paused: bool, until_s: int | None, began: int, chosen: int, after: tuple[bool, int | None]
) -> None:
    until_us = None if until_s is None else now_us() + until_s * 1_000_000
    draft = DeviceDraft("A", "10.0.9.9", paused=paused, paused_until_us=until_us)
    form = DeviceForm(
        bench.model.inventory, bench.look, lambda draft, then: None, lambda then: None, draft=draft
    )
    assert form.polling.choice.currentIndex() == began
    assert form.polling.pause([]) == (paused, until_us)
    form.polling.choice.setCurrentIndex(chosen)
    assert form.polling.pause([]) == after
    form.deleteLater()


def test_what_is_trusted_can_be_forgotten_in_its_row(bench: Bench) -> None:
    g1 = bench.model.inventory.device(id_of("g1"))
    assert g1 is not None
    pinned = msgspec.structs.replace(g1, probes=(Probe("http", 443, tls=True, pin=SEEN),))
    bench.engine.inventory.tables["device"][g1.id] = pinned
    bench.model.merge(Changed(9, devices=(pinned,)))
    bench.model.flush()
    bench.window.edit(g1.id)
    (form,) = bench.window.findChildren(DeviceForm)
    form.probes.row_of("http").forget_pin()
    form.submit()
    bench.settle()
    after = bench.model.inventory.device(g1.id)
    assert after is not None and after.probes == (Probe("http", 443, tls=True),)


def test_an_answer_after_the_form_was_closed_is_nothing(bench: Bench, form: DeviceForm) -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    form.reject()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    form.on_answer((Refusal("X", "too late", "address"),))
    form.on_profiles(Reply(1, result={"titles": {}, "problems": []}))


def test_logins_of_all_kinds_that_a_probe_takes_are_offered() -> None:
    assert {kind for kinds in NEEDS.values() for kind in kinds} == set(KIND_TITLES)
