"""Who polls a device: chosen in its form among the team's computers, and said of it."""

from __future__ import annotations

from typing import Any

import msgspec

from app.dialogs.device_form import DeviceForm
from app.team.words import alone_words, polled_words
from domain.polling import Poller
from domain.wire import Changed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.team_parts import team_of, tell_team

MAST, OLD = (
    Poller(id_of("mast"), "Mast 7", "collector", True),
    Poller(id_of("old"), "Old", "collector", False),
)


def form_of(bench: Bench, name: str = "g1") -> DeviceForm:
    """Return the open form of a device."""
    bench.window.edit(id_of(name))
    (form,) = [form for form in bench.window.findChildren(DeviceForm) if form.isVisible()]
    return form


def polled_by(bench: Bench, name: str = "g1") -> Any:
    """Return who polls a device as the mirror has it."""
    device = bench.model.inventory.device(id_of(name))
    assert device is not None
    return device.polled_by


def test_without_a_team_nobody_is_chosen(bench: Bench) -> None:
    form = form_of(bench)
    assert not form.polled_by.isVisible()
    form.reject()


def test_a_computer_of_the_team_is_chosen_by_its_name_and_given_back(bench: Bench) -> None:
    tell_team(bench, pollers=(MAST, OLD))
    form = form_of(bench)
    assert form.polled_by.isVisible()
    told = [form.polled_by.itemText(row) for row in range(form.polled_by.count())]
    assert [text.replace("\u2068", "").replace("\u2069", "") for text in told] == [
        "Whoever polls for the team",
        "Mast 7 alone",
        "Old alone, not connected",
    ]
    form.polled_by.setCurrentIndex(1)
    form.submit()
    bench.wait_for(lambda: polled_by(bench) == MAST.install)
    again = form_of(bench)
    assert again.polled_by.chosen() == MAST.install
    again.polled_by.setCurrentIndex(0)
    again.submit()
    bench.wait_for(lambda: polled_by(bench) is None)


def test_who_is_in_the_team_no_more_stays_chosen_until_somebody_changes_it(bench: Bench) -> None:
    g1 = bench.model.inventory.device(id_of("g1"))
    assert g1 is not None
    gone = msgspec.structs.replace(g1, polled_by=id_of("gone"))
    bench.engine.inventory.tables["device"][g1.id] = gone
    bench.model.merge(Changed(9, devices=(gone,)))
    tell_team(bench, pollers=(MAST,))
    form = form_of(bench)
    assert form.polled_by.chosen() == id_of("gone")
    assert "not in the team any more" in form.polled_by.currentText()
    form.reject()


def test_it_is_said_of_a_device_that_nobody_polls_it_now() -> None:
    team = team_of(pollers=(MAST, OLD))
    assert "nobody" not in alone_words(team, MAST.install)
    assert alone_words(team, OLD.install).endswith("alone polls it and is not connected: nobody does now")
    assert alone_words(team_of(reachability="offline", pollers=(OLD,)), OLD.install).endswith(
        "alone polls it"
    )
    assert alone_words(team, id_of("here")) == "This computer alone polls it"


def test_where_several_poll_one_is_said_to_judge() -> None:
    here = team_of(lease="here", pollers=(MAST,))
    assert polled_words(here) == "This computer polls for the team"
    both = (MAST, Poller(id_of("east"), "East", "collector", True))
    assert polled_words(team_of(lease="here", pollers=both)) == (
        "This computer judges for the team, which 2 collectors poll"
    )
    assert "judges for the team, which 2 collectors poll" in polled_words(
        team_of(lease="elsewhere", holder="Mast 7", pollers=both)
    )
