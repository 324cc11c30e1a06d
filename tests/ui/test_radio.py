"""Radio in the window: the link panel's budget, the path's chart, terrain, the forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.charts.path_chart import drawn_of
from app.look import Look
from app.model import Model
from app.radio.fields import RadioFields, SectorRows
from app.radio.path import PathBoard, PathView, Plan, verdict
from app.radio.section import RadioSection
from app.radio.terrain import TerrainBoard
from domain.errors import Refusal
from domain.fact import Fact
from domain.geometry import LngLat
from domain.inventory import Link
from domain.operation import Operation
from domain.radio import Profile, RadioPath, Sector, worst_of
from domain.terrain import DeleteTerrain, ImportTerrain, PathGround, QueryProfile, QueryTerrain, TerrainTile
from domain.wire import Changed, Reply
from tests.unit.inventories import device

A = device(1, name="Hochstein ⛰ برج المراقبة الشمالي الطويل جدا", lng=12.0, lat=46.0)
B = device(2, name="Tal", lng=12.0, lat=46.1)
RADIO = RadioPath(5_800.0, 20.0, 15.0, 23.0, 23.0, 20.0, 20.0)
LINK = Link(UUID(int=300), A.id, B.id, "wlan1", "wlan1", "wireless", radio=RADIO)
FAR_M = 11_114.7


class Engine:
    """Answers what is asked, with a ground of our own."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.ground: list[float | None] = [100.0] * 101
        self.tiles: list[TerrainTile] = []

    def request(self, make: Callable[[int], Any], then: Callable[[Reply], None]) -> None:
        asked = make(1)
        self.asked.append(asked)
        match asked:
            case QueryProfile():
                distances = tuple(FAR_M * i / 100 for i in range(101))
                unknown_m = FAR_M * sum(height is None for height in self.ground) / 101
                found = PathGround(distances, tuple(self.ground), unknown_m)
                then(Reply(1, result={"ground": msgspec.to_builtins(found)}))
            case QueryTerrain():
                then(Reply(1, result={"tiles": msgspec.to_builtins(self.tiles)}))
            case ImportTerrain():
                then(Reply(1, result={"operation": str(UUID(int=9))}))
            case DeleteTerrain():
                self.tiles = [tile for tile in self.tiles if tile.id not in asked.tiles]
                then(Reply(1))
            case _:
                then(Reply(1))

    def watch(self, devices: object) -> None:
        """Nothing is watched here."""

    def count(self, kind: type) -> int:
        return sum(isinstance(asked, kind) for asked in self.asked)


pytestmark = pytest.mark.usefixtures("qt")


@pytest.fixture
def look() -> Look:
    return Look("dark")


def heard(at: UUID, level_dbm: float) -> tuple[Fact, ...]:
    row = {"interface": "wlan1", "mac": "02:00:00:00:00:99", "signal_dbm": level_dbm}
    return (Fact(at, "wireless_client/wlan1/x", "routeros", UUID(int=7), 1, row),)


def mirror(link: Link = LINK, *facts: Fact) -> Model:
    model = Model()
    model.merge(Changed(1, initial=True, devices=(A, B), links=(link,), facts=facts))
    model.flush()
    return model


def said(section: RadioSection) -> dict[str, str]:
    return {line.label: line.said for line in section.lines}


def test_the_panel_holds_live_against_expected_signal(look: Look) -> None:
    model = mirror(LINK, *heard(A.id, -75.0), *heard(B.id, -64.0))
    section = RadioSection(model, Engine(), look)
    section.show_link(LINK)
    told = said(section)
    assert told["Straight way"] == "11.1 km" and told["Bearing"] == "0.0° there, 180.0° back"
    assert told["Free space takes"] == "128.6 dB"
    assert told["Asymmetry"] == "11 dB"
    [at_a, at_b] = [text for label, text in told.items() if label.startswith("At ")]
    assert at_a == "−75 dBm of −63, 12 dB below" and at_b == "−64 dBm of −63, 1 dB below"
    assert {line.label: line.ink for line in section.lines}["Asymmetry"] == "degraded"
    assert section.missing.isHidden()


