"""The board of maps, the form that cuts, files that are dropped: what is shown, and what the engine is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from app.dialogs.confirm import Confirm
from app.map.worlds import FULL, SMALL, find_world
from app.maps.coverage import Coverage
from app.maps.cutting import CutForm
from app.maps.words import box_around, boxes_around, size_words, use_words, world_words
from domain.errors import Refusal
from domain.geometry import LngLat
from domain.maps import (
    AddMap,
    ChangeMap,
    CheckMap,
    CutMap,
    CutSize,
    MapFile,
    MeasureCut,
    OrderMaps,
    RemoveMap,
)
from domain.operation import Operation
from domain.wire import Changed, Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.past_bench import enter

G1 = id_of("g1")
HOSTILE = "<b>محطة</b> & co"


def map_file(number: int, name: str, **more: Any) -> MapFile:
    """Return a map as the engine tells of it."""
    told: dict[str, Any] = {
        "schema": "protomaps",
        "tile_type": "mvt",
        "path": f"/maps/{number}.pmtiles",
        "copied": False,
    }
    sizes = {
        "size_bytes": 3_400_000,
        "tiles": 4_800,
        "min_zoom": 0,
        "max_zoom": 14,
        "bounds": (9.0, 47.4, 10.6, 48.0),
    }
    return MapFile(UUID(int=number), name, **(told | sizes | {"place": number, "digest": "ab" * 32} | more))


class Asked:
    """Stands for the engine: keeps what is asked, answers what it is told to."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[Any] = []
        self.reply: Callable[[Any], Reply] = lambda message: Reply(1)
        monkeypatch.setattr(bench.link, "request", self.request)

    def request(self, make: Callable[[int], Any], then: Callable[[Reply], None]) -> None:
        """Take one question and answer it."""
        message = make(1)
        self.messages.append(message)
        then(self.reply(message))


@pytest.fixture
def asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(bench, monkeypatch)


def tell(bench: Bench, *maps: MapFile) -> None:
    bench.model.merge(Changed(9, maps=maps))
    bench.model.flush()


def texts(bench: Bench) -> list[list[str]]:
    """Return the cells of the list."""
    assert bench.window.maps.board is not None
    table = bench.window.maps.board.table
    return [
        [item.text() for column in range(5) if (item := table.item(row, column))]
        for row in range(table.rowCount())
    ]


def test_without_maps_it_is_said_where_they_come_from(bench: Bench) -> None:
    bench.window.actions_by_name["maps"].trigger()
    board = bench.window.maps.board
    assert board is not None
    assert board.table.isHidden() and not board.empty.isHidden()
    assert "planetiler" in board.empty.text() and "downloads nothing" in board.empty.text()
    assert not board.cut_button.isEnabled()


def test_each_map_says_what_it_is_where_it_is_used_and_why_not(bench: Bench) -> None:
    board = bench.window.maps.open()
    tell(
        bench,
        map_file(0, HOSTILE, attribution="© Somebody"),
        map_file(1, "World", bounds=(-180.0, -85.0, 180.0, 85.0), use="light", schema="shortbread"),
        map_file(2, "Gone", trouble="its file is gone", schema="raster", tile_type="png"),
    )
    rows = texts(bench)
    assert rows[0] == [HOSTILE, "Protomaps", "0–14", "3.4 MB", "Detail within its bounds"]
    assert rows[1][4] == "The base for the whole world in the light theme"
    assert rows[2][4] == "Not drawn: its file is gone"
    assert "2 of 2 places of the network in its bounds" in board.details.text()
    assert "© Somebody" in board.details.text()
    assert board.opacity.isHidden()
    board.choose(UUID(int=2))
    assert not board.opacity.isHidden()
    assert not board.cut_button.isEnabled()


