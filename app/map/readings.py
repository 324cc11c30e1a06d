"""Latency and open alerts as the page draws them. Counterpart: `map_assets/src/readings.js`.

One rule: only what differs from what the page was told is sent, and nothing of a layer that is off.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app.map.layers import MapLayers
from app.model import Delta, Model
from domain.alerts import SEVERITY_RANK

LATENCY_BOUNDS_MS = (5.0, 20.0, 50.0, 150.0)
"""Bounds of the five classes of a round trip, the quickest first."""
BADGES_CAP = 2_000
"""Most subjects with a badge: the worst and those with most alerts."""
_STATUS = {"critical": "down", "warning": "degraded", "info": "unknown"}

Row = dict[str, Any]


def latency_class(rtt_ms: float | None) -> int | None:
    """Return the class of a round trip, 0 (quickest) to 4, or None where it is not known."""
    return None if rtt_ms is None else sum(rtt_ms >= bound for bound in LATENCY_BOUNDS_MS)


class ReadingsFeed:
    """What one page knows of latency and alerts."""

    def __init__(self, model: Model, layers: MapLayers) -> None:
        self._model = model
        self._layers = layers
        self._latency: dict[UUID, int] = {}
        self._badges: list[Row] = []

    def whole(self) -> Row:
        """Return the message for a page that knows nothing."""
        self._latency, self._badges = {}, []
        return self._message(self._model.inventory.tables["device"], alerts=True)

    def tick(self, delta: Delta) -> Row:
        """Return what a page is to learn of a delta."""
        if delta.initial:
            return self.whole()
        gone = {thing.id for thing in delta.removed if thing.kind == "device"}
        return self._message(delta.health | gone, alerts=bool(delta.alerts or delta.removed))

    def turned(self) -> Row:
        """Return what a page is to learn when layers were turned on or off."""
        return self._message(self._model.inventory.tables["device"], alerts=True)

    def _message(self, devices: Iterable[UUID], *, alerts: bool) -> Row:
        readings: Row = {}
        latency = self._latency_rows(devices)
        if latency:
            readings["latency"] = latency
        badges = self._badge_rows() if alerts else self._badges
        if badges != self._badges:
            readings["alerts"] = self._badges = badges
        return {"readings": readings} if readings else {}

    def _latency_rows(self, devices: Iterable[UUID]) -> list[Row]:
        shown = self._layers.shows("latency")
        if not shown and not self._latency:
            return []
        rows = []
        for id in devices if shown else list(self._latency):
            found = self._class_of(id) if shown else None
            if found == self._latency.get(id):
                continue
            if found is None:
                del self._latency[id]
            else:
                self._latency[id] = found
            rows.append({"id": id, "level": found})
        return rows

    def _class_of(self, id: UUID) -> int | None:
        health = self._model.health.get(id)
        if health is None or health.rtt_us is None or self._model.status_of(id) not in ("up", "degraded"):
            return None
        return latency_class(health.rtt_us / 1000)

    def _badge_rows(self) -> list[Row]:
        if not self._layers.shows("alerts"):
            return []
        found: dict[UUID, list[int]] = {}
        for alert in self._model.alerts.values():
            if alert.is_open:
                found.setdefault(alert.subject, []).append(SEVERITY_RANK[alert.severity])
        worst_first = sorted(found.items(), key=lambda pair: (min(pair[1]), -len(pair[1]), pair[0]))
        names = list(SEVERITY_RANK)
        return [
            {"id": id, "count": len(ranks), "status": _STATUS[names[min(ranks)]]}
            for id, ranks in worst_first[:BADGES_CAP]
        ]
