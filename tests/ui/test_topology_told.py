"""Links that devices tell of, in words and in the board: adopted one or many, undone, hidden for now."""

from __future__ import annotations

from uuid import UUID

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.topology.told import drawn_from, pct_words, score_words, sources_words
from app.topology.told_page import ToldPage
from domain.evidence import Evidence
from domain.inventory import Link
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.topology_bench import G1, G2, L1, LINK, heard, now_us, port_fact, tell, told

H = 3_600


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ([("lldp", G1, 10), ("lldp", L1, 10)], "Seen by both ends over LLDP, 97 %"),
        ([("lldp", G1, 10), ("ospf", L1, 10)], "Seen by Grünten R1 over LLDP; by Lindau R1 over OSPF, 91 %"),
        (
            [("lldp", G1, 1), ("lldp", L1, 1), ("mndp", G1, 1), ("mndp", L1, 1)],
            "Seen by both ends over LLDP and over MNDP, 97 %",
        ),
        ([("wireless", G1, 1)], "Seen by Grünten R1 by radio registration, 90 %"),
        ([("lldp", G1, 10 * H)], "Was seen by Grünten R1 over LLDP, <1 %"),
        ([("lldp", G1, 10), ("lldp", L1, 10 * H)], "Seen by Grünten R1 over LLDP, 85 %"),
    ],
)
def test_a_score_is_said_with_who_is_behind_it(
    bench: Bench, evidence: list[tuple[str, UUID, float]], said: str
) -> None:
    one = told((G1, "sfp1", L1, "sfp2"), [heard(source, by, "", age_s) for source, by, age_s in evidence])  # type: ignore[arg-type]
    assert score_words(bench.model, one, now_us()) == said


def test_a_hundred_per_cent_is_said_of_nothing_but_certainty() -> None:
    assert [pct_words(score) for score in (0.0, 0.001, 0.5, 0.978, 0.999, 1.0)] == [
        "0 %",
        "<1 %",
        "50 %",
        "97 %",
        "99 %",
        "100 %",
    ]


def test_a_column_says_the_sources_once_and_leaves_out_the_hand() -> None:
    evidence = [heard("lldp", G1, "sfp1"), heard("lldp", L1, "sfp2"), heard("arp", L1, "")]
    one = told((G1, "sfp1", L1, "sfp2"), [*evidence, Evidence("manual", LINK, "", 1)], LINK)
    assert sources_words(one) == "LLDP at both ends, ARP"


def test_an_adopted_link_has_the_ports_the_kind_and_the_speed_of_its_slower_port(bench: Bench) -> None:
    one = told((G1, "ether2", G2, "ether1"), [heard("lldp", G1, "ether2")])
    assert drawn_from(bench.model, one).capacity_bps == 0
    tell(bench, facts=(port_fact(G1, "ether2", 10**10), port_fact(G2, "ether1", 10**9)))
    made = drawn_from(bench.model, one)
    ports = {made.a: made.a_interface, made.b: made.b_interface}
    assert (ports, made.kind, made.capacity_bps) == ({G1: "ether2", G2: "ether1"}, "copper", 10**9)


def opened(bench: Bench) -> ToldPage:
    bench.window.actions_by_name["links_told"].trigger()
    page = bench.window.topology.board.links
    page.refresh()
    return page


def names(page: ToldPage) -> list[str]:
    return [row.name for row in page.listing.table.rows.rows]


TO_AP = ((G1, "ether2", G2, "ether1"), ("lldp", G1, "ether2"))
TO_LINDAU = ((G2, "ether3", L1, "ether4"), ("ospf", L1, "ether4"))


def tell_two(bench: Bench) -> None:
    tell(bench, derived_links=tuple(told(ends, [heard(*said)]) for ends, said in (TO_AP, TO_LINDAU)))  # type: ignore[arg-type]


def test_the_tray_counts_what_nobody_drew_and_leads_to_the_board(bench: Bench) -> None:
    tray = bench.window.tree.tray
    assert tray.links.isHidden()
    drawn = told((G1, "sfp1", L1, "sfp2"), [heard("lldp", G1, "sfp1")], LINK)
    tell(bench, derived_links=(drawn,))
    assert tray.links.isHidden()
    tell_two(bench)
    assert tray.links.count.text() == "2 links"
    QTest.mouseClick(tray.links, Qt.MouseButton.LeftButton)
    page = bench.window.topology.board.links
    assert page.isVisible()
    assert not bench.window.alerts.isVisible()
    assert len(names(page)) == 2
    assert page.listing.table.rows.rows[0].told.score == 0.85, "the surest first"
    bench.window.topology.board.tabs.chosen.emit("alerts")
    assert bench.window.alerts.isVisible()
    assert not page.isVisible()
    for key in ("alerts", "filter_alerts"):
        opened(bench)
        bench.window.actions_by_name[key].trigger()
        assert bench.window.alerts.isVisible()
        assert not bench.window.alerts.is_folded


