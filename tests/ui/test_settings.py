"""What is set for the whole network: storage, receivers, unknown senders, the vault; and trust in what devices show."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.dialogs.confirm import Confirm
from app.dialogs.device_form import DeviceForm
from app.dialogs.quarantine import Quarantine
from app.dialogs.receivers import ReceiversForm
from app.dialogs.storage import StorageForm, story_of
from app.dialogs.trust import TrustQuestion
from app.dialogs.unlock import UnlockForm
from app.dialogs.vault import VaultBoard
from app.panels.text import Label
from app.trust import grouped_hex, openssh, untrusted
from domain.errors import Refusal
from domain.health import Health, ProbeHealth
from domain.inventory import Probe
from domain.observation import Failure
from domain.receiving import Listener, QuarantinedMessage, QuarantinedSender, ReceiverSettings, ReceiverState
from domain.retention import DiskState, Retention
from domain.vault import Lock, RotateKeys, SetAutoLock, SetKeyPlace, Unlock, VaultState
from domain.wire import (
    Changed,
    EngineState,
    ForgetSender,
    QueryQuarantine,
    Reply,
    SetReceivers,
    SetRetention,
    ToEngine,
)
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of

SEEN, PIN = "3f" * 32, "cd" * 32
DISK = DiskState(1_000_000_000, 40_000_000_000, 100_000_000, 2_000_000)
LOCKED = VaultState("password", True, why="unlock it with the master password")


def tell(bench: Bench, **fields: object) -> None:
    """Let the engine say how it is."""
    bench.model.merge(Changed(9, engine=EngineState(1, **fields)))  # type: ignore[arg-type]
    bench.model.flush()


def heard(bench: Bench, kind: type) -> list[ToEngine]:
    return [message for message in bench.engine.heard if isinstance(message, kind)]


def test_the_settings_menu_has_all_of_them(bench: Bench) -> None:
    bench.window.actions_by_name["settings"].trigger()
    menu = next(menu for menu in bench.window.findChildren(QMenu) if menu.isVisible())
    assert [action.iconText().split(":")[0] for action in menu.actions()] == [
        "Discovery",
        "Alert rules",
        "Maintenance",
        "Logins",
        "Storage",
        "Terrain",
        "What devices send",
        "Unknown senders",
        "Vault",
        "Tunnels",
        "Maps",
        "MIB browser",
        "Import a file…",
        "Export…",
    ]
    menu.close()


def test_what_storage_will_take_is_forecast_while_one_types(bench: Bench) -> None:
    tell(bench, disk=DISK, retention=Retention(7, 10**10, 365))
    bench.window.settings.open_storage()
    (form,) = bench.window.findChildren(StorageForm)
    assert form.now.text() == "1 GB stored now, 40 GB free beside it."
    assert "1.4 GB in the end" in form.then.text()
    form.inputs["raw_days"].setText("14")
    assert "2.1 GB in the end" in form.then.text()
    form.inputs["raw_cap_bytes"].setText("0,5")
    assert "limit after 5 days" in form.then.text()
    form.inputs["hourly_days"].setText("many")
    form.submit()
    assert "many" in form.fields.by_name["hourly_days"].refusal.text()
    form.inputs["hourly_days"].setText("700")
    form.submit()
    bench.wait_for(lambda: heard(bench, SetRetention))
    (sent,) = heard(bench, SetRetention)
    assert isinstance(sent, SetRetention) and sent.retention == Retention(14, 500_000_000, 700)
    bench.wait_for(lambda: not form.isVisible())


def test_a_forecast_that_does_not_fit_says_so_and_one_without_figures_says_that() -> None:
    assert "does not fit" in story_of(DISK, Retention(400, 10**12, 4000))[1]
    assert "not known yet" in story_of(None, Retention())[0]
    full = msgspec.structs.replace(DISK, pictures_bytes=34_000_000, pictures_cap_bytes=10**9)
    assert "Photographs and backgrounds take 34 MB, at most 1 GB." in story_of(full, Retention())[0]
    assert "into hours" not in story_of(DISK, Retention())[0]
    behind = msgspec.structs.replace(DISK, devices_behind=8_312)
    assert "Polls of 8,312 devices are being made into hours." in story_of(behind, Retention())[0]
    assert "not known yet" in story_of(msgspec.structs.replace(DISK, raw_bytes_per_day=0), Retention())[1]


def test_refusals_of_a_retention_stand_at_their_fields(bench: Bench) -> None:
    refusal = Refusal("INVALID_INPUT", "1 to 400 days expected, got 900", "raw_days")
    bench.engine.answers[SetRetention] = Reply(0, (refusal,))
    bench.window.settings.open_storage()
    (form,) = bench.window.findChildren(StorageForm)
    form.submit()
    bench.wait_for(form.fields.by_name["raw_days"].refusal.text)
    assert form.isVisible()


def test_each_port_says_how_it_is_and_one_that_cannot_be_had_keeps_the_form(bench: Bench) -> None:
    settings = ReceiverSettings(10162, None, None, ignored=("10.9.9.9",))
    tell(
        bench, receivers=ReceiverState(settings, (Listener("traps", 10162),), {"trap": 3}, 2, 0, 1, locked=4)
    )
    bench.window.settings.open_receivers()
    (form,) = bench.window.findChildren(ReceiversForm)
    assert [row.state.text() for row in form.ports.values()] == ["Listening on 10162", "Off", "Off"]
    assert form._received.text() == "3 messages received, 2 dropped, 4 while the vault was locked"
    form.ports["syslog_udp_port"].box.setChecked(True)
    form.ignored.setPlainText("10.9.9.9\n10.9.9.8")
    trouble = Listener("syslog_udp", 514, "port 514 is kept for administrators")
    bench.engine.answers[SetReceivers] = Reply(0, result={"listeners": [msgspec.to_builtins(trouble)]})
    form.submit()
    field = form.fields.by_name["syslog_udp_port"]
    bench.wait_for(field.refusal.text)
    assert "administrators" in field.refusal.text() and form.isVisible()
    form.ports["syslog_udp_port"].port.setText("10514")
    assert field.refusal.text() == ""
    del bench.engine.answers[SetReceivers]
    form.submit()
    bench.wait_for(lambda: not form.isVisible())
    sent = heard(bench, SetReceivers)[-1]
    assert isinstance(sent, SetReceivers)
    assert sent.settings == ReceiverSettings(10162, 10514, None, ignored=("10.9.9.9", "10.9.9.8"))


def quarantine(bench: Bench) -> Quarantine:
    messages = (QuarantinedMessage(1, "syslog", "warning", "<b>link</b>\nlost", "hilltop"),)
    senders = [
        QuarantinedSender("10.9.3.7", "no device has this address", 1, 2, 1204, messages),
        QuarantinedSender("10.0.0.1", "its user is not known here", 1, 2, 3, (), id_of("g1")),
    ]
    bench.engine.answers[QueryQuarantine] = Reply(0, result={"senders": msgspec.to_builtins(senders)})
    bench.window.settings.open_quarantine()
    (board,) = bench.window.findChildren(Quarantine)
    bench.wait_for(lambda: board.senders)
    return board


def test_unknown_senders_are_listed_forgotten_and_ignored(bench: Bench) -> None:
    board = quarantine(bench)
    assert not board.forget_button.isEnabled()
    board.table.selectRow(0)
    assert board.messages.toPlainText().endswith("warning  hilltop  <b>link</b> lost")
    board.ignore_button.click()
    bench.wait_for(lambda: heard(bench, ForgetSender) and len(heard(bench, QueryQuarantine)) == 2)
    (sent,) = heard(bench, ForgetSender)
    assert isinstance(sent, ForgetSender) and (sent.address, sent.ignore) == ("10.9.3.7", True)
    bench.engine.answers[ForgetSender] = Reply(
        0, (Refusal("SENDER_NOT_FOUND", "nobody at 10.9.3.7", "address"),)
    )
    bench.wait_for(board.table.selectedIndexes)
    board.forget_button.click()
    bench.wait_for(board.rest.text)
    assert board.rest.text() == "Nobody at 10.9.3.7"


def test_an_unknown_sender_becomes_a_device_and_a_known_one_does_not(bench: Bench) -> None:
    board = quarantine(bench)
    board.table.selectRow(1)
    assert not board.add_button.isEnabled()
    board.table.selectRow(0)
    board.add_button.click()
    (form,) = bench.window.findChildren(DeviceForm)
    assert form.address.text() == "10.9.3.7"


def test_a_locked_vault_is_a_banner_until_it_is_unlocked(bench: Bench) -> None:
    tell(bench, vault=LOCKED)
    banner = bench.window.settings.banner
    assert banner.text.text() == "The vault is locked: 2 devices wait for their logins"
    bench.window.settings.open_unlock()
    (form,) = bench.window.findChildren(UnlockForm)
    wrong = Refusal("WRONG_PASSWORD", "the master password is wrong; try again in 1 s", "password")
    bench.engine.answers[Unlock] = Reply(0, (wrong,))
    form.password.setText("perhaps this")
    form.submit()
    bench.wait_for(form.fields.by_name["password"].refusal.text)
    assert form.isVisible()
    del bench.engine.answers[Unlock]
    form.password.setText("certainly this")
    form.submit()
    bench.wait_for(lambda: not form.isVisible())
    sent = heard(bench, Unlock)
    assert [m.password.value for m in sent if isinstance(m, Unlock)] == ["perhaps this", "certainly this"]
    assert not banner.isHidden()
    tell(bench, vault=VaultState("password"))
    assert banner.isHidden()


def test_a_keyring_that_did_not_answer_is_asked_without_a_password(bench: Bench) -> None:
    tell(bench, vault=VaultState("keyring", True, why="nobody is logged in"))
    bench.window.actions_by_name["unlock"].trigger()
    (form,) = bench.window.findChildren(UnlockForm)
    assert "password" not in form.fields.by_name
    assert any("Nobody is logged in." in label.text() for label in form.findChildren(Label))
    form.submit()
    bench.wait_for(lambda: heard(bench, Unlock))


def vault_board(bench: Bench, state: VaultState) -> VaultBoard:
    tell(bench, vault=state)
    bench.window.settings.open_vault()
    (board,) = bench.window.findChildren(VaultBoard)
    return board


def confirm(board: VaultBoard) -> Confirm:
    question = next(q for q in board.findChildren(Confirm) if q.isVisible())
    QTest.mouseClick(question.verb, Qt.MouseButton.LeftButton)
    return question


def test_the_key_is_moved_under_a_master_password_that_was_typed_twice(bench: Bench) -> None:
    board = vault_board(bench, VaultState("file"))
    assert board.lock_button.isHidden() and board.unlock_button.isHidden()
    assert board.move_button.isHidden()
    board.place.setCurrentIndex(board.place.findData("password"))
    board.password.setText("correct horse")
    board.again.setText("correct hoarse")
    board.move_key()
    assert "twice" in board.fields.by_name["again"].refusal.text()
    board.again.setText("correct horse")
    board.move_key()
    bench.engine.answers[SetKeyPlace] = Reply(0, result={"secrets": 2})
    confirm(board)
    bench.wait_for(lambda: "2 secrets" in board.outcome.text())
    (sent,) = heard(bench, SetKeyPlace)
    assert isinstance(sent, SetKeyPlace) and sent.password is not None
    assert (sent.place, sent.password.value) == ("password", "correct horse")
    assert board.password.text() == board.again.text() == ""


def test_refusals_about_the_vault_stand_at_their_fields(bench: Bench) -> None:
    board = vault_board(bench, VaultState("file"))
    board.place.setCurrentIndex(board.place.findData("keyring"))
    no = Refusal("PLACE_UNAVAILABLE", "there is no keyring here", "place")
    bench.engine.answers[SetKeyPlace] = Reply(0, (no,))
    board.move_key()
    confirm(board)
    bench.wait_for(board.fields.by_name["place"].refusal.text)
    bench.engine.answers[RotateKeys] = Reply(0, (Refusal("VAULT_LOCKED", "unlock it first"),))
    board.rotate_button.click()
    assert "older copies" in confirm(board).details.text().lower()
    bench.wait_for(board.rest.text)
    assert board.rest.text() == "Unlock it first"


def test_a_vault_with_a_master_password_locks_now_and_by_itself(bench: Bench) -> None:
    board = vault_board(bench, VaultState("password", auto_lock_min=15))
    assert board.auto_lock.text() == "15"
    board.auto_lock.setText("soon")
    board.set_auto_lock()
    assert "soon" in board.fields.by_name["minutes"].refusal.text()
    board.auto_lock.setText("")
    QTest.keyClick(board.auto_lock, Qt.Key.Key_Return)
    bench.wait_for(lambda: heard(bench, SetAutoLock))
    (sent,) = heard(bench, SetAutoLock)
    assert isinstance(sent, SetAutoLock) and sent.minutes == 0
    assert board.findChildren(Confirm) == [], "Return sets what is typed and moves nothing"
    bench.wait_for(board.lock_button.isEnabled)
    board.lock_button.click()
    bench.wait_for(lambda: heard(bench, Lock))
    tell(bench, vault=LOCKED)
    assert board.told.text().startswith("Locked")
    assert (board.unlock_button.isHidden(), board.rotate_button.isHidden()) == (False, True)


def untrusted_device(bench: Bench, probe: Probe) -> None:
    device = bench.model.inventory.device(id_of("g1"))
    assert device is not None
    shown = msgspec.structs.replace(device, probes=(Probe("icmp"), probe))
    failed = ProbeHealth(3, failure=Failure("untrusted", "not trusted", SEEN))
    health = Health(device.id, VANTAGE, "degraded", 1, 1, {probe.kind: failed})
    bench.engine.inventory.tables["device"][device.id] = shown
    bench.model.merge(Changed(9, devices=(shown,), health=(health,)))
    bench.model.flush()


@pytest.mark.parametrize("pin", ["", PIN])
def test_what_a_device_shows_is_trusted_after_a_question_and_that_can_be_undone(
    bench: Bench, pin: str
) -> None:
    untrusted_device(bench, Probe("http", 443, tls=True, pin=pin))
    bench.window.device.trust_asked.emit(id_of("g1"), "http")
    (question,) = bench.window.findChildren(TrustQuestion)
    said = "\n".join(label.text() for label in question.findChildren(Label)).replace("\n", "")
    assert grouped_hex(SEEN)[:40] in said
    assert (grouped_hex(PIN)[:40] in said) == bool(pin)
    assert ("another certificate than before" in said) == bool(pin)
    QTest.mouseClick(question.verb, Qt.MouseButton.LeftButton)
    trusts = Probe("http", 443, tls=True, pin=SEEN)
    bench.wait_for(lambda: trusts in bench.model.inventory.device(id_of("g1")).probes)  # type: ignore[union-attr]
    bench.wait_for(lambda: bench.commands.undo_title)
    bench.commands.undo()
    bench.wait_for(lambda: trusts not in bench.model.inventory.device(id_of("g1")).probes)  # type: ignore[union-attr]


def test_a_host_key_is_shown_as_ssh_shows_it_and_return_does_not_trust_it(bench: Bench) -> None:
    untrusted_device(bench, Probe("ssh", 22, bench.engine.inventory.tables["credential"].popitem()[0]))
    bench.window.select(id_of("g1"))
    bench.window.actions_by_name["trust"].trigger()
    (question,) = bench.window.findChildren(TrustQuestion)
    assert openssh(SEEN) in [label.text() for label in question.findChildren(Label)]
    QTest.keyClick(question, Qt.Key.Key_Return)
    assert not question.isVisible()
    assert bench.engine.edits == []


def test_the_question_trusts_what_it_shows_even_if_something_else_is_shown_by_then(bench: Bench) -> None:
    untrusted_device(bench, Probe("http", 443, tls=True))
    bench.window.settings.open_trust(id_of("g1"))
    (question,) = bench.window.findChildren(TrustQuestion)
    failed = ProbeHealth(4, failure=Failure("untrusted", "not trusted", "ee" * 32))
    bench.model.merge(Changed(10, health=(Health(id_of("g1"), VANTAGE, "degraded", 1, 1, {"http": failed}),)))
    QTest.mouseClick(question.verb, Qt.MouseButton.LeftButton)
    bench.wait_for(lambda: bench.engine.edits)
    step = bench.engine.edits[0].steps[0]
    assert step.after is not None and step.after["probes"][1]["pin"] == SEEN


def test_fingerprints_are_told_as_others_tell_them() -> None:
    assert grouped_hex("00ff") == "00:FF"
    # ssh-keygen -l of a key whose SHA-256 is 32 zero bytes
    assert openssh("00" * 32) == "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    assert openssh("no hex") == ""


def test_a_healthy_device_has_nothing_to_trust(bench: Bench) -> None:
    device = bench.model.inventory.device(id_of("g1"))
    assert device is not None
    assert untrusted(device, None) == []
    bench.window.settings.open_trust(device.id)
    assert bench.window.findChildren(TrustQuestion) == []
