"""The past that is played and stepped through: each speed is what it says, each kind of event is the one that was asked for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtTest import QTest

from app.past.machine import PLAY_EVERY_MS, SPEEDS, STEPS
from domain.asking import QueryMoment, QueryTimeline
from domain.journal import JournalRow
from domain.wire import Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE
from tests.ui.past_bench import G1, answer_each_moment, asked, enter, moment_of


@pytest.fixture
def then(bench: Bench) -> Bench:
    """A window in the past."""
    return enter(bench)


@pytest.mark.parametrize("speed", SPEEDS)
def test_played_at_a_speed_so_much_passes_in_a_second(
    then: Bench, speed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, bar = then.window.past.machine, then.window.past.bar
    answer_each_moment(then)
    clock_s = [1_000.0]
    monkeypatch.setattr("app.past.machine.time", SimpleNamespace(monotonic=lambda: clock_s[0]))
    started_us = machine.at_us
    bar.speeds.buttons[speed].click()
    bar.play.click()
    for passed_s in (0.25, 1.0, 0.75):
        clock_s[0] += passed_s
        at_us = started_us + round((clock_s[0] - 1_000) * SPEEDS[speed] * 1e6)
        then.wait_for(lambda at_us=at_us: machine.at_us == at_us and machine.is_there)  # type: ignore[misc]
    bar.play.click()
    assert not machine.is_playing
    clock_s[0] += 60
    QTest.qWait(3 * PLAY_EVERY_MS)
    assert machine.at_us == started_us + round(2 * SPEEDS[speed] * 1e6), "it stays where it was stopped"


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("forward", [True, False])
def test_the_next_and_the_previous_event_are_of_the_kind_that_was_chosen(
    then: Bench, kind: str, forward: bool
) -> None:
    machine, bar = then.window.past.machine, then.window.past.bar
    at_us = machine.at_us
    there_us = at_us + (7_000_000 if forward else -7_000_000)
    row = JournalRow(VANTAGE, 7, there_us, STEPS[kind][0], G1, {})
    then.engine.answers[QueryTimeline] = Reply(0, result={"rows": [row]})
    then.engine.answers[QueryMoment] = moment_of(there_us, 5)
    bar.steps.buttons[kind].click()
    (bar.next if forward else bar.previous).click()
    then.wait_for(lambda: machine.is_there and machine.at_us == there_us)
    question = asked(then, QueryTimeline)[-1]
    assert question.kinds == STEPS[kind] and question.limit == 1
    mark = question.after if forward else question.before
    assert mark.at_us == at_us and (question.before if forward else question.after) is None
