"""The network on paper in the real page: the same statuses, submaps, what a hand does, and back to the map."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, Qt
from PySide6.QtGui import QColor, QImage, QImageWriter
from PySide6.QtTest import QTest

from app.look import themes
from app.map import bridge_paper as said
from app.schematic.paper import Paper, ground_of
from domain.diagram import Diagram, Drawing, Spot
from domain.inventory import Tenant
from domain.wire import Changed
from tests.map.conftest import Stage
from tests.map.networks import PLACES, device, health, id_of, news, small

DARK = themes()["dark"]
AT = {
    "Kempten": (0.0, 0.0),
    "Hauchenberg": (-240.0, 0.0),
    "Grünten": (-240.0, 140.0),
    "Alpspitz": (200.0, 120.0),
}
DRAWING = Drawing(id_of("frame"), UUID(int=0), "box", -180.0, 40.0, 120.0, 80.0, "Core", "blue")


class Sheet:
    """A stage that shows a paper, and what its page has said."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.model.begin(Tenant(UUID(int=5), "Test net"))
        self.paper = Paper(stage.model)
        self.paper.more = lambda: {"picture": None, "grid": False}
        self.heard: list[said.FromPaper] = []
        root = self.paper.root
        self.drawing = msgspec.structs.replace(DRAWING, diagram=root)
        spots = tuple(Spot(id_of(f"spot {n}"), root, id_of(n), x, y) for n, (x, y) in AT.items())
        stage.tell(Changed(3, diagrams=(Diagram(root, "Network"),), spots=spots, drawings=(self.drawing,)))
        stage.view.paper_said.connect(self.heard.append)
        stage.view.show_paper(self.paper)
        stage.until(lambda: stage.stand_still()["rendered_links"] == 3)

    def at(self, x: float, y: float) -> QPoint:
        """Return where on the view a point of the paper is."""
        return self.stage.pixel(ground_of((x, y)))

    def hears(self, kind: type) -> said.FromPaper:
        """Wait for a message of a kind and return the last."""
        self.stage.until(lambda: any(isinstance(m, kind) for m in self.heard), kind.__name__)
        return next(m for m in reversed(self.heard) if isinstance(m, kind))


@pytest.fixture
def sheet(stages: Callable[..., Stage]) -> Sheet:
    """The small network on paper."""
    return Sheet(stages(small()))


def test_the_paper_shows_the_same_network_and_the_map_comes_back_where_it_was(sheet: Sheet) -> None:
    stage = sheet.stage
    assert stage.report()["rendered_devices"] == len(PLACES)
    assert abs(stage.report()["center"][0]) < 1
    stage.until(lambda: stage.shows(sheet.at(0, 0), DARK.status["up"]))
    stage.view.show_paper(None)
    stage.until(lambda: stage.stand_still()["rendered_links"] == 3 and stage.report()["center"][0] > 9)
    assert not stage.js("document.body.classList.contains('paper')")
    assert not stage.view.tools.on_paper
    stage.view.tools.map_wanted.connect(lambda: stage.view.show_paper(None))
    looks: tuple[Callable[[], object], ...] = (
        lambda: stage.view.look_at(11.5, 48.2, 9.0),
        lambda: stage.view.frame_box(11.4, 48.1, 11.6, 48.3),
        lambda: stage.view.fly_to_place(11.5, 48.2),
    )
    for look in looks:
        stage.view.show_paper(sheet.paper)
        look()
        assert not stage.view.tools.on_paper