def test_one_is_adopted_with_one_click_and_undone_with_another(bench: Bench) -> None:
    tell_two(bench)
    page = opened(bench)
    page.listing.table.selectRow(0)
    assert "Grünten R1" in page.name.text()
    assert page.evidence.score.text() == "Seen by Grünten R1 over LLDP, 85 %."
    page.adopt.click()
    assert not page.adopt.isEnabled(), "twice would draw two"
    bench.settle()
    (edit,) = bench.engine.edits
    assert edit.title.startswith("Adopt Grünten")
    assert edit.steps[0].after is not None
    assert {edit.steps[0].after["a_interface"], edit.steps[0].after["b_interface"]} == {"ether1", "ether2"}
    page.refresh()
    assert len(names(page)) == 1, "it is drawn, though the engine has not said so yet"
    bench.wait_for(page.adopt.isEnabled)
    bench.commands.undo()
    bench.wait_for(lambda: len(bench.model.inventory.tables["link"]) == 1)
    bench.settle()
    page.refresh()
    assert len(names(page)) == 2


def test_many_are_adopted_in_one_edit_and_those_at_drawn_ports_are_left_out(bench: Bench) -> None:
    tell_two(bench)
    wrong = told((G1, "sfp1", G2, "ether9"), [heard("lldp", G1, "sfp1")])
    radio = told((G2, "wlan1", L1, "sfp2"), [heard("wireless", G2, "wlan1")], kind="wireless")
    tell(bench, derived_links=(wrong, radio))
    page = opened(bench)
    page.listing.table.selectAll()
    assert page.name.text() == "4 links"
    assert page.adopt.text() == "Adopt 3 links"
    assert "Left out: 1 link" in page.about.text()
    page.adopt.click()
    bench.settle()
    (edit,) = bench.engine.edits
    assert (edit.title, len(edit.steps)) == ("Adopt 3 links", 3)
    page.refresh()
    (left,) = page.listing.table.rows.rows
    assert left.told == wrong
    page.listing.table.selectRow(0)
    assert "another link is drawn" in page.about.text()
    bench.wait_for(page.adopt.isEnabled)
    page.adopt.click()  # whoever means it may
    bench.settle()
    assert len(bench.engine.edits) == 2


def test_what_is_hidden_is_counted_and_comes_back(bench: Bench) -> None:
    tell_two(bench)
    page = opened(bench)
    page.listing.table.selectRow(0)
    assert "started again" in page.hide_chosen.toolTip()
    page.hide_chosen.click()
    assert len(names(page)) == 1
    assert page.hidden.text() == "Show 1 hidden"
    assert bench.window.tree.tray.links.count.text() == "2 links"
    page.hidden.click()
    assert len(names(page)) == 2
    assert not page.hidden.isVisible()


def test_what_is_chosen_stays_chosen_while_others_come(bench: Bench) -> None:
    tell_two(bench)
    page = opened(bench)
    page.listing.table.selectAll()
    before = {row.key for row in page.listing.rows_chosen()}
    tell(bench, derived_links=(told((G1, "ether7", L1, "ether7"), [heard("cdp", G1, "ether7")]),))
    page.refresh()
    assert len(names(page)) == 3
    assert {row.key for row in page.listing.rows_chosen()} == before


def test_a_row_and_the_verbs_below_lead_to_both_ends(bench: Bench) -> None:
    tell_two(bench)
    page = opened(bench)
    page.listing.table.selectRow(0)
    for made in page.ends:
        made.click()
    assert set(bench.map.flown) == {G1, G2}
    assert bench.window.selected == bench.map.selected == bench.map.flown[-1]


def test_a_deleted_device_takes_its_candidates_along_and_a_name_follows_its_change(bench: Bench) -> None:
    tell_two(bench)
    page = opened(bench)
    bench.commands.delete_devices([L1])
    bench.wait_for(lambda: bench.model.inventory.device(L1) is None)
    bench.settle()
    page.refresh()
    (left,) = page.listing.table.rows.rows
    assert {left.told.a, left.told.b} == {G1, G2}
    assert bench.window.tree.tray.links.count.text() == "1 link"


def test_the_list_says_why_it_is_empty(bench: Bench) -> None:
    page = opened(bench)
    assert page.listing.nothing.isVisible()
    assert page.listing.nothing.text() == "Every link that devices tell of is drawn."


def test_a_link_drawn_the_other_way_round_is_the_same_link(bench: Bench) -> None:
    tell_two(bench)
    one = Link(id_of("new"), G2, G1, "ether1", "ether2", "copper")
    tell(bench, links=(one,))
    assert bench.window.tree.tray.links.count.text() == "1 link"
