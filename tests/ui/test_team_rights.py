"""What a role may not do is switched off with a sentence, and never reaches the engine."""

from __future__ import annotations

import pytest

from app.actions import TABLE
from app.draft import edit_of
from app.team.rights import ACTIONS, PAST_WHY, refused_by_role, role_words, why_forbidden, why_not
from domain.edit import creation
from domain.inventory import KINDS, Credential, Site
from domain.roles import ROLES
from domain.vault import Secret
from domain.wire import ActOnAlert, ProbeNow, SubmitEdit
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
