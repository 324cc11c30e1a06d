"""The schematic in the window: what is kept when, submaps, marks, drawings, pictures; each act one edit with undo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QColor, QDragEnterEvent, QGuiApplication, QImage

from app.map import bridge_paper as said
from app.panels.tray import DEVICE_MIME
from app.past.share import read_link
from app.schematic import backgrounds, edits
from app.schematic.forms import DrawingForm
from app.schematic.menus import draw_menu, paper_menu
from app.schematic.pictures import NoPicture, picture_from, read_picture
from domain.blobs import GetBlob, PutBlob, digest_of
from domain.diagram import Diagram, Spot
from domain.errors import Refusal
from domain.layout import Point
from domain.wire import Changed, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.test_maps import map_file

G1, G2, L1 = map(id_of, ("g1", "g2", "l1"))


@pytest.fixture
def paper(bench: Bench) -> Bench:
    """A window that shows the schematic."""
    bench.window.schematic.show(on=True)
    return bench


def spots(bench: Bench) -> dict[UUID, Spot]:
    """Return what the engine keeps of places, by thing."""
    return {spot.thing: spot for spot in bench.engine.inventory.spots()}


def hear(bench: Bench, message: said.FromPaper) -> None:
    """Let the page say something and wait until the engine has answered."""
    bench.map.paper_said.emit(message)
    bench.settle()


def places(bench: Bench) -> dict[UUID, Point]:
    """Return where everything is shown."""
    return dict(bench.window.schematic.paper.places)


def test_looking_keeps_nothing_and_shows_every_device(paper: Bench) -> None:
    told = next(message for message in paper.map.paper_told if "devices" in message)
    assert {row["id"] for row in told["devices"]} == {G1, G2, L1}
    assert paper.engine.edits == []
    assert paper.window.schematic.bar.verb.text() == "Keep it so"


def test_the_first_drag_keeps_the_paper_as_it_looks_and_is_an_edit_of_its_own(paper: Bench) -> None:
    before = places(paper)
    hear(paper, said.ThingsMoved(G1, 50.0, -20.0))
    assert [edit.title for edit in paper.engine.edits] == ["Arrange Network", "Move Grünten R1"]
    x, y = before[G1]
    kept = spots(paper)
    assert (kept[G1].x, kept[G1].y, kept[G1].is_pinned) == (x + 50, y - 20, True)
    assert (kept[L1].x, kept[L1].y) == before[L1]
    paper.commands.undo()
    paper.settle()
    assert places(paper) == before


def test_two_quick_drags_do_not_clash_over_the_first_diagram(paper: Bench) -> None:
    for dx in (10.0, 30.0):
        paper.map.paper_said.emit(said.ThingsMoved(G1, dx, 0.0))
    paper.settle()
    assert len(list(paper.engine.inventory.diagrams())) == 1
    assert len(paper.engine.edits) == 3


def test_what_is_marked_moves_together_in_one_edit(paper: Bench) -> None:
    before = places(paper)
    paper.window.schematic.mark([G1, L1])
    hear(paper, said.ThingsMoved(L1, 100.0, 0.0))
    assert paper.engine.edits[-1].title == "Move 2 things"
    assert places(paper)[G1] == (before[G1][0] + 100, before[G1][1])
    assert places(paper)[G2] == before[G2]


def test_a_rubber_band_and_shift_mark_and_escape_lets_go_step_by_step(paper: Bench) -> None:
    desk = paper.window.schematic
    hear(paper, said.AreaMarked(-1e5, -1e5, 1e5, 1e5))
    assert desk.marks == {G1, G2, L1}
    hear(paper, said.ThingMarked(G1, more=True))
    assert desk.marks == {G2, L1}
    desk.take_tool("box")
    hear(paper, said.PaperEscaped())
    assert (desk.tool, desk.marks) == ("hand", {G2, L1})
    hear(paper, said.PaperEscaped())
    assert desk.marks == set()


def test_arranging_moves_what_is_not_pinned_and_is_undone_in_one_go(paper: Bench) -> None:
    hear(paper, said.ThingsMoved(G1, 5000.0, 0.0))
    desk = paper.window.schematic
    desk.acts.move([L1], 0.0, 4000.0)
    paper.settle()
    desk.acts.pin([L1], pinned=False)
    paper.settle()
    before = places(paper)
    desk.arrange()
    paper.wait_for(lambda: not desk.arranging.is_busy)
    paper.settle()
    after = places(paper)
    assert after[G1] == before[G1]
    assert after[L1] != before[L1]
    assert not spots(paper)[L1].is_pinned
    paper.commands.undo()
    paper.settle()
    assert places(paper) == before


def test_what_is_added_later_stands_near_and_moves_nothing(paper: Bench) -> None:
    hear(paper, said.ThingsMoved(G1, 0.0, 10.0))
    before = places(paper)
    paper.commands.delete_devices([G2])
    paper.settle()
    assert G2 not in places(paper)
    assert G2 not in spots(paper)
    paper.commands.undo()
    paper.settle()
    assert places(paper) == before


def test_a_group_becomes_a_submap_that_is_entered_and_left(paper: Bench) -> None:
    desk = paper.window.schematic
    desk.acts.group([G1, G2], "Hill", lambda refusals: None)
    paper.settle()
    [submap] = [d for d in paper.engine.inventory.diagrams() if d.parent]
    told = [message["paper"] for message in paper.map.paper_told if message.get("paper")]
    desk.paper.refresh()
    assert places(paper).keys() == {submap.id, L1}
    hear(paper, said.ThingOpened(submap.id))
    assert places(paper).keys() == {G1, G2, L1}
    assert desk.paper.sheet is not None
    assert desk.paper.sheet.guests == {L1}
    assert told
    escape = paper.window.actions_by_name["escape"]
    paper.window.select(G1)
    escape.trigger()
    assert (paper.window.selected, desk.paper.diagram) == (None, submap.id)
    escape.trigger()
    assert desk.paper.diagram == desk.paper.root
    assert desk.marks == {submap.id}
    hear(paper, said.ThingOpened(submap.id))
    paper.window.actions_by_name["step_out"].trigger()
    assert desk.marks == {submap.id}
    desk.delete(lambda: None)
    paper.settle()
    assert places(paper).keys() == {G1, G2, L1}


def test_a_site_becomes_a_submap_and_its_new_devices_come_without_a_word(paper: Bench) -> None:
    desk = paper.window.schematic
    desk.acts.group_sites([id_of("Grünten")])
    paper.settle()
    [submap] = [d for d in paper.engine.inventory.diagrams() if d.parent]
    assert (submap.name, submap.site) == ("Grünten", id_of("Grünten"))
    rows = {row["id"]: row for row in desk.paper.whole()["devices"]}
    assert (rows[G1]["lng"], rows[G1]["lat"]) == (rows[G2]["lng"], rows[G2]["lat"])
    assert [row["count"] for row in desk.paper.whole()["paper"]["submaps"]] == [2]


def test_the_selection_is_kept_and_its_paper_opened(bench: Bench) -> None:
    desk = bench.window.schematic
    desk.show(on=True)
    desk.acts.group([G1, G2], "Hill", lambda refusals: None)
    bench.settle()
    desk.show(on=False)
    assert bench.map.paper is None
    bench.window.select(G1)
    bench.window.actions_by_name["schematic"].trigger()
    assert desk.paper.sheet is not None
    assert len(desk.paper.sheet.path) == 2
    assert bench.map.selected == G1
    bench.window.select(L1, fly=True)
    assert len(desk.paper.sheet.path) == 1
    assert bench.map.flown[-1] == L1


def test_what_is_looked_at_goes_along_to_the_paper_that_has_it(bench: Bench) -> None:
    desk, window = bench.window.schematic, bench.window
    desk.show(on=True)
    desk.acts.group([G1, G2], "Hill", lambda refusals: None)
    bench.settle()
    [submap] = [d for d in bench.engine.inventory.diagrams() if d.parent]
    desk.mark([submap.id])
    desk.show(on=False)
    assert bench.map.wanted == {G1, G2}
    link = next(link for link in bench.engine.inventory.links())
    for choose, wanted in (
        (lambda: window.select(link.id), {link.a, link.b}),
        (lambda: window.select(id_of("Grünten")), {G1, G2}),
        (lambda: window.select_region("Oberallgäu"), {G1, G2}),
    ):
        choose()
        desk.show(on=True)
        inside = wanted <= {G1, G2}
        assert (bench.map.wanted, desk.paper.diagram == submap.id) == (wanted, inside)
        desk.show(on=False)
        assert bench.map.wanted == wanted


def test_the_last_paper_is_opened_again_where_it_has_what_the_map_shows(bench: Bench) -> None:
    desk = bench.window.schematic
    desk.show(on=True)
    desk.acts.group([G1, G2], "Hill", lambda refusals: None)
    bench.settle()
    [submap] = [d for d in bench.engine.inventory.diagrams() if d.parent]
    for seen, opened in (({G1}, submap.id), ({L1}, desk.paper.root), ({G1, L1}, submap.id)):
        desk.show(on=True)
        desk.enter(submap.id)
        desk.show(on=False)
        bench.window.select(None)
        bench.map.seen = seen
        desk.show(on=True)
        assert desk.paper.diagram == opened


def test_a_site_is_brought_into_view_on_the_paper_that_has_its_devices(paper: Bench) -> None:
    paper.window.select(id_of("Grünten"), fly=True)
    assert paper.window.schematic.is_on
    assert paper.map.wanted == {G1, G2}


def test_who_wants_a_place_gets_the_map(paper: Bench) -> None:
    desk, frame, said = paper.window.schematic, paper.window.frame, list[object]()
    data = QMimeData()
    data.setData(DEVICE_MIME, str(G1).encode())
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    wants: tuple[Callable[[], object], ...] = (
        lambda: paper.window.place_device(G1),
        lambda: frame.dragEnterEvent(QDragEnterEvent(QPoint(9, 9), copy, data, left, none)),
        lambda: paper.window.maps._draw(said.append),
    )
    for want in wants:
        desk.show(on=True)
        assert paper.map.paper is not None
        want()
        assert (desk.is_on, paper.map.paper) == (False, None)
        assert not paper.map.tools.on_paper


def test_what_is_asked_on_paper_is_told_no_place_on_earth(paper: Bench) -> None:
    paper.window.past.machine.at_us = 1
    paper.window.past.copy_link()
    assert read_link(QGuiApplication.clipboard().text()).view is None
    paper.model.merge(Changed(9, maps=(map_file(0, "Big"),)))
    paper.model.flush()
    paper.window.maps.open().cut_button.click()
    form = paper.window.maps.form
    assert form is not None
    form.area.setCurrentIndex(0)
    assert form.boxes == ()
    assert paper.window.schematic.is_on


def test_a_fresh_page_is_told_what_is_marked_and_which_tool_is_held(paper: Bench) -> None:
    desk = paper.window.schematic
    desk.mark([G1])
    desk.take_tool("box")
    told = paper.map.paper.whole()
    assert (told["marks"], told["pen"]) == ([G1], "box")
    desk.show(on=False)
    desk.show(on=True)
    assert (paper.map.paper_told[-1]["marks"], paper.map.paper_told[-1]["pen"]) == ([], "hand")


def test_a_drawing_is_made_changed_pulled_and_deleted(paper: Bench) -> None:
    desk = paper.window.schematic
    hear(paper, said.DrawingMade("box", 10.0, 20.0, 100.0, 50.0))
    [drawing] = paper.engine.inventory.drawings()
    assert desk.tool == "hand"
    form = DrawingForm(drawing, "Save", desk.acts.draw, paper.window)
    form.text.setPlainText("Core\nroom")
    form.ink.setCurrentIndex(form.ink.findData("teal"))
    form.submit()
    paper.settle()
    hear(paper, said.DrawingPulled(drawing.id, 0.0, 0.0, 300.0, 200.0))
    hear(paper, said.ThingsMoved(drawing.id, 7.0, 7.0))
    [drawing] = paper.engine.inventory.drawings()
    assert (drawing.text, drawing.color, drawing.width, drawing.x) == ("Core\nroom", "teal", 300.0, 7.0)
    desk.mark([drawing.id])
    paper.window.actions_by_name["delete"].trigger()
    paper.settle()
    assert not list(paper.engine.inventory.drawings())
    paper.commands.undo()
    paper.settle()
    assert [d.text for d in paper.engine.inventory.drawings()] == ["Core\nroom"]


def test_menus_offer_what_can_be_done_now(paper: Bench) -> None:
    desk = paper.window.schematic
    alone = [action.text() for action in paper_menu(desk, None).actions() if action.text()]
    assert alone == ["Snap to the grid", "Arrange what is not pinned"]
    desk.mark([G1, G2])
    marked = [action.text() for action in paper_menu(desk, G1).actions() if action.text()]
    assert "Pin 2 things" in marked
    assert "Align in a row" in marked
    assert [a.text() for a in draw_menu(desk).actions() if a.text()][:4] == ["Text", "Box", "Ellipse", "Line"]


def test_aligned_and_spread_and_snapped() -> None:
    a, b, c = (UUID(int=i) for i in (1, 2, 3))
    there: dict[UUID, Point] = {a: (0.0, 0.0), b: (10.0, 50.0), c: (100.0, 100.0)}
    assert {x for x, _ in edits.aligned(there, "column").values()} == {110 / 3}
    assert {y for _, y in edits.aligned(there, "row").values()} == {50.0}
    assert edits.aligned(there, "across")[b] == (50.0, 50.0)
    assert edits.snapped((21.0, -9.0), 16.0) == (16.0, -16.0)


def test_a_picture_goes_to_the_engine_and_under_the_paper(paper: Bench, tmp_path: Path) -> None:
    image = QImage(320, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("#336699"))
    file = tmp_path / "floor.png"
    assert image.save(str(file))
    data = read_picture(file).data
    paper.engine.answers[PutBlob] = Reply(0, result={"have": len(data)})
    paper.window.schematic.take_background(file)
    paper.wait_for(lambda: any(d.background for d in paper.engine.inventory.diagrams()))
    paper.settle()
    [diagram] = paper.engine.inventory.diagrams()
    assert diagram.background == digest_of(data)
    assert paper.map.pictures == {diagram.background: data}
    picture = paper.window.schematic.paper.whole()["paper"]["picture"]
    assert (picture["width"], picture["height"]) == (1600.0, 1000.0)


def test_a_picture_that_is_on_its_way_from_the_team_comes_under_the_paper(
    paper: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backgrounds, "AGAIN_MS", 10)
    file = tmp_path / "floor.png"
    assert QImage(32, 20, QImage.Format.Format_RGB32).save(str(file))
    data = file.read_bytes()
    asked: list[GetBlob] = []

    def get(request: GetBlob) -> Reply:
        asked.append(request)
        if len(asked) < 3:
            return Reply(0, (Refusal("BLOB_NOT_FOUND", "there is no such picture", "digest"),))
        return Reply(0, result={"size": len(data), "data": data})

    paper.engine.answers[GetBlob] = get
    shown = Diagram(UUID(int=7), "Floor", None, digest_of(data))
    paper.window.schematic.backgrounds.want(shown)
    paper.wait_for(lambda: bool(paper.map.pictures))
    assert paper.map.pictures == {shown.background: data}
    assert len(asked) == 3
    assert paper.window.schematic.backgrounds.row_of(shown) is not None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GIF89a", "no PNG, JPEG or SVG"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 50, "cannot be decoded"),
        (b'<svg xmlns="x"><image href="file:///etc/passwd"/></svg>', "points outside of itself"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', "points outside of itself"),
        (b'<svg><style>@import "http://x/y.css"</style></svg>', "points outside of itself"),
    ],
)
def test_what_is_no_picture_or_points_elsewhere_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(NoPicture, match=why):
        picture_from(data, "floor")


def test_an_svg_is_drawn_once_and_kept_as_points() -> None:
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'
    )
    image = picture_from(svg, "floor.svg")
    assert (image.width(), image.height()) == (2048, 1024)
