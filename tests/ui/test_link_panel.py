"""A link is selected, shown, changed and deleted like a device."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog

from app.dialogs.confirm import Confirm
from app.dialogs.link_form import LinkForm
from app.draft import now_us
from domain.alerts import Alert, fingerprint
from domain.evidence import Evidence
from domain.fact import Fact
from domain.health import Health
from domain.inventory import Interface, Link
from domain.load import LinkState
from domain.wire import ActOnAlert, Changed, LatestValues, QueryJournal, QuerySeries, Removed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of
from tests.ui.topology_bench import heard, told

LINK = id_of("link")


def tell(bench: Bench, **rows: Any) -> None:
    bench.model.merge(Changed(99, **rows))
    bench.model.flush()


def change(bench: Bench, **fields: Any) -> Link:
    old = bench.engine.inventory.link(LINK)
    assert old is not None
    new = msgspec.structs.replace(old, **fields)
    bench.engine.inventory.tables["link"][LINK] = new
    tell(bench, links=(new,))
    return new


def texts(bench: Bench) -> dict[str, str]:
    panel = bench.window.link
    lines = {label.text(): said.text() for label, said in panel.facts._rows if label.isVisibleTo(panel)}
    return {
        "crumb": panel.crumb.text(),
        "name": panel.name.text(),
        "sentence": panel.sentence.text(),
        "reason": panel.reason.text(),
        **lines,
    }


def dialog_of(bench: Bench, kind: type[QDialog]) -> Any:
    (found,) = [dialog for dialog in bench.window.findChildren(kind) if dialog.isVisible()]
    return found


def test_a_link_chosen_on_the_map_has_a_panel_and_both_its_ends_are_watched(bench: Bench) -> None:
    at_us = now_us() - 3_700_000_000
    tell(bench, link_states=(LinkState(LINK, "up", at_us, at_us, 4.1e8, 9e7),))
    bench.map.link_clicked.emit(LINK)
    assert bench.window.selected == bench.map.selected == LINK
    assert bench.window.link.isVisible()
    assert not bench.window.device.isVisible()
    said = texts(bench)
    assert said["crumb"] == "Fibre link, 46.7 km"
    assert (said["name"], said["sentence"]) == ("Grünten R1 – Lindau R1", "Up for 1 h")
    assert (said["reason"], said["Capacity"]) == ("", "1 Gb/s")
    ends = [row.end for row in bench.window.link.rows]
    assert [(e.name, e.interface, e.sends_bps, e.pct) for e in ends if e] == [
        ("Grünten R1", "sfp1", 4.1e8, 41.0),
        ("Lindau R1", "sfp2", 9e7, 9.0),
    ]
    bench.wait_for(lambda: set(bench.engine.watched) == {id_of("g1"), id_of("l1")})
    bench.wait_for(lambda: LINK in [m.subject for m in bench.engine.heard if isinstance(m, QueryJournal)])
    drawn = [(m.device, m.metric, m.instance) for m in bench.engine.heard if isinstance(m, QuerySeries)]
    assert drawn == [(id_of("g1"), "if_in_bps", "sfp1"), (id_of("g1"), "if_out_bps", "sfp1")]
    assert not bench.window.grab().isNull()


def test_the_palette_and_the_alerts_select_a_link_on_the_map_and_an_end_leads_on(bench: Bench) -> None:
    bench.window.alerts.chosen.emit(LINK)
    assert (bench.map.selected, bench.map.flown) == (LINK, [LINK])
    QTest.mouseClick(bench.window.link.rows[1], Qt.MouseButton.LeftButton)
    assert bench.window.selected == bench.map.selected == id_of("l1")
    assert bench.window.device.isVisible()
    bench.window.select(LINK)
    bench.window.actions_by_name["escape"].trigger()
    assert bench.window.selected is bench.map.selected is None
    assert not bench.window.side.isVisible()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "sfp1 of Grünten R1 is not running."),
        ({"a_interface": "", "b_interface": ""}, "No interface is named at either end"),
    ],
)
def test_why_a_link_is_down_stands_in_words(bench: Bench, fields: dict[str, Any], why: str) -> None:
    change(bench, **fields)
    port = {"name": "sfp1", "index": 1, "admin_up": True, "oper_up": False}
    tell(
        bench,
        link_states=(LinkState(LINK, "down", now_us() - 240_000_000, 1),),
        facts=(Fact(id_of("g1"), "interface/sfp1", "snmp", VANTAGE, 1, port),),
    )
    bench.window.select(LINK)
    said = texts(bench)
    assert said["sentence"] == "Down for 4 min"
    assert said["reason"].startswith(why)
    tell(bench, health=(Health(id_of("l1"), VANTAGE, "down", 1, 1),))
    assert ("Lindau R1 does not answer." in texts(bench)["reason"]) == (not fields)


def test_an_alert_of_a_link_is_acknowledged_in_its_panel(bench: Bench) -> None:
    alert = Alert(fingerprint("link_down", LINK), "link_down", LINK, "warning", now_us(), kind="link_down")
    tell(bench, alerts=(alert,))
    bench.window.select(LINK)
    bench.wait_for(bench.window.link.acknowledge.width)
    QTest.mouseClick(bench.window.link.acknowledge, Qt.MouseButton.LeftButton)
    bench.wait_for(lambda: any(isinstance(m, ActOnAlert) and m.alert == alert.id for m in bench.engine.heard))


def test_the_graph_is_of_the_end_that_can_tell(bench: Bench) -> None:
    tell(bench, health=(Health(id_of("g1"), VANTAGE, "down", 1, 1),))
    bench.window.select(LINK)
    bench.wait_for(lambda: [m for m in bench.engine.heard if isinstance(m, QuerySeries)])
    asked = next(m for m in bench.engine.heard if isinstance(m, QuerySeries))
    assert (asked.device, asked.instance) == (id_of("l1"), "sfp2")
    change(bench, a_interface="", b_interface="")
    assert not bench.window.link.graph.isVisible()


def test_the_form_sends_what_was_changed_and_shows_refusals_at_their_fields(bench: Bench) -> None:
    bench.window.select(LINK)
    bench.window.actions_by_name["edit"].trigger()
    form = dialog_of(bench, LinkForm)
    assert form.capacity.text() == "1000"
    form.capacity.setText("much")
    form.submit()
    assert "much" in form.fields.by_name["capacity_bps"].refusal.text()
    form.capacity.setText("-5")
    form.submit()
    bench.wait_for(form.fields.by_name["capacity_bps"].refusal.text)
    assert form.isVisible()
    assert bench.engine.edits == []
    form.capacity.setText("2.5")
    form.kind.setCurrentText("wireless")
    form.note.setPlainText("Key at the mill\nsince May")
    form.submit()
    bench.settle()
    assert not [dialog for dialog in bench.window.findChildren(LinkForm) if dialog.isVisible()]
    (edit,) = bench.engine.edits
    assert edit.title == "Change Grünten R1 – Lindau R1"
    assert edit.steps[0].after == {
        "kind": "wireless",
        "capacity_bps": 2_500_000,
        "note": "Key at the mill\nsince May",
    }
    assert texts(bench)["crumb"].startswith("Wireless link")
    assert bench.window.link.note.text() == "Key at the mill\nsince May"


def test_deleting_a_link_asks_once_leaves_its_ends_and_can_be_undone(bench: Bench) -> None:
    bench.window.select(LINK)
    bench.window.actions_by_name["delete"].trigger()
    question = dialog_of(bench, Confirm)
    assert question.question.text() == "Delete Grünten R1 – Lindau R1?"
    QTest.mouseClick(question.verb, Qt.MouseButton.LeftButton)
    bench.wait_for(lambda: bench.model.inventory.link(LINK) is None)
    bench.model.flush()
    assert bench.window.selected is None
    assert bench.model.inventory.device(id_of("g1")) is not None
    bench.settle()
    bench.commands.undo()
    bench.wait_for(lambda: bench.model.inventory.link(LINK) is not None)


def test_the_panel_says_who_tells_of_the_link_of_which_port_and_how_long_ago(bench: Bench) -> None:
    panel = bench.window.link
    bench.window.select(LINK)
    assert panel.evidence.score.text() == "Drawn by hand. No device tells of it."
    assert not panel.evidence.table.isVisible()
    evidence = [
        heard("lldp", id_of("g1"), "sfp1", 30),
        heard("lldp", id_of("l1"), "sfp2", 40),
        heard("ospf", id_of("g1"), "vlan7", 7_300),
        Evidence("manual", LINK, "", 1),
    ]
    one = told((id_of("g1"), "sfp1", id_of("l1"), "sfp2"), evidence[:3], LINK)
    tell(bench, derived_links=(msgspec.structs.replace(one, evidence=tuple(evidence)),))
    assert panel.evidence.score.text().startswith("Seen by both ends over LLDP, 9")
    rows = panel.evidence.table.rows
    assert [[rows.text(row, column) for column in range(3)] for row in range(4)] == [
        ["LLDP", "sfp1", "30 s"],
        ["LLDP", "sfp2", "40 s"],
        ["OSPF", "vlan7", "2 h"],
        ["By hand", "", ""],
    ]
    assert [row.by for row in rows.rows] == ["Grünten R1", "Lindau R1", "Grünten R1", ""]
    assert [row.is_old for row in rows.rows] == [False, False, True, False], "old evidence is quiet"
    tell(bench, removed=(Removed("derived_link", one.id),))
    assert panel.evidence.score.text() == "Drawn by hand. No device tells of it."


def test_a_link_of_several_ports_names_its_members_and_is_degraded_while_one_is_down(bench: Bench) -> None:
    tell(bench, link_states=(LinkState(LINK, "up", now_us(), now_us(), 4e8, 9e7),))
    tell(bench, facts=tuple(member(end, name, up) for end in ("g1", "l1") for name, up in LINES.items()))
    change(bench, a_interface="bond1", b_interface="bond1", capacity_bps=2_000_000_000)
    samples = (("if_out_bps", "ether3", 4e8), ("if_in_bps", "ether3", 9e7))
    tell(bench, values=(LatestValues(id_of("g1"), now_us(), samples),))
    bench.window.select(LINK)
    said = texts(bench)
    assert said["sentence"].startswith("Degraded")
    assert without_marks(said["reason"]).startswith("1 of 2 members down: ether2 of Grünten R1, ether2 of ")
    assert said["Capacity"] == "1 Gb/s"
    assert said["Member ether2"] == "down"
    assert said["Member ether3"] == "400 Mb/s out, 90 Mb/s in, 40 %"
    tell(bench, facts=tuple(member(end, name, up=True) for end in ("g1", "l1") for name in LINES))
    said = texts(bench)
    assert (said["sentence"][:2], said["Capacity"]) == ("Up", "2 Gb/s")


LINES = {"ether2": False, "ether3": True}


def member(end: str, name: str, up: bool) -> Fact:
    value = msgspec.to_builtins(Interface(name, kind="ether", speed_bps=10**9, oper_up=up, bond="bond1"))
    return Fact(id_of(end), f"interface/{name}", "snmp", VANTAGE, now_us(), value)


def without_marks(said: str) -> str:
    return said.replace("\u2068", "").replace("\u2069", "")