def test_what_is_chosen_is_asked_of_the_engine(bench: Bench, asked: Asked) -> None:
    board = bench.window.maps.open()
    tell(bench, map_file(0, "a"), map_file(1, "b", schema="raster", tile_type="png"))
    board.choose(UUID(int=1))
    board.name.setText("Fells")
    board.name.editingFinished.emit()
    board.use.activated.emit(1)
    board.opacity.setValue(30)
    board.up_button.click()
    board.check_button.click()
    board.remove()
    confirm = next(w for w in QApplication.topLevelWidgets() if isinstance(w, Confirm) and w.isVisible())
    assert "stays where it is" in confirm.details.text()
    confirm.verb.click()
    id = UUID(int=1)
    assert asked.messages == [
        ChangeMap(1, id, "Fells"),
        ChangeMap(1, id, use="dark"),
        ChangeMap(1, id, opacity=0.3),
        OrderMaps(1, (id, UUID(int=0))),
        CheckMap(1, id),
        RemoveMap(1, id),
    ]


def test_a_refusal_stands_on_the_board(bench: Bench, asked: Asked, tmp_path: Path) -> None:
    asked.reply = lambda message: Reply(1, (Refusal("MAP_KNOWN", "that file is there already, as Lake"),))
    board = bench.window.maps.open()
    board.add([tmp_path / "a.pmtiles"], copy=True)
    assert asked.messages == [AddMap(1, str(tmp_path / "a.pmtiles"), copy=True)]
    assert board.rest.text() == "That file is there already, as Lake"


def test_files_dropped_on_the_window_are_added_and_others_are_not(
    bench: Bench, asked: Asked, tmp_path: Path
) -> None:
    def drop(*names: str) -> bool:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in names])
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(QPointF(9, 9).toPoint(), copy, data, left, none)
        enter.ignore()
        QApplication.sendEvent(bench.window, enter)
        if enter.isAccepted():
            QApplication.sendEvent(bench.window, QDropEvent(QPointF(9, 9), copy, data, left, none))
        return enter.isAccepted()

    assert not drop("notes.txt")
    assert asked.messages == []
    assert drop("notes.txt", "Lake.PMTILES")
    assert asked.messages == [AddMap(1, str(tmp_path / "Lake.PMTILES"))]
    assert bench.window.maps.board is not None


def test_progress_stands_on_the_board_and_in_the_top_bar(bench: Bench) -> None:
    board = bench.window.maps.open()
    copying = Operation(UUID(int=5), "map_add", "Copy lake.pmtiles", "copying", 30, 120)
    bench.model.merge(Changed(9, operations=(copying,)))
    bench.model.flush()
    assert board.operations.rows[copying.id].said.text() == "25%, copying"
    assert bench.window.discovery.indicator.words == "25 %"
    failed = msgspec.structs.replace(copying, state="failed", ended_us=7, result_words="it holds no tile")
    bench.model.merge(Changed(10, operations=(failed,)))
    bench.model.flush()
    assert board.operations.rows[copying.id].said.text() == "Failed: it holds no tile"


def test_a_cut_is_measured_before_it_is_begun(bench: Bench, asked: Asked) -> None:
    size = CutSize(1_204, 900, 5_600_000, 10**9)
    asked.reply = lambda message: Reply(
        1, result={"size": msgspec.to_builtins(size)} if isinstance(message, MeasureCut) else {}
    )
    board = bench.window.maps.open()
    tell(bench, map_file(0, "Big"))
    board.cut_button.click()
    form = bench.window.maps.form
    assert form is not None
    assert len(form.boxes) == 2
    assert bench.map.maps.areas == list(form.boxes)
    form.km.setValue(5)
    form.most.setValue(12)
    form.measure()
    assert form.forecast.text() == "1,204 tiles, 5.6 MB; 1 GB are free."
    form.submit()
    assert asked.messages[-1] == CutMap(1, form.settings)
    assert (form.settings.max_zoom, form.settings.name) == (12, "Big, a part")
    assert not form.isVisible()
    assert bench.map.maps.areas == []


