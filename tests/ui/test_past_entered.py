"""Into the past: where one begins, what is said where there was nothing yet, and what a hand may still hold."""

from __future__ import annotations

from typing import Any

import pytest

from app.draft import now_us
from app.map.tools import MapTools
from app.past.desk import START_BACK_US
from app.team.rights import PAST_WHY
from domain.alerts import Alert, fingerprint
from domain.asking import LoadThen, Moment, QueryLoads, QueryMoment, QueryTimeline
from domain.health import Health
from domain.journal import JournalRow
from domain.wire import Changed, LatestValues, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of
from tests.ui.past_bench import LINK, answer_each_moment, enter

MINUTE_US = 60_000_000


def first_edit(bench: Bench, age_us: int) -> int:
    """Let the first edit be so old; returns when it was."""
    row = JournalRow(VANTAGE, 1, now_us() - age_us, "edit_applied", None, {})
    bench.engine.answers[QueryTimeline] = Reply(0, result={"rows": [row]})
    nothing = Changed(0, initial=True)
    bench.engine.answers[QueryMoment] = lambda asked: Reply(
        0, result={"moment": Moment(1, asked.at_us, 1, None), "changed": nothing, "part": 0}
    )
    return row.at_us


def test_a_network_that_is_young_is_entered_halfway_to_its_first_edit(bench: Bench) -> None:
    first_us = first_edit(bench, 4 * MINUTE_US)
    machine = bench.window.past.machine
    bench.window.past.toggle()
    bench.wait_for(lambda: machine.at_us > first_us)
    assert machine.at_us == pytest.approx(now_us() - 2 * MINUTE_US, abs=MINUTE_US)


def test_an_old_network_is_entered_ten_minutes_ago(bench: Bench) -> None:
    first_edit(bench, 600 * MINUTE_US)
    machine = bench.window.past.machine
    bench.window.past.toggle()
    at_us = machine.at_us
    bench.wait_for(lambda: any(isinstance(asked, QueryTimeline) for asked in bench.engine.heard))
    bench.wait_for(lambda: machine.is_there)
    assert machine.at_us == at_us == pytest.approx(now_us() - START_BACK_US, abs=MINUTE_US)


def test_a_moment_before_the_first_device_offers_no_first_router(bench: Bench) -> None:
    first_edit(bench, 600 * MINUTE_US)
    machine = bench.window.past.machine
    bench.window.past.toggle()
    bench.wait_for(lambda: machine.is_there)
    assert not bench.model.inventory.tables["device"]
    assert not bench.window.first_card.isVisible()
    assert bench.window.tree._note_head.text() == "No sites then"
    bench.window.step_back()
    bench.wait_for(lambda: bench.model.inventory.tables["device"])
    assert not bench.window.first_card.isVisible()


def test_the_alerts_of_a_low_window_fold_for_the_past_and_open_again_after_it(bench: Bench) -> None:
    window = bench.window
    window.resize(1280, 800)
    bench.engine.answers[QueryMoment] = lambda asked: Reply(
        0, result={"moment": Moment(1, asked.at_us, 1, None), "changed": as_it_is(bench), "part": 0}
    )
    for was_folded in (False, True):
        window.alerts.set_folded(was_folded)
        window.past.machine.enter(now_us() - START_BACK_US)
        assert window.alerts.is_folded
        window.step_back()
        assert window.alerts.is_folded == was_folded
    window.alerts.set_folded(False)
    window.resize(1600, 1000)
    window.past.machine.enter(now_us() - START_BACK_US)
    assert not window.alerts.is_folded


def test_verbs_that_change_something_rest_in_the_past(bench: Bench) -> None:
    window = bench.window
    bench.engine.answers[QueryMoment] = lambda asked: Reply(
        0, result={"moment": Moment(1, asked.at_us, 1, None), "changed": as_it_is(bench), "part": 0}
    )
    window.past.machine.enter(now_us() - START_BACK_US)
    bench.wait_for(lambda: window.past.machine.is_there)
    window.select(id_of("g1"))
    verbs = (window.device.acknowledge, window.device.probe, window.device.edit)
    assert not any(verb.isEnabled() for verb in verbs) and verbs[0].toolTip() == PAST_WHY
    assert not any(row.may_acknowledge for row in window.alerts.rows.rows if row.alert)
    window.step_back()
    bench.wait_for(lambda: all(verb.isEnabled() for verb in verbs))