def test_what_is_missing_for_an_expectation_is_said(look: Look) -> None:
    bare = msgspec.structs.replace(LINK, radio=None)
    section = RadioSection(mirror(bare), Engine(), look)
    section.show_link(bare)
    assert section.missing.text() == (
        "To expect a signal, give the frequency and both antennas' gain and both transmit powers."
    )
    cable = msgspec.structs.replace(bare, kind="fibre")
    section.show_link(cable)
    assert section.isHidden()


def test_the_ground_is_asked_once_a_path_and_heights_are_tried_without_asking(look: Look) -> None:
    engine = Engine()
    engine.ground[50] = 118.0
    board = PathBoard(engine, look, Plan("A", "B", LngLat(12, 46), LngLat(12, 46.1), 20.0, 20.0, 5_800.0))
    assert engine.count(QueryProfile) == 1
    assert board.view.said.text().startswith("Grazed: 5.6 km along the way, only")
    board.a_height.set_value(40.0)
    board.b_height.set_value(40.0)
    assert board.view.said.text().startswith("Clear") and engine.count(QueryProfile) == 1
    board.a_height.set_value(5.0)
    board.b_height.set_value(5.0)
    assert board.view.said.text() == (
        "Blocked: 5.6 km along the way, the ground rises 15 m above the line of sight."
    )
    board.frequency.set_value(900.0)
    QTest.keyClick(board.b_height, Qt.Key.Key_Up)
    assert (board.b_height.value(), board.b_height.text()) == (6.0, "6 m")
    board.b_height.selectAll()
    QTest.keyClicks(board.b_height, "-7")
    assert board.b_height.value() == 6.0, "what is no height changes nothing"
    assert "109.4 dB" not in board.budget.text() and "112.4 dB" in board.budget.text()
    board.close()


def test_where_there_is_no_terrain_it_is_said_and_an_import_is_offered(look: Look) -> None:
    engine = Engine()
    engine.ground[30:60] = [None] * 30
    view = PathView(engine, look)
    plan = Plan("A", "B", LngLat(12, 46), LngLat(12, 46.1))
    view.show_plan(plan)
    assert (
        view.said.text().endswith("No terrain for 3.3 km of 11.1 km.") and not view.import_button.isHidden()
    )
    engine.ground = [None] * 101
    view.look_again()
    assert view.said.text() == "No terrain is imported here." and view.chart.isHidden()
    engine.ground = [100.0] * 101
    view.look_again()
    assert not view.chart.isHidden() and view.import_button.isHidden()


def test_the_chart_reads_off_under_the_pointer_and_paints_holes_and_hills(look: Look) -> None:
    engine = Engine()
    engine.ground[20:30] = [None] * 10
    engine.ground[70] = 160.0
    view = PathView(engine, look, 200)
    view.resize(600, 260)
    view.show_plan(Plan("A", "B", LngLat(12, 46), LngLat(12, 46.1), 20.0, 20.0, 5_800.0))
    chart = view.chart
    assert chart.said_at(FAR_M * 0.25) == "2.8 km: no terrain"
    assert chart.said_at(FAR_M * 0.7).startswith("7.8 km: ground 160 m, ray 42 m below, −") or "below" in (
        chart.said_at(FAR_M * 0.7)
    )
    chart.cursor_m = FAR_M / 2
    for theme in ("dark", "light"):
        look.set_theme(theme)  # type: ignore[arg-type]
        image = view.grab().toImage()
        assert not image.isNull()
    colours = {image.pixelColor(x, y).name() for x in range(50, 580, 3) for y in range(20, 180, 3)}
    assert len(colours) > 8


def test_a_drawn_path_has_the_bulge_in_its_ground() -> None:
    profile = Profile([0.0, 25_000.0, 50_000.0], [0.0, 0.0, 0.0])
    drawn = drawn_of(profile, 50, 50, 5_800)
    assert drawn.raised_m[1] == pytest.approx(36.8, abs=0.1) and drawn.ray_m == (50, 50, 50)
    assert drawn_of(Profile([0.0, 1.0], [None, 0.0]), 50, 50, 5_800).ray_m == ()


def test_a_verdict_without_an_end_says_so() -> None:
    ground = PathGround((0.0, 500.0, 1_000.0), (None, 5.0, 5.0), 333.0)
    worst = worst_of(Profile(ground.distances_m, ground.grounds_m), 10, 10, 5_800)
    assert verdict(ground, worst).startswith("No ray is drawn: the ground at an end is not known.")