def test_dialogs_step_aside_while_a_box_is_drawn(bench: Bench, asked: Asked) -> None:
    asked.reply = lambda message: Reply(1, (Refusal("MAP_NOT_CUT", "nothing of the map lies there"),))
    board = bench.window.maps.open()
    tell(bench, map_file(0, "Big"))
    board.cut_button.click()
    form = bench.window.maps.form
    assert form is not None
    form.area.setCurrentIndex(1)
    form.area.activated.emit(1)
    assert bench.map.maps.draws and not form.isVisible() and not board.isVisible()
    bench.map.maps.box_drawn.emit((9.5, 47.5, 9.8, 47.7))
    assert form.isVisible() and board.isVisible()
    assert form.boxes == ((9.5, 47.5, 9.8, 47.7),)
    form.measure()
    assert form.forecast.text() == "Nothing of the map lies there."


@pytest.mark.parametrize("how", ["escape", "the page dies"])
def test_dialogs_come_back_without_a_box(bench: Bench, asked: Asked, how: str) -> None:
    board = bench.window.maps.open()
    tell(bench, map_file(0, "Big"))
    board.cut_button.click()
    form = bench.window.maps.form
    assert form is not None
    form.area.setCurrentIndex(1)
    form.area.activated.emit(1)
    assert not form.isVisible() and not board.isVisible()
    bench.window.select(G1)
    if how == "escape":
        bench.window.actions_by_name["escape"].trigger()
    else:
        bench.map.page_died.emit("CrashedTerminationStatus, code 11")
    assert form.isVisible() and board.isVisible()
    assert not bench.map.maps.draws and form.boxes == ()
    assert bench.window.selected == G1
    bench.window.actions_by_name["escape"].trigger()
    assert bench.window.selected is None


@pytest.mark.parametrize("draws", [False, True])
def test_what_is_open_of_maps_is_closed_when_the_past_is_entered(bench: Bench, draws: bool) -> None:
    bench.engine.answers[MeasureCut] = Reply(0)
    maps = bench.window.maps
    board = maps.open()
    tell(bench, map_file(0, "Big"))
    board.cut_button.click()
    form = maps.form
    assert form is not None
    if draws:
        form.area.setCurrentIndex(1)
        form.area.activated.emit(1)
    enter(bench)
    assert maps.board is None and maps.form is None
    assert bench.map.maps.areas == [] and not bench.map.maps.draws
    assert maps.enter() is None


def test_a_map_that_fails_is_said_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    bench.window.maps.said.connect(said.append)
    tell(bench, map_file(0, "Lake"))
    tell(bench, map_file(0, "Lake", trouble="its file is gone"))
    tell(bench, map_file(0, "Lake", trouble="its file is gone", opacity=0.5))
    assert said == ["The map Lake is not drawn: its file is gone"]


def test_sizes_and_uses_have_words() -> None:
    assert [size_words(n) for n in (200, 120_000, 3_400_000, 120 * 10**9)] == [
        "1 kB",
        "120 kB",
        "3.4 MB",
        "120 GB",
    ]
    assert use_words(map_file(0, "a", use="never")) == "Not drawn"


def test_boxes_around_places_hold_them_and_join_where_they_are_many() -> None:
    west, south, east, north = box_around(LngLat(10, 47), 111.195)
    assert (round(south, 6), round(north, 6)) == (46, 48)
    assert 1.4 < east - 10 == 10 - west < 1.5
    assert box_around(LngLat(179.99, 0), 50)[0] > box_around(LngLat(179.99, 0), 50)[2]
    places = [LngLat(x / 10, y / 10) for x in range(90) for y in range(60)]
    boxes = boxes_around(places, 3, 100)
    assert len(boxes) <= 100
    assert all(any(w <= lng <= e and s <= lat <= n for w, s, e, n in boxes) for lng, lat in places)


