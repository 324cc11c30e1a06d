"""Joining, changing between networks, logging in again and leaving."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel

from app.dialogs.trust import hex_lines
from app.engine_link import EngineLink
from app.model import Model
from app.team.certificate import CertificateForm
from app.team.join import JoinForm, brought_words
from app.team.membership import LogInForm
from app.team.networks import joined_networks, root_of
from domain.errors import Refusal
from domain.inventory import Device, Inventory, Tenant
from domain.team import JoinTeam, LeaveTeam, LogInAgain, LookAtServer, NetworkCard, TrustServer
from domain.wire import Reply
from tests.ui.conftest import Bench, WaitFor
from tests.ui.fake_engine import FakeEngine, id_of, small_network
from tests.ui.team_parts import tell_team

FINGERPRINT = "ab12" * 16
LINK = "https://noc.example.net/link#token"


def heard(bench: Bench, kind: type) -> list[Any]:
    return [message for message in bench.engine.heard if isinstance(message, kind)]


def server(**fields: Any) -> Reply:
    told = {"address": "https://noc.example.net", "fingerprint": "", "is_trusted": True}
    return Reply(0, (), told | {"tenant": "", "login": "", "needs_password": False} | fields)


def write_card(folder: Path, name: str, **fields: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    card = NetworkCard(id_of(name), name, "https://noc.example.net", **fields)
    (folder / "network.json").write_bytes(msgspec.json.encode(card))


@pytest.fixture
def other(bench: Bench) -> Iterator[FakeEngine]:
    """A joined network beneath the bench's, with its engine."""
    folder = bench.engine.profile / "teams" / "voralp"
    made = FakeEngine(folder, Inventory())
    made.tenant = Tenant(id_of("voralp"), "Voralp")
    write_card(folder, "Voralp")
    yield made
    made.close()


def at_login(bench: Bench, told: Reply) -> JoinForm:
    """Return the dialog where it asks who one is."""
    bench.engine.answers[LookAtServer] = told
    form = bench.window.team.open_join()
    form.link.setText(f" {LINK} ")
    form.submit()
    bench.wait_for(lambda: form.step == "login")
    return form


