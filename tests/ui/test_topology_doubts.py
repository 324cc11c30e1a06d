"""Contradictions: in words, never hidden, settled by one edit that can be undone."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.dialogs.confirm import Confirm
from app.topology.doubts_page import DoubtsPage
from app.topology.settling import KIND_WORDS, choices_of, sentence_of
from domain.evidence import Contradiction, contradiction_id
from domain.wire import Removed
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.topology_bench import G1, G2, L1, LINK, doubt_of_link, heard, tell, told

DOUBT, TOLD = doubt_of_link()


def opened(bench: Bench) -> DoubtsPage:
    bench.window.actions_by_name["contradictions"].trigger()
    return bench.window.topology.board.doubts


def test_the_tray_counts_them_as_long_as_there_are_any(bench: Bench) -> None:
    tray = bench.window.tree.tray
    assert tray.doubts.isHidden()
    tell(bench, contradictions=(DOUBT,))
    assert tray.doubts.count.text() == "1"
    QTest.mouseClick(tray.doubts, Qt.MouseButton.LeftButton)
    page = bench.window.topology.board.doubts
    assert page.isVisible()
    page.leave.click()
    assert tray.doubts.count.text() == "1", "who leaves it has not made it go"
    assert page.listing.table.rows.rows[0].left
    tell(bench, removed=(Removed("contradiction", DOUBT.id),))
    assert tray.doubts.isHidden()
    assert page.listing.nothing.text() == "What devices tell agrees with what is drawn."


def test_a_contradiction_says_the_whole_sentence_and_what_would_settle_it(bench: Bench) -> None:
    tell(bench, contradictions=(DOUBT,), derived_links=(TOLD,))
    page = opened(bench)
    assert page.card.words.text() == DOUBT.words + "."
    assert page.card.kind.text() == "Another neighbour"
    assert [made.accessibleName() for made in page.card.buttons] == [
        "Let it end at ether1 of Grünten AP",
        "Delete the drawn link…",
    ]


def test_the_end_is_changed_to_what_is_told_and_undone(bench: Bench) -> None:
    tell(bench, contradictions=(DOUBT,), derived_links=(TOLD,))
    page = opened(bench)
    page.card.buttons[0].click()
    bench.settle()
    link = bench.model.inventory.link(LINK)
    assert link is not None
    assert (link.a, link.a_interface, link.b, link.b_interface) == (G1, "sfp1", G2, "ether1")
    assert bench.engine.edits[0].title == "Change Grünten R1 – Lindau R1"
    bench.commands.undo()
    bench.wait_for(lambda: (old := bench.model.inventory.link(LINK)) is not None and old.b == L1)


def test_the_ports_are_changed_where_the_same_two_devices_tell_of_others(bench: Bench) -> None:
    other = told((G1, "sfp7", L1, ""), [heard("lldp", G1, "sfp7")])
    tell(bench, contradictions=(DOUBT,), derived_links=(other,))
    page = opened(bench)
    assert page.card.buttons[0].accessibleName() == "Change its ports to sfp7 – sfp2"
    page.card.buttons[0].click()
    bench.settle()
    link = bench.model.inventory.link(LINK)
    assert link is not None
    assert (link.a, link.a_interface, link.b, link.b_interface) == (G1, "sfp7", L1, "sfp2")


def test_deleting_the_drawn_link_asks_first(bench: Bench) -> None:
    tell(bench, contradictions=(DOUBT,))
    page = opened(bench)
    page.card.buttons[-1].click()
    assert bench.engine.edits == []
    (question,) = [box for box in bench.window.findChildren(Confirm) if box.isVisible()]
    question.verb.click()
    bench.wait_for(lambda: bench.model.inventory.link(LINK) is None)


def test_the_links_panel_shows_its_contradictions_first_and_settles_them_too(bench: Bench) -> None:
    tell(bench, contradictions=(DOUBT,), derived_links=(TOLD,))
    bench.window.select(LINK)
    panel = bench.window.link
    (card,) = panel.doubts.cards
    assert card.isVisible()
    bench.wait_for(lambda: panel.rows[0].y() > 0)
    assert (
        card.mapTo(panel, card.rect().bottomLeft()).y()
        < panel.rows[0].mapTo(panel, panel.rows[0].rect().topLeft()).y()
    )
    card.buttons[0].click()
    bench.settle()
    link = bench.model.inventory.link(LINK)
    assert link is not None
    assert link.b == G2
    tell(bench, removed=(Removed("contradiction", DOUBT.id),))
    assert not card.isVisible()


@pytest.mark.parametrize("kind", ["two_neighbours", "mac_twice", "address_twice"])
def test_what_no_edit_can_settle_leads_to_the_devices(bench: Bench, kind: str) -> None:
    doubt = Contradiction(
        contradiction_id(kind, "x"), kind, (), (G1, G2), "Grünten R1, Grünten AP all say so", 0
    )  # type: ignore[arg-type]
    tell(bench, contradictions=(doubt,))
    page = opened(bench)
    assert page.card.kind.text() == KIND_WORDS[kind]
    assert [made.accessibleName() for made in page.card.buttons] == ["Show Grünten R1", "Show Grünten AP"]
    page.card.buttons[1].click()
    assert bench.window.selected == G2
    assert bench.engine.edits == []


def test_what_is_told_of_another_drawn_link_is_no_choice(bench: Bench) -> None:
    drawn = told((G1, "sfp1", G2, "ether1"), [heard("lldp", G1, "sfp1")], id_of("another"))
    tell(bench, contradictions=(DOUBT,), derived_links=(drawn,))
    choices = choices_of(bench.model, bench.window.topology.told, DOUBT)
    assert [choice.gone for choice in choices] == [LINK]


def test_a_name_from_right_to_left_leaves_the_sentence_in_its_order(bench: Bench) -> None:
    import msgspec

    name = "محطة الجبل"
    device = bench.model.inventory.device(G2)
    assert device is not None
    tell(bench, devices=(msgspec.structs.replace(device, name=name),))
    doubt = msgspec.structs.replace(DOUBT, words=f"sfp1 of Grünten R1 hears {name}, but no")
    assert sentence_of(bench.model, doubt) == f"sfp1 of Grünten R1 hears \u2068{name}\u2069, but no."