def test_a_selected_device_that_stood_on_another_on_the_map_is_in_view_on_the_paper(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.show_paper(None)
    stage.tell(Changed(4, devices=(device("Grünten", *stage.place_of(id_of("Kempten"))),)))
    stage.view.select(id_of("Grünten"))
    stage.until(lambda: stage.stand_still()["center"][0] > 9)
    stage.view.show_paper(sheet.paper, [id_of("Grünten")])
    stage.until(lambda: abs(stage.stand_still()["center"][0]) < 1)
    assert stage.view.rect().contains(sheet.at(*AT["Grünten"]))


def test_what_stands_in_the_middle_of_the_map_stands_in_the_middle_of_the_paper_and_back(
    sheet: Sheet,
) -> None:
    stage = sheet.stage
    stage.view.show_paper(None)
    stage.until(lambda: stage.stand_still()["center"][0] > 9)
    stage.view.look_at(*stage.place_of(id_of("Alpspitz")), 13.0)
    near = stage.stand_still()
    assert near["zoom"] == 13
    stage.view.show_paper(sheet.paper)
    stage.until(lambda: abs(stage.stand_still()["center"][0]) < 1)
    at = sheet.at(*AT["Alpspitz"])
    assert (at - stage.view.rect().center()).manhattanLength() < 4
    stage.view.show_paper(None)
    stage.until(lambda: stage.stand_still()["center"][0] > 9)
    assert (stage.report()["center"], stage.report()["zoom"]) == (near["center"], near["zoom"])


def test_both_ends_of_a_selected_link_are_in_view_on_the_paper(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.look_at(*ground_of(AT["Alpspitz"]), 14.0)
    stage.until(lambda: stage.stand_still()["zoom"] == 14)
    stage.view.show_paper(None)
    stage.until(lambda: stage.stand_still()["center"][0] > 9)
    stage.view.look_at(*stage.place_of(id_of("Alpspitz")), 13.0)
    stage.stand_still()
    ends = [id_of("Hauchenberg"), id_of("Grünten")]
    stage.view.show_paper(sheet.paper, ends)
    stage.until(lambda: abs(stage.stand_still()["center"][0]) < 1)
    assert all(stage.view.rect().contains(sheet.at(*AT[name])) for name in ("Hauchenberg", "Grünten"))
    assert not stage.view.rect().contains(sheet.at(*AT["Alpspitz"]))


def test_what_is_aimed_at_comes_into_view_and_what_is_in_view_stays(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.look_at(*ground_of((0.0, 0.0)), 13.5)
    stage.stand_still()
    assert not stage.view.rect().contains(sheet.at(*AT["Alpspitz"]))
    stage.view.aim([id_of("Kempten")])
    assert stage.stand_still()["zoom"] == 13.5
    stage.view.aim([id_of("Alpspitz")])
    stage.until(lambda: stage.view.rect().contains(sheet.at(*AT["Alpspitz"])))


def test_the_network_on_another_ground_is_cut_into_tiles_once_and_what_moves_then_again(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.js(
        "window.cut = []; const say = Worker.prototype.postMessage;"
        "Worker.prototype.postMessage = function (told, ...more) {"
        " if (told.tile) cut.push(told.tile.join('/')); return say.call(this, told, ...more); }; 1"
    )
    for ground in (None, sheet.paper):
        stage.js("cut.length = 0; 1")
        stage.view.show_paper(ground)
        stage.until(lambda: stage.stand_still()["rendered_links"] == 3)
        names = stage.js("cut.join()").split(",")
        assert len(names) == len(set(names)) > 0
    spot = Spot(id_of("spot Alpspitz"), sheet.paper.root, id_of("Alpspitz"), 260.0, 0.0)
    stage.js("cut.length = 0; 1")
    stage.tell(Changed(4, spots=(spot,)))
    stage.until(lambda: stage.js("cut.length") > 0)

    def is_there() -> bool:
        stage.click(sheet.at(150, 0))
        stage.settle()
        return ("link_clicked", id_of("KemptenAlpspitz")) in stage.events

    stage.until(is_there, "the link at its new place")


def test_the_whole_paper_is_shown_with_its_drawings_below_the_bar(sheet: Sheet) -> None:
    stage = sheet.stage
    far = msgspec.structs.replace(sheet.drawing, id=id_of("far"), x=-900.0, y=-700.0)
    stage.tell(Changed(4, drawings=(far,)))
    stage.view.fit()
    stage.until(lambda: sheet.at(-900, -700).x() > 0)
    stage.stand_still()
    corner = sheet.at(-900, -700)
    assert corner.x() >= 40
    assert corner.y() >= 100
    assert all(stage.view.rect().contains(sheet.at(*at)) for at in AT.values())


def test_a_bare_paper_is_looked_at_in_its_own_size(stages: Callable[..., Stage]) -> None:
    stage = stages(Changed(1))
    stage.model.begin(Tenant(UUID(int=5), "Test net"))
    paper = Paper(stage.model)
    paper.more = lambda: {"picture": None, "grid": False}
    stage.view.show_paper(paper)
    stage.until(lambda: stage.report()["zoom"] > 11)
    assert abs(stage.stand_still()["center"][0]) < 1


def test_a_status_that_turns_is_seen_on_paper_too(sheet: Sheet) -> None:
    sheet.stage.tell_and_see(news(health("Alpspitz", "down", 1)))
    sheet.stage.until(lambda: sheet.stage.shows(sheet.at(200, 120), DARK.status["down"]))


def test_a_device_is_dragged_by_a_distance_on_paper_and_never_to_a_place_on_the_ground(sheet: Sheet) -> None:
    sheet.stage.drag(sheet.at(200, 120), sheet.at(260, 60))
    moved = sheet.hears(said.ThingsMoved)
    assert isinstance(moved, said.ThingsMoved)
    assert (moved.id, round(moved.dx, -1), round(moved.dy, -1)) == (id_of("Alpspitz"), 60, -60)
    assert not [event for event in sheet.stage.events if event[0] == "device_dropped"]


def test_a_rubber_band_marks_an_area_and_shift_marks_one_more(sheet: Sheet) -> None:
    stage, hands = sheet.stage, sheet.stage.hands
    start, end = sheet.at(-270, -60), sheet.at(60, 60)
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.mousePress(hands, Qt.MouseButton.LeftButton, shift, start)
    for at in ((start + end) / 2, end):
        QTest.qWait(20)
        QTest.mouseMove(hands, at)
    QTest.qWait(50)
    QTest.mouseRelease(hands, Qt.MouseButton.LeftButton, shift, end)
    area = sheet.hears(said.AreaMarked)
    assert isinstance(area, said.AreaMarked)
    assert area.left < -240 < 0 < area.right
    assert area.top < 0 < area.bottom < 120
    QTest.mouseClick(hands, Qt.MouseButton.LeftButton, shift, sheet.at(200, 120))
    assert sheet.hears(said.ThingMarked) == said.ThingMarked(id_of("Alpspitz"), more=True)
    assert not [event for event in stage.events if event[0] == "device_clicked"]


def test_a_click_selects_as_on_the_map(sheet: Sheet) -> None:
    sheet.stage.click(sheet.at(0, 0))
    sheet.stage.until(lambda: ("device_clicked", id_of("Kempten")) in sheet.stage.events)


def test_a_drawing_is_made_marked_by_its_line_and_pulled_by_its_corner(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.tell_paper(pen="ellipse")
    stage.settle()
    stage.drag(sheet.at(40, -70), sheet.at(140, -10))
    made = sheet.hears(said.DrawingMade)
    assert isinstance(made, said.DrawingMade)
    assert (made.shape, round(made.width, -1), round(made.height, -1)) == ("ellipse", 100, 60)
    stage.view.tell_paper(pen="hand")
    stage.settle()
    stage.click(sheet.at(-120, 40))
    assert sheet.hears(said.ThingMarked) == said.ThingMarked(sheet.drawing.id, more=False)
    stage.view.tell_paper(marks=[sheet.drawing.id])
    stage.stand_still()
    stage.drag(sheet.at(-60, 120), sheet.at(-30, 140))
    pulled = sheet.hears(said.DrawingPulled)
    assert isinstance(pulled, said.DrawingPulled)
    assert (pulled.x, pulled.y, round(pulled.width, -1), round(pulled.height, -1)) == (-180, 40, 150, 100)


def test_a_submap_is_one_ring_with_what_is_in_it_and_a_double_click_enters(sheet: Sheet) -> None:
    stage, root = sheet.stage, sheet.paper.root
    submap = Diagram(id_of("submap"), "Hills", root)
    spots = [
        Spot(id_of(f"in {n}"), submap.id, id_of(n), 0.0, float(i))
        for i, n in enumerate(("Hauchenberg", "Grünten"))
    ]
    spots.append(Spot(id_of("stands"), root, submap.id, -240.0, 60.0))
    stage.tell(Changed(4, diagrams=(submap,), spots=tuple(spots)))
    stage.tell(news(health("Grünten", "down", 1)))
    stage.until(lambda: stage.stand_still()["rendered_links"] == 2)
    at = sheet.at(-240, 60)
    stage.until(lambda: stage.shows(at, DARK.status["down"], 30))
    stage.click(at)
    assert sheet.hears(said.ThingMarked) == said.ThingMarked(submap.id, more=False)
    twice = f"new MouseEvent('dblclick', {{ bubbles: true, clientX: {at.x()}, clientY: {at.y()} }})"
    stage.js(f"document.querySelector('#map canvas').dispatchEvent({twice})")
    assert sheet.hears(said.ThingOpened) == said.ThingOpened(submap.id)


def test_a_background_picture_lies_under_the_network(sheet: Sheet) -> None:
    image = QImage(64, 32, QImage.Format.Format_RGB32)
    image.fill(QColor("#ff00ff"))
    held = QBuffer()
    held.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QImageWriter(held, QByteArray(b"png")).write(image)
    sheet.stage.view.keep_picture("ab" * 32, bytes(held.data().data()))
    sheet.paper.more = lambda: {"picture": {"digest": "ab" * 32, "width": 400, "height": 200}, "grid": True}
    sheet.paper.refresh()
    sheet.stage.view.tell_paper(**sheet.paper.differences()[0])

    def is_seen() -> bool:
        shown = sheet.stage.view.grab().toImage().pixelColor(sheet.at(0, -60))
        return shown.red() > 120 and shown.green() < 60

    sheet.stage.until(is_seen, "the picture")


def test_a_page_that_died_shows_the_paper_again(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.page.runJavaScript("0")
    stage.view._load()
    stage.until(lambda: stage.stand_still()["rendered_links"] == 3)
    assert stage.js("document.body.classList.contains('paper')")
    stage.until(lambda: stage.shows(sheet.at(0, 0), DARK.status["up"]))


def test_links_are_straight_strokes_until_the_map_has_them(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.show_paper(None)
    stage.until(lambda: stage.stand_still()["rendered_links"] == 3)
    stage.js(
        "window.strokes = []; window.lines = document.querySelector('.paper-lines');"
        "window.drawn = () => lines.getContext('2d').getImageData(0, 0, lines.width, lines.height).data.some((x) => x > 0);"
        "new MutationObserver(() => strokes.push(lines.hidden ? 'gone' : drawn() ? 'drawn' : 'empty'))"
        ".observe(lines, { attributeFilter: ['hidden'] }); 1"
    )
    stage.view.show_paper(sheet.paper)
    stage.until(lambda: stage.stand_still()["rendered_links"] == 3 and stage.js("lines.hidden"))
    assert stage.js("strokes[0]") == "drawn"
    assert stage.js("strokes.at(-1)") == "gone"


def test_what_one_looks_at_stays_in_the_middle_when_the_paper_is_laid_out_otherwise(sheet: Sheet) -> None:
    stage = sheet.stage
    stage.view.look_at(*ground_of(AT["Alpspitz"]), 13.5)
    assert stage.stand_still()["zoom"] == 13.5
    before = sheet.paper.stands()
    there = {id_of(name): (-2 * y, 3 * x + 500) for name, (x, y) in AT.items()}
    spots = tuple(Spot(id_of(f"spot {n}"), sheet.paper.root, id_of(n), *there[id_of(n)]) for n in AT)
    stage.tell(Changed(4, spots=spots))
    stage.view.show_paper(sheet.paper, (), before)
    stage.until(
        lambda: abs(stage.stand_still()["center"][1] - ground_of(there[id_of("Alpspitz")]).lat) < 0.01
    )
    at = sheet.at(*there[id_of("Alpspitz")])
    assert (at - stage.view.rect().center()).manhattanLength() < 4


def test_the_strokes_of_a_paper_do_not_stay_over_the_next_one_that_has_no_links(sheet: Sheet) -> None:
    stage, bare = sheet.stage, Diagram(id_of("bare"), "Shelf", sheet.paper.root)
    spot = Spot(id_of("on the shelf"), bare.id, id_of("Loose"), 0.0, 0.0)
    loose = device("Loose", *stage.place_of(id_of("Kempten")))
    stage.tell(Changed(4, diagrams=(bare,), devices=(loose,), spots=(spot,)))
    stage.view.show_paper(None)
    stage.stand_still()
    stage.view.show_paper(sheet.paper)
    sheet.paper.open(bare.id)
    stage.view.show_paper(sheet.paper)
    stage.until(lambda: stage.stand_still()["rendered_devices"] == 1)
    stage.until(
        lambda: bool(stage.js("document.querySelector('.paper-lines').hidden")), "no strokes any more"
    )
