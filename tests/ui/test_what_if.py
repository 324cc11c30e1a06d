"""What if: chips, numbers, lists, the map; asked anew at each change, left by Escape, live state untouched."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.draft import now_us
from app.topology.moved_rows import LOADS, load_rows
from app.topology.what_if import PATHS_DRAWN, Detour, Failing, detours_of, paths_drawn
from domain.alerts import Alert, fingerprint
from domain.asking import WhatIf
from domain.errors import Refusal
from domain.health import Health
from domain.inventory import Link
from domain.load import LinkState
from domain.topology import Impact, LinkThen, Moved, Topology, impact
from domain.wire import Removed, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import VANTAGE, id_of
from tests.ui.topology_bench import G1, G2, L1, LINK, answer, heard, tell, told

SITE = id_of("Grünten")


def questions(bench: Bench) -> list[tuple[set[UUID], set[UUID]]]:
    return [(set(m.devices), set(m.links)) for m in bench.engine.heard if isinstance(m, WhatIf)]


def begin(bench: Bench, id: UUID, found: Impact) -> None:
    bench.engine.answers[WhatIf] = answer(found)
    bench.window.imagine(id)
    bench.wait_for(lambda: bench.window.topology.imagining.impact is not None)


def chips(bench: Bench) -> list[str]:
    return [chip.name.text() for chip in bench.window.topology.panel.chips]


def figures(bench: Bench) -> dict[str, str]:
    return {key: tab.said for key, tab in bench.window.topology.panel.figures.tabs.items()}


LOST = Impact((G1, G2), (SITE,), 42, (), {})


@pytest.mark.parametrize(
    ("id", "devices", "links"), [(G1, {G1}, set()), (LINK, set(), {LINK}), (SITE, {G1, G2}, set())]
)
def test_the_menu_of_a_device_a_link_and_a_site_asks_what_if(
    bench: Bench, id: UUID, devices: set[UUID], links: set[UUID]
) -> None:
    bench.engine.answers[WhatIf] = answer(LOST)
    bench.window.open_menu(id, QPoint(0, 0))
    (menu,) = [menu for menu in bench.window.findChildren(QMenu) if menu.isVisible()]
    next(action for action in menu.actions() if action.text() == "What if it fails?").trigger()
    bench.wait_for(lambda: questions(bench) == [(devices, links)])
    assert bench.window.topology.panel.isVisible()


def test_it_says_what_would_be_lost_and_the_map_shows_the_same(bench: Bench) -> None:
    begin(bench, G1, LOST)
    panel = bench.window.topology.panel
    assert chips(bench) == ["Grünten R1"]
    assert panel.sentence.text() == "1 other device, 1 whole site and 42 subscribers would be lost."
    assert figures(bench) == {"devices": "2", "sites": "1", "weakened": "0", "moved": "0", "loads": "0"}
    rows = panel.lists["devices"].table.rows.rows
    assert [(row.name, row.where, row.subscribers) for row in rows] == [
        ("Grünten AP", "Grünten", 30),
        ("Grünten R1", "Grünten", 12),
    ]
    assert bench.map.what_if == {"failed": [G1], "lost": [G2], "weakened": [], "rerouted": []}
    panel.figures.tabs["sites"].click()
    (site,) = panel.lists["sites"].table.rows.rows
    assert (site.name, site.devices, site.subscribers) == ("Grünten", 2, 42)


def test_who_has_one_way_left_and_who_goes_another_way_is_listed(bench: Bench) -> None:
    begin(bench, LINK, Impact((), (), 0, (G2,), {G1: G2, G2: L1}, (G1,)))
    panel = bench.window.topology.panel
    assert panel.sentence.text() == "Nobody else would be lost: there is another way."
    assert bench.map.what_if == {"failed": [LINK], "lost": [], "weakened": [G2], "rerouted": [[G1, G2, L1]]}
    panel.figures.tabs["weakened"].click()
    assert [row.name for row in panel.lists["weakened"].table.rows.rows] == ["Grünten AP"]
    panel.figures.tabs["moved"].click()
    assert [(row.name, row.over) for row in panel.lists["moved"].table.rows.rows] == [
        ("Grünten R1", "Grünten AP")
    ]


def test_a_click_on_the_map_adds_and_takes_and_a_chip_takes_too(bench: Bench) -> None:
    begin(bench, G1, LOST)
    bench.map.what_if_toggled.emit(LINK)
    assert chips(bench) == ["Grünten R1", "Grünten R1 – Lindau R1"]
    assert bench.map.what_if is not None
    assert bench.map.what_if["failed"] == [G1, LINK], "at once, before the engine has said anything"
    bench.wait_for(lambda: questions(bench)[-1] == ({G1}, {LINK}))
    bench.map.what_if_toggled.emit(G1)
    assert chips(bench) == ["Grünten R1 – Lindau R1"]
    QTest.mouseClick(bench.window.topology.panel.chips[0].cross, Qt.MouseButton.LeftButton)
    assert chips(bench) == []
    panel = bench.window.topology.panel
    assert panel.sentence.text() == "Nothing fails yet."
    assert panel.isVisible()
    assert bench.map.what_if == {"failed": [], "lost": [], "weakened": [], "rerouted": []}


def test_a_device_taken_out_of_a_failing_site_leaves_the_others_failing(bench: Bench) -> None:
    begin(bench, SITE, LOST)
    imagining = bench.window.topology.imagining
    assert list(imagining.failing.values()) == [Failing("site", SITE)]
    imagining.toggle(G1)
    assert list(imagining.failing.values()) == [Failing("device", G2)]
    bench.window.imagine(SITE)
    assert list(imagining.failing.values()) == [Failing("site", SITE)], "the site stands for its devices"


def test_fast_clicks_are_one_question_and_no_late_answer_is_shown(bench: Bench) -> None:
    bench.engine.answers[WhatIf] = answer(LOST)
    imagining = bench.window.topology.imagining
    for id in (G1, G2, L1, G2):
        bench.map.what_if_toggled.emit(id) if imagining.is_on else bench.window.imagine(id)
    bench.wait_for(lambda: imagining.impact is not None)
    assert questions(bench) == [({G1, L1}, set())]
    late = imagining.impact
    asked = dict(imagining.failing)
    imagining.toggle(G1)
    imagining._on_reply(asked, answer(Impact()))
    assert imagining.impact is late, "the answer to another question"


def test_escape_leaves_and_what_was_selected_is_there_again(bench: Bench) -> None:
    bench.window.select(L1)
    begin(bench, G1, LOST)
    assert bench.window.selected == L1
    assert not bench.window.device.isVisible()
    bench.window.actions_by_name["escape"].trigger()
    assert bench.map.what_if is None
    assert not bench.window.topology.imagining.is_on
    assert bench.window.device.isVisible()
    begin(bench, G1, LOST)
    bench.map.what_if_left.emit()
    assert not bench.window.topology.panel.isVisible()
    bench.window.select(None)
    begin(bench, G1, LOST)
    bench.window.topology.panel.leave.click()
    assert not bench.window.side.isVisible()


def test_the_live_state_goes_on_meanwhile(bench: Bench) -> None:
    begin(bench, G1, LOST)
    down = Health(id_of("l1"), VANTAGE, "down", 1, 1)
    alert = Alert(fingerprint("device_down", L1), "device_down", L1, "critical", 1)
    tell(bench, health=(down,), alerts=(alert,))
    assert bench.window.alerts.isVisible()
    bench.window.alerts.chosen.emit(L1)
    assert bench.window.device.isVisible(), "an alert comes before what is only imagined"
    assert bench.window.topology.imagining.is_on
    assert bench.map.what_if is not None
    bench.window.select(None)
    assert bench.window.topology.panel.isVisible()
    assert bench.model.status_of(G1) == "unknown", "nothing imagined is in the mirror"


def test_a_row_of_a_list_is_shown_on_the_map_beside_the_what_if(bench: Bench) -> None:
    begin(bench, G1, LOST)
    table = bench.window.topology.panel.lists["devices"].table
    QTest.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(table.rows.index(0, 0)).center()
    )
    assert (bench.map.selected, bench.map.flown) == (G2, [G2])
    assert bench.window.topology.panel.isVisible()


def test_another_network_asks_again_and_what_is_gone_fails_no_more(bench: Bench) -> None:
    begin(bench, G1, LOST)
    bench.map.what_if_toggled.emit(LINK)
    bench.wait_for(lambda: len(questions(bench)) == 2)
    tell(bench, removed=(Removed("link", LINK),))
    assert chips(bench) == ["Grünten R1"]
    bench.wait_for(lambda: questions(bench)[-1] == ({G1}, set()))
    asked = len(questions(bench))
    one = told((G1, "ether2", L1, "ether1"), [heard("lldp", G1, "ether2")])
    tell(bench, derived_links=(one,))
    bench.wait_for(lambda: len(questions(bench)) == asked + 1)
    tell(bench, derived_links=(msgspec.structs.replace(one, score=0.4),))
    assert not bench.window.topology.imagining.is_asking, "another score is no other network"


def test_loads_that_change_are_asked_about_now_and_then_and_the_map_and_the_list_follow(bench: Bench) -> None:
    def moved(bps: float) -> Reply:
        return answer(LOST, Moved((LinkThen(LINK, bps, 1e6, 1e6, 1e6),)))

    def carried(bps: float) -> None:
        for _ in range(3):
            tell(bench, link_states=(LinkState(LINK, "up", now_us(), now_us(), bps, 1e6),))

    bench.engine.answers[WhatIf] = moved(2e6)
    bench.window.imagine(G1)
    imagining = bench.window.topology.imagining
    bench.wait_for(lambda: imagining.impact is not None)
    imagining._follow.setInterval(30)
    told: list[object] = []
    imagining.changed.connect(lambda: told.append(imagining.moved))
    carried(3e6)
    assert not imagining.is_asking, "what is known stays on the screen meanwhile"
    bench.wait_for(lambda: len(questions(bench)) == 2)
    bench.settle()
    assert told == [], "an answer that is the same is not told"
    bench.engine.answers[WhatIf] = moved(5e6)
    carried(6e6)
    bench.wait_for(lambda: bench.map.would_carry == {LINK: (5e6, 1e6)})
    assert len(questions(bench)) == 3, "several changes are one question"
    imagining.leave()
    carried(7e6)
    assert not imagining._follow.isActive()


def test_a_refusal_is_shown_and_no_old_number_stays(bench: Bench) -> None:
    begin(bench, G1, LOST)
    bench.engine.answers[WhatIf] = Reply(0, (Refusal("DEVICE_NOT_FOUND", "there is no device X", "devices"),))
    bench.map.what_if_toggled.emit(G2)
    panel = bench.window.topology.panel
    bench.wait_for(panel.refusal.text)
    assert panel.refusal.text() == "there is no device X"
    assert set(figures(bench).values()) == {"–"}


def test_the_palettes_what_if_begins_empty_where_nothing_is_selected(bench: Bench) -> None:
    bench.window.actions_by_name["what_if"].trigger()
    panel = bench.window.topology.panel
    assert panel.isVisible()
    assert panel.hint.isVisible()
    assert chips(bench) == []
    assert questions(bench) == []


def test_the_list_is_copied_as_text(bench: Bench) -> None:
    begin(bench, G1, LOST)
    bench.window.topology.panel.copy.click()
    said = QGuiApplication.clipboard().text()
    assert said.startswith("What if these fail:\nGrünten R1 device\n")
    assert "Grünten AP\tGrünten\t30" in said


def test_many_that_fail_are_counted_and_the_panel_keeps_its_room(bench: Bench) -> None:
    names = [f"Device {n}" for n in range(90)]
    device = bench.model.inventory.device(G1)
    assert device is not None
    made = tuple(msgspec.structs.replace(device, id=id_of(n), name=n, address=n, site=None) for n in names)
    tell(bench, devices=made)
    bench.engine.answers[WhatIf] = answer(Impact(tuple(one.id for one in made)))
    bench.window.topology.imagine([one.id for one in made])
    panel = bench.window.topology.panel
    assert len(panel.chips) == 60
    assert panel._more.text() == "and 30 more"
    assert panel._area.height() <= 168
    bench.wait_for(lambda: len(panel.lists["devices"].table.rows.rows) == 90)


def net(*pairs: tuple[str, str]) -> Topology:
    made = Topology()
    for name in dict.fromkeys(name for both in pairs for name in both):
        made.put_node(id_of(name))
    for a, b in pairs:
        made.put_link(id_of(f"{a}{b}"), id_of(a), id_of(b))
    made.set_entries([id_of("e")])
    return made


def test_a_detour_is_told_once_with_all_that_lie_behind_it() -> None:
    ring = net(("e", "a"), ("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("b", "x"), ("x", "y"))
    found = impact(ring, links=[id_of("ea")])
    detours = detours_of(found)
    assert sum(detour.behind for detour in detours) + len(detours) == len(found.rerouted)
    over = {detour.device: detour.over for detour in detours}
    assert over[id_of("a")] == id_of("b")
    paths = paths_drawn(found, detours)
    stretches = [both for path in paths for both in pairwise(path)]
    assert len(stretches) == len(set(stretches))
    assert (id_of("b"), id_of("c")) in stretches
    assert (id_of("b"), id_of("c")) in paths, "it ends where the way of before goes on"


def test_a_thousand_detours_are_not_all_drawn() -> None:
    hub = id_of("hub")
    ids = [id_of(f"n{n}") for n in range(1_000)]
    found = Impact(rerouted=dict.fromkeys(ids, hub), turned=tuple(ids))
    detours = detours_of(found)
    assert len(detours) == 1_000
    assert detours[0] == Detour(min(ids), hub, 0)
    assert len(paths_drawn(found, detours)) == PATHS_DRAWN


def test_a_link_that_is_told_and_not_drawn_can_fail_too(bench: Bench) -> None:
    one = told((G1, "ether2", L1, "ether1"), [heard("lldp", G1, "ether2")])
    tell(bench, derived_links=(one,))
    begin(bench, one.id, Impact())
    assert chips(bench) in (["Grünten R1 – Lindau R1"], ["Lindau R1 – Grünten R1"])
    assert bench.window.topology.panel.sentence.text() == "Nothing hangs on it."
    adopted = Link(id_of("adopted"), one.a, one.b)
    tell(bench, links=(adopted,), removed=(Removed("derived_link", one.id),))
    assert chips(bench) == []


def test_links_that_would_carry_more_are_listed_in_words_with_what_is_not_known(bench: Bench) -> None:
    moved = Moved((LinkThen(LINK, 1.3e9, 1.5e8, 7e8, 5e7),), (G2,), 2e8)
    link = bench.model.inventory.link(LINK)
    assert link is not None
    for capacity_bps, of, over, said in (
        (10**9, "1 Gb/s", "1", "1 link would carry more than it can."),
        (10**10, "10 Gb/s", "0", "No link would carry more than it can."),
        (0, "not known", "0", "1 link carries more, but load or capacity is not known."),
    ):
        tell(bench, links=[replace(link, capacity_bps=capacity_bps)])
        bench.engine.answers[WhatIf] = answer(Impact((), (), 0, (), {G1: L1}, (G1,)), moved)
        bench.window.imagine(G1)
        bench.wait_for(lambda: bench.window.topology.imagining.impact is not None)
        panel = bench.window.topology.panel
        bench.wait_for(lambda: panel.load.text().startswith(said))  # noqa: B023
        assert panel.load.text() == (
            f"{said} What 1 re-routed device would move is not known. 200 Mb/s off the shortest ways cannot be followed."
        )
        assert figures(bench)["loads"] == over
        panel.figures.tabs["loads"].click()
        (row,) = panel.lists["loads"].table.rows.rows
        assert row.words == f"from 600 Mb/s\tto 1.3 Gb/s\tof {of}"
        cells = [column.said(row) for column in LOADS]
        assert cells[1:] == ["600", "1,300", "–" if not capacity_bps else f"{capacity_bps / 1e6:,.0f}"]
        assert "→" in row.name and row.device in (link.a, link.b)
        bench.window.step_back()
    assert bench.map.would_carry == {LINK: (1.3e9, 1.5e8)}


def test_where_the_load_of_today_is_not_known_it_is_said_how_much_more_it_would_be(bench: Bench) -> None:
    moved = Moved((LinkThen(LINK, None, None, 7e8, 5e7),))
    bench.engine.answers[WhatIf] = answer(Impact((), (), 0, (), {G1: L1}, (G1,)), moved)
    bench.window.imagine(G1)
    bench.wait_for(lambda: bench.window.topology.imagining.impact is not None)
    (row,) = load_rows(bench.model, bench.window.topology.imagining)
    assert (row.words, row.share) == ("from not known\tto 700 Mb/s more\tof 1 Gb/s", None)
    assert LOADS[2].said(row) == "+700"
    bench.window.topology.panel._on_copy()
    assert "to 700 Mb/s more" in QGuiApplication.clipboard().text()


def test_the_panel_says_how_many_of_the_new_ways_the_map_paints(bench: Bench) -> None:
    many = [UUID(int=1000 + n) for n in range(2 * (PATHS_DRAWN + 5))]
    hops = dict(zip(many[::2], many[1::2], strict=True))
    begin(bench, LINK, Impact((), (), 0, (), hops, tuple(hops)))
    assert bench.map.what_if is not None and len(bench.map.what_if["rerouted"]) == PATHS_DRAWN
    said = bench.window.topology.panel.painted
    assert said.text() == "The map paints 200 of 205 new ways, those with most behind them."
    assert said.isVisible()