def test_terrain_is_imported_with_progress_and_deleted(look: Look) -> None:
    engine, model = Engine(), mirror()
    board = TerrainBoard(model, engine)
    assert not board.empty.isHidden() and "SRTM" in board.empty.text() and "Copernicus" in board.empty.text()
    changes: list[None] = []
    board.changed.connect(lambda: changes.append(None))
    board.import_files(["/tmp/N46E012.hgt"])
    assert isinstance(engine.asked[-1], ImportTerrain)
    running = Operation(UUID(int=9), "terrain", "Import", "Reading N46E012.hgt", 0, 1)
    model.merge(Changed(2, operations=(running,)))
    model.flush()
    assert not board.progress.isHidden() and board.state.text() == "Reading N46E012.hgt…"
    assert not board.import_button.isEnabled()
    engine.tiles = [
        TerrainTile("ab" * 32, "N46E012.hgt", 12, 46, 13, 47, 1 / 1_200, 2_888_898, 0.004, 1, "mara")
    ]
    ended = msgspec.structs.replace(running, state="done", done=1, result_words="1 tile imported")
    model.merge(Changed(3, operations=(ended,)))
    model.flush()
    assert board.state.text() == "1 tile imported." and board.progress.isHidden() and changes
    assert board.table.rowCount() == 1 and board.empty.isHidden()
    item = board.table.item(0, 3)
    assert item is not None and item.text() == "93"
    board.table.selectRow(0)
    board.delete_chosen()
    assert board.tiles == [] and not board.empty.isHidden()
    board.close()


def test_a_board_grows_with_the_words_that_come_after_it_was_shown(look: Look) -> None:
    board = TerrainBoard(mirror(), Engine())
    board.show()
    QApplication.processEvents()
    assert board.empty.height() >= board.empty.heightForWidth(board.empty.width())
    board.say([Refusal("bad", "N46E012.hgt is no tile. " * 20)])
    QApplication.processEvents()
    assert board.rest.height() >= board.rest.heightForWidth(board.rest.width())
    assert board.empty.height() >= board.empty.heightForWidth(board.empty.width())
    board.close()


def test_a_link_s_radios_are_typed_side_by_side() -> None:
    fields = RadioFields(RADIO, "A", "B")
    assert fields.lines["a_gain_dbi"].text() == "23" and fields.value([]) == RADIO
    for line in fields.lines.values():
        line.clear()
    assert fields.value([]) is None
    fields.lines["b_tx_power_dbm"].setText("−3,5")
    assert fields.value([]) == RadioPath(b_tx_power_dbm=-3.5)
    fields.lines["frequency_mhz"].setText("five")
    bad: list[Refusal] = []
    fields.value(bad)
    assert [(refusal.field, refusal.message) for refusal in bad] == [
        ("radio", "a number expected, got “five”")
    ]


def test_sectors_are_typed_a_row_each() -> None:
    sectors = (Sector(350.0, 60.0, 4_500.0, "wlan1", 5_500.0, 20.0, 17.0, 23.0, -2.0),)
    rows = SectorRows(sectors)
    assert rows.value([]) == sectors, "the tilt, which has no column, stays"
    rows.add_button.click()
    assert rows.rows[1]["azimuth_deg"].text() == "110", "a new one looks away from the last"
    rows.rows[1]["range_m"].setText("2.5")
    assert rows.value([])[1] == Sector(110.0, 90.0, 2_500.0)
    rows.rows[1]["beam_deg"].clear()
    bad: list[Refusal] = []
    rows.value(bad)
    assert [refusal.message for refusal in bad] == ["beam ° of a sector is missing"]


def test_the_path_s_chart_takes_the_pointer(look: Look) -> None:
    view = PathView(Engine(), look, 200)
    view.resize(600, 260)
    view.show_plan(Plan("A", "B", LngLat(12, 46), LngLat(12, 46.1)))
    middle = QPointF(300, 80)
    none = Qt.MouseButton.NoButton
    moved = QMouseEvent(QEvent.Type.MouseMove, middle, middle, none, none, Qt.KeyboardModifier.NoModifier)
    view.chart.mouseMoveEvent(moved)
    assert view.chart.cursor_m is not None and 0 < view.chart.cursor_m < FAR_M
    view.chart.leaveEvent(QEvent(QEvent.Type.Leave))
    assert view.chart.cursor_m is None
