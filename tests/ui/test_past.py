"""The time machine in the window: the past in the same panels, live underneath, nothing changed, left by one key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest

from app.draft import now_us
from app.exchange.desk import PAST_WHY
from app.exchange.import_dialog import ImportDialog
from app.map.feed import load_rows
from app.maps.entrance import PAST_WHY as MAPS_PAST_WHY
from app.model import Delta
from app.panels.link_evidence import TODAY
from app.past.machine import REFUSED_WHY, STEPS
from app.past.scrubber import HOUR_US
from domain.alerts import fingerprint
from domain.asking import LoadThen, QueryLoads, QueryMoment, QueryTimeline
from domain.errors import Refusal
from domain.health import Health
from domain.journal import JournalRow
from domain.lag import Lag, Member
from domain.maps import MapFile
from domain.wire import Changed, QueryJournal, QuerySeries, Reply, SubmitEdit
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of
from tests.ui.past_bench import AGO_US, G1, G2, L1, LINK, answer_each_moment, asked, enter, moment_of, whole


@pytest.fixture
def then(bench: Bench) -> Bench:
    """A window in the past: 14 hours ago, when Grünten R1 was down."""
    return enter(bench)


def test_the_panels_show_the_moment_and_the_bar_says_what_is_live(then: Bench) -> None:
    window = then.window
    assert [then.model.status_of(id) for id in (G1, G2, L1)] == ["down", "affected", "up"]
    assert window.top.chips["down"].count == 1 and window.top.chips["affected"].count == 1
    assert [row.alert.subject for row in window.alerts.rows.rows if row.alert] == [G1]
    assert window.past.bar.isVisible()
    assert window.past.bar.live.text() == "Live now: 3 up"
    assert "14 h ago" in window.past.bar.label.text()
    assert then.model.link_states[LINK].ab_bps == 9e8


def test_the_map_has_the_frame_and_rings_where_now_differs(then: Bench) -> None:
    assert then.map.past is not None
    at_us, label, notes, ghosts = then.map.past
    assert at_us == then.window.past.machine.there_us and "14 h ago" in label and notes == []
    assert ghosts == {G1: "up", G2: "up"}


def test_ages_count_from_the_moment(then: Bench) -> None:
    then.window.select(G1)
    assert then.model.now_us() == then.window.past.machine.there_us
    rows = [row for row in then.window.alerts.rows.rows if row.alert]
    assert "3 min" in then.window.alerts.rows.words(rows[0], 3)


def test_live_goes_on_underneath_and_escape_returns_to_it(then: Bench) -> None:
    then.engine.tell(lambda batch: Changed(batch, health=(Health(L1, VANTAGE, "down", 5),)))
    then.wait_for(lambda: then.window.past.bar.live.text() == "Live now: 1 down, 2 up")
    assert then.model.status_of(L1) == "up"
    assert then.map.past is not None and then.map.past[3] == {G1: "up", G2: "up", L1: "down"}
    QTest.keyClick(then.window, Qt.Key.Key_Escape)
    assert then.map.past is None and not then.window.past.bar.isVisible()
    assert [then.model.status_of(id) for id in (G1, G2, L1)] == ["up", "up", "down"]
    assert then.model.moment_us is None and not then.model.alerts
    then.engine.tell(lambda batch: Changed(batch, health=(Health(L1, VANTAGE, "up", 6),)))
    then.wait_for(lambda: then.model.status_of(L1) == "up")


def test_the_label_on_the_map_leaves_too(then: Bench) -> None:
    then.map.past_left.emit()
    assert then.map.past is None and not then.window.past.machine.is_on


def test_nothing_changes_the_past_and_it_is_said(then: Bench) -> None:
    said: list[str] = []
    then.commands.said.connect(lambda one: said.append(one.text))
    then.map.device_dropped.emit(G1, 9.5, 47.9)
    assert said == [REFUSED_WHY]
    then.commands.acknowledge(fingerprint("device_down", G1))
    assert said == [REFUSED_WHY] * 2
    assert not asked(then, SubmitEdit)
    then.window.step_back()
    then.map.device_dropped.emit(G1, 9.5, 47.9)
    then.settle()
    assert then.model.inventory.device(G1).lng == 9.5  # type: ignore[union-attr]


def test_files_are_of_the_live_network_and_it_is_said(then: Bench, tmp_path: Path) -> None:
    exchange, said = then.window.exchange, []
    then.commands.said.connect(lambda one: said.append(one.text))
    exchange.open_import()
    assert exchange.open_export() is None
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "towers.csv"))])
    no = (Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
    QGuiApplication.sendEvent(then.window, QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, *no))
    assert set(said) == {PAST_WHY}
    assert exchange.chooser is None and then.window.findChild(ImportDialog) is None
    then.window.step_back()
    dialog = exchange.open_export()
    assert dialog is not None
    dialog.reject()


def test_maps_are_looked_after_in_the_live_network_and_it_is_said(then: Bench, tmp_path: Path) -> None:
    said: list[str] = []
    then.window.maps.said.connect(said.append)
    then.window.actions_by_name["maps"].trigger()
    then.window.maps.take_files([tmp_path / "lake.pmtiles"])
    assert said == [MAPS_PAST_WHY] * 2 and then.window.maps.board is None
    then.window.step_back()
    then.window.actions_by_name["maps"].trigger()
    assert then.window.maps.board is not None


def test_what_was_not_there_then_is_not_there_and_comes_back(then: Bench) -> None:
    at_us = now_us() - 20 * HOUR_US
    gone = [{"kind": "device", "id": str(G2)}, {"kind": "alert", "id": str(fingerprint("device_down", G1))}]
    then.engine.answers[QueryMoment] = moment_of(
        at_us, 2, removed=gone, health=(Health(G1, VANTAGE, "up", 1),), faults=()
    )
    then.window.past.machine.seek(at_us)
    then.wait_for(lambda: then.window.past.machine.is_there)
    assert then.model.inventory.device(G2) is None and not then.model.alerts
    assert not then.window.alerts.rows.rows
    assert asked(then, QueryMoment)[-1].base == 1
    then.window.step_back()
    assert then.model.inventory == then.engine.inventory


def test_the_device_panel_is_of_the_moment_and_says_what_is_not_kept(then: Bench) -> None:
    then.window.select(G1)
    body = then.window.device.body
    assert then.window.device.sentence.text() == "Down for 3 min; now up"
    there_us = then.window.past.machine.there_us
    said = {label.text(): words.text() for label, words in body.facts._rows if not words.isHidden()}
    assert body.overview.not_kept.isVisible()
    assert "Last answer" not in said and "Ping" not in said
    then.wait_for(lambda: [one.to_us for one in asked(then, QueryTimeline)[-1:]] == [there_us])  # its journal
    graph_us = there_us + 900_000_000
    then.wait_for(lambda: [one.to_us for one in asked(then, QuerySeries)[-1:]] == [graph_us])  # its graph
    count = len(asked(then, QueryTimeline))
    then.window.device.show_tab("journal")
    then.wait_for(lambda: [one.to_us for one in asked(then, QueryTimeline)[count:][-1:]] == [there_us])
    then.window.select(LINK)
    assert then.window.link.evidence.score.text().startswith(TODAY)
    then.window.step_back()
    assert TODAY not in then.window.link.evidence.score.text()
    then.wait_for(lambda: [question.subject for question in asked(then, QueryJournal)[-1:]] == [LINK])


def test_own_maps_stay_on_the_map_in_the_past_and_after_it(bench: Bench) -> None:
    own = MapFile(
        id_of("map"), "Valley", "protomaps", "mvt", "v.pmtiles", False, 9, 9, 0, 9, (0.0, 0.0, 1.0, 1.0)
    )
    bench.engine.tell(lambda batch: Changed(batch, maps=(own,)))
    bench.wait_for(lambda: own.id in bench.model.maps)
    at_us = now_us() - AGO_US
    bench.engine.answers[QueryMoment] = whole(at_us)
    bench.engine.answers[QueryLoads] = Reply(0, result={"loads": []})
    machine = bench.window.past.machine
    machine.enter(at_us)
    bench.wait_for(lambda: machine.is_there)
    assert own.id in bench.model.maps
    machine.leave()
    assert own.id in bench.model.maps


def test_of_moments_that_are_wanted_meanwhile_only_the_last_is_asked_for(then: Bench) -> None:
    machine = then.window.past.machine
    last_us = machine.at_us + 30_000_000
    asked_us = answer_each_moment(then)
    for _ in range(30):
        machine.seek(machine.at_us + 1_000_000)
    then.wait_for(lambda: machine.is_there)
    assert asked_us == [last_us - 29_000_000, last_us]


def test_a_large_network_comes_in_parts(then: Bench) -> None:
    machine = then.window.past.machine
    at_us = machine.at_us + 1_000_000
    then.engine.answers[QueryMoment] = moment_of(at_us, 4, more=True, health=(Health(G1, VANTAGE, "up", 1),))
    machine.seek(at_us)
    then.wait_for(lambda: any(message.part == 1 for message in asked(then, QueryMoment)))
    assert not machine.is_there
    assert next(m for m in asked(then, QueryMoment) if m.part == 1).number == 4
    then.engine.answers[QueryMoment] = moment_of(at_us, 4, health=(Health(G2, VANTAGE, "up", 1),))
    then.wait_for(lambda: machine.is_there)


def test_keys_step_to_events_and_hours_and_play(then: Bench) -> None:
    machine, scrubber = then.window.past.machine, then.window.past.bar.scrubber
    at_us = machine.at_us
    row = JournalRow(VANTAGE, 7, at_us + 5_000_000, "status", G1, {"status": "up"})
    then.engine.answers[QueryTimeline] = Reply(0, result={"rows": [row]})
    then.engine.answers[QueryMoment] = moment_of(row.at_us, 5)
    QTest.keyClick(scrubber, Qt.Key.Key_Right)
    then.wait_for(lambda: machine.is_there and machine.at_us == row.at_us)
    question = asked(then, QueryTimeline)[-1]
    assert question.limit == 1 and question.after.at_us == at_us and question.kinds == STEPS["all"]
    QTest.keyClick(scrubber, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert machine.at_us == row.at_us - HOUR_US
    QTest.keyClick(scrubber, Qt.Key.Key_Space)
    assert machine.is_playing
    QTest.keyClick(scrubber, Qt.Key.Key_Space)
    assert not machine.is_playing
    QTest.keyClick(scrubber, Qt.Key.Key_Home)
    assert machine.at_us == scrubber.span.from_us


def test_it_is_said_where_nothing_happened(then: Bench) -> None:
    said: list[str] = []
    then.window.past.machine.failed.connect(said.append)
    then.engine.answers[QueryTimeline] = Reply(0, result={"rows": []})
    then.window.past.bar.previous.click()
    then.wait_for(lambda: said)
    assert said == ["Nothing happened before this"]


def test_a_moment_that_cannot_be_read_leaves_one_where_one_was(then: Bench) -> None:
    machine = then.window.past.machine
    there_us, said = machine.there_us, list[str]()
    machine.failed.connect(said.append)
    then.engine.answers[QueryMoment] = Reply(0, (Refusal("STORAGE_FAILED", "not read from disk"),))
    machine.seek(there_us + 9_000_000)
    then.wait_for(lambda: said)
    assert machine.at_us == machine.there_us == there_us


def test_the_pointer_drags_and_the_wheel_zooms_where_it_is(then: Bench) -> None:
    machine, scrubber = then.window.past.machine, then.window.past.bar.scrubber
    x = scrubber.width() // 2
    here_us = scrubber.time_at(x)
    QTest.mouseClick(scrubber, Qt.MouseButton.LeftButton, pos=QPoint(x, 20))
    assert abs(machine.at_us - here_us) < 1_000_000
    length_us = scrubber.span.to_us - scrubber.span.from_us
    turn = QWheelEvent(
        QPointF(x, 20),
        scrubber.mapToGlobal(QPointF(x, 20)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    scrubber.wheelEvent(turn)
    assert scrubber.span.to_us - scrubber.span.from_us < length_us
    assert abs(scrubber.time_at(x) - here_us) < length_us // 100


def test_a_link_to_the_moment_leads_back_to_it(then: Bench) -> None:
    then.window.select(G1)
    then.window.past.bar.link.click()
    link = QGuiApplication.clipboard().text()
    at_us = then.window.past.machine.at_us
    assert link.startswith(f"heliograph://moment?at={at_us}&lng=10.00000&lat=47.00000&zoom=8.00")
    then.window.step_back()
    then.window.select(None)
    then.engine.answers[QueryMoment] = whole(at_us)
    then.window.past.go(link)
    then.wait_for(lambda: then.window.past.machine.is_there and then.window.selected == G1)
    assert then.window.past.machine.at_us == at_us and then.map.looked == (10.0, 47.0, 8.0)


@pytest.mark.parametrize(
    "typed", ["soon", "heliograph://moment?at=oops", "heliograph://moment?at=4000000000000000"]
)
def test_what_leads_nowhere_is_said_and_changes_nothing(bench: Bench, typed: str) -> None:
    said: list[str] = []
    bench.window.toasts.say = said.append  # type: ignore[method-assign]
    bench.window.past.go(typed)
    assert len(said) == 1 and not bench.window.past.machine.is_on


def test_a_link_that_had_lost_a_member_is_degraded_then_and_not_now(then: Bench) -> None:
    machine = then.window.past.machine
    lag = Lag((Member(G1, "ether2", False, 10**9), Member(G1, "ether3", True, 10**9)), ())
    told: list[tuple[LoadThen, str]] = [
        (LoadThen(LINK, 5e8, 1e6, "polls", lag), "degraded"),
        (LoadThen(LINK, 5e8, 1e6, "polls"), "up"),
        (LoadThen(LINK, 5e8, 1e6, "polls", lag), "degraded"),
    ]
    for n, (load, status) in enumerate(told):
        then.engine.answers[QueryLoads] = Reply(0, result={"loads": [load]})
        then.engine.answers[QueryMoment] = moment_of(machine.at_us + 1_000_000, 6 + n)
        heard: list[Delta] = []
        then.model.changed.connect(heard.append)
        machine.seek(machine.at_us + 1_000_000)
        then.wait_for(lambda: machine.is_whole)
        then.model.changed.disconnect(heard.append)
        assert then.model.link_status_of(LINK) == status
        assert any(LINK in delta.link_states for delta in heard)
    (row,) = load_rows(then.model, [LINK])
    assert row["lag"] == (2, 1)
    machine.leave()
    assert then.model.link_status_of(LINK) != "degraded"
    assert all("lag" not in row for row in load_rows(then.model, [LINK]))


def test_after_a_jump_no_link_has_the_members_of_another_moment_and_while_time_passes_they_do_not_blink(
    then: Bench,
) -> None:
    machine = then.window.past.machine
    lag = Lag((Member(G1, "ether2", False, 10**9), Member(G1, "ether3", True, 10**9)), ())
    then.engine.answers[QueryLoads] = Reply(0, result={"loads": [LoadThen(LINK, 5e8, 1e6, "polls", lag)]})
    asked_us = answer_each_moment(then)
    machine.seek(machine.at_us + 1_000_000)
    then.wait_for(lambda: machine.is_whole)
    assert then.model.link_status_of(LINK) == "degraded"
    request = then.link.request
    held: list[tuple[Any, Any]] = []

    def hold_loads(make: Any, take: Any) -> None:
        if isinstance(make(0), QueryLoads):
            held.append((make, take))
        else:
            request(make, take)

    then.link.request = hold_loads  # type: ignore[method-assign]
    machine.play()
    before = len(asked_us)
    then.wait_for(lambda: held and len(asked_us) > before + 2)
    assert then.model.link_status_of(LINK) == "degraded"
    machine.pause()
    heard: list[Delta] = []
    then.model.changed.connect(heard.append)
    machine.seek(machine.at_us + HOUR_US)
    then.wait_for(lambda: machine.is_there)
    assert not machine.is_whole
    assert then.model.link_status_of(LINK) == "up"
    assert any(LINK in delta.link_states for delta in heard)
    assert all("lag" not in row for row in load_rows(then.model, [LINK]))
    then.link.request = request  # type: ignore[method-assign]
    request(*held.pop())
    then.wait_for(lambda: machine.is_whole)
    assert then.model.link_status_of(LINK) == "degraded"


def test_load_of_hours_is_said_to_be_so(then: Bench) -> None:
    machine = then.window.past.machine
    then.engine.answers[QueryLoads] = Reply(0, result={"loads": [LoadThen(LINK, 5e8, 1e6, "hours")]})
    then.engine.answers[QueryMoment] = moment_of(machine.at_us + 1_000_000, 6)
    machine.seek(machine.at_us + 1_000_000)
    then.wait_for(lambda: "mean of the hour" in then.window.past.bar.note.text())
    assert then.map.past is not None and "mean of the hour" in then.map.past[2][0]
