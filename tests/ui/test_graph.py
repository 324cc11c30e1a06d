"""The graph of a device: the past is asked for, the present appended, the gap painted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from PySide6.QtWidgets import QApplication

from app.charts.choice import Choice
from app.charts.device_graph import DeviceGraph
from app.draft import now_us
from app.look import Look
from app.model import Model
from domain.inventory import Device
from domain.wire import Changed, LatestValues, QuerySeries, Reply
from tests.ui.fake_engine import id_of

TRAFFIC = Choice("Traffic on x", (("if_in_bps", "x", "in"), ("if_out_bps", "x", "out")))
RTT = Choice("Round trip", (("rtt_ms", "icmp", ""),))


class Asked:
    """Keeps what was asked, to be answered later."""

    def __init__(self) -> None:
        self.waiting: list[tuple[QuerySeries, Any]] = []

    def request(self, make: Any, then: Any) -> None:
        self.waiting.append((make(1), then))


def graph(qt: QApplication) -> tuple[Model, Asked, DeviceGraph]:
    model, asked = Model(), Asked()
    model.merge(Changed(1, devices=(Device(id_of("g1"), "G", "10.0.0.1", interval_s=5.0),)))
    made = DeviceGraph(model, asked, Look("dark"))
    made.show()
    made.show_device(id_of("g1"), [TRAFFIC, RTT])
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
    late = asked.waiting[0][1]
    now = now_us()
    made.what.setCurrentIndex(1)
    made.what.activated.emit(1)
    late(Reply(1, result={"at_us": [now - 60_000_000], "value": [5e6]}))
    assert made.plot.curves[0].series.at_s.size == 0
    made.choose(("if_in_bps", "x"))
    asked.waiting[-2][1](Reply(1, result={"at_us": [now - 10_000_000, now - 5_000_000], "value": [5e6, 6e6]}))
    values(model, now, id_of("g1"), "if_in_bps", 7e6)
    assert made.plot.curves[0].series.value.tolist() == [5e6, 6e6, 7e6]
    values(model, now, id_of("g1"), "if_in_bps", 7e6)
    assert made.plot.curves[0].series.value.size == 3


def test_the_gap_until_now_is_painted_and_said(qt: QApplication) -> None:
    _, asked, made = graph(qt)
    now = now_us()
    at_us = [now - 600_000_000 + n * 5_000_000 for n in range(60)]
    asked.waiting[0][1](Reply(1, result={"at_us": at_us, "value": [1e6] * 60}))
    (gap,) = made.plot.gaps
    assert abs(gap[0] - at_us[-1] / 1e6) < 0.01
    assert len(made.plot._regions) == 1
    assert made._legend.gap == "no data for 5 min"
    assert made._legend.unit == "Mb/s"


def test_the_unit_follows_the_largest_value(qt: QApplication) -> None:
    _, asked, made = graph(qt)
    now = now_us()
    asked.waiting[0][1](Reply(1, result={"at_us": [now], "value": [2.5e9]}))
    assert made._legend.unit == "Gb/s"
    assert made._legend.values[0] == ("in", "2.5")
    assert made._legend.values[1] == ("out", "–")