def test_a_link_leads_to_the_login_and_the_window_goes_to_the_new_network(
    bench: Bench, other: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(bench.window.toasts, "say", lambda text, *_: said.append(text))
    form = at_login(bench, server(tenant="Voralp", login="rosa@example.net", needs_password=True))
    assert form.who.text() == "noc.example.net invites you to Voralp"
    assert form.login.isReadOnly()
    form.submit()
    assert form.fields.by_name["password"].refusal.text()
    form.password.setText("correct horse")
    form.again.setText("another horse")
    form.submit()
    assert "differ" in form.fields.by_name["again"].refusal.text()
    assert not heard(bench, JoinTeam), "nothing is sent that cannot be right"
    form.again.setText("correct horse")
    form.bring.setChecked(True)
    form.computer.setText("van-2")
    result = {"profile": str(other.profile), "tenant": "Voralp", "brought": 7, "secrets_left": 1}
    bench.engine.answers[JoinTeam] = Reply(0, (), result)
    form.submit()
    bench.wait_for(lambda: bench.model.tenant == other.tenant)
    (sent,) = heard(bench, JoinTeam)
    assert (sent.link, sent.login, sent.password.value) == (LINK, "rosa@example.net", "correct horse")
    assert (sent.computer, sent.bring, sent.fingerprint) == ("van-2", True, "")
    bench.wait_for(lambda: bench.window.windowTitle() == "Voralp – Heliograph")
    assert "7 things were brought along; 1 login needs" in said[-1]
    assert "correct horse" not in repr(sent)


def test_a_certificate_that_the_system_does_not_trust_is_compared_before_anything_is_sent(
    bench: Bench,
) -> None:
    bench.engine.answers[LookAtServer] = server(fingerprint=FINGERPRINT, is_trusted=False)
    form = bench.window.team.open_join()
    form.link.setText(LINK)
    form.submit()
    bench.wait_for(lambda: form.step == "trust")
    assert form.back.hasFocus() or not form.submit_button.hasFocus()
    form.submit()
    bench.wait_for(lambda: form.step == "login")
    assert [message.fingerprint for message in heard(bench, LookAtServer)] == ["", FINGERPRINT]
    form.login.setText("rosa@example.net")
    form.password.setText("x")
    form.submit()
    bench.wait_for(lambda: heard(bench, JoinTeam))
    assert heard(bench, JoinTeam)[0].fingerprint == FINGERPRINT


def test_refusals_stand_at_their_fields_and_bring_their_step_back(bench: Bench) -> None:
    form = bench.window.team.open_join()
    form.submit()
    assert form.fields.by_name["link"].refusal.text()
    bench.engine.answers[LookAtServer] = Reply(0, (Refusal("LINK_OVER", "this link is over", "link"),))
    form.link.setText(LINK)
    form.submit()
    bench.wait_for(lambda: "is over" in form.fields.by_name["link"].refusal.text())
    form.close()
    form = at_login(bench, server())
    form.login.setText("rosa@example.net")
    form.password.setText("x")
    wanted = Refusal("TOTP_REQUIRED", "a code is needed", "code")
    bench.engine.answers[JoinTeam] = Reply(0, (wanted,))
    assert form.fields.by_name["code"].isHidden()
    form.submit()
    bench.wait_for(form.code.isVisible)
    bench.engine.answers[JoinTeam] = Reply(0, (Refusal("LINK_OVER", "this link is over", "link"),))
    form.code.setText("123456")
    form.submit()
    bench.wait_for(lambda: form.step == "link")
    assert heard(bench, JoinTeam)[-1].code == "123456"
    assert form.fields.by_name["link"].refusal.text() == "This link is over"


def test_where_there_are_several_networks_one_is_chosen(bench: Bench) -> None:
    form = at_login(bench, server())
    form.login.setText("rosa@example.net")
    form.password.setText("x")
    tenants = [[str(id_of("a")), "Voralp", "engineer"], [str(id_of("b")), "Rheintal", "tenant_admin"]]
    bench.engine.answers[JoinTeam] = Reply(0, (), {"tenants": tenants})
    form.submit()
    bench.wait_for(lambda: form.step == "tenant")
    assert form.tenants.item(1).text() == "Rheintal   (administrator)"
    form.tenants.setCurrentRow(1)
    form.submit()
    bench.wait_for(lambda: len(heard(bench, JoinTeam)) == 2)
    assert heard(bench, JoinTeam)[1].tenant == id_of("b")


def test_what_is_here_can_be_brought_along_only_from_ones_own_network(bench: Bench) -> None:
    assert brought_words(small_network()) == "3 devices, 2 sites, 1 link and 1 login"
    assert brought_words(Inventory()) == ""
    assert not bench.window.team.open_join().bring.isHidden()
    tell_team(bench)
    assert bench.window.team.open_join().bring.isHidden()


def test_an_answer_to_a_closed_dialog_is_nothing(bench: Bench) -> None:
    form = at_login(bench, server())
    form.show_step("link")
    form.submit()
    form.close()
    bench.wait_for(lambda: not bench.link._pending)
    assert bench.model.tenant == bench.engine.tenant


def test_going_to_another_network_takes_nothing_of_this_one_along(bench: Bench, other: FakeEngine) -> None:
    bench.commands.pause_device(id_of("g1"), paused=True)
    bench.settle()
    bench.window.select(id_of("g1"))
    bench.window.edit(id_of("g1"))
    networks = bench.window.team.networks()
    assert [(network.name, network.server) for network in networks] == [
        ("Test net", ""),
        ("Voralp", "https://noc.example.net"),
    ]
    bench.window.team.go_to(other.profile)
    assert bench.window.selected is None
    assert not [dialog for dialog in bench.window.findChildren(QDialog) if dialog.isVisible()]
    assert not bench.window.first_card.isVisible(), "nobody is offered to begin while it loads"
    bench.wait_for(lambda: bench.model.tenant == other.tenant)
    bench.wait_for(bench.window.first_card.isVisible)
    bench.commands.undo()
    assert other.edits == []
    bench.window.team.go_to(bench.engine.profile)
    bench.wait_for(lambda: bench.model.inventory == bench.engine.inventory)
    assert bench.window.team.networks()[0].name == "Test net"


def test_the_map_stays_where_one_looks_unless_nothing_of_the_new_network_is_there(
    bench: Bench, other: FakeEngine
) -> None:
    home, fitted = bench.engine.profile, bench.map.fitted
    near = Device(id_of("near"), "Near", "10.0.0.7", lng=10.1, lat=47.1)
    other.inventory.tables["device"][near.id] = near
    bench.window.team.go_to(other.profile)
    bench.wait_for(lambda: bench.model.inventory.device(near.id))
    bench.model.flush()
    assert bench.map.fitted == fitted
    bench.window.team.go_to(home)
    bench.wait_for(lambda: bench.model.inventory == bench.engine.inventory)
    other.inventory.tables["device"][near.id] = msgspec.structs.replace(near, lng=-120.0)
    bench.window.team.go_to(other.profile)
    bench.wait_for(lambda: bench.map.fitted == fitted + 1)


def test_folders_that_are_no_networks_are_not_there(tmp_path: Path) -> None:
    write_card(tmp_path / "teams" / "b", "Berg")
    write_card(tmp_path / "teams" / "a", "Alm", left=True)
    (tmp_path / "teams" / "wiped").mkdir()
    write_card(tmp_path / "teams" / "c.joining", "Half made")
    (tmp_path / "teams" / "broken").mkdir()
    (tmp_path / "teams" / "broken" / "network.json").write_text("{")
    found = joined_networks(tmp_path)
    assert [(network.name, network.server) for network in found] == [
        ("Alm", ""),
        ("Berg", "https://noc.example.net"),
    ]
    assert joined_networks(tmp_path / "nowhere") == []
    assert root_of(tmp_path / "teams" / "b") == tmp_path
    assert root_of(tmp_path) == tmp_path


def test_the_real_engine_answers_the_dialog(qt: QApplication, tmp_path: Path, wait_for: WaitFor) -> None:
    link = EngineLink(tmp_path / "profile", Model())
    link.start()
    wait_for(lambda: link.connected)
    form = JoinForm(link, Inventory())
    form.show()
    form.link.setText("http://198.51.100.1/link#token")
    form.submit()
    wait_for(form.fields.by_name["link"].refusal.text)
    assert form.step == "link"
    form.link.setText("https://127.0.0.1:9/link#token")
    form.submit()
    wait_for(lambda: form.fields.rest.text() or form.fields.by_name["link"].refusal.text())
    form.close()
    link.stop()


def test_a_session_that_is_over_is_opened_again_with_the_password(bench: Bench) -> None:
    tell_team(bench, reachability="refused", why="the session is over", login="mara@example.org")
    board = bench.window.team.open()
    assert board is not None
    assert not board.login.isHidden()
    form = bench.window.team.open_login()
    assert isinstance(form, LogInForm)
    bench.engine.answers[LogInAgain] = Reply(0, (Refusal("TOTP_REQUIRED", "a code is needed", "code"),))
    form.password.setText("secret")
    form.submit()
    bench.wait_for(form.code.isVisible)
    bench.engine.answers[LogInAgain] = Reply(0)
    assert form.login.text() == "mara@example.org"
    form.login.setText(" mara@example.net ")
    form.code.setText("123456")
    form.submit()
    bench.wait_for(lambda: form.result() == QDialog.DialogCode.Accepted)
    assert [(m.password.value, m.code, m.login) for m in heard(bench, LogInAgain)] == [
        ("secret", "", "mara@example.org"),
        ("secret", "123456", "mara@example.net"),
    ]


def test_another_certificate_is_shown_beside_the_trusted_one_and_trusted_by_a_deliberate_click(
    bench: Bench,
) -> None:
    old, new = "ab" * 32, "cd" * 32
    told = {"reachability": "refused", "shown_certificate": new, "trusted_certificate": old}
    tell_team(bench, **told, why="it shows a certificate that is not trusted")
    board = bench.window.team.open()
    assert board is not None and board.login.text() == "Compare certificates…"
    form = bench.window.team.open_login()
    assert isinstance(form, CertificateForm)
    shown = [label.text() for label in form.findChildren(QLabel)]
    assert hex_lines(new) in shown and hex_lines(old) in shown
    assert shown.index(hex_lines(new)) < shown.index(hex_lines(old))
    QTest.keyClick(form, Qt.Key.Key_Return)
    assert not heard(bench, TrustServer), "Return agrees to nothing"
    form = bench.window.team.open_login()
    assert isinstance(form, CertificateForm)
    tell_team(bench, **(told | {"shown_certificate": "ef" * 32}))
    bench.engine.answers[TrustServer] = Reply(0)
    form.submit_button.click()
    bench.wait_for(lambda: form.result() == QDialog.DialogCode.Accepted)
    assert [m.fingerprint for m in heard(bench, TrustServer)] == [new], "what was shown, not what came later"


def test_leaving_warns_of_what_would_be_lost_and_goes_home(bench: Bench, other: FakeEngine) -> None:
    bench.window.team.go_to(other.profile)
    bench.wait_for(lambda: bench.model.tenant == other.tenant)
    tell_team(bench, pending=4)
    form = bench.window.team.open_leave()
    assert form is not None
    assert form.lose.text() == "Lose 4 edits that the server has not confirmed"
    form.submit()
    assert form.fields.by_name["lose_pending"].refusal.text()
    form.lose.setChecked(True)
    form.submit()
    bench.wait_for(lambda: bench.model.tenant == bench.engine.tenant)
    (sent,) = [message for message in other.heard if isinstance(message, LeaveTeam)]
    assert (sent.keep, sent.lose_pending) == (False, True)


def test_edits_made_while_the_question_is_open_are_warned_of_too(bench: Bench, other: FakeEngine) -> None:
    bench.window.team.go_to(other.profile)
    bench.wait_for(lambda: bench.model.tenant == other.tenant)
    tell_team(bench)
    form = bench.window.team.open_leave()
    assert form is not None
    other.answers[LeaveTeam] = Reply(0, (Refusal("PENDING_EDITS", "1 edit was not confirmed"),))
    form.submit()
    bench.wait_for(form.lose.isVisible)
    assert form.lose.text() == "Lose what the server has not confirmed"
    assert form.isVisible()


def test_what_is_kept_stays_open_as_a_network_of_ones_own(bench: Bench, other: FakeEngine) -> None:
    bench.window.team.go_to(other.profile)
    bench.wait_for(lambda: bench.model.tenant == other.tenant)
    tell_team(bench)
    form = bench.window.team.open_leave()
    assert form is not None
    assert form.lose.isHidden()
    form.keep.setChecked(True)
    form.submit()
    bench.wait_for(lambda: other.hello_count == 2)
    bench.wait_for(lambda: bench.model.tenant == other.tenant)
    assert bench.model.team is None
    assert bench.window.top.sync.words == "Sync off"
