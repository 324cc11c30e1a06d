"""`/metrics` and what devices measure: the catalogue, newest values, series for charts. Counterpart: `samples.py`, `charts.py`.

One rule: a device that is not within reach has no numbers.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Query

from domain.metrics import CATALOGUE
from domain.text import TEXT_CAP
from engine.storage.samples import US_PER_DAY
from engine.storage.series import FEWEST_POINTS, Points
from sync_server.api.errors import refused
from sync_server.api.pages import cut
from sync_server.api.routes import Call, Routes
from sync_server.charts import POINTS_CAP, Charts, Wanted
from sync_server.samples import Newest, Samples

routes = Routes("metrics")
TIME_CAP_US = 2**60
_WHEN = Query(ge=0, le=TIME_CAP_US)


class MetricRow(msgspec.Struct, frozen=True):
    """A metric of the catalogue; what lies outside of `low` to `high` is not believed."""

    name: str
    title: str
    unit: str
    low: float
    high: float


class Value(msgspec.Struct, frozen=True):
    """A number: `instance` is the port or sensor it is of, or empty."""

    metric: str
    instance: str
    value: float
    unit: str


class Latest(msgspec.Struct, frozen=True):
    """What a device said last; `at_us` null where it said nothing for two days."""

    device: UUID
    at_us: int | None
    values: tuple[Value, ...]


@routes.route("GET", "/metrics", allow="metrics:read", gives=list[MetricRow])
async def list_metrics(call: Call) -> list[MetricRow]:
    """List what can be measured."""
    return [MetricRow(one.name, one.title, one.unit, one.low, one.high) for one in CATALOGUE.values()]


@routes.route(
    "GET",
    "/metrics/latest",
    allow="metrics:read",
    gives=list[Latest],
    paged=True,
    limit="monitoring",
    alone=True,
)
async def list_latest(call: Call, *, site: UUID | None = None) -> list[Latest]:
    """List the newest values of devices, in the order of the devices' ids."""
    rows = await call.reads.fetch(
        "SELECT id FROM device WHERE ($1::uuid IS NULL OR id > $1) AND ($2::uuid IS NULL OR site_id = $2)"
        " ORDER BY id LIMIT $3",
        call.page.key(UUID),
        site,
        call.page.limit + 1,
    )
    rows, call.shown = cut(rows, call.page, lambda row: row["id"])
    devices: list[UUID] = [row["id"] for row in rows]
    found = await _samples(call).latest(call.reads, devices, _now_us(call))
    return [_told(device, found) for device in devices]


@routes.route(
    "GET", "/devices/{id}/metrics", allow="metrics:read", gives=Latest, limit="monitoring", alone=True
)
async def read_latest(call: Call, id: UUID) -> Latest:
    """Return the newest values of a device."""
    found = await _samples(call).latest(call.reads, id, _now_us(call))
    if not found:
        await _check_device(call, id)
    return _told(id, found)


@routes.route("GET", "/devices/{id}/series", allow="metrics:read", gives=Points, limit="monitoring")
async def read_series(
    call: Call,
    id: UUID,
    *,
    metric: Annotated[str, Query(max_length=64, description="its name in the catalogue; needed")] = "",
    from_us: Annotated[int | None, _WHEN] = None,
    to_us: Annotated[int | None, _WHEN] = None,
    instance: Annotated[str, Query(max_length=TEXT_CAP)] = "",
    points: Annotated[int, Query(ge=FEWEST_POINTS, le=POINTS_CAP)] = POINTS_CAP,
) -> Points:
    """Return a series from one time to another, without them of the last day; lowest and highest of each stretch kept."""
    if metric not in CATALOGUE:
        raise refused("METRIC_NOT_FOUND", "there is no such metric: /metrics lists them", "metric")
    to_us = _now_us(call) if to_us is None else to_us
    from_us = max(0, to_us - US_PER_DAY) if from_us is None else from_us
    if to_us < from_us:
        raise refused("INVALID_INPUT", "it ends before it begins", "to_us")
    await _check_device(call, id)
    charts: Charts = call.request.app.state.charts
    return await charts.points(call.transaction, Wanted(id, metric, instance, from_us, to_us), points)


async def _check_device(call: Call, id: UUID) -> None:
    if not await call.reads.fetch("SELECT true FROM device WHERE id = $1", id):
        raise refused("DEVICE_NOT_FOUND", "there is no such device")


def _told(device: UUID, found: Newest) -> Latest:
    at_us, values = found.get(device, (None, []))
    shown = (Value(metric, instance, value, CATALOGUE[metric].unit) for metric, instance, value in values)
    return Latest(device, at_us, tuple(shown))


def _samples(call: Call) -> Samples:
    samples: Samples = call.request.app.state.samples
    return samples


def _now_us(call: Call) -> int:
    return round(call.services.now_s() * 1_000_000)
