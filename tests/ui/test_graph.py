"""The graphs of a device: the past is asked for, the present appended, gaps painted, curves put together, files written."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.charts.choice import choice_of, choices_of
from app.charts.device_graph import RANGES, DeviceGraph
from app.charts.export import write_png
from app.charts.graph_page import GraphPage
from app.draft import now_us
from app.look import Look
from app.model import Model
from app.panels.picker import Picker
from app.words import clock
from domain.errors import Refusal
from domain.fact import Fact
from domain.inventory import Device
from domain.wire import Changed, LatestValues, QuerySeries, Reply
from tests.ui.fake_engine import VANTAGE, id_of

G1, G2 = id_of("g1"), id_of("g2")
TRAFFIC, OTHER = choice_of("if_in_bps", "x"), choice_of("if_in_bps", "y")
RTT = choice_of("rtt_ms", "icmp")


class Asked:
    """Keeps what was asked, to be answered later."""

    def __init__(self) -> None:
        self.waiting: list[tuple[QuerySeries, Any]] = []
        self.watched: list[UUID] = []

    def request(self, make: Any, then: Any) -> None:
        self.waiting.append((make(1), then))

    def watch(self, devices: Any) -> None:
        self.watched = list(devices)

    def answer(self, number: int, at_us: list[int], value: list[float], **more: Any) -> None:
        self.waiting[number][1](Reply(1, result={"at_us": at_us, "value": value, **more}))


def devices() -> tuple[Device, ...]:
    return (Device(G1, "G", "10.0.0.1", interval_s=5.0), Device(G2, "Kempten", "10.0.0.2", interval_s=5.0))


def graph(qt: QApplication, kind: type[DeviceGraph] = DeviceGraph) -> tuple[Model, Asked, Any]:
    model, asked = Model(), Asked()
    model.merge(Changed(1, devices=devices()))
    made = kind(model, asked, Look("dark"))
    made.resize(900, 500)
    made.show()
    made.show_device(G1, [TRAFFIC, OTHER, RTT])
    qt.processEvents()
    return model, asked, made


def values(model: Model, at_us: int, device: UUID, metric: str, value: float) -> None:
    model.merge(Changed(2, values=(LatestValues(device, at_us, ((metric, "x", value),)),)))
    model.flush()


def test_choosing_a_device_asks_for_the_past_of_each_curve(qt: QApplication) -> None:
    _, asked, _ = graph(qt)
    assert [(q.metric, q.instance) for q, _ in asked.waiting] == [("if_in_bps", "x"), ("if_out_bps", "x")]
    query = asked.waiting[0][0]
    assert query.points <= 500
    assert 900e6 <= query.to_us - query.from_us < 1000e6


def test_live_values_are_appended_and_an_answer_for_another_choice_is_thrown_away(qt: QApplication) -> None:
    model, asked, made = graph(qt)
    now = now_us()
    made.choose(("rtt_ms", "icmp"))
    asked.answer(0, [now - 60_000_000], [5e6])
    assert made.plot.curves[0].series.at_s.size == 0
    made.choose(("if_in_bps", "x"))
    asked.answer(-2, [now - 10_000_000, now - 5_000_000], [5e6, 6e6])
    values(model, now, G1, "if_in_bps", 7e6)
    assert made.plot.curves[0].series.value.tolist() == [5e6, 6e6, 7e6]
    values(model, now, G1, "if_in_bps", 7e6)
    assert made.plot.curves[0].series.value.size == 3


def test_after_a_new_snapshot_the_past_is_asked_for_again(qt: QApplication) -> None:
    model, asked, _ = graph(qt)
    count = len(asked.waiting)
    model.merge(Changed(3, initial=True, devices=devices()))
    model.flush()
    assert len(asked.waiting) == count + 2


def test_a_moment_of_the_past_is_the_right_edge_and_what_came_after_it_is_not_told(qt: QApplication) -> None:
    model, asked, made = graph(qt)
    then_us = now_us() - 7_200_000_000
    model.moment_us = then_us
    model.merge(Changed(2, initial=True, devices=devices()))
    model.flush()
    question = asked.waiting[-1][0]
    assert question.from_us <= then_us - 900_000_000
    assert question.to_us == then_us + 900_000_000
    for number in (-1, -2):
        asked.answer(number, [then_us - 60_000_000, then_us, then_us + 60_000_000], [1e6, 2e6, 3e6])
    assert [curve.series.value.tolist() for curve in made.curves.curves] == [[1e6, 2e6]] * 2
    assert made.said(None)[0].value == "2"
    count = len(asked.waiting)
    model.moment_us = then_us + 60_000_000
    made.tick()
    assert made.said(None)[0].value == "3"
    assert len(asked.waiting) == count
    model.moment_us = then_us - 3_600_000_000
    made.tick()
    assert asked.waiting[-1][0].to_us == model.moment_us + 900_000_000
    model.moment_us = None
    model.merge(Changed(3, initial=True, devices=devices()))
    model.flush()
    assert abs(asked.waiting[-1][0].to_us - now_us()) < 60_000_000


def test_the_gap_until_now_is_painted_and_said(qt: QApplication) -> None:
    _, asked, made = graph(qt)
    now = now_us()
    at_us = [now - 600_000_000 + n * 5_000_000 for n in range(60)]
    asked.answer(0, at_us, [1e6] * 60)
    (gap,) = made.plot.gaps
    assert abs(gap[0] - at_us[-1] / 1e6) < 0.01
    assert len(made.plot._regions) == 1
    asked.answer(1, [], [])
    assert made.legend.head.gap == "no data for 5 min"
    assert made.legend.head.unit == "Mb/s"


def test_numbers_that_are_with_the_team_alone_are_said_to_be_missing_and_own_ones_to_be_own(
    qt: QApplication,
) -> None:
    _, asked, made = graph(qt)
    now = now_us()
    lost_us = now - 300_000_000
    missing = {"since_us": lost_us, "why": "cut off from the server"}
    asked.answer(0, [lost_us - 20_000_000, lost_us - 10_000_000], [1e6] * 2, missing=missing)
    asked.answer(1, [], [], missing=missing)
    said = f"since {clock(lost_us, now)}: cut off from the server"
    assert made.legend.head.gap == f"no numbers {said}"
    made.ranges.choose("1h")
    made.load()
    asked.answer(2, [lost_us - 10_000_000, now - 5_000_000], [1e6] * 2, missing=missing)
    asked.answer(3, [], [], missing=missing)
    assert made.legend.head.gap == f"only numbers of this computer {said}"
    made.ranges.choose("24h")
    made.load()
    asked.answer(4, [], [], missing={"since_us": 0, "why": "cut off from the server"})
    asked.answer(5, [], [], missing={"since_us": 0, "why": "cut off from the server"})
    assert made.legend.head.unit == "No numbers in this time"
    assert made.legend.head.gap == "nothing was seen here before: cut off from the server"


def test_the_unit_follows_the_largest_value_and_a_spike_counts(qt: QApplication) -> None:
    _, asked, made = graph(qt)
    asked.answer(0, [now_us()], [8e8], low=[1e6], high=[2.5e9])
    asked.answer(1, [], [])
    assert made.legend.head.unit == "Gb/s"
    assert [tuple(said[:2]) for said in made.legend.curves] == [("in", "0.8"), ("out", "–")]
    assert made.plot._item.viewRange()[1][1] == 3


def test_a_spike_within_a_merged_point_is_drawn_as_a_band(qt: QApplication) -> None:
    _, asked, made = graph(qt)
    now = now_us()
    at = [now - (40 - n) * 10_000_000 for n in range(40)]
    asked.answer(0, at, [1e6] * 40, low=[1e6] * 40, high=[9e6 if n == 20 else 1e6 for n in range(40)])
    assert made.plot._bands[0].boundingRect().bottom() == pytest.approx(9)
    asked.answer(1, at, [1e6] * 40, low=[1e6] * 40, high=[1e6] * 40)
    assert made.plot._bands[1].boundingRect().isEmpty()


def test_hovering_tells_time_and_values_of_the_nearest_point(qt: QApplication) -> None:
    _, asked, made = graph(qt)
    now = now_us()
    asked.answer(0, [now - 20_000_000, now - 10_000_000, now], [1e6, 2e6, 3e6])
    asked.answer(1, [], [])
    made._on_hover((now - 9_000_000) / 1e6)
    assert made.legend.head.at.count(":") == 2
    assert made.legend.curves[0].value == "2"
    made._on_hover((now - 500_000_000) / 1e6)
    assert made.legend.curves[0].value == "–"
    made._on_hover(None)
    assert (made.legend.head.at, made.legend.curves[0].value) == ("", "3")


def test_a_refusal_is_said_where_the_curve_would_be(qt: QApplication) -> None:
    _, asked, made = graph(qt)
    for _, then in asked.waiting:
        then(Reply(1, (Refusal("INVALID_INPUT", "a metric of the catalogue expected"),)))
    assert made.legend.head.unit == "a metric of the catalogue expected"


def test_what_can_be_drawn_is_searched_with_the_keyboard(qt: QApplication) -> None:
    _, _, made = graph(qt)
    QTest.mouseClick(made.what, Qt.MouseButton.LeftButton)
    (picker,) = made.findChildren(Picker)
    assert [entry.title for entry in picker.entries] == [
        "Traffic",
        "Traffic, x",
        "Traffic, y",
        "Answers",
        "Round trip, icmp",
    ]
    QTest.keyClicks(picker.field, "trip")
    QTest.keyClick(picker.field, Qt.Key.Key_Return)
    assert made.current == RTT
    assert made.what.title == "Round trip, icmp"


def test_all_that_is_heard_can_be_drawn_in_its_group() -> None:
    heard = [
        ("if_in_bps", "x"),
        ("if_out_bps", "x"),
        ("signal_dbm", "wlan1"),
        ("cpu_load_pct", ""),
        ("tomorrow", ""),
    ]
    found = choices_of([("x", "Traffic to Lindau")], heard)
    assert [(c.group, c.title) for c in found] == [
        ("Traffic", "Traffic to Lindau"),
        ("Device", "CPU load"),
        ("Radio", "Signal, wlan1"),
    ]


def test_the_large_graph_has_all_ranges_and_asks_within_500_points(qt: QApplication) -> None:
    _, asked, page = graph(qt, GraphPage)
    for key, (_, range_s) in RANGES.items():
        page.ranges.buttons[key].click()
        query = asked.waiting[-1][0]
        assert range_s * 1e6 <= query.to_us - query.from_us <= range_s * 1.1e6
        assert query.points <= 500
    assert list(page.ranges.buttons) == ["15m", "1h", "6h", "24h", "7d", "30d", "1y"]


def test_interfaces_are_compared_in_one_plot_with_their_figures(qt: QApplication) -> None:
    _, asked, page = graph(qt, GraphPage)
    now = now_us()
    asked.answer(0, [now - 2_000_000, now - 1_000_000], [1e6, 3e6], low=[1e6, 2e6], high=[1e6, 9e6])
    QTest.mouseClick(page.add, Qt.MouseButton.LeftButton)
    picker = page.findChildren(Picker)[-1]
    titles = [entry.title for entry in picker.entries]
    assert titles == ["This device", "Traffic, y", "Other devices", "Kempten"]
    QTest.keyClick(picker.field, Qt.Key.Key_Return)
    assert [said.name for said in page.table.curves] == ["x in", "x out", "y in", "y out"]
    assert len(asked.waiting) == 6  # the first two were asked under their short names
    asked.answer(2, [now - 2_000_000, now - 1_000_000], [1e6, 3e6], low=[1e6, 2e6], high=[1e6, 9e6])
    assert page.table.curves[0].figures == ("1", "2", "9", "2.9")
    page.table.taken_away.emit(3)
    assert [said.name for said in page.table.curves] == ["in", "out"]


def test_another_device_is_compared_and_watched_while_it_is_drawn(qt: QApplication) -> None:
    model, asked, page = graph(qt, GraphPage)
    names = ("sfp9", "sfp10")
    facts = tuple(Fact(G2, f"interface/{name}", "snmp", VANTAGE, 1, {"name": name}) for name in names)
    model.merge(Changed(4, facts=facts))
    page._compare_device(model.inventory.device(G2))
    picker = page.findChildren(Picker)[-1]
    assert [entry.title for entry in picker.entries] == ["Kempten", "sfp10", "sfp9"]
    QTest.keyClick(picker.field, Qt.Key.Key_Down)
    QTest.keyClick(picker.field, Qt.Key.Key_Return)
    assert asked.watched == [G1, G2]
    assert [said.name for said in page.table.curves][2:] == ["Kempten sfp9 in", "Kempten sfp9 out"]
    model.merge(Changed(5, values=(LatestValues(G2, now_us(), (("if_in_bps", "sfp9", 4e6),)),)))
    model.flush()
    assert page.plot.curves[2].series.value.tolist() == [4e6]
    page.choose(("rtt_ms", "icmp"))
    assert asked.watched == [G1]
    assert [wanted.metric for wanted in page.curves.wanted] == ["rtt_ms"]


def test_the_numbers_of_the_shown_range_are_written_as_a_table_without_formulas(
    qt: QApplication, tmp_path: Path
) -> None:
    _, asked, made = graph(qt, GraphPage)
    now = now_us()
    asked.answer(0, [now - 2_000_000_000, now - 2_000_000, now - 1_000_000], [9.0, 1e6, 3e6])
    asked.answer(1, [now - 1_000_000], [5e5], low=[1e5], high=[9e5])
    rows = list(csv.reader(io.StringIO(made.csv())))
    assert rows[0][:4] == ["time (UTC)", "in mean, bit/s", "in min, bit/s", "in max, bit/s"]
    assert [row[1:] for row in rows[1:]] == [
        ["1000000", "1000000", "1000000", "", "", ""],
        ["3000000", "3000000", "3000000", "500000", "100000", "900000"],
    ]
    assert rows[1][0].endswith("Z")
    made.show_device(G1, [choice_of("if_in_bps", "=cmd()"), TRAFFIC])
    made.choose(("if_in_bps", "=cmd()"))
    made.compare(G1, TRAFFIC)
    heads = next(csv.reader(io.StringIO(made.csv())))
    assert heads[1] == "'=cmd() in mean, bit/s"
    assert not any(head.startswith("=") for head in heads)
    made.save_to(tmp_path / "numbers.csv", made._writer("csv"))
    assert (tmp_path / "numbers.csv").read_bytes().startswith(b"\xef\xbb\xbftime (UTC)")
    assert made.note.text() == "Saved as numbers.csv"


def test_a_picture_is_saved_through_the_dialog_and_a_failure_is_said(
    qt: QApplication, tmp_path: Path
) -> None:
    _, asked, made = graph(qt, GraphPage)
    asked.answer(0, [now_us() - 1_000_000], [3e6])
    made._ask_where("png")
    assert made.dialog is not None
    made.dialog.fileSelected.emit(str(tmp_path / "graph.png"))
    made.dialog.reject()
    image = QImage(str(tmp_path / "graph.png"))
    assert image.width() > 2 * made.plot.width()
    inks = {
        image.pixelColor(x, y).name() for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)
    }
    assert len(inks) > 3
    made.save_to(tmp_path / "no" / "graph.png", lambda path: write_png(path, image))
    assert made.note.text().startswith("Not saved:")
