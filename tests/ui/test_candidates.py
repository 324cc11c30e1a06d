"""Candidates on the window's map: told as they come, adopted from the menu of one as an edit with undo."""

from __future__ import annotations

from app.team.rights import why_not
from domain.wire import Removed
from tests.ui.conftest import Bench
from tests.ui.topology_bench import G1, L1, heard, tell, told

TOLD = told((G1, "sfp2", L1, "sfp3"), [heard("lldp", G1, "sfp2"), heard("lldp", L1, "sfp3")])


def test_the_map_is_told_of_candidates_and_one_click_in_the_menu_adopts_one(bench: Bench) -> None:
    tell(bench, derived_links=(TOLD,))
    bench.wait_for(lambda: bench.map.candidates == [TOLD])
    menu = bench.window.topology.menu_of(TOLD.id)
    assert menu is not None
    said = [action.text() for action in menu.actions()]
    assert "Grünten R1" in said[0] and "Lindau R1" in said[0]
    assert "een by both ends over LLDP" in said[1]
    assert not why_not(bench.model, "links:write")
    menu.actions()[said.index("Adopt this link")].trigger()
    bench.settle()
    assert bench.engine.edits[-1].title.startswith("Adopt Grünten R1")
    bench.wait_for(lambda: bench.map.candidates == [])
    bench.commands.undo()
    bench.wait_for(lambda: bench.map.candidates == [TOLD])


def test_a_candidate_that_is_gone_has_no_menu(bench: Bench) -> None:
    assert bench.window.topology.menu_of(TOLD.id) is None
    tell(bench, derived_links=(TOLD,))
    bench.wait_for(lambda: bench.map.candidates == [TOLD])
    tell(bench, removed=(Removed("derived_link", TOLD.id),))
    bench.wait_for(lambda: bench.map.candidates == [])
    bench.map.tools.candidate_clicked.emit(TOLD.id, 10.0, 10.0)