def as_it_is(bench: Bench) -> Changed:
    tables = bench.engine.inventory.tables
    alert = Alert(
        fingerprint("device_down", id_of("g1")), "device_down", id_of("g1"), "critical", 1, title="down"
    )
    return Changed(
        0,
        initial=True,
        sites=tuple(tables["site"].values()),  # type: ignore[arg-type]
        devices=tuple(tables["device"].values()),  # type: ignore[arg-type]
        links=tuple(tables["link"].values()),  # type: ignore[arg-type]
        alerts=(alert,),
    )


def test_a_tool_that_changes_the_map_is_put_down_in_the_past_and_not_taken() -> None:
    sent: list[dict[str, Any]] = []
    tools = MapTools(lambda **message: sent.append(message))
    said: list[str] = []
    tools.refused.connect(said.append)
    tools.hold("link")
    tools.set_in_past(in_past=True)
    assert tools.tool == "" and sent[-1] == {"tool": ""}
    tools.hold("edit")
    assert tools.tool == "" and said == ["This is the past, and cannot be changed: Escape returns"]
    tools.hold("ruler")
    assert tools.tool == "ruler"
    tools.set_in_past(in_past=True)
    assert tools.tool == "ruler"
    tools.hold("ruler")
    tools.set_in_past(in_past=False)
    tools.hold("edit")
    assert tools.tool == "edit"


def test_what_is_live_is_told_once_for_many_changes_and_not_for_mere_values(bench: Bench) -> None:
    first_edit(bench, 4 * MINUTE_US)
    machine, told = bench.window.past.machine, list[bool]()
    machine.enter(now_us() - 2 * MINUTE_US)
    bench.wait_for(lambda: machine.is_there)
    live, device = machine.live, id_of("g1")
    assert live is not None
    machine.lived.connect(lambda: told.append(True))
    live.merge(Changed(0, values=(LatestValues(device, 1, ()),)))
    live.flush()
    assert not machine._lived_later.isActive()
    for status in ("down", "up", "down"):
        live.merge(Changed(0, health=(Health(device, VANTAGE, status, 5),)))
        live.flush()
    assert not told
    bench.wait_for(lambda: bool(told))
    assert len(told) == 1 and not machine._lived_later.isActive()


def test_loads_of_another_moment_are_said_to_be_so_until_those_of_this_one_come(bench: Bench) -> None:
    desk, model = enter(bench).window.past, bench.model
    bench.wait_for(lambda: desk.machine.is_whole)
    answer_each_moment(bench)
    asks: list[tuple[Any, Any]] = []
    request = bench.link.request

    def hold(make: Any, take: Any) -> None:
        if isinstance(make(0), QueryLoads):
            asks.append((make(0), take))
        else:
            request(make, take)

    bench.link.request = hold  # type: ignore[method-assign]
    was_us = desk.machine.there_us
    desk.machine.seek(was_us + 60 * MINUTE_US)
    bench.wait_for(lambda: bool(asks))
    assert model.link_states[LINK].ab_bps == 9e8 and not desk.machine.is_whole
    assert bench.map.past is not None and "Load: as of " in bench.map.past[2][0]
    desk.machine.seek(was_us + 120 * MINUTE_US)
    bench.wait_for(lambda: desk.machine.is_there)
    old = Reply(0, result={"loads": [LoadThen(LINK, 1.0, 1.0, "hours")]})
    asks[0][1](old)  # an answer that comes too late is not shown
    assert model.link_states[LINK].ab_bps == 9e8 and asks[1][0].at_us == was_us + 120 * MINUTE_US
    asks[1][1](Reply(0, result={"loads": []}))
    assert desk.machine.is_whole and model.link_states[LINK].ab_bps is None
    assert bench.map.past is not None and bench.map.past[2] == []


def test_while_the_past_plays_loads_come_whole_and_go_on_to_come(bench: Bench) -> None:
    machine = enter(bench).window.past.machine
    bench.wait_for(lambda: machine.is_whole)
    answer_each_moment(bench)
    was_us = machine.loads_us
    machine.set_speed(3600.0)
    machine.play()
    bench.wait_for(lambda: machine.loads_us > was_us + MINUTE_US)
    later_us = machine.loads_us
    bench.wait_for(lambda: machine.loads_us > later_us)
    machine.pause()
    bench.wait_for(lambda: machine.is_whole)
    assert machine.loads_us == machine.there_us == machine.at_us