def test_the_full_world_is_drawn_where_it_was_built(tmp_path: Path) -> None:
    full, small = tmp_path / "full.pmtiles", tmp_path / "small.pmtiles"
    assert find_world(full, small) == small
    full.touch()
    assert find_world(full, small) == full


def test_the_board_says_which_world_lies_beneath_and_how_to_have_a_finer_one(
    bench: Bench, asked: Asked
) -> None:
    board = bench.window.maps.open()
    assert world_words(find_world()) in board.world.text()
    assert "./dev basemap full" in world_words(SMALL)
    assert FULL.name in world_words(SMALL)
    assert world_words(FULL) == "Beneath them lies the full map of the world, to zoom 8."


@pytest.mark.parametrize(
    ("bounds", "inside"),
    [
        ((9.0, 47.4, 10.6, 48.0), 1),
        ((170.0, -20.0, -170.0, 60.0), 2),  # across the antimeridian
        ((-180.0, -85.0, 180.0, 85.0), 3),
        ((177.0, -20.0, 180.0, -10.0), 1),
        ((-180.0, -20.0, -178.0, -10.0), 1),
    ],
)
def test_places_are_counted_within_a_map_also_across_the_antimeridian(
    bench: Bench, bounds: Any, inside: int
) -> None:
    coverage = Coverage(bench.window.look)
    coverage.resize(500, 190)
    coverage.show_map(
        map_file(1, "Fiji", bounds=bounds), (LngLat(10, 47.5), LngLat(178, -17.8), LngLat(-179, -16.5))
    )
    assert coverage.inside() == inside
    assert coverage.toolTip().startswith(f"{inside} of 3 places")


def test_a_map_across_the_antimeridian_is_painted_as_one_box_with_its_places_in_it(bench: Bench) -> None:
    coverage = Coverage(bench.window.look)
    coverage.resize(500, 190)
    coverage.show_map(map_file(1, "Fiji", bounds=(170.0, -20.0, -170.0, -10.0)), (LngLat(-175, -15.0),))
    image, theme = coverage.grab().toImage(), bench.window.look.theme
    ground, middle = image.pixelColor(5, 95).name(), image.pixelColor(245, 60).name()
    assert middle == theme.accent.ground.lower() != ground
    dots = [x for x in range(500) if image.pixelColor(x, 95).name() == theme.status["up"].lower()]
    assert dots and min(dots) > 250, "the place lies east of the middle, which is the antimeridian"


def test_a_cut_whose_tiles_begin_before_its_bounds_is_painted_as_what_it_covers(bench: Bench) -> None:
    coverage = Coverage(bench.window.look)
    coverage.resize(500, 190)
    cut = map_file(1, "Allgäu", bounds=(9.7, 47.3, 10.9, 47.8), coverage=((9.14, 46.9, 11.25, 48.2),))
    coverage.show_map(cut, ())
    image, theme = coverage.grab().toImage(), bench.window.look.theme
    assert image.pixelColor(250, 60).name() == theme.accent.ground.lower()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_numbers_of_the_cuts_form_are_read_on_its_ground(bench: Bench, theme: Any) -> None:
    bench.window.look.set_theme(theme)
    form = CutForm(
        bench.link,
        map_file(1, "Alps"),
        None,
        [LngLat(10, 47)],
        draw=lambda then: None,
        show=lambda boxes: None,
        parent=bench.window,
    )
    form.show()
    for spin in (form.km, form.least, form.most):
        assert spin.lineEdit().width() > spin.width() - 20
        image = spin.grab().toImage()
        shades = [
            image.pixelColor(x, y).lightness() for x in range(4, 60) for y in range(4, image.height() - 4)
        ]
        ground = image.pixelColor(image.width() - 30, image.height() // 2).lightness()
        assert (ground < 60) == (theme == "dark")
        assert max(abs(shade - ground) for shade in shades) > 120, "what stands there is read"
    form.close()
