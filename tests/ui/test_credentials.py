"""Logins in their list: added, changed without their secret, deleted when nothing is asked with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.dialogs.confirm import Confirm
from app.dialogs.credential_form import CredentialForm
from app.dialogs.credentials import Credentials
from domain.inventory import Credential, CredentialKind
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

V3 = Credential(id_of("v3"), "Core v3", "snmp_v3", "reader", "sha256", "", "")


@pytest.fixture
def board(bench: Bench) -> Iterator[Credentials]:
    bench.engine.inventory.tables["credential"][V3.id] = V3
    bench.model.merge(Changed(9, credentials=(V3,)))
    bench.model.flush()
    bench.window.actions_by_name["credentials"].trigger()
    (found,) = bench.window.findChildren(Credentials)
    yield found


def form_of(board: Credentials) -> CredentialForm:
    (found,) = [form for form in board.findChildren(CredentialForm) if form.isVisible()]
    return found


def shown(board: Credentials) -> list[list[str]]:
    table = board.table
    return [
        [item.text() if (item := table.item(row, column)) else "" for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_the_list_says_who_each_is_and_what_uses_it(board: Credentials) -> None:
    assert shown(board) == [
        ["Core v3", "SNMPv3 user", "reader", "nothing"],
        ["Field community", "SNMP community", "–", "2 devices"],
    ]


@pytest.mark.parametrize(
    ("kind", "user", "secret"),
    [
        ("snmp_community", "", "public"),
        ("routeros_login", "monitor", "hunter22"),
        ("ssh_login", "root", "hunter22"),
        ("ssh_key", "root", "a key\n"),
        ("snmp_v3", "ops", '{"auth": "authenticate", "privacy": "hunter22"}'),
    ],
)
def test_a_login_of_each_kind_is_added(
    bench: Bench, board: Credentials, kind: CredentialKind, user: str, secret: str
) -> None:
    board.add()
    form = form_of(board)
    form.name.setText("New one")
    form.kind.setCurrentIndex(form.kind.findData(kind))
    form.login.user.setText(user)
    form.login.secret.setText("authenticate" if kind == "snmp_v3" else secret)
    form.login.privacy_secret.setText("hunter22")
    form.login.key.setPlainText(secret)
    form.submit()
    bench.wait_for(lambda: bench.engine.edits)
    bench.settle()
    made = next(row for row in bench.model.inventory.credentials() if row.name == "New one")
    assert (made.kind, made.user) == (kind, user)
    assert bench.engine.secrets[made.id].value == secret
    assert [row[0] for row in shown(board) if row[0] == "New one"] == ["New one"]


def test_a_login_without_its_secret_is_said_at_the_secret(bench: Bench, board: Credentials) -> None:
    board.add()
    form = form_of(board)
    form.name.setText("Half")
    form.submit()
    assert "community is needed" in form.login.fields.by_name["secret"].refusal.text()
    assert bench.engine.edits == []


def test_the_engines_refusals_stand_at_their_fields(bench: Bench, board: Credentials) -> None:
    board.add()
    form = form_of(board)
    form.kind.setCurrentIndex(form.kind.findData("snmp_v3"))
    form.login.secret.setText("authenticate")
    form.submit()
    bench.wait_for(form.fields.by_name["name"].refusal.text)
    assert "1 to 32 bytes" in form.login.fields.by_name["user"].refusal.text()
    assert form.isVisible()


def test_a_name_is_changed_without_the_secret(bench: Bench, board: Credentials) -> None:
    board.table.selectRow(0)
    board.change()
    form = form_of(board)
    assert form.login.secret.text() == "" and form.login.secret.placeholderText()
    form.name.setText("Core readers")
    form.submit()
    bench.wait_for(lambda: bench.engine.edits)
    (step,) = bench.engine.edits[0].steps
    assert step.after == {"name": "Core readers"}
    assert bench.engine.secrets == {}


def test_a_secret_alone_is_replaced_and_is_nothing_to_undo(bench: Bench, board: Credentials) -> None:
    board.table.selectRow(1)
    board.change()
    form = form_of(board)
    form.login.secret.setText("another")
    form.submit()
    bench.wait_for(lambda: bench.engine.secrets)
    bench.settle()
    assert [secret.value for secret in bench.engine.secrets.values()] == ["another"]
    assert bench.engine.edits[0].steps == ()
    assert bench.commands.undo_title == ""


def test_privacy_that_is_new_needs_the_passphrases_anew(bench: Bench, board: Credentials) -> None:
    board.table.selectRow(0)
    board.change()
    form = form_of(board)
    form.login.privacy.setCurrentIndex(form.login.privacy.findData("aes256"))
    form.submit()
    assert "kept together" in form.login.fields.by_name["secret"].refusal.text()
    form.login.secret.setText("authenticate")
    form.login.privacy_secret.setText("keep private")
    form.submit()
    bench.wait_for(lambda: bench.engine.secrets)
    assert bench.engine.edits[0].steps[0].after == {"privacy": "aes256"}


def test_without_authentication_there_is_no_privacy(board: Credentials) -> None:
    board.table.selectRow(0)
    board.change()
    login = form_of(board).login
    login.privacy.setCurrentIndex(1)
    login.auth.setCurrentIndex(0)
    assert (login.login().privacy, login.privacy.isEnabled()) == ("", False)


def test_what_is_in_use_is_not_deleted_and_it_is_said_by_whom(bench: Bench, board: Credentials) -> None:
    board.table.selectRow(1)
    board.delete()
    assert board.rest.text().startswith("Field community is still used by ")
    assert "Grünten R1" in board.rest.text() and "Lindau R1" in board.rest.text()
    assert board.findChildren(Confirm) == []
    board.table.selectRow(0)
    assert board.rest.text() == ""


def test_deleting_asks_once_and_can_be_undone(bench: Bench, board: Credentials) -> None:
    board.table.selectRow(0)
    board.delete()
    (question,) = board.findChildren(Confirm)
    QTest.mouseClick(question.verb, Qt.MouseButton.LeftButton)
    bench.wait_for(lambda: bench.model.inventory.credential(V3.id) is None)
    bench.wait_for(lambda: bench.commands.undo_title)
    bench.commands.undo()
    bench.wait_for(lambda: bench.model.inventory.credential(V3.id) == V3)


def test_a_key_is_loaded_from_a_file_that_is_text_and_small(board: Credentials, tmp_path: Path) -> None:
    board.add()
    form = form_of(board)
    form.kind.setCurrentIndex(form.kind.findData("ssh_key"))
    file, refusal = tmp_path / "id", form.login.fields.by_name["secret"].refusal
    for data, said in ((b"\xff\xfe", "as text"), (b"k" * 70_000, "64 KiB")):
        file.write_bytes(data)
        form.login.load_key(str(file))
        assert said in refusal.text()
        assert form.login.key.toPlainText() == ""
    form.login.load_key(str(tmp_path / "gone"))
    assert "cannot be read" in refusal.text()
    file.write_text("a key\n")
    form.login.load_key(str(file))
    assert form.login.login().secret.value == "a key\n"
    assert refusal.text() == ""
