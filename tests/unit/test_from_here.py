"""What becomes of episodes that a cut-off computer saw, once the team's word is here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.alerts import Act, Alert, Beginning, body_of, fingerprint
from domain.inventory import Inventory
from domain.journal import JournalRow
from domain.team import SEEN_FROM_HERE
from engine.journal import JournalPen
from engine.judge.alerts import Alerts
from engine.judge.from_here import LATE_US, FromHere
from engine.judge.outcome import Outcome
from engine.state import State
from sync_server.live.folding import Folding

DEVICE, ME = UUID(int=1), UUID(int=2)
ID = fingerprint("device_down", DEVICE)


def team_alert(count: int, opened_us: int, cleared_us: int | None = None) -> Alert:
    return Alert(ID, "device_down", DEVICE, "critical", opened_us, count=count, cleared_us=cleared_us)


class Van:
    """A computer that is cut off; it knew `known` of the team's alerts."""

    def __init__(self, *known: Alert) -> None:
        self.state = State(Inventory(), ME)
        self.state.alerts.update((one.id, one) for one in known)
        self.known = dict(self.state.alerts)
        self.pen = JournalPen(ME, 1)
        self.alerts = Alerts(self.state.alerts, self.pen)
        self.here = FromHere(self.state, self.pen, lambda: None)

    def see_down(self, at_us: int) -> None:
        """Open an alert of its own."""
        outcome = Outcome()
        self.alerts.open(DEVICE, Beginning("device_down", "device_down", "critical", 0, at_us), outcome)
        self.here.note(outcome)

    def act(self, alert: Alert, act: Act) -> Outcome:
        """Do what a person does."""
        outcome = Outcome()
        self.alerts.act(alert, act, outcome)
        self.here.acted(outcome.alerts)
        return outcome

    def rejoin(self, at_us: int, *team: Alert) -> Outcome:
        """Hear of the server, and of the team's alerts as they are by now."""
        self.rows, unknown = self.here.end(self.known, at_us)
        self.state.alerts.clear()
        self.state.alerts.update({**unknown, **self.known, **{one.id: one for one in team}})
        return self.here.absorb(self.act, at_us)


def test_an_episode_that_the_team_never_saw_ends_and_stays_as_seen_from_here() -> None:
    van = Van()
    van.see_down(100)
    assert van.here.marked == (ID,) and van.here.holds(ID)
    outcome = van.rejoin(500)
    (ended,) = van.rows
    assert (ended.kind, ended.body["why"], ended.at_us) == ("alert_cleared", SEEN_FROM_HERE, 500)
    assert outcome.journal == [] and [one.cleared_why for one in outcome.alerts] == [SEEN_FROM_HERE]
    assert van.here.marked == (ID,) and not van.here.holds(ID)


def test_an_overlapping_episode_absorbs_it_and_begins_as_early_here_and_on_the_server() -> None:
    van = Van(team_alert(1, 10, cleared_us=20))
    van.see_down(100)
    before = team_alert(2, 300)
    outcome = van.rejoin(500, before)
    (row,) = outcome.journal
    assert row.kind == "alert_absorbed" and van.state.alerts[ID].opened_us == 100
    assert van.state.alerts[ID].is_open, "it is the team's, and goes on"
    folding = Folding({ID: before}, 10_000)
    for told in (*van.rows, row):  # told without a lease
        assert folding.fold(told, "joe", counts=False) is not None
    (after,) = folding.changed
    assert (after.opened_us, after.count, after.cleared_us) == (100, 2, None)


def test_one_of_the_teams_that_comes_to_the_server_a_moment_later_absorbs_it_too() -> None:
    van = Van()
    van.see_down(100)
    assert [one.cleared_why for one in van.rejoin(500).alerts] == [SEEN_FROM_HERE]
    assert not van.here.absorb(van.act, 600), "it is in the history, and written once"
    van.state.alerts[ID] = team_alert(1, 300)
    outcome = van.here.absorb(van.act, 700)
    assert [row.kind for row in outcome.journal] == ["alert_absorbed"] and not van.here.marked
    assert (van.state.alerts[ID].opened_us, van.state.alerts[ID].is_open) == (100, True)
    assert not van.here.absorb(van.act, 800)
    van = Van()
    van.see_down(100)
    cleared = Outcome()
    van.alerts.clear(ID, 200, cleared)
    van.here.note(cleared)
    van.rejoin(200 + LATE_US)  # it was over long before
    acted = van.act(van.state.alerts[ID], Act(201 + LATE_US, "commented", "joe", "a branch fell"))
    assert acted.journal and not van.here.absorb(van.act, 202 + LATE_US), "its own is none of the team's"
    van.state.alerts[ID] = team_alert(1, 150, cleared_us=180)
    outcome = van.here.absorb(van.act, 300 + LATE_US)
    assert [row.kind for row in outcome.journal] == ["alert_absorbed"]
    van = Van()
    van.see_down(100)
    van.rejoin(500)
    van.here.absorb(van.act, 500 + LATE_US)
    van.state.alerts[ID] = team_alert(1, 300)
    assert not van.here.absorb(van.act, 501 + LATE_US), "that is not waited for for ever"


def test_what_a_person_did_to_it_is_done_to_the_teams() -> None:
    van = Van()
    van.see_down(100)
    van.act(van.state.alerts[ID], Act(150, "acknowledged", "joe"))
    outcome = van.rejoin(500, team_alert(4, 90))
    assert [row.kind for row in outcome.journal] == ["alert_acknowledged"]
    assert (van.state.alerts[ID].acknowledged_by, van.state.alerts[ID].count) == ("joe", 4)
    assert van.state.alerts[ID].opened_us == 90, "the earlier opening is kept"


def test_episodes_apart_in_time_and_what_the_team_had_opened_before_stay_the_teams() -> None:
    van = Van()
    van.see_down(100)
    outcome = van.rejoin(500, team_alert(1, 600))
    assert not outcome.journal and van.state.alerts[ID] == team_alert(1, 600)
    van = Van(team_alert(1, 10))
    cleared = Outcome()
    van.alerts.clear(ID, 50, cleared)
    van.here.note(cleared)
    assert van.here.marked == (ID,), "it is as it is because it was judged here"
    assert not van.rejoin(500, team_alert(1, 10)).journal and not van.rows
    assert van.state.alerts[ID].is_open


@pytest.mark.parametrize(
    "said", [{"opened_us": 400}, {"opened_us": -(2**61)}, {"count": 1, "opened_us": 5}, {"opened_us": "x"}]
)
def test_the_server_takes_no_other_word_of_it(said: dict[str, Any]) -> None:
    team = team_alert(2, 300)
    row = JournalRow(ME, 9, 500, "alert_absorbed", DEVICE, {**body_of(team), **said})
    folding = Folding({ID: team}, 10_000)
    assert folding.fold(row, "joe", counts=False) is row and not folding.changed
