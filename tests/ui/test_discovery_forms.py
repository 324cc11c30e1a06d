"""The forms that begin to look: how much is asked for, which logins are tried, what is refused at its field."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.dialogs.credential_form import CredentialForm
from app.discovery.looking import SweepForm, WalkForm, count_words, usual_ranges
from domain.errors import Refusal
from domain.inventory import Credential, Device, Inventory
from domain.searching import StartSweep, StartWalk
from domain.wire import Changed, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of

T = TypeVar("T", bound=QWidget)
V3 = Credential(id_of("v3"), "Core v3", "snmp_v3", "reader")
API = Credential(id_of("api"), "Field API", "routeros_login", "api")


def opened(bench: Bench, kind: type[T]) -> T:
    (found,) = [form for form in bench.window.findChildren(kind) if form.isVisible()]
    return found


@pytest.fixture
def sweep(bench: Bench) -> SweepForm:
    for row in (V3, API):
        bench.engine.inventory.tables["credential"][row.id] = row
    bench.model.merge(Changed(9, credentials=(V3, API)))
    bench.model.flush()
    bench.window.actions_by_name["sweep"].trigger()
    return opened(bench, SweepForm)


def sent(bench: Bench, kind: type) -> list[object]:
    return [message for message in bench.engine.heard if isinstance(message, kind)]


@pytest.mark.parametrize(
    ("typed", "rate_per_s", "said"),
    [
        ("10.0.0.0/24", 50.0, "254 addresses, about 6 s at 50/s"),
        ("10.0.0.0/20 10.0.9.1", 50.0, "4,094 addresses, about 1 min at 50/s"),
        ("10.0.0.1-10.0.0.4, 10.0.1.9", 0.5, "5 addresses, about 10 s at 0.5/s"),
        ("10.0.0.7", 50.0, "1 address, about 1 s at 50/s"),
        ("10.0.0.7", None, "1 address"),
        ("10.0.0.0/8", 50.0, "16,777,214 addresses, at most 65,536 go in one sweep"),
        ("10.0.0", 50.0, ""),
        ("", 50.0, ""),
    ],
)
def test_how_much_it_is_and_how_long_it_takes_is_said(
    typed: str, rate_per_s: float | None, said: str
) -> None:
    assert count_words(typed, rate_per_s) == said


def test_it_begins_with_the_networks_in_which_devices_are_the_fullest_first() -> None:
    addresses = ["10.1.0.1", "10.2.0.1", "10.2.0.9", "router.example", "fd00::1"]
    devices = {UUID(int=n): Device(UUID(int=n), str(n), a) for n, a in enumerate(addresses)}
    assert usual_ranges(Inventory({"device": dict(devices)})) == "10.2.0.0/24, 10.1.0.0/24"
    assert usual_ranges(Inventory()) == ""


def test_a_sweep_is_asked_for_and_offered_again_as_it_was(bench: Bench, sweep: SweepForm) -> None:
    assert sweep.ranges.toPlainText() == "10.0.0.0/24, 10.0.1.0/24"
    assert sweep.count.text() == "508 addresses, about 11 s at 50/s"
    sweep.asking.rate.setText("100")
    assert sweep.count.text() == "508 addresses, about 6 s at 100/s"
    sweep.ranges.setPlainText("10.3.0.0/24")
    sweep.asking.silent.setChecked(True)
    sweep.submit_button.click()
    bench.wait_for(lambda: sent(bench, StartSweep))
    (message,) = sent(bench, StartSweep)
    assert isinstance(message, StartSweep)
    assert message.settings.ranges == "10.3.0.0/24"
    assert (message.settings.asking.rate_per_s, message.settings.asking.asks_silent) == (100.0, True)
    bench.wait_for(lambda: bench.window.discovery.page is not None)
    bench.window.discovery.open_sweep()
    again = opened(bench, SweepForm)
    assert again.ranges.toPlainText() == "10.3.0.0/24"
    assert again.asking.silent.isChecked()


def test_communities_and_v3_users_are_tried_and_a_password_only_where_it_was_chosen(sweep: SweepForm) -> None:
    assert sweep.asking.credentials.ids() == (id_of("community"), V3.id)
    sweep.asking.credentials.add(API.id, "Field API")
    bad: list[Refusal] = []
    assert sweep.asking.asking(bad).credentials == (id_of("community"), V3.id, API.id)
    assert bad == []


def test_the_order_of_logins_is_changed_with_the_keyboard(sweep: SweepForm) -> None:
    chips = sweep.asking.credentials
    QTest.keyClick(chips._chips[1].cross, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert chips.ids() == (V3.id, id_of("community"))
    QTest.keyClick(chips._chips[0].cross, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert chips.ids() == (V3.id, id_of("community"))
    QTest.keyClick(chips._chips[0].cross, Qt.Key.Key_Delete)
    assert chips.ids() == (id_of("community"),)


def test_a_new_login_is_made_and_tried_last(bench: Bench, sweep: SweepForm) -> None:
    sweep.asking.new_login.click()
    form = opened(bench, CredentialForm)
    form.name.setText("Attic")
    form.login.secret.setText("attic")
    form.submit_button.click()
    bench.wait_for(lambda: len(sweep.asking.credentials.ids()) == 3)
    made = bench.engine.inventory.credential(sweep.asking.credentials.ids()[2])
    assert made is not None
    assert made.name == "Attic"
    assert sweep.asking.credentials.chosen[2][1] == "Attic (community)"


def test_what_cannot_be_is_refused_at_its_field_and_nothing_is_sent(bench: Bench, sweep: SweepForm) -> None:
    fields = sweep.fields.by_name
    for typed, said in (
        ("10.0.0", "'10.0.0'"),
        ("10.0.0.0/8", "at most 65,536 go in one sweep"),
        ("", "A range of addresses is needed"),
        ("224.0.0.0/24", "No address of a device is in it"[3:]),
    ):
        sweep.ranges.setPlainText(typed)
        sweep.submit()
        assert said in fields["ranges"].refusal.text()
    sweep.ranges.setPlainText("10.0.0.1")
    sweep.asking.rate.setText("5000")
    sweep.submit()
    assert fields["rate_per_s"].refusal.text() == "1 to 1000 addresses a second expected, got 5000"
    sweep.asking.rate.setText("quick")
    sweep.submit()
    assert "“quick”" in fields["rate_per_s"].refusal.text()
    sweep.asking.rate.setText("50")
    sweep.asking.ports.setText("22, ssh")
    sweep.submit()
    assert sweep.asking.ports.isVisible()
    assert "Ports with commas" in fields["ports"].refusal.text()
    assert sent(bench, StartSweep) == []


def test_what_is_wrong_with_ranges_is_said_while_they_are_typed(bench: Bench, sweep: SweepForm) -> None:
    sweep.ranges.setPlainText("10.0.0.0/33")
    bench.wait_for(lambda: not sweep.fields.by_name["ranges"].refusal.isHidden())
    assert sweep.count.isHidden()
    sweep.ranges.setPlainText("10.0.0.0/30")
    assert sweep.fields.by_name["ranges"].refusal.isHidden()
    assert sweep.count.text() == "2 addresses, about 1 s at 50/s"


def test_what_the_engine_refuses_stands_at_its_field(bench: Bench, sweep: SweepForm) -> None:
    said = Refusal("CREDENTIAL_NOT_HERE", "the vault is locked", "credentials")
    bench.engine.answers[StartSweep] = Reply(0, (said,))
    sweep.submit()
    bench.wait_for(sweep.submit_button.isEnabled)
    assert sweep.fields.by_name["credentials"].refusal.text() == "The vault is locked"
    assert sweep.isVisible()


def test_a_walk_begins_at_what_is_selected(bench: Bench) -> None:
    bench.window.select(id_of("g1"))
    bench.window.actions_by_name["neighbours"].trigger()
    form = opened(bench, WalkForm)
    assert [said for _, said in form.devices.chosen] == ["Grünten R1"]
    form.addresses.setText("10.9.0.1; 10.9.0.2")
    form.within.setText("10.0.0.0/8")
    form.steps.setText("2")
    form.submit()
    bench.wait_for(lambda: sent(bench, StartWalk))
    (message,) = sent(bench, StartWalk)
    assert isinstance(message, StartWalk)
    settings = msgspec.structs.replace(message.settings, asking=type(message.settings.asking)())
    assert settings == type(settings)((id_of("g1"),), ("10.9.0.1", "10.9.0.2"), "10.0.0.0/8", 2, 1_000)


def test_a_walk_of_nothing_begins_at_the_pops_and_says_what_is_wrong(bench: Bench) -> None:
    bench.window.actions_by_name["neighbours"].trigger()
    form = opened(bench, WalkForm)
    assert [said for _, said in form.devices.chosen] == ["Lindau R1"]
    form.devices.choose([])
    form.within.setText("10.0.0.0/99")
    form.steps.setText("many")
    form.submit()
    assert "“many”" in form.fields.by_name["depth"].refusal.text()
    form.steps.setText("99")
    form.submit()
    fields = form.fields.by_name
    assert "A device or an address" in fields["devices"].refusal.text()
    assert "10.0.0.0/99" in fields["within"].refusal.text()
    assert fields["depth"].refusal.text() == "1 to 32 expected, got 99"
    assert sent(bench, StartWalk) == []


def test_tab_goes_through_a_form_as_it_is_seen(sweep: SweepForm) -> None:
    sweep.ranges.setFocus()
    seen: list[QWidget | None] = []
    for _ in range(6):
        QTest.keyClick(sweep.focusWidget(), Qt.Key.Key_Tab)
        seen.append(sweep.focusWidget())
    asking = sweep.asking
    crosses = [chip.cross for chip in asking.credentials._chips]
    assert seen == [*crosses, asking.credentials.verb, asking.rate, asking.silent, asking.new_login]
