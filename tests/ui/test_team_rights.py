"""What a role may not do is switched off with a sentence, and never reaches the engine."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QMenu

from app.actions import TABLE
from app.device_menu import fill_menu
from app.dialogs.rules import Rules
from app.draft import edit_of
from app.team.rights import ACTIONS, PAST_WHY, refused_by_role, role_words, why_forbidden, why_not
from domain.edit import creation
from domain.inventory import KINDS, Credential, Site
from domain.roles import PERMISSIONS, ROLES, Role
from domain.vault import Secret
from domain.wire import ActOnAlert, Changed, ProbeNow, Removed, SubmitEdit
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.team_parts import team_of, tell_team


def test_without_a_team_everything_may_be_done() -> None:
    assert why_forbidden(None, ("devices:write",)) == ""
    edit = edit_of("Add X", "me", [creation("site", Site(id_of("x"), "X"))])
    assert refused_by_role(None, SubmitEdit(1, edit)) is None


def test_a_viewer_is_told_in_a_sentence_what_the_role_may_not_do() -> None:
    assert why_forbidden(team_of("viewer"), ("devices:write",)) == (
        "Your role here is viewer, which may not change devices"
    )
    assert why_forbidden(team_of("engineer"), ("devices:write",)) == ""
    assert "administrator" in role_words("tenant_admin")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_refused_exactly_what_its_permissions_lack(role: str) -> None:
    team = team_of(role)  # type: ignore[arg-type]
    edit = edit_of("Add X", "me", [creation("site", Site(id_of("x"), "X"))])
    assert (refused_by_role(team, SubmitEdit(1, edit)) is None) == ("sites:write" in team.permissions)
    act = ActOnAlert(1, id_of("alert"), "acknowledge", "me")
    assert (refused_by_role(team, act) is None) == ("alerts:write" in team.permissions)
    assert refused_by_role(team, ProbeNow(1, id_of("g1"))) is None


def test_a_secret_takes_the_right_to_change_logins_even_without_a_step() -> None:
    team = team_of("engineer", permissions=("devices:write", "sites:write"))
    only_secret = SubmitEdit(1, edit_of("Replace", "me", []), {id_of("community"): Secret("x")})
    refusal = refused_by_role(team, only_secret)
    assert refusal is not None
    assert "change logins" in refusal.message
    login = creation("credential", Credential(id_of("new"), "New", "snmp_community"))
    assert refused_by_role(team, SubmitEdit(1, edit_of("Add", "me", [login]))) is not None


def test_every_kind_of_thing_has_words_for_why_it_may_not_be_changed() -> None:
    for kind in KINDS:
        edit = SubmitEdit(1, edit_of("X", "me", [creation("site", Site(id_of("x"), "X"))]))
        step = edit.edit.steps[0].__class__(kind, id_of("x"), None, {})
        refusal = refused_by_role(team_of("viewer"), SubmitEdit(1, edit_of("X", "me", [step])))
        assert refusal is not None
        assert ":" not in refusal.message, kind


def test_each_action_that_is_switched_off_exists() -> None:
    assert set(ACTIONS) <= {row.name for row in TABLE}


def test_what_a_viewer_sends_all_the_same_is_refused_before_it_leaves_the_window(bench: Bench) -> None:
    tell_team(bench, "viewer")
    bench.commands.move_device(id_of("g1"), 10.0, 47.0)
    bench.commands.pause_device(id_of("g1"), paused=True)
    assert not bench.link._pending
    assert bench.engine.edits == []


def test_in_the_past_nobody_may_change_anything(bench: Bench) -> None:
    bench.model.today = bench.model
    assert why_not(bench.model, "devices:write") == PAST_WHY
    bench.model.today = None
    assert why_not(bench.model, "devices:write") == ""


def test_a_viewers_window_offers_to_look_and_says_why_not_more(bench: Bench) -> None:
    window = bench.window
    tell_team(bench, "viewer")
    actions = window.actions_by_name
    assert not actions["add"].isEnabled()
    assert actions["add"].toolTip() == "Your role here is viewer, which may not change devices"
    assert actions["search"].isEnabled()
    window.select(id_of("g1"))
    assert not window.device.edit.isEnabled()
    assert window.device.edit.toolTip() == actions["add"].toolTip()
    assert window.device.probe.isEnabled()
    assert bench.map.tools.is_fixed
    tell_team(bench, "engineer")
    assert actions["add"].isEnabled()
    assert window.device.edit.isEnabled()
    assert not bench.map.tools.is_fixed


def test_a_viewers_menu_is_switched_off_where_it_would_change_something(bench: Bench) -> None:
    tell_team(bench, "viewer")
    menu = QMenu()
    fill_menu(menu, id_of("g1"), bench.model, bench.commands, bench.window.settings, bench.window)
    off = {action.text() for action in menu.actions() if not action.isEnabled()}
    assert {"Change…", "Delete…", "Place on the map", "Pause polling", "Maintenance"} == off
    tell_team(bench, "manager")
    menu = QMenu()
    fill_menu(menu, id_of("g1"), bench.model, bench.commands, bench.window.settings, bench.window)
    assert "Maintenance" not in {action.text() for action in menu.actions() if not action.isEnabled()}


def test_the_maps_tools_are_refused_with_the_reason(bench: Bench) -> None:
    tell_team(bench, "viewer")
    said: list[str] = []
    bench.map.tools.refused.connect(said.append)
    bench.map.tools.hold("edit")
    assert said == ["Your role here is viewer, which may not change devices"]
    bench.map.tools.hold("ruler")
    assert bench.map.tools.tool == "ruler"


def test_boards_that_a_viewer_may_only_read_say_so(bench: Bench) -> None:
    tell_team(bench, "viewer")
    board = Rules(bench.model, bench.commands, bench.look, bench.window)
    board.show()
    assert not board.add_button.isVisible()
    assert any("may not change alert rules" in label.text() for label in board.findChildren(QLabel))
    board.close()
    tell_team(bench, "engineer")
    board = Rules(bench.model, bench.commands, bench.look, bench.window)
    board.show()
    assert board.add_button.isVisible()
    board.close()


def test_an_empty_network_offers_nobody_to_begin_who_may_not(bench: Bench) -> None:
    gone = tuple(Removed("device", id) for id in bench.model.inventory.tables["device"])
    tell_team(bench, "viewer")
    bench.model.merge(Changed(99, removed=gone))
    bench.model.flush()
    assert not bench.window.first_card.isVisible()
    tell_team(bench, "engineer")
    bench.wait_for(bench.window.first_card.isVisible)


@pytest.mark.parametrize("role", ROLES)
def test_each_action_of_the_window_is_off_with_its_reason_exactly_where_the_role_lacks_it(
    bench: Bench, role: Role
) -> None:
    told = tell_team(bench, role)
    actions = bench.window.actions_by_name
    for name, needs in ACTIONS.items():
        lacking = [need for need in needs if need not in PERMISSIONS[role]]
        why = why_forbidden(told, needs)
        assert bool(why) == bool(lacking), name
        if lacking:
            assert not actions[name].isEnabled() and actions[name].toolTip() == why, name
            assert role_words(role) in why and ":" not in why, name
    free = {row.name for row in TABLE} - set(ACTIONS)
    assert all(not actions[name].toolTip().startswith("Your role") for name in free if name in actions)
